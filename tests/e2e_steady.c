/* e2e_steady.c - a steady load, while the daemon is told to reload, its ports are edited, and its program is
 * replaced: of services that nobody touched no connection is refused, reset or lost, and
 * every session that was open at the start ends as it wants to.
 *
 * Short here; `make check-steady` is the full length: 200 connections a second for 60 s, 200 reloads, of
 * which 20 bring other ports, and 20 upgrades. The lengths are USHERD_STEADY_SECONDS, _RATE, _RELOADS, _EDITS
 * and _UPGRADES. What is slow is late, but left out by nobody. */
#include "harness.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 4
#define HELD    20

#define UNTOUCHED                                                                                            \
	"[say]\nlisten = 127.0.0.1:$1\nexec = $PROBE say steady\n"                                           \
	"[cat]\nlisten = 127.0.0.1:$2\nexec = /bin/cat\n"                                                    \
	"[unix]\nlisten = unix:$DIR/unix\nexec = $PROBE say steady\n"                                        \
	"[hold]\nlisten = 127.0.0.1:$3\nexec = $PROBE hold\n"
#define EDITED                                                                                               \
	"[more]\nlisten = 127.0.0.1:$4, 127.0.0.1:$5/udp\nexec = $PROBE say more\n"                          \
	"[held]\nlisten = 127.0.0.1:$6\nexec = $PROBE hold\n"

static unsigned length_of(const char *name, unsigned short_length)
{
	const char *wanted = getenv(name);

	return wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : short_length;
}

static struct {
	unsigned seconds, rate, reloads, edits, upgrades;
} plan;

/* ---- the load ---- */

/* What a worker, a process of its own, tells the test. */
struct tally {
	volatile bool stop;
	volatile unsigned served, refused, reset, lost, wrong, slowest_ms;
};

static int connect_to_unix(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", test_path("unix"));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -errno;
}

/* Reads to the end of file. Returns false when there was another end, which is counted. */
static bool read_reply(int fd, char text[static 64], struct tally *tally)
{
	size_t length = 0;

	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		ssize_t got;

		if (poll(&wait, 1, PATIENCE_MS) != 1) {
			tally->lost++;
			return false;
		}
		got = read(fd, text + length, 63 - length);
		if (got < 0) {
			tally->reset++;
			return false;
		}
		if (got == 0)
			break;
		length += (size_t)got;
	}
	text[length] = '\0';
	return true;
}

static void connect_once(unsigned turn, struct tally *tally)
{
	char text[64];
	int fd = turn % 8 == 7 ? connect_to_unix() : tcp_try("127.0.0.1", test_port(1 + turn % 2));
	uint64_t begin_ms = now_ms();

	if (fd < 0) {
		tally->refused++;
		return;
	}
	if (turn % 8 != 7 && turn % 2 == 1)
		(void)!send(fd, "steady", 6, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	if (read_reply(fd, text, tally)) {
		if (strcmp(text, "steady") == 0)
			tally->served++;
		else
			tally->wrong++;
	}
	close(fd);
	if (now_ms() - begin_ms > tally->slowest_ms)
		tally->slowest_ms = (unsigned)(now_ms() - begin_ms);
}

/* Connects at each point in time of its schedule, late if it must be. */
static void work(unsigned number, struct tally *tally)
{
	const uint64_t each_ns = UINT64_C(1000000000) * WORKERS / plan.rate;
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (unsigned turn = number; !tally->stop; turn++) {
		uint64_t then_ns = (uint64_t)next.tv_nsec + each_ns;

		connect_once(turn, tally);
		next.tv_sec += (time_t)(then_ns / 1000000000);
		next.tv_nsec = (long)(then_ns % 1000000000);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
}

static pid_t start_worker(unsigned number, struct tally *tally)
{
	pid_t worker = fork();

	ck_assert_int_ge(worker, 0);
	if (worker != 0)
		return worker;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	work(number, tally);
	_exit(0);
}

static void expect_untouched(const struct tally tallies[static WORKERS])
{
	unsigned served = 0, slowest_ms = 0;

	for (unsigned i = 0; i < WORKERS; i++) {
		const struct tally *tally = &tallies[i];

		ck_assert_msg(tally->refused + tally->reset + tally->lost + tally->wrong == 0,
			      "worker %u: %u served, %u refused, %u reset, %u lost, %u wrong", i,
			      tally->served, tally->refused, tally->reset, tally->lost, tally->wrong);
		served += tally->served;
		slowest_ms = tally->slowest_ms > slowest_ms ? tally->slowest_ms : slowest_ms;
	}
	printf("# %u connections, the slowest took %u ms\n", served, slowest_ms);
	ck_assert_uint_gt(served, WORKERS * plan.seconds);
}

/* ---- what is done meanwhile ---- */

static int hold(unsigned number)
{
	int fd = tcp_connect(number);
	char *text = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(text != NULL && strcmp(text, "ready\n") == 0, "got \"%s\"", text);
	free(text);
	return fd;
}

static void release(int fd)
{
	shutdown(fd, SHUT_WR);
	char *rest = read_clean(fd, NULL);

	ck_assert_str_eq(rest, "bye\n");
	free(rest);
	close(fd);
}

/* Ports come, are served, and go; a session of one that went goes on. */
static void edit(struct daemon *daemon, bool more, int *held)
{
	daemon_configure(more ? UNTOUCHED EDITED : UNTOUCHED);
	daemon_reload(daemon, true);
	if (more) {
		ask_many(4, NULL, "more", 1, 0);
		*held = hold(6);
		return;
	}
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(4)), -ECONNREFUSED);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(6)), -ECONNREFUSED);
	release(*held);
	*held = -1;
}

