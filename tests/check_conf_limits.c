/* check_conf_limits.c - the values of admission and of the life of a session: what is taken,
 * what is refused, what stands in the snapshot, and that -T prints what loads to the same. */
#include "conf_help.h"
#include "conf_type_help.h"
#include "zone_help.h"

/* ---- what types take: the text, and how it is printed ---- */

static const struct {
	const struct conf_type *type;
	int64_t min, max;
	const char *text, *printed;
} taken[] = {
	{ &conf_type_times, 0, 0, "always", "always" },
	{ &conf_type_times, 0, 0, "08:00-18:00", "08:00-18:00" },
	{ &conf_type_times, 0, 0, "8:00-9:05", "08:00-09:05" },
	{ &conf_type_times, 0, 0, "0:00-24:00", "00:00-24:00" },
	{ &conf_type_times, 0, 0, "daily 22:00-06:00", "22:00-06:00" },
	{ &conf_type_times, 0, 0, "* 22:00-00:00", "22:00-00:00" },
	{ &conf_type_times, 0, 0, "mon-fri 08:00-18:00 Europe/Paris", "mon-fri 08:00-18:00 Europe/Paris" },
	{ &conf_type_times, 0, 0, "Monday-Friday 08:00-18:00", "mon-fri 08:00-18:00" },
	{ &conf_type_times, 0, 0, "MON 08:00-18:00 UTC", "mon 08:00-18:00 UTC" },
	{ &conf_type_times, 0, 0, "mon wed fri 09:00-12:00", "mon wed fri 09:00-12:00" },
	{ &conf_type_times, 0, 0, "fri-mon 09:00-12:00", "fri-mon 09:00-12:00" },
	{ &conf_type_times, 0, 0, "mon-mon 09:00-12:00", "mon 09:00-12:00" },
	{ &conf_type_times, 0, 0, "tue-mon 09:00-12:00", "09:00-12:00" },
	{ &conf_type_times, 0, 0, "mon tue-thu mon 09:00-12:00", "mon-thu 09:00-12:00" },
	{ &conf_type_times, 0, 0, "sat\tsunday  09:00-12:00\tUTC", "sat-sun 09:00-12:00 UTC" },
	{ &conf_type_times, 0, 0, "mon 1:00-2:00,tue 3:00-4:00 GMT , 5:00-6:00",
	  "mon 01:00-02:00, tue 03:00-04:00 GMT, 05:00-06:00" },
	{ &conf_type_times, 0, 0,
	  "mon 1:00-2:00 Europe/Paris, tue 1:00-2:00 Europe/Paris, wed 1:00-2:00 Europe/Paris, thu 1:00-2:00",
	  "mon 01:00-02:00 Europe/Paris, tue 01:00-02:00 Europe/Paris, wed 01:00-02:00 Europe/Paris, "
	  "thu 01:00-02:00" },
	{ &conf_type_rate, 1, 1000000, "none", "none" },
	{ &conf_type_rate, 1, 1000000, "50/s", "50/s" },
	{ &conf_type_rate, 1, 1000000, "10/min", "10/min" },
	{ &conf_type_rate, 1, 1000000, "600/h", "600/h" },
	{ &conf_type_rate, 1, 1000000, "5/d", "5/d" },
	{ &conf_type_rate, 1, 1000000, "1/ms", "1/ms" },
	{ &conf_type_rate, 1, 1000000, "1000/1ms", "1000/ms" },
	{ &conf_type_rate, 1, 1000000, "100/10s", "100/10s" },
	{ &conf_type_rate, 1, 1000000, "100/60s", "100/min" },
	{ &conf_type_rate, 1, 1000000, "1/7d", "1/7d" },
	{ &conf_type_rate, 1, 1000000, "1M/s", "1000000/s" },
	{ &conf_type_rate, 1, 1000000, "1000000/1s", "1000000/s" },
	{ &conf_type_rate, 1, 1000000, "2k/min", "2000/min" },
	{ &conf_type_rate, 1, 1000000, "10/min burst 30", "10/min burst 30" },
	{ &conf_type_rate, 1, 1000000, "10/min  burst\t1", "10/min burst 1" },
	{ &conf_type_rate, 1, 1000000, "10/min burst 10", "10/min" },
	{ &conf_type_rate, 1, 1000000, "10 / min", "10/min" },
	{ &conf_type_rate, 1, 1000000, "1/d burst 3650", "1/d burst 3650" },
	{ &conf_type_prefixes, 0, 128, "32 64", "32 64" },
	{ &conf_type_prefixes, 0, 128, "24, 48", "24 48" },
	{ &conf_type_prefixes, 0, 128, "0,0", "0 0" },
	{ &conf_type_prefixes, 0, 128, "32 , 128", "32 128" },
	{ &conf_type_decimal, 10, 1000000000, "none", "none" },
	{ &conf_type_decimal, 10, 1000000000, "2", "2" },
	{ &conf_type_decimal, 10, 1000000000, "2.5", "2.5" },
	{ &conf_type_decimal, 10, 1000000000, "2.50", "2.5" },
	{ &conf_type_decimal, 10, 1000000000, "2.000", "2" },
	{ &conf_type_decimal, 10, 1000000000, "0.75", "0.75" },
	{ &conf_type_decimal, 10, 1000000000, "0.01", "0.01" },
	{ &conf_type_decimal, 10, 1000000000, "10.005", "10.005" },
	{ &conf_type_decimal, 10, 1000000000, "1000000", "1000000" },
	{ &conf_type_optional_count, 1, 1000000, "auto", "auto" },
	{ &conf_type_optional_count, 1, 1000000, "none", "none" },
	{ &conf_type_optional_count, 1, 1000000, "1", "1" },
	{ &conf_type_optional_count, 1, 1000000, "1M", "1000000" },
	{ &conf_type_optional_count, 0, 10, "0", "0" },
	{ &conf_type_message, 0, 0, "none", "none" },
	{ &conf_type_message, 0, 0, "hello, world", "hello, world" },
	{ &conf_type_message, 0, 0, "220 hello\\r\\n", "220 hello\\r\\n" },
	{ &conf_type_message, 0, 0, "\\t\\\\\\;\\x00\\x7F\\x1b", "\\t\\\\\\;\\x00\\x7f\\x1b" },
	{ &conf_type_message, 0, 0, "\\x0a\\x0D\\x09\\x5c\\x3b", "\\n\\r\\t\\\\\\;" },
	{ &conf_type_message, 0, 0, "\\x41\\x62", "Ab" },
	{ &conf_type_message, 0, 0, "\\x20 a \\x20", "\\x20 a \\x20" },
	{ &conf_type_message, 0, 0, "\\x20", "\\x20" },
	{ &conf_type_message, 0, 0, "it's \"quoted\" \\; so", "it's \"quoted\" \\; so" },
	{ &conf_type_message, 0, 0, "a;b", "a\\;b" },
	{ &conf_type_message, 0, 0, "\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9" },
	{ &conf_type_message, 0, 0, "\\x6eone", "\\x6eone" },
	{ &conf_type_message, 0, 0, "nones", "nones" },
	{ &conf_type_message, 0, 0, "\\x66ile:/etc/passwd", "\\x66ile:/etc/passwd" },
	{ &conf_type_message, 0, 0, "\\x66ile:", "\\x66ile:" },
	{ &conf_type_message, 0, 0, "# hello", "# hello" },
	{ &conf_type_when_full, 0, 0, "queue", "queue" },
	{ &conf_type_when_full, 0, 0, "refuse", "refuse" },
	{ &conf_type_on_hangup, 0, 0, "ignore", "ignore" },
	{ &conf_type_on_hangup, 0, 0, "kill", "kill" },
	{ &conf_type_warm, 0, 0, "no", "no" },
	{ &conf_type_warm, 0, 0, "main", "main" },
	{ &conf_type_warm, 0, 0, "input", "input" },
	{ &conf_type_log_address, 0, 0, "full", "full" },
	{ &conf_type_log_address, 0, 0, "prefix", "prefix" },
	{ &conf_type_log_address, 0, 0, "hash", "hash" },
	{ &conf_type_log_address, 0, 0, "none", "none" },
};

