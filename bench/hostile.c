/* hostile - clients of a control socket that mean no good, many at once: they say nothing, half a
 * line, a megabyte without an end, noise, or ask and never read; and come again when they are
 * thrown out. One thread; most of the time it waits.
 *
 *   hostile -c CLIENTS -t SECONDS PATH
 *
 * Each tries to connect every second while it is not connected, as the daemon's queue is not
 * endless, and stays for at most three. Prints a line of key=value. */
#include "base.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define CLIENTS_MAX 20000
#define TICK_MS     20
#define RETRY_NS    NS_PER_S
#define STAY_NS     (3 * NS_PER_S)
#define MEGABYTE    (1U << 20)

enum habit { HABIT_SILENT, HABIT_HALF_LINE, HABIT_ENDLESS, HABIT_NOISE, HABIT_UNREAD, HABIT_FOLLOW, HABITS };

struct client {
	int fd; /* -1: not connected */
	enum habit habit;
	size_t to_send;
	uint64_t due_ns; /* when it connects, or leaves */
};

static struct {
	struct sockaddr_un target;
	struct client *clients;
	struct pollfd *polls;
	size_t count, connected;
	uint64_t tries, connections, full, thrown_out, sent;
} bench;

static char noise[65536];

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* The same at each run. */
static uint32_t random_number(void)
{
	static uint32_t state = 2463534242;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static size_t bytes_of(enum habit habit)
{
	switch (habit) {
	case HABIT_SILENT:
		return 0;
	case HABIT_HALF_LINE:
		return 1 + random_number() % 100;
	case HABIT_ENDLESS:
	case HABIT_NOISE:
	case HABIT_UNREAD:
		return MEGABYTE;
	case HABIT_FOLLOW:
		return strlen("tail\n");
	case HABITS:
		break;
	}
	BUG("no habit");
}

/* What the client says next: `*ret_length` bytes, of which it sends at most `to_send`. */
static const char *words_of(enum habit habit, size_t *ret_length)
{
	static const char question[] = "metrics\n";
	static char endless[sizeof(noise)], questions[sizeof(noise)];

	if (endless[0] == '\0') {
		memset(endless, 'x', sizeof(endless));
		for (size_t i = 0; i < sizeof(questions); i++)
			questions[i] = question[i % (sizeof(question) - 1)];
	}
	*ret_length = sizeof(noise);
	switch (habit) {
	case HABIT_FOLLOW:
		*ret_length = strlen("tail\n");
		return "tail\n";
	case HABIT_NOISE:
		return noise;
	case HABIT_UNREAD:
		return questions;
	case HABIT_SILENT:
	case HABIT_HALF_LINE:
	case HABIT_ENDLESS:
		return endless;
	case HABITS:
		break;
	}
	BUG("no habit");
}

static void leave(struct client *client, uint64_t pause_ns)
{
	close(client->fd);
	client->fd = -1;
	client->due_ns = now_ns() + pause_ns;
	bench.connected--;
}

static void come(struct client *client)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	bench.tries++;
	client->due_ns = now_ns() + RETRY_NS / 2 + random_number() % RETRY_NS;
	if (fd < 0 || connect(fd, (const struct sockaddr *)&bench.target, sizeof(bench.target)) != 0) {
		bench.full++;
		cleanup_fd(&fd);
		return;
	}
	bench.connections++;
	bench.connected++;
	*client = (struct client){
		.fd = fd,
		.habit = random_number() % HABITS,
		.due_ns = now_ns() + STAY_NS,
	};
	client->to_send = bytes_of(client->habit);
}

/* One piece; whoever is full waits for the next tick. */
static void speak(struct client *client)
{
	size_t length;
	const char *words = words_of(client->habit, &length);
	ssize_t n;

	if (length > client->to_send)
		length = client->to_send;
	n = send(client->fd, words, length, MSG_NOSIGNAL);
	if (n > 0) {
		client->to_send -= (size_t)n;
		bench.sent += (uint64_t)n;
	} else if (errno != EAGAIN) {
		bench.thrown_out++;
		leave(client, RETRY_NS);
	}
}

static void look(struct client *client, short events)
{
	if ((events & (POLLHUP | POLLERR | POLLRDHUP)) != 0) {
		bench.thrown_out++;
		leave(client, RETRY_NS);
	} else if ((events & POLLOUT) != 0) {
		speak(client);
	}
}

static void tick(void)
{
	uint64_t time_ns = now_ns();

	for (size_t i = 0; i < bench.count; i++) {
		struct client *client = &bench.clients[i];

		if (client->due_ns <= time_ns && client->fd < 0)
			come(client);
		else if (client->due_ns <= time_ns)
			leave(client, RETRY_NS);
		bench.polls[i] = (struct pollfd){
			.fd = client->fd,
			.events = (short)(POLLRDHUP | (client->to_send > 0 ? POLLOUT : 0)),
		};
	}
	poll(bench.polls, bench.count, 0);
	for (size_t i = 0; i < bench.count; i++)
		if (bench.polls[i].fd >= 0 && bench.polls[i].revents != 0)
			look(&bench.clients[i], bench.polls[i].revents);
	nanosleep(&(struct timespec){ .tv_nsec = (long)(TICK_MS * NS_PER_MS) }, NULL);
}

static int usage(void)
{
	fputs("usage: hostile -c CLIENTS -t SECONDS PATH\n", stderr);
	return 64;
}

int main(int argc, char **argv)
{
	double seconds = 0;
	uint64_t end_ns;
	int option;

	while ((option = getopt(argc, argv, "c:t:")) != -1) {
		if (option == 'c')
			bench.count = strtoul(optarg, NULL, 10);
		else if (option == 't')
			seconds = strtod(optarg, NULL);
		else
			return usage();
	}
	if (optind + 1 != argc || bench.count == 0 || bench.count > CLIENTS_MAX || seconds <= 0 ||
	    strlen(argv[optind]) >= sizeof(bench.target.sun_path))
		return usage();
	bench.target.sun_family = AF_UNIX;
	strcpy(bench.target.sun_path, argv[optind]);
	bench.clients = calloc(bench.count, sizeof(*bench.clients));
	bench.polls = calloc(bench.count, sizeof(*bench.polls));
	if (bench.clients == NULL || bench.polls == NULL)
		return 71;
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)random_number();
	end_ns = now_ns() + (uint64_t)(seconds * (double)NS_PER_S);
	for (size_t i = 0; i < bench.count; i++)
		bench.clients[i] =
			(struct client){ .fd = -1, .due_ns = now_ns() + random_number() % RETRY_NS };
	while (now_ns() < end_ns)
		tick();
	printf("clients=%zu connected=%zu tries=%llu connections=%llu full=%llu thrown_out=%llu sent=%llu\n",
	       bench.count, bench.connected, (unsigned long long)bench.tries,
	       (unsigned long long)bench.connections, (unsigned long long)bench.full,
	       (unsigned long long)bench.thrown_out, (unsigned long long)bench.sent);
	return EXIT_SUCCESS;
}
