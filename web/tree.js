// tree.js - where every frame of a tree lies, and how to walk it. Pure: x and width are
// weights, not pixels, so zooming never lays out again.

/**
 * A laid-out tree. Node numbers are pre-order, so a subtree is [i, end[i]).
 * @typedef {RawTree & {
 *	parent: Int32Array, end: Uint32Array, total: Float64Array, x: Float64Array,
 *	childFirst: Uint32Array, children: Uint32Array, maxDepth: number,
 *	labels: (string | undefined)[] }} Tree
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
	const childFirst = new Uint32Array(n + 1), children = new Uint32Array(Math.max(n - 1, 0));
	for (let i = n - 1; i > 0; i--) {
		const p = parent[i];
		if (!end[i]) end[i] = i + 1;
		if (end[p] < end[i]) end[p] = end[i];
		total[p] += total[i];
		childFirst[p + 1]++;
	}
	if (!end[0]) end[0] = 1;
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

/** Heaviest first, equal ones as they were (by name).
 * @param {Uint32Array} list @param {number} first @param {number} last @param {Float64Array} total */
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

/** The text to show for a frame. @param {Tree} tree @param {number} frame */
export function frameLabel(tree, frame) {
	let label = tree.labels[frame];
	if (label === undefined) {
		label = tree.strings[tree.frames.name[frame]].replace(UNREADABLE, "\ufffd") || "(no name)";
		tree.labels[frame] = label;
	}
	return label;
}

/** Base name of a frame's library, or "". @param {RawTree} tree @param {number} frame */
export function frameLibrary(tree, frame) {
	const path = tree.libs[tree.frames.lib[frame]].name;
	return path.slice(path.lastIndexOf("/") + 1);
}

/** "file:line" of a frame, or "". @param {Tree} tree @param {number} frame */
export function frameSource(tree, frame) {
	if (!tree.frames.file.length || !tree.frames.file[frame]) return "";
	const file = tree.strings[tree.frames.file[frame]].replace(UNREADABLE, "\ufffd");
	return tree.frames.line[frame] ? `${file}:${tree.frames.line[frame]}` : file;
}

/** From the root to the node, both included. @param {Tree} tree @param {number} node */
export function pathTo(tree, node) {
	const path = [];
	for (let i = node; i >= 0; i = tree.parent[i]) path.push(i);
	return path.reverse();
}

/** Where the box of left-out children of a node begins; its width is hidden[node].
 * @param {Tree} tree @param {number} node */
export function hiddenStart(tree, node) {
	return tree.x[node] + tree.total[node] - tree.self[node] - tree.hidden[node];
}

/** The child of `node` that covers weight position `at`, or -1.
 * @param {Tree} tree @param {number} node @param {number} at */
function childAt(tree, node, at) {
	let low = tree.childFirst[node], high = tree.childFirst[node + 1];
	while (low < high) {
		const mid = (low + high) >> 1, child = tree.children[mid];
		if (at < tree.x[child]) high = mid;
		else if (at >= tree.x[child] + tree.total[child]) low = mid + 1;
		else return child;
	}
	return -1;
}

/** What is drawn at a depth and weight position: a frame, or the box of the left-out children
 * of a frame (then hidden is true and node the parent). node is -1 where nothing is.
 * @param {Tree} tree @param {number} depth @param {number} at
 * @returns {{node: number, hidden: boolean}} */
export function boxAt(tree, depth, at) {
	let node = at >= 0 && at < tree.total[0] ? 0 : -1;
	while (node >= 0 && tree.depth[node] < depth) {
		const child = childAt(tree, node, at);
		if (child < 0 && tree.depth[node] === depth - 1 && tree.hidden[node]) {
			const start = hiddenStart(tree, node);
			if (at >= start && at < start + tree.hidden[node]) return { node, hidden: true };
		}
		node = child;
	}
	return { node, hidden: false };
}

/** A neighbour for the arrow keys, or the node itself where there is none. Left and right go
 * between siblings in drawing order, "in" to the heaviest child, "out" to the parent.
 * @param {Tree} tree @param {number} node
 * @param {"left" | "right" | "in" | "out" | "first" | "last"} way */
export function neighbour(tree, node, way) {
	const { childFirst, children, parent, total } = tree;
	if (way === "in") {
		let best = node;
		for (let c = childFirst[node]; c < childFirst[node + 1]; c++)
			if (best === node || total[children[c]] > total[best]) best = children[c];
		return best;
	}
	const p = parent[node];
	if (p < 0) return node;
	if (way === "out") return p;
	const first = childFirst[p], last = childFirst[p + 1] - 1;
	if (way === "first") return children[first];
	if (way === "last") return children[last];
	const place = children.indexOf(node, first) + (way === "left" ? -1 : 1);
	return place < first || place > last ? node : children[place];
}

/** Position among siblings, from 1, and their number. @param {Tree} tree @param {number} node */
export function siblingPlace(tree, node) {
	const p = tree.parent[node];
	if (p < 0) return { place: 1, count: 1 };
	const first = tree.childFirst[p];
	return { place: tree.children.indexOf(node, first) - first + 1, count: tree.childFirst[p + 1] - first };
}

/** Whether children were left out anywhere in the subtree. @param {Tree} tree @param {number} node */
export function hasHidden(tree, node) {
	for (const parent of tree.hiddenCount.keys()) if (parent >= node && parent < tree.end[node]) return true;
	return false;
}

/** One key per function, for finding a frame of one tree in another.
 * @param {RawTree} tree @param {number} frame */
function frameKey(tree, frame) {
	return `${tree.strings[tree.frames.name[frame]]}\0${frameLibrary(tree, frame)}`;
}

/** The functions from below the root to the node: survives another window's tree.
 * @param {Tree} tree @param {number} node @returns {string[]} */
export function pathKeys(tree, node) {
	return pathTo(tree, node).slice(1).map((i) => frameKey(tree, tree.frame[i]));
}

/** Follow the functions as far as this tree has them.
 * @param {Tree} tree @param {string[]} keys @returns {{node: number, found: number}} */
export function followKeys(tree, keys) {
	let node = 0;
	for (let found = 0; found < keys.length; found++) {
		let next = -1;
		for (let c = tree.childFirst[node]; c < tree.childFirst[node + 1] && next < 0; c++)
			if (frameKey(tree, tree.frame[tree.children[c]]) === keys[found]) next = tree.children[c];
		if (next < 0) return { node, found };
		node = next;
	}
	return { node, found: keys.length };
}
