/* check_conf_together.c - where keys were set, what belongs together, and the warnings about
 * what does nothing. */
#include "conf_access_help.h"

/* ---- where a key was set ---- */

START_TEST(origins)
{
	ck_assert_int_eq(mkdir(place("services.d"), 0755), 0);
	put("services.d/b.ini", 0644, B "nice = 5\n");
	load_good("[defaults]\numask = 027\nnice = 7\n[ports]\n7009 = /bin/cat\n" A "umask = 077\n");

	ck_assert_uint_eq(conf_origin_of(service("a"), "umask").line, 9);
	ck_assert_str_eq(conf_origin_of(service("a"), "umask").path, place("services.ini"));
	ck_assert_uint_eq(conf_origin_of(service("a"), "nice").line, 3);
	ck_assert_uint_eq(conf_origin_of(service("a"), "listen").line, 7);
	ck_assert_uint_eq(conf_origin_of(service("b"), "nice").line, 4);
	ck_assert_str_eq(conf_origin_of(service("b"), "nice").path, place("services.d/b.ini"));
	ck_assert_uint_eq(conf_origin_of(service("b"), "umask").line, 2);
	ck_assert_str_eq(conf_origin_of(service("b"), "umask").path, place("services.ini"));
	ck_assert_uint_eq(conf_origin_of(service("7009"), "exec").line, 5);
	ck_assert_uint_eq(conf_origin_of(service("7009"), "nice").line, 3);
	ck_assert_ptr_null(conf_origin_of(service("a"), "deny").path);
	ck_assert_ptr_null(conf_origin_of(service("a"), "no_such_key").path);

	load_good(A);
	ck_assert_ptr_null(conf_origin_of(service("a"), "umask").path);
}
END_TEST

/* ---- what belongs together ---- */

static const struct {
	const char *settings;
	unsigned per_source;
	bool spares_local;
} shares[] = {
	{ "", 25, true },
	{ "instances = 1\n", 8, true },
	{ "instances = 35\n", 8, true },
	{ "instances = 36\n", 9, true },
	{ "instances = 1000000\n", 250000, true },
	{ "per_source = auto\ninstances = 40\n", 10, true },
	{ "per_source = none\n", 0, false },
	{ "per_source = 3\n", 3, false },
	{ "per_source = 1000000\n", 1000000, false },
	{ "wait = yes\n", 0, false },
};

START_TEST(per_source)
{
	char text[300];

	snprintf(text, sizeof(text), "[a]\nlisten = 7007\n" CAT "%s", shares[_i].settings);
	load_good(text);
	ck_assert_uint_eq(service("a")->limits.per_source, shares[_i].per_source);
	ck_assert(service("a")->limits.per_source_spares_local == shares[_i].spares_local);
}
END_TEST

/* What [defaults] say for the others does nothing with wait = yes, and -T does not say it. */
START_TEST(defaults_and_wait)
{
	load_good("[defaults]\nper_source = 3\nfirst_byte_timeout = 1s\nidle_timeout = 1min\non_hangup = kill\n"
		  "banner = x\nbanner_refused = y\nlinger = 3s\n" A "wait = yes\n" B);

	const struct conf_service *a = service("a"), *b = service("b");

	ck_assert_uint_eq(a->limits.per_source, 0);
	ck_assert(a->first_byte_ns == 0 && a->idle_ns == 0 && a->linger_ns == 0 && !a->kill_on_hangup);
	ck_assert_ptr_null(a->banner.bytes);
	ck_assert_ptr_null(a->banner_refused.bytes);
	ck_assert_uint_eq(b->limits.per_source, 3);
	ck_assert(b->first_byte_ns == NS_PER_S && b->linger_ns == 3 * NS_PER_S && b->kill_on_hangup);

	_cleanup_free_ char *text = print_conf();
	char *of_a = strstr(text, "[a]"), *of_b = strstr(text, "[b]");

	ck_assert(of_a != NULL && of_b != NULL && of_a < of_b);
	*of_b = '\0';
	ck_assert_ptr_null(strstr(of_a, "linger"));
	ck_assert_ptr_null(strstr(of_a, "banner"));
	ck_assert_ptr_null(strstr(of_a, "\nper_source"));
	ck_assert_ptr_nonnull(strstr(of_a, "rate_per_source"));
	ck_assert_ptr_nonnull(strstr(of_b + 1, "linger"));
}
END_TEST

/* What can be kept is no error. */
START_TEST(good_together)
{
	load_good("[defaults]\nidle_timeout = 1min\nlinger = 1s\n" A "wait = yes\nallow = all, 10.0.0.0/8\n"
		  "[b]\nlisten = 127.0.0.1:7008/udp\n" CAT "wait = yes\ndeny = 10.0.0.0/8\n"
		  "[c]\nlisten = 127.0.0.1:7009\n" CAT "linger = 0\nidle_timeout = 0\n"
		  "[d]\nlisten = unix:/tmp/check-conf-access\n" CAT "linger = 0\n"
		  "[e]\nlisten = unix:/tmp/check-conf-access2\n" CAT "on_hangup = kill\nbanner = x\n"
		  "[f]\nlisten = vsock:7\n" CAT "on_hangup = kill\n");
	ck_assert_uint_eq(conf->warnings.count, 0);
	ck_assert(!admits("b", "10.0.0.1", NULL));
}
END_TEST

