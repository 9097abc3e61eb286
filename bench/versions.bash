# versions.bash - what a table has to say of itself: the machine's class, the kernel, the peers' versions, the date.
# Uses PEERS_DIR and the functions of peers.bash.
# shellcheck shell=bash

# version_of PACKAGE: as it was unpacked by fetch-peers, or as it is installed.
version_of()
{
	local archive

	archive=$(find "${PEERS_DIR:-/nowhere}/.packages" -name "$1_*.deb" -print -quit 2>/dev/null)
	if [ -n "$archive" ]; then
		archive=${archive##*/"$1"_}
		archive=${archive%_*.deb}
		echo "${archive//%3a/:}"
	else
		dpkg-query -W -f '${Version}' "$1" 2>/dev/null
	fi
}

# about: lines of comment.
about()
{
	local package version line=

	echo "# $(nproc) processors ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $(awk \
		'/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB, Linux $(uname -r | sed 's/-.*//'), $(date -u +%F)"
	[ ! -x "$USHERD" ] || line="$("$USHERD" --version 2>/dev/null | head -n 1)"
	for package in ucspi-tcp ipsvd s6-networking xinetd openbsd-inetd rlinetd socat systemd python3-minimal perl-base dash \
		libc6; do
		version=$(version_of "$package")
		[ -z "$version" ] || line+="${line:+, }$package $version"
	done
	fold -s -w 108 <<<"$line" | sed 's/^/# /; s/ $//'
}
