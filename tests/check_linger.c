/* check_linger.c - closing so that nothing is lost: replies with unread input behind them,
 * clients that are slow, deaf, or talk for ever. A client is a process of its own, whose
 * exit status tells what became of it. */
#include "linger_help.h"

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

static Suite *make_suite(void)
{
	Suite *suite = suite_create("linger");
	TCase *replies = tcase_create("replies");

	tcase_add_checked_fixture(replies, set_up, tear_down);
	tcase_add_loop_test(replies, unread_input, 0, 200 / AT_ONCE);
	tcase_add_test(replies, plain_close);
	tcase_add_test(replies, ended_client);
	tcase_add_loop_test(replies, length_of_wait, 0, ELEMENTS(waits));
	tcase_set_timeout(replies, 60);
	suite_add_tcase(suite, replies);
	return suite;
}

RUN_SUITE(make_suite)
