# What the agent answers over HTTP about a program whose profile is known.
. "$(dirname "$0")/lib.sh"
need_record
need_command curl

N=3 # seconds of profiles

start shares "$truth/shares" 100
shares=$pid
wait_for "$tmp/shares.out" '^pid'
begin=$(date +%s%N)
start_agent agent --window 4s --pprof-dir "$tmp/pprof"

# ---- before and after the first slice ----
[ "$(get healthz)" = ok ] || fail "healthz does not say ok"
[ "$(status_of readyz)" = 503 ] || fail "ready before a slice was stored"
wait_ready
until [ "$(get metrics | sed -n 's/^flametrail_windows_stored //p')" -ge 1 ]; do sleep 0.05; done
echo "first stored slice $(((${EPOCHREALTIME/./} * 1000 - begin) / 1000000)) ms after the start"

# ---- waiting: five clients at once, and one for a single process ----
waited=$(date +%s%N)
clients=
for i in 1 2 3 4 5; do
	curl -sS --fail -m 30 -o "$tmp/all$i.pb.gz" "${url}debug/pprof/profile?seconds=$N" &
	clients="$clients $!"
done
(
	curl -sS --fail -m 30 -o "$tmp/one.pb.gz" -w '%{time_total}' \
		"${url}debug/pprof/profile?seconds=$N&pid=$shares" >"$tmp/one.time"
) &
clients="$clients $!"

# ---- meanwhile: refusals ----
want() {
	[ "$(status_of "${@:2}")" = "$1" ] || fail "${*:2}: not $1: $(cat "$tmp/body")"
}
want 421 api/1/meta -H 'Host: flametrail.example'
want 200 api/1/meta -H 'Host: localhost'
want 403 api/1/meta -H 'Sec-Fetch-Site: cross-site'
want 405 api/1/meta -X POST
want 405 api/1/meta -X DELETE
want 404 no/such/path
want 404 debug/pprof/nothing
for question in 'timeline?cols=0' 'timeline?cols=x' 'tree?metric=nothing' 'tree?from=2&to=1' \
	'tree?nodes=-1' 'tree?root=xyz!' 'meta?what=1' 'tree?from=1&from=2'; do
	want 400 "api/1/$question"
	[ "$(json .error.code <"$tmp/body")" = bad_query ] || fail "$question: $(cat "$tmp/body")"
	[ -n "$(json .error.msg <"$tmp/body")" ] || fail "$question: no message"
done
for question in 'seconds=0' 'seconds=x' 'seconds=3&from=1&to=2' 'pid=0' 'labels=nothing'; do
	want 400 "debug/pprof/profile?$question"
done
type_of() {
	curl -sS -o /dev/null -w '%{content_type}' "$url$1"
}
[ "$(type_of metrics)" = "text/plain; version=0.0.4; charset=utf-8" ] || fail "metrics: $(type_of metrics)"
[ "$(type_of api/1/meta)" = application/json ] || fail "meta: $(type_of api/1/meta)"
[ "$(type_of api/1/tree)" = application/octet-stream ] || fail "tree: $(type_of api/1/tree)"
[ "$(type_of "")" = "text/html; charset=utf-8" ] || fail "page: $(type_of "")"

