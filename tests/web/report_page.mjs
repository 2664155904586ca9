// report_page.mjs - a report written by the real flametrail from real samples, opened from disk:
// run by tests/live/report.sh.
//	REPORT=FILE node --test tests/web/report_page.mjs

import assert from "node:assert/strict";
import test from "node:test";
import { pathToFileURL } from "node:url";
import { clickBox, launchBrowser, openPage, readRects, takePicture, waitForBox, waitForGraph } from "./browser.mjs";

test("the known function is there, and nothing is asked for", async () => {
	const browser = await launchBrowser(), page = await openPage(browser, "about:blank"), requests = [];
	const url = pathToFileURL(process.env.REPORT).href;
	page.on("request", (request) => request.url().startsWith(url) || /^(data|blob):/.test(request.url()) || requests.push(request.url()));
	await page.goto(`${url}?test`);
	await waitForGraph(page);
	await waitForBox(page, "burn_sixty", 20);
	const boxes = await readRects(page), width = (name) => boxes.filter((box) => box.name === name).reduce((sum, box) => sum + box.w, 0);
	assert.ok(width("burn_sixty") > width("burn_thirty"));
	await page.fill("#search", "/^burn_/");
	await page.waitForFunction(() => /matched \d.* 3 functions/.test(document.querySelector("#search-result").innerText));
	await clickBox(page, "burn_sixty");
	await page.waitForFunction(() => /;z=|1;z=/.test(location.hash));
	await takePicture(page, "record");
	assert.deepEqual(requests, []);
	assert.deepEqual(page.faults, []);
	await browser.close();
});
