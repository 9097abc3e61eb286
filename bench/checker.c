/* checker - clients who come at a steady rate, whatever happens to the server, and see that each
 * reply is right: what is sent comes back, byte for byte, and then a clean end. No two
 * messages are the same, so that a reply to somebody else is noticed, too.
 *
 * Targets (HOST:PORT, HOST:PORT/udp or unix:PATH) take turns, as do the source addresses. With -H
 * sessions are held open besides, which say something every now and then (-i; 0: only at the end)
 * and must still answer at the very end. Ends after -t seconds, or with SIGTERM: nothing new is started
 * then, and everything under way has its time (-T) to come to its end.
 *
 * A client is started when its time has come, not when an earlier one is through, and its
 * lateness counts from there (a datagram is sent again after two seconds, since any may be lost): a server that stands still is not let off the clients who would
 * have come meanwhile. One thread. Prints a line of key=value for each target and one for all, and
 * with -f keeps the latter in a file, anew each second. Exit status 1 when anything but replies came. */
#include "base.h"
#include "checker-plan.h"
#include "histogram.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

enum { EVENTS_MAX = 256, LOOSE_MAX = 4096, SWEEP_MS = 20, AGAIN_MS = 2000, FILL_MAX = 64 };
enum { MESSAGE_SHORT = 64, MESSAGE_LONG = 40000, LONG_EACH = 16, PIECE = 4096 };

enum state {
	STATE_FREE,
	STATE_CALLING, /* the queue of a Unix socket was full: again soon */
	STATE_TALKING,
	STATE_RESTING, /* held, between two messages */
	STATE_ENDING,  /* half-closed */
};

struct client {
	int fd;
	enum state state;
	bool held, opened, last; /* of those held: has answered once; was asked for the last time */
	struct target *target;
	uint64_t seed, due_ns; /* of this message: what it says, when it was to be sent */
	uint64_t again_ns;     /* a datagram is sent again then */
	size_t length, sent, received;
};

static struct {
	int epoll_fd;
	struct client *clients; /* plan.hold held ones first */
	unsigned total, next_free, live, opening, held_open, held_lost, held_replies;
	uint64_t turn, started, begin_ns, next_ns, seed;
	bool ending;
	struct histogram lateness;
} run;

static volatile sig_atomic_t told_to_end;

static void on_signal(int number)
{
	(void)number;
	told_to_end = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* ---- messages ---- */

static uint64_t mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
	return value ^ (value >> 31);
}

/* The bytes of a message from `offset` on: lines of 64. */
static void spell(uint64_t seed, size_t offset, size_t length, char *bytes)
{
	for (size_t i = 0; i < length; i++) {
		size_t at = offset + i;

		bytes[i] = at % 64 == 63 ? '\n' : (char)('a' + mix(seed + at / 8) % (19 + at % 8));
	}
}

static void new_message(struct client *client, uint64_t due_ns)
{
	client->seed = mix(++run.seed);
	client->due_ns = due_ns;
	client->sent = client->received = 0;
	client->length = MESSAGE_SHORT;
	if (!client->held && !client->target->datagram && run.seed % LONG_EACH == 0)
		client->length = MESSAGE_LONG;
}

/* ---- the life of a client ---- */

static void watch(struct client *client, int operation)
{
	bool more = client->state == STATE_TALKING && client->sent < client->length;
	struct epoll_event event = { .events = EPOLLIN | (more ? EPOLLOUT : 0), .data.ptr = client };

	epoll_ctl(run.epoll_fd, operation, client->fd, &event);
}

static void account(struct client *client, enum outcome outcome)
{
	uint64_t took_ns = now_ns() - client->due_ns;

	client->target->outcomes[outcome]++;
	if (outcome != OUTCOME_RIGHT) {
		fprintf(stderr, "%s: %s%s after %llu ms, %zu bytes sent, %zu received\n",
			client->target->text, outcome_names[outcome], client->held ? " (held)" : "",
			(unsigned long long)(took_ns / NS_PER_MS), client->sent, client->received);
		return;
	}
	histogram_add(&run.lateness, took_ns);
	if (took_ns > client->target->max_ns)
		client->target->max_ns = took_ns;
}

/* Away with it: the connection, not what is counted. */
static void leave(struct client *client)
{
	if (client->held && client->opened)
		run.held_open--;
	else if (client->held)
		run.opening--;
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	client->state = STATE_FREE;
	run.live--;
}

static void fail(struct client *client, enum outcome outcome)
{
	account(client, outcome);
	run.held_lost += client->held;
	leave(client);
}

static void fail_errno(struct client *client, int error)
{
	bool reset = error == ECONNRESET || error == EPIPE;

	fail(client, error == ECONNREFUSED ? OUTCOME_REFUSED : reset ? OUTCOME_RESET : OUTCOME_OTHER);
}

