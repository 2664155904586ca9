// hook.js - what tests may ask the page, when its address has "?test".

/** @param {App} app */
export function addTestHook(app) {
	const params = new URLSearchParams(location.search);
	if (!params.has("test")) return;
	const { view } = app.graph;
	view.labels = params.get("labels") !== "0";
	Object.assign(globalThis, { __ft: { rects: () => view.rects(), view, app } });
}
