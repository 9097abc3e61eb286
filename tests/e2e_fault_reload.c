/* e2e_fault_reload.c - F23: a service is removed and added, again and again, while
 * clients connect to it and to its neighbour: no event for what is gone, nobody
 * lost next door, no descriptor left. 500 times; USHERD_RELOADS asks for others.
 * Most worth in a build with sanitizers. */
#include "harness.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STAY                                                                                                   \
	"[stay]\nlisten = 127.0.0.1:$1\nexec = $PROBE say stay\n"                                              \
	"[filter]\nlisten = 127.0.0.1:$4/udp\nexec = $PROBE say filtered\n"
#define GO                                                                                                     \
	"[go]\nlisten = 127.0.0.1:$2, 127.0.0.1:$3/udp, unix:$DIR/go\nexec = $PROBE say go\n"

static unsigned reloads(void)
{
	const char *wanted = getenv("USHERD_RELOADS");

	return wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : 500;
}

/* What the clients, processes of their own, tell the test. */
struct tally {
	volatile unsigned served, refused, cut, wrong;
};

/* One connection after the other, until killed. */
static void connect_forever(unsigned number, const char *expected, struct tally *tally)
{
	for (;;) {
		char text[64] = "";
		int fd = tcp_try("127.0.0.1", test_port(number));
		struct pollfd wait = {.fd = fd, .events = POLLIN};

		if (fd < 0) {
			tally->refused++;
			nap();
			continue;
		}
		ssize_t got = poll(&wait, 1, PATIENCE_MS) == 1 ? read(fd, text, sizeof(text) - 1) : -1;

		if (got <= 0)
			tally->cut++;
		else if (strcmp(text, expected) != 0)
			tally->wrong++;
		else
			tally->served++;
		close(fd);
	}
}

static void send_forever(unsigned number)
{
	int fd = udp_connect("127.0.0.1", test_port(number));
	char text[64];

	for (;; nap()) {
		(void)!send(fd, "x", 1, MSG_NOSIGNAL);
		while (recv(fd, text, sizeof(text), MSG_DONTWAIT) > 0)
			;
	}
}

static pid_t start_client(unsigned number, const char *expected, struct tally *tally)
{
	pid_t client = fork();

	ck_assert_int_ge(client, 0);
	if (client != 0)
		return client;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (tally != NULL)
		connect_forever(number, expected, tally);
	send_forever(number);
	_exit(0);
}

START_TEST(remove_and_add)
{
	struct daemon *daemon = daemon_start(STAY GO);
	struct tally *tallies = mmap(NULL, 2 * sizeof(*tallies), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t clients[] = {
		start_client(1, "stay", &tallies[0]), start_client(2, "go", &tallies[1]),
		start_client(4, NULL, NULL),
	};
	unsigned count = reloads();
	long memory = 0;

	for (unsigned i = 0; i < count; i++) {
		daemon_configure(i % 2 == 0 ? STAY : STAY GO);
		daemon_reload(daemon, true);
		if (i == count / 2)
			memory = daemon_status(daemon, "VmRSS:");
	}
	if (count % 2 != 0) {
		daemon_configure(STAY GO);
		daemon_reload(daemon, true);
	}
	WAIT_UNTIL(tallies[0].served > 0 && tallies[1].served > 0);
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		kill(clients[i], SIGKILL);
		ck_assert_int_eq(waitpid(clients[i], NULL, 0), clients[i]);
	}
	ck_assert_msg(tallies[0].refused + tallies[0].cut + tallies[0].wrong == 0,
		      "of the service that stays: %u served, %u refused, %u cut, %u wrong", tallies[0].served,
		      tallies[0].refused, tallies[0].cut, tallies[0].wrong);
	ck_assert_msg(tallies[1].wrong == 0, "the service that goes: %u wrong replies", tallies[1].wrong);
	/* A sanitizer keeps what was freed. */
	const char *sanitizers = getenv("SANITIZERS");
	bool plain = sanitizers == NULL || sanitizers[0] == '\0' || strcmp(sanitizers, "none") == 0;

	ck_assert_msg(!plain || daemon_status(daemon, "VmRSS:") < memory + 4096, "memory grew from %ld to %ld kB", memory,
		      daemon_status(daemon, "VmRSS:"));
	ask_many(1, NULL, "stay", 5, 0);
	ask_many(2, NULL, "go", 5, 0);
	daemon_oracle(daemon);
	ck_assert_uint_eq(daemon_count_log(daemon, "BUG|ERROR: |runtime error"), 0);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault_reload");
	TCase *all = harness_case(suite, "reload", (int)(60 + reloads() / 5));

	tcase_add_test(all, remove_and_add);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
