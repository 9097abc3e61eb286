/* check_adopt.c - sockets that somebody else opened are known by what they are:
 * every kind of endpoint is found again, and nothing else is. */
#include "adopt.h"

#include "listen_help.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Where the descriptors of a test begin. */
#define FIRST 100

static char folder[] = "/tmp/usherd-adopt-XXXXXX";

static void make_folder(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
}

static void remove_folder(void)
{
	(void)unlink("s");
	(void)rmdir(folder);
	strcpy(folder, "/tmp/usherd-adopt-XXXXXX");
}

/* Puts a socket that is open to the next place behind FIRST. */
static void place(int fd, size_t *count)
{
	ck_assert_int_eq(dup2(fd, FIRST + (int)*count), FIRST + (int)*count);
	close(fd);
	++*count;
}

static struct adopted *adopt(size_t count)
{
	struct adopted *adopted;

	ck_assert_int_eq(adopted_new(FIRST, count, &adopted), 0);
	return adopted;
}

static size_t left(const struct adopted *adopted)
{
	char texts[4][ENDPOINT_TEXT_MAX];
	size_t told;

	return adopted_left(adopted, texts, 4, &told);
}

/* Everything that usherd itself can open; %s is a folder, %d a number. */
static const char *const kinds[] = {
	"127.0.0.1:%d",
	"0.0.0.0:%d",
	"[::1]:%d",
	"[::]:%d",
	"[fe80::1%%lo]:%d",
	"127.0.0.1:%d/udp",
	"[::]:%d/udp",
	"127.0.0.1:%d/mptcp",
	"unix:@usherd-adopt-%d",
	"unix-dgram:@usherd-adopt-%d",
	"unix-seqpacket:@usherd-adopt-%d",
	"unix:%s/s",
	"unix-dgram:%s/s",
	"unix-seqpacket:%s/s",
	"vsock:%d",
};

static struct endpoint endpoint_for(const char *format, int number)
{
	char text[256], *at = text;

	for (const char *from = format; *from != '\0'; from++) {
		if (from[0] != '%') {
			*at++ = *from;
			continue;
		}
		from++;
		at += *from == 's' ? sprintf(at, "%s", folder) :
		      *from == 'd' ? sprintf(at, "%d", number) :
				     sprintf(at, "%%");
	}
	*at = '\0';
	return endpoint_of(text);
}

/* Opens it on a port that is free, or gives up where the kernel lacks the kind. */
static bool open_somewhere(const char *format, struct endpoint *ret_endpoint, int *ret_fd)
{
	struct socket_options options = default_options();
	struct listen_socket opened = { .fd = -1 };
	char reason[LISTEN_REASON_MAX] = "";
	int error = 0;

	options.freebind = true;
	for (int number = 20000 + getpid() % 10000, i = 0; i < 200; i++, number++) {
		*ret_endpoint = endpoint_for(format, number);
		error = listen_open(ret_endpoint, &options, false, &opened, reason);
		if (error != -EADDRINUSE)
			break;
	}
	*ret_fd = opened.fd;
	return error == 0;
}

START_TEST(every_kind_is_found)
{
	struct endpoint endpoint, other;
	size_t count = 0;
	int fd;

	if (!open_somewhere(kinds[_i], &endpoint, &fd))
		return; /* no such thing in this kernel */
	place(fd, &count);

	struct adopted *adopted = adopt(count);

	ck_assert_int_eq(fcntl(FIRST, F_GETFD), FD_CLOEXEC);
	if (endpoint_has_path(&endpoint)) /* the kernel knows the name before rename(2) */
		adopted_name(adopted, FIRST, &endpoint);
	for (size_t i = 0; i < ELEMENTS(kinds); i++) {
		other = endpoint_for(kinds[i], 19999);
		ck_assert_int_eq(endpoint_equal(&other, &endpoint) && other.kind == endpoint.kind ?
					 -1 :
					 adopted_take(adopted, &other),
				 -1);
	}
	ck_assert_uint_eq(left(adopted), 1);
	ck_assert_int_eq(adopted_take(adopted, &endpoint), FIRST);
	ck_assert_int_eq(adopted_take(adopted, &endpoint), -1); /* once */
	ck_assert_uint_eq(left(adopted), 0);
	ck_assert_uint_eq(adopted_count_taken(adopted), 1);
	adopted_free(adopted);
	ck_assert_int_eq(fcntl(FIRST, F_GETFD), FD_CLOEXEC); /* the taker's */
	close(FIRST);
}
END_TEST

static int bound(int domain, int type)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(domain, type | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	return fd;
}

