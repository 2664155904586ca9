// raster.js - a tree as pixels, without a canvas. Pure, so the same input gives the same bytes.
//
// The walk is in pre-order and leaves out whole subtrees that are narrower than half a pixel
// or out of sight, so its cost follows the boxes drawn, not the nodes there are. Of each row
// only one line of pixels is painted box by box; the lines below it are copies of it.

import { hiddenStart } from "./tree.js";

/** @typedef {{width: number, height: number, pixels: Uint32Array}} Surface */

/**
 * What is to be seen. Lengths are in pixels of the surface, from and to in weight.
 * @typedef {object} Scene
 * @property {number} from
 * @property {number} to
 * @property {number} scroll
 * @property {number} row height of a row, gap included
 * @property {boolean} flip roots at the bottom
 * @property {number} focus zoomed node; its ancestors are faded
 * @property {number} cursor node with the keyboard, or -1
 * @property {number} hover node under the pointer, or -1
 * @property {Uint8Array | null} hits per frame, with a search
 * @property {Uint32Array} colors per frame
 * @property {Uint32Array} faded per frame
 * @property {Uint32Array} dimmed per frame
 * @property {Theme} theme
 * @property {number} labelWidth narrower boxes get no label
 */

/** A box on the surface. A label wants the visible part, and the node or, for a box of left-out
 * children, their parent.
 * @typedef {{node: number, hidden: boolean, left: number, right: number, top: number, faded: boolean}} Box */

const KERNEL = 2;
const MIN_BOX = 0.5;

/** First line of a depth's row. @param {Scene} scene @param {number} height @param {number} depth */
export function rowTop(scene, height, depth) {
	return scene.flip ? height - (depth + 1) * scene.row + scene.scroll : depth * scene.row - scene.scroll;
}

/** Depth of the row at a line. @param {Scene} scene @param {number} height @param {number} y */
export function depthAt(scene, height, y) {
	return Math.floor(((scene.flip ? height - 1 - y : y) + scene.scroll) / scene.row);
}

/** Paint everything and return what was painted.
 * @param {Surface} surface @param {Tree} tree @param {Scene} scene
 * @returns {{boxes: Box[], visited: number}} all boxes wide enough to say something about */
export function paintTree(surface, tree, scene) {
	const { width, height, pixels } = surface;
	const { x, total, end, depth, hidden } = tree;
	const k = width / (scene.to - scene.from), from = scene.from, lines = scene.row - 1;
	const rows = new Uint8Array(tree.maxDepth + 2);
	const boxes = [], extra = [];
	let visited = 0;
	pixels.fill(scene.theme.background);
	for (let i = 0, n = tree.n; i < n;) {
		visited++;
		const wide = total[i] * k, left = (x[i] - from) * k;
		const d = depth[i], top = rowTop(scene, height, d);
		if (left >= width || left + wide <= 0 || (scene.flip ? top + lines < 0 : top >= height)) {
			i = end[i];
			continue;
		}
		if (wide < MIN_BOX) {
			// Too narrow for a box, and its callees with it; a pixel says that it is no self time.
			if (wide > 0 && left >= 0 && top >= 0 && top + lines <= height) {
				rows[d] = 1;
				pixels[top * width + (left | 0)] = (scene.hits ? scene.dimmed : scene.faded)[tree.frame[i]];
			}
			i = end[i];
			continue;
		}
		if (hidden[i]) addHidden(extra, surface, tree, scene, i, k);
		const line = Math.max(top, 0);
		if (line < Math.min(top + lines, height)) {
			const l = Math.max(Math.round(left), 0);
			const r = Math.min(Math.round(left + wide) - (wide > 3 ? 1 : 0), width);
			if (r > l) {
				rows[d] = 1;
				paintSpan(pixels, line * width, l, r, tree, scene, i, left >= 0, boxes, top);
			}
		}
		i++;
	}
	copyRows(surface, scene, rows);
	for (const box of extra) paintHatch(surface, scene, box);
	paintFrames(surface, tree, scene, boxes);
	return { boxes: boxes.concat(extra), visited };
}

/** One box on its row's line.
 * @param {Uint32Array} pixels @param {number} base @param {number} l @param {number} r @param {Tree} tree
 * @param {Scene} scene @param {number} node @param {boolean} whole its left edge is in sight
 * @param {Box[]} boxes @param {number} top */
