# parts-gate.bash - the parts of bench/run that are about admission: what limits and rules cost, and what
# they are worth when somebody floods. Uses the functions and variables of bench/run.
# shellcheck shell=bash disable=SC2154,SC2034

# Everything that can be switched on, and nothing that ever refuses.
everything=('allow = 127.0.0.0/8, 10.0.0.0/8, 192.0.2.0/24, 2001:db8::/32' 'deny = 10.66.0.0/16, 127.0.0.2'
	'per_source = 4000' 'rate = 1000000/s' 'rate_per_source = 1000000/s' 'ban_time = 1min'
	'access_times = 00:00-24:00' 'max_load = 100000' 'time_limit = 1h' 'idle_timeout = 1h'
	'first_byte_timeout = 1min' 'on_hangup = kill' 'linger = 2s')
nothing=('per_source = none' 'linger = 0')

# A difference of 3 % wants many short slices rather than few long ones.
part_limits()
{
	local cold rounds=$((rounds * 3)) seconds=0.4

	[ -x "$USHERD" ] || { echo "# limits: no usherd here"; return; }
	echo "# the cold path with every limit on: $rounds rounds of $seconds s, $clients clients"
	port_of[floor]=7001 port_of[usherd]=7002 port_of[everything]=7003 port_of[nothing]=7004
	usherd_config "$conf_dir/everything.ini" 7003 "${as_root[@]}" "${everything[@]}"
	usherd_config "$conf_dir/nothing.ini" 7004 "${as_root[@]}" "${nothing[@]}"
	sed -i 's/^max_sessions/log_address = full\n&/' "$conf_dir/everything.ini"
	start_usherd everything "$conf_dir/everything.ini"
	start_usherd nothing "$conf_dir/nothing.ini"
	serve_floor 7001 && await floor && serve_usherd 7002 && await usherd && await everything && await nothing ||
		{ missed=1; return; }
	alternate "floor floor" "usherd usherd" "everything everything" "nothing nothing"
	table floor
	cold=$(field usherd 3)
	bound "with every limit, to the floor, to what usherd has by itself ($cold)" \
		"$(paired_ratio everything usherd)" '>=' 0.97
	echo "  (with every limit, to linger = 0 and no limit: $(paired_ratio everything nothing);" \
		"log lines of refusals: $(grep -c refuse "$work/everything.log"))"
	stop_servers floor usherd everything nothing
}

# networks COUNT: a list of so many, of which one lets the bench in: half IPv4 of 8 to 32 bits, half
# IPv6 of 16 to 128, the same at each run.
networks()
{
	awk -v count="$1" 'function group(bits,   keep) {
			keep = bits > 16 ? 16 : bits < 0 ? 0 : bits
			return sprintf("%x", int(rand() * 2 ^ keep) * 2 ^ (16 - keep))
		}
		BEGIN {
			srand(1)
			print "# made by the bench"
			for (i = 0; i < count / 2; i++) {
				bits = 8 + int(rand() * 25)
				n = int(rand() * 2 ^ bits) * 2 ^ (32 - bits)
				printf "%d.%d.%d.%d/%d\n", n / 16777216, n / 65536 % 256, n / 256 % 256, n % 256, bits
			}
			for (i = 0; i < count / 2 - 1; i++) {
				bits = 16 + int(rand() * 113)
				text = sprintf("2%03x", int(rand() * 4096))
				for (j = 1; j < 8; j++)
					text = text ":" group(bits - 16 * j)
				print text "/" bits
			}
			print "127.0.0.0/8 # who measures"
		}'
}

# The fastest of five checks of a configuration, in milliseconds: what disturbs only adds.
check_ms()
{
	local begin round

	for round in 1 2 3 4 5; do
		begin=$(now_us)
		"$USHERD" -t -c "$1" --services-dir "$SERVICES_DIR" >"$work/check.out" 2>&1 ||
			fail "round $round: $(head -n 3 "$work/check.out")"
		elapsed_ms "$begin"
	done | sort -n | head -n 1
}

