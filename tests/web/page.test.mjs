// page.test.mjs - the page in a real browser against a made-up agent: what a person does, and
// what they see when things go wrong.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test, { after, afterEach, before, beforeEach } from "node:test";
import { boxCentre, clickBox, launchBrowser, openPage, readRects, takePicture, waitForBox, waitForGraph } from "./browser.mjs";
import { encodeTree, randomTree } from "./encode.mjs";
import { NOW_US, startFakeAgent, TICK } from "./fake_agent.mjs";

let browser, agent, page;

before(async () => (browser = await launchBrowser()));
after(() => browser.close());
beforeEach(async () => (agent = await startFakeAgent()));
afterEach(async () => {
	const faults = page?.faults ?? [];
	await page?.close();
	await agent.close();
	page = null;
	// In no test may anything throw or violate the policy.
	assert.deepEqual(faults, []);
});

async function open(hash = "", options = {}) {
	await page?.close();
	page = await openPage(browser, `${agent.url}?test${hash}`, options);
}

async function openGraph(hash = "", options = {}) {
	await open(hash, options);
	await waitForGraph(page);
}

const text = (selector) => page.locator(selector).innerText();
const waitText = (selector, pattern) => page.waitForFunction(([where, source]) =>
	new RegExp(source).test(document.querySelector(where).innerText), [selector, pattern.source], { timeout: 8000 });
const waitZoom = (name) => page.waitForFunction((want) =>
	document.querySelector("#crumbs [aria-current]").innerText === want, name, { timeout: 8000 });
const treeRequests = () => agent.requests.filter((url) => url.pathname === "/api/1/tree").map((url) => Object.fromEntries(url.searchParams));

test("opens on the last minute, with what a reader must know", async () => {
	await openGraph();
	assert.deepEqual(treeRequests()[0], { metric: "cpu", from: String(NOW_US - 60e6), to: String(NOW_US) });
	const names = (await readRects(page)).map((box) => box.name);
	for (const name of ["all", "nginx", "postgres", "deflate_slow"]) assert.ok(names.includes(name), name);
	await waitText("#notices", /lost in this window \(0\.12 %\)/);
	assert.match(await text("#notices"), /0\.83 % of the stacks are incomplete[^]*too small to send/);
	assert.match(await text("#strip"), /3,970 samples/);
	assert.match(await page.title(), /web-7/);
	assert.ok(Number(agent.requests.find((url) => url.pathname === "/api/1/timeline").searchParams.get("cols")) > 100);
	assert.match(await text("#legend"), /kernel[^]*libz/);
	await takePicture(page, "light");
});

test("dark by the system, light by the button and the link", async () => {
	await openGraph("", { dark: true });
	await takePicture(page, "dark");
	await page.click("#theme");
	assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "light");
	assert.match(page.url(), /t=light/);
	await page.evaluate(() => localStorage.clear());
});

test("brushing the timeline asks for exactly that window", async () => {
	await openGraph();
	const box = await page.locator("#timeline").boundingBox();
	await page.mouse.move(box.x + box.width * 0.25, box.y + 30);
	await page.mouse.down();
	await page.mouse.move(box.x + box.width * 0.3, box.y + 30);
	await page.mouse.move(box.x + box.width * 0.5, box.y + 30);
	await page.mouse.up();
	await page.waitForFunction(() => /w=/.test(location.hash));
	const range = await page.evaluate(() => window.flametrail.times.range), asked = treeRequests().at(-1);
	const span = range.to - range.from, slack = (2 * span) / box.width;
	assert.ok(Math.abs(asked.from - range.from - 0.25 * span) <= slack && Math.abs(asked.to - range.from - 0.5 * span) <= slack, JSON.stringify(asked));
	assert.match(page.url(), new RegExp(`w=${asked.from}\\+`));
	assert.equal(await page.getAttribute("#live", "aria-pressed"), "false");
	await page.click("#live");
	assert.equal(await page.getAttribute("#live", "aria-pressed"), "true");
});

