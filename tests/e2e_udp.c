/* e2e_udp.c - datagram filters: one datagram in, each write one datagram out,
 * and no loops between services (F32). */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int bound_udp(unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	ck_assert_msg(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0, "bind: %s",
		      strerror(errno));
	return fd;
}

static void expect_piece(int fd, const char *expected)
{
	char *got = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(got != NULL && strcmp(got, expected) == 0, "got \"%s\", want \"%s\"", got, expected);
	free(got);
}

START_TEST(one_datagram_then_end)
{
	struct daemon *daemon = daemon_start("[f]\nlisten = 127.0.0.1:$1/udp\nexec = $PROBE input\n");
	int fd = udp_connect("127.0.0.1", test_port(1));

	send_text(fd, "hello");
	expect_piece(fd, "input bytes=5 reads=1 end=eof text=hello");
	ck_assert_int_eq(send(fd, "", 0, 0), 0); /* an empty one is one too */
	expect_piece(fd, "input bytes=0 reads=0 end=eof text=");
	/* Several at once: each has its own process and its own reply. */
	for (int i = 0; i < 20; i++)
		send_text(fd, "many");
	for (int i = 0; i < 20; i++)
		expect_piece(fd, "input bytes=4 reads=1 end=eof text=many");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(each_write_is_one_reply)
{
	struct daemon *daemon =
		daemon_start("[f]\nlisten = 127.0.0.1:$1/udp\nexec = $PROBE say one two 'and three'\n");
	int fd = udp_connect("127.0.0.1", test_port(1));

	send_text(fd, "x");
	expect_piece(fd, "one");
	expect_piece(fd, "two");
	expect_piece(fd, "and three");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(large_datagram)
{
	struct daemon *daemon = daemon_start("[f]\nlisten = 127.0.0.1:$1/udp\nexec = /bin/cat\n");
	int fd = udp_connect("127.0.0.1", test_port(1));
	static char big[60000];
	size_t length, total = 0;

	memset(big, 'b', sizeof(big));
	ck_assert_int_eq(send(fd, big, sizeof(big), 0), (ssize_t)sizeof(big));
	while (total < sizeof(big)) {
		char *piece = read_piece(fd, PATIENCE_MS, &length);

		ck_assert_msg(piece != NULL, "%zu bytes came back", total);
		total += length;
		free(piece);
	}
	ck_assert_uint_eq(total, sizeof(big));
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Each client gets its own reply, from the address that it asked. */
START_TEST(replies_find_their_way)
{
	struct daemon *daemon = daemon_start("[f]\nlisten = 0.0.0.0:$1/udp\nexec = /bin/cat\n");
	int clients[10];
	char text[32];

	for (int i = 0; i < 10; i++) {
		snprintf(text, sizeof(text), "127.0.0.%d", i + 1);
		clients[i] = udp_connect(text, test_port(1)); /* connected: only that address may answer */
		send_text(clients[i], text);
	}
	for (int i = 0; i < 10; i++) {
		snprintf(text, sizeof(text), "127.0.0.%d", i + 1);
		expect_piece(clients[i], text);
		close(clients[i]);
	}
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

START_TEST(over_ipv6)
{
	struct daemon *daemon = daemon_start("[f]\nlisten = $1/udp\nexec = /bin/cat\n");
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
				   .sin6_port = htons((uint16_t)test_port(1)),
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	SKIP_IF(fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0, "no IPv6 here");
	send_text(fd, "six");
	expect_piece(fd, "six");
	daemon_wait_log(daemon, " start service=f .*peer=\\[::1\\]:");
	daemon_stop(daemon);
}
END_TEST

/* A datagram that claims to come from a port of ours starts no service. */
START_TEST(own_port_is_dropped)
{
	struct daemon *daemon =
		daemon_start("[f]\nlisten = 127.0.0.1:$1/udp\nexec = /bin/cat\n"
			     "[g]\nlisten = 127.0.0.2:$2/udp, 127.0.0.2:$3/udp\nexec = /bin/cat\n");
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)test_port(1)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	/* The other service listens on 127.0.0.2 only, so that we can be its port on 127.0.0.1. */
	int forged = bound_udp(test_port(2)), honest = udp_connect("127.0.0.1", test_port(1));

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(sendto(forged, "loop", 4, 0, (struct sockaddr *)&to, sizeof(to)), 4);
	send_text(honest, "hello"); /* comes after them: an answer to it means that they were seen */
	expect_piece(honest, "hello");
	ck_assert_ptr_null(read_piece(forged, 0, NULL));
	ck_assert_uint_eq(daemon_count_log(daemon, " start service=f "), 1);
	ck_assert_uint_ge(daemon_count_log(daemon, "reason=loop"), 1);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* Nor is it answered by a bundled service that has the socket itself (wait = yes). */
START_TEST(own_port_is_not_answered)
{
	struct daemon *daemon = daemon_start("[f]\nlisten = 127.0.0.1:$1/udp\nexec = echo\nwait = yes\n"
					     "[g]\nlisten = 127.0.0.2:$2/udp\nexec = chargen\nwait = yes\n");
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)test_port(1)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int forged = bound_udp(test_port(2)), honest = udp_connect("127.0.0.1", test_port(1));

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(sendto(forged, "loop", 4, 0, (struct sockaddr *)&to, sizeof(to)), 4);
	send_text(honest, "hello");
	expect_piece(honest, "hello");
	ck_assert_ptr_null(read_piece(forged, 0, NULL));
	daemon_signal(daemon, SIGQUIT);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
}
END_TEST

/* The places of a filter are counted like any others. */
START_TEST(instances_of_filters)
{
	struct daemon *daemon =
		daemon_start("[f]\nlisten = 127.0.0.1:$1/udp\ninstances = 1\nexec = /bin/cat\n");
	int fd = udp_connect("127.0.0.1", test_port(1));

	for (int i = 0; i < 50; i++)
		send_text(fd, "queue");
	for (int i = 0; i < 50; i++)
		expect_piece(fd, "queue");
	ck_assert_uint_eq(daemon_count_log(daemon, " start service=f .*active=[2-9]"), 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A client that is gone: its ICMP error must not stop the service. */
START_TEST(client_is_gone)
{
	struct daemon *daemon = daemon_start("[f]\nlisten = 127.0.0.1:$1/udp\nexec = /bin/cat\n");

	for (int i = 0; i < 20; i++) {
		int fd = udp_connect("127.0.0.1", test_port(1));

		send_text(fd, "bye");
		close(fd);
	}
	int fd = udp_connect("127.0.0.1", test_port(1));

	send_text(fd, "hello");
	expect_piece(fd, "hello");
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A filter that lives on after its reply takes no datagram from others. */
START_TEST(long_filter)
{
	struct daemon *daemon = daemon_start("[f]\nlisten = 127.0.0.1:$1/udp\n"
					     "exec = /bin/sh -c 'cat; exec sleep 1000'\n");
	int fd = udp_connect("127.0.0.1", test_port(1));

	for (int i = 0; i < 3; i++) {
		send_text(fd, "again");
		expect_piece(fd, "again");
	}
	daemon_signal(daemon, SIGTERM);
	daemon_wait_log(daemon, " drain sessions=3");
	daemon_signal(daemon, SIGTERM);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("udp");
	TCase *filter = harness_case(suite, "filter", 60);

	tcase_add_test(filter, one_datagram_then_end);
	tcase_add_test(filter, each_write_is_one_reply);
	tcase_add_test(filter, large_datagram);
	tcase_add_test(filter, replies_find_their_way);
	tcase_add_test(filter, over_ipv6);
	tcase_add_test(filter, own_port_is_dropped);
	tcase_add_test(filter, own_port_is_not_answered);
	tcase_add_test(filter, instances_of_filters);
	tcase_add_test(filter, client_is_gone);
	tcase_add_test(filter, long_filter);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
