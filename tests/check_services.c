/* check_services.c - the bundled services as they ship: the built programs are
 * started on pipes, socket pairs and sockets, in each way a super-server may
 * start them. USHERD_SERVICES_DIR names the folder they are in. The relay has a
 * file of its own, check_relay.c. */
#include "services.h"
#include "run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ROOM 70000
#define NO_REPLY ((ssize_t)-1)

/* Starts it on one end of a stream socket pair; the other end is returned. */
static struct program start_on_pair(const char *name, int type, int *ret_fd)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);

	struct program program = program_start((const char *[]){ name, NULL }, NULL, pair[0], pair[0]);

	close(pair[0]);
	*ret_fd = pair[1];
	return program;
}

static size_t read_all(int fd, char *buffer, size_t room)
{
	size_t length = 0;

	while (length < room) {
		ssize_t got = read(fd, buffer + length, room - length);

		ck_assert_msg(got >= 0, "read: %s", strerror(errno));
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return length;
}

/* Gives one datagram to a filter (on a pipe or, as usherd does, in a file) and
 * takes what it replies. */
static ssize_t ask_filter(const char *const *argv, const char *const *env, const void *request, size_t length,
			  bool on_pipe, char reply[static ROOM])
{
	int input[2] = { -1, -1 }, output[2];

	if (on_pipe) {
		ck_assert_int_eq(pipe2(input, O_CLOEXEC), 0);
		ck_assert_int_eq(fcntl(input[1], F_SETPIPE_SZ, 1 << 17) > 0, 1);
		ck_assert_int_eq(write(input[1], request, length), (ssize_t)length);
		close(input[1]);
	} else {
		input[0] = memfd_create("datagram", MFD_CLOEXEC);
		ck_assert_int_eq(write(input[0], request, length), (ssize_t)length);
		ck_assert_int_eq(lseek(input[0], 0, SEEK_SET), 0);
	}
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, output), 0);

	struct program program = program_start(argv, env, input[0], output[1]);

	ck_assert_int_eq(program_end(&program), 0);
	ck_assert_str_eq(program.errors, "");

	/* Our copy of its end is open, so 0 is an empty reply and not an end. */
	ssize_t got = recv(output[0], reply, ROOM, MSG_DONTWAIT);

	if (got >= 0)
		ck_assert_msg(recv(output[0], reply + got, 1, MSG_DONTWAIT) == -1, "a second reply");
	else
		ck_assert_int_eq(errno, EAGAIN);
	close(input[0]);
	close(output[0]);
	close(output[1]);
	return got;
}

static const char *const client_env[] = { "PROTO=UDP",          "UDPREMOTEIP=192.0.2.7", "UDPREMOTEPORT=40112",
					  "UDPLOCALIP=192.0.2.1", "UDPLOCALPORT=7007",     NULL };

static const char *const *arguments(const char *name)
{
	static const char *argv[2];

	argv[0] = name;
	return argv;
}

/* --- streams --- */

static void fill(char *bytes, size_t length)
{
	uint32_t state = 12345;

	for (size_t i = 0; i < length; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (char)(state >> 24);
	}
}

START_TEST(test_echo_pipe)
{
	static char sent[50000], got[50001];
	int in[2], out[2];

	fill(sent, sizeof(sent));
	ck_assert_int_eq(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);

	struct program program = program_start(arguments("echo"), NULL, in[0], out[1]);

	close(in[0]);
	close(out[1]);
	ck_assert_int_eq(write(in[1], sent, sizeof(sent)), sizeof(sent));
	close(in[1]);
	ck_assert_uint_eq(read_all(out[0], got, sizeof(got)), sizeof(sent));
	ck_assert_mem_eq(got, sent, sizeof(sent));
	ck_assert_int_eq(program_end(&program), 0);
	close(out[0]);
}
END_TEST

START_TEST(test_echo_half_close)
{
	static char got[100];
	int fd;
	struct program program = start_on_pair("echo", SOCK_STREAM, &fd);

	ck_assert_int_eq(write(fd, "one", 3), 3);
	ck_assert_int_eq(read(fd, got, sizeof(got)), 3);
	ck_assert_int_eq(write(fd, "two", 3), 3);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert_uint_eq(read_all(fd, got, sizeof(got)), 3);
	ck_assert_mem_eq(got, "two", 3);
	ck_assert_int_eq(program_end(&program), 0);
	close(fd);
}
END_TEST

START_TEST(test_echo_keeps_records)
{
	char got[100];
	int fd;
	struct program program = start_on_pair("echo", SOCK_SEQPACKET, &fd);

	ck_assert_int_eq(write(fd, "one", 3), 3);
	ck_assert_int_eq(write(fd, "three", 5), 5);
	ck_assert_int_eq(read(fd, got, sizeof(got)), 3);
	ck_assert_int_eq(read(fd, got, sizeof(got)), 5);
	shutdown(fd, SHUT_WR);
	ck_assert_int_eq(program_end(&program), 0);
	close(fd);
}
END_TEST

