# fish completion for usherctl, made by `usherctl completion fish`

function __usherctl_ask
	set -l words (commandline -opc)
	set -l socket
	for i in (seq (count $words))
		switch $words[$i]
		case -s --socket
			set -l next (math $i + 1)
			test $next -le (count $words); and set socket -s $words[$next]
		case '--socket=*'
			set socket -s (string replace -- --socket= '' $words[$i])
		end
	end
	usherctl $socket --timeout=1 completion $argv[1] 2> /dev/null
end

# How many arguments stand behind the verb, for the verb that is asked about.
function __usherctl_at
	set -l words (commandline -opc)
	set -l skip 0
	set -l plain
	for word in $words[2..-1]
		if test $skip -eq 1
			set skip 0
			continue
		end
		switch $word
		case -s --socket --timeout --interval --service --address --level
			set skip 1
		case '-*'
		case '*'
			set -a plain $word
		end
	end
	test (count $plain) -eq $argv[2]; or return 1
	test $argv[2] -eq 0; or test "$plain[1]" = $argv[1]
end

complete -c usherctl -f
complete -c usherctl -n '__usherctl_at completion 1' -a 'bash zsh fish'
complete -c usherctl -n '__usherctl_at verb 0' -a completion -d 'Print the completions for a shell.'
complete -c usherctl -n '__usherctl_at verb 0' -a status -d 'How the daemon is: what is served, what was refused, and what is wrong.'
complete -c usherctl -n '__usherctl_at verb 0' -a services -d 'The services, or all that is known of one.'
complete -c usherctl -n '__usherctl_at services 1' -a '(__usherctl_ask services) '
complete -c usherctl -n '__usherctl_at verb 0' -a sessions -d 'The live sessions, of all services or of one.'
complete -c usherctl -n '__usherctl_at sessions 1' -a '(__usherctl_ask services) '
complete -c usherctl -n '__usherctl_at verb 0' -a show -d 'Every key in force for a service, and where it comes from; usherd shows the daemon\'s.'
complete -c usherctl -n '__usherctl_at show 1' -a '(__usherctl_ask services) usherd '
complete -c usherctl -n '__usherctl_at verb 0' -a explain -d 'Whether a client of this address (or uid:N) would be served now, and which rule decides.'
complete -c usherctl -n '__usherctl_at explain 2' -a '(__usherctl_ask services) '
complete -c usherctl -n '__usherctl_at verb 0' -a reload -d 'Read the configuration again and put it in force, whole or not at all.'
complete -c usherctl -n '__usherctl_at verb 0' -a enable -d 'Offer a service until the next reload, whatever its section says.'
complete -c usherctl -n '__usherctl_at enable 1' -a '(__usherctl_ask services) '
complete -c usherctl -n '__usherctl_at verb 0' -a disable -d 'Offer a service no more until the next reload; its sessions go on.'
complete -c usherctl -n '__usherctl_at disable 1' -a '(__usherctl_ask services) '
complete -c usherctl -n '__usherctl_at verb 0' -a renew -d 'Start the program of a service with `warm` anew: its modules have changed, say.'
complete -c usherctl -n '__usherctl_at renew 1' -a '(__usherctl_ask services) '
complete -c usherctl -n '__usherctl_at verb 0' -a kill -d 'End a session, or all of a service or of an address or network.'
complete -c usherctl -n '__usherctl_at kill 1' -a '(__usherctl_ask services) (__usherctl_ask sessions) '
complete -c usherctl -n '__usherctl_at verb 0' -a ban -d 'Refuse an address or network, for a time or until unban.'
complete -c usherctl -n '__usherctl_at verb 0' -a unban -d 'Lift the bans of an address or network.'
complete -c usherctl -n '__usherctl_at unban 1' -a 'all (__usherctl_ask bans) '
complete -c usherctl -n '__usherctl_at verb 0' -a bans -d 'Who is banned, by hand or by the limits, and for how long.'
complete -c usherctl -n '__usherctl_at verb 0' -a drain -d 'Let the sessions of a service end and serve no new ones; without a name, of the whole daemon, which then ends.'
complete -c usherctl -n '__usherctl_at drain 1' -a '(__usherctl_ask services) '
complete -c usherctl -n '__usherctl_at verb 0' -a loglevel -d 'Show or change (until the next reload) which events are logged.'
complete -c usherctl -n '__usherctl_at loglevel 1' -a 'error warning notice info debug '
complete -c usherctl -n '__usherctl_at verb 0' -a tail -d 'Follow the events as they happen.'
complete -c usherctl -n '__usherctl_at verb 0' -a top -d 'The services and sessions on a full screen, refreshed.'
complete -c usherctl -n '__usherctl_at verb 0' -a metrics -d 'All counters, as text for Prometheus.'
complete -c usherctl -n '__usherctl_at verb 0' -a upgrade -d 'Go over to the program that is installed now, without losing a connection.'
complete -c usherctl -n '__usherctl_at verb 0' -a stop -d 'End the daemon: as SIGTERM does.'
complete -c usherctl -n '__usherctl_at verb 0' -a import -d 'Make a services.ini of the files of inetd, xinetd, systemd or tcpserver, and tell of each line what became of it.'
complete -c usherctl -n '__usherctl_at verb 0' -a export -d 'Make units of systemd of a services.ini.'
complete -c usherctl -n '__usherctl_at verb 0' -a version -d 'The versions of usherctl and of the daemon.'
complete -c usherctl -n '__fish_seen_subcommand_from reload' -l dry-run -d 'say what would change, and change nothing'
complete -c usherctl -n '__fish_seen_subcommand_from kill stop' -l now -d 'kill at once, without asking first'
complete -c usherctl -n '__fish_seen_subcommand_from tail' -l service -x -a '(__usherctl_ask services) ' -d 'only what is about this service'
complete -c usherctl -n '__fish_seen_subcommand_from tail' -l address -x -d 'only what is about this address or network (192.0.2.0/24)'
complete -c usherctl -n '__fish_seen_subcommand_from tail' -l level -x -a 'error warning notice info debug ' -d 'events up to this level (info): error, warning, notice, info, debug'
complete -c usherctl -n '__fish_seen_subcommand_from drain stop' -s w -l wait -d 'return when the last session has ended'
complete -c usherctl -n '__fish_seen_subcommand_from top' -s d -l interval -x -d 'between two looks (1s)'
complete -c usherctl -n '__fish_seen_subcommand_from top' -l once -d 'one picture, as plain text'
complete -c usherctl -s s -l socket -r -F -d 'the control socket of the usherd that is meant'
complete -c usherctl -s j -l json -d 'print the answer as usherd gave it, for programs'
complete -c usherctl -l timeout -x -d 'give up after this time (30s; --wait: never); 0 is never'
complete -c usherctl -s h -l help -d 'this text; behind a verb, what that verb does'
complete -c usherctl -s V -l version -d 'the version of usherctl'
