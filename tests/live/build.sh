# A clone builds as it is; a second make does nothing; a change rebuilds what depends on
# it; make install puts the program in its place.
. "$(dirname "$0")/lib.sh"
need_command git
need_command clang
git rev-parse -q --verify HEAD >/dev/null 2>&1 || skip "not a git checkout"

git clone -q --shared . "$tmp/tree" 2>"$tmp/clone.err" || fail "clone: $(cat "$tmp/clone.err")"
cd "$tmp/tree"
# What is measured is what make does, not what this test was called with.
unset OUT MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES V CFLAGS DESTDIR PREFIX
run_make() {
	make "$@" >"$tmp/make.out" 2>&1 || fail "make $*: $(tail -n 5 "$tmp/make.out")"
}
# Everything built is of this kind and name: made KIND NAME
made() {
	grep -qE "^ +$1 +.*$2" "$tmp/make.out" || fail "$2 was not made anew: $(cat "$tmp/make.out")"
}
not_made() {
	! grep -qE "^ +$1 +.*$2" "$tmp/make.out" || fail "$2 was made anew for nothing"
}

# Without optimization: half the time, and the same rules. Not for BPF, whose flags are fixed.
run_make -j2 CFLAGS=-O0
build/flametrail record --help >/dev/null
for run in second third; do
	run_make -j2 CFLAGS=-O0
	[ ! -s "$tmp/make.out" ] || fail "the $run make did: $(cat "$tmp/make.out")"
done

touch include/flametrail/event.h
run_make -j2 CFLAGS=-O0
for object in oncpu follow; do made BPF "bpf/$object.bpf.o"; done
made SKEL flametrail.skel.h
made CC agent/capture/sampler.o
made LD build/flametrail
not_made CC base/buffer.o
not_made AS web/assets.o

touch web/app.js
run_make -j2 CFLAGS=-O0
made AS web/assets.o
made LD build/flametrail
not_made BPF oncpu
not_made CC agent/cmd_record.o
echo "// a change" >>web/app.js
run_make CFLAGS=-O0
grep -qF "// a change" build/flametrail || fail "the viewer in the program is an old one"

run_make install DESTDIR="$tmp/root" PREFIX=/usr CFLAGS=-O0
[ -x "$tmp/root/usr/bin/flametrail" ] || fail "not installed"
not_made CC .
cmp -s build/flametrail "$tmp/root/usr/bin/flametrail" || fail "another program was installed"
[ "$(cd "$tmp/root" && find . -type f)" = ./usr/bin/flametrail ] || fail "more than the program was installed"

run_make OUT=other -n CFLAGS=-O0
grep -q "other/flametrail" "$tmp/make.out" || fail "OUT is not where it builds"
run_make clean
[ ! -e build ] || fail "clean leaves things"
[ -z "$(git status --porcelain | grep -v 'web/app.js')" ] || fail "make leaves in the tree: $(git status --porcelain)"
