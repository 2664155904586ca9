// pathid.js - a short name for a path of functions that survives restarts, new builds and
// other windows: FNV-1a, 64 bits, over function NUL library NUL from below the root, written
// in base 32. Pure. A 64-bit number is held as two halves, which is far faster than BigInt.

import { frameLibrary, pathTo } from "./tree.js";

const FNV_HIGH = 0xcbf29ce4, FNV_LOW = 0x84222325;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const ENCODER = new TextEncoder();

/** @param {Tree} tree @param {number} frame */
function hashBytes(tree, frame) {
	return ENCODER.encode(`${tree.strings[tree.frames.name[frame]]}\0${frameLibrary(tree, frame)}\0`);
}

/** Two halves of a hash after more bytes; the prime is 2^40 + 0x1b3.
 * @param {number} high @param {number} low @param {Uint8Array} bytes @param {Uint32Array} result */
function hashStep(high, low, bytes, result) {
	for (let i = 0; i < bytes.length; i++) {
		low = (low ^ bytes[i]) >>> 0;
		const product = low * 0x1b3;
		high = (high * 0x1b3 + low * 256 + Math.floor(product / 2 ** 32)) >>> 0;
		low = product >>> 0;
	}
	result[0] = high;
	result[1] = low;
}

/** @param {number} high @param {number} low */
function toBase32(high, low) {
	let bits = (BigInt(high) << 33n) | (BigInt(low) << 1n); // 65 bits: 13 letters of 5
	let text = "";
	for (let i = 0; i < 13; i++) {
		text = BASE32[Number(bits & 31n)] + text;
		bits >>= 5n;
	}
	return text;
}

/** The id of the path to a node, "" for the root. @param {Tree} tree @param {number} node */
export function pathId(tree, node) {
	if (node <= 0) return "";
	const hash = new Uint32Array([FNV_HIGH, FNV_LOW]);
	for (const i of pathTo(tree, node).slice(1)) hashStep(hash[0], hash[1], hashBytes(tree, tree.frame[i]), hash);
	return toBase32(hash[0], hash[1]);
}

/** The node with this path id, 0 for "", or -1. Hashes the whole tree: for a link, not for a frame.
 * @param {Tree} tree @param {string} id */
export function findPathId(tree, id) {
	if (!id) return 0;
	if (!/^[a-z2-7]{13}$/.test(id)) return -1;
	let bits = 0n;
	for (const letter of id) bits = (bits << 5n) | BigInt(BASE32.indexOf(letter));
	const wantHigh = Number((bits >> 33n) & 0xffffffffn), wantLow = Number((bits >> 1n) & 0xffffffffn);
	const bytes = new Array(tree.frames.n), hash = new Uint32Array(2);
	const high = new Uint32Array(tree.maxDepth + 1), low = new Uint32Array(tree.maxDepth + 1);
	high[0] = FNV_HIGH;
	low[0] = FNV_LOW;
	for (let i = 1; i < tree.n; i++) {
		const d = tree.depth[i], frame = tree.frame[i];
		bytes[frame] ??= hashBytes(tree, frame);
		hashStep(high[d - 1], low[d - 1], bytes[frame], hash);
		if (hash[0] === wantHigh && hash[1] === wantLow) return i;
		high[d] = hash[0];
		low[d] = hash[1];
	}
	return -1;
}
