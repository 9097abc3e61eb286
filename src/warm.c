/* warm.c - the life of a fork server: started like any program of its service, loaded, stopped, and in the end killed
 * or dead. See warm.h.
 *
 * Its descriptors 0 and 1 are one end of a pair of sockets: a program that uses them past the library is found
 * out. One that is not needed any more, or that died, is kept until all who stand in line have their answers: see
 * warm-clients.c. It is killed alone, by its pidfd, because copies that were born a moment ago may still be in its process
 * group; but before it is ready the whole group goes. Who collects it is whoever collects orphans. */
#include "warm-internal.h"

#include "base.h"
#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define LOADED_NS      (10 * NS_PER_S) /* from exec to the library's first word */
#define STOPPED_NS     (60 * NS_PER_S) /* and to where it stops: modules may be many */
#define LOOK_NS        (20 * NS_PER_MS) /* how often one that owes an answer is looked after */
#define SILENT_NS      (2 * NS_PER_S)   /* so long it may owe it */
#define LAST_NS        (200 * NS_PER_MS) /* from its end until the last copy that it made has reported */
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

static void kill_server(struct warm *warm)
{
	if (warm->collected || warm->process.pid <= 1)
		return;
	if (warm->state == WARM_STARTING)
		kill(-warm->process.pid, SIGKILL);
	else
		syscall(SYS_pidfd_send_signal, warm->exit.fd, SIGKILL, NULL, 0);
}

/* Takes all down; who is in line is refused. */
static void end(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	kill_server(warm);
	warm->state = WARM_LEAVING;
	warm->over = true;
	loop_disarm(loop, &warm->deadline);
	warm_spares_drop(warm);
	let_go(loop, &warm->socket);
	let_go(loop, &warm->standard);
	let_go(loop, &warm->exit);
	stderr_tap_drain(&warm->tap);
	stderr_tap_close(&warm->tap);
	warm_process_remove(warm->table, &warm->process);
	warm_clients_refuse(warm);
}

void warm_settle(struct warm *warm)
{
	if (!warm->over)
		return;
	if (warm->previous != NULL)
		warm->previous->next = warm->next;
	else
		warm->table->all = warm->next;
	if (warm->next != NULL)
		warm->next->previous = warm->previous;
	free(warm);
}

/* Nobody has use for it any more, but for those in line, who are answered until the socket's far end is closed: it reads
 * what was sent, and then the end. */
static void leave(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	if (warm->state == WARM_LEAVING)
		return;
	if (warm->state == WARM_STARTING || warm->first == NULL) {
		end(warm);
		return;
	}
	warm->state = WARM_LEAVING;
	warm_spares_drop(warm);
	shutdown(warm->socket.fd, SHUT_WR);
	(void)loop_arm(loop, &warm->deadline, loop_now_ns(loop) + SILENT_NS);
}

void warm_leave(struct warm *warm)
{
	if (warm == NULL)
		return;
	warm->context = NULL;
	leave(warm);
	warm_settle(warm);
}

/* It is gone for its owner, who is told. */
static void finish(struct warm *warm, struct warm_outcome outcome)
{
	void *context = warm->context;

	outcome.pid = warm->process.pid;
	if (outcome.end != WARM_END_DIED && outcome.end != WARM_END_EXITED)
		kill_server(warm);
	leave(warm);
	warm->context = NULL;
	if (context != NULL)
		warm->table->means.happened(context, warm, WARM_ENDED, &outcome);
}

static void give_up(struct warm *warm, enum warm_end why)
{
	finish(warm, (struct warm_outcome){ .end = why });
}

/* ---- its clock ---- */

static bool owes(const struct warm *warm)
{
	return warm->client_count + warm->ordered > 0;
}

void warm_asked(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	if (warm->client_count + warm->ordered > 1 && warm->deadline.place != 0)
		return;
	warm->asked_ns = loop_now_ns(loop);
	(void)loop_arm(loop, &warm->deadline, warm->asked_ns + LOOK_NS);
}

void warm_answered(struct warm *warm)
{
	warm->asked_ns = loop_now_ns(warm->table->means.loop);
}

