# record -o x.html of a known program, opened from disk in Chromium: its functions are there,
# and the page asks for nothing.
. "$(dirname "$0")/lib.sh"
need_root
need_command node
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || skip "needs chromium"
[ -d tests/web/node_modules ] || skip "needs the npm packages of make test-web"

start shares "$truth/shares" 60
wait_for "$tmp/shares.out" '^pid'
"$flametrail" record -q -p "$pid" -F 499 -d 3 -o "$tmp/report.html" >"$tmp/record.out" 2>&1 ||
	fail "record: $(cat "$tmp/record.out")"
REPORT=$tmp/report.html node --test --test-timeout=60000 tests/web/report_page.mjs >"$tmp/page.log" 2>&1 ||
	fail "the page: $(head -c 3000 "$tmp/page.log")"
