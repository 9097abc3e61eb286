/* relay - passes a connection on: relay [-t SECONDS] HOST PORT, or relay
 * [-t SECONDS] unix:/path (unix:@name for an abstract one).
 *
 * Both directions run at once and end on their own: when one side has finished
 * sending, the other is told so and may go on answering. Bytes go from socket
 * to socket by splice(2), through a pipe, without being copied; where a
 * descriptor cannot be spliced (a terminal, a file opened for appending) they
 * are read and written. Standard input and output may be one socket or two
 * pipes. Looks names up, so it is nothing for the daemon itself. */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define CHUNK ((size_t)64 * 1024) /* as much as a pipe holds */
#define TIMEOUT_DEFAULT_S 10
#define TIMEOUT_MAX_S 3600

struct target {
	const char *host, *port; /* or */
	const char *path;        /* after unix: */
	unsigned timeout_s;
};

/* One direction. Bytes wait in the pipe, or, once splicing has turned out not
 * to work, in the buffer. */
struct flow {
	int source, sink;
	int pipe[2];
	bool copy;    /* use the buffer */
	char *buffer; /* CHUNK bytes */
	size_t start; /* of what waits in the buffer */
	size_t held;  /* bytes waiting */
	bool full;    /* the pipe took no more; its slots fill up before its bytes do */
	bool ended;   /* the source has no more */
	bool closed;  /* the sink knows, or is gone */
	int error;    /* why reading stopped early, 0 or -errno */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for a connection that is under way. Returns 0 or -errno. */
static int await_connection(int fd, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd ready = { .fd = fd, .events = POLLOUT };
		int64_t left = deadline_ms - now_ms();
		int count = left <= 0 ? 0 : poll(&ready, 1, (int)left);
		int error = 0;
		socklen_t size = sizeof(error);

		if (count == 0)
			return -ETIMEDOUT;
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
			return -errno;
		return -error;
	}
}

/* Connects a new socket, which does not block. Returns it or -errno. */
static int connect_to(int family, const struct sockaddr *address, socklen_t length, int64_t deadline_ms)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, address, length) < 0)
		error = errno == EINPROGRESS ? await_connection(fd, deadline_ms) : -errno;
	if (error < 0) {
		close(fd);
		return error;
	}
	return fd;
}

/* Tries one address after the other; each gets its share of the time that is
 * left, so that one that does not answer cannot use up all of it. */
static int connect_to_any(const struct addrinfo *addresses, unsigned timeout_s)
{
	int64_t deadline_ms = now_ms() + (int64_t)timeout_s * 1000;
	int count = 0, fd = -EADDRNOTAVAIL;

	for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next)
		count++;
	for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next) {
		int64_t now = now_ms();

		fd = connect_to(a->ai_family, a->ai_addr, a->ai_addrlen, now + (deadline_ms - now) / count--);
		if (fd >= 0)
			break;
	}
	return fd;
}

static const char *advice(int error)
{
	switch (-error) {
	case ECONNREFUSED:
		return "; is the server running and listening there?";
	case ETIMEDOUT:
		return "; is the host up, and does a firewall let this through? (-t gives it more time)";
	case ENOENT:
		return "; is the server running, and is this the path of its socket?";
	case EACCES:
	case EPERM:
		return "; may this user connect there?";
	default:
		return "";
	}
}

static int bad_port(const char *port)
{
	fprintf(stderr, "relay: there is no port \"%s\"; give a number from 1 to 65535\n", port);
	return EX_USAGE;
}

