// graph.js - the flame graph panel: the canvas with its tooltip, strip, crumbs, scroll bar and
// keyboard. What the person does here that others must know goes to the handlers.

import { clampNumber } from "./units.js";
import { FlameView } from "./flame.js";
import { listenGestures } from "./gestures.js";
import { frameLabel, neighbour } from "./tree.js";
import { fillTip, nodeFacts, placeTip, showCrumbs, showStrip } from "./panel.js";
import { speakNode } from "./speech.js";

const TIP_DELAY_MS = 250;
const PAN_STEP = 0.1;
const ZOOM_STEP = 0.8;

/**
 * @typedef {object} GraphHandlers
 * @property {(node: number) => void} zoomed the person zoomed to a frame
 * @property {(node: number) => void} more the person wants the left-out children of a frame
 * @property {(text: string) => void} copy
 */

export class GraphPanel {
	constructor(page, theme, handlers) {
		const find = (id) => page.getElementById(id);
		this.host = find("flame");
		this.item = this.host.querySelector("[role=treeitem]");
		this.tip = find("tip");
		this.strip = find("strip");
		this.crumbs = find("crumbs");
		this.bar = find("scroll");
		this.handlers = handlers;
		this.tree = null;
		this.metric = null;
		this.hoverKey = "";
		this.tipTimer = 0;
		this.frozen = false;
		this.view = new FlameView(this.host.querySelector("canvas"), theme, () => this.drawn());
		listenGestures(this.host, this.view, {
			pick: (x, y) => this.pick(x, y),
			hover: (x, y) => this.hover(x, y),
			leave: () => this.leave(),
		});
		new ResizeObserver(() => this.view.resize()).observe(this.host);
		this.listenBar();
		page.addEventListener("keydown", (event) => event.key === "Shift" && this.freeze(true));
		page.addEventListener("keyup", (event) => event.key === "Shift" && this.freeze(false));
	}

	get focus() {
		return this.view.scene.focus;
	}

	/** @param {Tree} tree @param {Metric} metric @param {number} focus @param {number} cursor or -1
	 * @param {boolean} keepPart */
	setTree(tree, metric, focus, cursor, keepPart) {
		this.tree = tree;
		this.metric = metric;
		this.view.resize();
		this.view.setTree(tree, focus, keepPart);
		this.view.scene.cursor = cursor;
		this.hideTip();
		this.hoverKey = "";
		this.showFocus();
		this.speak();
	}

	show(node, animate) {
		this.view.zoomTo(node, animate);
		this.hideTip();
		this.showFocus();
	}

	// As asked by the person.
	zoom(node) {
		this.view.scene.cursor = node;
		this.show(node, true);
		this.speak();
		this.handlers.zoomed(node);
	}

	showFocus() {
		if (!this.tree || !this.metric) return;
		showCrumbs(this.crumbs, this.tree, this.focus, (node) => {
			this.zoom(node);
			this.host.focus({ preventScroll: true });
		});
		this.showFacts();
	}

	// The strip: what is under the pointer, else what the keyboard is on, else what is in view.
	showFacts() {
		if (!this.tree || !this.metric) return;
		const { hover, cursor } = this.view.scene;
		const [node, hidden] = this.hoverKey ? [Number(this.hoverKey.slice(1)), this.hoverKey[0] === "h"] :
			[hover >= 0 ? hover : cursor >= 0 ? cursor : this.focus, false];
		showStrip(this.strip, nodeFacts(this.tree, this.metric, node, this.focus, hidden));
	}

	speak() {
		const { tree, metric } = this, { cursor, hits } = this.view.scene;
		if (!tree || !metric) return;
		const node = cursor >= 0 ? cursor : this.focus;
		const facts = nodeFacts(tree, metric, node, this.focus, false);
		speakNode(this.host, this.item, tree, node, facts, hits !== null && hits[tree.frame[node]] === 1);
	}

	pick(x, y) {
		const { node, hidden } = this.view.boxAtPoint(x, y);
		this.host.focus({ preventScroll: true });
		if (node < 0) return;
		if (hidden) this.handlers.more(node);
		else this.zoom(node);
	}

