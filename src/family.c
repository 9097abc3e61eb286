/* family.c - the process group of a session: who is still there, signals to all
 * of them, and dead children that nobody waits for.
 *
 * A number may be used anew as soon as no process, group or session has it. What keeps
 * a group's number from that, and lets it be signalled:
 * - a leader that was not collected, dead or not: kill(2) of the group is safe;
 * - after that, the leader's pidfd means this very group for ever, and says when it
 *   is empty (Linux 6.9);
 * - on older kernels, a child of ours in the group: a living one is asked for, and a dead
 *   one only we can collect. A process that has the number of the group itself tells that it was
 *   used anew, for the old group would keep it from that.
 *
 * On older kernels a process of the group whose parent lives and left the group is no
 * child of ours. When it is all that is left, nothing vouches for the number: the group
 * counts as gone and is not signalled. A search for strays finds it through its parent; a cgroup has it anyway. */
#include "family.h"

#include "base.h"
#include "family-proc.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SIGNAL_WHOLE_GROUP (1U << 2) /* PIDFD_SIGNAL_PROCESS_GROUP, which Debian 12 does not name */
#define PIDS_MOST          (1U << 22) /* the kernel's own limit */

enum answer {
	ANSWER_EMPTY,
	ANSWER_SOMEBODY,
	ANSWER_NONE, /* the kernel cannot do it, or there is no pidfd */
};

static enum answer signal_by_pidfd(int pidfd, int signo)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, SIGNAL_WHOLE_GROUP) == 0)
		return ANSWER_SOMEBODY;
	if (errno == ESRCH)
		return ANSWER_EMPTY;
	return errno == EPERM || errno == EAGAIN ? ANSWER_SOMEBODY : ANSWER_NONE;
}

/* -0 is our own group and -1 is everybody. */
static void expect_group(const struct family *family)
{
	if (family->group <= 1)
		BUG("a family has no group");
}

/* A process has this number: then no group of a collected leader has it. */
static bool is_used_anew(pid_t group)
{
	return kill(group, 0) == 0 || errno != ESRCH;
}

/* Without WEXITED zombies do not count. */
static bool has_living_child(pid_t group)
{
	siginfo_t info;

	return waitid(P_PGID, (id_t)group, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0;
}

/* Whether the number may be signalled, on a kernel that cannot do it by pidfd. */
static bool is_vouched_for(pid_t group)
{
	return !is_used_anew(group) && has_living_child(group);
}

/* One dead child, if there is one. Returns its pid or 0. */
static pid_t collect(idtype_t type, pid_t id, int more)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(type, (id_t)id, &info, WEXITED | WNOHANG | more) == 0 ? info.si_pid : 0;
}

int family_adopt_orphans(void)
{
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : -errno;
}

bool family_is_alive(const struct family *family)
{
	enum answer answer;

	expect_group(family);
	if (!family->leader_gone)
		return true;
	answer = signal_by_pidfd(family->pidfd, 0);
	/* Nobody else's children are collected below. */
	if (answer == ANSWER_EMPTY || (answer == ANSWER_NONE && is_used_anew(family->group)))
		return false;
	for (unsigned i = 0; i < PIDS_MOST && collect(P_PGID, family->group, 0) != 0; i++)
		continue;
	if (answer == ANSWER_NONE)
		return is_vouched_for(family->group);
	return signal_by_pidfd(family->pidfd, 0) != ANSWER_EMPTY;
}

static void signal_group(const struct family *family, int signo)
{
	if (family->leader_gone) {
		if (signal_by_pidfd(family->pidfd, signo) == ANSWER_NONE && is_vouched_for(family->group))
			kill(-family->group, signo);
		return;
	}
	/* A child that has not come to its setsid(2) is alone. */
	if (kill(-family->group, signo) != 0 && errno == ESRCH)
		syscall(SYS_pidfd_send_signal, family->pidfd, signo, NULL, 0);
}

void family_signal(const struct family *family, int signo)
{
	expect_group(family);
	signal_group(family, signo);
	if (signo == SIGKILL && family->cgroup.pool != NULL)
		(void)cgroup_kill(&family->cgroup);
}

/* ---- orphans ---- */

static size_t collect_all_but_leaders(bool (*is_leader)(void *context, pid_t pid), void *context)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t count = 0, collected = 0;

	if (family_proc_children(&pids, &count) < 0)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (!is_leader(context, pids[i]) && collect(P_PID, pids[i], 0) != 0)
			collected++;
	return collected;
}

size_t family_collect_orphans(bool (*is_leader)(void *context, pid_t pid), void *context)
{
	size_t collected = 0;

	/* The kernel names the first dead child. As a rule it is an orphan, or there is none;
	 * a leader would be named for ever, so then all of the children are gone over. */
	while (collected < PIDS_MOST) {
		pid_t pid = collect(P_ALL, 0, WNOWAIT);

		if (pid == 0)
			return collected;
		if (is_leader(context, pid))
			return collected + collect_all_but_leaders(is_leader, context);
		if (collect(P_PID, pid, 0) == 0)
			return collected;
		collected++;
	}
	return collected;
}
