/* check_conf_type.c - every type: what it takes, what it refuses, and that what
 * it prints is taken again; and the strict numbers (failure item F57) for each
 * numeric key. */
#include "conf_type_help.h"

#include <errno.h>

/* ---- what types take: the text, and how it is printed; NULL: refused ---- */

static const struct {
	const struct conf_type *type;
	int64_t min, max;
	const char *text, *printed;
} values[] = {
	{&conf_type_bool, 0, 0, "yes", "yes"},
	{&conf_type_bool, 0, 0, "true", "yes"},
	{&conf_type_bool, 0, 0, "on", "yes"},
	{&conf_type_bool, 0, 0, "1", "yes"},
	{&conf_type_bool, 0, 0, "no", "no"},
	{&conf_type_bool, 0, 0, "false", "no"},
	{&conf_type_bool, 0, 0, "off", "no"},
	{&conf_type_bool, 0, 0, "0", "no"},
	{&conf_type_bool, 0, 0, "", NULL},
	{&conf_type_bool, 0, 0, "Yes", NULL},
	{&conf_type_bool, 0, 0, "y", NULL},
	{&conf_type_count, 1, 100, "1", "1"},
	{&conf_type_count, 1, 100, "100", "100"},
	{&conf_type_count, 1, 100, "101", NULL},
	{&conf_type_count, 0, 100, "0", "0"},
	{&conf_type_count, 0, 100, "00", NULL},
	{&conf_type_count, 0, UINT32_MAX, "2k", "2000"},
	{&conf_type_count, 0, UINT32_MAX, "2K", "2000"},
	{&conf_type_count, 0, UINT32_MAX, "3M", "3000000"},
	{&conf_type_count, 0, UINT32_MAX, "4G", "4000000000"},
	{&conf_type_count, 0, UINT32_MAX, "5G", NULL},
	{&conf_type_count, 0, UINT32_MAX, "k", NULL},
	{&conf_type_count, 0, UINT32_MAX, "1kk", NULL},
	{&conf_type_count, 0, UINT32_MAX, "1 k", NULL},
	{&conf_type_count_or_auto, 1, 10, "auto", "auto"},
	{&conf_type_count_or_auto, 1, 10, "7", "7"},
	{&conf_type_count_or_auto, 1, 10, "0", NULL},
	{&conf_type_count_or_auto, 1, 10, "Auto", NULL},
	{&conf_type_size, 0, INT64_MAX, "0", "0"},
	{&conf_type_size, 0, INT64_MAX, "1023", "1023"},
	{&conf_type_size, 0, INT64_MAX, "1024", "1K"},
	{&conf_type_size, 0, INT64_MAX, "64k", "64K"},
	{&conf_type_size, 0, INT64_MAX, "1536K", "1536K"},
	{&conf_type_size, 0, INT64_MAX, "2M", "2M"},
	{&conf_type_size, 0, INT64_MAX, "3G", "3G"},
	{&conf_type_size, 0, INT64_MAX, "8388607T", "8388607T"},
	{&conf_type_size, 0, INT64_MAX, "8388608T", NULL},
	{&conf_type_size, 0, INT64_MAX, "9223372036854775807", "9223372036854775807"},
	{&conf_type_size, 0, INT64_MAX, "9223372036854775808", NULL},
	{&conf_type_size, 0, INT64_MAX, "92233720368547758070", NULL},
	{&conf_type_size, 0, INT64_MAX, "18446744073709551617", NULL},
	{&conf_type_size, 0, INT64_MAX, "9223372036854775808", NULL},
	{&conf_type_size, 0, INT64_MAX, "18446744073709551617", NULL},
	{&conf_type_size, 0, INT64_MAX, "1MB", NULL},
	{&conf_type_duration, 0, 86400000, "0", "0"},
	{&conf_type_duration, 0, 86400000, "0s", "0"},
	{&conf_type_duration, 0, 86400000, "no", "0"},
	{&conf_type_duration, 0, 86400000, "250ms", "250ms"},
	{&conf_type_duration, 0, 86400000, "1000ms", "1s"},
	{&conf_type_duration, 0, 86400000, "90s", "90s"},
	{&conf_type_duration, 0, 86400000, "120s", "2min"},
	{&conf_type_duration, 0, 86400000, "10min", "10min"},
	{&conf_type_duration, 0, 86400000, "2h", "2h"},
	{&conf_type_duration, 0, 86400000, "24h", "1d"},
	{&conf_type_duration, 0, 86400000, "1d", "1d"},
	{&conf_type_duration, 0, 86400000, "2d", NULL},
	{&conf_type_duration, 0, 86400000, "86400001ms", NULL},
	{&conf_type_duration, 1, 86400000, "0", NULL},
	{&conf_type_duration, 1, 86400000, "no", NULL},
	{&conf_type_duration, 0, 86400000, "30", NULL},
	{&conf_type_duration, 0, 86400000, "1m", NULL},
	{&conf_type_duration, 0, 86400000, "1h30min", NULL},
	{&conf_type_duration, 0, 86400000, "030s", NULL},
	{&conf_type_duration, 0, 86400000, "-1s", NULL},
	{&conf_type_duration, 0, INT64_MAX, "9223372036854775807d", NULL},
	{&conf_type_duration, 0, INT64_MAX, "106751991167301d", NULL},
	{&conf_type_mode, 0, 0777, "022", "0022"},
	{&conf_type_mode, 0, 0777, "0600", "0600"},
	{&conf_type_mode, 0, 0777, "777", "0777"},
	{&conf_type_mode, 0, 0777, "22", NULL},
	{&conf_type_mode, 0, 0777, "1777", NULL},
	{&conf_type_mode, 0, 0777, "00600", NULL},
	{&conf_type_mode, 0, 0777, "0o22", NULL},
	{&conf_type_optional_int, -20, 19, "inherit", "inherit"},
	{&conf_type_optional_int, -20, 19, "0", "0"},
	{&conf_type_optional_int, -20, 19, "-20", "-20"},
	{&conf_type_optional_int, -20, 19, "19", "19"},
	{&conf_type_optional_int, -20, 19, "20", NULL},
	{&conf_type_optional_int, -20, 19, "-21", NULL},
	{&conf_type_optional_int, -20, 19, "--1", NULL},
	{&conf_type_optional_int, -20, 19, "-0", NULL},
	{&conf_type_optional_int, -20, 19, "- 1", NULL},
	{&conf_type_optional_int, -20, 19, "-", NULL},
	{&conf_type_rlimit_count, 1, 1000000, "inherit", "inherit"},
	{&conf_type_rlimit_count, 1, 1000000, "unlimited", "unlimited"},
	{&conf_type_rlimit_count, 1, 1000000, "1024", "1024"},
	{&conf_type_rlimit_count, 1, 1000000, "1k:4k", "1000:4000"},
	{&conf_type_rlimit_count, 1, 1000000, "1024:unlimited", "1024:unlimited"},
	{&conf_type_rlimit_count, 1, 1000000, "7:7", "7"},
	{&conf_type_rlimit_count, 1, 1000000, "unlimited:7", NULL},
	{&conf_type_rlimit_count, 1, 1000000, "8:7", NULL},
	{&conf_type_rlimit_count, 1, 1000000, "inherit:7", NULL},
	{&conf_type_rlimit_count, 1, 1000000, "7:", NULL},
	{&conf_type_rlimit_size, 0, INT64_MAX, "0", "0"},
	{&conf_type_rlimit_size, 0, INT64_MAX, "8M:1G", "8M:1G"},
	{&conf_type_rlimit_time, 1000, INT64_MAX, "90s:2min", "90s:2min"},
	{&conf_type_rlimit_time, 1000, INT64_MAX, "1500ms", NULL},
	{&conf_type_rlimit_time, 1000, INT64_MAX, "0", NULL},
	{&conf_type_text, 0, 0, "", ""},
	{&conf_type_text, 0, 0, "a 'b\" \\c", "a 'b\" \\c"},
	{&conf_type_path, 0, 0, "/", "/"},
	{&conf_type_path, 0, 0, "/a b", "/a b"},
	{&conf_type_path, 0, 0, "a", NULL},
	{&conf_type_path, 0, 0, "none", NULL},
	{&conf_type_path_or_none, 0, 0, "none", "none"},
	{&conf_type_path_or_none, 0, 0, "/x", "/x"},
	{&conf_type_interface, 0, 0, "any", "any"},
	{&conf_type_interface, 0, 0, "eth0.5", "eth0.5"},
	{&conf_type_interface, 0, 0, "123456789012345", "123456789012345"},
	{&conf_type_interface, 0, 0, "1234567890123456", NULL},
	{&conf_type_interface, 0, 0, "a/b", NULL},
	{&conf_type_name, 0, 0, "nobody", "nobody"},
	{&conf_type_name, 0, 0, "", NULL},
	{&conf_type_uid, 0, 0, "auto", "auto"},
	{&conf_type_uid, 0, 0, "root", "0"},
	{&conf_type_uid, 0, 0, "4294967294", "4294967294"},
	{&conf_type_uid, 0, 0, "4294967295", NULL},
	{&conf_type_uid, 0, 0, "0root", NULL},
	{&conf_type_gid, 0, 0, "auto", "auto"},
	{&conf_type_gid, 0, 0, "root", "0"},
	{&conf_type_gid, 0, 0, "nosuchgroup", NULL},
	{&conf_type_command, 0, 0, "/bin/cat", "/bin/cat"},
	{&conf_type_command, 0, 0, "a 'b c' \"d e\" f\\ g ''", "a 'b c' 'd e' 'f g' ''"},
	{&conf_type_command, 0, 0, "a ';' \\; 'b;c' \"it's\"", "a \\; \\; 'b'\\;'c' 'it'\\''s'"},
	{&conf_type_command, 0, 0, "", NULL},
	{&conf_type_command, 0, 0, "''", NULL},
	{&conf_type_command, 0, 0, "a 'b", NULL},
	{&conf_type_groups, 0, 0, "auto", "auto"},
	{&conf_type_groups, 0, 0, "none", "none"},
	{&conf_type_groups, 0, 0, "a, b c,d", "a, b, c, d"},
	{&conf_type_groups, 0, 0, "", NULL},
	{&conf_type_groups, 0, 0, "none a", NULL},
	{&conf_type_paths, 0, 0, "", ""},
	{&conf_type_paths, 0, 0, "a, '/b c'", "a, '/b c'"},
	{&conf_type_paths, 0, 0, "''", NULL},
	{&conf_type_assignments, 0, 0, "", ""},
	{&conf_type_assignments, 0, 0, "A=1", "A=1"},
	{&conf_type_assignments, 0, 0, "A= B=", "A=, B="},
	{&conf_type_assignments, 0, 0, "A='x y', B=\"c,d\" , C=e\\ f", "'A=x y', 'B=c,d', 'C=e f'"},
	{&conf_type_assignments, 0, 0, "A=a=b,AB=1", "A=a=b, AB=1"},
	{&conf_type_assignments, 0, 0, "A=x\\;y", "'A=x'\\;'y'"},
	{&conf_type_assignments, 0, 0, "A='it'\\''s'", "'A=it'\\''s'"},
	{&conf_type_assignments, 0, 0, "A=1,", "A=1"},
	{&conf_type_assignments, 0, 0, ",A=1", NULL},
	{&conf_type_assignments, 0, 0, "A=1,,B=2", NULL},
	{&conf_type_assignments, 0, 0, "A=1, ,B=2", NULL},
	{&conf_type_assignments, 0, 0, "A", NULL},
	{&conf_type_assignments, 0, 0, "A=1 A=2", NULL},
	{&conf_type_assignments, 0, 0, "UDPREMOTEIP=1", NULL},
	{&conf_type_assignments, 0, 0, "IPCREMOTEEUID=1", NULL},
	{&conf_type_assignments, 0, 0, "UNIXREMOTEPID=1", NULL},
	{&conf_type_assignments, 0, 0, "PROTOCOL=1", "PROTOCOL=1"},
	{&conf_type_variables, 0, 0, "TZ LANG,LC_ALL", "TZ, LANG, LC_ALL"},
	{&conf_type_variables, 0, 0, "TZ=1", NULL},
	{&conf_type_variables, 0, 0, "LISTEN_PID", NULL},
	{&conf_type_endpoints, 0, 0, "127.0.0.1:80", "127.0.0.1:80"},
	{&conf_type_endpoints, 0, 0, "80", "0.0.0.0:80, [::]:80"},
	{&conf_type_endpoints, 0, 0, "[::1]:80/udp, unix:/a", "[::1]:80/udp, unix:/a"},
	{&conf_type_endpoints, 0, 0, "127.0.0.1:80-82", "127.0.0.1:80, 127.0.0.1:81, 127.0.0.1:82"},
	{&conf_type_endpoints, 0, 0, "", NULL},
	{&conf_type_endpoints, 0, 0, "0", NULL},
	{&conf_type_stderr, 0, 0, "log", "log"},
	{&conf_type_stderr, 0, 0, "socket", "socket"},
	{&conf_type_stderr, 0, 0, "null", "null"},
	{&conf_type_stderr, 0, 0, "file:/a b", "file:/a b"},
	{&conf_type_stderr, 0, 0, "file:a", NULL},
	{&conf_type_stderr, 0, 0, "file:PATH", NULL},
	{&conf_type_stderr, 0, 0, "none", NULL},
	{&conf_type_log, 0, 0, "stderr", "stderr"},
	{&conf_type_log, 0, 0, "syslog", "syslog"},
	{&conf_type_log, 0, 0, "file:/x", "file:/x"},
	{&conf_type_log, 0, 0, "/x", NULL},
	{&conf_type_log_format, 0, 0, "text", "text"},
	{&conf_type_log_format, 0, 0, "json", "json"},
	{&conf_type_log_format, 0, 0, "JSON", NULL},
	{&conf_type_log_level, 0, 0, "error", "error"},
	{&conf_type_log_level, 0, 0, "debug", "debug"},
	{&conf_type_log_level, 0, 0, "7", NULL},
};

