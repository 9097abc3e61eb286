#!/bin/sh
# docs.sh - generated files are current, manual pages are well-formed and name
# every key.
# shellcheck disable=SC2016 # awk programs
. "$(dirname "$0")/tap.lib"

fresh=$(mktemp -d) || exit 1
trap 'rm -rf "$fresh"' EXIT

problem=$(sh "$SOURCE/tests/structure/generate" "$BUILD/usherd" "$SOURCE" "$fresh" 2>&1) || problem="failed: $problem"
expect_none 'the generators run' "$problem"
for file in etc/services.ini.keys fuzz/services.ini.dict man/services.ini.5 etc/completions/bash/usherctl \
	etc/completions/zsh/_usherctl etc/completions/fish/usherctl.fish etc/vim/syntax/usherd.vim; do
	expect_none "$file is current (make update-generated)" \
		"$(diff -u "$SOURCE/$file" "$fresh/$file" 2>&1 | head -n 20)"
done

expect_none 'every key of the table is in services.ini.5' "$("$BUILD/usherd" keys | "$AWK" '/^  [a-z_]+ =/ { print $1 }' |
	while read -r key; do
		grep -Fqw -- "$(printf '%s' "$key" | sed 's/.*\.//')" "$SOURCE/man/services.ini.5" || echo "$key"
	done)"

expect_none 'every verb is in usherctl.8' "$("$BUILD/usherctl" --help | "$AWK" '/^  [a-z]+ / { print $1 }' |
	while read -r verb; do
		grep -Eqx -- "\\.It Cm $verb( .*)?" "$SOURCE/man/usherctl.8" || echo "$verb"
	done)"

for page in "$SOURCE"/man/*.[1-8]; do
	name="${page##*/} is well-formed"
	if command -v mandoc > /dev/null; then
		expect_none "$name" "$(mandoc -T lint -W warning "$page" 2>&1)"
	else
		skip "$name" 'mandoc is not installed'
	fi
done

# From a folder that nobody may enter, wherever the build is.
services=$(mktemp -d "${TMPDIR:-/tmp}/usherd-docs.XXXXXX")
trap 'rm -rf "$services"' EXIT
chmod 755 "$services"
find -L "$BUILD/services" -type f -perm -u+x -exec cp {} "$services" \;
expect_none 'the sample configuration is accepted' "$(
	"$BUILD/usherd" --services-dir "$services" -t -c "$SOURCE/etc/services.ini" 2>&1 > /dev/null || echo "exit $?")"

finish
