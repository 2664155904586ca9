// graft.js - a tree with one subtree replaced by a finer answer for it. Pure.

import { frameLibrary, frameSource } from "./tree.js";

function mergeFrames(tree, more) {
	const key = (t, i) => [t.strings[t.frames.name[i]], frameLibrary(t, i), t.frames.kind[i], frameSource(t, i)].join("\0");
	const { n } = tree.frames, known = new Map(), added = [], place = new Uint32Array(more.frames.n);
	for (let i = 0; i < n; i++) known.set(key(tree, i), i);
	for (let i = 0; i < place.length; i++) place[i] = known.get(key(more, i)) ?? n + added.push(i) - 1;
	const append = (column, shift) =>
		tree.frames[column].constructor.from([...tree.frames[column], ...added.map((i) => more.frames[column][i] + shift)]);
	const shift = tree.strings.length;
	return {
		place, strings: tree.strings.concat(more.strings), libs: tree.libs.concat(more.libs),
		frames: {
			n: n + added.length, name: append("name", shift), lib: append("lib", tree.libs.length),
			kind: append("kind", 0), file: append("file", shift), line: append("line", 0),
		},
	};
}

/** Replace the subtree of `node` by `more`, whose root stands for that node, whatever it
 * is called. A part may count in larger units than the whole, never in others: then this throws.
 * @returns {RawTree} */
export function graftTree(tree, node, more) {
	const times = more.head.scale / tree.head.scale;
	if (!Number.isInteger(times)) throw new Error("the detail counts in another unit");
	const { place, ...merged } = mergeFrames(tree, more);
	const cut = tree.end[node], shift = node + more.n - cut, n = tree.n + shift;
	const splice = (old, fresh) => {
		const all = new old.constructor(n);
		all.set(old.subarray(0, node));
		all.set(fresh, node);
		all.set(old.subarray(cut), cut + shift);
		return all;
	};
	const frame = splice(tree.frame, more.frame.map((i) => place[i]));
	frame[node] = tree.frame[node];
	const hiddenCount = new Map();
	for (const [at, count] of tree.hiddenCount)
		if (at < node || at >= cut) hiddenCount.set(at < node ? at : at + shift, count);
	for (const [at, count] of more.hiddenCount) hiddenCount.set(node + at, count);
	return {
		...merged, n, frame, hiddenCount, head: tree.head, outcomes: tree.outcomes,
		depth: splice(tree.depth, more.depth.map((depth) => depth + tree.depth[node])),
		self: splice(tree.self, more.self.map((weight) => weight * times)),
		hidden: splice(tree.hidden, more.hidden.map((weight) => weight * times)),
	};
}
