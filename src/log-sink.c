/* log-sink.c - writing without waiting, for each kind of thing a log may be.
 *
 * Standard error is shared with whoever started the daemon, so O_NONBLOCK is
 * never set on it: the flag belongs to the open file description and would
 * change the shell's terminal as well. Pipes and terminals are opened a second time
 * through /proc instead; where that is not permitted they are asked with poll(2) first,
 * and get no more than a ready answer promises room for. A regular file is not
 * opened again: it would be written at an offset of its own.
 *
 * syslog(3) waits when the receiver does not read, so its protocol is spoken here. */
#include "log-sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "base.h"
#include "clock.h"

#define SYSLOG_SOCKET "/dev/log"
#define RETRY_NS (100 * NS_PER_MS)
#define RECORDS 32 /* lines that one system call sends */

#define _cleanup_sink_ _cleanup_(sink_close)

static bool is_journal(const struct stat *status)
{
	const char *at = getenv("JOURNAL_STREAM");
	char wanted[48];

	snprintf(wanted, sizeof(wanted), "%ju:%ju", (uintmax_t)status->st_dev, (uintmax_t)status->st_ino);
	return at != NULL && strcmp(at, wanted) == 0;
}

/* A second, non-blocking description of what fd 2 is open on, or -1. */
static int open_stderr_again(void)
{
	return open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void choose_socket_way(struct sink *sink)
{
	int type = SOCK_STREAM;
	socklen_t length = sizeof(type);

	getsockopt(sink->fd, SOL_SOCKET, SO_TYPE, &type, &length);
	sink->way = type == SOCK_STREAM ? SINK_WAY_SEND : SINK_WAY_RECORD;
}

static void open_stderr(struct sink *sink)
{
	struct stat status;

	sink->fd = STDERR_FILENO;
	sink->way = SINK_WAY_WRITE;
	if (fstat(STDERR_FILENO, &status) < 0)
		return; /* closed: each write says EBADF, and the lines are counted */
	sink->journal = is_journal(&status);
	if (S_ISSOCK(status.st_mode)) {
		choose_socket_way(sink);
		return;
	}

	bool terminal = isatty(STDERR_FILENO);

	if (!terminal && !S_ISFIFO(status.st_mode))
		return;

	int fd = open_stderr_again();

	if (fd >= 0) {
		sink->fd = fd;
		sink->owned = true;
		return;
	}
	sink->way = SINK_WAY_POLL;
	sink->piece = terminal ? 256 : PIPE_BUF;
}

static int open_file(struct sink *sink)
{
	_cleanup_fd_ int fd = open(sink->path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC |
							O_NONBLOCK | O_NOCTTY, 0640);
	struct stat status;

	if (fd < 0)
		return errno == ENXIO ? -EINVAL : -errno; /* a FIFO without a reader, a socket */
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	sink->fd = fd_take(&fd);
	sink->owned = true;
	sink->way = SINK_WAY_WRITE;
	return 0;
}

static int connect_type(const char *path, int type, int *ret_fd)
{
	_cleanup_fd_ int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (fd < 0)
		return -errno;
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

/* Returns 0, or -EAGAIN when nobody is there: a receiver may always come. */
static int connect_syslog(struct sink *sink)
{
	uint64_t now_ns = clock_now_ns();

	if (now_ns < sink->retry_ns)
		return -EAGAIN;
	sink->retry_ns = now_ns + RETRY_NS;
	sink->way = SINK_WAY_RECORD;

	int r = connect_type(sink->path, SOCK_DGRAM, &sink->fd);

	if (r == -EPROTOTYPE) {
		sink->way = SINK_WAY_SEND;
		r = connect_type(sink->path, SOCK_STREAM, &sink->fd);
	}
	return r < 0 ? -EAGAIN : 0;
}

int sink_open(const struct log_options *options, struct sink *ret_sink)
{
	_cleanup_sink_ struct sink sink = {.kind = options->sink, .fd = -1};
	const char *path = options->path;
	int r = 0;

	if (options->sink == LOG_SINK_SYSLOG && path == NULL)
		path = SYSLOG_SOCKET;
	if (options->sink == LOG_SINK_FILE && path == NULL)
		return -EINVAL;
	if (options->sink != LOG_SINK_STDERR) {
		sink.path = strdup(path);
		if (sink.path == NULL)
			return -ENOMEM;
	}

	switch (options->sink) {
	case LOG_SINK_STDERR:
		open_stderr(&sink);
		break;
	case LOG_SINK_SYSLOG:
		if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
			return -ENAMETOOLONG;
		sink.owned = true;
		connect_syslog(&sink);
		break;
	case LOG_SINK_FILE:
		r = open_file(&sink);
		break;
	}
	if (r < 0)
		return r;
	*ret_sink = sink;
	sink = SINK_NONE;
	return 0;
}

void sink_close(struct sink *sink)
{
	if (sink->owned && sink->fd >= 0)
		close(sink->fd);
	free(sink->path);
	*sink = SINK_NONE;
}

/* No longer than what is ready now, as far as that can be asked. */
static ssize_t write_polled(const struct sink *sink, const char *bytes, size_t length)
{
	struct pollfd ready = {.fd = sink->fd, .events = POLLOUT};
	int r = poll(&ready, 1, 0);

	if (r < 0)
		return -errno;
	if (r == 0)
		return -EAGAIN;

	ssize_t taken = write(sink->fd, bytes, length < sink->piece ? length : sink->piece);

	return taken < 0 ? -errno : taken;
}

/* Each line without its newline is a message. Returns the bytes of those that were sent. */
static ssize_t send_records(int fd, const char *bytes, size_t length)
{
	struct mmsghdr messages[RECORDS];
	struct iovec parts[RECORDS];
	unsigned count = 0;
	const char *at = bytes;
	const char *end = bytes + length;

	while (count < RECORDS && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t size = (size_t)((newline != NULL ? newline : end) - at);
		char *base;

		/* sendmmsg() only reads, but iovec is shared with readv(). */
		memcpy(&base, &at, sizeof(base));
		parts[count] = (struct iovec){.iov_base = base, .iov_len = size};
		messages[count] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[count], .msg_iovlen = 1}};
		count++;
		at += size + 1;
	}

	int sent = sendmmsg(fd, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0)
		return -errno;

	ssize_t taken = 0;

	for (unsigned i = 0; i < (unsigned)sent && i < count; i++)
		taken += (ssize_t)parts[i].iov_len + 1;
	return taken;
}

