# lib.bash - what bench/run, bench/soak and bench/emfile share: their programs, a
# network namespace of their own, servers that are started, awaited and always ended.
#
# Programs are found in the build folder (BUILD, by default the current one), or where
# USHERD, SERVICES_DIR, LOADGEN and FLOOR say. Nothing here sleeps for a fixed time: every
# wait is for an event, and bounded.
# shellcheck shell=bash

BUILD=${BUILD:-$PWD}
USHERD=${USHERD:-$BUILD/usherd}
SERVICES_DIR=${SERVICES_DIR:-$BUILD/services}
LOADGEN=${LOADGEN:-$BUILD/bench/loadgen}
CLIENTS=${CLIENTS:-$BUILD/bench/clients}
SOURCES=${SOURCES:-$BUILD/bench/sources}
USHERCTL=${USHERCTL:-$BUILD/usherctl}
HOSTILE=${HOSTILE:-$BUILD/bench/hostile}
FLOOR=${FLOOR:-$BUILD/bench/floor}
ADDRESS=127.0.0.1

work='' conf_dir=''
declare -A port_of pid_of

fail()
{
	echo "$(basename "$0"): $*" >&2
	exit 71
}

# As root: start over in a network namespace of our own, where every port is free
# and nothing of the host can be reached or disturbed.
enter_namespace()
{
	if [ -z "${BENCH_INSIDE:-}" ] && [ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null; then
		export BENCH_INSIDE=1
		exec unshare -n bash "$0" "$@"
	fi
	[ -z "${BENCH_INSIDE:-}" ] || "$LOADGEN" -L || fail "cannot raise the loopback interface"
}

# The work folder can be entered by the user that services run as. The configuration is
# apart, since usherd as root refuses a file below a folder that others may write to.
prepare()
{
	local program

	for program in LOADGEN FLOOR CLIENTS SOURCES HOSTILE; do
		[ -x "${!program}" ] || fail "$program=${!program} is not there; build it first (make bench)"
	done
	# servers are started in /
	for program in LOADGEN FLOOR CLIENTS SOURCES HOSTILE USHERD USHERCTL SERVICES_DIR PEERS_DIR; do
		[ -z "${!program:-}" ] || printf -v "$program" %s "$(readlink -m "${!program}")"
	done
	[ -x "$SERVICES_DIR/echo" ] || fail "SERVICES_DIR=$SERVICES_DIR has no echo"
	work=$(mktemp -d "${TMPDIR:-/tmp}/usherd-bench.XXXXXX") || exit 71
	conf_dir=$work
	trap cleanup EXIT
	trap 'exit 130' INT TERM HUP
	chmod 755 "$work"
	if [ "$(id -u)" = 0 ] && [ -d /run ]; then
		conf_dir=$(mktemp -d /run/usherd-bench.XXXXXX) || exit 71
	fi
	cp "$SERVICES_DIR/echo" "$work/echo"
	ECHO=$work/echo
	exec {never}<> <(:)
}

cleanup()
{
	local name

	trap - EXIT
	for name in "${!pid_of[@]}"; do
		stop_server "$name"
	done
	[ -z "$work" ] || rm -rf "$work" "$conf_dir"
}

# A pause of this many seconds, for polling; costs no process.
pause()
{
	read -r -t "$1" -u "$never" || :
}

# Microseconds since some moment.
now_us()
{
	echo "${EPOCHREALTIME/[.,]/}"
}

# start NAME COMMAND...: in the background, in an environment that is the same for all,
# so that no server pays for the size of ours at each exec, and in a session of its own,
# as a daemon is, apart from the load. Its output goes to a file.
start()
{
	local name=$1

	shift
	(cd / && exec setsid env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin "$@") >"$work/$name.log" 2>&1 </dev/null &
	pid_of[$name]=$!
}

# Waits until the server accepts; false when it does not within ten seconds, or has ended.
await()
{
	local name=$1 round

	for ((round = 0; round < 100; round++)); do
		"$LOADGEN" -w 100 "$ADDRESS" "${port_of[$name]}" >/dev/null && return 0
		kill -0 "${pid_of[$name]}" 2>/dev/null || break
	done
	echo "$name does not serve:" >&2
	tail -n 3 "$work/$name.log" >&2
	stop_server "$name"
	return 1
}

stop_server()
{
	local name=$1 pid=${pid_of[$1]:-} round

	unset "pid_of[$name]"
	[ -n "$pid" ] || return 0
	kill -TERM "$pid" 2>/dev/null
	for ((round = 0; round < 250; round++)); do
		kill -0 "$pid" 2>/dev/null || break
		pause 0.02
	done
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

stop_servers()
{
	local name

	for name in "$@"; do
		stop_server "$name"
	done
}

# await_log NAME REGEX SECONDS [COUNT]: until the server's log has COUNT lines (1) that match.
await_log()
{
	local until=$(($(now_us) + $3 * 1000000))

	while [ "$(grep -cE "$2" "$work/$1.log")" -lt "${4:-1}" ]; do
		[ "$(now_us)" -lt "$until" ] && kill -0 "${pid_of[$1]}" 2>/dev/null || return 1
		pause 0.005
	done
}

# await_sessions NAME COUNT: until the server has at most COUNT children, zombies included.
await_sessions()
{
	local round

	for ((round = 0; round < 1000; round++)); do
		[ "$(count_children "${pid_of[$1]}")" -le "$2" ] && return 0
		pause 0.01
	done
	return 1
}

# Zombies included. The kernel's list is quick, where there is one.
count_children()
{
	if [ -r "/proc/$1/task/$1/children" ]; then
		wc -w <"/proc/$1/task/$1/children"
	else
		children_of "$1" | wc -l
	fi
}

# One line a child: PID STATE.
children_of()
{
	# cat and not awk reads the files: one may be gone by then, which must not end the reading.
	cat /proc/[0-9]*/stat 2>/dev/null |
		awk -v parent="$1" '{ pid = $1; sub(/^.*\) /, ""); if ($2 == parent) print pid, $1 }'
}

# value KEY LINE: what stands after KEY= in a line of key=value.
value()
{
	local text=" $2"

	text=${text#* "$1"=}
	echo "${text%% *}"
}

# Resident memory in KiB, exact (VmRSS lags behind by what the processors have not added up).
rss_of()
{
	awk '/^Rss:/ { print $2; exit }' "/proc/$1/smaps_rollup"
}

# Nanoseconds of processor time of the server's own thread.
cpu_of()
{
	local ns _

	read -r ns _ <"/proc/$1/schedstat" 2>/dev/null
	echo "${ns:-0}"
}

load()
{
	"$LOADGEN" -s 127.0.1.1 -S 250 "$@"
}

# usherd_config FILE PORT [KEY=VALUE...]: one echo service with no limit in the way.
usherd_config()
{
	local file=$1 port=$2

	shift 2
	service_config "$file" "$ECHO" "$port" 'instances = 4000' "$@"
}

# service_config FILE EXEC PORT [KEY=VALUE...]: one service, nothing said of its limits.
service_config()
{
	local file=$1 command=$2 port=$3

	shift 3
	{
		printf '[usherd]\ncontrol = %s\nmax_sessions = %s\n\n' "${control:-none}" "${max_sessions:-4000}"
		printf '[echo]\nlisten = %s:%s\nexec = %s\n' "$ADDRESS" "$port" "$command"
		[ $# = 0 ] || printf '%s\n' "$@"
	} >"$file"
}

start_usherd()
{
	start "$1" "$USHERD" -c "$2" --services-dir "$SERVICES_DIR"
}
