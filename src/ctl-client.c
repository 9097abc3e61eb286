/* ctl-client.c - asks the daemon: a socket, a line out, a line back.
 *
 * The buffer grows by doubling, and no byte is looked at twice for the line feed, so that a reply
 * of many megabytes costs what its bytes cost. */
#include "ctl-client.h"

#include "control-request.h"

#include "base.h"
#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#define OWN_NAME      "usherd.control"
#define REPLY_MAX     ((size_t)256 << 20)
#define REQUEST_MAX   4096 /* with its line feed */
#define BUFFER_BEGIN  ((size_t)64 << 10)
#define BUSY_PAUSE_MS 50

struct ctl_client {
	int fd;
	int interrupt_fd;
	char *buffer;
	size_t size;
	size_t begin;   /* what was received and not handed out: from here */
	size_t scanned; /* no line feed before this */
	size_t end;     /* to here */
};

_printf_(3, 4) static int fail(int error, char reason[static CTL_REASON_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, CTL_REASON_MAX, format, arguments);
	va_end(arguments);
	return error;
}

/* ---- deadlines ---- */

static uint64_t deadline_in(unsigned timeout_ms)
{
	return timeout_ms == 0 ? UINT64_MAX : clock_now_ns() + timeout_ms * NS_PER_MS;
}

/* For poll(2): -1 without a deadline; rounded up, or the last part of a millisecond would be spent spinning.
 */
static int left_ms(uint64_t deadline_ns)
{
	uint64_t now_ns, ms;

	if (deadline_ns == UINT64_MAX)
		return -1;
	now_ns = clock_now_ns();
	if (now_ns >= deadline_ns)
		return 0;
	ms = (deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return ms > 1000000000 ? 1000000000 : (int)ms;
}

/* Returns 0, -ETIMEDOUT, or -EINTR by the descriptor that interrupts. */
static int wait_for(const struct ctl_client *client, short events, uint64_t deadline_ns)
{
	struct pollfd fds[2] = {
		{ .fd = client->fd, .events = events },
		{ .fd = client->interrupt_fd, .events = POLLIN },
	};

	for (;;) {
		int left = left_ms(deadline_ns), r = poll(fds, ELEMENTS(fds), left);

		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0)
			return fds[1].revents != 0 ? -EINTR : 0;
		if (r == 0 && left_ms(deadline_ns) == 0)
			return -ETIMEDOUT;
	}
}

static int fail_waiting(int error, const char *what, char reason[static CTL_REASON_MAX])
{
	if (error == -ETIMEDOUT)
		return fail(error, reason,
			    "usherd %s in time; it is busy or stopped (--timeout waits longer)", what);
	if (error == -EINTR)
		return fail(error, reason, "interrupted");
	return fail(error, reason, "control socket: %s", strerror(-error));
}

/* ---- where ---- */

static bool is_socket(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISSOCK(status.st_mode);
}

