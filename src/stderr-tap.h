/* stderr-tap.h - what services write to stderr, cut into lines. A service that
 * floods is slowed down by its own full pipe: of each pipe at most one buffer is
 * read in 10 ms, and at most STDERR_TAP_LINES lines a second are passed on; the
 * others are counted. Logs nothing itself. */
#ifndef USHERD_STDERR_TAP_H
#define USHERD_STDERR_TAP_H

#include "loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STDERR_TAP_BUFFER 65536
#define STDERR_TAP_LINE 4096 /* a longer line is passed on in pieces */
#define STDERR_TAP_LINES 200 /* a second and pipe */

struct stderr_tap;

/* What all taps share: one buffer to read into, and who is told. */
struct stderr_tap_shared {
	struct loop *loop;
	char *buffer; /* STDERR_TAP_BUFFER bytes */
	void (*line)(struct stderr_tap *tap, const char *bytes, size_t length);
	void (*left_out)(struct stderr_tap *tap, uint64_t lines);
	void (*closed)(struct stderr_tap *tap); /* everybody has closed the other end */
};

struct stderr_tap {
	struct stderr_tap_shared *shared;
	struct loop_source source;
	struct loop_timer pause, report;
	uint64_t window_ns;  /* when the running 10 ms began */
	size_t window_bytes; /* read in it */
	char *partial; /* the beginning of a line; only while there is one */
	size_t partial_length;
	uint64_t second_ns; /* when the running second began */
	unsigned lines;     /* in it */
	uint64_t left_out;
};

/* Takes `fd`, a non-blocking pipe. Returns 0 or -errno: then fd is the caller's still, and the tap is closed. */
int stderr_tap_open(struct stderr_tap *tap, struct stderr_tap_shared *shared, int fd);
bool stderr_tap_is_open(const struct stderr_tap *tap);

/* The service has ended: passes on what stands in the pipe, a bounded amount.
 * Others of its processes may hold the pipe open and go on writing. */
void stderr_tap_drain(struct stderr_tap *tap);

/* Closes without telling. Idempotent. */
void stderr_tap_close(struct stderr_tap *tap);

#endif
