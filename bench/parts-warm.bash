# parts-warm.bash - the part of bench/run that is about `warm`: a program in C, in Python, in shell and in Perl,
# each started for every client (by all servers) and ahead of its clients (by usherd alone). Uses the functions and
# variables of bench/run.
# shellcheck shell=bash disable=SC2154,SC2034

# Accept, fork, echo, and no program: what the machine allows to whoever forks for each connection.
serve_forkfloor()
{
	start forkfloor "$FLOOR" -f "$ADDRESS" "$1"
}

serve_forkfloor_setsid()
{
	start forkfloor_setsid "$FLOOR" -f -s "$ADDRESS" "$1"
}

# $warm_mode is what the program wants.
serve_usherd_warm()
{
	local control=$conf_dir/warm.control

	[ -x "$USHERD" ] && "$USHERD" keys | grep -q '^ *warm = ' || return 1
	usherd_config "$conf_dir/usherd_warm.ini" "$1" "${as_root[@]}" "warm = $warm_mode" 'warm_spares = 8'
	start_usherd usherd_warm "$conf_dir/usherd_warm.ini"
	await_log usherd_warm '(^|[ >])warm .*state=ready' 5 || echo "  (usherd_warm: started for each client after all)"
}

# warm_share NAME: of how many of its clients the program had been started ahead, by what the daemon counts.
warm_share()
{
	"$USHERCTL" -s "$conf_dir/${1#usherd_}.control" services --json 2>/dev/null |
		awk '{ gsub(/[{}",:]/, " ")
			for (i = 1; i < NF; i++) {
				if ($i == "warm" && $(i + 1) == "mode") inside = 1
				if (inside && $i == "sessions") { print $(i + 1); exit }
			} }' RS='\n'
}

# quickest COLUMN PEER...: the smallest of a column of the last table among the peers.
quickest()
{
	local column=$1

	shift
	awk -v column="$column" -v names=" $* " 'index(names, " " $1 " ") && $column > 0 { print $column }' "$work/table" |
		sort -n | head -n 1
}

# over A B
over()
{
	awk -v a="$1" -v b="$2" 'BEGIN { if (a != "" && b > 0) printf "%.3f", a / b }'
}

# Adds to the table the first-byte latencies at 1 and at 64 clients, from runs of their own.
add_latencies()
{
	local clients rounds=$latency_rounds

	cp "$work/results" "$work/rates"
	cp "$work/table" "$work/whole"
	for clients in 1 64; do
		alternate "$@"
		table floor >/dev/null
		# whatever failed here makes the row worthless, too
		awk 'NR == FNR { p50[$1] = $4; p99[$1] = $5; errors[$1] = $7; next }
			{ $7 += errors[$1]; print $0, p50[$1], p99[$1] }' "$work/table" "$work/whole" >"$work/joined"
		mv "$work/joined" "$work/whole"
	done
	mv "$work/whole" "$work/table"
	mv "$work/rates" "$work/results"
}

# warm_program NAME FILE MODE FLOOR...: one table. Sets `fastest` to the fastest peer, `peers` to all of them.
warm_program()
{
	local ECHO=$work/$2 warm_mode=$3 name words=() served
	local PEERS="floor $4 usherd usherd_warm $OTHERS"

	[ "$ECHO" = "$work/echo" ] || cp "$here/$2" "$ECHO"
	echo "## $1: $rounds rounds of $seconds s with $clients clients, $latency_rounds each with 1 and with 64"
	serve_all
	for name in "${servers[@]}"; do
		load -c "$clients" -t 0.2 "$ADDRESS" "${port_of[$name]}" >/dev/null # what a first use touches
		words+=("$name $name")
	done
	alternate "${words[@]}"
	table floor >/dev/null
	served=$(warm_share usherd_warm)
	add_latencies "${words[@]}"
	printf '  %-24s %8s %8s %8s %8s %7s %6s %9s %9s %9s %9s\n' '' conn/s ratio 'p50 us' 'p99 us' 'cpu us' errors \
		'1: p50' '1: p99' '64: p50' '64: p99'
	awk '{ printf "  %-24s %8s %8s %8s %8s %7s %6s %9s %9s %9s %9s\n", $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 }' \
		"$work/table"
	stop_servers "${servers[@]}"
	peers=() fastest=
	for name in $OTHERS; do
		[[ " ${servers[*]} " != *" $name "* ]] || peers+=("$name")
	done
	fastest=$(awk -v names=" ${peers[*]} " 'index(names, " " $1 " ") { print $1; exit }' "$work/table")
	echo "  (clients of usherd_warm in the first runs that had a copy: ${served:-not known})"
}

part_warm()
{
	local peers fastest

	echo "# warm: one program, started for each client or ahead of them"
	warm_program 'C, services/echo, warm = main' echo main 'floor_setsid forkfloor forkfloor_setsid'
	echo "  (the machine allows: fork floor to exec floor $(paired_ratio forkfloor floor), each in a session of its own" \
		"$(paired_ratio forkfloor_setsid floor_setsid))"
	bound 'C, cold, to the floor' "$(paired_ratio usherd floor)" '>=' 0.97
	bound 'C, warm, to the floor' "$(paired_ratio usherd_warm floor)" '>=' 4
	[ -z "$fastest" ] || bound "C, warm, to the fastest peer, $fastest" "$(paired_ratio usherd_warm "$fastest")" '>=' 4
	bound 'C, warm, to the fork floor' "$(paired_ratio usherd_warm forkfloor)" '>=' 0.85
	echo "  (to the fork floor that begins sessions, as services are: $(paired_ratio usherd_warm forkfloor_setsid))"
	warm_scripts
}

warm_scripts()
{
	local rounds=$script_rounds seconds=$script_seconds to_beat column

	warm_program 'Python, echo.py, warm = input' echo.py input ''
	to_beat=${fastest:-floor}
	bound "Python, warm, to the fastest peer, $to_beat" "$(paired_ratio usherd_warm "$to_beat")" '>=' 3
	for column in 8 4; do
		bound "Python, warm, p50 to the first byte of $([ "$column" = 8 ] && echo 1 || echo "$clients") at a time, to any peer's" \
			"$(over "$(field usherd_warm "$column")" "$(quickest "$column" "${peers[@]:-floor}")")" '<' 0.1
	done
	echo "  (of 64 at a time: $(over "$(field usherd_warm 10)" "$(quickest 10 "${peers[@]:-floor}")"); where so many want" \
		"a processor all the time, a first byte is as late as the connections before it take)"
	warm_program 'Perl, echo.pl, warm = input' echo.pl input ''
	to_beat=${fastest:-floor}
	bound "Perl, warm, to the fastest peer, $to_beat" "$(paired_ratio usherd_warm "$to_beat")" '>=' 3
	warm_program 'shell, echo.sh, warm = input' echo.sh input ''
	echo "  (shell, warm, to the fastest peer, ${fastest:=floor}: $(paired_ratio usherd_warm "$fastest"))"
}