const char *ctl_default_path(const char *path)
{
	static char own[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *directory = getenv("XDG_RUNTIME_DIR");
	int length;

	if (path == NULL)
		path = getenv("USHERD_CONTROL");
	if (path != NULL && path[0] != '\0')
		return path;
	if (geteuid() == 0 || directory == NULL || directory[0] != '/')
		return CONTROL_DEFAULT_PATH;
	length = snprintf(own, sizeof(own), "%s/" OWN_NAME, directory);
	if (length < 0 || (size_t)length >= sizeof(own))
		return CONTROL_DEFAULT_PATH;
	return !is_socket(own) && is_socket(CONTROL_DEFAULT_PATH) ? CONTROL_DEFAULT_PATH : own;
}

/* ---- connect ---- */

static int fail_connecting(int error, const char *path, char reason[static CTL_REASON_MAX])
{
	switch (error) {
	case -ENOENT:
	case -ENOTDIR:
	case -ECONNREFUSED:
		return fail(error, reason, "no usherd answers at %s; is it running? -s names another socket",
			    path);
	case -EACCES:
	case -EPERM:
		return fail(error, reason,
			    "%s: no right to ask; be root, or in the control_group of services.ini", path);
	case -EAGAIN:
	case -ETIMEDOUT:
		return fail(-ETIMEDOUT, reason,
			    "usherd at %s took no connection in time; it is busy or stopped", path);
	default:
		return fail(error, reason, "%s: %s", path, strerror(-error));
	}
}

/* Blocking, because only then connect(2) waits for a place in the queue; SO_SNDTIMEO bounds it. */
static int connect_to(const char *path, unsigned timeout_ms, int *ret_fd, char reason[static CTL_REASON_MAX])
{
	struct timeval patience = { .tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	uint64_t deadline_ns = deadline_in(timeout_ms);
	_cleanup_fd_ int fd = -1;
	int r;

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(-ENAMETOOLONG, reason, "%s: too long for a socket, the most is %zu bytes", path,
			    sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(-errno, reason, "socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	do
		r = connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	while (r == -EINTR && left_ms(deadline_ns) != 0);
	if (r < 0)
		return fail_connecting(r, path, reason);
	*ret_fd = fd_take(&fd);
	return 0;
}

int ctl_connect(const char *path, unsigned timeout_ms, struct ctl_client **ret_client,
		char reason[static CTL_REASON_MAX])
{
	_cleanup_fd_ int fd = -1;
	struct ctl_client *client;
	int r = connect_to(path, timeout_ms, &fd, reason);

	if (r < 0)
		return r;
	client = malloc(sizeof(*client));
	if (client == NULL)
		return fail(-ENOMEM, reason, "%s", strerror(ENOMEM));
	*client = (struct ctl_client){ .fd = fd_take(&fd), .interrupt_fd = -1 };
	*ret_client = client;
	return 0;
}

void ctl_close(struct ctl_client *client)
{
	if (client == NULL)
		return;
	close(client->fd);
	free(client->buffer);
	free(client);
}

static void cleanup_client(struct ctl_client **client)
{
	ctl_close(*client);
}

void ctl_set_interrupt(struct ctl_client *client, int fd)
{
	client->interrupt_fd = fd;
}

/* ---- send ---- */

static bool is_plain(const char *word)
{
	return word[0] != '\0' && word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
						    "0123456789_.:/@%+=,-")] == '\0';
}

/* Appends a word as words.h reads it. Returns false when there is no room, also for what follows. */
static bool put_word(char line[static REQUEST_MAX], size_t *used, const char *word)
{
	bool plain = is_plain(word);

	/* The longest byte becomes four; then a quote, and a blank or the line feed. */
	if (!plain)
		line[(*used)++] = '\'';
	for (; *word != '\0'; word++) {
		if (*used + 8 > REQUEST_MAX)
			return false;
		if (*word == '\'') {
			memcpy(line + *used, "'\\''", 4);
			*used += 4;
		} else {
			line[(*used)++] = *word;
		}
	}
	if (!plain)
		line[(*used)++] = '\'';
	line[(*used)++] = ' ';
	return *used + 8 <= REQUEST_MAX;
}

static int make_request(const char *const *words, size_t count, char line[static REQUEST_MAX],
			size_t *ret_length, char reason[static CTL_REASON_MAX])
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		for (const char *at = words[i]; *at != '\0'; at++)
			if ((unsigned char)*at < ' ' || *at == 0x7f)
				return fail(
					-EINVAL, reason,
					"a control character in argument %zu; names and addresses have none",
					i);
		if (!put_word(line, &used, words[i]))
			return fail(-E2BIG, reason, "the arguments are too long, the most is about %d bytes",
				    REQUEST_MAX - 16);
	}
	if (used == 0)
		return fail(-EINVAL, reason, "nothing to ask");
	line[used - 1] = '\n';
	*ret_length = used;
	return 0;
}

int ctl_send(struct ctl_client *client, const char *const *words, size_t count,
	     char reason[static CTL_REASON_MAX])
{
	/* The daemon takes a whole line within 2 s or never. */
	uint64_t deadline_ns = deadline_in(5000);
	char line[REQUEST_MAX];
	size_t length = 0, sent = 0;
	int r = make_request(words, count, line, &length, reason);

	while (r == 0 && sent < length) {
		ssize_t n = send(client->fd, line + sent, length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EAGAIN)
			r = wait_for(client, POLLOUT, deadline_ns);
		else if (errno != EINTR)
			r = -errno;
		/* It may have said why before it closed. */
		if (r == -EPIPE || r == -ECONNRESET)
			return 0;
		if (r < 0)
			return fail_waiting(r, "took no request", reason);
	}
	return r;
}

/* ---- receive ---- */

static int make_room(struct ctl_client *client, char reason[static CTL_REASON_MAX])
{
	size_t size = client->size;
	char *grown;

	if (client->begin > 0 && client->begin == client->end)
		client->begin = client->scanned = client->end = 0;
	/* One byte stays free for a NUL. */
	if (client->end + 1 < size)
		return 0;
	if (client->begin >= size / 2 && client->begin > 0) {
		memmove(client->buffer, client->buffer + client->begin, client->end - client->begin);
		client->scanned -= client->begin;
		client->end -= client->begin;
		client->begin = 0;
		return 0;
	}
	if (size > REPLY_MAX)
		return fail(-EMSGSIZE, reason, "the answer is longer than %zu MiB", REPLY_MAX >> 20);
	size = size == 0 ? BUFFER_BEGIN : 2 * size;
	grown = realloc(client->buffer, size);
	if (grown == NULL)
		return fail(-ENOMEM, reason, "no memory for the answer (%zu MiB so far)", client->end >> 20);
	client->buffer = grown;
	client->size = size;
	return 0;
}

