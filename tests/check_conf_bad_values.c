/* check_conf_bad_values.c - each key with each kind of value that is none of its type: refused at its line,
 * by its name, with a message; and nothing of the file is taken. The keys are those of the table, so a new
 * key is tried by itself. (F57: numbers; F58: words; what needs a file of its own stands in
 * tests/bad-configs.) */
#include "base.h"
#include "conf-key.h"
#include "conf-internal.h"
#include "run.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define ENOUGH 1000 /* configurations that must have been tried */

static const struct conf_environment environment = { .services_directory = "/nonexistent" };
static unsigned tried;

/* ---- the values ---- */

/* No number of any kind: F57. */
#define NOT_NUMBERS                                                                                          \
	"-", "+1", "--1", "1e3", "1e400", "0x10", "0b1", "1_000", "1,000", "5 5", "5x", "x5", "NaN", "inf",  \
		"½", "٣", "1 k", "kk", "1kk", "'5'x", "18446744073709551616", "99999999999999999999999999",  \
		"true"

static const char *const not_bools[] = { "maybe",   "2",  "-1",  "y",  "n",   "YES!",  "yesno", "yes no",
					 "enabled", "ja", "0x1", "00", "tru", "no,no", "auto",  NULL };
static const char *const not_counts[] = { NOT_NUMBERS, "-1", "1.5", "4294967296", "1s", "50%", NULL };
static const char *const not_sizes[] = { NOT_NUMBERS, "-1", "1.5", "1T", "1KB", "1 M", "9223372036854775808k",
					 NULL };
static const char *const not_durations[] = { NOT_NUMBERS, "-1s",   "1.5s", "5 parsecs",    "1s1",
					     "s",         "1 h 1", "1w",   "10000000000d", NULL };
static const char *const not_modes[] = { "8",     "089", "rwxr-xr-x", "u+x",    "-1",
					 "0x1ff", "1e3", "07777777",  "0644 x", NULL };
static const char *const not_integers[] = { NOT_NUMBERS, "1.5", "4294967296", "-4294967297", "- 1", NULL };
static const char *const not_rlimits[] = { NOT_NUMBERS, "-1", "1:2:3", ":",   "2:1",
					   "1:",        ":1", "max",   "5:x", NULL };
static const char *const not_paths[] = { "relative", "./here", "../up", "~/home", "'/a' /b", NULL };
static const char *const not_users[] = { "0day", "-1",  "4294967295", "4294967296", "no-such-user-here",
					 "0x0",  "a b", "root:",      "+0",         "",
					 NULL };
static const char *const not_endpoints[] = {
	"0",         "65536",          "-1",          "7007/sctp",   "[::1",     "::1:7007",
	"127.0.0.1", "256.0.0.1:7007", "host:",       ":x",          "7007-",    "9-7",
	"unix:",     "unix:relative",  "vsock:x:y",   "7007,,7008",  "udp:7007", "127.0.0.1:7007/",
	"tcp",       "[::1]",          "unix-raw:/x", "http://x:80", NULL
};
static const char *const not_commands[] = {
	"/no/such/program", "'/bin/cat", "\"/bin/cat", "/bin/cat \\", "no-such-program-here", "/",
	"/etc/passwd",      "/dev/null", NULL
};
static const char *const not_networks[] = { "10.0.0.0/33",
					    "10.0.0.1/8",
					    "2001:db8::/129",
					    "2001:db8::1/32",
					    "10.0.0",
					    "10.*",
					    "example.org",
					    ".example.org",
					    "10.0.0.0-10.0.0.9",
					    "256.1.1.1",
					    "uid:",
					    "uid:no-such-user-here",
					    "file:",
					    "file:/no/such/file",
					    "any",
					    "10.0.0.0/-1",
					    "10.0.0.0/",
					    "/8",
					    "::g",
					    "10.0.0.0/8;x",
					    NULL };