START_TEST(value)
{
	struct bench bench;
	const struct conf_type *type = values[_i].type;
	const char *text = values[_i].text, *expected = values[_i].printed;

	open_bench(&bench);

	union field before = bench.field;
	int r = parse(&bench, type, values[_i].min, values[_i].max, text);

	if (expected == NULL) {
		ck_assert_msg(r == -EINVAL, "%s '%s': %d", type->name, text, r);
		ck_assert_msg(strlen(bench.reason) > 10, "%s '%s': '%s'", type->name, text, bench.reason);
		ck_assert_msg(memcmp(&before, &bench.field, sizeof(before)) == 0, "%s '%s': touched",
			      type->name, text);
	} else {
		ck_assert_msg(r == 0, "%s '%s': %s", type->name, text, bench.reason);

		_cleanup_free_ char *once = print_value(&bench, type);

		ck_assert_str_eq(once, expected);
		memset(&bench.field, 0, sizeof(bench.field));
		ck_assert_msg(parse(&bench, type, values[_i].min, values[_i].max, once) == 0, "%s '%s': %s",
			      type->name, once, bench.reason);

		_cleanup_free_ char *twice = print_value(&bench, type);

		ck_assert_str_eq(twice, once);
	}
	close_bench(&bench);
}
END_TEST

