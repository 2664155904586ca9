// graph.js - the flame graph panel: the canvas with its tooltip, strip, crumbs and keyboard.
// What the person does here that others must know goes to the handlers.

import { FlameView } from "./flame.js";
import { listenGestures } from "./gestures.js";
import { frameLabel, neighbour } from "./tree.js";
import { nodeFacts, showCrumbs, showStrip, showTip, speakNode } from "./panel.js";

const TIP_DELAY_MS = 250;
const NOTHING = { node: -1, hidden: false };

/**
 * @typedef {object} GraphHandlers
 * @property {(node: number) => void} zoomed the person zoomed to a frame
 * @property {(node: number) => void} more the person wants the left-out children of a frame
 * @property {(text: string) => void} copy
 */

export class GraphPanel {
	/** @param {(id: string) => HTMLElement} find @param {GraphHandlers} handlers */
	constructor(find, handlers) {
		this.host = find("flame");
		this.tip = find("tip");
		this.strip = find("strip");
		this.crumbs = find("crumbs");
		this.handlers = handlers;
		this.tree = this.metric = null;
		this.over = NOTHING;
		this.frozen = false;
		this.view = new FlameView(this.host);
		listenGestures(this.view, {
			pick: (x, y) => this.pick(x, y),
			hover: (x, y) => this.hover(x, y),
			leave: () => this.pointAt(NOTHING),
		});
		new ResizeObserver(() => this.view.resize()).observe(this.host);
		addEventListener("keydown", (event) => event.key === "Shift" && this.freeze(true));
		addEventListener("keyup", (event) => event.key === "Shift" && this.freeze(false));
	}

	get focus() {
		return this.view.scene.focus;
	}

	/** Where the keyboard is. */
	get cursor() {
		const { cursor, focus } = this.view.scene;
		return cursor < 0 ? focus : cursor;
	}

	/** @param {Tree} tree @param {Metric} metric @param {number} focus @param {number} cursor or -1
	 * @param {boolean} keepPart */
	setTree(tree, metric, focus, cursor, keepPart) {
		this.tree = tree;
		this.metric = metric;
		this.view.resize();
		this.view.setTree(tree, focus, keepPart);
		this.view.scene.cursor = cursor;
		this.over = NOTHING;
		this.showFocus();
	}

	show(node, animate) {
		this.view.zoomTo(node, animate);
		this.showFocus();
	}

	// As asked by the person.
	zoom(node) {
		this.view.scene.cursor = node;
		this.show(node, true);
		this.handlers.zoomed(node);
	}

	showFocus() {
		showCrumbs(this.crumbs, this.tree, this.focus, (node) => {
			this.zoom(node);
			this.host.focus({ preventScroll: true });
		});
		this.hideTip();
		this.showFacts();
		this.speak();
	}

	facts(box) {
		return nodeFacts(this.tree, this.metric, box, this.focus);
	}

	// What is under the pointer, else what the keyboard is on, else what is in view.
	showFacts() {
		showStrip(this.strip, this.facts(this.over.node < 0 ? { node: this.cursor, hidden: false } : this.over));
	}

	speak() {
		const { tree, cursor: node } = this, { hits } = this.view.scene;
		speakNode(this.host, tree, node, this.facts({ node, hidden: false }), hits?.[tree.frame[node]] === 1);
	}

	pick(x, y) {
		const box = this.view.boxAtPoint(x, y);
		this.host.focus({ preventScroll: true });
		if (box.hidden) this.handlers.more(box.node);
		else if (box.node >= 0) this.zoom(box.node);
	}

	hover(x, y) {
		const box = this.view.boxAtPoint(x, y);
		if (this.pointAt(box) && box.node >= 0) this.tipTimer = setTimeout(() => this.showTip(box, x, y), TIP_DELAY_MS);
	}

	/** @returns {boolean} whether the pointer was not there already */
	pointAt(box) {
		if (!this.tree || this.frozen || (box.node === this.over.node && box.hidden === this.over.hidden)) return false;
		this.over = box;
		this.view.scene.hover = box.hidden ? -1 : box.node;
		this.view.wantFrame();
		this.hideTip();
		this.showFacts();
		return true;
	}

	showTip(box, x, y) {
		const { left, top } = this.host.getBoundingClientRect();
		const click = box.hidden ? "Click to load them. " : box.node === this.focus ? "" : "Click to zoom. ";
		showTip(this.tip, this.facts(box), `${click}Hold Shift to keep this.`, left + x, top + y);
	}

	hideTip() {
		clearTimeout(this.tipTimer);
		this.freeze(false);
		this.tip.hidden = true;
	}

	freeze(on) {
		this.frozen = on && !this.tip.hidden;
		this.tip.classList.toggle("frozen", this.frozen);
	}

	setHits(hits) {
		this.view.scene.hits = hits;
		this.view.wantFrame();
	}

	// Carry out a command of the keyboard; false when there was nothing to do.
	run(command) {
		const { tree, view, cursor } = this;
		if (!tree) return false;
		const acts = {
			"zoom-in": () => this.enter(cursor),
			"zoom-out": () => this.zoom(Math.max(tree.parent[this.focus], 0)),
			reset: () => this.zoom(0),
			narrower: () => view.zoomBy(0.8, 0.5),
			wider: () => view.zoomBy(1.25, 0.5),
			"pan-left": () => view.panBy(-0.1),
			"pan-right": () => view.panBy(0.1),
			"copy-name": () => this.handlers.copy(frameLabel(tree, tree.frame[cursor])),
		};
		for (const way of ["left", "right", "in", "out", "first", "last"]) acts[way] = () => this.move(way);
		acts[command]?.();
		return command in acts;
	}

	move(way) {
		const { scene } = this.view;
		// The first arrow key only shows where the keyboard is.
		scene.cursor = scene.cursor < 0 ? this.focus : neighbour(this.tree, scene.cursor, way);
		this.view.reveal(scene.cursor);
		this.showFacts();
		this.speak();
	}

	// Enter on the frame that is zoomed already loads its left-out children.
	enter(node) {
		if (node === this.focus && this.tree.hidden[node]) this.handlers.more(node);
		else this.zoom(node);
	}

	// One step back: the tooltip, the zoom, the cursor.
	escape() {
		if (!this.tip.hidden) this.hideTip();
		else if (this.focus > 0) this.zoom(0);
		else {
			this.view.scene.cursor = -1;
			this.view.setRange(0, Infinity);
		}
	}
}
