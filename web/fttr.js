// fttr.js - the bytes of a tree answer (FTTR version 1) as columns. Pure.
//
// The bytes are written by the agent from names that a profiled program chose, so every
// count, index and offset is checked here; what passes is safe to index without a check.

const MAX_DEPTH = 4096;
const HEAD_BYTES = 104;
const WITH_BASE = 1, WITH_LINES = 4, PARTIAL = 8;
/** Kinds of frames, as the agent numbers them. */
export const FRAME_KINDS = ["root", "native", "kernel", "inlined", "jit", "unknown"];

/**
 * @typedef {object} RawTree n nodes, numbered in pre-order
 * @property {number} n
 * @property {Uint16Array} depth
 * @property {Uint32Array} frame
 * @property {Float64Array} self
 * @property {Float64Array} hidden weight of left-out children, mostly 0
 * @property {Map<number, number>} hiddenCount node to number of left-out children
 * @property {{n: number, name: Uint32Array, lib: Uint32Array, kind: Uint8Array, file: Uint32Array, line: Uint32Array}} frames
 * @property {string[]} strings
 * @property {string[]} libs base names
 * @property {{total: number, windowUs: number, scale: number, samples: number, lostPpm: number, partial: boolean}} head
 *	a weight times scale is in the metric's unit
 * @property {{name: string, weight: number}[]} outcomes stacks that did not reach the root
 */

/** Walks over a section; every read is checked against its end. */
class ByteCursor {
	constructor(tag, bytes) {
		this.tag = tag;
		this.bytes = bytes;
		this.at = 0;
	}

	fail(why) {
		throw new Error(`${this.tag}: ${why}`);
	}

	get more() {
		return this.at < this.bytes.length;
	}

	u8() {
		if (!this.more) this.fail("ends too early");
		return this.bytes[this.at++];
	}

	/** LEB128 up to 2^53 - 1 */
	uv() {
		const bytes = this.bytes;
		let at = this.at, byte = bytes[at++], value = byte & 127;
		for (let scale = 128; byte > 127; scale *= 128) {
			byte = bytes[at++];
			if (scale > 2 ** 49) this.fail("a number over 2^53");
			value += (byte & 127) * scale;
		}
		// Past the end a byte is undefined and counts as 0, which ends the loop.
		if (at > bytes.length) this.fail("ends too early");
		if (value > Number.MAX_SAFE_INTEGER) this.fail("a number over 2^53");
		this.at = at;
		return value;
	}

	below(limit) {
		const value = this.uv();
		if (value >= limit) this.fail(`${value} is not below ${limit}`);
		return value;
	}

	end() {
		if (this.more) this.fail(`${this.bytes.length - this.at} bytes too many`);
	}
}

function safeU64(view, at) {
	const value = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
	if (value > Number.MAX_SAFE_INTEGER) throw new Error("head: a number over 2^53");
	return value;
}

function readSections(bytes, view) {
	const count = view.getUint32(20, true), tableEnd = HEAD_BYTES + count * 12, sections = new Map();
	if (count > 64 || tableEnd > bytes.length) throw new Error("section table is cut short");
	let last = tableEnd;
	for (let at = HEAD_BYTES; at < tableEnd; at += 12) {
		const tag = String.fromCharCode(...bytes.subarray(at, at + 4));
		const first = view.getUint32(at + 4, true), end = first + view.getUint32(at + 8, true);
		if (first < tableEnd || end > bytes.length) throw new Error(`section ${tag} lies outside the answer`);
		if (sections.has(tag)) throw new Error(`section ${tag} is there twice`);
		sections.set(tag, bytes.subarray(first, end));
		last = Math.max(last, end);
	}
	if (last !== bytes.length) throw new Error("bytes after the last section");
	return sections;
}

function readNodes(cursor, n, nFrames, withBase) {
	const depth = new Uint16Array(n), frame = new Uint32Array(n), self = new Float64Array(n);
	for (let i = 0, before = -1; i < n; i++) {
		before += 1 - cursor.uv();
		if (before < (i ? 1 : 0) || before >= MAX_DEPTH) cursor.fail(`bad depth at node ${i}`);
		depth[i] = before;
		frame[i] = cursor.below(nFrames);
		self[i] = cursor.uv();
		if (withBase) cursor.uv();
	}
	cursor.end();
	return { depth, frame, self };
}