	hover(x, y) {
		if (this.frozen) return;
		const { node, hidden } = this.view.boxAtPoint(x, y), key = node < 0 ? "" : `${hidden ? "h" : "f"}${node}`;
		if (key === this.hoverKey) return;
		this.hoverKey = key;
		this.view.scene.hover = hidden ? -1 : node;
		this.view.wantFrame();
		this.showFacts();
		this.hideTip();
		if (node >= 0) this.tipTimer = setTimeout(() => this.showTip(node, hidden, x, y), TIP_DELAY_MS);
	}

	leave() {
		if (this.frozen) return;
		this.hoverKey = "";
		this.view.scene.hover = -1;
		this.view.wantFrame();
		this.hideTip();
		this.showFacts();
	}

	showTip(node, hidden, x, y) {
		if (!this.tree || !this.metric) return;
		const box = this.host.getBoundingClientRect();
		fillTip(this.tip, nodeFacts(this.tree, this.metric, node, this.focus, hidden),
			hidden ? "Click to load them." : node === this.focus ? "Hold Shift to keep this." : "Click to zoom. Hold Shift to keep this.");
		placeTip(this.tip, box.left + x, box.top + y);
	}

	hideTip() {
		clearTimeout(this.tipTimer);
		if (!this.frozen) this.tip.hidden = true;
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
		const { tree, view } = this;
		if (!tree) return false;
		const { scene } = view, cursor = scene.cursor >= 0 ? scene.cursor : this.focus;
		if (["left", "right", "in", "out", "first", "last"].includes(command)) {
			// The first arrow key only shows where the keyboard is.
			const next = scene.cursor < 0 ? cursor : neighbour(tree, cursor, command);
			scene.cursor = next;
			view.reveal(next);
			this.showFacts();
			this.speak();
		} else if (command === "zoom-in") this.enter(cursor);
		else if (command === "zoom-out") this.zoom(Math.max(tree.parent[this.focus], 0));
		else if (command === "reset") this.zoom(0);
		else if (command === "narrower") view.zoomBy(ZOOM_STEP, 0.5);
		else if (command === "wider") view.zoomBy(1 / ZOOM_STEP, 0.5);
		else if (command === "pan-left") view.panBy(-PAN_STEP);
		else if (command === "pan-right") view.panBy(PAN_STEP);
		else if (command === "copy-name") this.handlers.copy(frameLabel(tree, tree.frame[cursor]));
		else return false;
		return true;
	}

	// Enter on the frame that is zoomed already loads its left-out children.
	enter(node) {
		if (node === this.focus && this.tree?.hidden[node]) this.handlers.more(node);
		else this.zoom(node);
	}

	// One step back: the tooltip, the zoom, the cursor.
	escape() {
		if (!this.tip.hidden) {
			this.frozen = false;
			this.hideTip();
		} else if (this.tree && this.focus > 0) this.zoom(0);
		else {
			this.view.scene.cursor = -1;
			this.view.setRange(0, Infinity);
		}
	}

	drawn() {
		const { view, bar } = this, most = view.scrollMax();
		bar.hidden = most === 0;
		if (!most) return;
		const thumb = bar.firstElementChild, tall = bar.clientHeight;
		const size = Math.max(20, (tall * view.canvas.height) / (view.canvas.height + most));
		const share = view.scene.scroll / most;
		thumb.style.height = `${size}px`;
		thumb.style.top = `${(view.scene.flip ? 1 - share : share) * (tall - size)}px`;
		bar.setAttribute("aria-valuenow", String(Math.round(share * 100)));
	}

	listenBar() {
		const { bar, view } = this;
		const move = (event) => {
			const box = bar.getBoundingClientRect();
			const share = clampNumber((event.clientY - box.top) / (box.height || 1), 0, 1);
			view.scrollBy((view.scene.flip ? 1 - share : share) * view.scrollMax() - view.scene.scroll);
		};
		bar.addEventListener("pointerdown", (event) => {
			bar.setPointerCapture(event.pointerId);
			move(event);
		});
		bar.addEventListener("pointermove", (event) => event.buttons & 1 && move(event));
	}
}
