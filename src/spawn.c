/* spawn.c - the parent's half of a spawn.
 *
 * clone(2) with CLONE_VM: no page table is copied, so a spawn costs the same
 * however large the daemon is, and the child reports a failure by writing to
 * memory that is ours too: no pipe is needed for it. We do nothing until the
 * child is done with that memory, as after vfork(2); but we wait by ourselves
 * (CLONE_CHILD_CLEARTID), because CLONE_VFORK cannot be interrupted: another
 * process of the service's user could stop the child just before its exec, and
 * the daemon with it. The child has a stack of its own, with a guard page.
 *
 * CLONE_FILES does for descriptors what CLONE_VM does for memory: a copy of the
 * table, made here and closed again by exec, would cost more with each listener
 * and session. The child takes its own copy of the lowest few (close_range(2)
 * with CLOSE_RANGE_UNSHARE), where slots are kept for what it is to get.
 *
 * Owns: the stack, the scratch environment, the datagram buffer, and the
 * descriptors of spawn-fds.h. */
#include "spawn.h"

#include "base.h"
#include "clone-into.h"
#include "spawn-env.h"
#include "spawn-fds.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define STACK_SIZE    (64 * 1024)
#define GUARD_SIZE    (64 * 1024) /* a multiple of any page size */
#define DATAGRAM_MAX  65536
#define LOOK_AFTER_NS (10 * NS_PER_MS) /* how often a child that takes its time is looked after */
#define LOOKS_MOST    200
#define STOPS_MOST    5

struct spawn {
	char *stack; /* guard first: stacks grow down */
	char *datagram;
	struct spawn_fds fds;
	uint32_t sharing; /* a child is on our memory; cleared by the kernel at its exec or exit */
	struct spawn_env environment;
	gid_t *groups; /* for the child to look at its groups */
	size_t group_room;
	int oom_score_fd; /* /proc/self/oom_score_adj; -1: no /proc */
	int oom_score;    /* what we were started with */
};

static const int rlimit_resource[CONF_RLIMITS] = {
	[CONF_RLIMIT_AS] = RLIMIT_AS,         [CONF_RLIMIT_CORE] = RLIMIT_CORE,
	[CONF_RLIMIT_CPU] = RLIMIT_CPU,       [CONF_RLIMIT_DATA] = RLIMIT_DATA,
	[CONF_RLIMIT_FSIZE] = RLIMIT_FSIZE,   [CONF_RLIMIT_MEMLOCK] = RLIMIT_MEMLOCK,
	[CONF_RLIMIT_NOFILE] = RLIMIT_NOFILE, [CONF_RLIMIT_NPROC] = RLIMIT_NPROC,
	[CONF_RLIMIT_STACK] = RLIMIT_STACK,
};

/* ---- what is held ready ---- */

static void read_score(struct spawn *spawn)
{
	char text[16] = "";

	spawn->oom_score_fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (spawn->oom_score_fd >= 0 && pread(spawn->oom_score_fd, text, sizeof(text) - 1, 0) > 0)
		spawn->oom_score = atoi(text);
}

