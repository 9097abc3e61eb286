/* child.c - the child's half of a spawn: everything between clone and exec.
 *
 * Runs in a process of its own on the daemon's memory (vfork semantics), while the daemon
 * waits. Therefore: no allocation, no stdio, no locks, no name service; it
 * writes only to its stack, the failure record, the pid text and the datagram
 * buffer that the plan names. tests/structure/fence holds the object file to a
 * list of allowed symbols. Identity is changed by raw system calls, because the
 * C library's wrappers may try to do so for all threads of the daemon.
 *
 * Order matters: what needs root comes before the change of user, the stderr
 * file included (an administrator puts it where the service may not write);
 * the directory is entered as the service's user; 0 and 1 are put in place last,
 * so that no message of a failed step can reach the client. Each failure ends the process before exec: a
 * service never runs with less than was asked for. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

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

/* A step: 0, or -1 with errno set. */
typedef int child_step(const struct child_plan *plan);

/* A table of its own, of the first few descriptors only. */
static int step_table(const struct child_plan *plan)
{
	return (int)syscall(SYS_close_range, plan->table_size, ~0U, CLOSE_RANGE_UNSHARE);
}

/* Its own session and process group, and so no controlling terminal. */
static int step_session(const struct child_plan *plan)
{
	(void)plan;
	return setsid() < 0 ? -1 : 0;
}

static int step_nice(const struct child_plan *plan)
{
	return plan->nice == NULL ? 0 : setpriority(PRIO_PROCESS, 0, *plan->nice);
}

/* Hard limits are raised while that may still be allowed. Without the right to
 * (CAP_SYS_RESOURCE) the service gets as much as usherd itself has. */
static int step_rlimit_raise(const struct child_plan *plan)
{
	for (size_t i = 0; i < plan->limit_count; i++) {
		const struct child_limit *limit = &plan->limits[i];
		struct rlimit value;

		if (getrlimit((__rlimit_resource_t)limit->resource, &value) != 0)
			return -1;
		if (limit->value.rlim_max <= value.rlim_max)
			continue;
		value.rlim_max = limit->value.rlim_max;
		if (setrlimit((__rlimit_resource_t)limit->resource, &value) != 0 && errno != EPERM)
			return -1;
	}
	return 0;
}

/* Set late, because they are for the service and not for the steps before. */
static int step_rlimit(const struct child_plan *plan)
{
	for (size_t i = 0; i < plan->limit_count; i++) {
		const struct child_limit *limit = &plan->limits[i];
		struct rlimit now, value = limit->value;

		if (getrlimit((__rlimit_resource_t)limit->resource, &now) != 0)
			return -1;
		if (value.rlim_max > now.rlim_max)
			value.rlim_max = now.rlim_max;
		if (value.rlim_cur > value.rlim_max)
			value.rlim_cur = value.rlim_max;
		if (setrlimit((__rlimit_resource_t)limit->resource, &value) != 0)
			return -1;
	}
	return 0;
}

static int step_chroot(const struct child_plan *plan)
{
	if (plan->chroot == NULL)
		return 0;
	return chroot(plan->chroot) != 0 || chdir("/") != 0 ? -1 : 0;
}

static int step_groups(const struct child_plan *plan)
{
	if (!plan->change_identity)
		return 0;
	return (int)syscall(SYS_setgroups, plan->group_count, plan->groups);
}

static int step_gid(const struct child_plan *plan)
{
	if (!plan->change_identity)
		return 0;
	return (int)syscall(SYS_setresgid, plan->gid, plan->gid, plan->gid);
}

static int step_uid(const struct child_plan *plan)
{
	if (!plan->change_identity)
		return 0;
	return (int)syscall(SYS_setresuid, plan->uid, plan->uid, plan->uid);
}

/* The supplementary groups are those that were asked for, in whatever order. */
static bool groups_are_right(const struct child_plan *plan)
{
	int count = getgroups((int)plan->group_count, plan->groups_seen);

	if (count != (int)plan->group_count)
		return false;
	for (int i = 0; i < count; i++) {
		size_t k = 0;

		while (k < plan->group_count && plan->groups[k] != plan->groups_seen[i])
			k++;
		if (k == plan->group_count)
			return false;
	}
	return true;
}

