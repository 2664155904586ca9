// agent_page.mjs - the page on the real agent with real samples: run by tests/live/page.sh
// with the address of an agent and a program known to burn 60, 30 and 10 % in three
// functions.
//	node --test tests/web/agent_page.mjs		AGENT_URL, SCREENSHOT in the environment

import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { clickBox, launchBrowser, openPage, readRects, takePicture, waitForBox, waitForGraph } from "./browser.mjs";

const url = process.env.AGENT_URL;
let browser, page;

before(async () => {
	browser = await launchBrowser();
	page = await openPage(browser, `${url}?test`, { width: 1440, height: 900 });
	await waitForGraph(page);
});
after(() => browser.close());

const text = (selector) => page.locator(selector).innerText();

test("the known functions are there, in their shares", async () => {
	await waitForBox(page, "burn_sixty", 20);
	const boxes = await readRects(page);
	const width = (name) => boxes.filter((box) => box.name === name).reduce((sum, box) => sum + box.w, 0);
	const all = width("burn_sixty") + width("burn_thirty") + width("burn_ten");
	// 99 samples a second for at least 10 s: 4.5 standard errors are below 0.08.
	assert.ok(Math.abs(width("burn_sixty") / all - 0.6) < 0.08, `${width("burn_sixty")} of ${all}`);
	assert.ok(Math.abs(width("burn_thirty") / all - 0.3) < 0.08, `${width("burn_thirty")} of ${all}`);
});

test("search tells the matched share", async () => {
	await page.fill("#search", "burn_sixty");
	await page.waitForFunction(() => /\d %/.test(document.querySelector("#search-result")?.innerText ?? ""), null, { timeout: 8000 });
	const share = Number(/([\d.]+) %/.exec(await text("#search-result"))[1]);
	assert.ok(share > 5 && share < 95, String(share));
	await page.fill("#search", "");
});

test("zoom survives a reload of its link", async () => {
	await clickBox(page, "burn_sixty");
	await page.waitForFunction(() => document.querySelector("#crumbs [aria-current]").innerText === "burn_sixty");
	await page.reload();
	await waitForGraph(page);
	await page.waitForFunction(() => document.querySelector("#crumbs [aria-current]").innerText === "burn_sixty");
	await page.keyboard.press("Escape");
});

test("incomplete stacks are told", async () => {
	assert.match(await text("#notices"), /stacks are incomplete/);
});

test("nothing threw, and a picture is kept", async () => {
	await takePicture(page, "agent");
	assert.deepEqual(page.faults, []);
});