static void speak(struct client *client)
{
	char bytes[PIECE];

	client->again_ns = now_ns() + AGAIN_MS * NS_PER_MS;
	while (client->sent < client->length) {
		size_t left = client->length - client->sent;
		size_t length = left < sizeof(bytes) ? left : sizeof(bytes);
		ssize_t n;

		spell(client->seed, client->sent, length, bytes);
		n = send(client->fd, bytes, length, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN))
			break;
		if (n < 0) {
			fail_errno(client, errno);
			return;
		}
		client->sent += (size_t)n;
	}
	watch(client, EPOLL_CTL_MOD);
}

static void talk(struct client *client, uint64_t due_ns)
{
	client->state = STATE_TALKING;
	client->last = run.ending;
	new_message(client, due_ns);
	speak(client);
}

/* Connects, and says what it has to say as soon as that goes. */
static void call(struct client *client)
{
	const struct target *target = client->target;
	int r = connect(client->fd, &target->address.any, target->length);

	if (r < 0 && errno == EAGAIN && target->address.any.sa_family == AF_UNIX) {
		client->state = STATE_CALLING;
		return;
	}
	if (r < 0 && errno != EINPROGRESS) {
		fail_errno(client, errno);
		return;
	}
	client->state = STATE_TALKING;
	watch(client, EPOLL_CTL_ADD);
	speak(client);
}

static int open_socket(const struct target *target, uint64_t turn)
{
	int type = target->datagram ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(target->address.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in source = { .sin_family = AF_INET };

	if (fd < 0 || target->address.any.sa_family != AF_INET || plan.source.s_addr == htonl(INADDR_ANY))
		return fd;
	source.sin_addr.s_addr = htonl(ntohl(plan.source.s_addr) + (uint32_t)(turn % plan.sources));
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
	if (bind(fd, (struct sockaddr *)&source, sizeof(source)) < 0) {
		perror("checker: bind");
		exit(71);
	}
	return fd;
}

static void start(struct client *client, uint64_t due_ns)
{
	uint64_t turn = run.turn++;
	struct target *target = &plan.targets[turn % plan.target_count];
	bool held = client->held;

	while (held && target->datagram)
		target = &plan.targets[(size_t)(target - plan.targets + 1) % plan.target_count];
	*client = (struct client){ .fd = open_socket(target, turn), .held = held, .target = target };
	run.live++;
	run.started++;
	run.opening += held;
	new_message(client, due_ns);
	if (client->fd < 0)
		fail_errno(client, errno);
	else
		call(client);
}

/* ---- what comes back ---- */

static void answered(struct client *client)
{
	if (client->held) {
		account(client, OUTCOME_RIGHT);
		run.held_replies++;
		if (!client->opened) {
			client->opened = true;
			run.opening--;
			run.held_open++;
		}
	} else if (client->target->datagram) {
		account(client, OUTCOME_RIGHT);
		leave(client);
		return;
	}
	if (client->held && !client->last) {
		client->state = STATE_RESTING;
		return;
	}
	client->state = STATE_ENDING;
	if (shutdown(client->fd, SHUT_WR) < 0)
		fail_errno(client, errno);
}

static void ended(struct client *client)
{
	if (client->state != STATE_ENDING) {
		fail(client, OUTCOME_SHORT);
		return;
	}
	if (!client->held)
		account(client, OUTCOME_RIGHT);
	leave(client);
}

static void hear(struct client *client)
{
	char bytes[MESSAGE_LONG + 1], wanted[MESSAGE_LONG + 1];
	ssize_t n = recv(client->fd, bytes, sizeof(bytes), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		fail_errno(client, errno);
		return;
	}
	if (n == 0) {
		ended(client);
		return;
	}
	spell(client->seed, client->received, (size_t)n, wanted);
	if (client->state != STATE_TALKING || client->received + (size_t)n > client->sent ||
	    memcmp(bytes, wanted, (size_t)n) != 0) {
		fail(client, OUTCOME_WRONG);
		return;
	}
	client->received += (size_t)n;
	if (client->received == client->length)
		answered(client);
}

/* ---- the clock ---- */

/* Each gets what is due: another attempt, another message, or the end of our patience. */
static void sweep(uint64_t now)
{
	for (unsigned i = 0; i < run.total; i++) {
		struct client *client = &run.clients[i];

		if (client->state == STATE_CALLING)
			call(client);
		if (client->state == STATE_RESTING &&
		    (run.ending || (plan.talk_ms > 0 && now >= client->due_ns + plan.talk_ms * NS_PER_MS)))
			talk(client, now);
		if (client->state == STATE_TALKING && client->target->datagram && now >= client->again_ns) {
			client->sent = 0;
			speak(client);
		}
		if (client->state != STATE_FREE && client->state != STATE_RESTING &&
		    now > client->due_ns + plan.late_ns)
			fail(client, OUTCOME_LOST);
	}
}

/* Sessions that are held are opened as fast as the server takes them, at most so many at a time. */
static void fill(uint64_t now)
{
	while (!run.ending && run.next_free < plan.hold && run.opening < FILL_MAX)
		start(&run.clients[run.next_free++], now);
}

static struct client *free_client(void)
{
	for (unsigned i = plan.hold; i < run.total; i++)
		if (run.clients[i].state == STATE_FREE)
			return &run.clients[i];
	return NULL;
}

static void start_due(uint64_t now)
{
	while (plan.rate > 0 && !run.ending && now >= run.next_ns) {
		struct client *client = free_client();

		if (client == NULL)
			return; /* later, and late from when it should have been */
		start(client, run.next_ns);
		run.next_ns += NS_PER_S / plan.rate;
	}
}

/* ---- results ---- */

static uint64_t sum_of(enum outcome outcome)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < plan.target_count; i++)
		sum += plan.targets[i].outcomes[outcome];
	return sum;
}

