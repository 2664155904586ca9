# The page of a real agent in Chromium: known functions, search, zoom, link.
. "$(dirname "$0")/lib.sh"
need_root
need_command node
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || skip "needs chromium"
[ -d tests/web/node_modules ] || skip "needs npm packages: make tests/web/node_modules/.package-lock.json"

"$truth/shares" 60 >"$tmp/truth" &
"$flametrail" agent --listen 127.0.0.1:0 --store "$tmp/store" --window 2s >"$tmp/out" 2>"$tmp/err" &
for _ in $(seq 100); do
	url=$(sed -n 's/^viewer: //p' "$tmp/out")
	[ -z "$url" ] || break
	sleep 0.1
done
[ -n "$url" ] || fail "the agent did not start: $(cat "$tmp/err")"
sleep 12
AGENT_URL=$url node --test --test-timeout=60000 tests/web/agent_page.mjs >"$tmp/page.log" 2>&1 ||
	fail "the page: $(grep -m1 -E '^not ok|Error' "$tmp/page.log") $(cat "$tmp/page.log" | head -c 3000)"
