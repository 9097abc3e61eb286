/* clients - clients with habits that loadgen's do not have, for the measurements of limits
 * and of ends. One thread, one epoll loop, all from one source address.
 *
 *   closed loop   N clients who come again as soon as they are through, whether they were served
 *                 or refused (how a flood from one source looks to the server).
 *   -p PACE       so many new ones a second, however the others fare. Latencies are from connect()
 *                 to the first byte of the answer, and are those of this client alone.
 *   -e            stays after the answer, silent, until the server ends it: how long limits take.
 *   -a BYTES      the answer is that long whatever is sent, and then ends; the request is sent
 *                 meanwhile and nothing is half-closed. Otherwise what is sent comes back.
 *
 * served: the whole answer (with -a and -e: and a clean end after it). refused: an end or a reset
 * before the first byte. broken: one in the midst of it, or a reset in place of the end.
 * failed: no connection, or no end in time. With -o each client served is a line in a file:
 * microseconds to the first byte, to the end, and from the whole answer to the end. */
#include "base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

enum { EVENTS_MAX = 256, CLIENTS_MAX = 20000, BUFFER = 256 * 1024, SWEEP_MS = 50 };

enum outcome { OUTCOME_SERVED, OUTCOME_REFUSED, OUTCOME_BROKEN, OUTCOME_FAILED, OUTCOME_COUNT };

struct client {
	int fd; /* -1: not in use */
	size_t sent, received;
	uint64_t start_ns, first_ns, whole_ns;
};

struct options {
	struct sockaddr_in target, source;
	unsigned clients, pace;
	double seconds;
	uint64_t connections; /* 0: until the time is over */
	uint64_t timeout_ns;
	size_t request, answer;
	bool separate; /* the answer is no echo */
	bool endure;
	const char *samples;
};

struct run {
	struct options options;
	int epoll_fd, timer_fd;
	struct client *clients;
	unsigned active, due; /* due: to be started by their pace */
	uint64_t started, end_ns;
	uint64_t outcomes[OUTCOME_COUNT];
	FILE *samples;
	char *buffer;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void write_sample(struct run *run, const struct client *client, uint64_t now)
{
	if (run->samples == NULL)
		return;
	fprintf(run->samples, "%llu %llu %llu\n", (unsigned long long)(client->first_ns - client->start_ns) / 1000,
		(unsigned long long)(now - client->start_ns) / 1000,
		(unsigned long long)(now - client->whole_ns) / 1000);
}

/* Closes and accounts; the loop starts the next one, so nothing recurses. */
static void client_finish(struct run *run, struct client *client, enum outcome outcome)
{
	if (outcome == OUTCOME_SERVED)
		write_sample(run, client, now_ns());
	run->outcomes[outcome]++;
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	run->active--;
}

/* The server is through with it: `error` 0 is end of file. */
static void client_ended(struct run *run, struct client *client, int error)
{
	bool whole = client->received == run->options.answer;

	if (error == ECONNREFUSED || error == ETIMEDOUT)
		client_finish(run, client, OUTCOME_FAILED);
	else if (whole && error == 0)
		client_finish(run, client, OUTCOME_SERVED);
	else
		client_finish(run, client, client->received == 0 ? OUTCOME_REFUSED : OUTCOME_BROKEN);
}

static void watch(struct run *run, struct client *client, int operation, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = client};

	epoll_ctl(run->epoll_fd, operation, client->fd, &event);
}