test("the keyboard moves the window too", async () => {
	await openGraph();
	await page.focus(".brush");
	await page.keyboard.press(",");
	await page.waitForFunction(() => /w=/.test(location.hash));
	await page.keyboard.press("Shift+ArrowRight");
	await page.waitForFunction(() => /\+66s/.test(location.hash));
	assert.match(await page.getAttribute(".brush", "aria-valuetext"), /66 s/);
	assert.ok(treeRequests().some((asked) => asked.from === String(NOW_US - 120e6) && asked.to === String(NOW_US - 60e6)));
});

test("a click zooms, crumbs and keys lead back, Back undoes", async () => {
	await openGraph();
	await clickBox(page, "postgres");
	await waitForBox(page, "exec_simple_query", 1000);
	await waitZoom("postgres");
	const boxes = await readRects(page), all = boxes.find((box) => box.name === "all");
	assert.ok(all.faded && all.w > 1000 && !boxes.some((box) => box.name === "nginx"));
	await clickBox(page, "exec_simple_query");
	await waitForBox(page, "ExecScan", 600);
	await takePicture(page, "zoomed");
	await page.locator("#crumbs button", { hasText: "postgres" }).click();
	await waitZoom("postgres");
	await page.keyboard.press("Backspace");
	await waitZoom("all");
	await page.goBack();
	await waitZoom("postgres");
	await page.focus("#flame");
	await page.keyboard.press("0");
	await waitZoom("all");
	assert.ok(!page.url().includes("z="));
});

test("a new tree in the middle of a zoom does not stop it halfway", async () => {
	await openGraph();
	await page.emulateMedia({ reducedMotion: "no-preference" });
	await page.evaluate(() => {
		const app = window.flametrail, { graph } = app;
		graph.zoom(app.tree.children[1]);
		graph.view.draw();
		graph.setTree(app.tree, app.metric, graph.focus, -1, true);
	});
	await waitForBox(page, "PostmasterMain", 1000);
});

test("the timeline zooms about the pointer and shows everything on a double click", async () => {
	await openGraph();
	const box = await page.locator("#timeline").boundingBox(), range = () => page.evaluate(() => window.flametrail.times.range);
	await page.mouse.move(box.x + box.width / 2, box.y + 20);
	await page.mouse.wheel(0, -150);
	await page.waitForFunction(() => window.flametrail.times.range.to - window.flametrail.times.range.from < 1000e6);
	const { from, to } = await range();
	assert.ok(Math.abs((from + to) / 2 - (NOW_US - 600e6)) < 5e6);
	await page.mouse.dblclick(box.x + 5, box.y + 20);
	await page.waitForFunction(() => window.flametrail.times.range.to - window.flametrail.times.range.from === 1200e6);
});

test("Escape goes back step by step", async () => {
	await openGraph();
	await clickBox(page, "postgres");
	await page.fill("#search", "deflate");
	await waitText("#search-result", /matched/);
	await page.focus("#flame");
	await page.mouse.move(0, 0);
	await page.keyboard.press("Escape");
	assert.equal(await page.inputValue("#search"), "");
	await waitZoom("postgres");
	await page.keyboard.press("Escape");
	await waitZoom("all");
});

test("arrow keys walk the graph and say where they are", async () => {
	await openGraph();
	await page.focus("#flame");
	for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) await page.keyboard.press(key);
	const item = await page.evaluate(() => {
		const host = document.querySelector("#flame"), live = document.getElementById(host.getAttribute("aria-activedescendant"));
		return { text: live.textContent, role: live.role, level: live.ariaLevel, place: live.ariaPosInSet, count: live.ariaSetSize,
			items: host.querySelectorAll("[role=treeitem]").length };
	});
	assert.match(item.text, /^postgres, process, total 13\.8 s · 34\.4 % of all/);
	assert.deepEqual({ ...item, text: "" }, { text: "", role: "treeitem", level: "2", place: "2", count: "2", items: 1 });
	await takePicture(page, "keyboard");
	await page.keyboard.press("Enter");
	await waitZoom("postgres");
});