/* ---- strict numbers ---- */

static const char *const bad_numbers[] = {
	"",
	"+1",
	"1e3",
	"0x10",
	"010",
	"2147483648x",
	"4294967297",
	"9223372036854775808",
	"18446744073709551616",
	"18446744073709551617",
	"1e400",
	" 5",
	"5 ",
	"5x",
	"NaN",
	"\xd9\xa3",
	"1_000",
	"1,000",
	"1.0",
	"--1",
	"0b1",
	"inf",
	"-9223372036854775809",
	"99999999999999999999999999999999999",
};

static bool is_numeric(const struct conf_type *type)
{
	return type == &conf_type_count || type == &conf_type_count_or_auto || type == &conf_type_size ||
	       type == &conf_type_optional_int || type == &conf_type_rlimit_count ||
	       type == &conf_type_duration || type == &conf_type_rlimit_time ||
	       type == &conf_type_rlimit_size || type == &conf_type_mode;
}

/* Whether the unsigned 64-bit number may be a good size. */
static bool may_be_good(const struct conf_key *key, const char *text)
{
	return strcmp(text, "4294967297") == 0 && key->max >= INT64_C(4294967297) &&
	       (key->type == &conf_type_size || key->type == &conf_type_rlimit_size);
}

START_TEST(strict_numbers)
{
	struct bench bench;
	size_t count, numeric = 0;
	const struct conf_key *keys = conf_keys(&count);

	open_bench(&bench);
	for (size_t i = 0; i < count; i++) {
		const struct conf_key *key = &keys[i];

		if (key->name == NULL || !is_numeric(key->type))
			continue;
		numeric++;
		for (size_t j = 0; j < ELEMENTS(bad_numbers); j++) {
			if (may_be_good(key, bad_numbers[j]) ||
			    (key->type == &conf_type_mode && strcmp(bad_numbers[j], "010") == 0))
				continue;

			int r = parse(&bench, key->type, key->min, key->max, bad_numbers[j]);

			ck_assert_msg(r == -EINVAL && bench.reason[0] != '\0', "%s = '%s': %d", key->name,
				      bad_numbers[j], r);
		}
	}
	ck_assert_uint_ge(numeric, 18);
	close_bench(&bench);
}
END_TEST

