# parts-session.bash - the parts of bench/run that are about the life and the end of sessions.
# Uses the functions and variables of bench/run.
# shellcheck shell=bash disable=SC2154,SC2034

# All processor time of the daemon over so many seconds, in per cent of a processor.
busy_percent()
{
	local before

	before=$(cpu_of "$1")
	pause "$2"
	awk -v ns=$(($(cpu_of "$1") - before)) -v s="$2" 'BEGIN { printf "%.3f", ns / s / 1e7 }'
}

part_quiet()
{
	local line pid warm full busy hold_pid to_hold begin gone max_sessions=5500 sessions=5000
	local armed=('time_limit = 1h' 'idle_timeout = 1h' 'first_byte_timeout = 1h')

	[ -x "$USHERD" ] || { echo "# quiet: no usherd here"; return; }
	echo "# $sessions sessions with limits of 1 h, and nothing happens for $quiet_seconds s"
	port_of[usherd]=7002
	service_config "$conf_dir/quiet.ini" "$ECHO" 7002 'instances = 5500' "${as_root[@]}" "${armed[@]}"
	start_usherd usherd "$conf_dir/quiet.ini"
	await usherd || { missed=1; return; }
	pid=${pid_of[usherd]}
	load -n 2000 "$ADDRESS" 7002 >/dev/null
	await_sessions usherd 0
	warm=$(rss_of "$pid")
	coproc HOLD { load -H "$sessions" -W "$ADDRESS" 7002; }
	read -r -t 60 -u "${HOLD[0]}" line || fail "sessions are not held"
	pause 1 # the log is written
	full=$(rss_of "$pid")
	busy=$(busy_percent "$pid" "$quiet_seconds")
	hold_pid=$HOLD_PID to_hold=${HOLD[1]}
	begin=$(now_us)
	exec {to_hold}>&-
	wait "$hold_pid"
	await_sessions usherd 0
	gone=$(elapsed_ms "$begin")
	stop_server usherd
	bound "processor time of the daemon, % ($(value held "$line") held)" "$busy" '<' 1
	bound "daemon memory a session, bytes" \
		"$(awk -v a="$full" -v b="$warm" -v n="$sessions" 'BEGIN { printf "%.0f", (a - b) * 1024 / n }')" '<' 1024
	bound "from all clients leaving at once to the last program collected, ms" "$gone" '<' 5000
	quiet_accuracy
}

# off FILE COLUMN SHARE: how far off 2 s that share of the sessions ended, at most, in ms.
off()
{
	awk -v column="$2" '{ ms = $column / 1000 - 2000; print ms < 0 ? -ms : ms }' "$1" | sort -n |
		awk -v share="$3" '{ list[NR] = $1 }
			END { i = int(share * NR) + 1; if (NR) printf "%.1f", list[(i > NR) ? NR : i] }'
}