static uint64_t errors(void)
{
	uint64_t sum = run.held_lost;

	for (unsigned i = OUTCOME_RIGHT + 1; i < OUTCOME_COUNT; i++)
		sum += sum_of((enum outcome)i);
	return sum;
}

static void print_all(FILE *file)
{
	for (unsigned i = 0; i < OUTCOME_COUNT; i++)
		fprintf(file, "%s=%llu ", outcome_names[i], (unsigned long long)sum_of((enum outcome)i));
	fprintf(file, "errors=%llu started=%llu waiting=%u held=%u held_lost=%u held_replies=%u ",
		(unsigned long long)errors(), (unsigned long long)run.started, run.live - run.held_open,
		run.held_open, run.held_lost, run.held_replies);
	fprintf(file, "p50_us=%llu p99_us=%llu max_us=%llu seconds=%.1f\n",
		(unsigned long long)(histogram_quantile(&run.lateness, 0.50) / 1000),
		(unsigned long long)(histogram_quantile(&run.lateness, 0.99) / 1000),
		(unsigned long long)(run.lateness.max / 1000),
		(double)(now_ns() - run.begin_ns) / (double)NS_PER_S);
}

/* What is read there is whole: the line is replaced by its like, of a fixed width. */
static void print_file(void)
{
	char temporary[4096];
	FILE *file;

	if (plan.file == NULL ||
	    snprintf(temporary, sizeof(temporary), "%s.new", plan.file) >= (int)sizeof(temporary))
		return;
	file = fopen(temporary, "we");
	if (file == NULL)
		return;
	print_all(file);
	if (fclose(file) == 0)
		(void)rename(temporary, plan.file);
}

static void print_targets(void)
{
	for (unsigned i = 0; i < plan.target_count; i++) {
		const struct target *target = &plan.targets[i];

		printf("target=%s", target->text);
		for (unsigned k = 0; k < OUTCOME_COUNT; k++)
			printf(" %s=%llu", outcome_names[k], (unsigned long long)target->outcomes[k]);
		printf(" max_us=%llu\n", (unsigned long long)(target->max_ns / 1000));
	}
}

/* ---- start ---- */

static void prepare(void)
{
	struct rlimit limit;
	struct sigaction action = { .sa_handler = on_signal };

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	run.total = plan.hold + LOOSE_MAX;
	run.clients = calloc(run.total, sizeof(*run.clients));
	run.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (run.clients == NULL || run.epoll_fd < 0) {
		perror("checker");
		exit(71);
	}
	for (unsigned i = 0; i < run.total; i++)
		run.clients[i] = (struct client){ .fd = -1, .held = i < plan.hold };
	run.begin_ns = run.next_ns = now_ns();
	run.seed = run.begin_ns;
}

/* How long to wait for an event: not past the next client's time. */
static int patience(uint64_t now)
{
	uint64_t left_ms = run.next_ns > now ? (run.next_ns - now + NS_PER_MS - 1) / NS_PER_MS : 1;

	return plan.rate == 0 || run.ending || left_ms > SWEEP_MS ? SWEEP_MS : (int)left_ms;
}

static void check_all(void)
{
	uint64_t swept_ns = 0, printed_ns = now_ns();

	while (!run.ending || run.live > 0) {
		struct epoll_event events[EVENTS_MAX];
		uint64_t now = now_ns();
		int count;

		if (told_to_end || (plan.seconds > 0 && now - run.begin_ns > (uint64_t)(plan.seconds * 1e9)))
			run.ending = true;
		fill(now);
		start_due(now);
		if (now - swept_ns >= SWEEP_MS * NS_PER_MS) {
			sweep(now);
			swept_ns = now;
		}
		if (now - printed_ns >= NS_PER_S) {
			print_file();
			printed_ns = now;
		}
		count = epoll_wait(run.epoll_fd, events, EVENTS_MAX, patience(now));
		for (int i = 0; i < count; i++) {
			struct client *client = events[i].data.ptr;

			if (client->state == STATE_TALKING && client->sent < client->length)
				speak(client);
			if (client->state != STATE_FREE && (events[i].events & ~(uint32_t)EPOLLOUT) != 0)
				hear(client);
		}
	}
}

int main(int argc, char **argv)
{
	checker_parse_arguments(argc, argv);
	prepare();
	check_all();
	print_file();
	print_targets();
	print_all(stdout);
	return errors() > 0 ? 1 : 0;
}
