// tree.js - where every frame of a tree lies, and how to walk it. Pure: x and width are
// weights, not pixels, so zooming never lays out again.

import { clampNumber } from "./units.js";

/**
 * A laid-out tree. Node numbers are pre-order, so a subtree is [i, end[i]).
 * @typedef {RawTree & {
 *	parent: Int32Array, end: Uint32Array, total: Float64Array, x: Float64Array,
 *	childFirst: Uint32Array, children: Uint32Array, maxDepth: number, labels: string[] }} Tree
 */

/** Characters that would change how the text around a name reads: controls, bidi overrides. */
const UNREADABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Sums and positions; every node is visited a constant number of times.
 * @param {RawTree} raw @param {"weight" | "name"} order of children from the left
 * @returns {Tree} */
export function layoutTree(raw, order) {
	const { n, depth } = raw;
	const parent = new Int32Array(n), end = new Uint32Array(n);
	const total = new Float64Array(n), x = new Float64Array(n);
	const stack = new Int32Array(4097);
	let maxDepth = 0;
	for (let i = 0; i < n; i++) {
		const d = depth[i];
		parent[i] = d ? stack[d - 1] : -1;
		stack[d] = i;
		total[i] = raw.self[i] + raw.hidden[i];
		if (d > maxDepth) maxDepth = d;
	}
	// childFirst begins as the number of children, one place further.
	const childFirst = new Uint32Array(n + 1), children = new Uint32Array(n - 1);
	for (let i = n - 1; i >= 0; i--) {
		const p = parent[i];
		end[i] ||= i + 1;
		if (p < 0) continue;
		end[p] ||= end[i];
		total[p] += total[i];
		childFirst[p + 1]++;
	}
	for (let i = 0; i < n; i++) childFirst[i + 1] += childFirst[i];
	const fill = childFirst.slice();
	for (let i = 1; i < n; i++) children[fill[parent[i]]++] = i;
	for (let i = 0; i < n; i++) {
		const first = childFirst[i], last = childFirst[i + 1];
		if (order === "weight" && last - first > 1) sortByWeight(children, first, last, total);
		for (let c = first, at = x[i]; c < last; c++) {
			x[children[c]] = at;
			at += total[children[c]];
		}
	}
	return { ...raw, parent, end, total, x, childFirst, children, maxDepth, labels: [] };
}

/** Heaviest first, equal ones as they were. Most lists are short, where a sort by hand is far faster. */
function sortByWeight(list, first, last, total) {
	if (last - first > 24) {
		list.subarray(first, last).sort((a, b) => total[b] - total[a] || a - b);
		return;
	}
	for (let i = first + 1; i < last; i++) {
		const node = list[i];
		let j = i;
		for (; j > first && total[list[j - 1]] < total[node]; j--) list[j] = list[j - 1];
		list[j] = node;
	}
}

export function frameLabel(tree, frame) {
	return (tree.labels[frame] ??= tree.strings[tree.frames.name[frame]].replace(UNREADABLE, "\ufffd") || "(no name)");
}

/** Base name of a frame's library, or "". */
export function frameLibrary(tree, frame) {
	return tree.libs[tree.frames.lib[frame]];
}

/** "file:line" of a frame, or "". */
export function frameSource(tree, frame) {
	const { file, line } = tree.frames;
	if (!file[frame]) return "";
	return `${tree.strings[file[frame]].replace(UNREADABLE, "\ufffd")}${line[frame] ? `:${line[frame]}` : ""}`;
}

export function pathTo(tree, node) {
	const path = [];
	for (let i = node; i >= 0; i = tree.parent[i]) path.push(i);
	return path.reverse();
}

/** In drawing order. */
export function childrenOf(tree, node) {
	return tree.children.subarray(tree.childFirst[node], tree.childFirst[node + 1]);
}

/** With the node itself, in drawing order. */
export function siblingsOf(tree, node) {
	return node ? childrenOf(tree, tree.parent[node]) : Uint32Array.of(0);
}

/** Where the box of left-out children of a node begins; its width is hidden[node]. */
export function hiddenStart(tree, node) {
	return tree.x[node] + tree.total[node] - tree.self[node] - tree.hidden[node];
}

/** What is drawn at a depth and weight position: a frame, or the box of the left-out children
 * of a frame (then hidden is true and node the parent). node is -1 where nothing is. */
export function boxAt(tree, depth, at) {
	let node = at >= 0 && at < tree.total[0] ? 0 : -1;
	while (node >= 0 && tree.depth[node] < depth) {
		const child = childrenOf(tree, node).find((i) => at < tree.x[i] + tree.total[i]) ?? -1;
		if (child < 0 && tree.depth[node] === depth - 1 && at < hiddenStart(tree, node) + tree.hidden[node])
			return { node, hidden: true };
		node = child;
	}
	return { node, hidden: false };
}

/** A neighbour for the arrow keys, or the node itself where there is none. "in" leads to the
 * heaviest child, "out" to the parent, the rest to siblings. */
export function neighbour(tree, node, way) {
	if (way === "out") return Math.max(tree.parent[node], 0);
	if (way === "in")
		return childrenOf(tree, node).reduce((best, i) => (best === node || tree.total[i] > tree.total[best] ? i : best), node);
	const list = siblingsOf(tree, node), place = list.indexOf(node);
	const next = { left: place - 1, right: place + 1, first: 0, last: list.length }[way];
	return list[clampNumber(next, 0, list.length - 1)];
}

export function hasHidden(tree, node) {
	return [...tree.hiddenCount.keys()].some((i) => i >= node && i < tree.end[node]);
}

/** The node of a tree with the same path of functions as a node of another; where the path
 * ends, the last of it, and whole is false. */
export function findSamePath(tree, other, node) {
	const name = (t, i) => t.strings[t.frames.name[t.frame[i]]], library = (t, i) => frameLibrary(t, t.frame[i]);
	let at = 0;
	for (const step of pathTo(other, node).slice(1)) {
		const next = childrenOf(tree, at).find((i) =>
			name(tree, i) === name(other, step) && library(tree, i) === library(other, step));
		if (next === undefined) return { node: at, whole: false };
		at = next;
	}
	return { node: at, whole: true };
}
