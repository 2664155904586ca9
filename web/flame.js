// flame.js - the flame graph on its canvas: which part of the tree is in sight, and how.
//
// The host scrolls as any element does, but its canvas is only as large as what is in sight and
// stays where it is; what scrolls is an empty element as tall as the graph.

import { clampNumber, formatNumber } from "./units.js";
import { boxAt, frameLabel } from "./tree.js";
import { depthAt, paintTree } from "./raster.js";
import { blendPixel, framePixels } from "./palette.js";

const ROW_CSS = 18;
const FONT_CSS = 12;
const LABEL_MIN_CSS = 28;
const LABELS_MAX = 400;
const ZOOM_MS = 180;
/** Rows of ancestors left in sight above a frame that was zoomed to. */
const ROWS_ABOVE = 4;

export class FlameView {
	constructor(host) {
		this.host = host;
		this.canvas = host.querySelector("canvas");
		this.context = this.canvas.getContext("2d", { alpha: false });
		this.tree = this.image = this.motion = null;
		this.frameWanted = 0;
		this.smallest = 1;
		this.boxes = [];
		/** @type {Scene} */
		this.scene = { from: 0, to: 1, scroll: 0, row: ROW_CSS, flip: false, focus: 0, cursor: -1, hover: -1, hits: null };
		host.addEventListener("scroll", () => this.wantFrame(), { passive: true });
	}

	resize() {
		const { host, canvas, scene } = this, ratio = clampNumber(devicePixelRatio, 0.5, 4);
		const [width, height] = [host.clientWidth, host.clientHeight].map((css) => clampNumber(Math.round(css * ratio), 1, 8192));
		if (this.image && width === canvas.width && height === canvas.height && ratio === this.ratio) return;
		Object.assign(canvas, { width, height });
		canvas.style.height = `${host.clientHeight}px`;
		this.ratio = ratio;
		this.image = this.context.createImageData(width, height);
		scene.row = Math.round(ROW_CSS * ratio);
		scene.labelWidth = Math.round(LABEL_MIN_CSS * ratio);
		this.widths?.fill(0);
		// Not what the host says now: it has another height already.
		if (this.tree) this.focusOn(scene.focus, scene.scroll);
		this.draw();
	}

	// Show another tree, the same part of it in sight where `focus` is the old focus's place.
	setTree(tree, focus, keepPart) {
		const old = this.tree, { scene } = this;
		let start = 0, span = 1;
		if (keepPart && old?.total[scene.focus]) {
			// In the middle of a zoom, what counts is where it leads.
			const { from, to } = this.motion?.goal ?? scene;
			start = (from - old.x[scene.focus]) / old.total[scene.focus];
			span = (to - from) / old.total[scene.focus];
		}
		this.tree = tree;
		this.boxes = [];
		this.widths = new Float32Array(tree.frames.n);
		const least = tree.self.reduce((low, weight) => (weight > 0 && weight < low ? weight : low), Infinity);
		// Zooming ends where this fills the width. Positions are sums of doubles: 2^40 below the
		// whole keeps 13 bits for the pixel.
		this.smallest = Math.min(Math.max(least, tree.total[0] / 2 ** 40), tree.total[0] || 1);
		this.motion = null;
		Object.assign(scene, { cursor: -1, hover: -1, hits: null });
		this.focusOn(focus);
		this.setTheme(this.theme);
		const width = tree.total[focus] || 1;
		this.setRange(tree.x[focus] + start * width, tree.x[focus] + (start + span) * width);
	}

	focusOn(node, scroll = this.scroll) {
		const { tree, scene } = this;
		const deepest = tree.depth.subarray(node, tree.end[node]).reduce((most, depth) => Math.max(most, depth), 0);
		scene.focus = node;
		this.canvas.parentElement.style.height = `${((deepest + 2) * scene.row) / this.ratio}px`;
		this.scroll = scroll;
	}

	setTheme(theme) {
		this.theme = theme;
		this.scene.theme = theme.pixel;
		if (this.tree) {
			this.scene.colors = framePixels(this.tree, theme.dark);
			this.scene.faded = this.scene.colors.map((pixel) => blendPixel(pixel, theme.pixel.back, 0.4));
		}
		this.wantFrame();
	}

	setFlip(flip) {
		const { scroll } = this;
		this.scene.flip = flip;
		this.scroll = scroll;
	}

	/** Canvas pixels of the graph that are out of sight at the end where the root is. */
	get scroll() {
		const { scrollTop, scrollHeight, clientHeight } = this.host;
		return Math.round((this.scene.flip ? scrollHeight - clientHeight - scrollTop : scrollTop) * this.ratio);
	}

	set scroll(pixels) {
		const { host } = this, css = pixels / this.ratio;
		this.scene.scroll = Math.max(pixels, 0);
		host.scrollTop = this.scene.flip ? host.scrollHeight - host.clientHeight - css : css;
		this.wantFrame();
	}

