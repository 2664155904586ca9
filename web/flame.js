// flame.js - the flame graph on its canvas: which part of the tree is in sight, labels, what is
// under a point. Knows nothing of requests, links or keys.

import { clampNumber, formatNumber } from "./units.js";
import { boxAt, frameLabel } from "./tree.js";
import { depthAt, paintTree, rowTop } from "./raster.js";
import { blendPixel, framePixels } from "./palette.js";

const ROW_CSS = 18;
const FONT_CSS = 12;
const LABEL_MIN_CSS = 28;
const LABELS_MAX = 400;
const ZOOM_MS = 180;
/** Rows of ancestors left in sight above a frame that was zoomed to. */
const ROWS_ABOVE = 4;

export class FlameView {
	/** @param {HTMLCanvasElement} canvas filling a positioned parent
	 * @param {Theme} theme @param {() => void} onChange after each drawing */
	constructor(canvas, theme, onChange) {
		this.canvas = canvas;
		this.context = canvas.getContext("2d", { alpha: false });
		this.onChange = onChange;
		this.tree = null;
		this.theme = theme;
		this.ratio = 1;
		this.labels = true;
		this.focusDepthMax = 0;
		this.smallest = 1;
		this.frameWanted = 0;
		this.drawMs = 0;
		this.motion = null;
		this.image = null;
		this.boxes = [];
		this.widths = new Float32Array(0);
		this.scene = {
			from: 0, to: 1, scroll: 0, row: ROW_CSS, flip: false, focus: 0, cursor: -1, hover: -1, hits: null,
			colors: new Uint32Array(0), faded: new Uint32Array(0), dimmed: new Uint32Array(0), theme,
			labelWidth: LABEL_MIN_CSS,
		};
	}

	// Fit the canvas to its parent.
	resize() {
		const parent = this.canvas.parentElement;
		this.ratio = clampNumber(globalThis.devicePixelRatio || 1, 0.5, 4);
		const width = clampNumber(Math.round(parent.clientWidth * this.ratio), 1, 8192);
		const height = clampNumber(Math.round(parent.clientHeight * this.ratio), 1, 8192);
		if (this.image && width === this.canvas.width && height === this.canvas.height) return;
		this.canvas.width = width;
		this.canvas.height = height;
		this.image = this.context.createImageData(width, height);
		this.scene.row = Math.round(ROW_CSS * this.ratio);
		this.scene.labelWidth = Math.round(LABEL_MIN_CSS * this.ratio);
		this.widths.fill(0);
		this.scrollBy(0);
		this.draw();
	}

	// Show another tree, the same part of it in sight where `focus` is the old focus's place.
	setTree(tree, focus, keepPart) {
		const old = this.tree, { scene } = this;
		let start = 0, span = 1;
		if (keepPart && old && old.total[scene.focus] > 0) {
			// In the middle of a zoom, what counts is where it leads.
			const from = this.motion?.fromEnd ?? scene.from, to = this.motion?.toEnd ?? scene.to;
			start = (from - old.x[scene.focus]) / old.total[scene.focus];
			span = (to - from) / old.total[scene.focus];
		}
		this.tree = tree;
		this.boxes = [];
		this.widths = new Float32Array(tree.frames.n);
		this.smallest = smallestWeight(tree);
		this.motion = null;
		scene.cursor = scene.hover = -1;
		scene.hits = null;
		this.focusOn(focus);
		this.setTheme(this.theme);
		const width = tree.total[focus] || 1;
		this.setRange(tree.x[focus] + start * width, tree.x[focus] + (start + span) * width);
		this.scrollBy(0);
	}

	focusOn(node) {
		const tree = this.tree;
		this.scene.focus = node;
		this.focusDepthMax = tree.depth[node];
		for (let i = node; i < tree.end[node]; i++)
			if (tree.depth[i] > this.focusDepthMax) this.focusDepthMax = tree.depth[i];
	}

