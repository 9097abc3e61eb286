/* e2e_linger.c - the end of a connection: whole replies and clean ends although input is
 * left unread, over loopback and over networks that are slow or lose packets. */
#include "e2e_linger_help.h"

/* ---- many clients ---- */

/* Each sends a request that nobody reads and takes a reply, both at the same time. */
struct exchange {
	int fd;
	size_t sent, got;
};

/* What became of them. */
struct tally {
	unsigned whole, reset, cut, wrong, late;
};

struct plan {
	int (*connect)(const struct plan *plan);
	unsigned port;
	unsigned count, parallel;
	size_t request, reply;
};

static int connect_here(const struct plan *plan)
{
	return tcp_try("127.0.0.1", plan->port);
}

static int connect_unix(const struct plan *plan)
{
	(void)plan;
	return unix_connect(test_path("s"), SOCK_STREAM);
}

static int connect_there(const struct plan *plan)
{
	return tcp_try("192.0.2.1", plan->port);
}

/* Takes a piece. Returns whether the exchange goes on. */
static bool take(struct exchange *exchange, size_t reply, struct tally *tally)
{
	static unsigned char piece[65536];
	ssize_t n = recv(exchange->fd, piece, sizeof(piece), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return true;
	for (ssize_t i = 0; i < n; i++)
		if (piece[i] != pattern(exchange->got++)) {
			tally->wrong++;
			return false;
		}
	if (n > 0)
		return true;
	if (n < 0)
		tally->reset++;
	else if (exchange->got == reply)
		tally->whole++;
	else
		tally->cut++;
	return false;
}

static bool give(struct exchange *exchange, size_t request, struct tally *tally)
{
	static const char piece[65536];
	size_t left = request - exchange->sent;
	ssize_t n = send(exchange->fd, piece, left < sizeof(piece) ? left : sizeof(piece),
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0)
		exchange->sent += (size_t)n;
	if (n >= 0 || errno == EAGAIN)
		return true;
	tally->reset++;
	return false;
}

static void go_on(struct exchange *exchange, short events, const struct plan *plan, struct tally *tally)
{
	bool open = true;

	if ((events & (POLLIN | POLLHUP | POLLERR)) != 0)
		open = take(exchange, plan->reply, tally);
	if (open && (events & POLLOUT) != 0)
		open = give(exchange, plan->request, tally);
	if (open)
		return;
	close(exchange->fd);
	exchange->fd = -1;
}

static struct tally exchange_all(const struct plan *plan, int most_ms)
{
	struct exchange *all = calloc(plan->parallel, sizeof(*all));
	struct pollfd *waits = calloc(plan->parallel, sizeof(*waits));
	struct tally tally = { 0 };
	uint64_t end = now_ms() + (uint64_t)most_ms;
	unsigned begun = 0, open;

	for (unsigned i = 0; i < plan->parallel; i++)
		all[i].fd = -1;
	do {
		open = 0;
		for (unsigned i = 0; i < plan->parallel; i++) {
			if (all[i].fd < 0 && begun < plan->count) {
				all[i] = (struct exchange){ .fd = plan->connect(plan) };
				begun++;
				if (all[i].fd < 0)
					tally.reset++;
			}
			short out = all[i].sent < plan->request ? POLLOUT : 0;

			waits[i] = (struct pollfd){ .fd = all[i].fd, .events = (short)(POLLIN | out) };
			open += all[i].fd >= 0;
		}
		if (open > 0 && poll(waits, plan->parallel, 100) > 0)
			for (unsigned i = 0; i < plan->parallel; i++)
				if (all[i].fd >= 0 && waits[i].revents != 0)
					go_on(&all[i], waits[i].revents, plan, &tally);
	} while ((open > 0 || begun < plan->count) && now_ms() < end);
	tally.late = open + plan->count - begun;
	return tally;
}

#define TALLY "whole=%u reset=%u cut=%u wrong=%u late=%u"
#define TALLY_OF(tally) (tally).whole, (tally).reset, (tally).cut, (tally).wrong, (tally).late

/* ---- on this machine ---- */

static const struct {
	const char *listen;
	int (*connect)(const struct plan *plan);
} near[] = {
	{ "127.0.0.1:$1", connect_here },
	{ "unix:$DIR/s", connect_unix },
};

START_TEST(whole_replies)
{
	struct daemon *daemon = start("reply 1000000\n", near[_i].listen);
	struct plan plan = { .connect = near[_i].connect,
			     .port = test_port(1),
			     .count = 200,
			     .parallel = 20,
			     .request = MEGABYTE,
			     .reply = MEGABYTE };
	struct tally tally = exchange_all(&plan, 60000);

	ck_assert_msg(tally.whole == plan.count, TALLY, TALLY_OF(tally));
	daemon_oracle(daemon);
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=s .*reason=exit status=0 "), plan.count);
	daemon_stop(daemon);
}
END_TEST

/* Without it clients lose, as with every other super-server: so the test above can fail. */
START_TEST(not_without_linger)
{
	struct daemon *daemon = start("reply 1000000\nlinger = 0\n", near[_i].listen);
	struct plan plan = { .connect = near[_i].connect,
			     .port = test_port(1),
			     .count = 200,
			     .parallel = 20,
			     .request = MEGABYTE,
			     .reply = MEGABYTE };
	struct tally tally = exchange_all(&plan, 60000);

	ck_assert_msg(tally.reset > 0, TALLY, TALLY_OF(tally));
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- over bad networks ---- */

#define SLOW(device) "tc qdisc add dev " device " root tbf rate 50mbit burst 32k latency 100ms"
#define LOSSY                                                                                                \
	"nft add table inet t && nft add chain inet t c '{ type filter hook input priority 0; policy accept; "  \
	"}' && nft add rule inet t c numgen random mod 100 '<' 2 drop"

static const struct {
	const char *name, *tool, *here, *there;
	const char *keys;
	bool whole;
} far[] = {
	{ "slow", "tc", SLOW("u0"), SLOW("u1"), "linger = 15s\n", true },
	{ "lossy", "nft", LOSSY, LOSSY, "linger = 15s\n", true },
	{ "slow, without linger", "tc", SLOW("u0"), SLOW("u1"), "linger = 0\n", false },
};

static bool run_shell(const char *command)
{
	const char *words[] = { "sh", "-c", command, NULL };
	char *output;
	bool good = run_command(words, &output) == 0;

	if (!good)
		fprintf(stderr, "%s: %s\n", command, output);
	free(output);
	return good;
}

struct far_plan {
	struct plan plan;
	const char *command;
};

/* There: status 0, all whole; 1, some not; 77, no such network can be made. */
static int exchange_far(void *context)
{
	const struct far_plan *far_plan = context;
	char text[128];

	if (!run_shell(far_plan->command))
		return 77;
	struct tally tally = exchange_all(&far_plan->plan, 100000);

	snprintf(text, sizeof(text), TALLY, TALLY_OF(tally));
	test_write("tally", 0644, text, false);
	return tally.whole == far_plan->plan.count ? 0 : 1;
}

START_TEST(bad_network)
{
	char keys[128];

	SKIP_IF(harness_find(far[_i].tool) == NULL, far[_i].tool[0] == 't' ?
							   "tc is not installed (package iproute2)" :
							   "nft is not installed (package nftables)");
	snprintf(keys, sizeof(keys), "reply 1000000\n%s", far[_i].keys);
	struct daemon *daemon = start(keys, "0.0.0.0:$1");
	struct far_plan plan = { .plan = { .connect = connect_there,
					   .port = test_port(1),
					   .count = 50,
					   .parallel = 10,
					   .request = MEGABYTE,
					   .reply = MEGABYTE },
				 .command = far[_i].there };
	pid_t there = neighbour_start(exchange_far, &plan);

	SKIP_IF(there == 0, "no networks can be made here");
	bool bad = run_shell(far[_i].here);
	int status = neighbour_wait(there);

	SKIP_IF(!bad || status == 77, "the kernel cannot make this network slow or lossy");
	ck_assert_msg((status == 0) == far[_i].whole && status < 2, "%s: status %d, %s", far[_i].name, status,
		      test_read(test_path("tally")));
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("linger");
	TCase *replies = harness_case(suite, "replies", 150);

	tcase_add_loop_test(replies, whole_replies, 0, (int)(sizeof(near) / sizeof(near[0])));
	tcase_add_loop_test(replies, not_without_linger, 0, (int)(sizeof(near) / sizeof(near[0])));
	tcase_add_loop_test(replies, bad_network, 0, (int)(sizeof(far) / sizeof(far[0])));
	return suite;
}

int main(int argc, char **argv)
{
	if (argc == 3)
		return behave(argv[1], (size_t)strtoull(argv[2], NULL, 10));
	return harness_main(make_suite, NULL);
}
