# Stores that are missing, refused, damaged, full or taken, and addresses that are taken or
# open to the world: each is told in one line, or mended and told in the log.
. "$(dirname "$0")/lib.sh"
need_record
need_command curl
need_command mount

refused() {
	want=$1 pattern=$2
	shift 2
	run_within 20 "$want" "$flametrail" agent --listen 127.0.0.1:0 "$@"
	one_line "$pattern"
	[ ! -s "$tmp/run.out" ] || fail "$*: an address was told"
}

# ---- a full disk comes first, since it takes longest ----
mkdir "$tmp/full" "$tmp/readonly"
mount -t tmpfs -o size=24M,mode=755 none "$tmp/full" || skip "cannot mount"
start shares "$truth/shares" 100
shares=$pid
wait_for "$tmp/shares.out" '^pid'
start_agent full --store "$tmp/full/store" --window 2s
full=$agent full_url=$url
wait_ready
before=$(metric flametrail_slices_total)
dd if=/dev/zero of="$tmp/full/ballast" bs=64k status=none 2>/dev/null || true

# ---- a store that is not there is made ----
start_agent missing --store "$tmp/not/yet/there"
missing=$agent missing_url=$url
uid=$(ps -o uid= -p "$(worker_of "$agent" ft-server)" | tr -d ' ')
[ "$uid" -gt 0 ] || fail "the server is root"
[ "$(stat -c %u "$tmp/not/yet/there" "$tmp/not/yet/there/flametrail.db" | uniq)" = "$uid" ] ||
	fail "the store is not the server's"
case $(stat -c %a "$tmp/not/yet/there") in *[1-7]) fail "strangers see the store" ;; esac

# ---- what cannot be ----
: >"$tmp/file"
mount -t tmpfs -o ro none "$tmp/readonly"
mkdir "$tmp/theirs"
chown 65534 "$tmp/theirs"
refused 1 "another flametrail uses the store $tmp/not/yet/there: stop it" --store "$tmp/not/yet/there"
refused 1 "$tmp/file is not a directory; choose another" --store "$tmp/file"
refused 1 "cannot make directory $tmp/file/store: Not a directory; choose another with --store" --store "$tmp/file/store"
refused 1 "cannot make directory $tmp/readonly/store: Read-only file system; choose" --store "$tmp/readonly/store"
refused 1 "store $tmp/readonly cannot be written|$tmp/readonly.*Read-only" --store "$tmp/readonly"
refused 1 "$tmp/theirs belongs to user 65534; choose another" --store "$tmp/theirs"
refused 1 "$tmp/file is not a directory" --store "$tmp/none" --pprof-dir "$tmp/file"
refused 1 "can be reached from other hosts; set --token" --store "$tmp/none" --listen 0.0.0.0:0
refused 1 "^flametrail: 127.0.0.1:[0-9]+ is in use: choose another address with --listen" \
	--store "$tmp/none" --listen "$(sed 's#http://\(.*\)/#\1#' <<<"$missing_url")"
refused 2 "is no address to listen on: use --listen" --store "$tmp/none" --listen nowhere
refused 2 "unknown option --nothing; see" --store "$tmp/none" --nothing
refused 2 'window' --store "$tmp/none" --window 1x
refused 2 "frequency" --store "$tmp/none" --frequency 0
refused 2 "--store wants a value" --store
[ ! -e "$tmp/none" ] || [ -z "$(ls -A "$tmp/none")" ] || fail "a store was made for nothing"
url=$missing_url
wait_ready
stop "$missing" 0

# ---- token, and unix socket ----
FLAMETRAIL_TOKEN=secret7 start_agent token --listen 0.0.0.0:0
[ "$(status_of api/1/meta)" = 401 ] || fail "without token: $(cat "$tmp/body")"
[ "$(status_of api/1/meta -H 'Authorization: Bearer secret8')" = 401 ] || fail "a wrong token"
[ "$(status_of "api/1/meta?token=secret")" = 401 ] || fail "a short token"
[ "$(status_of api/1/meta -H 'Authorization: Bearer secret7')" = 200 ] || fail "token: $(cat "$tmp/body")"
[ "$(status_of healthz)" = 200 ] || fail "healthz wants a token"
[ "$(status_of readyz)" != 401 ] || fail "readyz wants a token"
! tr '\0' ' ' <"/proc/$(worker_of "$agent" ft-server)/cmdline" | grep -q secret7 || fail "the token is on show"
stop "$agent" 0
start unix "$flametrail" agent --listen "unix:$tmp/socket" --store "$tmp/unix.store"
wait_for "$tmp/unix.out" "^viewer: unix:$tmp/socket"
[ "$(curl -sS --unix-socket "$tmp/socket" http://localhost/healthz)" = ok ] || fail "unix socket"
refused 1 "$tmp/socket is in use" --listen "unix:$tmp/socket" --store "$tmp/none"
stop "$pid" 0
[ ! -e "$tmp/socket" ] || fail "the socket was left"

# ---- a damaged database, at several places ----
good=$tmp/not/yet/there/flametrail.db
size=$(stat -c %s "$good")
damage() { # FILE OFFSET BYTES
	head -c "$3" /dev/zero | tr '\0' '\245' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
n=0
agents=
for how in "0 64" "16 32" "100 200" "0 $size" "$((size / 2)) $((size / 2))" text cut; do
	n=$((n + 1))
	store=$tmp/damaged$n
	mkdir "$store"
	case $how in
	text) echo "this is no database, nor was it ever one" >"$store/flametrail.db" ;;
	cut) head -c $((size / 2 + 100)) "$good" >"$store/flametrail.db" ;;
	*)
		cp "$good" "$store/flametrail.db"
		damage "$store/flametrail.db" $how
		;;
	esac
	chown -R "$(stat -c %u:%g "$good")" "$store"
	start_agent "damaged$n" --store "$store"
	agents="$agents $agent,$url,$n"
done
for entry in $agents; do
	IFS=, read -r agent url n <<<"$entry"
	wait_ready
	slices=$(metric flametrail_slices_total)
	assert "slices in a store begun anew" "$slices >= 1"
	get "api/1/timeline?cols=3" >/dev/null
	ls "$tmp/damaged$n" | grep -q '^flametrail.db.damaged-' || fail "damaged$n: nothing was set aside"
	grep -q '"the store is damaged: set aside, a new one is begun".*"kept_as"' "$tmp/damaged$n.err" ||
		fail "damaged$n: the log does not say it"
	check_log "$tmp/damaged$n.err"
	kill "$agent"
done
for entry in $agents; do wait "${entry%%,*}" || fail "an agent on a new store ended with $?"; done

# ---- the full disk ----
url=$full_url
for _ in $(seq 100); do
	errors=$(metric flametrail_store_write_errors_total)
	[ "$errors" = 0 ] || break
	sleep 0.1
done
assert "write errors are counted" "$errors > 0"
[ "$(status_of healthz)" = 200 ] || fail "a full disk ended the agent"
[ "$(status_of readyz)" = 503 ] || fail "ready on a full disk"
[ "$(grep -c 'the store cannot be written' "$tmp/full.err")" = 1 ] || fail "not told once: $(cat "$tmp/full.err")"
stored=$(metric flametrail_slices_total)
rm "$tmp/full/ballast"
wait_ready
wait_for "$tmp/full.err" 'the store can be written again'
assert "profiling went on: $before, $stored, then $(metric flametrail_slices_total) slices" \
	"$(metric flametrail_slices_total) > $stored"
check_log "$tmp/full.err"
[ "$(metric flametrail_slices_dropped_total)" = 0 ] || fail "slices of so short a time were dropped"
stop "$full" 0
