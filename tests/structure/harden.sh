#!/bin/sh
# harden.sh - what configure said that it switched on is in the binaries.
# shellcheck disable=SC2016 # awk programs
. "$(dirname "$0")/tap.lib"

# enabled WORD - whether configure took it
enabled() {
	case " $HARDENING " in *" $1 "*) return 0 ;; esac
	return 1
}

# expect PROGRAM WORD NAME PATTERN READELF-OPTIONS - the pattern must be there
expect() {
	if ! enabled "$2"; then
		skip "$1: $3" "configure did not take $2"
		return
	fi
	expect_none "$1: $3" "$("$READELF" "$5" -W "$BUILD/$1" | grep -Eq "$4" || echo "no $4 in readelf $5 $1")"
}

for program in usherd usherctl services/echo services/relay; do
	expect "$program" pie 'position independent' 'Type: +DYN' -h
	expect "$program" relro 'read-only relocations' 'GNU_RELRO' -l
	expect "$program" now 'bound at start' 'FLAGS.*NOW' -d
	expect "$program" noexecstack 'no executable stack' 'GNU_STACK.* RW +0x' -l
done
expect usherd stack-protector 'stack protector' '__stack_chk_fail' -s
expect usherd fortify 'fortified calls' '__[a-z]+_chk(@|$)' -s
# In an object: Debian's start files are not marked, so no program is.
expect src/main.o cf 'control flow protection' 'IBT' -n

# Not relro: it would be one more mapping, which every fork of a warm program pays for.
for library in services/usherd-warm-main.so services/usherd-warm-input.so; do
	expect "$library" now 'bound at start' 'FLAGS.*NOW' -d
	expect "$library" noexecstack 'no executable stack' 'GNU_STACK.* RW +0x' -l
done

expect_none 'no run-time search path' "$("$READELF" -d -W "$BUILD/usherd" | grep -E 'R(UN)?PATH')"

finish
