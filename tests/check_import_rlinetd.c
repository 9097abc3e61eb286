/* check_import_rlinetd.c - what becomes of rlinetd.conf: a row for each statement, and files with
 * directories. */
#include "core_help.h"
#include "import_help.h"

#define EXACT   "exact"
#define CHANGED "changed on purpose"
#define NEAR    "approximated"
#define NONE    "unsupported"

/* The text is `body` in a service "x" on port 7000 that runs /bin/cat as nobody; `class` is that of its
 * second line. */
static const struct {
	const char *body, *key, *value, *class; /* value NULL: not set */
} rows[] = {
	{ "", "listen", "7000", EXACT },
	{ "", "instances", "40", EXACT },
	{ "", "per_source", "none", EXACT },
	{ "", "groups", "none", EXACT },
	{ "", "disable", NULL, EXACT },
	{ "port 7001, \"7002\";", "listen", "7001, 7002", EXACT },
	{ "port \"smtp\";", "listen", "25", EXACT },
	{ "port \"no-such-port\", 7001;", "listen", "7001", NONE },
	{ "port 65536, 7001;", "listen", "7001", NONE },
	{ "protocol udp;", "listen", "7000/udp", EXACT },
	{ "protocol tcp;", "listen", "7000", EXACT },
	{ "interface 127.0.0.1;", "listen", "127.0.0.1:7000", EXACT },
	{ "interface 127.0.0.1, 192.168.1.1;", "listen", "127.0.0.1:7000, 192.168.1.1:7000", EXACT },
	{ "interface ::1; protocol udp;", "listen", "[::1]:7000/udp", EXACT },
	{ "interface any;", "listen", "7000", EXACT },
	{ "interface eth0, 127.0.0.1;", "listen", "127.0.0.1:7000", NONE },
	{ "family ipv4;", "listen", "0.0.0.0:7000", EXACT },
	{ "family ipv6;", "listen", "[::]:7000", EXACT },
	{ "enabled no;", "disable", "yes", EXACT },
	{ "enabled yes;", "disable", NULL, EXACT },
	{ "user \"root\";", "user", "root", EXACT },
	{ "user 65534;", "user", "65534", EXACT },
	{ "user \"no-such-user\";", "disable", "yes", CHANGED },
	{ "group \"daemon\";", "group", "daemon", EXACT },
	{ "backlog 30;", "backlog", "30", EXACT },
	{ "backlog -1;", "backlog", NULL, NONE },
	{ "instances 50;", "instances", "50", EXACT },
	{ "instances many;", "instances", "40", NONE },
	{ "wait yes;", "wait", "yes", EXACT },
	{ "wait yes;", "instances", NULL, EXACT },
	{ "wait no;", "wait", NULL, EXACT },
	{ "nice -5;", "nice", "-5", EXACT },
	{ "nice 20;", "nice", NULL, NONE },
	{ "initgroups yes;", "groups", NULL, EXACT },
	{ "initgroups no;", "groups", "none", EXACT },
	{ "chroot \"/srv\";", "chroot", "/srv", EXACT },
	{ "chroot \"/srv/%O\";", "disable", "yes", NONE },
	{ "log syslog \"from %O\";", "disable", NULL, CHANGED },
	{ "tcpd;", "disable", NULL, NEAR },
	{ "tcpd \"x\" { echo \"no\"; exit; }", "disable", NULL, NONE },
	{ "capability \"cap_setuid=ep\";", "disable", "yes", NONE },
	{ "rlimit cpu 15;", "rlimit_cpu", "15s:15s", EXACT },
	{ "rlimit nofile { soft 10; hard unlimited; }", "rlimit_nofile", "10:unlimited", EXACT },
	{ "rlimit rss 15;", "rlimit_rss", NULL, NONE },
	{ "rlimit cpu soon;", "rlimit_cpu", NULL, NONE },
	{ "banner \"/etc/nologin\";", "banner", "file:/etc/nologin", CHANGED },
	{ "filter \"/usr/lib/f\";", "disable", NULL, NONE },
	{ "rpc { version 2-3; }", "disable", "yes", NONE },
	{ "server \"/usr/sbin/tcpd\";", "exec", "/bin/cat", NEAR },
	{ "nonsense 5;", "exec", "/bin/cat", NONE },
	{ "exec \"/bin/echo a  b\";", "exec", "/bin/echo a b", CHANGED },
	{ "exec \"/bin/echo \\\"a\";", "exec", "/bin/echo '\"a'", CHANGED },
	{ "exec \"/bin/echo %O\";", "disable", "yes", NONE },
	{ "exec \"/no/such/program\";", "disable", "yes", CHANGED },
	{ "exec \"cat -n\"; server \"/bin/cat\";", "exec", "/bin/cat -n", CHANGED },
	{ "exec \"dog -n\"; server \"/bin/cat\";", "exec", "/bin/cat -n", NEAR },
};

