// data.js - where the numbers come from: an agent over HTTP, or a report that carries them.
// Both sources have the same three questions: meta, timeline, tree.

import { decodeTree } from "./fttr.js";

const REQUEST_LIMIT_MS = 30000;

/** @typedef {{id: string, unit: string, kind: string, events: string, period_ns: number, label: string}} Metric */
/**
 * @typedef {object} Meta
 * @property {string} ver
 * @property {string} host
 * @property {string} title
 * @property {number} ncpu
 * @property {number} now_us
 * @property {number} gen changes when there is new data
 * @property {{from_us: number, to_us: number, fine_us: number}} retain times; full detail since fine_us
 * @property {Metric[]} metrics
 * @property {"agent" | "file" | "store" | "report"} source
 */
/** @typedef {{from_us: number, step_us: number, cols: number, lost: number[],
 *	series: {key: string, label: string, v: (number | null)[]}[]}} Timeline */
/** @typedef {{metric: string, from: number, to: number}} Window */
/** @typedef {{root?: string, minPpm?: number}} TreeDetail */

/** An answer that could not be had, with what the person can do about it. */
export class SourceError extends Error {
	constructor(message, advice, code) {
		super(message);
		this.advice = advice;
		this.code = code;
	}
}

/** What to do about each code of the agent. */
const ADVICE = {
	busy: "The agent answers one heavy question at a time. Try again in a moment.",
	bad_query: "The link asks for something this agent does not know. Reset the view, or open the plain address.",
	too_large: "Choose a shorter window.",
	gone: "This window is older than what the agent keeps. Choose a newer one on the timeline.",
	not_found: "This agent does not have it. Choose another window, or open the plain address.",
	auth: "The agent wants a token. Open the address that it printed when it started.",
};

/** @param {number} status @param {string} body @returns {SourceError} */
function explainStatus(status, body) {
	let code = status === 401 || status === 403 ? "auth" : "", message = `the agent answered with status ${status}`;
	try {
		const error = JSON.parse(body).error;
		if (typeof error.msg === "string") message = error.msg;
		if (typeof error.code === "string") code = error.code;
	} catch {
		// Not the agent's own words: the status has to do.
	}
	const advice = ADVICE[code] ??
		"Look at the agent's log for this time; if it stays, run “flametrail doctor” on the host.";
	return new SourceError(message, advice, code);
}

/** Asks an agent. A newer question of the same kind ends the older one. */
export class HttpSource {
	/** @param {string} base address of the API, ending in "/" */
	constructor(base) {
		this.base = base;
		this.canDetail = true;
		this.running = new Map();
	}

	// The answer, or undefined when a newer question replaced this one.
	async ask(path, params, read) {
		this.running.get(path)?.abort();
		const control = new AbortController();
		this.running.set(path, control);
		const timer = setTimeout(() => control.abort(new Error("timeout")), REQUEST_LIMIT_MS);
		const query = new URLSearchParams(Object.entries(params).map(([key, value]) => [key, String(value)]));
		try {
			const response = await fetch(`${this.base}${path}?${query}`, { signal: control.signal, cache: "no-cache" });
			if (!response.ok) throw explainStatus(response.status, await response.text());
			return await read(response);
		} catch (error) {
			if (this.running.get(path) !== control) return undefined;
			if (error instanceof SourceError) throw error;
			throw explainFailure(error, control.signal.aborted);
		} finally {
			clearTimeout(timer);
			if (this.running.get(path) === control) this.running.delete(path);
		}
	}

	meta() {
		return this.ask("meta", {}, (response) => response.json());
	}

	timeline(window, cols) {
		return this.ask("timeline", { ...window, cols }, (response) => response.json());
	}

	tree(window, detail) {
		const params = { ...window };
		if (detail.root) params.root = detail.root;
		if (detail.minPpm !== undefined) params.min_ppm = detail.minPpm;
		return this.ask("tree", params, async (response) => decodeTree(new Uint8Array(await response.arrayBuffer())));
	}
}

/** @param {unknown} error @param {boolean} timedOut */
function explainFailure(error, timedOut) {
	const text = error instanceof Error ? error.message : String(error);
	if (timedOut)
		return new SourceError("the agent did not answer within 30 s", "Choose a shorter window, or try again.", "timeout");
	if (error instanceof TypeError)
		return new SourceError("the agent cannot be reached, or stopped in the middle of its answer",
			"Check that it runs (on the host: flametrail doctor). This page keeps trying.", "network");
	return new SourceError(`the agent's answer is damaged: ${text}`,
		"Try again. If it stays, agent and page may differ in version: reload the page.", "damaged");
}

/** @param {string} base64 @returns {Promise<Uint8Array>} */
async function unpackBase64(base64) {
	const text = atob(base64);
	const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
	const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
	return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Answers from a report file: one window, one tree. */
export class EmbeddedSource {
	/** @param {Meta & {timeline?: Timeline}} meta @param {string} base64 gzipped FTTR */
	constructor(meta, base64) {
		this.carried = meta;
		this.canDetail = false;
		this.base64 = base64;
	}

	async meta() {
		return { ...this.carried, source: "report" };
	}

	async timeline() {
		return this.carried.timeline;
	}

	async tree() {
		try {
			return decodeTree(await unpackBase64(this.base64));
		} catch (error) {
			throw new SourceError(`this report is damaged: ${error instanceof Error ? error.message : error}`,
				"Copy the file again, or write a new one with flametrail record.", "damaged");
		}
	}
}

/** The source this page was made for. @param {Document} page */
export function openSource(page) {
	const meta = page.getElementById("ft-report-meta"), tree = page.getElementById("ft-report-tree");
	if (meta && tree) return new EmbeddedSource(JSON.parse(meta.textContent ?? ""), tree.textContent ?? "");
	return new HttpSource("api/1/");
}
