/* ctl-client.h - the other end of the control socket: for usherctl and for the status
 * service. Blocking, with a deadline for everything. What the daemon says is not trusted: its
 * length is bounded, and what is no JSON object is an error. */
#ifndef USHERD_CTL_CLIENT_H
#define USHERD_CTL_CLIENT_H

#include <jansson.h>
#include <stddef.h>

#define CTL_REASON_MAX 512

struct ctl_client;

/* Where the daemon's control socket is: `path` if not NULL, else USHERD_CONTROL of the environment, else the
 * default of the user who asks (as services.ini(5) says of `control`; who is not root, and has no socket of
 * his own, is meant to ask the system's). Never NULL; borrowed, until the next call. */
const char *ctl_default_path(const char *path);

/* Connects. Returns 0, or -errno and a sentence that says what to do (nobody there, no right to). */
int ctl_connect(const char *path, unsigned timeout_ms, struct ctl_client **ret_client,
		char reason[static CTL_REASON_MAX]);
void ctl_close(struct ctl_client *client);

/* While this descriptor can be read, waiting ends with -EINTR. Borrowed; -1: none. */
void ctl_set_interrupt(struct ctl_client *client, int fd);

/* Sends words as a request line, quoted as needed. Returns 0 or -errno and a reason. */
int ctl_send(struct ctl_client *client, const char *const *words, size_t count,
	     char reason[static CTL_REASON_MAX]);

/* Receives one reply (or event), an object of any length up to 256 MiB. `timeout_ms` 0: waits for ever.
 * Returns 0; -ENOTCONN when the daemon has closed; or another -errno; and a reason. */
int ctl_receive(struct ctl_client *client, unsigned timeout_ms, json_t **ret_reply,
		char reason[static CTL_REASON_MAX]);

/* The same as it came: `ret_length` bytes without the line feed, and a NUL behind. Borrowed, until the client
 * is used again. */
int ctl_receive_line(struct ctl_client *client, unsigned timeout_ms, char **ret_line, size_t *ret_length,
		     char reason[static CTL_REASON_MAX]);

/* All of it at once: connect, ask, receive, close. A reply that says "busy" is asked for again for up to
 * `timeout_ms`, and then it is the reply. */
int ctl_ask(const char *path, const char *const *words, size_t count, unsigned timeout_ms, json_t **ret_reply,
	    char reason[static CTL_REASON_MAX]);

/* ctl_ask(), and the reply as it came, too: malloc'ed, with a NUL behind. `ret_text` may be NULL. */
int ctl_ask_text(const char *path, const char *const *words, size_t count, unsigned timeout_ms,
		 json_t **ret_reply, char **ret_text, size_t *ret_length, char reason[static CTL_REASON_MAX]);

/* Whether a reply is a success; and its "code" when it is none, never NULL. */
int ctl_is_ok(const json_t *reply);
const char *ctl_code(const json_t *reply);

#endif
