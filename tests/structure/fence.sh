#!/bin/sh
# fence.sh - child.c runs between clone and exec on the daemon's memory. Its
# object file may refer to nothing outside the list in child-symbols, and may
# hold nothing that can be written.
# shellcheck disable=SC2016 # awk programs
. "$(dirname "$0")/tap.lib"

object=$BUILD/src/libchild_a-child.o
allowed=$SOURCE/tests/structure/child-symbols

# Lines of child-symbols: a symbol, then what it is for.
expect_none 'child.o calls only what child-symbols allows' "$(
	"$NM" -u -P "$object" | "$AWK" -v allowed="$allowed" '
		BEGIN {
			while ((getline line < allowed) > 0)
				if (line !~ /^(#|$)/) { split(line, word); known[word[1]] = 1 }
		}
		{ sub(/@.*/, "", $1); seen++ }
		!($1 in known) { print $1 }
		END { if (!seen) print "nm listed nothing" }')"

expect_none 'child.o has no variable' "$("$NM" -P "$object" | "$AWK" '$2 ~ /^[BbCDGgSs]$/ { print $1 }')"

expect_none 'child.o exports child_run and child_stage_name only' "$("$NM" -g --defined-only -P "$object" |
	"$AWK" '$1 != "child_run" && $1 != "child_stage_name" { print $1 }')"

finish
