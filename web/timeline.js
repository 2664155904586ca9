// timeline.js - the metric over time, and the brush that chooses the window.

import { clampNumber, formatClock, formatRate, formatSpan, timeTicks } from "./units.js";

/** @typedef {{from: number, to: number}} Span µs since the epoch */

/** Height of the columns before the browser scales them. */
const COLUMN_PX = 128;
const BRUSH_START_PX = 4;
const HANDLE_PX = 8;
/** The shortest window a drag or a key can choose. */
const SPAN_MIN_US = 1e4;

/** What the timeline says about the honesty of a window. Pure. */
export function checkWindow(timeline, { from, to }) {
	const sums = { lost: 0, missingUs: 0, recordedUs: 0 };
	timeline?.series[0]?.v.forEach((value, i) => {
		const at = timeline.from_us + (i + 0.5) * timeline.step_us;
		if (at < from || at >= to) return;
		sums.lost += timeline.lost?.[i] ?? 0;
		sums[value === null ? "missingUs" : "recordedUs"] += timeline.step_us;
	});
	return sums;
}

export class TimelineView {
	constructor(app) {
		const host = (this.host = app.find("timeline"));
		this.app = app;
		this.canvas = host.querySelector("canvas");
		this.context = this.canvas.getContext("2d");
		this.brush = host.querySelector(".brush");
		this.data = this.drag = null;
		this.range = this.span = { from: 0, to: 1 };
		this.listen();
		addEventListener("resize", () => this.draw()); // for the number of ticks
	}

	setData(data, range, unit) {
		Object.assign(this, { data, range, unit });
		this.draw();
	}

	setSpan(span) {
		if (this.drag) return;
		this.span = span;
		this.placeBrush();
	}

	setTheme(theme) {
		this.theme = theme;
		this.draw();
	}

	/** µs at CSS pixels. */
	timeAt(x) {
		const { from, to } = this.range;
		return Math.round(from + clampNumber(x / this.host.clientWidth, 0, 1) * (to - from));
	}

	placeOf(us) {
		const { from, to } = this.range;
		return ((us - from) / (to - from)) * this.host.clientWidth;
	}

	/** Put an element where these times are, as far as they are in sight. */
	place(element, from, to) {
		const [left, right] = [from, to].map((us) => clampNumber(this.placeOf(us) / this.host.clientWidth, 0, 1) * 100);
		element.style.left = `${left}%`;
		element.style.width = `${right - left}%`;
	}

	placeBrush() {
		const { brush, span, range } = this;
		this.place(brush, span.from, span.to);
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
			this.app.find("span").textContent = formatSpan(this.span.from, this.span.to, this.range.to);
		});
		host.addEventListener("pointerup", (event) => {
			const { drag } = this;
			this.drag = null;
			if (drag?.moved) this.app.change({ window: this.span });
			else if (drag && event.detail < 2) this.moveTo(this.timeAt(local(event)));
		});
		host.addEventListener("pointercancel", () => (this.drag = null));
		host.addEventListener("dblclick", () => this.app.setRange(null));
		host.addEventListener("wheel", (event) => {
			event.preventDefault();
			const { from, to } = this.range, fixed = this.timeAt(local(event));
			const pan = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
			const factor = pan ? 1 : Math.exp(clampNumber(event.deltaY, -200, 200) * 0.002);
			const shift = pan ? ((event.deltaX || event.deltaY) / host.clientWidth) * (to - from) : 0;
			const first = Math.round(fixed - (fixed - from) * factor + shift);
			this.app.setRange({ from: first, to: first + Math.round((to - from) * factor) });
		}, { passive: false });
		this.brush.addEventListener("keydown", (event) => this.onKey(event));
	}

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
		this.app.change({ window: this.span });
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
		const { data, canvas, context, range, theme: { css } } = this, values = data?.series[0]?.v ?? [];
		const most = values.reduce((a, b) => Math.max(a, b), 0);
		// One pixel is one column, which the browser makes as wide as it lasted.
		canvas.width = values.length;
		canvas.height = COLUMN_PX;
		this.place(canvas, data?.from_us, data?.from_us + values.length * data?.step_us);
		const fill = (color, i, top, height) => {
			context.fillStyle = color;
			context.fillRect(i, top, 1, height);
		};
		values.forEach((value, i) => {
			// Where nothing was recorded, the hatched background of the canvas is seen.
			if (value !== null) fill(css.back, i, 0, COLUMN_PX);
			const tall = value && Math.max((value / most) * (COLUMN_PX - 10), 2);
			fill(css.area, i, COLUMN_PX - tall, tall);
			if (data.lost?.[i]) fill(css.lost, i, 0, 6);
		});
		this.host.querySelector(".top").textContent = most ? formatRate(most, this.unit) : "";
		const ticks = timeTicks(range.from, this.timeAt(this.host.clientWidth - 60), this.host.clientWidth / 110);
		this.host.querySelector(".axis").replaceChildren(...ticks.map((at) => {
			const tick = document.createElement("span");
			tick.textContent = formatClock(at);
			this.place(tick, at, at);
			return tick;
		}));
		this.placeBrush();
	}
}