part_rules()
{
	local begin reload='' rounds=$((rounds * 3)) seconds=0.4

	[ -x "$USHERD" ] || { echo "# rules: no usherd here"; return; }
	echo "# 100,000 networks in a list, $rounds rounds of $seconds s"
	networks 100000 >"$conf_dir/networks"
	port_of[plain]=7002 port_of[ruled]=7003
	usherd_config "$conf_dir/plain.ini" 7002 "${as_root[@]}"
	usherd_config "$conf_dir/ruled.ini" 7003 "${as_root[@]}" "allow = file:$conf_dir/networks"
	start_usherd plain "$conf_dir/plain.ini"
	start_usherd ruled "$conf_dir/ruled.ini"
	await plain && await ruled || { missed=1; return; }
	alternate "plain plain" "ruled ruled"
	table plain
	bound "usherd -t, ms (without the list $(check_ms "$conf_dir/plain.ini") ms)" \
		"$(check_ms "$conf_dir/ruled.ini")" '<' 500
	printf '\n[new]\nlisten = %s:7004\nexec = %s\n' "$ADDRESS" "$ECHO" >>"$conf_dir/ruled.ini"
	begin=$(now_us)
	kill -HUP "${pid_of[ruled]}"
	! "$LOADGEN" -w 10000 "$ADDRESS" 7004 >/dev/null || reload=$(elapsed_ms "$begin")
	bound "SIGHUP to a new service answering, ms" "$reload" '<' 500
	bound "connections a second, to the same without rules" "$(paired_ratio ruled plain)" '>=' 0.97
	echo "  (resident: $(rss_of "${pid_of[ruled]}") KiB after the reload, without rules" \
		"$(rss_of "${pid_of[plain]}") KiB)"
	stop_servers plain ruled
}

# flood_slice ROUND LABEL NAME [flooded]: one slice of the second source's connections to NAME, alone or
# while the first source floods usherd. Samples to $work/LABEL.samples, counts to $work/flood.
flood_slice()
{
	local round=$1 label=$2 name=$3 line flooder='' cpu

	cpu=$(cpu_of "${pid_of[usherd]}")
	if [ "${4:-}" = flooded ]; then
		"$CLIENTS" -c 64 -t "$(awk -v s="$flood_seconds" 'BEGIN { print s + 0.5 }')" -s "$flooding" \
			"$ADDRESS" "${port_of[usherd]}" >"$work/flooder" &
		flooder=$!
		pause 0.3 # its first burst is not what lasts
	fi
	line=$("$CLIENTS" -p 40 -c 400 -t "$flood_seconds" -s "$honest" -o "$work/samples" \
		"$ADDRESS" "${port_of[$name]}")
	cat "$work/samples" >>"$work/$label.samples"
	[ -z "$flooder" ] || wait "$flooder"
	cpu=$(($(cpu_of "${pid_of[usherd]}") - cpu))
	echo "$round $label $(value served "$line")" \
		"$(($(value refused "$line") + $(value broken "$line") + $(value failed "$line")))" \
		"$((cpu / 1000000)) $([ -z "$flooder" ] || cat "$work/flooder")" >>"$work/flood"
}

# quantile LABEL SHARE [COLUMN]: of the samples.
quantile()
{
	sort -n -k"${3:-1},${3:-1}" "$work/$1.samples" | awk -v share="$2" -v column="${3:-1}" \
		'{ list[NR] = $column }
		END { i = int(share * NR) + 1; if (NR) print list[(i > NR) ? NR : i] }'
}

