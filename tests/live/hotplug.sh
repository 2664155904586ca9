# A CPU that goes off and comes back during a recording is sampled before and after.
. "$(dirname "$0")/lib.sh"
need_record
online=/sys/devices/system/cpu/cpu1/online
[ -w $online ] && [ "$(cat $online)" = 1 ] || skip "CPU 1 cannot be taken off"

# Come what may.
come_back() {
	status=$?
	echo 1 >$online
	(exit $status)
	end_test
}
trap come_back EXIT

taskset -c 1 true || skip "CPU 1 is not ours"
start record "$flametrail" record -q -a -F 199 -d 8 --labels cpu,tid -o "$tmp/host.pb.gz"
record=$pid
sleep 1
start first taskset -c 1 "$truth/shares" 2
first=$pid
sleep 2.3
echo 0 >$online
sleep 1.2
echo 1 >$online
sleep 0.2
start second taskset -c 1 "$truth/shares" 2
second=$pid
wait "$record" || fail "record: $(tail -n 1 "$tmp/record.err")"
for program in first second; do
	pid=$(value_of "$tmp/$program.out" pid)
	total=$(rows "$tmp/host.pb.gz" sum 0 "pid=$pid")
	there=$(rows "$tmp/host.pb.gz" sum 0 "pid=$pid" cpu=1)
	echo "$program: $there of $total samples on CPU 1"
	# taskset itself may begin elsewhere.
	assert "samples on CPU 1 by the $program program" "$there > 40 && $total - $there <= 3"
done
assert "samples of CPU 0" "$(rows "$tmp/host.pb.gz" sum 0 cpu=0) > 0"