START_TEST(take)
{
	struct bench bench;
	const struct conf_type *type = taken[_i].type;

	open_bench(&bench);
	zones_set_up();

	int r = parse(&bench, type, taken[_i].min, taken[_i].max, taken[_i].text);

	ck_assert_msg(r == 0, "'%s': %s", taken[_i].text, bench.reason);

	_cleanup_free_ char *once = print_field(&bench, type);

	ck_assert_str_eq(once, taken[_i].printed);
	/* What the value was is overwritten. */
	memset(&bench.field, 0x5a, sizeof(bench.field));
	r = parse(&bench, type, taken[_i].min, taken[_i].max, once);
	ck_assert_msg(r == 0, "'%s': %s", once, bench.reason);

	_cleanup_free_ char *twice = print_field(&bench, type);

	ck_assert_str_eq(twice, once);
	zones_tear_down();
	close_bench(&bench);
}
END_TEST

/* ---- what they refuse, and a part of the reason ---- */

#define LONG_WORD "a2345678901234567890123456789012345678901234567890123456789012345678901234567890"

static const struct {
	const struct conf_type *type;
	int64_t min, max;
	const char *text, *part;
} refused[] = {
	{ &conf_type_times, 0, 0, "", "write always" },
	{ &conf_type_times, 0, 0, "mond 08:00-18:00", "'mond' is not a day; did you mean 'mon'?" },
	{ &conf_type_times, 0, 0, "mon-wedensday 08:00-18:00", "did you mean 'wednesday'?" },
	{ &conf_type_times, 0, 0, "lundi 08:00-18:00", "'lundi' is not a day; write mon" },
	{ &conf_type_times, 0, 0, "mon- 08:00-18:00", "'' is not a day" },
	{ &conf_type_times, 0, 0, "-fri 08:00-18:00", "'' is not a day" },
	{ &conf_type_times, 0, 0, "mon-wed-fri 08:00-18:00", "'wed-fri' is not a day" },
	{ &conf_type_times, 0, 0, "daily-fri 08:00-18:00", "every day already" },
	{ &conf_type_times, 0, 0, "mon-* 08:00-18:00", "every day already" },
	{ &conf_type_times, 0, 0, "25:00-26:00", "this says 25:00" },
	{ &conf_type_times, 0, 0, "08:00-24:01", "this says 24:01" },
	{ &conf_type_times, 0, 0, "08:60-09:00", "minutes go up to 59" },
	{ &conf_type_times, 0, 0, "08:00-09:99", "minutes go up to 59" },
	{ &conf_type_times, 0, 0, "24:00-08:00", "24:00 can only be an end" },
	{ &conf_type_times, 0, 0, "08:00", "'08:00' has no end" },
	{ &conf_type_times, 0, 0, "08:00 - 18:00", "without blanks" },
	{ &conf_type_times, 0, 0, "08:00-", "hh:mm-hh:mm" },
	{ &conf_type_times, 0, 0, "08:00+18:00", "hh:mm-hh:mm" },
	{ &conf_type_times, 0, 0, "8-18", "hh:mm-hh:mm" },
	{ &conf_type_times, 0, 0, "0800-1800", "hh:mm-hh:mm" },
	{ &conf_type_times, 0, 0, "008:00-18:00", "hh:mm-hh:mm" },
	{ &conf_type_times, 0, 0, "08:0-18:00", "hh:mm-hh:mm" },
	{ &conf_type_times, 0, 0, "08:000-18:00", "hh:mm-hh:mm" },
	{ &conf_type_times, 0, 0, "08:00-18:00:00", "hh:mm-hh:mm" },
	{ &conf_type_times, 0, 0, "4294967304:00-18:00", "hh:mm-hh:mm" },
	{ &conf_type_times, 0, 0, "24/7", "hh:mm-hh:mm" },
	{ &conf_type_times, 0, 0, "08:00-08:00", "write 00:00-24:00" },
	{ &conf_type_times, 0, 0, "00:00-00:00", "write 00:00-24:00" },
	{ &conf_type_times, 0, 0, "mon,tue 08:00-18:00", "'mon' has no hours" },
	{ &conf_type_times, 0, 0, "mon-fri", "'mon-fri' has no hours" },
	{ &conf_type_times, 0, 0, "always, mon 08:00-18:00", "'always' is not a day" },
	{ &conf_type_times, 0, 0, "mon 08:00-12:00 13:00-18:00", "a comma is missing before '13:00-18:00'" },
	{ &conf_type_times, 0, 0, "mon 08:00-12:00 tue 13:00-18:00", "a comma is missing before 'tue'" },
	{ &conf_type_times, 0, 0, "mon 08:00-12:00 UTC tue 13:00-18:00", "'tue' after the time zone" },
	{ &conf_type_times, 0, 0, "08:00-12:00,", "a comma with nothing" },
	{ &conf_type_times, 0, 0, ",08:00-12:00", "a comma with nothing" },
	{ &conf_type_times, 0, 0, "08:00-12:00, ,13:00-14:00", "a comma with nothing" },
	{ &conf_type_times, 0, 0, "08:00-12:00 Europe/Lutetia", "there is no time zone 'Europe/Lutetia'" },
	{ &conf_type_times, 0, 0, "08:00-12:00 ../../etc/passwd", "not the name of a time zone" },
	{ &conf_type_times, 0, 0, "08:00-12:00 GMT+1:00", "not the name of a time zone" },
	{ &conf_type_times, 0, 0, LONG_WORD " 08:00-12:00", "neither a day" },
	{ &conf_type_times, 0, 0, "08:00-12:00 " LONG_WORD, "neither a day" },
	{ &conf_type_times, 0, 0, "08:00-12:00 UTC " LONG_WORD, "neither a day" },
	{ &conf_type_rate, 1, 1000000, "", "is not a rate" },
	{ &conf_type_rate, 1, 1000000, "/s", "is not a rate" },
	{ &conf_type_rate, 1, 1000000, "fast", "is not a rate" },
	{ &conf_type_rate, 1, 1000000, "-1/s", "is not a rate" },
	{ &conf_type_rate, 1, 1000000, "50", "write 50/s or 50/min" },
	{ &conf_type_rate, 1, 1000000, "50 s", "does not say in what time" },
	{ &conf_type_rate, 1, 1000000, "50/", "'' is not a time" },
	{ &conf_type_rate, 1, 1000000, "50/m", "'m' is not a time" },
	{ &conf_type_rate, 1, 1000000, "50/sec", "'sec' is not a time" },
	{ &conf_type_rate, 1, 1000000, "50/10", "write 10s" },
	{ &conf_type_rate, 1, 1000000, "50/0", "out of range: 1ms to 7d" },
	{ &conf_type_rate, 1, 1000000, "50/0s", "out of range: 1ms to 7d" },
	{ &conf_type_rate, 1, 1000000, "50/8d", "out of range: 1ms to 7d" },
	{ &conf_type_rate, 1, 1000000, "50/4294967297s", "out of range: 1ms to 7d" },
	{ &conf_type_rate, 1, 1000000, "0/s", "out of range: 1 to 1000000" },
	{ &conf_type_rate, 1, 1000000, "1000001/min", "out of range: 1 to 1000000" },
	{ &conf_type_rate, 1, 1000000, "4294967297/s", "out of range: 1 to 1000000" },
	{ &conf_type_rate, 1, 1000000, "18446744073709551617/s", "out of range: 1 to 1000000" },
	{ &conf_type_rate, 1, 1000000, "1.5/s", "is not a number" },
	{ &conf_type_rate, 1, 1000000, "1001/ms", "more than 1000000 a second" },
	{ &conf_type_rate, 1, 1000000, "1000000/999ms", "more than 1000000 a second" },
	{ &conf_type_rate, 1, 1000000, "10/min burst", "a number is missing" },
	{ &conf_type_rate, 1, 1000000, "10/min burst 0", "out of range: 1 to 1000000" },
	{ &conf_type_rate, 1, 1000000, "10/min burst 4294967297", "out of range: 1 to 1000000" },
	{ &conf_type_rate, 1, 1000000, "10/min burst 1000001", "out of range: 1 to 1000000" },
	{ &conf_type_rate, 1, 1000000, "10/min brust 3", "only 'burst COUNT' may follow" },
	{ &conf_type_rate, 1, 1000000, "10/min 30", "only 'burst COUNT' may follow" },
	{ &conf_type_rate, 1, 1000000, "10/min burst 3 4", "is not a number" },
	{ &conf_type_rate, 1, 1000000, "1/d burst 3651", "more than ten years" },
	{ &conf_type_rate, 1, 1000000, "1/7d burst 1000000", "more than ten years" },
	{ &conf_type_rate, 1, 1000000, LONG_WORD "/s", "is not a rate" },
	{ &conf_type_rate, 1, 1000000, "1/" LONG_WORD, "is not a rate" },
	{ &conf_type_rate, 1, 1000000, "none burst 3", "is not a rate" },
	{ &conf_type_prefixes, 0, 128, "", "is not two numbers" },
	{ &conf_type_prefixes, 0, 128, "32", "is not two numbers" },
	{ &conf_type_prefixes, 0, 128, "32,", "is not two numbers" },
	{ &conf_type_prefixes, 0, 128, ", 64", "is not two numbers" },
	{ &conf_type_prefixes, 0, 128, "32,,64", "is not two numbers" },
	{ &conf_type_prefixes, 0, 128, "32 64 128", "is not two numbers" },
	{ &conf_type_prefixes, 0, 128, "32 64,", "is not two numbers" },
	{ &conf_type_prefixes, 0, 128, "33 64", "'33' is not a number of IPv4 bits: 0 to 32" },
	{ &conf_type_prefixes, 0, 128, "32 129", "'129' is not a number of IPv6 bits: 0 to 128" },
	{ &conf_type_prefixes, 0, 128, "/32 /64", "'/32' is not a number" },
	{ &conf_type_prefixes, 0, 128, "4294967328 64", "is not a number of IPv4 bits" },
	{ &conf_type_prefixes, 0, 128, "32 4294967360", "is not a number of IPv6 bits" },
	{ &conf_type_prefixes, 0, 128, "32 " LONG_WORD, "is not two numbers" },
	{ &conf_type_decimal, 10, 1000000000, "", "is not a decimal number" },
	{ &conf_type_decimal, 10, 1000000000, ".", "is not a decimal number" },
	{ &conf_type_decimal, 10, 1000000000, ".5", "is not a decimal number" },
	{ &conf_type_decimal, 10, 1000000000, "5.", "is not a decimal number" },
	{ &conf_type_decimal, 10, 1000000000, "1.2345", "is not a decimal number" },
	{ &conf_type_decimal, 10, 1000000000, "1,5", "is not a decimal number" },
	{ &conf_type_decimal, 10, 1000000000, "+1", "is not a decimal number" },
	{ &conf_type_decimal, 10, 1000000000, "-1", "is not a decimal number" },
	{ &conf_type_decimal, 10, 1000000000, "1e3", "is not a decimal number" },
	{ &conf_type_decimal, 10, 1000000000, "01", "is not a decimal number" },
	{ &conf_type_decimal, 10, 1000000000, "1 5", "is not a decimal number" },
	{ &conf_type_decimal, 10, 1000000000, "0", "out of range: 0.01 to 1000000, or none" },
	{ &conf_type_decimal, 10, 1000000000, "0.009", "out of range: 0.01 to 1000000" },
	{ &conf_type_decimal, 10, 1000000000, "1000000.001", "out of range" },
	{ &conf_type_decimal, 10, 1000000000, "4294967.297", "out of range" },
	{ &conf_type_decimal, 10, 1000000000, "4294967297", "out of range" },
	{ &conf_type_decimal, 10, 1000000000, "18446744073709551617", "out of range" },
	{ &conf_type_decimal, 10, 1000000000, "99999999999999999999999999999999999999", "out of range" },
	{ &conf_type_optional_count, 1, 1000000, "", "a number is missing" },
	{ &conf_type_optional_count, 1, 1000000, "0", "write none" },
	{ &conf_type_optional_count, 1, 1000000, "1000001", "out of range: 1 to 1000000" },
	{ &conf_type_optional_count, 1, 1000000, "4294967297", "out of range: 1 to 1000000" },
	{ &conf_type_optional_count, 1, 1000000, "-1", "is not a number" },
	{ &conf_type_optional_count, 1, 1000000, "all", "is not a number" },
	{ &conf_type_message, 0, 0, "", "write none" },
	{ &conf_type_message, 0, 0, "hello\\", "ends in a backslash" },
	{ &conf_type_message, 0, 0, "hello\\q", "'\\q' means nothing" },
	{ &conf_type_message, 0, 0, "hello\\0", "'\\0' means nothing" },
	{ &conf_type_message, 0, 0, "\\x", "two hexadecimal digits" },
	{ &conf_type_message, 0, 0, "\\x1", "two hexadecimal digits" },
	{ &conf_type_message, 0, 0, "\\x1g", "two hexadecimal digits" },
	{ &conf_type_message, 0, 0, "\\xg1", "two hexadecimal digits" },
	{ &conf_type_message, 0, 0, "\\x1@", "two hexadecimal digits" },
	{ &conf_type_message, 0, 0, "\\x\x11\x12", "two hexadecimal digits" },
	{ &conf_type_message, 0, 0, "\\x\xb1\xb2", "two hexadecimal digits" },
	{ &conf_type_message, 0, 0, "file:", "a path is missing" },
	{ &conf_type_message, 0, 0, "file:banner", "not an absolute path" },
	{ &conf_type_message, 0, 0, "file:/nonexistent/banner", "No such file" },
	{ &conf_type_message, 0, 0, "file:/", "not a regular file" },
	{ &conf_type_message, 0, 0, "file:/dev/null", "not a regular file" },
	{ &conf_type_message, 0, 0, "file:/dev/zero", "not a regular file" },
	{ &conf_type_when_full, 0, 0, "quue", "did you mean 'queue'?" },
	{ &conf_type_when_full, 0, 0, "", "queue or refuse" },
	{ &conf_type_on_hangup, 0, 0, "yes", "ignore or kill" },
	{ &conf_type_warm, 0, 0, "yes", "no, main or input" },
	{ &conf_type_warm, 0, 0, "imput", "did you mean 'input'?" },
	{ &conf_type_warm, 0, 0, "", "no, main or input" },
	{ &conf_type_log_address, 0, 0, "hashed", "did you mean 'hash'?" },
	{ &conf_type_log_address, 0, 0, "Full", "full, prefix, hash or none" },
};

