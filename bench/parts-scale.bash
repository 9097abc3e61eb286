# parts-scale.bash - the part of bench/run that asks what more of everything costs: live sessions, listeners, rules,
# and all of them together. Uses the functions and variables of bench/run.
#
# Two daemons take turns: one that has nothing but its two services (cold and warm), and one that has those, and more.
# So a ratio is about what the daemon has to carry; what thousands of processes cost the machine itself, both pay
# (part idle has that figure).
# shellcheck shell=bash disable=SC2154,SC2034

scale_overhead=400 # descriptors: the daemon's own, its fork servers, the connections that are measured

# scale_config FILE PORT SESSIONS LISTENERS RULES: services at PORT, and PORT + 1 warm, those listeners included.
scale_config()
{
	local lean=('linger = 0' 'stderr = null' 'per_source = none' 'instances = 30000')

	{
		printf '[usherd]\ncontrol = none\nmax_sessions = %d\n[defaults]\n' $(($3 + 150))
		printf '%s\n' "${as_root[@]}" "${lean[@]}"
		[ "$5" = 0 ] || printf 'allow = file:%s\n' "$conf_dir/networks"
		printf '[%s]\nexec = %s\nlisten = %s:%d\n' cold "$ECHO" "$ADDRESS" "$2" warm "$ECHO" "$ADDRESS" $(($2 + 1))
		[ "$scale_warm" = no ] || printf 'warm = main\nwarm_spares = 8\n'
		[ "$4" -le 2 ] || seq "$FIRST_PORT" $((FIRST_PORT + $4 - 3)) |
			awk -v address="$ADDRESS" -v program="$ECHO" \
				'{ printf "[s%d]\nexec = %s\nlisten = %s:%d\n", $1, program, address, $1 }'
	} >"$1"
	[ "$5" = 0 ] || networks "$5" >"$conf_dir/networks"
}

# scale_start NAME PORT SESSIONS LISTENERS RULES: NAME serves; NAME_warm is the same process, its other port.
scale_start()
{
	port_of[$1]=$2 port_of[$1_warm]=$(($2 + 1))
	scale_config "$conf_dir/$1.ini" "$2" "$3" "$4" "$5"
	start_usherd "$1" "$conf_dir/$1.ini"
	await_log "$1" '(^|[ >])ready' 30 && await "$1" || { tail -n 2 "$work/$1.log" >&2; return 1; }
	pid_of[$1_warm]=${pid_of[$1]}
	[ "$scale_warm" = no ] || await_log "$1" '(^|[ >])warm .*state=ready' 10 || :
}

scale_stop()
{
	unset "pid_of[$1_warm]"
	stop_server "$1"
}

# scale_hold COUNT: so many sessions of `full`, held by processes that have the descriptors for it. Sets `holders`, and
# `held_now` to how many there are.
scale_hold()
{
	local left=$1 most=$(($(ulimit -Hn) / 2)) some

	holders=() held_now=0
	rm -f "$work"/held.* "$work/release"
	mkfifo "$work/release"
	exec {to_hold}<>"$work/release"
	while [ "$left" -gt 0 ]; do
		some=$((left < most ? left : most))
		(exec {to_hold}>&- &&
			load -c 32 -H "$some" -W "$ADDRESS" "${port_of[full]}" >"$work/held.${#holders[@]}" <"$work/release") &
		holders+=($!)
		left=$((left - some))
	done
	for some in "${!holders[@]}"; do
		scale_await_line "$work/held.$some" "${holders[some]}" || return 1
		held_now=$((held_now + $(value held "$(cat "$work/held.$some")")))
	done
}

# Until the file has a line; at most two minutes.
scale_await_line()
{
	local round

	for ((round = 0; round < 2400; round++)); do
		[ ! -s "$1" ] || return 0
		kill -0 "$2" 2>/dev/null || return 1
		pause 0.05
	done
	return 1
}

