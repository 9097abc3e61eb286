/* conf-type-choice.c - one word of a few. */
#include "conf-type.h"

#include "conf.h"
#include "log.h"
#include "suggest.h"

#include <string.h>

int conf_type_choose(const char *text, const char *const *names, char reason[static CONF_REASON_MAX])
{
	char list[256] = "";
	size_t count = 0, used = 0;

	for (; names[count] != NULL; count++)
		if (strcmp(text, names[count]) == 0)
			return (int)count;

	for (size_t i = 0; i < count && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
					 i == 0           ? ""
					 : i + 1 == count ? " or "
							  : ", ",
					 names[i]);

	const char *nearest = suggest_nearest(text, names, count);

	if (nearest != NULL)
		return conf_type_refuse(reason, "'%.80s' is not one of %s; did you mean '%s'?", text, list,
					nearest);
	return conf_type_refuse(reason, "'%.80s' is not one of %s", text, list);
}

/* ---- yes and no ---- */

static const char *const bool_choices[] = {"yes", "no", "true", "false", "on", "off", "1", "0", NULL};

static int parse_bool(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	int choice = conf_type_choose(input->text, bool_choices, reason);

	if (choice < 0)
		return choice;
	*(bool *)field = choice % 2 == 0;
	return 0;
}

static void print_bool(const void *field, FILE *out)
{
	fputs(*(const bool *)field ? "yes" : "no", out);
}

const struct conf_type conf_type_bool = {
	.name = "yes or no",
	.explanation = "yes, true, on or 1; no, false, off or 0",
	.parse = parse_bool,
	.print = print_bool,
	.choices = bool_choices,
};

/* ---- the log ---- */

static const char *const format_choices[] = {[CONF_LOG_TEXT] = "text", [CONF_LOG_JSON] = "json", NULL};

static int parse_log_format(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	int choice = conf_type_choose(input->text, format_choices, reason);

	if (choice < 0)
		return choice;
	*(enum conf_log_format *)field = (enum conf_log_format)choice;
	return 0;
}

static void print_log_format(const void *field, FILE *out)
{
	fputs(format_choices[*(const enum conf_log_format *)field], out);
}

const struct conf_type conf_type_log_format = {
	.name = "choice",
	.explanation = "text or json",
	.parse = parse_log_format,
	.print = print_log_format,
	.choices = format_choices,
};

static const char *const level_choices[] = {
	[LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",     NULL,
};

static int parse_log_level(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	int choice = conf_type_choose(input->text, level_choices, reason);

	if (choice < 0)
		return choice;
	*(int *)field = choice;
	return 0;
}

static void print_log_level(const void *field, FILE *out)
{
	fputs(level_choices[*(const int *)field], out);
}

const struct conf_type conf_type_log_level = {
	.name = "choice",
	.explanation = "error, warning, notice, info or debug",
	.parse = parse_log_level,
	.print = print_log_level,
	.choices = level_choices,
};

static const char *const address_choices[] = {
	[CONF_LOG_ADDRESS_FULL] = "full", [CONF_LOG_ADDRESS_PREFIX] = "prefix",
	[CONF_LOG_ADDRESS_HASH] = "hash", [CONF_LOG_ADDRESS_NONE] = "none",
	NULL,
};

static int parse_log_address(const struct conf_input *input, void *field,
			     char reason[static CONF_REASON_MAX])
{
	int choice = conf_type_choose(input->text, address_choices, reason);

	if (choice < 0)
		return choice;
	*(enum conf_log_address *)field = (enum conf_log_address)choice;
	return 0;
}

static void print_log_address(const void *field, FILE *out)
{
	fputs(address_choices[*(const enum conf_log_address *)field], out);
}

const struct conf_type conf_type_log_address = {
	.name = "choice",
	.explanation = "full, prefix, hash or none",
	.parse = parse_log_address,
	.print = print_log_address,
	.choices = address_choices,
};

/* ---- one of two ---- */

/* The second of two words is true. */
static int parse_second(const struct conf_input *input, const char *const *names, void *field,
			char reason[static CONF_REASON_MAX])
{
	int choice = conf_type_choose(input->text, names, reason);

	if (choice < 0)
		return choice;
	*(bool *)field = choice == 1;
	return 0;
}

static const char *const full_choices[] = {"queue", "refuse", NULL};

static int parse_when_full(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	return parse_second(input, full_choices, field, reason);
}

static void print_when_full(const void *field, FILE *out)
{
	fputs(full_choices[*(const bool *)field], out);
}

const struct conf_type conf_type_when_full = {
	.name = "choice",
	.explanation = "queue or refuse",
	.parse = parse_when_full,
	.print = print_when_full,
	.choices = full_choices,
};

static const char *const hangup_choices[] = {"ignore", "kill", NULL};

static int parse_on_hangup(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	return parse_second(input, hangup_choices, field, reason);
}

static void print_on_hangup(const void *field, FILE *out)
{
	fputs(hangup_choices[*(const bool *)field], out);
}

const struct conf_type conf_type_on_hangup = {
	.name = "choice",
	.explanation = "ignore or kill",
	.parse = parse_on_hangup,
	.print = print_on_hangup,
	.choices = hangup_choices,
};

/* ---- warm start ---- */

static const char *const warm_choices[] = {
	[WARM_NONE] = "no", [WARM_MAIN] = "main", [WARM_INPUT] = "input", NULL
};

static int parse_warm(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	int choice = conf_type_choose(input->text, warm_choices, reason);

	if (choice < 0)
		return choice;
	*(enum warm_mode *)field = (enum warm_mode)choice;
	return 0;
}

static void print_warm(const void *field, FILE *out)
{
	fputs(warm_choices[*(const enum warm_mode *)field], out);
}

const struct conf_type conf_type_warm = {
	.name = "choice",
	.explanation = "no, main or input",
	.parse = parse_warm,
	.print = print_warm,
	.choices = warm_choices,
};
