# Recorded slices through the agent, without privileges, are what record makes of them.
. "$(dirname "$0")/lib.sh"
need_record
need_command curl
need_command setpriv

as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
start shares "$truth/shares" 60
wait_for "$tmp/shares.out" '^pid'
run_within 20 0 "$flametrail" record -q -p "$pid" -F 499 -d 3 -o "$tmp/live.pb.gz" --raw "$tmp/raw"
kill "$pid"
chmod 644 "$tmp/raw"
run_within 20 0 "$flametrail" record -q --replay "$tmp/raw" -o "$tmp/replay.folded"

# Nobody may not enter every path that leads to the build.
cp "$flametrail" "$tmp/flametrail"
mkdir "$tmp/home"
chown 65534 "$tmp/home"
as_agent="$as_nobody $tmp/flametrail agent --listen 127.0.0.1:0 --store $tmp/home/store"
start agent $as_agent --replay "$tmp/raw"
agent=$pid
wait_for "$tmp/agent.out" '^viewer: '
url=$(sed -n 's/^viewer: //p' "$tmp/agent.out")
wait_for "$tmp/agent.err" '"replay is done"'
for _ in $(seq 50); do
	[ "$(status_of api/1/meta)" != 200 ] || [ "$(json .metrics.length <"$tmp/body")" = 0 ] || break
	sleep 0.1
done
[ "$(ps -o user= -p "$(worker_of "$agent" ft-server)")" = nobody ] || fail "the server is not nobody"
[ "$(status_of readyz)" = 200 ] || fail "not ready: $(cat "$tmp/body")"
# The recorded clock: the range lies where the recording did.
from=$(json .retain.from_us <"$tmp/body" 2>/dev/null || get api/1/meta | json .retain.from_us)
to=$(get api/1/meta | json .retain.to_us)
assert "the span recorded" "$to - $from > 2.5e6 && $to - $from < 5e6"
get "debug/pprof/profile?from=$from&to=$to" >"$tmp/agent.pb.gz"
get "api/1/tree?from=$from&to=$to&min_ppm=0" >"$tmp/tree"

total=$(rows "$tmp/agent.pb.gz" sum 0)
assert "enough samples to judge" "$total > 100"
assert "samples of the tree" "$(tree "$tmp/tree" samples) == $total"
folded_sum() {
	awk -v f="$1" '{ n = $NF; sub(/ [0-9]+$/, ""); if (f == "" || index(";" $0 ";", ";" f ";")) sum += n }
		END { print sum + 0 }' "$tmp/replay.folded"
}
[ "$(folded_sum "")" = "$total" ] || fail "$total samples by the agent, $(folded_sum "") by record"
for function in $(rows "$tmp/agent.pb.gz" functions | grep -E '^[a-z_]+$' | head -n 8); do
	n=$(rows "$tmp/agent.pb.gz" sum 0 "frame=$function")
	[ "$n" = "$(folded_sum "$function")" ] || [ "$n" = "$(folded_sum "${function}_[k]")" ] ||
		fail "$function: $n samples by the agent, $(folded_sum "$function") by record"
done
rows "$tmp/agent.pb.gz" functions | grep -qx burn_sixty || fail "no burn_sixty"
check_log "$tmp/agent.err"
stop "$agent" 0

# ---- what is no recording ----
size=$(stat -c %s "$tmp/raw")
head -c $((size / 2)) "$tmp/raw" >"$tmp/cut"
head -c $((size - 1)) "$tmp/raw" >"$tmp/cut1"
head -c 5 "$tmp/raw" >"$tmp/short"
cp "$tmp/live.pb.gz" "$tmp/foreign"
: >"$tmp/empty"
cp "$tmp/raw" "$tmp/damaged"
head -c 64 /dev/zero | tr '\0' '\377' | dd of="$tmp/damaged" bs=1 seek=200 conv=notrunc status=none
chmod 644 "$tmp"/{cut,cut1,short,foreign,empty,damaged}
for file in cut cut1 short foreign empty damaged missing home; do
	run_within 20 1 $as_nobody "$tmp/flametrail" agent --listen 127.0.0.1:0 \
		--store "$tmp/home/none" --replay "$tmp/$file"
	one_line "^flametrail: .*$tmp/$file.*[a-z]"
	[ ! -s "$tmp/run.out" ] || fail "$file: an address was told"
	run_within 20 1 "$flametrail" record -q --replay "$tmp/$file" -o "$tmp/none.folded"
	one_line "^flametrail: .*$tmp/$file.*[a-z]"
	[ ! -e "$tmp/none.folded" ] || fail "$file: a profile was written"
done
[ ! -e "$tmp/home/none" ] || fail "a store was made for nothing"
