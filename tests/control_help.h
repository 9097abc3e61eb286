/* control_help.h - a control socket in a loop of the test, with a handler that answers in every way there
 * is; and its clients, in the same process. */
#ifndef USHERD_TESTS_CONTROL_HELP_H
#define USHERD_TESTS_CONTROL_HELP_H

#include "control.h"

#include "core_help.h"

#include <grp.h>
#include <sys/un.h>

#define NOBODY 65534
#define GROUP  54321 /* the control_group of the tests that have one */

static struct loop *loop;
static struct control *control;
static const char *folder, *path;
static struct control_options options;

/* What the handler saw and does. */
static struct {
	unsigned asked;
	uint64_t held;
	size_t items, item_size; /* of a long reply */
	unsigned more_calls;
	bool close; /* the control, while it is asked */
} handler;

/* An item of the list: {"n":5,"x":"xxxx"} */
static inline bool test_more(void *context, struct control_client *client, void *cursor)
{
	size_t *at = cursor;

	ck_assert_ptr_eq(context, &handler);
	handler.more_calls++;
	for (; *at < handler.items && !control_is_full(client); (*at)++) {
		_cleanup_free_ char *text = calloc(1, handler.item_size + 1);

		memset(text, 'x', handler.item_size);
		control_item(client, json_pack("{s:i,s:s}", "n", (int)*at, "x", text));
	}
	return *at < handler.items;
}

static inline void test_answer(struct control_client *client, const struct control_request *request)
{
	const size_t begin = 0;

	switch ((int)request->verb) {
	case CONTROL_VERB_STATUS:
		control_answer(client, json_pack("{s:s}", "state", "serving"));
		break;
	case CONTROL_VERB_VERSION:
		control_answer(client, NULL);
		break;
	case CONTROL_VERB_SERVICES:
		control_answer_long(client, json_pack("{s:i}", "count", 7), "services", test_more, &begin,
				    sizeof(begin));
		break;
	case CONTROL_VERB_SHOW:
		control_refuse(client, CONTROL_CODE_UNKNOWN, "no service '%s'", request->arguments[0]);
		break;
	case CONTROL_VERB_RELOAD:
		control_refuse_with(client, CONTROL_CODE_CONFIG, json_pack("{s:i}", "left_out", 3), "%s",
				    "bad \xff byte");
		break;
	case CONTROL_VERB_BANS:
		handler.held = control_hold(client);
		break;
	case CONTROL_VERB_TAIL:
		control_follow(client, json_pack("{s:b}", "following", 1),
			       strdup(request->service != NULL ? request->service : "all"));
		break;
	default: /* no answer at all */
		break;
	}
}

static inline void test_asked(void *context, struct control_client *client,
			      const struct control_request *request)
{
	ck_assert_ptr_eq(context, &handler);
	handler.asked++;
	if (handler.close) {
		control_close(control);
		control = NULL;
	}
	test_answer(client, request);
}

static inline void open_control(void)
{
	char reason[LISTEN_REASON_MAX] = "";
	bool stale = true;

	ck_assert_msg(control_open(&options, NULL, loop, test_asked, &handler, &control, &stale, reason) == 0,
		      "%s", reason);
	ck_assert(!stale);
}

/* Without an open socket yet, for those who want other options. */
static inline void set_up_folder(void)
{
	signal(SIGPIPE, SIG_IGN);
	memset(&handler, 0, sizeof(handler));
	ck_assert_int_eq(loop_new(&loop), 0);
	folder = make_folder();
	path = path_in(folder, "control");
	options = (struct control_options){ .path = path, .group = (gid_t)-1 };
}

static inline void set_up(void)
{
	set_up_folder();
	open_control();
}

static inline void tear_down(void)
{
	control_close(control);
	control = NULL;
	loop_free(loop);
	ck_assert_msg(access(path, F_OK) != 0, "the socket's file is still there");
	remove_folder(folder);
}

/* ---- clients ---- */

/* A descriptor that never waits, or -errno. */
static inline int try_connect(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;

	int error = errno;

	close(fd);
	return -error;
}

