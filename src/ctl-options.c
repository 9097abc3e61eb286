/* ctl-options.c - the command line of usherctl. Options may stand before and behind the verb, as it comes. */
#include "ctl-options.h"

#include "base.h"
#include "ctl-client.h"
#include "suggest.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#define TIMEOUT_MS      30000
#define TIMEOUT_LONG_MS 120000 /* of verbs that read files and start programs */
#define INTERVAL_MS     1000

#define VERB_BIT(name) (UINT32_C(1) << CONTROL_VERB_##name)

struct ctl_parse {
	struct ctl_options options;
	const char *word; /* the verb as it was written; NULL: none yet */
	uint64_t seen;    /* rows of ctl_option_table, a bit each */
	char *reason;
};

_printf_(2, 3) static int fail(struct ctl_parse *parse, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(parse->reason, CTL_USAGE_MAX, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* ---- values ---- */

/* 30, 0.5, 500ms, 10min: seconds where no unit is given. */
static int take_time(struct ctl_parse *parse, const char *option, const char *value, unsigned *ret_ms)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = { { "", 1000 },     { "ms", 1 },    { "s", 1000 },
		      { "min", 60000 }, { "m", 60000 }, { "h", 3600000 } };
	char *end = NULL;
	double number = value[0] >= '0' && value[0] <= '9' ? strtod(value, &end) : NAN;

	for (size_t i = 0; end != NULL && isfinite(number) && i < ELEMENTS(units); i++)
		if (strcmp(end, units[i].name) == 0 && number * units[i].ms <= 1e9) {
			*ret_ms = (unsigned)(number * units[i].ms + 0.999);
			return 0;
		}
	return fail(parse, "--%s=%s is no time; write it as in --%s=10 (seconds), 500ms or 2min", option,
		    value, option);
}

static int take_socket(struct ctl_parse *parse, const char *value)
{
	parse->options.path = value;
	return value[0] != '\0' ? 0 : fail(parse, "-s needs the path of a socket");
}

static int take_json(struct ctl_parse *parse, const char *value)
{
	(void)value;
	parse->options.json = true;
	return 0;
}

static int take_timeout(struct ctl_parse *parse, const char *value)
{
	parse->options.timeout_given = true;
	return take_time(parse, "timeout", value, &parse->options.timeout_ms);
}

static int take_interval(struct ctl_parse *parse, const char *value)
{
	int r = take_time(parse, "interval", value, &parse->options.interval_ms);

	if (r == 0 && parse->options.interval_ms < 100)
		return fail(parse, "--interval=%s is too short, the least is 100ms", value);
	return r;
}

static int take_wait(struct ctl_parse *parse, const char *value)
{
	(void)value;
	parse->options.wait = true;
	return 0;
}

static int take_once(struct ctl_parse *parse, const char *value)
{
	(void)value;
	parse->options.once = true;
	return 0;
}

static int take_dry_run(struct ctl_parse *parse, const char *value)
{
	(void)value;
	parse->options.options |= CONTROL_DRY_RUN;
	return 0;
}

static int take_now(struct ctl_parse *parse, const char *value)
{
	(void)value;
	parse->options.options |= CONTROL_NOW;
	return 0;
}

static int take_text(struct ctl_parse *parse, enum control_option option, const char **field,
		     const char *value)
{
	if (value[0] == '\0')
		return fail(parse, "an option has an empty value; leave it out for all");
	parse->options.options |= option;
	*field = value;
	return 0;
}

static int take_service(struct ctl_parse *parse, const char *value)
{
	return take_text(parse, CONTROL_SERVICE, &parse->options.service, value);
}

static int take_address(struct ctl_parse *parse, const char *value)
{
	return take_text(parse, CONTROL_ADDRESS, &parse->options.address, value);
}

static int take_level(struct ctl_parse *parse, const char *value)
{
	return take_text(parse, CONTROL_LEVEL, &parse->options.level, value);
}

static int take_help(struct ctl_parse *parse, const char *value)
{
	(void)value;
	parse->options.action = CTL_HELP;
	return 0;
}

static int take_version(struct ctl_parse *parse, const char *value)
{
	(void)value;
	if (parse->options.action != CTL_HELP)
		parse->options.action = CTL_VERSION;
	return 0;
}

/* ---- the table ---- */

/* clang-format off */
const struct ctl_option ctl_option_table[] = {
	{ "dry-run", '\0', NULL, CONTROL_DRY_RUN, 0,
	  "say what would change, and change nothing", take_dry_run },
	{ "now", '\0', NULL, CONTROL_NOW, 0,
	  "kill at once, without asking first", take_now },
	{ "service", '\0', "NAME", CONTROL_SERVICE, 0,
	  "only what is about this service", take_service },
	{ "address", '\0', "ADDR", CONTROL_ADDRESS, 0,
	  "only what is about this address or network (192.0.2.0/24)", take_address },
	{ "level", '\0', "LEVEL", CONTROL_LEVEL, 0,
	  "events up to this level (info): error, warning, notice, info, debug", take_level },
	{ "wait", 'w', NULL, 0, VERB_BIT(DRAIN) | VERB_BIT(STOP),
	  "return when the last session has ended", take_wait },
	{ "interval", 'd', "TIME", 0, VERB_BIT(TOP),
	  "between two looks (1s)", take_interval },
	{ "once", '\0', NULL, 0, VERB_BIT(TOP),
	  "one picture, as plain text", take_once },
	{ "socket", 's', "PATH", 0, CTL_EVERY_VERB,
	  "the control socket of the usherd that is meant", take_socket },
	{ "json", 'j', NULL, 0, CTL_EVERY_VERB,
	  "print the answer as usherd gave it, for programs", take_json },
	{ "timeout", '\0', "TIME", 0, CTL_EVERY_VERB,
	  "give up after this time (30s; --wait: never); 0 is never", take_timeout },
	{ "help", 'h', NULL, 0, CTL_EVERY_VERB,
	  "this text; behind a verb, what that verb does", take_help },
	{ "version", 'V', NULL, 0, CTL_EVERY_VERB,
	  "the version of usherctl", take_version },
};
/* clang-format on */
const size_t ctl_option_count = ELEMENTS(ctl_option_table);

bool ctl_option_belongs(const struct ctl_option *option, enum control_verb_name verb)
{
	if (option->verbs == CTL_EVERY_VERB)
		return true;
	if (verb == CONTROL_VERBS)
		return false;
	return (control_verbs[verb].options & option->control) != 0 ||
	       (option->verbs & UINT32_C(1) << verb) != 0;
}

/* ---- options ---- */

static int fail_unknown_option(struct ctl_parse *parse, const char *written, size_t length)
{
	const char *names[ELEMENTS(ctl_option_table)], *near;
	char name[64];

	for (size_t i = 0; i < ELEMENTS(names); i++)
		names[i] = ctl_option_table[i].name;
	snprintf(name, sizeof(name), "%.*s", (int)(length < 60 ? length : 60), written);
	near = suggest_nearest(name, names, ELEMENTS(names));
	if (near != NULL)
		return fail(parse, "unknown option --%s; did you mean --%s?", name, near);
	return fail(parse, "unknown option --%s; usherctl --help shows the options", name);
}

static int take_row(struct ctl_parse *parse, size_t row, const char *value, char **rest, int *ret_used)
{
	const struct ctl_option *option = &ctl_option_table[row];

	if (option->argument == NULL && value != NULL)
		return fail(parse, "--%s takes no value", option->name);
	if (option->argument != NULL && value == NULL) {
		value = rest[0];
		if (value == NULL)
			return fail(parse, "--%s needs a value: --%s=%s", option->name, option->name,
				    option->argument);
		(*ret_used)++;
	}
	if (parse->seen & UINT64_C(1) << row && option->argument != NULL)
		return fail(parse, "--%s is given twice", option->name);
	parse->seen |= UINT64_C(1) << row;
	return option->take(parse, value);
}

/* `argv` begins with the option; `*ret_used` is how many words it takes. */
static int take_long(struct ctl_parse *parse, char **argv, int *ret_used)
{
	const char *name = argv[0] + 2, *equals = strchr(name, '=');
	size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);

	for (size_t i = 0; i < ELEMENTS(ctl_option_table); i++)
		if (strlen(ctl_option_table[i].name) == length &&
		    strncmp(ctl_option_table[i].name, name, length) == 0)
			return take_row(parse, i, equals != NULL ? equals + 1 : NULL, argv + 1, ret_used);
	return fail_unknown_option(parse, name, length);
}

