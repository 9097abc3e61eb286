/* e2e_warm.c - services whose programs are started ahead of clients: they serve, are logged, limited and killed like
 * all others. What goes wrong with them is in e2e_warm_trouble.c. */
#include "warm_help.h"

#include <poll.h>
#include <sys/wait.h>

/* A program that says everything about itself; the shell's builtins write through stdio. */
#define TELL                                                                                                           \
	"#!/bin/sh\n"                                                                                                  \
	"read line\n"                                                                                                  \
	"echo \"line=$line\"\n"                                                                                        \
	"tr '\\0' '\\n' < /proc/$$/environ | grep USHERD_SESSION\n"                                                    \
	"ls -l /proc/self/fd | awk '{print $9}' | xargs\n"                                                             \
	"awk '{print \"parent=\" $4, \"group=\" $5, \"session=\" $6}' /proc/self/stat\n"                               \
	"echo \"preload=$LD_PRELOAD/$(env | grep -c -e ^LD_ -e ^USHERD_WARM)\"\n"                                      \
	"env | grep -e ^TCP -e ^REMOTE -e ^USHERD | sort\n"

START_TEST(copies_serve)
{
	struct daemon *daemon = daemon_start(CAT);
	pid_t server = warm_ready(daemon, "cat");

	warm_until_served(daemon, 1);
	ask_many(1, "hello\n", "hello\n", 50, 0);
	daemon_wait_log(daemon, " end .* reason=exit status=0 ");
	ck_assert(warm_lives(server));
	/* Nothing that is asked for in a row has to wait for exec. */
	ck_assert_uint_ge(daemon_count_log(daemon, " start .* warm=yes"), 40);
	char *reply = daemon_ask(daemon, "services cat");

	ck_assert_match(reply, "\"mode\": ?\"main\"");
	ck_assert_match(reply, "\"state\": ?\"ready\"");
	free(reply);
	daemon_stop(daemon);
	WAIT_UNTIL(!warm_lives(server));
}
END_TEST

/* What a session sees is what it sees without `warm`. */
START_TEST(session_is_as_ever)
{
	struct daemon *daemon;
	const char *cold;
	char *warm;

	test_write("tell", 0755, TELL, false);
	daemon = daemon_start("[tell]\nlisten = 127.0.0.1:$1\nexec = $DIR/tell\nwarm = main\n");
	warm_ready(daemon, "tell");
	for (int i = 0; i < 100; i++) {
		warm = ask(1, "x\n");
		if (strstr(daemon_wait_log(daemon, " start .*warm="), "warm=yes") != NULL)
			break;
		free(warm);
		warm = NULL;
		nap();
	}
	ck_assert_ptr_nonnull(warm);
	ck_assert_line(warm, "line=x");
	ck_assert_line(warm, "preload=/0");
	ck_assert_line(warm, "0 1 2 3"); /* 3 is ls's own */
	ck_assert_match(warm, "^USHERD_SESSION=[0-9]+$");
	ck_assert_match(warm, "^TCPREMOTEIP=127.0.0.1$");
	ck_assert_match(warm, "^REMOTE_PORT=[0-9]+$");
	ck_assert_match(warm, "^USHERD_SERVICE=tell$");
	cold = daemon_read_log(daemon);
	ck_assert_match(cold, "start service=tell session=[0-9]+ pid=[0-9]+ peer=127.0.0.1");
	free(warm);
	daemon_stop(daemon);
}
END_TEST

static int hold_cat(struct daemon *daemon, long *ret_session, pid_t *ret_pid)
{
	int fd = tcp_connect(1);
	const char *line;
	char *piece;

	send_text(fd, "there\n");
	piece = read_piece(fd, PATIENCE_MS, NULL);
	ck_assert_str_eq(piece, "there\n");
	free(piece);
	line = daemon_wait_log(daemon, " start service=cat .*warm=yes");
	*ret_session = line_number(line, "session");
	*ret_pid = (pid_t)line_number(line, "pid");
	return fd;
}

