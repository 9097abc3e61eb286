# chaos-troubles.bash - the troubles of bench/chaos. trouble_NAME does one, with random numbers that were drawn for
# it, and is false when it could not be had; undo_NAME ends one that lasts. `calm` says whether the daemon can
# be asked now and must answer: it is not stopped, and has descriptors and processes.
# shellcheck shell=bash disable=SC2034,SC2154 # variables of chaos and lib.bash

# kind weight: how often, in parts of all
declare -A weight=(
	[descriptors]=6 [stop-daemon]=5 [stop-sessions]=8 [kill-sessions]=8 [kill-warm]=4 [full-disk]=5 [stall-reader]=4
	[clock]=8 [processes]=5 [reload]=10 [reload-signal]=4 [reload-bad]=10 [upgrade]=5 [upgrade-bad]=3 [upgrade-signal]=3
	[pests]=6 [flood]=5 [control-pests]=3 [ban]=4 [renew]=3 [switch]=4 [kill-victims]=4 [rotate]=6 [signals]=3
)
# CHAOS_ONLY names those that are wanted, apart by blanks.
for kind in ${CHAOS_ONLY:+"${!weight[@]}"}; do
	case " $CHAOS_ONLY " in *" $kind "*) ;; *) unset "weight[$kind]" ;; esac
done
declare -A lasts_until times could_not

calm()
{
	[ -z "${lasts_until[stop-daemon]:-}${lasts_until[descriptors]:-}${lasts_until[processes]:-}" ]
}

# draw LEAST MOST: sets `drawn`. The shell's own numbers, so that a seed repeats them.
draw()
{
	drawn=$(($1 + (RANDOM * 32768 + RANDOM) % ($2 - $1 + 1)))
}

# lasts KIND LEAST_MS MOST_MS: undo_KIND is called when the time is over. False when it is going on already.
lasts()
{
	draw "$2" "$3"
	[ -z "${lasts_until[$1]:-}" ] || return 1
	lasts_until[$1]=$(($(now_us) + drawn * 1000))
}

# undo_due [all]
undo_due()
{
	local kind now

	now=$(now_us)
	for kind in "${!lasts_until[@]}"; do
		[ "${1:-}" = all ] || [ "$now" -ge "${lasts_until[$kind]}" ] || continue
		unset "lasts_until[$kind]"
		"undo_$kind"
	done
}

# ---- resources ----

trouble_descriptors()
{
	local fd

	draw 0 3
	for ((fd = 0; ; fd++)); do
		[ -e "/proc/$daemon/fd/$fd" ] || [ -L "/proc/$daemon/fd/$fd" ] || break
	done
	lasts descriptors 200 4000 && prlimit --pid "$daemon" --nofile=$((fd + drawn % 4)):
}

undo_descriptors()
{
	prlimit --pid "$daemon" --nofile="$soft_descriptors:"
}

trouble_processes()
{
	[ -n "$pids" ] && lasts processes 200 3000 && cat "$pids/pids.current" >"$pids/pids.max"
}

undo_processes()
{
	echo max >"$pids/pids.max"
}

# ---- processes ----

trouble_stop-daemon()
{
	lasts stop-daemon 50 3000 && kill -STOP "$daemon"
}

undo_stop-daemon()
{
	kill -CONT "$daemon"
}

