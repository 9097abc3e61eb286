/* sweep_inject.c - see sweep_inject.h. */
#include "sweep_inject.h"

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIST(...)                                                                                            \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}
#define FAULT(name, lasting, passing) { SYS_##name, #name, lasting, passing },
/* clang-format off */
const struct sweep_row sweep_rows[] = {
#include "sweep.def"
};
/* clang-format on */
#undef FAULT

const size_t sweep_row_count = sizeof(sweep_rows) / sizeof(sweep_rows[0]);

#define ROWS  (sizeof(sweep_rows) / sizeof(sweep_rows[0]))
#define BEGIN SYS_rt_sigaction /* asked about, too: what begins may be counted from there */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	int fd; /* the kernel's questions */
	pid_t daemon;
	struct stat program; /* of the daemon */
	bool armed, begun;
	int begun_by;
	struct sweep_fault fault; /* row: sweep_row_count for none */
	unsigned calls[SWEEP_WHO][ROWS], hits;
} state = { .fd = -1 };

/* ---- in the process that is asked about ---- */

void sweep_prepare(void *context)
{
	static struct sock_filter filter[2 * ROWS + 8];
	struct sock_fprog program = { .filter = filter };
	unsigned short at = 0;

	(void)context;
	filter[at++] =
		(struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i <= ROWS; i++) {
		unsigned number = (unsigned)(i < ROWS ? sweep_rows[i].number : BEGIN);

		filter[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
		filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = at;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) < 0)
		_exit(126); /* no daemon, which sweep_follow() sees */
}

/* ---- the questions ---- */

static size_t row_of(int number)
{
	size_t row = 0;

	while (row < ROWS && sweep_rows[row].number != number)
		row++;
	return row;
}

/* What a call of a process is counted as; SWEEP_WHO: not at all. */
static enum sweep_who who_of(pid_t pid)
{
	char path[64];
	struct stat status;

	if (pid == state.daemon)
		return SWEEP_DAEMON;
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (stat(path, &status) < 0 || status.st_ino != state.program.st_ino ||
	    status.st_dev != state.program.st_dev)
		return SWEEP_WHO;
	return SWEEP_CHILD;
}

/* Whether the descriptor is one of the kernel's own making (signalfd and others), whose reading has no error.
 */
static bool is_anonymous(pid_t pid, int fd)
{
	char path[64], target[16] = "";

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	return readlink(path, target, sizeof(target) - 1) > 0 && strncmp(target, "anon_inode:", 11) == 0;
}

/* What always succeeds is no fault. */
static bool cannot_fail(const struct seccomp_data *call, pid_t pid)
{
	if (call->nr == SYS_read)
		return is_anonymous(pid, (int)call->args[0]);
	return (call->nr == SYS_epoll_ctl && call->args[1] == EPOLL_CTL_DEL) ||
	       (call->nr == SYS_fcntl && call->args[1] != F_DUPFD && call->args[1] != F_DUPFD_CLOEXEC &&
		call->args[1] != F_SETLK && call->args[1] != F_OFD_SETLK) ||
	       (call->nr == SYS_prlimit64 && call->args[2] == 0);
}

/* The error for this call, or 0: it goes on. */
static int answer(const struct seccomp_notif *question)
{
	const size_t row = row_of(question->data.nr);
	const struct sweep_fault *fault = &state.fault;
	enum sweep_who who;

	if (!state.armed)
		return 0;
	who = who_of((pid_t)question->pid);
	if (who == SWEEP_DAEMON && question->data.nr == state.begun_by)
		state.begun = true;
	if (who == SWEEP_WHO || row == ROWS || !state.begun ||
	    cannot_fail(&question->data, (pid_t)question->pid))
		return 0;
	state.calls[who][row]++;
	/* What the dynamic linker of a next program does is not ours. */
	if (who == SWEEP_DAEMON && question->data.nr == SYS_execve &&
	    (fault->row != row || fault->who != who || state.calls[who][row] < fault->turn)) {
		state.begun = false;
		state.begun_by = BEGIN;
	}
	if (fault->row != row || fault->who != who || state.calls[who][row] < fault->turn ||
	    (state.calls[who][row] > fault->turn && !fault->from_there_on))
		return 0;
	state.hits++;
	return fault->error;
}

static void *answer_all(void *context)
{
	const int fd = *(int *)context;

	free(context);
	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		struct seccomp_notif question = { 0 };
		struct seccomp_notif_resp response = { 0 };

		if (poll(&wait, 1, -1) < 0 && errno != EINTR)
			break;
		if ((wait.revents & POLLHUP) != 0)
			break;
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &question) < 0)
			continue;
		pthread_mutex_lock(&lock);
		int error = fd == state.fd ? answer(&question) : 0;
		pthread_mutex_unlock(&lock);
		response.id = question.id;
		response.error = -error;
		response.flags = error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
		(void)ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &response); /* it may be gone */
	}
	close(fd);
	return NULL;
}

/* Takes the listener out of the process: it cannot send it, since that would be asked about. */
static int take_listener(pid_t pid)
{
	char path[64], target[64];
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), fd = -1;

	for (int try = 0; pidfd >= 0 && fd < 0 && try < 3000; try++) {
		for (int number = 3; number < 20 && fd < 0; number++) {
			snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, number);
			ssize_t length = readlink(path, target, sizeof(target) - 1);

			target[length > 0 ? length : 0] = '\0';
			if (strcmp(target, "anon_inode:seccomp notify") == 0)
				fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
		}
		if (fd < 0)
			poll(NULL, 0, 1);
		if (fd < 0 && kill(pid, 0) < 0)
			break;
	}
	if (pidfd >= 0)
		close(pidfd);
	return fd;
}

bool sweep_follow(pid_t pid)
{
	int *context = malloc(sizeof(*context));
	pthread_t thread;

	*context = take_listener(pid);
	if (*context < 0)
		return false;
	fcntl(*context, F_SETFD, FD_CLOEXEC);
	pthread_mutex_lock(&lock);
	state.fd = *context;
	state.daemon = pid;
	(void)stat(usherd_path(), &state.program);
	pthread_mutex_unlock(&lock);
	if (pthread_create(&thread, NULL, answer_all, context) != 0)
		return false;
	pthread_detach(thread);
	return true;
}

/* ---- what is asked for ---- */

void sweep_arm(const struct sweep_fault *fault, const char *begun_by)
{
	pthread_mutex_lock(&lock);
	memset(state.calls, 0, sizeof(state.calls));
	state.hits = 0;
	state.fault = fault != NULL ? *fault : (struct sweep_fault){ .row = ROWS };
	state.begun_by = BEGIN;
	for (size_t i = 0; begun_by != NULL && i < ROWS; i++)
		if (strcmp(begun_by, sweep_rows[i].name) == 0)
			state.begun_by = sweep_rows[i].number;
	state.begun = begun_by == NULL;
	state.armed = true;
	pthread_mutex_unlock(&lock);
}

void sweep_disarm(void)
{
	pthread_mutex_lock(&lock);
	state.armed = false;
	pthread_mutex_unlock(&lock);
}

unsigned sweep_calls(enum sweep_who who, size_t row)
{
	pthread_mutex_lock(&lock);
	unsigned calls = state.calls[who][row];
	pthread_mutex_unlock(&lock);

	return calls;
}

unsigned sweep_hits(void)
{
	pthread_mutex_lock(&lock);
	unsigned hits = state.hits;
	pthread_mutex_unlock(&lock);

	return hits;
}
