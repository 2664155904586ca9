// match_start.js - starts the worker that runs patterns. A report is one file and may not load
// another, so there the worker is made from the function's own text.

import { matchNames } from "./match.js";

/** @returns {Worker} */
export function makeMatchWorker() {
	if (location.protocol !== "file:" && !document.getElementById("ft-report-meta"))
		return new Worker("match_worker.js", { type: "module" });
	const text = `${matchNames}\nself.onmessage = (event) => self.postMessage(matchNames(event.data.query, event.data.names));`;
	return new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
}
