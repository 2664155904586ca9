// data.js - where the numbers come from: an agent over HTTP, or a report that carries them.
// Both are asked for "meta", "timeline" and "tree".

import { decodeTree } from "./fttr.js";

const REQUEST_LIMIT_MS = 30000;

/** @typedef {{id: string, unit: string, label: string}} Metric */
/** @typedef {{host: string, title: string, now_us: number, gen: number, retain: {from_us: number, to_us: number},
 *	metrics: Metric[], source: "agent" | "file" | "store" | "report"}} Meta gen changes with new data */
/** @typedef {{from_us: number, step_us: number, lost: number[], series: {v: (number | null)[]}[]}} Timeline */

/** An answer that could not be had, with what the person can do about it. */
export class SourceError extends Error {
	constructor(message, advice) {
		super(message);
		this.advice = advice;
	}
}

const ADVICE = {
	busy: "The agent answers one heavy question at a time. Try again in a moment.",
	bad_query: "The link asks for something this agent does not know. Open the plain address.",
	too_large: "Choose a shorter window.",
	gone: "This window is older than what the agent keeps. Choose a newer one on the timeline.",
	not_found: "This agent does not have it. Choose another window, or open the plain address.",
	auth: "The agent wants a token. Open the address that it printed when it started.",
};

function explainStatus(status, body) {
	let error = {};
	try {
		error = JSON.parse(body).error ?? {};
	} catch {
		// Not the agent's own words: the status has to do.
	}
	const code = error.code ?? (status === 401 || status === 403 ? "auth" : "");
	return new SourceError(error.msg ?? `the agent answered with status ${status}`, ADVICE[code] ??
		"Look at the agent's log for this time; if it stays, run “flametrail doctor” on the host.");
}

function explainFailure(error, timedOut) {
	if (error instanceof SourceError) return error;
	if (timedOut) return new SourceError("the agent did not answer within 30 s", "Choose a shorter window, or try again.");
	if (error instanceof TypeError)
		return new SourceError("the agent cannot be reached, or stopped in the middle of its answer",
			"Check that it runs (on the host: flametrail doctor). This page keeps trying.");
	return new SourceError(`the agent's answer is damaged: ${error.message}`,
		"Try again. If it stays, agent and page may differ in version: reload the page.");
}

/** Asks an agent. A newer question of the same kind ends the older one, which gets no answer. */
class HttpSource {
	canDetail = true;
	running = new Map();

	async ask(path, params = {}) {
		this.running.get(path)?.abort();
		const control = new AbortController();
		this.running.set(path, control);
		const timer = setTimeout(() => control.abort(), REQUEST_LIMIT_MS);
		try {
			const response = await fetch(`api/1/${path}?${new URLSearchParams(params)}`, { signal: control.signal, cache: "no-cache" });
			if (!response.ok) throw explainStatus(response.status, await response.text());
			return path === "tree" ? decodeTree(new Uint8Array(await response.arrayBuffer())) : await response.json();
		} catch (error) {
			if (this.running.get(path) === control) throw explainFailure(error, control.signal.aborted);
		} finally {
			clearTimeout(timer);
		}
	}
}

/** Answers from a report file: one window, one tree. */
class ReportSource {
	canDetail = false;

	constructor(meta, base64) {
		this.carried = meta;
		this.base64 = base64;
	}

	async ask(what) {
		if (what === "meta") return { ...this.carried, source: "report" };
		return what === "tree" ? this.tree() : this.carried.timeline ?? null;
	}

	async tree() {
		try {
			const bytes = Uint8Array.from(atob(this.base64), (letter) => letter.charCodeAt(0));
			const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
			return decodeTree(new Uint8Array(await new Response(stream).arrayBuffer()));
		} catch (error) {
			throw new SourceError(`this report is damaged: ${error.message}`,
				"Copy the file again, or write a new one with flametrail record.");
		}
	}
}

/** The source this page was made for. */
export function openSource() {
	const meta = document.getElementById("ft-report-meta"), tree = document.getElementById("ft-report-tree");
	return meta ? new ReportSource(JSON.parse(meta.textContent), tree.textContent) : new HttpSource();
}