/* Its pid is its own session's, the daemon is its parent, and what is told of its end is true. */
START_TEST(ends_are_told)
{
	struct daemon *daemon = daemon_start(CAT "time_limit = 1s\nkill_after = 100ms\n");
	char path[64], *stat;
	long session;
	pid_t pid, parent, group;
	int fd;

	warm_ready(daemon, "cat");
	warm_until_served(daemon, 1);
	fd = hold_cat(daemon, &session, &pid);
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = test_read(path);
	ck_assert_int_eq(sscanf(strrchr(stat, ')') + 4, "%d %d", &parent, &group), 2);
	ck_assert_int_eq(parent, daemon->pid);
	ck_assert_int_eq(group, pid);
	free(stat);
	/* By a signal from outside. */
	ck_assert_int_eq(kill(pid, SIGUSR1), 0);
	daemon_wait_log(daemon, " end .* session=%ld .* reason=signal signal=USR1 ", session);
	free(read_all(fd, NULL));
	close(fd);
	/* By a limit. */
	fd = hold_cat(daemon, &session, &pid);
	daemon_wait_log(daemon, " end .* session=%ld .* reason=time_limit signal=TERM ", session);
	free(read_all(fd, NULL));
	close(fd);
	/* By hand. */
	fd = hold_cat(daemon, &session, &pid);
	char request[64];

	snprintf(request, sizeof(request), "kill %ld", session);
	free(daemon_ask(daemon, request));
	daemon_wait_log(daemon, " end .* session=%ld .* reason=kill ", session);
	free(read_all(fd, NULL));
	close(fd);
	daemon_stop(daemon);
}
END_TEST

/* instances and per_source count copies like all others. */
START_TEST(limits_hold)
{
	struct daemon *daemon = daemon_start(CAT "instances = 2\nwhen_full = refuse\n");
	long sessions[2];
	pid_t pids[2];
	int fds[2], third;

	warm_ready(daemon, "cat");
	warm_until_served(daemon, 1);
	daemon_wait_log(daemon, " end ");
	for (int i = 0; i < 2; i++)
		fds[i] = hold_cat(daemon, &sessions[i], &pids[i]);
	third = tcp_connect(1);
	daemon_wait_log(daemon, " refuse .*reason=instances");
	close(third);
	for (int i = 0; i < 2; i++)
		close(fds[i]);
	daemon_wait_log(daemon, " end .*session=%ld ", sessions[0]);
	daemon_stop(daemon);
}
END_TEST

/* A change of its file is noticed; so are warm_sessions. */
START_TEST(started_anew)
{
	struct daemon *daemon;
	char *reply;
	pid_t first, second;

	test_write("say", 0755, "#!/bin/sh\nread line\necho one\n", false);
	daemon = daemon_start("[say]\nlisten = 127.0.0.1:$1\nexec = $DIR/say\nwarm = input\n");
	first = warm_ready(daemon, "say");
	test_write("say", 0755, "#!/bin/sh\nread line\necho two\n", false);
	/* At most a second later. */
	for (;;) {
		reply = ask(1, "\n");
		if (strcmp(reply, "two\n") == 0)
			break;
		ck_assert_str_eq(reply, "one\n");
		free(reply);
		nap();
	}
	free(reply);
	daemon_wait_log(daemon, " warm service=say state=replaced reason=file ");
	second = warm_ready(daemon, "say");
	ck_assert_int_ne(first, second);
	ask_many(1, "\n", "two\n", 20, 0);
	daemon_stop(daemon);
}
END_TEST

START_TEST(replaced_after_sessions)
{
	struct daemon *daemon = daemon_start(CAT "warm_sessions = 5\n");
	pid_t first = warm_ready(daemon, "cat"), second;
	const char *line;

	for (int i = 0; i < 200 && daemon_count_log(daemon, " start .*warm=yes") <= 5; i++)
		ask_many(1, "x\n", "x\n", 1, 0);
	line = daemon_wait_log(daemon, " warm service=cat state=replaced reason=warm_sessions ");
	ck_assert_int_eq(line_number(line, "sessions"), 5);
	ck_assert_int_eq(line_number(line, "pid"), first);
	second = warm_ready(daemon, "cat");
	ck_assert_int_ne(first, second);
	WAIT_UNTIL(!warm_lives(first));
	daemon_stop(daemon);
}
END_TEST