START_TEST(test_discard)
{
	static char sent[1 << 20], got[1];
	int fd;
	struct program program = start_on_pair("discard", SOCK_STREAM, &fd);

	ck_assert_int_eq(write(fd, sent, sizeof(sent)), sizeof(sent));
	shutdown(fd, SHUT_WR);
	ck_assert_uint_eq(read_all(fd, got, sizeof(got)), 0);
	ck_assert_int_eq(program_end(&program), 0);
	close(fd);
}
END_TEST

/* The line is a date of mail, this moment, and the client sees its end. */
static void assert_daytime(const char *text, size_t length, const char *zone)
{
	char line[100];
	struct tm tm = { 0 };
	time_t now = time(NULL);

	ck_assert_uint_lt(length, 64);
	memcpy(line, text, length);
	line[length] = '\0';

	const char *rest = strptime(line, "%a, %d %b %Y %H:%M:%S %z", &tm);

	ck_assert_msg(rest != NULL, "no date: %s", line);
	ck_assert_str_eq(rest, "\r\n");
	ck_assert_msg(strstr(line, zone) != NULL, "zone %s is not in %s", zone, line);

	long offset = tm.tm_gmtoff;
	time_t told = timegm(&tm) - offset;

	ck_assert_int_ge(told, now - 2);
	ck_assert_int_le(told, now);
}

static const struct {
	const char *tz, *zone;
} zones[] = { { "TZ=UTC0", "+0000" }, { "TZ=AAA-5:30", "+0530" }, { "TZ=BBB3:15", "-0315" } };

START_TEST(test_daytime)
{
	char text[100];
	int out[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const char *env[] = { zones[_i].tz, "LC_ALL=de_DE.UTF-8", NULL };

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);

	struct program program = program_start(arguments("daytime"), env, null, out[1]);

	close(out[1]);
	assert_daytime(text, read_all(out[0], text, sizeof(text)), zones[_i].zone);
	ck_assert_int_eq(program_end(&program), 0);
	close(out[0]);
	close(null);
}
END_TEST

static void assert_time(const char *bytes, size_t length)
{
	uint32_t seconds, now = (uint32_t)((uint64_t)time(NULL) + 2208988800U);

	ck_assert_uint_eq(length, 4);
	memcpy(&seconds, bytes, sizeof(seconds));
	/* The difference wraps as the numbers do. */
	ck_assert_uint_le(now - ntohl(seconds), 2);
}

START_TEST(test_time)
{
	char bytes[5];
	int fd;
	struct program program = start_on_pair("time", SOCK_STREAM, &fd);

	assert_time(bytes, read_all(fd, bytes, sizeof(bytes)));
	ck_assert_int_eq(program_end(&program), 0);
	close(fd);
}
END_TEST

static void assert_pattern(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		size_t line = i / 74, column = i % 74;
		char right = column == 72 ? '\r' : column == 73 ? '\n' : (char)(' ' + (line + column) % 95);

		ck_assert_msg(text[i] == right, "byte %zu is %d, not %d", i, text[i], right);
	}
}

START_TEST(test_chargen)
{
	static const char first[] =
		" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n"
		"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh\r\n";
	static char text[500000];
	int fd;
	struct program program = start_on_pair("chargen", SOCK_STREAM, &fd);

	ck_assert_uint_eq(read_all(fd, text, sizeof(text)), sizeof(text));
	ck_assert_mem_eq(text, first, sizeof(first) - 1);
	assert_pattern(text, sizeof(text));
	/* The client goes: an end like any other, not a signal. */
	close(fd);
	ck_assert_int_eq(program_end(&program), 0);
	ck_assert_str_eq(program.errors, "");
}
END_TEST

/* --- qotd --- */

static ssize_t ask_qotd(const char *quotes, bool datagram, size_t request, char reply[static ROOM])
{
	static const char zeros[2000];
	char path[] = "/tmp/usherd-check-XXXXXX";
	int file = mkostemp(path, O_CLOEXEC), fd[2];
	ssize_t length;

	ck_assert_int_eq(write(file, quotes, strlen(quotes)), (ssize_t)strlen(quotes));
	close(file);

	const char *argv[] = { "qotd", quotes[0] == '\0' ? NULL : path, NULL };

	if (datagram) {
		length = ask_filter(argv, client_env, zeros, request, false, reply);
	} else {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);

		struct program program = program_start(argv, NULL, fd[0], fd[0]);

		close(fd[0]);
		length = (ssize_t)read_all(fd[1], reply, ROOM);
		ck_assert_int_eq(program_end(&program), 0);
		close(fd[1]);
	}
	unlink(path);
	return length;
}

