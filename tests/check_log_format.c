/* check_log_format.c - escaping: whatever a value holds, a line stays one line, a
 * field one field, and a reader gets the bytes back. */
#include "log.h"

#include "base.h"
#include "check_json.h"
#include "check_log.h"
#include "log-format.h"
#include "run.h"

static char path[PATH_MAX];

static struct log *open_file(enum log_format format, enum log_level level)
{
	struct log_options options = {.sink = LOG_SINK_FILE, .format = format, .level = level};
	struct log *log;

	options.path = make_path(path, "log");
	ck_assert_int_eq(log_open(&options, 0, &log), 0);
	return log;
}

/* Closes the log and returns what it wrote. */
static char *finish(struct log *log)
{
	log_close(log);

	char *text = read_whole(path);

	remove_folder(path);
	return text;
}

/* The one line of a log with one field, without its newline; for text also without its time. */
static char *one_line(enum log_format format, const char *bytes, size_t length)
{
	struct log *log = open_file(format, LOG_LEVEL_INFO);
	struct log_event *event = log_begin(log, LOG_LEVEL_INFO, "try");

	log_bytes(event, "v", bytes, length);
	log_end(event);

	char *text = finish(log);
	size_t size = strlen(text);

	ck_assert_uint_gt(size, 0);
	ck_assert_uint_le(size, LOG_LINE_MAX);
	ck_assert_ptr_eq(strchr(text, '\n'), text + size - 1);
	text[size - 1] = '\0';
	if (format == LOG_FORMAT_TEXT) {
		char *event_text = strchr(text, ' ') + 1;

		memmove(text, event_text, strlen(event_text) + 1);
	}
	return text;
}

/* ---- a strict reader of the text format ---- */

/* Takes the value at *at apart; returns how many bytes it stood for. */
static size_t read_text_value(const char **at, char *bytes)
{
	size_t length = 0;
	const char *p = *at;
	bool quoted = *p == '"';

	if (quoted)
		p++;
	while (*p != '\0' && (quoted ? *p != '"' : *p != ' ')) {
		ck_assert_msg(*p >= 0x20 && *p < 0x7f, "byte 0x%02x in the line", (unsigned char)*p);
		if (!quoted) {
			ck_assert_msg(strchr("\\=\"", *p) == NULL, "a bare %c", *p);
		} else if (*p == '\\') {
			p++;
			if (*p == 'x') {
				unsigned value;

				ck_assert_int_eq(sscanf(p + 1, "%2x", &value), 1);
				bytes[length++] = (char)value;
				p += 3;
				continue;
			}
			ck_assert(*p == '\\' || *p == '"');
		}
		bytes[length++] = *p++;
	}
	if (quoted)
		ck_assert_int_eq(*p++, '"');
	else
		ck_assert_uint_gt(length, 0);
	*at = p;
	return length;
}

/* The text behind `"v":` of a JSON line. */
static const char *json_value(const char *line)
{
	const char *at = strstr(line, ",\"v\":");

	ck_assert_ptr_nonnull(at);
	return at + 5;
}

/* ---- escaping ---- */

START_TEST(every_byte_as_text)
{
	char byte = (char)_i;
	const char around[3] = {'a', byte, 'b'};
	const char *const values[] = {&byte, around};
	const size_t lengths[] = {1, 3};

	for (size_t i = 0; i < 2; i++) {
		char *line = one_line(LOG_FORMAT_TEXT, values[i], lengths[i]);
		const char *at = line + strlen("try v=");
		char back[8];

		ck_assert_int_eq(strncmp(line, "try v=", 6), 0);
		ck_assert_uint_eq(read_text_value(&at, back), lengths[i]);
		ck_assert_mem_eq(back, values[i], lengths[i]);
		ck_assert_int_eq(*at, '\0');
		free(line);
	}
}
END_TEST

START_TEST(every_byte_as_json)
{
	unsigned char c = (unsigned char)_i;
	char byte = (char)c, wanted[16];
	char *line = one_line(LOG_FORMAT_JSON, &byte, 1);

	check_json(line);
	if (c == '"' || c == '\\')
		snprintf(wanted, sizeof(wanted), "\"\\%c\"}", c);
	else if (c < 0x20 || c >= 0x7f)
		snprintf(wanted, sizeof(wanted), "\"\\u00%02x\"}", c);
	else
		snprintf(wanted, sizeof(wanted), "\"%c\"}", c);
	ck_assert_str_eq(json_value(line), wanted);
	free(line);
}
END_TEST

