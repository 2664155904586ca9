// raster.js - a tree as pixels, without a canvas. Pure, so the same input gives the same bytes.
//
// The walk is in pre-order and leaves out whole subtrees that are narrower than half a pixel
// or out of sight, so its cost follows the boxes drawn, not the nodes there are. Of each row
// only one line of pixels is painted box by box; the lines below it are copies of it.

import { hiddenStart } from "./tree.js";

/** @typedef {{width: number, height: number, pixels: Uint32Array}} Surface */

/**
 * Lengths are in pixels of the surface, from and to in weight.
 * @typedef {{from: number, to: number, scroll: number, row: number, flip: boolean, focus: number, cursor: number,
 *	hover: number, hits: Uint8Array | null, colors: Uint32Array, faded: Uint32Array, labelWidth: number,
 *	theme: Record<string, number>}} Scene
 * row: gap included; flip: roots at the bottom; focus: zoomed node, its ancestors are faded;
 * cursor, hover: -1 for none; hits, colors, faded: per frame */

/** A box on the surface, the part in sight; for left-out children with the node of their parent.
 * @typedef {{node: number, hidden: boolean, left: number, right: number, top: number, faded: boolean}} Box */

const KERNEL = 2;
const MIN_BOX = 0.5;

export function rowTop(scene, height, depth) {
	return scene.flip ? height - (depth + 1) * scene.row + scene.scroll : depth * scene.row - scene.scroll;
}

export function depthAt(scene, height, y) {
	return Math.floor(((scene.flip ? height - 1 - y : y) + scene.scroll) / scene.row);
}

/** Paint everything.
 * @returns {{boxes: Box[], visited: number}} all boxes wide enough to say something about */
export function paintTree(surface, tree, scene) {
	const { width, height, pixels } = surface, { x, total, end, depth, frame, hidden } = tree;
	const k = width / (scene.to - scene.from), lines = scene.row - 1;
	const rows = new Uint8Array(tree.maxDepth + 1), boxes = [], hatched = [];
	let visited = 0;
	pixels.fill(scene.theme.back);
	for (let i = 0; i < tree.n;) {
		visited++;
		const wide = total[i] * k, left = (x[i] - scene.from) * k, d = depth[i], top = rowTop(scene, height, d);
		// Below and beyond a box that is out of sight there is nothing to be seen.
		const seen = left < width && left + wide > 0 && (scene.flip ? top + lines >= 0 : top < height);
		if (!seen || wide < MIN_BOX) {
			// A pixel says that what is too narrow for a box is no self time.
			if (seen && wide > 0 && left >= 0 && top >= 0 && top + lines <= height) {
				rows[d] = 1;
				pixels[top * width + (left | 0)] = scene.faded[frame[i]];
			}
			i = end[i];
			continue;
		}
		const box = clipBox(i, left, wide, top, surface, lines);
		if (box) {
			rows[d] = 1;
			paintSpan(pixels, Math.max(top, 0) * width, box, left >= 0, tree, scene);
			if (box.right - box.left >= scene.labelWidth || scene.hits?.[frame[i]] || i === scene.cursor || i === scene.hover)
				boxes.push(box);
		}
		if (hidden[i]) {
			const rest = clipBox(i, (hiddenStart(tree, i) - scene.from) * k, hidden[i] * k, rowTop(scene, height, d + 1), surface, lines);
			if (rest) hatched.push({ ...rest, hidden: true });
		}
		i++;
	}
	copyRows(surface, scene, rows);
	for (const box of hatched) paintHatch(surface, scene, box);
	paintOutlines(surface, tree, scene, boxes);
	return { boxes: boxes.concat(hatched), visited };
}

function clipBox(node, left, wide, top, { width, height }, lines) {
	const l = Math.max(Math.round(left), 0), r = Math.min(Math.round(left + wide) - (wide > 3 ? 1 : 0), width);
	return wide >= MIN_BOX && r > l && top < height && top + lines > 0 ?
		{ node, hidden: false, left: l, right: r, top, faded: false } : null;
}

/** One box on its row's line, which begins at `base`; `whole`: its left edge is in sight. */
function paintSpan(pixels, base, box, whole, tree, scene) {
	const { node, left, right } = box, frame = tree.frame[node], bar = edgeWidth(scene);
	box.faded = node < scene.focus && tree.end[node] > scene.focus;
	pixels.fill((box.faded || (scene.hits && !scene.hits[frame]) ? scene.faded : scene.colors)[frame], base + left, base + right);
	if (tree.frames.kind[frame] === KERNEL && whole && right - left > 4 * bar)
		pixels.fill(scene.theme.kernel, base + left, base + left + bar);
}

function edgeWidth(scene) {
	return Math.max(2, Math.round(scene.row / 9));
}

function copyRows({ width, height, pixels }, scene, rows) {
	for (let d = 0; d < rows.length; d++) {
		if (!rows[d]) continue;
		const top = rowTop(scene, height, d), first = Math.max(top, 0), last = Math.min(top + scene.row - 1, height);
		for (let y = first + 1; y < last; y++) pixels.copyWithin(y * width, first * width, (first + 1) * width);
	}
}

function paintHatch({ width, height, pixels }, scene, box) {
	const stripe = Math.max(3, scene.row / 6) | 0, last = Math.min(box.top + scene.row - 1, height);
	for (let y = Math.max(box.top, 0); y < last; y++)
		for (let x = box.left; x < box.right; x++)
			pixels[y * width + x] = ((x + y) / stripe) & 1 ? scene.theme.line : scene.theme.panel;
}

/** Search matches, the pointer, and above all the keyboard. */
function paintOutlines(surface, tree, scene, boxes) {
	const thick = edgeWidth(scene), { text, accent } = scene.theme;
	for (const box of boxes) {
		if (scene.hits?.[tree.frame[box.node]] && !box.faded) paintOutline(surface, scene, box, thick, text);
		if (box.node === scene.hover) paintOutline(surface, scene, box, thick >> 1, text);
	}
	for (const box of boxes) if (box.node === scene.cursor) paintOutline(surface, scene, box, thick, accent);
}

function paintOutline({ width, height, pixels }, scene, { left, right, top }, thick, color) {
	const last = top + scene.row - 1, side = Math.min(thick, Math.max(1, (right - left) >> 2));
	for (let y = Math.max(top, 0); y < Math.min(last, height); y++) {
		const base = y * width, edge = y < top + thick || y >= last - thick;
		pixels.fill(color, base + left, base + (edge ? right : left + side));
		pixels.fill(color, base + right - side, base + right);
	}
}