/* Sends as much as goes now. An error says nothing: what has come before it is still to be read. */
static void client_send(struct run *run, struct client *client)
{
	while (client->sent < run->options.request) {
		size_t left = run->options.request - client->sent;
		ssize_t n = send(client->fd, run->buffer, left < BUFFER ? left : BUFFER, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			client->sent = run->options.request;
		if (n < 0)
			return;
		client->sent += (size_t)n;
	}
}

/* Opens the socket and begins to connect. Returns 0 or -errno. */
static int client_connect(const struct options *options, struct client *client)
{
	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return -errno;
	setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
	if (options->source.sin_addr.s_addr != htonl(INADDR_ANY) &&
	    bind(client->fd, (const struct sockaddr *)&options->source, sizeof(options->source)) < 0)
		return -errno;
	if (connect(client->fd, (const struct sockaddr *)&options->target, sizeof(options->target)) < 0 &&
	    errno != EINPROGRESS)
		return -errno;
	return 0;
}

static void client_start(struct run *run, struct client *client)
{
	*client = (struct client){.fd = -1, .start_ns = now_ns()};
	client->first_ns = client->whole_ns = client->start_ns; /* for those who say and get nothing */
	run->active++;
	run->started++;
	if (client_connect(&run->options, client) < 0) {
		client_finish(run, client, OUTCOME_FAILED);
		return;
	}
	client_send(run, client);
	watch(run, client, EPOLL_CTL_ADD, client->sent < run->options.request ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void client_read(struct run *run, struct client *client)
{
	const struct options *options = &run->options;
	ssize_t n = recv(client->fd, run->buffer, BUFFER, 0);

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			client_ended(run, client, n == 0 ? 0 : errno);
		return;
	}
	if (client->received == 0)
		client->first_ns = now_ns();
	client->received += (size_t)n;
	if (client->received < options->answer)
		return;
	client->whole_ns = now_ns();
	if (!options->separate && !options->endure)
		client_finish(run, client, OUTCOME_SERVED);
}

static void client_event(struct run *run, struct client *client, uint32_t events)
{
	if (client->fd < 0)
		return;
	if ((events & EPOLLOUT) != 0) {
		client_send(run, client);
		if (client->sent == run->options.request)
			watch(run, client, EPOLL_CTL_MOD, EPOLLIN);
	}
	if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
		client_read(run, client);
}

static bool may_start(const struct run *run, uint64_t now)
{
	const struct options *options = &run->options;

	if (options->connections != 0 ? run->started >= options->connections : now >= run->end_ns)
		return false;
	return options->pace == 0 || run->due > 0;
}

/* Starts what may start and, now and then, ends what took too long. */
static void clients_sweep(struct run *run, uint64_t now, bool late)
{
	for (unsigned i = 0; i < run->options.clients; i++) {
		struct client *client = &run->clients[i];

		if (late && client->fd >= 0 && now > client->start_ns + run->options.timeout_ns)
			client_finish(run, client, OUTCOME_FAILED);
		if (client->fd < 0 && may_start(run, now)) {
			client_start(run, client);
			run->due -= run->due > 0;
		}
	}
}

static void pace_tick(struct run *run)
{
	uint64_t ticks = 0;

	if (read(run->timer_fd, &ticks, sizeof(ticks)) == (ssize_t)sizeof(ticks))
		run->due += (unsigned)ticks;
}

static void run_all(struct run *run)
{
	uint64_t swept_ns = now_ns();

	run->end_ns = swept_ns + (uint64_t)(run->options.seconds * (double)NS_PER_S);
	for (;;) {
		struct epoll_event events[EVENTS_MAX];
		uint64_t now = now_ns();
		bool late = now - swept_ns >= SWEEP_MS * NS_PER_MS;
		int count;

		if (late)
			swept_ns = now;
		clients_sweep(run, now, late);
		if (run->active == 0 && (run->options.connections != 0 ?
						 run->started >= run->options.connections :
						 now >= run->end_ns))
			return;
		count = epoll_wait(run->epoll_fd, events, EVENTS_MAX, SWEEP_MS);
		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == NULL)
				pace_tick(run);
			else
				client_event(run, events[i].data.ptr, events[i].events);
		}
	}
}

