/* check_import_hosts.c - a row for each rule of hosts_access(5) and hosts_options(5): who is let in, what is told, and
 * which keys are set. */
#include "import_hosts_rows.h"
#include "import_oracle.h"

#define EXACT   "exact"
#define CHANGED "changed on purpose"
#define NEAR    "approximated"
#define NONE    "unsupported"

/* The section that the rules are for: program sshd. */
static struct import_service *import_rules(struct import *import, const char *allow, const char *deny)
{
	struct import_service *service = import_add(import, "ssh", (struct import_where){ "other", 1 });

	import_set(service, "exec", "/usr/sbin/sshd -i");
	import_hosts_text(import, INPUT, allow, strlen(allow), "deny", deny, strlen(deny));
	return service;
}

START_TEST(addresses_are_decided)
{
	struct import *import = import_new();
	struct import_service *service = import_rules(import, hosts_rows[_i].allow, hosts_rows[_i].deny);
	struct access *access = oracle_new(service);

	for (unsigned i = 0; i < HOSTS_ADDRESSES; i++)
		ck_assert_msg(oracle_allows(access, hosts_addresses[i]) == (hosts_rows[_i].decision[i] == 'y'), "%s in\n%s\n%s",
			      hosts_addresses[i], hosts_rows[_i].allow, hosts_rows[_i].deny);
	ck_assert_ptr_null(import_get(service, "disable"));
	access_free(access);
	import_free(import);
}
END_TEST

/* ---- what is told, and keys; the rule is for ALL : ALL unless it says more ---- */

static const struct {
	const char *line, *class, *text, *key, *value;
} lines[] = {
	/* names and users: nobody is let in by mistake */
	{ "sshd : LOCAL", NONE, "LOCAL", "disable", NULL },
	{ "sshd : KNOWN", NONE, "KNOWN", "allow", NULL },
	{ "sshd : UNKNOWN", NONE, "UNKNOWN", "allow", NULL },
	{ "sshd : PARANOID", CHANGED, "never looked up", "disable", NULL },
	{ "sshd : .example.org", NONE, ".example.org", "allow", NULL },
	{ "sshd : host.example.org", NONE, "host.example.org", "allow", NULL },
	{ "sshd : @group", NONE, "@group", "allow", NULL },
	{ "sshd : joe@10.", NONE, "no user of 10.", "allow", NULL },
	{ "sshd : .example.org : deny", NONE, "switched off", "disable", "yes" },
	{ "sshd : LOCAL : deny", NONE, "switched off", "disable", "yes" },
	{ "sshd : joe@10. : deny", NEAR, "any user of 10.", "deny", "10.0.0.0/8" },
	{ "sshd : ALL EXCEPT .example.org : deny", NEAR, "more are refused", "deny", "all" },
	{ "sshd : /no/such/file", NONE, "/no/such/file", "allow", NULL },
	{ "sshd : /no/such/file : deny", NONE, "/no/such/file", "disable", "yes" },
	{ "sshd : localhost : deny", NEAR, "127.0.0.1 and ::1", "deny", "127.0.0.1, ::1" },
	{ "sshd : 1?.?.?.?", NONE, "1?.?.?.?", "allow", NULL }, /* too many */
	/* what never matched */
	{ "sshd : 10.1 : deny", CHANGED, "never matched", "deny", NULL },
	{ "sshd : 10.0.0.0/33 : deny", CHANGED, "never matched", "deny", NULL },
	{ "sshd : [nonsense] : deny", CHANGED, "no IPv6 address", "deny", NULL },
	{ "sshd : [2001:db8::]/32 : deny", EXACT, "", "deny", "2001:db8::/32" },
	{ "sshd : 2001:db8::/32 : deny", NONE, "", "deny", NULL },
	{ "sshd", CHANGED, "DAEMONS : CLIENTS", "deny", NULL },
	{ "other : ALL : deny", CHANGED, "no section here", "deny", NULL },
	/* the server's side */
	{ "sshd@10.0.0.1 : ALL : deny", NEAR, "refused on all of them", "deny", "all" },
	{ "sshd@10.0.0.1 : ALL", NONE, "lets in nobody", "allow", NULL },
	/* options */
	{ "ALL : ALL : umask 022", EXACT, "", "umask", "022" },
	{ "ALL : ALL : umask 9", NONE, "mask", "umask", NULL },
	{ "ALL : ALL : umask 1777", NONE, "mask", "umask", NULL },
	{ "ALL : ALL : nice 5", EXACT, "", "nice", "5" },
	{ "ALL : ALL : nice", EXACT, "", "nice", "10" },
	{ "ALL : ALL : nice = -3", EXACT, "", "nice", "-3" },
	{ "ALL : ALL : nice 20", NONE, "priority", "nice", NULL },
	{ "ALL : ALL : user nobody", EXACT, "", "user", "nobody" },
	{ "ALL : ALL : user nobody.daemon", EXACT, "", "group", "daemon" },
	{ "ALL : ALL : user a b", NONE, "user", "user", NULL },
	{ "ALL : ALL : group daemon", EXACT, "", "group", "daemon" },
	{ "ALL : ALL : setenv A b c", EXACT, "", "env", "\"A=b c\"" },
	{ "ALL : ALL : setenv A %h", NONE, "%-letters", "env", NULL },
	{ "ALL : ALL : setenv A b\\:c", EXACT, "", "env", "A=b:c" },
	{ "ALL : ALL : keepalive", EXACT, "", "keepalive", NULL },
	{ "ALL : ALL : linger 5", CHANGED, "linger", "linger", NULL },
	{ "ALL : ALL : rfc931 10", CHANGED, "never asked", "deny", NULL },
	{ "ALL : ALL : severity mail.info", CHANGED, "log_level", "deny", NULL },
	{ "ALL : ALL : spawn (echo %h) &", NONE, "no command", "deny", NULL },
	{ "ALL : ALL : banners /etc/b", NONE, "banner", "banner", NULL },
	{ "ALL : ALL : twist /bin/echo no", NONE, "refused", "deny", "all" },
	{ "ALL : ALL : nonsense", NONE, "no option", "deny", "all" },
	{ "ALL : 10. : nice 5", NONE, "some clients only", "nice", NULL },
	{ "ALL : ALL : NICE 5 : UMASK 077", EXACT, "", "umask", "077" },
};

