#!/bin/sh
# layout.sh - the sizes that keep the source readable, and nothing forgotten by
# the build.
# shellcheck disable=SC2016 # awk programs
. "$(dirname "$0")/tap.lib"
cd "$SOURCE" || exit 1

# The habit is 60 and 500; the test leaves room for what is better in one piece.
expect_none 'no function in src or services over 70 lines' "$("$AWK" '
	/^[a-zA-Z_].*\)$/ || /^[a-zA-Z_].*,$/ { if (!inside) name = $0 }
	/^\{/ { inside = 1; start = FNR }
	/^\}/ {
		if (inside && FNR - start + 1 > 70)
			print FILENAME ":" start ": " FNR - start + 1 " lines: " name
		inside = 0
	}' src/*.c src/preload/*.c services/*.c)"

expect_none 'no file in src or services over 600 lines' "$("$AWK" '
	FNR == 601 { print FILENAME }' src/*.[ch] src/preload/*.[ch] services/*.[ch])"

# The habit is 110.
expect_none 'no line of src or services over 130 columns' "$(for file in src/*.[ch] src/preload/*.[ch] services/*.[ch]; do
	expand "$file" | "$AWK" -v file="$file" 'length($0) > 130 { print file ":" NR ": " length($0) }'
done)"

expect_none 'no blank at the end of a line' "$(grep -En '[ 	]+$' src/*.[ch] src/preload/*.[ch] services/*.[ch] tests/*.[ch] fuzz/*.c)"

expect_none 'every file says at its head what it is' "$(for file in src/*.[ch] src/preload/*.[ch] services/*.[ch] tests/*.[ch] fuzz/*.c; do
	name=${file##*/}
	head -n 1 "$file" | grep -Eq "^/\\* ${name%.*}(\\.[ch])? - " || echo "$file"
done)"

expect_none 'every source stands in Makefile.am' "$(for file in \
	src/*.[ch] src/*.def src/preload/*.[ch] src/preload/*.def services/*.[ch] tests/*.[ch] tests/structure/*.sh fuzz/*.c; do
	# A test program may be listed by its name alone.
	grep -Eq "^([^#]*[[:blank:]])?${file%.c}(\.c)?([[:blank:]]|\$)" Makefile.am || echo "$file"
done)"

expect_none 'only main.c ends the process' "$(grep -En '(^|[^_a-z])exit\(' src/*.c | grep -v '^src/main\.c:')"

finish
