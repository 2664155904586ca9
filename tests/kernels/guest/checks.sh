# checks.sh - what must work on every kernel; lib.sh runs each with check.

check_doctor() {
	status=0
	timeout 60 flametrail doctor >/log/doctor.txt 2>doctor.err || status=$?
	[ $status = 0 ] || fail "doctor: $(grep -h Missing /log/doctor.txt doctor.err | head -n 1)"
	[ ! -s doctor.err ] || fail "stderr: $(head -n 1 doctor.err)"
	grep -q '^CPU profiling works' /log/doctor.txt || fail "doctor does not say that it works"
	grep -qE "^  yes +version +$(uname -r | sed 's/[+]/[+]/g')\$" /log/doctor.txt || fail "doctor names another kernel"
}

# Both programs, also for a kernel that prints why not; how much of them it walked.
check_verifier() {
	mount -t bpf bpf /sys/fs/bpf 2>/dev/null || true
	bpftool -d prog loadall /flametrail.bpf.o /sys/fs/bpf/check >verifier.txt 2>&1 || {
		rm -rf /sys/fs/bpf/check
		fail "$(grep -v '^processed' verifier.txt | tail -n 1)"
	}
	rm -r /sys/fs/bpf/check
	echo "NOTE: $(sed -n "s/.*prog '\([a-z_]*\)': -- BEGIN PROG.*/\1/p; s/^processed \([0-9]*\) insns.*/\1/p" verifier.txt |
		tr '\n' ' ')"
}

check_shares() {
	start shares $truth/shares 60
	wait_for shares.out '^pid'
	run_within 60 0 flametrail record -q -p "$pid" -F 199 -d 5 -o shares.folded
	assert_shares shares.folded
	[ "$(samples shares.folded shares)" = "$(total shares.folded)" ] || fail "stacks of other programs"
	# The recording passed through the format everybody reads.
	run_within 60 0 flametrail record -q -p "$pid" -F 199 -d 1 -o shares.pb.gz
	gunzip -c shares.pb.gz >shares.pb || fail "the profile is not whole"
}

record_syscalls() {
	start syscalls $truth/syscalls 60
	wait_for syscalls.out '^pid'
	run_within 60 0 flametrail record -q -p "$pid" -F 199 -d 4 -o kernel.folded
	all=$(total kernel.folded)
	assert "enough samples to judge" "$all > 50"
}

check_kernel_frames() {
	record_syscalls
	inside=$(samples kernel.folded '.*_\[k\]')
	assert "samples in the kernel" "$inside > 0.5 * $all"
	assert "entry is named" "$(samples kernel.folded 'do_syscall_64_\[k\]') > 0.8 * $inside"
	unnamed=$(samples kernel.folded '\[kernel\.kallsyms\]\+0x.*')
	[ "$unnamed" = 0 ] || fail "$unnamed samples with kernel frames without a name"
}

# Addresses of kernel symbols are hidden even from root: frames stay, without names.
check_kernel_names_hidden() {
	echo 2 >/proc/sys/kernel/kptr_restrict
	# Whatever happens here, the next check finds it as it was.
	(
		record_syscalls
		assert "kernel frames without names" \
			"$(samples kernel.folded '\[kernel\.kallsyms\]\+0x[0-9a-f]+_\[k\]') > 0.5 * $all"
		[ "$(samples kernel.folded 'do_syscall_64_\[k\]')" = 0 ] || fail "a name from nowhere"
		flametrail doctor >doctor.txt || fail "doctor: not usable"
		grep -A 2 -E '^  (no|degraded) +kernel symbols' doctor.txt | grep -q 'kptr_restrict' ||
			fail "doctor does not say what hides them"
		grep -qE '^  (no|degraded) +kernel.kptr_restrict' doctor.txt || fail "doctor: kptr_restrict is fine"
	) || hidden=$?
	echo 1 >/proc/sys/kernel/kptr_restrict
	return ${hidden:-0}
}

check_children() {
	start forker sh -c "usleep 2000000; exec $truth/forker 6 200 exec"
	run_within 60 0 flametrail record -q -p "$pid" --children -F 199 -o children.folded
	wait_for forker.out '^children_ns'
	found=$(samples children.folded child_burn)
	truth_ns=$(sed -n 's/^children_ns //p' forker.out)
	assert_time children "$found" "$truth_ns" 199
}