/* All ids are what was asked for, and root cannot be had back. */
static int step_verify(const struct child_plan *plan)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (!plan->change_identity)
		return 0;
	if (getresuid(&ruid, &euid, &suid) != 0 || getresgid(&rgid, &egid, &sgid) != 0)
		return -1;

	bool uids = ruid == plan->uid && euid == plan->uid && suid == plan->uid;
	bool gids = rgid == plan->gid && egid == plan->gid && sgid == plan->gid;
	bool groups = groups_are_right(plan);
	bool stays = plan->uid == 0 || syscall(SYS_setuid, 0) != 0;

	if (uids && gids && groups && stays)
		return 0;
	errno = EPERM;
	return -1;
}

static int step_directory(const struct child_plan *plan)
{
	umask(plan->umask);
	return chdir(plan->directory);
}

static int step_no_new_privileges(const struct child_plan *plan)
{
	return plan->no_new_privileges ? prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) : 0;
}

/* The one datagram of a filter becomes a file of its own, which ends where the
 * datagram ends. Its bytes are first touched here, by the service's user. */
static int step_datagram(const struct child_plan *plan)
{
	if (plan->datagram < 0)
		return 0;

	ssize_t length = recv(plan->datagram, plan->datagram_buffer, plan->datagram_room, MSG_DONTWAIT);

	if (length < 0)
		return -1;

	int fd = memfd_create("datagram", MFD_CLOEXEC);

	if (fd < 0 || write(fd, plan->datagram_buffer, (size_t)length) != length)
		return -1;
	if (lseek(fd, 0, SEEK_SET) != 0 || dup2(fd, STDIN_FILENO) < 0)
		return -1;
	return 0;
}

/* O_NONBLOCK only so that opening a FIFO cannot hold up the daemon, which waits. */
static int open_stderr_file(const char *path)
{
	struct stat status;
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC,
		      0640);

	if (fd < 0 || fstat(fd, &status) != 0 || fcntl(fd, F_SETFL, O_APPEND) != 0)
		return -1;
	if (S_ISREG(status.st_mode) || S_ISCHR(status.st_mode))
		return fd;
	errno = EINVAL;
	return -1;
}

static int step_stderr(const struct child_plan *plan)
{
	int fd = plan->error >= 0 ? plan->error : plan->output;

	if (plan->error_path != NULL)
		fd = open_stderr_file(plan->error_path);
	return fd < 0 || dup2(fd, STDERR_FILENO) < 0 ? -1 : 0;
}

/* dup2() leaves CLOEXEC behind, so that 0 to 3 are all that survives exec. */
static int step_descriptors(const struct child_plan *plan)
{
	if (plan->datagram < 0 && dup2(plan->input, STDIN_FILENO) < 0)
		return -1;
	if (dup2(plan->output, STDOUT_FILENO) < 0)
		return -1;
	if (plan->third < 0)
		return 0;
	if (plan->third == 3)
		return fcntl(3, F_SETFD, 0);
	return dup2(plan->third, 3) < 0 ? -1 : 0;
}

static void print_pid(char *text)
{
	char digits[12];
	int count = 0;

	for (pid_t pid = getpid(); pid > 0; pid /= 10)
		digits[count++] = (char)('0' + pid % 10);
	while (count > 0)
		*text++ = digits[--count];
	*text = '\0';
}

/* The daemon has no handlers, and ignores only the two signals of the C library
 * (startup.c), which are put right by the system call. */
static int step_signals(const struct child_plan *plan)
{
	const unsigned long defaults[8] = { 0 };
	sigset_t none;

	for (int signo = 32; signo <= 33; signo++)
		if (syscall(SYS_rt_sigaction, signo, defaults, NULL, KERNEL_SIGSET_SIZE) != 0)
			return -1;

	if (plan->pid_text != NULL)
		print_pid(plan->pid_text);
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

static int step_exec(const struct child_plan *plan)
{
	return execve(plan->program, plan->argv, plan->envp);
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

int child_run(void *argument)
{
	const struct child_plan *plan = argument;

	for (int stage = CHILD_STAGE_NONE + 1; stage < CHILD_STAGES; stage++) {
		if (steps[stage](plan) == 0)
			continue;
		plan->failure->error = errno;
		plan->failure->stage = (enum child_stage)stage;
		_exit(stage == CHILD_STAGE_EXEC ? EXIT_EXEC : EXIT_SETUP);
	}
	_exit(EXIT_SETUP); /* not reached: exec does not return 0 */
}
