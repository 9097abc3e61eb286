# tap.bash - what the soaks report with. `failed` is the exit status.
# shellcheck shell=bash disable=SC2034

tests=0 failed=0

# ok TEXT CONDITION...: one line of TAP; the condition is a command.
ok()
{
	local text=$1 word=ok

	shift
	"$@" || { word='not ok'; failed=1; }
	echo "$word $((++tests)) - $text"
}

# is WHAT GOT WANTED
is()
{
	ok "$1: $2 (wanted $3)" [ "$2" = "$3" ]
}

# within WHAT GOT LEAST MOST
within()
{
	ok "$1: $2 (wanted $3 to $4)" [ "$(($2 >= $3 && $2 <= $4))" = 1 ]
}

# Descriptors that a process has open.
descriptors()
{
	find "/proc/$1/fd" -mindepth 1 2>/dev/null | wc -l
}

# Children of a process that nobody has collected.
zombies()
{
	children_of "$1" | grep -c ' Z$'
}
