/* spawn-plan.h - what spawn.c and spawn-plan.c share: a child on its way to exec, and what it is to get. */
#ifndef USHERD_SPAWN_PLAN_H
#define USHERD_SPAWN_PLAN_H

#include "spawn-env.h"
#include "spawn-fds.h"

#define SPAWN_DATAGRAM_MAX 65536

/* Descriptors made for one child. The far ends are closed by us in any case. */
struct spawn_channels {
	int stderr_read, stderr_write;
	int replies, replies_far;
};

/* A child on its way to exec, and all that it uses of ours. */
struct spawn_launch {
	bool under_way;
	char *stack;      /* guard first: stacks grow down */
	uint32_t sharing; /* it is on our memory; cleared by the kernel at its exec or exit */
	unsigned slots;   /* the first of its own */
	bool filled[SPAWN_SLOTS];
	struct spawn_env environment;
	gid_t *groups; /* for the child to look at its groups */
	struct child_limit limits[CONF_RLIMITS];
	struct child_plan plan;
	volatile struct child_failure report;
	struct spawn_channels channels;
	struct spawn_child child;
};

struct spawn {
	struct spawn_launch launches[SPAWN_LAUNCHES];
	struct spawn_env described; /* for spawn_describe() */
	char *datagram;
	struct spawn_fds fds;
	size_t group_room;
	int oom_score_fd; /* /proc/self/oom_score_adj; -1: no /proc */
	int oom_score;    /* what we were started with */
};

/* Makes channels and slots, and fills in launch->plan. Returns 0, or -errno and the step that failed;
 * spawn_plan_drop() is due in any case, when the child is done with our memory. */
int spawn_plan_make(struct spawn *spawn, struct spawn_launch *launch, const struct spawn_request *request,
		    const char **ret_step);

/* Lets go of slots, and of channels that nobody has taken. */
void spawn_plan_drop(struct spawn *spawn, struct spawn_launch *launch);

#endif
