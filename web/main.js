// main.js - where the page begins.

import { App } from "./app.js";
import { openSource } from "./data.js";
import { addTestHook } from "./hook.js";

const app = new App(document, openSource(document));
app.start();
addTestHook(app);
