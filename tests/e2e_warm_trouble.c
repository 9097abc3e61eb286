/* e2e_warm_trouble.c - what goes wrong with warm services while clients come: fork servers and spares that are killed,
 * stopped or kept from forking, programs for which it cannot work, and changes from outside. Whatever happens, each
 * client gets its whole reply. The programs are the system's own: see warm_help.h. */
#include "warm_help.h"

#include <errno.h>
#include <pwd.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define CLIENTS 8 /* at a time */
#define KILLS   24

/* ---- load ---- */

struct load {
	atomic_bool stop;
	atomic_uint served;
	pid_t pids[CLIENTS];
};

/* A client that says nothing of its own to the runner: whether it got all that it sent, and then the end. */
static bool is_echoed(void)
{
	static const char text[] = "hello\n";
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	char reply[64];
	size_t length = 0;
	ssize_t n = -1;
	int fd = tcp_try("127.0.0.1", test_port(1));

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(text) - 1 &&
	    shutdown(fd, SHUT_WR) == 0)
		while (length < sizeof(reply) && (n = recv(fd, reply + length, sizeof(reply) - length, 0)) > 0)
			length += (size_t)n;
	close(fd);
	return n == 0 && length == sizeof(text) - 1 && memcmp(reply, text, length) == 0;
}

/* Clients one after the other. */
_Noreturn static void ask_on(struct load *load)
{
	do {
		if (!is_echoed())
			_exit(1);
		atomic_fetch_add(&load->served, 1);
	} while (!atomic_load(&load->stop));
	_exit(0);
}

static struct load *load_start(void)
{
	struct load *load =
		mmap(NULL, sizeof(*load), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(load, MAP_FAILED);
	for (int i = 0; i < CLIENTS; i++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0)
			ask_on(load);
		load->pids[i] = pid;
	}
	return load;
}

/* Until so many more were served. */
static void load_wait(struct load *load, unsigned count)
{
	unsigned end = atomic_load(&load->served) + count;

	WAIT_UNTIL((int)(atomic_load(&load->served) - end) >= 0);
}

static void load_stop(struct daemon *daemon, struct load *load)
{
	int status;

	atomic_store(&load->stop, true);
	for (int i = 0; i < CLIENTS; i++) {
		ck_assert_int_eq(waitpid(load->pids[i], &status, 0), load->pids[i]);
		ck_assert_msg(status == 0, "client %d lost its connection:\n%s", i, daemon_log_tail(daemon));
	}
	munmap(load, sizeof(*load));
}

/* All sessions are over, and none was ended by anything but itself. */
static void check_counts(struct daemon *daemon)
{
	WAIT_UNTIL(warm_count(daemon, "end", "cat", "") == warm_count(daemon, "start", "cat", ""));
	ck_assert_uint_eq(warm_count(daemon, "end", "cat", ".*reason=signal"), 0);
	ck_assert_uint_eq(daemon_count_log(daemon, " (refuse|spawn-failed) "), 0);
}

/* ---- fork servers ---- */

enum harm { HARM_KILL, HARM_STOP, HARM_STOP_A_WHILE, HARM_TERM, HARMS };

static void harm(struct load *load, pid_t server, enum harm how)
{
	static const int signals[] = { SIGKILL, SIGSTOP, SIGSTOP, SIGTERM };

	ck_assert_msg(kill(server, signals[how]) == 0 || errno == ESRCH, "%s", strerror(errno));
	if (how == HARM_STOP_A_WHILE) {
		load_wait(load, 1);
		kill(server, SIGCONT);
		load_wait(load, CLIENTS);
		kill(server, SIGKILL);
	}
}

/* How many can be made to find more with the environment variable; a few dozen else. */
static unsigned kills(void)
{
	const char *text = getenv("WARM_KILLS");

	return text == NULL ? KILLS : (unsigned)strtoul(text, NULL, 10);
}