function readFrames(cursor, n, nStrings, nLibs, withLines) {
	const [name, lib, file, line] = Array.from({ length: 4 }, () => new Uint32Array(n)), kind = new Uint8Array(n);
	for (let i = 0; i < n; i++) {
		name[i] = cursor.below(nStrings);
		lib[i] = cursor.below(nLibs);
		// A kind of a later version is shown like one without a name.
		kind[i] = Math.min(cursor.u8(), FRAME_KINDS.length - 1);
		if (!withLines) continue;
		file[i] = cursor.below(nStrings);
		line[i] = cursor.below(2 ** 32);
	}
	cursor.end();
	return { n, name, lib, kind, file, line };
}

function readLibs(cursor, n, strings) {
	const libs = [];
	while (libs.length < n) {
		const path = strings[cursor.below(strings.length)];
		libs.push(path.slice(path.lastIndexOf("/") + 1));
		cursor.below(strings.length); // build-id
		cursor.u8(); // flags
	}
	cursor.end();
	return libs;
}

function readPruned(cursor, n, withBase) {
	const hidden = new Float64Array(n), hiddenCount = new Map();
	for (let node = 0; cursor.more;) {
		node += cursor.uv();
		if (node >= n || hiddenCount.has(node)) cursor.fail(`bad node ${node}`);
		hiddenCount.set(node, cursor.uv());
		hidden[node] = cursor.uv();
		if (withBase) cursor.uv();
	}
	return { hidden, hiddenCount };
}

/** A whole answer, or an Error that says what is wrong with it.
 * @param {Uint8Array} bytes @returns {RawTree} */
export function decodeTree(bytes) {
	if (bytes.length < HEAD_BYTES || String.fromCharCode(...bytes.subarray(0, 4)) !== "FTTR")
		throw new Error("not a tree answer");
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const version = view.getUint16(4, true), flags = view.getUint16(6, true);
	if (version !== 1) throw new Error(`tree version ${version}, this viewer knows 1: reload the page`);
	const sections = readSections(bytes, view);
	// An entry takes three bytes at least, so a made-up count cannot reserve memory.
	const open = (tag, count = 0) => {
		const section = sections.get(tag) ?? new Uint8Array();
		if (count * 3 > section.length) throw new Error(`${count} entries do not fit in ${tag}`);
		return new ByteCursor(tag, section);
	};
	const [n, nFrames, nLibs] = [8, 12, 16].map((at) => view.getUint32(at, true));
	if (!n || !nFrames) throw new Error("a tree without a root");
	const scale = safeU64(view, 56) / safeU64(view, 64);
	if (!(scale > 0 && scale < Infinity)) throw new Error("head: a scale of zero");
	const text = sections.get("STRS") ?? [];
	if (text.at(-1) !== 0) throw new Error("STRS does not end with a NUL");
	// A million names at once: one decode and one split are far cheaper than one each.
	const strings = new TextDecoder().decode(text).split("\0").slice(0, -1);
	const libs = nLibs ? readLibs(open("LIBS", nLibs), nLibs, strings) : [""];
	const outcomes = [];
	for (const ends = open("OUTC"); ends.more;)
		outcomes.push({ name: strings[ends.below(strings.length)], weight: ends.uv() });
	return {
		n, strings, libs, outcomes,
		frames: readFrames(open("FRAM", nFrames), nFrames, strings.length, libs.length, flags & WITH_LINES),
		...readNodes(open("NODE", n), n, nFrames, flags & WITH_BASE),
		...readPruned(open("PRUN"), n, flags & WITH_BASE),
		head: {
			total: safeU64(view, 24), windowUs: safeU64(view, 40), scale, samples: safeU64(view, 80),
			lostPpm: view.getUint32(100, true), partial: (flags & PARTIAL) !== 0,
		},
	};
}
