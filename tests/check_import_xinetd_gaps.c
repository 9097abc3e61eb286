/* check_import_xinetd_gaps.c - where xinetd does not do what its manual says, or has a trap: what the import
 * makes of it, a test for each. What xinetd does is measured with 2.3.15, see interop_import_xinetd.c. */
#include "import_xinetd_help.h"

#define CHECK(...) check_row(&(const struct row){ __VA_ARGS__ })

/* 1. The manual says that of both lists the better match decides. It does not: who is in both is refused. */
START_TEST(best_match)
{
	static const char text[] = S("\tno_access = 10.0.0.0\n\tonly_from = 10.0.0.1 192.0.2.1\n");

	CHECK("left out of allow", text, 11, EXACT, "", "s", "allow", "192.0.2.1");
	CHECK("denied", text, 10, EXACT, "", "s", "deny", "10.0.0.0/8");
	/* The other way round the longer one, which is deny, decides here. */
	CHECK("an exception", S("\tno_access = 10.0.0.1\n\tonly_from = 10.0.0.0\n"), 0, NULL, "", "s", "deny",
	      "10.0.0.1");
}
END_TEST

/* 2. v6only = no makes a socket for IPv6 alone. Here it is what it says. */
START_TEST(v6only_no)
{
	CHECK("both", S("\tv6only = no\n"), 10, CHANGED, "IPv6 alone wherever v6only is given", "s", "listen",
	      "7777");
	CHECK("from defaults", D("\tv6only = no\n", ""), 3, CHANGED, "as it says", "s", "listen", "7777");
}
END_TEST

/* 3. The example of the manual has 24:00, which is refused. */
START_TEST(midnight)
{
	CHECK("off", S("\taccess_times = 2:00-9:00 12:00-24:00\n"), 10, EXACT, "24:00 is none", "s",
	      "disable", "yes");
	CHECK("no hours", S("\taccess_times = 2:00-9:00 12:00-24:00\n"), 0, NULL, "", "s", "access_times",
	      NOT_SET);
}
END_TEST

/* 4. Running servers are not judged again after a reload, whatever the manual says; nor are they here. */
START_TEST(no_second_check)
{
	CHECK("nothing but the lists", S("\tinstances = 3\n\tonly_from = 10.0.0.1\n"), 11, EXACT, "", "s",
	      "time_limit", NOT_SET);
	CHECK("no ban", S("\tinstances = 3\n\tonly_from = 10.0.0.1\n"), 10, EXACT, "", "s", "ban_time",
	      NOT_SET);
}
END_TEST

/* 5. access_times is copied from defaults, where it cannot stand. */
START_TEST(times_in_defaults)
{
	CHECK("passed over", D("\taccess_times = 1:00-2:00\n", ""), 3, EXACT, "cannot stand in defaults", "s",
	      "access_times", NOT_SET);
}
END_TEST

/* 6. TRAFFIC for a service without redirect takes the service away. */
START_TEST(traffic)
{
	CHECK("without redirect", S("\tlog_on_success = TRAFFIC\n"), 1, CHANGED, "goes with redirect only",
	      "s", "disable", "yes");
	CHECK("from defaults", D("\tlog_on_success = TRAFFIC\n", ""), 5, CHANGED, "goes with redirect only",
	      "s", "disable", "yes");
	CHECK("with redirect", BARE("\tredirect = 192.0.2.1 80\n\tlog_on_success = TRAFFIC\n}\n"), 10, EXACT,
	      "", "s", "disable", NOT_SET);
}
END_TEST

/* 7. A program that cannot be executed is a session with status 0. Here it is told, and found out beforehand.
 */
START_TEST(exec_failure)
{
	CHECK("a folder", BARE("\tserver = /\n}\n"), 9, CHANGED, "finds out when a client comes", "s",
	      "disable", "yes");
	CHECK("nothing", BARE("\tserver = /nowhere/x\n}\n"), 9, CHANGED, "is not here", "s", "disable",
	      "yes");
}
END_TEST

/* 8. Who is refused is logged as started. Here nothing starts; what is asked of the log is always there. */
START_TEST(refused_is_started)
{
	CHECK("on failure", S("\tlog_on_failure = HOST ATTEMPT\n"), 10, EXACT, "", "s", "disable", NOT_SET);
	CHECK("on success", S("\tlog_on_success = PID HOST\n"), 10, EXACT, "", "s", "disable", NOT_SET);
}
END_TEST

/* 9. tcpmux answers with a NUL behind its lines. */
START_TEST(tcpmux_nul)
{
	CHECK("plus", "service x\n{\n\ttype = TCPMUXPLUS UNLISTED\n}\n", 3, UNSUPPORTED, "a port of its own",
	      "x", "exec", NOWHERE);
}
END_TEST

/* 10. tcpmux has no HELP, which RFC 1078 asks for. */
START_TEST(tcpmux_help)
{
	CHECK("internal", I("tcpmux", "stream", "no", ""), 1, UNSUPPORTED, "ports of their own", "tcpmux",
	      "exec", NOWHERE);
}
END_TEST

/* 11. NAMEINARGS has its effect only before server_args; behind it the program gets no name at all. */
START_TEST(name_in_args)
{
	CHECK("before", S("\tflags = NAMEINARGS\n\tserver_args = sh -x\n"), 11, EXACT, "", "s", "exec",
	      "/bin/sh -x");
	CHECK("behind", S("\tserver_args = sh -x\n\tflags = NAMEINARGS\n"), 10, CHANGED,
	      "starts the program without a name", "s", "exec", "/bin/sh -x");
}
END_TEST

