// timeline.js - the metric over time, and the brush that chooses the window.

import { clampNumber, formatClock, formatRate, formatSpan, timeTicks } from "./units.js";

/** @typedef {{from: number, to: number}} Span µs since the epoch */

const AXIS_PX = 16;
const BRUSH_START_PX = 4;
const HANDLE_PX = 8;
/** The shortest window a drag or a key can choose. */
const SPAN_MIN_US = 1e4;

/**
 * @typedef {object} TimelineHandlers
 * @property {(span: Span) => void} select a window was chosen
 * @property {(span: Span) => void} preview a window is being chosen
 * @property {(span: Span | null) => void} range other times are to be shown; null for all there is
 */

/** Columns of the timeline that lie in a window, and what they say about its honesty. Pure.
 * @param {Timeline | null} timeline @param {Span} span */
export function checkWindow(timeline, span) {
	let lost = 0, missing = 0, columns = 0;
	const values = timeline?.series[0]?.v ?? [];
	for (let i = 0; timeline && i < values.length; i++) {
		const at = timeline.from_us + (i + 0.5) * timeline.step_us;
		if (at < span.from || at >= span.to) continue;
		columns++;
		lost += timeline.lost?.[i] ?? 0;
		if (values[i] === null) missing++;
	}
	return { lost, missingUs: missing * (timeline?.step_us ?? 0), allMissing: columns > 0 && missing === columns };
}

export class TimelineView {
	constructor(host, handlers, theme) {
		this.host = host;
		this.handlers = handlers;
		this.theme = theme;
		this.canvas = host.querySelector("canvas");
		this.context = this.canvas.getContext("2d", { alpha: false });
		this.brush = host.querySelector(".brush");
		this.data = null;
		this.unit = "";
		this.range = { from: 0, to: 1 };
		this.span = { from: 0, to: 1 };
		this.drag = null;
		this.listen();
	}

	setData(data, range, unit) {
		this.data = data;
		this.range = range;
		this.unit = unit;
		this.draw();
	}

	/** @param {Span} span the chosen window */
	setSpan(span) {
		if (this.drag) return;
		this.span = span;
		this.placeBrush();
	}

	/** @param {number} x CSS pixels @returns {number} µs */
	timeAt(x) {
		const { from, to } = this.range;
		return Math.round(from + clampNumber(x / (this.host.clientWidth || 1), 0, 1) * (to - from));
	}

	/** @param {number} us @returns {number} CSS pixels */
	placeOf(us) {
		const { from, to } = this.range;
		return ((us - from) / (to - from || 1)) * this.host.clientWidth;
	}

	placeBrush() {
		const left = clampNumber(this.placeOf(this.span.from), 0, this.host.clientWidth);
		const right = clampNumber(this.placeOf(this.span.to), 0, this.host.clientWidth);
		const { brush } = this;
		brush.style.left = `${left}px`;
		brush.style.width = `${Math.max(right - left, 3)}px`;
		brush.setAttribute("aria-valuemin", String(Math.round(this.range.from / 1e6)));
		brush.setAttribute("aria-valuemax", String(Math.round(this.range.to / 1e6)));
		brush.setAttribute("aria-valuenow", String(Math.round(this.span.to / 1e6)));
		brush.setAttribute("aria-valuetext", formatSpan(this.span.from, this.span.to, this.range.to));
	}

	listen() {
		const { host } = this;
		const local = (event) => event.clientX - host.getBoundingClientRect().left;
		host.addEventListener("pointerdown", (event) => {
			if (event.button !== 0) return;
			const x = local(event), left = this.placeOf(this.span.from), right = this.placeOf(this.span.to);
			// Near an edge of the brush that edge moves, the other one stays.
			const edge = Math.abs(x - left) < HANDLE_PX ? this.span.to : Math.abs(x - right) < HANDLE_PX ? this.span.from : -1;
			this.drag = { edge: edge < 0 ? this.timeAt(x) : edge, x, moved: false };
			host.setPointerCapture(event.pointerId);
			this.brush.focus({ preventScroll: true });
			event.preventDefault();
		});
		host.addEventListener("pointermove", (event) => {
			const x = local(event);
			if (!this.drag || (!this.drag.moved && Math.abs(x - this.drag.x) < BRUSH_START_PX)) return;
			this.drag.moved = true;
			const at = this.timeAt(x), { edge } = this.drag;
			this.span = { from: Math.min(at, edge), to: Math.max(at, edge, Math.min(at, edge) + SPAN_MIN_US) };
			this.placeBrush();
			this.handlers.preview(this.span);
		});
		host.addEventListener("pointerup", (event) => {
			const drag = this.drag;
			this.drag = null;
			if (!drag) return;
			if (drag.moved) this.choose(this.span.from, this.span.to);
			else if (event.detail < 2) this.moveTo(this.timeAt(local(event)));
		});
		host.addEventListener("pointercancel", () => (this.drag = null));
		host.addEventListener("dblclick", () => this.handlers.range(null));
		host.addEventListener("wheel", (event) => {
			event.preventDefault();
			const size = this.range.to - this.range.from, fixed = this.timeAt(local(event));
			const pan = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
			const factor = pan ? 1 : Math.exp(clampNumber(event.deltaY, -200, 200) * 0.002);
			const shift = pan ? ((event.deltaX || event.deltaY) / (host.clientWidth || 1)) * size : 0;
			const from = fixed - (fixed - this.range.from) * factor + shift;
			this.handlers.range({ from: Math.round(from), to: Math.round(from + size * factor) });
		}, { passive: false });
		this.brush.addEventListener("keydown", (event) => this.onKey(event));
	}