/* From [defaults] an access list reaches a service that cannot keep it. */
START_TEST(bad_together_from_defaults)
{
	load_errors("[defaults]\ndeny = 10.0.0.0/8\n" A "wait = yes\n" B, 1);
	expect_error(0, place("services.ini"), 2, "(for the service [a])");
	load_errors("[defaults]\nidle_timeout = 1s\n" A "linger = 0\n", 1);
	expect_error(0, place("services.ini"), 6, "idle_timeout needs");
	load_errors("[defaults]\nlinger = 0\n" A "on_hangup = kill\n", 1);
	expect_error(0, place("services.ini"), 6, "on_hangup needs");
	load_errors("[defaults]\nlinger = 0\nfirst_byte_timeout = 5s\n" A, 1);
	expect_error(0, place("services.ini"), 2, "first_byte_timeout needs");
}
END_TEST

/* ---- warnings ---- */

#define BOTH "[a]\nlisten = 7007\n" CAT
#define UNIX "[a]\nlisten = unix:/tmp/check-conf-access\n" CAT
#define ALL "[a]\nlisten = 127.0.0.1:7007, unix:/tmp/check-conf-access, vsock:7\n" CAT

static const struct {
	const char *text, *part; /* NULL: nothing is wrong */
	unsigned line;
	const char *subject;
} warnings[] = {
	{ BOTH "deny = 10.0.0.0/8\n", "listens on IPv6 too", 4, "a.deny" },
	{ BOTH "deny = 0.0.0.0/0\n", "listens on IPv6 too", 4, "a.deny" },
	{ BOTH "deny = ::ffff:10.0.0.0/104\n", "listens on IPv6 too", 4, "a.deny" },
	{ BOTH "deny = 2001:db8::/32\n", "listens on IPv4 too", 4, "a.deny" },
	{ "[defaults]\ndeny = 10.0.0.0/8\n" BOTH "[b]\nlisten = 7008\n" CAT, "(for the service [a])", 2,
	  "defaults.deny" },
	{ BOTH "deny = 10.0.0.0/8, 2001:db8::/32\n", NULL, 0, NULL },
	{ BOTH "deny = 10.0.0.0/8, all\n", NULL, 0, NULL },
	{ BOTH "deny = uid:0\n", NULL, 0, NULL },
	{ BOTH "deny = loopback\n", NULL, 0, NULL },
	{ BOTH "deny = 10.0.0.0/8\nallow = ::/0, 0.0.0.0/0\n", NULL, 0, NULL },
	{ "[a]\nlisten = 127.0.0.1:7007\n" CAT "deny = 10.0.0.0/8\n", NULL, 0, NULL },
	{ "[a]\nlisten = [::1]:7007\n" CAT "deny = 10.0.0.0/8\n", NULL, 0, NULL },
	{ UNIX "allow = 10.0.0.0/8\n", "no uid: or gid:", 4, "a.allow" },
	{ UNIX "allow = uid:0\n", NULL, 0, NULL },
	{ UNIX "allow = gid:0\n", NULL, 0, NULL },
	{ UNIX "allow = all\n", NULL, 0, NULL },
	{ UNIX "deny = 10.0.0.0/8\n", NULL, 0, NULL },
	{ ALL "allow = 10.0.0.0/8, cid:3\n", "no uid: or gid:", 4, "a.allow" },
	{ ALL "allow = uid:0, cid:3\n", "no network", 4, "a.allow" },
	{ ALL "allow = uid:0, loopback\n", "no cid:", 4, "a.allow" },
	{ ALL "allow = uid:0, loopback, cid:3\n", NULL, 0, NULL },
	{ ALL "allow = all\ndeny = 10.0.0.0/8\n", NULL, 0, NULL },
	{ BOTH "allow = uid:0\ndisable = yes\n" B, NULL, 0, NULL },
};

START_TEST(warning)
{
	load_good(warnings[_i].text);
	ck_assert_uint_eq(conf->warnings.count, warnings[_i].part != NULL);
	if (warnings[_i].part == NULL)
		return;

	const struct conf_error *told = &conf->warnings.items[0];

	ck_assert_msg(strstr(told->reason, warnings[_i].part) != NULL, "%s", told->reason);
	ck_assert_uint_eq(told->line, warnings[_i].line);
	ck_assert_str_eq(told->path, place("services.ini"));
	ck_assert_str_eq(told->subject, warnings[_i].subject);
}
END_TEST

START_TEST(warnings_in_order)
{
	load_good("[b]\nlisten = 7008\n" CAT "deny = ::1\n"
		  "[c]\nlisten = unix:/tmp/check-conf-access, 7009\n" CAT "allow = cid:3\n"
		  "[defaults]\ndeny = 10.0.0.0/8\n" A "[d]\nlisten = 7010\n" CAT);
	ck_assert_uint_eq(conf->warnings.count, 4);
	ck_assert_uint_eq(conf->warnings.items[0].line, 4);
	ck_assert_uint_eq(conf->warnings.items[1].line, 8);
	ck_assert_uint_eq(conf->warnings.items[2].line, 8);
	ck_assert_uint_eq(conf->warnings.items[3].line, 10);
	ck_assert_ptr_nonnull(strstr(conf->warnings.items[3].reason, "[d]"));
}
END_TEST

/* Of a configuration that is refused nothing but the errors is told, and nothing is lost. */
START_TEST(warning_and_error)
{
	load_errors(BOTH "deny = 10.0.0.0/8\n" B "nice = x\n", 1);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf_together");
	TCase *all = tcase_create("access");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_set_timeout(all, 60);
	tcase_add_test(all, origins);
	tcase_add_loop_test(all, per_source, 0, ELEMENTS(shares));
	tcase_add_test(all, defaults_and_wait);
	tcase_add_test(all, good_together);
	tcase_add_test(all, bad_together_from_defaults);
	tcase_add_loop_test(all, warning, 0, ELEMENTS(warnings));
	tcase_add_test(all, warnings_in_order);
	tcase_add_test(all, warning_and_error);
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