check_brief() {
	run_within 60 0 flametrail record -q -F 499 -o brief.folded -- $truth/brief
	total_ns=$(sed -n 's/^total_ns //p' run.out)
	all=$(samples brief.folded brief)
	assert_time brief "$all" "$total_ns" 499
	# The first function from its beginning, not from some time on.
	for name in first second; do
		ns=$(sed -n "s/^${name}_function_ns //p" run.out)
		assert_time ${name}_function "$(samples brief.folded ${name}_function)" "$ns" 499
	done
}

cpu1=/sys/devices/system/cpu/cpu1/online

# Take CPU 1 away, once long and once for a shorter time than anybody would look for; after
# some tenths of a second run a program there alone.
leave_and_return() {
	for away in 2 0; do
		echo 0 >$cpu1
		[ $away = 0 ] || sleep $away
		echo 1 >$cpu1
		usleep ${1}00000
		# Under a name of its own, so that it is found again.
		cp $truth/shares /tmp/away_$away
		/bin/taskset 2 /tmp/away_$away 3 >away_$away.out
	done
}

# Samples of a program that ran there: assert_returned PROGRAM SAMPLES HZ
assert_returned() {
	truth_ns=$(sed -n 's/^total_ns //p' "$1.out")
	echo "$1: $2 samples of $truth_ns ns"
	assert_time "CPU 1, $1" "$2" "$truth_ns" "$3"
}

check_cpu_hotplug() {
	[ -w $cpu1 ] || skip "this kernel cannot take CPUs away"
	start record flametrail record -q -a -F 199 -o host.folded
	record=$pid
	usleep 2500000
	leave_and_return 15
	kill -INT $record
	wait $record || fail "record: $(tail -n 1 record.err)"
	for name in away_2 away_0; do
		assert_returned $name "$(samples host.folded $name)" 199
	done
}

# Inside a namespace its own numbers count; from outside, ours.
check_pid_namespace() {
	# shellcheck disable=SC2016 # for the inner shell
	/bin/unshare --pid --fork --mount-proc sh -c '
		/truth/shares 60 >inside.out & pid=$!
		sleep 1
		timeout 60 flametrail record -q -p $pid -F 199 -d 4 -o inside.folded || exit 1
		kill -9 $pid
		echo "pid $pid" >inside.pid' || fail "record inside of the namespace"
	assert_shares inside.folded
	grep -q "^$(cat inside.pid)\$" inside.out || fail "not the namespace's numbers"

	start unshare /bin/unshare --pid --fork --kill-child --mount-proc $truth/shares 60
	wait_for unshare.out '^pid 1$'
	run_within 60 0 flametrail record -q -p "$(pidof shares)" -F 199 -d 4 -o outside.folded
	assert_shares outside.folded
}

# The command that doctor tells to a user without privileges.
advice() {
	/bin/setpriv --reuid=1000 --regid=1000 --clear-groups flametrail doctor >unprivileged.txt || true
	sed -n 's/.*setcap \(cap_[a-z_,]*\)+ep.*/\1/p' unprivileged.txt | head -n 1
}

as_user() {
	/bin/setpriv --reuid=1000 --regid=1000 --clear-groups "$@"
}

# Debian's kernels come with kernel.perf_event_paranoid at 3, where those capabilities do
# not help: then it is said, and what doctor advises does.
below_paranoia() {
	level=$(sed -n 's/.* do: sysctl -w kernel.perf_event_paranoid=\([0-9]\)$/\1/p' unprivileged.txt | head -n 1)
	[ -n "$level" ] || return 0
	status=0
	as_user "$@" flametrail record -q -a -d 1 -o paranoid.folded >paranoid.out 2>paranoid.err || status=$?
	[ $status = 1 ] || fail "doctor advises a sysctl that is not needed"
	[ "$(wc -l <paranoid.err)" = 1 ] || fail "not one line on stderr"
	grep -q 'sysctl -w kernel.perf_event_paranoid' paranoid.err || fail "$(cat paranoid.err)"
	as_user "$@" flametrail doctor >paranoid.txt && fail "doctor is content"
	grep -q "do: sysctl -w kernel.perf_event_paranoid=$level" paranoid.txt || fail "doctor forgets the sysctl"
	echo "$level" >/proc/sys/kernel/perf_event_paranoid
}

