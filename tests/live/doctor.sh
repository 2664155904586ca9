# doctor tells root that profiling works, and nobody what is missing; both in words and
# as JSON.
. "$(dirname "$0")/lib.sh"
need_root
need_command setpriv
need_command node

as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
# Nobody may not enter every path that leads to the build.
cp "$flametrail" "$tmp/flametrail"
doctor="$tmp/flametrail doctor"

# The value of a field of the row of that name: field FILE GROUP NAME FIELD
field() {
	node -e '
		const [file, group, name, field] = process.argv.slice(1);
		const rows = JSON.parse(require("fs").readFileSync(file));
		const row = rows.find((r) => r.group === group && r.name === name);
		console.log(row[field] ?? "");' "$@"
}

run_within 30 0 $doctor
grep -q '^CPU profiling works' "$tmp/run.out" || fail "root is not told that it works"
for name in version BTF PERFMON kernel.perf_event_paranoid cpu-clock perf_event 'ring buffer'; do
	grep -qE "^  (yes|no|degraded|unknown) +$name" "$tmp/run.out" || fail "no row for $name"
done
[ ! -s "$tmp/run.err" ] || fail "stderr: $(head -n 1 "$tmp/run.err")"

run_within 30 0 $doctor --json
cp "$tmp/run.out" "$tmp/root.json"
[ "$(field "$tmp/root.json" kernel version detail)" = "$(uname -r)" ] || fail "wrong kernel version"
[ "$(field "$tmp/root.json" bpf perf_event result)" = yes ] || fail "perf_event programs do not load"
[ "$(field "$tmp/root.json" setting kernel.perf_event_paranoid detail)" = \
	"$(cat /proc/sys/kernel/perf_event_paranoid)" ] || fail "wrong sysctl"

run_within 30 1 $as_nobody $doctor
grep -q '^CPU profiling does not work.*Missing:.*bpf perf_event' "$tmp/run.out" ||
	fail "nobody is not told what is missing"
grep -q '^Privileges would add:.*capability BPF.*event cpu-clock' "$tmp/run.out" ||
	fail "nobody is not told what root would add"
grep -q 'setcap cap_bpf,cap_perfmon' "$tmp/run.out" || fail "no command that mends it"

run_within 30 1 $as_nobody $doctor --json
cp "$tmp/run.out" "$tmp/nobody.json"
for name in BPF PERFMON SYS_PTRACE; do
	[ "$(field "$tmp/nobody.json" capability $name result)" = no ] || fail "nobody has $name"
done
[ -n "$(field "$tmp/nobody.json" bpf perf_event remedy)" ] || fail "no remedy in JSON"
[ "$(field "$tmp/nobody.json" kernel BTF result)" = "$(field "$tmp/root.json" kernel BTF result)" ] ||
	fail "BTF depends on who asks"

# One capability less: the right row falls, the others stay.
run_within 30 1 setpriv --bounding-set=-perfmon,-sys_admin --inh-caps=-perfmon,-sys_admin $doctor --json
[ "$(field "$tmp/run.out" capability PERFMON result)" = no ] || fail "PERFMON is not missed"
[ "$(field "$tmp/run.out" capability BPF result)" = yes ] || fail "BPF went with PERFMON"

run_within 30 0 $doctor --help
grep -q '^usage: flametrail doctor' "$tmp/run.out" || fail "no usage"
run_within 30 2 $doctor --no-such
run_within 30 2 $doctor argument
[ "$(wc -l <"$tmp/run.err")" = 1 ] || fail "not one line on stderr"
