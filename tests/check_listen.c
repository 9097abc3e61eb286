/* check_listen.c - listening sockets on loopback: options and who inherits them,
 * ports that nobody can steal, reasons that help. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "listen_help.h"

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif

/* Puts the text of an endpoint on a port that was free a moment ago. `format` has
 * one %d. Abstract names take the number as well. */
static struct endpoint free_endpoint(const char *format)
{
	_cleanup_fd_ int fd = -1;
	struct sockaddr_in6 address = { .sin6_family = AF_INET6 };
	socklen_t length = sizeof(address);
	char text[ENDPOINT_TEXT_MAX];

	fd = socket(AF_INET6, strstr(format, "udp") != NULL ? SOCK_DGRAM : SOCK_STREAM, 0);
	ck_assert_int_ge(fd, 0);
	/* not V6ONLY: the port has to be free in both families */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, length), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), format, ntohs(address.sin6_port));
#pragma GCC diagnostic pop
	return endpoint_of(text);
}

/* A blocking client, connected. */
static int connect_to(const struct endpoint *endpoint)
{
	int fd = socket(endpoint->address.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, &endpoint->address.sa, endpoint->length), 0);
	return fd;
}

static int accept_from(int listener)
{
	int fd;

	await_input(listener);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static const struct kind {
	const char *format;
	int type;
	bool tcp, v6, udp;
} kinds[] = {
	{ "127.0.0.1:%d", SOCK_STREAM, true, false, false },
	{ "[::1]:%d", SOCK_STREAM, true, true, false },
	{ "0.0.0.0:%d", SOCK_STREAM, true, false, false },
	{ "[::]:%d", SOCK_STREAM, true, true, false },
	{ "127.0.0.1:%d/mptcp", SOCK_STREAM, true, false, false },
	{ "127.0.0.1:%d/udp", SOCK_DGRAM, false, false, true },
	{ "[::1]:%d/udp", SOCK_DGRAM, false, true, true },
	{ "unix:@usherd-check-%d", SOCK_STREAM, false, false, false },
	{ "unix-dgram:@usherd-check-%d", SOCK_DGRAM, false, false, false },
	{ "unix-seqpacket:@usherd-check-%d", SOCK_SEQPACKET, false, false, false },
};

START_TEST(test_open)
{
	const struct kind *row = &kinds[_i];
	struct endpoint endpoint = free_endpoint(row->format);
	struct socket_options options = default_options();
	struct listen_socket opened = open_socket(&endpoint, &options);
	struct sockaddr_storage name = { 0 };
	socklen_t length = sizeof(name);

	ck_assert_int_eq(fcntl(opened.fd, F_GETFD), FD_CLOEXEC);
	ck_assert(fcntl(opened.fd, F_GETFL) & O_NONBLOCK);
	ck_assert_int_eq(get_int(opened.fd, SOL_SOCKET, SO_TYPE), row->type);
	ck_assert_int_eq(get_int(opened.fd, SOL_SOCKET, SO_ACCEPTCONN), row->type != SOCK_DGRAM);
	ck_assert_int_eq(get_int(opened.fd, SOL_SOCKET, SO_REUSEADDR), row->tcp);
	if (row->tcp || row->udp)
		ck_assert_int_eq(get_int(opened.fd, SOL_SOCKET, SO_REUSEPORT), 0);
	if (row->v6)
		ck_assert_int_eq(get_int(opened.fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
	if (row->udp)
		ck_assert_int_eq(get_int(opened.fd, row->v6 ? IPPROTO_IPV6 : IPPROTO_IP,
					 row->v6 ? IPV6_RECVPKTINFO : IP_PKTINFO),
				 1);
	ck_assert_int_eq(getsockname(opened.fd, (struct sockaddr *)&name, &length), 0);
	ck_assert_uint_eq(length, endpoint.length);
	ck_assert_mem_eq(&name, &endpoint.address, length);
	listen_close(&opened, &endpoint);
	ck_assert_int_eq(opened.fd, -1);
	listen_close(&opened, &endpoint);
}
END_TEST

START_TEST(test_in_use)
{
	const struct kind *row = &kinds[_i];
	struct endpoint endpoint = free_endpoint(row->format);
	struct socket_options options = default_options();
	struct listen_socket first = open_socket(&endpoint, &options), second = { .fd = 77 };
	char reason[LISTEN_REASON_MAX] = "", number[32];
	unsigned descriptors = count_descriptors();

	ck_assert_int_eq(listen_open(&endpoint, &options, false, &second, reason), -EADDRINUSE);
	ck_assert_int_eq(second.fd, 77);
	ck_assert_uint_eq(count_descriptors(), descriptors);
	ck_assert_msg(strstr(reason, "in use by another program") != NULL, "%s", reason);
	if (endpoint_is_ip(&endpoint)) {
		snprintf(number, sizeof(number), "'sport = :%d'", ntohs(endpoint.address.in.sin_port));
		ck_assert_msg(strstr(reason, number) != NULL, "%s", reason);
		ck_assert_msg(strstr(reason, row->udp ? "ss -unlp" : "ss -tnlp") != NULL, "%s", reason);
	}
	listen_close(&first, &endpoint);
	second = open_socket(&endpoint, &options);
	listen_close(&second, &endpoint);
}
END_TEST

START_TEST(test_blocking)
{
	struct endpoint endpoint = free_endpoint("127.0.0.1:%d");
	struct socket_options options = default_options();
	char reason[LISTEN_REASON_MAX];
	struct listen_socket opened;

	ck_assert_int_eq(listen_open(&endpoint, &options, true, &opened, reason), 0);
	ck_assert_int_eq(fcntl(opened.fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(fcntl(opened.fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(listen_adjust(&opened, &endpoint, &options, false, reason), 0);
	ck_assert(fcntl(opened.fd, F_GETFL) & O_NONBLOCK);
	ck_assert_int_eq(listen_adjust(&opened, &endpoint, &options, true, reason), 0);
	ck_assert_int_eq(fcntl(opened.fd, F_GETFL) & O_NONBLOCK, 0);
	listen_close(&opened, &endpoint);
}
END_TEST

START_TEST(test_pair)
{
	struct endpoint v6 = free_endpoint("[::]:%d"), v4;
	struct socket_options options = default_options();
	struct listen_socket first, second;
	char text[32];

	snprintf(text, sizeof(text), "0.0.0.0:%d", ntohs(v6.address.in6.sin6_port));
	v4 = endpoint_of(text);
	first = open_socket(&v6, &options);
	second = open_socket(&v4, &options);
	listen_close(&first, &v6);
	listen_close(&second, &v4);
}
END_TEST

/* What an accepted socket is born with. */
START_TEST(test_inherited)
{
	static const char *const formats[] = { "127.0.0.1:%d", "[::1]:%d" };
	struct endpoint endpoint = free_endpoint(formats[_i]);
	struct socket_options options = default_options();
	struct listen_socket opened;
	_cleanup_fd_ int client = -1, served = -1;

	options.nodelay = true;
	options.rcvbuf = 65536;
	options.sndbuf = 32768;
	opened = open_socket(&endpoint, &options);
	client = connect_to(&endpoint);
	served = accept_from(opened.fd);
	ck_assert_int_eq(get_int(served, SOL_SOCKET, SO_KEEPALIVE), 1);
	ck_assert_int_eq(get_int(served, IPPROTO_TCP, TCP_KEEPIDLE), 300);
	ck_assert_int_eq(get_int(served, IPPROTO_TCP, TCP_KEEPINTVL), 75);
	ck_assert_int_eq(get_int(served, IPPROTO_TCP, TCP_KEEPCNT), 5);
	ck_assert_int_eq(get_int(served, IPPROTO_TCP, TCP_NODELAY), 1);
	ck_assert_int_eq(get_int(served, SOL_SOCKET, SO_RCVBUF), 2 * 65536);
	ck_assert_int_eq(get_int(served, SOL_SOCKET, SO_SNDBUF), 2 * 32768);
	listen_close(&opened, &endpoint);
}
END_TEST

static const struct keepalive {
	uint64_t time_ns;
	int on, idle, interval;
} keepalives[] = {
	{ 1, 1, 1, 1 },
	{ NS_PER_S, 1, 1, 1 },
	{ NS_PER_S + 1, 1, 2, 1 },
	{ 40 * NS_PER_S, 1, 40, 10 },
	{ 7200 * NS_PER_S, 1, 7200, 75 },
	{ UINT64_MAX, 1, 32767, 75 },
};

START_TEST(test_keepalive)
{
	struct endpoint endpoint = free_endpoint("127.0.0.1:%d");
	struct socket_options options = default_options();
	struct listen_socket opened;

	options.keepalive_ns = keepalives[_i].time_ns;
	opened = open_socket(&endpoint, &options);
	ck_assert_int_eq(get_int(opened.fd, SOL_SOCKET, SO_KEEPALIVE), keepalives[_i].on);
	ck_assert_int_eq(get_int(opened.fd, IPPROTO_TCP, TCP_KEEPIDLE), keepalives[_i].idle);
	ck_assert_int_eq(get_int(opened.fd, IPPROTO_TCP, TCP_KEEPINTVL), keepalives[_i].interval);
	listen_close(&opened, &endpoint);
}
END_TEST

START_TEST(test_defer_accept)
{
	struct endpoint endpoint = free_endpoint("127.0.0.1:%d");
	struct socket_options options = default_options();
	_cleanup_fd_ int client = -1, served = -1;
	struct listen_socket opened;

	options.defer_accept_ns = 30 * NS_PER_S;
	opened = open_socket(&endpoint, &options);
	client = connect_to(&endpoint);
	ck_assert_int_lt(accept4(opened.fd, NULL, NULL, SOCK_CLOEXEC), 0);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(write(client, "x", 1), 1);
	served = accept_from(opened.fd);
	listen_close(&opened, &endpoint);
}
END_TEST

static const struct thief {
	const char *ours, *theirs;
	bool address, port; /* SO_REUSEADDR, SO_REUSEPORT of the thief */
} thieves[] = {
	{ "127.0.0.1:%d", "127.0.0.1:%d", false, false },
	{ "127.0.0.1:%d", "127.0.0.1:%d", true, false },
	{ "127.0.0.1:%d", "127.0.0.1:%d", false, true },
	{ "127.0.0.1:%d", "127.0.0.1:%d", true, true },
	{ "0.0.0.0:%d", "127.0.0.1:%d", true, true },
	{ "127.0.0.1:%d", "0.0.0.0:%d", true, true },
	{ "[::1]:%d", "[::1]:%d", true, true },
	{ "[::]:%d", "[::1]:%d", true, true },
	{ "127.0.0.1:%d/mptcp", "127.0.0.1:%d", true, true },
	{ "127.0.0.1:%d/udp", "127.0.0.1:%d/udp", false, false },
	{ "127.0.0.1:%d/udp", "127.0.0.1:%d/udp", true, false },
	{ "127.0.0.1:%d/udp", "127.0.0.1:%d/udp", false, true },
	{ "127.0.0.1:%d/udp", "127.0.0.1:%d/udp", true, true },
	{ "0.0.0.0:%d/udp", "127.0.0.1:%d/udp", true, true },
	{ "[::]:%d/udp", "[::1]:%d/udp", true, true },
};

/* Nobody listens where we do, whatever options they set (F27). */
START_TEST(test_theft)
{
	const struct thief *row = &thieves[_i];
	struct endpoint ours = free_endpoint(row->ours), theirs = free_endpoint(row->theirs);
	struct socket_options options = default_options();
	struct listen_socket opened = open_socket(&ours, &options);
	_cleanup_fd_ int fd = -1;
	int one = 1, result;

	theirs.address.in.sin_port = ours.address.in.sin_port;
	fd = socket(theirs.address.sa.sa_family, theirs.kind == ENDPOINT_UDP ? SOCK_DGRAM : SOCK_STREAM, 0);
	ck_assert_int_ge(fd, 0);
	if (row->address)
		ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), 0);
	if (row->port)
		ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
	result = bind(fd, &theirs.address.sa, theirs.length);
	if (result == 0 && theirs.kind != ENDPOINT_UDP)
		result = listen(fd, 1);
	ck_assert_int_eq(result, -1);
	ck_assert_int_eq(errno, EADDRINUSE);
	listen_close(&opened, &ours);
}
END_TEST

/* A restart finds the connections of the life before (F30). */
START_TEST(test_rebind)
{
	struct endpoint endpoint = free_endpoint("127.0.0.1:%d");
	struct socket_options options = default_options();
	struct listen_socket opened = open_socket(&endpoint, &options);
	_cleanup_fd_ int client = connect_to(&endpoint), plain = socket(AF_INET, SOCK_STREAM, 0);
	bool time_wait = _i == 0;
	int served = accept_from(opened.fd);

	close(served); /* our side first: FIN_WAIT2, and TIME_WAIT after the client's */
	await_input(client);
	if (time_wait)
		close(fd_take(&client));
	listen_close(&opened, &endpoint);
	ck_assert_int_eq(bind(plain, &endpoint.address.sa, endpoint.length), -1);
	ck_assert_int_eq(errno, EADDRINUSE);
	opened = open_socket(&endpoint, &options);
	listen_close(&opened, &endpoint);
}
END_TEST

static const struct absent {
	const char *text, *interface, *advice;
	int error;
} absents[] = {
	{ "192.0.2.77:7007", NULL, "no interface has this address", -EADDRNOTAVAIL },
	{ "192.0.2.77:7007/udp", NULL, "no interface has this address", -EADDRNOTAVAIL },
	{ "[2001:db8::77]:7007", NULL, "no interface has this address", -EADDRNOTAVAIL },
	{ "[fe80::77%usherd-none0]:7007", NULL, "'usherd-none0' does not exist", -ENODEV },
	{ "127.0.0.1:0", "usherd-none0", "'usherd-none0' does not exist", -ENODEV },
	{ "[fe80::77%lo]:7007", NULL, "no interface has this address", -EADDRNOTAVAIL },
};

START_TEST(test_absent)
{
	const struct absent *row = &absents[_i];
	struct endpoint endpoint =
		row->interface == NULL ? endpoint_of(row->text) : free_endpoint("127.0.0.1:%d");
	struct socket_options options = default_options();
	struct listen_socket opened = { .fd = 77 };
	char reason[LISTEN_REASON_MAX] = "";
	int error;

	options.interface = row->interface;
	error = listen_open(&endpoint, &options, false, &opened, reason);
	ck_assert_msg(error == row->error, "%s: %d: %s", row->text, error, reason);
	ck_assert_msg(strstr(reason, row->advice) != NULL, "%s: %s", row->text, reason);
	ck_assert(listen_is_absent(error));
	ck_assert_int_eq(opened.fd, 77);
}
END_TEST

START_TEST(test_is_absent)
{
	ck_assert(!listen_is_absent(0));
	ck_assert(!listen_is_absent(-EADDRINUSE));
	ck_assert(!listen_is_absent(-EACCES));
	ck_assert(listen_is_absent(-EADDRNOTAVAIL));
	ck_assert(listen_is_absent(-ENODEV));
}
END_TEST

START_TEST(test_freebind)
{
	static const char *const texts[] = { "192.0.2.77:7007", "192.0.2.77:7007/udp",
					     "[2001:db8::77]:7007" };
	struct endpoint endpoint = endpoint_of(texts[_i]);
	struct socket_options options = default_options();
	struct listen_socket opened;

	options.freebind = true;
	opened = open_socket(&endpoint, &options);
	listen_close(&opened, &endpoint);
}
END_TEST

START_TEST(test_interface)
{
	struct endpoint endpoint = free_endpoint("127.0.0.1:%d");
	struct socket_options options = default_options();
	struct listen_socket opened;
	char name[IFNAMSIZ] = "", reason[LISTEN_REASON_MAX];
	socklen_t length = sizeof(name);

	options.interface = "lo";
	opened = open_socket(&endpoint, &options);
	ck_assert_int_eq(getsockopt(opened.fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length), 0);
	ck_assert_str_eq(name, "lo");
	listen_close(&opened, &endpoint);
	options.interface = "an-interface-of-too-many-letters";
	ck_assert_int_eq(listen_open(&endpoint, &options, false, &opened, reason), -EINVAL);
}
END_TEST

/* Ports below 1024 without the right to them. Runs in a child of its own. */
START_TEST(test_privileged)
{
	struct endpoint endpoint = endpoint_of("127.0.0.1:1");
	struct socket_options options = default_options();
	struct listen_socket opened = { .fd = -1 };
	char reason[LISTEN_REASON_MAX] = "";
	FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
	int first = 1024;

	if (file != NULL) {
		ck_assert_int_eq(fscanf(file, "%d", &first), 1);
		fclose(file);
	}
	if (first <= 1) {
		puts("# skipped: here every port is open to everybody");
		return;
	}
	if (geteuid() == 0) {
		ck_assert_int_eq(setresgid(65534, 65534, 65534), 0);
		ck_assert_int_eq(setresuid(65534, 65534, 65534), 0);
	}
	ck_assert_int_eq(listen_open(&endpoint, &options, false, &opened, reason), -EACCES);
	ck_assert_msg(strstr(reason, "ports below 1024 need root or CAP_NET_BIND_SERVICE") != NULL, "%s",
		      reason);
}
END_TEST

START_TEST(test_no_descriptors)
{
	struct endpoint endpoint = endpoint_of("127.0.0.1:7007");
	struct socket_options options = default_options();
	struct rlimit before, none;
	struct listen_socket opened;
	char reason[LISTEN_REASON_MAX] = "";

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(listen_open(&endpoint, &options, false, &opened, reason), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_msg(strstr(reason, "ulimit -n") != NULL, "%s", reason);
}
END_TEST

START_TEST(test_adjust)
{
	struct endpoint endpoint = free_endpoint("127.0.0.1:%d");
	struct socket_options before = default_options(), after = before;
	struct listen_socket opened = open_socket(&endpoint, &before);
	int fresh_rcvbuf = get_int(opened.fd, SOL_SOCKET, SO_RCVBUF);
	int locks = get_int(opened.fd, SOL_SOCKET, SO_BUF_LOCK);
	char reason[LISTEN_REASON_MAX];
	struct tcp_info info;
	socklen_t length = sizeof(info);
	_cleanup_fd_ int client = connect_to(&endpoint), served = -1;

	ck_assert_int_ge(client, 0);
	after.backlog = 33;
	after.keepalive_ns = 0;
	after.nodelay = true;
	after.rcvbuf = 16384;
	ck_assert_int_eq(listen_adjust(&opened, &endpoint, &after, false, reason), 0);
	ck_assert_int_eq(getsockopt(opened.fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
	ck_assert_uint_eq(info.tcpi_sacked, 33); /* of a listener: its backlog */
	ck_assert_uint_eq(info.tcpi_unacked, 1); /* the client in it is still there */
	ck_assert_int_eq(get_int(opened.fd, SOL_SOCKET, SO_KEEPALIVE), 0);
	ck_assert_int_eq(get_int(opened.fd, IPPROTO_TCP, TCP_NODELAY), 1);
	ck_assert_int_eq(get_int(opened.fd, SOL_SOCKET, SO_RCVBUF), 2 * 16384);
	ck_assert_int_eq(listen_adjust(&opened, &endpoint, &before, false, reason), 0);
	ck_assert_int_eq(get_int(opened.fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	ck_assert_int_eq(get_int(opened.fd, IPPROTO_TCP, TCP_KEEPIDLE), 300);
	ck_assert_int_eq(get_int(opened.fd, IPPROTO_TCP, TCP_NODELAY), 0);
	ck_assert_int_eq(get_int(opened.fd, SOL_SOCKET, SO_RCVBUF), fresh_rcvbuf);
	ck_assert_int_eq(get_int(opened.fd, SOL_SOCKET, SO_BUF_LOCK), locks); /* tuned by the kernel again */
	served = accept_from(opened.fd);
	listen_close(&opened, &endpoint);
}
END_TEST

START_TEST(test_can_adjust)
{
	struct socket_options plain = default_options(), other = plain, empty = plain;

	empty.interface = "";
	ck_assert(listen_can_adjust(&plain, &empty));
	other.backlog = 1;
	other.nodelay = true;
	other.rcvbuf = 1;
	other.socket_mode = 0666;
	ck_assert(listen_can_adjust(&plain, &other));
	other.freebind = true;
	ck_assert(!listen_can_adjust(&plain, &other));
	empty.interface = "lo";
	ck_assert(!listen_can_adjust(&plain, &empty));
}
END_TEST

/* A client that knows nothing of MPTCP is served as well. */
START_TEST(test_mptcp)
{
	struct endpoint endpoint = free_endpoint("127.0.0.1:%d/mptcp");
	struct socket_options options = default_options();
	struct listen_socket opened = { .fd = -1 };
	char reason[LISTEN_REASON_MAX] = "", byte;
	_cleanup_fd_ int client = -1, served = -1;
	int error;

	options.nodelay = true;
	error = listen_open(&endpoint, &options, false, &opened, reason);
	if (error == -EPROTONOSUPPORT || error == -ENOPROTOOPT) {
		ck_assert_ptr_nonnull(strstr(reason, "no MPTCP"));
		puts("# skipped: the kernel has no MPTCP");
		return;
	}
	ck_assert_msg(error == 0, "%s", reason);
	client = connect_to(&endpoint);
	served = accept_from(opened.fd);
	ck_assert_int_eq(write(client, "x", 1), 1);
	ck_assert_int_eq(read(served, &byte, 1), 1);
	ck_assert_int_eq(byte, 'x');
	ck_assert_int_eq(get_int(served, SOL_SOCKET, SO_KEEPALIVE), 1);
	listen_close(&opened, &endpoint);
}
END_TEST

START_TEST(test_vsock)
{
	struct endpoint endpoint = endpoint_of("vsock:54321"), peer = endpoint_of("vsock:1:54321");
	struct endpoint nowhere = endpoint_of("vsock:77777:54321");
	struct socket_options options = default_options();
	struct listen_socket opened = { .fd = -1 }, second;
	char reason[LISTEN_REASON_MAX] = "";
	_cleanup_fd_ int client = -1, served = -1;
	int error = listen_open(&endpoint, &options, false, &opened, reason);

	if (error == -EAFNOSUPPORT) {
		ck_assert_ptr_nonnull(strstr(reason, "no vsock"));
		puts("# skipped: the kernel has no vsock");
		return;
	}
	ck_assert_msg(error == 0, "%s", reason);
	ck_assert_int_eq(listen_open(&endpoint, &options, false, &second, reason), -EADDRINUSE);
	ck_assert_int_eq(listen_open(&nowhere, &options, false, &second, reason), -EADDRNOTAVAIL);
	listen_close(&opened, &endpoint);
	/* without a loopback transport a connection to it goes out to the host */
	if (listen_open(&peer, &options, false, &opened, reason) == -EADDRNOTAVAIL) {
		puts("# skipped: the kernel has no vsock loopback; only listening was tried");
		return;
	}
	client = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(client, 0);
	ck_assert_int_eq(connect(client, &peer.address.sa, peer.length), 0);
	served = accept_from(opened.fd);
	listen_close(&opened, &peer);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("listen");
	TCase *open = tcase_create("open");
	TCase *options = tcase_create("options");
	TCase *adjust = tcase_create("adjust");

	tcase_add_loop_test(open, test_open, 0, ELEMENTS(kinds));
	tcase_add_loop_test(open, test_in_use, 0, ELEMENTS(kinds));
	tcase_add_loop_test(open, test_theft, 0, ELEMENTS(thieves));
	tcase_add_loop_test(open, test_rebind, 0, 2);
	tcase_add_loop_test(open, test_absent, 0, ELEMENTS(absents));
	tcase_add_test(open, test_is_absent);
	tcase_add_test(open, test_privileged);
	tcase_add_test(open, test_no_descriptors);
	tcase_add_test(open, test_pair);
	tcase_add_test(open, test_mptcp);
	tcase_add_test(open, test_vsock);
	tcase_add_loop_test(options, test_inherited, 0, 2);
	tcase_add_loop_test(options, test_keepalive, 0, ELEMENTS(keepalives));
	tcase_add_test(options, test_defer_accept);
	tcase_add_loop_test(options, test_freebind, 0, 3);
	tcase_add_test(options, test_interface);
	tcase_add_test(adjust, test_blocking);
	tcase_add_test(adjust, test_adjust);
	tcase_add_test(adjust, test_can_adjust);
	suite_add_tcase(suite, open);
	suite_add_tcase(suite, options);
	suite_add_tcase(suite, adjust);
	return suite;
}

RUN_SUITE(make_suite)