/* Returns the socket, or -1 with a message and an exit code. */
static int connect_tcp(const struct target *target, int *ret_exit)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *addresses;
	int failed = getaddrinfo(target->host, target->port, &hints, &addresses);

	if (failed == EAI_SERVICE) {
		*ret_exit = bad_port(target->port);
		return -1;
	}
	if (failed != 0) {
		fprintf(stderr, "relay: cannot find host %s (port %s): %s; check the name and the resolver\n",
			target->host, target->port,
			failed == EAI_SYSTEM ? strerror(errno) : gai_strerror(failed));
		*ret_exit = failed == EAI_SYSTEM || failed == EAI_MEMORY ? EX_OSERR : EX_UNAVAILABLE;
		return -1;
	}

	int fd = connect_to_any(addresses, target->timeout_s);
	int yes = 1;

	freeaddrinfo(addresses);
	if (fd < 0) {
		fprintf(stderr, "relay: cannot connect to host %s port %s: %s%s\n", target->host,
			target->port, strerror(-fd), advice(fd));
		*ret_exit = EX_UNAVAILABLE;
		return -1;
	}
	/* What to send together the client has decided already; and a server
	 * that vanishes must not hold the client for ever. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
	return fd;
}

static int connect_unix(const struct target *target, int *ret_exit)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(target->path);

	if (length == 0 || length >= sizeof(address.sun_path)) {
		fprintf(stderr, "relay: unix:%s: a socket's path has 1 to %zu characters\n", target->path,
			sizeof(address.sun_path) - 1);
		*ret_exit = EX_USAGE;
		return -1;
	}
	memcpy(address.sun_path, target->path, length);
	if (address.sun_path[0] == '@')
		address.sun_path[0] = '\0';
	else
		length++;

	/* A Unix socket whose queue is full says EAGAIN and never becomes ready
	 * for it, so this is asked again until the time is over. */
	int64_t deadline_ms = now_ms() + (int64_t)target->timeout_s * 1000;
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	int fd;

	while ((fd = connect_to(AF_UNIX, (const void *)&address, size, deadline_ms)) == -EAGAIN) {
		if (now_ms() >= deadline_ms) {
			fd = -ETIMEDOUT;
			break;
		}
		(void)poll(NULL, 0, 20);
	}
	if (fd < 0) {
		fprintf(stderr, "relay: cannot connect to unix:%s: %s%s\n", target->path, strerror(-fd),
			advice(fd));
		*ret_exit = EX_UNAVAILABLE;
		return -1;
	}
	return fd;
}

/* Turns to copying: what the pipe holds moves to the buffer. */
static void start_copying(struct flow *flow)
{
	size_t got = 0;

	while (got < flow->held) {
		ssize_t length = read(flow->pipe[0], flow->buffer + got, flow->held - got);

		if (length <= 0)
			break;
		got += (size_t)length;
	}
	flow->held = got;
	flow->start = 0;
	flow->full = false;
	flow->copy = true;
}

/* One step of taking bytes in; the source is ready. */
static void take_in(struct flow *flow)
{
	ssize_t length = -1;

	if (!flow->copy) {
		length = splice(flow->source, NULL, flow->pipe[1], NULL, CHUNK, SPLICE_F_NONBLOCK);
		if (length < 0 && errno == EINVAL)
			start_copying(flow);
	}
	if (flow->copy) {
		if (flow->held > 0)
			return;
		flow->start = 0;
		length = read(flow->source, flow->buffer, CHUNK);
	}
	if (length > 0) {
		flow->held += (size_t)length;
	} else if (length == 0) {
		flow->ended = true;
	} else if (errno == EAGAIN) {
		/* The source was ready, so it is the pipe that is not. */
		flow->full = flow->held > 0;
	} else if (errno != EINTR) {
		flow->error = -errno;
		flow->ended = true;
	}
}

/* One step of giving bytes out; the sink is ready and there are some. */
static void give_out(struct flow *flow)
{
	ssize_t length = -1;

	if (!flow->copy) {
		length = splice(flow->pipe[0], NULL, flow->sink, NULL, flow->held, SPLICE_F_NONBLOCK);
		if (length < 0 && errno == EINVAL)
			start_copying(flow);
	}
	if (flow->copy)
		length = write(flow->sink, flow->buffer + flow->start, flow->held);
	if (length > 0) {
		flow->start += (size_t)length;
		flow->held -= (size_t)length;
		flow->full = false;
	} else if (length < 0 && errno != EAGAIN && errno != EINTR) {
		flow->closed = true;
	}
}

/* Tells the sink that nothing more comes, once all of it is out. */
static void settle(struct flow *flow)
{
	if (flow->closed || !flow->ended || flow->held > 0)
		return;
	if (shutdown(flow->sink, SHUT_WR) < 0 && errno == ENOTSOCK)
		close(flow->sink);
	flow->closed = true;
}

static void want(const struct flow *flow, struct pollfd *source, struct pollfd *sink)
{
	bool room = flow->copy ? flow->held == 0 : !flow->full;

	source->fd = flow->closed || flow->ended || !room ? -1 : flow->source;
	source->events = POLLIN;
	/* Also with nothing to write: a sink that breaks is to be noticed. */
	sink->fd = flow->closed ? -1 : flow->sink;
	sink->events = flow->held > 0 ? POLLOUT : 0;
}

static void act(struct flow *flow, const struct pollfd *source, const struct pollfd *sink)
{
	if (sink->revents != 0 && flow->held > 0)
		give_out(flow);
	else if (sink->revents & (POLLERR | POLLHUP | POLLNVAL))
		flow->closed = true;
	if (source->revents != 0 && !flow->closed)
		take_in(flow);
	settle(flow);
}

