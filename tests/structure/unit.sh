#!/bin/sh
# unit.sh - the systemd unit that is installed shuts the daemon in as far as it says.
# shellcheck disable=SC2016 # awk programs
. "$(dirname "$0")/tap.lib"
cd "$SOURCE" || exit 1
unit=etc/systemd/usherd.service.in

# absent LINE... - those that the unit does not have
absent() {
	for line in "$@"; do
		grep -qxF -- "$line" "$unit" || echo "no line $line"
	done
}

expect_none 'no more rights than these' "$(absent \
	'CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_KILL CAP_NET_BIND_SERVICE' \
	NoNewPrivileges=yes RestrictSUIDSGID=yes)"
expect_none 'nothing of the system to write to' "$(absent \
	ProtectSystem=strict ProtectHome=yes PrivateTmp=yes PrivateDevices=yes PrivateMounts=yes \
	ProtectKernelTunables=yes ProtectKernelModules=yes ProtectKernelLogs=yes ProtectClock=yes \
	ProtectHostname=yes ProtectProc=invisible UMask=0077)"
expect_none 'no odd calls, name spaces or addresses' "$(absent \
	SystemCallFilter=@system-service SystemCallArchitectures=native RestrictNamespaces=yes \
	RestrictRealtime=yes LockPersonality=yes MemoryDenyWriteExecute=yes \
	'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX')"

# Its own judgement, where it is there to ask: 2.5 of 10 at most.
if systemd-analyze security --help 2> /dev/null | grep -q -- --offline; then
	folder=$(mktemp -d) && cp "$BUILD/etc/systemd/usherd.service" "$folder" &&
		expect_none 'systemd-analyze rates its exposure 2.5 or less' "$(
			systemd-analyze security --no-pager --offline=true --threshold=25 "$folder/usherd.service" > "$folder/out" 2>&1 ||
				tail -n 3 "$folder/out"
		)"
	rm -rf "$folder"
else
	skip 'systemd-analyze rates its exposure 2.5 or less' 'there is no systemd-analyze that works offline'
fi

finish
