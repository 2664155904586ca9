// gestures.js - pointer and wheel on the flame graph as pans, zooms, picks.

const DRAG_START_PX = 4;
const WHEEL_LINE_PX = 36;

/**
 * @typedef {object} GestureHandlers
 * @property {(x: number, y: number) => void} pick a click or tap, in CSS pixels
 * @property {(x: number, y: number) => void} hover
 * @property {() => void} leave
 */

/** Listen on the element that holds the canvas.
 * @param {HTMLElement} element @param {FlameView} view @param {GestureHandlers} handlers */
export function listenGestures(element, view, handlers) {
	const down = new Map();
	let dragged = false;
	const local = (event) => {
		const box = element.getBoundingClientRect();
		return { x: event.clientX - box.left, y: event.clientY - box.top };
	};

	element.addEventListener("wheel", (event) => {
		event.preventDefault();
		const unit = event.deltaMode === 1 ? WHEEL_LINE_PX : event.deltaMode === 2 ? element.clientHeight : 1;
		const dx = event.deltaX * unit, dy = event.deltaY * unit;
		if (event.ctrlKey || event.metaKey) view.zoomBy(Math.exp(dy * 0.002), local(event).x / element.clientWidth);
		else if (event.shiftKey && !dx) view.panBy(dy / element.clientWidth);
		else {
			if (dx) view.panBy(dx / element.clientWidth);
			if (dy) view.scrollBy((view.scene.flip ? -dy : dy) * view.ratio);
		}
	}, { passive: false });

	element.addEventListener("pointerdown", (event) => {
		if (event.button !== 0) return;
		down.set(event.pointerId, local(event));
		dragged = down.size > 1;
		element.setPointerCapture(event.pointerId);
	});

	element.addEventListener("pointermove", (event) => {
		const at = local(event), before = down.get(event.pointerId);
		if (!before) {
			if (event.pointerType === "mouse") handlers.hover(at.x, at.y);
			return;
		}
		if (!dragged && Math.hypot(at.x - before.x, at.y - before.y) < DRAG_START_PX) return;
		if (!dragged) handlers.leave();
		dragged = true;
		if (down.size === 2) pinch(down, event.pointerId, at, view, element.clientWidth);
		else {
			view.panBy((before.x - at.x) / element.clientWidth);
			view.scrollBy((before.y - at.y) * view.ratio * (view.scene.flip ? -1 : 1));
		}
		down.set(event.pointerId, at);
	});

	const release = (event) => {
		const was = down.delete(event.pointerId);
		if (was && !dragged && event.type === "pointerup") handlers.pick(local(event).x, local(event).y);
		if (!down.size) dragged = false;
	};
	element.addEventListener("pointerup", release);
	element.addEventListener("pointercancel", release);
	element.addEventListener("pointerleave", () => handlers.leave());
}

/** Two fingers: their distance zooms, their middle pans.
 * @param {Map<number, {x: number, y: number}>} down @param {number} id the one that moved
 * @param {{x: number, y: number}} at @param {FlameView} view @param {number} width */
function pinch(down, id, at, view, width) {
	const other = [...down].find(([key]) => key !== id)?.[1], before = down.get(id);
	if (!other || !before) return;
	const old = Math.abs(before.x - other.x), now = Math.abs(at.x - other.x);
	view.panBy((before.x - at.x) / 2 / width);
	if (old > 10 && now > 10) view.zoomBy(old / now, (at.x + other.x) / 2 / width);
}
