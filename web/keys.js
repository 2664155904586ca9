// keys.js - which key does what. Single letters act only while graph or timeline has the focus,
// so that they never get in the way of typing or of a screen reader's own keys.

const GRAPH_KEYS = {
	ArrowLeft: "left", ArrowRight: "right", Home: "first", End: "last", Enter: "zoom-in", Backspace: "zoom-out",
	0: "reset", "+": "narrower", "=": "narrower", "-": "wider", w: "narrower", s: "wider", a: "pan-left",
	d: "pan-right", n: "next", N: "previous", i: "orientation", o: "order", y: "copy-name",
};
const SHARED_KEYS = { "/": "search", "?": "help", p: "copy-link" };

/** The command that a key means, or null. Pure.
 * @param {"graph" | "timeline" | "other"} place where the focus is @param {boolean} flip roots at the bottom */
export function commandOf({ key, ctrlKey, metaKey, altKey }, place, flip) {
	if ((ctrlKey || metaKey) && key === "f") return "search";
	if (ctrlKey || metaKey || altKey) return null;
	if (key === "Escape") return "escape";
	if (place === "other") return null;
	// Up and down follow the picture.
	const arrows = flip ? { ArrowUp: "in", ArrowDown: "out" } : { ArrowUp: "out", ArrowDown: "in" };
	const keys = { __proto__: null, ...SHARED_KEYS, ...(place === "graph" && { ...GRAPH_KEYS, ...arrows }) };
	return keys[key] ?? null;
}
