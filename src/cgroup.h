/* cgroup.h - a cgroup (v2) of its own for each session, where we may make them: then a
 * session can be killed whole (cgroup.kill, Linux 5.14), whatever its processes did. Directories are made
 * once and used again, because making one costs as much as a fork. */
#ifndef USHERD_CGROUP_H
#define USHERD_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct cgroup_pool;

/* A directory that one session has; all zero: none. */
struct cgroup_place {
	struct cgroup_pool *pool;
	unsigned number; /* from 1 */
};

#define CGROUP_REASON_MAX 256

/* `where`: "auto": the cgroup we are in, if it was delegated to us (systemd's Delegate=yes: the extended
 * attribute user.delegate or trusted.delegate is 1), else there is no pool: *ret_pool is NULL and 0 is returned;
 * so, too, when it cannot be used, and then `reason` says why (else it is empty). A path: that directory, which
 * is made (its parent must exist); its failure is an error with a reason that says what to do. Sessions get
 * WHERE/session-N. Returns 0 or -errno. */
int cgroup_pool_new(const char *where, struct cgroup_pool **ret_pool, char reason[static CGROUP_REASON_MAX]);
void cgroup_pool_free(struct cgroup_pool *pool); /* removes the directories that are empty */

/* An empty directory and its descriptor for clone3(2) (borrowed until cgroup_give()). Returns 0 or -errno. */
int cgroup_take(struct cgroup_pool *pool, struct cgroup_place *ret_place, int *ret_fd);
/* The place of a session that began before this program did (an upgrade). It must not be taken already; where it
 * cannot be had *ret_place stays as it is. */
void cgroup_resume(struct cgroup_pool *pool, unsigned number, struct cgroup_place *ret_place);

/* WHERE, if it was made by us and is to be removed at the end, or NULL; and the next program is told so. */
const char *cgroup_pool_made(const struct cgroup_pool *pool);
void cgroup_pool_own(struct cgroup_pool *pool, const char *where);

/* Idempotent. With processes still in it, it is left aside and tried later. */
void cgroup_give(struct cgroup_place *place);

/* Moves a process there, by the descriptor that cgroup_take() gave. Returns 0 or -errno. */
int cgroup_move(int fd, pid_t pid);

/* Kills everything in it. Returns 0 or -errno. */
int cgroup_kill(const struct cgroup_place *place);

/* Whether any process is in it (cgroup.events). */
bool cgroup_is_populated(const struct cgroup_place *place);

#endif
