/* check_notify.c - F24: what a service manager hears from a real daemon: READY,
 * RELOADING, STOPPING, and WATCHDOG pings twice in each WATCHDOG_USEC for as
 * long as the daemon's loop turns, and no longer. */
#include "harness.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HELLO "[hello]\nlisten = 127.0.0.1:$1\nexec = $PROBE say hello\n"
#define INTERVAL_MS 400 /* WATCHDOG_USEC; pings come in half of it */

static char path[] = "PATH=/usr/bin:/bin", notify[300], usec[64], pid_of[64];
static char *environment[] = {path, notify, NULL, NULL, NULL};

/* The manager's socket; `abstract`: a name without a file. */
static int open_manager(bool abstract)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(address.sun_family);

	const char *name = abstract ? test_expand("@usherd-notify-$0") : test_path("notify");

	snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=%s", name);
	ck_assert_uint_lt(strlen(name), sizeof(address.sun_path));
	strcpy(address.sun_path, name);
	size += (socklen_t)strlen(address.sun_path) + !abstract;
	if (abstract)
		address.sun_path[0] = '\0';
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	return fd;
}

static struct daemon *start(void)
{
	return daemon_launch(&(struct daemon_spec){.config = HELLO, .environment = environment});
}

/* The next message that is no STATUS=, or NULL: malloc'ed. */
static char *read_message(int fd, int timeout_ms)
{
	char *message;

	while ((message = read_piece(fd, timeout_ms, NULL)) != NULL && strncmp(message, "STATUS=", 7) == 0)
		free(message);
	return message;
}

/* The next message that is not a ping; fails when none comes. */
static const char *next_message(int fd)
{
	static char *message;

	do {
		free(message);
		message = read_message(fd, PATIENCE_MS);
		ck_assert_ptr_nonnull(message);
	} while (strcmp(message, "WATCHDOG=1") == 0);
	return message;
}

/* The next line for people. */
static const char *next_status(int fd)
{
	static char *message;

	do {
		free(message);
		message = read_piece(fd, PATIENCE_MS, NULL);
		ck_assert_ptr_nonnull(message);
	} while (strncmp(message, "STATUS=", 7) != 0);
	return message;
}

static unsigned long long monotonic_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000;
}

static void expect_ready(int fd, const struct daemon *daemon)
{
	char expected[64];
	const char *message = next_message(fd);

	snprintf(expected, sizeof(expected), "MAINPID=%d", daemon->pid);
	ck_assert_line(message, "READY=1");
	ck_assert_line(message, expected);
}

static void expect_reloading(int fd, unsigned long long before)
{
	const char *message = next_message(fd), *at = strstr(message, "\nMONOTONIC_USEC=");

	ck_assert_line(message, "RELOADING=1");
	ck_assert_msg(at != NULL, "no time in: %s", message);
	unsigned long long told = strtoull(at + strlen("\nMONOTONIC_USEC="), NULL, 10);

	ck_assert_msg(told >= before && told <= monotonic_usec(), "%llu is not between %llu and now", told, before);
}

/* Ready, reloads good and bad, the end; by a path and by an abstract name. */
START_TEST(life)
{
	int fd = open_manager(_i == 1);

	environment[2] = NULL;
	struct daemon *daemon = start();

	expect_ready(fd, daemon);
	ask_many(1, NULL, "hello", 1, 0);

	unsigned long long before = monotonic_usec();

	daemon_reload(daemon, true);
	expect_reloading(fd, before);
	expect_ready(fd, daemon);

	/* A reload that fails is over, too: the manager waits for READY. */
	daemon_configure("[hello]\nlisten = nonsense\n");
	before = monotonic_usec();
	daemon_reload(daemon, false);
	expect_reloading(fd, before);
	expect_ready(fd, daemon);

	daemon_stop(daemon);
	ck_assert_line(next_message(fd), "STOPPING=1");
	/* And nobody asked for pings. */
	ck_assert_ptr_null(read_piece(fd, 0, NULL));
	close(fd);
}
END_TEST

