// app.js - one selection for the whole page: window, metric, zoom, search. Every change goes
// through here, into the address, to the source, and back to the views.

import { clampNumber, formatClock, formatNumber, formatSeconds, formatShare } from "./units.js";
import { findSamePath, hasHidden, layoutTree } from "./tree.js";
import { findPathId, pathId } from "./pathid.js";
import { graftTree } from "./graft.js";
import { isHistoryStep, readState, writeState } from "./state.js";
import { readTheme } from "./palette.js";
import { checkWindow, TimelineView } from "./timeline.js";
import { showLegend, showMessage, showNotices } from "./panel.js";
import { SearchBox } from "./search.js";
import { GraphPanel } from "./graph.js";
import { commandOf } from "./keys.js";
import { COMMANDS, GRAPH_COMMANDS, listenControls, say, showControls, storedTheme } from "./controls.js";

/** Until there is a graph, and while a person may be reading it. */
const FIRST_POLL_MS = 2000, POLL_MS = 5000;
/** What is shown at first. */
const LIVE_SPAN_US = 60e6, TIMELINE_SPAN_US = 3600e6;
const TIMELINE_SPAN_MIN_US = 300e6;
/** Samples know their time to this; narrower columns of the timeline would say nothing. */
const TIMES_ARE_EXACT_TO_US = 1000;
/** Zooming this far into a tree with left-out frames asks for them. */
const DETAIL_FACTOR = 8;