START_TEST(refuse)
{
	struct bench bench;

	open_bench(&bench);
	zones_set_up();

	union field before = bench.field;
	int r = parse(&bench, refused[_i].type, refused[_i].min, refused[_i].max, refused[_i].text);

	ck_assert_msg(r == -EINVAL, "'%s': %d", refused[_i].text, r);
	ck_assert_msg(strstr(bench.reason, refused[_i].part) != NULL, "'%s': %s", refused[_i].text,
		      bench.reason);
	ck_assert_msg(memcmp(&before, &bench.field, sizeof(before)) == 0, "'%s': touched", refused[_i].text);
	zones_tear_down();
	close_bench(&bench);
}
END_TEST

START_TEST(number_of_windows)
{
	struct bench bench;
	char text[2000] = "";

	open_bench(&bench);
	for (int i = 0; i < 64; i++)
		strcat(text, i > 0 ? ",1:00-2:00 UTC" : "1:00-2:00 UTC");
	ck_assert_int_eq(parse(&bench, &conf_type_times, 0, 0, text), 0);
	strcat(text, ",1:00-2:00 UTC");
	ck_assert_int_eq(parse(&bench, &conf_type_times, 0, 0, text), -EINVAL);
	ck_assert_msg(strstr(bench.reason, "more than 64") != NULL, "%s", bench.reason);
	close_bench(&bench);
}
END_TEST

