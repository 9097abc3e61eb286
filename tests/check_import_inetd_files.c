/* check_import_inetd_files.c - files of inetd.conf that include files or come one after the other, how much
 * is read of them, and users whose names have dots. */
#include "import_inetd_help.h"

#include <pwd.h>
#include <time.h>

static void import_file(const char *name, enum import_dialect dialect)
{
	import = import_new();
	ck_assert_ptr_nonnull(import);
	ck_assert_int_eq(import_inetd(import, place(name), dialect), 0);
	ck_assert(!import_failed(import));
	check_nothing_lost();
	check_loads();
}

static void check_report(const char *text)
{
	_cleanup_free_ char *report = report_of_import();

	ck_assert_msg(strstr(report, text) != NULL, "'%s' is not in\n%s", text, report);
}

START_TEST(includes)
{
	put("inetd.conf", 0644, "127.0.0.1:\n.include *.inc\n.include none*\n" WAITING("nowait"));
	put("a.inc", 0644, "7002 stream tcp nowait root /bin/cat\n127.0.0.3:\n");
	put("b.inc", 0644, ".include inetd.conf\n.include c\n7003 stream tcp nowait root /bin/cat\n");
	put("c", 0644, "#@ in ipsec x\n7004 stream tcp nowait root /bin/cat\n");
	import_file("inetd.conf", IMPORT_NETBSD);
	ck_assert_str_eq(import_get(find_section("7001"), "listen"), "127.0.0.1:7001");
	ck_assert_str_eq(import_get(find_section("7002"), "listen"), "127.0.0.1:7002");
	ck_assert_str_eq(import_get(find_section("7003"), "listen"), "127.0.0.1:7003");
	ck_assert_ptr_null(import_get(find_section("7003"), "disable"));
	ck_assert_str_eq(import_get(find_section("7004"), "disable"), "yes");
	check_report("includes itself, and is not read again");
	check_report("there is no file of that name here");
	import_free(import);
}
END_TEST

/* Files that include each other end, however they do it. */
START_TEST(includes_without_end)
{
	for (unsigned i = 0; i < 12; i++) {
		char name[16], text[64];

		snprintf(name, sizeof(name), "f%u.conf", i);
		snprintf(text, sizeof(text), ".include f*.conf\n.include f%u.conf\n", i + 1);
		put(name, 0644, text);
	}
	import_file("f0.conf", IMPORT_NETBSD);
	check_report("files include each other too deeply, or there are too many");
	import_free(import);
}
END_TEST

START_TEST(cannot_be_read)
{
	import = import_new();
	ck_assert_int_eq(import_inetd(import, place("none"), IMPORT_DEBIAN), -ENOENT);
	ck_assert_int_eq(import_inetd(import, directory, IMPORT_DEBIAN), -EISDIR);
	import_free(import);
}
END_TEST

/* What one file serves another one cannot. */
START_TEST(two_files)
{
	import = import_new();
	import_inetd_text(import, "one", WAITING("nowait"), strlen(WAITING("nowait")), IMPORT_DEBIAN);
	import_inetd_text(import, "two", WAITING("nowait"), strlen(WAITING("nowait")), IMPORT_DEBIAN);
	ck_assert_ptr_null(import_get(find_section("7001"), "disable"));
	ck_assert_str_eq(import_get(find_section("7001-2"), "disable"), "yes");
	check_report("two:1: changed on purpose: ");
	check_report("[7001] listens there already");
	check_loads();
	import_free(import);
}
END_TEST

/* What tcpd decided is decided here. */
START_TEST(hosts_files)
{
	static const char text[] = COMMAND("/usr/sbin/tcpd /bin/cat -A"),
			  deny[] = "cat: 192.0.2.0/255.255.255.0\n";

	import = import_new();
	import_inetd_text(import, INPUT, text, strlen(text), IMPORT_DEBIAN);
	import_hosts_text(import, NULL, NULL, 0, "hosts.deny", deny, strlen(deny));
	ck_assert_str_eq(import_get(find_section("7001"), "deny"), "192.0.2.0/24");
	check_loads();
	import_free(import);
}
END_TEST

/* ---- combinations ---- */

/* All kinds of fields with each other, each on a port of its own; returns how many. */
static unsigned write_combinations(FILE *out)
{
	static const char *const kinds[] = { "stream", "dgram", "stream:dataready" };
	static const char *const protocols[] = {
		"tcp",           "tcp4",          "tcp6", "tcp46", "tcp6only",
		"udp",           "udp4",          "udp6", "unix",  "tcp,rcvbuf=4k,sndbuf=1m",
		"udp,rcvbuf=1k", "unix,sndbuf=1k"
	};
	static const char *const waits[] = { "wait",     "nowait",       "wait.5",
					     "nowait:5", "nowait/3/4/5", "wait/3/4/5" };
	static const char *const ends[] = { "root /bin/cat cat -A", "nobody:daemon /usr/sbin/tcpd /bin/cat" };
	unsigned count = 0;

	for (size_t i = 0; i < ELEMENTS(kinds); i++)
		for (size_t j = 0; j < ELEMENTS(protocols); j++)
			for (size_t k = 0; k < ELEMENTS(waits) * ELEMENTS(ends); k++)
				fprintf(out, "%s%u %s %s %s %s\n", protocols[j][1] == 'n' ? "/run/s" : "",
					10000 + ++count, kinds[i], protocols[j], waits[k / ELEMENTS(ends)],
					ends[k % ELEMENTS(ends)]);
	return count;
}

