/* control-client.c - the life of a client of the control socket: a line is read, the handler asked,
 * the reply sent; and again. Nothing waits: what a client does not take or does not say is the
 * business of its deadline.
 *
 * The functions that handlers call (control-reply.c) never free a client; one that is
 * of no use any more is shut down, and the loop comes back for it. */
#include "control-internal.h"

#include "base.h"
#include "clock.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static void client_ready(struct loop_source *source, uint32_t events);
static void client_expired(struct loop_timer *timer);

struct control_client *control_client_new(struct control *control, int fd, enum control_right rights,
					  enum control_state state)
{
	struct control_client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		close(fd);
		return NULL;
	}
	client->control = control;
	client->source = (struct loop_source){ .fd = fd, .ready = client_ready, .set = LOOP_WORK };
	client->timer.expired = client_expired;
	client->rights = rights;
	client->state = state;
	client->id = ++control->last_id;
	client->deadline_ns = loop_now_ns(control->loop) + control->timeouts.request_ns;
	return client;
}

void control_client_free(struct control_client *client)
{
	struct control *control = client->control;

	loop_remove(control->loop, &client->source);
	loop_disarm(control->loop, &client->timer);
	close(client->source.fd);
	control_buffer_free(&client->out);
	free(client->filter);
	free(client);
}

static void end(struct control_client *client)
{
	control_forget(client->control, client);
	control_client_free(client);
}

void control_client_break(struct control_client *client)
{
	struct loop *loop = client->control->loop;

	client->broken = true;
	/* without memory for a timer the loop is told by the socket itself */
	if (loop_arm(loop, &client->timer, loop_now_ns(loop)) != 0)
		shutdown(client->source.fd, SHUT_RDWR);
}

/* ---- what is watched, and until when ---- */

static uint32_t wanted_events(const struct control_client *client)
{
	bool pending = !control_buffer_is_empty(&client->out), resting = client->control->pace.resting;

	switch (client->state) {
	case CONTROL_ASKING:
		return resting ? 0 : EPOLLIN;
	case CONTROL_HELD:
		return 0; /* the end is told in any case */
	case CONTROL_REPLYING:
		return pending || !resting ? EPOLLOUT : 0;
	case CONTROL_FOLLOWING:
		return (client->input_ended ? 0 : EPOLLIN) | (pending ? EPOLLOUT : 0);
	}
	BUG("a client in no state");
}

static int watch(struct control_client *client)
{
	struct loop *loop = client->control->loop;
	uint32_t events = wanted_events(client);

	if (client->source.on && client->watched == events)
		return 0;
	loop_remove(loop, &client->source);
	client->watched = events;
	return loop_add(loop, &client->source, events);
}

/* The timer fires at or before the deadline: moving it on costs nothing. */
static int guard(struct control_client *client)
{
	struct loop *loop = client->control->loop;
	bool bounded = client->state == CONTROL_ASKING || client->state == CONTROL_REPLYING ||
		       (client->state == CONTROL_FOLLOWING && !control_buffer_is_empty(&client->out));

	if (!bounded) {
		loop_disarm(loop, &client->timer);
		return 0;
	}
	if (client->timer.place != 0 && client->timer.at_ns <= client->deadline_ns)
		return 0;
	return loop_arm(loop, &client->timer, client->deadline_ns);
}

void control_client_extend(struct control_client *client)
{
	const struct control_timeouts *timeouts = &client->control->timeouts;
	uint64_t now_ns = loop_now_ns(client->control->loop);

	if (client->state == CONTROL_FOLLOWING) {
		client->deadline_ns = now_ns + timeouts->reply_ns;
		return;
	}
	client->deadline_ns = now_ns + timeouts->request_ns;
	if (client->state == CONTROL_REPLYING && client->deadline_ns > client->reply_until_ns)
		client->deadline_ns = client->reply_until_ns;
}

/* The whole reply was taken: the next request, or nothing more. */
static void finish_reply(struct control_client *client)
{
	control_buffer_free(&client->out);
	if (client->last) {
		control_client_break(client);
		return;
	}
	client->state = CONTROL_ASKING;
	client->line_length = 0;
	control_client_extend(client);
}

void control_client_settle(struct control_client *client)
{
	if (client->state == CONTROL_REPLYING && control_buffer_is_empty(&client->out) &&
	    client->more == NULL)
		finish_reply(client);
	if (client->broken)
		return;
	if (watch(client) != 0 || guard(client) != 0)
		control_client_break(client);
}

/* ---- out ---- */