/* Runs both directions to their ends. Returns 0 or -errno of poll(2). */
static int run(struct flow flows[static 2])
{
	while (!flows[0].closed || !flows[1].closed) {
		struct pollfd ready[4];

		want(&flows[0], &ready[0], &ready[1]);
		want(&flows[1], &ready[2], &ready[3]);
		if (poll(ready, 4, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		act(&flows[0], &ready[0], &ready[1]);
		act(&flows[1], &ready[2], &ready[3]);
	}
	return 0;
}

/* Sockets must not block: splice(2) asks the socket, not its flags. Pipes are
 * left as they are, they may be shared with others (a shell, a terminal). */
static bool make_nonblocking(int fd)
{
	int type;
	socklen_t size = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		return true;

	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static int relay(void *context)
{
	static char buffers[2][CHUNK];
	const struct target *target = context;
	int exit_code = EX_OK, server;

	if (target->path != NULL)
		server = connect_unix(target, &exit_code);
	else
		server = connect_tcp(target, &exit_code);
	if (server < 0)
		return exit_code;

	struct flow flows[2] = {
		{ .source = STDIN_FILENO, .sink = server, .buffer = buffers[0] },
		{ .source = server, .sink = STDOUT_FILENO, .buffer = buffers[1] },
	};

	signal(SIGPIPE, SIG_IGN);
	if (!make_nonblocking(STDIN_FILENO) || !make_nonblocking(STDOUT_FILENO) ||
	    pipe2(flows[0].pipe, O_CLOEXEC | O_NONBLOCK) < 0 ||
	    pipe2(flows[1].pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
		fprintf(stderr, "relay: cannot prepare the pipes: %s\n", strerror(errno));
		return EX_OSERR;
	}

	int error = run(flows);

	if (error < 0) {
		fprintf(stderr, "relay: cannot wait for data: %s\n", strerror(-error));
		return EX_OSERR;
	}
	if (flows[1].error < 0) {
		fprintf(stderr, "relay: the connection to %s%s%s broke: %s\n",
			target->path != NULL ? "unix:" : target->host, target->path != NULL ? "" : " port ",
			target->path != NULL ? target->path : target->port, strerror(-flows[1].error));
		return EX_UNAVAILABLE;
	}
	return EX_OK;
}

/* A whole number in strict decimal. */
static bool parse_number(const char *text, unsigned most, unsigned *ret_number)
{
	unsigned number = 0;

	if (*text == '\0' || strspn(text, "0123456789") != strlen(text))
		return false;
	for (; *text != '\0'; text++) {
		number = number * 10 + (unsigned)(*text - '0');
		if (number > most)
			return false;
	}
	if (number == 0)
		return false;
	*ret_number = number;
	return true;
}

/* Returns 0, or an exit code with a message. */
static int parse_arguments(int argc, char **argv, struct target *target)
{
	unsigned port;
	int option;

	while ((option = getopt(argc, argv, "+t:")) != -1) {
		if (option != 't' || !parse_number(optarg, TIMEOUT_MAX_S, &target->timeout_s))
			goto usage;
	}
	argc -= optind;
	argv += optind;
	if (argc == 1 && strncmp(argv[0], "unix:", 5) == 0) {
		target->path = argv[0] + 5;
		return 0;
	}
	if (argc != 2 || argv[0][0] == '\0' || argv[1][0] == '\0')
		goto usage;
	target->host = argv[0];
	target->port = argv[1];
	/* The resolver takes 70000 and " 80" for numbers; names are its own. */
	if (strpbrk(target->port, "abcdefghijklmnopqrstuvwxyz") == NULL &&
	    !parse_number(target->port, UINT16_MAX, &port))
		return bad_port(target->port);
	return 0;
usage:
	fprintf(stderr,
		"usage: relay [-t SECONDS] HOST PORT\n"
		"       relay [-t SECONDS] unix:/PATH\n"
		"SECONDS, 1 to %d, is how long connecting may take (%d unless given).\n",
		TIMEOUT_MAX_S, TIMEOUT_DEFAULT_S);
	return EX_USAGE;
}

int main(int argc, char **argv)
{
	struct target target = { .timeout_s = TIMEOUT_DEFAULT_S };
	static const struct service service = {
		.name = "relay",
		.stream = relay,
	};
	int failed = parse_arguments(argc, argv, &target);

	return failed != 0 ? failed : service_run(&service, &target);
}