	setTheme(theme) {
		const { scene } = this;
		this.theme = scene.theme = theme;
		if (this.tree) {
			scene.colors = framePixels(this.tree, theme.dark);
			scene.faded = scene.colors.map((pixel) => blendPixel(pixel, theme.background, 0.45));
			scene.dimmed = scene.colors.map((pixel) => blendPixel(pixel, theme.background, 0.35));
		}
		this.wantFrame();
	}

	// Zoom so that the node fills the width.
	zoomTo(node, animate) {
		const tree = this.tree;
		if (!tree) return;
		const { scene } = this;
		this.focusOn(node);
		const to = { fromEnd: tree.x[node], toEnd: tree.x[node] + (tree.total[node] || 1) };
		if (animate && !globalThis.matchMedia("(prefers-reduced-motion: reduce)").matches)
			this.motion = { from: scene.from, to: scene.to, ...to, start: performance.now() };
		else this.setRange(to.fromEnd, to.toEnd);
		const top = tree.depth[node] * scene.row;
		const last = top + 3 * scene.row;
		if (top < scene.scroll || last > scene.scroll + this.canvas.height) scene.scroll = top - ROWS_ABOVE * scene.row;
		this.scrollBy(0);
	}

	/** @param {number} from @param {number} to weights */
	setRange(from, to) {
		const all = this.tree?.total[0] || 1;
		const span = clampNumber(to - from, Math.min(this.smallest, all), all);
		this.scene.from = clampNumber(from, 0, all - span);
		this.scene.to = this.scene.from + span;
		this.wantFrame();
	}

	/** @param {number} share of the width in sight, to the right */
	panBy(share) {
		const { from, to } = this.scene;
		this.motion = null;
		this.setRange(from + (to - from) * share, to + (to - from) * share);
	}

	/** @param {number} factor of the width in sight, below 1 to see less @param {number} place 0..1, what stays */
	zoomBy(factor, place) {
		const { from, to } = this.scene;
		const all = this.tree?.total[0] || 1;
		const span = clampNumber((to - from) * factor, Math.min(this.smallest, all), all);
		const fixed = from + (to - from) * place;
		this.motion = null;
		this.setRange(fixed - span * place, fixed + span * (1 - place));
	}

	/** @returns {number} pixels that the content is taller than the canvas */
	scrollMax() {
		return Math.max(0, (this.focusDepthMax + 2) * this.scene.row - this.canvas.height);
	}

	/** @param {number} pixels of the canvas, away from the root */
	scrollBy(pixels) {
		this.scene.scroll = Math.round(clampNumber(this.scene.scroll + pixels, 0, this.scrollMax()));
		this.wantFrame();
	}

	// Scroll and pan as little as shows the node.
	reveal(node) {
		const tree = this.tree;
		if (!tree) return;
		const { scene } = this, top = tree.depth[node] * scene.row, span = scene.to - scene.from;
		if (top < scene.scroll) this.scrollBy(top - scene.scroll);
		else if (top + 2 * scene.row > scene.scroll + this.canvas.height)
			this.scrollBy(top + 2 * scene.row - scene.scroll - this.canvas.height);
		const left = tree.x[node], right = left + tree.total[node];
		if (right <= scene.from || left >= scene.to) this.setRange((left + right - span) / 2, (left + right + span) / 2);
		this.wantFrame();
	}

	// What is at a point given in CSS pixels of the canvas; node -1 for nothing.
	boxAtPoint(x, y) {
		if (!this.tree) return { node: -1, hidden: false };
		const { scene, canvas } = this;
		const at = scene.from + ((x * this.ratio) / canvas.width) * (scene.to - scene.from);
		return boxAt(this.tree, depthAt(scene, canvas.height, Math.floor(y * this.ratio)), at);
	}

	// Draw at the next frame of the screen.
	wantFrame() {
		this.frameWanted ||= requestAnimationFrame(() => this.draw());
	}

