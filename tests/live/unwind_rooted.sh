# Stacks reach the root, without frame pointers: programs as Debian builds them, and some
# that are hard. Prints a table of how walks ended, of programs that ran already (-p) and
# from their first instruction (--). Frames of a recursion 1,000 deep follow its call graph.
. "$(dirname "$0")/lib.sh"
need_record

sources=$(cd "$(dirname "$0")/../rooted" && pwd)
LEAST=0.97 # of samples that must be complete, of programs in C that ran already
BUDGET=55  # seconds; what would begin later is left out, and said

gcc -O2 -fomit-frame-pointer -o "$tmp/recursion" "$sources/recursion.c"
gcc -O2 -static -o "$tmp/static" "$sources/recursion.c"
gcc -O2 -fcf-protection -o "$tmp/sigaltstack" "$sources/sigaltstack.c"

cat >"$tmp/deep.py" <<'END'
def down(n):
    return sum(map(down, [n - 1])) if n else len(sorted(range(3000), key=lambda x: -x))
while True:
    down(60)
END

# 3,000 functions keep the compiler busy for some seconds.
make_c() {
	awk 'BEGIN {
		for (i = 0; i < 3000; i++)
			printf "int f%d(int *a, int n) { int s = 0; for (int i = 0; i < n; i++) " \
				"switch (a[i] %% 7) { case 0: s += a[i] * %d; break; case 1: s ^= i; break; " \
				"case 2: for (int k = 0; k < i; k++) s -= a[k]; break; default: a[i] = s; } " \
				"return s + %s; }\n", i, i, i ? sprintf("f%d(a, n - 1)", i - 1) : "0"
	}' >"$tmp/many.c"
}

# What a row of the table runs, by its name; in place of the shell.
run_program() {
	case $1 in
	xz) exec xz -6 -T1 -c /dev/urandom ;;
	gzip) exec gzip -9 -c /dev/urandom ;;
	python3) exec /usr/bin/python3 "$tmp/deep.py" ;;
	perl) exec perl -e 'for (;;) { my @a = sort { $b <=> $a } map { $_ =~ s/7/x/r; rand } 1 .. 5000 }' ;;
	sort) exec sort --parallel=1 -k1,1r "$tmp/lines" "$tmp/lines" "$tmp/lines" ;;
	cc1) exec "$(gcc -print-prog-name=cc1)" -quiet -O2 "$tmp/many.c" -o /dev/null ;;
	openssl-aes) exec openssl speed -seconds 20 -evp aes-256-gcm ;;
	openssl-rsa) exec openssl speed -seconds 20 rsa2048 ;;
	sqlite3) exec sqlite3 :memory: "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c
		LIMIT 1000000000) SELECT sum(x * x % 7) FROM c" ;;
	node) exec node -e 'for (;;) { const a = Array.from({ length: 1e4 }, Math.random); a.sort(); JSON.stringify(a) }' ;;
	go) exec "$tmp/busy" ;;
	*) exec "$tmp/$1" 30 ;;
	esac
}
export -f run_program
export tmp

outcomes() {
	rows "$1" outcomes | awk -F '\t' '
		{ total += $2; if ($1 == "complete") complete = $2; else rest = rest ", " $2 " " $1 }
		END { printf "%d %d %.4f %s\n", total, complete, total ? complete / total : 0, substr(rest, 3) }'
}

# One row: both ways, their outcomes to files.
measure() {
	local name=$1 pid
	bash -c 'run_program "$1"' - "$name" >/dev/null 2>&1 &
	pid=$!
	sleep 0.3
	timeout 20 "$flametrail" record -q -p $pid -F 999 -d 1500ms -o "$tmp/$name.p.pb.gz" >/dev/null 2>"$tmp/$name.err"
	kill $pid 2>/dev/null
	wait $pid 2>/dev/null
	timeout 20 "$flametrail" record -q -F 999 -d 1s -o "$tmp/$name.c.pb.gz" -- \
		bash -c 'run_program "$1"' - "$name" >/dev/null 2>>"$tmp/$name.err"
	outcomes "$tmp/$name.p.pb.gz" >"$tmp/$name.p"
	outcomes "$tmp/$name.c.pb.gz" >"$tmp/$name.c"
}

measure_all() {
	for name; do
		if [ $SECONDS -ge $BUDGET ]; then
			echo "left out, no time: $name"
			continue
		fi
		measure "$name" || true
	done
}

