/* check_log.c - what an event looks like as a line: escaping, both formats,
 * limits of length, time stamps, levels. Sinks: check_log_sink.c. */
#include "log.h"

#include <ctype.h>
#include <errno.h>
#include <time.h>

#include "base.h"
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

/* ---- a strict reader of JSON (RFC 8259), for one flat object ---- */

static const char *read_json_string(const char *p)
{
	ck_assert_int_eq(*p++, '"');
	while (*p != '"') {
		unsigned char c = (unsigned char)*p;

		ck_assert_msg(c >= 0x20 && c != 0x7f, "byte 0x%02x in a string", c);
		if (c == '\\') {
			p++;
			if (*p == 'u') {
				for (int i = 1; i <= 4; i++)
					ck_assert(isxdigit((unsigned char)p[i]));
				p += 5;
			} else {
				ck_assert(*p != '\0' && strchr("\"\\/bfnrt", *p) != NULL);
				p++;
			}
			continue;
		}

		/* RFC 3629, table by table. */
		const unsigned char *u = (const unsigned char *)p;
		size_t more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

		ck_assert(c < 0x80 || (c >= 0xc2 && c <= 0xf4));
		for (size_t i = 1; i <= more; i++)
			ck_assert_int_eq(u[i] & 0xc0, 0x80);
		ck_assert(!(c == 0xe0 && u[1] < 0xa0) && !(c == 0xed && u[1] > 0x9f));
		ck_assert(!(c == 0xf0 && u[1] < 0x90) && !(c == 0xf4 && u[1] > 0x8f));
		p += more + 1;
	}
	return p + 1;
}

static const char *read_json_value(const char *p)
{
	if (*p == '"')
		return read_json_string(p);
	if (strncmp(p, "true", 4) == 0)
		return p + 4;
	if (*p == '-')
		p++;
	ck_assert(isdigit((unsigned char)*p));
	if (*p == '0')
		ck_assert(!isdigit((unsigned char)p[1]));
	while (isdigit((unsigned char)*p))
		p++;
	if (*p == '.') {
		ck_assert(isdigit((unsigned char)p[1]));
		for (p++; isdigit((unsigned char)*p);)
			p++;
	}
	return p;
}

