/* conf-type-rate.c - the numbers of admission: rates, prefixes, decimals, and
 * counts that may be left open. As strict as conf-type-number.c. */
#include "conf-type.h"

#include "base.h"
#include "conf.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BLANKS " \t"
#define DAY_MS INT64_C(86400000)

/* Copies the first word of a text, for the parsers that want a whole one. Returns what
 * follows it and its blanks, or NULL when it is too long to mean anything. */
#define WORD_MAX 40
static const char *take_word(const char *text, const char *end_bytes, char word[static WORD_MAX])
{
	size_t length = strcspn(text, end_bytes);

	if (length >= WORD_MAX)
		return NULL;
	memcpy(word, text, length);
	word[length] = '\0';
	text += length;
	return text + strspn(text, BLANKS);
}

/* ---- rates ---- */

/* More could not be told apart from no limit at all. */
#define PER_SECOND_MAX 1000000
#define TIME_MAX_MS    (7 * DAY_MS)
/* A burst that takes longer to come back comes once. */
#define RECOVERY_MAX_MS (3650 * DAY_MS)

static const char *const none_choices[] = { "none", NULL };

static int refuse_rate(const char *text, char reason[static CONF_REASON_MAX])
{
	return conf_type_refuse(
		reason,
		"'%.80s' is not a rate; write COUNT/TIME, such as 50/s, 10/min or 10/min burst 30, or none",
		text);
}

/* "s", or "10s". */
static int parse_time(const char *text, int64_t *ret_ms, char reason[static CONF_REASON_MAX])
{
	static const char *const units[] = { "ms", "s", "min", "h", "d" };
	char duration[WORD_MAX + 1];

	if (text[0] >= '0' && text[0] <= '9')
		return conf_type_milliseconds(text, 1, TIME_MAX_MS, ret_ms, reason);
	for (size_t i = 0; i < ELEMENTS(units); i++) {
		if (strcmp(text, units[i]) != 0)
			continue;
		snprintf(duration, sizeof(duration), "1%s", text);
		return conf_type_milliseconds(duration, 1, TIME_MAX_MS, ret_ms, reason);
	}
	return conf_type_refuse(
		reason, "'%s' is not a time after the slash; write s, min, h or d, or a duration such as 10s",
		text);
}

static int parse_burst(const struct conf_input *input, const char *text, struct rate *rate,
		       char reason[static CONF_REASON_MAX])
{
	char word[WORD_MAX];
	const char *rest = take_word(text, BLANKS, word);
	int64_t burst = 0;

	if (rest == NULL || strcmp(word, "burst") != 0)
		return conf_type_refuse(reason, "'%.80s' after the rate; only 'burst COUNT' may follow it",
					text);

	int r = conf_type_scaled(rest, 1000, 1, input->max, &burst, reason);

	if (r == 0)
		rate->burst = (uint32_t)burst;
	return r;
}

static int check_rate(const struct rate *rate, int64_t ms, char reason[static CONF_REASON_MAX])
{
	if (rate->count > (PER_SECOND_MAX / 1000) * ms)
		return conf_type_refuse(reason,
					"this is more than %d a second, which is no limit; write none",
					PER_SECOND_MAX);
	if (rate->burst * ms / rate->count > RECOVERY_MAX_MS)
		return conf_type_refuse(
			reason,
			"a burst of %" PRIu32
			" would need more than ten years to be possible again; give a smaller one",
			rate->burst);
	return 0;
}

