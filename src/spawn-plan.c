/* spawn-plan.c - what a child is to get: descriptors in slots, limits, identity, environment; see spawn-plan.h. */
#include "spawn-plan.h"

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>

static const int rlimit_resource[CONF_RLIMITS] = {
	[CONF_RLIMIT_AS] = RLIMIT_AS,         [CONF_RLIMIT_CORE] = RLIMIT_CORE,
	[CONF_RLIMIT_CPU] = RLIMIT_CPU,       [CONF_RLIMIT_DATA] = RLIMIT_DATA,
	[CONF_RLIMIT_FSIZE] = RLIMIT_FSIZE,   [CONF_RLIMIT_MEMLOCK] = RLIMIT_MEMLOCK,
	[CONF_RLIMIT_NOFILE] = RLIMIT_NOFILE, [CONF_RLIMIT_NPROC] = RLIMIT_NPROC,
	[CONF_RLIMIT_STACK] = RLIMIT_STACK,
};

static void channels_close_far(struct spawn_channels *channels)
{
	cleanup_fd(&channels->stderr_write);
	cleanup_fd(&channels->replies_far);
	channels->stderr_write = channels->replies_far = -1;
}

static void channels_close(struct spawn_channels *channels)
{
	channels_close_far(channels);
	cleanup_fd(&channels->stderr_read);
	cleanup_fd(&channels->replies);
}

/* A pipe that belongs to the service's user, so that /dev/stderr can be opened. What is made belongs to the user
 * as whom files are used: where the right to give files away is missing (CAP_CHOWN, which the unit does not
 * have), the right to become that user is enough. Not in the first place, because going back also brings back
 * rights about files that were laid down. */
static int open_pipe_of(const struct conf_identity *identity, int ends[static 2])
{
	int r;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	if (!identity->change || identity->uid == geteuid() ||
	    fchown(ends[1], identity->uid, identity->gid) == 0)
		return 0;
	r = -errno;
	close(ends[0]);
	close(ends[1]);
	if (r != -EPERM)
		return r;
	setfsuid(identity->uid);
	r = pipe2(ends, O_CLOEXEC) == 0 ? 0 : -errno;
	setfsuid(geteuid());
	return r;
}

int spawn_open_stderr(const struct conf_service *service, struct spawn_pipe *ret_pipe)
{
	int r, ends[2];

	if (service->stderr_target.kind != CONF_STDERR_LOG) {
		*ret_pipe = (struct spawn_pipe){ -1, -1 };
		return 0;
	}
	r = open_pipe_of(&service->identity, ends);
	if (r < 0)
		return r;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0) {
		*ret_pipe = (struct spawn_pipe){ ends[0], ends[1] };
		return 0;
	}
	r = -errno;
	close(ends[0]);
	close(ends[1]);
	return r;
}

static int open_channels(const struct spawn_request *request, struct spawn_channels *channels,
			 const char **ret_step)
{
	struct spawn_pipe pipe = { -1, -1 };
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

static int fill_slot(struct spawn *spawn, struct spawn_launch *launch, enum spawn_slot slot, int fd)
{
	int r = spawn_slot_fill(&spawn->fds, launch->slots + slot, fd);

	launch->filled[slot] = r == 0;
	return r;
}

/* Puts what the child is to get into the slots. Returns 0 or -errno. */
static int fill_slots(struct spawn *spawn, struct spawn_launch *launch, const struct spawn_request *request)
{
	const struct spawn_channels *channels = &launch->channels;
	int r = spawn_slots_mend(&spawn->fds);

	if (r == 0)
		r = fill_slot(spawn, launch, SPAWN_SLOT_INPUT, request->socket);
	if (r == 0 && channels->replies_far >= 0)
		r = fill_slot(spawn, launch, SPAWN_SLOT_OUTPUT, channels->replies_far);
	if (r == 0 && request->kind == SPAWN_WARM)
		r = fill_slot(spawn, launch, SPAWN_SLOT_OUTPUT, request->warm->private_socket);
	if (r == 0 && channels->stderr_write >= 0)
		r = fill_slot(spawn, launch, SPAWN_SLOT_ERROR, channels->stderr_write);
	return r;
}

static void clear_slots(struct spawn *spawn, struct spawn_launch *launch)
{
	for (unsigned slot = 0; slot < SPAWN_SLOTS; slot++)
		if (launch->filled[slot])
			spawn_slot_clear(&spawn->fds, launch->slots + slot);
	memset(launch->filled, 0, sizeof(launch->filled));
}

/* Says which slot is for what. */
static void plan_descriptors(const struct spawn *spawn, const struct spawn_launch *launch,
			     const struct spawn_request *request, struct child_plan *plan)
{
	const struct conf_stderr_target *target = &request->service->stderr_target;
	const int *slots = spawn->fds.slots + launch->slots;
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
	plan->datagram_room = SPAWN_DATAGRAM_MAX;
}

static void plan_identity(const struct conf_identity *identity, struct child_plan *plan)
{
	plan->change_identity = identity->change;
	plan->uid = identity->uid;
	plan->gid = identity->gid;
	plan->groups = identity->groups;
	plan->group_count = identity->group_count;
}

static void make_plan(struct spawn *spawn, struct spawn_launch *launch, const struct spawn_request *request)
{
	const struct conf_service *service = request->service;
	struct child_plan *plan = &launch->plan;

	launch->report.stage = CHILD_STAGE_NONE;
	spawn_env_build(&launch->environment, request);
	*plan = (struct child_plan){
		.program = service->program,
		.argv = service->exec.items,
		.envp = launch->environment.names,
		.pid_text = launch->environment.pid_text,
		.limits = launch->limits,
		.limit_count = plan_limits(service, launch->limits),
		.nice = service->nice.set ? &service->nice.value : NULL,
		.chroot = service->chroot,
		.directory = service->directory,
		.cgroup = request->cgroup,
		.umask = service->umask,
		.no_new_privileges = service->no_new_privileges,
		.groups_seen = launch->groups,
		.failure = &launch->report,
	};
	plan_descriptors(spawn, launch, request, plan);
	plan_identity(&service->identity, plan);
}

int spawn_plan_make(struct spawn *spawn, struct spawn_launch *launch, const struct spawn_request *request,
		    const char **ret_step)
{
	int r;

	launch->channels = (struct spawn_channels){ -1, -1, -1, -1 };
	r = open_channels(request, &launch->channels, ret_step);
	if (r < 0)
		return r;
	*ret_step = "dup";
	r = fill_slots(spawn, launch, request);
	channels_close_far(&launch->channels);
	if (r < 0)
		return r;
	make_plan(spawn, launch, request);
	return 0;
}

void spawn_plan_drop(struct spawn *spawn, struct spawn_launch *launch)
{
	clear_slots(spawn, launch);
	channels_close(&launch->channels);
}
