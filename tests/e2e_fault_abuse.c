/* e2e_fault_abuse.c - clients that want all for themselves, or will not listen, and whoever
 * waits for a port to become free: what became an outage, or worse, in other
 * super-servers. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GREEDY "192.0.2.1"
#define HONEST "192.0.2.2"
#define OTHER  "[other]\nlisten = 127.0.0.1:$9\nexec = $PROBE say other\n"

static void expect_ready(int fd)
{
	char *ready = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(ready != NULL && strcmp(ready, "ready\n") == 0, "got \"%s\"", ready);
	free(ready);
}

static void finish(int fd)
{
	shutdown(fd, SHUT_WR);
	ck_assert_str_eq(read_clean(fd, NULL), "bye\n");
	close(fd);
}

/* ---- one source against all others ---- */

/* Out of the box, five hundred idle connections of one source leave room for all others. */
START_TEST(idle_connections)
{
	enum { CROWD = 500 };
	static int crowd[CROWD];

	SKIP_IF(!test_is_alone(), "needs a network of its own");
	net_add(GREEDY, 24);
	struct daemon *daemon =
		daemon_start("[hello]\nlisten = 0.0.0.0:$1\nexec = $PROBE hold\n" OTHER);

	for (int i = 0; i < CROWD; i++)
		crowd[i] = tcp_from(GREEDY, 1);
	for (int i = 0; i < 100; i++) {
		uint64_t start = now_ms();
		int fd = tcp_from(HONEST, 1);

		expect_ready(fd);
		ck_assert_msg(now_ms() - start < 1000 + late_ms(daemon), "connection %d waited %llu ms", i,
			      (unsigned long long)(now_ms() - start));
		finish(fd);
	}
	ck_assert_uint_eq(daemon_count_log(daemon, " start .*peer=192\\.0\\.2\\.1:"), 25);
	ck_assert_uint_eq(daemon_count_log(daemon, " refuse .*peer=192\\.0\\.2\\.2:"), 0);
	ck_assert_uint_ge(daemon_count_log(daemon, " refuse .*peer=192\\.0\\.2\\.1:[0-9]+ reason=per_source"), 1);
	ck_assert_uint_le(daemon_count_log(daemon, " refuse "), 20); /* lines */
	ask_many(9, NULL, "other", 20, 1000);
	for (int i = 0; i < CROWD; i++)
		close(crowd[i]);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static pid_t start_flood(unsigned turn)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned n = 0;; n++) {
		int fd = tcp_from(GREEDY, 1);
		char byte;

		/* Some wait for the answer, some go, some reset. */
		if ((n + turn) % 3 == 0)
			(void)!read(fd, &byte, 1);
		if ((n + turn) % 3 == 1)
			reset_close(fd);
		else
			close(fd);
	}
}

