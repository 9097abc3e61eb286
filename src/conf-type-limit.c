/* conf-type-limit.c - resource limits: `soft`, `soft:hard`, unlimited, inherit. */
#include "conf-type.h"

#include <errno.h>
#include <string.h>

enum unit { UNIT_COUNT, UNIT_SIZE, UNIT_TIME };

static int parse_part(const struct conf_input *input, enum unit unit, const char *text, rlim_t *ret_value,
		      char reason[static CONF_REASON_MAX])
{
	int64_t number = 0;
	int r = 0;

	if (strcmp(text, "unlimited") == 0) {
		*ret_value = RLIM_INFINITY;
		return 0;
	}
	switch (unit) {
	case UNIT_COUNT:
		r = conf_type_scaled(text, 1000, input->min, input->max, &number, reason);
		break;
	case UNIT_SIZE:
		r = conf_type_scaled(text, 1024, input->min, input->max, &number, reason);
		break;
	case UNIT_TIME:
		r = conf_type_milliseconds(text, input->min, input->max, &number, reason);
		if (r == 0 && number % 1000 != 0)
			r = conf_type_refuse(reason, "'%.80s' is not whole seconds", text);
		number /= 1000;
		break;
	}
	if (r == 0)
		*ret_value = (rlim_t)number;
	return r;
}

static int parse_limit(const struct conf_input *input, enum unit unit, void *field,
		       char reason[static CONF_REASON_MAX])
{
	struct conf_rlimit limit = {.set = true};
	char soft[80];
	const char *colon = strchr(input->text, ':');
	size_t length = colon != NULL ? (size_t)(colon - input->text) : strlen(input->text);
	int r;

	if (strcmp(input->text, "inherit") == 0) {
		*(struct conf_rlimit *)field = (struct conf_rlimit){0};
		return 0;
	}
	if (length >= sizeof(soft))
		return conf_type_refuse(reason,
					"'%.80s' is not a limit; write soft, soft:hard, unlimited or inherit",
					input->text);
	memcpy(soft, input->text, length);
	soft[length] = '\0';

	r = parse_part(input, unit, soft, &limit.soft, reason);
	if (r < 0)
		return r;
	limit.hard = limit.soft;
	if (colon != NULL) {
		r = parse_part(input, unit, colon + 1, &limit.hard, reason);
		if (r < 0)
			return r;
	}
	/* RLIM_INFINITY is the highest value. */
	if (limit.soft > limit.hard)
		return conf_type_refuse(reason,
					"'%.80s': the soft limit (first) is above the hard limit (second)",
					input->text);
	*(struct conf_rlimit *)field = limit;
	return 0;
}

static void print_part(rlim_t value, enum unit unit, FILE *out)
{
	if (value == RLIM_INFINITY) {
		fputs("unlimited", out);
		return;
	}
	switch (unit) {
	case UNIT_COUNT:
		fprintf(out, "%ju", (uintmax_t)value);
		break;
	case UNIT_SIZE:
		conf_type_print_size((int64_t)value, out);
		break;
	case UNIT_TIME:
		conf_type_print_milliseconds((int64_t)value * 1000, out);
		break;
	}
}

static void print_limit(const struct conf_rlimit *limit, enum unit unit, FILE *out)
{
	if (!limit->set) {
		fputs("inherit", out);
		return;
	}
	print_part(limit->soft, unit, out);
	if (limit->hard != limit->soft) {
		fputc(':', out);
		print_part(limit->hard, unit, out);
	}
}

static const char *const choices[] = {"inherit", "unlimited", NULL};

static int parse_count(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	return parse_limit(input, UNIT_COUNT, field, reason);
}

static void print_count(const void *field, FILE *out)
{
	print_limit(field, UNIT_COUNT, out);
}

const struct conf_type conf_type_rlimit_count = {
	.name = "limit",
	.explanation = "a number, or soft:hard; unlimited; or inherit: as usherd was started",
	.parse = parse_count,
	.print = print_count,
	.choices = choices,
};

static int parse_size(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	return parse_limit(input, UNIT_SIZE, field, reason);
}

static void print_size(const void *field, FILE *out)
{
	print_limit(field, UNIT_SIZE, out);
}

const struct conf_type conf_type_rlimit_size = {
	.name = "limit",
	.explanation = "a size, or soft:hard; unlimited; or inherit: as usherd was started",
	.parse = parse_size,
	.print = print_size,
	.choices = choices,
};

static int parse_time(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	return parse_limit(input, UNIT_TIME, field, reason);
}

static void print_time(const void *field, FILE *out)
{
	print_limit(field, UNIT_TIME, out);
}

const struct conf_type conf_type_rlimit_time = {
	.name = "limit",
	.explanation =
		"a duration in whole seconds, or soft:hard; unlimited; or inherit: as usherd was started",
	.parse = parse_time,
	.print = print_time,
	.choices = choices,
};
