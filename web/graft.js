// graft.js - a tree with one subtree replaced by a finer answer for it. Pure.

/** Frames of `more` as frames of `tree`, appending those it does not have.
 * @param {RawTree} tree @param {RawTree} more */
function mergeFrames(tree, more) {
	const key = (t, i) =>
		[t.strings[t.frames.name[i]], t.libs[t.frames.lib[i]].name, t.frames.kind[i],
			t.frames.file.length ? t.strings[t.frames.file[i]] : "", t.frames.line[i] ?? 0].join("\0");
	const known = new Map();
	for (let i = 0; i < tree.frames.n; i++) known.set(key(tree, i), i);
	const added = [];
	const map = new Uint32Array(more.frames.n);
	for (let i = 0; i < more.frames.n; i++) {
		const found = known.get(key(more, i));
		map[i] = found ?? tree.frames.n + added.length;
		if (found === undefined) added.push(i);
	}
	const strings = tree.strings.concat(more.strings), libs = tree.libs.concat(more.libs);
	const append = (old, extra, shift) => {
		const all = new old.constructor(old.length + added.length);
		all.set(old);
		added.forEach((from, i) => (all[old.length + i] = extra[from] + shift));
		return all;
	};
	const lines = tree.frames.file.length && more.frames.file.length;
	const frames = {
		n: tree.frames.n + added.length,
		name: append(tree.frames.name, more.frames.name, tree.strings.length),
		lib: append(tree.frames.lib, more.frames.lib, tree.libs.length),
		kind: append(tree.frames.kind, more.frames.kind, 0),
		file: lines ? append(tree.frames.file, more.frames.file, tree.strings.length) : new Uint32Array(0),
		line: lines ? append(tree.frames.line, more.frames.line, 0) : new Uint32Array(0),
	};
	return { frames, strings, libs, map };
}

/** Replace the subtree of `node` by `more`, whose root stands for that node, whatever it
 * is called. A part may count in larger units than the whole, never in others: then this throws.
 * @param {Tree} tree @param {number} node @param {RawTree} more @returns {RawTree} */
export function graftTree(tree, node, more) {
	const times = more.head.scale / tree.head.scale;
	if (!Number.isInteger(times)) throw new Error("the detail counts in another unit");
	const { frames, strings, libs, map } = mergeFrames(tree, more);
	const cut = tree.end[node], shift = more.n - (cut - node), n = tree.n + shift;
	const depth = new Uint16Array(n), frame = new Uint32Array(n);
	const self = new Float64Array(n), hidden = new Float64Array(n);
	const columns = [[depth, tree.depth, more.depth], [frame, tree.frame, more.frame], [self, tree.self, more.self],
		[hidden, tree.hidden, more.hidden]];
	for (const [into, old, fresh] of columns) {
		into.set(old.subarray(0, node));
		into.set(fresh, node);
		into.set(old.subarray(cut), node + more.n);
	}
	for (let i = 0; i < more.n; i++) {
		depth[node + i] += tree.depth[node];
		frame[node + i] = map[more.frame[i]];
		self[node + i] *= times;
		hidden[node + i] *= times;
	}
	frame[node] = tree.frame[node];
	const hiddenCount = new Map();
	for (const [at, count] of tree.hiddenCount)
		if (at < node || at >= cut) hiddenCount.set(at < node ? at : at + shift, count);
	for (const [at, count] of more.hiddenCount) hiddenCount.set(node + at, count);
	return { n, depth, frame, self, hidden, hiddenCount, frames, strings, libs, head: tree.head, outcomes: tree.outcomes };
}
