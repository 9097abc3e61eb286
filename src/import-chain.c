/* import-chain.c - see import-chain.h: options and settings, and the programs that set something: those of daemontools,
 * runit and s6, env(1) and nice(1). */
#include "import-chain.h"

#include "base.h"
#include "import-rules.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define TOLD_MAX 30 /* sentences about one command */

/* ---- settings ---- */

void chain_set(struct chain *chain, const char *key, const char *value)
{
	for (unsigned i = 0; i < chain->setting_count; i++)
		if (strcmp(chain->settings[i].key, key) == 0) {
			chain->settings[i].value = value;
			return;
		}
	if (chain->setting_count == CHAIN_SETTINGS_MAX)
		return; /* there are not so many keys */
	chain->settings[chain->setting_count].key = key;
	chain->settings[chain->setting_count++].value = value;
}

void chain_setf(struct chain *chain, const char *key, const char *format, ...)
{
	const char *text;
	va_list arguments;

	va_start(arguments, format);
	text = import_vprintf(chain->import, format, arguments);
	va_end(arguments);
	chain_set(chain, key, text);
}

const char *chain_get(const struct chain *chain, const char *key)
{
	for (unsigned i = 0; i < chain->setting_count; i++)
		if (strcmp(chain->settings[i].key, key) == 0)
			return chain->settings[i].value;
	return NULL;
}

void chain_tell(struct chain *chain, enum import_class class, const char *format, ...)
{
	const char *text;
	va_list arguments;

	va_start(arguments, format);
	text = import_vprintf(chain->import, format, arguments);
	va_end(arguments);
	if (++chain->told <= TOLD_MAX + 1)
		import_tell(chain->import, chain->where, chain->told <= TOLD_MAX ? class : IMPORT_UNSUPPORTED, "%s",
			    chain->told > TOLD_MAX ? "and more of that sort" : text);
}

void chain_fail(struct chain *chain, const char *format, ...)
{
	const char *text;
	va_list arguments;

	va_start(arguments, format);
	text = import_vprintf(chain->import, format, arguments);
	va_end(arguments);
	chain->failed = true;
	import_tell(chain->import, chain->where, IMPORT_UNSUPPORTED, "%s", text);
}

/* ---- words ---- */

const char *chain_take(struct chain *chain)
{
	return *chain->words != NULL ? *chain->words++ : NULL;
}

int chain_option(struct chain *chain, const char *letters, const char **ret_argument)
{
	const char *word = *chain->words, *found;
	int letter;

	*ret_argument = "";
	if (chain->cluster == NULL || chain->cluster[0] == '\0') {
		if (chain->failed || word == NULL || word[0] != '-' || word[1] == '\0')
			return 0;
		chain->words++;
		if (strcmp(word, "--") == 0)
			return 0;
		chain->cluster = word + 1;
	}
	letter = (unsigned char)*chain->cluster++;
	found = letter != ':' ? strchr(letters, letter) : NULL;
	if (found == NULL) {
		chain_fail(chain, "the option -%c is not known, so that nothing can be made of the command; write the "
				  "section by hand", letter >= ' ' && letter < 0x7f ? letter : '?');
		chain->cluster = NULL;
		return '?';
	}
	if (found[1] != ':')
		return letter;
	*ret_argument = chain->cluster[0] != '\0' ? chain->cluster : chain_take(chain);
	chain->cluster = NULL;
	if (*ret_argument == NULL) {
		*ret_argument = "";
		chain_fail(chain, "the option -%c needs a value", letter);
		return '?';
	}
	return letter;
}

const char *chain_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

const char *chain_absolute(const struct chain *chain, const char *path)
{
	if (path[0] == '/')
		return path;
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	return import_printf(chain->import, "%s/%s", strcmp(chain->directory, "/") == 0 ? "" : chain->directory, path);
}

/* Decimal digits, at most 15 of them. */
static bool take_number(const char *text, uint64_t *ret_number)
{
	if (text[0] == '\0' || strlen(text) > 15 || text[strspn(text, "0123456789")] != '\0')
		return false;
	*ret_number = strtoull(text, NULL, 10);
	return true;
}

void chain_set_count(struct chain *chain, const char *key, const char *text, uint64_t most)
{
	uint64_t number;

	if (take_number(text, &number) && number >= 1 && number <= most)
		chain_setf(chain, key, "%" PRIu64, number);
	else
		chain_tell(chain, IMPORT_UNSUPPORTED, "'%.40s' is no number from 1 to %" PRIu64 " for %s", text, most, key);
}

void chain_set_user(struct chain *chain, const char *name)
{
	if (name == NULL || name[0] == '\0' || name[strcspn(name, " ,:;#'\"\\=")] != '\0' || name[0] == '-') {
		chain_fail(chain, "there is no name of a user");
		return;
	}
	chain_set(chain, "user", name);
	chain_set(chain, "group", NULL);
	chain_set(chain, "groups", "none");
}

/* ---- limits ---- */

