// app.js - one selection for the whole page: window, metric, zoom, search. Every change goes
// through here, into the address, to the source, and back to the views.

import { formatClock, formatShare, formatSpan, formatNumber, formatSeconds } from "./units.js";
import { EmbeddedSource, SourceError } from "./data.js";
import { followKeys, hasHidden, layoutTree, pathKeys } from "./tree.js";
import { findPathId, pathId } from "./pathid.js";
import { graftTree } from "./graft.js";
import { isHistoryStep, LIVE_SPAN_US, readState, writeState } from "./state.js";
import { makeTheme } from "./palette.js";
import { checkWindow, TimelineView } from "./timeline.js";
import { showLegend, showMessage, showNotices } from "./panel.js";
import { SearchBox } from "./searchbox.js";
import { GraphPanel } from "./graph.js";
import { commandOf } from "./keys.js";
import { Controls } from "./controls.js";
import { makeMatchWorker } from "./match_start.js";

const POLL_MS = 2000;
/** A live graph changes no faster, so that it can be read and asks little of the host. */
const LIVE_TREE_MS = 5000;
/** Samples know their time to this; narrower columns of the timeline would say nothing. */
const TIMES_ARE_EXACT_TO_US = 1000;
/** The newest time that the timeline shows at first. */
const TIMELINE_SPAN_US = 3600e6;
const TIMELINE_SPAN_MIN_US = 300e6;
/** Zooming this far into a tree with left-out frames asks for them. */
const DETAIL_FACTOR = 8;

export class App {
	constructor(page, source) {
		this.page = page;
		this.source = source;
		this.state = readState(page.location.hash);
		this.meta = null;
		this.tree = null;
		this.timeline = null;
		this.range = null;
		this.loaded = { tree: "", timeline: "" };
		this.span = { from: 0, to: 0 };
		this.focusKeys = [];
		this.detailed = new Set();
		this.treeTime = 0;
		this.trouble = "";
		this.zoomNotice = "";
		const theme = makeTheme(this.isDark());
		this.graph = new GraphPanel(page, theme, {
			zoomed: (node) => this.zoomed(node),
			more: (node) => this.loadDetail(node, 0),
			copy: (text) => this.copy(text, "name"),
		});
		this.times = new TimelineView(this.find("timeline"), {
			select: (span) => this.change({ window: span }),
			preview: (span) => (this.find("span").textContent = formatSpan(span.from, span.to, this.range?.to ?? span.to)),
			range: (range) => this.setRange(range),
		}, theme);
		this.search = new SearchBox(page, makeMatchWorker, {
			hits: (hits) => this.graph.setHits(hits),
			text: (text) => this.change({ search: text }),
			go: (node) => this.graph.zoom(node),
			leave: () => this.graph.host.focus(),
		});
		this.controls = new Controls(this);
	}

	find(id) {
		return this.page.getElementById(id);
	}

	start() {
		this.applyTheme();
		this.applyView();
		this.search.setText(this.state.search);
		addEventListener("popstate", () => this.follow(readState(location.hash)));
		this.page.addEventListener("keydown", (event) => this.onKey(event));
		this.page.addEventListener("visibilitychange", () => this.page.hidden || this.poll());
		new ResizeObserver(() => this.times.draw()).observe(this.times.host);
		this.poll();
	}

	// Ask for what is new, now and, from an agent, every two seconds while somebody looks.
	async poll() {
		clearTimeout(this.pollTimer);
		try {
			const meta = await this.source.meta();
			if (!meta) return;
			this.trouble = "";
			await this.setMeta(meta);
			this.showNotes();
		} catch (error) {
			this.showTrouble(error);
		}
		const still = this.source instanceof EmbeddedSource || (this.tree && !this.trouble && this.meta?.source !== "agent");
		if (!still && !this.page.hidden) this.pollTimer = setTimeout(() => this.poll(), POLL_MS);
	}

	async setMeta(meta) {
		this.meta = meta;
		this.controls.showMeta(meta);
		if (!meta.metrics.length) {
			showMessage(this.find("message"), {
				title: meta.source === "agent" ? "Nothing recorded yet" : "There is nothing in this file",
				advice: meta.source === "agent" ?
					"The first window appears about 10 seconds after the agent starts; this page looks every 2 seconds.\nIf it stays empty, run “flametrail doctor” on the host: it says what does not work and why." :
					"Open another file with: flametrail view FILE", retry: null,
			});
			return;
		}
		await this.refresh();
	}

	metric() {
		const metrics = this.meta.metrics;
		return metrics.find((metric) => metric.id === this.state.metric) ?? metrics[0];
	}

