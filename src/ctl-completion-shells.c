/* ctl-completion-shells.c - the scripts for zsh and fish. */
#include "ctl-completion.h"

#include "base.h"

#include <string.h>

static const struct {
	enum ctl_argument kind;
	const char *zsh;  /* a function of the script */
	const char *fish; /* words, or a command that prints some */
} sources[] = {
	{ CTL_ARGUMENT_SERVICE, "_usherctl_services", "(__usherctl_ask services)" },
	{ CTL_ARGUMENT_SESSION, "_usherctl_sessions", "(__usherctl_ask sessions)" },
	{ CTL_ARGUMENT_BAN, "_usherctl_bans", "all (__usherctl_ask bans)" },
	{ CTL_ARGUMENT_LEVEL, "_usherctl_levels", CTL_LEVELS },
	{ CTL_ARGUMENT_DAEMON, "_usherctl_daemon", "usherd" },
};

/* ---- zsh ---- */

static const char zsh_begin[] = "#compdef usherctl\n"
				"# zsh completion for usherctl, made by `usherctl completion zsh`\n"
				"\n"
				"_usherctl_ask() {\n"
				"	local -a names\n"
				"	names=(${(f)\"$(_call_program $1 usherctl $usherctl_socket "
				"--timeout=1 completion $1 2> /dev/null)\"})\n"
				"	compadd \"${@:2}\" -a names\n"
				"}\n"
				"_usherctl_services() { _usherctl_ask services \"$@\" }\n"
				"_usherctl_sessions() { _usherctl_ask sessions \"$@\" }\n"
				"_usherctl_bans() { compadd \"$@\" all; _usherctl_ask bans \"$@\" }\n"
				"_usherctl_levels() { compadd \"$@\" " CTL_LEVELS " }\n"
				"_usherctl_daemon() { compadd \"$@\" usherd }\n"
				"\n"
				"_usherctl() {\n"
				"	local curcontext=$curcontext state state_descr line ret=1\n"
				"	local -a verbs usherctl_socket\n"
				"	typeset -A opt_args\n"
				"\n";

/* ":service: _usherctl_services": what a value is. */
static void put_zsh_kinds(FILE *out, const char *what, unsigned kinds, const char *otherwise)
{
	const char *only = otherwise;
	unsigned found = 0;

	for (size_t i = 0; i < ELEMENTS(sources); i++)
		if (kinds & sources[i].kind) {
			only = sources[i].zsh;
			found++;
		}
	if (found < 2) {
		fprintf(out, ":%s:%s", what, only);
		return;
	}
	fprintf(out, ":%s:{", what);
	for (size_t i = 0; i < ELEMENTS(sources); i++)
		if (kinds & sources[i].kind)
			fprintf(out, "%s; ", sources[i].zsh);
	fputc('}', out);
}

static void put_zsh_option(FILE *out, const struct ctl_option *option)
{
	char spec[256];

	if (option->letter != '\0' && option->argument != NULL)
		fprintf(out, "'(-%c --%s)'{-%c+,--%s=}", option->letter, option->name, option->letter,
			option->name);
	else if (option->letter != '\0')
		fprintf(out, "'(-%c --%s)'{-%c,--%s}", option->letter, option->name, option->letter,
			option->name);
	else
		fprintf(out, "--%s%s", option->name, option->argument != NULL ? "=" : "");
	snprintf(spec, sizeof(spec), "[%s]", option->purpose);
	ctl_put_quoted(out, spec, ":");
	if (option->argument != NULL)
		put_zsh_kinds(out, option->argument, ctl_option_kinds(option),
			      strcmp(option->name, "socket") == 0 ? "_files" : "");
}

static void put_zsh_options(FILE *out, enum control_verb_name verb, bool general)
{
	for (size_t i = 0; i < ctl_option_count; i++) {
		const struct ctl_option *option = &ctl_option_table[i];

		if ((option->verbs == CTL_EVERY_VERB) != general || !ctl_option_belongs(option, verb))
			continue;
		fputs(" \\\n\t\t\t", out);
		put_zsh_option(out, option);
	}
}

static void put_zsh_verb(FILE *out, enum control_verb_name verb)
{
	static const char *const places[] = { "'1", "'2" };

	fprintf(out, "		%s) _arguments -s", control_verbs[verb].word);
	put_zsh_options(out, verb, false);
	for (size_t i = 0; i < control_verbs[verb].most && i < ELEMENTS(places); i++) {
		fputs(" \\\n\t\t\t", out);
		fputs(places[i], out);
		put_zsh_kinds(out, "argument", ctl_argument_kinds(verb, i), " ");
		fputc('\'', out);
	}
	put_zsh_options(out, verb, true);
	fputs(" && ret=0 ;;\n", out);
}

