// search.js - the search field: runs the query as it is typed, says how much of the whole it
// meets, steps through the matches.

import { formatCount, formatShare } from "./units.js";
import { frameLabel } from "./tree.js";
import { matchNames, parseQuery, startMatchWorker } from "./match.js";

const TYPING_PAUSE_MS = 60;
/** A pattern that backtracks for ever must not freeze the page. */
const SEARCH_LIMIT_MS = 1000;

/** Outermost matches in drawing order, and the weight of their union: nested ones count once. Pure. */
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

export class SearchBox {
	constructor(app) {
		this.app = app;
		this.field = app.find("search");
		this.tree = this.names = this.worker = null;
		this.places = [];
		this.at = -1;
		app.find("search-form").addEventListener("submit", (event) => {
			event.preventDefault();
			this.step(1);
		});
		this.field.addEventListener("input", () => {
			clearTimeout(this.typing);
			this.typing = setTimeout(() => this.changed(), TYPING_PAUSE_MS);
		});
	}

	changed() {
		this.at = -1;
		this.app.change({ search: this.field.value });
		this.run();
	}

	setText(text) {
		if (this.field.value === text) return;
		this.field.value = text;
		this.changed();
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
		this.app.find("search-result").textContent = text;
		this.field.setAttribute("aria-invalid", bad);
		this.places = places;
		for (const id of ["match-previous", "match-next"]) this.app.find(id).disabled = !places.length;
		this.app.graph.setHits(hits);
	}

	step(way) {
		const { places } = this;
		if (!places.length) return;
		this.at = this.at < 0 && way < 0 ? places.length - 1 : (this.at + way + places.length) % places.length;
		this.app.graph.zoom(places[this.at]);
	}
}
