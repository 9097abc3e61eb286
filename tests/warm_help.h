/* warm_help.h - what the tests of warm services share. The programs are the system's own, since those of a build
 * with sanitizers cannot be preloaded. */
#ifndef USHERD_TESTS_WARM_HELP_H
#define USHERD_TESTS_WARM_HELP_H

#include "harness.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CAT "[cat]\nlisten = 127.0.0.1:$1\nexec = /bin/cat\nwarm = main\n"

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
