# lib.sh - what the checks in the guest share. Each check runs in a shell of its own and
# ends by itself (passed), through fail, or through skip; it may write in its own
# directory, which it starts in and which the host gets to see.
set -eu

SKIPPED=77
truth=/truth

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

skip() {
	echo "SKIP: $*" >&2
	exit $SKIPPED
}

# Start a program in the background, its output in NAME.out and .err: start NAME COMMAND...
# Its pid is in $pid.
start() {
	name=$1
	shift
	"$@" >"$name.out" 2>"$name.err" &
	pid=$!
}

# Wait until a file holds a line that matches: wait_for FILE PATTERN
wait_for() {
	for _ in $(seq 300); do
		! grep -qE "$2" "$1" 2>/dev/null || return 0
		usleep 100000
	done
	fail "no $2 in $1: $(tail -n 1 "$1" 2>/dev/null)"
}

# A command that must end with this status: run_within SECONDS STATUS COMMAND... Its
# output goes to run.out and run.err.
run_within() {
	limit=$1 want=$2 got=0
	shift 2
	timeout "$limit" "$@" >run.out 2>run.err || got=$?
	[ "$got" = "$want" ] || fail "$* ended with $got, not $want: $(tail -n 1 run.err)"
}

# Samples in a folded file whose stack holds a frame that matches whole: samples FILE FRAME
samples() {
	want="^($2)\$" awk '{
		n = $NF
		sub(/ [0-9]+$/, "")
		frames = split($0, frame, ";")
		for (i = 1; i <= frames; i++)
			if (frame[i] ~ ENVIRON["want"]) {
				sum += n
				break
			}
	} END { print sum + 0 }' "$1"
}

total() {
	awk '{ sum += $NF } END { print sum + 0 }' "$1"
}

# An awk condition on numbers: assert WHAT CONDITION
assert() {
	awk "BEGIN { exit !($2) }" || fail "$1: $2 does not hold"
}

# n differs from what was expected by at most 4.5 standard errors; the shell's awk has no
# roots: assert_near WHAT N EXPECTED VARIANCE
assert_near() {
	awk -v n="$2" "BEGIN { d = n - ($3); exit !(d * d <= 4.5 * 4.5 * ($4)) }" ||
		fail "$1: $2 samples, not about $3"
}

# n of total samples: assert_share WHAT N TOTAL SHARE
assert_share() {
	assert "$1: samples" "$3 > 0"
	assert_near "$1" "$2" "$3 * ($4)" "$3 * ($4) * (1 - ($4))"
}

# About as many samples as a CPU time gives: not more, but maybe much less, as a host that
# is busy makes the guest's CPUs stand still, for which it counts time but has no ticks.
# assert_time WHAT N NS HZ
assert_time() {
	awk -v n="$2" -v ns="$3" -v hz="$4" 'BEGIN {
		expected = ns * hz / 1e9
		d = n - expected
		exit !(ns > 0 && n > expected / 10 && (d <= 0 || d * d <= 4.5 * 4.5 * expected))
	}' || fail "$1: $2 samples of $3 ns at $4 Hz"
}

# Three functions with their shares, in the stacks of one program: assert_shares FILE
assert_shares() {
	all=$(samples "$1" shares)
	assert "enough samples to judge" "$all > 50"
	assert_share burn_sixty "$(samples "$1" burn_sixty)" "$all" 0.6
	assert_share burn_thirty "$(samples "$1" burn_thirty)" "$all" 0.3
	assert_share burn_ten "$(samples "$1" burn_ten)" "$all" 0.1
	assert_share main "$(samples "$1" main)" "$all" 0.999
}

bpf_objects() {
	for kind in prog map link; do
		bpftool $kind list | sed -n "s/^\([0-9]*\): .*/$kind \1/p"
	done
}

# All processes but those of the kernel, of the first shells, and ours.
others() {
	for folder in /proc/[0-9]*; do
		pid=${folder#/proc/}
		case " 1 $$ $main_pid " in *" $pid "*) continue ;; esac
		[ -z "$(tr '\0' ' ' <"$folder/cmdline" 2>/dev/null)" ] || echo "$pid"
	done
}

# Wait until $@ prints nothing new: the kernel frees programs a moment after their last use.
settle() {
	for _ in $(seq 20); do
		left=$("$@")
		[ -n "$left" ] || return 0
		usleep 250000
	done
	echo "$left"
}

new_bpf_objects() {
	bpf_objects | sort | comm_new /run/bpf
}

comm_new() {
	grep -vxF -f "$1" || true
}