	isLive() {
		return this.meta?.source === "agent" && (!this.state.window || "live" in this.state.window);
	}

	// The chosen window in absolute times.
	resolveWindow(meta) {
		const { window } = this.state, { from_us: first, to_us: last } = meta.retain;
		if (window && "from" in window) return window;
		if (!window && (meta.source === "file" || meta.source === "report")) return { from: first, to: Math.max(last, first + 1) };
		return { from: Math.max(first, last - (window?.live ?? LIVE_SPAN_US)), to: last };
	}

	// Times on the timeline.
	resolveRange(meta) {
		const { from_us: first, to_us: last } = meta.retain;
		if (this.range) {
			// A range that ended now goes on with the clock.
			const shift = this.range.follows ? last - this.range.to : 0;
			return { from: this.range.from + shift, to: this.range.to + shift };
		}
		if (meta.source === "file" || meta.source === "report") return { from: first, to: Math.max(last, first + 1) };
		return { from: Math.min(Math.max(first, last - TIMELINE_SPAN_US), last - TIMELINE_SPAN_MIN_US), to: last };
	}

	/** @param {{from: number, to: number} | null} range chosen by the person; null for everything */
	setRange(range) {
		if (!this.meta) return;
		const { from_us: first, to_us: last } = this.meta.retain;
		const least = Math.min(first, last - (this.meta.source === "file" ? 1 : TIMELINE_SPAN_MIN_US));
		const to = Math.min(range?.to ?? last, last);
		this.range = { from: Math.max(range?.from ?? least, least), to, follows: to === last };
		if (this.range.to - this.range.from < 1e5) this.range.from = this.range.to - 1e5;
		this.refresh();
	}

	// Load what the selection needs and is not there yet.
	async refresh() {
		const meta = this.meta;
		if (!meta || !meta.metrics.length) return;
		const rest = Date.now() - this.treeTime < LIVE_TREE_MS || !this.graph.tip.hidden;
		if (!(rest && this.tree && this.treeTime && this.isLive())) {
			this.span = this.resolveWindow(meta);
			this.times.setSpan(this.span);
			this.controls.showSpan(this.span, this.isLive());
			this.treeTime = Date.now();
			this.loadTree();
		}
		await this.loadTimeline(meta);
	}

	async loadTimeline(meta) {
		const range = this.resolveRange(meta), metric = this.metric();
		const key = JSON.stringify([range, metric.id, meta.gen]);
		if (key === this.loaded.timeline) return;
		this.loaded.timeline = key;
		const width = this.times.host.clientWidth, steps = (range.to - range.from) / TIMES_ARE_EXACT_TO_US;
		const cols = Math.round(Math.max(1, Math.min(width / 2, steps, 1000)));
		try {
			const timeline = await this.source.timeline({ metric: metric.id, ...range }, cols);
			if (!timeline && !(this.source instanceof EmbeddedSource)) return;
			this.timeline = timeline ?? null;
			this.find("times").hidden = !timeline;
			this.times.setData(this.timeline, range, metric.unit);
			// Only the timeline knows why a window is empty.
			if (this.tree?.total[0] === 0) showMessage(this.find("message"), this.emptyMessage());
			this.showNotes();
		} catch (error) {
			this.loaded.timeline = "";
			this.showTrouble(error);
		}
	}

	async loadTree() {
		const metric = this.metric(), span = this.span;
		const key = JSON.stringify([span, metric.id]);
		if (key === this.loaded.tree) return;
		const before = this.loaded.tree;
		this.loaded.tree = key;
		this.find("busy").hidden = this.tree !== null && this.isLive();
		try {
			const raw = await this.source.tree({ metric: metric.id, ...span }, {});
			if (!raw || this.loaded.tree !== key) return;
			this.detailed.clear();
			this.showTree(layoutTree(raw, this.state.order), metric);
			await this.findZoom();
		} catch (error) {
			if (this.loaded.tree !== key) return;
			this.loaded.tree = this.isLive() ? "" : before === key ? "" : key;
			this.showTreeError(error);
		} finally {
			this.find("busy").hidden = true;
		}
	}

	showTreeError(error) {
		if (this.isLive() && this.tree) {
			this.showTrouble(error);
			return;
		}
		const known = error instanceof SourceError ? error : new SourceError(String(error), "Reload the page.", "bug");
		showMessage(this.find("message"), {
			title: `No flame graph: ${known.message}`, advice: known.advice,
			retry: () => {
				this.loaded.tree = "";
				this.poll();
			},
		});
	}