START_TEST(line_becomes)
{
	struct import *import = import_new();
	char class[32], text[512];
	struct import_service *service;
	const char *value;

	snprintf(text, sizeof(text), "%s\n", lines[_i].line);
	service = import_rules(import, text, "");
	value = import_get(service, lines[_i].key);
	_cleanup_free_ char *report = reported(import);

	ck_assert_msg(strcmp(class_of(import, 1, class), lines[_i].class) == 0, "%s: %s", lines[_i].line, report);
	ck_assert_msg(strstr(report, lines[_i].text) != NULL, "%s: %s", lines[_i].line, report);
	ck_assert_msg(lines[_i].value == NULL ? value == NULL : value != NULL && strcmp(value, lines[_i].value) == 0,
		      "%s: %s = %s", lines[_i].line, lines[_i].key, value != NULL ? value : "(not set)");
	import_free(import);
}
END_TEST

/* What the sections say of the wrappers: whom rules are about. */
START_TEST(sections_say_who_they_are)
{
	static const char deny[] = "sshd : 10.\nother : 192.0.2.\nssh : 172.16.\n";
	struct import *import = import_new();
	struct import_where where = { "other", 1 };
	struct import_service *plain = import_add(import, "a", where), *called = import_add(import, "ssh", where);
	struct import_service *bare = import_add(import, "b", where), *local = import_add(import, "c", where);

	for (struct import_service *at = import_next(import, NULL); at != NULL; at = import_next(import, at))
		import_set(at, "exec", "'/usr/sbin/sshd' -i");
	import_set(local, "listen", "unix:/run/c");
	import_wrapped(called, "other");
	import_wrapped(bare, NULL);
	import_hosts_text(import, INPUT, "", 0, "deny", deny, strlen(deny));
	ck_assert_str_eq(import_get(plain, "deny"), "10.0.0.0/8");
	ck_assert_str_eq(import_get(called, "deny"), "192.0.2.0/24");
	ck_assert_ptr_null(import_get(bare, "deny"));
	ck_assert_ptr_null(import_get(local, "deny"));
	import_free(import);
}
END_TEST

