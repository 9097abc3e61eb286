/* pid-file.h - the pid file: information for people and scripts, and a lock
 * against a second usherd. Never a target to signal. */
#ifndef USHERD_PID_FILE_H
#define USHERD_PID_FILE_H

#include <sys/types.h>


struct pid_file;

#define PID_FILE_REASON_MAX 256

/* Creates or takes over `path` (kept by the caller), locks it and writes our
 * pid. A link is never followed, and only a regular file is written to. Returns
 * 0; -EBUSY when another usherd holds it; or another -errno; with a sentence in
 * `reason`. */
int pid_file_take(const char *path, struct pid_file **ret_file, char reason[static PID_FILE_REASON_MAX]);

/* One that the program before us took, in the same process: the lock is kept. Takes `fd`. `path` is what is
 * configured now: where that is another file this fails with -ESTALE, and `fd` stays the caller's. */
int pid_file_resume(const char *path, int fd, struct pid_file **ret_file);
int pid_file_fd(const struct pid_file *file); /* -1: there is none */

/* The pid that an earlier usherd left in it when it ended without removing it; 0: none did. */
pid_t pid_file_found(const struct pid_file *file);

/* Removes the file, if it is still ours, and frees. */
void pid_file_drop(struct pid_file *file);

#endif