static int take_letters(struct ctl_parse *parse, char **argv, int *ret_used)
{
	for (const char *at = argv[0] + 1; *at != '\0'; at++) {
		size_t row = 0;
		bool valued;
		int r;

		while (row < ELEMENTS(ctl_option_table) && ctl_option_table[row].letter != *at)
			row++;
		if (row == ELEMENTS(ctl_option_table))
			return fail(parse, "unknown option %s; usherctl --help shows the options", argv[0]);
		valued = ctl_option_table[row].argument != NULL;
		r = take_row(parse, row, valued && at[1] != '\0' ? at + 1 : NULL, argv + 1, ret_used);
		if (r < 0 || valued)
			return r;
	}
	return 0;
}

/* ---- words ---- */

static int take_verb(struct ctl_parse *parse, const char *word)
{
	const char *names[CONTROL_VERBS + 2], *near;

	parse->word = word;
	if (strcmp(word, "help") == 0) {
		parse->options.action = CTL_HELP;
		parse->word = NULL; /* the verb may follow */
		return 0;
	}
	if (strcmp(word, "completion") == 0) {
		parse->options.action = CTL_COMPLETION;
		return 0;
	}
	for (size_t i = 0; i < CONTROL_VERBS; i++) {
		names[i] = control_verbs[i].word;
		if (strcmp(word, names[i]) == 0) {
			parse->options.verb = (enum control_verb_name)i;
			return 0;
		}
	}
	names[CONTROL_VERBS] = "help";
	names[CONTROL_VERBS + 1] = "completion";
	near = suggest_nearest(word, names, ELEMENTS(names));
	if (near != NULL)
		return fail(parse, "unknown verb '%s'; did you mean '%s'?", word, near);
	return fail(parse, "unknown verb '%s'; usherctl --help lists the verbs", word);
}

