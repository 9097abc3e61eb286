/* control-reply.c - what clients of the control socket are told: answers, refusals, long lists
 * piece by piece, and events. */
#include "control-internal.h"

#include "base.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#define REASON_MAX  1024
#define DROPPED_MAX 64 /* the line that tells of dropped events */

/* When there is no memory for anything better. */
static const char no_memory[] =
	"{\"ok\":false,\"code\":\"failed\",\"error\":\"usherd has no memory for the reply\"}\n";

/* ---- the buffer ---- */

void control_buffer_free(struct control_buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct control_buffer){ 0 };
}

/* Makes room for so many bytes more: in a step, so that many small ones cost little. */
static int reserve(struct control_buffer *buffer, size_t more)
{
	size_t room = buffer->room > 0 ? buffer->room : 1024;
	char *larger;

	while (room - buffer->length < more)
		room *= 2;
	if (room == buffer->room)
		return 0;
	larger = realloc(buffer->bytes, room);
	if (larger == NULL)
		return -ENOMEM;
	buffer->bytes = larger;
	buffer->room = room;
	return 0;
}

static int append(struct control_buffer *buffer, const char *bytes, size_t length)
{
	if (reserve(buffer, length) < 0)
		return -1;
	memcpy(buffer->bytes + buffer->length, bytes, length);
	buffer->length += length;
	return 0;
}

static int append_text(struct control_buffer *buffer, const char *text)
{
	return append(buffer, text, strlen(text));
}

/* Jansson goes on after a key that could not be written (up to 2.14 at least): what is missing once stays missing. */
struct dump {
	struct control_buffer *buffer;
	int error;
};

static int append_dumped(const char *bytes, size_t length, void *dump_pointer)
{
	struct dump *dump = dump_pointer;

	if (dump->error == 0)
		dump->error = append(dump->buffer, bytes, length);
	return dump->error;
}

static int append_json(struct control_buffer *buffer, const json_t *object)
{
	struct dump dump = { buffer, 0 };

	if (object == NULL || json_dump_callback(object, append_dumped, &dump, JSON_COMPACT) != 0)
		return -1;
	return dump.error;
}

/* ---- whole replies ---- */

/* What is in `head` and then what is in `object`: both are taken. NULL: no memory. */
static json_t *complete(json_t *head, json_t *object)
{
	if (head != NULL && object != NULL && json_object_update(head, object) != 0) {
		json_decref(head);
		head = NULL;
	}
	json_decref(object);
	return head;
}

static json_t *as_success(json_t *object)
{
	return object != NULL ? complete(json_pack("{s:b}", "ok", 1), object) : NULL;
}

static void begin_reply(struct control_client *client, enum control_state state)
{
	client->state = state;
	client->out.length = client->out.sent = 0;
	client->reply_until_ns = loop_now_ns(client->control->loop) + client->control->timeouts.reply_ns;
}

/* Puts the text of `object` (taken) or, without memory for it, of that; `end` instead of its last byte. */
static void put_reply(struct control_client *client, json_t *object, const char *end)
{
	struct control_buffer *out = &client->out;
	int error = append_json(out, object);

	json_decref(object);
	if (error == 0) {
		out->length--;
		error = append_text(out, end);
	}
	if (error == 0)
		return;
	client->more = NULL;
	out->length = 0;
	if (append_text(out, no_memory) != 0)
		control_client_break(client);
}

void control_answer(struct control_client *client, json_t *object)
{
	begin_reply(client, CONTROL_REPLYING);
	put_reply(client, as_success(object), "}\n");
	control_client_push(client);
}

