// browser.mjs - a Chromium for tests, and what every test of the page needs of it.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const OUT = new URL("./out/", import.meta.url).pathname;

/** Start Debian's Chromium with a profile of its own. Close with close(). */
export async function launchBrowser() {
	const profile = mkdtempSync(join(tmpdir(), "flametrail-web-"));
	const context = await chromium.launchPersistentContext(profile, {
		executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
		headless: true,
		// --no-sandbox only because tests run as root.
		args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--force-color-profile=srgb",
			"--font-render-hinting=none"],
		viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1, locale: "en-GB", timezoneId: "UTC",
		colorScheme: "light", reducedMotion: "reduce",
	});
	return {
		context,
		close: async () => {
			await context.close();
			rmSync(profile, { recursive: true, force: true });
		},
	};
}

/** A page that keeps what went wrong on it in page.faults: exceptions, console errors that are
 * not about a status, violations of the policy. */
export async function openPage(browser, url, { dark = false, width = 1280, height = 800 } = {}) {
	const page = await browser.context.newPage();
	await page.setViewportSize({ width, height });
	await page.emulateMedia({ colorScheme: dark ? "dark" : "light", reducedMotion: "reduce" });
	page.faults = [];
	page.on("pageerror", (error) => page.faults.push(String(error)));
	page.on("console", (message) => {
		if (message.type() === "error" && !/Failed to load resource/.test(message.text())) page.faults.push(message.text());
	});
	// The boxes on the canvas, in canvas pixels.
	await page.addInitScript(() => (window.readRects = () => {
		const view = window.flametrail?.graph.view;
		return (view?.boxes ?? []).map((box) => ({ x: box.left, y: box.top, w: box.right - box.left, hidden: box.hidden, faded: box.faded,
			node: box.node, name: view.labelOf(box) }));
	}));
	await page.goto(url);
	return page;
}

/** Until a flame graph is painted. The page must be opened with "?test". */
export async function waitForGraph(page) {
	await page.waitForFunction(() => window.readRects().length > 0, null, { timeout: 20000 });
}

/** The boxes on the canvas, in canvas pixels. */
export function readRects(page) {
	return page.evaluate(() => window.readRects());
}

/** Until a box with this name is at least so wide. */
export async function waitForBox(page, name, width = 1) {
	await page.waitForFunction(([wanted, least]) => window.readRects().some((box) => box.name === wanted && box.w >= least),
		[name, width], { timeout: 10000 });
}

/** Middle of the first box with this name, in page coordinates. */
export async function boxCentre(page, name) {
	const box = (await readRects(page)).find((entry) => entry.name === name);
	if (!box) throw new Error(`no box ${name}`);
	const host = await page.locator("#flame").boundingBox();
	return { x: host.x + box.x + box.w / 2, y: host.y + box.y + 8 };
}

export async function clickBox(page, name) {
	const { x, y } = await boxCentre(page, name);
	await page.mouse.click(x, y);
}

/** A picture for people, in tests/web/out/. */
export async function takePicture(page, name) {
	mkdirSync(OUT, { recursive: true });
	await page.screenshot({ path: join(OUT, `${name}.png`) });
}
