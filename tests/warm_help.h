/* warm_help.h - what the tests of warm services share. The programs are the system's own, since those of a build
 * with sanitizers cannot be preloaded. */
#ifndef USHERD_TESTS_WARM_HELP_H
#define USHERD_TESTS_WARM_HELP_H

#include "harness.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLD_CAT "[cat]\nlisten = 127.0.0.1:$1\nexec = /bin/cat\n"
#define CAT      COLD_CAT "warm = main\n"

/* A daemon whose descriptors are counted before there is anything warm; and its end, when nothing of it may be left. */
static inline struct daemon *warm_daemon_start(const char *config)
{
	struct daemon *daemon = daemon_start(COLD_CAT);

	daemon_configure(config);
	daemon_reload(daemon, true);
	return daemon;
}

static inline void warm_daemon_stop(struct daemon *daemon)
{
	daemon_configure(COLD_CAT);
	daemon_reload(daemon, true);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}

/* Waits until the program of a service is stopped; returns its pid. */
static inline pid_t warm_ready(struct daemon *daemon, const char *service)
{
	return (pid_t)line_number(daemon_wait_log(daemon, " warm service=%s state=ready ", service), "pid");
}

/* Asks until a copy serves, at most a bounded number of times: right after a start the first clients may come before
 * the first copy. Returns the number of clients that it took. */
static inline unsigned warm_until_served(struct daemon *daemon, unsigned port)
{
	for (unsigned tries = 1; tries < 200; tries++) {
		ask_many(port, "x\n", "x\n", 1, 0);
		const char *line = daemon_wait_log(daemon, " start .* warm=(yes|no)");

		if (strstr(line, "warm=yes") != NULL)
			return tries;
		nap();
	}
	ck_abort_msg("no client is served by a copy:\n%s", daemon_log_tail(daemon));
	return 0;
}

/* What a section has beside its service to run cold and warm: for loop tests, 0 is cold. */
#define WARM_LOOP(test_case, function) tcase_add_loop_test(test_case, function, 0, 2)
static inline const char *warm_line(int warm)
{
	return warm != 0 ? "warm = main\n" : "";
}

/* Waits until the next client is served by a copy: its program is stopped, and a spare is there. Returns the pid of
 * the program. */
static inline pid_t warm_wait_spare(struct daemon *daemon, const char *service)
{
	pid_t server = warm_ready(daemon, service);
	char request[64], *reply;
	bool has;

	snprintf(request, sizeof(request), "services %s", service);
	do {
		nap();
		reply = daemon_ask(daemon, request);
		has = has_match(reply, "\"copies\": ?[1-9]");
		free(reply);
	} while (!has);
	return server;
}

static inline unsigned warm_count(struct daemon *daemon, const char *event, const char *service, const char *rest)
{
	char expression[128];

	snprintf(expression, sizeof(expression), " %s service=%s %s", event, service, rest);
	return daemon_count_log(daemon, expression);
}

/* All sessions have ended, by themselves, and at least half of them were copies, or none was if it is not `warm`:
 * then nothing is left. */
static inline void warm_check_served(struct daemon *daemon, const char *service, bool warm)
{
	unsigned all, copies;

	WAIT_UNTIL(warm_count(daemon, "end", service, "") == warm_count(daemon, "start", service, ""));
	all = warm_count(daemon, "start", service, "");
	copies = warm_count(daemon, "start", service, ".*warm=yes");
	ck_assert_uint_gt(all, 0);
	ck_assert_msg(warm ? copies * 2 >= all : copies == 0, "%u of %u sessions of %s were copies:\n%s", copies, all,
		      service, daemon_log_tail(daemon));
	ck_assert_uint_eq(warm_count(daemon, "end", service, ".*reason=signal"), 0);
	if (!warm)
		daemon_oracle(daemon);
}

/* Whether a process is there, a zombie not. */
static inline bool warm_lives(pid_t pid)
{
	char path[64], *text, state;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (access(path, F_OK) != 0)
		return false;
	text = test_read(path);
	if (text == NULL || strrchr(text, ')') == NULL)
		return false;
	state = strrchr(text, ')')[2];
	free(text);
	return state != 'Z' && state != 'X';
}

#endif