/* Each bound is taken, what lies beyond is not, and the message names both. */
START_TEST(bounds)
{
	struct bench bench;
	size_t count, checked = 0;
	const struct conf_key *keys = conf_keys(&count);

	open_bench(&bench);
	for (size_t i = 0; i < count; i++) {
		const struct conf_key *key = &keys[i];
		const char *unit = key->type == &conf_type_duration ? "ms" : "";
		char text[64], range[64];

		if (key->name == NULL || !is_numeric(key->type) || key->type == &conf_type_mode ||
		    key->max == INT64_MAX || key->type == &conf_type_rlimit_time)
			continue;
		checked++;
		snprintf(text, sizeof(text), "%lld%s", (long long)key->min, unit);
		ck_assert_msg(parse(&bench, key->type, key->min, key->max, text) == 0, "%s = %s", key->name,
			      text);
		snprintf(text, sizeof(text), "%lld%s", (long long)key->max, unit);
		ck_assert_msg(parse(&bench, key->type, key->min, key->max, text) == 0, "%s = %s", key->name,
			      text);
		snprintf(text, sizeof(text), "%lld%s", (long long)key->max + 1, unit);
		ck_assert_msg(parse(&bench, key->type, key->min, key->max, text) == -EINVAL, "%s = %s",
			      key->name, text);
		snprintf(range, sizeof(range), "%lld to %lld", (long long)key->min, (long long)key->max);
		if (unit[0] == '\0')
			ck_assert_msg(strstr(bench.reason, range) != NULL, "%s: %s", key->name, bench.reason);
		if (key->min == 0)
			continue;
		snprintf(text, sizeof(text), "%lld%s", (long long)key->min - 1, unit);
		ck_assert_msg(parse(&bench, key->type, key->min, key->max, text) == -EINVAL, "%s = %s",
			      key->name, text);
	}
	ck_assert_uint_ge(checked, 11);
	close_bench(&bench);
}
END_TEST

