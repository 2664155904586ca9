// match_worker.js - runs one pattern after the other, away from the page.

import { matchNames } from "./match.js";

self.onmessage = (event) => self.postMessage(matchNames(event.data.query, event.data.names));
