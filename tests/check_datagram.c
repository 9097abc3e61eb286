/* check_datagram.c - datagrams that the daemon looks at and never reads, on
 * sockets as listen.c opens them. */
#include "datagram.h"

#include "core_help.h"
#include "endpoint.h"
#include "listen.h"

#include <arpa/inet.h>
#include <poll.h>

static int store_endpoint(void *context, const struct endpoint *endpoint)
{
	*(struct endpoint *)context = *endpoint;
	return 0;
}

/* A bound datagram socket on a port that the kernel picked, which is put into `text` for %u. */
static struct listen_socket open_on(const char *format, struct endpoint *endpoint, uint16_t *ret_port)
{
	struct socket_options options = {
		.socket_uid = (uid_t)-1, .socket_gid = (gid_t)-1, .socket_mode = 0600
	};
	char text[128], reason[LISTEN_REASON_MAX];
	struct listen_socket opened;

	*ret_port = free_port(SOCK_DGRAM);
	snprintf(text, sizeof(text), "%s:%u/udp", format, *ret_port);
	ck_assert_int_eq(endpoint_parse(text, store_endpoint, endpoint, reason, sizeof(reason)), 0);
	ck_assert_msg(listen_open(endpoint, &options, false, &opened, reason) == 0, "%s", reason);
	return opened;
}

static bool readable(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };

	return poll(&look, 1, 10000) == 1;
}

static const struct {
	const char *listen, *asked; /* the address that the client sends to */
	int family;
} ways[] = {
	{ "0.0.0.0", "127.0.0.1", AF_INET },
	{ "0.0.0.0", "127.0.0.2", AF_INET },
	{ "127.0.0.3", "127.0.0.3", AF_INET },
	{ "[::]", "::1", AF_INET6 },
	{ "[::1]", "::1", AF_INET6 },
};

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t fill(union address *address, const char *text, int family, uint16_t port)
{
	memset(address, 0, sizeof(*address));
	address->sa.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		address->in.sin_port = htons(port);
		ck_assert_int_eq(inet_pton(AF_INET, text, &address->in.sin_addr), 1);
		return sizeof(address->in);
	}
	address->in6.sin6_port = htons(port);
	ck_assert_int_eq(inet_pton(AF_INET6, text, &address->in6.sin6_addr), 1);
	return sizeof(address->in6);
}

/* What is asked from where is seen; the datagram is still there, and only its
 * reader gets it; the answer comes from the address that was asked. */
START_TEST(there_and_back)
{
	struct endpoint endpoint;
	uint16_t port;
	struct listen_socket listener = open_on(ways[_i].listen, &endpoint, &port);
	int client = socket(ways[_i].family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	union address to, from;
	socklen_t length = fill(&to, ways[_i].asked, ways[_i].family, port), from_length = sizeof(from);
	struct datagram_head head;
	struct datagram_route route;
	char text[PEER_TEXT_MAX], bytes[16];

	ck_assert_int_eq(sendto(client, "question", 8, 0, &to.sa, length), 8);
	ck_assert_int_eq(getsockname(client, &from.sa, &from_length), 0);
	ck_assert(readable(listener.fd));
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(datagram_peek(listener.fd, true, &head, &route), 0);
		ck_assert_uint_eq(head.size, 8);
		ck_assert_uint_eq(head.peer.port, ntohs(from.in.sin_port));
		ck_assert_str_eq(peer_print_address(&head.peer, text),
				 ways[_i].family == AF_INET ? "127.0.0.1" : "::1");
		ck_assert_str_eq(peer_print_address(&head.local, text), ways[_i].asked);
	}
	ck_assert_int_eq(recv(listener.fd, bytes, sizeof(bytes), MSG_DONTWAIT), 8);
	ck_assert_mem_eq(bytes, "question", 8);
	ck_assert_int_eq(datagram_peek(listener.fd, true, &head, &route), -EAGAIN);

	ck_assert_int_eq(datagram_reply(listener.fd, &route, "answer", 6), 0);
	ck_assert(readable(client));
	from_length = sizeof(from);
	ck_assert_int_eq(recvfrom(client, bytes, sizeof(bytes), 0, &from.sa, &from_length), 6);
	ck_assert_mem_eq(&from, &to, length);
	close(client);
	listen_close(&listener, &endpoint);
}
END_TEST

START_TEST(discard)
{
	static const char *const texts[] = { "one", "", "three" };
	static char large[60000];
	struct endpoint endpoint;
	uint16_t port;
	struct listen_socket listener = open_on("127.0.0.1", &endpoint, &port);
	int client = client_of(SOCK_DGRAM, port);
	struct datagram_head head;
	struct datagram_route route;

	datagram_discard(listener.fd); /* nothing there: nothing happens */
	for (size_t i = 0; i < ELEMENTS(texts); i++)
		ck_assert_int_eq(send(client, texts[i], strlen(texts[i]), 0), (ssize_t)strlen(texts[i]));
	ck_assert_int_eq(send(client, large, sizeof(large), 0), sizeof(large));
	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		ck_assert(readable(listener.fd));
		ck_assert_int_eq(datagram_peek(listener.fd, true, &head, &route), 0);
		ck_assert_uint_eq(head.size, strlen(texts[i]));
		datagram_discard(listener.fd);
	}
	ck_assert_int_eq(datagram_peek(listener.fd, true, &head, &route), 0);
	ck_assert_uint_eq(head.size, sizeof(large));
	datagram_discard(listener.fd);
	ck_assert_int_eq(datagram_peek(listener.fd, true, &head, &route), -EAGAIN);
	close(client);
	listen_close(&listener, &endpoint);
}
END_TEST

