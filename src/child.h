/* child.h - the child's half of a spawn: from clone to exec. child.c is the
 * only code that runs between the two; it shares the daemon's memory (vfork
 * semantics), so it writes nothing but its own stack and struct child_failure,
 * allocates nothing, and calls only what tests/fence allows. */
#ifndef USHERD_CHILD_H
#define USHERD_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Steps in the order in which they are done. */
enum child_stage {
	CHILD_STAGE_NONE,
	CHILD_STAGE_TABLE,
	CHILD_STAGE_SESSION,
	CHILD_STAGE_NICE,
	CHILD_STAGE_RLIMIT_RAISE,
	CHILD_STAGE_STDERR,
	CHILD_STAGE_CHROOT,
	CHILD_STAGE_GROUPS,
	CHILD_STAGE_GID,
	CHILD_STAGE_UID,
	CHILD_STAGE_VERIFY,
	CHILD_STAGE_DIRECTORY,
	CHILD_STAGE_NO_NEW_PRIVILEGES,
	CHILD_STAGE_DATAGRAM,
	CHILD_STAGE_DESCRIPTORS,
	CHILD_STAGE_RLIMIT,
	CHILD_STAGE_SIGNALS,
	CHILD_STAGE_EXEC,
	CHILD_STAGES
};

struct child_failure {
	enum child_stage stage; /* CHILD_STAGE_NONE: none */
	int error;              /* errno */
};

struct child_limit {
	int resource;
	struct rlimit value;
};

/* Everything the child needs, worked out by the parent. All pointers are
 * borrowed; descriptors are CLOEXEC, above 2 and below table_size. */
struct child_plan {
	const char *program;
	char *const *argv;
	char *const *envp;
	char *pid_text; /* where the child's own pid goes in envp (LISTEN_PID), or NULL; 12 bytes */

	/* The child begins on the daemon's own table of descriptors, and takes a copy
	 * of those below this number: what it needs stands there, and the price
	 * does not grow with what the daemon has open. */
	unsigned table_size;
	int input;    /* becomes 0; a datagram filter's input is made from `datagram` */
	int output;   /* becomes 1 */
	int error;    /* becomes 2; -1: `output` */
	const char *error_path; /* opened before rights are dropped, appended to; becomes 2; or NULL */
	int datagram; /* >= 0: take one datagram from this socket, it becomes 0 */
	void *datagram_buffer; /* room for one datagram */
	size_t datagram_room;
	int third;    /* >= 0: also put at 3 (LISTEN_FDS=1, or the private socket of a fork server) */

	int cgroup; /* for the clone; -1: none */

	const struct child_limit *limits;
	size_t limit_count;
	const int *nice;           /* or NULL */
	const char *chroot;        /* or NULL */
	const char *directory;     /* "/" unless configured */
	mode_t umask;
	bool change_identity;
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t group_count;
	gid_t *groups_seen; /* room for as many, to look at what came of it */
	bool no_new_privileges;

	volatile struct child_failure *failure;
};

/* Entry for clone(2); never returns except by exec or _exit(125 or 126). */
int child_run(void *plan);

/* "exec", "setgroups", "chdir" ... for the log. */
const char *child_stage_name(enum child_stage stage);

#endif