/* ---- what stands in the snapshot ---- */

#define MINIMUM "[a]\nlisten = 127.0.0.1:7007\n" CAT

START_TEST(defaults)
{
	load_good(MINIMUM);

	const struct conf_service *a = service("a");

	ck_assert_uint_eq(a->limits.access_times.count, 0);
	ck_assert_uint_eq(a->limits.max_load, 0);
	ck_assert_ptr_null(a->banner.bytes);
	ck_assert_ptr_null(a->banner_refused.bytes);
	ck_assert_int_eq(a->per_source.kind, CONF_COUNT_AUTO);
	ck_assert_uint_eq(a->limits.rate.count, 0);
	ck_assert_uint_eq(a->limits.rate_per_source.count, 0);
	ck_assert_uint_eq(a->limits.source_prefix.ipv4, 32);
	ck_assert_uint_eq(a->limits.source_prefix.ipv6, 64);
	ck_assert(!a->limits.refuse_when_full);
	ck_assert_uint_eq(a->limits.ban_ns, 0);
	ck_assert_uint_eq(a->first_byte_ns, 0);
	ck_assert_uint_eq(a->idle_ns, 0);
	ck_assert_uint_eq(a->time_limit_ns, 0);
	ck_assert_uint_eq(a->kill_after_ns, 5 * NS_PER_S);
	ck_assert_uint_eq(a->linger_ns, 2 * NS_PER_S);
	ck_assert(!a->kill_on_hangup);
	ck_assert_int_eq(conf->daemon.log_address, CONF_LOG_ADDRESS_FULL);
}
END_TEST

