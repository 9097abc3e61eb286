#!/bin/sh
# clock.sh - F20: only clock.c reads a clock; the wall clock is asked for by the
# log alone, which prints it. A jump of it can then change no timer.
. "$(dirname "$0")/tap.lib"
cd "$SOURCE" || exit 1

# The sources without comments and texts, FILE:TEXT a line.
code() {
	for file in "$@"; do
		sed -e 's/"\([^"\\]\|\\.\)*"/""/g' -e 's:/\*.*\*/::g' "$file" | "$AWK" -v file="$file" '
			/\/\*/ { sub(/\/\*.*/, ""); print file ":" FNR ":" $0; comment = 1; next }
			/\*\// && comment { comment = 0; next }
			!comment { print file ":" FNR ":" $0 }'
	done
}

word() {
	code src/*.[ch] | grep -E "(^|[^_[:alnum:]])($1)" | grep -v "^src/clock\.c:"
}

expect_none 'clock.c reads both clocks' "$(for clock in CLOCK_MONOTONIC CLOCK_REALTIME; do
	grep -q "clock_gettime($clock," src/clock.c || echo "no $clock"
done)"
expect_none 'only clock.c reads a clock' "$(
	word '(clock_gettime|gettimeofday|timespec_get|ftime|time|clock|stime|settimeofday|clock_settime) *\('
	word '(CLOCK_[A-Z]+|SYS_(clock_[a-z0-9]+|time|gettimeofday))([^_[:alnum:]]|$)')"
expect_none 'no timer of the kernel, which could run by the wall clock' "$(
	word '(timerfd_create|timer_create|setitimer|alarm|sleep|usleep|nanosleep|clock_nanosleep) *\(')"
expect_none 'the wall clock goes to the log, to points in time that are told, and to the gate for access_times, and nowhere else' "$(
	word 'clock_wall *\(' | grep -Ev '^src/(clock\.h|log(-[a-z]+)?\.[ch]|conf-type-times\.c|service-admit\.c|daemon(-reload)?\.c):')"

# The linked daemon has the last word: the objects but clock.o ask libc for no time.
expect_none 'no object but clock.o is linked to a clock' "$(for object in "$BUILD"/src/*.o; do
	case ${object##*/} in *clock.o) continue ;; esac
	"$NM" -u -P "$object" | "$AWK" -v object="${object##*/}" '
		{ sub(/@.*/, "", $1) }
		$1 ~ /^(clock_gettime|gettimeofday|time|timespec_get|timerfd_create|timer_create|setitimer|alarm|sleep|usleep|nanosleep)$/ {
			print object ": " $1
		}'
done)"

finish
