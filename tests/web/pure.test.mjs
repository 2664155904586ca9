// pure.test.mjs - the parts of the viewer that need no browser.

import assert from "node:assert/strict";
import test from "node:test";
import { decodeTree } from "../../web/fttr.js";
import { boxAt, findSamePath, frameLabel, layoutTree, neighbour } from "../../web/tree.js";
import { findPathId, pathId } from "../../web/pathid.js";
import { graftTree } from "../../web/graft.js";
import { matchNames, parseQuery } from "../../web/match.js";
import { measureMatches } from "../../web/search.js";
import { defaultState, readState, writeState } from "../../web/state.js";
import { paintTree } from "../../web/raster.js";
import { formatSeconds, formatShare, formatWeight, timeTicks } from "../../web/units.js";
import { commandOf } from "../../web/keys.js";
import { encodeTree, randomTree, seeded } from "./encode.mjs";

const small = {
	frames: [["all", "", 0], ["main", "app", 1], ["read", "libc.so.6", 1], ["ksys_read", "", 2], ["work", "app", 1]],
	nodes: [[0, 0, 0], [1, 1, 5], [2, 2, 10], [3, 3, 20], [2, 4, 40], [3, 2, 7], [1, 4, 3]],
};

test("a tree comes back as it was written", () => {
	const raw = decodeTree(encodeTree({ ...small, pruned: [[4, 9, 100]], outcomes: [["truncated", 6]], scale: [10101010, 3], lostPpm: 77 }));
	assert.deepEqual([...raw.depth], small.nodes.map(([depth]) => depth));
	assert.deepEqual([...raw.frame], small.nodes.map(([, frame]) => frame));
	assert.deepEqual([...raw.self], small.nodes.map(([, , self]) => self));
	assert.deepEqual([...raw.hiddenCount], [[4, 9]]);
	assert.equal(raw.hidden[4], 100);
	assert.equal(raw.head.total, 185);
	assert.equal(raw.head.scale, 10101010 / 3);
	assert.equal(raw.head.lostPpm, 77);
	assert.deepEqual(raw.outcomes, [{ name: "truncated", weight: 6 }]);
	assert.equal(raw.strings[raw.frames.name[3]], "ksys_read");
	assert.equal(raw.libs[raw.frames.lib[2]], "libc.so.6");
});

test("numbers up to 2^53 - 1, and none beyond", () => {
	const big = (self) => encodeTree({ frames: [["all", "", 0]], nodes: [[0, 0, self]], samples: 1, scale: [1, 1] });
	assert.equal(decodeTree(big(Number.MAX_SAFE_INTEGER)).self[0], Number.MAX_SAFE_INTEGER);
	assert.throws(() => decodeTree(big(2 ** 53)), /2\^53/);
});

test("every cut and every foreign field is refused", () => {
	const bytes = encodeTree({ ...small, pruned: [[4, 9, 100]] });
	for (let length = 0; length < bytes.length; length++) assert.throws(() => decodeTree(bytes.subarray(0, length)), Error, `cut at ${length}`);
	assert.throws(() => decodeTree(new Uint8Array([...bytes, 0])), /after the last/);
	const change = (at, value) => Uint8Array.from(bytes, (byte, i) => (i === at ? value : byte));
	assert.throws(() => decodeTree(change(0, 0)), /not a tree/);
	assert.throws(() => decodeTree(change(4, 2)), /version 2/);
	assert.throws(() => decodeTree(change(8, 200)), /do not fit|ends too early/);
	assert.throws(() => decodeTree(change(64, 0)), /scale/);
	const bad = (tree) => assert.throws(() => decodeTree(encodeTree({ ...small, ...tree })), Error);
	bad({ nodes: [[0, 9, 1]] }); // frame out of range
	bad({ nodes: [[0, 0, 1], [0, 1, 1]] }); // a second root
	bad({ pruned: [[99, 1, 1]] });
	const deep = Array.from({ length: 4097 }, (_, i) => [i, 1, 1]);
	bad({ nodes: deep });
	assert.equal(decodeTree(encodeTree({ ...small, nodes: deep.slice(0, 4096) })).n, 4096);
});