/* ---- the table itself ---- */

START_TEST(table)
{
	struct bench bench;
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	open_bench(&bench);
	ck_assert_ptr_null(keys[0].name);
	for (size_t i = 0; i < count; i++) {
		const struct conf_key *key = &keys[i];

		if (key->name == NULL) {
			ck_assert_ptr_nonnull(key->group);
			continue;
		}
		ck_assert_ptr_eq(conf_key_find(key->scope, key->name), key);
		ck_assert_msg(key->name[strspn(key->name, "abcdefghijklmnopqrstuvwxyz_")] == '\0', "%s",
			      key->name);
		ck_assert_msg(key->description[strlen(key->description) - 1] == '.', "%s: a sentence",
			      key->name);
		ck_assert_ptr_nonnull(key->type->explanation);
		ck_assert_str_ne(key->argument, "");
		if (key->fallback[0] != '\0')
			ck_assert_msg(parse(&bench, key->type, key->min, key->max, key->fallback) == 0,
				      "%s: %s", key->name, bench.reason);
	}
	close_bench(&bench);
}
END_TEST

/* Any word comes back, alone and in a list. */
START_TEST(any_word)
{
	static const char bytes[] = "ab;;  ''\"\\,,$`#=\t[]:";
	unsigned seed = 1;

	for (unsigned round = 0; round < 2000; round++) {
		struct bench bench;
		char word[24] = "A=";
		_cleanup_free_ char *text = NULL;
		size_t size = 0, length = 2 + (size_t)rand_r(&seed) % 20;

		for (size_t i = 2; i < length; i++)
			word[i] = bytes[(size_t)rand_r(&seed) % (sizeof(bytes) - 1)];
		word[length] = '\0';

		FILE *stream = open_memstream(&text, &size);

		ck_assert_ptr_nonnull(stream);
		conf_type_print_word(word, stream);
		fclose(stream);

		open_bench(&bench);
		ck_assert_msg(parse(&bench, &conf_type_assignments, 0, 0, text) == 0, "%s: %s", text,
			      bench.reason);

		struct conf_words words;

		memcpy(&words, &bench.field, sizeof(words));
		ck_assert_uint_eq(words.count, 1);
		ck_assert_str_eq(words.items[0], word);
		ck_assert_msg(parse(&bench, &conf_type_command, 0, 0, text) == 0, "%s: %s", text,
			      bench.reason);
		memcpy(&words, &bench.field, sizeof(words));
		ck_assert_uint_eq(words.count, 1);
		ck_assert_str_eq(words.items[0], word);
		ck_assert_ptr_null(words.items[1]);
		/* Nothing of it starts a comment. */
		ck_assert_ptr_null(strstr(text, " ;"));
		ck_assert_ptr_null(strstr(text, "\t;"));
		close_bench(&bench);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf_type");
	TCase *all = tcase_create("types");

	tcase_add_loop_test(all, value, 0, ELEMENTS(values));
	tcase_add_test(all, strict_numbers);
	tcase_add_test(all, bounds);
	tcase_add_test(all, table);
	tcase_add_test(all, any_word);
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
