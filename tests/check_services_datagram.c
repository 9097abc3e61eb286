/* check_services_datagram.c - the bundled services and datagrams: as filters of
 * one datagram and on the bound socket itself; which sources get an answer, and
 * how large it may be. USHERD_SERVICES_DIR names the folder of the programs. */
#include "run.h"
#include "services.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/un.h>

#define NO_REPLY ((ssize_t)-1)

/* --- datagrams: which are answered, and with how much --- */

static const struct {
	const char *name, *ip, *port, *local_ip, *local_port;
	bool answered;
} sources[] = {
	{ "a client", "192.0.2.7", "40112", "192.0.2.1", "7007", true },
	{ "port 1024", "192.0.2.7", "1024", "192.0.2.1", "7007", true },
	{ "port 65535", "192.0.2.7", "65535", "192.0.2.1", "7007", true },
	{ "loopback", "127.0.0.1", "40112", "127.0.0.1", "7007", true },
	{ "IPv6", "2001:db8::7", "40112", "2001:db8::1", "7007", true },
	{ "link-local", "fe80::7%2", "40112", "fe80::1", "7007", true },
	{ "link-local by name", "fe80::7%eth0", "40112", "fe80::1%eth0", "7007", true },
	{ "port 0", "192.0.2.7", "0", "192.0.2.1", "7007", false },
	{ "echo's port", "192.0.2.7", "7", "192.0.2.1", "7007", false },
	{ "port 1023", "192.0.2.7", "1023", "192.0.2.1", "7007", false },
	{ "port of NFS", "192.0.2.7", "2049", "192.0.2.1", "7007", false },
	{ "our own port", "192.0.2.7", "7007", "192.0.2.1", "7007", false },
	{ "our own address and port", "192.0.2.1", "7007", "192.0.2.1", "7007", false },
	{ "our own port, IPv6", "2001:db8::7", "7007", "2001:db8::1", "7007", false },
	{ "no address", "0.0.0.0", "40112", "192.0.2.1", "7007", false },
	{ "network 0", "0.1.2.3", "40112", "192.0.2.1", "7007", false },
	{ "multicast", "224.0.0.1", "40112", "192.0.2.1", "7007", false },
	{ "the last multicast", "239.255.255.255", "40112", "192.0.2.1", "7007", false },
	{ "broadcast", "255.255.255.255", "40112", "192.0.2.1", "7007", false },
	{ "no IPv6 address", "::", "40112", "2001:db8::1", "7007", false },
	{ "IPv6 multicast", "ff02::1", "40112", "2001:db8::1", "7007", false },
	{ "IPv6 multicast with scope", "ff02::1%2", "40112", "2001:db8::1", "7007", false },
	{ "mapped broadcast", "::ffff:255.255.255.255", "40112", "2001:db8::1", "7007", false },
	{ "mapped multicast", "::ffff:224.0.0.5", "40112", "2001:db8::1", "7007", false },
	{ "mapped client", "::ffff:192.0.2.7", "40112", "2001:db8::1", "7007", true },
};

static const char *const talkers[] = { "echo", "daytime", "time", "chargen", "qotd" };

START_TEST(test_guard)
{
	static char reply[ROOM];
	char text[4][100];
	const char *env[] = { "PROTO=UDP", text[0], text[1], text[2], text[3], NULL };

	snprintf(text[0], sizeof(text[0]), "UDPREMOTEIP=%s", sources[_i].ip);
	snprintf(text[1], sizeof(text[1]), "UDPREMOTEPORT=%s", sources[_i].port);
	snprintf(text[2], sizeof(text[2]), "UDPLOCALIP=%s", sources[_i].local_ip);
	snprintf(text[3], sizeof(text[3]), "UDPLOCALPORT=%s", sources[_i].local_port);
	for (size_t i = 0; i < ELEMENTS(talkers); i++) {
		ssize_t length = ask_filter(arguments(talkers[i]), env, "ping", 4, i % 2 == 0, reply);

		ck_assert_msg((length >= 0) == sources[_i].answered, "%s, %s: %zd", talkers[i],
			      sources[_i].name, length);
	}
	ck_assert_int_eq(ask_filter(arguments("discard"), env, "ping", 4, true, reply), NO_REPLY);
}
END_TEST

static const size_t requests[] = { 0, 1, 4, 28, 63, 64, 65, 100, 511, 512, 513, 1472, 65507 };

