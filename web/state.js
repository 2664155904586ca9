// state.js - what a link holds, as the part of an address after "#". Pure.
//
// "#1;w=1763800000000000+30s;m=cpu;z=k3f9q2m7x1b4c;o=f;s=/pthread_/i": a version, then keys that
// differ from their defaults. Unknown keys are ignored, so that an older page opens a newer link
// as far as it can.

const STATE_VERSION = "1";
const STATE_MAX_CHARS = 2000;

/**
 * @typedef {object} ViewState "" is the first metric, the root, the theme of the system
 * @property {{from: number, to: number} | {live: number} | null} window in µs, or the newest `live` µs;
 *	null is what the source shows first
 * @property {string} metric
 * @property {string} zoom path id
 * @property {string} search
 * @property {"icicle" | "flame"} orientation
 * @property {"weight" | "name"} order of children
 * @property {"" | "light" | "dark"} theme
 * @returns {ViewState} */
export function defaultState() {
	return { window: null, metric: "", zoom: "", search: "", orientation: "icicle", order: "weight", theme: "" };
}

/** @param {string} text "-60s" or "1763800000000000+30s" */
function readWindow(text) {
	const [, start, seconds] = /^(-|\d{1,16}\+)(\d{1,10}(?:\.\d{1,6})?)s$/.exec(text) ?? [];
	const from = parseInt(start, 10), span = Math.round(seconds * 1e6);
	if (!(span > 0)) return null;
	if (start === "-") return { live: span };
	return Number.isSafeInteger(from + span) ? { from, to: from + span } : null;
}

function writeWindow(window) {
	if (!window) return "";
	return window.live ? `-${window.live / 1e6}s` : `${window.from}+${(window.to - window.from) / 1e6}s`;
}

/** Text that stays readable in an address and cannot end a value. */
function writeText(text) {
	return encodeURIComponent(text).replace(/%2F/g, "/").replace(/%3A/g, ":").replace(/%20/g, "+");
}

function readText(text) {
	try {
		return decodeURIComponent(text.replace(/\+/g, "%20"));
	} catch {
		return ""; // a link cut in the middle of a character
	}
}

/** @returns {string} with the leading "#", or "" when all is default */
export function writeState(state) {
	const values = {
		w: writeWindow(state.window), m: writeText(state.metric), z: state.zoom, o: state.orientation === "flame" ? "f" : "",
		k: state.order === "name" ? "n" : "", t: state.theme, s: writeText(state.search),
	};
	const parts = Object.entries(values).filter(([, value]) => value).map((entry) => entry.join("="));
	const hash = parts.length ? `#${[STATE_VERSION, ...parts].join(";")}` : "";
	// Only a search text can be that long; it is last, so the rest of the link still works.
	return hash.length > STATE_MAX_CHARS ? writeState({ ...state, search: "" }) : hash;
}

/** Never throws: what cannot be read keeps its default. */
export function readState(hash) {
	const [version, ...parts] = hash.slice(1, STATE_MAX_CHARS).split(";");
	if (version !== STATE_VERSION) return defaultState();
	const value = Object.fromEntries(parts.map((part) => [part.split("=", 1)[0], part.slice(part.indexOf("=") + 1)]));
	return {
		window: readWindow(value.w), metric: readText(value.m ?? ""), search: readText(value.s ?? ""),
		zoom: /^[a-z2-7]{13}$/.test(value.z) ? value.z : "",
		orientation: value.o === "f" ? "flame" : "icicle",
		order: value.k === "n" ? "name" : "weight",
		theme: value.t === "dark" || value.t === "light" ? value.t : "",
	};
}

/** Whether going from one to the other is a step for the Back button; the rest (search,
 * colours) changes the address in place. */
export function isHistoryStep(from, to) {
	const steps = ({ window, metric, zoom }) => JSON.stringify([window, metric, zoom]);
	return steps(from) !== steps(to);
}