static const char *const not_times[] = { "24:00-25:00",
					 "8-18",
					 "08:00",
					 "18:00-08:60",
					 "mon",
					 "mun 08:00-18:00",
					 "mon-08:00",
					 "08:00-18:00 Mars/Base",
					 "08:00 18:00",
					 "-",
					 "never",
					 "mon-fri 08:00",
					 "08:00-18:00-20:00",
					 NULL };
static const char *const not_rates[] = { "50",        "50/",        "/s",           "0/s",      "-1/s",
					 "50/x",      "50/s burst", "50/s burst 0", "50/s 10",  "1.5/s",
					 "50/0s",     "50/8d",      "1000001/s",    "50 / s x", "fast",
					 "50/s,60/s", NULL };
static const char *const not_prefixes[] = {
	"33 64", "24 129", "-1 64", "24 64 1", "/24", "24/64", "x", NULL
};
static const char *const not_decimals[] = { NOT_NUMBERS, "-1", "1.2345", "1.", ".", "1,5", NULL };
static const char *const not_messages[] = {
	"\\x", "\\q", "\\xg0", "file:", "file:relative", "file:/no/such/file", "a\\", NULL
};
static const char *const not_assignments[] = { "A", "=x", "1A=x", "A-B=x", "A=1, A=2", "'A=x", NULL };
static const char *const not_variables[] = { "1A", "A-B", "A=x", "A,,B", NULL };
static const char *const not_choices[] = { "nonsense", "0", "LOG", "log log", "a,b", "-", NULL };
static const char *const not_places[] = { "relative", "./x", "auto none", NULL };
static const char *const not_interfaces[] = { "an-interface-of-a-name-too-long", "a b", "a/b", NULL };

/* Which of them go with which type. Text takes anything; lists of paths may begin anywhere. */
static const struct {
	const struct conf_type *type;
	const char *const *values;
} bad[] = {
	{ &conf_type_bool, not_bools },
	{ &conf_type_count, not_counts },
	{ &conf_type_count_or_auto, not_counts },
	{ &conf_type_optional_count, not_counts },
	{ &conf_type_size, not_sizes },
	{ &conf_type_duration, not_durations },
	{ &conf_type_mode, not_modes },
	{ &conf_type_optional_int, not_integers },
	{ &conf_type_rlimit_count, not_rlimits },
	{ &conf_type_rlimit_size, not_rlimits },
	{ &conf_type_rlimit_time, not_rlimits },
	{ &conf_type_path, not_paths },
	{ &conf_type_path_or_none, not_paths },
	{ &conf_type_place, not_places },
	{ &conf_type_interface, not_interfaces },
	{ &conf_type_name, not_users },
	{ &conf_type_uid, not_users },
	{ &conf_type_gid, not_users },
	{ &conf_type_gid_or_none, not_users },
	{ &conf_type_groups, not_users },
	{ &conf_type_command, not_commands },
	{ &conf_type_assignments, not_assignments },
	{ &conf_type_variables, not_variables },
	{ &conf_type_endpoints, not_endpoints },
	{ &conf_type_stderr, not_choices },
	{ &conf_type_log, not_choices },
	{ &conf_type_log_format, not_choices },
	{ &conf_type_log_level, not_choices },
	{ &conf_type_log_address, not_choices },
	{ &conf_type_when_full, not_choices },
	{ &conf_type_on_hangup, not_choices },
	{ &conf_type_warm, not_choices },
	{ &conf_type_access, not_networks },
	{ &conf_type_times, not_times },
	{ &conf_type_decimal, not_decimals },
	{ &conf_type_message, not_messages },
	{ &conf_type_rate, not_rates },
	{ &conf_type_prefixes, not_prefixes },
};

/* ---- trying ---- */