make_c
seq 1500000 >"$tmp/lines"
odd="xz python3 sort openssl-aes recursion" even="gzip perl cc1 openssl-rsa sigaltstack static"
! command -v sqlite3 >/dev/null || odd="$odd sqlite3"
! command -v node >/dev/null || odd="$odd node"
! g++ -O2 -o "$tmp/throws" "$sources/throws.cc" 2>/dev/null || even="$even throws"
! (cd "$tmp" && go build -o "$tmp/busy" "$sources/busy.go") 2>/dev/null || even="$even go"

# shellcheck disable=SC2086 # names without blanks
measure_all $odd &
first=$!
# shellcheck disable=SC2086
measure_all $even
wait $first

printf '%-12s %8s %9s %8s %8s  %s\n' program samples complete share "-- share" "not complete (-p | --)"
for name in $odd $even; do
	[ -s "$tmp/$name.c" ] || continue
	read -r total complete share rest <"$tmp/$name.p"
	read -r _ _ start_share start_rest <"$tmp/$name.c"
	printf '%-12s %8d %9d %8s %8s  %s\n' "$name" "$total" "$complete" "$share" "$start_share" \
		"$rest | $start_rest"
	rows "$tmp/$name.p.pb.gz" ends | head -n 4 | sed 's/^/             -p  ends at /'
	rows "$tmp/$name.c.pb.gz" ends | head -n 3 | sed 's/^/             --  ends at /'
done

# ---- what must hold ----

for name in xz gzip python3 perl sort cc1 openssl-aes openssl-rsa sqlite3 sigaltstack static recursion; do
	[ -s "$tmp/$name.p" ] || continue
	read -r total _ share _ <"$tmp/$name.p"
	assert "$name: enough samples to judge" "$total > 100"
	assert "$name: share of complete stacks" "$share >= $LEAST"
done

# Callers of f0 to f7 and burn, as tests/rooted/recursion.c has them.
strangers() {
	rows "$1" calls | awk -F '\t' '
		BEGIN {
			for (i = 0; i < 8; i++)
				edge["f" i, "f" (3 * i + 1) % 8] = edge["f" i, "f" (5 * i + 2) % 8] = edge["f" i, "burn"] = 1
			edge["main", "f0"] = 1
		}
		($2 ~ /^f[0-7]$/ || $2 == "burn") && !(($1, $2) in edge) { print $1 " calls " $2 ", " $3 " times" }
		$1 ~ /^(f[0-7]|burn)$/ && $2 == "main" { print $1 " calls main" }'
}

for file in "$tmp"/recursion.[pc].pb.gz "$tmp/static.p.pb.gz"; do
	[ -s "$file" ] || continue
	wrong=$(strangers "$file")
	[ -z "$wrong" ] || fail "${file##*/}: no edge of the call graph: $(echo "$wrong" | head -n 3)"
done

# ---- the walk of older kernels ----

# Stacks of fewer than 256 frames end alike; deeper ones are cut, and say so.
start sigaltstack "$tmp/sigaltstack"
shallow=$pid
start deep "$tmp/recursion" 30
deep=$pid
sleep 0.3
run_within 20 0 "$flametrail" record -q -p "$shallow" -F 499 -d 2 --walk tail-calls -o "$tmp/tail.pb.gz"
read -r total complete share rest <<<"$(outcomes "$tmp/tail.pb.gz")"
echo "tail calls, sigaltstack: $total samples, $complete complete, $share; $rest"
assert "tail calls: enough samples to judge" "$total > 100"
assert "tail calls: share of complete stacks" "$share >= $LEAST"
run_within 20 0 "$flametrail" record -q -p "$deep" -F 499 -d 2 --walk tail-calls -o "$tmp/cut.pb.gz"
read -r total complete share rest <<<"$(outcomes "$tmp/cut.pb.gz")"
echo "tail calls, recursion: $total samples, $complete complete, $share; $rest"
cut=$(rows "$tmp/cut.pb.gz" sum 0 outcome=truncated)
assert "tail calls: stacks end or are cut" "$complete + $cut >= $LEAST * $total && $cut > 0"
wrong=$(strangers "$tmp/cut.pb.gz")
[ -z "$wrong" ] || fail "tail calls: no edge of the call graph: $(echo "$wrong" | head -n 3)"
echo "$SECONDS s in all"