# ---- metrics: each line one of three, families together, declared first ----
get metrics | awk '
	/^# HELP [a-z_]+ .+\.$/ { if (helped[$3]++) bad = bad "\n" $0; next }
	/^# TYPE [a-z_]+ (counter|gauge)$/ { if (!helped[$3] || typed[$3]++) bad = bad "\n" $0; family = $3; next }
	/^[a-z_]+({[a-z_]+="[^"]*"})? [0-9.e+]+$/ { if ($1 !~ "^" family "({|$)" || seen[$0 ~ /{/ ? $0 : $1]++) bad = bad "\n" $0; n++; next }
	{ bad = bad "\n" $0 }
	END { if (bad || n < 10) { print "not as Prometheus wants it:" bad; exit 1 } }' >&2 ||
	fail "/metrics"

for client in $clients; do wait "$client" || fail "a waiting client got no profile"; done

# ---- the profiles they got ----
took=$(cat "$tmp/one.time")
echo "a profile of $N s was answered after $took s"
assert "time of a profile of $N s" "$took >= $N && $took < 1.5 * $N"
total=$(rows "$tmp/one.pb.gz" sum 0)
assert "enough samples to judge" "$total > 20"
assert "every sample has its period" \
	"$(rows "$tmp/one.pb.gz" sum 1) == $total * $(rows "$tmp/one.pb.gz" period)"
[ "$(rows "$tmp/one.pb.gz" pids)" = "$shares" ] || fail "samples of other processes"
[ "$(rows "$tmp/one.pb.gz" sum 0 comm=shares)" = "$total" ] || fail "samples without comm"
for part in sixty=60 thirty=30 ten=10; do
	n=$(rows "$tmp/one.pb.gz" sum 0 "frame=burn_${part%=*}")
	assert_share "burn_${part%=*}" "$n" "$total" "${part#*=}" 100
done
top=$(go tool pprof -top -sample_index=samples "$tmp/one.pb.gz" 2>/dev/null)
duration=$(sed -n 's/^Duration: \([0-9.]*\)s, .*/\1/p' <<<"$top")
[ "$(sed -n 's/^.*Total samples = \([0-9]*\).*/\1/p' <<<"$top")" = "$total" ] || fail "-top says: $top"
assert_ratio "duration" "$duration" $N 0.02
# Clients that asked together differ by what ran in the moments between their questions.
for i in 1 2 3 4 5; do
	all=$(rows "$tmp/all$i.pb.gz" sum 0 pid="$shares")
	assert "client $i: $all, $total for the process alone" "($all - $total) ^ 2 <= (0.1 * $total + 3) ^ 2"
done

# ---- what is stored ----
sleep 2 # a window of 4 s is over by now
get api/1/meta >"$tmp/meta"
now=${EPOCHREALTIME/./}
[ "$(json .source <"$tmp/meta")" = agent ] || fail "meta: $(cat "$tmp/meta")"
[ "$(json .metrics[0].id <"$tmp/meta")" = cpu ] || fail "meta: $(cat "$tmp/meta")"
[ "$(json .ncpu <"$tmp/meta")" = "$(nproc --all)" ] || fail "meta: ncpu"
from=$(json .retain.from_us <"$tmp/meta")
to=$(json .retain.to_us <"$tmp/meta")
assert "what is stored lies in the past" "$from < $to && $to <= $now && $now - $to < 10e6"

# The first second is left out: the program's own time is what is compared.
from=$((from + 1000000))
span="from=$from&to=$to"
get "debug/pprof/profile?$span&pid=$shares" >"$tmp/past.pb.gz"
past=$(rows "$tmp/past.pb.gz" sum 1)
get "api/1/timeline?$span&cols=5" >"$tmp/timeline"
get "api/1/tree?$span&pid=$shares" >"$tmp/tree.shares"
get "api/1/tree?$span" >"$tmp/tree"
[ "$(head -c 4 "$tmp/tree")" = FTTR ] || fail "not a tree"
assert "tree and profile of a process" "$(tree "$tmp/tree.shares" total) == $past"
assert "burn_sixty in the tree of the host" \
	"$(tree "$tmp/tree" sum burn_sixty) == $(rows "$tmp/past.pb.gz" sum 1 frame=burn_sixty)"
[ "$(json .series[0].v.length <"$tmp/timeline")" = 5 ] || fail "timeline: $(cat "$tmp/timeline")"
# Rates times their spans are what the tree holds: the same samples.
ns=$(json '.series[0].v.reduce((a, b) => a + b) * v.step_us / 1e6' <"$tmp/timeline")
assert_ratio "timeline and tree" "$ns" "$(tree "$tmp/tree" total)" 0.05
cores=$(awk "BEGIN { print $past / ($to - $from) / 1000 }")
echo "shares used $cores cores"
assert "one core of the burner, or what a busy host leaves of it" "$cores > 0.05 && $cores < 1.1"

# ---- files of --pprof-dir: the same windows ----
files=$(ls "$tmp/pprof")
[ -n "$files" ] || fail "no file in --pprof-dir"
for file in $files; do
	seconds=$(date -u -d "$(sed -E 's/.*-(....)(..)(..)T(..)(..)(..)Z.*/\1-\2-\3 \4:\5:\6/' <<<"$file")" +%s)
	get "debug/pprof/profile?from=${seconds}000000&to=$((seconds + 4))000000" >"$tmp/window.pb.gz"
	written=$(rows "$tmp/pprof/$file" sum 1)
	asked=$(rows "$tmp/window.pb.gz" sum 1)
	[ "$written" = "$asked" ] || fail "$file: $written ns in the file, $asked asked for"
done
echo "$(wc -w <<<"$files") files of windows agree"
check_log "$tmp/agent.err"
stop "$agent" 0