	// A new tree for the window; the zoom stays where it was, as far as the tree has it.
	showTree(tree, metric) {
		const old = this.tree, cursor = old && this.graph.view.scene.cursor >= 0 ? pathKeys(old, this.graph.view.scene.cursor) : null;
		const { node, found } = followKeys(tree, this.focusKeys);
		this.zoomNotice = found < this.focusKeys.length ?
			"The zoomed function is not in this window; its nearest caller is shown." : "";
		this.tree = tree;
		const moved = cursor && followKeys(tree, cursor);
		this.graph.setTree(tree, metric, node, moved && moved.found === cursor.length ? moved.node : -1, old !== null && !this.zoomNotice);
		this.search.setTree(tree);
		showLegend(this.find("legend"), tree, this.isDark());
		const empty = tree.total[0] === 0;
		showMessage(this.find("message"), empty ? this.emptyMessage() : null);
		this.showNotes();
	}

	emptyMessage() {
		const { missingUs, allMissing } = checkWindow(this.timeline, this.span);
		if (allMissing) return { title: "Nothing was recorded in this window", retry: null,
			advice: "flametrail did not run then. Choose a window where the timeline is not hatched." };
		return { title: "No samples in this window", retry: null, advice: `${
			missingUs ? `Nothing was recorded for ${formatSeconds(missingUs / 1e6)} of it. ` : ""
		}The host was idle, or the window is shorter than the time between two samples. Drag a longer window over the timeline.` };
	}

	// A zoom that came with the link: look it up once the tree is there, with all detail if need be.
	async findZoom() {
		const id = this.state.zoom;
		if (!id || !this.tree || (this.focusKeys.length && pathId(this.tree, this.graph.focus) === id)) return;
		if (this.focusKeys.length) return; // known, but not in this window: already said
		let node = findPathId(this.tree, id);
		if (node < 0 && this.tree.hiddenCount.size && this.source.canDetail) {
			const raw = await this.source.tree({ metric: this.metric().id, ...this.span }, { minPpm: 0 });
			if (!raw || this.state.zoom !== id) return;
			this.showTree(layoutTree(raw, this.state.order), this.metric());
			node = findPathId(this.tree, id);
		}
		if (node < 0) this.zoomNotice = "The function that the link zooms to is not in this window; everything is shown.";
		else {
			this.focusKeys = pathKeys(this.tree, node);
			this.graph.show(node, false);
		}
		this.showNotes();
	}

	zoomed(node) {
		const tree = this.tree;
		this.focusKeys = pathKeys(tree, node);
		this.zoomNotice = "";
		this.change({ zoom: pathId(tree, node) });
		this.showNotes();
		if (tree.total[node] * DETAIL_FACTOR <= tree.total[0] && hasHidden(tree, node)) this.loadDetail(node, -1);
	}

	/** Replace a subtree by a finer answer. @param {number} node @param {number} minPpm below 0: as the agent sees fit */
	async loadDetail(node, minPpm) {
		const tree = this.tree, metric = this.metric();
		const root = pathId(tree, node), key = `${root} ${minPpm}`;
		if (!this.source.canDetail) {
			this.zoomNotice = "This report holds no more detail than it shows.";
			this.showNotes();
			return;
		}
		if (this.detailed.has(key)) return;
		this.detailed.add(key);
		this.find("busy").hidden = false;
		try {
			const detail = minPpm < 0 ? { root } : { root, minPpm };
			const raw = await this.source.tree({ metric: metric.id, ...this.span }, detail);
			if (!raw || this.tree !== tree) return;
			const { focus } = this.graph, keys = this.focusKeys;
			this.showTree(layoutTree(graftTree(tree, node, raw), this.state.order), metric);
			if (minPpm >= 0 && focus !== node) this.graph.zoom(followKeys(this.tree, pathKeys(tree, node)).node);
			else this.focusKeys = keys;
		} catch (error) {
			this.detailed.delete(key);
			this.showTrouble(error);
		} finally {
			this.find("busy").hidden = true;
		}
	}

	// The person changed something.
	change(patch) {
		const before = this.state;
		this.state = { ...before, ...patch };
		const hash = writeState(this.state), address = hash || `${location.pathname}${location.search}`;
		if (hash !== writeState(before)) {
			if (isHistoryStep(before, this.state)) history.pushState(null, "", address);
			else history.replaceState(null, "", address);
		}
		this.applyView();
		this.treeTime = 0;
		if (patch.theme !== undefined) this.applyTheme();
		if ("window" in patch || "metric" in patch) this.refresh();
	}

