/* fault_services.c - the bundled services in this process, each call of theirs failing in turn: on connections, pipes,
 * single datagrams and datagram sockets. They end with a status of their own, say why when it is not 0, and what a
 * client gets is right as far as it goes. */
#include "faulty.h"

#include "base.h"
#include "run.h"

#include "../services/multicall.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>

#define FIRST_KEPT 60

enum way {
	CONNECTION,
	PATIENT,  /* a connection that does not wait */
	PIPES,    /* input and output apart */
	FILTER,   /* one datagram, as usherd hands it over */
	FILTER_UNIX,
	DATAGRAM, /* a bound socket, with one waiting */
	DATAGRAM6,
	DATAGRAM_UNIX,
	LISTENER,
};

typedef int service_main(int argc, char **argv);

static const struct row {
	const char *words; /* of the command line */
	service_main *main;
	enum way way;
	const char *input, *output; /* NULL: not looked at */
	const char *environment;    /* of a FILTER: REMOTE IP, PORT, LOCAL IP, PORT, USHERD_UDP_PORTS; blanks between */
	int status;
	const char *says; /* on standard error */
} rows[] = {
	{ "echo", multicall_echo, CONNECTION, "hello\n", "hello\n", NULL, 0, "" },
	{ "echo", multicall_echo, PATIENT, "hello\n", "hello\n", NULL, 0, "" },
	{ "echo", multicall_echo, PIPES, "hello\n", "hello\n", NULL, 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "hello\n", "192.0.2.1 5000 192.0.2.2 7 -", 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "hello\n", "2001:db8::1%eth0 5000 192.0.2.2 7 9,19-20", 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "hello\n", "::ffff:192.0.2.1 5000 192.0.2.2 7 x", 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "::ffff:255.255.255.255 5000 192.0.2.2 7 -", 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", ":: 5000 192.0.2.2 7 -", 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "ff02::1 5000 192.0.2.2 7 -", 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "0.0.0.1 5000 192.0.2.2 7 -", 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "224.0.0.1 5000 192.0.2.2 7 -", 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "192.0.2.1 19 192.0.2.2 7 -", 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "192.0.2.1 2049 192.0.2.2 7 -", 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "192.0.2.1 5000 192.0.2.2 5000 -", 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "192.0.2.1 5000 192.0.2.2 7 7,4999-5001", 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "192.0.2.1 5000 192.0.2.2 7 7,5000", 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "hello\n", "192.0.2.1 5000 192.0.2.2 7 7;5000", 0, "" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "192.0.2.x 5000 192.0.2.2 7 -", EX_USAGE, "must name both ends" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "192.0.2.1 70000 192.0.2.2 7 -", EX_USAGE, "must name both" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "192.0.2.1 5x 192.0.2.2 7 -", EX_USAGE, "must name both ends" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "192.0.2.1 /5 192.0.2.2 7 -", EX_USAGE, "must name both ends" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "- 5000 192.0.2.2 7 -", EX_USAGE, "must name both ends" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "192.0.2.1 5000 - 7 -", EX_USAGE, "must name both ends" },
	{ "echo", multicall_echo, FILTER, "hello\n", "", "192.0.2.1 - 192.0.2.2 7 -", EX_USAGE, "must name both ends" },
	{ "echo", multicall_echo, FILTER_UNIX, "hello\n", "hello\n", NULL, 0, "" },
	{ "echo", multicall_echo, DATAGRAM, "hello\n", "hello\n", NULL, EX_OSERR, "reading or writing failed" },
	{ "echo", multicall_echo, DATAGRAM6, "hello\n", "hello\n", NULL, EX_OSERR, "reading or writing failed" },
	{ "echo", multicall_echo, DATAGRAM_UNIX, "hello\n", "hello\n", NULL, EX_OSERR, "reading or writing failed" },
	{ "echo", multicall_echo, LISTENER, "", "", NULL, EX_USAGE, "listening socket" },
	{ "echo more", multicall_echo, CONNECTION, "", "", NULL, EX_USAGE, "takes no arguments" },
	{ "discard", multicall_discard, CONNECTION, "hello\n", "", NULL, 0, "" },
	{ "discard", multicall_discard, FILTER_UNIX, "hello\n", "", NULL, 0, "" },
	{ "daytime", multicall_daytime, CONNECTION, "", NULL, NULL, 0, "" },
	{ "daytime", multicall_daytime, FILTER_UNIX, "x", NULL, NULL, 0, "" },
	{ "daytime", multicall_daytime, DATAGRAM, "x", NULL, NULL, EX_OSERR, "reading or writing failed" },
	{ "daytime more", multicall_daytime, CONNECTION, "", "", NULL, EX_USAGE, "takes no arguments" },
	{ "time", multicall_time, CONNECTION, "", NULL, NULL, 0, "" },
	{ "time", multicall_time, FILTER_UNIX, "x", NULL, NULL, 0, "" },
	{ "chargen", multicall_chargen, FILTER_UNIX, "x", NULL, NULL, 0, "" },
	{ "qotd", multicall_qotd, CONNECTION, "", NULL, NULL, 0, "" },
	{ "qotd", multicall_qotd, FILTER_UNIX, "x", NULL, NULL, 0, "" },
	{ "qotd /nonexistent/quotes", multicall_qotd, CONNECTION, "", "", NULL, EX_NOINPUT, "quotes" },
	{ "qotd a b", multicall_qotd, CONNECTION, "", "", NULL, EX_USAGE, "usage" },
	{ "relay", multicall_relay, CONNECTION, "", "", NULL, EX_USAGE, "usage: relay" },
	{ "relay -x", multicall_relay, CONNECTION, "", "", NULL, EX_USAGE, "usage: relay" },
	{ "relay -t 0 a b", multicall_relay, CONNECTION, "", "", NULL, EX_USAGE, "usage: relay" },
	{ "relay -t 1x a b", multicall_relay, CONNECTION, "", "", NULL, EX_USAGE, "usage: relay" },
	{ "relay -t 99999999 a b", multicall_relay, CONNECTION, "", "", NULL, EX_USAGE, "usage: relay" },
	{ "relay a b c", multicall_relay, CONNECTION, "", "", NULL, EX_USAGE, "usage: relay" },
	{ "relay 127.0.0.1 70000", multicall_relay, CONNECTION, "", "", NULL, EX_USAGE, "there is no port" },
	{ "relay 127.0.0.1 nosuchservice", multicall_relay, CONNECTION, "", "", NULL, EX_USAGE, "there is no port" },
	{ "relay unix:", multicall_relay, CONNECTION, "", "", NULL, EX_USAGE, "1 to 107" },
	{ "relay unix:/nonexistent/socket", multicall_relay, CONNECTION, "", "", NULL, EX_UNAVAILABLE, "is this the path" },
	{ "relay unix:@usherd-fault-none", multicall_relay, CONNECTION, "", "", NULL, EX_UNAVAILABLE, "is the server running" },
	{ "relay 127.0.0.1 1", multicall_relay, CONNECTION, "", "", NULL, EX_UNAVAILABLE, "is the server running" },
	{ "relay 127.0.0.1 1", multicall_relay, FILTER_UNIX, "", "", NULL, EX_USAGE, "not datagrams" },
	{ "relay -t 2 unix:@SERVER", multicall_relay, CONNECTION, "hello\n", "hello\n", NULL, 0, "" },
	{ "relay -t 2 127.0.0.1 SERVER", multicall_relay, CONNECTION, "hello\n", "hello\n", NULL, 0, "" },
	{ "relay -t 2 127.0.0.1 SERVER", multicall_relay, PIPES, "hello\n", "hello\n", NULL, 0, "" },
};

static const struct row *row;
static int client, output_end, kept[3];
static bool was_open[FIRST_KEPT]; /* the others are the service's, which leaves them to its exit */
static char said_path[64], said[4096], got[4096];
static uint16_t server_port;
static pid_t server;

/* ---- a server for relay: gives back what it is sent ---- */

static void give_back(int listener)
{
	int fd = accept(listener, NULL, NULL);
	char bytes[256];
	ssize_t n;

	while (fd >= 0 && (n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		(void)!send(fd, bytes, (size_t)n, MSG_NOSIGNAL);
	if (fd >= 0)
		close(fd);
}

static void start_server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(address);
	int tcp = socket(AF_INET, SOCK_STREAM, 0), local = socket(AF_UNIX, SOCK_STREAM, 0), size;

	ck_assert_int_eq(bind(tcp, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(getsockname(tcp, (struct sockaddr *)&address, &length), 0);
	server_port = ntohs(address.sin_port);
	size = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "usherd-fault-%u", server_port);
	ck_assert_int_eq(bind(local, (struct sockaddr *)&name,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size)), 0);
	ck_assert_int_eq(listen(tcp, 50), 0);
	ck_assert_int_eq(listen(local, 50), 0);
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server == 0) {
		struct pollfd ready[2] = { { .fd = tcp, .events = POLLIN }, { .fd = local, .events = POLLIN } };

		alarm(100);
		for (;;) {
			poll(ready, 2, -1);
			give_back(ready[0].revents != 0 ? tcp : local);
		}
	}
	close(tcp);
	close(local);
}

/* ---- descriptors 0, 1 and 2 ---- */

static void keep_descriptors(void)
{
	int fd = open(said_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	fflush(stdout);
	for (int i = 0; i < 3; i++)
		kept[i] = fcntl(i, F_DUPFD_CLOEXEC, FIRST_KEPT);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

static void return_descriptors(void)
{
	for (int fd = 0; fd < FIRST_KEPT; fd++)
		if (!was_open[fd])
			(void)close(fd);
	fflush(stdout);
	fflush(stderr);
	for (int i = 0; i < 3; i++) {
		dup2(kept[i], i);
		close(kept[i]);
	}
}

static void use_descriptors(int input, int output)
{
	dup2(input, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	if (output != input)
		close(output);
	close(input);
}

static void use_pair(int type, bool patient)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
	client = ends[0];
	if (patient)
		fcntl(ends[1], F_SETFL, O_NONBLOCK);
	for (int i = 0; i < (type == SOCK_DGRAM ? 2 : 1); i++)
		(void)!send(client, row->input, strlen(row->input), 0);
	shutdown(client, SHUT_WR);
	use_descriptors(ends[1], ends[1]);
}

static void use_pipes(bool seqpacket)
{
	int input[2], output[2];

	ck_assert_int_eq(pipe2(input, O_CLOEXEC), 0);
	if (seqpacket)
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, output), 0);
	else
		ck_assert_int_eq(pipe2(output, O_CLOEXEC), 0);
	ck_assert_int_ge(write(input[1], row->input, strlen(row->input)), 0);
	close(input[1]);
	output_end = output[0];
	use_descriptors(input[0], output[1]);
}

static void set_or_not(const char *name, const char *value)
{
	if (value == NULL || strcmp(value, "-") == 0)
		unsetenv(name);
	else
		setenv(name, value, 1);
}

static void use_environment(void)
{
	static const char *const names[] = { "UDPREMOTEIP", "UDPREMOTEPORT", "UDPLOCALIP", "UDPLOCALPORT",
					     "USHERD_UDP_PORTS" };
	char text[256], *at = NULL;

	snprintf(text, sizeof(text), "%s", row->environment != NULL ? row->environment : "- - - - -");
	for (size_t i = 0; i < ELEMENTS(names); i++)
		set_or_not(names[i], strtok_r(i == 0 ? text : NULL, " ", &at));
	set_or_not("PROTO", row->way == FILTER ? "UDP" : NULL);
}

static void use_datagram(int family)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&in : (struct sockaddr *)&in6;
	socklen_t length = family == AF_INET ? sizeof(in) : sizeof(in6);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), yes = 1;

	ck_assert_int_eq(bind(fd, address, length), 0);
	ck_assert_int_eq(getsockname(fd, address, &length), 0);
	(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof(yes));
	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof(yes));
	client = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(connect(client, address, length), 0);
	for (int i = 0; i < 2; i++) /* the second has the service go on */
		ck_assert_int_ge(send(client, row->input, strlen(row->input), 0), 0);
	use_descriptors(fd, fd);
}

