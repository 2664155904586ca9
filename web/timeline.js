// timeline.js - the metric over time, and the brush that chooses the window.

import { clampNumber, formatClock, formatRate, formatSpan, timeTicks } from "./units.js";

/** @typedef {{from: number, to: number}} Span µs since the epoch */

const AXIS_PX = 16;
const BRUSH_START_PX = 4;
const HANDLE_PX = 8;
/** The shortest window a drag or a key can choose. */
const SPAN_MIN_US = 1e4;

/** What the timeline says about the honesty of a window. Pure.
 * @param {Timeline | null} timeline @param {Span} span */
export function checkWindow(timeline, span) {
	const { from_us: from, step_us: step, series, lost } = timeline ?? { series: [] };
	const columns = (series[0]?.v ?? []).map((value, i) => ({ value, lost: lost?.[i] ?? 0, at: from + (i + 0.5) * step }))
		.filter(({ at }) => at >= span.from && at < span.to);
	const missing = columns.filter(({ value }) => value === null).length;
	return {
		lost: columns.reduce((sum, column) => sum + column.lost, 0),
		missingUs: missing && missing * step, allMissing: missing > 0 && missing === columns.length,
	};
}

/**
 * @typedef {object} TimelineHandlers
 * @property {(span: Span) => void} select a window was chosen
 * @property {(span: Span) => void} preview a window is being chosen
 * @property {(span: Span | null) => void} range other times are to be shown; null for all there is
 */

export class TimelineView {
	/** @param {HTMLElement} host @param {TimelineHandlers} handlers */
	constructor(host, handlers) {
		this.host = host;
		this.handlers = handlers;
		this.canvas = host.querySelector("canvas");
		this.context = this.canvas.getContext("2d");
		this.brush = host.querySelector(".brush");
		this.data = this.drag = null;
		this.range = this.span = { from: 0, to: 1 };
		this.listen();
		new ResizeObserver(() => this.draw()).observe(host);
	}

	/** @param {Timeline} data @param {Span} range @param {string} unit */
	setData(data, range, unit) {
		Object.assign(this, { data, range, unit });
		this.draw();
	}

	/** @param {Span} span the chosen window */
	setSpan(span) {
		if (this.drag) return;
		this.span = span;
		this.placeBrush();
	}

	setTheme(theme) {
		this.theme = theme;
		this.draw();
	}

	/** @param {number} x CSS pixels @returns {number} µs */
	timeAt(x) {
		const { from, to } = this.range;
		return Math.round(from + clampNumber(x / this.host.clientWidth, 0, 1) * (to - from));
	}

	/** @param {number} us @returns {number} CSS pixels */
	placeOf(us) {
		const { from, to } = this.range;
		return ((us - from) / (to - from)) * this.host.clientWidth;
	}

	placeBrush() {
		const { brush, span, range } = this;
		const [left, right] = [span.from, span.to].map((us) => clampNumber(this.placeOf(us), 0, this.host.clientWidth));
		brush.style.left = `${left}px`;
		brush.style.width = `${Math.max(right - left, 3)}px`;
		brush.ariaValueMin = range.from / 1e6;
		brush.ariaValueMax = range.to / 1e6;
		brush.ariaValueNow = span.to / 1e6;
		brush.ariaValueText = formatSpan(span.from, span.to, range.to);
	}

	listen() {
		const { host } = this, local = (event) => event.clientX - host.getBoundingClientRect().left;
		host.addEventListener("pointerdown", (event) => {
			if (event.button !== 0) return;
			const x = local(event), { from, to } = this.span, near = (us) => Math.abs(x - this.placeOf(us)) < HANDLE_PX;
			// Near an edge of the brush that edge moves, the other one stays.
			this.drag = { x, fixed: near(from) ? to : near(to) ? from : this.timeAt(x), moved: false };
			host.setPointerCapture(event.pointerId);
			this.brush.focus({ preventScroll: true });
			event.preventDefault();
		});
		host.addEventListener("pointermove", (event) => {
			const x = local(event), { drag } = this;
			if (!drag || (!drag.moved && Math.abs(x - drag.x) < BRUSH_START_PX)) return;
			drag.moved = true;
			this.setWindow(this.timeAt(x), drag.fixed);
			this.handlers.preview(this.span);
		});
		host.addEventListener("pointerup", (event) => {
			const { drag } = this;
			this.drag = null;
			if (drag?.moved) this.handlers.select(this.span);
			else if (drag && event.detail < 2) this.moveTo(this.timeAt(local(event)));
		});
		host.addEventListener("pointercancel", () => (this.drag = null));
		host.addEventListener("dblclick", () => this.handlers.range(null));
		host.addEventListener("wheel", (event) => {
			event.preventDefault();
			const { from, to } = this.range, fixed = this.timeAt(local(event));
			const pan = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
			const factor = pan ? 1 : Math.exp(clampNumber(event.deltaY, -200, 200) * 0.002);
			const shift = pan ? ((event.deltaX || event.deltaY) / host.clientWidth) * (to - from) : 0;
			const first = Math.round(fixed - (fixed - from) * factor + shift);
			this.handlers.range({ from: first, to: first + Math.round((to - from) * factor) });
		}, { passive: false });
		this.brush.addEventListener("keydown", (event) => this.onKey(event));
	}