static const struct limit {
	char letter;
	const char *keys[4];
	uint64_t least, most;
	const char *unit;
} softlimits[] = {
	{ 'm', { "rlimit_data", "rlimit_stack", "rlimit_memlock", "rlimit_as" }, 65536, 999999999999999, "" },
	{ 'd', { "rlimit_data" }, 65536, 999999999999999, "" },
	{ 's', { "rlimit_stack" }, 65536, 999999999999999, "" },
	{ 'l', { "rlimit_memlock" }, 0, 999999999999999, "" },
	{ 'a', { "rlimit_as" }, 65536, 999999999999999, "" },
	{ 'o', { "rlimit_nofile" }, 8, 1073741816, "" },
	{ 'p', { "rlimit_nproc" }, 1, 2147483647, "" },
	{ 'f', { "rlimit_fsize" }, 0, 999999999999999, "" },
	{ 'c', { "rlimit_core" }, 0, 999999999999999, "" },
	{ 't', { "rlimit_cpu" }, 1, 315360000, "s" },
};

static void set_limit(struct chain *chain, char letter, const char *text)
{
	const struct limit *limit = NULL;
	uint64_t number;

	for (size_t i = 0; i < ELEMENTS(softlimits); i++)
		if (softlimits[i].letter == letter)
			limit = &softlimits[i];
	if (strcmp(text, "=") == 0) {
		chain_tell(chain, IMPORT_UNSUPPORTED, "a soft limit cannot be raised to the hard one by name (-%c =); "
						      "write both numbers, SOFT:HARD", letter);
		return;
	}
	if (limit == NULL || !take_number(text, &number) || number < limit->least || number > limit->most) {
		chain_tell(chain, IMPORT_UNSUPPORTED, "the limit -%c %.40s cannot be had%s", letter, text,
			   limit == NULL ? "" : ": the number is too low or too high");
		return;
	}
	for (size_t i = 0; i < ELEMENTS(limit->keys) && limit->keys[i] != NULL; i++)
		chain_setf(chain, limit->keys[i], "%" PRIu64 "%s", number, limit->unit);
	chain_tell(chain, IMPORT_CHANGED, "limits are soft and hard ones; write SOFT:HARD for a higher hard one");
}

static void take_softlimit(struct chain *chain)
{
	const char *argument;
	int letter;

	while ((letter = chain_option(chain, "m:d:s:l:a:o:p:f:c:r:t:hH", &argument)) > 0)
		if (letter != '?' && letter != 'h' && letter != 'H')
			set_limit(chain, (char)letter, argument);
}

/* ---- users and variables ---- */

static void take_setuidgid(struct chain *chain)
{
	const char *argument;

	while (chain_option(chain, "s", &argument) > 0)
		;
	chain_set_user(chain, chain_take(chain));
}

static void take_envuidgid(struct chain *chain)
{
	const char *argument;

	while (chain_option(chain, "iBnd:D:", &argument) > 0)
		;
	chain->uid_from = chain_take(chain);
	if (chain->uid_from == NULL)
		chain_fail(chain, "there is no name of a user");
}

static void add_variable(struct chain *chain, char *word)
{
	char *sign = strchr(word, '=');
	const char *env;

	if (sign == NULL)
		return;
	*sign = '\0';
	env = rules_add_variable(chain->import, chain->env, word, sign + 1);
	if (env == NULL)
		chain_tell(chain, IMPORT_UNSUPPORTED, "the variable %.60s is there twice, or has a name or a value that "
						      "env does not take", word);
	else
		chain->env = env;
}

/* NAME=VALUE in front of a program. */
static bool is_assignment(const char *word)
{
	size_t length = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

	return length > 0 && word[length] == '=';
}

static void take_assignments(struct chain *chain)
{
	for (unsigned count = 0; *chain->words != NULL && is_assignment(*chain->words); chain->words++)
		if (++count <= 2 * RULES_VARIABLES_MAX)
			add_variable(chain, *chain->words);
		else
			chain_tell(chain, IMPORT_UNSUPPORTED, "there are too many variables; write env by hand");
}

static void take_env(struct chain *chain)
{
	const char *argument;

	while (chain_option(chain, "iu:-", &argument) > 0)
		;
	take_assignments(chain);
}

static void set_envdir(struct chain *chain, const char *folder)
{
	struct stat status;
	const char *path;

	if (folder == NULL) {
		chain_fail(chain, "there is no name of a directory");
		return;
	}
	path = chain_absolute(chain, folder);
	if (stat(path, &status) < 0 || !S_ISDIR(status.st_mode))
		chain_tell(chain, IMPORT_UNSUPPORTED, "the directory of variables %.200s is not here; write env by hand", path);
	else
		chain->env = rules_read_env(chain->import, chain->env, path);
}

static void take_envdir(struct chain *chain)
{
	const char *argument;

	while (chain_option(chain, "ifInLc:v:m:", &argument) > 0)
		;
	set_envdir(chain, chain_take(chain));
}

/* ---- others ---- */

