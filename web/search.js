// search.js - the search field: runs the query as it is typed, says how much of the whole it
// meets, steps through the matches.

import { formatCount, formatShare } from "./units.js";
import { frameLabel } from "./tree.js";
import { matchNames, parseQuery, startMatchWorker } from "./match.js";

const TYPING_PAUSE_MS = 60;
/** A pattern that backtracks for ever must not freeze the page. */
const SEARCH_LIMIT_MS = 1000;

/** Weight and places of the matches. Pure.
 * @param {Tree} tree @param {Uint8Array} hits per frame
 * @returns {{places: number[], total: number, self: number, frames: number}} places: outermost
 *	matches in drawing order; total: weight of their union, so that nested ones count once */
export function measureMatches(tree, hits) {
	const { n, frame, end, total, x } = tree, places = [];
	let union = 0, self = 0;
	for (let i = 0, covered = 0; i < n; i++) {
		if (!hits[frame[i]]) continue;
		self += tree.self[i];
		if (i < covered) continue;
		union += total[i];
		places.push(i);
		covered = end[i];
	}
	places.sort((a, b) => x[a] - x[b] || a - b);
	return { places, total: union, self, frames: hits.reduce((sum, hit) => sum + hit, 0) };
}

/**
 * @typedef {object} SearchHandlers
 * @property {(hits: Uint8Array | null) => void} hits what to highlight
 * @property {(text: string) => void} text the query changed
 * @property {(node: number) => void} go to a match
 */

export class SearchBox {
	/** @param {(id: string) => HTMLElement} find @param {SearchHandlers} handlers */
	constructor(find, handlers) {
		this.field = find("search");
		this.result = find("search-result");
		this.buttons = [find("match-previous"), find("match-next")];
		this.handlers = handlers;
		this.tree = this.names = this.worker = null;
		this.places = [];
		this.at = -1;
		find("search-form").addEventListener("submit", (event) => {
			event.preventDefault();
			this.step(1);
		});
		this.field.addEventListener("input", () => {
			clearTimeout(this.typing);
			this.typing = setTimeout(() => this.changed(), TYPING_PAUSE_MS);
		});
		this.buttons.forEach((button, i) => button.addEventListener("click", () => this.step(2 * i - 1)));
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
		const { tree } = this, query = parseQuery(this.field.value), turn = (this.turn = {});
		if (!tree || query.kind === "none") return this.show("");
		if (query.kind === "bad") return this.show(query.why, true);
		this.names ??= Array.from({ length: tree.frames.n }, (_, frame) => frameLabel(tree, frame));
		let hits;
		try {
			hits = query.kind === "regex" ? await this.runAway(query) : matchNames(query, this.names);
		} catch (error) {
			return turn === this.turn && this.show(error.message, true);
		}
		if (turn !== this.turn) return;
		const { places, total, self, frames } = measureMatches(tree, hits), all = tree.total[0] || 1;
		this.show(frames ? `matched ${formatShare(total / all)} · self ${formatShare(self / all)} · ${
			formatCount(frames, "function")}, ${formatCount(places.length, "place")}` : "no match in this window", false, hits, places);
	}

	/** Run a pattern in a worker, which is ended when it takes too long or a newer one comes. */
	runAway(query) {
		if (this.busy) this.endWorker();
		this.worker ??= startMatchWorker();
		return new Promise((resolve, reject) => {
			const fail = (why) => {
				this.endWorker();
				reject(new Error(why));
			};
			this.busy = setTimeout(fail, SEARCH_LIMIT_MS, "this pattern takes too long");
			this.worker.onmessage = (event) => {
				clearTimeout(this.busy);
				this.busy = 0;
				resolve(event.data);
			};
			this.worker.onerror = () => fail("the search could not run here");
			this.worker.postMessage({ query, names: this.names });
		});
	}

	endWorker() {
		clearTimeout(this.busy);
		this.busy = 0;
		this.worker.terminate();
		this.worker = null;
	}

	show(text, bad = false, hits = null, places = []) {
		this.result.textContent = this.result.title = text;
		this.field.setAttribute("aria-invalid", bad);
		this.places = places;
		for (const button of this.buttons) button.disabled = !places.length;
		this.handlers.hits(hits);
	}

	/** @param {1 | -1} way */
	step(way) {
		const { places } = this;
		if (!places.length) return;
		this.at = this.at < 0 && way < 0 ? places.length - 1 : (this.at + way + places.length) % places.length;
		this.handlers.go(places[this.at]);
	}
}