static ssize_t write_once(const struct sink *sink, const char *bytes, size_t length)
{
	ssize_t taken = -EINVAL;

	switch (sink->way) {
	case SINK_WAY_WRITE:
		taken = write(sink->fd, bytes, length);
		break;
	case SINK_WAY_SEND:
		taken = send(sink->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case SINK_WAY_POLL:
		return write_polled(sink, bytes, length);
	case SINK_WAY_RECORD:
		return send_records(sink->fd, bytes, length);
	}
	return taken < 0 ? -errno : taken;
}

/* A receiver that went away comes back (it was restarted); lines wait for it. */
static ssize_t write_syslog(struct sink *sink, const char *bytes, size_t length)
{
	if (sink->fd < 0) {
		int r = connect_syslog(sink);

		if (r < 0)
			return r;
	}

	ssize_t taken = write_once(sink, bytes, length);

	if (taken >= 0 || taken == -EAGAIN || taken == -EINTR || taken == -EMSGSIZE)
		return taken;
	if (taken == -ENOBUFS || taken == -ENOMEM)
		return -EAGAIN;

	bool stream = sink->way == SINK_WAY_SEND;

	close(sink->fd);
	sink->fd = -1;
	return stream ? -ECONNRESET : -EAGAIN;
}

ssize_t sink_write(struct sink *sink, const char *bytes, size_t length)
{
	ssize_t taken = sink->kind == LOG_SINK_SYSLOG ? write_syslog(sink, bytes, length)
						      : write_once(sink, bytes, length);

	/* EWOULDBLOCK is the same number; a file on a full disk may also answer 0. */
	return taken == 0 ? -ENOSPC : taken;
}

bool sink_is_same(const struct sink *a, const struct sink *b)
{
	struct stat left, right;

	return a->kind == b->kind && a->fd >= 0 && b->fd >= 0 && fstat(a->fd, &left) == 0 &&
	       fstat(b->fd, &right) == 0 && left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}