function paintSpan(pixels, base, l, r, tree, scene, node, whole, boxes, top) {
	const frame = tree.frame[node];
	const faded = node < scene.focus && tree.end[node] > scene.focus;
	const hit = scene.hits !== null && scene.hits[frame] === 1;
	const colors = faded ? scene.faded : scene.hits && !hit ? scene.dimmed : scene.colors;
	pixels.fill(colors[frame], base + l, base + r);
	const bar = Math.max(2, Math.round(scene.row / 9));
	if (tree.frames.kind[frame] === KERNEL && whole && r - l > 4 * bar)
		pixels.fill(scene.theme.kernelBar, base + l, base + l + bar);
	if (r - l >= scene.labelWidth || hit || node === scene.cursor || node === scene.hover)
		boxes.push({ node, hidden: false, left: l, right: r, top, faded });
}

/** @param {Surface} surface @param {Scene} scene @param {Uint8Array} rows which depths were painted */
function copyRows(surface, scene, rows) {
	const { width, height, pixels } = surface;
	for (let d = 0; d < rows.length; d++) {
		if (!rows[d]) continue;
		const top = rowTop(scene, height, d), first = Math.max(top, 0);
		const last = Math.min(top + scene.row - 1, height), base = first * width;
		for (let y = first + 1; y < last; y++) pixels.copyWithin(y * width, base, base + width);
	}
}

/** @param {Box[]} extra @param {Surface} surface @param {Tree} tree @param {Scene} scene @param {number} node
 * @param {number} k pixels per weight */
function addHidden(extra, surface, tree, scene, node, k) {
	const left = (hiddenStart(tree, node) - scene.from) * k, wide = tree.hidden[node] * k;
	const top = rowTop(scene, surface.height, tree.depth[node] + 1);
	const l = Math.max(Math.round(left), 0), r = Math.min(Math.round(left + wide) - (wide > 3 ? 1 : 0), surface.width);
	if (wide < MIN_BOX || r <= l || top >= surface.height || top + scene.row <= 0) return;
	extra.push({ node, hidden: true, left: l, right: r, top, faded: false });
}

/** @param {Surface} surface @param {Scene} scene @param {Box} box */
function paintHatch(surface, scene, box) {
	const { width, height, pixels } = surface, { hatchA, hatchB } = scene.theme;
	const stripe = Math.max(3, scene.row / 6) | 0;
	const last = Math.min(box.top + scene.row - 1, height);
	for (let y = Math.max(box.top, 0); y < last; y++)
		for (let x = box.left; x < box.right; x++)
			pixels[y * width + x] = ((x + y) / stripe) & 1 ? hatchA : hatchB;
}

/** Outlines: search matches, the pointer, the keyboard.
 * @param {Surface} surface @param {Tree} tree @param {Scene} scene @param {Box[]} boxes */
function paintFrames(surface, tree, scene, boxes) {
	const thick = Math.max(2, Math.round(scene.row / 9));
	const { outline, accent } = scene.theme;
	for (const box of boxes) {
		if (scene.hits && scene.hits[tree.frame[box.node]] && !box.faded) paintOutline(surface, scene, box, thick, outline);
		if (box.node === scene.hover) paintOutline(surface, scene, box, thick / 2 | 0, outline);
	}
	for (const box of boxes) if (box.node === scene.cursor) paintOutline(surface, scene, box, thick, accent);
}

/** @param {Surface} surface @param {Scene} scene @param {Box} box @param {number} thick @param {number} color */
function paintOutline(surface, scene, box, thick, color) {
	const { width, height, pixels } = surface;
	const last = box.top + scene.row - 1, side = Math.min(thick, Math.max(1, (box.right - box.left) >> 2));
	for (let y = Math.max(box.top, 0); y < Math.min(last, height); y++) {
		const base = y * width;
		if (y < box.top + thick || y >= last - thick) {
			pixels.fill(color, base + box.left, base + box.right);
			continue;
		}
		pixels.fill(color, base + box.left, base + box.left + side);
		pixels.fill(color, base + box.right - side, base + box.right);
	}
}