START_TEST(statement_becomes)
{
	struct import *import = import_new();
	char text[512], class[32];
	const char *body = rows[_i].body, *value;
	struct import_service *service;

	snprintf(text, sizeof(text),
		 "service \"x\" { port 7000; exec \"/bin/cat\"; user \"nobody\";\n%s\n}\n", body);
	import_rlinetd_text(import, INPUT, text, strlen(text));
	service = import_next(import, NULL);
	ck_assert_msg(service != NULL, "%s: no section", body);
	ck_assert_str_eq(import_name(service), "x");
	value = import_get(service, rows[_i].key);
	if (rows[_i].value == NULL)
		ck_assert_msg(value == NULL, "%s: %s", body, value);
	else
		ck_assert_msg(value != NULL && strcmp(value, rows[_i].value) == 0, "%s: %s", body,
			      value != NULL ? value : "(not set)");
	if (strncmp(body, "exec", 4) != 0 && strncmp(body, "interface eth0", 14) != 0)
		ck_assert_msg(strcmp(class_of(import, 2, class), rows[_i].class) == 0, "%s: %s", body, class);
	import_free(import);
}
END_TEST

/* What rlinetd does itself. */
static const struct {
	const char *body, *exec, *disable;
} internals[] = {
	{ "loopback;", "echo", NULL },
	{ "discard;", "discard", NULL },
	{ "chargen;", "chargen", NULL },
	{ "chargen \"/usr/lib/spam\";", "chargen", "yes" },
	{ "echo \"%M\"; close;", "time", NULL },
	{ "echo \"%I\\n\"; close;", "daytime", NULL },
	{ "echo \"go away\\r\\n\"; close;", "/usr/bin/printf 'go away\\r\\n'", NULL },
	{ "echo \"you are %O\"; close;", "discard", "yes" },
};

START_TEST(internal_becomes)
{
	struct import *import = import_new();
	char text[512];
	struct import_service *service;
	const char *disable;

	snprintf(text, sizeof(text), "service \"it\" { port 7000;\n%s\n}\n", internals[_i].body);
	import_rlinetd_text(import, INPUT, text, strlen(text));
	service = import_next(import, NULL);
	ck_assert_ptr_nonnull(service);
	ck_assert_str_eq(import_get(service, "exec"), internals[_i].exec);
	disable = import_get(service, "disable");
	ck_assert_msg((disable != NULL) == (internals[_i].disable != NULL), "%s: disable",
		      internals[_i].body);
	ck_assert_ptr_null(import_get(service, "user"));
	import_free(import);
}
END_TEST

/* Defaults reach those that come later; the service's own word is the last. */
START_TEST(defaults_come_first)
{
	static const char text[] = "service \"a\" { port 1; exec \"/bin/cat\"; }\n"
				   "defaults { instances 5; user \"nobody\"; }\n"
				   "service \"b\" { port 2; exec \"/bin/cat\"; }\n"
				   "service \"c\" { port 3; exec \"/bin/cat\"; instances 7; }\n";
	struct import *import = import_new();
	struct import_service *a, *b, *c;

	import_rlinetd_text(import, INPUT, text, strlen(text));
	a = import_next(import, NULL);
	b = import_next(import, a);
	c = import_next(import, b);
	ck_assert_str_eq(import_get(a, "instances"), "40");
	ck_assert_str_eq(import_get(a, "user"), "root");
	ck_assert_str_eq(import_get(b, "instances"), "5");
	ck_assert_str_eq(import_get(b, "user"), "nobody");
	ck_assert_str_eq(import_get(c, "instances"), "7");
	import_free(import);
}
END_TEST

/* What cannot be read is said where it begins, and nothing behind it is silently taken for read. */
static const struct {
	const char *text;
	unsigned line;
} broken[] = {
	{ "service \"a\" {\n port 1\n}\n# more\n", 3 },
	{ "service \"a\" {\n port 1;\n", 3 },
	{ "\n\n@\nservice\n", 3 },
	{ "service \"a\n\" { }\n", 1 },
	{ "}\n", 1 },
	{ "a { a { a { a { a { a { a { a { a {\n a { a { } } } } } } } } } } }\n", 2 },
};

