# A killed worker is restarted and the log says so, profiling goes on with names and at
# the same address; the end of the supervisor is the end of all.
. "$(dirname "$0")/lib.sh"
need_record
need_command curl
need_command pgrep

start shares "$truth/shares" 100
shares=$pid
wait_for "$tmp/shares.out" '^pid'
start_agent agent --window 4s
wait_ready
first_url=$url

# Samples of the program in the last so many seconds, with a name: named SECONDS
named() {
	now=${EPOCHREALTIME/./}
	get "debug/pprof/profile?from=$((now - $1 * 1000000))&to=$now&pid=$shares" >"$tmp/last.pb.gz"
	rows "$tmp/last.pb.gz" sum 0 frame=burn_sixty
}

kill_worker() {
	old=$(worker_of "$agent" "ft-$1")
	[ -n "$old" ] || fail "no ft-$1 below the supervisor"
	kill -9 "$old"
	wait_for "$tmp/agent.err" "\"worker died\".*\"worker\":\"$1\",\"signal\":9"
	wait_for "$tmp/agent.err" "\"worker restarted\".*\"worker\":\"$1\""
	for _ in $(seq 50); do
		new=$(worker_of "$agent" "ft-$1")
		[ -z "$new" ] || break
		sleep 0.1
	done
	[ -n "$new" ] && [ "$new" != "$old" ] || fail "ft-$1 was not restarted"
}

sleep 1
for worker in symbolizer server collector; do
	kill_worker $worker
	wait_ready
	sleep 3
	n=$(named 2)
	assert "named samples after the death of $worker" "$n > 5"
	echo "$worker: $n named samples in 2 s"
done
# Twice in a row: a pause, and then again.
kill_worker collector
wait_ready
[ "$(sed -n 's/^viewer: //p' "$tmp/agent.out")" = "$first_url" ] || fail "the address changed"
sleep 1.5

# A window that began before the deaths ends as one.
get metrics >"$tmp/metrics"
check_log "$tmp/agent.err"
[ "$(grep -c '"worker died"' "$tmp/agent.err")" = 4 ] || fail "the log tells another story"

# ---- SIGTERM: all end, the last slice is kept ----
kill "$shares"
wait_for "$tmp/shares.out" '^total_ns'
before=$SECONDS
stop "$agent" 0
assert "ended within seconds" "$SECONDS - $before <= 5"
check_log "$tmp/agent.err"
start view "$flametrail" view --listen 127.0.0.1:0 "$tmp/agent.store"
view=$pid
wait_for "$tmp/view.out" '^viewer: '
url=$(sed -n 's/^viewer: //p' "$tmp/view.out")
ended=$(stat -c %Y "$tmp/shares.out")
to=$(get api/1/meta | json .retain.to_us)
assert "the last slice was kept" "$to / 1e6 >= $ended - 0.1"
get "debug/pprof/profile?from=$((to - 60000000))&to=$to&pid=$shares" >"$tmp/all.pb.gz"
assert "samples of the whole time" "$(rows "$tmp/all.pb.gz" sum 0 frame=burn_sixty) > 200"
stop "$view" 0

# ---- SIGKILL of the supervisor: nothing stays ----
start_agent orphans
wait_ready
workers="$(worker_of "$agent" ft-server) $(worker_of "$agent" ft-collector) $(worker_of "$agent" ft-symbolizer)"
[ "$(wc -w <<<"$workers")" = 3 ] || fail "not three workers: $workers"
kill -9 "$agent"
alive() {
	for worker in $workers; do
		! kill -0 "$worker" 2>/dev/null || echo "$worker"
	done
}
left=$(settle alive)
[ -z "$left" ] || fail "workers outlive their supervisor: $(ps -o pid=,comm= -p $left)"