static int take_word(struct ctl_parse *parse, const char *word)
{
	struct ctl_options *options = &parse->options;

	if (parse->word == NULL)
		return take_verb(parse, word);
	if (options->argument_count == CONTROL_ARGUMENTS_MAX)
		return fail(parse, "'%s' is one word too many; usherctl %s --help shows what it takes", word,
			    parse->word);
	options->arguments[options->argument_count++] = word;
	return 0;
}

static int check_completion(struct ctl_parse *parse)
{
	if (parse->options.argument_count == 1)
		return 0;
	return fail(parse, "completion needs a shell: usherctl completion bash, zsh or fish");
}

/* Rules that concern more than one word. */
static int check(struct ctl_parse *parse)
{
	struct ctl_options *options = &parse->options;
	const struct control_verb *verb;

	if (options->action == CTL_HELP || options->action == CTL_VERSION)
		return 0;
	if (options->action == CTL_COMPLETION)
		return check_completion(parse);
	if (options->verb == CONTROL_VERBS) {
		options->action = CTL_HELP;
		return parse->seen == 0 ? 0 :
					  fail(parse, "a verb is missing; usherctl --help lists the verbs");
	}
	verb = &control_verbs[options->verb];
	for (size_t i = 0; i < ELEMENTS(ctl_option_table); i++)
		if (parse->seen & UINT64_C(1) << i &&
		    !ctl_option_belongs(&ctl_option_table[i], options->verb))
			return fail(parse, "--%s does not go with %s; usherctl %s --help shows what does",
				    ctl_option_table[i].name, verb->word, verb->word);
	if (options->argument_count < verb->least)
		return fail(parse, "%s needs %s: usherctl %s %s", verb->word,
			    verb->least == 1 ? "an argument" : "more arguments", verb->word, verb->arguments);
	if (options->argument_count > verb->most)
		return fail(parse, "%s takes %s: usherctl %s%s%s", verb->word,
			    verb->most == 0 ? "no arguments" : "fewer arguments", verb->word,
			    verb->arguments[0] != '\0' ? " " : "", verb->arguments);
	if (options->verb == CONTROL_VERB_TOP && options->json)
		return fail(parse, "top is for people; for programs: usherctl --json metrics");
	return 0;
}

static unsigned default_timeout_ms(const struct ctl_options *options)
{
	if (options->wait)
		return 0;
	return options->verb == CONTROL_VERB_RELOAD || options->verb == CONTROL_VERB_UPGRADE ?
		       TIMEOUT_LONG_MS :
		       TIMEOUT_MS;
}

int ctl_options_parse(int argc, char **argv, struct ctl_options *ret_options,
		      char reason[static CTL_USAGE_MAX])
{
	struct ctl_parse parse = {
		.options = { .verb = CONTROL_VERBS, .interval_ms = INTERVAL_MS },
		.reason = reason,
	};
	bool only_words = false;
	int r = 0;

	for (int i = 1, used; r == 0 && i < argc; i += used) {
		const char *word = argv[i];

		used = 1;
		if (only_words || word[0] != '-' || word[1] == '\0')
			r = take_word(&parse, word);
		else if (strcmp(word, "--") == 0)
			only_words = true;
		else if (word[1] == '-')
			r = take_long(&parse, argv + i, &used);
		else
			r = take_letters(&parse, argv + i, &used);
	}
	if (r == 0)
		r = check(&parse);
	if (r < 0)
		return r;
	parse.options.path = ctl_default_path(parse.options.path);
	if (!parse.options.timeout_given)
		parse.options.timeout_ms = default_timeout_ms(&parse.options);
	*ret_options = parse.options;
	return 0;
}

/* ---- the request ---- */

static const char *write_option(char **memory, const char *name, const char *value)
{
	char *text = *memory;

	/* What is longer makes a line that is refused as too long anyway. */
	*memory += snprintf(text, CONTROL_LINE_MAX, "--%s=%.*s", name, CONTROL_LINE_MAX - 16, value) + 1;
	return text;
}

size_t ctl_options_request(const struct ctl_options *options, const char *words[static CTL_WORDS_MAX],
			   char memory[static CTL_MEMORY_MAX])
{
	size_t count = 0;

	words[count++] = control_verbs[options->verb].word;
	for (size_t i = 0; i < options->argument_count; i++)
		words[count++] = options->arguments[i];
	if (options->options & CONTROL_DRY_RUN)
		words[count++] = "--dry-run";
	if (options->options & CONTROL_NOW)
		words[count++] = "--now";
	if (options->options & CONTROL_SERVICE)
		words[count++] = write_option(&memory, "service", options->service);
	if (options->options & CONTROL_ADDRESS)
		words[count++] = write_option(&memory, "address", options->address);
	if (options->options & CONTROL_LEVEL)
		words[count++] = write_option(&memory, "level", options->level);
	return count;
}
