/* conf-type-number.c - numbers, sizes, durations and modes.
 * Strictly decimal and in range, or an error that says the range: nothing is
 * cut, rounded or guessed. */
#include "conf-type.h"

#include "base.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

/* A whole number that stands at the start of `text`: digits, no sign, no
 * leading zeros. Returns the rest of the text, or NULL when there is none;
 * `ret_over` tells whether it is too large for 63 bits. */
static const char *scan_number(const char *text, int64_t *ret_number, bool *ret_over)
{
	int64_t number = 0;
	bool over = false;

	if (*text < '0' || *text > '9' || (*text == '0' && text[1] >= '0' && text[1] <= '9'))
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (over || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, *text - '0', &number))
			over = true;
	}
	*ret_number = over ? INT64_MAX : number;
	*ret_over = over;
	return text;
}

/* K, M, G and T, powers of 1024 for sizes and of 1000 for counts. -1: none of them. */
static int64_t unit_factor(const char *unit, int64_t base)
{
	static const char units[] = "KMGT";
	int64_t factor = 1;

	if (*unit == '\0')
		return 1;
	for (size_t i = 0; units[i] != '\0'; i++) {
		factor *= base;
		if ((*unit == units[i] || *unit == units[i] + ('a' - 'A')) && unit[1] == '\0')
			return factor;
	}
	return -1;
}

static int refuse_range(const char *text, int64_t min, int64_t max, char reason[static CONF_REASON_MAX])
{
	return conf_type_refuse(reason, "'%.80s' is out of range: %" PRId64 " to %" PRId64, text, min, max);
}

static int refuse_number(const char *text, int64_t min, int64_t max, char reason[static CONF_REASON_MAX])
{
	if (text[0] == '\0')
		return conf_type_refuse(reason, "a number is missing; give one from %" PRId64 " to %" PRId64,
					min, max);
	return conf_type_refuse(reason,
				"'%.80s' is not a number; write plain decimal digits from %" PRId64
				" to %" PRId64 " (k, M or G may follow)",
				text, min, max);
}

int conf_type_scaled(const char *text, int64_t base, int64_t min, int64_t max, int64_t *ret_number,
		     char reason[static CONF_REASON_MAX])
{
	int64_t number, factor;
	bool over;
	const char *rest = scan_number(text, &number, &over);

	if (rest == NULL || (factor = unit_factor(rest, base)) < 0)
		return refuse_number(text, min, max, reason);
	if (over || __builtin_mul_overflow(number, factor, &number) || number < min || number > max)
		return refuse_range(text, min, max, reason);
	*ret_number = number;
	return 0;
}

void conf_type_print_size(int64_t size, FILE *out)
{
	static const char units[] = "KMGT";
	const char *unit = "";

	for (size_t i = 0; units[i] != '\0' && size != 0 && size % 1024 == 0; i++) {
		size /= 1024;
		unit = units + i;
	}
	fprintf(out, "%" PRId64 "%.1s", size, unit);
}

/* ---- counts and sizes ---- */

static int parse_count(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	int64_t number = 0;
	int r = conf_type_scaled(input->text, 1000, input->min, input->max, &number, reason);

	if (r == 0)
		*(unsigned *)field = (unsigned)number;
	return r;
}

static void print_count(const void *field, FILE *out)
{
	fprintf(out, "%u", *(const unsigned *)field);
}

const struct conf_type conf_type_count = {
	.name = "number",
	.explanation = "a decimal number; k, M and G stand for thousands, millions and milliards",
	.parse = parse_count,
	.print = print_count,
};

static int parse_count_or_auto(const struct conf_input *input, void *field,
			       char reason[static CONF_REASON_MAX])
{
	if (strcmp(input->text, "auto") != 0)
		return parse_count(input, field, reason);
	*(unsigned *)field = 0;
	return 0;
}

static void print_count_or_auto(const void *field, FILE *out)
{
	if (*(const unsigned *)field == 0)
		fputs("auto", out);
	else
		print_count(field, out);
}

static const char *const auto_choices[] = {"auto", NULL};

const struct conf_type conf_type_count_or_auto = {
	.name = "number or auto",
	.explanation = "a decimal number, or auto",
	.parse = parse_count_or_auto,
	.print = print_count_or_auto,
	.choices = auto_choices,
};

static int parse_size(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	int64_t number = 0;
	int r = conf_type_scaled(input->text, 1024, input->min, input->max, &number, reason);

	if (r == 0)
		*(uint64_t *)field = (uint64_t)number;
	return r;
}

static void print_size_field(const void *field, FILE *out)
{
	conf_type_print_size((int64_t) * (const uint64_t *)field, out);
}

const struct conf_type conf_type_size = {
	.name = "size",
	.explanation = "a number of bytes; K, M, G and T stand for powers of 1024",
	.parse = parse_size,
	.print = print_size_field,
};

/* ---- durations ---- */

static const struct {
	const char *name;
	int64_t ms;
} duration_units[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}};

void conf_type_print_milliseconds(int64_t ms, FILE *out)
{
	for (size_t i = 0; i < ELEMENTS(duration_units); i++) {
		if (ms == 0 || ms % duration_units[i].ms != 0)
			continue;
		fprintf(out, "%" PRId64 "%s", ms / duration_units[i].ms, duration_units[i].name);
		return;
	}
	fputs("0", out);
}

