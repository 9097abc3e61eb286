/* strays_help.h - strays are looked for in each way, on each kind of kernel. */
#ifndef USHERD_TESTS_STRAYS_HELP_H
#define USHERD_TESTS_STRAYS_HELP_H

#include "family.h"

#include "base.h"
#include "family_help.h"
#include "run.h"

#include <pthread.h>
#include <stdio.h>

#define SESSION  12
#define VARIABLE "USHERD_SESSION=12"

/* With the kernel's lists of children, and by reading everybody. */
static size_t (*const ways[])(const struct family *const *, size_t, int, bool (*)(void *, pid_t),
			      void *) = { family_signal_strays, family_proc_search_strays };
static size_t way;

/* All kinds of kernels; _i counts through them. */
#define KINDS (KERNELS * (int)ELEMENTS(ways))

static inline void begin_kind(int kind)
{
	way = (size_t)kind % ELEMENTS(ways);
	begin(kind / (int)ELEMENTS(ways));
}

struct families {
	const struct family *const *list;
	size_t count;
	pid_t stranger; /* leads a session, too */
};

/* As the daemon knows it: a leader that was collected is none. */
static inline bool is_leader(void *context, pid_t pid)
{
	const struct families *families = context;

	for (size_t i = 0; i < families->count; i++)
		if (families->list[i]->group == pid && !families->list[i]->leader_gone)
			return true;
	return pid == families->stranger;
}

static inline size_t search_list(const struct family *const *list, size_t count, int signo)
{
	struct families families = { list, count, 0 };

	return ways[way](list, count, signo, is_leader, &families);
}

static inline size_t search(const struct family *family, int signo)
{
	return search_list(&family, 1, signo);
}

static inline struct family start_session(void (*what)(void), uint64_t session)
{
	struct family family = start_leader(what);

	family.session = session;
	return family;
}

static inline void be_stray_with_child(void)
{
	setsid();
	prctl(PR_SET_NAME, ") Z 1 1 (");
	start(wait_for_end);
	wait_for_end();
}

static inline void have_strays(void)
{
	start(wait_for_end);
	start(be_stray_with_child);
	wait_for_end();
}

#endif
