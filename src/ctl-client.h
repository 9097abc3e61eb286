/* ctl-client.h - the other end of the control socket: for usherctl and for the status
 * service. Blocking, with a deadline for everything. */
#ifndef USHERD_CTL_CLIENT_H
#define USHERD_CTL_CLIENT_H

#include <jansson.h>
#include <stddef.h>

#define CTL_REASON_MAX 512

struct ctl_client;

/* Where the daemon's control socket is: `path` if not NULL, else USHERD_CONTROL of the environment, else the
 * default of the user who asks (as services.ini(5) says of `control`). Never NULL; borrowed. */
const char *ctl_default_path(const char *path);

/* Connects. Returns 0, or -errno and a sentence that says what to do (nobody there, no right to). */
int ctl_connect(const char *path, unsigned timeout_ms, struct ctl_client **ret_client,
		char reason[static CTL_REASON_MAX]);
void ctl_close(struct ctl_client *client);

/* Sends words as a request line, quoted as needed. Returns 0 or -errno and a reason. */
int ctl_send(struct ctl_client *client, const char *const *words, size_t count, char reason[static CTL_REASON_MAX]);

/* Receives one reply (or event), an object of any length up to 256 MiB. `timeout_ms` 0: waits for ever.
 * Returns 0; -ENOTCONN when the daemon has closed; or another -errno; and a reason. */
int ctl_receive(struct ctl_client *client, unsigned timeout_ms, json_t **ret_reply,
		char reason[static CTL_REASON_MAX]);

/* All of it at once: connect, ask, receive, close. A reply that says "busy" is asked for again for up to `timeout_ms`. */
int ctl_ask(const char *path, const char *const *words, size_t count, unsigned timeout_ms, json_t **ret_reply,
	    char reason[static CTL_REASON_MAX]);

#endif
