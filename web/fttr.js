// fttr.js - the bytes of a tree answer (FTTR version 1) as columns. Pure.
//
// The bytes are written by the agent from names that a profiled program chose, so every
// count, index and offset is checked here; what passes is safe to index without a check.

export const FTTR_MAX_DEPTH = 4096;
const FTTR_HEAD_BYTES = 104;
const FTTR_FLAG_BASE = 1;
const FTTR_FLAG_LINES = 4;
const FTTR_FLAG_PARTIAL = 8;
/** Kinds of frames, as the agent numbers them. */
export const FRAME_KINDS = ["root", "native", "kernel", "inlined", "jit", "unknown"];

/**
 * @typedef {object} RawTree
 * @property {number} n nodes, in pre-order
 * @property {Uint16Array} depth
 * @property {Uint32Array} frame index of the node's frame
 * @property {Float64Array} self
 * @property {Float64Array} hidden weight of left-out children, mostly 0
 * @property {Map<number, number>} hiddenCount node to number of left-out children
 * @property {{n: number, name: Uint32Array, lib: Uint32Array, kind: Uint8Array,
 *	file: Uint32Array, line: Uint32Array}} frames
 * @property {string[]} strings
 * @property {{name: string, build: string, mine: boolean}[]} libs
 * @property {TreeHead} head
 * @property {{name: string, weight: number}[]} outcomes stacks that did not reach the root
 */

/**
 * @typedef {object} TreeHead
 * @property {number} total
 * @property {number} windowUs
 * @property {number} scale a weight times this is in the metric's unit
 * @property {number} pruned
 * @property {number} samples
 * @property {number} lostPpm
 * @property {boolean} partial
 */

/** Walks over bytes; every read is checked against the end. */
class ByteCursor {
	/** @param {Uint8Array} bytes @param {string} what named in errors */
	constructor(bytes, what) {
		this.bytes = bytes;
		this.at = 0;
		this.what = what;
	}

	/** @returns {number} a byte */
	u8() {
		if (this.at >= this.bytes.length) throw new Error(`${this.what} ends too early`);
		return this.bytes[this.at++];
	}

	/** @returns {number} LEB128 up to 2^53 */
	uv() {
		const bytes = this.bytes;
		let at = this.at;
		let byte = bytes[at++];
		let value = byte & 127;
		for (let scale = 128; byte > 127; scale *= 128) {
			byte = bytes[at++];
			if (scale > 2 ** 49) throw new Error(`${this.what} has a number over 2^53`);
			value += (byte & 127) * scale;
		}
		// Past the end a byte is undefined and counts as 0, which ends the loop.
		if (!(at <= bytes.length) || value > Number.MAX_SAFE_INTEGER)
			throw new Error(`${this.what} ends too early or has a number over 2^53`);
		this.at = at;
		return value;
	}

	/** @param {number} limit @returns {number} a number below limit */
	below(limit) {
		const value = this.uv();
		if (value >= limit) throw new Error(`${this.what}: ${value} is not below ${limit}`);
		return value;
	}

	end() {
		if (this.at !== this.bytes.length)
			throw new Error(`${this.what} has ${this.bytes.length - this.at} bytes too many`);
	}
}

/** @param {DataView} view @param {number} at */
function safeU64(view, at) {
	const value = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
	if (value > Number.MAX_SAFE_INTEGER) throw new Error("head has a number over 2^53");
	return value;
}

/** @param {Uint8Array} bytes @param {DataView} view @param {number} count
 * @returns {Map<string, Uint8Array>} */
function readSections(bytes, view, count) {
	const sections = new Map();
	const tableEnd = FTTR_HEAD_BYTES + count * 12;
	if (count > 64 || tableEnd > bytes.length) throw new Error("section table is cut short");
	let last = tableEnd;
	for (let i = 0; i < count; i++) {
		const at = FTTR_HEAD_BYTES + i * 12;
		const tag = String.fromCharCode(...bytes.subarray(at, at + 4));
		const offset = view.getUint32(at + 4, true), length = view.getUint32(at + 8, true);
		if (offset < tableEnd || offset + length > bytes.length)
			throw new Error(`section ${tag} lies outside the answer`);
		if (sections.has(tag)) throw new Error(`section ${tag} is there twice`);
		sections.set(tag, bytes.subarray(offset, offset + length));
		last = Math.max(last, offset + length);
	}
	if (last !== bytes.length) throw new Error("bytes after the last section");
	return sections;
}

/** @param {Uint8Array} bytes @param {number} n @param {number} nFrames @param {boolean} withBase */
function readNodes(bytes, n, nFrames, withBase) {
	// A node takes three bytes at least, so a made-up count cannot reserve memory.
	if (n < 1 || n * 3 > bytes.length) throw new Error(`${n} nodes do not fit in NODE`);
	const depth = new Uint16Array(n), frame = new Uint32Array(n), self = new Float64Array(n);
	const cursor = new ByteCursor(bytes, "NODE");
	let before = -1;
	for (let i = 0; i < n; i++) {
		const up = cursor.uv();
		const here = before + 1 - up;
		if (here < (i ? 1 : 0) || here >= FTTR_MAX_DEPTH) throw new Error(`NODE: bad depth at node ${i}`);
		depth[i] = before = here;
		frame[i] = cursor.below(nFrames);
		self[i] = cursor.uv();
		if (withBase) cursor.uv();
	}
	cursor.end();
	return { depth, frame, self };
}