static inline int connect_control(void)
{
	int fd = try_connect();

	ck_assert_msg(fd >= 0, "connect: %s", strerror(-fd));
	return fd;
}

/* The same as another user, with these groups; only root can. */
static inline int connect_as(uid_t uid, gid_t gid, gid_t supplementary)
{
	bool has = supplementary != (gid_t)-1;
	int fd;

	ck_assert_int_eq(setgroups(has, &supplementary), 0);
	ck_assert_int_eq(setegid(gid), 0);
	ck_assert_int_eq(seteuid(uid), 0);
	fd = try_connect();
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(setegid(0), 0);
	ck_assert_int_eq(setgroups(0, NULL), 0);
	return fd;
}

static inline void say_bytes(int fd, const char *bytes, size_t length)
{
	ck_assert_int_eq(send(fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

static inline void say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

/* What a client has received, up to the line feed that was waited for. */
struct reading {
	int fd;
	size_t each; /* bytes a read; 0: any number */
	char *text;
	size_t length, room;
	bool line, ended;
};

static inline bool reading_done(void *context)
{
	struct reading *reading = context;
	ssize_t n = 1;

	for (unsigned i = 0; i < 16 && n > 0 && !reading->line; i++) {
		if (reading->length + 65536 > reading->room)
			reading->text = realloc(reading->text, reading->room += 1 << 20);
		/* a line and no byte of the next one */
		n = recv(reading->fd, reading->text + reading->length,
			 reading->each > 0 ? reading->each : 65536, MSG_PEEK);
		if (n <= 0)
			break;
		char *end = memchr(reading->text + reading->length, '\n', (size_t)n);
		size_t take = end != NULL ? (size_t)(end + 1 - reading->text) - reading->length : (size_t)n;

		ck_assert_int_eq(recv(reading->fd, reading->text + reading->length, take, 0), (ssize_t)take);
		reading->length += take;
		reading->line = end != NULL;
	}
	reading->ended = n == 0 || (n < 0 && errno != EAGAIN);
	return reading->line || reading->ended;
}

/* The next line, malloc'ed, without its line feed; NULL when the daemon has closed. */
static inline char *read_reply_by(int fd, size_t each)
{
	struct reading reading = { .fd = fd, .each = each };

	run_until(loop, NULL, reading_done, &reading);
	if (!reading.line) {
		free(reading.text);
		return NULL;
	}
	reading.text[reading.length - 1] = '\0';
	return reading.text;
}

static inline char *read_reply(int fd)
{
	return read_reply_by(fd, 0);
}

static inline void expect(int fd, const char *expected)
{
	_cleanup_free_ char *reply = read_reply(fd);

	ck_assert_msg(reply != NULL, "closed, and not %s", expected);
	ck_assert_str_eq(reply, expected);
}

/* The beginning of the next line. */
static inline void expect_code(int fd, const char *code)
{
	_cleanup_free_ char *reply = read_reply(fd);
	char begin[64];

	snprintf(begin, sizeof(begin), "{\"ok\":false,\"code\":\"%s\",\"error\":\"", code);
	ck_assert_msg(reply != NULL && strncmp(reply, begin, strlen(begin)) == 0, "not %s: %s", code,
		      reply != NULL ? reply : "closed");
}

#define SERVING "{\"ok\":true,\"state\":\"serving\"}"

static inline void expect_closed(int fd)
{
	_cleanup_free_ char *reply = read_reply(fd);

	ck_assert_msg(reply == NULL, "not closed: %s", reply);
	close(fd);
}

static inline bool has_count(void *count)
{
	return control_client_count(control) == *(size_t *)count;
}

static inline void wait_count(size_t count)
{
	run_until(loop, NULL, has_count, &count);
}

static inline bool has_asked(void *count)
{
	return handler.asked >= *(unsigned *)count;
}

static inline void wait_asked(unsigned count)
{
	run_until(loop, NULL, has_asked, &count);
}

/* So many rounds of the loop at the least. */
static inline bool rounds_over(void *count)
{
	return (*(unsigned *)count)-- == 0;
}

static inline void run_rounds(unsigned count)
{
	run_until(loop, NULL, rounds_over, &count);
}

#endif
