/* e2e_life.c - start, signals, end and restart of the daemon itself (F13, F17,
 * F18, F30, F31, F49, F53). */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define A        "[a]\nlisten = 127.0.0.1:$1\nexec = $PROBE say a\n"
#define HOLD     "[hold]\nlisten = 127.0.0.1:$3\nexec = $PROBE hold\n"
#define STUBBORN "[hold]\nlisten = 127.0.0.1:$3\nexec = $PROBE stubborn\nkill_after = 300ms\n"

static int hold(void)
{
	int fd = tcp_connect(3);
	char *text = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(text != NULL && strcmp(text, "ready\n") == 0, "got \"%s\"", text);
	return fd;
}

/* ---- signals ---- */

START_TEST(signal_is_harmless)
{
	int number = _i;

	if (number == SIGTERM || number == SIGINT || number == SIGQUIT || number == SIGKILL ||
	    number == SIGSTOP || number == 32 || number == 33)
		return;
	struct daemon *daemon = daemon_start(A HOLD);
	int session = hold();

	for (int i = 0; i < 3; i++) {
		daemon_signal(daemon, number);
		if (number == SIGTSTP) /* a terminal may stop it; it must only go on afterwards */
			daemon_signal(daemon, SIGCONT);
		ask_many(1, NULL, "a", 3, 0);
	}
	shutdown(session, SHUT_WR);
	char *rest = read_all(session, NULL);

	ck_assert_str_eq(rest, "bye\n");
	close(session);
	if (number != SIGHUP && number != SIGUSR1 && number != SIGUSR2)
		daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- the end ---- */

static const int ending[] = { SIGTERM, SIGINT };

/* Live sessions end by themselves; then the daemon does. */
START_TEST(drain_lets_sessions_end)
{
	struct daemon *daemon = daemon_start("[usherd]\ndrain_timeout = 1h\n" A HOLD);
	int first = hold(), second = hold();

	daemon_signal(daemon, ending[_i]);
	const char *line = daemon_wait_log(daemon, " drain ");

	ck_assert_int_eq(line_number(line, "sessions"), 2);
	WAIT_UNTIL(tcp_try("127.0.0.1", test_port(1)) == -ECONNREFUSED);
	for (int i = 0; i < 2; i++) {
		int fd = i == 0 ? first : second;

		ck_assert_int_eq(kill(daemon->pid, 0), 0);
		shutdown(fd, SHUT_WR);
		char *rest = read_all(fd, NULL);

		ck_assert_str_eq(rest, "bye\n");
	}
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=hold .*reason=exit status=0"), 2);
	ck_assert_uint_eq(daemon_count_log(daemon, " stop"), 1);
}
END_TEST

START_TEST(drain_timeout_ends_sessions)
{
	struct daemon *daemon = daemon_start("[usherd]\ndrain_timeout = 300ms\n" A HOLD);
	int session = hold();
	uint64_t start = now_ms();

	daemon_signal(daemon, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	ck_assert_uint_ge(now_ms() - start, 290);
	char *rest = read_all(session, NULL);

	ck_assert_str_eq(rest, "");
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=hold .*signal=TERM"), 1);
}
END_TEST

/* A session that ignores SIGTERM is killed when kill_after has passed. */
START_TEST(stubborn_session_is_killed)
{
	struct daemon *daemon = daemon_start("[usherd]\ndrain_timeout = 100ms\n" A STUBBORN);
	int session = hold();
	uint64_t start = now_ms();

	daemon_signal(daemon, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	ck_assert_uint_ge(now_ms() - start, 390);
	free(read_all(session, NULL));
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=hold .*signal=KILL"), 1);
}
END_TEST

START_TEST(second_signal_is_at_once)
{
	struct daemon *daemon = daemon_start("[usherd]\ndrain_timeout = 1h\n" A HOLD);
	int session = hold();

	daemon_signal(daemon, ending[_i]);
	daemon_wait_log(daemon, " drain ");
	daemon_signal(daemon, ending[_i]);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	free(read_all(session, NULL));
}
END_TEST

/* 100 sessions at once, none cut before the end of the drain (F17). */
START_TEST(drain_crowd)
{
	struct daemon *daemon = daemon_start("[usherd]\ndrain_timeout = 1h\n"
					     "[cat]\nlisten = 127.0.0.1:$1\nexec = /bin/cat\n");
	int clients[100];

	for (int i = 0; i < 100; i++)
		clients[i] = tcp_connect(1);
	WAIT_UNTIL(daemon_children(daemon) == 100);
	daemon_signal(daemon, SIGTERM);
	daemon_wait_log(daemon, " drain sessions=100");
	for (int i = 0; i < 100; i++) {
		send_text(clients[i], "still here");
		shutdown(clients[i], SHUT_WR);
		char *reply = read_all(clients[i], NULL);

		ck_assert_str_eq(reply, "still here");
	}
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
}
END_TEST

/* 100 sessions that do not end: none is told to before the deadline, then all are, and those
 * that do not listen are killed (F17). */
START_TEST(drain_crowd_to_the_deadline)
{
	struct daemon *daemon = daemon_start("[usherd]\ndrain_timeout = 400ms\n"
					     "[cat]\nlisten = 127.0.0.1:$1\nexec = /bin/cat\n" STUBBORN);
	int clients[100];

	for (int i = 0; i < 100; i++) {
		clients[i] = tcp_connect(i < 60 ? 1 : 3);
		if (i < 60)
			send_text(clients[i], "ready\n");
		ck_assert_str_eq(read_piece(clients[i], PATIENCE_MS, NULL), "ready\n");
	}
	uint64_t start = now_ms();

	daemon_signal(daemon, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	ck_assert_uint_ge(now_ms() - start, 690); /* kill_after is 300 ms */
	for (int i = 0; i < 100; i++)
		ck_assert_str_eq(read_all(clients[i], NULL), "");
	const char *log = daemon_read_log(daemon), *deadline = strstr(log, " drain-timeout ");

	ck_assert_ptr_nonnull(deadline);
	ck_assert_ptr_null(memmem(log, (size_t)(deadline - log), " end service=", 13));
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=cat .*reason=drain signal=TERM"), 60);
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=hold .*reason=drain signal=KILL"), 40);
	ck_assert_uint_eq(daemon_count_log(daemon, " drain sessions=100 timeout=0.400"), 1);
}
END_TEST

/* The second SIGTERM waits for none of 100 (F17). */
START_TEST(crowd_ends_at_once)
{
	struct daemon *daemon =
		daemon_start("[usherd]\ndrain_timeout = 1h\n"
			     "[hold]\nlisten = 127.0.0.1:$3\nexec = $PROBE stubborn\nkill_after = 1h\n");
	int clients[100];

	for (int i = 0; i < 100; i++)
		clients[i] = hold();
	daemon_signal(daemon, SIGTERM);
	daemon_wait_log(daemon, " drain sessions=100");
	daemon_signal(daemon, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	for (int i = 0; i < 100; i++)
		free(read_all(clients[i], NULL));
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=hold .*reason=drain signal=KILL"), 100);
}
END_TEST

/* Who asks about health is answered until the sessions of the others have ended. */
START_TEST(drain_with_a_health_check)
{
	struct daemon *daemon = daemon_start("[usherd]\ndrain_timeout = 1h\n[health]\nlisten = 127.0.0.1:$2\n"
					     "exec = $PROBE say draining\nserve_while_draining = yes\n" HOLD);
	int session = hold();

	daemon_signal(daemon, SIGTERM);
	daemon_wait_log(daemon, " drain sessions=1 ");
	WAIT_UNTIL(tcp_try("127.0.0.1", test_port(3)) == -ECONNREFUSED);
	ask_many(2, NULL, "draining", 20, 0);
	shutdown(session, SHUT_WR);
	ck_assert_str_eq(read_all(session, NULL), "bye\n");
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(2)), -ECONNREFUSED);
}
END_TEST

/* ---- restart ---- */

START_TEST(killed_and_restarted)
{
	struct daemon *daemon = daemon_start("[usherd]\npid_file = $DIR/pid\n" A HOLD);
	int sessions[3] = { hold(), hold(), hold() };

	daemon_signal(daemon, SIGKILL);
	ck_assert_int_eq(daemon_wait_exit(daemon), 128 + SIGKILL);
	daemon = daemon_start("[usherd]\npid_file = $DIR/pid\n" A HOLD);
	ask_many(1, NULL, "a", 3, 0);
	for (int i = 0; i < 3; i++) {
		shutdown(sessions[i], SHUT_WR);
		char *rest = read_all(sessions[i], NULL);

		ck_assert_str_eq(rest, "bye\n");
	}
	daemon_stop(daemon);
}
END_TEST

START_TEST(time_wait_does_not_matter)
{
	struct daemon *daemon = daemon_start(A HOLD);

	ask_many(1, NULL, "a", 20, 0); /* the service closes first: TIME_WAIT is here */
	int half = hold();             /* FIN_WAIT2 at our end, the session goes on */

	shutdown(half, SHUT_WR);
	daemon_stop(daemon);
	daemon = daemon_start(A HOLD);
	ask_many(1, NULL, "a", 3, 0);
	daemon_stop(daemon);
}
END_TEST

/* ---- a place that is taken ---- */

static const struct {
	const char *listen, *told;
	int type;
} taken[] = {
	{ "127.0.0.1:$5", "127\\.0\\.0\\.1:", SOCK_STREAM },
	{ "127.0.0.1:$5/udp", "127\\.0\\.0\\.1:[0-9]*/udp", SOCK_DGRAM },
};

static int occupy(int type)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)test_port(5)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (type == SOCK_STREAM)
		ck_assert_int_eq(listen(fd, 1), 0);
	return fd;
}

START_TEST(port_in_use)
{
	char config[512];
	int fd = occupy(taken[_i].type);

	snprintf(config, sizeof(config), A "[busy]\nlisten = %s\nexec = $PROBE\n", taken[_i].listen);
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){ .config = config, .no_wait = true });

	ck_assert_int_eq(daemon_wait_exit(daemon), 1);
	const char *log = daemon_read_log(daemon);

	ck_assert_match(log, "service=busy|busy\\.listen: ");
	ck_assert_match(log, taken[_i].told);
	ck_assert_match(log, "[Aa]ddress already in use|in use");
	ck_assert_no_match(log, " ready ");
	close(fd);
}
END_TEST

