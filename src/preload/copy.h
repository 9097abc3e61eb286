/* copy.h - what a copy does from its birth until it is the program that was started for a client. */
#ifndef USHERD_PRELOAD_COPY_H
#define USHERD_PRELOAD_COPY_H

#include "environment.h"

/* What the fork server has made ready. */
struct copy_means {
	int socket;   /* of the fork server, for reports */
	int base;     /* private descriptors are this one and all above */
	struct environment_job *received;
};

/* Sends a report, or ends the process: there is no daemon any more. */
void copy_report(const struct copy_means *means, const struct warm_report *report);

/* Ahead of all else: leaves the process group of the fork server, which ends as one, and reports itself. Does not return
 * when nobody takes the report. */
void copy_begin(const struct copy_means *means, const struct warm_report *report);

/* Whether this is a job, and what must come with it did. */
int copy_is_sound(const struct environment_job *received, long length, unsigned fd_count);

/* A spare: waits for its job on the channel (a descriptor) and takes it. Does not return without one. */
void copy_wait(const struct copy_means *means, int channel, uint32_t ticket);

/* Takes the job in means->received, whose variables are in the environment. */
void copy_take(const struct copy_means *means, const int fds[static 2]);

/* A descriptor at or above `base` in place of one below. Returns it, or -1, and `fd` is closed. */
int copy_raise(int fd, int base);

#endif
