/* check_export_systemd.c - the way back: what units are made of a services.ini, and that what is made of
 * those units again is the same service. */
#include "core_help.h"
#include "import_help.h"

/* Keys of a service on 127.0.0.1:7001, a line of a unit that comes of them (NULL: none is looked for), and
 * the worst class. */
static const struct {
	const char *keys, *line;
	enum import_class worst;
} rows[] = {
	{ "", "ListenStream=127.0.0.1:7001", IMPORT_EXACT },
	{ "", "Accept=yes", IMPORT_EXACT },
	{ "", "ExecStart=/bin/cat", IMPORT_EXACT },
	{ "", "StandardInput=socket", IMPORT_EXACT },
	{ "", "StandardError=journal", IMPORT_EXACT },
	{ "", "WantedBy=sockets.target", IMPORT_EXACT },
	{ "", "MaxConnections=100", IMPORT_EXACT },
	{ "instances = 7\n", "MaxConnections=7", IMPORT_EXACT },
	{ "per_source = 3\n", "MaxConnectionsPerSource=3", IMPORT_EXACT },
	{ "backlog = 9\n", "Backlog=9", IMPORT_EXACT },
	{ "nodelay = yes\n", "NoDelay=yes", IMPORT_EXACT },
	{ "keepalive = 10s\n", "KeepAliveTimeSec=10s", IMPORT_EXACT },
	{ "umask = 027\n", "UMask=0027", IMPORT_EXACT },
	{ "nice = 5\n", "Nice=5", IMPORT_EXACT },
	{ "stderr = socket\n", "StandardError=socket", IMPORT_EXACT },
	{ "stderr = null\n", "StandardError=null", IMPORT_EXACT },
	{ "no_new_privileges = no\n", NULL, IMPORT_EXACT },
	{ "rlimit_nofile = 10:20\n", "LimitNOFILE=10:20", IMPORT_EXACT },
	{ "time_limit = 5s\n", "RuntimeMaxSec=5s", IMPORT_EXACT },
	{ "description = 100% of it\n", "Description=100%% of it", IMPORT_EXACT },
	{ "env = A=1, 'B=x y'\n", "Environment=\"B=x y\"", IMPORT_EXACT },
	{ "allow = 10.0.0.0/8\n", "IPAddressAllow=10.0.0.0/8", IMPORT_APPROXIMATED },
	{ "allow = 10.0.0.0/8\n", "IPAddressDeny=any", IMPORT_APPROXIMATED },
	{ "deny = 10.0.0.0/8\n", "IPAddressDeny=10.0.0.0/8", IMPORT_APPROXIMATED },
	{ "rate = 5/s\n", "TriggerLimitBurst=5", IMPORT_APPROXIMATED },
	{ "wait = yes\n", "Accept=no", IMPORT_EXACT },
	{ "banner = hello\n", NULL, IMPORT_UNSUPPORTED },
	{ "access_times = 08:00-18:00\n", NULL, IMPORT_UNSUPPORTED },
};

/* The units of a file with this text, one after the other; malloc'ed. */
static char *export_text_of(const char *folder, const char *text, struct import *report)
{
	char *units = NULL;
	size_t length;
	FILE *out = open_memstream(&units, &length);
	const char *path = path_in(folder, "services.ini");

	write_file(path, 0644, text);
	ck_assert_int_eq(export_systemd(report, path, NULL, out), 0);
	fclose(out);
	return units;
}

START_TEST(key_becomes)
{
	const char *folder = make_folder();
	struct import *report = import_new();
	char text[400];

	snprintf(text, sizeof(text), "; a comment\n[it]\nlisten = 127.0.0.1:7001\nexec = /bin/cat\n%s",
		 rows[_i].keys);
	_cleanup_free_ char *units = export_text_of(folder, text, report), *said = reported(report);

	if (rows[_i].line != NULL)
		ck_assert_msg(has_line(units, rows[_i].line), "%s: no %s in\n%s", rows[_i].keys,
			      rows[_i].line, units);
	ck_assert_msg(import_worst(report) == rows[_i].worst, "%s:\n%s", rows[_i].keys, said);
	ck_assert_ptr_null(strstr(said, "nothing was made of this line"));
	import_free(report);
	remove_folder(folder);
}
END_TEST