/* An answer, with the 28 bytes of its headers, stays below four times the
 * question; chargen's never exceeds it. */
START_TEST(test_amplification)
{
	static char request[ROOM], reply[ROOM];
	size_t length = requests[_i];

	fill(request, length);
	for (size_t i = 0; i < ELEMENTS(talkers); i++) {
		bool on_pipe = i % 2 == 0;
		ssize_t got = ask_filter(arguments(talkers[i]), client_env, request, length, on_pipe, reply);

		ck_assert_msg(got >= 0, "%s: no reply to %zu", talkers[i], length);
		ck_assert_msg((size_t)got + 28 < 4 * (length + 28), "%s: %zd for %zu", talkers[i], got,
			      length);
		if (strcmp(talkers[i], "echo") == 0) {
			ck_assert_int_eq(got, (ssize_t)length);
			ck_assert_int_eq(memcmp(reply, request, length), 0);
		} else if (strcmp(talkers[i], "chargen") == 0) {
			ck_assert_int_eq(got, length < 512 ? (ssize_t)length : 512);
			assert_pattern(reply, (size_t)got);
		} else if (strcmp(talkers[i], "time") == 0) {
			assert_time(reply, (size_t)got);
		} else if (strcmp(talkers[i], "daytime") == 0) {
			assert_daytime(reply, (size_t)got, "+0000");
		}
	}
}
END_TEST

/* Without PROTO=UDP, the kind of socket on standard output tells. */
START_TEST(test_unix_filter)
{
	static char reply[ROOM];
	const char *env[] = { "PROTO=UNIX", NULL };

	ck_assert_int_eq(ask_filter(arguments("chargen"), env, "12345", 5, false, reply), 5);
	ck_assert_mem_eq(reply, " !\"#$", 5);
}
END_TEST

/* --- datagrams: the bound socket itself --- */

static int bind_udp(const char *ip, uint16_t *port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(*port) };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(*port) };
	bool is6 = inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1;
	int fd = socket(is6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), yes = 1;
	socklen_t size = is6 ? sizeof(in6) : sizeof(in);
	void *address = is6 ? (void *)&in6 : (void *)&in;

	if (!is6)
		ck_assert_int_eq(inet_pton(AF_INET, ip, &in.sin_addr), 1);
	if (fd < 0 || bind(fd, address, size) < 0) {
		ck_assert_msg(is6, "bind %s: %s", ip, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1; /* a machine without IPv6 */
	}
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof(yes));
	if (is6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof(yes));
	else
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof(yes));
	ck_assert_int_eq(getsockname(fd, address, &size), 0);
	*port = ntohs(is6 ? in6.sin6_port : in.sin_port);
	return fd;
}

static void send_udp(int fd, const char *ip, uint16_t port, const char *text)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool is6 = inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1;

	inet_pton(AF_INET, ip, &in.sin_addr);
	ck_assert_int_eq(sendto(fd, text, strlen(text), 0, is6 ? (void *)&in6 : (void *)&in,
				is6 ? sizeof(in6) : sizeof(in)),
			 (ssize_t)strlen(text));
}

/* The next answer must be this one, and have come from this address. */
static void expect_udp(int fd, const char *ip, const char *text)
{
	char got[100] = "", from[INET6_ADDRSTRLEN] = "";
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} source;
	socklen_t size = sizeof(source);
	ssize_t length = recvfrom(fd, got, sizeof(got) - 1, 0, &source.sa, &size);

	ck_assert_msg(length >= 0, "recvfrom: %s", strerror(errno));
	ck_assert_str_eq(got, text);
	if (source.sa.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &source.in6.sin6_addr, from, sizeof(from));
	else
		inet_ntop(AF_INET, &source.in.sin_addr, from, sizeof(from));
	ck_assert_str_eq(from, ip);
}

/* Dropped datagrams are followed by one that is answered: as the server takes
 * them in order, the first answer tells about all before it. */