	// Draw now.
	draw() {
		cancelAnimationFrame(this.frameWanted);
		this.frameWanted = 0;
		if (!this.image) return;
		const start = performance.now();
		if (this.motion) this.moveOn(start);
		const { tree, scene, context, image } = this;
		if (tree && tree.total[0] > 0) {
			const surface = { width: image.width, height: image.height, pixels: new Uint32Array(image.data.buffer) };
			this.boxes = paintTree(surface, tree, scene).boxes;
			context.putImageData(image, 0, 0);
			if (this.labels) this.drawLabels(tree);
		} else {
			this.boxes = [];
			context.fillStyle = this.theme.dark ? "#14171c" : "#ffffff";
			context.fillRect(0, 0, image.width, image.height);
		}
		this.drawMs = performance.now() - start;
		this.onChange();
	}

	moveOn(now) {
		const motion = this.motion;
		const part = clampNumber((now - motion.start) / ZOOM_MS, 0, 1), eased = 1 - (1 - part) ** 3;
		if (part === 1) this.motion = null;
		this.setRange(motion.from + (motion.fromEnd - motion.from) * eased, motion.to + (motion.toEnd - motion.to) * eased);
	}

	drawLabels(tree) {
		const { context, scene, ratio } = this;
		let labelled = this.boxes.filter((box) => box.right - box.left >= scene.labelWidth);
		if (labelled.length > LABELS_MAX)
			labelled = labelled.sort((a, b) => b.right - b.left - a.right + a.left).slice(0, LABELS_MAX);
		context.font = `${FONT_CSS * ratio}px system-ui, "DejaVu Sans", sans-serif`;
		context.textBaseline = "middle";
		context.direction = "ltr";
		const pad = 4 * ratio, middle = Math.floor((scene.row - 1) / 2) + ratio * 0.5;
		for (const box of labelled) {
			const room = box.right - box.left - 2 * pad;
			context.fillStyle = box.faded || (scene.hits && !scene.hits[tree.frame[box.node]]) ? this.theme.faded : this.theme.text;
			const text = box.hidden ? hiddenLabel(tree, box.node) : frameLabel(tree, tree.frame[box.node]);
			const shown = this.fitText(text, box.hidden ? -1 : tree.frame[box.node], room);
			if (shown) context.fillText(shown, box.left + pad, box.top + middle, room);
		}
	}

	/** As much of a text as fits; widths are measured once per frame.
	 * @param {string} text @param {number} frame -1 when the text is no frame's @param {number} room */
	fitText(text, frame, room) {
		// A name can be megabytes; no screen shows more than this.
		const head = text.length > 2000 ? text.slice(0, 2000) : text;
		let wide = frame < 0 ? 0 : this.widths[frame];
		if (!wide) {
			wide = this.context.measureText(head).width || 1;
			if (frame >= 0) this.widths[frame] = wide;
		}
		if (wide <= room) return head;
		const count = Math.floor((head.length * room) / wide) - 1;
		return count > 1 ? `${head.slice(0, count)}…` : "";
	}

	// Geometry for tests: CSS-independent pixels of every box that is labelled or marked.
	rects() {
		const { tree } = this;
		if (!tree) return [];
		return this.boxes.map((box) => ({
			x: box.left, y: box.top, w: box.right - box.left, hidden: box.hidden, faded: box.faded,
			name: box.hidden ? hiddenLabel(tree, box.node) : frameLabel(tree, tree.frame[box.node]),
			node: box.node,
		}));
	}

	// First line of a node's row, in CSS pixels.
	rowOf(node) {
		return rowTop(this.scene, this.canvas.height, this.tree?.depth[node] ?? 0) / this.ratio;
	}
}

/** @param {Tree} tree @param {number} node */
export function hiddenLabel(tree, node) {
	return `+${formatNumber(tree.hiddenCount.get(node) ?? 0)} hidden`;
}

/** Zooming ends where this fills the width. @param {Tree} tree */
function smallestWeight(tree) {
	let least = Infinity;
	for (let i = 0; i < tree.n; i++) if (tree.self[i] > 0 && tree.self[i] < least) least = tree.self[i];
	// Positions are sums of doubles: 2^40 below the whole keeps 13 bits for the pixel.
	return Math.max(Number.isFinite(least) ? least : 1, tree.total[0] / 2 ** 40);
}