void ctl_completion_zsh(FILE *out)
{
	char spec[256];

	fputs(zsh_begin, out);
	fputs("	_arguments -s -C", out);
	put_zsh_options(out, CONTROL_VERBS, true);
	fputs(" \\\n\t\t\t'1:verb:->verb' '*::argument:->argument' && ret=0\n"
	      "	# Behind the verb only its own options are known.\n"
	      "	usherctl_socket=${opt_args[-s]:-${opt_args[--socket]}}\n"
	      "	[[ -n $usherctl_socket ]] && usherctl_socket=(-s ${(q)usherctl_socket})\n"
	      "	case $state in\n"
	      "	verb)\n"
	      "		verbs=(\n",
	      out);
	for (size_t i = 0; i < CONTROL_VERBS; i++) {
		snprintf(spec, sizeof(spec), "%s:%s", control_verbs[i].word, control_verbs[i].purpose);
		fputs("			", out);
		ctl_put_quoted(out, spec, "");
		fputc('\n', out);
	}
	fputs("			'completion:Print the completions for a shell.'\n"
	      "		)\n"
	      "		_describe -t verbs verb verbs && ret=0 ;;\n"
	      "	argument)\n"
	      "		case $line[1] in\n"
	      "		completion) _arguments '1:shell:(" CTL_SHELLS ")' && ret=0 ;;\n",
	      out);
	for (size_t i = 0; i < CONTROL_VERBS; i++)
		put_zsh_verb(out, (enum control_verb_name)i);
	fputs("		esac ;;\n"
	      "	esac\n"
	      "	return ret\n"
	      "}\n"
	      "\n"
	      "_usherctl \"$@\"\n",
	      out);
}

/* ---- fish ---- */

static const char fish_begin[] =
	"# fish completion for usherctl, made by `usherctl completion fish`\n"
	"\n"
	"function __usherctl_ask\n"
	"	set -l words (commandline -opc)\n"
	"	set -l socket\n"
	"	for i in (seq (count $words))\n"
	"		switch $words[$i]\n"
	"		case -s --socket\n"
	"			set -l next (math $i + 1)\n"
	"			test $next -le (count $words); and set socket -s $words[$next]\n"
	"		case '--socket=*'\n"
	"			set socket -s (string replace -- --socket= '' $words[$i])\n"
	"		end\n"
	"	end\n"
	"	usherctl $socket --timeout=1 completion $argv[1] 2> /dev/null\n"
	"end\n"
	"\n"
	"# How many arguments stand behind the verb, for the verb that is asked about.\n"
	"function __usherctl_at\n"
	"	set -l words (commandline -opc)\n"
	"	set -l skip 0\n"
	"	set -l plain\n"
	"	for word in $words[2..-1]\n"
	"		if test $skip -eq 1\n"
	"			set skip 0\n"
	"			continue\n"
	"		end\n"
	"		switch $word\n"
	"		case -s --socket --timeout --interval --service --address --level\n"
	"			set skip 1\n"
	"		case '-*'\n"
	"		case '*'\n"
	"			set -a plain $word\n"
	"		end\n"
	"	end\n"
	"	test (count $plain) -eq $argv[2]; or return 1\n"
	"	test $argv[2] -eq 0; or test \"$plain[1]\" = $argv[1]\n"
	"end\n"
	"\n"
	"complete -c usherctl -f\n"
	"complete -c usherctl -n '__usherctl_at completion 1' -a '" CTL_SHELLS "'\n"
	"complete -c usherctl -n '__usherctl_at verb 0' -a completion -d 'Print the completions for a "
	"shell.'\n";

static void put_fish_kinds(FILE *out, unsigned kinds)
{
	fputs(" -a '", out);
	for (size_t i = 0; i < ELEMENTS(sources); i++)
		if (kinds & sources[i].kind)
			fprintf(out, "%s ", sources[i].fish);
	fputc('\'', out);
}

static void put_fish_description(FILE *out, const char *text)
{
	fputs(" -d '", out);
	for (; *text != '\0'; text++)
		fprintf(out, "%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
	fputs("'\n", out);
}

static void put_fish_option(FILE *out, const struct ctl_option *option)
{
	const char *between = " -n '__fish_seen_subcommand_from";
	unsigned kinds = ctl_option_kinds(option);

	fputs("complete -c usherctl", out);
	for (size_t i = 0; option->verbs != CTL_EVERY_VERB && i < CONTROL_VERBS; i++)
		if (ctl_option_belongs(option, (enum control_verb_name)i)) {
			fprintf(out, "%s %s", between, control_verbs[i].word);
			between = "";
		}
	if (between[0] == '\0')
		fputc('\'', out);
	if (option->letter != '\0')
		fprintf(out, " -s %c", option->letter);
	fprintf(out, " -l %s", option->name);
	if (option->argument != NULL)
		fputs(strcmp(option->name, "socket") == 0 ? " -r -F" : " -x", out);
	if (kinds != 0)
		put_fish_kinds(out, kinds);
	put_fish_description(out, option->purpose);
}

void ctl_completion_fish(FILE *out)
{
	fputs(fish_begin, out);
	for (size_t i = 0; i < CONTROL_VERBS; i++) {
		const struct control_verb *verb = &control_verbs[i];

		fprintf(out, "complete -c usherctl -n '__usherctl_at verb 0' -a %s", verb->word);
		put_fish_description(out, verb->purpose);
		for (size_t j = 0; j < verb->most; j++) {
			unsigned kinds = ctl_argument_kinds((enum control_verb_name)i, j);

			if (kinds == 0)
				continue;
			fprintf(out, "complete -c usherctl -n '__usherctl_at %s %zu'", verb->word, j + 1);
			put_fish_kinds(out, kinds);
			fputc('\n', out);
		}
	}
	for (size_t i = 0; i < ctl_option_count; i++)
		put_fish_option(out, &ctl_option_table[i]);
}