/* An error that waits on the socket is told once, and then what is behind it. */
START_TEST(pending_error)
{
	uint16_t port = free_port(SOCK_DGRAM);
	struct sockaddr_in to = loopback(port);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct datagram_head head = { .size = 12345 };
	struct datagram_route route;

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(send(fd, "x", 1, 0), 1); /* nobody there: an ICMP message comes */
	ck_assert(readable(fd));
	ck_assert_int_eq(datagram_peek(fd, true, &head, &route), -ECONNREFUSED);
	ck_assert_uint_eq(head.size, 12345);
	ck_assert_int_eq(datagram_peek(fd, true, &head, &route), -EAGAIN);
	close(fd);
}
END_TEST

START_TEST(reply_fails)
{
	struct datagram_route route = { .peer_length = sizeof(struct sockaddr_in) };
	static char large[65536];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	route.peer.in = loopback(free_port(SOCK_DGRAM));
	ck_assert_int_eq(datagram_reply(fd, &route, large, sizeof(large)), -EMSGSIZE);
	route.peer.in.sin_port = 0;
	ck_assert_int_eq(datagram_reply(fd, &route, large, 1), -EINVAL);
	close(fd);
}
END_TEST

/* ---- Unix sockets ---- */

static int unix_pair(const char *folder, int *ret_client, bool named)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX }, own = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/server", folder);
	snprintf(own.sun_path, sizeof(own.sun_path), "%s/client", folder);
	ck_assert_int_eq(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
	*ret_client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (named)
		ck_assert_int_eq(bind(*ret_client, (struct sockaddr *)&own, sizeof(own)), 0);
	ck_assert_int_eq(connect(*ret_client, (struct sockaddr *)&address, sizeof(address)), 0);
	return server;
}

START_TEST(unix_named)
{
	const char *folder = make_folder();
	int client, server = unix_pair(folder, &client, true);
	struct datagram_head head;
	struct datagram_route route;
	char bytes[8];

	ck_assert_int_eq(send(client, "12345", 5, 0), 5);
	ck_assert_int_eq(datagram_peek(server, false, &head, &route), 0);
	ck_assert_uint_eq(head.size, 5);
	ck_assert_int_eq(head.local.family, PEER_NONE);
	datagram_discard(server);
	ck_assert_int_eq(datagram_peek(server, false, &head, &route), -EAGAIN);
	ck_assert_int_eq(datagram_reply(server, &route, "yes", 3), 0);
	ck_assert_int_eq(recv(client, bytes, sizeof(bytes), MSG_DONTWAIT), 3);
	close(client);
	close(server);
	remove_folder(folder);
}
END_TEST

START_TEST(unix_nameless)
{
	const char *folder = make_folder();
	int client, server = unix_pair(folder, &client, false);
	struct datagram_head head;
	struct datagram_route route;

	ck_assert_int_eq(send(client, "12345", 5, 0), 5);
	ck_assert_int_eq(datagram_peek(server, false, &head, &route), 0);
	ck_assert_uint_eq(head.size, 5);
	ck_assert_int_lt(datagram_reply(server, &route, "yes", 3), 0);
	close(client);
	close(server);
	remove_folder(folder);
}
END_TEST

/* Descriptors that a client attached must not end up in the daemon. */
START_TEST(unix_descriptors)
{
	const char *folder = make_folder();
	int client, server = unix_pair(folder, &client, true);
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * 2)];
	} control = { .room = { 0 } };
	struct iovec piece = { (char[]){ 'x' }, 1 };
	struct msghdr message = {
		.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	struct datagram_head head;
	struct datagram_route route;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * 2);
	memcpy(CMSG_DATA(c), (int[]){ 0, 1 }, sizeof(int) * 2);
	ck_assert_int_eq(sendmsg(client, &message, 0), 1);

	size_t before = count_descriptors();

	ck_assert_int_eq(datagram_peek(server, false, &head, &route), 0);
	ck_assert_int_eq(datagram_peek(server, false, &head, &route), 0);
	datagram_discard(server);
	ck_assert_uint_eq(count_descriptors(), before);
	close(client);
	close(server);
	remove_folder(folder);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("datagram");
	TCase *tests = tcase_create("datagram");

	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(tests, there_and_back, 0, ELEMENTS(ways));
	tcase_add_test(tests, discard);
	tcase_add_test(tests, pending_error);
	tcase_add_test(tests, reply_fails);
	tcase_add_test(tests, unix_named);
	tcase_add_test(tests, unix_nameless);
		tcase_add_test(tests, unix_descriptors);
		suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