/* STOPPING is said when the drain begins, not when it is over. */
START_TEST(stopping_before_drain)
{
	int fd = open_manager(false);

	environment[2] = NULL;
	struct daemon *daemon = daemon_launch(
		&(struct daemon_spec){.config = "[hold]\nlisten = 127.0.0.1:$1\nexec = $PROBE hold\n",
				      .environment = environment});

	expect_ready(fd, daemon);
	int client = tcp_connect(1);

	free(read_piece(client, PATIENCE_MS, NULL));
	daemon_signal(daemon, SIGTERM);
	ck_assert_line(next_message(fd), "STOPPING=1");
	ck_assert_int_eq(daemon_children(daemon), 1);
	close(client);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	close(fd);
}
END_TEST

/* The line for people follows what happens, but not more than once a second. */
START_TEST(status)
{
	int fd = open_manager(false), clients[3];
	struct daemon *daemon;
	uint64_t begin = now_ms(), count = 1;

	environment[2] = NULL;
	daemon = daemon_launch(
		&(struct daemon_spec){.config = HELLO "[hold]\nlisten = 127.0.0.1:$2\nexec = $PROBE hold\n",
				      .environment = environment});
	ck_assert_str_eq(next_status(fd), "STATUS=serving 2 services, 0 sessions");

	for (int i = 0; i < 3; i++) {
		clients[i] = tcp_connect(2);
		free(read_piece(clients[i], PATIENCE_MS, NULL));
	}
	/* What was so in between is not told, where all came within a second. */
	const char *told;

	do {
		told = next_status(fd);
		count++;
	} while (strcmp(told, "STATUS=serving 2 services, 3 sessions") != 0);
	close(clients[0]);
	close(clients[1]);
	daemon_signal(daemon, SIGTERM);
	while (strcmp(next_status(fd), "STATUS=draining: 1 session left") != 0)
		count++;
	ck_assert_uint_le(count, 1 + (now_ms() - begin) / 1000);
	close(clients[2]);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	close(fd);
}
END_TEST

static void ask_for_pings(const char *pid)
{
	snprintf(usec, sizeof(usec), "WATCHDOG_USEC=%d", INTERVAL_MS * 1000);
	environment[2] = usec;
	environment[3] = NULL;
	if (pid != NULL) {
		snprintf(pid_of, sizeof(pid_of), "WATCHDOG_PID=%s", pid);
		environment[3] = pid_of;
	}
}

static void wait_ping(int fd, int timeout_ms)
{
	char *message = read_message(fd, timeout_ms);

	ck_assert_msg(message != NULL && strcmp(message, "WATCHDOG=1") == 0, "not a ping: %s",
		      message != NULL ? message : "nothing");
	free(message);
}

static unsigned drain(int fd)
{
	unsigned count = 0;

	for (char *message; (message = read_message(fd, 0)) != NULL; count++)
		free(message);
	return count;
}

/* Pings come from an idle daemon at half the interval, stop while the daemon is
 * stopped, and go on after it. */
START_TEST(watchdog)
{
	int fd = open_manager(false);

	ask_for_pings(NULL);
	struct daemon *daemon = start();

	expect_ready(fd, daemon);
	wait_ping(fd, PATIENCE_MS);

	uint64_t first = now_ms();

	for (int i = 0; i < 5; i++)
		wait_ping(fd, PATIENCE_MS);
	uint64_t took = now_ms() - first;

	/* A machine under load may be late with one, but not with all, and never early. */
	ck_assert_msg(took >= 5 * INTERVAL_MS / 2 - 100 && took < 5 * INTERVAL_MS + late_ms(daemon), "5 pings in %llu ms",
		      (unsigned long long)took);

	daemon_signal(daemon, SIGSTOP);
	siginfo_t info = {0};

	ck_assert_int_eq(waitid(P_PID, (id_t)daemon->pid, &info, WSTOPPED), 0);
	drain(fd);
	ck_assert_ptr_null(read_message(fd, INTERVAL_MS * 3));
	daemon_signal(daemon, SIGCONT);
	wait_ping(fd, PATIENCE_MS);
	ask_many(1, NULL, "hello", 1, 0);
	daemon_stop(daemon);
	close(fd);
}
END_TEST