START_TEST(all_bytes_together)
{
	char bytes[256 * 4], back[sizeof(bytes)];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7);

	char *line = one_line(LOG_FORMAT_TEXT, bytes, sizeof(bytes));
	const char *at = line + strlen("try v=");

	ck_assert_uint_eq(read_text_value(&at, back), sizeof(bytes));
	ck_assert_mem_eq(back, bytes, sizeof(bytes));
	free(line);

	line = one_line(LOG_FORMAT_JSON, bytes, sizeof(bytes));
	check_json(line);
	free(line);
}
END_TEST

static const struct {
	const char *value, *text, *json;
} escapes[] = {
	{"", "\"\"", "\"\""},
	{"plain", "plain", "\"plain\""},
	{"-", "-", "\"-\""},
	{"two words", "\"two words\"", "\"two words\""},
	{" ", "\" \"", "\" \""},
	{"a=b", "\"a=b\"", "\"a=b\""},
	{"a\"b", "\"a\\\"b\"", "\"a\\\"b\""},
	{"a\\b", "\"a\\\\b\"", "\"a\\\\b\""},
	{"\\x41", "\"\\\\x41\"", "\"\\\\x41\""},
	{"\\", "\"\\\\\"", "\"\\\\\""},
	{"{},:[]'`$", "{},:[]'`$", "\"{},:[]'`$\""},
	{"[2001:db8::1%2]:443", "[2001:db8::1%2]:443", "\"[2001:db8::1%2]:443\""},
	{"\x1b[2J\x07\r", "\"\\x1b[2J\\x07\\x0d\"", "\"\\u001b[2J\\u0007\\u000d\""},
	{"\x7f", "\"\\x7f\"", "\"\\u007f\""},
	/* A forged record, and a forged field. */
	{"x\n2026-01-01T00:00:00.000+00:00 end service=git",
	 "\"x\\x0a2026-01-01T00:00:00.000+00:00 end service=git\"",
	 "\"x\\u000a2026-01-01T00:00:00.000+00:00 end service=git\""},
	{"x\",\"event\":\"end", "\"x\\\",\\\"event\\\":\\\"end\"", "\"x\\\",\\\"event\\\":\\\"end\""},
	/* UTF-8 */
	{"\xc3\xa4", "\"\\xc3\\xa4\"", "\"\xc3\xa4\""},
	{"\xe2\x82\xac", "\"\\xe2\\x82\\xac\"", "\"\xe2\x82\xac\""},
	{"\xf0\x9f\x98\x80", "\"\\xf0\\x9f\\x98\\x80\"", "\"\xf0\x9f\x98\x80\""},
	{"\xf4\x8f\xbf\xbf", "\"\\xf4\\x8f\\xbf\\xbf\"", "\"\xf4\x8f\xbf\xbf\""},
	{"\xed\x9f\xbf", "\"\\xed\\x9f\\xbf\"", "\"\xed\x9f\xbf\""},
	{"\xee\x80\x80", "\"\\xee\\x80\\x80\"", "\"\xee\x80\x80\""},
	{"\xc2\xa0", "\"\\xc2\\xa0\"", "\"\xc2\xa0\""},
	/* not UTF-8: a lone lead, a lone tail, cut short, too long a form, surrogates, too high */
	{"\xc3", "\"\\xc3\"", "\"\\u00c3\""},
	{"\xc3" "a", "\"\\xc3a\"", "\"\\u00c3a\""},
	{"\xa4", "\"\\xa4\"", "\"\\u00a4\""},
	{"\xe2\x82", "\"\\xe2\\x82\"", "\"\\u00e2\\u0082\""},
	{"\xe2\x82\xc3\xa4", "\"\\xe2\\x82\\xc3\\xa4\"", "\"\\u00e2\\u0082\xc3\xa4\""},
	{"\xf0\x9f\x98", "\"\\xf0\\x9f\\x98\"", "\"\\u00f0\\u009f\\u0098\""},
	{"\xc0\x8a", "\"\\xc0\\x8a\"", "\"\\u00c0\\u008a\""},
	{"\xc1\xbf", "\"\\xc1\\xbf\"", "\"\\u00c1\\u00bf\""},
	{"\xe0\x9f\xbf", "\"\\xe0\\x9f\\xbf\"", "\"\\u00e0\\u009f\\u00bf\""},
	{"\xf0\x8f\xbf\xbf", "\"\\xf0\\x8f\\xbf\\xbf\"", "\"\\u00f0\\u008f\\u00bf\\u00bf\""},
	{"\xed\xa0\x80", "\"\\xed\\xa0\\x80\"", "\"\\u00ed\\u00a0\\u0080\""},
	{"\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\"", "\"\\u00f4\\u0090\\u0080\\u0080\""},
	{"\xf5\x80\x80\x80", "\"\\xf5\\x80\\x80\\x80\"", "\"\\u00f5\\u0080\\u0080\\u0080\""},
	{"\xff\xfe", "\"\\xff\\xfe\"", "\"\\u00ff\\u00fe\""},
	/* what a terminal obeys: CSI as a C1 control, line separator, right-to-left override, isolates */
	{"\xc2\x9b" "2J", "\"\\xc2\\x9b2J\"", "\"\\u009b2J\""},
	{"\xc2\x80", "\"\\xc2\\x80\"", "\"\\u0080\""},
	{"\xe2\x80\xa8", "\"\\xe2\\x80\\xa8\"", "\"\\u2028\""},
	{"\xe2\x80\xae", "\"\\xe2\\x80\\xae\"", "\"\\u202e\""},
	{"\xe2\x81\xa6", "\"\\xe2\\x81\\xa6\"", "\"\\u2066\""},
};

