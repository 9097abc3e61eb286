/* daemon.h - the life of the daemon: from a checked configuration to its end.
 * Owns the loop, the log, the services; answers signals. */
#ifndef USHERD_DAEMON_H
#define USHERD_DAEMON_H

#include "adopt.h"
#include "conf.h"

#include <stdbool.h>

struct daemon;
struct upgrade;

/* Where a configuration comes from; asked again on each reload. */
struct daemon_source {
	/* Returns as conf_load() does. */
	int (*load)(void *context, struct conf **ret_conf, struct conf_errors *errors);
	void *context;
	const char *path;   /* of the main file; NULL: the command line */
	bool reloadable; /* false: the command line, which cannot change */
	struct upgrade *upgrade; /* what the process began with; borrowed */
	struct adopted *adopted; /* sockets that are open already, or NULL; taken by daemon_start() */
};

/* Opens the log, takes the pid file, opens every listener of `conf` (borrowed).
 * `background`: log to syslog where stderr was meant, and have a pid file.
 * Returns 0, or an exit status (sysexits(3)) after saying on stderr why. */
int daemon_start(const struct daemon_source *source, struct conf *conf, bool background,
		 struct daemon **ret_daemon);

/* Whether the state of another program makes sense to this one. Returns 0, or an exit status after saying why. */
struct state;
int daemon_look(struct state *state);

/* Serves until a signal ends it. Returns the exit status. */
int daemon_run(struct daemon *daemon);
void daemon_free(struct daemon *daemon);

#endif