#define X100 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X600 X100 X100 X100 X100 X100 X100

static const struct {
	const char *name, *quotes;
	bool datagram;
	size_t request;
	const char *right; /* NULL: `length` of them, ended by CR LF */
	size_t length;
} quotes[] = {
	{ "lines get CR LF", "one\ntwo\n", false, 0, "one\r\ntwo\r\n", 0 },
	{ "CR LF stays", "one\r\ntwo\r\n%\r\n", false, 0, "one\r\ntwo\r\n", 0 },
	{ "empty ones are skipped", "%\n%\n\n%\none\n%\n\n\n", false, 0, "one\r\n", 0 },
	{ "a percent sign is text", "50%\n%%\n", false, 0, "50%\r\n%%\r\n", 0 },
	{ "no last newline", "%\none", false, 0, "one\r\n", 0 },
	{ "too long is passed over", X600 "\n%\none\n", false, 0, "one\r\n", 0 },
	{ "all too long: cut", X600, false, 0, NULL, 511 },
	{ "UTF-8 is cut whole", "a" "äääääääääääääääääääääääääääääääääääää", true, 0, NULL, 63 },
	{ "datagram: short ones only", X100 "\n%\none\n", true, 0, "one\r\n", 0 },
	{ "datagram: cut", X100, true, 10, NULL, 64 },
	{ "datagram: as long as asked", X100, true, 102, X100 "\r\n", 0 },
};

START_TEST(test_qotd)
{
	static char reply[ROOM];
	ssize_t length = ask_qotd(quotes[_i].quotes, quotes[_i].datagram, quotes[_i].request, reply);
	const char *right = quotes[_i].right;

	ck_assert_msg(length >= 2, "%s: %zd bytes", quotes[_i].name, length);
	reply[length] = '\0';
	if (right != NULL)
		ck_assert_msg(strcmp(reply, right) == 0, "%s: %s", quotes[_i].name, reply);
	else
		ck_assert_msg(length == (ssize_t)quotes[_i].length, "%s: %zd bytes", quotes[_i].name, length);
	ck_assert_str_eq(reply + length - 2, "\r\n");
}
END_TEST

/* 60 picks of 2 to 8 quotes are all the same once in 2^59 runs. */
START_TEST(test_qotd_varies)
{
	static char first[ROOM], reply[ROOM];
	const char *file = _i == 0 ? "" : "one\n%\ntwo\n";
	ssize_t first_length = ask_qotd(file, false, 0, first);
	bool varies = false;

	for (int i = 0; i < 60 && !varies; i++) {
		ssize_t length = ask_qotd(file, false, 0, reply);

		ck_assert_msg(length > 2 && length <= 64, "%zd bytes", length);
		varies = length != first_length || memcmp(reply, first, (size_t)length) != 0;
	}
	ck_assert(varies);
}
END_TEST

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

		ck_assert_msg((length >= 0) == sources[_i].answered, "%s, %s: %zd", talkers[i], sources[_i].name, length);
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
		ssize_t got = ask_filter(arguments(talkers[i]), client_env, request, length, i % 2 == 0, reply);

		ck_assert_msg(got >= 0, "%s: no reply to %zu", talkers[i], length);
		ck_assert_msg((size_t)got + 28 < 4 * (length + 28), "%s: %zd for %zu", talkers[i], got, length);
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
	setsockopt(fd, is6 ? IPPROTO_IPV6 : IPPROTO_IP, is6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &yes, sizeof(yes));
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

/* --- used wrongly --- */

START_TEST(test_listener_is_refused)
{
	static const char *const names[] = { "echo", "discard", "daytime", "time", "chargen", "qotd" };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (const void *)&in, sizeof(in)) | listen(fd, 1), 0);
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		struct program program = program_start(arguments(names[i]), NULL, fd, fd);

		ck_assert_int_eq(program_end(&program), 64);
		ck_assert_msg(strstr(program.errors, "wait = no") != NULL, "%s: %s", names[i], program.errors);
	}
	close(fd);
}
END_TEST

static const struct {
	const char *name, *argv[4], *env[6];
	int exit_code;
	const char *says;
} misuses[] = {
	{ "argument", { "echo", "hi" }, { NULL }, 64, "takes no arguments" },
	{ "argument", { "time", "-v" }, { NULL }, 64, "takes no arguments" },
	{ "no sender", { "echo" }, { "PROTO=UDP" }, 64, "UDPREMOTEIP" },
	{ "bad sender", { "echo" }, { "PROTO=UDP", "UDPREMOTEIP=somewhere", "UDPREMOTEPORT=4000", "UDPLOCALIP=::1", "UDPLOCALPORT=7" }, 64, "UDPREMOTEIP" },
	{ "bad port", { "echo" }, { "PROTO=UDP", "UDPREMOTEIP=::1", "UDPREMOTEPORT=65536", "UDPLOCALIP=::1", "UDPLOCALPORT=7" }, 64, "UDPREMOTEIP" },
	{ "too many files", { "qotd", "/dev/null", "/dev/null" }, { NULL }, 64, "usage: qotd [FILE]" },
	{ "empty file", { "qotd", "/dev/null" }, { NULL }, 66, "no quote" },
	{ "no file", { "qotd", "/nonexistent" }, { NULL }, 66, "/nonexistent: No such file" },
	{ "endless file", { "qotd", "/dev/zero" }, { NULL }, 66, "longer than" },
	{ "a folder", { "qotd", "/" }, { NULL }, 66, "Is a directory" },
};

