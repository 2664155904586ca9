# In a PID namespace of its own, -p means the PIDs seen there, and so do the labels.
. "$(dirname "$0")/lib.sh"
need_record
need_command unshare
unshare --pid --fork --mount-proc true 2>/dev/null || skip "cannot make a PID namespace"

# As process 1 of the namespace; the small numbers it sees mean others outside.
cat >"$tmp/inside" <<'EOS'
set -eu
"$2" 60 >"$1/shares.out" &
shares=$!
"$3" 60 >"$1/syscalls.out" &
others=$!
echo "$shares" >"$1/inner"
sleep 0.2
"$4" record -q -p "$shares" -F 499 -d 2 -o "$1/ns.pb.gz"
"$4" record -q -a -F 499 -d 1 -o "$1/all.pb.gz"
"$4" record -q -F 499 -o "$1/command.pb.gz" -- "$2" 1 >"$1/command.out"
code=0
"$4" record -q -d 1 -p 30000 -o "$1/none.pb.gz" 2>"$1/none.err" || code=$?
echo "$code" >"$1/none.code"
kill "$shares" "$others"
wait
EOS
run_within 60 0 unshare --pid --fork --kill-child --mount-proc bash "$tmp/inside" "$tmp" "$truth/shares" \
	"$truth/syscalls" "$flametrail"
inner=$(cat "$tmp/inner")
total=$(rows "$tmp/ns.pb.gz" sum 0)
assert "enough samples to judge" "$total > 30"
[ "$(rows "$tmp/ns.pb.gz" pids)" = "$inner" ] || fail "pids $(rows "$tmp/ns.pb.gz" pids), not $inner"
assert_share burn_sixty "$(rows "$tmp/ns.pb.gz" sum 0 frame=burn_sixty)" "$total" \
	"$(value_of "$tmp/shares.out" burn_sixty_ns)" "$(value_of "$tmp/shares.out" total_ns)"
total=$(rows "$tmp/command.pb.gz" sum 0)
assert "samples of the command" "$total > 10"
[ "$(rows "$tmp/command.pb.gz" sum 0 comm=shares "pid=$(value_of "$tmp/command.out" pid)")" = "$total" ] ||
	fail "the command's samples bear another pid: $(rows "$tmp/command.pb.gz" pids)"
assert "its functions have names" "$(rows "$tmp/command.pb.gz" sum 0 frame=burn_sixty) > 0.4 * $total"
assert "the whole host from inside" "$(rows "$tmp/all.pb.gz" sum 0 comm=shares) > 5"
[ "$(cat "$tmp/none.code")" = 1 ] || fail "a process that is not there ended with $(cat "$tmp/none.code")"
grep -q 'no process 30000' "$tmp/none.err" || fail "$(cat "$tmp/none.err")"