static void upgrade(const struct daemon *daemon)
{
	char *text = daemon_ask(daemon, "upgrade");
	json_t *reply = json_loads(text, 0, NULL);

	ck_assert_msg(json_is_true(json_object_get(reply, "ok")), "upgrade: %s", text);
	json_decref(reply);
	free(text);
}

/* Whether one of `most` things is due with the `k`th of `all`: they are spread evenly. */
static bool is_turn(unsigned most, unsigned k, unsigned all)
{
	return (uint64_t)most * (k + 1) / all != (uint64_t)most * k / all;
}

static void disturb(struct daemon *daemon)
{
	uint64_t begin_ms = now_ms();
	bool more = false;
	int held = -1;

	for (unsigned k = 0; k < plan.reloads; k++) {
		uint64_t due_ms = begin_ms + (uint64_t)plan.seconds * 1000 * k / plan.reloads;

		while (now_ms() < due_ms)
			nap();
		if (is_turn(plan.edits, k, plan.reloads))
			edit(daemon, more = !more, &held);
		else
			daemon_reload(daemon, true);
		if (is_turn(plan.upgrades, k, plan.reloads))
			upgrade(daemon);
	}
	while (now_ms() < begin_ms + (uint64_t)plan.seconds * 1000)
		nap();
	if (more)
		edit(daemon, false, &held);
}

START_TEST(steady)
{
	struct daemon *daemon = daemon_start(UNTOUCHED);
	struct tally *tallies = mmap(NULL, WORKERS * sizeof(*tallies), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long inodes[] = { listener_inode(test_port(1)), listener_inode(test_port(2)) };
	int held[HELD];
	pid_t workers[WORKERS];

	for (unsigned i = 0; i < HELD; i++)
		held[i] = hold(3);
	for (unsigned i = 0; i < WORKERS; i++)
		workers[i] = start_worker(i, &tallies[i]);
	disturb(daemon);
	for (unsigned i = 0; i < WORKERS; i++)
		tallies[i].stop = true;
	for (unsigned i = 0; i < WORKERS; i++)
		ck_assert_int_eq(waitpid(workers[i], NULL, 0), workers[i]);
	expect_untouched(tallies);
	ck_assert_uint_eq(listener_inode(test_port(1)), inodes[0]);
	ck_assert_uint_eq(listener_inode(test_port(2)), inodes[1]);
	for (unsigned i = 0; i < HELD; i++)
		release(held[i]);
	WAIT_UNTIL(daemon_count_log(daemon, " end service=hold .*reason=exit status=0") == HELD);
	daemon_oracle(daemon);
	ck_assert_uint_eq(daemon_count_log(daemon, "BUG|ERROR: |runtime error"), 0);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("steady");

	plan.seconds = length_of("USHERD_STEADY_SECONDS", 4);
	plan.rate = length_of("USHERD_STEADY_RATE", 200);
	plan.reloads = length_of("USHERD_STEADY_RELOADS", 10);
	plan.edits = length_of("USHERD_STEADY_EDITS", 4);
	plan.upgrades = length_of("USHERD_STEADY_UPGRADES", 2);
	tcase_add_test(harness_case(suite, "all", (int)(60 + 3 * plan.seconds)), steady);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
