// search.js - highlight what a query meets, and how much of the whole that is.

import { matchNames } from "./match.js";
import { frameLabel } from "./tree.js";

/** A pattern that backtracks for ever must not freeze the page. */
const SEARCH_LIMIT_MS = 1000;

/**
 * @typedef {object} SearchResult
 * @property {Uint8Array} hits per frame
 * @property {number[]} places outermost matches in drawing order
 * @property {number} total weight of the union: nested matches count once
 * @property {number} self weight spent in matching frames themselves
 * @property {number} frames how many different frames match
 */

/** Weight and places of the matches. Pure.
 * @param {Tree} tree @param {Uint8Array} hits per frame @returns {SearchResult} */
export function measureMatches(tree, hits) {
	const { n, frame, end, total, x } = tree;
	const places = [];
	let union = 0, self = 0, frames = 0;
	for (let i = 0; i < hits.length; i++) frames += hits[i];
	for (let i = 0, covered = 0; i < n; i++) {
		if (!hits[frame[i]]) continue;
		self += tree.self[i];
		if (i < covered) continue;
		union += total[i];
		places.push(i);
		covered = end[i];
	}
	places.sort((a, b) => x[a] - x[b] || a - b);
	return { hits, places, total: union, self, frames };
}

/** Names of all frames as they are shown. @param {Tree} tree @returns {string[]} */
export function frameNames(tree) {
	return Array.from({ length: tree.frames.n }, (_, i) => frameLabel(tree, i));
}

/** Runs regular expressions in a worker that is ended when it takes too long. */
export class PatternRunner {
	constructor(makeWorker) {
		this.makeWorker = makeWorker;
		this.worker = null;
		this.cancel = null;
	}

	// One query at a time: a new one ends the one before, whose promise never settles.
	run(query, names) {
		if (query.kind !== "regex") return Promise.resolve(matchNames(query, names));
		if (this.cancel) this.cancel();
		return new Promise((resolve, reject) => {
			const worker = (this.worker ??= this.makeWorker());
			const timer = setTimeout(() => finish(true, () => reject(new Error("this pattern takes too long"))),
				SEARCH_LIMIT_MS);
			const finish = (end, then) => {
				clearTimeout(timer);
				this.cancel = null;
				if (end) {
					worker.terminate();
					this.worker = null;
				}
				then();
			};
			this.cancel = () => finish(true, () => {});
			worker.onmessage = (event) => finish(false, () => resolve(event.data));
			worker.onerror = () => finish(true, () => reject(new Error("the search could not run here")));
			worker.postMessage({ query, names });
		});
	}
}