	// A window of the same length around a time.
	moveTo(at) {
		const half = (this.span.to - this.span.from) / 2;
		const from = clampNumber(at - half, this.range.from, Math.max(this.range.from, this.range.to - 2 * half));
		this.choose(from, from + 2 * half);
	}

	choose(from, to) {
		const first = Math.round(Math.min(from, to));
		this.span = { from: first, to: Math.max(Math.round(Math.max(from, to)), first + SPAN_MIN_US) };
		this.placeBrush();
		this.handlers.select(this.span);
	}

	onKey(event) {
		const { from, to } = this.span, size = to - from;
		const way = event.key === "ArrowLeft" || event.key === "," ? -1 : event.key === "ArrowRight" || event.key === "." ? 1 : 0;
		if (event.ctrlKey || event.metaKey || event.altKey) return;
		if (way && event.shiftKey) this.choose(from, Math.max(to + way * size * 0.1, from + SPAN_MIN_US));
		else if (way) this.choose(from + way * size * (event.key.length === 1 ? 1 : 0.1), to + way * size * (event.key.length === 1 ? 1 : 0.1));
		else if (event.key === "<") this.choose(from + size / 4, to - size / 4);
		else if (event.key === ">") this.choose(from - size / 2, to + size / 2);
		else return;
		event.preventDefault();
	}

	draw() {
		const { host, canvas, context, theme } = this;
		const ratio = clampNumber(globalThis.devicePixelRatio || 1, 0.5, 4);
		const width = Math.max(1, Math.round(host.clientWidth * ratio)), height = Math.max(1, Math.round(host.clientHeight * ratio));
		if (canvas.width !== width || canvas.height !== height) {
			canvas.width = width;
			canvas.height = height;
		}
		context.setTransform(ratio, 0, 0, ratio, 0, 0);
		context.fillStyle = theme.dark ? "#14171c" : "#ffffff";
		context.fillRect(0, 0, width, height);
		this.drawColumns(host.clientHeight - AXIS_PX);
		this.drawAxis(host.clientWidth, host.clientHeight);
		this.placeBrush();
	}

	/** @param {number} floor y of zero */
	drawColumns(floor) {
		const { data, context, theme } = this;
		const values = data?.series[0]?.v ?? [];
		const most = values.reduce((a, b) => Math.max(a, b ?? 0), 0);
		const area = theme.dark ? "#d9793a" : "#e58a48";
		const hatch = this.makeHatch();
		for (let i = 0; data && i < values.length; i++) {
			const left = this.placeOf(data.from_us + i * data.step_us), right = this.placeOf(data.from_us + (i + 1) * data.step_us);
			const value = values[i];
			// Columns overlap by a hair, or their seams would show as stripes.
			const wide = right - left + 0.4;
			if (value === null || value === undefined) {
				context.fillStyle = hatch;
				context.fillRect(left, 4, wide, floor - 4);
			} else if (value > 0) {
				const tall = Math.max((value / most) * (floor - 6), 1);
				context.fillStyle = area;
				context.fillRect(left, floor - tall, wide, tall);
			}
			if (data.lost?.[i]) {
				context.fillStyle = theme.dark ? "#ff8a80" : "#b3261e";
				context.fillRect(left, 0, Math.max(wide, 2), 3);
			}
		}
		if (most > 0) this.drawTop(formatRate(most, this.unit));
	}

	makeHatch() {
		const { theme, context } = this;
		const tile = document.createElement("canvas");
		tile.width = tile.height = 8;
		const pen = tile.getContext("2d");
		pen.fillStyle = theme.dark ? "#1b1f26" : "#f3f4f6";
		pen.fillRect(0, 0, 8, 8);
		pen.strokeStyle = theme.dark ? "#333945" : "#dcdfe5";
		pen.lineWidth = 1.5;
		pen.beginPath();
		for (const shift of [-8, 0, 8]) {
			pen.moveTo(shift, 8);
			pen.lineTo(shift + 8, 0);
		}
		pen.stroke();
		return context.createPattern(tile, "repeat") ?? "#888888";
	}

	/** @param {string} text the highest value, at the top of the scale */
	drawTop(text) {
		const { context, theme } = this;
		context.font = '11px system-ui, "DejaVu Sans", sans-serif';
		context.textBaseline = "top";
		const wide = context.measureText(text).width;
		context.globalAlpha = 0.8;
		context.fillStyle = theme.dark ? "#14171c" : "#ffffff";
		context.fillRect(4, 4, wide + 8, 15);
		context.globalAlpha = 1;
		context.fillStyle = theme.muted;
		context.fillText(text, 8, 6);
	}

	drawAxis(width, height) {
		const { context, theme, range } = this;
		context.font = '11px system-ui, "DejaVu Sans", sans-serif';
		context.textBaseline = "middle";
		context.fillStyle = theme.dark ? "#2a2f38" : "#e3e5ea";
		context.fillRect(0, height - AXIS_PX, width, 1);
		for (const tick of timeTicks(range.from, range.to, width / 110)) {
			const x = this.placeOf(tick), text = formatClock(tick), wide = context.measureText(text).width;
			context.fillStyle = theme.muted;
			context.fillRect(Math.round(x), height - AXIS_PX, 1, 4);
			if (x + wide / 2 < width && x > wide / 2) context.fillText(text, x - wide / 2, height - AXIS_PX / 2 + 1);
		}
	}
}