START_TEST(kills_lose_nobody)
{
	struct daemon *daemon = warm_daemon_start(CAT "warm_spares = 3\n");
	pid_t server = warm_ready(daemon, "cat");
	struct load *load = load_start();

	for (unsigned i = 0; i < kills(); i++) {
		load_wait(load, 1 + i * 7 % 40);
		harm(load, server, i % HARMS);
		/* The next clients are served in any case. */
		load_wait(load, 2 * CLIENTS);
		/* Another at once: by itself it comes after a pause, which grows. */
		daemon_configure(i % 2 == 0 ? CAT "warm_spares = 3\numask = 077\n" : CAT "warm_spares = 3\n");
		daemon_reload(daemon, true);
		pid_t next = warm_ready(daemon, "cat");

		ck_assert_int_ne(next, server);
		WAIT_UNTIL(!warm_lives(server));
		server = next;
	}
	load_wait(load, CLIENTS);
	load_stop(daemon, load);
	check_counts(daemon);
	ck_assert_uint_gt(warm_count(daemon, "start", "cat", ".*warm=yes"), kills());
	ck_assert_uint_gt(warm_count(daemon, "start", "cat", ".*warm=no"), 0);
	warm_daemon_stop(daemon);
	WAIT_UNTIL(!warm_lives(server));
}
END_TEST

/* Those in line wait for what is stopped a short time only. */
START_TEST(stopped_server_is_found_out)
{
	struct daemon *daemon = warm_daemon_start(CAT "warm_spares = 0\n");
	pid_t server = warm_ready(daemon, "cat");
	uint64_t begin, took;

	warm_until_served(daemon, 1);
	ck_assert_int_eq(kill(server, SIGSTOP), 0);
	begin = now_ms();
	ask_many(1, "x\n", "x\n", 1, 0);
	took = now_ms() - begin;
	ck_assert_uint_lt(took, 1000 + late_ms(daemon));
	if (getenv("WARM_KILLS") != NULL)
		fprintf(stderr, "# served %u ms after SIGSTOP\n", (unsigned)took);
	daemon_wait_log(daemon, " warm service=cat state=ended pid=%d .*did not answer", (int)server);
	ck_assert_int_ne(warm_ready(daemon, "cat"), server);
	WAIT_UNTIL(!warm_lives(server));
	warm_daemon_stop(daemon);
}
END_TEST

/* The children of the daemon, but for one. */
static unsigned find_spares(const struct daemon *daemon, pid_t server, pid_t *ret_pids, unsigned most)
{
	char path[80], *text, *at, *rest;
	unsigned count = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", daemon->pid, daemon->pid);
	text = test_read(path);
	for (at = strtok_r(text, " \n", &rest); at != NULL && count < most; at = strtok_r(NULL, " \n", &rest))
		if (atoi(at) != server)
			ret_pids[count++] = atoi(at);
	free(text);
	return count;
}

START_TEST(dead_spares_get_no_client)
{
	struct daemon *daemon = warm_daemon_start(CAT "warm_spares = 4\n");
	pid_t server = warm_ready(daemon, "cat"), spares[16];
	unsigned count;

	for (int round = 0; round < 5; round++) {
		WAIT_UNTIL(find_spares(daemon, server, spares, 16) > 0);
		count = find_spares(daemon, server, spares, 16);
		for (unsigned i = 0; i < count; i++)
			kill(spares[i], SIGKILL);
		for (unsigned i = 0; i < count; i++)
			WAIT_UNTIL(!warm_lives(spares[i]));
		ask_many(1, "x\n", "x\n", 4, 0);
	}
	check_counts(daemon);
	ck_assert_uint_eq(daemon_count_log(daemon, " warm .*state=(ended|unsuitable)"), 0);
	warm_daemon_stop(daemon);
	WAIT_UNTIL(!warm_lives(server));
}
END_TEST