	// A window of the same length around a time.
	moveTo(at) {
		const { range, span } = this, size = span.to - span.from;
		const from = clampNumber(at - size / 2, range.from, Math.max(range.from, range.to - size));
		this.choose(from, from + size);
	}

	/** Between two times in any order. */
	setWindow(a, b) {
		const from = Math.round(Math.min(a, b));
		this.span = { from, to: Math.max(Math.round(Math.max(a, b)), from + SPAN_MIN_US) };
		this.placeBrush();
	}

	choose(from, to) {
		this.setWindow(from, to);
		this.handlers.select(this.span);
	}

	onKey(event) {
		if (event.ctrlKey || event.metaKey || event.altKey) return;
		const { from, to } = this.span, size = to - from;
		const step = { ArrowLeft: -0.1, ArrowRight: 0.1, ",": -1, ".": 1 }[event.key] * size;
		if (step && event.shiftKey) this.choose(from, Math.max(to + step, from + SPAN_MIN_US));
		else if (step) this.choose(from + step, to + step);
		else if (event.key === "<") this.choose(from + size / 4, to - size / 4);
		else if (event.key === ">") this.choose(from - size / 2, to + size / 2);
		else return;
		event.preventDefault();
	}

	draw() {
		const { host, canvas, context, theme } = this, ratio = clampNumber(devicePixelRatio, 0.5, 4);
		const width = host.clientWidth, height = host.clientHeight;
		// This also clears it.
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(height * ratio);
		context.scale(ratio, ratio);
		context.fillStyle = theme.css.back;
		context.fillRect(0, 0, width, height);
		this.drawColumns(height - AXIS_PX);
		this.drawAxis(width, height);
		this.placeBrush();
	}

	/** @param {number} floor y of zero */
	drawColumns(floor) {
		const { data, context, theme } = this, values = data?.series[0]?.v ?? [];
		const most = values.reduce((a, b) => Math.max(a, b), 0);
		values.forEach((value, i) => {
			const left = this.placeOf(data.from_us + i * data.step_us);
			// Columns overlap by a hair, or their seams would show as stripes.
			const wide = this.placeOf(data.from_us + (i + 1) * data.step_us) - left + 0.4;
			const tall = value && Math.max((value / most) * (floor - 6), 1);
			context.fillStyle = theme.css.area;
			// Where nothing was recorded, the hatched background of the canvas is seen.
			if (value === null) context.clearRect(left, 4, wide, floor - 4);
			else context.fillRect(left, floor - tall, wide, tall);
			context.fillStyle = theme.css.lost;
			if (data.lost?.[i]) context.fillRect(left, 0, Math.max(wide, 2), 3);
		});
		context.font = '11px system-ui, "DejaVu Sans", sans-serif';
		context.textBaseline = "middle";
		if (!most) return;
		const text = formatRate(most, this.unit);
		context.globalAlpha = 0.8;
		context.fillStyle = theme.css.back;
		context.fillRect(4, 4, context.measureText(text).width + 8, 15);
		context.globalAlpha = 1;
		context.fillStyle = theme.css.muted;
		context.fillText(text, 8, 12);
	}

	drawAxis(width, height) {
		const { context, theme, range } = this, top = height - AXIS_PX;
		context.fillStyle = theme.css.line;
		context.fillRect(0, top, width, 1);
		context.fillStyle = theme.css.muted;
		for (const tick of timeTicks(range.from, range.to, width / 110)) {
			const x = this.placeOf(tick), text = formatClock(tick), half = context.measureText(text).width / 2;
			context.fillRect(Math.round(x), top, 1, 4);
			if (x > half && x + half < width) context.fillText(text, x - half, top + AXIS_PX / 2 + 1);
		}
	}
}
