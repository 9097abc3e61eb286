/* check_linger.c - closing so that nothing is lost: replies with unread input behind them,
 * clients that are slow, deaf, or talk for ever; and the pool.
 *
 * A client is a process of its own, whose exit status tells what became of it. */
#include "linger.h"

#include "core_help.h"

#include <linux/net_tstamp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#define REPLY   ((size_t)1 << 20)
#define REQUEST ((size_t)1 << 20)
#define SMALL   ((size_t)1 << 18)
#define FOR_EVER SIZE_MAX
#define SHORT_NS (200 * NS_PER_MS) /* a time of silence that runs out */
#define LONG_NS  (20 * NS_PER_S)   /* one that must not be needed */

enum outcome { OUTCOME_WHOLE, OUTCOME_RESET, OUTCOME_CUT, OUTCOME_WRONG };

static struct loop *loop;
static struct linger_pool *pool;
static unsigned emptied, rounds;
static size_t descriptors;

static void count_emptied(void *context)
{
	ck_assert_ptr_eq(context, &emptied);
	emptied++;
}

static void set_up(void)
{
	descriptors = count_descriptors();
	emptied = 0;
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(linger_pool_new(loop, 64, count_emptied, &emptied, &pool), 0);
}

static void tear_down(void)
{
	linger_pool_free(pool);
	loop_free(loop);
	ck_assert_uint_eq(count_descriptors(), descriptors);
}

/* Another pool in its place. */
static void use_pool(size_t most)
{
	linger_pool_free(pool);
	ck_assert_int_eq(linger_pool_new(loop, most, count_emptied, &emptied, &pool), 0);
}

/* Asked for too much memory, the address sanitizer is to answer as malloc(3) does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* ---- clients ---- */

struct client {
	size_t request;     /* how much it sends, or FOR_EVER */
	size_t reply;       /* how much it expects */
	int receive_buffer; /* 0: the usual one */
	size_t piece;       /* that it reads at a time, each `pause_ms`; 0: as much as there is */
	unsigned pause_ms;
	unsigned sleep_ms; /* before it reads anything; it sends meanwhile */
	bool ends;         /* its side, when it has sent everything */
	bool stays;        /* when it has its reply; sends on, if it does so for ever */
};

static void sleep_ms(unsigned ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

/* Sends some; false when the connection is gone. */
static bool send_some(const struct client *client, int fd, size_t *sent)
{
	static char bytes[65536];
	size_t left = client->request == FOR_EVER ? sizeof(bytes) : client->request - *sent;
	ssize_t n = send(fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN;
	*sent += (size_t)n;
	if (*sent == client->request && client->ends)
		shutdown(fd, SHUT_WR);
	return true;
}

static bool is_reply(const char *bytes, size_t count, size_t offset)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != (char)((offset + i) % 251))
			return false;
	return true;
}

static enum outcome stay(const struct client *client, int fd, enum outcome outcome)
{
	while (client->stays) {
		struct pollfd look = { .fd = fd, .events = POLLOUT };
		size_t sent = 0;

		if (client->request != FOR_EVER) {
			pause(); /* until it is killed */
			continue;
		}
		poll(&look, 1, -1);
		if (!send_some(client, fd, &sent))
			break;
	}
	return outcome;
}

/* What a client sees of a connection. */
static enum outcome be_client(const struct client *client, int fd)
{
	static char bytes[65536];
	size_t piece = client->piece > 0 ? client->piece : sizeof(bytes), sent = 0, taken = 0;

