#!/bin/sh
# headers.sh - each header compiles alone, and does no harm when read twice.
# shellcheck disable=SC2016 # awk programs
. "$(dirname "$0")/tap.lib"

for header in "$SOURCE"/src/*.h "$SOURCE"/src/preload/*.h "$SOURCE"/services/*.h "$SOURCE"/tests/*.h; do
	name=${header#"$SOURCE"/}
	# shellcheck disable=SC2086 # CC and flags may be several words
	expect_none "$name" "$(
		printf '#include "%s"\n#include "%s"\n' "$header" "$header" |
			$CC $HEADER_CFLAGS -D_GNU_SOURCE -Wall -Wextra -Wundef -Wno-unused-function -Werror -fsyntax-only \
				-I "$SOURCE/src" -I "$SOURCE/tests" -x c - 2>&1)"
done

finish