int spawn_new(struct spawn **ret_spawn)
{
	struct spawn *spawn = calloc(1, sizeof(*spawn));
	int r;

	if (spawn == NULL)
		return -ENOMEM;
	r = spawn_fds_open(&spawn->fds);
	read_score(spawn);
	spawn->stack = mmap(NULL, GUARD_SIZE + STACK_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	spawn->datagram =
		mmap(NULL, DATAGRAM_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r == 0 && (spawn->stack == MAP_FAILED || spawn->datagram == MAP_FAILED ||
		       mprotect(spawn->stack, GUARD_SIZE, PROT_NONE) != 0))
		r = -errno;
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
	if (spawn->stack != NULL && spawn->stack != MAP_FAILED)
		munmap(spawn->stack, GUARD_SIZE + STACK_SIZE);
	if (spawn->datagram != NULL && spawn->datagram != MAP_FAILED)
		munmap(spawn->datagram, DATAGRAM_MAX);
	free(spawn->environment.names);
	free(spawn->groups);
	free(spawn);
}

static int reserve_groups(struct spawn *spawn, size_t count)
{
	gid_t *groups;

	if (count <= spawn->group_room)
		return 0;
	groups = reallocarray(spawn->groups, count, sizeof(*groups));
	if (groups == NULL)
		return -ENOMEM;
	spawn->groups = groups;
	spawn->group_room = count;
	return 0;
}

int spawn_reserve(struct spawn *spawn, size_t environment_count, size_t group_count)
{
	size_t room = environment_count + SPAWN_ENV_NAMES + 1;

	if (reserve_groups(spawn, group_count) < 0)
		return -ENOMEM;
	if (room <= spawn->environment.room)
		return 0;

	char **names = reallocarray(spawn->environment.names, room, sizeof(*names));

	if (names == NULL)
		return -ENOMEM;
	spawn->environment.names = names;
	spawn->environment.room = room;
	return 0;
}

struct spawn_variables spawn_describe(struct spawn *spawn, const struct spawn_request *request)
{
	struct spawn_env *environment = &spawn->environment;

	spawn_env_build(environment, request);
	return (struct spawn_variables){
		.text = environment->text,
		.length = environment->used,
		.count = (unsigned)(environment->count - request->service->environment.count),
	};
}

void spawn_set_udp_ports(struct spawn *spawn, const char *text)
{
	snprintf(spawn->environment.udp_ports, sizeof(spawn->environment.udp_ports), "%s", text);
}

/* ---- the plan ---- */

/* Descriptors made for one child. The far ends are closed by us in any case. */
struct channels {
	int stderr_read, stderr_write;
	int replies, replies_far;
};

static void channels_close_far(struct channels *channels)
{
	cleanup_fd(&channels->stderr_write);
	cleanup_fd(&channels->replies_far);
	channels->stderr_write = channels->replies_far = -1;
}

static void channels_close(struct channels *channels)
{
	channels_close_far(channels);
	cleanup_fd(&channels->stderr_read);
	cleanup_fd(&channels->replies);
}

/* The pipe belongs to the service's user, so that /dev/stderr can be opened. */
int spawn_open_stderr(const struct conf_service *service, struct spawn_pipe *ret_pipe)
{
	const struct conf_identity *identity = &service->identity;
	int r, ends[2];

	if (service->stderr_target.kind != CONF_STDERR_LOG) {
		*ret_pipe = (struct spawn_pipe){ -1, -1 };
		return 0;
	}
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 &&
	    (!identity->change || identity->uid == geteuid() ||
	     fchown(ends[1], identity->uid, identity->gid) == 0)) {
		*ret_pipe = (struct spawn_pipe){ ends[0], ends[1] };
		return 0;
	}
	r = -errno;
	close(ends[0]);
	close(ends[1]);
	return r;
}

static int open_channels(const struct spawn_request *request, struct channels *channels,
			 const char **ret_step)
{
	struct spawn_pipe pipe;
	int ends[2], r = spawn_open_stderr(request->service, &pipe);

	if (r < 0) {
		*ret_step = "pipe";
		return r;
	}
	channels->stderr_read = pipe.read_end;
	channels->stderr_write = pipe.write_end;
	if (request->kind == SPAWN_FILTER) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
			*ret_step = "socketpair";
			return -errno;
		}
		channels->replies = ends[0];
		channels->replies_far = ends[1];
	}
	return 0;
}

static size_t plan_limits(const struct conf_service *service, struct child_limit limits[static CONF_RLIMITS])
{
	size_t count = 0;

	for (size_t i = 0; i < CONF_RLIMITS; i++)
		if (service->rlimit[i].set)
			limits[count++] = (struct child_limit){
				.resource = rlimit_resource[i],
				.value = { service->rlimit[i].soft, service->rlimit[i].hard },
			};
	return count;
}

/* Puts what the child is to get into the slots. Returns 0 or -errno. */
static int fill_slots(struct spawn *spawn, const struct spawn_request *request, struct channels *channels)
{
	struct spawn_fds *fds = &spawn->fds;
	int r = spawn_slots_mend(fds);

	if (r == 0)
		r = spawn_slot_fill(fds, SPAWN_SLOT_INPUT, request->socket);
	if (r == 0 && channels->replies_far >= 0)
		r = spawn_slot_fill(fds, SPAWN_SLOT_OUTPUT, channels->replies_far);
	if (r == 0 && request->kind == SPAWN_WARM)
		r = spawn_slot_fill(fds, SPAWN_SLOT_OUTPUT, request->warm->private_socket);
	if (r == 0 && channels->stderr_write >= 0)
		r = spawn_slot_fill(fds, SPAWN_SLOT_ERROR, channels->stderr_write);
	return r;
}

