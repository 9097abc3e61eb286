/* loadgen - a closed-loop load generator for services that echo.
 *
 * Each of N clients does, over and over: connect, send M bytes (one line), read them back,
 * half-close, read end of file, close. Counts connections a second, errors by
 * kind, and the latency from the start of connect() to the first byte of the
 * answer. One thread and one epoll loop, so that on a small machine the load
 * costs little beside what is measured.
 *
 * The client closes first, so TIME_WAIT is on its side; with -S the source
 * address is rotated (127.0.0.0/8 is all ours), so that ports do not run out.
 *
 * Other uses: -H holds idle sessions open meanwhile; -W does only that, until
 * end of file on stdin; -u sends datagrams and awaits the answers; -w waits
 * until the port accepts; -L raises the loopback interface of a fresh network
 * namespace. Prints one line of key=value; exit status 1 when there were errors. */
#include "base.h"
#include "histogram.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { EVENTS_MAX = 256, MESSAGE_MAX = 1 << 20, SWEEP_MS = 50 };

enum outcome {
	OUTCOME_GOOD,
	OUTCOME_REFUSED,
	OUTCOME_RESET,
	OUTCOME_TIMEOUT,
	OUTCOME_SHORT, /* end of file before the whole answer */
	OUTCOME_WRONG, /* other bytes than those sent */
	OUTCOME_OTHER,
	OUTCOME_COUNT
};
static const char *const outcome_names[] = {
	[OUTCOME_GOOD] = "good",       [OUTCOME_REFUSED] = "refused", [OUTCOME_RESET] = "reset",
	[OUTCOME_TIMEOUT] = "timeout", [OUTCOME_SHORT] = "short",     [OUTCOME_WRONG] = "wrong",
	[OUTCOME_OTHER] = "other",
};
static_assert(ELEMENTS(outcome_names) == OUTCOME_COUNT, "every outcome has a name");

enum state { STATE_CLOSED, STATE_SENDING, STATE_READING, STATE_HELD, STATE_ENDING };
enum phase { PHASE_FILL, PHASE_LOAD, PHASE_DRAIN, PHASE_RELEASE };

struct client {
	int fd;
	enum state state;
	bool held; /* one of the idle sessions */
	size_t sent, received;
	uint64_t start_ns;
};

struct options {
	struct sockaddr_in target, source;
	unsigned port_first, port_last, sources;
	unsigned clients, hold;
	double seconds;
	uint64_t connections; /* 0: until the time is over */
	uint64_t timeout_ns, wait_ns;
	size_t message;
	bool random_port, datagram, hold_only, loopback_up;
};

struct run {
	struct options options;
	int epoll_fd;
	enum phase phase;
	struct client *clients; /* options.hold idle ones first, then the working ones */
	unsigned active, hold_next, hold_open, hold_lost;
	uint64_t started, done, attempts;
	uint64_t load_start_ns, load_end_ns;
	uint64_t outcomes[OUTCOME_COUNT];
	struct histogram latency;
	char *message, *buffer;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static enum outcome outcome_of_errno(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return OUTCOME_REFUSED;
	case ECONNRESET:
	case EPIPE:
		return OUTCOME_RESET;
	case ETIMEDOUT:
		return OUTCOME_TIMEOUT;
	default:
		return OUTCOME_OTHER;
	}
}

/* The addresses of the next connection: ports and sources take turns. */
static void next_addresses(struct run *run, struct sockaddr_in *ret_target, struct sockaddr_in *ret_source)
{
	const struct options *options = &run->options;
	unsigned ports = options->port_last - options->port_first + 1;
	uint64_t turn = options->random_port ? (uint64_t)random() : run->attempts;

	*ret_target = options->target;
	ret_target->sin_port = htons((uint16_t)(options->port_first + turn % ports));
	*ret_source = options->source;
	ret_source->sin_addr.s_addr =
		htonl(ntohl(options->source.sin_addr.s_addr) + (uint32_t)(run->attempts % options->sources));
	run->attempts++;
}

