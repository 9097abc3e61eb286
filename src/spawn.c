/* spawn.c - the parent's half of a spawn.
 *
 * clone(2) with CLONE_VM: no page table is copied, so a spawn costs the same
 * however large the daemon is, and the child reports a failure by writing to
 * memory that is ours too: no pipe is needed for it. A child that is on its way to
 * exec is a launch: it has a stack of its own, with a guard page, and everything that
 * it reads stays as it is until the kernel says that the child is done with our memory
 * (CLONE_CHILD_CLEARTID). Meanwhile we go on, and start others: a child's way to its
 * exec takes longer than all that we do for it, and on several processors
 * nobody has to wait for another. CLONE_VFORK would not do for another reason, too: it cannot
 * be interrupted, and another process of the service's user could stop the child just before
 * its exec, and the daemon with it.
 *
 * CLONE_FILES does for descriptors what CLONE_VM does for memory: a copy of the
 * table, made here and closed again by exec, would cost more with each listener
 * and session. The child takes its own copy of the lowest few (close_range(2)
 * with CLOSE_RANGE_UNSHARE), where slots are kept for what it is to get. The slots of other
 * launches are copied with them, and closed by its exec.
 *
 * Owns: the launches with their stacks and environments, the datagram buffer, and the
 * descriptors of spawn-fds.h. */
#include "spawn.h"

#include "base.h"
#include "clone-into.h"
#include "libc.h"
#include "raw-call.h"
#include "spawn-plan.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define STACK_SIZE    (64 * 1024)
#define GUARD_SIZE    (64 * 1024) /* a multiple of any page size */
#define LOOK_AFTER_NS (10 * NS_PER_MS) /* how often a child that takes its time is looked after */
#define LOOKS_MOST    200
#define STOPS_MOST    5

/* ---- what is held ready ---- */

static void read_score(struct spawn *spawn)
{
	char text[16] = "";

	spawn->oom_score_fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (spawn->oom_score_fd >= 0 && pread(spawn->oom_score_fd, text, sizeof(text) - 1, 0) > 0)
		spawn->oom_score = atoi(text);
}

static int launch_new(struct spawn_launch *launch)
{
	launch->stack = mmap(NULL, GUARD_SIZE + STACK_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (launch->stack != MAP_FAILED && mprotect(launch->stack, GUARD_SIZE, PROT_NONE) == 0)
		return 0;
	return -errno;
}

static void launch_free(struct spawn_launch *launch)
{
	if (launch->stack != NULL && launch->stack != MAP_FAILED)
		munmap(launch->stack, GUARD_SIZE + STACK_SIZE);
	free(launch->environment.names);
	free(launch->groups);
}

int spawn_new(struct spawn **ret_spawn)
{
	struct spawn *spawn = calloc(1, sizeof(*spawn));
	int r;

	if (spawn == NULL)
		return -ENOMEM;
	r = spawn_fds_open(&spawn->fds);
	read_score(spawn);
	spawn->datagram =
		mmap(NULL, SPAWN_DATAGRAM_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r == 0 && spawn->datagram == MAP_FAILED)
		r = -errno;
	for (unsigned i = 0; i < SPAWN_LAUNCHES && r == 0; i++) {
		spawn->launches[i].slots = i * SPAWN_SLOTS;
		r = launch_new(&spawn->launches[i]);
	}
	if (r == 0)
		r = spawn_reserve(spawn, 0, 0);
	if (r < 0) {
		spawn_free(spawn);
		return r;
	}
	*ret_spawn = spawn;
	return 0;
}

void spawn_free(struct spawn *spawn)
{
	if (spawn == NULL)
		return;
	spawn_fds_close(&spawn->fds);
	cleanup_fd(&spawn->oom_score_fd);
	for (unsigned i = 0; i < SPAWN_LAUNCHES; i++)
		launch_free(&spawn->launches[i]);
	if (spawn->datagram != NULL && spawn->datagram != MAP_FAILED)
		munmap(spawn->datagram, SPAWN_DATAGRAM_MAX);
	free(spawn->described.names);
	free(spawn);
}

static int reserve_groups(struct spawn *spawn, size_t count)
{
	for (unsigned i = 0; i < SPAWN_LAUNCHES && count > spawn->group_room; i++) {
		gid_t *groups = reallocarray(spawn->launches[i].groups, count, sizeof(*groups));

		if (groups == NULL)
			return -ENOMEM;
		spawn->launches[i].groups = groups;
	}
	if (count > spawn->group_room)
		spawn->group_room = count;
	return 0;
}

static int reserve_names(struct spawn_env *environment, size_t room)
{
	char **names;

	if (room <= environment->room)
		return 0;
	names = reallocarray(environment->names, room, sizeof(*names));
	if (names == NULL)
		return -ENOMEM;
	environment->names = names;
	environment->room = room;
	return 0;
}

int spawn_reserve(struct spawn *spawn, size_t environment_count, size_t group_count)
{
	size_t room = environment_count + SPAWN_ENV_NAMES + 1;
	int r = reserve_groups(spawn, group_count);

	for (unsigned i = 0; i < SPAWN_LAUNCHES && r == 0; i++)
		r = reserve_names(&spawn->launches[i].environment, room);
	return r == 0 ? reserve_names(&spawn->described, room) : r;
}

struct spawn_variables spawn_describe(struct spawn *spawn, const struct spawn_request *request)
{
	struct spawn_env *environment = &spawn->described;

	spawn_env_build(environment, request);
	return (struct spawn_variables){
		.text = environment->text,
		.length = environment->used,
		.count = (unsigned)(environment->count - request->service->environment.count),
	};
}

void spawn_set_udp_ports(struct spawn *spawn, const char *text)
{
	snprintf(spawn->described.udp_ports, sizeof(spawn->described.udp_ports), "%s", text);
	for (unsigned i = 0; i < SPAWN_LAUNCHES; i++)
		memcpy(spawn->launches[i].environment.udp_ports, spawn->described.udp_ports,
		       sizeof(spawn->described.udp_ports));
}

/* ---- starting ---- */

/* Whether the child is stopped by a signal at this moment. */
static bool is_stopped(const struct spawn_child *child)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PIDFD, (id_t)child->pidfd, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid != 0;
}

