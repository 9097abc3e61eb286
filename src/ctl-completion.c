/* ctl-completion.c - what can stand where; and the script for bash. */
#include "ctl-completion.h"

#include "base.h"
#include "ctl-client.h"
#include "ctl-format.h"

#include <string.h>
#include <sysexits.h>

#define PATIENCE_MS 1000 /* somebody has pressed a key and waits */

/* ---- what can stand where ---- */

static unsigned kinds_of_word(const char *word, size_t length)
{
	static const struct {
		const char *word;
		unsigned kinds;
	} words[] = {
		{ "SERVICE", CTL_ARGUMENT_SERVICE },
		{ "SESSION", CTL_ARGUMENT_SESSION },
		{ "LEVEL", CTL_ARGUMENT_LEVEL },
		{ "all", CTL_ARGUMENT_BAN },
	};

	for (size_t i = 0; i < ELEMENTS(words); i++)
		if (strlen(words[i].word) == length && strncmp(words[i].word, word, length) == 0)
			return words[i].kinds;
	return 0;
}

unsigned ctl_argument_kinds(enum control_verb_name verb, size_t position)
{
	const char *at = control_verbs[verb].arguments;
	unsigned kinds = verb == CONTROL_VERB_SHOW ? CTL_ARGUMENT_DAEMON : 0;

	/* As in a synopsis: ADDR SERVICE, SESSION|SERVICE, [LEVEL]. */
	for (; position > 0; position--) {
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	while (*at != '\0' && *at != ' ') {
		size_t length = strcspn(at, "[]| ");

		kinds |= kinds_of_word(at, length);
		at += length + (at[length] != '\0' && at[length] != ' ');
	}
	return kinds;
}

unsigned ctl_option_kinds(const struct ctl_option *option)
{
	if (strcmp(option->name, "service") == 0)
		return CTL_ARGUMENT_SERVICE;
	return strcmp(option->name, "level") == 0 ? CTL_ARGUMENT_LEVEL : 0;
}

void ctl_put_quoted(FILE *out, const char *text, const char *special)
{
	fputc('\'', out);
	for (; *text != '\0'; text++) {
		if (*text == '\'') {
			fputs("'\\''", out);
			continue;
		}
		if (strchr(special, *text) != NULL)
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('\'', out);
}

/* ---- bash ---- */

static void put_bash_options(FILE *out, enum control_verb_name verb)
{
	for (size_t i = 0; i < ctl_option_count; i++)
		if (ctl_option_belongs(&ctl_option_table[i], verb))
			fprintf(out, " --%s%s", ctl_option_table[i].name,
				ctl_option_table[i].argument != NULL ? "=" : "");
}

static void put_bash_kinds(FILE *out, unsigned kinds)
{
	if (kinds & CTL_ARGUMENT_SERVICE)
		fputs(" $(\"${ask[@]}\" services 2> /dev/null)", out);
	if (kinds & CTL_ARGUMENT_SESSION)
		fputs(" $(\"${ask[@]}\" sessions 2> /dev/null)", out);
	if (kinds & CTL_ARGUMENT_BAN)
		fputs(" all $(\"${ask[@]}\" bans 2> /dev/null)", out);
	if (kinds & CTL_ARGUMENT_LEVEL)
		fputs(" " CTL_LEVELS, out);
	if (kinds & CTL_ARGUMENT_DAEMON)
		fputs(" usherd", out);
}

static const char bash_begin[] =
	"# bash completion for usherctl, made by `usherctl completion bash`\n"
	"\n"
	"_usherctl()\n"
	"{\n"
	"	local word cur='' verb='' option='' count=0 list='' prefix='' "
	"line=${COMP_LINE:0:COMP_POINT}\n"
	"	local -a words ask=(\"${COMP_WORDS[0]}\")\n"
	"\n"
	"	# By blanks: bash itself would split at = and at the colons of an address, too.\n"
	"	read -ra words <<< \"$line\"\n"
	"	if [[ $line != *[[:blank:]] ]]; then\n"
	"		cur=${words[-1]}\n"
	"		unset 'words[-1]'\n"
	"	fi\n"
	"	for word in \"${words[@]:1}\"; do\n"
	"		if [[ -n $option ]]; then\n"
	"			[[ $option == --socket ]] && ask+=(-s \"$word\")\n"
	"			option=''\n"
	"			continue\n"
	"		fi\n"
	"		case $word in\n"
	"		-s) option=--socket ;;\n"
	"		--socket=*) ask+=(-s \"${word#*=}\") ;;\n";

static const char bash_end[] =
	"	esac\n"
	"	mapfile -t COMPREPLY < <(compgen -W \"$list\" -- \"$cur\")\n"
	"	# bash puts in its place what follows the last = or : only.\n"
	"	prefix=${cur%\"${cur##*[:=]}\"}\n"
	"	COMPREPLY=(\"${COMPREPLY[@]#\"$prefix\"}\")\n"
	"	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
	"	return 0\n"
	"}\n"
	"complete -F _usherctl usherctl\n";

/* Options with a value, as a pattern: the next word is no verb. */
static void put_bash_valued(FILE *out)
{
	const char *between = "\t\t";

	for (size_t i = 0; i < ctl_option_count; i++) {
		if (ctl_option_table[i].argument == NULL)
			continue;
		fprintf(out, "%s--%s", between, ctl_option_table[i].name);
		between = " | ";
	}
	fputs(") option=$word ;;\n", out);
}

static void put_bash_option_values(FILE *out)
{
	fputs("	ask+=(--timeout=1 completion)\n"
	      "	if [[ -z $option && $cur == --*=* ]]; then\n"
	      "		option=${cur%%=*}\n"
	      "		cur=${cur#*=}\n"
	      "	fi\n"
	      "	case $option in\n"
	      "	--socket) mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); compopt -o filenames; return 0 "
	      ";;\n",
	      out);
	for (size_t i = 0; i < ctl_option_count; i++) {
		unsigned kinds = ctl_option_kinds(&ctl_option_table[i]);

		if (kinds == 0)
			continue;
		fprintf(out, "	--%s) list=\"", ctl_option_table[i].name);
		put_bash_kinds(out, kinds);
		fputs("\" ;;\n", out);
	}
	fputs("	?*) return 0 ;;\n"
	      "	esac\n",
	      out);
}

static void put_bash_verb(FILE *out, enum control_verb_name verb)
{
	fprintf(out, "	-:%s:*) list=\"", control_verbs[verb].word);
	put_bash_options(out, verb);
	fputs("\" ;;\n", out);
	for (size_t i = 0; i < control_verbs[verb].most; i++) {
		unsigned kinds = ctl_argument_kinds(verb, i);

		if (kinds == 0)
			continue;
		fprintf(out, "	:%s:%zu) list=\"", control_verbs[verb].word, i);
		put_bash_kinds(out, kinds);
		fputs("\" ;;\n", out);
	}
}

void ctl_completion_bash(FILE *out)
{
	fputs(bash_begin, out);
	put_bash_valued(out);
	fputs("		-*) ;;\n"
	      "		*) if [[ -z $verb ]]; then verb=$word; else ((count++)); fi ;;\n"
	      "		esac\n"
	      "	done\n",
	      out);
	put_bash_option_values(out);
	fputs("	# [-]:VERB:ARGUMENT, the dash where an option is begun.\n"
	      "	[[ $cur == -* ]] && word=- || word=''\n"
	      "	[[ -z $option ]] && case $word:$verb:$count in\n"
	      "	-::*) list=\"",
	      out);
	put_bash_options(out, CONTROL_VERBS);
	fputs("\" ;;\n	::*) list=\"", out);
	for (size_t i = 0; i < CONTROL_VERBS; i++)
		fprintf(out, "%s ", control_verbs[i].word);
	fputs("help completion\" ;;\n"
	      "	:completion:0) list=\"" CTL_SHELLS "\" ;;\n",
	      out);
	for (size_t i = 0; i < CONTROL_VERBS; i++)
		put_bash_verb(out, (enum control_verb_name)i);
	fputs(bash_end, out);
}

/* ---- what the scripts ask for ---- */

static int list_names(const struct ctl_options *options, const char *verb, const char *member, FILE *out)
{
	char reason[CTL_REASON_MAX];
	json_t *reply;
	const json_t *item;
	size_t i;

	if (ctl_ask(options->path, &verb, 1, options->timeout_given ? options->timeout_ms : PATIENCE_MS,
		    &reply, reason) < 0)
		return EX_UNAVAILABLE;
	json_array_foreach(json_object_get(reply, verb), i, item)
	{
		const json_t *value = json_object_get(item, member);
		_cleanup_free_ char *safe =
			json_is_string(value) ? ctl_format_safe(json_string_value(value), true) : NULL;

		/* What is not plain cannot be completed. */
		if (safe != NULL && safe[strcspn(safe, " \\'\"$`;&|<>()*?[]")] == '\0')
			fprintf(out, "%s\n", safe);
		else if (json_is_integer(value))
			fprintf(out, "%lld\n", (long long)json_integer_value(value));
	}
	json_decref(reply);
	return EXIT_SUCCESS;
}

int ctl_completion(const struct ctl_options *options, FILE *out)
{
	static const struct {
		const char *shell;
		void (*print)(FILE *out);
	} scripts[] = {
		{ "bash", ctl_completion_bash },
		{ "zsh", ctl_completion_zsh },
		{ "fish", ctl_completion_fish },
	};
	static const struct {
		const char *verb, *member;
	} lists[] = { { "services", "name" }, { "sessions", "id" }, { "bans", "address" } };
	const char *what = options->arguments[0];

	for (size_t i = 0; i < ELEMENTS(scripts); i++)
		if (strcmp(what, scripts[i].shell) == 0) {
			scripts[i].print(out);
			return EXIT_SUCCESS;
		}
	for (size_t i = 0; i < ELEMENTS(lists); i++)
		if (strcmp(what, lists[i].verb) == 0)
			return list_names(options, lists[i].verb, lists[i].member, out);
	fputs("usherctl: completions are there for " CTL_SHELLS "\n", stderr);
	return EX_USAGE;
}
