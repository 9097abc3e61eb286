/* check_relay.c - the built relay between a client and a server that are both
 * played here: two streams of known bytes cross it at the same time, and each
 * byte that arrives is compared. USHERD_SERVICES_DIR names its folder. */
#include "services.h"
#include "run.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

/* The bytes of a stream repeat after a prime number of them, so that a piece
 * that is lost, doubled or swapped shows. */
#define PERIOD 1000003
#define MB ((size_t)1000 * 1000)

enum { CLIENT, SERVER };

/* One side of the conversation. */
struct side {
	int in, out; /* may be the same */
	size_t to_send, sent, to_receive, received;
	bool told_end, saw_end;
};

static char patterns[2][PERIOD];

static void make_patterns(void)
{
	uint32_t state = 1;

	for (size_t i = 0; i < sizeof(patterns); i++) {
		state = state * 1664525 + 1013904223;
		patterns[i / PERIOD][i % PERIOD] = (char)(state >> 24);
	}
}

static void set_nonblocking(int fd)
{
	ck_assert_int_eq(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

static void send_some(struct side *side, const char *pattern)
{
	size_t at = side->sent % PERIOD, left = side->to_send - side->sent;
	size_t length = PERIOD - at < left ? PERIOD - at : left;
	ssize_t written = write(side->out, pattern + at, length);

	ck_assert_msg(written > 0 || errno == EAGAIN, "write: %s", strerror(errno));
	if (written > 0)
		side->sent += (size_t)written;
}

static void receive_some(struct side *side, const char *pattern)
{
	static char got[1 << 18];
	size_t at = side->received % PERIOD;
	size_t room = PERIOD - at < sizeof(got) ? PERIOD - at : sizeof(got);
	ssize_t length = read(side->in, got, room);

	ck_assert_msg(length >= 0 || errno == EAGAIN, "read: %s", strerror(errno));
	if (length == 0)
		side->saw_end = true;
	if (length > 0) {
		ck_assert_msg(memcmp(got, pattern + at, (size_t)length) == 0, "other bytes after %zu",
			      side->received);
		side->received += (size_t)length;
	}
}

static void end_sending(struct side *side)
{
	if (shutdown(side->out, SHUT_WR) < 0)
		close(side->out);
	side->told_end = true;
}

struct rules {
	bool server_waits;      /* sends nothing before it has seen the client's end */
	bool client_never_ends; /* waits for the server's end first */
	bool held[2];           /* does not read before the other side has received everything */
};

/* Runs the conversation to the end of both directions. */
static void converse(struct side sides[static 2], const struct rules *rules)
{
	while (!sides[CLIENT].saw_end || !sides[SERVER].saw_end) {
		struct pollfd ready[4];

		for (int i = 0; i < 2; i++) {
			struct side *side = &sides[i], *other = &sides[!i];
			bool held = rules->held[i] && other->received < other->to_receive;
			bool reads = !side->saw_end && !held;
			bool may_send = !(i == SERVER && rules->server_waits && !side->saw_end);

			if (side->sent == side->to_send && !side->told_end && may_send &&
			    !(i == CLIENT && rules->client_never_ends && !side->saw_end))
				end_sending(side);
			ready[2 * i] = (struct pollfd){ .fd = reads ? side->in : -1, .events = POLLIN };
			ready[2 * i + 1] = (struct pollfd){
				.fd = may_send && side->sent < side->to_send ? side->out : -1,
				.events = POLLOUT,
			};
		}
		/* Every step must bring something: what stands still for so long hangs. */
		ck_assert_msg(poll(ready, 4, 10000) > 0, "it hangs: received %zu and %zu",
			      sides[CLIENT].received, sides[SERVER].received);
		for (int i = 0; i < 2; i++) {
			if (ready[2 * i].revents != 0)
				receive_some(&sides[i], patterns[!i]);
			if (ready[2 * i + 1].revents != 0)
				send_some(&sides[i], patterns[i]);
		}
	}
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(sides[i].sent, sides[i].to_send);
		ck_assert_uint_eq(sides[i].received, sides[i].to_receive);
	}
}

/* A listening TCP socket on the loopback; its port as text. */
static int listen_tcp(int backlog, char port[static 8])
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (const void *)&in, sizeof(in)) | listen(fd, backlog), 0);
	ck_assert_int_eq(getsockname(fd, (void *)&in, &size), 0);
	snprintf(port, 8, "%u", ntohs(in.sin_port));
	return fd;
}

