/* child.c - the child's half of a spawn: everything between clone and exec.
 *
 * Runs in a process of its own on the daemon's memory (vfork semantics), while the daemon
 * goes on to start others. Therefore: no allocation, no stdio, no locks, no name service, and
 * no errno, which would be the daemon's: system calls are made by raw_call() alone. It
 * writes only to its stack, the failure record, the pid text, the groups seen and the datagram
 * buffer that the plan names. tests/structure/fence holds the object file to a
 * list of allowed symbols. The C library's wrappers for identity, besides, may try to change
 * all threads of the daemon.
 *
 * Order matters: what needs root comes before the change of user, the stderr
 * file included (an administrator puts it where the service may not write);
 * the directory is entered as the service's user; 0 and 1 are put in place last,
 * so that no message of a failed step can reach the client. Each failure ends the process before exec: a
 * service never runs with less than was asked for. */
#include "child.h"

#include "raw-call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#ifndef STATX_TYPE /* musl before 1.2.4 */
#include <linux/stat.h>
#endif

#define EXIT_SETUP         125 /* env(1), timeout(1): the program was not even tried */
#define EXIT_EXEC          126
#define KERNEL_SIGSET_SIZE 8

static const char *const stage_names[] = {
	[CHILD_STAGE_NONE] = "none",
	[CHILD_STAGE_TABLE] = "close_range",
	[CHILD_STAGE_SESSION] = "setsid",
	[CHILD_STAGE_NICE] = "nice",
	[CHILD_STAGE_RLIMIT_RAISE] = "rlimit",
	[CHILD_STAGE_STDERR] = "stderr",
	[CHILD_STAGE_CHROOT] = "chroot",
	[CHILD_STAGE_GROUPS] = "setgroups",
	[CHILD_STAGE_GID] = "setgid",
	[CHILD_STAGE_UID] = "setuid",
	[CHILD_STAGE_VERIFY] = "verify_user",
	[CHILD_STAGE_DIRECTORY] = "directory",
	[CHILD_STAGE_NO_NEW_PRIVILEGES] = "no_new_privileges",
	[CHILD_STAGE_DATAGRAM] = "datagram",
	[CHILD_STAGE_DESCRIPTORS] = "descriptors",
	[CHILD_STAGE_RLIMIT] = "rlimit",
	[CHILD_STAGE_SIGNALS] = "signals",
	[CHILD_STAGE_EXEC] = "exec",
};
_Static_assert(sizeof(stage_names) / sizeof(stage_names[0]) == CHILD_STAGES, "each stage has a name");

const char *child_stage_name(enum child_stage stage)
{
	return (unsigned)stage < CHILD_STAGES ? stage_names[stage] : "unknown";
}

/* A step: 0 or above, or -errno. */
typedef long child_step(const struct child_plan *plan);

/* A table of its own, of the first few descriptors only. */
static long step_table(const struct child_plan *plan)
{
	return raw_call(SYS_close_range, plan->table_size, ~0U, CLOSE_RANGE_UNSHARE);
}

/* Its own session and process group, and so no controlling terminal. */
static long step_session(const struct child_plan *plan)
{
	(void)plan;
	return raw_call(SYS_setsid, 0);
}

static long step_nice(const struct child_plan *plan)
{
	return plan->nice == NULL ? 0 : raw_call(SYS_setpriority, PRIO_PROCESS, 0, *plan->nice);
}

/* One call changes a limit and tells what it was; either may be NULL. */
static long limit(int resource, const struct rlimit *value, struct rlimit *ret_before)
{
	return raw_call(SYS_prlimit64, 0, resource, value, ret_before);
}

/* Hard limits are raised while that may still be allowed. Without the right to
 * (CAP_SYS_RESOURCE) the service gets as much as usherd itself has. */
static long step_rlimit_raise(const struct child_plan *plan)
{
	for (size_t i = 0; i < plan->limit_count; i++) {
		const struct child_limit *wanted = &plan->limits[i];
		struct rlimit value = { .rlim_max = RLIM_INFINITY };
		long r = limit(wanted->resource, NULL, &value);

		if (r == 0 && wanted->value.rlim_max > value.rlim_max) {
			value.rlim_max = wanted->value.rlim_max;
			r = limit(wanted->resource, &value, NULL);
		}
		if (r < 0 && r != -EPERM)
			return r;
	}
	return 0;
}