/* JSON is UTF-8; what is none (a path, cut text) is made so. */
static json_t *make_text(char *text)
{
	json_t *string = json_string(text);

	if (string != NULL)
		return string;
	for (char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	return json_string(text);
}

_printf_(4, 0) static void refuse(struct control_client *client, const char *code, json_t *object,
				  const char *format, va_list arguments)
{
	char text[REASON_MAX];

	vsnprintf(text, sizeof(text), format, arguments);
	begin_reply(client, CONTROL_REPLYING);
	object =
		complete(json_pack("{s:b,s:s,s:o}", "ok", 0, "code", code, "error", make_text(text)), object);
	put_reply(client, object, "}\n");
	control_client_push(client);
}

void control_refuse(struct control_client *client, const char *code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	refuse(client, code, NULL, format, arguments);
	va_end(arguments);
}

void control_refuse_with(struct control_client *client, const char *code, json_t *object, const char *format,
			 ...)
{
	va_list arguments;

	va_start(arguments, format);
	refuse(client, code, object, format, arguments);
	va_end(arguments);
}

void control_refuse_fd(int fd, const char *code, const char *text)
{
	char line[256];
	int length =
		snprintf(line, sizeof(line), "{\"ok\":false,\"code\":\"%s\",\"error\":\"%s\"}\n", code, text);

	(void)!send(fd, line, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- long replies ---- */

void control_answer_long(struct control_client *client, json_t *head, const char *list, control_more *more,
			 const void *begin, size_t begin_size)
{
	char start[64];

	if (begin_size > sizeof(client->cursor))
		BUG("a cursor that is too large");
	memset(client->cursor, 0, sizeof(client->cursor));
	if (begin_size > 0)
		memcpy(client->cursor, begin, begin_size);
	client->more = more;
	client->list_begun = false;
	begin_reply(client, CONTROL_REPLYING);
	snprintf(start, sizeof(start), ",\"%s\":[", list);
	put_reply(client, as_success(head), start);
	if (client->more != NULL)
		control_reply_more(client);
	control_client_push(client);
}

void control_reply_more(struct control_client *client)
{
	if (client->more(client->control->context, client, client->cursor))
		return;
	client->more = NULL;
	if (append_text(&client->out, "]}\n") != 0)
		control_client_break(client);
}

/* One that cannot be made leaves the reply without an end, by which the client knows. */
void control_item(struct control_client *client, json_t *item)
{
	if ((client->list_begun && append_text(&client->out, ",") != 0) ||
	    append_json(&client->out, item) != 0)
		control_client_break(client);
	client->list_begun = true;
	json_decref(item);
}

bool control_is_full(const struct control_client *client)
{
	return client->broken || client->out.length >= CONTROL_PIECE;
}

/* ---- later ---- */

uint64_t control_hold(struct control_client *client)
{
	client->state = CONTROL_HELD;
	control_client_settle(client);
	return client->id;
}

/* ---- followers ---- */

/* The last place is for those who may do everything. */
static bool has_follower_place(const struct control_client *client)
{
	const struct control *control = client->control;
	size_t readers = 0;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		readers += control->clients[i] != NULL && control->clients[i]->state == CONTROL_FOLLOWING &&
			   control->clients[i]->rights == CONTROL_READ;
	return control->followers < CONTROL_FOLLOWERS &&
	       (client->rights != CONTROL_READ || readers < CONTROL_FOLLOWERS - 1);
}

void control_follow(struct control_client *client, json_t *object, void *filter)
{
	struct control *control = client->control;

	if (!has_follower_place(client) || reserve(&client->out, CONTROL_FOLLOWER_BUFFER) != 0) {
		free(filter);
		json_decref(object);
		control_refuse(
			client, CONTROL_CODE_BUSY,
			"too many follow the events already (%zu of %d), or there is no memory for one more",
			control->followers, CONTROL_FOLLOWERS);
		return;
	}
	control->followers++;
	client->filter = filter;
	begin_reply(client, CONTROL_FOLLOWING);
	put_reply(client, as_success(object), "}\n");
	control_client_push(client);
}

/* Puts whole lines only, and never grows the buffer. */
static bool put_event(struct control_client *client, const char *line, size_t length)
{
	struct control_buffer *out = &client->out;

	if (out->sent > 0 && out->room - out->length < length + 1) {
		memmove(out->bytes, out->bytes + out->sent, out->length - out->sent);
		out->length -= out->sent;
		out->sent = 0;
	}
	if (out->room - out->length < length + 1)
		return false;
	memcpy(out->bytes + out->length, line, length);
	out->bytes[out->length + length] = '\n';
	out->length += length + 1;
	return true;
}

void control_tell_dropped(struct control_client *client)
{
	char line[DROPPED_MAX];
	int length;

	if (client->dropped == 0)
		return;
	length = snprintf(line, sizeof(line), "{\"event\":\"dropped\",\"count\":%llu}",
			  (unsigned long long)client->dropped);
	if (put_event(client, line, (size_t)length))
		client->dropped = 0;
}

void control_tell(struct control_client *client, const char *line, size_t length)
{
	if (client->broken || client->state != CONTROL_FOLLOWING)
		return;
	if (control_buffer_is_empty(&client->out))
		control_client_extend(client);
	control_tell_dropped(client);
	if (client->dropped > 0 || !put_event(client, line, length))
		client->dropped++;
	control_client_settle(client);
}
