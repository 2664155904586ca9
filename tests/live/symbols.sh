#!/bin/sh
# Names of 1,000 addresses of each file against what nm of binutils knows: the same for
# at least 99.9 %, aliases at one address counted as equal.
#	tests/live/symbols.sh [FILE...]		default: libc, python3 and flametrail itself
set -eu

flametrail=${FLAMETRAIL:-${OUT:-build}/flametrail}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

if [ $# -eq 0 ]; then
	libc=$(ldd /bin/sh | awk '$1 ~ /^libc\.so/ { print $3 }')
	set -- "$flametrail" "$libc"
	if [ -e /usr/bin/python3 ]; then
		set -- "$@" "$(readlink -f /usr/bin/python3)"
	fi
fi

# address, size, type, name of each function with a size. A stripped file has only its
# dynamic symbols.
functions_of() {
	nm --defined-only -S "$1" >"$tmp/all" 2>/dev/null || true
	[ -s "$tmp/all" ] || nm -D --defined-only -S "$1" >"$tmp/all"
	awk 'NF == 4 && $3 ~ /^[TtWwi]$/ && $2 !~ /^0+$/' "$tmp/all"
}

# What nm says, as answers to questions: choose FUNCTIONS prints addresses, at the start,
# inside and at the end of functions; check FUNCTIONS NAMES FILE compares.
cat >"$tmp/compare.mjs" <<'EOF'
import { readFileSync } from "node:fs";

const [what, functionsFile, namesFile, file] = process.argv.slice(2);
const lines = (path) => readFileSync(path, "utf8").split("\n").filter(Boolean);
const functions = lines(functionsFile)
	.map((line) => line.split(" "))
	.map(([start, size, , name]) => ({
		start: BigInt("0x" + start),
		end: BigInt("0x" + start) + BigInt("0x" + size),
		name: name.replace(/@.*/, ""),
	}));
const step = Math.max(1, functions.length / 1000);
const addresses = [];
for (let at = 0; at < functions.length; at += step) {
	const { start, end } = functions[Math.floor(at)];
	addresses.push([start, (start + end) / 2n, end - 1n][addresses.length % 3]);
}

// Of the functions around an address the innermost ones, all of one start.
function namesAt(address) {
	const around = functions.filter((f) => f.start <= address && address < f.end);
	const inner = around.reduce((max, f) => (f.start > max ? f.start : max), 0n);
	return around.filter((f) => f.start === inner).map((f) => f.name);
}

if (what === "choose") {
	console.log(addresses.map((address) => address.toString(16)).join("\n"));
} else {
	const names = lines(namesFile).map((name) => name.replace(/@.*/, ""));
	const wrong = addresses
		.map((address, i) => [address, names[i], namesAt(address)])
		.filter(([, name, known]) => !known.includes(name));
	const right = addresses.length - wrong.length;
	console.log(`${file}: ${right} of ${addresses.length} names as nm`);
	for (const [address, name, known] of wrong.slice(0, 10))
		console.log(`  ${address.toString(16)}: ${name}, not ${known.join(" or ")}`);
	process.exit(addresses.length === 0 || wrong.length * 1000 > addresses.length ? 1 : 0);
}
EOF

bad=0
for file; do
	functions_of "$file" >"$tmp/functions"
	node "$tmp/compare.mjs" choose "$tmp/functions" >"$tmp/addresses"
	"$flametrail" symbolize -f -e "$file" <"$tmp/addresses" | awk 'NR % 2' >"$tmp/names"
	node "$tmp/compare.mjs" check "$tmp/functions" "$tmp/names" "$file" || bad=1
done
exit $bad
