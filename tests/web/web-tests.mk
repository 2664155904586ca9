# The viewer's tests: pure parts under node, the page in Debian's Chromium. Needs
# `scripts/deps test`; npm packages come by the lock file.
test-web: tests/web/node_modules/.package-lock.json $(WEB_REPORT)
	cd tests/web && OUT=$(OUT) node --test --test-timeout=180000 pure.test.mjs page.test.mjs report.test.mjs

tests/web/node_modules/.package-lock.json: tests/web/package-lock.json tests/web/package.json
	cd tests/web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $@

.PHONY: test-web

lint: lint-web
lint-web:
	scripts/check-web

.PHONY: lint-web
