/* stderr-tap.c - pipes from services' stderr to lines. Memory: one buffer for
 * all taps; a line that came without its end is kept aside (at most 4 KiB, and
 * only as long) and passed on early when there is no memory for that. */
#include "stderr-tap.h"

#include "base.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#define WINDOW_NS   (10 * NS_PER_MS)
#define DRAIN_READS 2

static void tell_left_out(struct stderr_tap *tap)
{
	uint64_t left_out = tap->left_out;

	tap->left_out = 0;
	loop_disarm(tap->shared->loop, &tap->report);
	if (left_out > 0)
		tap->shared->left_out(tap, left_out);
}

static void report_due(struct loop_timer *timer)
{
	tell_left_out(container_of(timer, struct stderr_tap, report));
}

/* Passes a line, or a piece of one, on, or counts it when there were too many in
 * this second. */
static void pass(struct stderr_tap *tap, const char *bytes, size_t length)
{
	uint64_t now_ns = loop_now_ns(tap->shared->loop);

	if (now_ns - tap->second_ns >= NS_PER_S) {
		tap->second_ns = now_ns;
		tap->lines = 0;
	}
	if (tap->lines >= STDERR_TAP_LINES) {
		if (tap->left_out++ == 0)
			loop_arm(tap->shared->loop, &tap->report, tap->second_ns + NS_PER_S);
		return;
	}
	tap->lines++;
	tap->shared->line(tap, bytes, length);
}

/* A whole line: in pieces when it is long, without the \r of a \r\n. */
static void pass_line(struct stderr_tap *tap, const char *bytes, size_t length)
{
	if (length > 0 && bytes[length - 1] == '\r')
		length--;
	for (; length > STDERR_TAP_LINE; bytes += STDERR_TAP_LINE, length -= STDERR_TAP_LINE)
		pass(tap, bytes, STDERR_TAP_LINE);
	pass(tap, bytes, length);
}

/* What is kept is never more than a piece; a full one is passed on when more of
 * its line comes. */
static void pass_kept(struct stderr_tap *tap, bool line_ends)
{
	_cleanup_free_ char *partial = tap->partial;
	size_t length = tap->partial_length;

	tap->partial = NULL;
	tap->partial_length = 0;
	if (partial == NULL)
		return;
	if (line_ends)
		pass_line(tap, partial, length);
	else
		pass(tap, partial, length);
}

/* Keeps the beginning of a line until its end comes. */
static void keep(struct stderr_tap *tap, const char *bytes, size_t length)
{
	while (length > 0) {
		if (tap->partial_length == STDERR_TAP_LINE)
			pass_kept(tap, false);
		if (tap->partial == NULL && (tap->partial = malloc(STDERR_TAP_LINE)) == NULL) {
			pass_line(tap, bytes, length);
			return;
		}

		size_t room = STDERR_TAP_LINE - tap->partial_length;
		size_t part = length < room ? length : room;

		memcpy(tap->partial + tap->partial_length, bytes, part);
		tap->partial_length += part;
		bytes += part;
		length -= part;
	}
}

static void cut(struct stderr_tap *tap, const char *bytes, size_t length)
{
	const char *end;

	while (length > 0 && (end = memchr(bytes, '\n', length)) != NULL) {
		size_t line = (size_t)(end - bytes);

		if (tap->partial != NULL) {
			keep(tap, bytes, line);
			pass_kept(tap, true);
		} else {
			pass_line(tap, bytes, line);
		}
		bytes = end + 1;
		length -= line + 1;
	}
	keep(tap, bytes, length);
}

/* Reads one buffer. Returns the number of bytes, 0 at the end, or -errno. */
static ssize_t take(struct stderr_tap *tap)
{
	ssize_t n = read(tap->source.fd, tap->shared->buffer, STDERR_TAP_BUFFER);

	if (n < 0)
		return -errno;
	cut(tap, tap->shared->buffer, (size_t)n);
	return n;
}

static void finish(struct stderr_tap *tap)
{
	stderr_tap_close(tap);
	tap->shared->closed(tap);
}

static void tap_ready(struct loop_source *source, uint32_t events)
{
	struct stderr_tap *tap = container_of(source, struct stderr_tap, source);
	uint64_t now_ns = loop_now_ns(tap->shared->loop);
	ssize_t n = take(tap);

	(void)events;
	if (now_ns - tap->window_ns >= WINDOW_NS) {
		tap->window_ns = now_ns;
		tap->window_bytes = 0;
	}
	if (n > 0 && (tap->window_bytes += (size_t)n) >= STDERR_TAP_BUFFER) {
		if (loop_arm(tap->shared->loop, &tap->pause, tap->window_ns + WINDOW_NS) == 0)
			loop_remove(tap->shared->loop, &tap->source);
	} else if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR)) {
		finish(tap);
	}
}

static void pause_over(struct loop_timer *timer)
{
	struct stderr_tap *tap = container_of(timer, struct stderr_tap, pause);

	if (loop_add(tap->shared->loop, &tap->source, EPOLLIN) != 0)
		finish(tap); /* no memory to watch it: the service gets EPIPE, not a pipe that fills for ever
			      */
}

int stderr_tap_open(struct stderr_tap *tap, struct stderr_tap_shared *shared, int fd)
{
	*tap = (struct stderr_tap){
		.shared = shared,
		.source = { .fd = fd, .ready = tap_ready, .set = LOOP_WORK },
		.pause = { .expired = pause_over },
		.report = { .expired = report_due },
		.second_ns = loop_now_ns(shared->loop),
	};

	int r = loop_add(shared->loop, &tap->source, EPOLLIN);

	if (r < 0)
		tap->shared = NULL;
	return r;
}

bool stderr_tap_is_open(const struct stderr_tap *tap)
{
	return tap->shared != NULL && tap->source.fd >= 0;
}

void stderr_tap_drain(struct stderr_tap *tap)
{
	ssize_t n = STDERR_TAP_BUFFER;

	if (!stderr_tap_is_open(tap))
		return;
	for (int i = 0; i < DRAIN_READS && n == STDERR_TAP_BUFFER; i++)
		n = take(tap);
	if (n == 0)
		stderr_tap_close(tap);
}

void stderr_tap_close(struct stderr_tap *tap)
{
	if (!stderr_tap_is_open(tap))
		return;
	pass_kept(tap, true);
	tell_left_out(tap);
	loop_disarm(tap->shared->loop, &tap->pause);
	loop_remove(tap->shared->loop, &tap->source);
	cleanup_fd(&tap->source.fd);
	tap->source.fd = -1;
}
