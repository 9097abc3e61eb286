#!/bin/sh
# greet.sh - a service that has a conversation, in shell. It answers each line; standard input and standard output are
# the client. Try it with no server at all: ./greet.sh
#
# A shell reads a line byte by byte, so nothing is read too far; and it writes each echo at once.
set -u

while IFS= read -r line; do
	line=${line%"$(printf '\r')"} # telnet and many others end lines with CR LF
	case $line in
	'hello '*) printf 'Hello %.100s, you come from %s.\r\n' "${line#hello }" "${REMOTE_ADDR:-this machine}" ;;
	quit)
		printf 'Bye.\r\n'
		echo "somebody was polite" >&2 # this goes to the log, not to the client
		exit 0
		;;
	*) printf 'Say: hello NAME, or quit\r\n' ;;
	esac
done
