// match.js - what a search text means, and which names it meets. Loaded as a worker, it answers
// one query after the other, away from the page.

/** @typedef {{kind: "none"} | {kind: "literal", text: string} | {kind: "regex", regex: RegExp} |
 *	{kind: "bad", why: string}} Query */

/** "word" is a literal without case, "/re/" a regular expression, "/re/i" without case. */
export function parseQuery(text) {
	if (!text) return { kind: "none" };
	const parts = /^\/(.+)\/(i?)$/s.exec(text);
	if (!parts) return { kind: "literal", text: text.toLowerCase() };
	try {
		return { kind: "regex", regex: new RegExp(parts[1], parts[2]) };
	} catch (error) {
		return { kind: "bad", why: error.message.replace("Invalid regular expression", "not a valid pattern") };
	}
}

/** One byte per name, 1 where the query meets it. */
export function matchNames(query, names) {
	const { text, regex } = query;
	return Uint8Array.from(names, (name) => (regex ? regex.test(name) : name.toLowerCase().includes(text)));
}

function answerQuery(event) {
	postMessage(matchNames(event.data.query, event.data.names));
}

if (!globalThis.document) globalThis.onmessage = answerQuery;

export function startMatchWorker() {
	if (!document.getElementById("ft-report-meta")) return new Worker("match.js", { type: "module" });
	// A report is one file and may not load another: there the functions' own text is the worker.
	const text = `${matchNames}\n${answerQuery}\nonmessage = answerQuery;`;
	return new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
}
