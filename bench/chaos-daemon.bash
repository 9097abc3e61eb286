# chaos-daemon.bash - the daemon that bench/chaos torments: its configurations, its start with all that
# can be made to fail around it, what it says of itself, and all of its log from wherever it went.
# shellcheck shell=bash disable=SC2154 # variables of chaos and lib.bash

innocents=("$ADDRESS:7001" "$ADDRESS:7002/udp" "$ADDRESS:7003" "$ADDRESS:7004")
flooded=10.66.0.1

# write_config VARIANT: 0 is what the run begins and ends with. What the innocent services are never changes.
write_config()
{
	local victims=$((60 + $1)) defaults='per_source = none\ninstances = 2000\n'

	{
		printf '[usherd]\ncontrol = %s\nmax_sessions = 4000\ndrain_timeout = 5s\n' "$control"
		[ $(($1 % 2)) = 0 ] || printf 'log = file:%s/usherd.log\n' "$disk"
		printf "[echo]\nlisten = %s:7001, unix:%s/unix\nexec = %s\nuser = root\n$defaults" "$ADDRESS" "$conf_dir" "$ECHO"
		printf "[datagrams]\nlisten = %s:7002/udp\nexec = %s\nuser = root\ninstances = 2000\n" "$ADDRESS" "$ECHO"
		printf "[warm]\nlisten = %s:7003\nexec = %s\nwarm = main\nwarm_spares = 4\nwarm_time = 60s\nuser = root\n$defaults" \
			"$ADDRESS" "$work/warm"
		printf '[loaded]\nlisten = %s:7005\nexec = %s\nwarm = main\nwarm_spares = 4\nuser = root\nper_source = none\n' \
			"$ADDRESS" "$work/loaded"
		printf "[cat]\nlisten = %s:7004\nexec = /bin/cat\nuser = root\n$defaults" "$ADDRESS"
		printf '[victim]\nlisten = %s:7011\nexec = %s\nuser = root\ninstances = %d\nper_source = none\n' \
			"$ADDRESS" "$work/victim" "$victims"
		printf 'first_byte_timeout = 1s\nidle_timeout = 2s\ntime_limit = 4s\nkill_after = 500ms\n'
		printf '[flooded]\nlisten = %s:7012\nexec = %s\nuser = root\ninstances = 40\nper_source = 8\n' \
			"$flooded" "$work/victim"
		printf 'rate_per_source = 50/s\nban_time = 1s\nwhen_full = refuse\nidle_timeout = 2s\n'
		[ $(($1 % 3)) = 0 ] || printf '[more]\nlisten = %s:7021-7024\nexec = %s\nuser = root\n' "$ADDRESS" "$ECHO"
		[ $(($1 % 4)) != 3 ] || printf '[other]\nlisten = %s:7022/udp\nexec = %s\nuser = root\n' "$ADDRESS" "$ECHO"
	} >"$conf_dir/new.ini"
	mv "$conf_dir/new.ini" "$config"
}

# A small disk for the log, a limit of processes of our own, and addresses that are not those of the loopback.
prepare_surroundings()
{
	disk=$work/disk control=$conf_dir/control config=$conf_dir/chaos.ini pids=''
	mkdir "$disk"
	mount -t tmpfs -o size=2m chaos "$disk" || fail "cannot mount a small disk for the log"
	pids=/sys/fs/cgroup/pids/usherd-chaos.$(basename "$work")
	mkdir "$pids" 2>/dev/null || { pids=''; echo '# no control group that limits processes: left out'; }
	ip address add 10.66.0.1/16 dev lo || fail "cannot give the loopback interface another address"
	wallclock=$BUILD/tests/wallclock.so
	if [ ! -e "$wallclock" ] || { [ -n "${SANITIZERS:-}" ] && [ "${SANITIZERS:-}" != none ]; }; then
		echo '# no tests/wallclock.so that could be loaded: the clock does not jump'
		wallclock=''
	fi
	cp "$ECHO" "$work/victim"
	cp "$ECHO" "$work/warm"
	cp "$ECHO" "$work/loaded"
	cp "$USHERD" "$conf_dir/usherd"
	set_clock 0
}