	if (client->request == 0 && client->ends)
		shutdown(fd, SHUT_WR);
	for (unsigned slept_ms = 0; slept_ms < client->sleep_ms; slept_ms += 10) {
		if (sent < client->request && !send_some(client, fd, &sent))
			return OUTCOME_RESET;
		sleep_ms(10);
	}
	for (;;) {
		struct pollfd look = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (sent < client->request)
			look.events |= POLLOUT;
		poll(&look, 1, -1);
		if (sent < client->request && (look.revents & POLLOUT) != 0 && !send_some(client, fd, &sent))
			return OUTCOME_RESET;
		if ((look.revents & (POLLIN | POLLHUP | POLLERR)) == 0)
			continue;
		n = recv(fd, bytes, piece, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			continue;
		if (n < 0)
			return OUTCOME_RESET;
		if (n == 0)
			return stay(client, fd, taken == client->reply ? OUTCOME_WHOLE : OUTCOME_CUT);
		if (!is_reply(bytes, (size_t)n, taken))
			return OUTCOME_WRONG;
		taken += (size_t)n;
		if (client->pause_ms > 0)
			sleep_ms(client->pause_ms);
	}
}

/* Starts a client; its process, and our end of its connection. */
static pid_t start_client(const struct client *client, int *ret_fd)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		close(listener);
		if (client->receive_buffer > 0)
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &client->receive_buffer, sizeof(int));
		signal(SIGALRM, SIG_DFL); /* libcheck has a use for it */
		alarm(60);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
			_exit(OUTCOME_WRONG);
		_exit(be_client(client, fd));
	}
	*ret_fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(*ret_fd, 0);
	close(listener);
	return pid;
}

static enum outcome outcome_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "a client ended by signal %d", WTERMSIG(status));
	return (enum outcome)WEXITSTATUS(status);
}

/* What a service does: writes it all, reads nothing. */
static void write_reply(int fd, size_t count)
{
	static char bytes[65536 + 251];
	size_t offset = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i % 251);
	while (offset < count) {
		size_t left = count - offset < 65536 ? count - offset : 65536;
		ssize_t n = send(fd, bytes + offset % 251, left, MSG_NOSIGNAL);

		ck_assert_int_gt(n, 0);
		offset += (size_t)n;
	}
}

static int waiting(int fd)
{
	int count = 0;

	ck_assert_int_eq(ioctl(fd, FIONREAD, &count), 0);
	return count;
}

/* Until there is input that nobody reads. */
static void await_input(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&look, 1, 10000), 1);
	ck_assert_int_gt(waiting(fd), 0);
}

static bool is_empty(void *context)
{
	(void)context;
	rounds++;
	return linger_count(pool) == 0;
}

/* ---- the reply arrives ---- */

#define AT_ONCE 10

static void serve_unread(uint64_t silence_ns, pid_t *ret_pids)
{
	static const struct client client = { .request = REQUEST, .reply = REPLY };

	for (int i = 0; i < AT_ONCE; i++) {
		int fd;

		ret_pids[i] = start_client(&client, &fd);
		write_reply(fd, REPLY);
		await_input(fd);
		linger_close(pool, fd, silence_ns);
	}
	run_until(loop, NULL, is_empty, NULL);
}

START_TEST(unread_input)
{
	pid_t pids[AT_ONCE];

	serve_unread(LONG_NS, pids);
	for (int i = 0; i < AT_ONCE; i++)
		ck_assert_int_eq(outcome_of(pids[i]), OUTCOME_WHOLE);
	ck_assert_uint_ge(emptied, 1);
}
END_TEST

/* The same with a plain close: what all this is for. */
START_TEST(plain_close)
{
	pid_t pids[AT_ONCE];

	serve_unread(0, pids);
	for (int i = 0; i < AT_ONCE; i++)
		ck_assert_int_eq(outcome_of(pids[i]), OUTCOME_RESET);
	ck_assert_uint_eq(emptied, 0);
}
END_TEST

/* The client has ended its side already: no wait, and the kernel delivers the rest. */
START_TEST(ended_client)
{
	static const struct client client = {
		.request = 100, .reply = REPLY, .ends = true, .receive_buffer = 4096, .piece = 16384, .pause_ms = 1,
	};
	int fd;
	pid_t pid = start_client(&client, &fd);
	struct pollfd look = { .fd = fd, .events = POLLRDHUP };

	write_reply(fd, REPLY);
	ck_assert_int_eq(poll(&look, 1, 10000), 1);
	linger_close(pool, fd, LONG_NS);
	ck_assert_uint_eq(linger_count(pool), 0);
	ck_assert_int_eq(outcome_of(pid), OUTCOME_WHOLE);
	ck_assert_uint_eq(emptied, 0);
}
END_TEST