/* Opens the socket and begins to connect. Returns 0 or -errno. */
static int client_connect(struct run *run, struct client *client)
{
	struct sockaddr_in target, source;
	int type = (run->options.datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;

	client->start_ns = now_ns();
	next_addresses(run, &target, &source);
	client->fd = socket(AF_INET, type, 0);
	if (client->fd < 0)
		return -errno;
	if (source.sin_addr.s_addr != htonl(INADDR_ANY)) {
		/* The port is chosen at connect(), where only the whole four-tuple must be unique. */
		setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
		if (bind(client->fd, (struct sockaddr *)&source, sizeof(source)) < 0)
			return -errno;
	}
	if (connect(client->fd, (struct sockaddr *)&target, sizeof(target)) < 0 && errno != EINPROGRESS)
		return -errno;
	return 0;
}

static void client_finish(struct run *run, struct client *client, enum outcome outcome);

/* Sends what is left of the message; on loopback that mostly goes at once. */
static void client_send(struct run *run, struct client *client)
{
	size_t length = run->options.message;

	while (client->sent < length) {
		ssize_t n = send(client->fd, run->message + client->sent, length - client->sent, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			client_finish(run, client, outcome_of_errno(errno));
			return;
		}
		client->sent += (size_t)n;
	}
	client->state = STATE_READING;
}

static void client_start(struct run *run, struct client *client)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
	int r;

	client->state = STATE_SENDING;
	client->sent = client->received = 0;
	run->active++;
	run->started++;
	r = client_connect(run, client);
	if (r < 0) {
		client_finish(run, client, outcome_of_errno(-r));
		return;
	}
	client_send(run, client);
	if (client->state == STATE_CLOSED)
		return;
	if (client->state == STATE_SENDING)
		event.events |= EPOLLOUT;
	if (epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, client->fd, &event) < 0)
		client_finish(run, client, OUTCOME_OTHER);
}

static bool may_load(const struct run *run)
{
	if (run->phase != PHASE_LOAD)
		return false;
	return run->options.connections == 0 || run->started < run->options.connections;
}

static bool may_hold(const struct run *run)
{
	return run->phase == PHASE_FILL && run->hold_next < run->options.hold;
}

/* Closes and accounts. The next connection is started by the loop, not here, so
 * that a server that refuses cannot make this recurse. */
static void client_finish(struct run *run, struct client *client, enum outcome outcome)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	client->state = STATE_CLOSED;
	run->active--;
	if (client->held && run->phase != PHASE_FILL) {
		if (outcome != OUTCOME_GOOD)
			run->hold_lost++;
		return;
	}
	if (outcome != OUTCOME_GOOD)
		run->outcomes[outcome]++;
	else if (run->phase == PHASE_LOAD)
		run->done++;
}

/* The whole answer is here: hold the session, or half-close. */
static void client_answered(struct run *run, struct client *client)
{
	if (run->options.datagram) {
		client_finish(run, client, OUTCOME_GOOD);
		return;
	}
	if (client->held) {
		client->state = STATE_HELD;
		run->hold_open++;
		run->active--;
		return;
	}
	client->state = STATE_ENDING;
	if (shutdown(client->fd, SHUT_WR) < 0)
		client_finish(run, client, outcome_of_errno(errno));
}

static void client_read(struct run *run, struct client *client)
{
	size_t length = run->options.message;
	ssize_t n = recv(client->fd, run->buffer, length + 1, 0);

	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			client_finish(run, client, outcome_of_errno(errno));
		return;
	}
	if (n == 0) {
		client_finish(run, client, client->state == STATE_ENDING ? OUTCOME_GOOD : OUTCOME_SHORT);
		return;
	}
	if (client->received == 0 && !client->held)
		histogram_add(&run->latency, now_ns() - client->start_ns);
	if (client->received + (size_t)n > length ||
	    memcmp(run->buffer, run->message + client->received, (size_t)n) != 0) {
		client_finish(run, client, OUTCOME_WRONG);
		return;
	}
	client->received += (size_t)n;
	if (client->received == length)
		client_answered(run, client);
}

static void client_event(struct run *run, struct client *client, uint32_t events)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};

	if (client->state == STATE_HELD) { /* a held session has nothing to say: it ended */
		run->active++;
		client_finish(run, client, OUTCOME_SHORT);
		return;
	}
	if (client->state == STATE_SENDING) {
		client_send(run, client);
		if (client->state == STATE_CLOSED)
			return;
		if (client->state == STATE_READING)
			epoll_ctl(run->epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
	}
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		client_read(run, client);
}

/* Starts what may start and ends what took too long. */
static void clients_sweep(struct run *run, uint64_t now)
{
	unsigned total = run->options.hold + run->options.clients;

	for (unsigned i = 0; i < total; i++) {
		struct client *client = &run->clients[i];

		if (client->state != STATE_CLOSED && client->state != STATE_HELD &&
		    now > client->start_ns + run->options.timeout_ns)
			client_finish(run, client, OUTCOME_TIMEOUT);
		if (client->state == STATE_CLOSED && !client->held && may_load(run))
			client_start(run, client);
	}
}