static void print_result(const struct run *run, double seconds)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("served=%llu refused=%llu broken=%llu failed=%llu seconds=%.3f cpu_ms=%lld\n",
	       (unsigned long long)run->outcomes[OUTCOME_SERVED], (unsigned long long)run->outcomes[OUTCOME_REFUSED],
	       (unsigned long long)run->outcomes[OUTCOME_BROKEN], (unsigned long long)run->outcomes[OUTCOME_FAILED],
	       seconds,
	       (long long)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
		       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000);
}

static void usage(void)
{
	fputs("usage: clients [-c CLIENTS] [-p PACE] [-t SECONDS | -n CONNECTIONS] [-m REQUEST_BYTES]\n"
	      "               [-a ANSWER_BYTES] [-e] [-s SOURCE] [-T TIMEOUT_MS] [-o SAMPLES] ADDRESS PORT\n",
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

static void parse_option(struct options *options, int letter)
{
	switch (letter) {
	case 'c': options->clients = (unsigned)number_of(optarg, 1, CLIENTS_MAX); break;
	case 'p': options->pace = (unsigned)number_of(optarg, 1, 100000); break;
	case 't': options->seconds = strtod(optarg, NULL); break;
	case 'n': options->connections = number_of(optarg, 1, UINT32_MAX); break;
	case 'm': options->request = number_of(optarg, 0, UINT32_MAX); break;
	case 'a': options->answer = number_of(optarg, 1, UINT32_MAX); options->separate = true; break;
	case 'e': options->endure = true; break;
	case 's':
		if (inet_pton(AF_INET, optarg, &options->source.sin_addr) != 1)
			usage();
		break;
	case 'T': options->timeout_ns = number_of(optarg, 1, 3600000) * NS_PER_MS; break;
	case 'o': options->samples = optarg; break;
	default: usage();
	}
}

static void parse_arguments(struct options *options, int argc, char **argv)
{
	int letter;

	*options = (struct options){.clients = 64, .seconds = 2, .request = 64, .timeout_ns = 10 * NS_PER_S};
	options->target.sin_family = options->source.sin_family = AF_INET;
	while ((letter = getopt(argc, argv, "c:p:t:n:m:a:es:T:o:")) != -1)
		parse_option(options, letter);
	if (argc - optind != 2 || inet_pton(AF_INET, argv[optind], &options->target.sin_addr) != 1)
		usage();
	options->target.sin_port = htons((uint16_t)number_of(argv[optind + 1], 1, 65535));
	if (!options->separate)
		options->answer = options->request;
}

/* Returns 0 or -1 with errno. */
static int run_prepare(struct run *run)
{
	uint64_t step_ns = run->options.pace > 0 ? NS_PER_S / run->options.pace : 0;
	struct timespec step = {.tv_sec = (time_t)(step_ns / NS_PER_S), .tv_nsec = (long)(step_ns % NS_PER_S)};
	struct itimerspec timer = {.it_interval = step, .it_value = step};
	struct epoll_event event = {.events = EPOLLIN};

	run->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	run->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	run->clients = calloc(run->options.clients, sizeof(*run->clients));
	run->buffer = calloc(1, BUFFER);
	if (run->epoll_fd < 0 || run->timer_fd < 0 || run->clients == NULL || run->buffer == NULL)
		return -1;
	for (unsigned i = 0; i < run->options.clients; i++)
		run->clients[i].fd = -1;
	if (run->options.samples != NULL && (run->samples = fopen(run->options.samples, "we")) == NULL)
		return -1;
	if (timerfd_settime(run->timer_fd, 0, &timer, NULL) < 0)
		return -1;
	return epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, run->timer_fd, &event);
}

int main(int argc, char **argv)
{
	static struct run run;
	uint64_t begin_ns;

	parse_arguments(&run.options, argc, argv);
	if (run_prepare(&run) < 0) {
		perror("clients");
		return 71;
	}
	begin_ns = now_ns();
	run_all(&run);
	print_result(&run, (double)(now_ns() - begin_ns) / (double)NS_PER_S);
	return run.samples != NULL && fclose(run.samples) != 0 ? 71 : 0;
}