static int parse_rate(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	struct rate rate = { 0 };
	char count_text[WORD_MAX], time_text[WORD_MAX];
	int64_t count = 0, ms = 0;

	if (strcmp(input->text, "none") == 0) {
		*(struct rate *)field = rate;
		return 0;
	}

	const char *rest = take_word(input->text, "/" BLANKS, count_text);

	if (rest == NULL || count_text[0] < '0' || count_text[0] > '9')
		return refuse_rate(input->text, reason);
	if (*rest != '/')
		return conf_type_refuse(reason, "'%.80s' does not say in what time; write %s/s or %s/min",
					input->text, count_text, count_text);
	rest++;
	rest = take_word(rest + strspn(rest, BLANKS), BLANKS, time_text);
	if (rest == NULL)
		return refuse_rate(input->text, reason);

	int r = conf_type_scaled(count_text, 1000, input->min, input->max, &count, reason);

	if (r == 0)
		r = parse_time(time_text, &ms, reason);
	if (r < 0)
		return r;
	rate = (struct rate){ .count = (uint32_t)count,
			      .burst = (uint32_t)count,
			      .per_ns = (uint64_t)ms * NS_PER_MS };
	if (*rest != '\0')
		r = parse_burst(input, rest, &rate, reason);
	if (r == 0)
		r = check_rate(&rate, ms, reason);
	if (r == 0)
		*(struct rate *)field = rate;
	return r;
}

static void print_rate(const void *field, FILE *out)
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = { { 1, "ms" }, { 1000, "s" }, { 60000, "min" }, { 3600000, "h" }, { DAY_MS, "d" } };
	const struct rate *rate = field;
	int64_t ms = (int64_t)(rate->per_ns / NS_PER_MS);
	const char *unit = NULL;

	if (rate->count == 0) {
		fputs("none", out);
		return;
	}
	for (size_t i = 0; i < ELEMENTS(units); i++)
		if (units[i].ms == ms)
			unit = units[i].name;
	fprintf(out, "%" PRIu32 "/", rate->count);
	if (unit != NULL)
		fputs(unit, out);
	else
		conf_type_print_milliseconds(ms, out);
	if (rate->burst != rate->count)
		fprintf(out, " burst %" PRIu32, rate->burst);
}

const struct conf_type conf_type_rate = {
	.name = "rate",
	.explanation = "count/time, perhaps followed by burst and a count: 50/s, 100/10s, 10/min burst 30; counts "
		       "are from 1 to 1000000, times ms, s, min, h, d or a duration up to 7d; or none",
	.parse = parse_rate,
	.print = print_rate,
	.choices = none_choices,
};

/* ---- prefixes ---- */

static int parse_bits(const char *text, const char *family, int64_t max, unsigned *ret_bits,
		      char reason[static CONF_REASON_MAX])
{
	char why[CONF_REASON_MAX];
	int64_t bits = 0;
	int r = conf_type_scaled(text, 1000, 0, max, &bits, why);

	if (r == 0)
		*ret_bits = (unsigned)bits;
	else
		r = conf_type_refuse(reason, "'%s' is not a number of %s bits: 0 to %" PRId64, text, family,
				     max);
	return r;
}

static int parse_prefixes(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	struct gate_prefixes prefixes = { 0 };
	char ipv4[WORD_MAX] = "", ipv6[WORD_MAX] = "";
	const char *rest = take_word(input->text, "," BLANKS, ipv4);

	if (rest != NULL && *rest == ',')
		rest += 1 + strspn(rest + 1, BLANKS);
	if (rest != NULL)
		rest = take_word(rest, "," BLANKS, ipv6);
	if (rest == NULL || *rest != '\0' || ipv4[0] == '\0' || ipv6[0] == '\0')
		return conf_type_refuse(
			reason,
			"'%.80s' is not two numbers; write the bits of IPv4 and of IPv6, such as 32 64",
			input->text);

	int r = parse_bits(ipv4, "IPv4", 32, &prefixes.ipv4, reason);

	if (r == 0)
		r = parse_bits(ipv6, "IPv6", 128, &prefixes.ipv6, reason);
	if (r == 0)
		*(struct gate_prefixes *)field = prefixes;
	return r;
}

static void print_prefixes(const void *field, FILE *out)
{
	const struct gate_prefixes *prefixes = field;

	fprintf(out, "%u %u", prefixes->ipv4, prefixes->ipv6);
}

const struct conf_type conf_type_prefixes = {
	.name = "two numbers",
	.explanation = "the bits of IPv4, 0 to 32, then those of IPv6, 0 to 128",
	.parse = parse_prefixes,
	.print = print_prefixes,
};

/* ---- decimals ---- */

