/* e2e_limits.c - what happens when something runs out: places, descriptors,
 * the patience of a wait program; and crowds that come or leave at once. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELLO "[hello]\nlisten = 127.0.0.1:$9\nexec = $PROBE say hello\n"

static void expect_text(int fd, const char *text)
{
	char *got = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(got != NULL && strcmp(got, text) == 0, "got \"%s\", want \"%s\"", got, text);
	free(got);
}

static bool is_silent(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, 0) == 0;
}

/* Ends a `probe hold` session and waits for its last words. */
static void finish(int fd)
{
	shutdown(fd, SHUT_WR);
	char *rest = read_all(fd, NULL);

	ck_assert_msg(strstr(rest, "bye\n") != NULL, "the session ended without its last words: \"%s\"",
		      rest);
	free(rest);
	close(fd);
}

static const struct {
	const char *config;
	int limit;
} queue_table[] = {
	{ "[hold]\nlisten = 127.0.0.1:$1\ninstances = 3\nexec = $PROBE hold\n" HELLO, 3 },
	{ "[hold]\nlisten = 127.0.0.1:$1\ninstances = 1\nexec = $PROBE hold\n" HELLO, 1 },
};

/* At the limit clients wait in the backlog, and are served in turn. */
START_TEST(instances_queue)
{
	struct daemon *daemon = daemon_start(queue_table[_i].config);
	int limit = queue_table[_i].limit, clients[12];

	for (int i = 0; i < 12; i++)
		clients[i] = tcp_connect(1);
	for (int i = 0; i < limit; i++)
		expect_text(clients[i], "ready\n");
	daemon_wait_log(daemon, " start service=hold .*active=%d/%d", limit, limit);
	/* Another service answers meanwhile, and costs the loop several rounds: */
	ask_many(9, NULL, "hello", 20, 0);
	ck_assert_int_eq((int)daemon_count_log(daemon, " start service=hold "), limit);
	for (int i = limit; i < 12; i++)
		ck_assert(is_silent(clients[i]));
	for (int i = 0; i < 12; i++) {
		finish(clients[i]);
		if (i + limit < 12)
			expect_text(clients[i + limit], "ready\n");
	}
	ck_assert_uint_lt(daemon_cpu_ms(daemon), 3000);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* max_sessions counts all services together; it too queues. */
START_TEST(max_sessions_queue)
{
	struct daemon *daemon = daemon_start("[usherd]\nmax_sessions = 2\n"
					     "[a]\nlisten = 127.0.0.1:$1\nexec = $PROBE hold\n"
					     "[b]\nlisten = 127.0.0.1:$2\nexec = $PROBE hold\n"
					     "[f]\nlisten = 127.0.0.1:$3/udp\nexec = $PROBE say got\n");
	int first = tcp_connect(1), second = tcp_connect(2);

	expect_text(first, "ready\n");
	expect_text(second, "ready\n");
	int third = tcp_connect(1), datagram = udp_connect("127.0.0.1", test_port(3));

	send_text(datagram, "x");
	uint64_t before = daemon_cpu_ms(daemon);
	char *early = read_piece(datagram, 300, NULL); /* a bound, not a wait: nothing may come */

	ck_assert_ptr_null(early);
	ck_assert(is_silent(third));
	ck_assert_uint_lt(daemon_cpu_ms(daemon) - before, 100);
	finish(first);
	finish(second);
	expect_text(third, "ready\n");
	expect_text(datagram, "got");
	finish(third);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A client that gives up while it waits in the queue takes no place. */
START_TEST(queued_client_leaves)
{
	struct daemon *daemon = daemon_start("[hold]\nlisten = 127.0.0.1:$1\ninstances = 1\n"
					     "exec = $PROBE hold\n");
	int first = tcp_connect(1);

	expect_text(first, "ready\n");
	for (int i = 0; i < 20; i++)
		reset_close(tcp_connect(1));
	int last = tcp_connect(1);

	finish(first);
	expect_text(last, "ready\n");
	finish(last);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Programs that never take what waits for them (F16). */
static const struct {
	const char *config;
	bool datagram;
} crash_table[] = {
	{ "[w]\nlisten = 127.0.0.1:$1\nwait = yes\nexec = $PROBE exit 0\n" HELLO, false },
	{ "[w]\nlisten = 127.0.0.1:$1\nwait = yes\nexec = $PROBE kill 11\n" HELLO, false },
	{ "[w]\nlisten = 127.0.0.1:$1/udp\nwait = yes\nexec = $PROBE exit 0\n" HELLO, true },
	{ "[w]\nlisten = 127.0.0.1:$1/udp\nwait = yes\nexec = $PROBE exit 1\n" HELLO, true },
};

START_TEST(wait_program_dies)
{
	struct daemon *daemon = daemon_start(crash_table[_i].config);
	int client = crash_table[_i].datagram ? udp_connect("127.0.0.1", test_port(1)) : tcp_connect(1);
	uint64_t start = now_ms();

	/* Datagrams enough that giving up some of them leaves others. */
	for (int i = 0; i < (crash_table[_i].datagram ? 20 : 1); i++)
		send_text(client, "x");
	/* Until the sixth start: with pauses that double it takes more than a second. */
	for (int i = 0; i < 6; i++)
		daemon_wait_log(daemon, " start service=w ");
	ck_assert_msg(now_ms() - start > 500, "six starts in %llu ms; log:\n%s",
		      (unsigned long long)(now_ms() - start), daemon_log_tail(daemon));
	while (now_ms() - start < 3000)
		ask_many(9, NULL, "hello", 10, 1000);
	uint64_t took = now_ms() - start;
	unsigned starts = daemon_count_log(daemon, " start service=w ");

	ck_assert_msg(starts <= 9 + took / 1000, "%u starts in %llu ms", starts, (unsigned long long)took);
	ck_assert_uint_ge(daemon_count_log(daemon, " pause service=w "), 1);
	/* The socket stayed open all the time, and serves at once when repaired. */
	if (!crash_table[_i].datagram) {
		daemon_configure("[w]\nlisten = 127.0.0.1:$1\nwait = yes\nexec = $PROBE accept\n" HELLO);
		daemon_reload(daemon, true);
		char *view = read_all(client, NULL);

		ck_assert_match(view, "^env LISTEN_FDS=1$");
	}
	daemon_stop(daemon);
}
END_TEST

/* A wait program that takes one client and ends, and clients that all look the
 * same and never stop coming: nothing of that is a reason to slow it down. */
START_TEST(wait_program_takes_one)
{
	struct daemon *daemon =
		daemon_start("[w]\nlisten = 127.0.0.1:$1\nwait = yes\nexec = $PROBE accept\n");
	pid_t clients[4];
	uint64_t start = now_ms();

	for (int i = 0; i < 4; i++) {
		clients[i] = fork();
		if (clients[i] != 0)
			continue;
		for (int n = 0; n < 50; n++)
			if (!has_match(ask(1, NULL), "^env LISTEN_FDS=1$"))
				_exit(2);
		_exit(0);
	}
	for (int i = 0; i < 4; i++) {
		int status = -1;

		ck_assert_int_eq(waitpid(clients[i], &status, 0), clients[i]);
		ck_assert_msg(status == 0, "client %d: %#x; log:\n%s", i, (unsigned)status,
			      daemon_log_tail(daemon));
	}
	ck_assert_msg(now_ms() - start < 10000 + late_ms(daemon), "200 clients took %llu ms; %u pauses",
		      (unsigned long long)(now_ms() - start), daemon_count_log(daemon, " pause "));
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(wait_program_takes_one_datagram)
{
	struct daemon *daemon =
		daemon_start("[w]\nlisten = 127.0.0.1:$1/udp\nwait = yes\nexec = $PROBE receive\n");
	int client = udp_connect("127.0.0.1", test_port(1));
	uint64_t start = now_ms();

	for (int i = 0; i < 12; i++)
		send_text(client, "same");
	for (int i = 0; i < 12; i++) {
		char *view = read_piece(client, PATIENCE_MS, NULL);

		ck_assert_msg(view != NULL, "no reply to datagram %d; log:\n%s", i, daemon_log_tail(daemon));
		free(view);
	}
	ck_assert_msg(now_ms() - start < 5000 + late_ms(daemon), "12 datagrams took %llu ms",
		      (unsigned long long)(now_ms() - start));
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A waiting wait program costs nothing, and ends with its clients served. */
START_TEST(wait_program_is_left_alone)
{
	struct daemon *daemon =
		daemon_start("[w]\nlisten = 127.0.0.1:$1\nwait = yes\nexec = /bin/sleep 1000\n" HELLO);
	int client = tcp_connect(1);

	daemon_wait_log(daemon, " start service=w ");
	uint64_t before = daemon_cpu_ms(daemon);
	char *none = read_piece(client, 500, NULL);

	ck_assert_ptr_null(none);
	ck_assert_uint_lt(daemon_cpu_ms(daemon) - before, 50);
	ck_assert_uint_le(daemon_count_log(daemon, " start service=w "), 8);
	close(client);
	daemon_signal(daemon, SIGTERM);
	daemon_wait_log(daemon, " drain ");
	daemon_signal(daemon, SIGTERM);
	daemon_wait_exit(daemon);
}
END_TEST

static void set_soft_limit(pid_t pid, rlim_t soft)
{
	struct rlimit limit;

	ck_assert_int_eq(prlimit(pid, RLIMIT_NOFILE, NULL, &limit), 0);
	limit.rlim_cur = soft;
	ck_assert_int_eq(prlimit(pid, RLIMIT_NOFILE, &limit, NULL), 0);
}

static rlim_t lowest_free(const struct daemon *daemon)
{
	char path[64];

	for (rlim_t fd = 0;; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%u", daemon->pid, (unsigned)fd);
		struct stat status;

		if (lstat(path, &status) < 0)
			return fd;
	}
}

/* No descriptor left: a word in the log, a pause, no spin; then all is well (F01). */
START_TEST(no_descriptors)
{
	struct daemon *daemon = daemon_start("[hold]\nlisten = 127.0.0.1:$1\nexec = $PROBE hold\n" HELLO);
	struct rlimit limit;

	prlimit(daemon->pid, RLIMIT_NOFILE, NULL, &limit);
	int held = tcp_connect(1);

	expect_text(held, "ready\n");
	set_soft_limit(daemon->pid, lowest_free(daemon));
	uint64_t cpu = daemon_cpu_ms(daemon), start = now_ms();
	int waiting[8];

	for (int i = 0; i < 8; i++)
		waiting[i] = tcp_connect(9);
	/* Some may still be served from the reserve; then it is over. */
	char *none = read_piece(waiting[7], 2000, NULL);
	uint64_t used = daemon_cpu_ms(daemon) - cpu, took = now_ms() - start;

	if (none == NULL)
		ck_assert_msg(used * 20 <= took + 200, "%llu ms of processor in %llu ms",
			      (unsigned long long)used, (unsigned long long)took);
	ck_assert_uint_le(daemon_count_log(daemon, "Too many open files"), 3);
	set_soft_limit(daemon->pid, limit.rlim_cur);
	start = now_ms();
	for (int i = 0; i < (none == NULL ? 8 : 7); i++) {
		char *reply = read_all(waiting[i], NULL);

		ck_assert_msg(strcmp(reply, "hello") == 0 || reply[0] == '\0', "client %d: \"%s\"", i, reply);
		close(waiting[i]);
	}
	ck_assert_msg(now_ms() - start < 3000 + late_ms(daemon), "served %llu ms after the descriptors came back",
		      (unsigned long long)(now_ms() - start));
	finish(held);
	ask_many(9, NULL, "hello", 50, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* 1,000 sessions that end in the same moment (F11). */
START_TEST(thousand_end_together)
{
	struct daemon *daemon = daemon_start("[usherd]\nmax_sessions = 2000\n"
					     "[hold]\nlisten = 127.0.0.1:$1\ninstances = 2000\n"
					     "exec = /bin/cat\n");
	enum { CROWD = 1000 };
	static int clients[CROWD];
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	SKIP_IF(limit.rlim_cur < CROWD + 100, "too few descriptors allowed here");
	for (int i = 0; i < CROWD; i++)
		clients[i] = tcp_connect(1);
	WAIT_UNTIL(daemon_children(daemon) == CROWD);
	for (int i = 0; i < CROWD; i++)
		shutdown(clients[i], SHUT_WR);
	for (int i = 0; i < CROWD; i++) {
		free(read_all(clients[i], NULL));
		close(clients[i]);
	}
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Clients that connect and reset while the daemon cannot look (F28). */
START_TEST(reset_before_accept)
{
	struct daemon *daemon = daemon_start(HELLO);

	daemon_signal(daemon, SIGSTOP);
	for (int i = 0; i < 200; i++)
		reset_close(tcp_connect(9));
	daemon_signal(daemon, SIGCONT);
	ask_many(9, NULL, "hello", 20, 0);
	ck_assert_uint_eq(daemon_count_log(daemon, "error|warning"), 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A daemon that stands still loses nobody (F22). */
START_TEST(stopped_daemon)
{
	struct daemon *daemon = daemon_start(HELLO);
	int clients[300];

	daemon_signal(daemon, SIGSTOP);
	for (int i = 0; i < 300; i++)
		clients[i] = tcp_connect(9);
	daemon_signal(daemon, SIGCONT);
	for (int i = 0; i < 300; i++) {
		char *reply = read_all(clients[i], NULL);

		ck_assert_str_eq(reply, "hello");
		free(reply);
		close(clients[i]);
	}
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* One after the other: no sleep anywhere (F21). */
START_TEST(sequential_clients)
{
	struct daemon *daemon = daemon_start(HELLO);
	uint64_t start = now_ms();

	ask_many(9, NULL, "hello", 300, 0);
	ck_assert_uint_lt(now_ms() - start, 10000 + late_ms(daemon));
	daemon_oracle(daemon);
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=hello .*reason=exit status=0"), 300);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("limits");
	TCase *places = harness_case(suite, "places", 60);

	tcase_add_loop_test(places, instances_queue, 0, 2);
	tcase_add_test(places, max_sessions_queue);
	tcase_add_test(places, queued_client_leaves);

	TCase *wait = harness_case(suite, "wait", 60);

	tcase_add_loop_test(wait, wait_program_dies, 0, (int)(sizeof(crash_table) / sizeof(crash_table[0])));
	tcase_add_test(wait, wait_program_takes_one);
	tcase_add_test(wait, wait_program_takes_one_datagram);
	tcase_add_test(wait, wait_program_is_left_alone);

	TCase *crowd = harness_case(suite, "crowd", 120);

	tcase_add_test(crowd, no_descriptors);
	tcase_add_test(crowd, thousand_end_together);
	tcase_add_test(crowd, reset_before_accept);
	tcase_add_test(crowd, stopped_daemon);
	tcase_add_test(crowd, sequential_clients);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