START_TEST(killed_while_it_starts)
{
	struct daemon *daemon;
	pid_t pid;

	test_write("slow", 0755,
		   "#!/usr/bin/perl\nprint STDERR \"begun\\n\"; sleep 1 unless -e \"$ENV{FAST}\"; print <STDIN>;\n",
		   false);
	SKIP_IF(harness_find("perl") == NULL, "no perl");
	daemon = daemon_start("[slow]\nlisten = 127.0.0.1:$1\nexec = $DIR/slow\nwarm = input\n"
			      "env = FAST=$DIR/fast\n");
	pid = (pid_t)line_number(daemon_wait_log(daemon, " stderr service=slow .*begun"), "pid");
	test_write("fast", 0644, "", false);
	kill(pid, SIGKILL);
	daemon_wait_log(daemon, " warm service=slow state=ended pid=%d .*signal=KILL", (int)pid);
	ask_many(1, "x\n", "x\n", 3, 0);
	ck_assert_int_ne(warm_ready(daemon, "slow"), pid);
	daemon_stop(daemon);
}
END_TEST

/* No more processes for it: clone says so, and clients have the program started by the daemon, which is root. */
START_TEST(no_room_for_processes)
{
	static const struct rlimit none = { 0, 0 };
	struct daemon *daemon;
	struct load *load;
	pid_t server;

	SKIP_IF(geteuid() != 0 || getpwnam("nobody") == NULL, "needs root and nobody");
	daemon = warm_daemon_start(CAT "user = nobody\nwarm_spares = 2\n");
	server = warm_ready(daemon, "cat");
	warm_until_served(daemon, 1);
	SKIP_IF(prlimit(server, RLIMIT_NPROC, &none, NULL) != 0, "the limits of others cannot be set");
	load = load_start();
	load_wait(load, 100);
	load_stop(daemon, load);
	check_counts(daemon);
	ck_assert_uint_gt(warm_count(daemon, "start", "cat", ".*warm=no"), 50);
	warm_daemon_stop(daemon);
	WAIT_UNTIL(!warm_lives(server));
}
END_TEST

/* The same by the service's own limit: it is told why there are no copies. */
START_TEST(no_room_is_told)
{
	struct daemon *daemon;
	char *reply;

	SKIP_IF(geteuid() != 0 || getpwnam("games") == NULL, "needs root and games");
	daemon = warm_daemon_start(CAT "user = games\nrlimit_nproc = 1\n");
	warm_ready(daemon, "cat");
	daemon_wait_log(daemon, " warm service=cat state=no-copy .*error=.*rlimit_nproc");
	ask_many(1, "x\n", "x\n", 5, 0);
	reply = daemon_ask(daemon, "status");
	ck_assert_match(reply, "\"service\": ?\"cat\", ?\"state\": ?\"cold\", ?\"message\": ?\"no copy can be made");
	free(reply);
	ck_assert_uint_eq(daemon_count_log(daemon, " state=no-copy "), 1);
	check_counts(daemon);
	warm_daemon_stop(daemon);
}
END_TEST

/* Whatever the program sends on the private socket: it is killed, and clients are served without it. */
static const struct nonsense {
	const char *numbers, *told;
} nonsense[] = {
	{ "0 0 0 2", "another version" },     /* LOADED, by the library of a later usherd */
	{ "1 0 0 0", "protocol" },            /* READY, and again when it is stopped */
	{ "2 0 0 99", "protocol" },           /* UNSUITABLE for no known reason */
	{ "3 0 7 0", "protocol" },            /* STARTED, a job that nobody sent */
	{ "4 4000000000 1 0", "protocol" },   /* COPY, on no channel */
	{ "4 0 1 0", "protocol" },            /* COPY, of no order */
	{ "5 0 3 11", "protocol" },           /* FAILED, what nobody ordered */
	{ "77 0 0 0", "protocol" },           /* no report at all */
	{ "3 0 7", "protocol" },              /* too short */
	{ "3 0 7 0 1", "protocol" },          /* too long */
};