test("the wheel zooms about the pointer, scrolls and pans", async () => {
	agent.options.tree = () => encodeTree(randomTree(3000, 5));
	await openGraph();
	const box = await page.locator("#flame").boundingBox();
	await page.mouse.move(box.x + box.width / 4, box.y + 100);
	await page.keyboard.down("Control");
	await page.mouse.wheel(0, -600);
	await page.keyboard.up("Control");
	await page.waitForFunction(() => window.flametrail.graph.view.scene.from > 0);
	const { from, to, all } = await page.evaluate(() => ({ from: window.flametrail.graph.view.scene.from, to: window.flametrail.graph.view.scene.to, all: window.flametrail.graph.view.tree.total[0] }));
	assert.ok(Math.abs((from + (to - from) / 4) / all - 0.25) < 0.002, "the point under the pointer stays");
	await page.mouse.wheel(0, 300);
	await page.waitForFunction(() => window.flametrail.graph.view.scene.scroll > 0);
	await page.mouse.wheel(100, 0);
	await page.waitForFunction((before) => window.flametrail.graph.view.scene.from > before, from);
	assert.ok(await page.evaluate(() => window.flametrail.graph.host.scrollTop > 0));
});

test("roots at the bottom stay in sight when the page changes its size", async () => {
	agent.options.tree = () => encodeTree(randomTree(3000, 5));
	await openGraph("#1;o=f");
	for (const height of [900, 600]) {
		await page.setViewportSize({ width: 1000, height });
		await page.waitForFunction(() => {
			const { canvas, scene, boxes } = window.flametrail.graph.view, root = boxes.find((box) => box.node === 0);
			return canvas.height === window.flametrail.graph.host.clientHeight && root?.top + scene.row === canvas.height;
		}, null, { timeout: 5000 });
	}
});

test("hovering names the box at once, the tooltip follows", async () => {
	await openGraph();
	const { x, y } = await boxCentre(page, "longest_match");
	await page.mouse.move(x, y);
	await waitText("#strip", /longest_match[^]*8\.48 s · 21\.2 %/);
	await page.locator("#tip").waitFor({ state: "visible" });
	assert.match(await text("#tip"), /longest_match[^]*libz\.so\.1\.2\.13[^]*21\.2 % of all[^]*840 samples/);
	await takePicture(page, "tooltip");
	await page.keyboard.down("Shift");
	await page.mouse.move(x, y + 100);
	assert.equal(await page.locator("#tip").isVisible(), true);
	await page.keyboard.up("Shift");
	await page.mouse.move(x + 1, y + 101);
	await page.locator("#tip").waitFor({ state: "hidden" });
});

test("search counts outermost matches once, steps, and refuses nonsense kindly", async () => {
	await openGraph();
	await page.fill("#search", "DEFLATE");
	await waitText("#search-result", /matched 26\.4 % · self 5\.3 % · 2 functions, 1 place/);
	assert.match(page.url(), /s=DEFLATE/);
	await takePicture(page, "search");
	await page.fill("#search", "/^(main|hash_any)$/");
	await waitText("#search-result", /2 functions, 2 places/);
	await page.focus("#flame");
	await page.keyboard.press("n");
	await waitText("#crumbs", /nginx[^]*main/);
	await page.keyboard.press("n");
	await waitText("#crumbs", /postgres[^]*main/);
	await page.keyboard.press("N");
	await waitText("#crumbs", /nginx[^]*main/);
	await page.fill("#search", "/(unclosed/");
	await waitText("#search-result", /not a valid pattern/);
	assert.equal(await page.getAttribute("#search", "aria-invalid"), "true");
	await page.fill("#search", "nothing like this");
	await waitText("#search-result", /no match/);
});

