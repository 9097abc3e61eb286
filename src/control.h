/* control.h - the control socket: clients are let in by who they are (SO_PEERCRED and
 * SO_PEERGROUPS, unix(7)), ask in lines and are answered in JSON. Knows what a request
 * looks like and nothing of what it means.
 *
 * No client can hold up the daemon or make it grow: there are CONTROL_CLIENTS places, a
 * buffer of fixed size for what each asks, one for what it is told, and a deadline for
 * everything. Long replies are made piece by piece, as the client takes them. A client gets
 * one piece (CONTROL_PIECE) a loop round. */
#ifndef USHERD_CONTROL_H
#define USHERD_CONTROL_H

#include "control-request.h"
#include "listen.h"
#include "loop.h"

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

/* Whose directory is made when it is missing. */

#define CONTROL_CLIENTS      8
#define CONTROL_READERS      6 /* of them with CONTROL_READ only */
#define CONTROL_FOLLOWERS    4
#define CONTROL_PIECE        16384
#define CONTROL_TIMEOUT_NS   UINT64_C(2000000000)  /* for a request; for taking any part of a reply */
#define CONTROL_REPLY_NS     UINT64_C(30000000000) /* for taking the whole of it */
#define CONTROL_CURSOR_SIZE  128
#define CONTROL_CODE_USAGE   "usage"
#define CONTROL_CODE_DENIED  "denied"
#define CONTROL_CODE_UNKNOWN "unknown"
#define CONTROL_CODE_REFUSED "refused"
#define CONTROL_CODE_CONFIG  "config"
#define CONTROL_CODE_FAILED  "failed"
#define CONTROL_CODE_BUSY    "busy"

struct control;
struct control_client;

/* A request of a client that has the rights for it. Exactly one of control_answer(), control_refuse(),
 * control_refuse_with(), control_answer_long(), control_follow() or control_hold() is called before it
 * returns. */
typedef void control_asked(void *context, struct control_client *client,
			   const struct control_request *request);

/* How patient clients find us; tests are quicker. */
struct control_timeouts {
	uint64_t request_ns; /* for a request; for taking any part of a reply */
	uint64_t reply_ns;   /* for taking the whole of it; for taking any part of the events */
};

struct control_options {
	const char *path; /* absolute */
	gid_t group;      /* control_group; (gid_t)-1: none. It owns the socket, mode 0660; else 0600 */
	const struct control_timeouts *timeouts; /* NULL: CONTROL_TIMEOUT_NS and CONTROL_REPLY_NS */
	/* accept(2) fails, with an errno that lasts; again only when it has worked meanwhile. NULL: nobody is told. */
	void (*deaf)(void *context, int error);
};

/* Listens; `adopted` (may be NULL) is such a socket that is open already, and is taken, unless this fails. A
 * socket file that nobody answers on is replaced, and `*ret_found_stale` says so. Borrows the loop. Returns
 * 0, or -errno and a reason that says what to do. */
int control_open(const struct control_options *options, struct listen_socket *adopted, struct loop *loop,
		 control_asked *asked, void *context, struct control **ret_control, bool *ret_found_stale,
		 char reason[static LISTEN_REASON_MAX]);

/* Ends all clients, closes, and removes the socket's file where it is still ours. When a request
 * leads to this, the clients stay until its handler has returned, and the answer is sent as far as it
 * can be at once. NULL is nothing to close. */
void control_close(struct control *control);

/* The socket, for one who goes on with it: then control_close() leaves the file. */
const struct listen_socket *control_socket(const struct control *control);
void control_leave_file(struct control *control);

/* Another control_group (or (gid_t)-1: none) from now on, for the file and for who connects; who is connected
 * keeps his rights. Returns 0 or -errno and a reason. */
int control_regroup(struct control *control, gid_t group, char reason[static LISTEN_REASON_MAX]);

/* Whether the socket's file is still the one that was made for it. */
bool control_is_in_place(const struct control *control);

size_t control_client_count(const struct control *control);

/* ---- answers ---- */

/* `object` (taken; NULL: there was no memory) gets "ok": true in front. */
void control_answer(struct control_client *client, json_t *object);
void control_refuse(struct control_client *client, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with more in it: `object` (taken; may be NULL) is merged in. */
void control_refuse_with(struct control_client *client, const char *code, json_t *object, const char *format,
			 ...) __attribute__((format(printf, 4, 5)));

/* A reply with a long list at its end: "list": [...]. `more` is called again and again as the client takes
 * it: it calls control_item() until control_is_full(), remembers in `cursor` where it was, and returns
 * whether there is more. The cursor (CONTROL_CURSOR_SIZE bytes, aligned) begins as a copy of `begin`. */
typedef bool control_more(void *context, struct control_client *client, void *cursor);
void control_answer_long(struct control_client *client, json_t *head, const char *list, control_more *more,
			 const void *begin, size_t begin_size);
void control_item(struct control_client *client, json_t *item); /* taken */
bool control_is_full(const struct control_client *client);

/* The answer comes later: the client is known by this number, which no other gets, and asks nothing
 * meanwhile. control_client_find() gives NULL when it has gone. */
uint64_t control_hold(struct control_client *client);
struct control_client *control_client_find(struct control *control, uint64_t id);
int control_client_fd(const struct control_client *client);

/* Puts a connection that another process accepted back into service, as held: its answer is due.
 * Takes `fd`. NULL, and it is closed, when there is no place or no memory. */
struct control_client *control_adopt_client(struct control *control, int fd, enum control_right rights);

/* The client is told events from now on: `object` is the first line, as by control_answer(). `filter` (taken,
 * by free(3)) is what the teller compares with. When CONTROL_FOLLOWERS follow already the client
 * is told "busy" instead. */
void control_follow(struct control_client *client, json_t *object, void *filter);

/* Calls `tell` for each follower, and lets it be sent a line (without its line feed). What it has no room for
 * is counted and told later: {"event":"dropped","count":N}. */
bool control_has_followers(const struct control *control);
void control_each_follower(struct control *control,
			   void (*tell)(void *context, struct control_client *client, const void *filter),
			   void *context);
void control_tell(struct control_client *client, const char *line, size_t length);

enum control_right control_client_rights(const struct control_client *client);

#endif