record_as_user() {
	start shares $truth/shares 60
	# As a service gets them ...
	ambient=$(echo "$1" | sed 's/cap_/+/g')
	below_paranoia --inh-caps="$ambient" --ambient-caps="$ambient"
	as_user --inh-caps="$ambient" --ambient-caps="$ambient" \
		timeout 60 flametrail record -q -a -F 199 -d 4 -o ambient.folded ||
		fail "record with ambient capabilities"
	assert_shares ambient.folded
	# ... and as doctor's advice grants them.
	cp /bin/flametrail /tmp/granted
	setcap "$1+ep" /tmp/granted || fail "setcap $1+ep"
	as_user /tmp/granted doctor >granted.txt || fail "doctor's advice does not do: $(grep Missing granted.txt)"
	as_user timeout 60 /tmp/granted record -q -a -F 199 -d 4 -o granted.folded || fail "record with granted capabilities"
	assert_shares granted.folded
}

check_capabilities() {
	caps=$(advice)
	[ -n "$caps" ] || fail "doctor does not say which capabilities"
	chmod 777 .
	paranoid=$(cat /proc/sys/kernel/perf_event_paranoid)
	(record_as_user "$caps") || refused=$?
	echo "$paranoid" >/proc/sys/kernel/perf_event_paranoid
	return ${refused:-0}
}

# Says which one is missing, and leaves no file.
refused() {
	without=$1
	shift
	status=0
	as_user "$@" timeout 60 flametrail record -q -a -d 1 -o refused.folded >refused.out 2>refused.err || status=$?
	[ $status = 1 ] || fail "without $without: status $status"
	[ "$(wc -l <refused.err)" = 1 ] || fail "without $without: not one line on stderr"
	grep -q "$without" refused.err || fail "without $without: $(cat refused.err)"
	[ ! -e refused.folded ] || fail "without $without: a file was left"
}

check_no_capabilities() {
	caps=$(advice | sed 's/cap_/+/g')
	chmod 777 .
	refused CAP_BPF
	refused CAP_PERFMON
	for missing in bpf perfmon; do
		rest=$(echo ",$caps" | sed "s/,+$missing\b//; s/^,//")
		refused "CAP_$(echo $missing | tr a-z A-Z)" --inh-caps="$rest" --ambient-caps="$rest"
	done
}

# The shell's wget falls over its own -T.
get() {
	timeout 20 wget -q -O "$2" "http://127.0.0.1:7117$1"
}

start_agent() {
	start agent flametrail agent --store "$PWD/store" --window 2s
	agent=$pid
	for _ in $(seq 100); do
		! get /readyz ready 2>/dev/null || break
		usleep 300000
	done
	get /readyz ready || fail "not ready: $(tail -n 1 agent.err)"
}

stop_agent() {
	kill -TERM $agent
	status=0
	wait $agent || status=$?
	[ $status = 0 ] || fail "ended with $status: $(tail -n 1 agent.err)"
	rm -rf store
}

check_agent() {
	start shares $truth/shares 100
	start_agent
	sleep 6
	get /api/1/meta meta && grep -q '"metrics":\[{' meta || fail "meta: $(head -c 200 meta)"
	get /api/1/tree tree || fail "no tree"
	[ "$(head -c 4 tree)" = FTTR ] || fail "the tree is none"
	grep -q burn_sixty tree || fail "no known function in the tree"
	get /metrics metrics && grep -q '^flametrail_ready 1' metrics || fail "no metrics"
	get '/debug/pprof/profile?seconds=2' profile && gunzip -c <profile >profile.raw || fail "no profile"
	stop_agent
	! grep -E '"level":"(error|warn)"' agent.err || fail "$(grep -E '"level":"(error|warn)"' agent.err | head -n 1)"
}

# Number of samples of a program in a tree, which stands in its head.
stored() {
	get "/api/1/tree?comm=$1" "tree_$1" || fail "no tree of $1"
	hexdump -s 80 -n 4 -e '1/4 "%d\n"' "tree_$1"
}

# A collector that has given up its privileges may not open events for a CPU that comes, at
# Debian's default of perf_event_paranoid: then another one takes its place.
check_agent_cpu_hotplug() {
	[ -w $cpu1 ] || skip "this kernel cannot take CPUs away"
	start_agent
	leave_and_return 50
	sleep 3
	for name in away_2 away_0; do
		assert_returned $name "$(stored $name)" 99
	done
	stop_agent
}
