// palette.js - colours of frames as pixels (ABGR). A library keeps its colour for ever, because
// it comes from its name without the version; kinds that have no library have fixed ones.

import { FRAME_KINDS } from "./fttr.js";
import { frameLibrary } from "./tree.js";

const KIND_COLORS = { root: ["#e6e6e6", "#3a3f4a"], kernel: ["#f2b36b", "#6b4416"], jit: ["#a8d8a8", "#2d5a2d"] };
const UNKNOWN_COLORS = ["#dddddd", "#454a53"];

const pen = globalThis.document?.createElement("canvas").getContext("2d");

function cssPixel(css) {
	pen.fillStyle = css;
	const value = parseInt(pen.fillStyle.slice(1), 16);
	return (0xff000000 | ((value & 255) << 16) | (value & 0xff00) | (value >> 16)) >>> 0;
}

export function pixelCss(pixel) {
	return `rgb(${pixel & 255} ${(pixel >>> 8) & 255} ${(pixel >>> 16) & 255})`;
}

/** `share` of the colour, the rest background. */
export function blendPixel(color, background, share) {
	let out = 0xff000000;
	for (let shift = 0; shift < 24; shift += 8)
		out |= Math.round(((color >>> shift) & 255) * share + ((background >>> shift) & 255) * (1 - share)) << shift;
	return out >>> 0;
}

/** Colour of all frames of a library: libc-2.36.so and libc.so.6 have the same. */
export function libraryPixel(library, dark) {
	const stem = library.replace(/\.so(\.\d+)*$/, "").replace(/[-_.]?\d+(\.\d+)*$/, "").toLowerCase();
	let hash = 0x811c9dc5;
	for (const letter of stem) hash = Math.imul(hash ^ letter.codePointAt(0), 0x01000193);
	// The low bits of FNV follow the last letter; mix before taking a share of the circle.
	hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
	hash = (hash ^ (hash >>> 13)) >>> 0;
	// Neighbours on the circle differ in light as well.
	const light = (dark ? 25 : 75) + ((hash >>> 9) % 3) * 4;
	return cssPixel(`hsl(${hash % 360} ${dark ? 42 : 52}% ${light}%)`);
}

export function kindPixel(kind, dark) {
	return cssPixel((KIND_COLORS[kind] ?? UNKNOWN_COLORS)[dark ? 1 : 0]);
}

/** The library that gives a frame its colour, or "". */
function colorLibrary(tree, frame) {
	const kind = FRAME_KINDS[tree.frames.kind[frame]];
	return kind === "root" || kind === "kernel" ? "" : frameLibrary(tree, frame);
}

export function framePixels(tree, dark) {
	const known = new Map();
	return Uint32Array.from(tree.frames.kind, (kind, frame) => {
		const library = colorLibrary(tree, frame);
		const key = library || kind;
		if (!known.has(key)) known.set(key, library ? libraryPixel(library, dark) : kindPixel(FRAME_KINDS[kind], dark));
		return known.get(key);
	});
}

/** Names of the libraries with the most weight of their own. */
export function heaviestLibraries(tree, count) {
	const perFrame = new Float64Array(tree.frames.n), sums = new Map();
	for (let i = 0; i < tree.n; i++) perFrame[tree.frame[i]] += tree.self[i];
	perFrame.forEach((weight, frame) => {
		const library = weight && colorLibrary(tree, frame);
		if (library) sums.set(library, (sums.get(library) ?? 0) + weight);
	});
	return [...sums].sort((a, b) => b[1] - a[1]).slice(0, count).map(([name]) => name);
}

/** The colours of style.css, as CSS and as pixels.
 * @returns {{dark: boolean, css: Record<string, string>, pixel: Record<string, number>}} */
export function readTheme(root, dark) {
	const css = {}, pixel = {};
	for (const name of ["back", "panel", "line", "text", "muted", "accent", "kernel", "area", "lost"]) {
		// As the colour of an element it comes back as rgb().
		root.style.color = `var(--${name})`;
		css[name] = getComputedStyle(root).color;
		pixel[name] = cssPixel(css[name]);
	}
	root.style.color = "";
	return { dark, css, pixel };
}