static void set_nice(struct chain *chain, const char *text)
{
	bool minus = text[0] == '-';
	uint64_t number;
	const char *before = chain_get(chain, "nice");
	long sum;

	if (!take_number(text + minus, &number) || number > (minus ? 20 : 19)) {
		chain_tell(chain, IMPORT_UNSUPPORTED, "'%.40s' is no priority from -20 to 19", text);
		if (before == NULL)
			chain_set(chain, "nice", "10");
		return;
	}
	/* Each of several such programs adds to the one before it. */
	sum = (before != NULL ? strtol(before, NULL, 10) : 0) + (minus ? -(long)number : (long)number);
	chain_setf(chain, "nice", "%ld", sum < -20 ? -20 : sum > 19 ? 19 : sum);
}

static void take_nice(struct chain *chain)
{
	const char *argument, *by = "10", *word = *chain->words;

	if (word != NULL && word[0] == '-' && word[1] >= '0' && word[1] <= '9') {
		set_nice(chain, word + 1);
		chain->words++;
		return;
	}
	while (chain_option(chain, "n:", &argument) == 'n')
		by = argument;
	set_nice(chain, by);
}

/* [:]user[:group...] of runit and ipsvd. */
static void set_user_and_groups(struct chain *chain, const char *text)
{
	const char *name = import_keep(chain->import, text + (text[0] == ':'));
	char *colon = strchr(name, ':');
	char *rest = colon;

	if (colon != NULL)
		*colon = '\0';
	chain_set_user(chain, name);
	if (rest == NULL || chain->failed)
		return;
	rest++;
	colon = strchr(rest, ':');
	if (colon != NULL)
		*colon = '\0';
	if (rest[0] == '\0' || rest[strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] != '\0')
		chain_fail(chain, "there is no name of a group");
	chain_set(chain, "group", rest);
	if (colon != NULL)
		chain_tell(chain, IMPORT_UNSUPPORTED, "more groups than one: write them in groups");
}

static void take_chpst(struct chain *chain)
{
	const char *argument;
	int letter;

	while ((letter = chain_option(chain, "u:U:b:e:m:d:o:p:f:c:r:t:/:n:l:L:C:vP0123", &argument)) > 0)
		switch (letter) {
		case 'u':
			set_user_and_groups(chain, argument);
			break;
		case 'U':
			chain->uid_from = argument;
			break;
		case 'e':
			set_envdir(chain, argument);
			break;
		case 'n':
			set_nice(chain, argument);
			break;
		case '/':
			chain_set(chain, "chroot", chain_absolute(chain, argument));
			break;
		case 'C':
			chain_set(chain, "directory", chain_absolute(chain, argument));
			break;
		case 'b':
			chain_tell(chain, IMPORT_UNSUPPORTED, "a name of its own for the program (argv0) cannot be had");
			break;
		case 'm': case 'd': case 'o': case 'p': case 'f': case 'c': case 'r': case 't':
			set_limit(chain, (char)letter, argument);
			break;
		default:
			break; /* locks and sessions are ours to see to */
		}
}

static void take_exec(struct chain *chain)
{
	const char *argument;
	int letter;

	while ((letter = chain_option(chain, "cla:", &argument)) > 0)
		if (letter == 'a')
			chain_tell(chain, IMPORT_UNSUPPORTED, "a name of its own for the program (argv0) cannot be had");
}

static void take_nothing(struct chain *chain)
{
	const char *argument;

	while (chain_option(chain, "nNxXdDw:t:", &argument) > 0)
		;
}

static void take_lock(struct chain *chain)
{
	take_nothing(chain);
	(void)chain_take(chain);
	chain_tell(chain, IMPORT_CHANGED, "no lock is taken: one usherd has the port");
}

static const struct {
	const char *name;
	void (*take)(struct chain *chain);
} prefixes[] = {
	{ "exec", take_exec },          { "env", take_env },
	{ "setuidgid", take_setuidgid }, { "s6-setuidgid", take_setuidgid },
	{ "envuidgid", take_envuidgid }, { "s6-envuidgid", take_envuidgid },
	{ "softlimit", take_softlimit }, { "s6-softlimit", take_softlimit },
	{ "envdir", take_envdir },       { "s6-envdir", take_envdir },
	{ "chpst", take_chpst },         { "nice", take_nice },
	{ "pgrphack", take_nothing },    { "fghack", take_nothing },
	{ "nohup", take_nothing },       { "setsid", take_nothing },
	{ "command", take_nothing },     { "busybox", take_nothing },
	{ "setlock", take_lock },        { "s6-setlock", take_lock },
};

bool chain_take_prefix(struct chain *chain)
{
	const char *word = *chain->words;

	if (word == NULL || chain->failed)
		return false;
	if (!chain->serves && is_assignment(word)) {
		take_assignments(chain);
		return true;
	}
	for (size_t i = 0; i < ELEMENTS(prefixes); i++)
		if (strcmp(chain_base(word), prefixes[i].name) == 0) {
			chain->words++;
			chain->cluster = NULL;
			prefixes[i].take(chain);
			return !chain->failed;
		}
	return false;
}
