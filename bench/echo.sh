#!/bin/sh
# echo.sh - echoes lines on standard input and output, as a service in shell is written. The bench serves
# this same file with every server.
greeting=''
while IFS= read -r line; do
	printf '%s%s\n' "$greeting" "$line"
done
