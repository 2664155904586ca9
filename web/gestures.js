// gestures.js - pointer and wheel on the flame graph as pans, zooms, picks. Scrolling is the
// browser's own.

const DRAG_START_PX = 4;

/** @param {GraphPanel} panel */
export function listenGestures(panel) {
	const { view, host } = panel, down = new Map();
	let dragged = false;
	const local = (event) => {
		const box = host.getBoundingClientRect();
		return { x: event.clientX - box.left, y: event.clientY - box.top };
	};

	host.addEventListener("wheel", (event) => {
		const dx = event.deltaX || (event.shiftKey ? event.deltaY : 0);
		if (event.ctrlKey || event.metaKey) view.zoomBy(Math.exp(event.deltaY * 0.002), local(event).x / host.clientWidth);
		else if (Math.abs(dx) >= Math.abs(event.deltaY)) view.panBy(dx / host.clientWidth);
		else return;
		event.preventDefault();
	}, { passive: false });

	host.addEventListener("pointerdown", (event) => {
		const at = local(event);
		if (event.button !== 0 || at.x >= host.clientWidth) return; // that is the scroll bar
		down.set(event.pointerId, at);
		dragged = down.size > 1;
		host.setPointerCapture(event.pointerId);
	});

	host.addEventListener("pointermove", (event) => {
		const at = local(event), before = down.get(event.pointerId);
		if (!before) {
			if (event.pointerType === "mouse") panel.hover(at.x, at.y);
			return;
		}
		if (!dragged && Math.hypot(at.x - before.x, at.y - before.y) < DRAG_START_PX) return;
		dragged = true;
		panel.leave();
		down.set(event.pointerId, at);
		// Each of two fingers moves their middle by half; their distance zooms.
		view.panBy((before.x - at.x) / down.size / host.clientWidth);
		const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
		if (!other) host.scrollTop += before.y - at.y;
		else if (Math.min(Math.abs(before.x - other.x), Math.abs(at.x - other.x)) > 10)
			view.zoomBy(Math.abs((before.x - other.x) / (at.x - other.x)), (at.x + other.x) / 2 / host.clientWidth);
	});

	const release = (event) => {
		const { x, y } = local(event);
		if (down.delete(event.pointerId) && !dragged && event.type === "pointerup") panel.pick(x, y);
	};
	host.addEventListener("pointerup", release);
	host.addEventListener("pointercancel", release);
	host.addEventListener("pointerleave", () => panel.leave());
}
