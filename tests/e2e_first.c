/* e2e_first.c - the first ten minutes: what somebody meets who has never used usherd, and that each message leads out. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define TRY "[a]\nlisten = 127.0.0.1:$1\n"

static const struct first {
	const char *file; /* what `prog` holds, or NULL: there is none */
	int mode;
	const char *config;
	const char *told; /* with the place and the way out */
} first[] = {
	{ "#!/bin/sh\n", 0644, TRY "exec = $DIR/prog\n", ":3: a.exec: .*/prog is not executable .mode 0644.; chmod \\+x it" },
	{ "#!/nonexistent/sh\n", 0755, TRY "exec = $DIR/prog\n",
	  ":3: a.exec: .*/prog: the program in its first line, /nonexistent/sh: No such file" },
	{ "echo hi\n", 0755, TRY "exec = $DIR/prog\n", ":3: a.exec: .*add a first line #!/bin/sh" },
	{ "#!/bin/sh\r\necho hi\r\n", 0755, TRY "exec = $DIR/prog\n", ":3: a.exec: .*lines end in CR LF" },
	{ NULL, 0, TRY "exec = $DIR/prog\n", ":3: a.exec: .*/prog: No such file or directory" },
	{ NULL, 0, TRY "exec = ecko\n", ":3: a.exec: .*ecko" },
	{ NULL, 0, TRY "exec = echo\nuser = nosuchuser\n", ":4: a.user: there is no user 'nosuchuser'" },
	{ NULL, 0, TRY "exec = echo\ninstnaces = 3\n", ":4: a.instnaces: .*did you mean 'instances'" },
	{ NULL, 0, TRY, ":1: .a.: the service has no 'exec'" },
	{ NULL, 0, "[a]\nexec = echo\n", ":1: .a.: the service has no 'listen'" },
	{ NULL, 0, "listen = 127.0.0.1:$1\n", ":1: " },
	{ NULL, 0, "", "no service is configured; write a section with listen and exec" },
};

START_TEST(mistake_leads_out)
{
	const struct first *it = &first[_i];
	char *output;
	int status;

	if (it->file != NULL)
		test_write("prog", (unsigned)it->mode, it->file, false);
	test_write("services.ini", 0644, it->config, true);
	status = run_usherd((const char *const[]){ "-c", "$DIR/services.ini", NULL }, &output);
	ck_assert_msg(status == EX_CONFIG, "status %d: %s", status, output);
	ck_assert_match(output, it->told);
	free(output);
}
END_TEST

/* The default file is not there: what to do, and each command of it works. */
START_TEST(no_file_at_all)
{
	char *output;

	SKIP_IF(access(SYSCONFDIR "/usherd/services.ini", F_OK) == 0, "usherd is installed here");
	ck_assert_int_eq(run_usherd((const char *const[]){ NULL }, &output), EX_CONFIG);
	ck_assert_match(output, "there is no .*/usherd/services.ini yet");
	ck_assert_match(output, "usherd -l localhost:7007 -- /bin/date");
	ck_assert_match(output, "usherd -c services.ini");
	ck_assert_match(output, "usherctl import");
	free(output);
	/* One that was named is a mistake, not a beginning. */
	ck_assert_int_eq(run_usherd((const char *const[]){ "-c", "$DIR/nowhere.ini", NULL }, &output), EX_CONFIG);
	ck_assert_match(output, "nowhere.ini: cannot open the file.*No such file or directory");
	ck_assert_ptr_null(strstr(output, "localhost:7007"));
	free(output);
}
END_TEST

/* The three lines that it shows. */
START_TEST(first_file_serves)
{
	struct daemon *daemon = daemon_start("[clock]\nlisten = 127.0.0.1:$1\nexec   = /bin/date\n");
	char *reply = ask(1, NULL);

	ck_assert_match(reply, "20[0-9][0-9]");
	free(reply);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Somebody else has the port: which, is one command away. */
START_TEST(port_in_use)
{
	struct daemon *daemon = daemon_start("[a]\nlisten = 127.0.0.1:$1\nexec = echo\n");
	char *output;

	test_write("other.ini", 0644, "[b]\nlisten = 127.0.0.1:$1\nexec = echo\n", true);
	ck_assert_int_eq(run_usherd((const char *const[]){ "-c", "$DIR/other.ini", NULL }, &output), EXIT_FAILURE);
	ck_assert_match(output, "other.ini:2: b.listen: .*the port is in use by another program; `ss -tnlp");
	free(output);
	daemon_stop(daemon);
}
END_TEST

/* Its program ends at once: the log says so, and how to see why. */
START_TEST(program_ends_at_once)
{
	struct daemon *daemon;

	test_write("ends", 0755, "#!/bin/sh\necho 'cannot find my data' >&2\nexit 3\n", false);
	daemon = daemon_start("[a]\nlisten = 127.0.0.1:$1\nexec = $DIR/ends\n");
	for (int i = 0; i < 10; i++)
		free(ask(1, "hello\n")); /* who says nothing may be a health check */
	daemon_wait_log(daemon, " stderr service=a pid=[0-9]+ text=.cannot find my data");
	daemon_wait_log(daemon, " failing service=a status=3 .*look at its stderr lines above, or run .*/ends by hand");
	daemon_stop(daemon);
}
END_TEST

/* An address that is not here, of a network that is not up yet or is misspelt, is told, and tried again. */
START_TEST(address_is_absent)
{
	struct daemon *daemon = daemon_start("[a]\nlisten = 127.0.0.1:$1\nexec = echo\n"
					     "[b]\nlisten = 192.0.2.99:$2\nexec = echo\n");

	daemon->mark = 0;
	daemon_wait_log(daemon, " absent service=b address=192.0.2.99:[0-9]+ .*no interface has this address");
	ask_many(1, "x\n", "x\n", 1, 0);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("first");
	TCase *tests = harness_case(suite, "first", 30);

	tcase_add_loop_test(tests, mistake_leads_out, 0, (int)(sizeof(first) / sizeof(first[0])));
	tcase_add_test(tests, no_file_at_all);
	tcase_add_test(tests, first_file_serves);
	tcase_add_test(tests, port_in_use);
	tcase_add_test(tests, program_ends_at_once);
	tcase_add_test(tests, address_is_absent);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
