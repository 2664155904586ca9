// controls.js - the head of the page: what its buttons and fields do, and what they show.

import { isNews } from "./panel.js";
import { formatSeconds, formatSpan, localTime } from "./units.js";

const SAY_MS = 4000;

/** What buttons with data-command and keys can ask for.
 * @type {Record<string, (app: App) => void>} */
export const COMMANDS = {
	search: ({ search }) => search.field.select(),
	next: ({ search }) => search.step(1),
	previous: ({ search }) => search.step(-1),
	help: ({ find }) => find("help-dialog").showModal(),
	live: (app) => app.change({ window: app.isNewest() ? app.span : null }),
	orientation: (app) => app.change({ orientation: app.state.orientation === "flame" ? "icicle" : "flame" }),
	order: (app) => app.change({ order: app.state.order === "name" ? "weight" : "name" }),
	theme: (app) => {
		const theme = app.isDark() ? "light" : "dark";
		storedTheme(theme);
		app.change({ theme });
	},
	"copy-link": (app) => app.copy(app.link(), "link"),
	// One step back: out of the field, the tooltip, the search, the zoom.
	escape: (app) => {
		const { search, graph } = app;
		if (document.activeElement === search.field) graph.host.focus();
		else if (graph.tip.hidden && search.field.value) search.setText("");
		else graph.escape();
	},
};

/** Those about the graph, once there is one. */
export const GRAPH_COMMANDS = {
	"zoom-in": (graph) => graph.enter(),
	"zoom-out": (graph) => graph.zoomOut(),
	reset: (graph) => graph.zoom(0),
	narrower: ({ view }) => view.zoomBy(0.8, 0.5),
	wider: ({ view }) => view.zoomBy(1.25, 0.5),
	"pan-left": ({ view }) => view.panBy(-0.1),
	"pan-right": ({ view }) => view.panBy(0.1),
	"copy-name": (graph) => graph.copyName(),
	...Object.fromEntries(["left", "right", "in", "out", "first", "last"].map((way) => [way, (graph) => graph.move(way)])),
};

export function listenControls(app) {
	const { find } = app, fields = [find("exact-from"), find("exact-to")];
	document.addEventListener("click", (event) => COMMANDS[event.target.closest("[data-command]")?.dataset.command]?.(app));
	find("metric").addEventListener("change", (event) => app.change({ metric: event.target.value }));
	find("exact").addEventListener("toggle", () => {
		fields[0].value = localTime(app.span.from);
		fields[1].value = localTime(app.span.to);
	});
	find("exact-form").addEventListener("submit", (event) => {
		event.preventDefault();
		const [from, to] = fields.map((field) => new Date(field.value).getTime() * 1000);
		if (from < to) app.change({ window: { from, to } });
		else say(app, "The window must end after it begins.");
	});
}

/** Everything in the head that follows from the selection and the source. */
export function showControls(app) {
	const { find, meta, state, span } = app, press = (id, on) => find(id).setAttribute("aria-pressed", on);
	press("orientation", state.orientation === "flame");
	press("order", state.order === "name");
	press("theme", app.isDark());
	if (!app.metric) return;
	const title = meta.title || meta.host || "", exact = formatSpan(span.from, span.to, meta.now_us);
	find("title").textContent = title;
	document.title = `${title && `${title} · `}flametrail`;
	const metrics = find("metric");
	// A list that is open stays open.
	if (isNews(metrics, JSON.stringify(meta.metrics))) metrics.replaceChildren(...meta.metrics.map(({ id, label }) => new Option(label || id, id)));
	metrics.disabled = meta.metrics.length < 2;
	metrics.value = app.metric.id;
	find("times-label").textContent = `${app.metric.label || app.metric.id} over time`;
	find("span").textContent = app.isLive() ? `last ${formatSeconds((span.to - span.from) / 1e6)}` : exact;
	find("span").title = exact;
	find("live").textContent = meta.source === "agent" ? "Live" : "All";
	find("live").hidden = meta.source === "report";
	press("live", app.isNewest());
}

/** The theme this browser remembers, which is `theme` from now on when that is given. */
export function storedTheme(theme) {
	try {
		if (theme) localStorage.setItem("flametrail-theme", theme);
		return localStorage.getItem("flametrail-theme");
	} catch {
		return ""; // Storage is off here; the address still says it.
	}
}

export function say({ find }, text) {
	const note = find("said");
	note.textContent = text;
	note.hidden = false;
	clearTimeout(note.timer);
	note.timer = setTimeout(() => (note.hidden = true), SAY_MS);
}
