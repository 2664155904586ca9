# The viewer on files of ours and of others, on a store, and on what is none of these.
. "$(dirname "$0")/lib.sh"
need_record
need_command curl

cat >"$tmp/burn.go" <<'GO'
// A CPU profile as Go's own runtime writes it.
package main

import (
	"os"
	"runtime/pprof"
	"time"
)

//go:noinline
func burnInGo(until time.Time) (sum int) {
	for time.Now().Before(until) {
		for i := 0; i < 100000; i++ {
			sum += i
		}
	}
	return sum
}

func main() {
	file, _ := os.Create(os.Args[1])
	pprof.StartCPUProfile(file)
	burnInGo(time.Now().Add(800 * time.Millisecond))
	pprof.StopCPUProfile()
	file.Close()
}
GO
(
	cd "$tmp"
	# An empty module cache of its own, so that nothing of the user's is touched.
	HOME=$tmp GOCACHE=${GOCACHE:-$(go env GOCACHE)} GOFLAGS=-mod=mod GO111MODULE=off go build -o burn burn.go &&
		./burn go.pb.gz
) >"$tmp/go.log" 2>&1 &
go=$!

start shares "$truth/shares" 60
shares=$pid
wait_for "$tmp/shares.out" '^pid'
start_agent agent --window 1s
run_within 20 0 "$flametrail" record -q -p "$shares" -F 499 -d 2 -o "$tmp/ours.pb.gz" --raw "$tmp/raw"
from=$(get api/1/meta | json .retain.from_us)
sleep 1
stop "$agent" 0
wait $go || fail "go: $(cat "$tmp/go.log")"

# view NAME PATH: served, and its tree in $tmp/NAME.tree
view() {
	start "view.$1" "$flametrail" view --listen 127.0.0.1:0 "$2"
	view=$pid
	wait_for "$tmp/view.$1.out" '^viewer: '
	url=$(sed -n 's/^viewer: //p' "$tmp/view.$1.out")
	for _ in $(seq 50); do
		[ "$(status_of "api/1/tree?min_ppm=0")" != 200 ] || break
		sleep 0.1
	done
	cp "$tmp/body" "$tmp/$1.tree"
	get api/1/meta >"$tmp/$1.meta"
	[ "$(status_of readyz)" = 200 ] || fail "$1: not ready: $(cat "$tmp/body")"
	[ "$(json .source <"$tmp/$1.meta")" = "$3" ] || fail "$1: $(cat "$tmp/$1.meta")"
	get "" >"$tmp/page"
	grep -qi '<html' "$tmp/page" || fail "$1: no page"
	get 'api/1/timeline?cols=10' | json .series.length >/dev/null
}

samples=$(rows "$tmp/ours.pb.gz" sum 0)
ns=$(rows "$tmp/ours.pb.gz" sum 1)
for name in ours.pb.gz raw; do
	view $name "$tmp/$name" file
	# A file of slices holds a bit more than what was asked for: its last slice.
	[ "$(tree "$tmp/$name.tree" samples)" = "$samples" ] || fail "$name: not $samples samples"
	[ "$(tree "$tmp/$name.tree" total)" = "$ns" ] || fail "$name: not $ns ns"
	[ "$(tree "$tmp/$name.tree" sum burn_sixty)" = "$(rows "$tmp/ours.pb.gz" sum 1 frame=burn_sixty)" ] ||
		fail "$name: burn_sixty"
	[ "$(json .title <"$tmp/$name.meta")" = $name ] || fail "$name: $(cat "$tmp/$name.meta")"
	stop "$view" 0
done

view go.pb.gz "$tmp/go.pb.gz" file
total=$(rows "$tmp/go.pb.gz" sum 1)
assert "a profile by Go" "$total > 5e7"
[ "$(tree "$tmp/go.pb.gz.tree" total)" = "$total" ] || fail "go: not $total ns"
[ "$(tree "$tmp/go.pb.gz.tree" sum main.burnInGo)" = "$(rows "$tmp/go.pb.gz" sum 1 frame=main.burnInGo)" ] ||
	fail "go: burnInGo"
stop "$view" 0

