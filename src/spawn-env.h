/* spawn-env.h - the environment of one session: the fixed part of the service,
 * and what is known of this client. Numbers and addresses only: no byte that a
 * client chose gets in. */
#ifndef USHERD_SPAWN_ENV_H
#define USHERD_SPAWN_ENV_H

#include "spawn.h"

/* Enough for every name that spawn_env_build() can add, and their text. */
#define SPAWN_ENV_NAMES 20
#define SPAWN_ENV_TEXT 2304

struct spawn_env {
	char **names;     /* room for the fixed part + SPAWN_ENV_NAMES + NULL */
	size_t room, count;
	char text[SPAWN_ENV_TEXT];
	size_t used;
	char udp_ports[SPAWN_PORTS_TEXT];
	char *pid_text; /* where the child writes LISTEN_PID, or NULL */
};

/* Fills `environment` for the request; environment->names is what execve(2) takes. */
void spawn_env_build(struct spawn_env *environment, const struct spawn_request *request);

#endif
