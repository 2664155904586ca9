// speech.js - the graph for people who do not see it: one tree item that says what the keyboard
// is on. A canvas has no parts that a screen reader could visit.

import { frameLabel, siblingPlace } from "./tree.js";

/** @param {HTMLElement} host element with role "tree" @param {HTMLElement} item its one item
 * @param {Tree} tree @param {number} node @param {NodeFacts} facts
 * @param {boolean} match whether the search meets it */
export function speakNode(host, item, tree, node, facts, match) {
	const { place, count } = siblingPlace(tree, node);
	const name = frameLabel(tree, tree.frame[node]);
	const parts = [name.length > 200 ? `${name.slice(0, 200)}…` : name, facts.kind, facts.library,
		`total ${facts.ofAll}, ${facts.total}`, `self ${facts.self}`, facts.samples];
	if (match) parts.push("search match");
	if (tree.hidden[node]) parts.push(`${tree.hiddenCount.get(node)} small callees not loaded`);
	// A changed id makes readers notice the new content of the same element.
	item.id = item.id === "ft-item-a" ? "ft-item-b" : "ft-item-a";
	item.setAttribute("aria-level", String(tree.depth[node] + 1));
	item.setAttribute("aria-posinset", String(place));
	item.setAttribute("aria-setsize", String(count));
	item.setAttribute("aria-selected", "true");
	item.textContent = parts.filter(Boolean).join(", ");
	host.setAttribute("aria-activedescendant", item.id);
}