static void print_thousandths(int64_t thousandths, FILE *out)
{
	int64_t rest = thousandths % 1000;
	int width = 3;

	fprintf(out, "%" PRId64, thousandths / 1000);
	if (rest == 0)
		return;
	for (; rest % 10 == 0; rest /= 10)
		width--;
	fprintf(out, ".%0*" PRId64, width, rest);
}

static int refuse_decimal_range(const struct conf_input *input, char reason[static CONF_REASON_MAX])
{
	char low[32] = "", high[32] = "";
	FILE *stream = fmemopen(low, sizeof(low), "w");

	if (stream == NULL)
		return -ENOMEM;
	print_thousandths(input->min, stream);
	fclose(stream);
	stream = fmemopen(high, sizeof(high), "w");
	if (stream == NULL)
		return -ENOMEM;
	print_thousandths(input->max, stream);
	fclose(stream);
	return conf_type_refuse(reason, "'%.80s' is out of range: %s to %s, or none", input->text, low, high);
}

static int parse_decimal(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	static const char digits[] = "0123456789";
	const char *text = input->text;
	size_t whole = strspn(text, digits);
	size_t after = text[whole] == '.' ? strspn(text + whole + 1, digits) : 0;
	size_t end = whole + (text[whole] == '.') + after;

	if (strcmp(text, "none") == 0) {
		*(unsigned *)field = 0;
		return 0;
	}
	if (whole == 0 || text[end] != '\0' || text[end - 1] == '.' || after > 3 ||
	    (text[0] == '0' && whole > 1))
		return conf_type_refuse(reason,
					"'%.80s' is not a decimal number; write one such as 8 or 2.5, with "
					"up to three digits after the point, or none",
					text);

	int64_t number = 0;

	for (size_t i = 0; i < whole && number <= input->max; i++)
		number = number * 10 + (text[i] - '0');
	/* Ten times more than is allowed is the most it can be here. */
	for (size_t i = 0; i < 3; i++)
		number = number * 10 + (i < after ? text[whole + 1 + i] - '0' : 0);
	if (number < input->min || number > input->max)
		return refuse_decimal_range(input, reason);
	*(unsigned *)field = (unsigned)number;
	return 0;
}

static void print_decimal(const void *field, FILE *out)
{
	unsigned number = *(const unsigned *)field;

	if (number == 0)
		fputs("none", out);
	else
		print_thousandths(number, out);
}

const struct conf_type conf_type_decimal = {
	.name = "decimal number or none",
	.explanation = "a number with up to three digits after the point, or none",
	.parse = parse_decimal,
	.print = print_decimal,
	.choices = none_choices,
};

/* ---- counts, or a word ---- */

static const char *const optional_choices[] = {
	[CONF_COUNT_AUTO] = "auto",
	[CONF_COUNT_NONE] = "none",
	[CONF_COUNT_SET] = NULL,
};

static int parse_optional_count(const struct conf_input *input, void *field,
				char reason[static CONF_REASON_MAX])
{
	struct conf_optional_count count = { .kind = CONF_COUNT_SET };
	int64_t number = 0;

	if (strcmp(input->text, "auto") == 0) {
		count.kind = CONF_COUNT_AUTO;
	} else if (strcmp(input->text, "none") == 0) {
		count.kind = CONF_COUNT_NONE;
	} else if (strcmp(input->text, "0") == 0 && input->min > 0) {
		return conf_type_refuse(reason, "0 would be nobody; write none where there is no limit");
	} else {
		int r = conf_type_scaled(input->text, 1000, input->min, input->max, &number, reason);

		if (r < 0)
			return r;
		count.value = (unsigned)number;
	}
	*(struct conf_optional_count *)field = count;
	return 0;
}

static void print_optional_count(const void *field, FILE *out)
{
	const struct conf_optional_count *count = field;

	if (count->kind == CONF_COUNT_SET)
		fprintf(out, "%u", count->value);
	else
		fputs(optional_choices[count->kind], out);
}

const struct conf_type conf_type_optional_count = {
	.name = "number, auto or none",
	.explanation = "a decimal number, none, or auto",
	.parse = parse_optional_count,
	.print = print_optional_count,
	.choices = optional_choices,
};
