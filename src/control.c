/* control.c - the control socket: opened, its clients let in and seated, and closed. It is watched with
 * the work of the daemon and not with its listeners, so that it is answered when no client of a
 * service is. One client is let in a loop round. */
#include "control-internal.h"

#include "base.h"
#include "control-auth.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define BACKLOG  64
#define RETRY_NS (100 * NS_PER_MS) /* when the system has no descriptor or no memory */

static const struct control_timeouts usual_timeouts = {
	.request_ns = CONTROL_TIMEOUT_NS,
	.reply_ns = CONTROL_REPLY_NS,
};

/* ---- places ---- */

/* The listener waits in the kernel while there is no place. */
static void settle_listener(struct control *control)
{
	if (control->closing || control->count == CONTROL_CLIENTS || control->retry.place != 0)
		loop_remove(control->loop, &control->listener);
	else if (loop_add(control->loop, &control->listener, EPOLLIN) != 0)
		loop_arm(control->loop, &control->retry, loop_now_ns(control->loop) + RETRY_NS);
}

static struct control_client *seat(struct control *control, int fd, enum control_right rights,
				   enum control_state state)
{
	struct control_client *client = control_client_new(control, fd, rights, state);

	if (client == NULL)
		return NULL;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		if (control->clients[i] != NULL)
			continue;
		control->clients[i] = client;
		control->count++;
		control->readers += rights == CONTROL_READ;
		control_client_settle(client);
		settle_listener(control);
		return client;
	}
	BUG("a client for whom there is no place");
}

void control_forget(struct control *control, struct control_client *client)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i] == client)
			control->clients[i] = NULL;
	control->count--;
	control->readers -= client->rights == CONTROL_READ;
	control->followers -= client->state == CONTROL_FOLLOWING;
	settle_listener(control);
}

static void admit(struct control *control, int fd)
{
	enum control_right rights = control_auth(fd, control->group);

	if (rights == CONTROL_NOTHING)
		control_refuse_fd(fd, CONTROL_CODE_DENIED,
				  "only root, the user of usherd and members of control_group may ask");
	else if (rights == CONTROL_READ && control->readers == CONTROL_READERS)
		control_refuse_fd(fd, CONTROL_CODE_BUSY,
				  "too many clients ask already; try again in a moment");
	else
		seat(control, fd_take(&fd), rights, CONTROL_ASKING);
	cleanup_fd(&fd);
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
	struct control *control = container_of(source, struct control, listener);
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	control->pace.own++;
	if (fd >= 0) {
		control->is_deaf = false;
		admit(control, fd);
	} else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		if (!control->is_deaf && control->deaf != NULL)
			control->deaf(control->context, errno);
		control->is_deaf = true;
		loop_arm(control->loop, &control->retry, loop_now_ns(control->loop) + RETRY_NS);
		settle_listener(control);
	}
}

static void retry_due(struct loop_timer *timer)
{
	settle_listener(container_of(timer, struct control, retry));
}

/* ---- open ---- */

static int take_endpoint(void *context, const struct endpoint *endpoint)
{
	*(struct endpoint *)context = *endpoint;
	return 0;
}

static int parse_path(const char *path, struct endpoint *ret_endpoint, char reason[static LISTEN_REASON_MAX])
{
	_cleanup_free_ char *text = NULL;

	if (asprintf(&text, "unix:%s", path) < 0) {
		text = NULL;
		snprintf(reason, LISTEN_REASON_MAX, "there is no memory");
		return -ENOMEM;
	}
	if (*path != '/') {
		snprintf(reason, LISTEN_REASON_MAX, "the path is not absolute; write it from the root");
		return -EINVAL;
	}
	return endpoint_parse(text, take_endpoint, ret_endpoint, reason, LISTEN_REASON_MAX);
}

/* The directory of the default path is ours to make: nobody else has a use for it. */
static void make_directory(const char *path)
{
	static const char directory[] = CONTROL_DEFAULT_DIRECTORY;

	if (strcmp(path, CONTROL_DEFAULT_PATH) == 0 && mkdir(directory, 0755) == 0)
		(void)!chmod(directory, 0755); /* whatever the umask is */
}

/* Only who may ask can connect. */
static struct socket_options file_of_group(gid_t group)
{
	return (struct socket_options){
		.backlog = BACKLOG,
		.socket_uid = (uid_t)-1,
		.socket_gid = group,
		.socket_mode = group != (gid_t)-1 ? 0660 : 0600,
	};
}