/* A flood of connections from one source: all others are served, soon, and all is well after it. */
START_TEST(connection_flood)
{
	pid_t floods[4];

	SKIP_IF(!test_is_alone(), "needs a network of its own");
	net_add(GREEDY, 24);
	struct daemon *daemon = daemon_start("[hello]\nlisten = 0.0.0.0:$1\nexec = $PROBE say hello\n"
					     "rate_per_source = 20/s burst 60\n" OTHER);

	for (unsigned i = 0; i < 4; i++)
		floods[i] = start_flood(i);
	daemon_wait_log(daemon, " refuse .*peer=192\\.0\\.2\\.1:[0-9]+ reason=rate_per_source");
	for (int i = 0; i < 50; i++) {
		uint64_t start = now_ms();
		char *reply = ask_from(HONEST, 1);

		ck_assert_msg(strcmp(reply, "hello") == 0, "connection %d got \"%s\"", i, reply);
		ck_assert_msg(now_ms() - start < 2000 + late_ms(daemon), "connection %d took %llu ms", i,
			      (unsigned long long)(now_ms() - start));
		free(reply);
	}
	ask_many(9, NULL, "other", 20, 2000);
	for (unsigned i = 0; i < 4; i++) {
		kill(floods[i], SIGKILL);
		waitpid(floods[i], NULL, 0);
	}
	ck_assert_uint_eq(daemon_count_log(daemon, " refuse .*peer=192\\.0\\.2\\.2:"), 0);
	ck_assert_uint_eq(daemon_count_log(daemon, " (error|fail|pause|accept) "), 0);
	/* The greedy one, too, once it is moderate. */
	WAIT_UNTIL(strcmp(ask_from(GREEDY, 1), "hello") == 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- thieves of ports ---- */

/* Each state in which the service serves nobody for a while; `number` clients bring it about. */
static const struct {
	const char *name, *config, *after; /* a configuration that is loaded then, or NULL */
	unsigned clients;
	bool datagram, remove;    /* the program is removed after the start */
	const char *line; /* that tells that it is so; NULL: nothing does */
} states[] = {
	{ .name = "instances, queue",
	  .config = "[x]\nlisten = $1\nexec = $PROBE hold\ninstances = 1\n",
	  .clients = 5,
	  .line = " start service=x " },
	{ .name = "instances, refuse",
	  .config = "[x]\nlisten = $1\nexec = $PROBE hold\ninstances = 1\nwhen_full = refuse\n",
	  .clients = 5,
	  .line = " refuse service=x .*reason=instances" },
	{ .name = "rate, queue",
	  .config = "[x]\nlisten = $1\nexec = $PROBE hold\nrate = 1/h\n",
	  .clients = 5,
	  .line = " start service=x " },
	{ .name = "rate, refuse",
	  .config = "[x]\nlisten = $1\nexec = $PROBE hold\nrate = 1/h\nwhen_full = refuse\n",
	  .clients = 5,
	  .line = " refuse service=x .*reason=rate" },
	{ .name = "max_sessions",
	  .config = "[usherd]\nmax_sessions = 1\n[x]\nlisten = $1\nexec = $PROBE hold\n",
	  .clients = 5,
	  .line = " start service=x " },
	{ .name = "per_source",
	  .config = "[x]\nlisten = $1\nexec = $PROBE hold\nper_source = 1\n",
	  .clients = 5,
	  .line = " refuse service=x .*reason=per_source" },
	{ .name = "deny",
	  .config = "[x]\nlisten = $1\nexec = $PROBE hold\ndeny = all\nban_time = 1h\n",
	  .clients = 20,
	  .line = " refuse service=x .*reason=deny" },
	{ .name = "the program is missing",
	  .config = "[x]\nlisten = $1\nexec = $DIR/program say x\n",
	  .clients = 20,
	  .remove = true,
	  .line = " fail service=x " },
	{ .name = "the program dies",
	  .config = "[x]\nlisten = $1\nexec = $PROBE kill 11\n",
	  .clients = 30,
	  .line = " failing service=x " },
	{ .name = "wait, held",
	  .config = "[x]\nlisten = $1\nexec = /bin/sleep 1000\nwait = yes\n",
	  .clients = 2,
	  .line = " start service=x " },
	{ .name = "wait, took nothing",
	  .config = "[x]\nlisten = $1\nexec = $PROBE exit 0\nwait = yes\n",
	  .clients = 5,
	  .line = " pause service=x " },
	{ .name = "datagrams, instances",
	  .config = "[x]\nlisten = $1/udp\nexec = /bin/sleep 1000\ninstances = 1\n",
	  .clients = 5,
	  .datagram = true,
	  .line = " start service=x " },
	{ .name = "datagrams, wait, held",
	  .config = "[x]\nlisten = $1/udp\nexec = /bin/sleep 1000\nwait = yes\n",
	  .clients = 5,
	  .datagram = true,
	  .line = " start service=x " },
	{ .name = "datagrams, wait, took nothing",
	  .config = "[x]\nlisten = $1/udp\nexec = $PROBE exit 0\nwait = yes\n",
	  .clients = 5,
	  .datagram = true,
	  .line = " pause service=x " },
	{ .name = "a reload that fails",
	  .config = "[x]\nlisten = $1\nexec = $PROBE hold\ninstances = 1\n",
	  .after = "[x]\nlisten = $1\nexec = $PROBE hold\ninstances = none\n",
	  .clients = 5,
	  .line = " reload-failed " },
};

/* 0 when the port could be had: of `to`, with or without an option. */
static int steal(const char *to, bool datagram, int option)
{
	bool v6 = strchr(to, ':') != NULL;
	int fd = socket(v6 ? AF_INET6 : AF_INET, datagram ? SOCK_DGRAM : SOCK_STREAM, 0), yes = 1;
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)test_port(1)) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = in.sin_port };
	int r;

	if (strcmp(to, "127.0.0.1") == 0)
		in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (option >= 0)
		setsockopt(fd, SOL_SOCKET, option, &yes, sizeof(yes));
	r = bind(fd, v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in, v6 ? sizeof(in6) : sizeof(in));
	if (r == 0 && !datagram)
		r = listen(fd, 5);
	r = r == 0 ? 0 : errno;
	close(fd);
	return r;
}

