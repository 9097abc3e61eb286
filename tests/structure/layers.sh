#!/bin/sh
# layers.sh - who may include whom, from the table in layers.table.
# shellcheck disable=SC2016 # awk programs
. "$(dirname "$0")/tap.lib"
cd "$SOURCE" || exit 1

# All includes of the daemon's own files in FILES...: FILE INCLUDED, without endings.
includes() {
	grep -H '^#include "' "$@" |
		sed -E 's/^src\/([^:]*)\.[ch]:#include "([^"]*)\.(h|def)".*/\1 \2/' | sort -u
}

# The table: LAYER FILE, layers numbered from below.
table() {
	sed 's/#.*//' tests/structure/layers.table |
		"$AWK" '/:/ { layer++ } { for (i = 1; i <= NF; i++) if ($i !~ /:$/) print layer, $i }'
}

# place(NAME): the layer of a file, by its own name or its module's; 0 when it has none.
place='
	function module(name) { sub(/-.*/, "", name); return name }
	function place(name) {
		if (name in layer) return layer[name]
		if (name ~ /-/ && (module(name) "-*") in layer) return layer[module(name) "-*"]
		return 0
	}'

expect_none 'every file of src has one place in the table' "$({
	table
	for file in src/*.[ch] src/*.def; do
		name=${file##*/}
		echo "FILE ${name%.*}"
	done | sort -u
} | "$AWK" "$place"'
	$1 != "FILE" { if ($2 in layer) print $2 ": twice"; layer[$2] = $1; next }
	{ exists[$2] = 1; if (!place($2)) print $2 ": missing" }
	END { for (name in layer) if (name !~ /\*/ && !(name in exists)) print name ": no such file" }')"

# A file includes from layers below its own; in its own layer only files of its
# own module (conf-read and conf-type are both conf).
expect_none 'nobody includes sideways or upwards' "$({
	table
	includes src/*.[ch]
} | "$AWK" "$place"'
	$1 ~ /^[0-9]+$/ { layer[$2] = $1; next }
	module($1) != module($2) && place($2) >= place($1) { print $1 " includes " $2 }')"

# Not even inside a module.
expect_none 'headers include each other in no circle' "$(includes src/*.h | "$AWK" '$1 != $2' | tsort 2>&1 > /dev/null)"

# The library in warm programs runs with what those have: it knows the protocol, and nothing else of the daemon.
expect_none 'src/preload includes the protocol only, and is included by nobody' "$({
	grep -H '^#include "' src/preload/* | grep -Ev '"[^/]*"|"\.\./warm-protocol\.h"'
	grep -H '^#include ".*preload/' src/*.[ch]
})"

# Mechanisms return what happened; these say it.
expect_none 'only main, daemon, service, session and control log' "$(grep -El '(^|[^_a-z])log_(begin|message)\(' src/*.c |
	grep -Ev '^src/(main|daemon|service|session|control|log)(-[a-z-]*)?\.c$')"

finish
