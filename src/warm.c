/* warm.c - the life of a fork server: started like any program of its service, loaded, stopped, and in the end killed
 * or dead. See warm.h.
 *
 * Its descriptors 0 and 1 are one end of a pair of sockets: a program that uses them past the library is found
 * out. Its end is by SIGKILL to its process group, while it is not collected, so that the number is its own; who
 * collects it is whoever collects orphans. Copies that have a client left that group at their birth. */
#include "warm-internal.h"

#include "base.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define LOADED_NS      (10 * NS_PER_S) /* from exec to the library's first word */
#define STOPPED_NS     (60 * NS_PER_S) /* and to where it stops: modules may be many */
#define REPORTS_MOST   64              /* a round */
#define PRELOAD_PREFIX "LD_PRELOAD="

/* ---- the environment ---- */

/* What it gets beside the service's own variables. */
struct environment {
	char *names[SPAWN_WARM_NAMES];
	size_t count;
	char session[sizeof(WARM_SESSION_VARIABLE "=") + WARM_SESSION_ROOM];
	char private_socket[sizeof(WARM_VARIABLE "=003 ") + 12];
	char *preload; /* malloc'ed */
};

static const char *find(const struct conf_words *variables, const char *prefix)
{
	for (size_t i = 0; i < variables->count; i++)
		if (strncmp(variables->items[i], prefix, strlen(prefix)) == 0)
			return variables->items[i] + strlen(prefix);
	return NULL;
}

/* Our library ahead of those that the service asks for itself. */
static int join_preload(const struct conf_service *settings, char **ret_preload)
{
	const char *own = find(&settings->environment, PRELOAD_PREFIX);

	if (asprintf(ret_preload, PRELOAD_PREFIX "%s%s%s", settings->warm_library, own != NULL ? ":" : "",
		     own != NULL ? own : "") < 0)
		return -ENOMEM;
	return 0;
}

static int prepare_environment(const struct conf_service *settings, struct environment *environment)
{
	static char bind_now[] = WARM_BIND_NOW;

	*environment = (struct environment){ .count = 0 };
	snprintf(environment->session, sizeof(environment->session), WARM_SESSION_VARIABLE "=%*s",
		 WARM_SESSION_ROOM, "");
	snprintf(environment->private_socket, sizeof(environment->private_socket), WARM_VARIABLE "=003 ");
	environment->names[environment->count++] = environment->session;
	environment->names[environment->count++] = environment->private_socket;
	if (find(&settings->environment, "LD_BIND_NOW=") == NULL)
		environment->names[environment->count++] = bind_now;
	if (join_preload(settings, &environment->preload) < 0)
		return -ENOMEM;
	environment->names[environment->count++] = environment->preload;
	return 0;
}

/* ---- ending ---- */

static void let_go(struct loop *loop, struct loop_source *source)
{
	loop_remove(loop, source);
	cleanup_fd(&source->fd);
	source->fd = -1;
}

void warm_stop(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	if (warm->state == WARM_OFF)
		return;
	/* Collected, its number is free. Helpers that it started are then left to themselves, as with any program. */
	if (warm->process.pid > 1 && !warm->collected)
		kill(-warm->process.pid, SIGKILL);
	warm->state = WARM_OFF;
	loop_disarm(loop, &warm->deadline);
	warm_copies_drop(warm);
	let_go(loop, &warm->socket);
	let_go(loop, &warm->standard);
	let_go(loop, &warm->exit);
	stderr_tap_drain(&warm->tap);
	stderr_tap_close(&warm->tap);
	warm_process_remove(warm->table, &warm->process);
}

static void finish(struct warm *warm, struct warm_outcome outcome)
{
	outcome.pid = warm->process.pid;
	warm_stop(warm);
	warm->table->means.happened(warm->context, warm, WARM_ENDED, &outcome);
}

void warm_give_up(struct warm *warm, enum warm_end end)
{
	finish(warm, (struct warm_outcome){ .end = end });
}