static void clear_slots(struct spawn *spawn, const struct spawn_request *request, struct channels *channels)
{
	spawn_slot_clear(&spawn->fds, SPAWN_SLOT_INPUT);
	if (channels->replies_far >= 0 || request->kind == SPAWN_WARM)
		spawn_slot_clear(&spawn->fds, SPAWN_SLOT_OUTPUT);
	if (channels->stderr_write >= 0)
		spawn_slot_clear(&spawn->fds, SPAWN_SLOT_ERROR);
	channels_close_far(channels);
}

/* Says which slot is for what. */
static void plan_descriptors(const struct spawn *spawn, const struct spawn_request *request,
			     struct child_plan *plan)
{
	const struct conf_stderr_target *target = &request->service->stderr_target;
	const int *slots = spawn->fds.slots;
	bool filter = request->kind == SPAWN_FILTER;

	plan->table_size = spawn->fds.table_size;
	plan->input = slots[SPAWN_SLOT_INPUT];
	plan->output = slots[filter ? SPAWN_SLOT_OUTPUT : SPAWN_SLOT_INPUT];
	/* With stderr = null: what an unused slot has. */
	plan->error = target->kind == CONF_STDERR_SOCKET ? -1 : slots[SPAWN_SLOT_ERROR];
	plan->error_path = target->kind == CONF_STDERR_FILE ? target->path : NULL;
	plan->third = request->kind == SPAWN_WAIT ? slots[SPAWN_SLOT_INPUT] :
		      request->kind == SPAWN_WARM ? slots[SPAWN_SLOT_OUTPUT] :
						    -1;
	plan->datagram = filter ? slots[SPAWN_SLOT_INPUT] : -1;
	plan->datagram_buffer = spawn->datagram;
	plan->datagram_room = DATAGRAM_MAX;
}

static void plan_identity(const struct spawn *spawn, const struct conf_identity *identity,
			  struct child_plan *plan)
{
	plan->change_identity = identity->change;
	plan->uid = identity->uid;
	plan->gid = identity->gid;
	plan->groups = identity->groups;
	plan->group_count = identity->group_count;
	plan->groups_seen = spawn->groups;
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
 * answer). Nobody else is served meanwhile, so the patience is short. Nothing
 * here looks at errno, which is the child's, too. */
static void wait_for_exec(struct spawn *spawn, const struct spawn_child *child,
			  volatile struct child_failure *report)
{
	const struct timespec patience = { .tv_nsec = (long)LOOK_AFTER_NS };
	unsigned stopped = 0;

	for (unsigned looks = 0; __atomic_load_n(&spawn->sharing, __ATOMIC_ACQUIRE) != 0; looks++) {
		if (looks > 0 && is_stopped(child)) {
			stopped++;
			kill(child->pid, SIGCONT);
		}
		if (looks > LOOKS_MOST || stopped > STOPS_MOST) {
			kill(child->pid, SIGKILL);
			report->stage = CHILD_STAGE_EXEC;
			report->error = ETIMEDOUT;
		}
		syscall(SYS_futex, &spawn->sharing, FUTEX_WAIT, 1, &patience, NULL, 0);
	}
}

#define CLONE_FLAGS (CLONE_VM | CLONE_FILES | CLONE_PIDFD | CLONE_CHILD_CLEARTID)

/* The same as clone(2) below, in a cgroup. */
static pid_t clone_in_cgroup(struct spawn *spawn, struct child_plan *plan, struct spawn_child *child)
{
	const struct clone_args arguments = {
		.flags = CLONE_FLAGS | CLONE_INTO_CGROUP,
		.pidfd = (uintptr_t)&child->pidfd,
		.child_tid = (uintptr_t)&spawn->sharing,
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)(spawn->stack + GUARD_SIZE),
		.stack_size = STACK_SIZE,
		.cgroup = (unsigned)plan->cgroup,
	};

	return clone_into(&arguments, child_run, plan);
}