/* What no service could use is closed, and counted. */
START_TEST(odd_ones)
{
	struct sockaddr_in other = { .sin_family = AF_INET,
				     .sin_port = htons(9),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	size_t count = 0, told = 9;
	char texts[1][ENDPOINT_TEXT_MAX];
	int pair[2], connected = bound(AF_INET, SOCK_DGRAM);

	ck_assert_int_eq(pipe(pair), 0);
	place(pair[0], &count);
	place(pair[1], &count);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	place(pair[0], &count);
	place(pair[1], &count);
	place(bound(AF_INET, SOCK_STREAM), &count);    /* does not listen */
	place(socket(AF_INET, SOCK_DGRAM, 0), &count); /* has no port */
	place(socket(AF_UNIX, SOCK_DGRAM, 0), &count); /* has no name */
	ck_assert_int_eq(connect(connected, (struct sockaddr *)&other, sizeof(other)), 0);
	place(connected, &count); /* hears one peer only */
	place(open("/dev/null", O_RDONLY | O_CLOEXEC), &count);
	close(FIRST + (int)count++); /* is not open at all */

	struct adopted *adopted = adopt(count);

	ck_assert_uint_eq(adopted_left(adopted, texts, 1, &told), count);
	ck_assert_uint_eq(told, 0);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(fcntl(FIRST + (int)i, F_GETFD), -1);
	adopted_free(adopted);
}
END_TEST

/* Those that nobody wants are named, as many as there is room for, and closed. */
START_TEST(unused_ones)
{
	struct endpoint endpoints[3];
	char texts[2][ENDPOINT_TEXT_MAX], expected[ENDPOINT_TEXT_MAX];
	size_t count = 0, told;
	int fd;

	for (int i = 0; i < 3; i++) {
		ck_assert(open_somewhere("127.0.0.1:%d", &endpoints[i], &fd));
		place(fd, &count);
	}

	struct adopted *adopted = adopt(count);

	ck_assert_int_eq(adopted_take(adopted, &endpoints[1]), FIRST + 1);
	ck_assert_uint_eq(adopted_left(adopted, texts, 2, &told), 2);
	ck_assert_uint_eq(told, 2);
	ck_assert_str_eq(texts[0], endpoint_print(&endpoints[0], expected));
	ck_assert_str_eq(texts[1], endpoint_print(&endpoints[2], expected));
	adopted_free(adopted);
	ck_assert_int_eq(fcntl(FIRST, F_GETFD), -1);
	ck_assert_int_eq(fcntl(FIRST + 1, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(FIRST + 2, F_GETFD), -1);
	close(FIRST + 1);
}
END_TEST

/* One socket for both families is in the way of the one for IPv4; one of another type
 * in the way of its port. Anything else is somebody else's doing. */
START_TEST(reasons)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
	socklen_t length = sizeof(any);
	char reason[256] = "";
	size_t count = 0;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int)) < 0 ||
	    bind(fd, (struct sockaddr *)&any, length) < 0)
		return; /* no IPv6 here */
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&any, &length), 0);
	place(fd, &count);

	int port = ntohs(any.sin6_port);
	struct adopted *adopted = adopt(count);
	struct endpoint endpoint = endpoint_for("0.0.0.0:%d", port);

	ck_assert_int_eq(adopted_take(adopted, &endpoint), -1);
	ck_assert(adopted_explain(adopted, &endpoint, reason, sizeof(reason)));
	ck_assert_ptr_nonnull(strstr(reason, "BindIPv6Only=ipv6-only"));
	endpoint = endpoint_for("[::]:%d/mptcp", port);
	ck_assert(adopted_explain(adopted, &endpoint, reason, sizeof(reason)));
	ck_assert_ptr_nonnull(strstr(reason, "passed as [::]:"));
	endpoint = endpoint_for("127.0.0.1:%d/udp", port);
	ck_assert(!adopted_explain(adopted, &endpoint, reason, sizeof(reason)));
	endpoint = endpoint_for("[::]:%d", port);
	ck_assert_int_eq(adopted_take(adopted, &endpoint), FIRST);
	adopted_free(adopted);
	close(FIRST);
}
END_TEST

/* What the socket was opened with is brought to what the service wants; the file of a
 * Unix socket is left as it is, even at the end. */
START_TEST(made_ours)
{
	struct socket_options options = default_options();
	struct endpoint endpoint = endpoint_for("127.0.0.1:%d/udp", 1), path = endpoint_for("unix:%s/s", 0);
	struct listen_socket socket = { .fd = -1 };
	char reason[LISTEN_REASON_MAX];
	struct stat status;
	int fd;

	ck_assert(open_somewhere("127.0.0.1:%d/udp", &endpoint, &fd));
	ck_assert_int_eq(setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &(int){ 0 }, sizeof(int)), 0);
	ck_assert_int_eq(listen_adopt(fd, &endpoint, &options, true, &socket, reason), 0);
	ck_assert_int_eq(get_int(socket.fd, IPPROTO_IP, IP_PKTINFO), 1);
	ck_assert_int_eq(fcntl(socket.fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(listen_adjust(&socket, &endpoint, &options, false, reason), 0);
	ck_assert_int_eq(fcntl(socket.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	listen_close(&socket, &endpoint);

	socket = open_socket(&path, &options);
	ck_assert_int_eq(listen_adopt(fd_take(&socket.fd), &path, &options, false, &socket, reason), 0);
	ck_assert(listen_is_in_place(&socket, &path));
	options.socket_mode = 0666;
	ck_assert_int_eq(listen_adjust(&socket, &path, &options, false, reason), 0);
	listen_close(&socket, &path);
	ck_assert_int_eq(lstat("s", &status), 0);
	ck_assert_int_eq(status.st_mode & 0777, 0600);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("adopt");
	TCase *tests = tcase_create("adopt");

	tcase_add_checked_fixture(tests, make_folder, remove_folder);
	tcase_add_loop_test(tests, every_kind_is_found, 0, ELEMENTS(kinds));
	tcase_add_test(tests, odd_ones);
	tcase_add_test(tests, unused_ones);
	tcase_add_test(tests, reasons);
	tcase_add_test(tests, made_ours);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