START_TEST(escape)
{
	const char *value = escapes[_i].value;
	char *line = one_line(LOG_FORMAT_TEXT, value, strlen(value));

	ck_assert_str_eq(line + strlen("try v="), escapes[_i].text);
	free(line);

	line = one_line(LOG_FORMAT_JSON, value, strlen(value));
	check_json(line);

	const char *json = json_value(line);

	ck_assert_uint_eq(strlen(json), strlen(escapes[_i].json) + 1);
	ck_assert_int_eq(strncmp(json, escapes[_i].json, strlen(escapes[_i].json)), 0);
	free(line);
}
END_TEST

START_TEST(nul)
{
	char *line = one_line(LOG_FORMAT_TEXT, "a\0b", 3);

	ck_assert_str_eq(line, "try v=\"a\\x00b\"");
	free(line);
	line = one_line(LOG_FORMAT_JSON, "a\0b", 3);
	check_json(line);
	ck_assert_str_eq(json_value(line), "\"a\\u0000b\"}");
	free(line);
}
END_TEST

/* A character is not cut in two, where there are characters. */
START_TEST(cut_between_characters)
{
	char value[LOG_FIELD_MAX + 8];

	for (size_t shift = 0; shift < 3; shift++) {
		memset(value, 'x', shift);
		for (size_t i = shift; i + 3 <= sizeof(value); i += 3)
			memcpy(value + i, "\xe2\x82\xac", 3);

		char *line = one_line(LOG_FORMAT_JSON, value, sizeof(value) - 2);

		check_json(line);
		ck_assert_ptr_null(strstr(line, "\\u00"));
		ck_assert_ptr_nonnull(strstr(line, "\xe2\x82\xac...\""));
		free(line);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("log-format");
	TCase *tcase = tcase_create("log-format");

	tcase_add_loop_test(tcase, every_byte_as_text, 1, 256);
	tcase_add_loop_test(tcase, every_byte_as_json, 1, 256);
	tcase_add_test(tcase, all_bytes_together);
	tcase_add_loop_test(tcase, escape, 0, (int)ELEMENTS(escapes));
	tcase_add_test(tcase, nul);
	tcase_add_test(tcase, cut_between_characters);
	suite_add_tcase(suite, tcase);
	return suite;
}

RUN_SUITE(make_suite)