static int refuse_duration_range(const char *text, int64_t min, int64_t max,
				 char reason[static CONF_REASON_MAX])
{
	char low[32] = "", high[32] = "";
	FILE *stream = fmemopen(low, sizeof(low), "w");

	if (stream == NULL)
		return -ENOMEM;
	conf_type_print_milliseconds(min, stream);
	fclose(stream);
	stream = fmemopen(high, sizeof(high), "w");
	if (stream == NULL)
		return -ENOMEM;
	conf_type_print_milliseconds(max, stream);
	fclose(stream);
	return conf_type_refuse(reason, "'%.80s' is out of range: %s to %s", text, low, high);
}

static int64_t duration_factor(const char *unit)
{
	for (size_t i = 0; i < ELEMENTS(duration_units); i++)
		if (strcmp(unit, duration_units[i].name) == 0)
			return duration_units[i].ms;
	return -1;
}

int conf_type_milliseconds(const char *text, int64_t min, int64_t max, int64_t *ret_ms,
			   char reason[static CONF_REASON_MAX])
{
	int64_t number, factor;
	bool over;
	const char *unit = scan_number(text, &number, &over);

	if (unit != NULL && *unit == '\0' && number != 0)
		return conf_type_refuse(reason, "'%.40s' has no unit; write %.40ss (or ms, min, h, d)", text,
					text);
	/* Nothing is nothing in any unit. */
	factor = unit == NULL ? -1 : *unit == '\0' ? 1 : duration_factor(unit);
	if (factor < 0)
		return conf_type_refuse(
			reason,
			"'%.80s' is not a duration; write a number and ms, s, min, h or d, such as 30s",
			text);
	if (over || __builtin_mul_overflow(number, factor, &number) || number < min || number > max)
		return refuse_duration_range(text, min, max, reason);
	*ret_ms = number;
	return 0;
}

static int parse_duration(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	int64_t ms = 0;

	if (input->min != 0 || strcmp(input->text, "no") != 0) {
		int r = conf_type_milliseconds(input->text, input->min, input->max, &ms, reason);

		if (r < 0)
			return r;
	}
	*(uint64_t *)field = (uint64_t)ms * NS_PER_MS;
	return 0;
}

static void print_duration(const void *field, FILE *out)
{
	conf_type_print_milliseconds((int64_t)(*(const uint64_t *)field / NS_PER_MS), out);
}

const struct conf_type conf_type_duration = {
	.name = "duration",
	.explanation = "a number and its unit: 250ms, 30s, 10min, 2h, 1d",
	.parse = parse_duration,
	.print = print_duration,
};

/* ---- modes ---- */

static int parse_mode(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	const char *text = input->text;
	size_t length = strlen(text);

	if (length < 3 || length > 4 || strspn(text, "01234567") != length || (length == 4 && text[0] != '0'))
		return conf_type_refuse(
			reason, "'%.80s' is not a mode; write three octal digits, such as 022 or 0600", text);

	mode_t mode = 0;

	for (; *text != '\0'; text++)
		mode = mode * 8 + (mode_t)(*text - '0');
	*(mode_t *)field = mode;
	return 0;
}

static void print_mode(const void *field, FILE *out)
{
	fprintf(out, "%04o", *(const mode_t *)field);
}

const struct conf_type conf_type_mode = {
	.name = "mode",
	.explanation = "permission bits in octal, as chmod(1) takes them: 022, 0600",
	.parse = parse_mode,
	.print = print_mode,
};

/* ---- numbers that may be left as they are ---- */

static const char *const inherit_choices[] = {"inherit", NULL};

static int parse_optional_int(const struct conf_input *input, void *field,
			      char reason[static CONF_REASON_MAX])
{
	const char *text = input->text;
	int64_t number;
	bool over;

	if (strcmp(text, "inherit") == 0) {
		*(struct conf_optional_int *)field = (struct conf_optional_int){0};
		return 0;
	}

	bool is_negative = text[0] == '-' && text[1] != '0';
	const char *rest = scan_number(text + is_negative, &number, &over);

	if (rest == NULL || *rest != '\0')
		return conf_type_refuse(
			reason, "'%.80s' is not a number from %" PRId64 " to %" PRId64 ", nor inherit", text,
			input->min, input->max);
	if (is_negative)
		number = -number;
	if (over || number < input->min || number > input->max)
		return refuse_range(text, input->min, input->max, reason);
	*(struct conf_optional_int *)field = (struct conf_optional_int){.set = true, .value = (int)number};
	return 0;
}

static void print_optional_int(const void *field, FILE *out)
{
	const struct conf_optional_int *number = field;

	if (number->set)
		fprintf(out, "%d", number->value);
	else
		fputs("inherit", out);
}

const struct conf_type conf_type_optional_int = {
	.name = "integer or inherit",
	.explanation = "a decimal number, which may be negative, or inherit: as usherd was started",
	.parse = parse_optional_int,
	.print = print_optional_int,
	.choices = inherit_choices,
};