static const char everything[] =
	"[usherd]\nlog_address = hash\n" MINIMUM
	"access_times = mon-fri 08:00-18:00 Europe/Paris, ; working hours\n"
	"    sat 22:00-2:00 ; and a night\n"
	"max_load = 2.5\nbanner = 220 it's a \\; here\\r\\n\nbanner_refused = 421 busy\\r\\n ; not sent\n"
	"instances = 50\nper_source = 7\nrate = 10/min burst 30\nrate_per_source = 100/10s\n"
	"source_prefix = 24, 48\nwhen_full = refuse\nban_time = 10min\n"
	"first_byte_timeout = 30s\nidle_timeout = 1h\ntime_limit = 1d\nkill_after = 0\non_hangup = kill\n"
	"linger = 1500ms\n";

static void check_everything(void)
{
	const struct conf_service *a = service("a");
	const struct gate_limits *limits = &a->limits;
	const struct schedule_window *windows = limits->access_times.windows;

	ck_assert_uint_eq(limits->access_times.count, 2);
	ck_assert_uint_eq(windows[0].days, 0x1f);
	ck_assert_uint_eq(windows[0].from, 480);
	ck_assert_uint_eq(windows[0].until, 1080);
	ck_assert_str_eq(windows[0].zone_name, "Europe/Paris");
	ck_assert_int_eq(zone_offset(windows[0].zone, 1774745999), 3600);
	ck_assert_uint_eq(windows[1].days, 0x20);
	ck_assert_uint_eq(windows[1].from, 1320);
	ck_assert_uint_eq(windows[1].until, 120);
	ck_assert_ptr_null(windows[1].zone_name);
	ck_assert_ptr_nonnull(windows[1].zone);
	ck_assert_ptr_ne(windows[1].zone, windows[0].zone);
	ck_assert_uint_eq(limits->max_load, 2500);
	ck_assert_uint_eq(a->banner.length, strlen("220 it's a ; here\r\n"));
	ck_assert_int_eq(memcmp(a->banner.bytes, "220 it's a ; here\r\n", a->banner.length), 0);
	ck_assert_uint_eq(a->banner_refused.length, strlen("421 busy\r\n"));
	ck_assert_uint_eq(limits->instances, 50);
	ck_assert_int_eq(a->per_source.kind, CONF_COUNT_SET);
	ck_assert_uint_eq(a->per_source.value, 7);
	ck_assert_uint_eq(limits->rate.count, 10);
	ck_assert_uint_eq(limits->rate.burst, 30);
	ck_assert_uint_eq(limits->rate.per_ns, 60 * NS_PER_S);
	ck_assert_uint_eq(limits->rate_per_source.count, 100);
	ck_assert_uint_eq(limits->rate_per_source.burst, 100);
	ck_assert_uint_eq(limits->rate_per_source.per_ns, 10 * NS_PER_S);
	ck_assert_uint_eq(limits->source_prefix.ipv4, 24);
	ck_assert_uint_eq(limits->source_prefix.ipv6, 48);
	ck_assert(limits->refuse_when_full);
	ck_assert_uint_eq(limits->ban_ns, 600 * NS_PER_S);
	ck_assert_uint_eq(a->first_byte_ns, 30 * NS_PER_S);
	ck_assert_uint_eq(a->idle_ns, 3600 * NS_PER_S);
	ck_assert_uint_eq(a->time_limit_ns, 86400 * NS_PER_S);
	ck_assert_uint_eq(a->kill_after_ns, 0);
	ck_assert_uint_eq(a->linger_ns, 1500 * NS_PER_MS);
	ck_assert(a->kill_on_hangup);
	ck_assert_int_eq(conf->daemon.log_address, CONF_LOG_ADDRESS_HASH);
}

