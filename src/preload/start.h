/* start.h - what the library found when its process began: whether this process is to become a fork server, and the
 * way to the daemon. */
#ifndef USHERD_PRELOAD_START_H
#define USHERD_PRELOAD_START_H

#include "../warm-protocol.h"

#include <sys/types.h>

struct start {
	int armed;       /* this process, or the one that it was forked from, is meant and has not been stopped */
	int socket;      /* the private one */
	int dumpable;    /* as it was before the library changed it */
	pid_t pid;       /* who is meant */
	char *session;   /* USHERD_SESSION where the kernel put it, or NULL */
};

extern struct start start;

/* Whether this very process is to be stopped: not one that was forked, with or without a copy of the memory. */
int start_is_meant(void);

/* Sends one report of the fork server itself. Returns 0, or -1: there is no daemon any more. */
int start_report(enum warm_report_kind kind, int32_t detail);

/* The next definition of a name behind this library. Does not return without one. */
void *start_next(const char *name);

#endif