/* A rule for the name of a section whose program is called otherwise lets in nobody, but refuses. */
START_TEST(section_is_not_its_program)
{
	static const char allow[] = "ssh, echo : 10.\n", deny[] = "ssh : 10.1.\nALL : ALL\n";
	struct import *import = import_new();
	struct import_where where = { "other", 1 };
	struct import_service *program = import_add(import, "ssh", where), *own = import_add(import, "echo", where);

	import_set(program, "exec", "/usr/sbin/sshd -i");
	import_set(own, "exec", "echo");
	import_hosts_text(import, INPUT, allow, strlen(allow), "deny", deny, strlen(deny));
	ck_assert_str_eq(import_get(program, "deny"), "all");
	ck_assert_ptr_null(import_get(program, "allow"));
	ck_assert_str_eq(import_get(own, "allow"), "10.0.0.0/8");
	import_free(import);
}
END_TEST

START_TEST(rules_alone)
{
	static const char allow[] = "in.ftpd, defaults : 10.\n", deny[] = "ALL : ALL\n";
	struct import *import = import_new();
	struct import_service *first, *second;

	import_hosts_text(import, INPUT, allow, strlen(allow), "deny", deny, strlen(deny));
	first = import_next(import, NULL);
	ck_assert_str_eq(import_name(first), "in.ftpd");
	ck_assert_str_eq(import_get(first, "disable"), "yes");
	ck_assert_str_eq(import_get(first, "listen"), "21");
	ck_assert_str_eq(import_get(first, "exec"), "/usr/sbin/in.ftpd");
	ck_assert_str_eq(import_get(first, "allow"), "10.0.0.0/8");
	second = import_next(import, first);
	ck_assert_str_eq(import_name(second), "service-defaults");
	ck_assert_str_eq(import_get(import_defaults(import), "deny"), "all");
	ck_assert_ptr_null(import_next(import, second));
	import_free(import);
}
END_TEST

/* Whatever is too much refuses more, never less. */
START_TEST(bounds)
{
	enum { ROOM = 400000 };
	char *text = calloc(1, ROOM), class[32];
	size_t length = 0;
	struct import *import = import_new();
	struct import_service *service;

	ck_assert_ptr_nonnull(text);
	for (unsigned i = 0; i < 5001; i++)
		length += (size_t)snprintf(text + length, ROOM - length, "sshd : 10.%u.%u. : deny\n", i / 256, i % 256);
	service = import_rules(import, text, "");
	ck_assert_str_eq(class_of(import, 5000, class), "exact");
	ck_assert_str_eq(class_of(import, 5001, class), "unsupported");
	ck_assert_str_eq(import_get(service, "disable"), "yes");
	import_free(import);
	import = import_new();
	length = (size_t)snprintf(text, ROOM, "sshd :");
	for (unsigned i = 0; i < 2001; i++)
		length += (size_t)snprintf(text + length, ROOM - length, " 10.?.1.%u", i % 256);
	snprintf(text + length, ROOM - length, " : deny\n");
	service = import_rules(import, text, "");
	ck_assert_str_eq(class_of(import, 1, class), "unsupported");
	ck_assert_str_eq(import_get(service, "disable"), "yes");
	import_free(import);
	free(text);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_hosts");
	TCase *tests = tcase_create("rules");

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, addresses_are_decided, 0, ELEMENTS(hosts_rows));
	tcase_add_loop_test(tests, line_becomes, 0, ELEMENTS(lines));
	tcase_add_test(tests, sections_say_who_they_are);
	tcase_add_test(tests, section_is_not_its_program);
	tcase_add_test(tests, rules_alone);
	tcase_add_test(tests, bounds);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
