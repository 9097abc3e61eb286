# parts-held.bash - the part of bench/run that asks what sessions that do nothing cost the others: connections a
# second while thousands are held, against the same server with none. Uses the functions and variables of bench/run.
# shellcheck shell=bash disable=SC2154,SC2034

part_idle()
{
	idle_held "$held"
	local rounds=$held_rounds seconds=2
	idle_held "$held_more" 'linger = 0' 'stderr = null'
}

# idle_held COUNT [KEY=VALUE...]: the floor, usherd, and usherd with `warm = main`.
idle_held()
{
	local count=$1 name words=("floor+$1 floor -H $1" 'floor floor') names=() port=7002

	shift
	echo "# $count idle sessions held${1:+ ($*: one descriptor each)}: $rounds rounds of $seconds s" \
		"(the floor shows what they cost the machine itself)"
	port_of[floor]=7001
	serve_floor 7001 && await floor || return
	for name in usherd usherd_warm; do
		! idle_serve "$name" $((port++)) "$count" "$@" || names+=("$name")
	done
	for name in "${names[@]}"; do
		words+=("$name+$count $name -H $count" "$name $name")
	done
	alternate "${words[@]}"
	table floor
	for name in "${names[@]}"; do
		bound "$name with $count idle sessions, to itself without" "$(paired_ratio "$name+$count" "$name")" '>=' 0.97
	done
	echo "  (the floor with $count idle sessions, to itself without: $(paired_ratio "floor+$count" floor))"
	stop_servers floor "${names[@]}"
}

# idle_serve NAME PORT COUNT [KEY=VALUE...]
idle_serve()
{
	local name=$1 port=$2 max_sessions=$(($3 + 200))

	shift 3
	[ -x "$USHERD" ] || return 1
	if [ "$name" = usherd_warm ]; then
		"$USHERD" keys | grep -q '^ *warm = ' || return 1
		set -- "$@" 'warm = main' 'warm_spares = 8'
	fi
	service_config "$conf_dir/$name.ini" "$ECHO" "$port" "instances = $max_sessions" 'per_source = none' \
		"${as_root[@]}" "$@"
	port_of[$name]=$port
	start_usherd "$name" "$conf_dir/$name.ini"
	if ! await_log "$name" '(^|[ >])ready' 10 || ! await "$name"; then
		echo "  ($name: not to be had here: $(sed -n 's/^usherd: //p' "$work/$name.log" | head -n 1))"
		stop_server "$name"
		return 1
	fi
	[ "$name" = usherd ] || await_log "$name" '(^|[ >])warm .*state=ready' 5 ||
		echo "  ($name: started for each client after all)"
}