static void fill_next(struct run *run)
{
	while (may_hold(run) && run->active < run->options.clients)
		client_start(run, &run->clients[run->hold_next++]);
}

/* Runs the phase to its end: no connection under way and none to be started. */
static void run_phase(struct run *run, enum phase phase, uint64_t end_ns)
{
	uint64_t swept_ns = 0;

	run->phase = phase;
	for (;;) {
		struct epoll_event events[EVENTS_MAX];
		uint64_t now = now_ns();
		int count;

		if (run->phase == PHASE_LOAD && now >= end_ns) {
			run->load_end_ns = now;
			run->phase = PHASE_DRAIN;
		}
		fill_next(run);
		if (now - swept_ns >= SWEEP_MS * NS_PER_MS) {
			clients_sweep(run, now);
			swept_ns = now;
		}
		if (run->active == 0 && !may_load(run) && !may_hold(run))
			return;
		count = epoll_wait(run->epoll_fd, events, EVENTS_MAX, SWEEP_MS);
		for (int i = 0; i < count; i++) {
			struct client *client = events[i].data.ptr;

			client_event(run, client, events[i].events);
			if (client->state == STATE_CLOSED && !client->held && may_load(run))
				client_start(run, client);
		}
	}
}

/* Ends the held sessions as a client would, and sees each of them end. */
static void release_held(struct run *run)
{
	run->phase = PHASE_RELEASE;
	for (unsigned i = 0; i < run->options.hold; i++) {
		struct client *client = &run->clients[i];

		if (client->state != STATE_HELD)
			continue;
		client->state = STATE_ENDING;
		client->start_ns = now_ns();
		run->active++;
		if (shutdown(client->fd, SHUT_WR) < 0)
			client_finish(run, client, OUTCOME_RESET);
	}
	run_phase(run, PHASE_RELEASE, 0);
}

static uint64_t errors_total(const struct run *run)
{
	uint64_t total = run->hold_lost;

	for (unsigned i = OUTCOME_GOOD + 1; i < OUTCOME_COUNT; i++)
		total += run->outcomes[i];
	return total;
}

static void print_result(const struct run *run)
{
	double seconds = (double)(run->load_end_ns - run->load_start_ns) / (double)NS_PER_S;

	printf("connections=%llu seconds=%.3f rate=%.1f p50_us=%llu p99_us=%llu max_us=%llu errors=%llu",
	       (unsigned long long)run->done, seconds, seconds > 0 ? (double)run->done / seconds : 0,
	       (unsigned long long)(histogram_quantile(&run->latency, 0.50) / 1000),
	       (unsigned long long)(histogram_quantile(&run->latency, 0.99) / 1000),
	       (unsigned long long)(run->latency.max / 1000), (unsigned long long)errors_total(run));
	for (unsigned i = OUTCOME_GOOD + 1; i < OUTCOME_COUNT; i++)
		printf(" %s=%llu", outcome_names[i], (unsigned long long)run->outcomes[i]);
	printf(" held=%u held_lost=%u\n", run->hold_open, run->hold_lost);
	fflush(stdout);
}

/* Waits until the port accepts, trying every millisecond. */
static int wait_ready(const struct options *options)
{
	uint64_t start = now_ns();

	do {
		_cleanup_fd_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd >= 0 && connect(fd, (const struct sockaddr *)&options->target, sizeof(options->target)) == 0) {
			printf("ready_ms=%.1f\n", (double)(now_ns() - start) / (double)NS_PER_MS);
			return 0;
		}
		nanosleep(&(struct timespec){.tv_nsec = (long)NS_PER_MS}, NULL);
	} while (now_ns() - start < options->wait_ns);
	return 1;
}

static int raise_loopback(void)
{
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo"};

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return 1;
	request.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? 1 : 0;
}

static void usage(void)
{
	fputs("usage: loadgen [-c CLIENTS] [-t SECONDS | -n CONNECTIONS] [-m BYTES] [-s SOURCE] [-S SOURCES]\n"
	      "               [-H HELD [-W]] [-T TIMEOUT_MS] [-r] [-u] ADDRESS PORT[-PORT]\n"
	      "       loadgen -w MILLISECONDS ADDRESS PORT\n"
	      "       loadgen -L\n",
	      stderr);
	exit(64);
}