# 500 clients of each of three services, each service with one limit of 2 s: from the outside,
# how far off do they end? All at once, so that limits are many when they are due.
quiet_accuracy()
{
	local limit ports=() jobs=() ended port=7010

	declare -A column=([time_limit]=2 [idle_timeout]=3 [first_byte_timeout]=2)
	printf '[usherd]\ncontrol = none\nmax_sessions = 4000\n[defaults]\ninstances = 2000\n' >"$conf_dir/ends.ini"
	[ ${#as_root[@]} = 0 ] || printf '%s\n' "${as_root[@]}" >>"$conf_dir/ends.ini"
	for limit in time_limit idle_timeout first_byte_timeout; do
		printf '[%s]\nlisten = %s:%d\nexec = %s\n%s = 2s\n' "$limit" "$ADDRESS" "$port" "$ECHO" "$limit" \
			>>"$conf_dir/ends.ini"
		ports+=($((port++)))
	done
	port_of[ends]=7010
	start_usherd ends "$conf_dir/ends.ini"
	await ends || { missed=1; return; }
	for limit in time_limit:64 idle_timeout:64 first_byte_timeout:0; do
		"$CLIENTS" -e -p 250 -n 500 -c 600 -m "${limit#*:}" -s 127.0.1.1 -o "$work/${limit%:*}.ends" \
			"$ADDRESS" "${ports[0]}" >"$work/${limit%:*}.line" &
		jobs+=($!)
		ports=("${ports[@]:1}")
	done
	wait "${jobs[@]}"
	for limit in time_limit idle_timeout first_byte_timeout; do
		ended=$(value served "$(cat "$work/$limit.line")")
		bound "$limit = 2s, ms off at most (p99 $(off "$work/$limit.ends" "${column[$limit]}" 0.99), $ended of 500 ended)" \
			"$(off "$work/$limit.ends" "${column[$limit]}" 1)" '<' 100
		[ "$ended" = 500 ] || missed=1
	done
	stop_server ends
}

# replies LABEL NAME [COMMAND...]: clients who each send 1 MiB that nobody reads and want 1 MiB;
# COMMAND is what runs them elsewhere. Prints the line.
replies()
{
	local label=$1 name=$2 line

	shift 2
	line=$("$@" "$CLIENTS" -c 100 -n "$replies" -m 1048576 -a 1048576 -T 60000 "$ADDRESS" "${port_of[$name]}")
	printf '  %-26s %6s of %s whole, %s broken, %s refused, %s failed, in %s s\n' "$label" \
		"$(value served "$line")" "$replies" "$(value broken "$line")" "$(value refused "$line")" \
		"$(value failed "$line")" "$(value seconds "$line")"
	whole=$(value served "$line")
}

# A namespace for the clients beside our own, and a pair of veth devices between them, 400 Mbit/s
# each way. Sets `far` to the words that run a command there.
second_namespace()
{
	local round pid

	start far unshare -n sleep 900
	pid=${pid_of[far]}
	for ((round = 0; round < 200; round++)); do
		[ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ] && break
		pause 0.01
	done
	far=(nsenter -t "$pid" -n)
	ip link add name bench0 type veth peer name bench1 netns "$pid" &&
		ip address add 10.8.0.1/24 dev bench0 && ip link set bench0 up &&
		"${far[@]}" ip address add 10.8.0.2/24 dev bench1 && "${far[@]}" ip link set bench1 up &&
		tc qdisc add dev bench0 root tbf rate 400mbit burst 128k latency 50ms &&
		"${far[@]}" tc qdisc add dev bench1 root tbf rate 400mbit burst 128k latency 50ms
}

# Of the packets that come in, 2 of 100 are lost from now on: COMMAND... nft -f -.
lose_packets()
{
	"$@" nft -f - <<-END
		table ip bench {
			chain input {
				type filter hook input priority 0;
				iifname "bench*" numgen random mod 100 < 2 drop
			}
		}
	END
}

part_linger()
{
	local whole far=() ADDRESS=$ADDRESS answer="/usr/bin/head -c 1048576 /dev/zero"

	[ -x "$USHERD" ] || { echo "# linger: no usherd here"; return; }
	echo "# a reply of 1 MiB, a request of 1 MiB that is not read, 100 clients at a time"
	port_of[usherd]=7002 port_of[floor]=7001
	# shellcheck disable=SC2086
	start floor "$FLOOR" "$ADDRESS" 7001 $answer
	service_config "$conf_dir/linger.ini" "$answer" 7002 'instances = 2000' "${as_root[@]}"
	start_usherd usherd "$conf_dir/linger.ini"
	await floor && await usherd || { missed=1; return; }
	replies "the floor, which resets" floor
	replies "usherd, loopback" usherd
	bound "whole replies and clean ends, loopback" "$whole" '>=' "$replies"
	stop_servers floor usherd
	if [ -z "${BENCH_INSIDE:-}" ] || ! second_namespace; then
		echo "  (no network of our own with tbf: the slow lines are left out)"
		return
	fi
	ADDRESS=10.8.0.1
	service_config "$conf_dir/linger.ini" "$answer" 7002 'instances = 2000' "${as_root[@]}"
	start_usherd usherd "$conf_dir/linger.ini"
	await usherd || { missed=1; return; }
	replies "usherd, 400 Mbit/s" usherd "${far[@]}"
	bound "whole replies and clean ends, 400 Mbit/s" "$whole" '>=' "$replies"
	if lose_packets env && lose_packets "${far[@]}"; then
		replies "usherd, and 2 % lost" usherd "${far[@]}"
		bound "whole replies and clean ends, 400 Mbit/s and 2 % lost each way" "$whole" '>=' "$replies"
	else
		echo "  (no nftables: nothing is lost)"
	fi
	stop_servers usherd far
	ip link delete bench0 2>/dev/null
}
