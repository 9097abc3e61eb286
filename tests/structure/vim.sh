#!/bin/sh
# vim.sh - vim knows a services.ini, and shows its parts for what they are.
# shellcheck disable=SC2016 # expressions of vim
. "$(dirname "$0")/tap.lib"

place=$(mktemp -d "${TMPDIR:-/tmp}/usherd-vim.XXXXXX") || exit 1
trap 'rm -rf "$place"' EXIT

if ! vim --version 2> /dev/null | grep -q '+syntax'; then
	skip 'vim shows the parts of services.ini' 'vim with syntax is not installed'
	finish
fi

cat > "$place/services.ini" <<'END'
; a comment
[defaults]
instances = 50 ; so many
[git]
listen = 127.0.0.1:9418
exec = "/usr/bin/git" daemon
wait = no
instance = 5
[ports]
7007 = echo
END

# group LINE COLUMN - what vim takes the character for
cat > "$place/ask.vim" <<'END'
function! Group(line, column)
  return synIDattr(synID(a:line, a:column, 1), 'name')
endfunction
let answers = [&filetype]
for place in [[1, 1], [2, 2], [3, 2], [3, 13], [3, 18], [4, 2], [5, 2], [5, 12], [6, 9], [7, 9], [8, 2], [10, 2]]
  call add(answers, Group(place[0], place[1]))
endfor
call writefile(answers, $ANSWERS)
qall!
END
ANSWERS="$place/answers" timeout 20 vim -N -u NONE -i NONE -n -es --cmd "set runtimepath^=$SOURCE/etc/vim" \
	--cmd 'filetype plugin on' --cmd 'syntax on' -S "$place/ask.vim" "$place/services.ini" > "$place/out" 2>&1 < /dev/null

# "Ports" are any words before "=": those that are no key of ours, too.
printf '%s\n' usherd usherdComment usherdSpecial usherdKey usherdNumber usherdComment usherdSection usherdKey \
	usherdAddress usherdString usherdWord usherdPort usherdPort > "$place/expected"
expect_none 'vim shows the parts of services.ini' "$(diff "$place/expected" "$place/answers" 2>&1; head -n 5 "$place/out")"
finish