static void use_listener(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	use_descriptors(fd, fd);
}

static void prepare(void)
{
	client = output_end = -1;
	use_environment();
	keep_descriptors();
	switch (row->way) {
	case CONNECTION:
	case PATIENT:
		use_pair(SOCK_STREAM, row->way == PATIENT);
		break;
	case PIPES:
	case FILTER:
		use_pipes(false);
		break;
	case FILTER_UNIX:
		use_pipes(true);
		break;
	case DATAGRAM:
	case DATAGRAM6:
		use_datagram(row->way == DATAGRAM ? AF_INET : AF_INET6);
		break;
	case DATAGRAM_UNIX:
		use_pair(SOCK_DGRAM, false);
		break;
	case LISTENER:
		use_listener();
		break;
	}
	for (int fd = 0; fd < FIRST_KEPT; fd++)
		was_open[fd] = fcntl(fd, F_GETFD) >= 0;
}

static int work(void)
{
	static char words[256];
	char *arguments[16], number[64], *at = NULL;
	int count = 0;

	snprintf(words, sizeof(words), "%s", row->words);
	for (char *word = strtok_r(words, " ", &at); word != NULL && count < 15; word = strtok_r(NULL, " ", &at))
		arguments[count++] = word;
	if (strcmp(arguments[count - 1], "SERVER") == 0) {
		snprintf(number, sizeof(number), "%u", server_port);
		arguments[count - 1] = number;
	} else if (strcmp(arguments[count - 1], "unix:@SERVER") == 0) {
		snprintf(number, sizeof(number), "unix:@usherd-fault-%u", server_port);
		arguments[count - 1] = number;
	}
	arguments[count] = NULL;
	optind = 0;
	return row->main(count, arguments);
}