test("damaged bytes either decode to something consistent or are refused", () => {
	const bytes = encodeTree({ ...randomTree(300, 7), pruned: [[3, 2, 50], [40, 1, 9]] });
	const random = seeded(99);
	for (let round = 0; round < 4000; round++) {
		const damaged = bytes.slice();
		for (let flips = 1 + (random() * 3 | 0); flips > 0; flips--) damaged[random() * damaged.length | 0] ^= 1 << (random() * 8);
		let raw;
		try {
			raw = decodeTree(damaged);
		} catch (error) {
			assert.ok(error instanceof Error && !(error instanceof RangeError), String(error));
			continue;
		}
		checkLayout(layoutTree(raw, "weight"));
	}
});

/** What must hold in every tree. */
function checkLayout(tree) {
	let sum = 0;
	for (let i = 0; i < tree.n; i++) {
		sum += tree.self[i] + tree.hidden[i];
		assert.ok(tree.end[i] > i && tree.end[i] <= tree.n);
		assert.ok(tree.frame[i] < tree.frames.n && frameLabel(tree, tree.frame[i]) !== undefined);
		const p = tree.parent[i];
		if (i === 0) continue;
		assert.ok(p >= 0 && p < i && tree.end[i] <= tree.end[p] && tree.depth[i] === tree.depth[p] + 1);
		const slack = 1e-9 * tree.total[0];
		assert.ok(tree.x[i] >= tree.x[p] - slack && tree.x[i] + tree.total[i] <= tree.x[p] + tree.total[p] + slack);
	}
	assert.ok(Math.abs(sum - tree.total[0]) <= 1e-9 * sum);
}

for (const order of ["weight", "name"]) {
	test(`children lie inside their parent and beside each other, by ${order}`, () => {
		for (let seed = 1; seed < 6; seed++) {
			const tree = layoutTree(decodeTree(encodeTree(randomTree(3000, seed, 40))), order);
			checkLayout(tree);
			for (let i = 0; i < tree.n; i++) {
				let at = tree.x[i], before = Infinity, node = -1;
				for (const child of tree.children.subarray(tree.childFirst[i], tree.childFirst[i + 1])) {
					assert.equal(tree.parent[child], i);
					assert.equal(tree.x[child], at);
					at += tree.total[child];
					if (order === "weight") assert.ok(tree.total[child] <= before);
					else assert.ok(child > node);
					before = tree.total[child];
					node = child;
				}
			}
		}
	});
}

test("a point finds the box that is drawn there", () => {
	const tree = layoutTree(decodeTree(encodeTree({ ...small, pruned: [[1, 3, 50]] })), "weight");
	assert.deepEqual(boxAt(tree, 0, 0), { node: 0, hidden: false });
	assert.deepEqual(boxAt(tree, 2, 0), { node: 4, hidden: false });
	assert.deepEqual(boxAt(tree, 2, 78), { node: 1, hidden: true });
	assert.deepEqual(boxAt(tree, 2, 131), { node: -1, hidden: false });
	assert.deepEqual(boxAt(tree, 0, 135), { node: -1, hidden: false });
	const large = layoutTree(decodeTree(encodeTree(randomTree(5000, 3))), "weight");
	for (let i = 0; i < large.n; i += 7)
		if (large.total[i] > 0) assert.equal(boxAt(large, large.depth[i], large.x[i] + large.total[i] / 2).node, i);
});