static const struct {
	const char *name;
	struct client client;
	uint64_t least_ns, most_ns; /* how long it is in the pool */
	bool must_be_killed;
} waits[] = {
	/* Take their reply in far more than the time of silence, but steadily, with input to be reset for. */
	{ "slow", { FOR_EVER, SMALL, 4096, 2048, 10, 0, false, false }, 2 * SHORT_NS, 20 * NS_PER_S, false },
	{ "slow, unread input", { REQUEST, SMALL, 4096, 2048, 10, 0, false, false }, 2 * SHORT_NS,
	  20 * NS_PER_S, false },
	/* Have everything, and stay. */
	{ "silent", { 100, 1000, 0, 0, 0, 0, false, true }, SHORT_NS, 10 * SHORT_NS, true },
	{ "sends for ever", { FOR_EVER, 1000, 0, 0, 0, 0, false, true }, SHORT_NS, 10 * SHORT_NS, false },
	/* Take nothing. What was under way when the wait was over, the kernel delivers all the same. */
	{ "never reads", { 100, SMALL, 4096, 0, 0, 60000, false, false }, SHORT_NS, 10 * SHORT_NS, true },
	{ "reads too late", { 100, SMALL, 4096, 0, 0, 2000, false, false }, SHORT_NS, 10 * SHORT_NS, false },
	{ "sends, never reads", { FOR_EVER, SMALL, 4096, 0, 0, 60000, false, true }, SHORT_NS, 10 * SHORT_NS,
	  true },
	/* Leave at once. */
	{ "leaves", { 100, 1000, 0, 0, 0, 0, false, false }, 0, SHORT_NS, false },
	{ "ends", { REQUEST, 1000, 0, 0, 0, 0, true, false }, 0, SHORT_NS, false },
};

START_TEST(length_of_wait)
{
	int fd, room = (int)SMALL * 2;
	pid_t pid = start_client(&waits[_i].client, &fd);
	uint64_t from_ns, waited_ns;

	/* The whole reply is with the kernel when the service has ended. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (waits[_i].client.request > 100)
		await_input(fd);
	write_reply(fd, waits[_i].client.reply);
	from_ns = clock_now_ns();
	linger_close(pool, fd, SHORT_NS);
	run_until(loop, NULL, is_empty, NULL);
	waited_ns = clock_now_ns() - from_ns;
	ck_assert_msg(waited_ns >= waits[_i].least_ns && waited_ns <= waits[_i].most_ns, "%s: %ju ms",
		      waits[_i].name, (uintmax_t)(waited_ns / NS_PER_MS));
	ck_assert_uint_eq(emptied, waits[_i].least_ns > 0 ? 1 : emptied);
	if (!waits[_i].must_be_killed) {
		ck_assert_msg(outcome_of(pid) == OUTCOME_WHOLE, "%s", waits[_i].name);
		return;
	}
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

/* ---- sockets of which both ends are here ---- */

static void connect_pair(int *ret_ours, int *ret_theirs)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	*ret_theirs = client_of(SOCK_STREAM, ntohs(address.sin_port));
	*ret_ours = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(*ret_ours, 0);
	close(listener);
}

/* A connection whose client stays; returns the client. */
static int linger_one(uint64_t silence_ns)
{
	int ours, theirs;

	connect_pair(&ours, &theirs);
	linger_close(pool, ours, silence_ns);
	return theirs;
}

/* Whether our end has been closed: what the client sends to it is answered with a reset. */
static bool is_closed(int theirs)
{
	struct pollfd look = { .fd = theirs };

	for (int i = 0; i < 5; i++) {
		if (send(theirs, "x", 1, MSG_NOSIGNAL) < 0)
			return true;
		if (poll(&look, 1, 2) > 0 && (look.revents & (POLLERR | POLLHUP)) != 0)
			return true;
	}
	return false;
}