START_TEST(nonsense_is_found_out)
{
	struct daemon *daemon;
	char config[256];

	SKIP_IF(harness_find("perl") == NULL, "no perl");
	test_write("lies", 0755,
		   "#!/usr/bin/perl\nuse POSIX ();\n"
		   "my $said = pack 'I*', split ' ', $ENV{SAYS};\n"
		   "POSIX::write($1, $said, length $said) if $ENV{USHERD_WARM} && $ENV{USHERD_WARM} =~ /^(\\d+)/;\n"
		   "print <STDIN>;\n",
		   false);
	snprintf(config, sizeof(config),
		 "[cat]\nlisten = 127.0.0.1:$1\nexec = $DIR/lies\nwarm = input\nenv = 'SAYS=%s'\n",
		 nonsense[_i].numbers);
	daemon = warm_daemon_start(config);
	daemon_wait_log(daemon, " warm service=cat state=(ended|unsuitable) .*%s", nonsense[_i].told);
	ask_many(1, "x\n", "x\n", 3, 0);
	check_counts(daemon);
	warm_daemon_stop(daemon);
}
END_TEST

/* It closes its socket and lives on: perl runs a handler in the middle of a system call if it is told to. */
START_TEST(closed_socket_is_found_out)
{
	struct daemon *daemon;
	pid_t server;

	SKIP_IF(harness_find("perl") == NULL, "no perl");
	test_write("closes", 0755,
		   "#!/usr/bin/perl\nuse POSIX ();\n"
		   "$SIG{USR1} = sub { POSIX::close($_) for 3 .. 99; sleep 1 while 1; };\nprint <STDIN>;\n",
		   false);
	daemon = warm_daemon_start("[cat]\nlisten = 127.0.0.1:$1\nexec = $DIR/closes\nwarm = input\n"
			      "warm_spares = 0\nenv = PERL_SIGNALS=unsafe\n");
	server = warm_ready(daemon, "cat");
	ck_assert_int_eq(kill(server, SIGUSR1), 0);
	daemon_wait_log(daemon, " warm service=cat state=(ended|unsuitable) pid=%d .*protocol", (int)server);
	WAIT_UNTIL(!warm_lives(server));
	ask_many(1, "x\n", "x\n", 3, 0);
	check_counts(daemon);
	warm_daemon_stop(daemon);
}
END_TEST

/* ---- programs for which it cannot work ---- */

static void check_unsuitable(const char *config, const char *told)
{
	struct daemon *daemon = daemon_start(config);

	daemon_wait_log(daemon, " warm service=cat .*%s", told);
	ask_many(1, "x\n", "x\n", 5, 0);
	ck_assert_uint_eq(daemon_count_log(daemon, " warm service=cat .*state=(ended|unsuitable)"), 1);
	ck_assert_uint_eq(warm_count(daemon, "start", "cat", ".*warm=yes"), 0);
	daemon_stop(daemon);
}

/* It ends before it uses its input, unless it is started for a client. */
START_TEST(exit_before_input_is_told)
{
	test_write("early", 0755, "#!/bin/sh\n[ \"$TCPREMOTEIP\" ] || exit 3\nexec cat\n", false);
	check_unsuitable("[cat]\nlisten = 127.0.0.1:$1\nexec = $DIR/early\nwarm = input\n",
			 "state=ended .*status=3 .*before it used its input");
}
END_TEST

/* ---- changes from outside ---- */

START_TEST(reloads_lose_nobody)
{
	struct daemon *daemon = warm_daemon_start(CAT);
	struct load *load;

	warm_ready(daemon, "cat");
	load = load_start();
	for (int i = 0; i < 12; i++) {
		daemon_configure(i % 3 == 0 ? CAT "umask = 077\n" :
				 i % 3 == 1 ? CAT "warm_spares = 5\n" :
					      COLD_CAT);
		daemon_reload(daemon, true);
		load_wait(load, 2 * CLIENTS);
	}
	load_stop(daemon, load);
	check_counts(daemon);
	warm_daemon_stop(daemon);
}
END_TEST