test("arrow keys reach every neighbour and stop at the ends", () => {
	const tree = layoutTree(decodeTree(encodeTree(small)), "weight");
	assert.equal(neighbour(tree, 0, "in"), 1);
	assert.equal(neighbour(tree, 1, "in"), 4);
	assert.equal(neighbour(tree, 4, "right"), 2);
	assert.equal(neighbour(tree, 2, "right"), 2);
	assert.equal(neighbour(tree, 2, "left"), 4);
	assert.equal(neighbour(tree, 3, "in"), 3);
	assert.equal(neighbour(tree, 3, "out"), 2);
	assert.equal(neighbour(tree, 0, "out"), 0);
	assert.equal(neighbour(tree, 2, "first"), 4);
	assert.equal(neighbour(tree, 4, "last"), 2);
});

test("path ids are FNV-1a over name NUL library NUL, in base 32", () => {
	const tree = layoutTree(decodeTree(encodeTree({ frames: [["all", "", 0], ["main", "/usr/bin/app", 1], ["é", "", 1]],
		nodes: [[0, 0, 0], [1, 1, 1], [2, 2, 1]] })), "weight");
	let hash = 0xcbf29ce484222325n;
	for (const byte of Buffer.from("main\0app\0é\0\0")) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
	const bits = hash.toString(2).padStart(64, "0") + "0";
	const want = bits.match(/.{5}/g).map((five) => "abcdefghijklmnopqrstuvwxyz234567"[parseInt(five, 2)]).join("");
	assert.equal(pathId(tree, 2), want);
	assert.equal(want.length, 13);
	assert.equal(findPathId(tree, want), 2);
	assert.equal(findPathId(tree, ""), 0);
	assert.equal(findPathId(tree, "aaaaaaaaaaaaa"), -1);
	assert.equal(findPathId(tree, "not an id"), -1);
});

test("a path is found again in another tree, or its deepest caller is", () => {
	const random = layoutTree(decodeTree(encodeTree(randomTree(4000, 11))), "weight");
	for (let i = 1; i < random.n; i += 97) {
		const same = findSamePath(random, random, i);
		assert.ok(same.whole);
		assert.equal(pathId(random, same.node), pathId(random, i));
		assert.equal(pathId(random, findPathId(random, pathId(random, i))), pathId(random, i));
	}
	const tree = layoutTree(decodeTree(encodeTree(small)), "weight");
	const other = layoutTree(decodeTree(encodeTree({ ...small, nodes: small.nodes.slice(0, 3) })), "weight");
	assert.deepEqual(findSamePath(other, tree, 3), { node: 2, whole: false });
});

test("a graft replaces one subtree and keeps the rest", () => {
	const tree = layoutTree(decodeTree(encodeTree({ ...small, pruned: [[4, 2, 30]] })), "weight");
	const more = decodeTree(encodeTree({ frames: [["work", "app", 1], ["read", "libc.so.6", 1], ["fresh", "libx.so", 1]],
		nodes: [[0, 0, 40], [1, 1, 7], [1, 2, 30]] }));
	const whole = layoutTree(graftTree(tree, 4, more), "weight");
	checkLayout(whole);
	assert.equal(whole.total[0], tree.total[0]);
	assert.equal(whole.hiddenCount.size, 0);
	const names = Array.from(whole.frame, (frame, i) => `${whole.depth[i]} ${frameLabel(whole, frame)} ${whole.self[i]}`);
	assert.deepEqual(names, ["0 all 0", "1 main 5", "2 read 10", "3 ksys_read 20", "2 work 40", "3 read 7", "3 fresh 30", "1 work 3"]);
	assert.equal(whole.frame[2], whole.frame[5]); // the same function is one frame
	const coarse = graftTree(tree, 4, { ...more, head: { ...more.head, scale: 2 * tree.head.scale } });
	assert.deepEqual([...coarse.self.slice(4, 7)], [80, 14, 60]);
	const fine = { ...more, head: { ...more.head, scale: tree.head.scale / 2 } };
	assert.throws(() => graftTree(tree, 4, fine), /unit/);
	const named = decodeTree(encodeTree({ frames: [["all", "", 0], ["read", "libc.so.6", 1]], nodes: [[0, 0, 1], [1, 1, 7]] }));
	const kept = layoutTree(graftTree(tree, 4, named), "weight");
	assert.ok(Array.from(kept.frame, (frame) => frameLabel(kept, frame)).slice(1).every((name) => name !== "all")); // the agent calls every root "all"
});

