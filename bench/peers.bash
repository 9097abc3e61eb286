# peers.bash - how each server is told to serve one echo program on one port, with every
# limit out of the way and without the logging it does not need: each at its fastest.
#
# serve_NAME PORT starts it (lib.bash: start); it returns false when it is not here.
# shellcheck shell=bash

OTHERS="tcpserver tcpsvd s6_tcpserver xinetd openbsd_inetd rlinetd socat systemd_socket_activate busybox_tcpsvd"
PEERS="floor floor_setsid usherd usherd_nobody $OTHERS"

# What makes usherd's services run as root, too, as those of the floor and the peers do.
as_root=()
[ "$(id -u)" != 0 ] || as_root=("user = root")

# find_peer PROGRAM: sets `peer` to the words that run it, from PEERS_DIR or PATH. The
# libraries of PEERS_DIR are given to the loader, not put into the environment, where the
# echo program would inherit them and start more slowly.
find_peer()
{
	local folder path loader

	peer=()
	for folder in "${PEERS_DIR:-}"/{usr/,}{bin,sbin} /{usr/local/,usr/,}{bin,sbin}; do
		path=$folder/$1
		[ -x "$path" ] || continue
		peer=("$path")
		if ldd "$path" 2>/dev/null | grep -q 'not found'; then
			loader=$(ldd "$path" | awk '$1 ~ /\/ld-/ { print $1; exit }')
			peer=("$loader" --library-path
			      "$(find "$PEERS_DIR" -type d -path '*lib/*-linux-*' -prune -print | paste -sd:)" "$path")
		fi
		return 0
	done
	return 1
}

serve_floor()
{
	start floor "$FLOOR" "$ADDRESS" "$1" "$ECHO"
}

serve_usherd()
{
	[ -x "$USHERD" ] || return 1
	usherd_config "$conf_dir/usherd.ini" "$1" "${as_root[@]}"
	start_usherd usherd "$conf_dir/usherd.ini"
}

# The floor, when each child begins a session of its own, as services of usherd do.
serve_floor_setsid()
{
	start floor_setsid "$FLOOR" -s "$ADDRESS" "$1" "$ECHO"
}

# With the default user: what one gets who configures nothing.
serve_usherd_nobody()
{
	[ -x "$USHERD" ] && [ "$(id -u)" = 0 ] || return 1
	usherd_config "$conf_dir/usherd_nobody.ini" "$1"
	start_usherd usherd_nobody "$conf_dir/usherd_nobody.ini"
}

serve_tcpserver()
{
	find_peer tcpserver && start tcpserver "${peer[@]}" -H -R -l0 -c 20000 -b 4096 "$ADDRESS" "$1" "$ECHO"
}

serve_tcpsvd()
{
	find_peer tcpsvd && start tcpsvd "${peer[@]}" -l 0 -c 20000 -b 4096 "$ADDRESS" "$1" "$ECHO"
}

serve_s6_tcpserver()
{
	find_peer s6-tcpserver && start s6_tcpserver "${peer[@]}" -c 16000 -C 16000 -b 4096 "$ADDRESS" "$1" "$ECHO"
}

serve_xinetd()
{
	find_peer xinetd || return 1
	cat >"$work/xinetd.conf" <<-END
		defaults
		{
			log_type = FILE $work/xinetd.access
			instances = UNLIMITED
			per_source = UNLIMITED
			cps = 10000000 1
		}
		service bench
		{
			type = UNLISTED
			port = $1
			bind = $ADDRESS
			socket_type = stream
			protocol = tcp
			wait = no
			user = $(id -un)
			server = $ECHO
		}
	END
	start xinetd "${peer[@]}" -dontfork -f "$work/xinetd.conf" -pidfile "$work/xinetd.pid"
}

serve_openbsd_inetd()
{
	find_peer inetd && "${peer[@]}" -h 2>&1 | grep -q dEil || return 1
	echo "$ADDRESS:$1 stream tcp nowait.1000000000 $(id -un) $ECHO echo" >"$work/inetd.conf"
	start openbsd_inetd "${peer[@]}" -i -q 4096 -R 1000000000 "$work/inetd.conf"
}

serve_rlinetd()
{
	local parser

	find_peer rlinetd || return 1
	parser=$(find ${PEERS_DIR:+"$PEERS_DIR"} /usr/lib -path '*/rlinetd/libparse.so' -print -quit 2>/dev/null)
	cat >"$work/rlinetd.conf" <<-END
		service "bench" {
			port "$1";
			interface $ADDRESS;
			protocol tcp;
			backlog 4096;
			instances 20000;
			user "$(id -un)";
			exec "$ECHO";
		}
	END
	start rlinetd "${peer[@]}" -d -f "$work/rlinetd.conf" ${parser:+-p "$parser"}
}

# nofork: the program gets the socket itself, as everywhere here, not a pipe through socat.
serve_socat()
{
	find_peer socat &&
		start socat "${peer[@]}" "TCP4-LISTEN:$1,bind=$ADDRESS,reuseaddr,fork,backlog=4096" "EXEC:$ECHO,nofork"
}

serve_systemd_socket_activate()
{
	find_peer systemd-socket-activate &&
		start systemd_socket_activate "${peer[@]}" --accept --inetd -l "$ADDRESS:$1" "$ECHO"
}

serve_busybox_tcpsvd()
{
	find_peer busybox && "${peer[@]}" --list | grep -qx tcpsvd || return 1
	start busybox_tcpsvd "${peer[@]}" tcpsvd -c 20000 -b 4096 "$ADDRESS" "$1" "$ECHO"
}

# Starts all that are here; `servers` gets the names of those that serve.
serve_all()
{
	local name port=7001

	servers=()
	for name in $PEERS; do
		port_of[$name]=$port
		port=$((port + 1))
		if "serve_$name" "${port_of[$name]}" && await "$name"; then
			servers+=("$name")
		else
			echo "not measured: $name" >&2
		fi
	done
}