flood_table()
{
	local label

	printf '  %-26s %8s %8s %10s %10s %10s\n' 'second source' served lost 'p50 us' 'p99 us' 'max us'
	for label in "$@"; do
		printf '  %-26s %8s %8s %10s %10s %10s\n' "$label" \
			"$(awk -v l="$label" '$2 == l { n += $3 } END { print n + 0 }' "$work/flood")" \
			"$(awk -v l="$label" '$2 == l { n += $4 } END { print n + 0 }' "$work/flood")" \
			"$(quantile "$label" 0.5)" "$(quantile "$label" 0.99)" "$(quantile "$label" 1)"
	done
	awk '$2 == "flooded" || $2 == "floor_flooded" {
			daemon += $5
			for (i = 6; i <= NF; i++) {
				split($i, pair, "=")
				sum[pair[1]] += pair[2]
			}
		}
		END {
			printf "  first source: %.0f served and %.0f refused a second, %d broken, %d failed; its own" \
				" process %.0f %% of a processor, the daemon %.0f %%\n", sum["served"] / sum["seconds"],
				sum["refused"] / sum["seconds"], sum["broken"], sum["failed"],
				sum["cpu_ms"] / sum["seconds"] / 10, daemon / sum["seconds"] / 10
		}' "$work/flood"
}

part_flood()
{
	local round i slot ADDRESS=$ADDRESS flooding=127.0.9.2 honest=127.0.9.3
	local slices=("quiet usherd" "flooded usherd flooded" "floor_quiet floor" "floor_flooded floor flooded")

	[ -x "$USHERD" ] || { echo "# flood: no usherd here"; return; }
	echo "# 64 clients of one source in a closed loop, 40 connections a second of another:" \
		"$flood_rounds rounds of $flood_seconds s"
	if [ -n "${BENCH_INSIDE:-}" ] && ip address add 10.9.0.1/16 dev lo 2>/dev/null; then
		ADDRESS=10.9.0.1 flooding=10.9.0.2 honest=10.9.0.3
	fi
	port_of[usherd]=7002 port_of[floor]=7001
	service_config "$conf_dir/flood.ini" "$ECHO" 7002 "${as_root[@]}" 'per_source = 8' 'rate_per_source = 50/s'
	start_usherd usherd "$conf_dir/flood.ini"
	serve_floor 7001 && await floor && await usherd || { missed=1; return; }
	rm -f "$work/flood" "$work"/*.samples
	for ((round = 1; round <= flood_rounds; round++)); do
		for ((i = 0; i < ${#slices[@]}; i++)); do
			slot=$(((i + round - 1) % ${#slices[@]}))
			# shellcheck disable=SC2086
			flood_slice "$round" ${slices[slot]}
		done
	done
	flood_table quiet flooded floor_quiet floor_flooded
	bound "second source, p99 flooded to p99 quiet" "$(awk -v a="$(quantile flooded 0.99)" \
		-v b="$(quantile quiet 0.99)" 'BEGIN { if (b > 0) printf "%.2f", a / b }')" '<' 3
	bound "second source, connections refused or lost" \
		"$(awk '$2 == "flooded" { n += $4 } END { print n + 0 }' "$work/flood")" '<' 1
	echo "  (the floor, which is not flooded itself, on the same machine: $(awk -v a="$(quantile floor_flooded 0.99)" \
		-v b="$(quantile floor_quiet 0.99)" 'BEGIN { if (b > 0) printf "%.2f", a / b }'))"
	stop_servers floor usherd
}

part_sources()
{
	local line grown

	echo "# 100,000 sources of one IPv6 /32, the gate alone"
	line=$("$SOURCES" 100000) || { missed=1; return; }
	grown=$(($(value end_kib "$line") - $(value start_kib "$line")))
	echo "  $(value ns "$line") ns a decision ($(value one_ns "$line") for one source that is known;" \
		"slowest thousand $(value worst_ns "$line")), $(value refused "$line") refused," \
		"$(value entries "$line") entries"
	bound "memory grown, KiB (documented: 14 MiB for both tables)" "$grown" '<' 14336
	bound "honest sources still known, of $(value honest "$line")" "$(value honest_kept "$line")" '>=' \
		"$(value honest "$line")"
}