scale_release()
{
	exec {to_hold}>&-
	[ ${#holders[@]} = 0 ] || wait "${holders[@]}"
	rm -f "$work/release"
}

# scale_row AXIS X KIND BASE LABEL: a line of the table, which the plot is made of, too.
scale_row()
{
	awk -v label="$5" -v base="$4" -v axis="$1" -v x="$2" -v kind="$3" -v ratio="$(paired_ratio "$5" "$4")" '
		{ rate[$1] = $2; cpu[$1] = $6; errors[$1] = $7 }
		END { printf "%-12s %8d %-5s %8.0f %7.3f %8.1f %8.1f %7d\n", axis, x, kind, rate[label], ratio, cpu[label],
			cpu[base], errors[label] + errors[base] }' "$work/table" | tee -a "$results/scale.txt" | sed 's/^/  /'
}

# scale_point AXIS X SESSIONS LISTENERS RULES
scale_point()
{
	local to_hold holders held_now words=('empty empty' 'full full') rounds=$scale_rounds seconds=$scale_seconds x=$2

	if ! scale_start empty 7002 0 2 0 || ! scale_start full 7004 "$3" "$4" "$5" || ! scale_hold "$3"; then
		echo "  $1 $2: not to be had here ($(sed -n 's/^usherd: //p' "$work/full.log" 2>/dev/null | head -n 1))"
		[ -z "${to_hold:-}" ] || scale_release
		scale_stop full
		scale_stop empty
		return 1
	fi
	[ "$1" != sessions ] || x=$held_now
	[ "$scale_warm" = no ] || words+=('empty_warm empty_warm' 'full_warm full_warm')
	load -n 500 "$ADDRESS" 7002 >/dev/null
	load -n 500 "$ADDRESS" 7004 >/dev/null
	alternate "${words[@]}"
	table empty >/dev/null
	scale_row "$1" "$x" cold empty full
	[ "$scale_warm" = no ] || scale_row "$1" "$x" warm empty_warm full_warm
	scale_release
	scale_stop full
	scale_stop empty
}

part_scale()
{
	local scale_warm=yes count room sessions

	[ -x "$USHERD" ] || { echo "# scale: no usherd here"; return; }
	"$USHERD" keys | grep -q '^ *warm = ' || scale_warm=no
	room=$(($(ulimit -Hn) - scale_overhead)) # a session costs one descriptor, with linger = 0 and stderr = null
	echo "# scale: $scale_rounds rounds of $scale_seconds s a point; linger = 0 and stderr = null; to a daemon with nothing"
	{
		about
		echo "# ratio: connections a second to those of a daemon with nothing else, median over $scale_rounds rounds"
		echo "# cpu us, empty us: processor time of the daemon's thread for each connection, and of that daemon's"
		printf '%-12s %8s %-5s %8s %7s %8s %8s %7s\n' '#' count kind conn/s ratio 'cpu us' 'empty us' errors
	} >"$results/scale.txt"
	tail -n 1 "$results/scale.txt" | sed 's/^/  /'
	for count in 0 100 1000 5000 10000 20000; do
		sessions=$((count < room ? count : room))
		scale_point sessions "$sessions" "$sessions" 2 0
	done
	for count in 2 100 1000 10000; do
		scale_point listeners "$count" 0 "$count" 0
	done
	for count in 0 1000 10000 100000; do
		scale_point rules "$count" 0 2 "$count"
	done
	sessions=$((room - 10000))
	[ "$sessions" -lt 100 ] || scale_point together 100000 "$sessions" 10000 100000 &&
		echo "# together: $sessions sessions, 10,000 listeners and 100,000 rules" | tee -a "$results/scale.txt"
	awk -f "$here/plot.awk" "$results/scale.txt" >"$results/scale.svg" && echo "  (plot: scale.svg in ${results##*/})"
	bound 'daemon time a connection, all together, to that of an empty one' \
		"$(awk '$1 == "together" && $3 == "cold" && $7 > 0 { printf "%.3f", $6 / $7 }' "$results/scale.txt")" '<' 1.5
	bound 'connections a second, all together, to an empty one' \
		"$(awk '$1 == "together" && $3 == "cold" { print $5 }' "$results/scale.txt")" '>=' 0.95
}
