# flametrail inspect: what it prints, its exit codes, and what it makes of bad files.
. "$(dirname "$0")/lib.sh"
need_command readelf
need_command node

libc=$(ldd /bin/sh | awk '$1 ~ /^libc\.so/ { print $3 }')

run_within 10 0 "$flametrail" inspect "$libc"
coverage=$(awk '$1 == "coverage" { print $2 }' "$tmp/run.out")
refused=$(awk '$1 == "functions" { print $4 }' "$tmp/run.out")
table=$(value_of "$tmp/run.out" table)
rows=$(value_of "$tmp/run.out" rows)
assert "most of the C library is described" "$coverage > 90 && $coverage <= 100"
assert "nothing is refused" "$refused == 0"
assert "at most 5 bytes a row" "$table / $rows <= 5"

# Every address of a row has the rule of that row.
run_within 10 0 "$flametrail" inspect --rows "$libc"
cp "$tmp/run.out" "$tmp/rows"
assert "rows" "$(wc -l <"$tmp/rows") >= $rows"
readelf -lW "$libc" >"$tmp/segments"
awk 'NR % 500 == 0' "$tmp/rows" | while read -r offset rule; do
	address=$(node -e '
		const [file, offset] = process.argv.slice(1);
		for (const line of require("fs").readFileSync(file, "utf8").split("\n")) {
			const [type, at, address, , size] = line.trim().split(/\s+/);
			const n = parseInt(offset, 16) - at;
			if (type === "LOAD" && n >= 0 && n < size) console.log((n + +address).toString(16));
		}' "$tmp/segments" "$offset")
	run_within 10 0 "$flametrail" inspect -a "$address" "$libc"
	[ "$(cat "$tmp/run.out")" = "$offset $rule" ] || fail "$address: $(cat "$tmp/run.out"), not $offset $rule"
done

run_within 10 0 "$flametrail" inspect --help
grep -q '^usage: ' "$tmp/run.out" || fail "no help"
run_within 10 2 "$flametrail" inspect
run_within 10 2 "$flametrail" inspect -a xyz "$libc"
run_within 10 2 "$flametrail" inspect --rows -a 1000 "$libc"
run_within 10 1 "$flametrail" inspect "$tmp/missing"
one_line 'No such file'
run_within 10 1 "$flametrail" inspect /bin/sh/nothing
run_within 10 1 "$flametrail" inspect "$0"
one_line 'not an ELF file'
run_within 10 1 "$flametrail" inspect -a 0 "$libc"
one_line 'no executable segment'
mkfifo "$tmp/pipe"
run_within 10 1 "$flametrail" inspect "$tmp/pipe"
run_within 10 1 "$flametrail" inspect /dev/zero

# Cut short or changed, a file is an error or a smaller table, not a crash.
for size in 64 5000 200000 1500000; do
	head -c $size "$libc" >"$tmp/cut"
	"$flametrail" inspect "$tmp/cut" >"$tmp/run.out" 2>"$tmp/run.err" && code=0 || code=$?
	[ $code -le 1 ] || fail "$size bytes: ended with $code"
done
