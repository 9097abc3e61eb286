/* check_log.c - events and their lines: kinds of fields, limits of length, time
 * stamps, levels, the limit of repetitions. */
#include "log.h"

#include <errno.h>
#include <time.h>

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

/* ---- fields ---- */

START_TEST(fields)
{
	static const char *const wanted[] = {
		"try number=0 most=18446744073709551615 signed=-1 least=-9223372036854775808 "
		"none=0.000 short=0.031 "
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
	log_line_begin(&line, memory, LOG_FORMAT_TEXT, LOG_HEAD_TIME, LOG_LEVEL_INFO, "try", &stamp,
		       stamps[_i].time, 17);
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

		bool pass = log_limit_pass(&state, steps[i].now_ns, 10, &left_out);

		ck_assert_msg(pass == steps[i].pass, "step %zu", i);
		ck_assert_uint_eq(left_out, steps[i].pass ? steps[i].left_out : 4711);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("log");

	tcase_add_loop_test(tcase, long_value, 0, (int)ELEMENTS(long_values));
	tcase_add_loop_test(tcase, many_fields, 0, 64);
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
