/* spawn.h - from an admitted connection to a running process: the parent's
 * half. Works out the plan, starts the child on the daemon's own memory (as
 * vfork does, so that the cost does not grow with the daemon), and learns at
 * once whether exec came about. Decides nothing and logs nothing. */
#ifndef USHERD_SPAWN_H
#define USHERD_SPAWN_H

#include "child.h"
#include "conf.h"
#include "peer.h"

#include <stdint.h>
#include <sys/types.h>

struct spawn;

enum spawn_kind {
	SPAWN_CONNECTION, /* an accepted socket on 0 and 1 */
	SPAWN_WAIT,       /* the listening socket itself on 0, 1 and 3 */
	SPAWN_FILTER,     /* one datagram on 0, replies from 1 */
	SPAWN_WARM,       /* a fork server: no client on 0 and 1, its private socket on 3 (warm.h) */
};

/* What a SPAWN_WARM is begun with, beside the rest. */
struct spawn_warm {
	int private_socket;     /* borrowed; becomes 3 */
	char *const *variables; /* of its environment, ahead of those of the same names that its service has */
	size_t variable_count;  /* at most SPAWN_WARM_NAMES */
	char *pid_text;         /* where its own pid goes in one of them; 12 bytes */
};
#define SPAWN_WARM_NAMES 8

struct spawn_request {
	enum spawn_kind kind;
	const struct conf_service *service;
	const struct endpoint *endpoint; /* where the client came in */
	uint64_t session;
	int socket;                /* borrowed; for a filter the datagram socket */
	int cgroup;                /* directory of the cgroup to begin in; -1: ours. Borrowed */
	const struct peer *peer;   /* for SPAWN_WAIT the first of many, not told to the program */
	const struct peer *local;
	const struct spawn_warm *warm; /* for SPAWN_WARM, which has no endpoint, peer and local */
};

/* A running service. The caller owns the descriptors; all are CLOEXEC. */
struct spawn_child {
	pid_t pid;
	int pidfd;
	int stderr_pipe; /* reading end, non-blocking; -1: none */
	int replies;     /* a filter's replies, one a message; -1: none */
};

/* Why nothing runs: `step` is the stage of child.h, or what failed before
 * ("clone", "pipe", "socketpair"); `before_child` tells the two apart. */
struct spawn_failure {
	const char *step;
	enum child_stage stage; /* CHILD_STAGE_NONE when before_child */
	int error;              /* errno */
	bool before_child;
};

/* Takes all memory that spawning will ever need: a stack for the child, a
 * buffer for a datagram, a few descriptors in reserve for the moment when
 * there are no more. Returns 0 or -errno. */
int spawn_new(struct spawn **ret_spawn);
void spawn_free(struct spawn *spawn);

/* Makes room for services with up to `environment_count` fixed environment
 * strings and `group_count` supplementary groups. Called when a configuration is
 * applied. Returns 0 or -ENOMEM. */
int spawn_reserve(struct spawn *spawn, size_t environment_count, size_t group_count);

/* What UDP services are told of our own UDP ports (USHERD_UDP_PORTS): cut off at
 * SPAWN_PORTS_TEXT; "" for nothing. Copied. */
#define SPAWN_PORTS_TEXT 512
void spawn_set_udp_ports(struct spawn *spawn, const char *text);

/* What a program that runs already is to be told of a session, for warm.h: the part of the environment that
 * spawn_start() would make for this client, NAME=value one after the other, each with its NUL. Borrowed until the next
 * call of anything here. USHERD_SESSION is the first. */
struct spawn_variables {
	const char *text;
	size_t length;
	unsigned count;
};
struct spawn_variables spawn_describe(struct spawn *spawn, const struct spawn_request *request);

/* With `stderr = log`: the pipe that becomes the service's stderr; the reading end does not block, the other belongs
 * to its user. Else both are -1. Returns 0 or -errno. */
struct spawn_pipe {
	int read_end, write_end;
};
int spawn_open_stderr(const struct conf_service *service, struct spawn_pipe *ret_pipe);

/* Starts the service, in two halves: spawn_launch() sends a child on its way, spawn_await() waits until it came to
 * its exec, or did not. Between them others can be launched, so that the children of a crowd of clients do not
 * wait for each other: at most SPAWN_OVERLAP. Each launch is awaited before the program goes back to its loop; until
 * then what the request names of the configuration stays, its socket may be closed. Each returns 0, or -errno (of the
 * failing step) with the failure filled in; then nothing is left behind, and the launch is over. A failure of
 * spawn_launch() is `before_child`, one of spawn_await() is not. Allocates nothing. */
#define SPAWN_OVERLAP 4
struct spawn_launch;
int spawn_launch(struct spawn *spawn, const struct spawn_request *request, struct spawn_launch **ret_launch,
		 struct spawn_failure *ret_failure);
int spawn_await(struct spawn *spawn, struct spawn_launch *launch, struct spawn_child *ret_child,
		struct spawn_failure *ret_failure);

/* Both at once; may also be called while SPAWN_OVERLAP others are under way. */
int spawn_start(struct spawn *spawn, const struct spawn_request *request, struct spawn_child *ret_child,
		struct spawn_failure *ret_failure);

#endif