before=$(cksum "$tmp/agent.store/flametrail.db")
view store "$tmp/agent.store" store
[ "$(json .retain.from_us <"$tmp/store.meta")" = "$from" ] || fail "store: $(cat "$tmp/store.meta")"
assert "burn_sixty in the store" "$(tree "$tmp/store.tree" sum burn_sixty) > 1e8"
stop "$view" 0
[ "$(cksum "$tmp/agent.store/flametrail.db")" = "$before" ] || fail "view changed the store"
# An index that SQLite left beside it is in nobody's way.
start_agent again --store "$tmp/agent.store"
wait_ready
[ "$(get api/1/meta | json .retain.from_us)" = "$from" ] || fail "the store was begun anew"
stop "$agent" 0

# Uncompressed, and through a pipe to a unix socket.
gzip -dc "$tmp/ours.pb.gz" >"$tmp/plain.pb"
view plain.pb "$tmp/plain.pb" file
[ "$(tree "$tmp/plain.pb.tree" total)" = "$ns" ] || fail "plain.pb: not $ns ns"
stop "$view" 0
start socket "$flametrail" view --listen "unix:$tmp/socket" "$tmp/raw"
wait_for "$tmp/socket.out" '^viewer: unix:'
[ "$(curl -sS --unix-socket "$tmp/socket" http://localhost/healthz)" = ok ] || fail "unix socket"
stop "$pid" 0
[ ! -e "$tmp/socket" ] || fail "the socket was left"

# ---- what cannot be viewed ----
mkdir "$tmp/bad" "$tmp/bad/folder" "$tmp/bad/store"
size=$(stat -c %s "$tmp/ours.pb.gz")
head -c $((size / 2)) "$tmp/ours.pb.gz" >"$tmp/bad/cut.pb.gz"
head -c $((size - 4)) "$tmp/ours.pb.gz" >"$tmp/bad/cut4.pb.gz"
head -c 500 "$tmp/raw" >"$tmp/bad/cut.raw"
cp "$tmp/ours.pb.gz" "$tmp/bad/damaged.pb.gz"
head -c 30 /dev/zero | dd of="$tmp/bad/damaged.pb.gz" bs=1 seek=$((size / 2)) conv=notrunc status=none
head -c $(($(stat -c %s "$tmp/plain.pb") - 3)) "$tmp/plain.pb" >"$tmp/bad/cut.pb"
cp "$tmp/raw" "$tmp/bad/damaged.raw"
head -c 64 /dev/zero | tr '\0' '\377' | dd of="$tmp/bad/damaged.raw" bs=1 seek=200 conv=notrunc status=none
: >"$tmp/bad/empty"
gzip </dev/null >"$tmp/bad/empty.gz"
cp "$BASH" "$tmp/bad/program"
echo "some text" >"$tmp/bad/text"
echo "some text" | gzip >"$tmp/bad/text.gz"
echo "no database" >"$tmp/bad/store/flametrail.db"
for name in cut.pb.gz cut4.pb.gz cut.raw damaged.pb.gz cut.pb damaged.raw empty empty.gz program text text.gz \
	folder store missing; do
	sum=$(find "$tmp/bad" -type f -exec cksum {} + | sort)
	run_within 20 1 "$flametrail" view --listen 127.0.0.1:0 "$tmp/bad/$name"
	one_line "^flametrail: .*$tmp/bad/$name.*: .*(give|record it again|start the agent)"
	[ ! -s "$tmp/run.out" ] || fail "$name: an address was told"
	[ "$(find "$tmp/bad" -type f -exec cksum {} + | sort)" = "$sum" ] || fail "$name: something was left"
	echo "$(cat "$tmp/run.err")"
done
run_within 20 2 "$flametrail" view
one_line 'give one file'
run_within 20 2 "$flametrail" view --nothing "$tmp/raw"
one_line 'nothing.*--help'
run_within 20 2 "$flametrail" view --listen
one_line 'wants a value'
run_within 20 2 "$flametrail" view --listen nowhere "$tmp/raw"
one_line 'is no address'
run_within 20 1 "$flametrail" view --listen 0.0.0.0:0 "$tmp/raw"
one_line 'give a --token'
