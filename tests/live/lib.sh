# lib.sh - what the live tests share. A test is a bash script that begins with
#
#	. "$(dirname "$0")/lib.sh"
#	need_root
#
# and ends by itself (passed), through fail, or through skip. Whatever way it ends, what
# it started is ended too, and a process or a BPF program that outlives it fails it.
# In $tmp it may write. Only ratios and counts are asserted, no absolute time.
set -eu

OUT=${OUT:-build}
flametrail=${FLAMETRAIL:-$OUT/flametrail}
truth=$OUT/truth
PATH=$PATH:/usr/sbin:/sbin
SKIPPED=77

tmp=$(mktemp -d)
# Readable for tests that give up their privileges.
chmod 755 "$tmp"

# Every process of this test inherits the mark, so that none can hide.
export FT_LIVE_TEST=$$.$RANDOM

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

skip() {
	echo "SKIP: $*"
	exit $SKIPPED
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	need_command bpftool
}

need_command() {
	command -v "$1" >/dev/null || skip "needs $1"
}

# Ids of the BPF programs, or links, that no living process holds by a descriptor: pinned
# ones and such as are held by the kernel alone. What other profilers on this host use
# does not count; bpftool itself cannot tell holders in every build.
ownerless() {
	ids=$(bpftool -j "$1" list | node -e '
		for (const o of JSON.parse(require("fs").readFileSync(0))) console.log(o.id);')
	[ -n "$ids" ] || return 0
	held=$(grep -hs "^$1_id:" /proc/[0-9]*/fdinfo/* | awk '{ print $2 }')
	for id in $ids; do
		case " $(echo $held) " in *" $id "*) ;; *) echo "$id" ;; esac
	done
}

if [ "$(id -u)" = 0 ] && command -v bpftool >/dev/null; then
	for kind in prog link; do
		ownerless $kind | sort >"$tmp/.$kind"
	done
fi

# Processes that bear our mark. This shell and its forks do not: they were not started
# by exec since it was set. The symbolizer begins with an empty environment, but stays in
# the process group.
ours() {
	found=$(env -u FT_LIVE_TEST grep -lzxF "FT_LIVE_TEST=$FT_LIVE_TEST" /proc/[0-9]*/environ \
		2>/dev/null)
	for file in $found; do
		file=${file#/proc/}
		echo "${file%/environ}"
	done
	ps -eo pid=,pgid=,stat=,comm= |
		awk -v group="$(ps -o pgid= $$)" '$2 == group + 0 && $3 !~ /^Z/ && $4 == "ft-symbolizer" { print $1 }'
}

# Wait until $@ prints nothing; the kernel frees programs a moment after their last use.
# What it still prints after 5 s.
settle() {
	deadline=$((SECONDS + 5))
	while settled=$("$@"); [ -n "$settled" ] && [ $SECONDS -lt $deadline ]; do
		sleep 0.1
	done
	echo "$settled"
}

new_ownerless() {
	ownerless "$1" | sort | comm -13 "$tmp/.$1" -
}

started=
end_test() {
	status=$?
	trap - EXIT
	set +e
	for pid in $started; do
		kill "$pid" 2>/dev/null
		kill -CONT "$pid" 2>/dev/null # it may be one that stands still
		wait "$pid" 2>/dev/null
	done
	left=$(settle ours)
	if [ -n "$left" ]; then
		for pid in $left; do
			echo "FAIL: left running: $pid $(tr '\0' ' ' <"/proc/$pid/cmdline")" >&2
			kill -9 "$pid" 2>/dev/null
		done
		status=1
	fi
	for kind in prog link; do
		[ -f "$tmp/.$kind" ] || continue
		left=$(settle new_ownerless $kind)
		[ -z "$left" ] || {
			echo "FAIL: BPF left loaded: $kind $left" >&2
			status=1
		}
	done
	awk -v tmp="$tmp/" 'index($2, tmp) == 1 { print $2 }' /proc/mounts | xargs -r umount
	rm -rf --one-file-system "$tmp"
	exit $status
}
trap end_test EXIT

# Start a program in the background: start NAME COMMAND... Its output goes to
# $tmp/NAME.out and .err, its pid to $pid. It is ended with the test.
start() {
	local name=$1
	shift
	"$@" >"$tmp/$name.out" 2>"$tmp/$name.err" &
	pid=$!
	started="$started $pid"
}

# A command that must end by itself, and with this status: run_within SECONDS STATUS
# COMMAND... Output to $tmp/run.out and .err.
run_within() {
	limit=$1 want=$2
	shift 2
	got=0
	timeout -k 5 "$limit" "$@" >"$tmp/run.out" 2>"$tmp/run.err" || got=$?
	[ "$got" = "$want" ] ||
		fail "$* ended with $got, not $want: $(tail -n 3 "$tmp/run.err" | tr '\n' ' ')"
}

# Value of a line "name value", as the programs of tests/truth print.
value_of() {
	awk -v name="$2" '$1 == name { print $2; found = 1 } END { exit !found }' "$1" ||
		fail "no $2 in $1"
}

# Wait until a file holds a line that matches: wait_for FILE PATTERN
wait_for() {
	for _ in $(seq 100); do
		! grep -qE "$2" "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	fail "no $2 in $1: $(tail -n 3 "$1" 2>/dev/null | tr '\n' ' ')"
}

# An awk condition on numbers: assert WHAT CONDITION, such as assert "a few" "$n > 3"
assert() {
	awk "BEGIN { exit !($2) }" || fail "$1: $2 does not hold"
}

# a and b differ by at most the part tolerance of b: assert_ratio WHAT A B TOLERANCE
assert_ratio() {
	awk -v a="$2" -v b="$3" -v t="$4" 'BEGIN { d = a - b; exit !((d < 0 ? -d : d) <= t * b) }' ||
		fail "$1: $2 is not within $4 of $3"
}

# n of total samples is within 4.5 standard errors of the share part / whole:
# assert_share WHAT N TOTAL PART WHOLE
assert_share() {
	awk -v n="$2" -v total="$3" -v part="$4" -v whole="$5" 'BEGIN {
		p = part / whole
		error = 4.5 * sqrt(p * (1 - p) / total)
		d = n / total - p
		exit !(total > 0 && (d < 0 ? -d : d) <= error)
	}' || fail "$1: $2 of $3 samples, where the truth is $4 of $5"
}

# ---- agents ----

# Start an agent on a free port: start_agent NAME [OPTION...]. Its store is
# $tmp/NAME.store, unless an option says otherwise. Sets $agent to its pid and $url.
start_agent() {
	local name=$1
	shift
	start "$name" "$flametrail" agent --listen 127.0.0.1:0 --store "$tmp/$name.store" "$@"
	agent=$pid
	wait_for "$tmp/$name.out" '^viewer: '
	url=$(sed -n 's/^viewer: //p' "$tmp/$name.out")
}

# End a process started here with SIGTERM; its exit code must be the one given.
stop() {
	code=0
	kill "$1"
	wait "$1" || code=$?
	[ "$code" = "$2" ] || fail "process $1 ended with $code, not $2"
}

# The process of that name below a supervisor: worker_of SUPERVISOR ft-server
worker_of() {
	pgrep -P "$1" -x "$2" || true
}

# What the agent answers: get PATH [OPTION OF CURL...]
get() {
	path=$1
	shift
	curl -sS --fail-with-body -m 60 "$@" "$url$path" || fail "$path was not answered: $?"
}

# The status of an answer, whose body goes to $tmp/body: status_of PATH [OPTION...]
status_of() {
	path=$1
	shift
	curl -sS -m 60 -o "$tmp/body" -w '%{http_code}\n' "$@" "$url$path"
}

wait_ready() {
	for _ in $(seq 150); do
		[ "$(status_of readyz)" != 200 ] || return 0
		sleep 0.1
	done
	fail "never ready: $(cat "$tmp/body")"
}

# A value of /metrics, summed over its labels: metric NAME
metric() {
	get metrics | awk -v name="$1" 'index($1, name) == 1 && $1 ~ "^" name "({|$)" { sum += $NF; n++ }
		END { printf "%.0f\n", sum; exit !n }' || fail "no metric $1"
}

# Part of a JSON text on stdin: json .metrics[0].id
json() {
	node -e 'const v = JSON.parse(require("fs").readFileSync(0));
		const got = eval("v" + process.argv[1]);
		console.log(typeof got === "object" ? JSON.stringify(got) : got);' "$1"
}

# Every line of a log file is one JSON object with time, level and message.
check_log() {
	node -e '
		for (const line of require("fs").readFileSync(process.argv[1], "utf8").split("\n").slice(0, -1)) {
			const { ts, level, msg } = JSON.parse(line);
			if (!(Date.parse(ts) > 0) || !level || !msg) throw new Error(line);
		}' "$1" || fail "a line of the log is not as it should be: $1"
}

# Exactly one line on stderr of the last run_within, and it matches: one_line PATTERN
one_line() {
	[ "$(wc -l <"$tmp/run.err")" = 1 ] || fail "not one line on stderr: $(cat "$tmp/run.err")"
	grep -qE -- "$1" "$tmp/run.err" || fail "\"$(cat "$tmp/run.err")\" does not match $1"
}

# What `flametrail record` and Go's pprof need.
need_record() {
	need_root
	need_command go
	need_command node
}

# Ask tree.mjs: tree FILE COMMAND...
tree() {
	node "$(dirname "${BASH_SOURCE[0]}")/tree.mjs" "$@"
}

# Ask rows.mjs: rows FILE COMMAND...
rows() {
	node "$(dirname "${BASH_SOURCE[0]}")/rows.mjs" "$@"
}