START_TEST(print_and_load)
{
	zones_set_up();
	load_good(everything);
	check_everything();

	_cleanup_free_ char *once = print_conf();

	load_good(once);
	check_everything();
	zones_tear_down();
}
END_TEST

/* What [defaults] says is taken by all, and each may say otherwise. */
START_TEST(inherited)
{
	load_good("[defaults]\naccess_times = mon 1:00-2:00 UTC\nrate = 5/s\nbanner = hi\nper_source = "
		  "none\n" MINIMUM "[b]\nlisten = 127.0.0.1:7008\n" CAT
		  "access_times = always\nrate = none\nbanner = none\nper_source = auto\n");
	ck_assert_uint_eq(service("a")->limits.access_times.count, 1);
	ck_assert_uint_eq(service("a")->limits.rate.count, 5);
	ck_assert_uint_eq(service("a")->banner.length, 2);
	ck_assert_int_eq(service("a")->per_source.kind, CONF_COUNT_NONE);
	ck_assert_uint_eq(service("b")->limits.access_times.count, 0);
	ck_assert_uint_eq(service("b")->limits.rate.count, 0);
	ck_assert_ptr_null(service("b")->banner.bytes);
	ck_assert_int_eq(service("b")->per_source.kind, CONF_COUNT_AUTO);
}
END_TEST