static int clone_child(struct spawn *spawn, struct child_plan *plan, struct spawn_child *child)
{
	/* Every signal is blocked, and so in the child until its last step. */
	spawn->sharing = 1;
	if (plan->cgroup >= 0) {
		child->pid = clone_in_cgroup(spawn, plan, child);
		if (child->pid < 0)
			return child->pid;
	} else {
		child->pid = clone(child_run, spawn->stack + GUARD_SIZE + STACK_SIZE, CLONE_FLAGS | SIGCHLD,
				   plan, &child->pidfd, NULL, &spawn->sharing);
		if (child->pid < 0)
			return -errno;
	}
	wait_for_exec(spawn, child, plan->failure);
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
 * that of every process on our memory (proc(5)). So ours is another for as long
 * as the spawn takes. */
static int clone_with_score(struct spawn *spawn, const struct conf_service *service, struct child_plan *plan,
			    struct spawn_child *child, struct spawn_failure *failure)
{
	bool own = service->oom_score_adj.set;
	int r = own ? write_score(spawn, service->oom_score_adj.value) : 0;

	if (r < 0) {
		*failure = (struct spawn_failure){ .step = "oom_score_adj" };
		return r;
	}
	r = clone_child(spawn, plan, child);
	if (own)
		(void)write_score(spawn, spawn->oom_score);
	return r;
}

static struct child_plan make_plan(struct spawn *spawn, const struct spawn_request *request,
				   struct child_limit limits[static CONF_RLIMITS],
				   volatile struct child_failure *report)
{
	const struct conf_service *service = request->service;
	struct child_plan plan = {
		.program = service->program,
		.argv = service->exec.items,
		.limits = limits,
		.limit_count = plan_limits(service, limits),
		.nice = service->nice.set ? &service->nice.value : NULL,
		.chroot = service->chroot,
		.directory = service->directory,
		.cgroup = request->cgroup,
		.umask = service->umask,
		.no_new_privileges = service->no_new_privileges,
		.failure = report,
	};

	spawn_env_build(&spawn->environment, request);
	plan.envp = spawn->environment.names;
	plan.pid_text = spawn->environment.pid_text;
	plan_descriptors(spawn, request, &plan);
	plan_identity(spawn, &service->identity, &plan);
	return plan;
}

static int start_once(struct spawn *spawn, const struct spawn_request *request, struct spawn_child *ret_child,
		      struct spawn_failure *failure)
{
	_cleanup_(channels_close) struct channels channels = { -1, -1, -1, -1 };
	volatile struct child_failure report = { CHILD_STAGE_NONE, 0 };
	struct child_limit limits[CONF_RLIMITS];
	struct spawn_child child = { .pidfd = -1 };
	int r;

	*failure = (struct spawn_failure){ .before_child = true };
	r = open_channels(request, &channels, &failure->step);
	if (r < 0)
		return r;

	failure->step = "dup";
	r = fill_slots(spawn, request, &channels);
	if (r == 0) {
		struct child_plan plan = make_plan(spawn, request, limits, &report);

		failure->step = "clone";
		r = clone_with_score(spawn, request->service, &plan, &child, failure);
	}
	clear_slots(spawn, request, &channels);
	if (r < 0)
		return r;
	if (report.stage != CHILD_STAGE_NONE) {
		collect(&child);
		*failure = (struct spawn_failure){ .step = child_stage_name(report.stage),
						   .stage = report.stage };
		return -report.error;
	}
	child.stderr_pipe = fd_take(&channels.stderr_read);
	child.replies = fd_take(&channels.replies);
	*ret_child = child;
	return 0;
}

int spawn_start(struct spawn *spawn, const struct spawn_request *request, struct spawn_child *ret_child,
		struct spawn_failure *ret_failure)
{
	struct spawn_failure failure;
	int r = start_once(spawn, request, ret_child, &failure);

	if ((r == -EMFILE || r == -ENFILE) && failure.before_child && spawn_reserve_release(&spawn->fds))
		r = start_once(spawn, request, ret_child, &failure);
	spawn_reserve_fill(&spawn->fds);
	if (r < 0) {
		failure.error = -r;
		*ret_failure = failure;
	}
	return r;
}
