/* import-hosts-options.c - options of hosts_options(5), behind the clients of a rule. */
#include "import-hosts.h"

#include "base.h"
#include "import-rules.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OPTIONS_MAX 32 /* of a rule */

struct option {
	struct import *import;
	struct import_where where;
	struct hosts_options *options;
	const char *name, *value;
};

static void set(const struct option *option, const char *key, const char *value)
{
	struct hosts_options *options = option->options;

	if (options->setting_count == HOSTS_SETTINGS_MAX)
		return;
	options->settings[options->setting_count].key = key;
	options->settings[options->setting_count++].value = value;
}

static void tell(const struct option *option, enum import_class class, const char *text)
{
	import_tell(option->import, option->where, class, "%s: %s", option->name, text);
}

static void take_allow(struct option *option)
{
	option->options->denies = false;
}

static void take_deny(struct option *option)
{
	option->options->denies = true;
}

static void take_spawn(struct option *option)
{
	tell(option, IMPORT_UNSUPPORTED, "no command is run for it; look at the log instead (usherctl tail)");
}

static void take_twist(struct option *option)
{
	option->options->denies = true;
	tell(option, IMPORT_UNSUPPORTED,
	     "no other command takes the place of the program: these clients are refused; banner_refused may tell them why");
}

static void take_banners(struct option *option)
{
	tell(option, IMPORT_UNSUPPORTED, "write banner or banner_refused = file:PATH");
}

static void take_severity(struct option *option)
{
	tell(option, IMPORT_CHANGED, "log and log_level are settings of the daemon, for all alike");
}

static void take_keepalive(struct option *option)
{
	(void)option; /* it is always on: keepalive = 5min */
}

static void take_linger(struct option *option)
{
	tell(option, IMPORT_CHANGED, "the end of a reply is seen to, see linger");
}

static void take_rfc931(struct option *option)
{
	tell(option, IMPORT_CHANGED, "users of clients are never asked for (ident)");
}

static void take_nice(struct option *option)
{
	const char *value = option->value[0] != '\0' ? option->value : "10";
	size_t sign = value[0] == '-';
	long number = strtol(value, NULL, 10);

	if (strlen(value) > 3 || value[sign] == '\0' || value[sign + strspn(value + sign, "0123456789")] != '\0' ||
	    number < -20 || number > 19)
		tell(option, IMPORT_UNSUPPORTED, "it is no priority from -20 to 19");
	else
		set(option, "nice", import_printf(option->import, "%ld", number));
}

static void take_umask(struct option *option)
{
	if (option->value[0] == '\0' || strlen(option->value) > 4 || strspn(option->value, "01234567") != strlen(option->value) ||
	    strtol(option->value, NULL, 8) > 0777)
		tell(option, IMPORT_UNSUPPORTED, "it is no mask such as 022");
	else
		set(option, "umask", import_keep(option->import, option->value));
}

static bool is_user(const char *name)
{
	return name[0] != '\0' && name[0] != '-' && name[strcspn(name, " ,:;#'\"\\=\t")] == '\0';
}

/* user, or user.group */
static void take_user(struct option *option)
{
	const char *dot = strchr(option->value, '.');
	const char *name = dot == NULL ? import_keep(option->import, option->value) :
					 import_printf(option->import, "%.*s", (int)(dot - option->value), option->value);

	if (!is_user(name) || (dot != NULL && !is_user(dot + 1))) {
		tell(option, IMPORT_UNSUPPORTED, "it is no user, or user.group");
		return;
	}
	set(option, "user", name);
	if (dot != NULL)
		set(option, "group", import_keep(option->import, dot + 1));
}

static void take_group(struct option *option)
{
	if (is_user(option->value))
		set(option, "group", import_keep(option->import, option->value));
	else
		tell(option, IMPORT_UNSUPPORTED, "it is no group");
}

static void take_setenv(struct option *option)
{
	size_t length = strcspn(option->value, " \t");
	const char *name = import_printf(option->import, "%.*s", (int)length, option->value);
	const char *value = option->value + length + strspn(option->value + length, " \t");
	const char *env = strchr(value, '%') != NULL ? NULL : rules_add_variable(option->import, "", name, value);

	if (env == NULL)
		tell(option, IMPORT_UNSUPPORTED, "env does not take this name or value; %-letters are never replaced");
	else
		set(option, "env", env);
}

static const struct {
	const char *name;
	void (*take)(struct option *option);
} kinds[] = {
	{ "allow", take_allow },       { "deny", take_deny },         { "spawn", take_spawn },
	{ "twist", take_twist },       { "banners", take_banners },   { "severity", take_severity },
	{ "keepalive", take_keepalive }, { "linger", take_linger },   { "rfc931", take_rfc931 },
	{ "nice", take_nice },         { "umask", take_umask },       { "user", take_user },
	{ "group", take_group },       { "setenv", take_setenv },
};

/* The end of one option: a colon without a backslash in front. */
static char *cut_option(char *text)
{
	char *to = text;

	for (; *text != '\0' && *text != ':'; text++) {
		if (text[0] == '\\' && text[1] == ':')
			text++;
		*to++ = *text;
	}
	char *rest = *text == ':' ? text + 1 : NULL;

	*to = '\0';
	return rest;
}

static void take_option(struct option *option, char *text)
{
	size_t length;

	text += strspn(text, " \t");
	for (length = strlen(text); length > 0 && strchr(" \t\r", text[length - 1]) != NULL; length--)
		text[length - 1] = '\0';
	length = strcspn(text, " \t=");
	option->name = import_printf(option->import, "%.*s", (int)(length < 40 ? length : 40), text);
	text += length;
	text += strspn(text, " \t");
	text += *text == '=';
	option->value = text + strspn(text, " \t");
	for (size_t i = 0; i < ELEMENTS(kinds); i++)
		if (strcasecmp(kinds[i].name, option->name) == 0) {
			kinds[i].take(option);
			return;
		}
	option->options->denies = true;
	tell(option, IMPORT_UNSUPPORTED, "it is no option that is known here: these clients are refused");
}

void hosts_read_options(struct import *import, char *text, struct import_where where, struct hosts_options *options)
{
	struct option option = { .import = import, .where = where, .options = options };
	unsigned count = 0;

	while (text != NULL) {
		char *rest = cut_option(text);

		if (++count > OPTIONS_MAX) {
			import_tell(import, where, IMPORT_UNSUPPORTED, "there are more than %d options", OPTIONS_MAX);
			options->denies = true;
			return;
		}
		if (text[strspn(text, " \t\r")] != '\0')
			take_option(&option, text);
		text = rest;
	}
}