/* What root may, too, but for this. */
static void lose_low_ports(void *context)
{
	(void)context;
	prctl(PR_CAPBSET_DROP, CAP_NET_BIND_SERVICE, 0, 0, 0);
}

START_TEST(port_without_privilege)
{
	SKIP_IF(access("/proc/sys/net/ipv4/ip_unprivileged_port_start", F_OK) < 0, "unknown system");
	struct daemon *daemon =
		daemon_launch(&(struct daemon_spec){ .config = "[low]\nlisten = 127.0.0.1:7\nexec = $PROBE\n",
						     .prepare = lose_low_ports,
						     .no_wait = true });

	ck_assert_int_eq(daemon_wait_exit(daemon), 1);
	ck_assert_match(daemon_read_log(daemon), "[Pp]ermission denied|below 1024");
}
END_TEST

/* An address that does not exist yet: said once, the rest is served. */
START_TEST(absent_address)
{
	struct daemon *daemon =
		daemon_start("[far]\nlisten = 203.0.113.77:$5, 127.0.0.1:$6\nexec = $PROBE say far\n" A);

	ask_many(1, NULL, "a", 3, 0);
	ask_many(6, NULL, "far", 3, 0);
	ck_assert_uint_eq(daemon_count_log(daemon, " absent service=far address=203.0.113.77:"), 1);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(freebind)
{
	struct daemon *daemon =
		daemon_start("[far]\nlisten = 203.0.113.77:$5\nfreebind = yes\nexec = $PROBE say far\n" A);

	ck_assert_uint_eq(daemon_count_log(daemon, " absent "), 0);
	daemon_stop(daemon);
}
END_TEST

/* ---- the pid file ---- */

#define PID "[usherd]\npid_file = $DIR/pid\n"

START_TEST(pid_file)
{
	struct daemon *daemon = daemon_start(PID A);
	char expected[32];

	snprintf(expected, sizeof(expected), "%d\n", daemon->pid);
	ck_assert_str_eq(test_read(test_path("pid")), expected);
	daemon_stop(daemon);
	ck_assert_int_lt(access(test_path("pid"), F_OK), 0);
}
END_TEST

START_TEST(second_instance)
{
	struct daemon *daemon = daemon_start(PID A);
	struct daemon *second = daemon_launch(&(struct daemon_spec){
		.config = PID "[other]\nlisten = 127.0.0.1:$2\nexec = $PROBE\n", .no_wait = true });
	char expected[64];

	ck_assert_int_eq(daemon_wait_exit(second), 1);
	snprintf(expected, sizeof(expected), "%d", daemon->pid);
	ck_assert_match(daemon_read_log(second), expected);
	ck_assert_int_eq(access(test_path("pid"), F_OK), 0);
	ask_many(1, NULL, "a", 3, 0);
	daemon_stop(daemon);
}
END_TEST

/* A file left by a dead daemon is no hindrance. */
START_TEST(stale_pid_file)
{
	test_write("pid", 0644, "1\n", false);
	struct daemon *daemon = daemon_start(PID A);

	daemon_stop(daemon);
}
END_TEST

static void pid_link(void)
{
	test_write("victim", 0644, "precious", false);
	(void)!symlink(test_path("victim"), test_path("pid"));
}

static void pid_fifo(void)
{
	mkfifo(test_path("pid"), 0644);
}

static void pid_directory(void)
{
	mkdir(test_path("pid"), 0755);
}

static void (*const pid_traps[])(void) = { pid_link, pid_fifo, pid_directory };

START_TEST(pid_trap)
{
	pid_traps[_i]();
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){ .config = PID A, .no_wait = true });

	ck_assert_int_eq(daemon_wait_exit(daemon), 1);
	ck_assert_match(daemon_read_log(daemon), "/pid");
	struct stat status;

	ck_assert_int_eq(lstat(test_path("pid"), &status), 0);
	ck_assert(!S_ISREG(status.st_mode));
	if (_i == 0)
		ck_assert_str_eq(test_read(test_path("victim")), "precious");
}
END_TEST