START_TEST(test_misuse)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct program program = program_start(misuses[_i].argv, misuses[_i].env, null, null);

	ck_assert_msg(program_end(&program) == misuses[_i].exit_code, "%s: exit code", misuses[_i].name);
	ck_assert_msg(strstr(program.errors, misuses[_i].says) != NULL, "%s: %s", misuses[_i].name, program.errors);
	close(null);
}
END_TEST

/* --- the scripts of the sample configuration --- */

static const struct {
	const char *program, *request, *says, *never;
} scripts[] = {
	{ "hello-shell", "Ann\r\n", "Hello, Ann from 192.0.2.7.\r\n", NULL },
	{ "hello-shell", "Ann", "Hello, Ann from", NULL },
	{ "hello-shell", "$(id) `id` %s\\n\033[1m\n", "Hello, $(id) `id` %s\\n[1m from", "\033" },
	{ "hello-shell", "", "What is your name?\r\n", "Hello" },
	{ "hello-python", "GET /<b> HTTP/1.1\r\nHost: a\r\n\r\n", "Hello 192.0.2.7, you asked for /&lt;b&gt;.", "<b>" },
	{ "hello-python", "HEAD / HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "Hello" },
	{ "hello-python", "POST / HTTP/1.1\r\n\r\n", "HTTP/1.1 405 ", NULL },
	{ "hello-python", "\377\376 nonsense\r\n", "HTTP/1.1 400 ", NULL },
	{ "hello-python", "", "HTTP/1.1 400 ", NULL },
};

START_TEST(test_script)
{
	const char *env[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "REMOTE_ADDR=192.0.2.7", NULL };
	size_t length = strlen(scripts[_i].request);
	char reply[2000];
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);

	struct program program = program_start(arguments(scripts[_i].program), env, fd[0], fd[0]);

	close(fd[0]);
	ck_assert_int_eq(write(fd[1], scripts[_i].request, length), (ssize_t)length);
	shutdown(fd[1], SHUT_WR);
	reply[read_all(fd[1], reply, sizeof(reply) - 1)] = '\0';
	ck_assert_int_eq(program_end(&program), 0);
	ck_assert_str_eq(program.errors, "");
	ck_assert_msg(strstr(reply, scripts[_i].says) != NULL, "%s", reply);
	if (scripts[_i].never != NULL)
		ck_assert_msg(strstr(reply, scripts[_i].never) == NULL, "%s", reply);
	close(fd[1]);
}
END_TEST

static TCase *make_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 30);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static Suite *make_suite(void)
{
	Suite *suite = suite_create("services");
	TCase *stream = make_case(suite, "stream"), *filter = make_case(suite, "filter");
	TCase *wait = make_case(suite, "wait"), *misuse = make_case(suite, "misuse");

	tcase_add_test(stream, test_echo_pipe);
	tcase_add_test(stream, test_echo_half_close);
	tcase_add_test(stream, test_echo_keeps_records);
	tcase_add_test(stream, test_discard);
	tcase_add_loop_test(stream, test_daytime, 0, ELEMENTS(zones));
	tcase_add_test(stream, test_time);
	tcase_add_test(stream, test_chargen);
	tcase_add_loop_test(stream, test_qotd, 0, ELEMENTS(quotes));
	tcase_add_loop_test(stream, test_qotd_varies, 0, 2);
	tcase_add_loop_test(stream, test_script, 0, ELEMENTS(scripts));
	tcase_add_loop_test(filter, test_guard, 0, ELEMENTS(sources));
	tcase_add_loop_test(filter, test_amplification, 0, ELEMENTS(requests));
	tcase_add_test(filter, test_unix_filter);
	tcase_add_test(wait, test_wait_udp);
	tcase_add_test(wait, test_wait_udp6);
	tcase_add_test(wait, test_wait_udp_idle);
	tcase_add_test(wait, test_wait_unix_datagram);
	tcase_add_test(misuse, test_listener_is_refused);
	tcase_add_loop_test(misuse, test_misuse, 0, ELEMENTS(misuses));
	return suite;
}

RUN_SUITE(make_suite)