/* By hand, for changes that nobody can see: modules. */
START_TEST(renewed_by_hand)
{
	struct daemon *daemon =
		daemon_start(CAT "[cold]\nlisten = 127.0.0.1:$2\nexec = /bin/cat\n");
	pid_t first = warm_ready(daemon, "cat"), second;
	char *reply = daemon_ask(daemon, "renew cat");

	ck_assert_match(reply, "\"ok\": ?true");
	free(reply);
	daemon_wait_log(daemon, " warm service=cat state=replaced reason=\"by hand\" pid=%d ", (int)first);
	second = warm_ready(daemon, "cat");
	ck_assert_int_ne(first, second);
	WAIT_UNTIL(!warm_lives(first));
	ask_many(1, "x\n", "x\n", 3, 0);
	reply = daemon_ask(daemon, "services cat");
	ck_assert_match(reply, "\"replaced\": ?1");
	free(reply);
	reply = daemon_ask(daemon, "renew cold");
	ck_assert_match(reply, "\"code\": ?\"refused\"");
	free(reply);
	free(daemon_ask(daemon, "disable cat"));
	reply = daemon_ask(daemon, "renew cat");
	ck_assert_match(reply, "\"code\": ?\"refused\".*usherctl enable");
	free(reply);
	daemon_stop(daemon);
	WAIT_UNTIL(!warm_lives(second));
}
END_TEST

/* Only what decides how it is started has it started anew; sessions go on in any case. */
START_TEST(reload_keeps_it)
{
	struct daemon *daemon = daemon_start(CAT);
	pid_t first = warm_ready(daemon, "cat"), second, pid;
	long session;
	int fd;
	char *piece;

	warm_until_served(daemon, 1);
	fd = hold_cat(daemon, &session, &pid);
	daemon_configure(CAT "instances = 7\nwarm_spares = 3\n");
	daemon_reload(daemon, true);
	WAIT_UNTIL(strstr(piece = daemon_ask(daemon, "services cat"), "\"copies\": 3") != NULL ||
		   strstr(piece, "\"copies\":3") != NULL || (free(piece), false));
	free(piece);
	ck_assert(warm_lives(first));
	daemon_configure(CAT "umask = 077\n");
	daemon_reload(daemon, true);
	second = warm_ready(daemon, "cat");
	ck_assert_int_ne(first, second);
	WAIT_UNTIL(!warm_lives(first));
	send_text(fd, "still\n");
	piece = read_piece(fd, PATIENCE_MS, NULL);
	ck_assert_str_eq(piece, "still\n");
	free(piece);
	close(fd);
	daemon_wait_log(daemon, " end .*session=%ld .*reason=exit", session);
	/* And without the key it goes. */
	daemon_configure(COLD_CAT);
	daemon_reload(daemon, true);
	WAIT_UNTIL(!warm_lives(second));
	ask_many(1, "x\n", "x\n", 3, 0);
	daemon_stop(daemon);
}
END_TEST

/* After an upgrade the new program starts its own; sessions go on. */
START_TEST(upgrade_starts_it)
{
	struct daemon *daemon = daemon_start(CAT);
	pid_t first = warm_ready(daemon, "cat"), pid;
	long session;
	char *piece;
	int fd;

	warm_until_served(daemon, 1);
	fd = hold_cat(daemon, &session, &pid);
	daemon_signal(daemon, SIGUSR2);
	daemon_wait_log(daemon, " upgraded ");
	ck_assert_int_ne(warm_ready(daemon, "cat"), first);
	WAIT_UNTIL(!warm_lives(first));
	send_text(fd, "still\n");
	piece = read_piece(fd, PATIENCE_MS, NULL);
	ck_assert_str_eq(piece, "still\n");
	free(piece);
	close(fd);
	daemon_wait_log(daemon, " end .*session=%ld .*reason=exit status=0", session);
	/* What was counted before counts. */
	piece = daemon_ask(daemon, "services cat");
	ck_assert_match(piece, "\"replaced\": ?1");
	free(piece);
	daemon_stop(daemon);
}
END_TEST

/* Clients that come one after the other, for as long as the pipe is open. */
static pid_t keep_asking(int stop, int other)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid != 0)
		return pid;
	close(other);
	for (;;) {
		struct pollfd end = { .fd = stop, .events = POLLIN };

		if (poll(&end, 1, 0) == 1)
			_exit(0);
		ask_many(1, "x\n", "x\n", 1, 0);
	}
}

/* Who waits for a copy when the daemon is replaced has one, or its own program. */
START_TEST(upgrades_lose_nobody)
{
	struct daemon *daemon = daemon_start(CAT "warm_spares = 0\n");
	pid_t pids[4];
	int stop[2], status;

	warm_ready(daemon, "cat");
	ck_assert_int_eq(pipe(stop), 0);
	for (int i = 0; i < 4; i++)
		pids[i] = keep_asking(stop[0], stop[1]);
	for (int i = 0; i < 5; i++) {
		daemon_signal(daemon, SIGUSR2);
		daemon_wait_log(daemon, " upgraded ");
		warm_ready(daemon, "cat");
		daemon_wait_log(daemon, " start .*warm=yes");
	}
	close(stop[0]);
	close(stop[1]); /* the end of the pipe ends them */
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	daemon_stop(daemon);
}
END_TEST

