// panel.js - what the page says in words: status strip, tooltip, crumbs, legend, notices.
// Everything goes through textContent, since names are chosen by profiled programs.

import { formatNumber, formatRate, formatShare, formatWeight } from "./units.js";
import { FRAME_KINDS } from "./fttr.js";
import { frameLabel, frameLibrary, frameSource, pathTo } from "./tree.js";
import { heaviestLibraries, kindPixel, libraryPixel, pixelCss } from "./palette.js";

const CRUMBS_MAX = 12;
const LEGEND_LIBRARIES = 5;
const NAME_MAX = 600;

/** @param {string} tag @param {string} className @param {(Node | string)[]} content */
export function makeElement(tag, className, ...content) {
	const element = document.createElement(tag);
	if (className) element.className = className;
	element.append(...content);
	return element;
}

/**
 * The numbers of one frame.
 * @typedef {object} NodeFacts
 * @property {string} name
 * @property {string} kind
 * @property {string} library
 * @property {string} source
 * @property {string} total
 * @property {string} self
 * @property {string} ofAll
 * @property {string} ofView
 * @property {string} selfOfAll
 * @property {string} samples
 * @property {string} rate
 */

/** @param {Tree} tree @param {Metric} metric @param {number} node @param {number} focus
 * @param {boolean} hidden the left-out children of the node @returns {NodeFacts} */
export function nodeFacts(tree, metric, node, focus, hidden) {
	const frame = tree.frame[node], kind = FRAME_KINDS[tree.frames.kind[frame]];
	const total = hidden ? tree.hidden[node] : tree.total[node], self = hidden ? 0 : tree.self[node];
	const { scale, samples, windowUs } = tree.head, all = tree.total[0] || 1;
	const count = tree.head.total ? (samples * total) / tree.head.total : 0;
	const exact = Math.abs(count - Math.round(count)) < 1e-6 * Math.max(count, 1);
	const label = frameLabel(tree, frame);
	return {
		name: hidden ? `${formatNumber(tree.hiddenCount.get(node) ?? 0)} small callees of ${label}` : label,
		kind: kind === "root" ? (node === 0 ? "everything" : "process") : kind,
		library: hidden ? "" : frameLibrary(tree, frame),
		source: hidden ? "" : frameSource(tree, frame),
		total: formatWeight(total * scale, metric.unit),
		self: formatWeight(self * scale, metric.unit),
		ofAll: formatShare(total / all),
		ofView: formatShare(total / (tree.total[focus] || 1)),
		selfOfAll: formatShare(self / all),
		samples: `${exact ? "" : "≈ "}${formatNumber(Math.round(count))} ${Math.round(count) === 1 ? "sample" : "samples"}`,
		rate: windowUs ? formatRate((total * scale * 1e6) / windowUs, metric.unit) : "",
	};
}

/** One line for the strip below the graph. @param {HTMLElement} strip @param {NodeFacts | null} facts */
export function showStrip(strip, facts) {
	if (!facts) {
		strip.replaceChildren();
		return;
	}
	const part = (label, value) =>
		makeElement("span", "fact", makeElement("span", "key", label), " ", value);
	strip.replaceChildren(makeElement("bdi", "name", facts.name.slice(0, NAME_MAX)),
		...[facts.library].filter(Boolean).map((text) => makeElement("bdi", "fact", text)),
		part("total", `${facts.total} · ${facts.ofAll}`), part("self", `${facts.self} · ${facts.selfOfAll}`),
		...(facts.rate ? [makeElement("span", "fact", facts.rate)] : []), makeElement("span", "fact", facts.samples));
}

/** @param {HTMLElement} tip @param {NodeFacts} facts @param {string} hint */
export function fillTip(tip, facts, hint) {
	const list = makeElement("dl", "");
	const row = (label, value, more) => {
		if (value) list.append(makeElement("dt", "", label), makeElement("dd", "", value), makeElement("dd", "more", more));
	};
	row("total", facts.total, facts.rate);
	row("self", facts.self, facts.selfOfAll);
	row("of all", facts.ofAll, facts.samples);
	row("of view", facts.ofView, "");
	const where = [facts.kind, facts.library, facts.source].filter(Boolean).join(" · ");
	const name = facts.name.length > NAME_MAX ? `${facts.name.slice(0, NAME_MAX)}…` : facts.name;
	tip.replaceChildren(makeElement("bdi", "name", name), makeElement("bdi", "where", where), list,
		makeElement("p", "hint", hint));
}

