// searchbox.js - the search field: runs the query as it is typed, shows what it meets, steps
// through the matches.

import { formatShare, formatNumber } from "./units.js";
import { parseQuery } from "./match.js";
import { frameNames, measureMatches, PatternRunner } from "./search.js";

const TYPING_PAUSE_MS = 60;

/**
 * @typedef {object} SearchHandlers
 * @property {(hits: Uint8Array | null) => void} hits what to highlight
 * @property {(text: string) => void} text the query changed
 * @property {(node: number) => void} go to a match
 * @property {() => void} leave the field
 */

export class SearchBox {
	constructor(page, makeWorker, handlers) {
		this.field = page.getElementById("search");
		this.result = page.getElementById("search-result");
		this.previous = page.getElementById("match-previous");
		this.next = page.getElementById("match-next");
		this.runner = new PatternRunner(makeWorker);
		this.handlers = handlers;
		this.tree = null;
		this.names = null;
		this.places = [];
		this.at = -1;
		this.turn = 0;
		this.timer = 0;
		page.getElementById("search-form")?.addEventListener("submit", (event) => {
			event.preventDefault();
			this.step(1);
		});
		this.field.addEventListener("input", () => {
			clearTimeout(this.timer);
			this.timer = setTimeout(() => this.changed(), TYPING_PAUSE_MS);
		});
		this.previous.addEventListener("click", () => this.step(-1));
		this.next.addEventListener("click", () => this.step(1));
		this.show("", false);
	}

	changed() {
		this.at = -1;
		this.handlers.text(this.field.value);
		this.run();
	}

	/** @param {string} text from a link, or "" to clear */
	setText(text) {
		if (this.field.value === text) return;
		this.field.value = text;
		this.at = -1;
		this.run();
	}

	setTree(tree) {
		this.tree = tree;
		this.names = null;
		this.run();
	}

	async run() {
		const turn = ++this.turn, tree = this.tree, query = parseQuery(this.field.value);
		this.field.toggleAttribute("aria-invalid", false);
		if (!tree || query.kind === "none" || query.kind === "bad") {
			if (query.kind === "bad") this.refuse(query.why);
			else this.show("", false);
			this.places = [];
			this.handlers.hits(null);
			return;
		}
		try {
			this.names ??= frameNames(tree);
			const hits = await this.runner.run(query, this.names);
			if (turn !== this.turn) return;
			const found = measureMatches(tree, hits), all = tree.total[0] || 1;
			this.places = found.places;
			if (this.at >= this.places.length) this.at = -1;
			const places = found.places.length;
			this.show(found.frames === 0 ? "no match in this window" : `matched ${formatShare(found.total / all)} · ` +
				`self ${formatShare(found.self / all)} · ${formatNumber(found.frames)} ${found.frames === 1 ? "function" : "functions"}, ` +
				`${formatNumber(places)} ${places === 1 ? "place" : "places"}`, places > 0);
			this.handlers.hits(hits);
		} catch (error) {
			if (turn !== this.turn) return;
			this.refuse(error instanceof Error ? error.message : String(error));
			this.handlers.hits(null);
		}
	}

	show(text, some) {
		this.result.textContent = text;
		this.result.title = text;
		this.previous.disabled = this.next.disabled = !some;
	}

	refuse(why) {
		this.field.setAttribute("aria-invalid", "true");
		this.show(why.replace(/^Invalid regular expression: /, "not a valid pattern: "), false);
	}

	step(way) {
		const count = this.places.length;
		if (!count) return;
		this.at = this.at < 0 ? (way > 0 ? 0 : count - 1) : (this.at + way + count) % count;
		this.handlers.go(this.places[this.at]);
	}
}
