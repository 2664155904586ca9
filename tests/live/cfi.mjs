// Compare unwind rules: node cfi.mjs SEGMENTS FRAMES ROWS
// SEGMENTS: readelf -lW, FRAMES: readelf --debug-dump=frames-interp, ROWS: inspect --rows
// of one file. At every row of readelf, and at the last byte it holds for, the rule must
// be the same. What readelf does not print as a rule (exp), and what is known not to be
// followed, is counted by what it became.
// Prints one line of counts, and the first differences; fails when there are any.
import { createReadStream, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [segmentsFile, framesFile, rowsFile] = process.argv.slice(2);

// Addresses fit a double: no program is mapped above 2^47.
const number = (hex) => parseInt(hex, 16);

const segments = readFileSync(segmentsFile, "utf8")
	.split("\n")
	.map((line) => line.trim().split(/\s+/))
	.filter((words) => words[0] === "LOAD" && words.slice(6, -1).join("").includes("E"))
	.map(([, offset, address, , size]) => ({
		offset: number(offset),
		start: number(address),
		end: number(address) + number(size),
	}));

function offsetOf(address) {
	const segment = segments.find((s) => s.start <= address && address < s.end);
	return segment ? address - segment.start + segment.offset : -1;
}

const rows = readFileSync(rowsFile, "utf8")
	.split("\n")
	.filter(Boolean)
	.map((line) => {
		const [offset, cfa, rbp, ra] = line.split(" ");
		return { offset: number(offset), cfa, rbp, ra };
	});

function ruleAt(offset) {
	let low = 0;
	let high = rows.length;
	while (high - low > 1) {
		const middle = (low + high) >> 1;
		if (rows[middle].offset <= offset) low = middle;
		else high = middle;
	}
	return rows[low];
}

// As readelf numbers the registers of x86-64.
const registers = "rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15".split(" ");

const counts = { functions: 0, same: 0, different: 0, outside: 0 };
const count = (what) => (counts[what] = (counts[what] ?? 0) + 1);
const differences = [];

// Why a value may differ: a name for it, "" when it does not, null when it may not.
function explainCfa(theirs, ours) {
	if (theirs.ra === "u") return ours.cfa === "root" ? "" : null;
	// How longjmp and setcontext end: the caller's registers are in a buffer.
	const jumps = /^c[+]/.test(theirs.ra) || (/^r\d/.test(theirs.ra) && !theirs.cfa.startsWith("rsp"));
	if (jumps) return ours.cfa === "none" ? "longjmp: not followed" : null;
	const popped = /^rsp\+[0-7]$/.test(theirs.cfa) && theirs.ra === "c-8";
	if (popped) return ours.cfa === "root" ? "return address popped: root" : null;
	if (theirs.cfa === ours.cfa) return "";
	if (theirs.cfa !== "exp") return null;
	if (ours.cfa.startsWith("plt")) return "exp: plt";
	if (ours.cfa.startsWith("signal")) return "exp: signal frame";
	if (ours.cfa.startsWith("*")) return "exp: in memory";
	return ours.cfa === "none" ? "exp: not followed" : null;
}

function explainRbp(theirs, ours) {
	if (["none", "root"].includes(ours.cfa) || ours.cfa.startsWith("signal")) return "";
	if (theirs.rbp === "u" || theirs.rbp === "s") return ours.rbp === "=" ? "" : null;
	if (theirs.rbp === ours.rbp) return "";
	if (theirs.rbp === "exp") return ours.rbp === "*rbp" ? "rbp exp: at rbp" : null;
	return /^[rv]/.test(theirs.rbp) && ours.rbp === "u" ? "rbp in a register: lost" : null;
}

function explainRa(theirs, ours) {
	if (["none", "root"].includes(ours.cfa) || ours.cfa.startsWith("signal")) return "";
	const inRegister = theirs.ra.match(/^r(\d+)$/);
	return (inRegister ? registers[inRegister[1]] : theirs.ra) === ours.ra ? "" : null;
}

function compare(theirs, address) {
	const offset = offsetOf(address);
	if (offset < 0) return count("outside");
	const ours = ruleAt(offset);
	const reasons = [explainCfa, explainRbp, explainRa].map((explain) => explain(theirs, ours));
	if (reasons.includes(null)) {
		count("different");
		differences.push(
			`${address.toString(16)}: ${theirs.cfa} ${theirs.rbp} ${theirs.ra}, not ` +
				`${ours.cfa} ${ours.rbp} ${ours.ra}`,
		);
		return;
	}
	count("same");
	for (const reason of reasons) if (reason) count(reason);
}

// The entry of readelf's at hand: its columns by name, its rows, and of a function where
// it begins and ends. One without rows has those of its CIE.
let entry = null;
const cies = new Map();

function finish() {
	if (entry?.id) cies.set(entry.id, entry);
	if (!entry || entry.id) return;
	const own = entry.rows.length ? entry.rows : (cies.get(entry.cie)?.rows ?? []);
	const list = own
		.map((row) => (entry.rows.length ? row : { ...row, address: entry.start }))
		.filter((row, i, all) => row.address !== all[i + 1]?.address);
	for (const [i, row] of list.entries()) {
		const end = Math.min(list[i + 1]?.address ?? entry.end, entry.end);
		if (row.address >= end) continue;
		compare(row, row.address);
		compare(row, end - 1);
	}
}

function addRow(line) {
	const words = line.replace(/ \(\w+\)/g, "").trim().split(/\s+/);
	const value = (name) => words[entry.columns.indexOf(name)] ?? "u";
	const address = number(words[0]);
	entry.rows.push({ address, cfa: value("CFA"), rbp: value("rbp"), ra: value("ra") });
}

for await (const line of createInterface({ input: createReadStream(framesFile) })) {
	const fde = line.match(/ FDE cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+)/);
	const cie = line.match(/^([0-9a-f]{8}) .* CIE /);
	if (fde || cie) finish();
	if (fde) {
		count("functions");
		entry = { cie: fde[1], start: number(fde[2]), end: number(fde[3]), rows: [] };
	} else if (cie) {
		entry = { id: cie[1], rows: [] };
	} else if (/^\s+LOC/.test(line)) {
		entry.columns = line.trim().split(/\s+/);
	} else if (/^[0-9a-f]{16} /.test(line) && entry?.columns) {
		addRow(line);
	}
}
finish();

console.log(
	Object.entries(counts)
		.map(([what, n]) => `${n} ${what}`)
		.join(", "),
);
for (const difference of differences.slice(0, 10)) console.log(`  ${difference}`);
process.exit(counts.different > 0 || counts.same < counts.functions ? 1 : 0);