/* Set late, because they are for the service and not for the steps before. */
static long step_rlimit(const struct child_plan *plan)
{
	for (size_t i = 0; i < plan->limit_count; i++) {
		struct rlimit now = { .rlim_max = 0 }, value = plan->limits[i].value;
		long r = limit(plan->limits[i].resource, NULL, &now);

		if (r < 0)
			return r;
		if (value.rlim_max > now.rlim_max)
			value.rlim_max = now.rlim_max;
		if (value.rlim_cur > value.rlim_max)
			value.rlim_cur = value.rlim_max;
		r = limit(plan->limits[i].resource, &value, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static long step_chroot(const struct child_plan *plan)
{
	long r = plan->chroot == NULL ? 0 : raw_call(SYS_chroot, plan->chroot);

	return r < 0 || plan->chroot == NULL ? r : raw_call(SYS_chdir, "/");
}

static long step_groups(const struct child_plan *plan)
{
	return plan->change_identity ? raw_call(RAW_SETGROUPS, plan->group_count, plan->groups) : 0;
}

static long step_gid(const struct child_plan *plan)
{
	return plan->change_identity ? raw_call(RAW_SETRESGID, plan->gid, plan->gid, plan->gid) : 0;
}

static long step_uid(const struct child_plan *plan)
{
	return plan->change_identity ? raw_call(RAW_SETRESUID, plan->uid, plan->uid, plan->uid) : 0;
}

/* The supplementary groups are those that were asked for, in whatever order. */
static bool groups_are_right(const struct child_plan *plan)
{
	long count = raw_call(RAW_GETGROUPS, plan->group_count, plan->groups_seen);

	if (count != (long)plan->group_count)
		return false;
	for (long i = 0; i < count; i++) {
		size_t k = 0;

		while (k < plan->group_count && plan->groups[k] != plan->groups_seen[i])
			k++;
		if (k == plan->group_count)
			return false;
	}
	return true;
}

/* All ids are what was asked for, and root cannot be had back. */
static long step_verify(const struct child_plan *plan)
{
	uid_t ruid = (uid_t)-1, euid = ruid, suid = ruid;
	gid_t rgid = (gid_t)-1, egid = rgid, sgid = rgid;
	long r;

	if (!plan->change_identity)
		return 0;
	r = raw_call(RAW_GETRESUID, &ruid, &euid, &suid);
	if (r == 0)
		r = raw_call(RAW_GETRESGID, &rgid, &egid, &sgid);
	if (r < 0)
		return r;

	bool uids = ruid == plan->uid && euid == plan->uid && suid == plan->uid;
	bool gids = rgid == plan->gid && egid == plan->gid && sgid == plan->gid;
	bool groups = groups_are_right(plan);
	bool stays = plan->uid == 0 || raw_call(RAW_SETUID, 0) != 0;

	return uids && gids && groups && stays ? 0 : -EPERM;
}

static long step_directory(const struct child_plan *plan)
{
	(void)raw_call(SYS_umask, plan->umask);
	return raw_call(SYS_chdir, plan->directory);
}

static long step_no_new_privileges(const struct child_plan *plan)
{
	return plan->no_new_privileges ? raw_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1) : 0;
}

/* CLOEXEC is left behind, so that 0 to 3 are all that survives exec. The two are never the same
 * here, so that either call will do; not every processor has the first. */
static long put_at(long fd, int number)
{
#ifdef SYS_dup2
	return raw_call(SYS_dup2, fd, number);
#else
	return raw_call(SYS_dup3, fd, number, 0);
#endif
}

/* The one datagram of a filter becomes a file of its own, which ends where the
 * datagram ends. Its bytes are first touched here, by the service's user. */
static long step_datagram(const struct child_plan *plan)
{
	long length, fd, r;

	if (plan->datagram < 0)
		return 0;
	length = raw_call(SYS_recvfrom, plan->datagram, plan->datagram_buffer, plan->datagram_room, MSG_DONTWAIT);
	if (length < 0)
		return length;
	fd = raw_call(SYS_memfd_create, "datagram", MFD_CLOEXEC);
	if (fd < 0)
		return fd;
	r = raw_call(SYS_write, fd, plan->datagram_buffer, length);
	if (r != length)
		return r < 0 ? r : -EIO;
	r = raw_call(SYS_lseek, fd, 0, SEEK_SET);
	return r < 0 ? r : put_at(fd, STDIN_FILENO);
}

/* O_NONBLOCK only so that opening a FIFO cannot hold up the daemon, which waits. */
static long open_stderr_file(const char *path)
{
	struct statx status = { .stx_mode = 0 };
	long r, fd = raw_call(SYS_openat, AT_FDCWD, path,
			      O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_LARGEFILE,
			      0640);

	if (fd < 0)
		return fd;
	r = raw_call(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status);
	if (r == 0)
		r = raw_call(SYS_fcntl, fd, F_SETFL, O_APPEND);
	if (r < 0)
		return r;
	return S_ISREG(status.stx_mode) || S_ISCHR(status.stx_mode) ? fd : -EINVAL;
}

static long step_stderr(const struct child_plan *plan)
{
	long fd = plan->error >= 0 ? plan->error : plan->output;

	if (plan->error_path != NULL)
		fd = open_stderr_file(plan->error_path);
	return fd < 0 ? fd : put_at(fd, STDERR_FILENO);
}

static long step_descriptors(const struct child_plan *plan)
{
	long r = plan->datagram < 0 ? put_at(plan->input, STDIN_FILENO) : 0;

	if (r >= 0)
		r = put_at(plan->output, STDOUT_FILENO);
	if (r < 0 || plan->third < 0)
		return r;
	return plan->third == 3 ? raw_call(SYS_fcntl, 3, F_SETFD, 0) : put_at(plan->third, 3);
}

static void print_pid(char *text)
{
	char digits[12];
	int count = 0;

	for (long pid = raw_call(SYS_getpid, 0); pid > 0; pid /= 10)
		digits[count++] = (char)('0' + pid % 10);
	while (count > 0)
		*text++ = digits[--count];
	*text = '\0';
}

/* The daemon has no handlers, and ignores only the two signals of the C library
 * (startup.c), which are put right here. */
static long step_signals(const struct child_plan *plan)
{
	static const unsigned long defaults[8] = { 0 };
	static const uint64_t none = 0;

	for (int signo = 32; signo <= 33; signo++) {
		long r = raw_call(SYS_rt_sigaction, signo, defaults, NULL, KERNEL_SIGSET_SIZE);

		if (r < 0)
			return r;
	}
	if (plan->pid_text != NULL)
		print_pid(plan->pid_text);
	return raw_call(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, KERNEL_SIGSET_SIZE);
}

static long step_exec(const struct child_plan *plan)
{
	return raw_call(SYS_execve, plan->program, plan->argv, plan->envp);
}

static child_step *const steps[] = {
	[CHILD_STAGE_TABLE] = step_table,
	[CHILD_STAGE_SESSION] = step_session,
	[CHILD_STAGE_NICE] = step_nice,
	[CHILD_STAGE_RLIMIT_RAISE] = step_rlimit_raise,
	[CHILD_STAGE_STDERR] = step_stderr,
	[CHILD_STAGE_CHROOT] = step_chroot,
	[CHILD_STAGE_GROUPS] = step_groups,
	[CHILD_STAGE_GID] = step_gid,
	[CHILD_STAGE_UID] = step_uid,
	[CHILD_STAGE_VERIFY] = step_verify,
	[CHILD_STAGE_DIRECTORY] = step_directory,
	[CHILD_STAGE_NO_NEW_PRIVILEGES] = step_no_new_privileges,
	[CHILD_STAGE_DATAGRAM] = step_datagram,
	[CHILD_STAGE_DESCRIPTORS] = step_descriptors,
	[CHILD_STAGE_RLIMIT] = step_rlimit,
	[CHILD_STAGE_SIGNALS] = step_signals,
	[CHILD_STAGE_EXEC] = step_exec,
};
_Static_assert(sizeof(steps) / sizeof(steps[0]) == CHILD_STAGES, "each stage has a step");

static _Noreturn void leave(int status)
{
	for (;;)
		(void)raw_call(SYS_exit_group, status);
}

int child_run(void *argument)
{
	const struct child_plan *plan = argument;

	for (int stage = CHILD_STAGE_NONE + 1; stage < CHILD_STAGES; stage++) {
		long r = steps[stage](plan);

		if (r >= 0)
			continue;
		plan->failure->error = (int)-r;
		plan->failure->stage = (enum child_stage)stage;
		leave(stage == CHILD_STAGE_EXEC ? EXIT_EXEC : EXIT_SETUP);
	}
	leave(EXIT_SETUP); /* not reached: exec does not return 0 */
}