test("a pattern that would run for ever is ended", async () => {
	agent.options.tree = () => encodeTree({ frames: [["all", "", 0], [`${"a".repeat(40)}!`, "x", 1]], nodes: [[0, 0, 0], [1, 1, 5]] });
	await openGraph();
	await page.fill("#search", "/^(a+)+$/");
	await waitText("#search-result", /takes too long/);
	await page.fill("#search", "/a!/");
	await waitText("#search-result", /matched 100 %/);
});

test("a link restores the view after a reload", async () => {
	await openGraph();
	await clickBox(page, "postgres");
	await page.fill("#search", "hash");
	await page.focus("#flame");
	await page.keyboard.press("i");
	await waitText("#search-result", /matched/);
	const link = await page.evaluate(() => window.flametrail.link());
	assert.match(link, new RegExp(`w=${NOW_US - 60e6}\\+60s;m=cpu;z=[a-z2-7]{13};o=f;s=hash`));
	await waitForBox(page, "PostmasterMain", 1000);
	await takePicture(page, "flame");
	const shape = async () => JSON.stringify((await readRects(page)).filter((box) => box.w > 28).map(({ x, y, w, name }) => [x, y, w, name]));
	const before = await shape();
	await page.goto("about:blank");
	await page.goto(link);
	await waitForGraph(page);
	await waitText("#search-result", /matched/);
	await waitZoom("postgres");
	await waitForBox(page, "PostmasterMain", 1000);
	assert.equal(await shape(), before);
});

test("a link to a path that is not there says so", async () => {
	await openGraph("#1;z=aaaaaaaaaaaaa");
	await waitText("#notices", /not in this window/);
	await waitZoom("all");
});

test("hidden callees are loaded on a click, and the totals stay", async () => {
	await openGraph();
	const hidden = (await readRects(page)).find((box) => box.hidden), total = await text("#strip");
	assert.equal(hidden.name, "+12 hidden");
	agent.options.tree = () => encodeTree({ frames: [["ExecScan", "postgres", 1], ["ExecHashJoin", "postgres", 1], ["slot_deform", "postgres", 1]],
		nodes: [[0, 0, 0], [1, 1, 755 * TICK], [1, 2, 70 * TICK]] });
	const host = await page.locator("#flame").boundingBox();
	await page.mouse.click(host.x + hidden.x + hidden.w / 2, host.y + hidden.y + 8);
	await waitForBox(page, "slot_deform", 50);
	await waitZoom("ExecScan");
	assert.equal(treeRequests().at(-1).min_ppm, "0");
	assert.match(treeRequests().at(-1).root, /^[a-z2-7]{13}$/);
	await page.mouse.move(0, 0);
	await page.keyboard.press("0");
	await waitText("#strip", /^all/);
	assert.equal(await text("#strip"), total);
});

test("names from profiled programs stay text", async () => {
	await openGraph();
	await page.fill("#search", "<img");
	await waitText("#search-result", /1 function/);
	await page.focus("#flame");
	await page.keyboard.press("n");
	await waitText("#crumbs", /<img src=x onerror/);
	const { x, y } = await boxCentre(page, '<img src=x onerror="window.broken=1">');
	await page.mouse.move(x, y);
	await page.locator("#tip").waitFor({ state: "visible" });
	assert.match(await text("#tip"), /<img src=x[^]*evil<b>\.so/);
	assert.equal(await page.evaluate(() => window.broken), undefined);
	assert.equal(await page.locator("img").count(), 0);
});

