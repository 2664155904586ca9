// match.js - what a search text means, and which names it meets. Pure.

/** @typedef {{kind: "none"} | {kind: "literal", text: string} |
 *	{kind: "regex", source: string, flags: string} | {kind: "bad", why: string}} Query */

/** "word" is a literal without case, "/re/" a regular expression, "/re/i" without case.
 * @param {string} text @returns {Query} */
export function parseQuery(text) {
	if (!text) return { kind: "none" };
	const parts = /^\/(.+)\/(i?)$/s.exec(text);
	if (!parts) return { kind: "literal", text: text.toLowerCase() };
	try {
		new RegExp(parts[1], parts[2]);
		return { kind: "regex", source: parts[1], flags: parts[2] };
	} catch (error) {
		return { kind: "bad", why: String(error instanceof Error ? error.message : error) };
	}
}

/** One byte per name, 1 where the query meets it. Stands alone: it is also sent to a worker as text.
 * @param {{kind: string, text?: string, source?: string, flags?: string}} query
 * @param {string[]} names @returns {Uint8Array} */
export function matchNames(query, names) {
	const hits = new Uint8Array(names.length);
	if (query.kind === "literal") {
		const text = query.text ?? "";
		for (let i = 0; i < names.length; i++) hits[i] = names[i].toLowerCase().includes(text) ? 1 : 0;
	} else if (query.kind === "regex") {
		const regex = new RegExp(query.source ?? "", query.flags);
		for (let i = 0; i < names.length; i++) hits[i] = regex.test(names[i]) ? 1 : 0;
	}
	return hits;
}
