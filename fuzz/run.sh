#!/bin/sh
# run.sh TARGET... - lets each fuzzer (fuzz/live_NAME, built by make fuzz) run for
# FUZZ_SECONDS. It starts from fuzz/corpus/NAME and collects in fuzz/found/NAME of
# the build folder, where an input that fails is left, too. TAP; exits 1 when one failed.
: "${SOURCE:?}" "${BUILD:?}" "${FUZZ_SECONDS:=30}"
number=0
failed=0

for target in "$@"; do
	name=${target##*/live_}
	found=$BUILD/fuzz/found/$name
	number=$((number + 1))
	mkdir -p "$found/corpus"
	set -- -max_total_time="$FUZZ_SECONDS" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$found/"
	words=$SOURCE/fuzz/$name.dict
	[ -e "$words" ] || words=$SOURCE/fuzz/services.ini.dict
	[ ! -e "$words" ] || set -- "$@" -dict="$words"
	if "$BUILD/$target" "$@" "$found/corpus" "$SOURCE/fuzz/corpus/$name" > "$found/log" 2>&1 < /dev/null; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$found/log")
		echo "ok $number - $name: $FUZZ_SECONDS s, $runs inputs"
	else
		failed=1
		echo "not ok $number - $name: see $found"
		tail -n 30 "$found/log" | sed 's/^/# /'
	fi
done
echo "1..$number"
exit $failed
