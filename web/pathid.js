// pathid.js - a short name for a path of functions that survives restarts, new builds and
// other windows: FNV-1a, 64 bits, over function NUL library NUL from below the root, written
// in base 32. Pure. A 64-bit number is held as two halves, which is far faster than BigInt.

import { frameLibrary, pathTo } from "./tree.js";

const FNV_HIGH = 0xcbf29ce4, FNV_LOW = 0x84222325;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const encoder = new TextEncoder();

function frameBytes(tree, frame) {
	return encoder.encode(`${tree.strings[tree.frames.name[frame]]}\0${frameLibrary(tree, frame)}\0`);
}

/** Set hash to the two halves after more bytes; the prime is 2^40 + 0x1b3. */
function hashStep(high, low, bytes, hash) {
	for (let i = 0; i < bytes.length; i++) {
		low = (low ^ bytes[i]) >>> 0;
		const product = low * 0x1b3;
		high = (high * 0x1b3 + low * 256 + Math.floor(product / 2 ** 32)) >>> 0;
		low = product >>> 0;
	}
	hash[0] = high;
	hash[1] = low;
}

/** The id of the path to a node, "" for the root. */
export function pathId(tree, node) {
	if (node <= 0) return "";
	const hash = [FNV_HIGH, FNV_LOW];
	for (const i of pathTo(tree, node).slice(1)) hashStep(...hash, frameBytes(tree, tree.frame[i]), hash);
	const bits = (BigInt(hash[0]) << 33n) | (BigInt(hash[1]) << 1n); // 65 bits: 13 letters of 5
	return Array.from(bits.toString(32).padStart(13, "0"), (digit) => BASE32[parseInt(digit, 32)]).join("");
}

/** The node with this path id, 0 for "", or -1. Hashes the whole tree: not for every frame drawn. */
export function findPathId(tree, id) {
	if (!id) return 0;
	if (!/^[a-z2-7]{13}$/.test(id)) return -1;
	const bits = Array.from(id).reduce((sum, letter) => sum * 32n + BigInt(BASE32.indexOf(letter)), 0n) >> 1n;
	const wantHigh = Number(bits >> 32n), wantLow = Number(bits & 0xffffffffn);
	const bytes = [], hash = [0, 0];
	const high = new Uint32Array(tree.maxDepth + 1).fill(FNV_HIGH), low = new Uint32Array(tree.maxDepth + 1).fill(FNV_LOW);
	for (let i = 1; i < tree.n; i++) {
		const d = tree.depth[i], frame = tree.frame[i];
		hashStep(high[d - 1], low[d - 1], (bytes[frame] ??= frameBytes(tree, frame)), hash);
		if (hash[0] === wantHigh && hash[1] === wantLow) return i;
		high[d] = hash[0];
		low[d] = hash[1];
	}
	return -1;
}