/* A listening Unix socket with an abstract name; the relay's argument as text. */
static int listen_unix(int backlog, char argument[static 64])
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int length = snprintf(argument, 64, "unix:@usherd-check-relay-%d", getpid()) - 5;

	memcpy(un.sun_path + 1, argument + 6, (size_t)length - 1);
	ck_assert_int_eq(bind(fd, (const void *)&un,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length)),
			 0);
	ck_assert_int_eq(listen(fd, backlog), 0);
	return fd;
}

enum client { CLIENT_TCP, CLIENT_UNIX, CLIENT_PIPES };

/* relay 127.0.0.1 PORT */
static struct program start_relay(const char *port, int input, int output)
{
	return program_start((const char *[]){ "relay", "127.0.0.1", port, NULL }, NULL, input, output);
}

/* Our ends in `side`, the relay's in `ret_input` and `ret_output`. */
static void connect_client(enum client kind, struct side *side, int *ret_input, int *ret_output)
{
	int a[2], b[2];

	if (kind == CLIENT_PIPES) {
		ck_assert_int_eq(pipe2(a, O_CLOEXEC) | pipe2(b, O_CLOEXEC), 0);
		side->out = a[1];
		side->in = b[0];
		*ret_input = a[0];
		*ret_output = b[1];
	} else if (kind == CLIENT_UNIX) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, a), 0);
		side->in = side->out = a[0];
		*ret_input = *ret_output = a[1];
	} else {
		char port[8];
		int listener = listen_tcp(1, port);
		struct sockaddr_in in;
		socklen_t size = sizeof(in);

		side->in = side->out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(getsockname(listener, (void *)&in, &size), 0);
		ck_assert_int_eq(connect(side->in, (const void *)&in, size), 0);
		*ret_input = *ret_output = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		close(listener);
	}
	set_nonblocking(side->in);
	set_nonblocking(side->out);
}

/* Starts the relay between the two sides and fills in their descriptors. */
static struct program connect_sides(enum client kind, bool unix_server, struct side sides[static 2])
{
	char port[8], path[64];
	int listener = unix_server ? listen_unix(1, path) : listen_tcp(1, port), input, output;
	const char *by_port[] = { "relay", "127.0.0.1", port, NULL }, *by_path[] = { "relay", path, NULL };

	connect_client(kind, &sides[CLIENT], &input, &output);

	struct program program = program_start(unix_server ? by_path : by_port, NULL, input, output);

	close(input);
	if (output != input)
		close(output);
	sides[SERVER].in = sides[SERVER].out = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	ck_assert_int_ge(sides[SERVER].in, 0);
	close(listener);
	return program;
}

#define CLIENT_HELD { .held = { true, false } }
#define SERVER_HELD { .held = { false, true } }

static const struct {
	const char *name;
	enum client client;
	bool unix_server;
	size_t up, down; /* bytes the client and the server send */
	struct rules rules;
} conversations[] = {
	{ "50 MB both ways", CLIENT_TCP, false, 50 * MB, 50 * MB, { 0 } },
	{ "50 MB both ways, Unix", CLIENT_UNIX, true, 50 * MB, 50 * MB, { 0 } },
	{ "50 MB both ways, pipes", CLIENT_PIPES, false, 50 * MB, 50 * MB, { 0 } },
	{ "half-close, then the answer", CLIENT_TCP, false, 5 * MB, 5 * MB, { .server_waits = true } },
	{ "half-close, Unix", CLIENT_UNIX, true, 5 * MB, 5 * MB, { .server_waits = true } },
	{ "half-close, pipes", CLIENT_PIPES, true, 5 * MB, 5 * MB, { .server_waits = true } },
	{ "the server ends first", CLIENT_TCP, false, 5 * MB, 3, { .client_never_ends = true } },
	{ "the server ends first, Unix", CLIENT_UNIX, true, 5 * MB, 3, { .client_never_ends = true } },
	{ "nothing at all", CLIENT_TCP, false, 0, 0, { 0 } },
	{ "only down", CLIENT_PIPES, false, 0, 5 * MB, { 0 } },
	{ "the client does not read", CLIENT_TCP, false, 20 * MB, 40 * MB, CLIENT_HELD },
	{ "the client does not read, Unix", CLIENT_UNIX, true, 20 * MB, 40 * MB, CLIENT_HELD },
	{ "the client does not read, pipes", CLIENT_PIPES, false, 20 * MB, 40 * MB, CLIENT_HELD },
	{ "the server does not read", CLIENT_TCP, false, 40 * MB, 20 * MB, SERVER_HELD },
	{ "the server does not read, pipes", CLIENT_PIPES, true, 40 * MB, 20 * MB, SERVER_HELD },
};

