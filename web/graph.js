// graph.js - the flame graph panel: the canvas with its tooltip, strip, crumbs and keyboard.

import { FlameView } from "./flame.js";
import { listenGestures } from "./gestures.js";
import { frameLabel, neighbour } from "./tree.js";
import { boxFacts, placeTip, showCrumbs, showFacts, speakNode } from "./panel.js";

const TIP_DELAY_MS = 250;
const NOTHING = { node: -1, hidden: false };

export class GraphPanel {
	constructor(app) {
		this.app = app;
		this.host = app.find("flame");
		this.tip = app.find("tip");
		this.over = NOTHING;
		this.frozen = false;
		this.view = new FlameView(this.host);
		listenGestures(this);
		new ResizeObserver(() => this.view.resize()).observe(this.host);
		addEventListener("keydown", (event) => event.key === "Shift" && this.freeze(true));
		addEventListener("keyup", (event) => event.key === "Shift" && this.freeze(false));
	}

	get tree() {
		return this.view.tree;
	}

	get focus() {
		return this.view.scene.focus;
	}

	/** Where the keyboard is. */
	get cursor() {
		const { cursor, focus } = this.view.scene;
		return cursor < 0 ? focus : cursor;
	}

	setTree(tree, metric, focus, cursor, keepPart) {
		this.metric = metric;
		this.view.resize();
		this.view.setTree(tree, focus, keepPart);
		this.view.scene.cursor = cursor;
		this.over = NOTHING;
		this.showFocus();
	}

	// As asked by the person.
	zoom(node) {
		this.view.scene.cursor = node;
		this.view.zoomTo(node);
		this.showFocus();
		this.app.zoomed(node);
	}

	showFocus() {
		showCrumbs(this.app.find("crumbs"), this.tree, this.focus, (node) => {
			this.zoom(node);
			this.host.focus({ preventScroll: true });
		});
		this.hideTip();
		this.showFacts();
		this.speak();
	}

	facts(box = { node: this.cursor, hidden: false }) {
		return boxFacts(this.tree, this.metric, box, this.focus);
	}

	// What is under the pointer, else what the keyboard is on, else what is in view.
	showFacts() {
		showFacts(this.app.find("strip"), this.facts(this.over.node < 0 ? undefined : this.over));
	}

	speak() {
		const { tree, cursor: node } = this, match = this.view.scene.hits?.[tree.frame[node]], left = tree.hiddenCount.get(node);
		speakNode(this.host, tree, node,
			this.facts().concat(match ? "search match" : [], left ? `${left} small callees not loaded` : []));
	}

	pick(x, y) {
		const box = this.view.boxAtPoint(x, y);
		this.host.focus({ preventScroll: true });
		if (box.hidden) this.app.loadDetail(box.node, { min_ppm: 0 });
		else if (box.node >= 0) this.zoom(box.node);
	}

	hover(x, y) {
		const box = this.view.boxAtPoint(x, y);
		if (this.pointAt(box) && box.node >= 0) this.tipTimer = setTimeout(() => this.showTip(box, x, y), TIP_DELAY_MS);
	}

	leave() {
		this.pointAt(NOTHING);
	}

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
		showFacts(this.tip, [...this.facts(box), `${click}Hold Shift to keep this.`]);
		placeTip(this.tip, left + x, top + y);
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

	move(way) {
		const { scene } = this.view;
		// The first arrow key only shows where the keyboard is.
		scene.cursor = scene.cursor < 0 ? this.focus : neighbour(this.tree, scene.cursor, way);
		this.view.reveal(scene.cursor);
		this.showFacts();
		this.speak();
	}

	// Zoom in; on the frame that is zoomed already, load its left-out children.
	enter() {
		const { cursor } = this;
		if (cursor === this.focus && this.tree.hidden[cursor]) this.app.loadDetail(cursor, { min_ppm: 0 });
		else this.zoom(cursor);
	}

	zoomOut() {
		this.zoom(Math.max(this.tree.parent[this.focus], 0));
	}

	copyName() {
		this.app.copy(frameLabel(this.tree, this.tree.frame[this.cursor]), "name");
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
