// Sums over a pprof file, read by Go's own pprof so that a fault of ours in writing is not
// undone by a fault in reading.
//	node rows.mjs FILE.pb.gz sum VALUE [KEY=TEXT...]
// VALUE: index of the sample type. KEY: a label; or frame, a function anywhere in the
// stack; leaf, the innermost function; mapping, the innermost frame's mapping file.
//	node rows.mjs FILE.pb.gz functions|types|period|pids
//	node rows.mjs FILE.pb.gz outcomes	samples by how their walk ended: NAME\tSAMPLES
//	node rows.mjs FILE.pb.gz ends		and the outermost frames of those not complete
//	node rows.mjs FILE.pb.gz calls		who is above whom: CALLER\tCALLEE\tSAMPLES
import { execFileSync } from "node:child_process";

const lines = (file) =>
	execFileSync("go", ["tool", "pprof", "-raw", file], {
		encoding: "utf8",
		maxBuffer: 1 << 30,
		stdio: ["ignore", "pipe", "ignore"],
	}).split("\n");

function readRow(line) {
	const [values, stack] = line.split(":");
	return {
		values: values.trim().split(/\s+/).map(Number),
		stack: stack.trim().split(/\s+/).filter(Boolean).map(Number),
		labels: {},
	};
}

function readLabels(line, row) {
	for (const [, key, text] of line.matchAll(/(\S+):\[([^\]]*)\]/g)) row.labels[key] = text;
}

// "     1: 0x11c4 M=1 main /src/a.c:7 s=0"; lines of inlined functions follow without number.
function readLocation(line, locations) {
	const head = /^\s+(\d+): (0x[0-9a-f]+) (?:M=(\d+) )?(.*)$/.exec(line);
	const location = head
		? { address: head[2], mapping: Number(head[3] ?? 0), functions: [] }
		: locations.at(-1);
	if (head) locations[Number(head[1])] = location;
	const name = / ?(.*?) [^ ]*:\d+(?::\d+)? s=\d+/.exec(head ? head[4] : line.trim());
	if (name) location.functions.push(name[1]);
}

function read(file) {
	const profile = { types: [], period: 0, rows: [], locations: [], mappings: [] };
	let part = "head";
	for (const line of lines(file)) {
		const title = /^(Samples|Locations|Mappings):?$/.exec(line);
		if (title) part = title[1];
		else if (line.startsWith("Period: ")) profile.period = Number(line.slice(8));
		else if (part === "Samples" && /^\S+\/\S+/.test(line))
			profile.types = line.trim().split(/\s+/).map((t) => t.replace("[dflt]", ""));
		else if (part === "Samples" && /^[\s\d]+:[\s\d]*$/.test(line)) profile.rows.push(readRow(line));
		else if (part === "Samples") readLabels(line, profile.rows.at(-1));
		else if (part === "Locations" && line.trim()) readLocation(line, profile.locations);
		else if (part === "Mappings" && line.trim()) {
			const mapping = /^(\d+): \S+ (\S*)/.exec(line);
			if (mapping) profile.mappings[Number(mapping[1])] = mapping[2];
		}
	}
	return profile;
}

function matches(profile, row, key, text) {
	const chain = row.stack.map((id) => profile.locations[id]);
	if (key === "frame") return chain.some((l) => l.functions.includes(text));
	if (key === "leaf") return chain[0]?.functions[0] === text;
	if (key === "mapping") return profile.mappings[chain[0]?.mapping] === text;
	return row.labels[key] === text;
}

const placeOf = (profile, location) =>
	`${profile.mappings[location.mapping] ?? "[unknown]"} ${location.address} ${location.functions.at(-1) ?? "?"}`;

function addTo(sums, key, n) {
	sums.set(key, (sums.get(key) ?? 0) + n);
}

// Sums of samples by what of() calls a row, the largest first.
function printSums(profile, of) {
	const sums = new Map();
	for (const row of profile.rows) for (const key of of(row)) addTo(sums, key, row.values[0]);
	for (const [key, n] of [...sums].sort((a, b) => b[1] - a[1])) console.log(`${key}\t${n}`);
}

function callsOf(profile, row) {
	const names = row.stack.flatMap((id) => {
		const { functions } = profile.locations[id];
		return functions.length ? functions : ["?"];
	});
	return new Set(names.slice(1).map((caller, i) => `${caller}\t${names[i]}`));
}

const outcomeOf = (row) => row.labels.outcome ?? "complete";

function endsOf(profile, row) {
	if (!row.labels.outcome) return [];
	const last = profile.locations[row.stack.at(-1)];
	return [`${row.labels.outcome} ${last ? placeOf(profile, last) : "no frame"}`];
}

const [file, command, value, ...filters] = process.argv.slice(2);
const profile = read(file);
if (command === "sum") {
	const wanted = filters.map((f) => [f.slice(0, f.indexOf("=")), f.slice(f.indexOf("=") + 1)]);
	let sum = 0;
	for (const row of profile.rows)
		if (wanted.every(([key, text]) => matches(profile, row, key, text)))
			sum += row.values[Number(value)];
	console.log(sum);
} else if (command === "functions") {
	console.log([...new Set(profile.locations.flatMap((l) => l?.functions ?? []))].join("\n"));
} else if (command === "outcomes") {
	printSums(profile, (row) => [outcomeOf(row)]);
} else if (command === "ends") {
	printSums(profile, (row) => endsOf(profile, row));
} else if (command === "calls") {
	printSums(profile, (row) => callsOf(profile, row));
} else if (command === "types") {
	console.log(profile.types.join(" "));
} else if (command === "period") {
	console.log(profile.period);
} else if (command === "pids") {
	console.log([...new Set(profile.rows.map((r) => r.labels.pid))].join("\n"));
}