# Some children, whatever they are: sessions, fork servers, copies that wait.
trouble_stop-sessions()
{
	draw 1 5
	stopped_count=$drawn
	lasts stop-sessions 50 2000 || return 1
	# shellcheck disable=SC2207 # numbers
	stopped=($(children_of "$daemon" | shuf -n "$stopped_count" --random-source="$work/echo" | cut -d ' ' -f 1))
	[ ${#stopped[@]} = 0 ] || kill -STOP "${stopped[@]}" 2>/dev/null
	return 0
}

undo_stop-sessions()
{
	[ ${#stopped[@]} = 0 ] || kill -CONT "${stopped[@]}" 2>/dev/null
}

# Those of `victim` and `flooded`, whose clients are none of the checker's.
trouble_kill-sessions()
{
	local pid some=''

	draw 1 20
	for pid in $(children_of "$daemon" | cut -d ' ' -f 1); do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = victim ] || continue
		kill -KILL "$pid" 2>/dev/null && some=yes
		[ $((drawn -= 1)) -gt 0 ] || break
	done
	[ -n "$some" ]
}

trouble_kill-warm()
{
	local pid

	calm && pid=$(loaded_server) && [ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null
}

# ---- the log ----

trouble_full-disk()
{
	[ -e "$disk/usherd.log" ] && lasts full-disk 500 5000 || return 1
	dd if=/dev/zero of="$disk/ballast" bs=64k 2>/dev/null
	return 0
}

undo_full-disk()
{
	rm -f "$disk/ballast"
}

trouble_stall-reader()
{
	lasts stall-reader 500 8000 && kill -STOP "$reader"
}

undo_stall-reader()
{
	kill -CONT "$reader"
}

trouble_rotate()
{
	collect_rotated
	rotate
}

# ---- the clock ----

trouble_clock()
{
	local jumps=(0 3600 -3600 86400 -86400 1000000000 -1000000000 1 -1)

	draw 0 $((${#jumps[@]} - 1))
	[ -n "$wallclock" ] && set_clock "${jumps[drawn]}"
}

# ---- the operator ----

trouble_reload()
{
	draw 1 11
	write_config "$drawn"
	calm || return 1
	ask_again reload || complain "a good file is refused: $answer"
}

trouble_reload-signal()
{
	draw 0 11
	write_config "$drawn"
	kill -HUP "$daemon"
}

# A file with a mistake is refused, and nothing changes.
trouble_reload-bad()
{
	local generation listeners file

	draw 0 $((${#bad[@]} - 1))
	file=${bad[drawn]}
	calm || return 1
	cp "$config" "$conf_dir/good.ini"
	cp "$file" "$conf_dir/new.ini"
	if "$USHERD" -t -c "$conf_dir/new.ini" --services-dir "$SERVICES_DIR" >/dev/null 2>&1; then
		return 1 # a mistake only elsewhere
	fi
	ask status
	generation=$(number generation) listeners=$(number listeners)
	mv "$conf_dir/new.ini" "$config"
	! ask reload || complain "$file was not refused: $answer"
	mv "$conf_dir/good.ini" "$config"
	ask status
	[ "$(number generation) $(number listeners)" = "$generation $listeners" ] ||
		complain "$file has changed something: generation $generation, $listeners listeners; now $answer"
}

trouble_upgrade()
{
	calm || return 1
	ask_again upgrade || complain "an upgrade is refused: $answer"
}

trouble_upgrade-signal()
{
	kill -USR2 "$daemon"
}

# The program that is installed is none: the one that runs goes on.
trouble_upgrade-bad()
{
	draw 0 2
	calm || return 1
	mv "$conf_dir/usherd" "$conf_dir/usherd.good"
	case $drawn in
	0) cp /bin/false "$conf_dir/usherd" ;;
	1) head -c 20000 "$conf_dir/usherd.good" >"$conf_dir/usherd"; chmod 755 "$conf_dir/usherd" ;;
	2) ;;
	esac
	! ask upgrade || complain "an upgrade to what is no usherd was not refused: $answer"
	mv "$conf_dir/usherd.good" "$conf_dir/usherd"
}

trouble_renew()
{
	calm && ask renew warm
}

trouble_switch()
{
	draw 0 1
	calm || return 1
	if [ "$drawn" = 0 ]; then ask disable victim; else ask enable victim; fi
}

trouble_kill-victims()
{
	calm && ask kill victim
}

# Signals that mean nothing to it, or little.
trouble_signals()
{
	local signal

	for signal in USR1 PIPE CHLD WINCH HUP USR1; do
		kill "-$signal" "$daemon"
	done
}

# ---- clients ----

# in_background COMMAND...: not more than four at a time.
in_background()
{
	[ "$(jobs -r | wc -l)" -le 8 ] || return 1
	"$@" >>"$work/pests.log" 2>&1 &
}

# Of the victims, and of the innocent services themselves.
trouble_pests()
{
	draw 5 60
	in_background "$PESTS" -c "$drawn" -t 2 -s 127.0.3.1 -S 50 "$ADDRESS" 7011 || return 1
	draw 2 20
	in_background "$PESTS" -c "$drawn" -t 1 -s 127.0.3.1 -S 50 "$ADDRESS" 7001-7005
}

# From few addresses that are not those of the loopback, which no limit of a source knows.
trouble_flood()
{
	draw 20 150
	in_background "$PESTS" -c "$drawn" -t 2 -s 10.66.3.1 -S 3 "$flooded" 7012
}

trouble_control-pests()
{
	draw 5 40
	in_background "$HOSTILE" -c "$drawn" -t 2 "$control"
}

trouble_ban()
{
	draw 0 9
	calm || return 1
	case $drawn in
	[0-4]) ask ban "10.66.3.$((drawn + 1))" 2s ;;
	[56]) ask ban 10.66.3.0/24 ;;
	[78]) ask unban all ;;
	9) ask ban 10.66.3.0/26 1s ;;
	esac
}
