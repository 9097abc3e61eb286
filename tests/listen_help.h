/* listen_help.h - what check_listen.c and check_listen_unix.c share: endpoints
 * from text, default options, opening that must succeed. */
#ifndef USHERD_TESTS_LISTEN_HELP_H
#define USHERD_TESTS_LISTEN_HELP_H

#include "base.h"
#include "listen.h"
#include "patience.h"
#include "run.h"

#include <fcntl.h>
#include <poll.h>

static inline int store_endpoint(void *context, const struct endpoint *endpoint)
{
	*(struct endpoint *)context = *endpoint;
	return 0;
}

/* The (last) endpoint of a text. */
static inline struct endpoint endpoint_of(const char *text)
{
	struct endpoint endpoint;
	char reason[256];

	ck_assert_msg(endpoint_parse(text, store_endpoint, &endpoint, reason, sizeof(reason)) == 0, "%s: %s",
		      text, reason);
	return endpoint;
}

static inline struct socket_options default_options(void)
{
	return (struct socket_options){
		.backlog = 16,
		.keepalive_ns = 300 * NS_PER_S,
		.socket_uid = (uid_t)-1,
		.socket_gid = (gid_t)-1,
		.socket_mode = 0600,
	};
}

static inline struct listen_socket open_socket(const struct endpoint *endpoint,
					       const struct socket_options *options)
{
	char reason[LISTEN_REASON_MAX] = "";
	struct listen_socket opened = { .fd = -1 };
	int error = listen_open(endpoint, options, false, &opened, reason);

	ck_assert_msg(error == 0, "%d: %s", error, reason);
	ck_assert_int_ge(opened.fd, 0);
	return opened;
}

static inline int get_int(int fd, int level, int option)
{
	socklen_t length = sizeof(int);
	int value = -1;

	ck_assert_int_eq(getsockopt(fd, level, option, &value, &length), 0);
	return value;
}

/* Waits until something can be read, or accepted. */
static inline void await_input(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&wait, 1, PATIENCE_MS), 1);
}

static inline unsigned count_descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			count++;
	return count;
}

#endif