/* By a signal: it will not answer until somebody lets it go on. */
static bool is_stopped(const struct warm *warm)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PIDFD, (id_t)warm->exit.fd, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid != 0;
}

static void look_after(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	if (!owes(warm))
		return;
	warm_listen(warm);
	if (warm->state != WARM_READY || !owes(warm))
		return;
	if (is_stopped(warm) || loop_now_ns(loop) - warm->asked_ns > SILENT_NS)
		give_up(warm, WARM_END_SILENT);
	else
		(void)loop_arm(loop, &warm->deadline, loop_now_ns(loop) + LOOK_NS);
}

static void deadline_passed(struct loop_timer *timer)
{
	struct warm *warm = container_of(timer, struct warm, deadline);

	switch (warm->state) {
	case WARM_STARTING:
		give_up(warm, warm->loaded ? WARM_END_TOO_LONG : WARM_END_NOT_LOADED);
		break;
	case WARM_READY:
		look_after(warm);
		break;
	case WARM_LEAVING:
		/* Somebody who is no copy keeps the socket open. */
		end(warm);
		break;
	}
	warm_settle(warm);
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
	warm_spares_order(warm);
	if (warm->context != NULL)
		warm->table->means.happened(warm->context, warm, WARM_BECAME_READY, NULL);
}

/* Returns false when it makes no sense. */
static bool take_report(struct warm *warm, const struct warm_report *report, pid_t sender)
{
	bool is_server = sender == warm->process.pid;

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
	case WARM_REPORT_STARTED:
		warm_answered(warm);
		return warm_client_started(warm, report, sender) == 0;
	case WARM_REPORT_COPY:
		warm_answered(warm);
		/* Who leaves has dropped its spares: they end by themselves. */
		return warm->state == WARM_LEAVING || warm_spare_came(warm, report, sender) == 0;
	case WARM_REPORT_FAILED:
		warm_answered(warm);
		return is_server && (warm_client_failed(warm, report) == 0 || warm->state == WARM_LEAVING ||
				     warm_spare_failed(warm, report) == 0);
	}
	return false;
}

enum received { RECEIVED_NOTHING, RECEIVED_REPORT, RECEIVED_END, RECEIVED_NONSENSE };

/* One report and its sender, as the kernel names it. */
static enum received receive(int socket, struct warm_report *ret_report, pid_t *ret_sender)
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

	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return RECEIVED_NOTHING;
	/* A far end that was closed with something unread. */
	if (length == 0 || (length < 0 && errno == ECONNRESET))
		return RECEIVED_END;
	/* Descriptors that came with it have no room, and are closed by the kernel. */
	if (length != sizeof(*ret_report) || (header.msg_flags & MSG_TRUNC) != 0 || first == NULL ||
	    first->cmsg_type != SCM_CREDENTIALS)
		return RECEIVED_NONSENSE;
	memcpy(&sender, CMSG_DATA(first), sizeof(sender));
	*ret_sender = sender.pid;
	return RECEIVED_REPORT;
}

/* The far end is closed everywhere: no copy will report any more. */
static void far_end_closed(struct warm *warm)
{
	loop_remove(warm->table->means.loop, &warm->socket);
	warm_clients_refuse(warm);
	if (warm->state == WARM_LEAVING)
		end(warm); /* else its pidfd tells the rest */
}

void warm_listen(struct warm *warm)
{
	struct warm_report report;
	pid_t sender = 0;

	for (int i = 0; i < REPORTS_MOST && !warm->over && warm->socket.fd >= 0; i++) {
		switch (receive(warm->socket.fd, &report, &sender)) {
		case RECEIVED_NOTHING:
			return;
		case RECEIVED_END:
			far_end_closed(warm);
			return;
		case RECEIVED_REPORT:
			if (take_report(warm, &report, sender))
				continue;
			break;
		case RECEIVED_NONSENSE:
			break;
		}
		if (warm->state == WARM_LEAVING)
			end(warm);
		else
			give_up(warm, WARM_END_NONSENSE);
		return;
	}
}

static void socket_ready(struct loop_source *source, uint32_t events)
{
	struct warm *warm = container_of(source, struct warm, socket);

	(void)events;
	warm_listen(warm);
	warm_settle(warm);
}