test("names of any script, length and content, and stacks of any depth", async () => {
	const frames = [["all", "", 0], ["\u202edrawkcab\u0007", "a", 1], ["😀".repeat(10), "b", 1], ["مرحبا::new", "c", 1], ["x".repeat(2e6), "d", 1], ["", "e", 1]];
	agent.options.tree = () => encodeTree({ frames, nodes: [[0, 0, 0], ...frames.slice(1).map((_, i) => [1, i + 1, 100 - i])] });
	await openGraph();
	const names = (await readRects(page)).map((box) => box.name.slice(0, 12));
	assert.ok(names.includes("\ufffddrawkcab\ufffd") && names.includes("(no name)"), names.join());
	agent.options.tree = () => encodeTree({ frames: [["all", "", 0]], nodes: [[0, 0, 5]] });
	await openGraph();
	assert.equal((await readRects(page)).length, 1);
	agent.options.tree = () => encodeTree({ frames: [["all", "", 0], ["again", "a", 1]], nodes: Array.from({ length: 4096 }, (_, i) => [i, i ? 1 : 0, 1]) });
	await openGraph();
	await page.evaluate(() => window.flametrail.graph.zoom(4095));
	await page.waitForFunction(() => window.readRects().some((box) => box.node === 4095));
	await waitText("#crumbs", /4,?0\d\d more/);
});

test("nothing recorded yet: says so, and goes on by itself", async () => {
	agent.options.meta = { metrics: [], retain: { from_us: 0, to_us: 0, fine_us: NOW_US - 1200e6 } };
	await open();
	await waitText("#message", /Nothing recorded yet[^]*10 seconds[^]*doctor/);
	await takePicture(page, "empty");
	agent.options.meta = {};
	await waitForGraph(page);
	assert.equal(await page.locator("#message").isVisible(), false);
});

test("a window without samples says why", async () => {
	agent.options.tree = () => encodeTree({ frames: [["all", "", 0]], nodes: [[0, 0, 0]] });
	await open();
	await waitText("#message", /No samples in this window[^]*longer window/);
	await open(`#1;w=${NOW_US - 690e6}+20s`);
	await waitText("#message", /Nothing was recorded[^]*hatched/);
});

for (const [how, pattern] of [["status", /another query is running[^]*Try again/], ["error", /status 500[^]*log/],
	["cut", /stopped in the middle[^]*flametrail doctor/], ["garbage", /damaged[^]*reload the page/]]) {
	test(`a tree that fails (${how}) says what to do, and a retry works`, async () => {
		agent.options.fail = { path: "tree", how };
		await open(`#1;w=${NOW_US - 60e6}+60s`);
		await waitText("#message", pattern);
		if (how === "cut") await takePicture(page, "error");
		agent.options.fail = null;
		await page.locator("#message button").click();
		await waitForGraph(page);
		assert.equal(await page.locator("#message").isVisible(), false);
	});
}

test("an agent that goes away leaves the picture and says so", async () => {
	await openGraph();
	agent.options.fail = { path: "meta", how: "cut" };
	await waitText("#notices", /cannot be reached[^]*keeps trying/);
	assert.ok((await readRects(page)).length > 5);
	agent.options.fail = null;
	await page.waitForFunction(() => !/cannot be reached/.test(document.querySelector("#notices").innerText), null, { timeout: 8000 });
});

test("new data moves a live page on and keeps the zoom", async () => {
	await openGraph();
	await clickBox(page, "postgres");
	await waitForBox(page, "PostmasterMain", 1000);
	agent.options.meta = { gen: 2, now_us: NOW_US + 10e6, retain: { from_us: NOW_US - 1200e6, to_us: NOW_US + 10e6, fine_us: NOW_US - 1200e6 } };
	for (let i = 0; i < 100 && treeRequests().at(-1).to !== String(NOW_US + 10e6); i++) await page.waitForTimeout(100);
	assert.equal(treeRequests().at(-1).from, String(NOW_US - 50e6));
	await waitForBox(page, "PostmasterMain", 1000);
	await waitZoom("postgres");
});

test("the page of a file shows all of it", async () => {
	agent.options.meta = { source: "file", title: "profile.pb.gz", retain: { from_us: NOW_US - 30e6, to_us: NOW_US, fine_us: NOW_US - 1200e6 } };
	await openGraph();
	assert.deepEqual(treeRequests()[0], { metric: "cpu", from: String(NOW_US - 30e6), to: String(NOW_US) });
	assert.equal(await text("#live"), "All");
	assert.match(await page.title(), /profile\.pb\.gz/);
});