/* As another user, where that is possible: what was wrong, or "". */
static char *try_to_steal(bool datagram)
{
	static const char *const addresses[] = { "0.0.0.0", "127.0.0.1", "::" };
	static const int options[] = { -1, SO_REUSEADDR, SO_REUSEPORT };
	int ends[2], status = -1;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid_t child = fork();

	if (child == 0) {
		if (getuid() == 0 && (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0))
			dprintf(ends[1], "no other user; ");
		for (size_t i = 0; i < 9; i++) {
			int error = steal(addresses[i / 3], datagram, options[i % 3]);

			if (error != EADDRINUSE)
				dprintf(ends[1], "%s with option %d: %s; ", addresses[i / 3], options[i % 3],
					error == 0 ? "taken" : strerror(error));
		}
		_exit(0);
	}
	close(ends[1]);
	char *text = read_all(ends[0], NULL);

	close(ends[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	return text;
}

START_TEST(ports_cannot_be_stolen)
{
	SKIP_IF(!net_has_ipv6(), "no IPv6 here");
	test_write("program", 0755, "", false);
	if (states[_i].remove) {
		unlink(test_path("program"));
		ck_assert_int_eq(link(test_probe(), test_path("program")), 0);
	}
	struct daemon *daemon = daemon_start(states[_i].config);

	if (states[_i].remove)
		unlink(test_path("program"));
	for (unsigned i = 0; i < states[_i].clients; i++) {
		if (states[_i].datagram)
			send_text(udp_connect("127.0.0.1", test_port(1)), "x");
		else
			tcp_connect(1);
	}
	if (states[_i].after != NULL) {
		daemon_configure(states[_i].after);
		daemon_signal(daemon, SIGHUP);
	}
	daemon_wait_log(daemon, "%s", states[_i].line);
	for (int i = 0; i < 5; i++) {
		char *taken = try_to_steal(states[_i].datagram);

		ck_assert_msg(taken[0] == '\0', "%s: %s; log:\n%s", states[_i].name, taken,
			      daemon_log_tail(daemon));
		free(taken);
		poll(NULL, 0, 20); /* some states come and go */
	}
	daemon_signal(daemon, SIGQUIT);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	/* The attempts are worth something: now it can be had. */
	if (!states[_i].datagram)
		WAIT_UNTIL(steal("0.0.0.0", false, SO_REUSEADDR) == 0);
}
END_TEST

/* ---- words to clients that do not listen ---- */

/* Too long, or no file: said at the start, at once, with file and line. */
static const char *const bad_messages[] = {
	"banner = file:$DIR/long\n",       "banner_refused = file:$DIR/long\n", "banner = file:$DIR/fifo\n",
	"banner_refused = file:$DIR/fifo\n", "banner = file:$DIR\n",              "banner = file:/dev/zero\n",
};

START_TEST(bad_message_file)
{
	const char *words[] = { "-t", "-c", "$DIR/services.ini", NULL };
	char config[256], *output;
	FILE *file = fopen(test_path("long"), "we");

	for (int i = 0; i < 1025; i++)
		fputc('x', file);
	fclose(file);
	ck_assert_int_eq(mkfifo(test_path("fifo"), 0666), 0);
	snprintf(config, sizeof(config), "[x]\nlisten = 127.0.0.1:$1\nexec = /bin/cat\n%s", bad_messages[_i]);
	daemon_configure(config);
	uint64_t start = now_ms();

	ck_assert_int_eq(run_usherd(words, &output), 78);
	ck_assert_uint_lt(now_ms() - start, 5000 + late_ms(NULL));
	ck_assert_match(output, "services\\.ini:4: .*banner");
	/* Up to the limit it is fine. */
	ck_assert_int_eq(truncate(test_path("long"), 1024), 0);
	if (_i < 2)
		ck_assert_int_eq(run_usherd(words, &output), 0);
}
END_TEST

/* Clients that read nothing, with windows as small as can be. */
static const char *const deaf[] = { "banner = file:$DIR/long\n",
				    "banner_refused = file:$DIR/long\ndeny = 127.0.0.2\n" };

START_TEST(deaf_clients)
{
	char config[512];
	int crowd[80], tiny = 1;
	FILE *file = fopen(test_path("long"), "we");

	for (int i = 0; i < 1024; i++)
		fputc('x', file);
	fclose(file);
	snprintf(config, sizeof(config), "[x]\nlisten = 127.0.0.1:$1\nexec = $PROBE hold\n%s" OTHER, deaf[_i]);
	struct daemon *daemon = daemon_start(config);

	for (int i = 0; i < 80; i++) {
		struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002) };
		struct sockaddr_in to = { .sin_family = AF_INET,
					  .sin_port = htons((uint16_t)test_port(1)),
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

		crowd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(crowd[i], SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny));
		ck_assert_int_eq(bind(crowd[i], (struct sockaddr *)&from, sizeof(from)), 0);
		ck_assert_int_eq(connect(crowd[i], (struct sockaddr *)&to, sizeof(to)), 0);
		(void)!send(crowd[i], "some words", 10, MSG_NOSIGNAL);
		if (i % 8 == 0)
			ask_many(9, NULL, "other", 2, 1000);
	}
	if (_i == 0) {
		WAIT_UNTIL(daemon_children(daemon) == 80);
	} else {
		/* Those who are refused are closed in time, though they neither read nor go. */
		daemon_wait_log(daemon, " refuse service=x ");
		daemon_oracle(daemon);
	}
	for (int i = 0; i < 80; i++)
		reset_close(crowd[i]);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("abuse");
	TCase *greed = harness_case(suite, "greed", 120);

	tcase_add_test(greed, idle_connections);
	tcase_add_test(greed, connection_flood);

	TCase *thieves = harness_case(suite, "thieves", 60);

	tcase_add_loop_test(thieves, ports_cannot_be_stolen, 0, (int)(sizeof(states) / sizeof(states[0])));

	TCase *words = harness_case(suite, "words", 60);

	tcase_add_loop_test(words, bad_message_file, 0,
			    (int)(sizeof(bad_messages) / sizeof(bad_messages[0])));
	tcase_add_loop_test(words, deaf_clients, 0, (int)(sizeof(deaf) / sizeof(deaf[0])));
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
