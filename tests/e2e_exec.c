/* e2e_exec.c - programs that cannot be run: found at load where that is
 * possible, told with step and reason where it is not; and all is well again
 * when the program is (F14). */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOOD "#!/bin/sh\necho good\n"
#define CONFIG                                                                                               \
	"[script]\nlisten = 127.0.0.1:$1\nexec = $DIR/script\n"                                              \
	"[hello]\nlisten = 127.0.0.1:$2\nexec = $PROBE say hello\n"

/* ---- at load ---- */

static void load_missing(void)
{
	unlink(test_path("script"));
}

static void load_directory(void)
{
	unlink(test_path("script"));
	mkdir(test_path("script"), 0755);
}

static void load_plain(void)
{
	test_write("script", 0644, GOOD, false);
}

static void load_dangling(void)
{
	unlink(test_path("script"));
	(void)!symlink("/no/such/file", test_path("script"));
}

static void load_fifo(void)
{
	unlink(test_path("script"));
	mkfifo(test_path("script"), 0755);
}

static void (*const at_load[])(void) = { load_missing, load_directory, load_plain, load_dangling, load_fifo };

START_TEST(told_at_load)
{
	const char *check[] = { "-t", "-c", "$DIR/services.ini", NULL };
	const char *run[] = { "-c", "$DIR/services.ini", NULL };
	char *output;

	at_load[_i]();
	daemon_configure(CONFIG);
	ck_assert_int_eq(run_usherd(check, &output), 78);
	ck_assert_match(output, "services.ini:3: script.exec: ");
	ck_assert_int_eq(run_usherd(run, &output), 78);
	ck_assert_match(output, "services.ini:3: script.exec: ");
}
END_TEST

/* ---- at run time ---- */

static void run_removed(void)
{
	unlink(test_path("script"));
}

static void run_plain(void)
{
	chmod(test_path("script"), 0644);
}

static void run_directory(void)
{
	unlink(test_path("script"));
	mkdir(test_path("script"), 0755);
}

static void run_fifo(void)
{
	unlink(test_path("script"));
	mkfifo(test_path("script"), 0755);
}

static void run_interpreter(void)
{
	test_write("script", 0755, "#!/no/such/interpreter\necho bad\n", false);
}

/* What execvp(3) would hand to a shell. */
static void run_data(void)
{
	test_write("script", 0755, "echo pwned\n", false);
}

static void run_empty(void)
{
	test_write("script", 0755, "", false);
}

static void run_loop(void)
{
	unlink(test_path("script"));
	(void)!symlink("script", test_path("script"));
}

static const struct {
	const char *name, *error;
	void (*damage)(void);
} at_run[] = {
	{ "removed", "No such file or directory", run_removed },
	{ "not executable", "Permission denied", run_plain },
	{ "a directory", "Permission denied|Is a directory", run_directory },
	{ "a FIFO", "Permission denied", run_fifo },
	{ "no interpreter", "No such file or directory", run_interpreter },
	{ "data", "Exec format error", run_data },
	{ "empty", "Exec format error", run_empty },
	{ "a loop of links", "Too many levels of symbolic links", run_loop },
};