/* ---- settings ---- */

START_TEST(settings_go_with_it)
{
	static const char *const settings[] = {
		"linger = 0\n",
		"stderr = null\n",
		"stderr = socket\n",
		"stderr = file:$DIR/err\n",
		"instances = 1\n",
		"warm_spares = 0\n",
		"warm_sessions = 3\n",
		"directory = /\numask = 077\n",
	};
	char *config;
	struct daemon *daemon;
	struct load *load;

	ck_assert_int_gt(asprintf(&config, CAT "%s", settings[_i]), 0);
	daemon = daemon_start(config);
	free(config);
	warm_ready(daemon, "cat");
	warm_until_served(daemon, 1);
	load = load_start();
	load_wait(load, 50);
	load_stop(daemon, load);
	check_counts(daemon);
	daemon_stop(daemon);
}
END_TEST

/* The copy that has the client goes on with it, when there is no descriptor to watch it by but that of the client. */
START_TEST(no_descriptor_to_watch_by)
{
	struct daemon *daemon = daemon_start(CAT "warm_spares = 0\nstderr = null\n");
	struct rlimit limit, before;
	char path[64], *reply;
	unsigned lowest = 0, cold;
	int fd;

	warm_ready(daemon, "cat");
	warm_until_served(daemon, 1);
	cold = daemon_count_log(daemon, " start service=cat .* warm=no");
	do
		snprintf(path, sizeof(path), "/proc/%d/fd/%u", daemon->pid, ++lowest);
	while (access(path, F_OK) == 0);
	ck_assert_int_eq(prlimit(daemon->pid, RLIMIT_NOFILE, NULL, &before), 0);
	limit = before;
	limit.rlim_cur = lowest + 1;
	ck_assert_int_eq(prlimit(daemon->pid, RLIMIT_NOFILE, &limit, NULL), 0);
	fd = tcp_connect(1);
	send_text(fd, "hello\n");
	reply = read_piece(fd, PATIENCE_MS, NULL);
	ck_assert_msg(reply != NULL && strcmp(reply, "hello\n") == 0, "got %s; log:\n%s", reply, daemon_log_tail(daemon));
	free(reply);
	shutdown(fd, SHUT_WR);
	reply = read_all(fd, NULL);
	ck_assert_str_eq(reply, "");
	free(reply);
	close(fd);
	ck_assert_int_eq(prlimit(daemon->pid, RLIMIT_NOFILE, &before, NULL), 0);
	warm_until_served(daemon, 1);
	ck_assert_uint_eq(daemon_count_log(daemon, " start service=cat .* warm=no"), cold);
	check_counts(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make(void)
{
	Suite *suite = suite_create("warm_trouble");
	TCase *tests = harness_case(suite, "warm_trouble", 60);

	tcase_add_test(tests, kills_lose_nobody);
	tcase_add_test(tests, stopped_server_is_found_out);
	tcase_add_test(tests, dead_spares_get_no_client);
	tcase_add_test(tests, killed_while_it_starts);
	tcase_add_test(tests, no_room_for_processes);
	tcase_add_test(tests, no_room_is_told);
	tcase_add_test(tests, no_descriptor_to_watch_by);
	tcase_add_loop_test(tests, nonsense_is_found_out, 0, sizeof(nonsense) / sizeof(nonsense[0]));
	tcase_add_test(tests, closed_socket_is_found_out);
	tcase_add_test(tests, exit_before_input_is_told);
	tcase_add_test(tests, reloads_lose_nobody);
	tcase_add_loop_test(tests, settings_go_with_it, 0, 8);
	return suite;
}

int main(void)
{
	return harness_main(make, NULL);
}
