// fake_agent.mjs - an agent for the page's tests: the real files of web/, made-up numbers, and
// every way an agent can fail. The page's own tests need states that a real agent does not have
// on demand; what a real one does is tested with it.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { encodeTree } from "./encode.mjs";

const WEB = new URL("../../web/", import.meta.url);
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8" };
export const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";
export const NOW_US = 1763800000000000;
export const TICK = 10101010;

const SERVER_FRAMES = [
	["all", "", 0], ["nginx", "", 0], ["postgres", "", 0], ["_start", "nginx", 1], ["main", "nginx", 1],
	["ngx_worker_process_cycle", "nginx", 1], ["ngx_process_events_and_timers", "nginx", 1], ["ngx_http_process_request", "nginx", 1],
	["SSL_read", "libssl.so.3", 1], ["EVP_DecryptUpdate", "libcrypto.so.3", 1], ["aesni_gcm_decrypt", "libcrypto.so.3", 1],
	["deflate", "libz.so.1.2.13", 1], ["deflate_slow", "libz.so.1.2.13", 1], ["longest_match", "libz.so.1.2.13", 1],
	["entry_SYSCALL_64_after_hwframe", "vmlinux", 2], ["do_syscall_64", "vmlinux", 2], ["__x64_sys_sendto", "vmlinux", 2],
	["tcp_sendmsg_locked", "vmlinux", 2], ["skb_copy_to_page_nocache", "vmlinux", 2], ["PostmasterMain", "postgres", 1],
	["exec_simple_query", "postgres", 1], ["ExecScan", "postgres", 1], ["ExecHashJoin", "postgres", 1], ["hash_any", "postgres", 1],
	["libc.so.6+0x8a3f1", "libc.so.6", 5], ["pg_qsort", "postgres", 1], ["memcpy", "libc.so.6", 1],
	["<img src=x onerror=\"window.broken=1\">", "evil<b>.so", 1], ["std::vector<std::pair<int, std::string>>::push_back", "nginx", 3],
];

/** What the fake host does: [path of frame numbers below "all", samples]. */
const SERVER_STACKS = [
	[[1, 3, 4, 5, 6, 7, 8, 9, 10], 620], [[1, 3, 4, 5, 6, 7, 8, 9], 60], [[1, 3, 4, 5, 6, 7, 11, 12, 13], 840],
	[[1, 3, 4, 5, 6, 7, 11, 12], 210], [[1, 3, 4, 5, 6, 7, 14, 15, 16, 17, 18], 400], [[1, 3, 4, 5, 6, 7, 14, 15, 16, 17], 150],
	[[1, 3, 4, 5, 6, 7, 28, 26], 90], [[1, 3, 4, 5, 6, 7], 130], [[1, 3, 4, 5, 6, 27], 45], [[1, 3, 4, 5, 14, 15], 60],
	[[2, 3, 4, 19, 20, 21, 22, 23], 520], [[2, 3, 4, 19, 20, 21, 22, 26], 160], [[2, 3, 4, 19, 20, 21, 22, 24], 75],
	[[2, 3, 4, 19, 20, 25, 23], 190], [[2, 3, 4, 19, 20, 25], 110], [[2, 3, 4, 19, 20, 14, 15], 240],
];

/** Stacks as a tree in pre-order. */
export function stacksToTree(frames, stacks, unit = TICK) {
	const root = { self: 0, below: new Map() };
	for (const [path, count] of stacks) {
		let at = root;
		for (const frame of path) {
			if (!at.below.has(frame)) at.below.set(frame, { self: 0, below: new Map() });
			at = at.below.get(frame);
		}
		at.self += count * unit;
	}
	const nodes = [];
	const walk = (node, frame, depth) => {
		nodes.push([depth, frame, node.self]);
		[...node.below].sort((a, b) => (frames[a[0]][0] < frames[b[0]][0] ? -1 : 1)).forEach(([f, n]) => walk(n, f, depth + 1));
	};
	walk(root, 0, 0);
	return { frames, nodes };
}

