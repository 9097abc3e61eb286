/* e2e_data.c - what goes through: nothing stands between client and service, so
 * 50 MB in both directions with half-close arrive whole, whatever the endpoint. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define TOTAL (50u * 1024 * 1024)

/* A sequence that shows any byte lost, doubled or moved. */
static unsigned char byte_at(size_t place)
{
	return (unsigned char)((place * 2654435761u) >> 13 ^ place);
}

/* Sends TOTAL bytes and reads them back at the same time, then ends the output
 * and expects the end of input. */
static void echo_all(int fd)
{
	static unsigned char out[65536], in[65536];
	size_t sent = 0, got = 0;
	uint64_t end = now_ms() + 60000;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (;;) {
		struct pollfd wait = { .fd = fd, .events = (short)(POLLIN | (sent < TOTAL ? POLLOUT : 0)) };

		ck_assert_msg(now_ms() < end && poll(&wait, 1, 10000) == 1, "stuck: %zu sent, %zu back", sent,
			      got);
		if (sent < TOTAL && (wait.revents & POLLOUT) != 0) {
			size_t size = sizeof(out) < TOTAL - sent ? sizeof(out) : TOTAL - sent;

			for (size_t i = 0; i < size; i++)
				out[i] = byte_at(sent + i);
			ssize_t done = send(fd, out, size, MSG_NOSIGNAL);

			ck_assert_msg(done > 0 || errno == EAGAIN, "send: %s", strerror(errno));
			if (done > 0)
				sent += (size_t)done;
			if (sent == TOTAL)
				shutdown(fd, SHUT_WR);
		}
		if ((wait.revents & (POLLIN | POLLHUP)) == 0)
			continue;
		ssize_t done = read(fd, in, sizeof(in));

		if (done == 0)
			break;
		ck_assert_msg(done > 0 || errno == EAGAIN, "read after %zu: %s", got, strerror(errno));
		for (ssize_t i = 0; i < done; i++)
			if (in[i] != byte_at(got + (size_t)i))
				ck_abort_msg("byte %zu is wrong", got + (size_t)i);
		got += done > 0 ? (size_t)done : 0;
	}
	ck_assert_uint_eq(got, TOTAL);
	close(fd);
}

