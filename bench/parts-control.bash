# parts-control.bash - the part of bench/run that is about the control socket: how long a question takes
# when there is much to tell, and what it costs the served when a thousand clients ask that
# mean no good. Uses the functions and variables of bench/run.
# shellcheck shell=bash disable=SC2154,SC2034

part_control()
{
	[ -x "$USHERD" ] && [ -x "$USHERCTL" ] || { echo "# control: no usherd or no usherctl here"; return; }
	control_questions
	control_siege
}

# ask_ms COUNT WORD...: how long each of so many `usherctl WORD...` took, from start to end.
ask_ms()
{
	local count=$1 begin

	shift
	while ((count-- > 0)); do
		begin=$(now_us)
		"$USHERCTL" -s "$control" "$@" >"$work/answer" 2>&1 || fail "usherctl $*: $(tail -n 1 "$work/answer")"
		echo $(($(now_us) - begin))
	done | awk '{ printf "%.2f\n", $1 / 1000 }' >"$work/$1.samples"
}

# The sessions are with the first of the services. A session costs the daemon up to three descriptors; where
# there are not enough for all listeners besides, the last services are known and not served.
control_questions()
{
	local control=$conf_dir/control max_sessions=5100 sessions=5000 line hold_pid to_hold word
	local served=$(($(ulimit -Hn) - 3 * max_sessions - 200))

	[ "$served" -lt "$listeners" ] || served=$listeners
	[ "$served" -gt 0 ] || { echo "# usherctl: not enough descriptors (ulimit -Hn)"; return; }
	echo "# usherctl with $listeners services ($served served) and $sessions sessions: $questions questions each"
	listeners_config "$conf_dir/many.ini" "$listeners"
	sed -i "s/^instances = .*/instances = $max_sessions/
		/^\[s$((FIRST_PORT + served))\]/,\$ s/^listen/disable = yes\n&/" "$conf_dir/many.ini"
	start_usherd many "$conf_dir/many.ini"
	port_of[many]=$FIRST_PORT
	if ! await_log many '(^|[ >])ready' 30 || ! await many; then
		tail -n 3 "$work/many.log" >&2
		missed=1
		return
	fi
	coproc HOLD { load -H "$sessions" -W "$ADDRESS" "$FIRST_PORT"; }
	read -r -t 60 -u "${HOLD[0]}" line || fail "sessions are not held"
	hold_pid=$HOLD_PID to_hold=${HOLD[1]}
	ask_ms 5 version # warm
	for word in version status services sessions metrics; do
		ask_ms "$questions" "$word"
		echo "  $word: median $(quantile "$word" 0.5) ms, slowest $(quantile "$word" 1) ms," \
			"$(wc -c <"$work/answer") bytes"
	done
	bound "usherctl status, median, ms ($(value held "$line") held)" "$(quantile status 0.5)" '<' 20
	exec {to_hold}>&-
	wait "$hold_pid"
	stop_server many
}

# siege_slice ROUND LABEL: one slice of connections at a pace to the service, alone or under siege.
siege_slice()
{
	local line attackers=''

	if [ "$2" = besieged ]; then
		"$HOSTILE" -c 1000 -t "$(awk -v s="$siege_seconds" 'BEGIN { print s + 0.5 }')" "$conf_dir/control" \
			>>"$work/siege" &
		attackers=$!
		pause 0.5
	fi
	line=$("$CLIENTS" -p 200 -c 400 -t "$siege_seconds" -s 127.0.1.1 -o "$work/samples" "$ADDRESS" 7002)
	cat "$work/samples" >>"$work/$2.samples"
	[ -z "$attackers" ] || wait "$attackers"
	echo "$1 $2 $(value served "$line")" \
		"$(($(value refused "$line") + $(value broken "$line") + $(value failed "$line")))" >>"$work/flood"
}

# Until the besiegers' places are free and the daemon answers.
await_control()
{
	local round

	for ((round = 0; round < 100; round++)); do
		! "$USHERCTL" -s "$control" version >/dev/null 2>&1 || return 0
		pause 0.1
	done
	return 1
}

control_siege()
{
	local control=$conf_dir/control round before after label labels=(quiet besieged)

	echo "# 200 connections a second while 1,000 hostile clients are at the control socket:" \
		"$siege_rounds rounds of $siege_seconds s"
	usherd_config "$conf_dir/control.ini" 7002 "${as_root[@]}"
	port_of[usherd]=7002
	start_usherd usherd "$conf_dir/control.ini"
	await usherd || { missed=1; return; }
	rm -f "$work/flood" "$work/siege" "$work"/*.samples
	load -n 500 "$ADDRESS" 7002 >/dev/null
	siege_slice 0 besieged # what a first use touches is no growth
	rm -f "$work/flood" "$work/siege" "$work"/*.samples
	await_control && await_sessions usherd 0
	before=$(rss_of "${pid_of[usherd]}")
	for ((round = 1; round <= siege_rounds; round++)); do
		for label in "${labels[@]}"; do
			siege_slice "$round" "$label"
		done
		labels=("${labels[1]}" "${labels[0]}")
	done
	await_control && await_sessions usherd 0 || missed=1
	after=$(rss_of "${pid_of[usherd]}")
	printf '  %-26s %8s %8s %10s %10s\n' '' served lost 'p50 us' 'p99 us'
	for label in quiet besieged; do
		awk -v l="$label" -v p50="$(quantile "$label" 0.5)" -v p99="$(quantile "$label" 0.99)" \
			'$2 == l { served += $3; lost += $4 }
			END { printf "  %-26s %8d %8d %10s %10s\n", l, served, lost, p50, p99 }' "$work/flood"
	done
	sed 's/^/  /' "$work/siege" | tail -n 1
	bound "latency under siege, p50 to p50" "$(awk -v a="$(quantile besieged 0.5)" -v b="$(quantile quiet 0.5)" \
		'BEGIN { if (b > 0) printf "%.3f", a / b }')" '<' 1.1
	echo "  (p99 to p99: $(awk -v a="$(quantile besieged 0.99)" -v b="$(quantile quiet 0.99)" \
		'BEGIN { if (b > 0) printf "%.3f", a / b }'))"
	bound "connections lost under siege" \
		"$(awk '$2 == "besieged" { n += $4 } END { print n + 0 }' "$work/flood")" '<' 1
	bound "memory grown, KiB (from $before)" $((after - before)) '<' 256
	stop_server usherd
}
