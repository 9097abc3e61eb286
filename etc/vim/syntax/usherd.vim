" Vim syntax file: services.ini of usherd, see services.ini(5). Made from src/conf-keys.def; do not edit.
if exists('b:current_syntax')
  finish
endif
let s:cpo_save = &cpo
set cpo&vim

syntax case match
syntax match usherdComment "^\s*[;#].*$" contains=usherdTodo
syntax match usherdComment "\s;.*$" contains=usherdTodo
syntax keyword usherdTodo contained TODO FIXME XXX
syntax match usherdSection "^\[[^]]*\]"
syntax match usherdSpecial "^\[\%(usherd\|defaults\|ports\)\]"
syntax region usherdString start=/"/ skip=/\\./ end=/"/ oneline
syntax region usherdString start=/'/ end=/'/ oneline
syntax match usherdNumber "\<\d\+\%(\.\d\+\)\=\%([kMG]\|ms\|s\|min\|h\|d\)\=\>"
syntax match usherdAddress "\<\d\{1,3}\%(\.\d\{1,3}\)\{3}\%(/\d\+\)\=\>"
syntax match usherdPort "^\S\+\ze\s*="
syntax match usherdKey "^listen\ze\s*="
syntax match usherdKey "^exec\ze\s*="
syntax match usherdKey "^wait\ze\s*="
syntax match usherdKey "^disable\ze\s*="
syntax match usherdKey "^serve_while_draining\ze\s*="
syntax match usherdKey "^description\ze\s*="
syntax match usherdKey "^user\ze\s*="
syntax match usherdKey "^group\ze\s*="
syntax match usherdKey "^groups\ze\s*="
syntax match usherdKey "^directory\ze\s*="
syntax match usherdKey "^chroot\ze\s*="
syntax match usherdKey "^umask\ze\s*="
syntax match usherdKey "^nice\ze\s*="
syntax match usherdKey "^oom_score_adj\ze\s*="
syntax match usherdKey "^no_new_privileges\ze\s*="
syntax match usherdKey "^rlimit_as\ze\s*="
syntax match usherdKey "^rlimit_core\ze\s*="
syntax match usherdKey "^rlimit_cpu\ze\s*="
syntax match usherdKey "^rlimit_data\ze\s*="
syntax match usherdKey "^rlimit_fsize\ze\s*="
syntax match usherdKey "^rlimit_memlock\ze\s*="
syntax match usherdKey "^rlimit_nofile\ze\s*="
syntax match usherdKey "^rlimit_nproc\ze\s*="
syntax match usherdKey "^rlimit_stack\ze\s*="
syntax match usherdKey "^env\ze\s*="
syntax match usherdKey "^pass_env\ze\s*="
syntax match usherdKey "^stderr\ze\s*="
syntax match usherdKey "^backlog\ze\s*="
syntax match usherdKey "^interface\ze\s*="
syntax match usherdKey "^freebind\ze\s*="
syntax match usherdKey "^keepalive\ze\s*="
syntax match usherdKey "^nodelay\ze\s*="
syntax match usherdKey "^defer_accept\ze\s*="
syntax match usherdKey "^rcvbuf\ze\s*="
syntax match usherdKey "^sndbuf\ze\s*="
syntax match usherdKey "^socket_user\ze\s*="
syntax match usherdKey "^socket_group\ze\s*="
syntax match usherdKey "^socket_mode\ze\s*="
syntax match usherdKey "^allow\ze\s*="
syntax match usherdKey "^deny\ze\s*="
syntax match usherdKey "^access_times\ze\s*="
syntax match usherdKey "^max_load\ze\s*="
syntax match usherdKey "^banner\ze\s*="
syntax match usherdKey "^banner_refused\ze\s*="
syntax match usherdKey "^instances\ze\s*="
syntax match usherdKey "^per_source\ze\s*="
syntax match usherdKey "^rate\ze\s*="
syntax match usherdKey "^rate_per_source\ze\s*="
syntax match usherdKey "^source_prefix\ze\s*="
syntax match usherdKey "^when_full\ze\s*="
syntax match usherdKey "^ban_time\ze\s*="
syntax match usherdKey "^first_byte_timeout\ze\s*="
syntax match usherdKey "^idle_timeout\ze\s*="
syntax match usherdKey "^time_limit\ze\s*="
syntax match usherdKey "^kill_after\ze\s*="
syntax match usherdKey "^on_hangup\ze\s*="
syntax match usherdKey "^linger\ze\s*="
syntax match usherdKey "^warm\ze\s*="
syntax match usherdKey "^warm_spares\ze\s*="
syntax match usherdKey "^warm_sessions\ze\s*="
syntax match usherdKey "^warm_time\ze\s*="
syntax match usherdKey "^include\ze\s*="
syntax match usherdKey "^control\ze\s*="
syntax match usherdKey "^control_group\ze\s*="
syntax match usherdKey "^pid_file\ze\s*="
syntax match usherdKey "^log\ze\s*="
syntax match usherdKey "^log_format\ze\s*="
syntax match usherdKey "^log_level\ze\s*="
syntax match usherdKey "^max_sessions\ze\s*="
syntax match usherdKey "^drain_timeout\ze\s*="
syntax match usherdKey "^log_address\ze\s*="
syntax match usherdKey "^cgroup\ze\s*="
syntax match usherdWord "=\s*\zsyes\ze\s*$"
syntax match usherdWord "=\s*\zsno\ze\s*$"
syntax match usherdWord "=\s*\zstrue\ze\s*$"
syntax match usherdWord "=\s*\zsfalse\ze\s*$"
syntax match usherdWord "=\s*\zson\ze\s*$"
syntax match usherdWord "=\s*\zsoff\ze\s*$"
syntax match usherdWord "=\s*\zs1\ze\s*$"
syntax match usherdWord "=\s*\zs0\ze\s*$"
syntax match usherdWord "=\s*\zsauto\ze\s*$"
syntax match usherdWord "=\s*\zsnone\ze\s*$"
syntax match usherdWord "=\s*\zsinherit\ze\s*$"
syntax match usherdWord "=\s*\zsunlimited\ze\s*$"
syntax match usherdWord "=\s*\zslog\ze\s*$"
syntax match usherdWord "=\s*\zssocket\ze\s*$"
syntax match usherdWord "=\s*\zsnull\ze\s*$"
syntax match usherdWord "=\s*\zsany\ze\s*$"
syntax match usherdWord "=\s*\zsalways\ze\s*$"
syntax match usherdWord "=\s*\zsqueue\ze\s*$"
syntax match usherdWord "=\s*\zsrefuse\ze\s*$"
syntax match usherdWord "=\s*\zsignore\ze\s*$"
syntax match usherdWord "=\s*\zskill\ze\s*$"
syntax match usherdWord "=\s*\zsmain\ze\s*$"
syntax match usherdWord "=\s*\zsinput\ze\s*$"
syntax match usherdWord "=\s*\zsstderr\ze\s*$"
syntax match usherdWord "=\s*\zssyslog\ze\s*$"
syntax match usherdWord "=\s*\zstext\ze\s*$"
syntax match usherdWord "=\s*\zsjson\ze\s*$"
syntax match usherdWord "=\s*\zserror\ze\s*$"
syntax match usherdWord "=\s*\zswarning\ze\s*$"
syntax match usherdWord "=\s*\zsnotice\ze\s*$"
syntax match usherdWord "=\s*\zsinfo\ze\s*$"
syntax match usherdWord "=\s*\zsdebug\ze\s*$"
syntax match usherdWord "=\s*\zsfull\ze\s*$"
syntax match usherdWord "=\s*\zsprefix\ze\s*$"
syntax match usherdWord "=\s*\zshash\ze\s*$"

highlight default link usherdComment Comment
highlight default link usherdTodo Todo
highlight default link usherdSection Function
highlight default link usherdSpecial Special
highlight default link usherdString String
highlight default link usherdNumber Number
highlight default link usherdAddress Constant
highlight default link usherdKey Identifier
highlight default link usherdWord Keyword

let b:current_syntax = 'usherd'
let &cpo = s:cpo_save
unlet s:cpo_save
