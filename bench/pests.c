/* pests - TCP clients of a service that mean no good, many at once: they reset the connection at once or in
 * the midst of a reply, say nothing, half of something or a megabyte of noise, never read, or come and go.
 *
 *   pests [-c CLIENTS] [-t SECONDS] [-s SOURCE] [-S SOURCES] ADDRESS PORT[-PORT]
 *
 * Each stays for at most three seconds and comes again. One thread. Prints a line of key=value. */
#include "base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { CLIENTS_MAX = 4096, TICK_MS = 10, STAY_MS = 3000, PAUSE_MS = 100, MEGABYTE = 1 << 20 };

enum habit {
	HABIT_RESET, /* before it can be accepted, often */
	HABIT_HURRY, /* comes and goes */
	HABIT_TEAR,  /* says something, and resets in the midst of the reply */
	HABIT_SILENT,
	HABIT_HALF, /* half a line, then nothing */
	HABIT_NOISE,
	HABIT_DEAF, /* half-closes and never reads */
	HABITS
};

static struct {
	struct sockaddr_in target, source;
	unsigned ports, sources;
	nfds_t count;
	double seconds;
} plan = { .ports = 1, .sources = 1, .count = 64, .seconds = 2 };

static struct pest {
	enum habit habit;
	size_t to_send;
	uint64_t due_ns; /* when it comes, or leaves */
} pests[CLIENTS_MAX];

static struct pollfd polls[CLIENTS_MAX];
static char noise[65536];
static uint64_t connections, refused, thrown_out, sent;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

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
	case HABIT_RESET:
	case HABIT_HURRY:
	case HABIT_SILENT:
		return 0;
	case HABIT_HALF:
		return 1 + random_number() % 100;
	case HABIT_TEAR:
	case HABIT_NOISE:
	case HABIT_DEAF:
		return MEGABYTE;
	case HABITS:
		break;
	}
	BUG("no habit");
}

static uint64_t stay_ms_of(enum habit habit)
{
	if (habit == HABIT_RESET || habit == HABIT_HURRY)
		return 0;
	return random_number() % (habit == HABIT_TEAR ? STAY_MS / 10 : STAY_MS);
}

static void leave(nfds_t i)
{
	if (pests[i].habit == HABIT_RESET || pests[i].habit == HABIT_TEAR)
		setsockopt(polls[i].fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
			   sizeof(struct linger));
	close(polls[i].fd);
	polls[i] = (struct pollfd){ .fd = -1 };
	pests[i].due_ns = now_ns() + random_number() % PAUSE_MS * NS_PER_MS;
}

static void come(nfds_t i)
{
	struct sockaddr_in target = plan.target, source = plan.source;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	pests[i].habit = (enum habit)(random_number() % HABITS);
	pests[i].to_send = bytes_of(pests[i].habit);
	pests[i].due_ns = now_ns() + stay_ms_of(pests[i].habit) * NS_PER_MS;
	target.sin_port = htons((uint16_t)(ntohs(target.sin_port) + random_number() % plan.ports));
	source.sin_addr.s_addr = htonl(ntohl(source.sin_addr.s_addr) + random_number() % plan.sources);
	polls[i] = (struct pollfd){ .fd = fd, .events = POLLOUT };
	if (fd < 0)
		return;
	if (source.sin_addr.s_addr != htonl(INADDR_ANY)) {
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
		if (bind(fd, (struct sockaddr *)&source, sizeof(source)) < 0) {
			perror("pests: bind");
			exit(71);
		}
	}
	connections++;
	if (connect(fd, (struct sockaddr *)&target, sizeof(target)) < 0 && errno != EINPROGRESS) {
		refused++;
		leave(i);
	}
}

static void speak(nfds_t i)
{
	struct pest *pest = &pests[i];
	ssize_t n;

	if (pest->to_send == 0) {
		polls[i].events = 0;
		if (pest->habit == HABIT_DEAF)
			shutdown(polls[i].fd, SHUT_WR);
		return;
	}
	n = send(polls[i].fd, noise, pest->to_send < sizeof(noise) ? pest->to_send : sizeof(noise),
		 MSG_NOSIGNAL);
	if (n > 0) {
		pest->to_send -= (size_t)n;
		sent += (uint64_t)n;
	} else if (errno != EAGAIN) {
		thrown_out++;
		leave(i);
	}
}

static void tick(void)
{
	uint64_t now = now_ns();

	for (nfds_t i = 0; i < plan.count; i++) {
		if (polls[i].fd >= 0 && pests[i].due_ns <= now)
			leave(i);
		else if (polls[i].fd < 0 && pests[i].due_ns <= now)
			come(i);
	}
	poll(polls, plan.count, 0);
	for (nfds_t i = 0; i < plan.count; i++) {
		if (polls[i].fd < 0 || polls[i].revents == 0)
			continue;
		if ((polls[i].revents & (POLLHUP | POLLERR)) != 0) {
			thrown_out++;
			leave(i);
		} else {
			speak(i);
		}
	}
	nanosleep(&(struct timespec){ .tv_nsec = TICK_MS * (long)NS_PER_MS }, NULL);
}

static int usage(void)
{
	fputs("usage: pests [-c CLIENTS] [-t SECONDS] [-s SOURCE] [-S SOURCES] ADDRESS PORT[-PORT]\n",
	      stderr);
	return 64;
}

static bool parse_arguments(int argc, char **argv)
{
	unsigned first, last;
	int letter, fields;

	while ((letter = getopt(argc, argv, "c:t:s:S:")) != -1) {
		if (letter == 'c')
			plan.count = strtoul(optarg, NULL, 10);
		else if (letter == 't')
			plan.seconds = strtod(optarg, NULL);
		else if (letter == 'S')
			plan.sources = (unsigned)strtoul(optarg, NULL, 10);
		else if (letter != 's' || inet_pton(AF_INET, optarg, &plan.source.sin_addr) != 1)
			return false;
	}
	if (argc - optind != 2 || inet_pton(AF_INET, argv[optind], &plan.target.sin_addr) != 1)
		return false;
	fields = sscanf(argv[optind + 1], "%u-%u", &first, &last);
	if (fields == 1)
		last = first;
	if (fields < 1 || first == 0 || last < first || last > 65535)
		return false;
	plan.target.sin_family = plan.source.sin_family = AF_INET;
	plan.target.sin_port = htons((uint16_t)first);
	plan.ports = last - first + 1;
	return plan.count > 0 && plan.count <= CLIENTS_MAX && plan.sources > 0 && plan.seconds > 0;
}

int main(int argc, char **argv)
{
	uint64_t begin_ns = now_ns();

	if (!parse_arguments(argc, argv))
		return usage();
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (char)random_number();
	for (nfds_t i = 0; i < plan.count; i++) {
		polls[i].fd = -1;
		pests[i].due_ns = begin_ns + random_number() % PAUSE_MS * NS_PER_MS;
	}
	while (now_ns() < begin_ns + (uint64_t)(plan.seconds * (double)NS_PER_S))
		tick();
	for (nfds_t i = 0; i < plan.count; i++)
		if (polls[i].fd >= 0)
			leave(i);
	printf("connections=%llu refused=%llu thrown_out=%llu sent=%llu\n", (unsigned long long)connections,
	       (unsigned long long)refused, (unsigned long long)thrown_out, (unsigned long long)sent);
	return EXIT_SUCCESS;
}