export class App {
	constructor(source) {
		this.source = source;
		this.state = readState(location.hash);
		this.meta = this.tree = this.timeline = this.range = null;
		this.span = { from: 0, to: 1 };
		/** What was asked for last, of each kind. */
		this.asked = {};
		this.trouble = this.zoomNotice = "";
		this.find = (id) => document.getElementById(id);
		this.graph = new GraphPanel(this);
		this.times = new TimelineView(this);
		this.search = new SearchBox(this);
		listenControls(this);
		addEventListener("popstate", () => this.follow(readState(location.hash)));
		addEventListener("keydown", (event) => this.onKey(event));
		document.addEventListener("visibilitychange", () => document.hidden || this.poll());
		matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.applyTheme());
		this.search.setText(this.state.search);
		this.applyTheme();
		this.follow(this.state);
		this.poll();
	}

	// Ask for what is new, now and, from an agent, again while somebody looks.
	async poll() {
		clearTimeout(this.timer);
		try {
			const meta = await this.source.ask("meta");
			if (!meta) return;
			this.meta = meta;
			this.trouble = "";
			// What is being read stays.
			if (!this.tree || this.graph.tip.hidden) await this.refresh();
		} catch (error) {
			this.asked = {};
			this.showError(error, !this.tree);
		}
		this.showNotes();
		if (!document.hidden && (this.meta?.source === "agent" || !this.tree))
			this.timer = setTimeout(() => this.poll(), this.tree ? POLL_MS : FIRST_POLL_MS);
	}

	get metric() {
		const { metrics } = this.meta ?? { metrics: [] };
		return metrics.find((metric) => metric.id === this.state.metric) ?? metrics[0];
	}

	/** Whether the window is what the source shows first, or goes on with the clock. */
	isNewest() {
		return !this.state.window || "live" in this.state.window;
	}

	isLive() {
		return this.meta?.source === "agent" && this.isNewest();
	}

	/** All of a file, the newest of a host. */
	newest(size) {
		const { source, retain: { from_us: first, to_us: last } } = this.meta;
		if (source === "file" || source === "report") return { from: first, to: Math.max(last, first + 1) };
		return { from: last - size, to: last };
	}

	resolveWindow() {
		const { window } = this.state, { retain } = this.meta;
		if (window && !window.live) return window;
		const { from, to } = this.newest(window?.live ?? LIVE_SPAN_US);
		return { from: Math.max(from, retain.from_us), to };
	}

	resolveRange() {
		const { retain } = this.meta, { size, end } = this.range ?? {};
		if (!size) return this.newest(clampNumber(retain.to_us - retain.from_us, TIMELINE_SPAN_MIN_US, TIMELINE_SPAN_US));
		// A range that ended now goes on with the clock.
		const to = end ?? retain.to_us;
		return { from: to - size, to };
	}

	/** @param {Span | null} range chosen by the person; null for everything */
	setRange(range) {
		if (!this.meta) return;
		const last = this.meta.retain.to_us, first = Math.min(this.meta.retain.from_us, this.newest(TIMELINE_SPAN_MIN_US).from);
		const to = Math.min(range?.to ?? last, last), from = clampNumber(range?.from ?? first, first, to - 1e5);
		this.range = { size: to - from, end: to < last ? to : null };
		this.loadTimeline();
	}

	// Load what the selection needs and is not there yet.
	async refresh() {
		if (this.metric) {
			this.span = this.resolveWindow();
			this.times.setSpan(this.span);
		}
		showControls(this);
		if (this.metric) {
			await Promise.all([this.loadTree(), this.loadTimeline()]);
		} else if (this.meta) {
			const [title, advice] = this.meta.source === "agent" ? ["Nothing recorded yet",
				"The first window appears about 10 seconds after the agent starts; this page looks every 2 seconds.\nIf it stays empty, run “flametrail doctor” on the host: it says what does not work and why."] :
				["There is nothing in this file", "Open another file with: flametrail view FILE"];
			showMessage(this.find("message"), { title, advice });
		}
	}

	/** Ask the source, unless this was what was asked last; show the answer, unless it comes too late.
	 * @param {"tree" | "detail" | "timeline"} kind @param {number} version of an answer that changes with time */
	async load(kind, params, show, version = 0) {
		const key = JSON.stringify([params, version]), isTree = kind !== "timeline";
		if (this.asked[kind] === key) return;
		this.asked[kind] = key;
		if (isTree) this.find("busy").hidden = this.tree && kind === "tree" && this.isLive();
		try {
			const answer = await this.source.ask(isTree ? "tree" : "timeline", params);
			if (answer !== undefined && this.asked[kind] === key) show(answer);
		} catch (error) {
			if (this.asked[kind] === key) this.showError(error, !this.tree || (kind === "tree" && !this.isLive()));
		}
		if (isTree) this.find("busy").hidden = true;
		this.showNotes();
	}

	selection() {
		return { metric: this.metric.id, ...this.span };
	}

	loadTimeline() {
		const range = this.resolveRange(), { metric } = this;
		const cols = Math.round(clampNumber((range.to - range.from) / TIMES_ARE_EXACT_TO_US, 1, Math.min(this.times.host.clientWidth / 2 + 1, 1000)));
		return this.load("timeline", { metric: metric.id, ...range, cols }, (timeline) => {
			this.timeline = timeline;
			this.find("times").hidden = !timeline;
			this.times.setData(timeline, range, metric.unit);
			// Only the timeline knows why a window is empty.
			if (this.tree?.total[0] === 0) this.showEmpty();
		}, this.meta.gen);
	}

	loadTree() {
		return this.load("tree", this.selection(), (raw) => {
			this.shown = this.asked.tree;
			this.asked.detail = "";
			this.showTree(raw);
			// The zoom of a link may be among what was left out.
			if (this.zoomNotice && this.soughtZoom !== this.state.zoom) this.loadDetail(this.graph.focus, { min_ppm: 0 });
			this.soughtZoom = this.state.zoom;
		});
	}

	// The zoom and the cursor stay where they were, as far as the tree has it.
	showTree(raw, keepPart = true) {
		const old = this.tree, tree = (this.tree = layoutTree(raw, this.state.order)), { cursor } = this.graph.view.scene;
		let node = findPathId(tree, this.state.zoom);
		const found = node >= 0, moved = old && cursor >= 0 && findSamePath(tree, old, cursor);
		if (!found) node = old ? findSamePath(tree, old, this.graph.focus).node : 0;
		this.zoomNotice = found ? "" :
			`The zoomed function is not in this window; ${node ? "its nearest caller" : "everything"} is shown.`;
		this.graph.setTree(tree, this.metric, node, moved?.whole ? moved.node : -1, keepPart && old && found);
		this.search.setTree(tree);
		showLegend(this.find("legend"), tree, this.isDark());
		this.showEmpty();
	}

	showEmpty() {
		const { missingUs, recordedUs } = checkWindow(this.timeline, this.span);
		showMessage(this.find("message"), this.tree.total[0] ? null : missingUs && !recordedUs ? {
			title: "Nothing was recorded in this window",
			advice: "flametrail did not run then. Choose a window where the timeline is not hatched.",
		} : {
			title: "No samples in this window",
			advice: `${missingUs ? `Nothing was recorded for ${formatSeconds(missingUs / 1e6)} of it. ` : ""}The host was idle, or the window is shorter than the time between two samples. Drag a longer window over the timeline.`,
		});
	}

	zoomed(node) {
		const { tree } = this;
		this.zoomNotice = "";
		this.change({ zoom: pathId(tree, node) });
		this.showNotes();
		if (this.source.canDetail && tree.total[node] * DETAIL_FACTOR <= tree.total[0] && hasHidden(tree, node)) this.loadDetail(node, {});
	}

	// Replace a subtree by a finer answer; when the person asked for it, zoom there.
	async loadDetail(node, detail) {
		const { tree } = this, root = pathId(tree, node);
		if (!this.source.canDetail) {
			this.zoomNotice = "This report holds no more detail than it shows.";
			return this.showNotes();
		}
		// Its place is in this tree, not in the one that is on its way.
		if (this.shown !== this.asked.tree) return;
		return this.load("detail", { ...this.selection(), ...(root && { root }), ...detail }, (raw) => {
			if (this.tree !== tree) return;
			const zoom = !this.zoomNotice && "min_ppm" in detail && this.graph.focus !== node;
			this.showTree(graftTree(tree, node, raw));
			// What stands before the subtree keeps its number.
			if (zoom) this.graph.zoom(node);
		});
	}

	change(patch) {
		const state = { ...this.state, ...patch }, hash = writeState(state);
		if (hash !== writeState(this.state)) {
			const address = hash || `${location.pathname}${location.search}`;
			history[isHistoryStep(this.state, state) ? "pushState" : "replaceState"](null, "", address);
		}
		this.follow(state);
	}

	// The state is another one: changed by the person, by Back, Forward, or a typed address.
	follow(state) {
		const before = this.state, { tree } = this;
		this.state = state;
		this.graph.view.setFlip(state.orientation === "flame");
		if (state.search !== before.search) this.search.setText(state.search);
		if (tree && (state.order !== before.order || (state.zoom !== before.zoom && state.zoom !== pathId(tree, this.graph.focus))))
			this.showTree(tree, state.zoom === before.zoom);
		if (state.theme !== before.theme) this.applyTheme();
		this.refresh();
	}

	isDark() {
		const chosen = this.state.theme || storedTheme();
		return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
	}

	applyTheme() {
		const root = document.documentElement, dark = this.isDark();
		root.style.colorScheme = dark ? "dark" : "light";
		const theme = readTheme(root, dark);
		this.graph.view.setTheme(theme);
		this.times.setTheme(theme);
		if (this.tree) showLegend(this.find("legend"), this.tree, dark);
		showControls(this);
	}

	/** @param {boolean} covers whether it takes the place of the graph; else what is seen stays */
	showError(error, covers) {
		const advice = error.advice ?? "Reload the page.";
		if (!covers) {
			this.trouble = `${error.message}. What you see ends at ${formatClock(this.span.to)}. ${advice}`;
			return;
		}
		const retry = () => {
			this.asked = {};
			this.poll();
		};
		showMessage(this.find("message"), { title: this.meta ? `No flame graph: ${error.message}` : error.message, advice, retry });
	}

	showNotes() {
		const { tree } = this, notes = [this.trouble, this.zoomNotice];
		if (tree) {
			const { lost, missingUs } = checkWindow(this.timeline, this.span), { lostPpm, partial } = tree.head;
			const share = (weight) => formatShare(weight / (tree.total[0] || 1));
			const broken = tree.outcomes.reduce((sum, outcome) => sum + outcome.weight, 0);
			notes.push((lost || lostPpm) && `${lost ? formatNumber(lost) : "Some"} samples lost in this window${
				lostPpm ? ` (${formatShare(lostPpm / 1e6)})` : ""}: all numbers are a little low.`);
			notes.push(missingUs && `Nothing was recorded for ${formatSeconds(missingUs / 1e6)} of this window.`);
			notes.push(broken && `${share(broken)} of the stacks are incomplete (${
				tree.outcomes.map(({ name, weight }) => `${name} ${share(weight)}`).join(", ")}): they hang below the wrong caller.`);
			notes.push(partial && "The answer covers only a part of this window.");
		}
		const notices = notes.filter(Boolean).map((text) => ({ warn: true, text }));
		if (tree?.hiddenCount.size) notices.push({ text: `${formatShare(tree.hidden.reduce((sum, weight) => sum + weight) / tree.total[0])
			} is in frames too small to ${this.source.canDetail ? "send: hatched, click to load" : "be in this report: hatched"}.` });
		showNotices(this.find("notices"), notices);
	}

	// A link to exactly this, also when the page follows the newest data.
	link() {
		return location.href.split("#")[0] + writeState({ ...this.state, window: this.span, metric: this.metric?.id ?? "" });
	}

	async copy(text, what) {
		try {
			await navigator.clipboard.writeText(text);
			say(this, `Copied the ${what}.`);
		} catch {
			say(this, `This page may not copy here; the ${what} is: ${text.slice(0, 300)}`);
		}
	}

	onKey(event) {
		const { target } = event, place = target === this.graph.host ? "graph" : target === this.times.brush ? "timeline" : "other";
		const command = commandOf(event, place, this.state.orientation === "flame");
		if (!command || event.defaultPrevented || document.querySelector("dialog[open]")) return;
		event.preventDefault();
		if (COMMANDS[command]) COMMANDS[command](this);
		else if (this.tree) GRAPH_COMMANDS[command](this.graph);
	}
}