/* What is made of them loads, whatever the system. */
START_TEST(combinations)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	unsigned count = write_combinations(out), made = 0;

	fclose(out);
	import = import_new();
	import_inetd_text(import, INPUT, text, length, (enum import_dialect)_i);
	free(text);
	for (struct import_service *at = import_next(import, NULL); at != NULL; at = import_next(import, at))
		made++;
	ck_assert_uint_gt(made, count / 10);
	ck_assert_uint_lt(made, count);
	check_nothing_lost();
	check_loads();
	import_free(import);
}
END_TEST

/* ---- bounds ---- */

START_TEST(many_entries)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	unsigned count = 0;

	for (unsigned i = 1; i <= 2100; i++)
		fprintf(out, "%u stream tcp nowait root /bin/cat cat\n", i);
	fclose(out);
	import = import_new();
	import_inetd_text(import, INPUT, text, length, IMPORT_DEBIAN);
	for (struct import_service *at = import_next(import, NULL); at != NULL; at = import_next(import, at))
		count++;
	ck_assert_uint_eq(count, 2000);
	check_report(INPUT ":2001: unsupported: more than 2000 services");
	import_free(import);
	free(text);
}
END_TEST

/* 16 MiB of one kind of line after the other: seconds, not hours. */
START_TEST(large_inputs)
{
	static const char *const lines[] = { " a\n",
					     "no-such stream tcp nowait root /bin/cat\n",
					     "a b c d e f g h\n",
					     "7001 stream tcp nowait root /bin/cat x\n",
					     "'a \"b ",
					     "::,::,::,",
					     "\\\"'\n",
					     "7 on args = a,",
					     "#<off># 7 stream tcp a b c\n" };
	size_t length = 4U << 20;
	char *text = malloc(length);
	time_t begin = time(NULL);

	for (unsigned i = 0; i < ELEMENTS(lines) * IMPORT_DIALECTS; i++) {
		const char *line = lines[i / IMPORT_DIALECTS];

		for (size_t at = 0; at < length; at++)
			text[at] = line[at % strlen(line)];
		import = import_new();
		import_inetd_text(import, INPUT, text, length, (enum import_dialect)(i % IMPORT_DIALECTS));
		import_free(import);
	}
	free(text);
	ck_assert_int_lt(time(NULL) - begin, 120);
}
END_TEST

/* ---- users with dots ---- */

static bool has_dots;

/* In place of the one of the C library. */
struct passwd *getpwnam(const char *name)
{
	static struct passwd found;
	static char room[4096];
	struct passwd *result = NULL;

	if (has_dots && strcmp(name, "web.mail") == 0)
		name = "nobody";
	return getpwnam_r(name, &found, room, sizeof(room), &result) == 0 ? result : NULL;
}

START_TEST(user_with_a_dot)
{
	static const char text[] = USER("web.mail") "7002 stream tcp nowait web.mail.daemon /bin/cat\n";

	has_dots = true;
	import = import_new();
	import_inetd_text(import, INPUT, text, strlen(text), IMPORT_DEBIAN);
	has_dots = false;
	ck_assert_str_eq(import_get(find_section("7001"), "user"), "web.mail");
	ck_assert_ptr_null(import_get(find_section("7001"), "group"));
	check_report("web.mail is a user here; inetd may take it for a user and a group");
	ck_assert_str_eq(import_get(find_section("7002"), "user"), "web.mail");
	ck_assert_str_eq(import_get(find_section("7002"), "group"), "daemon");
	import_free(import);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_inetd_files");
	TCase *files = tcase_create("files"), *bounds = tcase_create("bounds");

	tcase_add_checked_fixture(files, set_up, tear_down);
	tcase_add_test(files, includes);
	tcase_add_test(files, includes_without_end);
	tcase_add_test(files, cannot_be_read);
	tcase_add_test(files, two_files);
	tcase_add_test(files, hosts_files);
	tcase_add_test(files, user_with_a_dot);
	tcase_add_loop_test(files, combinations, 0, IMPORT_DIALECTS);
	suite_add_tcase(suite, files);
	tcase_set_timeout(bounds, 300);
	tcase_add_test(bounds, many_entries);
	tcase_add_test(bounds, large_inputs);
	suite_add_tcase(suite, bounds);
	return suite;
}

RUN_SUITE(make_suite)