/** The tree of the fake host. With `detail` nothing is pruned. */
export function hostTree(detail) {
	const tree = stacksToTree(SERVER_FRAMES, SERVER_STACKS);
	const at = tree.nodes.findIndex(([, frame]) => SERVER_FRAMES[frame][0] === "ExecScan");
	return detail ? tree : { ...tree, pruned: [[at, 12, 70 * TICK]], outcomes: [["truncated", 33 * TICK]], lostPpm: 1200 };
}

/** Start it on a free port. `options` may be changed while it runs:
 *	meta: changes to the meta answer; tree(url): bytes of a tree;
 *	fail: {path: "meta" | "timeline" | "tree", how: "status" | "error" | "cut" | "garbage"} */
export async function startFakeAgent(options = {}) {
	const requests = [];
	const server = createServer((request, response) => answer(request, response, options, requests).catch((error) => {
		response.writeHead(500).end(String(error));
	}));
	await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
	const url = `http://127.0.0.1:${server.address().port}/`;
	return { url, requests, options, close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))) };
}

async function answer(request, response, options, requests) {
	const url = new URL(request.url, "http://localhost");
	requests.push(url);
	response.setHeader("Content-Security-Policy", CSP);
	response.setHeader("X-Content-Type-Options", "nosniff");
	const call = /^\/api\/1\/(\w+)$/.exec(url.pathname)?.[1];
	if (!call) return sendFile(url.pathname, response);
	if (options.fail?.path === call) return fail(options.fail.how, response);
	const json = (value) => response.setHeader("Content-Type", "application/json").end(JSON.stringify(value));
	if (call === "meta") return json(makeMeta(options));
	if (call === "timeline") return json(makeTimeline(url));
	if (call !== "tree") return response.writeHead(404).end();
	const bytes = options.tree ? options.tree(url) : encodeTree(hostTree(url.searchParams.get("min_ppm") === "0"));
	response.setHeader("Content-Type", "application/octet-stream").end(bytes);
}

function fail(how, response) {
	if (how === "status") return response.writeHead(503, { "Content-Type": "application/json" })
		.end(JSON.stringify({ error: { code: "busy", msg: "another query is running" } }));
	if (how === "error") return response.writeHead(500).end("oh no");
	if (how === "garbage") return response.end("FTTR and then nothing sensible");
	response.writeHead(200, { "Content-Length": "100000" });
	response.write("FTTR\x01\x00");
	setTimeout(() => response.destroy(), 30);
}

async function sendFile(path, response) {
	const name = path === "/" ? "index.html" : path.slice(1);
	try {
		if (!/^[\w.]+$/.test(name)) throw new Error("no such file");
		response.setHeader("Content-Type", TYPES[extname(name)] ?? "application/octet-stream");
		response.end(await readFile(new URL(name, WEB)));
	} catch {
		response.writeHead(404).end();
	}
}

function makeMeta(options) {
	return { agent: "flametrail", ver: "0.1.0", host: "web-7", kernel: "6.1.0", ncpu: 4, boot_id: "b", now_us: NOW_US, gen: 1,
		retain: { from_us: NOW_US - 1200e6, to_us: NOW_US, fine_us: NOW_US - 1200e6 },
		metrics: [{ id: "cpu", unit: "nanoseconds", kind: "cpu", events: "samples", period_ns: TICK, label: "CPU" }],
		limits: { nodes: 250000, window_us: 3600e6 }, source: "agent", title: "web-7", ...options.meta };
}

function makeTimeline(url) {
	const from = Number(url.searchParams.get("from")), to = Number(url.searchParams.get("to")), cols = Number(url.searchParams.get("cols"));
	const step = (to - from) / cols, v = [], lost = [];
	for (let i = 0; i < cols; i++) {
		const at = (from + (i + 0.5) * step - NOW_US) / 1e6;
		const load = 1.1 + 0.4 * Math.sin(at / 40) + 0.15 * Math.sin(at / 3.1) + (at > -260 && at < -215 ? 1.7 : 0);
		v.push(at < -1200 || (at > -700 && at < -640) ? null : Math.round(load * 1e9));
		lost.push(at > -40 && at < -36 ? 3 : 0);
	}
	return { from_us: from, step_us: step, cols, series: [{ key: "", label: "all", v }], lost };
}

if (process.argv[1] === new URL(import.meta.url).pathname) console.log((await startFakeAgent()).url);
