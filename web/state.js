// state.js - what a link holds, as the part of an address after "#". Pure.
//
// "#1;w=1763800000000000+30s;m=cpu;z=k3f9q2m7x1b4c;s=/pthread_/i;o=f;t=dark": a version, then
// keys that differ from their defaults. Unknown keys are ignored, so that an older page opens a
// newer link as far as it can.

const STATE_VERSION = "1";
const STATE_MAX_CHARS = 2000;
export const LIVE_SPAN_US = 60e6;

/**
 * @typedef {object} ViewState
 * @property {{from: number, to: number} | {live: number} | null} window from and to in µs, or
 *	the newest `live` µs; null is what the source shows first
 * @property {string} metric "" is the first one
 * @property {string} zoom path id, "" is the root
 * @property {string} search
 * @property {"icicle" | "flame"} orientation
 * @property {"weight" | "name"} order of children
 * @property {"" | "light" | "dark"} theme "" is the system's
 */

/** @returns {ViewState} */
export function defaultState() {
	return { window: null, metric: "", zoom: "", search: "", orientation: "icicle", order: "weight", theme: "" };
}

/** @param {number} us */
function writeDuration(us) {
	if (us % 1e6 === 0) return `${us / 1e6}s`;
	return us % 1e3 === 0 ? `${us / 1e3}ms` : `${us}us`;
}

/** @param {string} text @returns {number} µs, or NaN */
function readDuration(text) {
	const parts = /^(\d{1,16})(us|ms|s|m|h)$/.exec(text);
	if (!parts) return NaN;
	const us = Number(parts[1]) * { us: 1, ms: 1e3, s: 1e6, m: 6e7, h: 3.6e9 }[parts[2]];
	return us > 0 && Number.isSafeInteger(us) ? us : NaN;
}

/** @param {string} text @returns {ViewState["window"]} */
function readWindow(text) {
	if (text.startsWith("-")) {
		const live = readDuration(text.slice(1));
		return live ? { live } : null;
	}
	const parts = /^(\d{1,16})\+(\w+)$/.exec(text);
	if (!parts) return null;
	const from = Number(parts[1]), span = readDuration(parts[2]);
	return span && Number.isSafeInteger(from + span) ? { from, to: from + span } : null;
}

/** Text that stays readable in an address and cannot end a value.
 * @param {string} text */
function writeText(text) {
	return encodeURIComponent(text).replace(/%2F/g, "/").replace(/%3A/g, ":").replace(/%20/g, "+");
}

/** @param {string} text */
function readText(text) {
	try {
		return decodeURIComponent(text.replace(/\+/g, "%20"));
	} catch {
		return ""; // a link cut in the middle of a character
	}
}

/** @param {ViewState} state @returns {string} with the leading "#", or "" when all is default */
export function writeState(state) {
	const { window } = state;
	const parts = [];
	if (window && "live" in window) parts.push(`w=-${writeDuration(window.live)}`);
	else if (window) parts.push(`w=${window.from}+${writeDuration(window.to - window.from)}`);
	if (state.metric) parts.push(`m=${writeText(state.metric)}`);
	if (state.zoom) parts.push(`z=${state.zoom}`);
	if (state.orientation === "flame") parts.push("o=f");
	if (state.order === "name") parts.push("k=n");
	if (state.theme) parts.push(`t=${state.theme}`);
	if (state.search) parts.push(`s=${writeText(state.search)}`);
	const hash = parts.length ? `#${[STATE_VERSION, ...parts].join(";")}` : "";
	// Only a search text can be that long; it is last, so the rest of the link still works.
	return hash.length > STATE_MAX_CHARS ? writeState({ ...state, search: "" }) : hash;
}

/** Never throws: what cannot be read keeps its default.
 * @param {string} hash @returns {ViewState} */
export function readState(hash) {
	const state = defaultState();
	const [version, ...parts] = hash.replace(/^#/, "").slice(0, STATE_MAX_CHARS).split(";");
	if (version !== STATE_VERSION) return state;
	for (const part of parts) {
		const cut = part.indexOf("=");
		const key = part.slice(0, Math.max(cut, 0)), value = part.slice(cut + 1);
		if (key === "w") state.window = readWindow(value);
		else if (key === "m") state.metric = readText(value);
		else if (key === "z") state.zoom = /^[a-z2-7]{13}$/.test(value) ? value : "";
		else if (key === "o") state.orientation = value === "f" ? "flame" : "icicle";
		else if (key === "k") state.order = value === "n" ? "name" : "weight";
		else if (key === "t") state.theme = value === "dark" || value === "light" ? value : "";
		else if (key === "s") state.search = readText(value);
	}
	return state;
}

/** Whether going from one to the other is a step for the Back button; the rest (search,
 * colours) changes the address in place.
 * @param {ViewState} from @param {ViewState} to */
export function isHistoryStep(from, to) {
	return JSON.stringify([from.window, from.metric, from.zoom]) !== JSON.stringify([to.window, to.metric, to.zoom]);
}