/* A daemon that is busy or drains still turns its loop: it pings. */
START_TEST(watchdog_at_work)
{
	int fd = open_manager(false);

	ask_for_pings(NULL);
	struct daemon *daemon = daemon_launch(
		&(struct daemon_spec){.config = HELLO "[hold]\nlisten = 127.0.0.1:$2\nexec = $PROBE hold\n",
				      .environment = environment});
	int client = tcp_connect(2);

	free(read_piece(client, PATIENCE_MS, NULL));
	drain(fd);
	for (uint64_t end = now_ms() + INTERVAL_MS * 5; now_ms() < end;)
		ask_many(1, NULL, "hello", 1, 0);
	unsigned pings = drain(fd);

	ck_assert_msg(pings >= 5, "%u pings in 5 intervals", pings);
	daemon_signal(daemon, SIGTERM);
	ck_assert_line(next_message(fd), "STOPPING=1");
	wait_ping(fd, PATIENCE_MS);
	wait_ping(fd, PATIENCE_MS);
	close(client);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	close(fd);
}
END_TEST

/* Pings that were asked of somebody else, or nonsense, are none. */
static const struct {
	const char *usec, *pid;
} unasked[] = {{"400000", "1"}, {"0", NULL}, {"-1", NULL}, {"400000x", NULL}, {"", NULL},
	       {"99999999999999999999999", NULL}};

START_TEST(watchdog_unasked)
{
	int fd = open_manager(false);

	ask_for_pings(unasked[_i].pid);
	snprintf(usec, sizeof(usec), "WATCHDOG_USEC=%s", unasked[_i].usec);
	struct daemon *daemon = start();

	expect_ready(fd, daemon);
	ck_assert_ptr_null(read_message(fd, INTERVAL_MS));
	daemon_stop(daemon);
	close(fd);
}
END_TEST

/* An address of another kind is told of, and costs nothing else. */
START_TEST(other_address)
{
	snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=vsock:2:1234");
	environment[2] = NULL;
	struct daemon *daemon = start();

	ck_assert_uint_eq(daemon_count_log(daemon, " notify .*vsock is not supported"), 1);
	ask_many(1, NULL, "hello", 1, 0);
	daemon_stop(daemon);
}
END_TEST

/* A manager that is gone, deaf, or a bad address costs nothing. */
START_TEST(deaf_manager)
{
	static const char *const addresses[] = {"/nonexistent/socket", "relative", "", "@", "/"};

	environment[2] = NULL;
	snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=%s", addresses[_i]);
	if (_i == 0) { /* never read: its queue is full after a few */
		open_manager(false);
		ask_for_pings(NULL);
		snprintf(usec, sizeof(usec), "WATCHDOG_USEC=20000");
	}
	struct daemon *daemon = start();

	for (int i = 0; i < 20; i++) {
		daemon_reload(daemon, true);
		ask_many(1, NULL, "hello", 5, 0);
	}
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("notify");
	TCase *all = harness_case(suite, "notify", 60);

	tcase_add_loop_test(all, life, 0, 2);
	tcase_add_test(all, stopping_before_drain);
	tcase_add_test(all, status);
	tcase_add_test(all, watchdog);
	tcase_add_test(all, watchdog_at_work);
	tcase_add_loop_test(all, watchdog_unasked, 0, (int)(sizeof(unasked) / sizeof(unasked[0])));
	tcase_add_test(all, other_address);
	tcase_add_loop_test(all, deaf_manager, 0, 5);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