/* A whole file with this one mistake; returns its line. */
static unsigned make_file(char text[static 1024], const struct conf_key *key, const char *value)
{
	bool listens = strcmp(key->name, "listen") == 0, executes = strcmp(key->name, "exec") == 0;

	if (key->scope == CONF_SCOPE_DAEMON) {
		snprintf(text, 1024, "[usherd]\n%s = %s\n[it]\nlisten = 127.0.0.1:7001\nexec = /bin/cat\n",
			 key->name, value);
		return 2;
	}
	const char *usual = (key->flags & CONF_KEY_FOR_FILE) != 0 ? "unix:/run/it" : "127.0.0.1:7001";

	snprintf(text, 1024, "[it]\nlisten = %s\nexec = %s\n%s%s%s%s", listens ? value : usual,
		 executes ? value : "/bin/cat", listens || executes ? "" : key->name,
		 listens || executes ? "" : " = ", listens || executes ? "" : value,
		 listens || executes ? "" : "\n");
	return listens ? 2 : executes ? 3 : 4;
}

static void expect_refused(const struct conf_key *key, const char *value)
{
	char text[1024], subject[100];
	unsigned line = make_file(text, key, value);
	struct conf_errors errors = { 0 };
	struct conf *conf = NULL;
	bool found = false;

	tried++;
	snprintf(subject, sizeof(subject), "%s.%s", key->scope == CONF_SCOPE_DAEMON ? "usherd" : "it",
		 key->name);
	int r = conf_load_bytes("bad.ini", text, strlen(text), &environment, &conf, &errors);

	ck_assert_msg(r == -EINVAL && conf == NULL, "%s = %s is taken (%d)", key->name, value, r);
	for (size_t i = 0; i < errors.count; i++)
		found |= errors.items[i].line == line && errors.items[i].subject != NULL &&
			 strcmp(errors.items[i].subject, subject) == 0 && strlen(errors.items[i].reason) > 10;
	ck_assert_msg(found, "%s = %s: the error is at line %u, %s: %s", key->name, value,
		      errors.items[0].line, errors.items[0].subject != NULL ? errors.items[0].subject : "-",
		      errors.items[0].reason);
	ck_assert_msg(errors.count == 1, "%s = %s: %zu errors for one mistake, one is %s", key->name, value,
		      errors.count, errors.items[1].reason);
	conf_errors_free(&errors);
}

/* One more than the most, one less than the least, for what counts plain numbers. */
static void expect_bounds(const struct conf_key *key)
{
	bool is_plain = key->type == &conf_type_count || key->type == &conf_type_optional_int ||
			key->type == &conf_type_optional_count;
	char value[40];

	if (!is_plain || key->max == 0)
		return;
	snprintf(value, sizeof(value), "%" PRId64, key->max + 1);
	expect_refused(key, value);
	snprintf(value, sizeof(value), "%" PRId64, key->min - 1);
	expect_refused(key, value);
}

START_TEST(each_key)
{
	size_t count;
	const struct conf_key *key = &conf_keys(&count)[_i];

	if (key->name == NULL)
		return;
	for (size_t i = 0; i < ELEMENTS(bad); i++)
		for (const char *const *value = bad[i].type == key->type ? bad[i].values : NULL;
		     value != NULL && *value != NULL; value++)
			expect_refused(key, *value);
	expect_bounds(key);
}
END_TEST

/* All in one process, to be counted. */
START_TEST(there_are_enough)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	for (size_t k = 0; k < count; k++)
		for (size_t i = 0; keys[k].name != NULL && i < ELEMENTS(bad); i++)
			for (const char *const *value = bad[i].type == keys[k].type ? bad[i].values : NULL;
			     value != NULL && *value != NULL; value++)
				tried++;
	ck_assert_msg(tried >= ENOUGH, "only %u", tried);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf_bad_values");
	TCase *all = tcase_create("values");
	size_t count;

	(void)conf_keys(&count);
	tcase_set_timeout(all, 60);
	tcase_add_loop_test(all, each_key, 0, (int)count);
	tcase_add_test(all, there_are_enough);
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