test("queries: literal, pattern, bad pattern", () => {
	const names = ["main", "MAIN", "ma.in", "pthread_create", ""];
	const hits = (text) => [...matchNames(parseQuery(text), names)].join("");
	assert.equal(hits("main"), "11000");
	assert.equal(hits("a.i"), "00100");
	assert.equal(hits("/a.?i/"), "10100");
	assert.equal(hits("/a.?i/i"), "11100");
	assert.equal(hits("/^pthread_/"), "00010");
	assert.equal(parseQuery("").kind, "none");
	assert.equal(parseQuery("/(/").kind, "bad");
	assert.equal(parseQuery("/usr/lib").kind, "literal");
});

test("the matched share counts nested matches once", () => {
	const tree = layoutTree(decodeTree(encodeTree({ frames: [["all", "", 0], ["a", "", 1], ["b", "", 1]],
		nodes: [[0, 0, 1], [1, 1, 10], [2, 2, 20], [3, 1, 40], [1, 2, 5], [2, 1, 3]] })), "weight");
	const hits = matchNames(parseQuery("a"), ["x", "a", "b"]);
	const found = measureMatches(tree, hits);
	assert.equal(found.total, 73);
	assert.equal(found.self, 53);
	assert.deepEqual(found.places, [1, 5]);
	assert.equal(found.frames, 1);
});

