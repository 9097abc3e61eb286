/* check_import_xinetd_files.c - files of xinetd that include each other; and more of everything than there
 * should be. */
#include "import_xinetd_help.h"

#include <stdarg.h>

static int import_place(const char *name)
{
	import = import_new();
	ck_assert_ptr_nonnull(import);
	return import_xinetd(import, place(name));
}

static void putf(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void putf(const char *name, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	ck_assert_int_gt(vasprintf(&text, format, arguments), 0);
	va_end(arguments);
	put(name, 0644, text);
}

#define SERVICE_AT(port)                                                                                     \
	"service s" #port "\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = no\n"  \
	"\tuser = root\n\tport = " #port "\n\tserver = /bin/sh\n}\n"

static const char *names(void)
{
	static char list[256];

	list[0] = '\0';
	for (struct import_service *at = import_next(import, NULL); at != NULL; at = import_next(import, at))
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s ", import_name(at));
	return list;
}

/* Files in the order of their bytes, but not those with a dot or with ~ at the end; folders are no files. */
START_TEST(includedir)
{
	ck_assert_int_eq(mkdir(place("x.d"), 0755), 0);
	ck_assert_int_eq(mkdir(place("x.d/folder"), 0755), 0);
	put("x.d/b", 0644, SERVICE_AT(2));
	put("x.d/B", 0644, SERVICE_AT(1));
	put("x.d/a", 0644, SERVICE_AT(3));
	put("x.d/a.conf", 0644, SERVICE_AT(4));
	put("x.d/.a", 0644, SERVICE_AT(5));
	put("x.d/a~", 0644, SERVICE_AT(6));
	putf("main", SERVICE_AT(8) "includedir %s\n" SERVICE_AT(9), place("x.d"));
	ck_assert_int_eq(import_place("main"), 0);
	check_nothing_lost();
	ck_assert_str_eq(names(), "s8 s1 s3 s2 s9 ");
	check_loads();
	import_free(import);
}
END_TEST

/* Each file may have one defaults section, and all of them count for all services; what was there first
 * holds. */
START_TEST(defaults_of_files)
{
	put("other", 0644, "defaults\n{\n\tcps = 7 7\n\tinstances = 7\n}\n");
	putf("main", "defaults\n{\n\tcps = 5 5\n}\n" SERVICE_AT(1) "include %s\n", place("other"));
	ck_assert_int_eq(import_place("main"), 0);
	check_nothing_lost();
	ck_assert_str_eq(import_get(find_section("s1"), "rate"), "5/s");
	ck_assert_str_eq(import_get(find_section("s1"), "instances"), "7");
	import_free(import);
}
END_TEST

/* A file is no text in the place of its name: a section cannot go on in it. */
START_TEST(include_is_no_text)
{
	put("other", 0644, "\tport = 1\n}\n" SERVICE_AT(2));
	putf("main", "include %s\n" SERVICE_AT(1), place("other"));
	ck_assert_int_eq(import_place("main"), 0);
	check_nothing_lost();
	ck_assert_str_eq(names(), "s2 s1 ");
	import_free(import);
}
END_TEST

START_TEST(include_beside)
{
	_cleanup_free_ char *report = NULL;

	put("other", 0644, SERVICE_AT(2));
	put("main", 0644, "include other\n");
	ck_assert_int_eq(import_place("main"), 0);
	ck_assert_str_eq(names(), "s2 ");
	report = reported(import);
	ck_assert_ptr_nonnull(strstr(report, "approximated: the path begins at the folder of this file"));
	import_free(import);
}
END_TEST

START_TEST(unreadable)
{
	_cleanup_free_ char *report = NULL;

	putf("main", "include %s\nincludedir %s\n" SERVICE_AT(1), place("nowhere"), place("nothing.d"));
	ck_assert_int_eq(import_place("main"), 0);
	ck_assert_str_eq(names(), "s1 ");
	report = reported(import);
	ck_assert_ptr_nonnull(strstr(report, "main:1: unsupported: "));
	ck_assert_ptr_nonnull(strstr(report, "main:2: unsupported: "));
	import_free(import);
	ck_assert_int_eq(import_place("nowhere"), -ENOENT);
	import_free(import);
	ck_assert_int_eq(import_place(""), -EISDIR);
	import_free(import);
}
END_TEST

/* A file that includes itself twice would be read 2^depth times. */
START_TEST(loop)
{
	putf("main", "include %s\ninclude %s\n" SERVICE_AT(1), place("main"), place("main"));
	ck_assert_int_eq(import_place("main"), 0);
	check_nothing_lost();
	ck_assert_ptr_nonnull(find_section("s1"));
	ck_assert_int_eq(import_worst(import), IMPORT_UNSUPPORTED);
	check_loads();
	import_free(import);
}
END_TEST

/* Files that are imported one after the other meet each other, too. */
START_TEST(one_by_one)
{
	put("one", 0644, SERVICE_AT(7));
	put("two", 0644, SERVICE_AT(7));
	ck_assert_int_eq(import_place("one"), 0);
	ck_assert_int_eq(import_xinetd(import, place("two")), 0);
	check_nothing_lost();
	ck_assert_str_eq(names(), "s7 s7-2 ");
	ck_assert_ptr_null(import_get(find_section("s7"), "disable"));
	ck_assert_str_eq(import_get(find_section("s7-2"), "disable"), "yes");
	check_loads();
	import_free(import);
}
END_TEST

/* ---- a lot ---- */

/* Such a text, with `count` different addresses in it, each between two pieces of text. */
static void import_many(const char *before, const char *left, size_t count, const char *right,
			const char *after)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	ck_assert_ptr_nonnull(out);
	fputs(before, out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s%zu.%zu.%zu%s", left, i >> 16, i >> 8 & 255, i & 255, right);
	fputs(after, out);
	ck_assert_int_eq(fclose(out), 0);
	import = import_new();
	import_xinetd_text(import, INPUT, text, length);
	ck_assert(!import_failed(import));
}

/* Lists that fit no line switch the service off instead of letting the rest in. */
START_TEST(long_lists)
{
	import_many(BARE("\tserver = /bin/sh\n\tno_access ="), " 10.", 100000, "", "\n}\n");
	ck_assert_str_eq(import_get(find_section("s"), "disable"), "yes");
	check_loads();
	import_free(import);
}
END_TEST

/* Each of many services takes a long list along and changes it. */
START_TEST(long_lists_everywhere)
{
	import_many("defaults\n{\n\tonly_from =", " 10.", 4000, "", "\n}\n");
	import_free(import);
	import_many("defaults\n{\n\tonly_from = 10.0.0.{0,1,2,3,4,5,6,7,8,9}\n}\n",
		    "service s\n{\n\tonly_from += 10.", 100000, "\n}\n", "");
	ck_assert_int_eq(import_worst(import), IMPORT_UNSUPPORTED);
	check_loads();
	import_free(import);
}
END_TEST

/* More services than are taken are told, none is lost in silence. */
START_TEST(many_services)
{
	import_many("",
		    "service s\n{\n\ttype = UNLISTED INTERNAL\n\tflags = SENSOR\n\tsocket_type = "
		    "stream\n\tport = 1\n"
		    "\twait = no\n\tbind = 127.",
		    1200, "\n}\n", "");
	unsigned count = 0;

	for (struct import_service *at = import_next(import, NULL); at != NULL; at = import_next(import, at))
		count++;
	ck_assert_uint_eq(count, 1000);
	check_nothing_lost();
	ck_assert_int_eq(import_worst(import), IMPORT_UNSUPPORTED);
	import_free(import);
}
END_TEST

/* One line of many words is told once, and not for each of them. */
START_TEST(many_names)
{
	_cleanup_free_ char *report = NULL;

	import_many(BARE("\tserver = /bin/sh\n\tonly_from ="), " h", 300000, "", "\n}\n");
	report = reported(import);
	ck_assert_uint_lt(strlen(report), 10000);
	ck_assert_ptr_nonnull(strstr(report, "(300000 such)"));
	import_free(import);
}
END_TEST

/* A command that fits no line, and one that has bytes that no value can have. */
START_TEST(bad_commands)
{
	import_many(BARE("\tserver = /bin/sh\n\tserver_args ="), " ", 20000, "", "\n}\n");
	ck_assert_ptr_null(find_section("s"));
	ck_assert_int_eq(import_worst(import), IMPORT_UNSUPPORTED);
	check_loads();
	import_free(import);
	import_many(S("\tserver_args = a\x01\n"), "", 0, "", "");
	ck_assert_ptr_null(find_section("s"));
	ck_assert_int_eq(import_worst(import), IMPORT_UNSUPPORTED);
	import_free(import);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_xinetd_files");
	TCase *files = tcase_create("files");

	tcase_add_checked_fixture(files, set_up, tear_down);
	tcase_set_timeout(files, 60);
	tcase_add_test(files, includedir);
	tcase_add_test(files, defaults_of_files);
	tcase_add_test(files, include_is_no_text);
	tcase_add_test(files, include_beside);
	tcase_add_test(files, unreadable);
	tcase_add_test(files, loop);
	tcase_add_test(files, long_lists);
	tcase_add_test(files, long_lists_everywhere);
	tcase_add_test(files, many_services);
	tcase_add_test(files, many_names);
	tcase_add_test(files, bad_commands);
	tcase_add_test(files, one_by_one);
	suite_add_tcase(suite, files);
	return suite;
}

RUN_SUITE(make_suite)