START_TEST(full)
{
	size_t most = (size_t)_i;
	int theirs[4];

	use_pool(most);
	for (size_t i = 0; i < ELEMENTS(theirs); i++) {
		theirs[i] = linger_one(LONG_NS);
		ck_assert_uint_eq(linger_count(pool), i + 1 < most ? i + 1 : most);
	}
	for (size_t i = 0; i < ELEMENTS(theirs); i++)
		ck_assert_int_eq(is_closed(theirs[i]), i < ELEMENTS(theirs) - most);
	ck_assert_uint_eq(emptied, 0); /* one took the place of the other */
	linger_close_all(pool);
	ck_assert_uint_eq(emptied, most > 0 ? 1 : 0);
	ck_assert_uint_eq(linger_count(pool), 0);
	linger_close_all(pool);
	ck_assert_uint_eq(emptied, most > 0 ? 1 : 0);
	for (size_t i = 0; i < ELEMENTS(theirs); i++) {
		ck_assert(is_closed(theirs[i]));
		close(theirs[i]);
	}
}
END_TEST

/* One in the middle leaves: the others stay, and the oldest is known still. */
START_TEST(order)
{
	int theirs[3], another;

	use_pool(3);
	for (size_t i = 0; i < ELEMENTS(theirs); i++)
		theirs[i] = linger_one(LONG_NS);
	close(theirs[1]);
	for (int i = 0; i < 1000 && linger_count(pool) == 3; i++)
		run_for(loop, NULL, NS_PER_MS, never, NULL);
	ck_assert_uint_eq(linger_count(pool), 2);
	theirs[1] = linger_one(LONG_NS);
	another = linger_one(LONG_NS);
	ck_assert(is_closed(theirs[0]));
	ck_assert(!is_closed(theirs[1]) && !is_closed(theirs[2]) && !is_closed(another));
	close(theirs[0]);
	close(theirs[1]);
	close(theirs[2]);
	close(another);
	run_until(loop, NULL, is_empty, NULL);
	ck_assert_uint_eq(emptied, 1);
}
END_TEST

START_TEST(reserve)
{
	int theirs[5];

	use_pool(1);
	theirs[0] = linger_one(LONG_NS);
	ck_assert_int_eq(linger_pool_reserve(pool, 0), 0); /* never less */
	ck_assert_int_eq(linger_pool_reserve(pool, 3), 0);
	theirs[1] = linger_one(LONG_NS);
	ck_assert_int_eq(linger_pool_reserve(pool, SIZE_MAX), -ENOMEM);
	ck_assert_int_eq(linger_pool_reserve(pool, SIZE_MAX / 1024), -ENOMEM);
	ck_assert_int_eq(linger_pool_reserve(pool, 4), 0);
	theirs[2] = linger_one(LONG_NS);
	theirs[3] = linger_one(LONG_NS);
	ck_assert_uint_eq(linger_count(pool), 4);
	theirs[4] = linger_one(LONG_NS);
	ck_assert_uint_eq(linger_count(pool), 4);
	for (size_t i = 0; i < ELEMENTS(theirs); i++) {
		ck_assert_int_eq(is_closed(theirs[i]), i == 0);
		close(theirs[i]);
	}
	run_until(loop, NULL, is_empty, NULL);
}
END_TEST

START_TEST(reserve_touches_nothing)
{
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	ck_assert_int_eq(linger_pool_reserve(pool, 1000000), 0);
	getrusage(RUSAGE_SELF, &after);
	ck_assert_int_lt(after.ru_minflt - before.ru_minflt, 10000); /* the entries are 30,000 pages */
}
END_TEST

static void free_pool(void *context)
{
	linger_pool_free(pool);
	pool = NULL;
	*(bool *)context = true;
}

static bool is_true(void *context)
{
	return *(bool *)context;
}

START_TEST(freed_when_emptied)
{
	bool freed = false;
	int theirs;

	linger_pool_free(pool);
	ck_assert_int_eq(linger_pool_new(loop, 2, free_pool, &freed, &pool), 0);
	theirs = linger_one(_i == 0 ? LONG_NS : SHORT_NS);
	if (_i == 0)
		close(theirs);
	run_until(loop, NULL, is_true, &freed);
	if (_i == 1)
		close(theirs);
}
END_TEST

START_TEST(freed_while_full)
{
	int theirs[] = { linger_one(LONG_NS), linger_one(LONG_NS) };

	linger_pool_free(pool);
	pool = NULL;
	ck_assert_uint_eq(emptied, 0);
	ck_assert(is_closed(theirs[0]) && is_closed(theirs[1]));
	close(theirs[0]);
	close(theirs[1]);
	linger_pool_free(NULL);
}
END_TEST

