/* log-sink.h - where finished lines go: standard error, a file, or the syslog
 * socket. Writes without ever waiting and without keeping anything: what it
 * does not take stays with the caller. */
#ifndef USHERD_LOG_SINK_H
#define USHERD_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "log.h"

/* How a descriptor is written to without waiting. */
enum sink_way {
	SINK_WAY_WRITE,  /* has no reader to wait for (files), or is O_NONBLOCK and ours alone */
	SINK_WAY_POLL,   /* may wait, and O_NONBLOCK is not ours to set: ask before each small piece */
	SINK_WAY_SEND,   /* a connected byte stream */
	SINK_WAY_RECORD, /* a socket that takes one line a message */
};

struct sink {
	enum log_sink kind;
	enum sink_way way;
	int fd;              /* -1: the syslog socket is not connected */
	bool owned;          /* fd is closed with the sink */
	bool journal;        /* standard error leads to journald */
	size_t piece;        /* SINK_WAY_POLL: the most that one ready answer allows */
	char *path;          /* owned; of the file or the socket */
	uint64_t retry_ns;   /* no new attempt to connect before */
};

/* A sink that sink_close() accepts. */
#define SINK_NONE ((struct sink){.fd = -1})

/* Opens what the options name. A syslog socket that nobody listens on is no
 * error: it is tried again. A file must be a regular one: -EINVAL. Symbolic links: -ELOOP.
 * Returns 0 or -errno. */
int sink_open(const struct log_options *options, struct sink *ret_sink);
void sink_close(struct sink *sink);

/* Writes from whole lines that begin at `bytes` (the first may be the rest of a
 * line). Returns how many bytes were taken (at least 1), or
 * -EAGAIN (later), -EMSGSIZE (the first line cannot be written), -ECONNRESET (the
 * stream to syslog ended: the rest of a line begun is lost) or another -errno (all of it is lost).
 * The caller has SIGPIPE and SIGXFSZ blocked or ignored: pipes and files have no flag for that. */
ssize_t sink_write(struct sink *sink, const char *bytes, size_t length);

/* Whether both end in the same file, pipe or terminal. */
bool sink_is_same(const struct sink *a, const struct sink *b);

#endif
