// Sums over a flame graph as the agent sends it, read by the viewer's own decoder.
//	node tree.mjs FILE total|samples	the metric's unit; samples
//	node tree.mjs FILE sum NAME		the weight, in the metric's unit, of stacks
//						with a frame of that name
import { readFileSync } from "node:fs";
import { decodeTree } from "../../web/fttr.js";

const [file, command, name] = process.argv.slice(2);
const tree = decodeTree(new Uint8Array(readFileSync(file)));

// A node counts once, however often the name stands above it: inside is the depth at
// which the outermost frame of that name was entered.
function sumOf(wanted) {
	let sum = 0, inside = Infinity;
	for (let i = 0; i < tree.n; i++) {
		if (tree.depth[i] <= inside) inside = Infinity;
		if (inside === Infinity && tree.strings[tree.frames.name[tree.frame[i]]] === wanted)
			inside = tree.depth[i];
		if (inside !== Infinity) sum += tree.self[i] + tree.hidden[i];
	}
	return sum;
}

if (command === "total") console.log(tree.head.total * tree.head.scale);
else if (command === "samples") console.log(tree.head.samples);
else if (command === "sum") console.log(sumOf(name) * tree.head.scale);