/* Returns 0 when there are more bytes. */
static int receive_some(struct ctl_client *client, uint64_t deadline_ns, char reason[static CTL_REASON_MAX])
{
	for (;;) {
		ssize_t n = recv(client->fd, client->buffer + client->end, client->size - 1 - client->end,
				 MSG_DONTWAIT);
		int r;

		if (n > 0) {
			client->end += (size_t)n;
			return 0;
		}
		if (n == 0 || errno == ECONNRESET)
			return fail(-ENOTCONN, reason, "usherd closed the connection %s",
				    client->end > client->begin ? "in the middle of its answer" :
								  "without an answer");
		if (errno != EAGAIN && errno != EINTR)
			return fail(-errno, reason, "control socket: %s", strerror(errno));
		r = wait_for(client, POLLIN, deadline_ns);
		if (r < 0)
			return fail_waiting(r, "did not answer", reason);
	}
}

int ctl_receive_line(struct ctl_client *client, unsigned timeout_ms, char **ret_line, size_t *ret_length,
		     char reason[static CTL_REASON_MAX])
{
	uint64_t deadline_ns = deadline_in(timeout_ms);

	for (;;) {
		char *end = client->end == client->scanned ? NULL :
							     memchr(client->buffer + client->scanned, '\n',
								    client->end - client->scanned);
		int r;

		if (end != NULL) {
			*end = '\0';
			*ret_line = client->buffer + client->begin;
			*ret_length = (size_t)(end - *ret_line);
			client->begin = client->scanned = (size_t)(end - client->buffer) + 1;
			return 0;
		}
		client->scanned = client->end;
		r = make_room(client, reason);
		if (r == 0)
			r = receive_some(client, deadline_ns, reason);
		if (r < 0)
			return r;
	}
}

static int parse(const char *line, size_t length, json_t **ret_reply, char reason[static CTL_REASON_MAX])
{
	json_error_t error;
	/* A client of a service may have sent a NUL, and the log tells it. */
	json_t *reply = json_loadb(line, length, JSON_ALLOW_NUL, &error);

	if (json_is_object(reply)) {
		*ret_reply = reply;
		return 0;
	}
	if (reply != NULL)
		snprintf(error.text, sizeof(error.text), "no object");
	json_decref(reply);
	/* The text may quote what came. */
	for (char *at = error.text; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || (unsigned char)*at >= 0x7f)
			*at = '?';
	return fail(-EPROTO, reason,
		    "the answer is not one of usherd's: %s (byte %d); is another program at that socket?",
		    error.text, error.position);
}

int ctl_receive(struct ctl_client *client, unsigned timeout_ms, json_t **ret_reply,
		char reason[static CTL_REASON_MAX])
{
	size_t length;
	char *line;
	int r = ctl_receive_line(client, timeout_ms, &line, &length, reason);

	return r < 0 ? r : parse(line, length, ret_reply, reason);
}

/* ---- all at once ---- */

int ctl_is_ok(const json_t *reply)
{
	return json_is_true(json_object_get(reply, "ok"));
}

const char *ctl_code(const json_t *reply)
{
	const char *code = json_string_value(json_object_get(reply, "code"));

	return code != NULL ? code : "";
}

static int ask_once(const char *path, const char *const *words, size_t count, unsigned timeout_ms,
		    json_t **ret_reply, char **ret_text, size_t *ret_length,
		    char reason[static CTL_REASON_MAX])
{
	_cleanup_(cleanup_client) struct ctl_client *client = NULL;
	size_t length;
	char *line;
	int r = ctl_connect(path, timeout_ms, &client, reason);

	if (r == 0)
		r = ctl_send(client, words, count, reason);
	if (r == 0)
		r = ctl_receive_line(client, timeout_ms, &line, &length, reason);
	if (r == 0)
		r = parse(line, length, ret_reply, reason);
	if (r == 0 && ret_text != NULL) {
		/* The first line of a buffer stands at its beginning. */
		*ret_text = line;
		*ret_length = length;
		client->buffer = NULL;
	}
	return r;
}

int ctl_ask_text(const char *path, const char *const *words, size_t count, unsigned timeout_ms,
		 json_t **ret_reply, char **ret_text, size_t *ret_length, char reason[static CTL_REASON_MAX])
{
	uint64_t deadline_ns = deadline_in(timeout_ms);

	for (;;) {
		_cleanup_free_ char *text = NULL;
		size_t length = 0;
		json_t *reply = NULL;
		int left = left_ms(deadline_ns);
		int r = ask_once(path, words, count,
				 left > 0        ? (unsigned)left :
				 timeout_ms == 0 ? 0 :
						   1,
				 &reply, ret_text != NULL ? &text : NULL, &length, reason);

		if (r < 0)
			return r;
		if (ctl_is_ok(reply) || strcmp(ctl_code(reply), "busy") != 0 ||
		    (left = left_ms(deadline_ns)) == 0) {
			if (ret_text != NULL) {
				*ret_text = text;
				*ret_length = length;
				text = NULL;
			}
			*ret_reply = reply;
			return 0;
		}
		json_decref(reply);
		poll(NULL, 0, left > 0 && left < BUSY_PAUSE_MS ? left : BUSY_PAUSE_MS);
	}
}

int ctl_ask(const char *path, const char *const *words, size_t count, unsigned timeout_ms, json_t **ret_reply,
	    char reason[static CTL_REASON_MAX])
{
	return ctl_ask_text(path, words, count, timeout_ms, ret_reply, NULL, NULL, reason);
}