static void check_json(const char *line)
{
	const char *p = line;

	ck_assert_int_eq(*p, '{');
	do {
		p = read_json_string(p + 1);
		ck_assert_int_eq(*p, ':');
		p = read_json_value(p + 1);
	} while (*p == ',');
	ck_assert_str_eq(p, "}");
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
	{"x\n2026-01-01T00:00:00.000+00:00 end service=git", "\"x\\x0a2026-01-01T00:00:00.000+00:00 end service=git\"",
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

/* ---- length ---- */

static const struct {
	size_t length;
	char fill;
	bool marked, cut; /* the value ends in ...; the line says that it is cut */
} long_values[] = {
	{LOG_FIELD_MAX - 1, 'x', false, false}, {LOG_FIELD_MAX, 'x', false, false},
	{LOG_FIELD_MAX + 1, 'x', true, false},  {100000, 'x', true, false},
	{LOG_FIELD_MAX, ' ', false, false},     {LOG_FIELD_MAX, '\\', true, true},
	{LOG_FIELD_MAX, '\n', true, true},      {100000, '\x01', true, true},
	{1000, '\x01', false, false},           {LOG_FIELD_MAX, '\xff', true, true},
};

START_TEST(long_value)
{
	size_t length = long_values[_i].length;
	char *value = malloc(length + 1);

	memset(value, long_values[_i].fill, length);
	value[length] = '\0';
	for (enum log_format format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
		struct log *log = open_file(format, LOG_LEVEL_INFO);
		struct log_event *event = log_begin(log, LOG_LEVEL_INFO, "try");

		log_text(event, "v", value);
		log_number(event, "after", 7);
		log_end(event);
		log_message(log, LOG_LEVEL_INFO, "next", "line");

		char *text = finish(log);
		char *newline = strchr(text, '\n');

		ck_assert_ptr_nonnull(newline);
		ck_assert_ptr_nonnull(strstr(newline, "next"));
		ck_assert_int_le(newline - text + 1, LOG_LINE_MAX);
		*newline = '\0';
		ck_assert_int_eq(strstr(text, "...\"") != NULL, long_values[_i].marked);
		if (format == LOG_FORMAT_JSON) {
			check_json(text);
			ck_assert_int_eq(strstr(text, ",\"cut\":true}") != NULL, long_values[_i].cut);
			ck_assert_int_eq(strstr(text, ",\"after\":7}") != NULL, !long_values[_i].cut);
		} else {
			ck_assert_int_eq(strstr(text, " cut=yes") != NULL, long_values[_i].cut);
			ck_assert_int_eq(strstr(text, " after=7") != NULL, !long_values[_i].cut);
		}
		free(text);
	}
	free(value);
}
END_TEST

/* Many fields of every kind, until nothing more fits, at every alignment. */
START_TEST(many_fields)
{
	char pad[64];

	memset(pad, 'p', sizeof(pad));
	for (enum log_format format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON; format++) {
		struct log *log = open_file(format, LOG_LEVEL_INFO);
		struct log_event *event = log_begin(log, LOG_LEVEL_INFO, "try");

		log_bytes(event, "pad", pad, (size_t)_i);
		for (unsigned i = 0; i < 300; i++) {
			log_number(event, "number", UINT64_MAX);
			log_signed(event, "signed", INT64_MIN);
			log_seconds(event, "seconds", UINT64_MAX);
			log_text(event, "text", "a\xff\n\"");
			log_text(event, "plain", "plain");
		}
		log_end(event);

		char *text = finish(log);
		size_t length = strlen(text);

		ck_assert_uint_gt(length, LOG_LINE_MAX - 128);
		ck_assert_uint_le(length, LOG_LINE_MAX);
		ck_assert_ptr_eq(strchr(text, '\n'), text + length - 1);
		text[length - 1] = '\0';
		if (format == LOG_FORMAT_JSON)
			check_json(text);
		else
			ck_assert_str_eq(text + length - 1 - strlen(" cut=yes"), " cut=yes");
		free(text);
	}
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

/* ---- fields ---- */

START_TEST(fields)
{
	static const char *const wanted[] = {
		"try number=0 most=18446744073709551615 signed=-1 least=-9223372036854775808 none=0.000 short=0.031 "
		"long=18446744073.709 errno=\"No such file or directory\" negative=\"Permission denied\" "
		"unknown=\"error 4711\" printf=\"3/100 x\"\n",
		",\"event\":\"try\",\"number\":0,\"most\":18446744073709551615,\"signed\":-1,"
		"\"least\":-9223372036854775808,\"none\":0.000,\"short\":0.031,\"long\":18446744073.709,"
		"\"errno\":\"No such file or directory\",\"negative\":\"Permission denied\","
		"\"unknown\":\"error 4711\",\"printf\":\"3/100 x\"}\n",
	};
	struct log *log = open_file((enum log_format)_i, LOG_LEVEL_INFO);
	struct log_event *event = log_begin(log, LOG_LEVEL_INFO, "try");

	log_number(event, "number", 0);
	log_number(event, "most", UINT64_MAX);
	log_text(event, "absent", NULL);
	log_bytes(event, "absent", NULL, 0);
	log_signed(event, "signed", -1);
	log_signed(event, "least", INT64_MIN);
	log_seconds(event, "none", 999999);
	log_seconds(event, "short", 31999999);
	log_seconds(event, "long", UINT64_MAX);
	log_errno(event, "errno", ENOENT);
	log_errno(event, "negative", -EACCES);
	log_errno(event, "unknown", 4711);
	log_printf(event, "printf", "%d/%d %s", 3, 100, "x");
	log_end(event);

	char *text = finish(log);
	const char *at = strstr(text, _i == LOG_FORMAT_TEXT ? "try" : ",\"event\"");

	ck_assert_ptr_nonnull(at);
	ck_assert_str_eq(at, wanted[_i]);
	free(text);
}
END_TEST

static const char *const level_words[] = {"error", "warning", "notice", "info", "debug"};

START_TEST(levels)
{
	struct log *log = open_file(LOG_FORMAT_JSON, (enum log_level)_i);

	for (int level = 0; level < (int)ELEMENTS(level_words); level++)
		log_message(log, (enum log_level)level, "try", "%s", level_words[level]);

	char *text = finish(log);
	char *at = text;

	for (int level = 0; level <= _i; level++) {
		char *newline = strchr(at, '\n');
		char wanted[80];

		ck_assert_ptr_nonnull(newline);
		*newline = '\0';
		check_json(at);
		snprintf(wanted, sizeof(wanted), ",\"level\":\"%s\",\"event\":\"try\",\"message\":\"%s\"}",
			 level_words[level], level_words[level]);
		ck_assert_str_eq(strstr(at, ",\"level\""), wanted);
		at = newline + 1;
	}
	ck_assert_str_eq(at, "");
	free(text);
}
END_TEST

/* ---- time ---- */

static const struct {
	const char *zone;
	struct timespec time;
	const char *text, *syslog;
} stamps[] = {
	{"UTC0", {1767323045, 678999999}, "2026-01-02T03:04:05.678+00:00", "Jan  2 03:04:05"},
	{"UTC0", {1767323045, 0}, "2026-01-02T03:04:05.000+00:00", "Jan  2 03:04:05"},
	{"UTC0", {0, 1000000}, "1970-01-01T00:00:00.001+00:00", "Jan  1 00:00:00"},
	{"UTC0", {-1, 999000000}, "1969-12-31T23:59:59.999+00:00", "Dec 31 23:59:59"},
	{"XYZ-05:45", {1767323045, 9000000}, "2026-01-02T08:49:05.009+05:45", "Jan  2 08:49:05"},
	{"XYZ03:30", {1767323045, 90000000}, "2026-01-01T23:34:05.090-03:30", "Jan  1 23:34:05"},
	{"CET-1CEST,M3.5.0,M10.5.0/3", {1784529125, 0}, "2026-07-20T08:32:05.000+02:00", "Jul 20 08:32:05"},
	{"UTC0", {1795360720, 0}, "2026-11-22T15:18:40.000+00:00", "Nov 22 15:18:40"},
};

START_TEST(stamped)
{
	char memory[LOG_LINE_MAX], wanted[128];
	struct log_stamp stamp = {0};
	struct log_line line;

	setenv("TZ", stamps[_i].zone, 1);
	tzset();
	log_line_begin(&line, memory, LOG_FORMAT_TEXT, LOG_HEAD_TIME, LOG_LEVEL_INFO, "try", &stamp, stamps[_i].time,
		       17);
	*log_line_end(&line) = '\0';
	snprintf(wanted, sizeof(wanted), "%s try\n", stamps[_i].text);
	ck_assert_str_eq(memory, wanted);

	log_line_begin(&line, memory, LOG_FORMAT_TEXT, LOG_HEAD_SYSLOG, LOG_LEVEL_ERROR, "try", &stamp,
		       stamps[_i].time, 17);
	*log_line_end(&line) = '\0';
	snprintf(wanted, sizeof(wanted), "<27>%s usherd[17]: try\n", stamps[_i].syslog);
	ck_assert_str_eq(memory, wanted);

	log_line_begin(&line, memory, LOG_FORMAT_JSON, LOG_HEAD_PRIORITY, LOG_LEVEL_DEBUG, "try", &stamp,
		       stamps[_i].time, 17);
	*log_line_end(&line) = '\0';
	snprintf(wanted, sizeof(wanted), "<7>{\"time\":\"%s\",\"level\":\"debug\",\"event\":\"try\"}\n",
		 stamps[_i].text);
	ck_assert_str_eq(memory, wanted);
}
END_TEST

/* The wall clock goes where it likes: each line has the time it was given. */
START_TEST(clock_jumps)
{
	static const struct {
		time_t second;
		const char *text;
	} jumps[] = {
		{1767323045, "2026-01-02T03:04:05.000+00:00"}, {1767319445, "2026-01-02T02:04:05.000+00:00"},
		{1767323046, "2026-01-02T03:04:06.000+00:00"}, {1767236646, "2026-01-01T03:04:06.000+00:00"},
		{0, "1970-01-01T00:00:00.000+00:00"},          {1767323046, "2026-01-02T03:04:06.000+00:00"},
	};
	struct log_stamp stamp = {0};

	setenv("TZ", "UTC0", 1);
	tzset();
	for (size_t i = 0; i < ELEMENTS(jumps); i++) {
		char memory[LOG_LINE_MAX];
		struct log_line line;

		log_line_begin(&line, memory, LOG_FORMAT_TEXT, LOG_HEAD_TIME, LOG_LEVEL_INFO, "try", &stamp,
			       (struct timespec){.tv_sec = jumps[i].second}, 17);
		log_line_end(&line);
		ck_assert_int_eq(strncmp(memory, jumps[i].text, strlen(jumps[i].text)), 0);
	}
}
END_TEST

START_TEST(now)
{
	struct log *log = open_file(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	time_t before = time(NULL);

	setenv("TZ", "UTC0", 1);
	tzset();
	log_message(log, LOG_LEVEL_INFO, "try", "now");

	time_t after = time(NULL);
	char *text = finish(log);
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	ck_assert_ptr_nonnull(rest);
	ck_assert_int_eq(*rest, '.');
	ck_assert_str_eq(rest + 4, "+00:00 try message=now\n");
	/* time() reads a clock that may be a tick behind. */
	ck_assert_int_ge(timegm(&tm), before);
	ck_assert_int_le(timegm(&tm), after + 1);
	free(text);
}
END_TEST

/* ---- log_limit ---- */

START_TEST(limit)
{
	static const struct {
		uint64_t now_ns;
		bool pass;
		uint64_t left_out;
	} steps[] = {
		{0, true, 0},   {0, false, 0},   {4, false, 0},  {9, false, 0},
		{10, true, 3},  {10, false, 0},  {20, true, 1},  {100, true, 0},
		{109, false, 0}, {110, true, 1}, {111, false, 0}, {UINT64_MAX, true, 1},
		/* A monotonic clock does not go back; if it did, the line would rather be written. */
		{5, true, 0},   {6, false, 0},
	};
	struct log_limit state = {0};

	for (size_t i = 0; i < ELEMENTS(steps); i++) {
		uint64_t left_out = 4711;

		ck_assert_msg(log_limit_pass(&state, steps[i].now_ns, 10, &left_out) == steps[i].pass, "step %zu", i);
		ck_assert_uint_eq(left_out, steps[i].pass ? steps[i].left_out : 4711);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("lines");

	tcase_add_loop_test(tcase, every_byte_as_text, 1, 256);
	tcase_add_loop_test(tcase, every_byte_as_json, 1, 256);
	tcase_add_test(tcase, all_bytes_together);
	tcase_add_loop_test(tcase, escape, 0, (int)ELEMENTS(escapes));
	tcase_add_test(tcase, nul);
	tcase_add_loop_test(tcase, long_value, 0, (int)ELEMENTS(long_values));
	tcase_add_loop_test(tcase, many_fields, 0, 64);
	tcase_add_test(tcase, cut_between_characters);
	tcase_add_loop_test(tcase, fields, 0, 2);
	tcase_add_loop_test(tcase, levels, 0, (int)ELEMENTS(level_words));
	tcase_add_loop_test(tcase, stamped, 0, (int)ELEMENTS(stamps));
	tcase_add_test(tcase, clock_jumps);
	tcase_add_test(tcase, now);
	tcase_add_test(tcase, limit);
	suite_add_tcase(suite, tcase);
	return suite;
}

RUN_SUITE(make_suite)