START_TEST(test_conversation)
{
	size_t up = conversations[_i].up, down = conversations[_i].down;
	struct side sides[2] = { [CLIENT] = { .to_send = up, .to_receive = down },
				 [SERVER] = { .to_send = down, .to_receive = up } };

	make_patterns();

	bool unix_server = conversations[_i].unix_server;
	struct program program = connect_sides(conversations[_i].client, unix_server, sides);

	converse(sides, &conversations[_i].rules);
	ck_assert_int_eq(program_end(&program), 0);
	ck_assert_str_eq(program.errors, "");
}
END_TEST

/* A log file opened for appending cannot be spliced to: read and write instead. */
START_TEST(test_files)
{
	char path[] = "/tmp/usherd-check-XXXXXX", port[8];
	int file = mkostemp(path, O_CLOEXEC | O_APPEND), input = memfd_create("input", MFD_CLOEXEC);
	int listener = listen_tcp(1, port);
	struct side server = { .to_send = 3 * MB };
	static char got[3 * MB];

	make_patterns();
	ck_assert_int_eq(write(input, patterns[CLIENT], PERIOD), PERIOD);
	lseek(input, 0, SEEK_SET);

	struct program program = start_relay(port, input, file);

	server.in = server.out = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	while (!server.saw_end)
		receive_some(&server, patterns[CLIENT]);
	ck_assert_uint_eq(server.received, PERIOD);
	while (server.sent < server.to_send)
		send_some(&server, patterns[SERVER]);
	close(server.out);
	ck_assert_int_eq(program_end(&program), 0);
	ck_assert_int_eq(lseek(file, 0, SEEK_END), 3 * MB);
	ck_assert_int_eq(pread(file, got, sizeof(got), 0), sizeof(got));
	for (size_t i = 0; i < sizeof(got); i++)
		ck_assert_msg(got[i] == patterns[SERVER][i % PERIOD], "byte %zu", i);
	unlink(path);
}
END_TEST

/* Either side goes for good in mid-stream: the relay ends, and says so where it
 * was the server that failed. */
static const struct {
	const char *name;
	int goes;
	bool reset;
	int exit_code;
	const char *says;
} departures[] = {
	{ "the client closes", CLIENT, false, 0, "" },
	{ "the client resets", CLIENT, true, 0, "" },
	{ "the server resets", SERVER, true, 69, "broke: Connection reset by peer" },
};

START_TEST(test_departure)
{
	struct side sides[2] = { 0 };
	struct program program = connect_sides(CLIENT_TCP, false, sides);
	int goes = departures[_i].goes;
	struct linger linger = { .l_onoff = 1 };
	char got[3];

	ck_assert_int_eq(write(sides[goes].out, "hi", 2), 2);
	ck_assert_int_eq(poll(&(struct pollfd){ .fd = sides[!goes].in, .events = POLLIN }, 1, 10000), 1);
	ck_assert_int_eq(read(sides[!goes].in, got, sizeof(got)), 2);
	if (departures[_i].reset)
		setsockopt(sides[goes].out, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(sides[goes].out);
	ck_assert_int_eq(poll(&(struct pollfd){ .fd = sides[!goes].in, .events = POLLIN }, 1, 10000), 1);
	ck_assert_int_eq(read(sides[!goes].in, got, sizeof(got)), 0);
	close(sides[!goes].out);
	ck_assert_int_eq(program_end(&program), departures[_i].exit_code);
	ck_assert_msg(departures[_i].says[0] == '\0' ? program.errors[0] == '\0' :
						       strstr(program.errors, departures[_i].says) != NULL,
		      "%s: %s", departures[_i].name, program.errors);
}
END_TEST

static const struct {
	const char *argv[6];
	int exit_code;
	const char *says[2];
} failures[] = {
	{ { "relay" }, 64, { "usage: relay [-t SECONDS] HOST PORT", "unix:" } },
	{ { "relay", "127.0.0.1" }, 64, { "usage:", "" } },
	{ { "relay", "127.0.0.1", "1", "2" }, 64, { "usage:", "" } },
	{ { "relay", "-x", "127.0.0.1", "1" }, 64, { "usage:", "" } },
	{ { "relay", "-t", "0", "127.0.0.1", "1" }, 64, { "SECONDS, 1 to 3600", "" } },
	{ { "relay", "-t", "3601", "127.0.0.1", "1" }, 64, { "SECONDS", "" } },
	{ { "relay", "-t", "1s", "127.0.0.1", "1" }, 64, { "SECONDS", "" } },
	{ { "relay", "127.0.0.1", "0" }, 64, { "\"0\"", "1 to 65535" } },
	{ { "relay", "127.0.0.1", "65536" }, 64, { "\"65536\"", "1 to 65535" } },
	{ { "relay", "127.0.0.1", "-1" }, 64, { "\"-1\"", "1 to 65535" } },
	{ { "relay", "127.0.0.1", " 80" }, 64, { "\" 80\"", "1 to 65535" } },
	{ { "relay", "127.0.0.1", "nosuchport" }, 64, { "\"nosuchport\"", "1 to 65535" } },
	{ { "relay", "unix:" }, 64, { "unix:", "1 to 107 characters" } },
	{ { "relay", "unix:/nonexistent/socket" }, 69, { "unix:/nonexistent/socket: No such file", "path" } },
	{ { "relay", "unix:@usherd-check-nobody" }, 69, { "Connection refused", "listening" } },
};

START_TEST(test_failure)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct program program = program_start(failures[_i].argv, NULL, null, null);

	ck_assert_int_eq(program_end(&program), failures[_i].exit_code);
	for (int i = 0; i < 2; i++)
		ck_assert_msg(strstr(program.errors, failures[_i].says[i]) != NULL, "%s", program.errors);
	close(null);
}
END_TEST