static void send_some(struct control_client *client)
{
	struct control_buffer *out = &client->out;
	size_t length = out->length - out->sent;
	ssize_t n;

	if (length == 0 || client->broken)
		return;
	n = send(client->source.fd, out->bytes + out->sent,
		 length < CONTROL_SEND_MAX ? length : CONTROL_SEND_MAX, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		control_client_break(client);
	if (n <= 0)
		return;
	out->sent += (size_t)n;
	if (out->sent == out->length)
		out->sent = out->length = 0;
	control_client_extend(client);
}

void control_client_push(struct control_client *client)
{
	control_client_extend(client);
	send_some(client);
	control_client_settle(client);
}

/* ---- in ---- */

/* Hands a request to the one who answers. Returns false when that one has closed the control. */
static bool ask(struct control_client *client)
{
	struct control *control = client->control;
	char reason[CONTROL_REASON_MAX];
	struct control_request request;
	const struct control_verb *verb;
	int error = control_request_parse(client->line, client->line_length, &request, reason);

	client->line_length = 0;
	if (error != 0) {
		control_refuse(client, error == -EINVAL ? CONTROL_CODE_USAGE : CONTROL_CODE_FAILED, "%s",
			       reason);
		return true;
	}
	verb = &control_verbs[request.verb];
	if (client->rights < verb->rights) {
		control_refuse(client, CONTROL_CODE_DENIED,
			       "only root and the user of usherd may %s; members of control_group may look",
			       verb->word);
		return true;
	}
	control->asking = true;
	control->asked(control->context, client, &request);
	control->asking = false;
	return !control_finish(control);
}

/* Takes from the socket what belongs to this line and not a byte more: what follows waits there for its
 * turn. Returns 1 when the line is whole, 0 when not yet, -ENOTCONN at the end, or another -errno. */
static int take_line(struct control_client *client)
{
	char *at = client->line + client->line_length, *line_feed;
	size_t room = sizeof(client->line) - client->line_length;
	ssize_t n = recv(client->source.fd, at, room, MSG_PEEK | MSG_DONTWAIT);

	if (n == 0)
		return -ENOTCONN;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	line_feed = memchr(at, '\n', (size_t)n);
	n = recv(client->source.fd, at, line_feed != NULL ? (size_t)(line_feed - at) + 1 : (size_t)n,
		 MSG_DONTWAIT);
	if (n <= 0)
		return n == 0 ? -ENOTCONN : -errno;
	client->line_length += (size_t)n - (line_feed != NULL);
	return line_feed != NULL;
}

/* Returns false when the control has gone. */
static bool read_request(struct control_client *client)
{
	struct control *control = client->control;
	uint64_t began_ns = clock_now_ns();
	int whole = take_line(client);

	if (whole > 0 && !ask(client))
		return false;
	control_worked(control, began_ns);
	if (whole > 0)
		return true;
	if (whole == -ENOTCONN && client->line_length > 0) {
		client->last = true;
		control_refuse(client, CONTROL_CODE_USAGE, "the request has no line feed at its end");
	} else if (whole < 0) {
		control_client_break(client);
	} else if (client->line_length == sizeof(client->line)) {
		client->last = true;
		control_refuse(client, CONTROL_CODE_USAGE,
			       "the request is too long; a line has at most %d bytes", CONTROL_LINE_MAX);
	}
	return true;
}

static void discard(struct control_client *client)
{
	char bytes[CONTROL_LINE_MAX];
	ssize_t n = recv(client->source.fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n == 0)
		client->input_ended = true;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		control_client_break(client);
}

static void make_more(struct control_client *client)
{
	uint64_t began_ns = clock_now_ns();

	control_reply_more(client);
	send_some(client);
	control_worked(client->control, began_ns);
}

static void client_ready(struct loop_source *source, uint32_t events)
{
	struct control_client *client = container_of(source, struct control_client, source);

	/* one that asks may have said something before it went */
	if (client->broken || (client->state != CONTROL_ASKING && (events & (EPOLLHUP | EPOLLERR)) != 0)) {
		end(client);
		return;
	}
	client->control->pace.own++;
	/* The end of one who asks is seen by reading. */
	if (!control_may_work(client->control) && client->state == CONTROL_ASKING &&
	    (events & (EPOLLHUP | EPOLLERR)) == 0) {
		control_client_settle(client);
		return;
	}
	if (client->state == CONTROL_ASKING && !read_request(client))
		return;
	if (client->state == CONTROL_FOLLOWING && (events & EPOLLIN) != 0)
		discard(client);
	if ((events & EPOLLOUT) != 0) {
		send_some(client);
		if (client->more != NULL && control_buffer_is_empty(&client->out) &&
		    control_may_work(client->control))
			make_more(client);
		control_tell_dropped(client);
	}
	control_client_settle(client);
	if (client->broken)
		end(client);
}

static void client_expired(struct loop_timer *timer)
{
	struct control_client *client = container_of(timer, struct control_client, timer);

	if (client->broken || loop_now_ns(client->control->loop) >= client->deadline_ns)
		end(client);
	else
		control_client_settle(client);
}