static void take_output(void)
{
	int from = client >= 0 ? client : output_end, fd;
	ssize_t n = 0;

	got[0] = said[0] = '\0';
	if (from >= 0) {
		(void)fcntl(from, F_SETFL, O_NONBLOCK);
		n = read(from, got, sizeof(got) - 1);
		got[n > 0 ? n : 0] = '\0';
		close(from);
	}
	fd = open(said_path, O_RDONLY | O_CLOEXEC);
	n = read(fd, said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = '\0';
	close(fd);
}

static void finish(int result, const struct faulty_plan *plan)
{
	static const int statuses[] = { 0, EX_USAGE, EX_OSERR, EX_UNAVAILABLE, EX_NOINPUT, EX_IOERR, EX_DATAERR, 1 };
	bool known = false;

	return_descriptors();
	take_output();
	for (size_t i = 0; i < ELEMENTS(statuses); i++)
		known |= result == statuses[i];
	ck_assert_msg(known, "%s, %s: status %d", row->words, faulty_now(), result);
	if (result != 0)
		ck_assert_msg(said[0] != '\0', "%s, %s: status %d without a word", row->words, faulty_now(), result);
	/* A client may get less, and never anything else. */
	if (row->output != NULL)
		ck_assert_msg(strncmp(row->output, got, strlen(got)) == 0 ||
				      (row->way == FILTER && plan != NULL && strcmp(got, row->input) == 0),
			      "%s, %s: got %s", row->words, faulty_now(), got);
}

/* ---- tests ---- */

static void set_up(void)
{
	snprintf(said_path, sizeof(said_path), "/tmp/usherd-fault-said-XXXXXX");
	close(mkstemp(said_path));
	server = 0;
	row = NULL;
}

static void tear_down(void)
{
	unlink(said_path);
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
}

/* What ends a service that would wait for more datagrams. */
static const struct faulty_plan after_one = { FAULTY_recvmsg, 2, EBADF, true };

static bool is_endless(void)
{
	return row->way == DATAGRAM || row->way == DATAGRAM6 || row->way == DATAGRAM_UNIX;
}

START_TEST(served)
{
	int status;

	row = &rows[_i];
	if (strstr(row->words, "SERVER") != NULL)
		start_server();
	prepare();
	faulty_begin(is_endless() ? &after_one : NULL);
	status = work();
	faulty_end();
	return_descriptors();
	take_output();
	ck_assert_msg(status == row->status, "%s: status %d, %s", row->words, status, said);
	ck_assert_msg(strstr(said, row->says) != NULL, "%s: %s", row->words, said);
	if (row->output != NULL)
		ck_assert_str_eq(got, row->output);
	else
		ck_assert_msg(got[0] != '\0', "%s: no answer", row->words);
}
END_TEST

START_TEST(each_call)
{
	struct faulty_work all = { "service", prepare, work, finish, 24 };

	row = &rows[_i];
	if (is_endless() || strstr(row->words, "SERVER") != NULL || row->status == EX_USAGE ||
	    row->main == multicall_chargen)
		return; /* below; those ask for nothing; and that one never ends on what it does not know */
	ck_assert_uint_gt(faulty_sweep(&all), 0);
}
END_TEST

static const struct {
	enum way way;
	struct faulty_plan plan;
	const char *output;
	int status;
} datagrams[] = {
	{ DATAGRAM, { FAULTY_recvmsg, 1, EBADF, true }, "", EX_OSERR },
	{ DATAGRAM, { FAULTY_recvmsg, 1, ENOTSOCK, true }, "", EX_OSERR },
	{ DATAGRAM, { FAULTY_recvmsg, 1, EINVAL, true }, "", EX_OSERR },
	{ DATAGRAM, { FAULTY_recvmsg, 2, ENOMEM, true }, "hello\n", EX_OSERR },
	{ DATAGRAM, { FAULTY_getsockname, 1, ENOBUFS, true }, "", EX_OSERR },
	{ DATAGRAM, { FAULTY_getsockname, 1, ECONNRESET, true }, "", 0 },
};

START_TEST(datagram_trouble)
{
	static struct row one;
	int status;

	one = (struct row){ "echo", multicall_echo, datagrams[_i].way, "hello\n", NULL, NULL, 0, "" };
	row = &one;
	prepare();
	faulty_begin(&datagrams[_i].plan);
	status = work();
	faulty_end();
	return_descriptors();
	take_output();
	ck_assert_int_eq(status, datagrams[_i].status);
	ck_assert_str_eq(got, datagrams[_i].output);
}
END_TEST

/* What relay says for each error of connecting. */
static const struct {
	struct faulty_plan plan;
	int status;
	const char *says;
} relays[] = {
	{ { FAULTY_connect, 1, EACCES, true }, EX_UNAVAILABLE, "may this user connect there?" },
	{ { FAULTY_connect, 1, EPERM, true }, EX_UNAVAILABLE, "may this user connect there?" },
	{ { FAULTY_connect, 1, ETIMEDOUT, true }, EX_UNAVAILABLE, "is the host up" },
	{ { FAULTY_connect, 1, ENETUNREACH, true }, EX_UNAVAILABLE, "unreachable" },
	{ { FAULTY_connect, 1, EINPROGRESS, true }, EX_UNAVAILABLE, "broke: " },
	{ { FAULTY_socket, 1, EMFILE, true }, EX_UNAVAILABLE, "Too many open files" },
	{ { FAULTY_getaddrinfo, 1, EAI_NONAME, true }, EX_UNAVAILABLE, "cannot find host 127.0.0.1" },
	{ { FAULTY_getaddrinfo, 1, EAI_SYSTEM, true }, EX_OSERR, "cannot find host 127.0.0.1" },
	{ { FAULTY_getaddrinfo, 1, EAI_MEMORY, true }, EX_OSERR, "cannot find host 127.0.0.1" },
	{ { FAULTY_getaddrinfo, 1, EAI_SERVICE, true }, EX_USAGE, "there is no port" },
	{ { FAULTY_pipe2, 1, EMFILE, true }, EX_OSERR, "cannot prepare the pipes" },
	{ { FAULTY_pipe2, 2, EMFILE, true }, EX_OSERR, "cannot prepare the pipes" },
	{ { FAULTY_fcntl, 1, EIO, true }, EX_OSERR, "cannot prepare the pipes" },
	{ { FAULTY_poll, 1, ENOMEM, true }, EX_UNAVAILABLE, "cannot connect to host 127.0.0.1" },
	{ { FAULTY_poll, 2, ENOMEM, true }, EX_OSERR, "cannot wait for data" },
	{ { FAULTY_splice, 1, EIO, true }, EX_UNAVAILABLE, "broke: Input/output error" },
	{ { FAULTY_splice, 1, EINVAL, true }, 0, "" },
	{ { FAULTY_splice, 2, EINVAL, true }, 0, "" },
	{ { FAULTY_splice, 3, EINVAL, true }, 0, "" },
	{ { FAULTY_splice, 1, EAGAIN, false }, 0, "" },
	{ { FAULTY_splice, 1, EINTR, false }, 0, "" },
	{ { FAULTY_splice, 2, EINTR, false }, 0, "" },
	{ { FAULTY_poll, 1, EINTR, false }, 0, "" },
	{ { FAULTY_poll, 2, EINTR, false }, 0, "" },
	{ { FAULTY_setsockopt, 1, EPERM, true }, 0, "" },
	{ { FAULTY_read, 1, EINTR, false }, 0, "" },
	{ { FAULTY_write, 1, EINTR, false }, 0, "" },
};

START_TEST(relay_trouble)
{
	static const struct row one = { "relay -t 1 127.0.0.1 SERVER", multicall_relay, CONNECTION, "hello\n", NULL, NULL, 0,
					"" };
	int status;

	row = &one;
	start_server();
	prepare();
	faulty_begin(&relays[_i].plan);
	status = work();
	faulty_end();
	return_descriptors();
	take_output();
	ck_assert_msg(status == relays[_i].status, "%d: %s", status, said);
	ck_assert_msg(strstr(said, relays[_i].says) != NULL, "%s", said);
	if (status == 0)
		ck_assert_str_eq(got, "hello\n");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_services");
	TCase *all = tcase_create("services");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_set_timeout(all, 30);
	tcase_add_loop_test(all, served, 0, ELEMENTS(rows));
	tcase_add_loop_test(all, each_call, 0, ELEMENTS(rows));
	tcase_add_loop_test(all, datagram_trouble, 0, ELEMENTS(datagrams));
	tcase_add_loop_test(all, relay_trouble, 0, ELEMENTS(relays));
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