/* -d: the parent ends with 0 when the daemon is ready, or not with 0. */
START_TEST(background)
{
	const char *words[] = { "-d", "-c", "$DIR/services.ini", NULL };
	const char *log = "[usherd]\npid_file = $DIR/pid\nlog = file:$DIR/log\n" A;
	char *output;

	daemon_configure(log);
	ck_assert_msg(run_usherd(words, &output) == 0, "%s", output);
	ask_many(1, NULL, "a", 3, 0); /* at once: it was ready */
	pid_t pid = atoi(test_read(test_path("pid")));

	ck_assert_int_gt(pid, 1);
	ck_assert_int_eq(getsid(pid) != getsid(0), 1);
	ck_assert_match(test_read(test_path("log")), " ready ");
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	/* This process is a subreaper: the orphan is ours to wait for. */
	int status = -1;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_lt(access(test_path("pid"), F_OK), 0);
}
END_TEST

START_TEST(background_fails)
{
	const char *words[] = { "-d", "-c", "$DIR/services.ini", NULL };
	int fd = occupy(SOCK_STREAM);
	char *output;

	daemon_configure(PID "[busy]\nlisten = 127.0.0.1:$5\nexec = $PROBE\n");
	ck_assert_int_eq(run_usherd(words, &output), 1);
	ck_assert_match(output, "in use");
	close(fd);
}
END_TEST

