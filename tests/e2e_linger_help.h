/* e2e_linger_help.h - services that answer much, late, or let go of their client. The test
 * program is also the services it needs. */
#ifndef USHERD_TESTS_E2E_LINGER_HELP_H
#define USHERD_TESTS_E2E_LINGER_HELP_H

#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEGABYTE 1000000

/* ---- the services ---- */

static inline unsigned char pattern(size_t at)
{
	return (unsigned char)(at % 251);
}

/* `reply BYTES`: so many, and nothing is read. */
static inline int do_reply(size_t bytes)
{
	static unsigned char block[251 * 256];

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = pattern(i);
	for (size_t done = 0; done < bytes;) {
		size_t from = done % 251, most = sizeof(block) - from;
		ssize_t n = write(1, block + from, bytes - done < most ? bytes - done : most);

		if (n < 0)
			return 1;
		done += (size_t)n;
	}
	return 0;
}

/* `late BYTES`: the program ends at once, a process of it answers a while later. */
static inline int do_late(size_t bytes)
{
	if (fork() != 0)
		return 0;
	poll(NULL, 0, 400);
	return do_reply(bytes);
}

/* `letgo MS`: closes the connection after that time, and runs on. */
static inline int do_letgo(size_t ms)
{
	(void)!write(1, "bye\n", 4);
	poll(NULL, 0, (int)ms);
	close(0);
	close(1);
	return pause();
}

/* `keep`: lets go, but a child has the connection. */
static inline int do_keep(size_t ms)
{
	if (fork() == 0) {
		poll(NULL, 0, (int)ms);
		(void)!write(1, "bye\n", 4);
		_exit(0);
	}
	close(0);
	close(1);
	return pause();
}

static inline int behave(const char *how, size_t number)
{
	if (strcmp(how, "reply") == 0)
		return do_reply(number);
	if (strcmp(how, "late") == 0)
		return do_late(number);
	if (strcmp(how, "letgo") == 0)
		return do_letgo(number);
	if (strcmp(how, "keep") == 0)
		return do_keep(number);
	return 2;
}

static inline struct daemon *start(const char *keys, const char *listen)
{
	char config[1024];

	test_copy_self();
	snprintf(config, sizeof(config), "[s]\nlisten = %s\nper_source = 1000\nexec = $DIR/self %s", listen,
		 keys);
	return daemon_start(config);
}

#endif