static uint64_t number_of(const char *text, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long number;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *text == '-' || number < min || number > max)
		usage();
	return number;
}

static void parse_target(struct options *options, const char *address, char *ports)
{
	char *dash = strchr(ports, '-');

	if (inet_pton(AF_INET, address, &options->target.sin_addr) != 1)
		usage();
	if (dash != NULL)
		*dash++ = '\0';
	options->port_first = options->port_last = (unsigned)number_of(ports, 1, 65535);
	if (dash != NULL)
		options->port_last = (unsigned)number_of(dash, options->port_first, 65535);
	options->target.sin_family = options->source.sin_family = AF_INET;
	options->target.sin_port = htons((uint16_t)options->port_first);
}

static void parse_option(struct options *options, int letter)
{
	switch (letter) {
	case 'c': options->clients = (unsigned)number_of(optarg, 1, 100000); break;
	case 't': options->seconds = strtod(optarg, NULL); break;
	case 'n': options->connections = number_of(optarg, 1, UINT64_MAX); break;
	case 'm': options->message = number_of(optarg, 1, MESSAGE_MAX); break;
	case 's':
		if (inet_pton(AF_INET, optarg, &options->source.sin_addr) != 1)
			usage();
		break;
	case 'S': options->sources = (unsigned)number_of(optarg, 1, 1 << 20); break;
	case 'H': options->hold = (unsigned)number_of(optarg, 0, 1000000); break;
	case 'T': options->timeout_ns = number_of(optarg, 1, 3600000) * NS_PER_MS; break;
	case 'w': options->wait_ns = number_of(optarg, 1, 3600000) * NS_PER_MS; break;
	case 'W': options->hold_only = true; break;
	case 'r': options->random_port = true; break;
	case 'u': options->datagram = true; break;
	case 'L': options->loopback_up = true; break;
	default: usage();
	}
}

static void parse_arguments(struct options *options, int argc, char **argv)
{
	int letter;

	*options = (struct options){
		.clients = 16, .seconds = 2, .message = 64, .sources = 1, .timeout_ns = 10 * NS_PER_S};
	while ((letter = getopt(argc, argv, "c:t:n:m:s:S:H:T:w:WruL")) != -1)
		parse_option(options, letter);
	if (options->loopback_up)
		return;
	if (argc - optind != 2 || (options->datagram && options->hold > 0))
		usage();
	parse_target(options, argv[optind], argv[optind + 1]);
	if (options->connections > 0) /* bounded all the same */
		options->seconds = 3600;
}

/* Held sessions are descriptors here, too. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Returns 0 or -errno. */
static int run_prepare(struct run *run)
{
	unsigned total = run->options.hold + run->options.clients;

	run->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	run->clients = calloc(total, sizeof(*run->clients));
	run->message = malloc(run->options.message);
	run->buffer = malloc(run->options.message + 1);
	if (run->epoll_fd < 0 || run->clients == NULL || run->message == NULL || run->buffer == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < total; i++)
		run->clients[i] = (struct client){.fd = -1, .held = i < run->options.hold};
	for (size_t i = 0; i < run->options.message; i++)
		run->message[i] = i + 1 < run->options.message ? (char)('a' + i % 23) : '\n';
	return 0;
}

enum { SETTLE_US = 1500000 };

static void run_all(struct run *run)
{
	run_phase(run, PHASE_FILL, 0);
	run->started = 0;
	/* What is measured is sessions that are idle, not the storm of their opening:
	 * the scheduler goes on for a while to count the load of groups that were just made. */
	if (run->options.hold > 0)
		usleep(SETTLE_US);
	if (!run->options.hold_only) {
		run->load_start_ns = now_ns();
		run_phase(run, PHASE_LOAD, run->load_start_ns + (uint64_t)(run->options.seconds * (double)NS_PER_S));
		if (run->load_end_ns == 0)
			run->load_end_ns = now_ns();
	} else {
		char byte;

		print_result(run);
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
	}
	release_held(run);
}

int main(int argc, char **argv)
{
	static struct run run;

	parse_arguments(&run.options, argc, argv);
	if (run.options.loopback_up)
		return raise_loopback();
	if (run.options.wait_ns > 0)
		return wait_ready(&run.options);
	raise_descriptors();
	if (run_prepare(&run) < 0) {
		perror("loadgen");
		return 71;
	}
	run_all(&run);
	if (!run.options.hold_only)
		print_result(&run);
	return errors_total(&run) > 0 ? 1 : 0;
}