/* ---- who may write the configuration (as root) ---- */

START_TEST(writable_configuration)
{
	SKIP_IF(getuid() != 0, "needs to be started as root");
	const char *words[] = { "-c", "$DIR/sub/services.ini", NULL };
	char *output;

	mkdir(test_path("sub"), 0755);
	test_write("sub/services.ini", 0644, A, true);
	if (_i == 0)
		chmod(test_path("sub/services.ini"), 0666);
	else if (_i == 1)
		chmod(test_path("sub"), 0777);
	else
		ck_assert_int_eq(chown(test_path("sub/services.ini"), 65534, 65534), 0);
	ck_assert_int_eq(run_usherd(words, &output), 78);
	ck_assert_match(output, "sub");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("life");
	TCase *signals = harness_case(suite, "signals", 60);

	tcase_add_loop_test(signals, signal_is_harmless, 1, 65);

	TCase *end = harness_case(suite, "end", 60);

	tcase_add_loop_test(end, drain_lets_sessions_end, 0, 2);
	tcase_add_test(end, drain_timeout_ends_sessions);
	tcase_add_test(end, stubborn_session_is_killed);
	tcase_add_loop_test(end, second_signal_is_at_once, 0, 2);
	tcase_add_test(end, drain_crowd);
	tcase_add_test(end, drain_crowd_to_the_deadline);
	tcase_add_test(end, crowd_ends_at_once);
	tcase_add_test(end, drain_with_a_health_check);

	TCase *start = harness_case(suite, "start", 60);

	tcase_add_test(start, killed_and_restarted);
	tcase_add_test(start, time_wait_does_not_matter);
	tcase_add_loop_test(start, port_in_use, 0, (int)(sizeof(taken) / sizeof(taken[0])));
	tcase_add_test(start, port_without_privilege);
	tcase_add_test(start, absent_address);
	tcase_add_test(start, freebind);

	TCase *files = harness_case(suite, "files", 60);

	tcase_add_test(files, pid_file);
	tcase_add_test(files, second_instance);
	tcase_add_test(files, stale_pid_file);
	tcase_add_loop_test(files, pid_trap, 0, 3);
	tcase_add_test(files, background);
	tcase_add_test(files, background_fails);
	tcase_add_loop_test(files, writable_configuration, 0, 3);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
