// controls.js - the buttons and fields of the page's head.

import { formatSpan } from "./units.js";

/** @typedef {import("./app.js").App} App */
/** @typedef {import("./data.js").Meta} Meta */

const SAY_MS = 4000;

/** µs as the value of a datetime-local field, in local time. @param {number} us */
function toLocalField(us) {
	const ms = Math.floor(us / 1000), shift = new Date(ms).getTimezoneOffset() * 60000;
	return new Date(ms - shift).toISOString().slice(0, 23);
}

/** Connects the controls and returns what the app tells them.
 * @param {App} app */
export function bindControls(app) {
	const find = (/** @type {string} */ id) => app.find(id);
	const metric = /** @type {HTMLSelectElement} */ (find("metric"));
	const exactFrom = /** @type {HTMLInputElement} */ (find("exact-from"));
	const exactTo = /** @type {HTMLInputElement} */ (find("exact-to"));
	const dialog = /** @type {HTMLDialogElement} */ (find("help-dialog"));
	let sayTimer = 0;

	const turn = () => app.change({ orientation: app.state.orientation === "flame" ? "icicle" : "flame" });
	const reorder = () => app.change({ order: app.state.order === "name" ? "weight" : "name" });
	const on = (/** @type {string} */ id, /** @type {() => void} */ act) => find(id).addEventListener("click", act);
	on("orientation", turn);
	on("order", reorder);
	on("help", () => dialog.showModal());
	on("copy-link", () => app.copy(app.link(), "link"));
	on("live", () => app.change({ window: app.isLive() ? { ...app.span } : null }));
	on("theme", () => {
		const theme = app.isDark() ? "light" : "dark";
		try {
			localStorage.setItem("flametrail-theme", theme);
		} catch {
			// Storage is off here; the address still says it.
		}
		app.change({ theme });
	});
	metric.addEventListener("change", () => app.change({ metric: metric.value }));
	find("exact").addEventListener("toggle", () => {
		exactFrom.value = toLocalField(app.span.from);
		exactTo.value = toLocalField(app.span.to);
	});
	find("exact-form").addEventListener("submit", (event) => {
		event.preventDefault();
		const from = new Date(exactFrom.value).getTime() * 1000, to = new Date(exactTo.value).getTime() * 1000;
		if (from < to) app.change({ window: { from, to } });
		else controls.say("The window must end after it begins.");
	});
	const clearSearch = () => {
		if (!app.search.field.value) return false;
		app.search.setText("");
		app.change({ search: "" });
		return true;
	};

	const controls = {
		/** @param {Meta} meta */
		showMeta(meta) {
			const title = meta.title || meta.host || "";
			find("title").textContent = title;
			app.page.title = title ? `${title} · flametrail` : "flametrail";
			const ids = meta.metrics.map((entry) => `${entry.id} ${entry.label}`).join("\n");
			if (metric.dataset.ids !== ids) {
				metric.dataset.ids = ids;
				metric.replaceChildren(...meta.metrics.map((entry) => new Option(entry.label || entry.id, entry.id)));
			}
			metric.disabled = meta.metrics.length < 2;
			if (meta.metrics.length) {
				metric.value = app.metric().id;
				find("times-label").textContent = `${app.metric().label || app.metric().id} over time`;
			}
			find("live").textContent = meta.source === "agent" ? "Live" : "All";
			find("live").hidden = meta.source === "report";
		},

		/** @param {{from: number, to: number}} span @param {boolean} live */
		showSpan(span, live) {
			const now = app.meta?.now_us ?? span.to;
			find("span").textContent = `${live ? "last " : ""}${formatSpan(span.from, span.to, now)}`.replace(/^last .*\((.*)\)$/, "last $1");
			find("span").title = formatSpan(span.from, span.to, 0);
			find("live").setAttribute("aria-pressed", String(live || (app.meta?.source !== "agent" && !app.state.window)));
			if (app.meta?.metrics.length) metric.value = app.metric().id;
		},

		/** @param {import("./state.js").ViewState} state */
		showState(state) {
			find("orientation").textContent = state.orientation === "flame" ? "Flame" : "Icicle";
			find("order").textContent = state.order === "name" ? "By name" : "By weight";
		},

		/** @param {boolean} dark */
		showTheme(dark) {
			find("theme").textContent = dark ? "Light" : "Dark";
		},

		/** @param {string} text a short word to the person */
		say(text) {
			clearTimeout(sayTimer);
			const note = find("said");
			note.textContent = text;
			note.hidden = false;
			sayTimer = setTimeout(() => (note.hidden = true), SAY_MS);
		},

		/** @param {import("./keys.js").Command} command @param {string} place */
		run(command, place) {
			if (command === "search") app.search.field.select();
			else if (command === "help") dialog.showModal();
			else if (command === "copy-link") app.copy(app.link(), "link");
			else if (command === "orientation") turn();
			else if (command === "order") reorder();
			else if (command === "next") app.search.step(1);
			else if (command === "previous") app.search.step(-1);
			else if (command === "escape") {
				if (app.page.activeElement === app.search.field) app.graph.host.focus();
				else if (!app.graph.tip.hidden || !clearSearch()) app.graph.escape();
			} else return false;
			return place !== "timeline" || command !== "escape";
		},
	};
	return controls;
}
