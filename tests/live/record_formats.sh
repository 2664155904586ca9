# One recording in each format tells the same: Go's pprof reads it, and totals and shares
# are those of the folded and the speedscope file.
. "$(dirname "$0")/lib.sh"
need_record

start shares "$truth/shares" 60
wait_for "$tmp/shares.out" '^pid'
run_within 20 0 "$flametrail" record -q -p "$pid" -F 499 -d 3 -o "$tmp/live.pb.gz" --raw "$tmp/raw"
for file in replay.pb.gz x.folded x.json; do
	run_within 20 0 "$flametrail" record -q --replay "$tmp/raw" -o "$tmp/$file"
done

samples=$(rows "$tmp/live.pb.gz" sum 0)
ns=$(rows "$tmp/live.pb.gz" sum 1)
assert "enough samples to judge" "$samples > 100"
[ "$(rows "$tmp/live.pb.gz" types)" = "samples/count cpu/nanoseconds" ] || fail "wrong sample types"
assert "every sample has its period" "$ns == $samples * $(rows "$tmp/live.pb.gz" period)"

# -top says the same total as -raw.
top=$(go tool pprof -top -sample_index=samples "$tmp/live.pb.gz" 2>/dev/null |
	sed -n 's/^.*Total samples = \([0-9]*\).*/\1/p')
[ "$top" = "$samples" ] || fail "pprof -top says $top samples, -raw $samples"

for function in burn_sixty main; do
	live=$(rows "$tmp/live.pb.gz" sum 0 frame=$function)
	replayed=$(rows "$tmp/replay.pb.gz" sum 0 frame=$function)
	[ "$live" = "$replayed" ] || fail "$function: $live samples live, $replayed replayed"
	folded=$(awk -v f="$function" '{ n = $NF; sub(/ [0-9]+$/, ""); if (index(";" $0 ";", ";" f ";")) sum += n }
		END { print sum + 0 }' "$tmp/x.folded")
	[ "$folded" = "$live" ] || fail "$function: $live samples in pprof, $folded folded"
done
[ "$(awk '{ sum += $NF } END { print sum }' "$tmp/x.folded")" = "$samples" ] ||
	fail "folded total is not $samples"
grep -q '^shares;' "$tmp/x.folded" || fail "folded lines do not begin with the command"

speedscope() {
	node -e '
		const file = JSON.parse(require("fs").readFileSync(process.argv[1]));
		const [profile] = file.profiles;
		const named = new Set(file.shared.frames.flatMap((f, i) => (f.name === process.argv[2] ? [i] : [])));
		let total = 0, found = 0;
		profile.samples.forEach((stack, i) => {
			total += profile.weights[i];
			if (stack.some((frame) => named.has(frame))) found += profile.weights[i];
		});
		if (total !== profile.endValue - profile.startValue) throw new Error("endValue is not the sum");
		console.log(total, found, profile.unit);' "$tmp/x.json" "$1"
}
read -r total found unit <<<"$(speedscope burn_sixty)"
case $unit in
none) want=$samples want_found=$(rows "$tmp/live.pb.gz" sum 0 frame=burn_sixty) ;;
nanoseconds) want=$ns want_found=$(rows "$tmp/live.pb.gz" sum 1 frame=burn_sixty) ;;
*) fail "speedscope unit is $unit" ;;
esac
[ "$total $found" = "$want $want_found" ] || fail "speedscope: $total, burn_sixty $found; pprof: $want, $want_found"

run_within 20 0 "$flametrail" record -q --replay "$tmp/raw" --format folded -o -
cmp -s "$tmp/run.out" "$tmp/x.folded" || fail "standard output is not what the file holds"