/* 12. REUSE is always on. */
START_TEST(reuse)
{
	CHECK("always", S("\tflags = REUSE\n"), 10, EXACT, "always so", "s", "freebind", NOT_SET);
}
END_TEST

/* 13. A wrong number of values is passed over; a service with a mistake comes back when enabled names it. */
START_TEST(wrong_count)
{
	CHECK("passed over", S("\tcps = 5\n"), 10, EXACT, "cps takes 2 values, not 1", "s", "rate", NOT_SET);
	CHECK("of defaults", D("\tcps = 5 10\n", "\tcps = 6\n"), 14, EXACT, "takes 2 values", "s", "rate",
	      "5/s");
	CHECK("off", S("\tnice = x\n"), 10, EXACT, "switches the service off", "s", "disable", "yes");
	CHECK("revived", D("\tenabled = s\n", "\tnice = x\n"), 5, CHANGED, "in spite of the mistake", "s",
	      "disable", NOT_SET);
}
END_TEST

/* 14. A # in a line is no comment. */
START_TEST(hash)
{
	CHECK("data", S("\tserver_args = -c x # why\n"), 10, EXACT, "", "s", "exec", "/bin/sh -c x '#' why");
	CHECK("no number", S("\tnice = 5 # why\n"), 10, EXACT, "nice takes 1 value, not 3", "s", "nice",
	      NOT_SET);
	CHECK("no address", S("\tonly_from = 10.0.0.1 #/x\n"), 10, EXACT, "passes '#/x' over", "s", "allow",
	      "10.0.0.1");
}
END_TEST

/* 15. Without a blank before the operator the section is thrown away. */
START_TEST(blank)
{
	CHECK("thrown away", S("\tnice=5\n"), 10, EXACT, "throws the whole section away", "s", "listen",
	      NOWHERE);
	CHECK("to be skipped", S("\tnice=5\n\tnice = 6\n"), 11, EXACT, "does not read", "s", "listen",
	      NOWHERE);
}
END_TEST

/* 16. Without passenv the whole environment passes. Here nothing does that is not named. */
START_TEST(environment)
{
	CHECK("without", S(""), 1, CHANGED, "a clean environment", "s", "pass_env", NOT_SET);
	CHECK("with", S("\tpassenv = PATH LANG\n"), 10, EXACT, "", "s", "pass_env", "PATH, LANG");
}
END_TEST

/* 17. A user that is a number has the group of that number. */
START_TEST(number_of_user)
{
	static const char text[] =
		"service s\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = no\n"
		"\tuser = 54321\n\tport = 7777\n\tserver = /bin/sh\n}\n";

	CHECK("its group", text, 7, CHANGED, "the group of the same number", "s", "group", "54321");
	CHECK("itself", text, 7, CHANGED, "", "s", "user", "54321");
}
END_TEST

/* 18. Another touch of a sensor does not begin its time anew, as it should. There are no sensors here. */
START_TEST(sensor)
{
	CHECK("refuses all", S("\tflags = SENSOR\n\tdeny_time = 5\n"), 10, UNSUPPORTED, "usherctl ban", "s",
	      "deny", "all");
	CHECK("no time", S("\tflags = SENSOR\n\tdeny_time = 5\n"), 11, UNSUPPORTED, "closes no others", "s",
	      "ban_time", NOT_SET);
}
END_TEST

/* 19. Lists of defaults that stand behind a service do not reach it; other attributes do. */
START_TEST(defaults_behind)
{
	static const char text[] =
		S("") "defaults\n{\n\tonly_from = 10.0.0.1\n\tinstances = 3\n\tbanner_fail = /etc/hostname\n"
		      "\tpassenv = PATH\n}\n";

	CHECK("not the list", text, 0, NULL, "", "s", "allow", NOT_SET);
	CHECK("nor the banner", text, 0, NULL, "", "s", "banner_refused", NOT_SET);
	CHECK("nor the variables", text, 0, NULL, "", "s", "pass_env", NOT_SET);
	CHECK("but the number", text, 0, NULL, "", "s", "instances", "3");
	CHECK("the service behind", D("\tonly_from = 10.0.0.1\n", ""), 0, NULL, "", "s", "allow", "10.0.0.1");
}
END_TEST

/* 20. redirect ends both ways at the first end, and with 0 when it cannot connect. */
START_TEST(redirect)
{
	CHECK("by itself", BARE("\tredirect = 192.0.2.1 80\n}\n"), 9, CHANGED,
	      "xinetd ends both with the first", "s", "exec", "relay 192.0.2.1 80");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_xinetd_gaps");
	TCase *gaps = tcase_create("gaps");

	tcase_add_checked_fixture(gaps, set_up, tear_down);
	tcase_add_test(gaps, best_match);
	tcase_add_test(gaps, v6only_no);
	tcase_add_test(gaps, midnight);
	tcase_add_test(gaps, no_second_check);
	tcase_add_test(gaps, times_in_defaults);
	tcase_add_test(gaps, traffic);
	tcase_add_test(gaps, exec_failure);
	tcase_add_test(gaps, refused_is_started);
	tcase_add_test(gaps, tcpmux_nul);
	tcase_add_test(gaps, tcpmux_help);
	tcase_add_test(gaps, name_in_args);
	tcase_add_test(gaps, reuse);
	tcase_add_test(gaps, wrong_count);
	tcase_add_test(gaps, hash);
	tcase_add_test(gaps, blank);
	tcase_add_test(gaps, environment);
	tcase_add_test(gaps, number_of_user);
	tcase_add_test(gaps, sensor);
	tcase_add_test(gaps, defaults_behind);
	tcase_add_test(gaps, redirect);
	suite_add_tcase(suite, gaps);
	return suite;
}

RUN_SUITE(make_suite)
