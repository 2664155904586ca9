# A command is seen from its first function on, although it lives only 200 ms; its output
# and its exit status pass through.
. "$(dirname "$0")/lib.sh"
need_record

HZ=997
run_within 20 0 "$flametrail" record -q -F $HZ -o "$tmp/brief.pb.gz" -- "$truth/brief"
cp "$tmp/run.out" "$tmp/brief.out"
total=$(rows "$tmp/brief.pb.gz" sum 0 comm=brief)
total_ns=$(value_of "$tmp/brief.out" total_ns)
assert "$total samples of $total_ns ns" "($total - $total_ns * $HZ / 1e9) ^ 2 <= 4.5 ^ 2 * $total_ns * $HZ / 1e9"
for name in first_function second_function; do
	assert_share $name "$(rows "$tmp/brief.pb.gz" sum 0 frame=$name)" "$total" \
		"$(value_of "$tmp/brief.out" ${name}_ns)" "$total_ns"
done
[ "$(rows "$tmp/brief.pb.gz" pids)" = "$(value_of "$tmp/brief.out" pid)" ] ||
	fail "samples of other processes, or of the shell that was there before the program"

# Children of a command belong to it, also when they become another program.
run_within 20 0 "$flametrail" record -q -F $HZ -o "$tmp/forker.pb.gz" -- "$truth/forker" 4 50 exec
cp "$tmp/run.out" "$tmp/forker.out"
total=$(rows "$tmp/forker.pb.gz" sum 0 frame=child_burn)
truth_ns=$(value_of "$tmp/forker.out" children_ns)
assert "children: $total samples of $truth_ns ns" "($total - $truth_ns * $HZ / 1e9) ^ 2 <= 4.5 ^ 2 * $truth_ns * $HZ / 1e9"
[ "$(rows "$tmp/forker.pb.gz" pids | wc -l)" -ge 4 ] || fail "not every child was seen"

run_within 20 7 "$flametrail" record -q -o "$tmp/seven.pb.gz" -- sh -c 'exit 7'
