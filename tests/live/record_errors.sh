# Wrong usage and ill fate of record: one line that says what to do, the right exit code,
# and nothing left behind.
. "$(dirname "$0")/lib.sh"
need_record
need_command setpriv

# case WANTED-STATUS PATTERN OPTION...: in a folder of its own, which must stay empty.
case_fails() {
	want=$1 pattern=$2
	shift 2
	rm -rf "$tmp/here"
	mkdir "$tmp/here"
	chmod 777 "$tmp/here"
	(cd "$tmp/here" && run_within 20 "$want" ${as:-} "$tmp/flametrail" record "$@")
	one_line "$pattern"
	grep -q '^flametrail: ' "$tmp/run.err" || fail "the line does not say who speaks"
	[ -z "$(ls -A "$tmp/here")" ] || fail "$*: left $(ls -A "$tmp/here")"
}
cp "$flametrail" "$tmp/flametrail"
sleep 300 &
thread_of_none=$!
started="$started $thread_of_none"
gone=$(bash -c 'echo $$')
start threads "$truth/threads" 100
wait_for "$tmp/threads.out" '^pid'
for _ in $(seq 20); do
	tid=$(ls "/proc/$pid/task" | grep -vx "$pid" | head -n 1)
	[ -z "$tid" ] || break
	sleep 0.1
done
echo "no slices" >"$tmp/foreign"

case_fails 2 'what shall be recorded'
case_fails 2 'unknown option --nothing' --nothing
case_fails 2 'unknown option.*--help' -Z
case_fails 2 'wants a value' -p
case_fails 2 'wants a value' -a --duration
case_fails 2 'bad duration "5x"; write' -a -d 5x
case_fails 2 'bad duration "-1s"' -a -d -1s
case_fails 2 'bad duration ""' -a -d ''
case_fails 2 'bad frequency "0"; give' -a -F 0
case_fails 2 'bad frequency "100000"' -a -F 100000
case_fails 2 'no event "disk"' -a -e disk
case_fails 2 'no format "svg"; choose' -a --format svg
case_fails 2 'knows tid, thread and cpu' -a --labels pid
case_fails 2 'only one of' -a -p $$
case_fails 2 'only one of' -a --replay "$tmp/foreign"
case_fails 2 'children goes with -p' -a --children
case_fails 125 'only one of' -a -- true
case_fails 1 'no process '"$gone" -d 1 -p "$gone"
case_fails 2 '"abc" is not a process id' -d 1 -p abc
case_fails 2 'not a process id' -d 1 -p "$$,"
case_fails 2 "$tid is a thread of process $pid; use -p $pid" -d 1 -p "$tid"
case_fails 2 'no sample type "typo"; choose' -d 1 -a --sample-type typo
case_fails 1 "$tmp is a directory; give" -d 1 -a -o "$tmp"
case_fails 1 'cannot write to directory .*/no/such/.*another with -o' -d 1 -a -o "$tmp/no/such/x.pb.gz"
case_fails 1 "cannot write to directory .*/no/such/" -d 1 -a --raw "$tmp/no/such/raw" -o x.pb.gz
case_fails 125 'cannot run /no/such/command: No such file' -- /no/such/command
case_fails 125 'cannot run .*/foreign: Permission denied' -- "$tmp/foreign"
case_fails 125 'cannot write to directory /no/such/' -o /no/such/x.pb.gz -- true
case_fails 125 'bad duration' -d x -- true
case_fails 1 'foreign is not a file of slices' --replay "$tmp/foreign"
case_fails 1 'cannot open .*missing' --replay "$tmp/missing"
# Not root: the capabilities by name, and nothing of the command has run.
as="setpriv --reuid=65534 --regid=65534 --clear-groups"
case_fails 1 'CAP_BPF|CAP_PERFMON' -d 1 -a
case_fails 1 'CAP_BPF|CAP_PERFMON' -d 1 -a --raw raw
case_fails 125 'CAP_BPF|CAP_PERFMON' -- touch ran
case_fails 1 'cannot write to directory /var/' -d 1 -a -o /var/x.pb.gz
as=

# A raw file that does not fit ends with a whole slice, and the profile is complete.
mkdir "$tmp/small"
mount -t tmpfs -o size=64k none "$tmp/small" || skip "cannot mount"
head -c 55k /dev/zero >"$tmp/small/ballast"
run_within 20 1 "$flametrail" record -q -p "$pid" -F 499 -d 3 -o "$tmp/whole.pb.gz" --raw "$tmp/small/raw"
one_line "small/raw holds only the beginning of the recording: No space left"
rows "$tmp/whole.pb.gz" pids >/dev/null || fail "no profile beside a full disk"
run_within 20 0 "$flametrail" record -q --replay "$tmp/small/raw" -o "$tmp/part.pb.gz"
rm "$tmp/small/raw"
head -c 64k /dev/zero >"$tmp/small/ballast" 2>/dev/null || true
case_fails 1 'cannot write .*small/raw: No space left.*another file with --raw' -d 1 -a --raw "$tmp/small/raw"
[ ! -e "$tmp/small/raw" ] || fail "an empty file was left"

# ---- what goes well in spite of all, at the same time ----
stopwatch() {
	from=$(date +%s%N)
	code=0
	"$flametrail" record -q "${@:2}" >"$tmp/$1.out" 2>"$tmp/$1.err" || code=$?
	echo "$code $((($(date +%s%N) - from) / 1000000))" >"$tmp/$1.end"
}
waits=
"$truth/shares" 1.5 >/dev/null &
stopwatch brief -p $! -d 20 -o "$tmp/brief.pb.gz" & waits="$waits $!"
stopwatch five -a -d 5 -o "$tmp/five.pb.gz" & waits="$waits $!"
stopwatch code -o "$tmp/code.pb.gz" -- sh -c 'exit 37' & waits="$waits $!"
stopwatch signal -o "$tmp/signal.pb.gz" -- sh -c 'kill -11 $$' & waits="$waits $!"
stopwatch early -d 1 -o "$tmp/early.pb.gz" -- \
	sh -c 'trap "echo asked >'"$tmp"'/asked; exit 0" TERM; while :; do :; done' & waits="$waits $!"
for wait in $waits; do wait "$wait"; done

ended() {
	read -r code ms <"$tmp/$1.end"
	[ "$code" = "$2" ] || fail "$1 ended with $code, not $2: $(cat "$tmp/$1.err")"
	[ ! -s "$tmp/$1.err" ] || fail "$1 said: $(cat "$tmp/$1.err")"
	total=$(rows "$tmp/$1.pb.gz" sum 0) || fail "$1: no profile"
	echo "$1: exit $code after $ms ms, $total samples"
}
ended code 37
ended signal $((128 + 11))
ended early 0
assert "samples of a command that was ended" "$total > 0"
for _ in $(seq 30); do [ ! -e "$tmp/asked" ] || break; sleep 0.1; done
[ -e "$tmp/asked" ] || fail "the command got no SIGTERM"
ended brief 0
assert "samples until the process ended" "$total > 0"
assert "it ended with the process" "$ms < 10000"
ended five 0
assert "-d 5" "$ms >= 5000 && $ms < 1.3 * 5000"
[ -z "$(find "$tmp" -name '*.??????' -newer "$tmp/flametrail" -name '*.pb.gz.*')" ] || fail "unfinished files were left"