START_TEST(fifty_megabytes)
{
	struct daemon *daemon = daemon_start("[cat]\nlisten = 127.0.0.1:$1, unix:$DIR/socket\n"
					     "socket_mode = 0666\nexec = /bin/cat\n");

	echo_all(_i == 0 ? tcp_connect(1) : unix_connect(test_path("socket"), SOCK_STREAM));
	/* The daemon had nothing to do with it. */
	ck_assert_uint_lt(daemon_cpu_ms(daemon), 1000);
	daemon_wait_log(daemon, " end service=cat .*reason=exit status=0");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* When the service ends, the client sees the end at once: nobody keeps a
 * duplicate of the socket open. */
START_TEST(end_is_seen_at_once)
{
	struct daemon *daemon = daemon_start("[say]\nlisten = 127.0.0.1:$1\nexec = $PROBE say bye\n");

	for (int i = 0; i < 20; i++) {
		int fd = tcp_connect(1); /* our output stays open */
		char *reply = read_all(fd, NULL);

		ck_assert_str_eq(reply, "bye");
		close(fd);
	}
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* The client goes away: the service notices by itself, and its place is free. */
START_TEST(client_leaves)
{
	struct daemon *daemon =
		daemon_start("[cat]\nlisten = 127.0.0.1:$1\ninstances = 2\nexec = /bin/cat\n");

	for (int i = 0; i < 20; i++) {
		int fd = tcp_connect(1);

		send_text(fd, "hello");
		free(read_piece(fd, PATIENCE_MS, NULL));
		if (i % 2 == 0)
			reset_close(fd);
		else
			close(fd);
	}
	daemon_oracle(daemon);
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=cat "), 20);
	daemon_stop(daemon);
}
END_TEST

/* Many short sessions: nothing is left of any of them. */
START_TEST(two_thousand_sessions)
{
	struct daemon *daemon = daemon_start("[say]\nlisten = 127.0.0.1:$1\nexec = $PROBE say hello\n");

	ask_many(1, NULL, "hello", 500, 0);
	daemon_oracle(daemon);
	long memory = daemon_status(daemon, "VmRSS:");

	ask_many(1, NULL, "hello", 1500, 0);
	daemon_oracle(daemon);
	if (!HARNESS_SANITIZED)
		ck_assert_int_le(daemon_status(daemon, "VmRSS:"), memory + 128);
	daemon_stop(daemon);
}
END_TEST

/* A range of ports and several families in one service. */
START_TEST(many_endpoints)
{
	struct daemon *daemon = daemon_start("[say]\nlisten = 127.0.0.1:$10-$29, [::1]:$30, localhost:$31, "
					     "unix:@usherd-test-$1\nexec = $PROBE say hello\n");

	for (unsigned number = 10; number <= 29; number++)
		ask_many(number, NULL, "hello", 1, 0);
	ask_many(31, NULL, "hello", 1, 0);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(30)), -ECONNREFUSED);
	for (unsigned number = 30; number <= 31; number++) {
		int fd = tcp_try("::1", test_port(number));

		ck_assert_msg(fd >= 0, "[::1]:$%u: %s", number, strerror(-fd));
		ck_assert_str_eq(read_all(fd, NULL), "hello");
		close(fd);
	}
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* MPTCP where the kernel has it: plain TCP clients are served as ever. */
START_TEST(mptcp)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 262 /* IPPROTO_MPTCP */);

	SKIP_IF(fd < 0, "no MPTCP in this kernel");
	close(fd);
	struct daemon *daemon = daemon_start("[say]\nlisten = 127.0.0.1:$1/mptcp\nexec = $PROBE say hello\n");

	ask_many(1, NULL, "hello", 5, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* 10,000 listeners in one process: ready soon, reloaded soon, each one served. */
START_TEST(ten_thousand_listeners)
{
	enum { PORTS = 10000, FIRST = 100 };
	struct rlimit limit;
	char *config = NULL;
	size_t size;
	FILE *out = open_memstream(&config, &size);

	getrlimit(RLIMIT_NOFILE, &limit);
	SKIP_IF(limit.rlim_max < PORTS + 100, "too few descriptors allowed here");
	SKIP_IF(!test_is_alone(), "no network of our own here");
	fputs("[ports]\n", out);
	for (unsigned i = 0; i < PORTS; i++)
		fprintf(out, "127.0.0.1:%u = /bin/cat\n", test_port(FIRST + i));
	fclose(out);

	uint64_t start = now_ms();
	struct daemon *daemon = daemon_start(config);

	/* Room for a busy machine: the figures that are aimed at are measured by the bench. */
	ck_assert_uint_lt(now_ms() - start, 10000 + late_ms(daemon));
	if (!HARNESS_SANITIZED)
		ck_assert_int_lt(daemon_status(daemon, "VmRSS:"), 40 * 1024);
	start = now_ms();
	daemon_signal(daemon, SIGHUP);
	const char *line = daemon_wait_log(daemon, " reload generation=");

	ck_assert_int_eq(line_number(line, "kept"), PORTS);
	ck_assert_uint_lt(now_ms() - start, 10000 + late_ms(daemon));
	for (unsigned i = 0; i < PORTS; i += 999)
		ask_many(FIRST + i, "there and back", "there and back", 1, 0);
	uint64_t before = daemon_cpu_ms(daemon);

	ask_many(FIRST, "x", "x", 100, 0);
	ck_assert_uint_lt(daemon_cpu_ms(daemon) - before, HARNESS_SANITIZED ? 5000 : 500);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Options of the listening socket, seen from outside. */
START_TEST(socket_keys)
{
	struct daemon *daemon =
		daemon_start("[say]\nlisten = 127.0.0.1:$1\nbacklog = 4\nrcvbuf = 16k\n"
			     "defer_accept = 1min\nexec = $PROBE input\n"
			     "[plain]\nlisten = 127.0.0.1:$2\ninterface = lo\nexec = $PROBE say hello\n");
	int silent = tcp_connect(1), speaking = tcp_connect(1);

	/* defer_accept: who says nothing starts no process. */
	send_text(speaking, "hello");
	shutdown(speaking, SHUT_WR);
	char *reply = read_all(speaking, NULL);

	ck_assert_match(reply, "bytes=5 .*text=hello");
	ask_many(2, NULL, "hello", 5, 0);
	ck_assert_uint_eq(daemon_count_log(daemon, " start service=say "), 1);
	close(silent);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("data");
	TCase *data = harness_case(suite, "data", 120);

	tcase_add_loop_test(data, fifty_megabytes, 0, 2);
	tcase_add_test(data, end_is_seen_at_once);
	tcase_add_test(data, client_leaves);
	tcase_add_test(data, two_thousand_sessions);
	tcase_add_test(data, many_endpoints);
	tcase_add_test(data, mptcp);
	tcase_add_test(data, ten_thousand_listeners);
	tcase_add_test(data, socket_keys);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
