# Unwind rules of programs and libraries against what readelf of binutils computes from
# the same bytes: the same rule at every row, or a difference that has a name.
#	tests/live/cfi_readelf.sh [FILE...]		default: ten of Debian's
. "$(dirname "$0")/lib.sh"
need_command readelf
need_command node

if [ $# -eq 0 ]; then
	libraries=$(ldconfig -p | awk '/x86-64/ && !seen[$1]++ &&
		$1 ~ /^(libc|libm|libstdc\+\+|libcrypto|libgcc_s|libsqlite3)\.so\.[0-9]+$/ { print $NF }')
	interpreter=$(ldd /bin/sh | awk '/ld-linux/ { print $1 }')
	# shellcheck disable=SC2046,SC2086 # one argument per file
	set -- $libraries "$interpreter" /usr/bin/python3 /usr/bin/perl /bin/bash \
		$(command -v node || true) "$(${CC:-cc} -print-prog-name=cc1)"
fi

bad=0 n=0
for file; do
	[ -f "$file" ] || continue
	file=$(readlink -f "$file")
	readelf -lW "$file" >"$tmp/segments"
	# It complains about what nobody needs, such as missing debug files.
	readelf --debug-dump=frames-interp "$file" >"$tmp/frames" 2>"$tmp/complaints" || true
	"$flametrail" inspect --rows "$file" >"$tmp/rows" || fail "inspect $file"
	printf '%s: ' "$file"
	node "$(dirname "$0")/cfi.mjs" "$tmp/segments" "$tmp/frames" "$tmp/rows" || bad=1
	n=$((n + 1))
done
assert "files" "$n >= 5 || $n == $#"
[ $bad = 0 ] || fail "rules differ"
