#!/bin/sh
# faults.sh - the table of known failures in tests/README is whole, and its tests are there and run.
. "$(dirname "$0")/tap.lib"
cd "$SOURCE" || exit 1

expect_none 'F01 to F60 have a row each' "$(
	number=1
	while [ "$number" -le 60 ]; do
		name=$(printf 'F%02d' "$number")
		[ "$(grep -c "^$name | .* | ." tests/README)" = 1 ] || echo "$name"
		number=$((number + 1))
	done)"

expect_none 'the tests of the table are there' "$(sed -n 's/^\(F[0-9][0-9]\) | \([^|]*\) | .*/\1 \2/p' tests/README |
	while read -r number tests; do
		for test in $tests; do
			file=${test%%:*} name=${test#*:}
			case $test in
			-) continue ;;
			structure/*) [ -f "tests/$test" ] || echo "$number: tests/$test" ;;
			*:*) grep -q "^START_TEST($name)" "tests/$file.c" 2> /dev/null || echo "$number: $test" ;;
			*) grep -q "^START_TEST" "tests/$file.c" 2> /dev/null || echo "$number: tests/$file.c" ;;
			esac
			case $file in
			structure/*) file=${test} ;;
			sweep*) file=sweep ;;
			esac
			grep -Eq "^[[:blank:]]tests/$file( |\$)|[ =]tests/$file( |\$)" Makefile.am || echo "$number: $file is not run"
		done
	done)"
finish
