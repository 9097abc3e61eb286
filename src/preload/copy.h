/* copy.h - what a copy does from its birth until it is the program that was started for a client. */
#ifndef USHERD_PRELOAD_COPY_H
#define USHERD_PRELOAD_COPY_H

#include "environment.h"

/* What the fork server has made ready. */
struct copy_means {
	int socket;   /* of the fork server, for the first report */
	int base;     /* private descriptors are this one and all above */
	struct environment_job *received;
};

/* Reports itself, waits for its job and takes it. Does not return without one. */
void copy_begin(const struct copy_means *means, int channel, const struct warm_order *order);

/* A descriptor at or above `base` in place of one below. Returns it, or -1, and `fd` is closed. */
int copy_raise(int fd, int base);

#endif