/* Waits until the child is done with our memory, looking after it from time to
 * time: one that was stopped is woken, and given up when it is stopped again and
 * again; so is one that does not come to its exec (a file system that does not
 * answer). Nobody else is served meanwhile, so the patience is short. */
static void wait_for_exec(struct spawn_launch *launch)
{
	const struct timespec patience = { .tv_nsec = (long)LOOK_AFTER_NS };
	unsigned stopped = 0;

	for (unsigned looks = 0; __atomic_load_n(&launch->sharing, __ATOMIC_ACQUIRE) != 0; looks++) {
		if (looks > 0 && is_stopped(&launch->child)) {
			stopped++;
			kill(launch->child.pid, SIGCONT);
		}
		if (looks > LOOKS_MOST || stopped > STOPS_MOST) {
			kill(launch->child.pid, SIGKILL);
			launch->report.stage = CHILD_STAGE_EXEC;
			launch->report.error = ETIMEDOUT;
		}
		libc_wait_while(&launch->sharing, 1, &patience);
	}
}

#define CLONE_FLAGS (CLONE_VM | CLONE_FILES | CLONE_PIDFD | CLONE_CHILD_CLEARTID)

/* The same as clone(2) below, in a cgroup. */
static pid_t clone_in_cgroup(struct spawn_launch *launch)
{
	const struct clone_args arguments = {
		.flags = CLONE_FLAGS | CLONE_INTO_CGROUP,
		.pidfd = (uintptr_t)&launch->child.pidfd,
		.child_tid = (uintptr_t)&launch->sharing,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)(launch->stack + GUARD_SIZE),
		.stack_size = STACK_SIZE,
		.cgroup = (unsigned)launch->plan.cgroup,
	};

	return clone_into(&arguments, child_run, &launch->plan);
}

/* Every signal is blocked, and so in the child until its last step. */
static int clone_child(struct spawn_launch *launch)
{
	struct spawn_child *child = &launch->child;

	launch->sharing = 1;
	if (launch->plan.cgroup >= 0)
		child->pid = clone_in_cgroup(launch);
	else
		child->pid = clone(child_run, launch->stack + GUARD_SIZE + STACK_SIZE, CLONE_FLAGS | SIGCHLD,
				   &launch->plan, &child->pidfd, NULL, &launch->sharing);
	if (child->pid < 0) {
		launch->sharing = 0;
		return launch->plan.cgroup >= 0 ? child->pid : -errno;
	}
	if (!RAW_CALLS)
		wait_for_exec(launch); /* its errno is ours */
	return 0;
}

