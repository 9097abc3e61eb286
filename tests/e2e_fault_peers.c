/* e2e_fault_peers.c - peers that vanish without a word, names where addresses belong,
 * and rules that know one family of addresses only. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void expect_ready(int fd)
{
	char *ready = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(ready != NULL && strcmp(ready, "ready\n") == 0, "got \"%s\"", ready);
	free(ready);
}

/* ---- peers that vanish ---- */

/* A client in a network of its own, behind a cable. */
struct faraway {
	pid_t pid;
	int orders, answers;
};

static void say_byte(int fd, char byte)
{
	ck_assert_int_eq(write(fd, &byte, 1), 1);
}

static char take_byte(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char byte = '\0';

	if (poll(&wait, 1, PATIENCE_MS) == 1)
		(void)!read(fd, &byte, 1);
	return byte;
}

static bool run_ip(const char *words)
{
	char command[256];

	snprintf(command, sizeof(command), "%s %s >/dev/null 2>&1", harness_find("ip"), words);
	return system(command) == 0;
}

/* Connects; pulls the cable out when told to. */
static void be_faraway(int orders, int answers)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	say_byte(answers, unshare(CLONE_NEWNET) == 0 ? 'u' : 'x');
	if (take_byte(orders) != 'c' || !run_ip("addr add 10.77.0.2/24 dev vfar") ||
	    !run_ip("link set vfar up"))
		_exit(1);
	int fd = -1;

	for (int i = 0; i < 1000 && fd < 0; i++, nap())
		fd = tcp_try("10.77.0.1", test_port(1));
	if (fd < 0)
		_exit(2);
	expect_ready(fd);
	say_byte(answers, 'r');
	if (take_byte(orders) != 'd' || !run_ip("link set vfar down"))
		_exit(3);
	say_byte(answers, 'd');
	for (;;)
		pause();
}