test("a narrow page fits its width, the help opens and closes", async () => {
	await openGraph("", { width: 390, height: 800 });
	assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
	await takePicture(page, "narrow");
	await openGraph();
	await page.click("#help");
	await takePicture(page, "help");
	await page.keyboard.press("Escape");
	assert.equal(await page.locator("dialog[open]").count(), 0);
});

const AXE = readFileSync(new URL("./node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

/** What axe finds wrong with the page as it is now. */
async function findBarriers() {
	await page.evaluate(AXE);
	return page.evaluate(async () => {
		const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
		const { violations } = await window.axe.run(document, { runOnly: tags });
		return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join(" | ")}`);
	});
}

for (const dark of [false, true]) {
	test(`axe finds no barrier, ${dark ? "dark" : "light"}`, async () => {
		for (const [width, height] of [[1440, 900], [390, 800]]) {
			await openGraph("#1;s=hash", { dark, width, height });
			await waitText("#search-result", /matched/);
			await page.click("#exact summary");
			assert.deepEqual(await findBarriers(), []);
			await takePicture(page, `axe-${dark ? "dark" : "light"}-${width}`);
		}
		const { x, y } = await boxCentre(page, "ExecScan");
		await page.mouse.move(x, y);
		await page.locator("#tip").waitFor({ state: "visible" });
		assert.deepEqual(await findBarriers(), []);
		await page.click("#help");
		assert.deepEqual(await findBarriers(), []);
		agent.options.fail = { path: "tree", how: "cut" };
		await open(`#1;w=${NOW_US - 60e6}+60s`, { dark });
		await waitText("#message", /Try again/);
		assert.deepEqual(await findBarriers(), []);
	});
}

/** Times of decode, layout, paint and of 60 frames of zooming, for the tree the agent serves. */
async function measureTree() {
	return page.evaluate(async () => {
		const { decodeTree } = await import("/fttr.js"), { layoutTree } = await import("/tree.js");
		const data = new Uint8Array(await (await fetch("/api/1/tree?metric=cpu&from=1&to=2")).arrayBuffer());
		const { view } = window.flametrail.graph, times = [], frames = [];
		for (let round = 0; round < 6; round++) {
			const start = performance.now(), raw = decodeTree(data), decoded = performance.now();
			const tree = layoutTree(raw, "weight"), laid = performance.now();
			view.setTree(tree, 0, false);
			view.draw();
			times.push([decoded - start, laid - decoded, performance.now() - laid, performance.now() - start]);
		}
		for (let i = 0; i < 60; i++) {
			view.zoomBy(i % 30 < 15 ? 0.8 : 1.25, 0.3 + 0.4 * Math.sin(i / 7));
			const start = performance.now();
			view.draw();
			frames.push(performance.now() - start);
		}
		frames.sort((a, b) => a - b);
		return { first: times[0], warm: times.slice(1).sort((a, b) => a[3] - b[3])[2], median: frames[30], p95: frames[57] };
	});
}

test("200,000 nodes: times are printed, only ratios are checked", async (t) => {
	const large = encodeTree(randomTree(200000, 1)), little = encodeTree(randomTree(2000, 1));
	const show = (name, { first, warm, median, p95 }) => t.diagnostic(`${name}: decode ${first[0].toFixed(1)}, layout ${first[1].toFixed(1)}, paint ${
		first[2].toFixed(1)}, all ${first[3].toFixed(1)} ms cold, ${warm[3].toFixed(1)} ms warm; frame ${median.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`);
	agent.options.tree = () => large;
	await openGraph();
	const many = await measureTree();
	await takePicture(page, "large");
	agent.options.tree = () => little;
	await openGraph();
	const few = await measureTree();
	show("200,000 nodes", many);
	show("2,000 nodes", few);
	// A hundred times the nodes must not cost much more to draw: what is not seen is left out.
	assert.ok(many.median < 15 * few.median + 5, `${many.median} ms against ${few.median} ms`);
	assert.ok(many.warm[3] < 500 * Math.max(few.warm[3], 1));
});
