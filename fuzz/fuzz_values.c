/* fuzz_values.c - counts, sizes, durations and rates of any text, against a
 * second reading of the same rules that is written as plainly as it can be; and what is
 * accepted is printed, read again, and is the same. The first byte chooses the type. */
#include "base.h"
#include "conf-type.h"
#include "conf.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit counts[] = { { "", 1 },
				      { "k", 1000 },
				      { "m", 1000000 },
				      { "g", INT64_C(1000000000) },
				      { "t", INT64_C(1000000000000) },
				      { NULL, 0 } };
static const struct unit sizes[] = { { "", 1 },
				     { "k", INT64_C(1) << 10 },
				     { "m", INT64_C(1) << 20 },
				     { "g", INT64_C(1) << 30 },
				     { "t", INT64_C(1) << 40 },
				     { NULL, 0 } };
static const struct unit times[] = { { "ms", 1 },	   { "s", 1000 },   { "min", 60000 },
				     { "h", 3600000 }, { "d", DAY_MS }, { NULL, 0 } };

/* What the text is worth, or -1 when it is to be refused. A product is never made that
 * could be more than `max`. */
static int64_t expect(const char *text, const struct unit *units, int64_t max)
{
	size_t digits = strspn(text, "0123456789");
	char unit[4] = "";
	int64_t number = 0;

	if (digits == 0 || (digits > 1 && text[0] == '0') || strlen(text + digits) >= sizeof(unit))
		return -1;
	for (size_t i = 0; text[digits + i] != '\0'; i++) {
		unit[i] = text[digits + i];
		if (units != times && unit[i] >= 'A' && unit[i] <= 'Z')
			unit[i] = (char)(unit[i] - 'A' + 'a');
	}
	if (units == times && strcmp(text, "0") == 0)
		return 0;
	while (units->name != NULL && strcmp(units->name, unit) != 0)
		units++;
	if (units->name == NULL)
		return -1;
	for (size_t i = 0; i < digits; i++) {
		int digit = text[i] - '0';

		if (number > (max - digit) / 10)
			return -1;
		number = number * 10 + digit;
	}
	return number > max / units->factor ? -1 : number * units->factor;
}

/* What the type prints for the field, or false when there is no memory. */
static bool print(const struct conf_type *type, const void *field, char text[static 128])
{
	FILE *out = fmemopen(text, 128, "w");

	if (out == NULL)
		return false;
	type->print(field, out);
	fclose(out);
	return true;
}

/* Reads the text; what is accepted is printed and read again. Returns what parse() did. */
static int read_twice(const struct conf_type *type, struct conf_input *input, void *field, size_t size)
{
	char reason[CONF_REASON_MAX] = "", printed[128] = "";
	unsigned char again[sizeof(struct rate)] = { 0 };
	int error = type->parse(input, field, reason);

	if (error != 0) {
		if (*reason == '\0')
			BUG("a refusal without a reason");
		return error;
	}
	if (!print(type, field, printed))
		return 0;
	input->text = printed;
	if (type->parse(input, again, reason) != 0)
		BUG("what is printed is refused");
	if (memcmp(field, again, size) != 0)
		BUG("what is printed is another value");
	return 0;
}

static void check(bool accepted, uint64_t value, int64_t expected, int64_t min)
{
	if (accepted != (expected >= min))
		BUG("accepted or refused against the rules");
	if (accepted && value != (uint64_t)expected)
		BUG("another value than the text says");
}

static void check_number(unsigned which, struct conf_input *input)
{
	unsigned count = 0;
	uint64_t wide = 0;
	int64_t expected;
	bool accepted;

	if (which == 0) {
		input->max = UINT32_MAX;
		expected = expect(input->text, counts, input->max);
		accepted = read_twice(&conf_type_count, input, &count, sizeof(count)) == 0;
		check(accepted, count, expected, input->min);
	} else if (which == 1) {
		input->max = INT64_MAX;
		expected = expect(input->text, sizes, input->max);
		accepted = read_twice(&conf_type_size, input, &wide, sizeof(wide)) == 0;
		check(accepted, wide, expected, input->min);
	} else {
		input->min = 1;
		input->max = 3650 * DAY_MS;
		expected = expect(input->text, times, input->max);
		accepted = read_twice(&conf_type_duration, input, &wide, sizeof(wide)) == 0;
		check(accepted, wide / NS_PER_MS, expected, input->min);
	}
}

/* Of a rate, what must hold whatever the text was. */
static void check_rate(struct conf_input *input)
{
	struct rate rate = { 0 };

	input->min = 1;
	input->max = 1000000;
	if (read_twice(&conf_type_rate, input, &rate, sizeof(rate)) != 0 || rate.count == 0)
		return;
	if (rate.count > 1000000 || rate.burst < 1 || rate.burst > 1000000)
		BUG("a count out of its range");
	if (rate.per_ns < NS_PER_MS || rate.per_ns > (uint64_t)(7 * DAY_MS) * NS_PER_MS)
		BUG("a time out of its range");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[128];
	struct conf_input input = { .text = text };

	if (size == 0 || size > sizeof(text))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] % 4 == 3)
		check_rate(&input);
	else
		check_number(data[0] % 4, &input);
	return 0;
}
