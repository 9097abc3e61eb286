/* check_ctl_format.c - units as people read them, and text that no terminal acts upon. */
#include "base.h"
#include "ctl-format.h"
#include "run.h"

#include <locale.h>
#include <math.h>
#include <string.h>

typedef const char *format(double value, char text[static CTL_VALUE_MAX]);

static const struct {
	format *format;
	double value;
	const char *text;
} values[] = {
	{ ctl_format_bytes, 0, "0 B" },
	{ ctl_format_bytes, 999, "999 B" },
	{ ctl_format_bytes, 1023, "1023 B" },
	{ ctl_format_bytes, 1024, "1.0 KiB" },
	{ ctl_format_bytes, 1258291, "1.2 MiB" },
	{ ctl_format_bytes, 1048575, "1.0 MiB" },
	{ ctl_format_bytes, 35651584, "34 MiB" },
	{ ctl_format_bytes, 1e30, "867361737988 EiB" },
	{ ctl_format_bytes, NAN, "-" },
	{ ctl_format_bytes, -1, "-" },
	{ ctl_format_bytes, INFINITY, "-" },
	{ ctl_format_duration, 0, "0s" },
	{ ctl_format_duration, 0.00002, "0.02ms" },
	{ ctl_format_duration, 0.0004, "0.4ms" },
	{ ctl_format_duration, 0.012, "12ms" },
	{ ctl_format_duration, 0.9999, "1.0s" },
	{ ctl_format_duration, 3.14, "3.1s" },
	{ ctl_format_duration, 9.96, "10s" },
	{ ctl_format_duration, 59.4, "59s" },
	{ ctl_format_duration, 59.5, "1m00s" },
	{ ctl_format_duration, 192, "3m12s" },
	{ ctl_format_duration, 3599.5, "1h00m" },
	{ ctl_format_duration, 14820, "4h07m" },
	{ ctl_format_duration, 1047600, "12d03h" },
	{ ctl_format_duration, 1e300, "11574074d01h" },
	{ ctl_format_duration, NAN, "-" },
	{ ctl_format_duration, -3, "-" },
	{ ctl_format_count, 0, "0" },
	{ ctl_format_count, 999999, "999999" },
	{ ctl_format_count, 1234567, "1.23M" },
	{ ctl_format_count, 12345678, "12.3M" },
	{ ctl_format_count, 999999999, "1.00G" },
	{ ctl_format_count, NAN, "-" },
	{ ctl_format_rate, 0, "0/s" },
	{ ctl_format_rate, 0.25, "0.25/s" },
	{ ctl_format_rate, 12.34, "12.3/s" },
	{ ctl_format_rate, 3400, "3.40k/s" },
};

START_TEST(value)
{
	char text[CTL_VALUE_MAX];

	ck_assert_str_eq(values[_i].format(values[_i].value, text), values[_i].text);
}
END_TEST

static const struct {
	const char *text, *safe, *ascii;
	size_t width; /* of `safe` */
} texts[] = {
	{ NULL, "-", "-", 1 },
	{ "", "", "", 0 },
	{ "plain text", "plain text", "plain text", 10 },
	{ "\033[2J\n\r\t\x7f", "\\x1b[2J\\x0a\\x0d\\x09\\x7f", "\\x1b[2J\\x0a\\x0d\\x09\\x7f", 23 },
	{ "caf\xc3\xa9", "caf\xc3\xa9", "caf<U+00E9>", 4 },
	{ "\xe4\xb8\xad\xe6\x96\x87", "\xe4\xb8\xad\xe6\x96\x87", "<U+4E2D><U+6587>", 4 },
	{ "e\xcc\x81", "e\xcc\x81", "e<U+0301>", 1 },
	{ "\xc2\x9b", "<U+009B>", "<U+009B>", 8 },
	{ "\xe2\x80\xae", "<U+202E>", "<U+202E>", 8 },
	{ "\xff\xc0\x80", "\\xff\\xc0\\x80", "\\xff\\xc0\\x80", 12 },
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80", 12 },
	{ "\xf4\x8f\xbf\xbf", "<U+10FFFF>", "<U+10FFFF>", 10 },
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80", 16 },
	{ "\xc3", "\\xc3", "\\xc3", 4 },
};

START_TEST(safe)
{
	char *text = ctl_format_safe(texts[_i].text, true);

	ck_assert_str_eq(text, texts[_i].safe);
	ck_assert_uint_eq(ctl_format_width(text), texts[_i].width);
	free(text);
	text = ctl_format_safe(texts[_i].text, false);
	ck_assert_str_eq(text, texts[_i].ascii);
	free(text);
}
END_TEST

START_TEST(cut)
{
	ck_assert_uint_eq(ctl_format_cut("abc", 2), 2);
	ck_assert_uint_eq(ctl_format_cut("abc", 9), 3);
	/* Never in the middle of a character, nor half of a wide one. */
	ck_assert_uint_eq(ctl_format_cut("\xc3\xa9\xc3\xa9", 1), 2);
	ck_assert_uint_eq(ctl_format_cut("\xe4\xb8\xad\xe6\x96\x87", 3), 3);
	/* What belongs to the last one stays with it. */
	ck_assert_uint_eq(ctl_format_cut("e\xcc\x81x", 1), 3);
}
END_TEST

START_TEST(members)
{
	json_t *object = json_pack("{s:s, s:i, s:f, s:n, s:i}", "text", "x", "number", 7, "real", 0.5, "null",
				   "less", -1);

	ck_assert_str_eq(ctl_text(object, "text"), "x");
	ck_assert_ptr_null(ctl_text(object, "number"));
	ck_assert_ptr_null(ctl_text(object, "null"));
	ck_assert_ptr_null(ctl_text(NULL, "text"));
	ck_assert(ctl_number(object, "real") == 0.5);
	ck_assert(isnan(ctl_number(object, "null")));
	ck_assert(isnan(ctl_number(NULL, "real")));
	ck_assert_uint_eq(ctl_integer(object, "number"), 7);
	ck_assert_uint_eq(ctl_integer(object, "less"), 0);
	ck_assert_uint_eq(ctl_integer(object, "text"), 0);
	json_decref(object);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("ctl_format");
	TCase *test_case = tcase_create("format");

	setlocale(LC_CTYPE, "C.UTF-8");
	tcase_add_loop_test(test_case, value, 0, ELEMENTS(values));
	tcase_add_loop_test(test_case, safe, 0, ELEMENTS(texts));
	tcase_add_test(test_case, cut);
	tcase_add_test(test_case, members);
	suite_add_tcase(suite, test_case);
	return suite;
}

RUN_SUITE(make_suite)