/* The child ended before exec: it is a zombie by now, or about to be. */
static void collect(struct spawn_child *child)
{
	siginfo_t info;

	while (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED) != 0 && errno == EINTR)
		continue;
	cleanup_fd(&child->pidfd);
}

static int write_score(const struct spawn *spawn, int score)
{
	char text[12];
	int length = snprintf(text, sizeof(text), "%d", score);

	if (spawn->oom_score_fd < 0)
		return -ENOENT;
	return pwrite(spawn->oom_score_fd, text, (size_t)length, 0) == length ? 0 : -errno;
}

/* The child inherits its score: written by itself before exec, it would become
 * that of every process on our memory (proc(5)). So ours is another while it is
 * cloned, and nobody else may be on our memory then. */
static int clone_with_score(struct spawn *spawn, struct spawn_launch *launch, int score,
			    const char **ret_step)
{
	int r;

	for (unsigned i = 0; i < SPAWN_LAUNCHES; i++)
		wait_for_exec(&spawn->launches[i]);
	r = write_score(spawn, score);
	if (r < 0) {
		*ret_step = "oom_score_adj";
		return r;
	}
	r = clone_child(launch);
	if (r == 0)
		wait_for_exec(launch);
	(void)write_score(spawn, spawn->oom_score);
	return r;
}

/* Returns 0 or -errno, with the step that failed; then the launch is over. */
static int launch_once(struct spawn *spawn, struct spawn_launch *launch, const struct spawn_request *request,
		       const char **ret_step)
{
	const struct conf_service *service = request->service;
	int r = spawn_plan_make(spawn, launch, request, ret_step);

	launch->child = (struct spawn_child){ .pidfd = -1 };
	if (r == 0) {
		*ret_step = "clone";
		r = service->oom_score_adj.set ?
			    clone_with_score(spawn, launch, service->oom_score_adj.value, ret_step) :
			    clone_child(launch);
	}
	if (r < 0)
		spawn_plan_drop(spawn, launch);
	return r;
}

static struct spawn_launch *take_launch(struct spawn *spawn)
{
	for (unsigned i = 0; i < SPAWN_LAUNCHES; i++)
		if (!spawn->launches[i].under_way)
			return &spawn->launches[i];
	BUG("more launches than SPAWN_OVERLAP");
}

int spawn_launch(struct spawn *spawn, const struct spawn_request *request, struct spawn_launch **ret_launch,
		 struct spawn_failure *ret_failure)
{
	struct spawn_launch *launch = take_launch(spawn);
	struct spawn_failure failure = { .before_child = true };
	int r = launch_once(spawn, launch, request, &failure.step);

	if ((r == -EMFILE || r == -ENFILE) && spawn_reserve_release(&spawn->fds))
		r = launch_once(spawn, launch, request, &failure.step);
	spawn_reserve_fill(&spawn->fds);
	if (r < 0) {
		failure.error = -r;
		*ret_failure = failure;
		return r;
	}
	launch->under_way = true;
	*ret_launch = launch;
	return 0;
}

int spawn_await(struct spawn *spawn, struct spawn_launch *launch, struct spawn_child *ret_child,
		struct spawn_failure *ret_failure)
{
	wait_for_exec(launch);
	launch->under_way = false;
	if (launch->report.stage != CHILD_STAGE_NONE) {
		spawn_plan_drop(spawn, launch);
		collect(&launch->child);
		*ret_failure = (struct spawn_failure){ .step = child_stage_name(launch->report.stage),
						       .stage = launch->report.stage,
						       .error = launch->report.error };
		return -launch->report.error;
	}
	launch->child.stderr_pipe = fd_take(&launch->channels.stderr_read);
	launch->child.replies = fd_take(&launch->channels.replies);
	spawn_plan_drop(spawn, launch);
	*ret_child = launch->child;
	return 0;
}

int spawn_start(struct spawn *spawn, const struct spawn_request *request, struct spawn_child *ret_child,
		struct spawn_failure *ret_failure)
{
	struct spawn_launch *launch;
	int r = spawn_launch(spawn, request, &launch, ret_failure);

	return r < 0 ? r : spawn_await(spawn, launch, ret_child, ret_failure);
}