/** Put the tip beside a point and inside the window.
 * @param {HTMLElement} tip @param {number} x @param {number} y client coordinates */
export function placeTip(tip, x, y) {
	tip.hidden = false;
	const wide = tip.offsetWidth, tall = tip.offsetHeight;
	const left = x + 14 + wide > innerWidth ? x - 14 - wide : x + 14;
	const top = y + 18 + tall > innerHeight ? y - 12 - tall : y + 18;
	tip.style.left = `${Math.max(4, left)}px`;
	tip.style.top = `${Math.max(4, top)}px`;
}

/** The way to the zoomed frame, each step a button.
 * @param {HTMLElement} list @param {Tree} tree @param {number} focus @param {(node: number) => void} go */
export function showCrumbs(list, tree, focus, go) {
	const path = pathTo(tree, focus);
	const cut = path.length > CRUMBS_MAX;
	// The beginning says where, the end says what; a deep middle is left out, and said so.
	const shown = cut ? [...path.slice(0, 3), -1, ...path.slice(path.length - CRUMBS_MAX + 4)] : path;
	list.replaceChildren(...shown.map((node) => {
		if (node < 0) return makeElement("li", "gap", `… ${path.length - CRUMBS_MAX + 1} more …`);
		const name = frameLabel(tree, tree.frame[node]);
		const button = makeElement("button", "", makeElement("bdi", "", name.length > 60 ? `${name.slice(0, 59)}…` : name));
		button.setAttribute("type", "button");
		if (node === focus) button.setAttribute("aria-current", "location");
		button.addEventListener("click", () => go(node));
		return makeElement("li", "", button);
	}));
}

/** @param {string} color CSS @param {string} className @param {string} text */
function legendEntry(color, className, text) {
	const swatch = makeElement("span", `swatch ${className}`);
	if (color) swatch.style.backgroundColor = color;
	return makeElement("li", "", swatch, makeElement("bdi", "", text));
}

/** @param {HTMLElement} list @param {Tree | null} tree @param {boolean} dark */
export function showLegend(list, tree, dark) {
	const libraries = tree ? heaviestLibraries(tree, LEGEND_LIBRARIES) : [];
	list.replaceChildren(
		legendEntry(pixelCss(kindPixel("kernel", dark)), "kernel", "kernel"),
		...libraries.map((library) => legendEntry(pixelCss(libraryPixel(library.name, dark)), "", library.name)),
		makeElement("li", "note", libraries.length ? "one hue per program or library" : ""),
		legendEntry(pixelCss(kindPixel("unknown", dark)), "", "unknown"),
		legendEntry("", "hatched", "too small to send: click to load"),
		legendEntry("", "matched", "search match"),
		legendEntry("", "missing", "timeline: nothing recorded"),
		legendEntry("", "lost", "timeline: samples lost"));
}

/** @param {HTMLElement} list @param {{kind: "info" | "warn", text: string}[]} notices */
export function showNotices(list, notices) {
	const text = notices.map((notice) => notice.text).join("\n");
	// Saying the same again would make a screen reader repeat it with every refresh.
	if (list.dataset.text === text) return;
	list.dataset.text = text;
	list.replaceChildren(...notices.map((notice) =>
		makeElement("li", notice.kind, makeElement("span", "mark", notice.kind === "warn" ? "⚠ " : ""), notice.text)));
}

/** The panel in place of the graph: empty, or an error, always with what to do.
 * @param {HTMLElement} panel @param {{title: string, advice: string, retry: (() => void) | null} | null} message */
export function showMessage(panel, message) {
	panel.hidden = !message;
	if (!message) return;
	const text = `${message.title}\n${message.advice}`;
	if (panel.dataset.text === text && panel.childElementCount) return;
	panel.dataset.text = text;
	panel.replaceChildren(makeElement("h2", "", message.title), makeElement("p", "", message.advice));
	if (!message.retry) return;
	const button = makeElement("button", "", "Try again");
	button.addEventListener("click", message.retry);
	panel.append(button);
}