START_TEST(nobody_told)
{
	linger_pool_free(pool);
	ck_assert_int_eq(linger_pool_new(loop, 2, NULL, NULL, &pool), 0);
	close(linger_one(LONG_NS));
	run_until(loop, NULL, is_empty, NULL);
	close(linger_one(LONG_NS));
	linger_close_all(pool);
}
END_TEST

/* A socket that the loop will not watch (it does so already): closed at once, and no more said of it
 * than there is to say. */
START_TEST(not_watched)
{
	bool displaces = _i == 1;
	struct loop_source source = { .set = LOOP_WORK };
	int ours, theirs, other = -1;

	use_pool(1);
	if (displaces)
		other = linger_one(LONG_NS);
	connect_pair(&ours, &theirs);
	source.fd = ours;
	ck_assert_int_eq(loop_add(loop, &source, 0), 0);
	linger_close(pool, ours, LONG_NS);
	source.on = false; /* went with its descriptor */
	ck_assert_uint_eq(linger_count(pool), 0);
	ck_assert_uint_eq(emptied, displaces ? 1 : 0);
	ck_assert(is_closed(theirs));
	close(theirs);
	cleanup_fd(&other);
}
END_TEST

/* ---- other sockets, and what a service may have done to its own ---- */

START_TEST(unix_sockets)
{
	int type = _i == 0 ? SOCK_STREAM : SOCK_SEQPACKET, ends[2];
	char bytes[16];

	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(write(ends[1], "request", 7), 7);
	ck_assert_int_eq(write(ends[0], "reply", 5), 5);
	linger_close(pool, ends[0], LONG_NS);
	ck_assert_uint_eq(linger_count(pool), 1);
	ck_assert_int_eq(write(ends[1], "more", 4), 4);
	run_for(loop, NULL, 20 * NS_PER_MS, never, NULL);
	ck_assert_int_eq(read(ends[1], bytes, sizeof(bytes)), 5);
	ck_assert_int_eq(read(ends[1], bytes, sizeof(bytes)), 0); /* and no ECONNRESET */
	close(ends[1]);
	run_until(loop, NULL, is_empty, NULL);
}
END_TEST

START_TEST(no_connection)
{
	int others[] = { socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), open("/dev/null", O_RDONLY | O_CLOEXEC) };

	linger_close(pool, others[0], LONG_NS);
	linger_close(pool, others[1], LONG_NS);
	ck_assert_uint_eq(linger_count(pool), 0);
}
END_TEST

START_TEST(after_a_reset)
{
	struct pollfd look = { .events = POLLIN };
	int ours, theirs;

	connect_pair(&ours, &theirs);
	ck_assert_int_eq(write(ours, "reply", 5), 5);
	look.fd = theirs;
	ck_assert_int_eq(poll(&look, 1, 10000), 1);
	close(theirs); /* unread */
	look.fd = ours;
	ck_assert_int_eq(poll(&look, 1, 10000), 1);
	linger_close(pool, ours, LONG_NS);
	ck_assert_uint_eq(linger_count(pool), 0);
}
END_TEST

