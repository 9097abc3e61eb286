/* hold_help.h - clients that hold a session, and clients that are refused. */
#ifndef USHERD_TESTS_HOLD_HELP_H
#define USHERD_TESTS_HOLD_HELP_H

#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline void expect_ready(int fd)
{
	char *ready = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(ready != NULL && strcmp(ready, "ready\n") == 0, "got \"%s\"", ready);
	free(ready);
}

static inline int hold_from(const char *from, unsigned number)
{
	int fd = tcp_from(from, number);

	expect_ready(fd);
	return fd;
}

/* Ends a session, and waits until the daemon has its slot back. */
static inline void finish(struct daemon *daemon, int fd)
{
	shutdown(fd, SHUT_WR);
	ck_assert_str_eq(read_clean(fd, NULL), "bye\n");
	close(fd);
	daemon_wait_log(daemon, " end service=");
}

static inline void expect_refused(struct daemon *daemon, const char *from, unsigned number)
{
	char *reply = ask_from(from, number);

	ck_assert_msg(reply[0] == '\0', "%s got \"%s\"; log:\n%s", from, reply, daemon_log_tail(daemon));
	free(reply);
}

/* That the refusals of the test had this reason: the only one that was told. */
static inline void expect_reason(struct daemon *daemon, const char *reason)
{
	char expression[128];

	snprintf(expression, sizeof(expression), " refuse service=hello peer=.* reason=%s( left_out=[0-9]+)?$",
		 reason);
	WAIT_UNTIL(daemon_count_log(daemon, expression) > 0);
	ck_assert_msg(daemon_count_log(daemon, " refuse ") == daemon_count_log(daemon, expression),
		      "other reasons than %s; log:\n%s", reason, daemon_log_tail(daemon));
}

#endif