START_TEST(test_wait_udp)
{
	uint16_t port = 0, own = 0;
	int server = bind_udp("0.0.0.0", &port), client = bind_udp("127.0.0.1", &own);
	int twin = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), yes = 1;
	struct sockaddr_in same = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct program program = program_start(arguments("echo"), NULL, server, server);

	send_udp(client, "127.0.0.1", port, "one");
	expect_udp(client, "127.0.0.1", "one");
	/* It is bound to every address, but answers from the one that was asked. */
	send_udp(client, "127.0.0.3", port, "two");
	expect_udp(client, "127.0.0.3", "two");
	/* To all hosts: no answer. */
	send_udp(client, "127.255.255.255", port, "all");
	send_udp(client, "127.0.0.1", port, "three");
	expect_udp(client, "127.0.0.1", "three");

	/* From a service with our port: no answer. A second socket may only have
	 * that port when both say so, and it takes what comes to its address. */
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(twin, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	inet_pton(AF_INET, "127.0.0.2", &same.sin_addr);
	ck_assert_int_eq(bind(twin, (const void *)&same, sizeof(same)), 0);
	send_udp(twin, "127.0.0.1", port, "loop");
	send_udp(client, "127.0.0.1", port, "four");
	expect_udp(client, "127.0.0.1", "four");
	ck_assert_int_eq(recv(twin, (char[1]){ 0 }, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
	program_kill(&program);
	close(server);
	close(client);
	close(twin);
}
END_TEST

START_TEST(test_wait_udp6)
{
	uint16_t port = 0, own = 0;
	int server = bind_udp("::", &port), client = bind_udp("::1", &own);

	if (server < 0 || client < 0)
		return;

	struct program program = program_start(arguments("echo"), NULL, server, server);

	send_udp(client, "::1", port, "one");
	expect_udp(client, "::1", "one");
	program_kill(&program);
	close(server);
	close(client);
}
END_TEST

/* Nothing comes for ten seconds: it leaves, and the daemon listens again. */
START_TEST(test_wait_udp_idle)
{
	uint16_t port = 0, own = 0;
	int server = bind_udp("127.0.0.1", &port), client = bind_udp("127.0.0.1", &own);
	time_t start = time(NULL);

	send_udp(client, "127.0.0.1", port, "waiting already");

	struct program program = program_start(arguments("echo"), NULL, server, server);

	expect_udp(client, "127.0.0.1", "waiting already");
	ck_assert_int_eq(program_end(&program), 0);
	ck_assert_int_ge(time(NULL) - start, 9);
	ck_assert_int_le(time(NULL) - start, 15);
	close(server);
	close(client);
}
END_TEST

START_TEST(test_wait_unix_datagram)
{
	char name[] = "?usherd-check-0000000000";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(name) - 1);
	int server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int nameless = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char got[10];

	snprintf(name + sizeof(name) - 11, 11, "%010d", getpid());
	memcpy(address.sun_path, name, sizeof(name) - 1);
	address.sun_path[0] = '\0';
	ck_assert_int_eq(bind(server, (const void *)&address, size), 0);
	ck_assert_int_eq(connect(client, (const void *)&address, size), 0);
	ck_assert_int_eq(connect(nameless, (const void *)&address, size), 0);

	struct program program = program_start(arguments("echo"), NULL, server, server);

	/* Who has no address gets no answer, and does no harm. */
	ck_assert_int_eq(send(nameless, "none", 4, 0), 4);
	/* Binding to nothing makes the kernel pick an abstract name. */
	ck_assert_int_eq(bind(client, &(struct sockaddr){ .sa_family = AF_UNIX }, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(send(client, "one", 3, 0), 3);
	ck_assert_int_eq(recv(client, got, sizeof(got), 0), 3);
	ck_assert_mem_eq(got, "one", 3);
	program_kill(&program);
	close(nameless);
	close(server);
	close(client);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("services_datagram");
	TCase *filter = tcase_create("filter"), *wait = tcase_create("wait");

	tcase_set_timeout(filter, 30);
	tcase_add_loop_test(filter, test_guard, 0, ELEMENTS(sources));
	tcase_add_loop_test(filter, test_amplification, 0, ELEMENTS(requests));
	tcase_add_test(filter, test_unix_filter);
	tcase_set_timeout(wait, 30);
	tcase_add_test(wait, test_wait_udp);
	tcase_add_test(wait, test_wait_udp6);
	tcase_add_test(wait, test_wait_udp_idle);
	tcase_add_test(wait, test_wait_unix_datagram);
	suite_add_tcase(suite, filter);
	suite_add_tcase(suite, wait);
	return suite;
}

RUN_SUITE(make_suite)
