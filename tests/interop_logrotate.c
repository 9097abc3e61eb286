/* interop_logrotate.c - the installed logrotate file, used by logrotate(8) while services are
 * busy: the log is taken away and compressed, and no line is lost. */
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROTATIONS 3
#define SESSIONS  40 /* for each */

static const char *logrotate(void)
{
	const char *other = getenv("LOGROTATE");

	return other != NULL ? other : harness_find("logrotate");
}

/* The installed file with paths of this test, and no unit of this machine. */
static void write_rules(void)
{
	char command[4096];

	snprintf(command, sizeof(command),
		 "sed -e 's|^[^ \\t]*/log/usherd/|%s/log/|' -e 's|[^ ]*/usherd.pid|%s/pid|g' "
		 "-e 's|usherd.service|no-such-unit.service|' -e 's|create .*|create 0640|' "
		 "'%s/etc/logrotate.d/usherd' >'%s' && "
		 "chmod 644 '%s'",
		 test_dir(), test_dir(), getenv("BUILD") != NULL ? getenv("BUILD") : "..", test_path("rules"),
		 test_path("rules"));
	ck_assert_int_eq(system(command), 0);
}

static long count_lines(const char *what)
{
	char command[1024];

	snprintf(command, sizeof(command), "cd '%s/log' && zcat -f usherd.log* | grep -c ' %s '", test_dir(),
		 what);
	FILE *pipe = popen(command, "r");
	long count = -1;

	ck_assert_ptr_nonnull(pipe);
	ck_assert_int_eq(fscanf(pipe, "%ld", &count), 1);
	pclose(pipe);
	return count;
}

static void rotate(void)
{
	const char *const words[] = { logrotate(), "--force", "--state", "$DIR/state", "$DIR/rules", NULL };
	struct stat status;
	char *output;

	ck_assert_msg(run_command(words, &output) == 0, "%s", output);
	ck_assert_str_eq(output, "");
	free(output);
	/* It is open again when something is written to it. */
	free(ask(1, NULL));
	WAIT_UNTIL(stat(test_path("log/usherd.log"), &status) == 0 && status.st_size > 0);
}

START_TEST(no_line_is_lost)
{
	struct daemon *daemon;
	long sessions = 0;

	SKIP_IF(logrotate() == NULL, "there is no logrotate here");
	ck_assert_int_eq(mkdir(test_path("log"), 0755), 0);
	write_rules();
	daemon = daemon_launch(&(struct daemon_spec){
		.config = "[usherd]\npid_file = $DIR/pid\nlog = file:$DIR/log/usherd.log\n"
			  "[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE say hello\n",
		.no_wait = true });
	WAIT_UNTIL(access(test_path("log/usherd.log"), F_OK) == 0 && tcp_try("127.0.0.1", test_port(1)) >= 0);
	WAIT_UNTIL(count_lines("end") == count_lines("start"));
	sessions = count_lines("start");
	for (int i = 0; i < ROTATIONS; i++) {
		ask_many(1, NULL, "hello", SESSIONS, 0);
		rotate();
		sessions += SESSIONS + 1;
	}
	WAIT_UNTIL(count_lines("end") >= sessions);
	ck_assert_int_eq(count_lines("start"), sessions);
	ck_assert_int_eq(count_lines("end"), sessions);
	ck_assert_int_eq(access(test_path("log/usherd.log.2.gz"), F_OK), 0);
	daemon_stop(daemon);
	ck_assert_int_eq(count_lines("stop"), 1);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("logrotate");
	TCase *tests = harness_case(suite, "logrotate", 60);

	tcase_add_test(tests, no_line_is_lost);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