	zoomTo(node) {
		const { tree, scene } = this, top = tree.depth[node] * scene.row;
		this.focusOn(node);
		const goal = { from: tree.x[node], to: tree.x[node] + (tree.total[node] || 1) };
		if (!matchMedia("(prefers-reduced-motion: reduce)").matches)
			this.motion = { old: { from: scene.from, to: scene.to }, goal, start: performance.now() };
		else this.setRange(goal.from, goal.to);
		if (top < this.scroll || top + 3 * scene.row > this.scroll + this.canvas.height) this.scroll = top - ROWS_ABOVE * scene.row;
		this.wantFrame();
	}

	setRange(from, to) {
		const all = this.tree?.total[0] || 1, span = clampNumber(to - from, this.smallest, all);
		this.scene.from = clampNumber(from, 0, all - span);
		this.scene.to = this.scene.from + span;
		this.wantFrame();
	}

	/** By a share of the width in sight, to the right. */
	panBy(share) {
		const { from, to } = this.scene, shift = (to - from) * share;
		this.motion = null;
		this.setRange(from + shift, to + shift);
	}

	/** See `factor` of the width in sight; what is at `place`, 0..1, stays there. */
	zoomBy(factor, place) {
		const { from, to } = this.scene;
		const span = clampNumber((to - from) * factor, this.smallest, this.tree?.total[0] || 1);
		const fixed = from + (to - from) * place;
		this.motion = null;
		this.setRange(fixed - span * place, fixed + span * (1 - place));
	}

	reveal(node) {
		const { tree, scene, canvas } = this, top = tree.depth[node] * scene.row, span = scene.to - scene.from;
		this.scroll = clampNumber(this.scroll, top + 2 * scene.row - canvas.height, top);
		const left = tree.x[node], right = left + tree.total[node];
		if (right <= scene.from || left >= scene.to) this.setRange((left + right - span) / 2, (left + right + span) / 2);
	}

	// What is at a point given in CSS pixels of the canvas; node -1 for nothing.
	boxAtPoint(x, y) {
		const { tree, scene, canvas, ratio } = this;
		if (!tree) return { node: -1, hidden: false };
		const at = scene.from + ((x * ratio) / canvas.width) * (scene.to - scene.from);
		return boxAt(tree, depthAt(scene, canvas.height, Math.floor(y * ratio)), at);
	}

	wantFrame() {
		this.frameWanted ||= requestAnimationFrame(() => this.draw());
	}

	draw() {
		cancelAnimationFrame(this.frameWanted);
		this.frameWanted = 0;
		const { tree, scene, context, image } = this;
		if (!image) return;
		if (this.motion) this.moveOn();
		if (!tree?.total[0]) {
			this.boxes = [];
			context.fillStyle = this.theme.css.back;
			context.fillRect(0, 0, image.width, image.height);
			return;
		}
		scene.scroll = this.scroll;
		const surface = { width: image.width, height: image.height, pixels: new Uint32Array(image.data.buffer) };
		this.boxes = paintTree(surface, tree, scene).boxes;
		context.putImageData(image, 0, 0);
		this.drawLabels(tree);
	}

	moveOn() {
		const { old, goal, start } = this.motion;
		const part = clampNumber((performance.now() - start) / ZOOM_MS, 0, 1), eased = 1 - (1 - part) ** 3;
		if (part === 1) this.motion = null;
		this.setRange(old.from + (goal.from - old.from) * eased, old.to + (goal.to - old.to) * eased);
	}

	drawLabels(tree) {
		const { context, scene, ratio, theme } = this, width = (box) => box.right - box.left;
		let labelled = this.boxes.filter((box) => width(box) >= scene.labelWidth);
		if (labelled.length > LABELS_MAX) labelled = labelled.sort((a, b) => width(b) - width(a)).slice(0, LABELS_MAX);
		context.font = `${FONT_CSS * ratio}px system-ui, "DejaVu Sans", sans-serif`;
		context.textBaseline = "middle";
		context.direction = "ltr";
		const pad = 4 * ratio, middle = Math.floor((scene.row - 1) / 2) + ratio * 0.5;
		for (const box of labelled) {
			const frame = tree.frame[box.node], room = width(box) - 2 * pad;
			context.fillStyle = box.faded || (scene.hits && !scene.hits[frame]) ? theme.css.muted : theme.css.text;
			const text = this.fitText(this.labelOf(box), box.hidden ? -1 : frame, room);
			if (text) context.fillText(text, box.left + pad, box.top + middle, room);
		}
	}

	/** As much of a text as fits. Widths are measured once per frame; -1 is none. */
	fitText(text, frame, room) {
		// A name can be megabytes; no screen shows more than this.
		const head = text.slice(0, 2000), wide = this.widths[frame] || this.context.measureText(head).width;
		if (frame >= 0) this.widths[frame] = wide;
		if (wide <= room) return head;
		const count = Math.floor((head.length * room) / wide) - 1;
		return count > 1 ? `${head.slice(0, count)}…` : "";
	}

	labelOf({ node, hidden }) {
		const { tree } = this;
		return hidden ? `+${formatNumber(tree.hiddenCount.get(node))} hidden` : frameLabel(tree, tree.frame[node]);
	}
}