/* The spare of a service that has no session: the daemon's child that is not its fork server. */
static pid_t find_spare(const struct daemon *daemon, pid_t server)
{
	char path[64], *text, *rest;
	long pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", daemon->pid, daemon->pid);
	text = test_read(path);
	for (char *at = text; (pid = strtol(at, &rest, 10)) > 0; at = rest)
		if (pid != server && warm_lives((pid_t)pid) && getpgid((pid_t)pid) == pid)
			break;
	free(text);
	return (pid_t)pid;
}

/* Neither one that is stopped nor one that dies with a client in its channel loses it. */
static const int harms[] = { SIGSTOP, SIGKILL };

START_TEST(spare_is_harmed)
{
	struct daemon *daemon = warm_daemon_start(CAT);
	pid_t server = warm_wait_spare(daemon, "cat"), spare;
	char *reply;
	int fd;

	WAIT_UNTIL((spare = find_spare(daemon, server)) > 0);
	ck_assert_int_eq(kill(spare, SIGSTOP), 0);
	fd = tcp_connect(1);
	send_text(fd, "late\n");
	shutdown(fd, SHUT_WR);
	if (harms[_i] == SIGKILL) {
		WAIT_UNTIL(has_match(reply = daemon_ask(daemon, "services cat"), "\"accepted\": ?1") ||
			   (free(reply), false));
		free(reply);
		ck_assert_int_eq(kill(spare, SIGKILL), 0);
	}
	reply = read_clean(fd, NULL);
	ck_assert_str_eq(reply, "late\n");
	free(reply);
	close(fd);
	daemon_wait_log(daemon, " start .*warm=no");
	kill(spare, SIGCONT); /* it finds that nobody needs it any more */
	WAIT_UNTIL(!warm_lives(spare));
	ask_many(1, "x\n", "x\n", 3, 0);
	warm_daemon_stop(daemon);
}
END_TEST

/* Lines of a copy's stderr have its pid, those of the start that of the fork server. */
START_TEST(stderr_is_told)
{
	struct daemon *daemon;
	pid_t server, pid;

	/* A shell moves its descriptors about for this, which is a touch; perl does not. */
	test_write("grumble", 0755,
		   "#!/usr/bin/perl\nprint STDERR \"early\\n\"; <STDIN>; print STDERR \"late\\n\"; print \"done\\n\";\n",
		   false);
	daemon = daemon_start("[grumble]\nlisten = 127.0.0.1:$1\nexec = $DIR/grumble\nwarm = input\n");
	pid = (pid_t)line_number(daemon_wait_log(daemon, " stderr service=grumble .*early"), "pid");
	daemon->mark = 0; /* either may be first */
	server = warm_ready(daemon, "grumble");
	ck_assert_int_eq(pid, server);
	for (int i = 0; i < 200; i++) {
		free(ask(1, "\n"));
		const char *line = daemon_wait_log(daemon, " start .* warm=");

		pid = (pid_t)line_number(line, "pid");
		if (strstr(line, "warm=yes") != NULL)
			break;
		nap();
	}
	daemon_wait_log(daemon, " stderr service=grumble pid=%d text=late", pid);
	daemon_stop(daemon);
}
END_TEST

static Suite *make(void)
{
	Suite *suite = suite_create("warm");
	TCase *tests = harness_case(suite, "warm", 30);

	tcase_add_test(tests, copies_serve);
	tcase_add_test(tests, session_is_as_ever);
	tcase_add_test(tests, ends_are_told);
	tcase_add_test(tests, limits_hold);
	tcase_add_test(tests, started_anew);
	tcase_add_test(tests, replaced_after_sessions);
	tcase_add_test(tests, renewed_by_hand);
	tcase_add_test(tests, reload_keeps_it);
	tcase_add_test(tests, upgrade_starts_it);
	tcase_add_test(tests, upgrades_lose_nobody);
	tcase_add_loop_test(tests, spare_is_harmed, 0, 2);
	tcase_add_test(tests, stderr_is_told);
	return suite;
}

int main(void)
{
	return harness_main(make, NULL);
}
