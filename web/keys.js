// keys.js - which key does what. Single letters act only while graph or timeline has the focus,
// so that they never get in the way of typing or of a screen reader's own keys.

/**
 * @typedef {"left" | "right" | "in" | "out" | "first" | "last" | "zoom-in" | "zoom-out" | "escape" |
 *	"reset" | "wider" | "narrower" | "pan-left" | "pan-right" | "next" | "previous" | "orientation" |
 *	"order" | "search" | "help" | "copy-name" | "copy-link"} Command
 */

/** @type {Record<string, Command>} */
const GRAPH_KEYS = {
	ArrowLeft: "left", ArrowRight: "right", Home: "first", End: "last", Enter: "zoom-in", Backspace: "zoom-out",
	0: "reset", "+": "narrower", "=": "narrower", "-": "wider", w: "narrower", s: "wider", a: "pan-left",
	d: "pan-right", n: "next", N: "previous", i: "orientation", o: "order", y: "copy-name",
};

/** @type {Record<string, Command>} */
const SHARED_KEYS = { "/": "search", "?": "help", p: "copy-link" };

/** What a key means, or null. Pure.
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean}} event
 * @param {"graph" | "timeline" | "other"} place where the focus is @param {boolean} flip roots at the bottom
 * @returns {Command | null} */
export function commandOf(event, place, flip) {
	if ((event.ctrlKey || event.metaKey) && event.key === "f") return "search";
	if (event.ctrlKey || event.metaKey || event.altKey) return null;
	if (event.key === "Escape") return "escape";
	if (place === "other") return null;
	if (place === "graph") {
		// Up and down follow the picture.
		if (event.key === "ArrowUp") return flip ? "in" : "out";
		if (event.key === "ArrowDown") return flip ? "out" : "in";
		if (Object.hasOwn(GRAPH_KEYS, event.key)) return GRAPH_KEYS[event.key];
	}
	return Object.hasOwn(SHARED_KEYS, event.key) ? SHARED_KEYS[event.key] : null;
}