static int open_socket(struct control *control, const struct control_options *options,
		       struct listen_socket *adopted, bool *ret_found_stale,
		       char reason[static LISTEN_REASON_MAX])
{
	const struct socket_options wanted = file_of_group(options->group);
	struct stat before;
	bool existed;
	int error;

	if (adopted != NULL) {
		error = listen_adjust(adopted, &control->endpoint, &wanted, false, reason);
		if (error == 0)
			control->socket = *adopted;
		return error;
	}
	make_directory(options->path);
	/* had anybody answered, it would not have been replaced */
	existed = lstat(options->path, &before) == 0;
	error = listen_open(&control->endpoint, &wanted, false, &control->socket, reason);
	if (error == 0)
		*ret_found_stale = existed;
	return error;
}

int control_open(const struct control_options *options, struct listen_socket *adopted, struct loop *loop,
		 control_asked *asked, void *context, struct control **ret_control, bool *ret_found_stale,
		 char reason[static LISTEN_REASON_MAX])
{
	_cleanup_free_ struct control *control = calloc(1, sizeof(*control));
	bool found_stale = false;
	int error;

	if (control == NULL) {
		snprintf(reason, LISTEN_REASON_MAX, "there is no memory");
		return -ENOMEM;
	}
	*control = (struct control){
		.socket.fd = -1,
		.group = options->group,
		.timeouts = options->timeouts != NULL ? *options->timeouts : usual_timeouts,
		.loop = loop,
		.asked = asked,
		.context = context,
		.deaf = options->deaf,
		.retry.expired = retry_due,
	};
	control_pace_begin(control);
	error = parse_path(options->path, &control->endpoint, reason);
	if (error == 0)
		error = open_socket(control, options, adopted, &found_stale, reason);
	if (error != 0)
		return error;
	control->listener = (struct loop_source){
		.fd = control->socket.fd,
		.ready = listener_ready,
		.set = LOOP_WORK,
	};
	settle_listener(control);
	if (adopted != NULL)
		adopted->fd = -1;
	*ret_found_stale = found_stale;
	*ret_control = control;
	control = NULL;
	return 0;
}

int control_regroup(struct control *control, gid_t group, char reason[static LISTEN_REASON_MAX])
{
	const struct socket_options wanted = file_of_group(group);
	int error = listen_adjust(&control->socket, &control->endpoint, &wanted, false, reason);

	if (error == 0)
		control->group = group;
	return error;
}

/* ---- close ---- */

bool control_finish(struct control *control)
{
	if (!control->closing)
		return false;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i] != NULL)
			control_client_free(control->clients[i]);
	loop_disarm(control->loop, &control->retry);
	control_pace_end(control);
	free(control);
	return true;
}

void control_close(struct control *control)
{
	if (control == NULL || control->closing)
		return;
	control->closing = true;
	settle_listener(control);
	listen_close(&control->socket, &control->endpoint);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i] != NULL)
			control_client_push(control->clients[i]);
	if (!control->asking)
		control_finish(control);
}

bool control_is_in_place(const struct control *control)
{
	return listen_is_in_place(&control->socket, &control->endpoint);
}

const struct listen_socket *control_socket(const struct control *control)
{
	return &control->socket;
}

void control_leave_file(struct control *control)
{
	control->socket.inode = 0;
	control->socket.device = 0;
}

/* ---- clients ---- */

size_t control_client_count(const struct control *control)
{
	return control->count;
}

struct control_client *control_client_find(struct control *control, uint64_t id)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (control->clients[i] != NULL && control->clients[i]->id == id &&
		    !control->clients[i]->broken)
			return control->clients[i];
	return NULL;
}

int control_client_fd(const struct control_client *client)
{
	return client->source.fd;
}

enum control_right control_client_rights(const struct control_client *client)
{
	return client->rights;
}

struct control_client *control_adopt_client(struct control *control, int fd, enum control_right rights)
{
	int flags = fcntl(fd, F_GETFD);

	if (control->count == CONTROL_CLIENTS || flags < 0 || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0) {
		close(fd);
		return NULL;
	}
	return seat(control, fd, rights, CONTROL_HELD);
}

bool control_has_followers(const struct control *control)
{
	return control->followers > 0;
}

void control_each_follower(struct control *control,
			   void (*tell)(void *context, struct control_client *client, const void *filter),
			   void *context)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *client = control->clients[i];

		if (client != NULL && client->state == CONTROL_FOLLOWING && !client->broken)
			tell(context, client, client->filter);
	}
}