/* The most windows there may be, with long zones: more than fits a line, and it comes back. */
START_TEST(long_hours)
{
	char text[8000] = MINIMUM "access_times = ";

	zones_set_up();
	for (int i = 0; i < 64; i++)
		strcat(text, i % 2 == 0 ? "mon wed fri 01:00-02:00 America/New_York\n ," :
			     i < 63     ? "tue 03:00-04:00 Australia/Sydney," :
					  "tue 03:00-04:00 Australia/Sydney\n");
	load_good(text);
	ck_assert_uint_eq(service("a")->limits.access_times.count, 64);

	_cleanup_free_ char *once = print_conf();

	load_good(once);
	ck_assert_uint_eq(service("a")->limits.access_times.count, 64);

	_cleanup_free_ char *twice = print_conf();
	const char *first = strstr(once, "access_times"), *second = strstr(twice, "access_times");

	ck_assert_ptr_nonnull(first);
	ck_assert_str_eq(first, second);
	for (const char *line = once; line != NULL; line = strchr(line + 1, '\n'))
		ck_assert_uint_lt(strcspn(line + 1, "\n"), 200);
	zones_tear_down();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf_limits");
	TCase *types = tcase_create("types");
	TCase *loads = tcase_create("loads");

	tcase_add_loop_test(types, take, 0, ELEMENTS(taken));
	tcase_add_loop_test(types, refuse, 0, ELEMENTS(refused));
	tcase_add_test(types, number_of_windows);
	suite_add_tcase(suite, types);
	tcase_add_checked_fixture(loads, set_up, tear_down);
	tcase_add_test(loads, defaults);
	tcase_add_test(loads, print_and_load);
	tcase_add_test(loads, inherited);
	tcase_add_test(loads, long_hours);
	suite_add_tcase(suite, loads);
	return suite;
}

RUN_SUITE(make_suite)