/** @param {Uint8Array} bytes @param {number} n @param {number} nStrings @param {number} nLibs
 * @param {boolean} withLines */
function readFrames(bytes, n, nStrings, nLibs, withLines) {
	if (n < 1 || n * 3 > bytes.length) throw new Error(`${n} frames do not fit in FRAM`);
	const name = new Uint32Array(n), lib = new Uint32Array(n), kind = new Uint8Array(n);
	const file = new Uint32Array(withLines ? n : 0), line = new Uint32Array(withLines ? n : 0);
	const cursor = new ByteCursor(bytes, "FRAM");
	for (let i = 0; i < n; i++) {
		name[i] = cursor.below(nStrings);
		lib[i] = cursor.below(Math.max(nLibs, 1));
		// A kind of a later version is shown like one without a name.
		kind[i] = Math.min(cursor.u8(), FRAME_KINDS.length - 1);
		if (!withLines) continue;
		file[i] = cursor.below(nStrings);
		line[i] = cursor.below(2 ** 32);
	}
	cursor.end();
	return { n, name, lib, kind, file, line };
}

/** @param {Uint8Array} bytes @returns {string[]} */
function readStrings(bytes) {
	if (!bytes.length || bytes[bytes.length - 1] !== 0) throw new Error("STRS does not end with a NUL");
	// A million names at once: one decode and one split are far cheaper than one each.
	const strings = new TextDecoder().decode(bytes).split("\0");
	strings.pop();
	return strings;
}

/** @param {Uint8Array} bytes @param {number} n @param {string[]} strings */
function readLibs(bytes, n, strings) {
	if (n * 3 > bytes.length) throw new Error(`${n} libraries do not fit in LIBS`);
	const libs = [];
	const cursor = new ByteCursor(bytes, "LIBS");
	for (let i = 0; i < n; i++) {
		const name = strings[cursor.below(strings.length)];
		const build = strings[cursor.below(strings.length)];
		libs.push({ name, build, mine: (cursor.u8() & 1) !== 0 });
	}
	cursor.end();
	return libs.length ? libs : [{ name: "", build: "", mine: false }];
}

/** @param {Uint8Array | undefined} bytes @param {number} n @param {boolean} withBase */
function readPruned(bytes, n, withBase) {
	const hidden = new Float64Array(n), hiddenCount = new Map();
	const cursor = new ByteCursor(bytes ?? new Uint8Array(), "PRUN");
	let node = 0;
	while (cursor.at < cursor.bytes.length) {
		node += cursor.uv();
		if (node >= n || hiddenCount.has(node)) throw new Error(`PRUN: bad node ${node}`);
		hiddenCount.set(node, cursor.uv());
		hidden[node] = cursor.uv();
		if (withBase) cursor.uv();
	}
	return { hidden, hiddenCount };
}

/** OUTC, which older agents do not send: uv(string) uv(weight) per way a stack ended early.
 * @param {Uint8Array | undefined} bytes @param {string[]} strings */
function readOutcomes(bytes, strings) {
	const outcomes = [];
	const cursor = new ByteCursor(bytes ?? new Uint8Array(), "OUTC");
	while (cursor.at < cursor.bytes.length)
		outcomes.push({ name: strings[cursor.below(strings.length)], weight: cursor.uv() });
	return outcomes;
}

/** @param {DataView} view @param {number} flags @returns {TreeHead} */
function readHead(view, flags) {
	const num = safeU64(view, 56), den = safeU64(view, 64);
	if (!num || !den) throw new Error("head has a scale of zero");
	return {
		total: safeU64(view, 24),
		windowUs: safeU64(view, 40),
		scale: num / den,
		pruned: safeU64(view, 72),
		samples: safeU64(view, 80),
		lostPpm: view.getUint32(100, true),
		partial: (flags & FTTR_FLAG_PARTIAL) !== 0,
	};
}

/** Decode a whole answer, or throw an Error that says what is wrong with it.
 * @param {Uint8Array} bytes @returns {RawTree} */
export function decodeTree(bytes) {
	if (bytes.length < FTTR_HEAD_BYTES || String.fromCharCode(...bytes.subarray(0, 4)) !== "FTTR")
		throw new Error("not a tree answer");
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const version = view.getUint16(4, true), flags = view.getUint16(6, true);
	if (version !== 1) throw new Error(`tree version ${version}, this viewer knows 1: reload the page`);
	const n = view.getUint32(8, true), nFrames = view.getUint32(12, true), nLibs = view.getUint32(16, true);
	const withBase = (flags & FTTR_FLAG_BASE) !== 0, withLines = (flags & FTTR_FLAG_LINES) !== 0;
	const sections = readSections(bytes, view, view.getUint32(20, true));
	const need = (tag) => {
		const section = sections.get(tag);
		if (!section) throw new Error(`section ${tag} is missing`);
		return section;
	};
	const head = readHead(view, flags);
	const strings = readStrings(need("STRS"));
	const libs = readLibs(nLibs ? need("LIBS") : new Uint8Array(), nLibs, strings);
	const frames = readFrames(need("FRAM"), nFrames, strings.length, nLibs, withLines);
	const nodes = readNodes(need("NODE"), n, nFrames, withBase);
	const pruned = readPruned(sections.get("PRUN"), n, withBase);
	const outcomes = readOutcomes(sections.get("OUTC"), strings);
	return { n, ...nodes, ...pruned, frames, strings, libs, head, outcomes };
}
