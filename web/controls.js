// controls.js - the buttons and fields of the page's head.

import { formatSeconds, formatSpan } from "./units.js";

const SAY_MS = 4000;

/** µs as the value of a datetime-local field, in local time. @param {number} us */
function toLocalField(us) {
	const ms = Math.floor(us / 1000), shift = new Date(ms).getTimezoneOffset() * 60000;
	return new Date(ms - shift).toISOString().slice(0, 23);
}

/** What the app tells the controls, and what they ask of it. */
export class Controls {
	constructor(app) {
		this.app = app;
		this.metric = app.find("metric");
		this.dialog = app.find("help-dialog");
		this.sayTimer = 0;
		const on = (id, act) => app.find(id).addEventListener("click", act);
		on("orientation", () => this.run("orientation"));
		on("order", () => this.run("order"));
		on("help", () => this.run("help"));
		on("copy-link", () => this.run("copy-link"));
		on("live", () => app.change({ window: app.isLive() ? { ...app.span } : null }));
		on("theme", () => this.switchTheme());
		this.metric.addEventListener("change", () => app.change({ metric: this.metric.value }));
		this.listenExact(app.find("exact-from"), app.find("exact-to"));
	}

	switchTheme() {
		const theme = this.app.isDark() ? "light" : "dark";
		try {
			localStorage.setItem("flametrail-theme", theme);
		} catch {
			// Storage is off here; the address still says it.
		}
		this.app.change({ theme });
	}

	listenExact(fromField, toField) {
		const { app } = this;
		app.find("exact").addEventListener("toggle", () => {
			fromField.value = toLocalField(app.span.from);
			toField.value = toLocalField(app.span.to);
		});
		app.find("exact-form").addEventListener("submit", (event) => {
			event.preventDefault();
			const from = new Date(fromField.value).getTime() * 1000, to = new Date(toField.value).getTime() * 1000;
			if (from < to) app.change({ window: { from, to } });
			else this.say("The window must end after it begins.");
		});
	}

	/** @param {Meta} meta */
	showMeta(meta) {
		const { app, metric } = this, title = meta.title || meta.host || "";
		app.find("title").textContent = title;
		app.page.title = title ? `${title} · flametrail` : "flametrail";
		const ids = meta.metrics.map((entry) => `${entry.id} ${entry.label}`).join("\n");
		if (metric.dataset.ids !== ids) {
			metric.dataset.ids = ids;
			metric.replaceChildren(...meta.metrics.map((entry) => new Option(entry.label || entry.id, entry.id)));
		}
		metric.disabled = meta.metrics.length < 2;
		app.find("live").textContent = meta.source === "agent" ? "Live" : "All";
		app.find("live").hidden = meta.source === "report";
	}

	/** @param {Span} span @param {boolean} live */
	showSpan(span, live) {
		const { app } = this, exact = formatSpan(span.from, span.to, app.meta.now_us);
		app.find("span").textContent = live ? `last ${formatSeconds((span.to - span.from) / 1e6)}` : exact;
		app.find("span").title = exact;
		app.find("live").setAttribute("aria-pressed", String(live || (app.meta.source !== "agent" && !app.state.window)));
		this.metric.value = app.metric().id;
		app.find("times-label").textContent = `${app.metric().label || app.metric().id} over time`;
	}

	/** @param {ViewState} state */
	showState(state) {
		this.app.find("orientation").textContent = state.orientation === "flame" ? "Flame" : "Icicle";
		this.app.find("order").textContent = state.order === "name" ? "By name" : "By weight";
	}

	// A short word to the person.
	say(text) {
		clearTimeout(this.sayTimer);
		const note = this.app.find("said");
		note.textContent = text;
		note.hidden = false;
		this.sayTimer = setTimeout(() => (note.hidden = true), SAY_MS);
	}

	/** Carry out a command; false when it is not one of these. @param {Command} command */
	run(command) {
		const { app } = this, { state, search, graph } = app;
		if (command === "search") search.field.select();
		else if (command === "help") this.dialog.showModal();
		else if (command === "copy-link") app.copy(app.link(), "link");
		else if (command === "orientation") app.change({ orientation: state.orientation === "flame" ? "icicle" : "flame" });
		else if (command === "order") app.change({ order: state.order === "name" ? "weight" : "name" });
		else if (command === "next") search.step(1);
		else if (command === "previous") search.step(-1);
		else if (command === "escape") this.escape(search, graph);
		else return false;
		return true;
	}

	// One step back: out of the field, the tooltip, the search, the zoom.
	escape(search, graph) {
		if (this.app.page.activeElement === search.field) graph.host.focus();
		else if (graph.tip.hidden && search.field.value) {
			search.setText("");
			this.app.change({ search: "" });
		} else graph.escape();
	}
}
