// main.js - where the page begins.

import { App } from "./app.js";
import { openSource } from "./data.js";

const app = new App(openSource());
// For tests, and for whoever wonders in the console.
if (location.search === "?test") globalThis.flametrail = app;