test("a link comes back as the state it was made from", () => {
	const random = seeded(5), pick = (list) => list[random() * list.length | 0];
	const texts = ["", "main", "/a;b=c#d/i", "a+b c", "%zz", "é😀", "std::vector<int>&", "\"><script>"];
	for (let round = 0; round < 500; round++) {
		const from = Math.floor(random() * 2e15);
		const state = {
			window: pick([null, { live: 1 + Math.floor(random() * 1e9) }, { from, to: from + 1 + Math.floor(random() * 1e10) }]),
			metric: pick(["", "cpu", "off cpu;x"]), zoom: pick(["", "k3f2q2m7x2b4c"]), search: pick(texts),
			orientation: pick(["icicle", "flame"]), order: pick(["weight", "name"]), theme: pick(["", "dark", "light"]),
		};
		const hash = writeState(state);
		assert.deepEqual(readState(hash), state, hash);
		assert.ok(/^$|^#[\x21-\x7e]+$/.test(hash), hash);
	}
	assert.equal(writeState(defaultState()), "");
	assert.equal(writeState({ ...defaultState(), window: { from: 1763800000000000, to: 1763800030000000 }, metric: "cpu" }),
		"#1;w=1763800000000000+30s;m=cpu");
	assert.ok(writeState({ ...defaultState(), zoom: "k3f2q2m7x2b4c", search: "x".repeat(5000) }).length <= 2000);
});

test("a damaged link gives defaults, never an exception", () => {
	const random = seeded(17);
	for (const hash of ["#", "#2;w=1+1s", "#1;w=", "#1;w=9999999999999999999+1s", "#1;w=5+0s", "#1;z=NO", "#1;s=%E0%A4%A", "#1;;;=;a", "#1;o=x;t=y;unknown=1"])
		assert.deepEqual(readState(hash), defaultState(), hash);
	for (let round = 0; round < 500; round++)
		readState(`#1;${Array.from({ length: 30 }, () => String.fromCharCode(33 + random() * 200)).join("")}`);
});

const THEME = { back: 1, panel: 2, line: 3, text: 4, accent: 5, kernel: 6 };

/** Paint into memory. */
function paint(tree, scene = {}) {
	const surface = { width: 200, height: 90, pixels: new Uint32Array(200 * 90) };
	const colors = Uint32Array.from({ length: tree.frames.n }, (_, i) => 0xff000001 + i);
	const result = paintTree(surface, tree, { from: 0, to: tree.total[0], scroll: 0, row: 18, flip: false, focus: 0, cursor: -1, hover: -1,
		hits: null, colors, faded: colors, theme: THEME, labelWidth: 0, ...scene });
	return { ...result, surface };
}

test("pixels are where the geometry says, roots at either end", () => {
	const tree = layoutTree(decodeTree(encodeTree(small)), "weight");
	for (const flip of [false, true]) {
		const { surface, boxes } = paint(tree, { flip });
		assert.equal(boxes.length, tree.n);
		for (const box of boxes) {
			const line = (y, x) => surface.pixels[y * 200 + x];
			const color = 0xff000001 + tree.frame[box.node], middle = (box.left + box.right) >> 1;
			assert.equal(box.top, flip ? 90 - 18 * (tree.depth[box.node] + 1) : 18 * tree.depth[box.node]);
			for (const y of [box.top, box.top + 8, box.top + 16]) assert.equal(line(y, middle), color);
			assert.equal(line(box.top + 17, middle), THEME.back);
		}
		const wide = boxes.find((box) => box.node === 1);
		assert.equal(wide.right - wide.left, Math.round((82 / 85) * 200) - 1);
	}
});

test("what is narrower than half a pixel or out of sight costs nothing", () => {
	const tree = layoutTree(decodeTree(encodeTree(randomTree(50000, 3))), "weight");
	const { boxes, visited } = paint(tree);
	assert.ok(visited < tree.n / 4, `${visited} of ${tree.n} visited`);
	for (const box of boxes) assert.ok(box.left >= 0 && box.right <= 200 && box.right > box.left && box.top < 90);
	for (let round = 0, random = seeded(3); round < 50; round++) {
		const from = random() * tree.total[0], to = from + random() * (tree.total[0] - from) * 0.1 + 1;
		paint(tree, { from, to, scroll: random() * 400 | 0, flip: random() < 0.5 });
	}
});

test("numbers read as people write them", () => {
	assert.equal(formatShare(0.0481), "4.8 %");
	assert.equal(formatShare(0.5), "50.0 %");
	assert.equal(formatShare(1), "100 %");
	assert.equal(formatShare(0.9999), ">99.9 %");
	assert.equal(formatShare(0.000001), "<0.001 %");
	assert.equal(formatSeconds(1.2), "1.2 s");
	assert.equal(formatSeconds(0.0153), "15.3 ms");
	assert.equal(formatSeconds(125), "2 min 5 s");
	assert.equal(formatSeconds(86400 * 3), "3 d");
	assert.equal(formatWeight(2.5e9, "nanoseconds"), "2.5 s");
	assert.equal(formatWeight(3 * 1024 * 1024, "bytes"), "3 MiB");
	const ticks = timeTicks(1763800000000000, 1763800060000000, 6);
	assert.ok(ticks.length >= 3 && ticks.length <= 7 && ticks.every((tick) => tick % 1e6 === 0));
});

test("letters do nothing while typing, Ctrl-F and Esc always do", () => {
	const press = (key, place, more = {}) => commandOf({ key, ctrlKey: false, metaKey: false, altKey: false, ...more }, place, false);
	assert.equal(press("i", "other"), null);
	assert.equal(press("/", "other"), null);
	assert.equal(press("i", "graph"), "orientation");
	assert.equal(press("n", "timeline"), null);
	assert.equal(press("Escape", "other"), "escape");
	assert.equal(press("f", "other", { ctrlKey: true }), "search");
	assert.equal(press("i", "graph", { ctrlKey: true }), null);
	assert.equal(press("constructor", "graph"), null);
	assert.equal(press("ArrowDown", "graph"), "in");
});
