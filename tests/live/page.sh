# The page of a real agent in Chromium: known functions, search, zoom, link.
. "$(dirname "$0")/lib.sh"
need_root
need_command node
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || skip "needs chromium"
[ -d tests/web/node_modules ] || skip "needs the npm packages of make test-web"

start shares "$truth/shares" 60
start agent "$flametrail" agent --listen 127.0.0.1:0 --store "$tmp/store" --window 2s
wait_for "$tmp/agent.out" '^viewer: '
url=$(sed -n 's/^viewer: //p' "$tmp/agent.out")
sleep 8
AGENT_URL=$url node --test --test-timeout=60000 tests/web/agent_page.mjs >"$tmp/page.log" 2>&1 ||
	fail "the page: $(head -c 3000 "$tmp/page.log")"