# CHAOS_KEEP names a folder in which the whole log is left.
leave_surroundings()
{
	[ -z "${CHAOS_KEEP:-}" ] || {
		whole_log >"$CHAOS_KEEP/whole.log"
		cp "$work/checker.errors" "$work/pests.log" "$CHAOS_KEEP"
	}
	[ -z "$disk" ] || { stop_server chaos; umount "$disk"; }
	[ -z "$pids" ] || rmdir "$pids"
}

# set_clock SECONDS: how far off the daemon's wall clock is; wallclock.c reads eight bytes.
set_clock()
{
	local bytes='' i

	for ((i = 0; i < 64; i += 8)); do
		printf -v bytes '%s\\x%02x' "$bytes" $((($1 >> i) & 255))
	done
	# shellcheck disable=SC2059 # the bytes are the format
	printf "$bytes" | dd of="$work/shift" conv=notrunc status=none
}

# Its standard error is a pipe, whose reader can be made to stand still.
start_daemon()
{
	mkfifo "$work/pipe"
	cat "$work/pipe" >"$work/piped.log" &
	reader=$! pid_of[reader]=$!
	# shellcheck disable=SC2016 # for the inner shell
	(cd / && exec setsid env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin ${SANITIZERS:+ASAN_OPTIONS=detect_leaks=0} \
		${wallclock:+LD_PRELOAD="$wallclock" USHERD_WALLCLOCK="$work/shift"} \
		bash -c '[ -z "$0" ] || echo $$ >"$0/cgroup.procs"; exec "$@"' "$pids" \
		"$conf_dir/usherd" -c "$config" --services-dir "$SERVICES_DIR") >"$work/pipe" 2>&1 </dev/null &
	daemon=$! pid_of[chaos]=$!
	"$LOADGEN" -w 20000 "$ADDRESS" 7001 >/dev/null || fail "usherd does not serve: $(tail -n 3 "$work/piped.log")"
	await_warm || fail "the service is not warm: $(tail -n 3 "$work/piped.log")"
}

# ask VERB...: the answer in `answer`; false when there was none, or that it failed.
ask()
{
	answer=$("$USHERCTL" -s "$control" --timeout=60s "$@" --json 2>&1)
}

# ask_again VERB...: the same, once more when the connection ended without an answer: an upgrade by signal, which does not
# wait for those that are asked for on the control socket, ends it. An upgrade that would lose clients may be refused.
ask_again()
{
	ask "$@" || { [[ $answer = *'without an answer'* ]] && ask "$@"; } || [[ $answer = *'clients wait for a process'* ]]
}

# number KEY: of the last answer, the first of that name.
number()
{
	local rest=${answer#*"\"$1\":"}

	[ "$rest" != "$answer" ] && [[ $rest =~ ^([0-9]+) ]] && echo "${BASH_REMATCH[1]}"
}

# word KEY TEXT
word()
{
	local rest=${2#*"\"$1\":\""}

	[ "$rest" = "$2" ] || echo "${rest%%\"*}"
}

# The process of the fork server that may be killed; nothing when there is none. Who is on the way to a fork server has
# it for the other end: so this is none of the checker's.
loaded_server()
{
	ask services loaded
	answer=${answer#*'"warm":'}
	number pid
}

await_warm()
{
	local round

	for ((round = 0; round < 400; round++)); do
		ask services warm && [ "$(word state "${answer#*'"warm":'}")" = ready ] &&
			ask services loaded && [ "$(word state "${answer#*'"warm":'}")" = ready ] && return 0
		pause 0.05
	done
	return 1
}

# Moves the log on the small disk to a place where there is room; the daemon opens another.
rotate()
{
	[ -e "$disk/usherd.log" ] && [ ! -e "$disk/usherd.log.1" ] && mv "$disk/usherd.log" "$disk/usherd.log.1" || return 1
	kill -USR1 "$daemon"
}

# What was moved away is ours as soon as there is a new one, or the daemon writes no file any more.
collect_rotated()
{
	[ -e "$disk/usherd.log.1" ] && { [ -e "$disk/usherd.log" ] || [ "${1:-}" = all ]; } || return 0
	cat "$disk/usherd.log.1" >>"$work/rotated.log" && rm "$disk/usherd.log.1"
}

whole_log()
{
	cat "$work/piped.log" "$work/rotated.log" "$disk/usherd.log" 2>/dev/null
}