	// The address changed: Back, Forward, or typed.
	follow(state) {
		const before = this.state;
		this.state = state;
		this.treeTime = 0;
		this.applyView();
		this.applyTheme();
		this.search.setText(state.search);
		if (state.zoom !== before.zoom) {
			this.focusKeys = [];
			if (!state.zoom && this.tree) this.graph.show(0, true);
		}
		this.refresh();
		this.findZoom();
	}

	applyView() {
		const { view } = this.graph, flip = this.state.orientation === "flame";
		if (view.scene.flip !== flip) {
			view.scene.flip = flip;
			view.wantFrame();
		}
		if (this.tree && this.layoutOrder !== this.state.order) {
			const { cursor, hits } = view.scene, tree = layoutTree(this.tree, this.state.order);
			this.tree = tree;
			this.graph.setTree(tree, this.metric(), this.graph.focus, cursor, true);
			this.graph.setHits(hits);
			this.search.setTree(tree);
		}
		this.layoutOrder = this.state.order;
		this.controls.showState(this.state);
	}

	isDark() {
		const chosen = this.state.theme || this.storedTheme();
		return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
	}

	storedTheme() {
		try {
			return localStorage.getItem("flametrail-theme") ?? "";
		} catch {
			return ""; // storage is off here
		}
	}

	applyTheme() {
		const dark = this.isDark(), theme = makeTheme(dark);
		this.page.documentElement.dataset.theme = dark ? "dark" : "light";
		this.graph.view.setTheme(theme);
		this.times.theme = theme;
		this.times.draw();
		showLegend(this.find("legend"), this.tree, dark);
		this.find("theme").textContent = dark ? "Light" : "Dark";
	}

	// Something failed, but what is on the screen stays.
	showTrouble(error) {
		const known = error instanceof SourceError ? error : new SourceError(String(error), "Reload the page.", "bug");
		if (!this.tree) {
			showMessage(this.find("message"), { title: known.message, advice: known.advice, retry: () => this.poll() });
			return;
		}
		this.trouble = `${known.message}. What you see ends at ${formatClock(this.span.to)}. ${known.advice}`;
		this.showNotes();
	}

	// Everything that a reader of the numbers must know about them.
	showNotes() {
		const notes = [];
		const { tree } = this;
		if (this.trouble) notes.push({ kind: "warn", text: this.trouble });
		if (this.zoomNotice) notes.push({ kind: "warn", text: this.zoomNotice });
		if (tree) {
			const { lost, missingUs } = checkWindow(this.timeline, this.span), { head } = tree;
			const all = tree.total[0] || 1;
			if (lost || head.lostPpm) notes.push({ kind: "warn", text: `${lost ? formatNumber(lost) : "Some"} samples lost in this window${
				head.lostPpm ? ` (${formatShare(head.lostPpm / 1e6)})` : ""}: all numbers are a little low.` });
			if (missingUs) notes.push({ kind: "warn", text: `Nothing was recorded for ${formatSeconds(missingUs / 1e6)} of this window.` });
			const broken = tree.outcomes.reduce((sum, outcome) => sum + outcome.weight, 0);
			if (broken) notes.push({ kind: "warn", text: `${formatShare(broken / all)} of the stacks are incomplete (${
				tree.outcomes.map((outcome) => `${outcome.name} ${formatShare(outcome.weight / all)}`).join(", ")}): they hang below the wrong caller.` });
			if (head.partial) notes.push({ kind: "warn", text: "The answer covers only a part of this window." });
			if (tree.hiddenCount.size) notes.push({ kind: "info", text: `${formatShare(
				tree.hidden.reduce((sum, weight) => sum + weight, 0) / all)} is in frames too small to ${this.source.canDetail ? "send: hatched, click to load" : "be in this report: hatched"}.` });
		}
		showNotices(this.find("notices"), notes);
	}

	async copy(text, what) {
		try {
			await navigator.clipboard.writeText(text);
			this.controls.say(`Copied the ${what}.`);
		} catch {
			this.controls.say(`This page may not copy here; the ${what} is: ${text.slice(0, 300)}`);
		}
	}

	// A link to exactly this, also when the page follows the newest data.
	link() {
		const hash = writeState({ ...this.state, window: { ...this.span }, metric: this.meta?.metrics.length ? this.metric().id : "" });
		return `${location.href.split("#")[0]}${hash}`;
	}

	onKey(event) {
		const target = event.target;
		const place = target.id === "flame" ? "graph" : target.classList.contains("brush") ? "timeline" : "other";
		const command = commandOf(event, place, this.state.orientation === "flame");
		if (!command || event.defaultPrevented || this.page.querySelector("dialog[open]")) return;
		if (this.controls.run(command) || this.graph.run(command)) event.preventDefault();
	}
}