/* SO_LINGER on the shared socket: close(2) must not wait for the client with the whole daemon. */
START_TEST(option_to_wait)
{
	struct linger option = { .l_onoff = 1, .l_linger = 30 };
	int ours, theirs, room = 4096;
	uint64_t from_ns;

	connect_pair(&ours, &theirs);
	setsockopt(theirs, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	ck_assert_int_eq(setsockopt(ours, SOL_SOCKET, SO_LINGER, &option, sizeof(option)), 0);
	fcntl(ours, F_SETFL, O_NONBLOCK);
	for (char bytes[4096] = { 0 }; write(ours, bytes, sizeof(bytes)) > 0;)
		;
	from_ns = clock_now_ns();
	linger_close(pool, ours, _i == 0 ? 0 : 1);
	run_until(loop, NULL, is_empty, NULL);
	ck_assert_uint_lt(clock_now_ns() - from_ns, 5 * NS_PER_S);
	close(theirs);
}
END_TEST

START_TEST(option_to_reset)
{
	struct linger option = { .l_onoff = 1, .l_linger = 0 };
	int ours, theirs;
	char byte;

	connect_pair(&ours, &theirs);
	ck_assert_int_eq(setsockopt(ours, SOL_SOCKET, SO_LINGER, &option, sizeof(option)), 0);
	linger_close(pool, ours, LONG_NS);
	ck_assert_uint_eq(linger_count(pool), 0);
	ck_assert_int_eq(read(theirs, &byte, 1), -1);
	ck_assert_int_eq(errno, ECONNRESET);
	close(theirs);
}
END_TEST

/* Times of sent data wait in the error queue, which nobody reads: the loop must not turn for ever. */
START_TEST(error_queue)
{
	int wanted = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE, ours, theirs;
	struct pollfd look = { .events = POLLIN };

	connect_pair(&ours, &theirs);
	ck_assert_int_eq(setsockopt(ours, SOL_SOCKET, SO_TIMESTAMPING, &wanted, sizeof(wanted)), 0);
	ck_assert_int_eq(write(ours, "reply", 5), 5);
	look.fd = ours;
	ck_assert_int_eq(poll(&look, 1, 10000), 1);
	ck_assert_int_ne(look.revents & POLLERR, 0);
	rounds = 0;
	linger_close(pool, ours, 2 * SHORT_NS);
	run_until(loop, NULL, is_empty, NULL);
	ck_assert_uint_ge(rounds, 10);
	ck_assert_uint_lt(rounds, 1000);
	close(theirs);
}
END_TEST

/* Input below the service's SO_RCVLOWAT, or urgent, makes no event; it must not reset in the end. */
START_TEST(unreported_input)
{
	int most = 1 << 16, ours, theirs;
	struct pollfd look = { .events = POLLIN };

	connect_pair(&ours, &theirs);
	if (_i == 0)
		setsockopt(ours, SOL_SOCKET, SO_RCVLOWAT, &most, sizeof(most));
	linger_close(pool, ours, SHORT_NS);
	ck_assert_int_eq(send(theirs, "x", 1, _i == 0 ? 0 : MSG_OOB), 1);
	run_until(loop, NULL, is_empty, NULL);
	look.fd = theirs;
	ck_assert_int_eq(poll(&look, 1, 10000), 1);
	ck_assert_int_eq(look.revents, POLLIN); /* the end, and no error */
	close(theirs);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("linger");
	TCase *replies = tcase_create("replies"), *pools = tcase_create("pool");
	TCase *sockets = tcase_create("sockets");

	tcase_add_checked_fixture(replies, set_up, tear_down);
	tcase_add_loop_test(replies, unread_input, 0, 200 / AT_ONCE);
	tcase_add_test(replies, plain_close);
	tcase_add_test(replies, ended_client);
	tcase_add_loop_test(replies, length_of_wait, 0, ELEMENTS(waits));
	tcase_set_timeout(replies, 60);
	suite_add_tcase(suite, replies);

	tcase_add_checked_fixture(pools, set_up, tear_down);
	tcase_add_loop_test(pools, full, 0, 4);
	tcase_add_test(pools, order);
	tcase_add_test(pools, reserve);
	tcase_add_test(pools, reserve_touches_nothing);
	tcase_add_loop_test(pools, freed_when_emptied, 0, 2);
	tcase_add_test(pools, freed_while_full);
	tcase_add_test(pools, nobody_told);
	tcase_add_loop_test(pools, not_watched, 0, 2);
	tcase_set_timeout(pools, 30);
	suite_add_tcase(suite, pools);

	tcase_add_checked_fixture(sockets, set_up, tear_down);
	tcase_add_loop_test(sockets, unix_sockets, 0, 2);
	tcase_add_test(sockets, no_connection);
	tcase_add_test(sockets, after_a_reset);
	tcase_add_loop_test(sockets, option_to_wait, 0, 2);
	tcase_add_test(sockets, option_to_reset);
	tcase_add_test(sockets, error_queue);
	tcase_add_loop_test(sockets, unreported_input, 0, 2);
	tcase_set_timeout(sockets, 30);
	suite_add_tcase(suite, sockets);
	return suite;
}

RUN_SUITE(make_suite)