START_TEST(told_at_run)
{
	test_write("script", 0755, GOOD, false);
	struct daemon *daemon = daemon_start(CONFIG);

	ask_many(1, NULL, "good\n", 2, 0);
	at_run[_i].damage();
	for (int i = 0; i < 3; i++) {
		char *reply = ask(1, NULL);

		ck_assert_msg(reply[0] == '\0', "%s: \"%s\"", at_run[_i].name, reply);
	}
	const char *line = daemon_wait_log(daemon, " fail service=script .*stage=exec ");

	ck_assert_match(line_text(line, "error"), at_run[_i].error);
	ck_assert_match(line_text(line, "message"), "^exec .*/script: ");
	line_text(line, "peer");
	ask_many(2, NULL, "hello", 10, 1000);
	rmdir(test_path("script"));
	unlink(test_path("script"));
	test_write("script", 0755, GOOD, false);
	ask_many(1, NULL, "good\n", 5, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A crowd at a broken service: slowed down, not logged to death, never off. */
START_TEST(crowd_at_broken_service)
{
	test_write("script", 0755, GOOD, false);
	struct daemon *daemon = daemon_start(CONFIG);
	int clients[100];

	unlink(test_path("script"));
	for (int i = 0; i < 100; i++)
		clients[i] = tcp_connect(1);
	daemon_wait_log(daemon, " fail service=script ");
	uint64_t before = daemon_cpu_ms(daemon), start = now_ms();

	while (now_ms() - start < 2000)
		ask_many(2, NULL, "hello", 10, 1000);
	uint64_t used = daemon_cpu_ms(daemon) - before;

	ck_assert_msg(used < 1500, "%llu ms of processor in 2 s", (unsigned long long)used);
	ck_assert_uint_le(daemon_count_log(daemon, " fail service=script "), 100);
	test_write("script", 0755, GOOD, false);
	int served = 0;

	for (int i = 0; i < 100; i++) {
		char *reply = read_all(clients[i], NULL);

		served += strcmp(reply, "good\n") == 0;
		free(reply);
		close(clients[i]);
	}
	ck_assert_msg(served > 0, "nobody who waited was served");
	ask_many(1, NULL, "good\n", 10, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Clients that the daemon finds waiting all at once: their programs are started beside each other. */
#define TOGETHER 20

static void come_together(struct daemon *daemon, int clients[static TOGETHER])
{
	daemon_signal(daemon, SIGSTOP);
	for (int i = 0; i < TOGETHER; i++)
		clients[i] = tcp_connect(1);
	daemon_signal(daemon, SIGCONT);
}

static unsigned count_served(int clients[static TOGETHER])
{
	unsigned served = 0;

	for (int i = 0; i < TOGETHER; i++) {
		char *reply = read_all(clients[i], NULL);

		ck_assert_msg(reply[0] == '\0' || strcmp(reply, "good\n") == 0, "client %d got \"%s\"", i, reply);
		served += reply[0] != '\0';
		free(reply);
		close(clients[i]);
	}
	return served;
}

/* What fails for some of them is told for each, is one trouble with one pause, and costs the others nothing. */
START_TEST(crowd_begins_together)
{
	test_write("script", 0755, GOOD, false);
	struct daemon *daemon = daemon_start(CONFIG);
	int clients[TOGETHER];
	unsigned served;

	come_together(daemon, clients);
	ck_assert_uint_eq(count_served(clients), TOGETHER);

	unlink(test_path("script"));
	come_together(daemon, clients);
	daemon_wait_log(daemon, " fail service=script .*pause=0\\.100 ");
	test_write("script", 0755, GOOD, false);
	served = count_served(clients);
	WAIT_UNTIL(daemon_count_log(daemon, " end service=script ") == TOGETHER + served);
	ck_assert_uint_eq(daemon_count_log(daemon, " start service=script "), TOGETHER + served);
	ck_assert_uint_eq(daemon_count_log(daemon, " fail service=script "), TOGETHER - served);
	ck_assert_uint_gt(served, TOGETHER / 2);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* How the end of a service is told. */
static const struct {
	const char *arguments, *told;
} ends[] = {
	{ "exit 0", "reason=exit status=0 " },       { "exit 3", "reason=exit status=3 " },
	{ "exit 255", "reason=exit status=255 " },   { "kill 9", "reason=signal signal=KILL " },
	{ "kill 11", "reason=signal signal=SEGV " }, { "kill 15", "reason=signal signal=TERM " },
};

START_TEST(end_is_told)
{
	char config[256];

	snprintf(config, sizeof(config), "[end]\nlisten = 127.0.0.1:$1\nexec = $PROBE %s\n",
		 ends[_i].arguments);
	struct daemon *daemon = daemon_start(config);

	free(ask(1, NULL));
	char start[512], pid[32];

	snprintf(start, sizeof(start), "%s",
		 daemon_wait_log(daemon,
				 " start service=end session=1 pid=[0-9]+ peer=127.0.0.1:[0-9]+ "
				 "local=127.0.0.1:%u active=1/",
				 test_port(1)));
	snprintf(pid, sizeof(pid), "%s", line_text(start, "pid"));
	const char *line = daemon_wait_log(daemon,
					   " end service=end session=1 pid=%s peer=127.0.0.1:[0-9]+ %s"
					   "seconds=[0-9]+\\.[0-9]+",
					   pid, ends[_i].told);
	ck_assert_ptr_nonnull(line);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A service that forks and goes on in the child is not cut. */
START_TEST(forking_service)
{
	struct daemon *daemon = daemon_start("[f]\nlisten = 127.0.0.1:$1\nexec = $PROBE fork\n");
	int fd = tcp_connect(1);

	/* The first process is gone; only then do we let the second one speak. */
	pid_t pid = (pid_t)line_number(daemon_wait_log(daemon, " start service=f "), "pid");

	WAIT_UNTIL(kill(pid, 0) != 0 && errno == ESRCH);
	shutdown(fd, SHUT_WR);
	char *reply = read_all(fd, NULL);

	ck_assert_str_eq(reply, "late\n");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("exec");
	TCase *programs = harness_case(suite, "programs", 60);

	tcase_add_loop_test(programs, told_at_load, 0, (int)(sizeof(at_load) / sizeof(at_load[0])));
	tcase_add_loop_test(programs, told_at_run, 0, (int)(sizeof(at_run) / sizeof(at_run[0])));
	tcase_add_test(programs, crowd_at_broken_service);
	tcase_add_test(programs, crowd_begins_together);
	tcase_add_loop_test(programs, end_is_told, 0, (int)(sizeof(ends) / sizeof(ends[0])));
	tcase_add_test(programs, forking_service);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
