// report.test.mjs - the viewer as one file, opened from disk: it works, and asks for nothing.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import test, { after, before } from "node:test";
import { gzipSync } from "node:zlib";
import { clickBox, launchBrowser, openPage, OUT, takePicture, waitForBox, waitForGraph } from "./browser.mjs";
import { encodeTree } from "./encode.mjs";
import { hostTree, NOW_US, TICK } from "./fake_agent.mjs";

const BUILD = new URL(`../../${process.env.OUT ?? "build"}/web/`, import.meta.url);
const PIECES = existsSync(new URL("report_tail.html", BUILD));
let browser;

before(async () => (browser = await launchBrowser()));
after(() => browser.close());

/** As agent/report.c joins it. */
function writeReport(name, tree, meta) {
	const json = JSON.stringify(meta).replaceAll("<", "\\u003c");
	const data = gzipSync(tree).toString("base64");
	mkdirSync(OUT, { recursive: true });
	writeFileSync(`${OUT}${name}`, `${readFileSync(new URL("report_head.html", BUILD))}<script type="application/json" id="ft-report-meta">${json}</script>
<script type="text/plain" id="ft-report-tree">${data}</script>\n${readFileSync(new URL("report_tail.html", BUILD))}`);
	return `file://${OUT}${name}`;
}

const META = { title: "nginx </script><!-- 60 s", retain: { from_us: NOW_US - 60e6, to_us: NOW_US, fine_us: NOW_US - 60e6 }, gen: 1, now_us: NOW_US,
	metrics: [{ id: "cpu", unit: "nanoseconds", kind: "cpu", events: "samples", period_ns: TICK, label: "CPU" }], source: "file" };

test("a report opens from disk without a request", { skip: !PIECES && "run make test-web" }, async () => {
	const page = await openPage(browser, "about:blank"), requests = [];
	page.on("request", (request) => /^(data|blob):/.test(request.url()) || requests.push(request.url()));
	const url = writeReport("report.html", encodeTree(hostTree(false)), META);
	await page.goto(`${url}?test`);
	await waitForGraph(page);
	assert.match(await page.title(), /nginx <\/script><!-- 60 s/);
	await clickBox(page, "postgres");
	await waitForBox(page, "PostmasterMain", 1000);
	assert.match(page.url(), /#1;z=/);
	await page.reload();
	await waitForGraph(page);
	await waitForBox(page, "PostmasterMain", 1000);
	await page.fill("#search", "/^hash/");
	await page.waitForFunction(() => /matched/.test(document.querySelector("#search-result").innerText));
	await takePicture(page, "report");
	assert.deepEqual(requests.filter((asked) => !asked.startsWith(url)), []);
	assert.deepEqual(page.faults, []);
});

test("a damaged report says so", { skip: !PIECES && "run make test-web" }, async () => {
	const page = await openPage(browser, writeReport("damaged.html", encodeTree(hostTree(true)).subarray(0, 300), META));
	await page.waitForFunction(() => /report is damaged[^]*again/.test(document.querySelector("#message").innerText));
	assert.deepEqual(page.faults, []);
});