static void deadline_passed(struct loop_timer *timer)
{
	struct warm *warm = container_of(timer, struct warm, deadline);

	warm_give_up(warm, warm->state == WARM_READY ? WARM_END_SILENT :
			   warm->loaded              ? WARM_END_TOO_LONG :
						       WARM_END_NOT_LOADED);
}

/* ---- what it says ---- */

static void loaded(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	/* Once more after an exec of its own: the time goes on. */
	if (!warm->loaded)
		(void)loop_arm(loop, &warm->deadline, loop_now_ns(loop) + STOPPED_NS);
	warm->loaded = true;
}

static void became_ready(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	warm->state = WARM_READY;
	warm->ready_ns = loop_now_ns(loop);
	loop_disarm(loop, &warm->deadline);
	let_go(loop, &warm->standard);
	warm_copies_order(warm);
	warm->table->means.happened(warm->context, warm, WARM_BECAME_READY, NULL);
}

/* Returns false when it makes no sense. */
static bool take_report(struct warm *warm, const struct warm_report *report, pid_t pid)
{
	bool is_server = pid == warm->process.pid;

	switch (report->kind) {
	case WARM_REPORT_LOADED:
		if (warm->state == WARM_STARTING && is_server)
			loaded(warm);
		return warm->state == WARM_STARTING && is_server;
	case WARM_REPORT_READY:
		if (warm->state != WARM_STARTING || !warm->loaded || !is_server)
			return false;
		became_ready(warm);
		return true;
	case WARM_REPORT_UNSUITABLE:
		if (!is_server || report->detail < 0 || report->detail >= WARM_UNSUITABLE_REASONS)
			return false;
		finish(warm, (struct warm_outcome){ .end = WARM_END_UNSUITABLE,
						    .unsuitable = (enum warm_unsuitable)report->detail });
		return true;
	case WARM_REPORT_COPY:
		return warm->state == WARM_READY && warm_copy_came(warm, report, pid) == 0;
	case WARM_REPORT_FAILED:
		return warm->state == WARM_READY && is_server && warm_copy_failed(warm, report) == 0;
	}
	return false;
}

/* One report and its sender, as the kernel names it. Returns 1, 0 when there is none, or -errno. */
static int receive(int socket, struct warm_report *ret_report, pid_t *ret_pid)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec part = { ret_report, sizeof(*ret_report) };
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t length = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *first = CMSG_FIRSTHDR(&header);
	struct ucred sender;

	if (length < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (length == 0)
		return 0; /* its end: the pidfd tells more */
	/* Descriptors that came with it have no room, and are closed by the kernel. */
	if (length != sizeof(*ret_report) || (header.msg_flags & MSG_TRUNC) != 0 || first == NULL ||
	    first->cmsg_type != SCM_CREDENTIALS)
		return -EPROTO;
	memcpy(&sender, CMSG_DATA(first), sizeof(sender));
	*ret_pid = sender.pid;
	return 1;
}

void warm_listen(struct warm *warm)
{
	struct warm_report report;
	pid_t pid = 0;

	for (int i = 0; i < REPORTS_MOST && warm->state != WARM_OFF; i++) {
		int r = receive(warm->socket.fd, &report, &pid);

		if (r == 0)
			return;
		if (r < 0 || !take_report(warm, &report, pid)) {
			warm_give_up(warm, WARM_END_NONSENSE);
			return;
		}
	}
}

static void socket_ready(struct loop_source *source, uint32_t events)
{
	struct warm *warm = container_of(source, struct warm, socket);

	/* All ends are closed: nothing will come any more, and the pidfd tells the rest. */
	if ((events & (EPOLLHUP | EPOLLIN)) == EPOLLHUP)
		loop_remove(warm->table->means.loop, source);
	else
		warm_listen(warm);
}

