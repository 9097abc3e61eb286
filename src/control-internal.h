/* control-internal.h - what the files of the control socket share; nobody else includes it.
 *
 * control.c has the listener and the places, control-client.c the life of a client,
 * control-reply.c what it is told, control-pace.c how much of the loop all of it may take. */
#ifndef USHERD_CONTROL_INTERNAL_H
#define USHERD_CONTROL_INTERNAL_H

#include "control.h"

#include <stddef.h>

#define CONTROL_FOLLOWER_BUFFER 65536
#define CONTROL_SEND_MAX        65536 /* bytes a client is sent in a loop round */

/* What a client is still to be sent: bytes[sent] to bytes[length - 1]. */
struct control_buffer {
	char *bytes;
	size_t room, length, sent;
};

enum control_state {
	CONTROL_ASKING,    /* a line is read */
	CONTROL_HELD,      /* the answer will come; nothing is read */
	CONTROL_REPLYING,  /* the answer is taken; nothing is read */
	CONTROL_FOLLOWING, /* told events; what it says is thrown away */
};

struct control_client {
	struct control *control;
	struct loop_source source;
	uint32_t watched; /* the events of `source` */
	struct loop_timer timer;
	uint64_t deadline_ns;    /* when the timer means it */
	uint64_t reply_until_ns; /* for the whole of the reply */
	uint64_t id;
	enum control_right rights;
	enum control_state state;
	bool last;        /* the reply is the last one */
	bool broken;      /* of no use any more: to be ended as soon as nobody holds it */
	bool input_ended; /* of a follower */

	char line[CONTROL_LINE_MAX];
	size_t line_length;

	struct control_buffer out;
	control_more *more; /* of a long reply, while there is more; else NULL */
	bool list_begun;    /* a comma goes in front of the next item */
	_Alignas(max_align_t) unsigned char cursor[CONTROL_CURSOR_SIZE];

	void *filter; /* of a follower */
	uint64_t dropped;
};

/* See control-pace.c. */
struct control_pace {
	struct loop_timer timer; /* the end of a rest */
	bool resting;
	bool busy;         /* others had events before that round */
	uint64_t round;    /* in which the last piece of work was done; counted from 1 */
	uint64_t debt_ns;  /* rest that is due */
	uint64_t events;   /* of the loop, when last looked at */
	uint64_t own;      /* of them since then: ours */
};

struct control {
	struct endpoint endpoint;
	struct listen_socket socket;
	gid_t group;
	struct control_timeouts timeouts;
	struct control_pace pace;
	struct loop *loop;
	struct loop_source listener;
	struct loop_timer retry;
	control_asked *asked;
	void (*deaf)(void *context, int error);
	bool is_deaf; /* and somebody was told */
	void *context;
	struct control_client *clients[CONTROL_CLIENTS]; /* NULL: a free place */
	size_t count, readers, followers;
	uint64_t last_id;
	bool asking;  /* a handler runs: nothing may be freed under it */
	bool closing; /* as soon as it returns */
};

/* ---- control.c ---- */

/* The client has ended: its place is free. */
void control_forget(struct control *control, struct control_client *client);

/* After a handler: frees what was closed meanwhile. Returns whether the control has gone. */
bool control_finish(struct control *control);

/* ---- control-pace.c ---- */

void control_pace_begin(struct control *control);
void control_pace_end(struct control *control);

/* Whether a request may be answered, or a piece of a long reply made, now. If not, the loop will ask again:
 * in its next round, or when the rest is over. */
bool control_may_work(const struct control *control);

/* That was done, since then. */
void control_worked(struct control *control, uint64_t began_ns);

/* ---- control-client.c ---- */

/* Takes `fd`. NULL, and it is closed, when there is no memory. */
struct control_client *control_client_new(struct control *control, int fd, enum control_right rights,
					  enum control_state state);
void control_client_free(struct control_client *client);

/* Brings what is watched, and until when, in line with the client's state; to be called after
 * each change. Frees nothing. */
void control_client_settle(struct control_client *client);

/* Sends what the client takes now, and settles. Frees nothing. */
void control_client_push(struct control_client *client);

/* Something was taken, or begins to wait for that: the deadline moves on. */
void control_client_extend(struct control_client *client);

/* Gives up on the client: the loop will end it. */
void control_client_break(struct control_client *client);

/* ---- control-reply.c ---- */

/* The next piece of a long reply, once what was there has been sent. */
void control_reply_more(struct control_client *client);

/* Tells a follower how much it missed, if there is room for that. */
void control_tell_dropped(struct control_client *client);

/* A refusal for one who gets no place: sent at once or not at all. */
void control_refuse_fd(int fd, const char *code, const char *text);

static inline bool control_buffer_is_empty(const struct control_buffer *buffer)
{
	return buffer->sent == buffer->length;
}
void control_buffer_free(struct control_buffer *buffer);

#endif
