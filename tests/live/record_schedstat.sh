# The CPU time that a recording of the whole host finds in a process is what the scheduler
# counted for it: programs stand still while the recording begins and ends, so that both
# count the same span.
. "$(dirname "$0")/lib.sh"
need_record

HZ=499

# CPU time of all threads, ns.
exec_ns() {
	cat /proc/"$1"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

stand_still() {
	kill -STOP "$@"
	for pid; do
		for state in /proc/"$pid"/task/*/stat; do
			until grep -q ') T' "$state"; do sleep 0.05; done
		done
	done
}

names="shares threads syscalls"
pids=
for name in $names; do
	start $name "$truth/$name" 100
	wait_for "$tmp/$name.out" '^pid'
	pids="$pids $pid"
done
sleep 0.5
stand_still $pids
for pid in $pids; do exec_ns "$pid" >"$tmp/$pid.before"; done

# Shorter than the recording, whose own time nobody asserts: the programs stop first.
start record "$flametrail" record -q -a -F $HZ -d 10 -o "$tmp/host.pb.gz"
record=$pid
sleep 2
kill -CONT $pids
sleep 5
stand_still $pids
wait "$record" || fail "record: $(tail -n 1 "$tmp/record.err")"

for pid in $pids; do
	truth_ns=$(awk -v after="$(exec_ns "$pid")" '{ printf "%.0f", after - $1 }' "$tmp/$pid.before")
	found_ns=$(rows "$tmp/host.pb.gz" sum 1 "pid=$pid")
	name=$(cat /proc/"$pid"/comm)
	echo "$name: scheduler $truth_ns ns, profile $found_ns ns"
	# Poisson: n samples are uncertain by the root of n, at most.
	assert "$name: $found_ns ns in the profile, $truth_ns ns by the scheduler" \
		"($found_ns - $truth_ns) ^ 2 <= 4.5 ^ 2 * ($truth_ns * 1e9 / $HZ)"
done
kill -CONT $pids