/* Of [Socket]: the lists of [Service] are not for clients. */
START_TEST(lists_are_the_socket_s)
{
	const char *folder = make_folder();
	struct import *report = import_new();
	_cleanup_free_ char *units =
		export_text_of(folder, "[it]\nlisten = 7001\nexec = /bin/cat\nallow = 10.0.0.0/8\n", report);
	char *service = strstr(units, "[Service]");

	ck_assert_ptr_nonnull(service);
	ck_assert_ptr_null(strstr(service, "IPAddress"));
	ck_assert(strstr(units, "IPAddressAllow=10.0.0.0/8") < service);
	import_free(report);
	remove_folder(folder);
}
END_TEST

/* There and back: the same sections come of the units. */
START_TEST(there_and_back)
{
	static const char text[] =
		"[first]\nlisten = 127.0.0.1:7001\nexec = /bin/echo 'a b' '$x'\numask = 077\n"
		"instances = 5\nper_source = 2\ntime_limit = 1min\nallow = 10.0.0.0/8\n";
	static const char *const same[][2] = {
		{ "listen", "127.0.0.1:7001" },
		{ "exec", "/bin/echo 'a b' '$x'" },
		{ "umask", "077" },
		{ "instances", "5" },
		{ "per_source", "2" },
		{ "time_limit", "1min" },
		{ "allow", "10.0.0.0/8" },
	};
	const char *folder = make_folder();
	struct import *report = import_new(), *import = import_new();
	_cleanup_free_ char *units = export_text_of(folder, text, report);
	char *service = strstr(units, "# first@.service");

	ck_assert_ptr_nonnull(service);
	import_systemd_text(import, "first.socket", units, (size_t)(service - units), "first@.service",
			    service, strlen(service));
	ck_assert_ptr_nonnull(import_next(import, NULL));
	for (size_t i = 0; i < ELEMENTS(same); i++) {
		const char *value = import_get(import_next(import, NULL), same[i][0]);

		ck_assert_msg(value != NULL && strcmp(value, same[i][1]) == 0, "%s = %s", same[i][0],
			      value != NULL ? value : "-");
	}
	import_free(import);
	import_free(report);
	remove_folder(folder);
}
END_TEST

/* A file with a mistake, and none. */
START_TEST(mistakes)
{
	const char *folder = make_folder();
	struct import *report = import_new();
	_cleanup_free_ char *units =
		export_text_of(folder, "[it]\nlisten = 7001\nexec = /bin/cat\nnonsense = 1\n", report);
	_cleanup_free_ char *said = reported(report);

	ck_assert_str_eq(units, "");
	ck_assert_ptr_nonnull(strstr(said, "services.ini:4: unsupported: "));
	ck_assert_int_eq(export_systemd(report, "/nonexistent/services.ini", NULL, stdout), -ENOENT);
	import_free(report);
	remove_folder(folder);
}
END_TEST

/* Files that are there are kept. */
START_TEST(into_a_folder)
{
	const char *folder = make_folder();
	struct import *report = import_new();

	write_file(path_in(folder, "services.ini"), 0644, "[it]\nlisten = 7001\nexec = /bin/cat\n");
	write_file(path_in(folder, "it.socket"), 0644, "mine\n");
	ck_assert_int_eq(export_systemd(report, path_in(folder, "services.ini"), folder, NULL), 0);
	_cleanup_free_ char *said = reported(report);

	ck_assert_str_eq(read_file(path_in(folder, "it.socket")), "mine\n");
	ck_assert_ptr_nonnull(strstr(read_file(path_in(folder, "it@.service")), "ExecStart=/bin/cat\n"));
	ck_assert_ptr_nonnull(strstr(said, "is there already"));
	ck_assert_int_eq(import_worst(report), IMPORT_UNSUPPORTED);
	import_free(report);
	remove_folder(folder);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("export_systemd");
	TCase *tests = tcase_create("export");

	tcase_add_loop_test(tests, key_becomes, 0, ELEMENTS(rows));
	tcase_add_test(tests, lists_are_the_socket_s);
	tcase_add_test(tests, there_and_back);
	tcase_add_test(tests, mistakes);
	tcase_add_test(tests, into_a_folder);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
