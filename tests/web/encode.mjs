// encode.mjs - trees for tests as FTTR bytes, written from tree.h and not from the viewer's
// decoder, so that the two can disagree.

const put = (bytes, value) => {
	let rest = BigInt(value);
	for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
	bytes.push(Number(rest));
};

/** @param {object} tree nodes: [depth, frame, self][]; frames: [name, library, kind][];
 *	pruned: [node, count, weight][]; outcomes: [name, weight][] */
export function encodeTree({ nodes, frames, pruned = [], outcomes = [], windowUs = 60e6, scale = [1, 1], samples, lostPpm = 0, partial = false }) {
	const strings = [""], index = new Map([["", 0]]);
	const intern = (text) => {
		if (!index.has(text)) {
			index.set(text, strings.length);
			strings.push(text);
		}
		return index.get(text);
	};
	const libs = [""], libIndex = new Map([["", 0]]);
	const node = [], fram = [], libb = [], prun = [], outc = [];
	let before = -1, total = 0, prunedWeight = 0;
	for (const [depth, frame, self] of nodes) {
		put(node, before + 1 - depth);
		put(node, frame);
		put(node, self);
		before = depth;
		total += self;
	}
	for (const [name, library, kind] of frames) {
		if (!libIndex.has(library)) {
			libIndex.set(library, libs.length);
			libs.push(library);
		}
		put(fram, intern(name));
		put(fram, libIndex.get(library));
		fram.push(kind);
	}
	for (const library of libs) {
		put(libb, intern(library));
		put(libb, 0);
		libb.push(0);
	}
	let last = 0;
	for (const [at, count, weight] of pruned) {
		put(prun, at - last);
		put(prun, count);
		put(prun, weight);
		last = at;
		prunedWeight += weight;
	}
	for (const [name, weight] of outcomes) {
		put(outc, intern(name));
		put(outc, weight);
	}
	total += prunedWeight;
	const sections = [["NODE", node], ["FRAM", fram], ["STRS", Buffer.from(strings.join("\0") + "\0")], ["LIBS", libb]];
	if (pruned.length) sections.push(["PRUN", prun]);
	if (outcomes.length) sections.push(["OUTC", outc]);
	const head = Buffer.alloc(104 + sections.length * 12);
	head.write("FTTR");
	head.writeUInt16LE(1, 4);
	head.writeUInt16LE((pruned.length ? 2 : 0) | (partial ? 8 : 0), 6);
	[nodes.length, frames.length, libs.length, sections.length].forEach((v, i) => head.writeUInt32LE(v, 8 + 4 * i));
	[total, 0, windowUs, 0, scale[0], scale[1], prunedWeight, samples ?? Math.round(total / 10101010), 0]
		.forEach((v, i) => head.writeBigUInt64LE(BigInt(Math.round(v)), 24 + 8 * i));
	head.writeUInt32LE(lostPpm, 100);
	let offset = head.length;
	sections.forEach(([tag, bytes], i) => {
		head.write(tag, 104 + 12 * i);
		head.writeUInt32LE(offset, 108 + 12 * i);
		head.writeUInt32LE(bytes.length, 112 + 12 * i);
		offset += bytes.length;
	});
	return new Uint8Array(Buffer.concat([head, ...sections.map(([, bytes]) => Buffer.from(bytes))]));
}

/** A stream of numbers that is the same in every run. */
export function seeded(seed) {
	let state = seed >>> 0 || 1;
	return () => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) / 2 ** 32;
	};
}

/** A random tree of about `count` nodes: pre-order, siblings are different frames. */
export function randomTree(count, seed, maxDepth = 90, names = Math.max(20, Math.min(17000, count / 10 | 0))) {
	const random = seeded(seed);
	const libs = ["nginx", "libc.so.6", "libssl.so.3", "libcrypto.so.3", "python3.11", "libz.so.1.2.13", "vmlinux", "libstdc++.so.6"];
	const frames = [["all", "", 0]];
	for (let i = 1; i <= names; i++) {
		const lib = libs[random() * libs.length | 0];
		frames.push([lib === "vmlinux" ? `__x64_sys_thing_${i}` : `${["net", "http", "db", "ssl", "json"][i % 5]}::Worker<std::string>::step_${i}(int)`,
			lib, lib === "vmlinux" ? 2 : 1]);
	}
	const nodes = [[0, 0, 0]], siblings = [];
	let depth = 0;
	while (nodes.length < count) {
		depth = random() < 0.62 && depth < maxDepth ? depth + 1 : Math.max(1, depth - (random() * 6 | 0));
		const taken = (siblings[depth] ??= new Set());
		siblings.length = depth + 1;
		let frame = 1 + (random() ** 2 * names | 0);
		if (taken.has(frame)) {
			frames.push([`${frames[frame][0]}#${frames.length}`, ...frames[frame].slice(1)]);
			frame = frames.length - 1;
		}
		taken.add(frame);
		nodes.push([depth, frame, random() < 0.4 ? Math.ceil(random() ** 6 * 1e9) : 1e6]);
	}
	return { nodes, frames };
}
