# Three functions that use 60, 30 and 10 % of a program's CPU time come back with those
# shares, named, called by main, under the right pid and name.
. "$(dirname "$0")/lib.sh"
need_record

start shares "$truth/shares" 60
shares=$pid
wait_for "$tmp/shares.out" '^pid'
run_within 20 0 "$flametrail" record -q -p "$shares" -F 499 -d 6 -o "$tmp/shares.pb.gz"
kill "$shares"
wait_for "$tmp/shares.out" '^total_ns'

total=$(rows "$tmp/shares.pb.gz" sum 0)
assert "enough samples to judge" "$total > 200"
[ "$(rows "$tmp/shares.pb.gz" pids)" = "$shares" ] || fail "samples of other processes"
[ "$(rows "$tmp/shares.pb.gz" sum 0 comm=shares)" = "$total" ] || fail "samples without their comm"
for name in burn_sixty burn_thirty burn_ten; do
	n=$(rows "$tmp/shares.pb.gz" sum 0 frame=$name)
	assert_share $name "$n" "$total" "$(value_of "$tmp/shares.out" ${name}_ns)" \
		"$(value_of "$tmp/shares.out" total_ns)"
done
assert_share main "$(rows "$tmp/shares.pb.gz" sum 0 frame=main)" "$total" 999 1000
