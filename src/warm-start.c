/* warm-start.c - a fork server is started: like any program of its service, with the library preloaded, and with sockets
 * where a client would be.
 *
 * Its descriptors 0 and 1 are one end of a pair: a program that uses them past the library is found out. */
#include "warm-internal.h"

#include "base.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define LOADED_NS      (10 * NS_PER_S) /* from exec to the library's first word */
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
	snprintf(environment->session, sizeof(environment->session), WARM_SESSION_VARIABLE "=%0*d",
		 WARM_SESSION_ROOM, 0);
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
	if (tap < 0)
		close(child->stderr_pipe);
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
	warm_life_init(warm);
	warm_reports_init(warm);
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
		warm_end(warm);
		warm_settle(warm);
		return r;
	}
	*ret_warm = warm;
	return 0;
}