START_TEST(test_refused)
{
	char port[8], text[100];
	int pair[2];

	/* A port where nobody listens: it was ours a moment ago. */
	close(listen_tcp(1, port));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);

	struct program program = start_relay(port, pair[0], pair[0]);

	ck_assert_int_eq(program_end(&program), 69);
	snprintf(text, sizeof(text), "host 127.0.0.1 port %s: Connection refused; is the server", port);
	ck_assert_msg(strstr(program.errors, text) != NULL, "%s", program.errors);
}
END_TEST

/* A server that never takes the connection: its queue is full. */
START_TEST(test_timeout)
{
	char port[8], path[64];
	int listener = _i == 0 ? listen_tcp(0, port) : listen_unix(0, path), full = 0;
	const char *by_port[] = { "relay", "-t", "1", "127.0.0.1", port, NULL };
	const char *by_path[] = { "relay", "-t", "1", path, NULL };
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct timespec start, end;

	ck_assert_int_eq(getsockname(listener, (void *)&address, &size), 0);
	while (full < 4) {
		int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		(void)connect(fd, (const void *)&address, size);
		full++;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);

	struct program program = program_start(_i == 0 ? by_port : by_path, NULL, null, null);

	ck_assert_int_eq(program_end(&program), 69);
	clock_gettime(CLOCK_MONOTONIC, &end);
	ck_assert_int_le(end.tv_sec - start.tv_sec, 8);
	ck_assert_msg(strstr(program.errors, "Connection timed out; is the host up") != NULL, "%s",
		      program.errors);
}
END_TEST

/* What is not a connection is refused before anything is connected. */
START_TEST(test_not_a_connection)
{
	char port[8];
	int tcp = listen_tcp(1, port), udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int fd = _i == 0 ? tcp : udp;
	struct program program = start_relay(port, fd, fd);

	ck_assert_int_eq(program_end(&program), 64);
	ck_assert_msg(strstr(program.errors, _i == 0 ? "wait = no" : "not datagrams") != NULL, "%s",
		      program.errors);
	ck_assert_int_eq(poll(&(struct pollfd){ .fd = tcp, .events = POLLIN }, 1, 0), 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("relay");
	TCase *data = tcase_create("data"), *failure = tcase_create("failure");

	signal(SIGPIPE, SIG_IGN);
	tcase_set_timeout(data, 60);
	tcase_add_loop_test(data, test_conversation, 0, ELEMENTS(conversations));
	tcase_add_test(data, test_files);
	tcase_add_loop_test(data, test_departure, 0, ELEMENTS(departures));
	tcase_set_timeout(failure, 30);
	tcase_add_loop_test(failure, test_failure, 0, ELEMENTS(failures));
	tcase_add_test(failure, test_refused);
	tcase_add_loop_test(failure, test_timeout, 0, 2);
	tcase_add_loop_test(failure, test_not_a_connection, 0, 2);
	suite_add_tcase(suite, data);
	suite_add_tcase(suite, failure);
	return suite;
}

RUN_SUITE(make_suite)