/* Something is at the far end of 0 and 1: bytes, or nobody any more. */
static void standard_ready(struct loop_source *source, uint32_t events)
{
	struct warm *warm = container_of(source, struct warm, standard);
	char byte;

	(void)events;
	/* It may have stopped before what it wrote came here. */
	warm_listen(warm);
	if (warm->state == WARM_STARTING && recv(source->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0)
		give_up(warm, WARM_END_WROTE);
	else
		loop_remove(warm->table->means.loop, source);
	warm_settle(warm);
}

/* What it was, by its status. Returns false when it has not ended. */
static bool collect(struct warm *warm, struct warm_outcome *ret_outcome)
{
	struct warm_outcome outcome = { .ended = true };
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PIDFD, (id_t)warm->exit.fd, &info, WEXITED | WNOHANG) != 0)
		outcome.ended = false; /* somebody else collected it */
	else if (info.si_pid == 0)
		return false;
	outcome.end = warm->state == WARM_READY ? WARM_END_DIED :
		      warm->loaded              ? WARM_END_EXITED :
						  WARM_END_NOT_LOADED;
	outcome.signalled = info.si_code != CLD_EXITED;
	outcome.status = info.si_status;
	warm->collected = true;
	*ret_outcome = outcome;
	return true;
}

static void exited(struct loop_source *source, uint32_t events)
{
	struct warm *warm = container_of(source, struct warm, exit);
	struct loop *loop = warm->table->means.loop;
	struct warm_outcome outcome;

	(void)events;
	warm_listen(warm); /* its last words */
	if (!warm->over && collect(warm, &outcome)) {
		loop_remove(loop, source);
		finish(warm, outcome);
	}
	/* Copies that it made may be about to report. */
	if (!warm->over && warm->collected)
		(void)loop_arm(loop, &warm->deadline, loop_now_ns(loop) + LAST_NS);
	warm_settle(warm);
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

static struct warm *make(struct warm_table *table, const struct conf_service *settings, void *context)
{
	struct warm *warm = calloc(1, sizeof(*warm));

	if (warm == NULL)
		return NULL;
	warm->table = table;
	warm->context = context;
	warm->settings = settings;
	warm->last = &warm->first;
	warm->exit = (struct loop_source){ .fd = -1, .ready = exited, .set = LOOP_WORK };
	warm->socket = (struct loop_source){ .fd = -1, .ready = socket_ready, .set = LOOP_WORK };
	warm->standard = (struct loop_source){ .fd = -1, .ready = standard_ready, .set = LOOP_WORK };
	warm->deadline.expired = deadline_passed;
	warm_spares_init(warm);
	warm->next = table->all;
	if (table->all != NULL)
		table->all->previous = warm;
	table->all = warm;
	return warm;
}

int warm_start(struct warm_table *table, const struct conf_service *settings, void *context,
	       struct warm **ret_warm, struct spawn_failure *ret_failure)
{
	struct warm *warm = make(table, settings, context);
	int r;

	if (warm == NULL) {
		*ret_failure = (struct spawn_failure){ .step = "memory", .error = ENOMEM, .before_child = true };
		return -ENOMEM;
	}
	r = start(warm, ret_failure);
	if (r < 0) {
		end(warm);
		warm_settle(warm);
		return r;
	}
	*ret_warm = warm;
	return 0;
}

/* The moment before another program takes over, or nobody does: the loop does not run any more. */
static void end_now(struct warm *warm, uint64_t until_ns)
{
	warm->context = NULL;
	leave(warm);
	while (!warm->over) {
		struct pollfd socket = { .fd = warm->socket.fd, .events = POLLIN };
		uint64_t now_ns = clock_now_ns();

		if (now_ns >= until_ns ||
		    poll(&socket, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) == 0)
			end(warm);
		else
			warm_listen(warm);
	}
	warm_settle(warm);
}

void warm_table_end(struct warm_table *table)
{
	uint64_t until_ns = clock_now_ns() + LAST_NS;

	while (table->all != NULL)
		end_now(table->all, until_ns);
}

void warm_adjust(struct warm *warm, const struct conf_service *settings)
{
	warm->settings = settings;
	warm_spares_order(warm);
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