START_TEST(broken_is_told)
{
	struct import *import = import_new();
	char class[32];

	import_rlinetd_text(import, INPUT, broken[_i].text, strlen(broken[_i].text));
	ck_assert_int_eq(import_worst(import), IMPORT_UNSUPPORTED);
	if (broken[_i].line <= 2 || _i == 2)
		ck_assert_str_eq(class_of(import, broken[_i].line, class), NONE);
	ck_assert_ptr_null(import_next(import, NULL));
	import_free(import);
}
END_TEST

/* The files of a directory, in the order of their names, less those that are to be ignored. */
START_TEST(directories_are_read)
{
	const char *folder = make_folder();
	struct import *import = import_new();
	struct import_service *first, *second;
	char text[600];

	snprintf(text, sizeof(text), "%s/rlinetd.d", folder);
	ck_assert_int_eq(mkdir(text, 0755), 0);
	snprintf(text, sizeof(text),
		 "directory \"%s/rlinetd.d\" \"\" \"(~|\\.bak)$\";\ndefaults { instances 3; }\n", folder);
	write_file(path_in(folder, "rlinetd.conf"), 0644, text);
	write_file(path_in(folder, "rlinetd.d/b"), 0644, "service \"b\" { port 2; exec \"/bin/cat\"; }\n");
	write_file(path_in(folder, "rlinetd.d/a"), 0644, "service \"a\" { port 1; exec \"/bin/cat\"; }\n");
	write_file(path_in(folder, "rlinetd.d/c.bak"), 0644,
		   "service \"c\" { port 3; exec \"/bin/cat\"; }\n");
	ck_assert_int_eq(import_rlinetd(import, path_in(folder, "rlinetd.conf")), 0);
	first = import_next(import, NULL);
	second = import_next(import, first);
	ck_assert_str_eq(import_name(first), "a");
	ck_assert_str_eq(import_name(second), "b");
	ck_assert_str_eq(import_get(second, "instances"), "3");
	ck_assert_ptr_null(import_next(import, second));
	ck_assert_int_eq(import_worst(import), IMPORT_CHANGED);
	import_free(import);
	remove_folder(path_in(folder, "rlinetd.d"));
	remove_folder(folder);
}
END_TEST

/* What is written is read by our own parser: the examples that come with rlinetd, put together. */
START_TEST(examples_are_whole)
{
	static const char text[] = "# look for further configuration files elsewhere\n\ndefaults {\n  "
				   "instances 5;\n  # interface 192.168.1.1;\n}\n"
				   "service \"in.popper\" {\n  exec \"/usr/sbin/in.pop3d\";\n  instances "
				   "20;\n  port 110;\n  nice 10;\n  tcpd;\n"
				   "  log syslog \"pop-3 connection from %O:%P\";\n  user \"root\";\n  # "
				   "capability \"cap_setuid=eip\";\n}\n"
				   "service \"rusersd\" {\n\tprotocol udp;\n\tuser \"nobody\";\n\texec "
				   "\"/usr/sbin/rpc.rusersd\";\n"
				   "\tserver \"/usr/sbin/tcpd\";\n\tport 7;\n\twait yes;\n\trpc {\n\t\tname "
				   "\"rusersd\";\n\t\tversion 2-3;\n\t}\n}\n"
				   "service \"daytime\" {\n  echo \"%I\\n\";\n  close;\n}\n";
	struct import *import = import_new();
	_cleanup_free_ char *out = NULL, *report = NULL;

	import_rlinetd_text(import, INPUT, text, strlen(text));
	out = written(import);
	report = reported(import);
	ck_assert(has_line(out, "[in.popper]") && has_line(out, "[rusersd]") && has_line(out, "[daytime]"));
	ck_assert_ptr_nonnull(strstr(out, "= daytime\n"));
	ck_assert_msg(strstr(report, ": unsupported: it was overlooked") == NULL, "%s", report);
	ck_assert_uint_eq(import_count(import, IMPORT_UNSUPPORTED), 1); /* rpc */
	import_free(import);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_rlinetd");
	TCase *tests = tcase_create("rlinetd");

	tcase_add_loop_test(tests, statement_becomes, 0, ELEMENTS(rows));
	tcase_add_loop_test(tests, internal_becomes, 0, ELEMENTS(internals));
	tcase_add_test(tests, defaults_come_first);
	tcase_add_loop_test(tests, broken_is_told, 0, ELEMENTS(broken));
	tcase_add_test(tests, directories_are_read);
	tcase_add_test(tests, examples_are_whole);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
