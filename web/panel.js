// panel.js - what the page says in words: status strip, tooltip, crumbs, legend, notices.
// Everything goes through textContent, since names are chosen by profiled programs.

import { formatCount, formatNumber, formatRate, formatShare, formatWeight } from "./units.js";
import { FRAME_KINDS } from "./fttr.js";
import { frameLabel, frameLibrary, frameSource, pathTo, siblingsOf } from "./tree.js";
import { heaviestLibraries, kindPixel, libraryPixel, pixelCss } from "./palette.js";

const CRUMBS_MAX = 12;
const LEGEND_LIBRARIES = 5;

function makeElement(tag, className, ...content) {
	const element = document.createElement(tag);
	element.className = className;
	element.append(...content);
	return element;
}

function shorten(name, most) {
	return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}

/** Whether the element does not say this yet: the same again would make a screen reader repeat it. */
export function isNews(element, text) {
	const news = element.dataset.text !== text;
	element.dataset.text = text;
	return news;
}

/** What is known of a box, its name first. @returns {string[]}
 * @param {Tree} tree @param {Metric} metric @param {{node: number, hidden: boolean}} box */
export function boxFacts(tree, metric, { node, hidden }, focus) {
	const frame = tree.frame[node], kind = FRAME_KINDS[tree.frames.kind[frame]], label = frameLabel(tree, frame);
	const total = hidden ? tree.hidden[node] : tree.total[node], self = hidden ? 0 : tree.self[node];
	const { scale, samples, windowUs } = tree.head, count = (samples * total) / (tree.head.total || 1), whole = Math.round(count);
	const share = (weight, of) => formatShare(weight / (tree.total[of] || 1));
	return [
		shorten(hidden ? `${formatNumber(tree.hiddenCount.get(node))} small callees of ${label}` : label, 600),
		kind !== "root" ? kind : node ? "process" : "everything",
		...(hidden ? [] : [frameLibrary(tree, frame), frameSource(tree, frame)]),
		`total ${formatWeight(total * scale, metric.unit)} · ${share(total, 0)} of all`,
		`self ${formatWeight(self * scale, metric.unit)} · ${share(self, 0)}`,
		focus && `${share(total, focus)} of view`,
		windowUs && formatRate((total * scale * 1e6) / windowUs, metric.unit),
		// Weighted samples have no exact number.
		`${Math.abs(count - whole) > 1e-6 * count ? "≈ " : ""}${formatCount(whole, "sample")}`,
	].filter(Boolean);
}

/** In the line below the graph, or in the tooltip. */
export function showFacts(element, [name, ...facts]) {
	element.replaceChildren(makeElement("bdi", "name", name), ...facts.map((fact) => makeElement("bdi", "fact", fact)));
}

/** Beside a point of the window. */
export function placeTip(tip, x, y) {
	tip.hidden = false;
	const { offsetWidth: wide, offsetHeight: tall } = tip;
	tip.style.left = `${Math.max(4, x + 14 + wide > innerWidth ? x - 14 - wide : x + 14)}px`;
	tip.style.top = `${Math.max(4, y + 18 + tall > innerHeight ? y - 12 - tall : y + 18)}px`;
}

/** For people who do not see the graph, one tree item says what the keyboard is on: a canvas has
 * no parts that a screen reader could visit. */
export function speakNode(host, tree, node, [name, ...facts]) {
	const item = host.querySelector("[role=treeitem]"), siblings = siblingsOf(tree, node);
	// A changed id makes readers notice the new content of the same element.
	item.id = item.id === "item-a" ? "item-b" : "item-a";
	item.ariaLevel = tree.depth[node] + 1;
	item.ariaPosInSet = siblings.indexOf(node) + 1;
	item.ariaSetSize = siblings.length;
	item.textContent = [shorten(name, 200), ...facts].join(", ");
	host.setAttribute("aria-activedescendant", item.id);
}

/** The way to the zoomed frame, each step a button. */
export function showCrumbs(list, tree, focus, go) {
	const path = pathTo(tree, focus), gap = path.length - CRUMBS_MAX;
	// The beginning says where, the end says what; a deep middle is left out, and said so.
	if (gap > 0) path.splice(3, gap + 1, -1);
	list.replaceChildren(...path.map((node) => {
		if (node < 0) return makeElement("li", "muted", `… ${formatNumber(gap + 1)} more …`);
		const button = makeElement("button", "", makeElement("bdi", "", shorten(frameLabel(tree, tree.frame[node]), 60)));
		if (node === focus) button.setAttribute("aria-current", "location");
		button.addEventListener("click", () => go(node));
		return makeElement("li", "", button);
	}));
}

/** The colours in sight; the rest of the legend is always the same. */
export function showLegend(list, tree, dark) {
	const entry = (text, pixel, className = "") => {
		const swatch = makeElement("span", `swatch ${className}`);
		swatch.style.backgroundColor = pixelCss(pixel);
		return makeElement("li", "color", swatch, makeElement("bdi", "", text));
	};
	for (const old of list.querySelectorAll(".color")) old.remove();
	list.prepend(entry("kernel", kindPixel("kernel", dark), "kernel"), entry("unknown", kindPixel("unknown", dark)),
		...heaviestLibraries(tree, LEGEND_LIBRARIES).map((name) => entry(name, libraryPixel(name, dark))));
}

export function showNotices(list, notices) {
	if (!isNews(list, notices.map((notice) => notice.text).join("\n"))) return;
	list.replaceChildren(...notices.map(({ warn, text }) => makeElement("p", warn ? "warn" : "", warn ? "⚠ " : "", text)));
}

/** The panel in place of the graph: empty, or an error, always with what to do. */
export function showMessage(panel, message) {
	panel.hidden = !message;
	if (!message || !isNews(panel, `${message.title}\n${message.advice}`)) return;
	panel.replaceChildren(makeElement("h2", "", message.title), makeElement("p", "", message.advice));
	if (!message.retry) return;
	const button = makeElement("button", "", "Try again");
	button.addEventListener("click", message.retry);
	panel.append(button);
}
