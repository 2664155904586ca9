// palette.js - colours of frames as pixels. Pure. A library keeps its hue for ever, because
// the hue comes from its name without the version; kinds that have no library have fixed ones.

import { FRAME_KINDS } from "./fttr.js";
import { frameLibrary } from "./tree.js";

/**
 * @typedef {object} Theme colours as pixels (ABGR), except text, which is CSS
 * @property {boolean} dark
 * @property {number} background
 * @property {number} accent
 * @property {number} outline around search matches
 * @property {number} kernelBar at the left edge of kernel frames
 * @property {number} hatchA
 * @property {number} hatchB
 * @property {string} text on frames
 * @property {string} faded text on faded frames
 * @property {string} muted text on the background
 */

/** @param {number} r @param {number} g @param {number} b */
export function packPixel(r, g, b) {
	return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
}

/** @param {string} hex "#rrggbb" */
export function hexPixel(hex) {
	const value = parseInt(hex.slice(1), 16);
	return packPixel(value >> 16, (value >> 8) & 255, value & 255);
}

/** @param {number} hue degrees @param {number} saturation 0..1 @param {number} light 0..1 */
export function hslPixel(hue, saturation, light) {
	const chroma = saturation * Math.min(light, 1 - light);
	const part = (n) => {
		const k = (n + hue / 30) % 12;
		return Math.round(255 * (light - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
	};
	return packPixel(part(0), part(8), part(4));
}

/** `share` of the colour, the rest background. @param {number} color @param {number} background @param {number} share */
export function blendPixel(color, background, share) {
	let out = 0xff000000;
	for (let shift = 0; shift < 24; shift += 8) {
		const a = (color >>> shift) & 255, b = (background >>> shift) & 255;
		out |= Math.round(a * share + b * (1 - share)) << shift;
	}
	return out >>> 0;
}

/** @param {boolean} dark @returns {Theme} */
export function makeTheme(dark) {
	const hex = (light, night) => hexPixel(dark ? night : light);
	return {
		dark,
		background: hex("#ffffff", "#14171c"),
		accent: hex("#0b57d0", "#8ab4f8"),
		outline: hex("#111111", "#f2f2f2"),
		kernelBar: hex("#8a4b08", "#f2b36b"),
		hatchA: hex("#d5d8de", "#3a3f4a"),
		hatchB: hex("#f3f4f6", "#22262e"),
		text: dark ? "#f2f2f2" : "#111111",
		faded: dark ? "#c3c7cf" : "#3c4048",
		muted: dark ? "#a5abb6" : "#555b66",
	};
}

/** Library name without its version: libc-2.36.so and libc.so.6 are one hue.
 * @param {string} library */
export function libraryStem(library) {
	return library.replace(/\.so(\.\d+)*$/, "").replace(/[-_.]?\d+(\.\d+)*$/, "").toLowerCase();
}

/** @param {string} text */
function hueOf(text) {
	let hash = 0x811c9dc5;
	for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
	// The low bits of FNV follow the last letter; mix before taking a share of the circle.
	hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
	return ((hash ^ (hash >>> 13)) >>> 0) % 360;
}

/** Colour of frames of one library. @param {string} library @param {boolean} dark */
export function libraryPixel(library, dark) {
	return dark ? hslPixel(hueOf(libraryStem(library)), 0.42, 0.27) : hslPixel(hueOf(libraryStem(library)), 0.5, 0.78);
}

/** Colour of frames that no library explains. @param {string} kind @param {boolean} dark */
export function kindPixel(kind, dark) {
	if (kind === "root") return hexPixel(dark ? "#3a3f4a" : "#e6e6e6");
	if (kind === "kernel") return hexPixel(dark ? "#6b4416" : "#f2b36b");
	if (kind === "jit") return hexPixel(dark ? "#2d5a2d" : "#a8d8a8");
	return hexPixel(dark ? "#454a53" : "#dddddd");
}

/** One pixel per frame. @param {Tree} tree @param {boolean} dark @returns {Uint32Array} */
export function framePixels(tree, dark) {
	const pixels = new Uint32Array(tree.frames.n);
	const known = new Map();
	for (let i = 0; i < pixels.length; i++) {
		const kind = FRAME_KINDS[tree.frames.kind[i]], library = frameLibrary(tree, i);
		if (kind === "root" || kind === "kernel" || !library) {
			pixels[i] = kindPixel(kind, dark);
			continue;
		}
		let pixel = known.get(library);
		if (pixel === undefined) known.set(library, (pixel = libraryPixel(library, dark)));
		pixels[i] = pixel;
	}
	return pixels;
}

/** CSS of a pixel, for legends. @param {number} pixel */
export function pixelCss(pixel) {
	return `rgb(${pixel & 255} ${(pixel >>> 8) & 255} ${(pixel >>> 16) & 255})`;
}

/** The heaviest libraries by self weight, for the legend.
 * @param {Tree} tree @param {number} count @returns {{name: string, self: number}[]} */
export function heaviestLibraries(tree, count) {
	const sums = new Map();
	const perFrame = new Float64Array(tree.frames.n);
	for (let i = 0; i < tree.n; i++) perFrame[tree.frame[i]] += tree.self[i];
	for (let i = 0; i < perFrame.length; i++) {
		const kind = FRAME_KINDS[tree.frames.kind[i]], library = frameLibrary(tree, i);
		if (kind === "root" || kind === "kernel" || !library || !perFrame[i]) continue;
		sums.set(library, (sums.get(library) ?? 0) + perFrame[i]);
	}
	return [...sums].map(([name, self]) => ({ name, self })).sort((a, b) => b.self - a.self).slice(0, count);
}