static bool make_faraway(struct faraway *far)
{
	int orders[2], answers[2];
	char words[64];

	if (harness_find("ip") == NULL || !run_ip("link add vnear type veth peer name vfar") ||
	    !run_ip("addr add 10.77.0.1/24 dev vnear") || !run_ip("link set vnear up"))
		return false;
	ck_assert_int_eq(pipe2(orders, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(answers, O_CLOEXEC), 0);
	far->pid = fork();
	if (far->pid == 0)
		be_faraway(orders[0], answers[1]);
	close(orders[0]);
	close(answers[1]);
	far->orders = orders[1];
	far->answers = answers[0];
	if (take_byte(far->answers) != 'u')
		return false;
	snprintf(words, sizeof(words), "link set vfar netns %d", far->pid);
	return run_ip(words);
}

static const struct {
	const char *keys, *reason;
	unsigned at_most_ms;
} vanishings[] = {
	{ "keepalive = 1s\n", "exit|signal", 12000 },
	{ "keepalive = 0\nidle_timeout = 1s\n", "idle_timeout", 6000 },
	{ "keepalive = 0\ntime_limit = 2s\n", "time_limit", 6000 },
};

/* A peer that goes without a word gives its place to the next one. */
START_TEST(peer_vanishes)
{
	struct faraway far;
	char config[256];

	SKIP_IF(!test_is_alone() || !make_faraway(&far), "no veth(4) here");
	snprintf(config, sizeof(config), "[x]\nlisten = 0.0.0.0:$1\ninstances = 1\nexec = $PROBE hold\n%s",
		 vanishings[_i].keys);
	struct daemon *daemon = daemon_start(config);

	say_byte(far.orders, 'c');
	ck_assert_int_eq(take_byte(far.answers), 'r');
	say_byte(far.orders, 'd');
	ck_assert_int_eq(take_byte(far.answers), 'd');
	int next = tcp_connect(1);
	uint64_t start = now_ms();

	expect_ready(next);
	ck_assert_msg(now_ms() - start < vanishings[_i].at_most_ms + late_ms(daemon), "the place was free after %llu ms",
		      (unsigned long long)(now_ms() - start));
	daemon_wait_log(daemon, " end service=x session=1 .*reason=(%s) ", vanishings[_i].reason);
	close(next); /* its own time may be up by now */
	kill(far.pid, SIGKILL);
	waitpid(far.pid, NULL, 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* So that this is so without anybody having asked for it. */
START_TEST(keepalive_by_default)
{
	struct daemon *daemon = daemon_start("[x]\nlisten = $1\nexec = $PROBE facts\n"
					     "[y]\nlisten = 127.0.0.1:$2\nexec = $PROBE facts\nkeepalive = 0\n");

	ck_assert_match(ask(1, NULL), "^fd 0 socket .* keepalive=1 keepidle=300 ");
	ck_assert_match(ask(2, NULL), "^fd 0 socket .* keepalive=0 ");
	if (net_has_ipv6())
		ck_assert_match(ask_from("::1", 1), "^fd 0 socket .* keepalive=1 keepidle=300 ");
	daemon_stop(daemon);
}
END_TEST

/* ---- names and families ---- */

static const char *const names[] = { "allow = localhost\n",       "deny = .example.org\n",
				     "allow = 127.0.0.1, gateway\n", "deny = example.org/24\n",
				     "allow = file:$DIR/list\n",   "deny = *\n" };

/* A host name is an error in the file, never a question to anybody. */
START_TEST(names_are_errors)
{
	const char *words[] = { "-t", "-c", "$DIR/services.ini", NULL };
	char config[256], *output;

	test_write("list", 0644, "127.0.0.1\n# names\nlocalhost\n", false);
	snprintf(config, sizeof(config), "[x]\nlisten = 127.0.0.1:$1\nexec = /bin/cat\n%s", names[_i]);
	daemon_configure(config);
	ck_assert_int_eq(run_usherd(words, &output), 78);
	ck_assert_match(output, strstr(names[_i], "file:") != NULL ? "/list:3: |/list:3" :
								     "services\\.ini:4: x\\.(allow|deny): ");
}
END_TEST

static bool is_traced(const struct daemon *daemon)
{
	return daemon_status(daemon, "TracerPid:") > 0;
}

/* Whatever it does, the daemon asks nobody for a name. */
START_TEST(no_dns)
{
	const char *strace = harness_find("strace");
	const char *const wrapper[] = { strace, "-D", "-f", "-qq", "-o", "$DIR/trace",
					"-e",   "trace=network", "-e", "signal=none", NULL };

	SKIP_IF(strace == NULL, "no strace(1) here");
	struct daemon *daemon = daemon_launch(&(struct daemon_spec){
		.config = "[x]\nlisten = $1\nexec = $PROBE say hello\ndeny = 127.0.0.2\nbanner_refused = no\n"
			  "per_source = 2\nban_time = 1min\n"
			  "[u]\nlisten = $2/udp\nexec = /bin/cat\ndeny = 127.0.0.2\n",
		.wrapper = wrapper });

	SKIP_IF(!is_traced(daemon), "nobody may be traced here");
	for (int i = 0; i < 10; i++) {
		free(ask_from("127.0.0.1", 1));
		free(ask_from("127.0.0.2", 1));
		send_text(udp_from("127.0.0.2", 2), "x");
		int fd = udp_from("127.0.0.3", 2);

		send_text(fd, "good");
		ck_assert_ptr_nonnull(read_piece(fd, PATIENCE_MS, NULL));
		close(fd);
	}
	/* While it serves it asks nobody at all; names of users are looked up when it loads its file. */
	const char *trace = test_read(test_path("trace")), *serving = strstr(trace, "accept4(");

	ck_assert_ptr_nonnull(serving);
	ck_assert_no_match(serving, "connect\\(");
	daemon_reload(daemon, true);
	daemon_signal(daemon, SIGTERM);
	daemon_wait_exit(daemon); /* a sanitizer that is traced ends in its own way */
	ck_assert_no_match(test_read(test_path("trace")), "htons\\(53\\)");
}
END_TEST

/* Rules for one family on a service of two: said aloud, and meant as written. */
static const struct {
	const char *keys, *ipv4, *ipv6, *warning; /* NULL: none */
} families[] = {
	{ "deny = 0.0.0.0/0\n", "", "hello", "only IPv4 networks are denied" },
	{ "deny = ::/0\n", "hello", "", "only IPv6 networks are denied" },
	{ "deny = 127.0.0.0/8\n", "", "hello", "only IPv4 networks are denied" },
	{ "deny = ::ffff:127.0.0.0/104\n", "", "hello", "only IPv4 networks are denied" },
	{ "deny = 0.0.0.0/0, ::/0\n", "", "", NULL },
	{ "deny = all\n", "", "", NULL },
	{ "allow = 127.0.0.0/8\n", "hello", "", NULL },
	{ "allow = ::/0\n", "", "hello", NULL },
};

START_TEST(rules_of_one_family)
{
	char config[256];

	SKIP_IF(!net_has_ipv6(), "no IPv6 here");
	snprintf(config, sizeof(config), "[x]\nlisten = $1\nexec = $PROBE say hello\n%s", families[_i].keys);
	struct daemon *daemon = daemon_start(config);
	const char *log = daemon_read_log(daemon);

	if (families[_i].warning != NULL) {
		ck_assert_match(log, families[_i].warning);
		ck_assert_match(log, "services\\.ini:4");
	} else {
		ck_assert_no_match(log, "warning|only IPv");
	}
	ck_assert_str_eq(ask_from("127.0.0.1", 1), families[_i].ipv4);
	ck_assert_str_eq(ask_from("::1", 1), families[_i].ipv6);
	/* A client that calls itself ::ffff:127.0.0.1 is one of IPv4. */
	int fd = tcp_try("::ffff:127.0.0.1", test_port(1));

	ck_assert_int_ge(fd, 0);
	ck_assert_str_eq(read_all(fd, NULL), families[_i].ipv4);
	close(fd);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* [::] is IPv6 and nothing else, whatever the system's default is. */
START_TEST(wildcard_of_one_family)
{
	SKIP_IF(!net_has_ipv6(), "no IPv6 here");
	struct daemon *daemon = daemon_start("[x]\nlisten = [::]:$1\nexec = $PROBE say hello\n"
					     "deny = 127.0.0.0/8\n");

	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(1)), -ECONNREFUSED);
	ck_assert_int_eq(tcp_try("::ffff:127.0.0.1", test_port(1)), -ECONNREFUSED);
	ck_assert_str_eq(ask_from("::1", 1), "hello");
	daemon_stop(daemon);
}
END_TEST
static Suite *make_suite(void)
{
	Suite *suite = suite_create("peers");
	TCase *gone = harness_case(suite, "gone", 60);

	tcase_add_loop_test(gone, peer_vanishes, 0, (int)(sizeof(vanishings) / sizeof(vanishings[0])));
	tcase_add_test(gone, keepalive_by_default);

	TCase *addresses = harness_case(suite, "addresses", 60);

	tcase_add_loop_test(addresses, names_are_errors, 0, (int)(sizeof(names) / sizeof(names[0])));
	tcase_add_test(addresses, no_dns);
	tcase_add_loop_test(addresses, rules_of_one_family, 0,
			    (int)(sizeof(families) / sizeof(families[0])));
	tcase_add_test(addresses, wildcard_of_one_family);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