/* Something is at the far end of 0 and 1: bytes, or nobody any more. */
static void standard_ready(struct loop_source *source, uint32_t events)
{
	struct warm *warm = container_of(source, struct warm, standard);
	char byte;

	(void)events;
	/* It may have stopped before what it wrote came here. */
	warm_listen(warm);
	if (warm->state != WARM_STARTING)
		return;
	if (recv(source->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0)
		warm_give_up(warm, WARM_END_WROTE);
	else
		loop_remove(warm->table->means.loop, source);
}

static void exited(struct loop_source *source, uint32_t events)
{
	struct warm *warm = container_of(source, struct warm, exit);
	struct warm_outcome outcome = { .ended = true };
	siginfo_t info = { .si_pid = 0 };

	(void)events;
	warm_listen(warm); /* its last words */
	if (warm->state == WARM_OFF)
		return;
	if (waitid(P_PIDFD, (id_t)source->fd, &info, WEXITED | WNOHANG) != 0)
		outcome.ended = false; /* somebody else collected it */
	else if (info.si_pid == 0)
		return;
	outcome.end = warm->state == WARM_READY ? WARM_END_DIED :
		      warm->loaded              ? WARM_END_EXITED :
						  WARM_END_NOT_LOADED;
	outcome.signalled = info.si_code != CLD_EXITED;
	outcome.status = info.si_status;
	warm->collected = true;
	finish(warm, outcome);
}

/* ---- starting ---- */

/* The ends that it gets. */
struct far_ends {
	int private_socket, standard;
};

static void close_far_ends(struct far_ends *far)
{
	cleanup_fd(&far->private_socket);
	cleanup_fd(&far->standard);
}

/* The kernel says of each message who sent it. */
static int open_sockets(struct warm *warm, struct far_ends *far)
{
	static const int on = 1;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	warm->socket.fd = ends[0];
	far->private_socket = ends[1];
	if (setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	warm->standard.fd = ends[0];
	far->standard = ends[1];
	return 0;
}

static int spawn_server(struct warm *warm, const struct far_ends *far, struct environment *environment,
			struct spawn_child *ret_child, struct spawn_failure *ret_failure)
{
	const struct spawn_warm extra = {
		.private_socket = far->private_socket,
		.variables = environment->names,
		.variable_count = environment->count,
		.pid_text = environment->private_socket + strlen(WARM_VARIABLE "=003 "),
	};
	const struct spawn_request request = {
		.kind = SPAWN_WARM,
		.service = warm->settings,
		.socket = far->standard,
		.cgroup = -1,
		.warm = &extra,
	};

	return spawn_start(warm->table->means.spawn, &request, ret_child, ret_failure);
}

/* Watches what the spawn gave; takes its descriptors in any case. */
static int watch(struct warm *warm, const struct spawn_child *child)
{
	struct loop *loop = warm->table->means.loop;
	int r = 0, tap = 0;

	warm->exit.fd = child->pidfd;
	warm_process_add(warm->table, &warm->process, child->pid);
	if (child->stderr_pipe >= 0)
		tap = stderr_tap_open(&warm->tap, warm->table->means.taps, child->stderr_pipe);
	if (tap < 0 || (r = loop_add(loop, &warm->exit, EPOLLIN)) < 0 ||
	    (r = loop_add(loop, &warm->socket, EPOLLIN)) < 0 ||
	    (r = loop_add(loop, &warm->standard, EPOLLIN)) < 0)
		return tap < 0 ? tap : r;
	return loop_arm(loop, &warm->deadline, loop_now_ns(loop) + LOADED_NS);
}

static int start(struct warm *warm, struct spawn_failure *ret_failure)
{
	_cleanup_(close_far_ends) struct far_ends far = { -1, -1 };
	struct environment environment;
	struct spawn_child child;
	int r = open_sockets(warm, &far);

	*ret_failure = (struct spawn_failure){ .step = "socketpair", .error = -r, .before_child = true };
	if (r < 0)
		return r;
	r = prepare_environment(warm->settings, &environment);
	*ret_failure = (struct spawn_failure){ .step = "environment", .error = -r, .before_child = true };
	if (r == 0)
		r = spawn_server(warm, &far, &environment, &child, ret_failure);
	free(environment.preload);
	if (r < 0)
		return r;
	*ret_failure = (struct spawn_failure){ .step = "watch", .before_child = true };
	r = watch(warm, &child);
	ret_failure->error = -r;
	return r;
}

int warm_start(struct warm *warm, const struct conf_service *settings, struct spawn_failure *ret_failure)
{
	int r;

	if (warm->state != WARM_OFF)
		BUG("a fork server is started twice");
	warm->settings = settings;
	warm->state = WARM_STARTING;
	warm->loaded = warm->late = warm->collected = false;
	warm->served = warm->ready_ns = 0;
	warm->wanted = settings->warm_spares;
	warm->least = 0;
	r = start(warm, ret_failure);
	if (r < 0)
		warm_stop(warm);
	return r;
}

/* ---- objects ---- */

int warm_new(struct warm_table *table, void *context, struct warm **ret_warm)
{
	struct warm *warm = calloc(1, sizeof(*warm));

	if (warm == NULL)
		return -ENOMEM;
	warm->table = table;
	warm->context = context;
	warm->exit = (struct loop_source){ .fd = -1, .ready = exited, .set = LOOP_WORK };
	warm->socket = (struct loop_source){ .fd = -1, .ready = socket_ready, .set = LOOP_WORK };
	warm->standard = (struct loop_source){ .fd = -1, .ready = standard_ready, .set = LOOP_WORK };
	warm->deadline.expired = deadline_passed;
	warm_copies_init(warm);
	warm->next = table->all;
	if (table->all != NULL)
		table->all->previous = warm;
	table->all = warm;
	*ret_warm = warm;
	return 0;
}

void warm_free(struct warm *warm)
{
	if (warm == NULL)
		return;
	warm_stop(warm);
	if (warm->previous != NULL)
		warm->previous->next = warm->next;
	else
		warm->table->all = warm->next;
	if (warm->next != NULL)
		warm->next->previous = warm->previous;
	free(warm);
}

void warm_adjust(struct warm *warm, const struct conf_service *settings)
{
	warm->settings = settings;
	if (warm->wanted < settings->warm_spares)
		warm->wanted = settings->warm_spares;
	warm_copies_order(warm);
}

/* ---- what is asked ---- */

enum warm_state warm_state(const struct warm *warm)
{
	return warm->state;
}

pid_t warm_pid(const struct warm *warm)
{
	return warm->process.pid;
}

uint64_t warm_ready_ns(const struct warm *warm)
{
	return warm->ready_ns;
}

uint64_t warm_served(const struct warm *warm)
{
	return warm->served;
}

unsigned warm_waiting(const struct warm *warm)
{
	return warm->waiting;
}

struct warm *warm_of_tap(struct stderr_tap *tap)
{
	return container_of(tap, struct warm, tap);
}

void *warm_context(const struct warm *warm)
{
	return warm->context;
}

const char *warm_end_text(const struct warm_outcome *outcome)
{
	static const char *const ends[] = {
		[WARM_END_DIED] = "its fork server ended; it is started anew",
		[WARM_END_EXITED] = "it ended before it used its input or output: it cannot be started ahead of clients",
		[WARM_END_NOT_LOADED] = "the library could not be preloaded: is it a static or setuid program, or for "
					"another C library?",
		[WARM_END_TOO_LONG] = "it did not come to its main function, or to its input or output, in a minute",
		[WARM_END_WROTE] = "it wrote to its standard output, or stderr = socket, before it was stopped; with "
				   "warm = input in a way that the library cannot see; warm = main may do",
		[WARM_END_SILENT] = "its fork server did not answer; it was killed and is started anew",
		[WARM_END_NONSENSE] = "its fork server does not keep to the protocol and was killed",
	};
	static const char *const reasons[] = {
		[WARM_UNSUITABLE_THREADS] = "it has started threads, which a copy would not have; warm = main may do",
		[WARM_UNSUITABLE_LIBRARY] = "its C library is not one that can be copied",
		[WARM_UNSUITABLE_KERNEL] = "the kernel refuses clone3",
		[WARM_UNSUITABLE_MEMORY] = "the library in it got no memory",
	};

	return outcome->end == WARM_END_UNSUITABLE ? reasons[outcome->unsuitable] : ends[outcome->end];
}
