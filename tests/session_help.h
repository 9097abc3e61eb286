/* session_help.h - sessions with real programs on a real loop. */
#ifndef USHERD_TESTS_SESSION_HELP_H
#define USHERD_TESTS_SESSION_HELP_H

#include "session.h"

#include "core_help.h"
#include "patience.h"

#include <poll.h>

static const char *folder, *log_path;
static struct loop *loop;
static struct log *log_;
static struct spawn *spawn;
static struct linger_pool *linger;
static struct session_table *table;
static struct conf *conf;
static struct conf_service *settings;
static int ends[2];

static unsigned ended;
static struct session_outcome outcome;
static bool was_service_told;

static inline void on_ended(void *context, const struct session *session,
			    const struct session_outcome *result)
{
	ck_assert_ptr_eq(context, &ended);
	was_service_told = session->service == (struct service *)&ended;
	outcome = *result;
	ended++;
}

static inline void set_up(void)
{
	static const struct rlimit descriptors = { 4096, 4096 };

	setrlimit(RLIMIT_NOFILE, &descriptors);
	folder = make_folder();
	log_path = path_in(folder, "log");
	ck_assert_int_eq(loop_new(&loop), 0);
	log_ = open_log(log_path);
	ck_assert_int_eq(spawn_new(&spawn), 0);
	ck_assert_int_eq(linger_pool_new(loop, 16, NULL, NULL, &linger), 0);

	struct session_means means = { .loop = loop, .log = log_, .spawn = spawn, .linger = linger };

	ck_assert_int_eq(session_table_new(&means, on_ended, &ended, &table), 0);
	ck_assert_int_eq(session_table_reserve(table, 10), 0);
	conf = conf_of(folder, "[s]\nlisten = 127.0.0.1:7\nexec = /bin/sh -c 'exit 0'\nkill_after = 200ms\n");
	settings = &conf->services[0];
	ck_assert_int_eq(spawn_reserve(spawn, settings->environment.count, 16), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static inline void tear_down(void)
{
	session_table_free(table);
	linger_pool_free(linger);
	spawn_free(spawn);
	log_close(log_);
	loop_free(loop);
	conf_unref(conf);
	if (ends[0] >= 0) {
		close(ends[0]);
		close(ends[1]);
	}
	remove_folder(folder);
}

/* `fd` is taken, whatever comes of it. */
static inline int try_begin_on(int fd, const char *script, struct session **ret_session,
			       struct spawn_failure *failure)
{
	static char texts[8][512];
	static unsigned next;
	static const struct peer nobody = { .family = PEER_NONE };
	char *text = texts[next++ % ELEMENTS(texts)];
	struct session_origin origin = {
		.conf = conf, .service = (struct service *)&ended, .active = 3, .limit = 100
	};
	struct spawn_request request = {
		.kind = SPAWN_CONNECTION,
		.service = settings,
		.endpoint = &settings->listen.items[0],
		.socket = fd,
		.peer = &nobody,
		.local = &nobody,
	};
	int r;

	snprintf(text, sizeof(texts[0]), "%s", script);
	settings->exec.items[2] = text;
	r = session_begin(table, &origin, &request, ret_session, failure);
	if (r < 0)
		close(fd); /* it was not taken */
	return r;
}

static inline int try_begin(const char *script, struct session **ret_session, struct spawn_failure *failure)
{
	return try_begin_on(fcntl(ends[1], F_DUPFD_CLOEXEC, 0), script, ret_session, failure);
}

static inline struct session *begin_on(int fd, const char *script)
{
	struct spawn_failure failure = { .step = "none" };
	struct session *session = NULL;
	int r = try_begin_on(fd, script, &session, &failure);

	ck_assert_msg(r == 0, "%s: %s", failure.step, strerror(-r));
	ck_assert(session->live);
	return session;
}

static inline struct session *begin(const char *script)
{
	return begin_on(fcntl(ends[1], F_DUPFD_CLOEXEC, 0), script);
}

/* A connection over loopback: the client's end, and the one that was accepted. */
static inline int tcp_pair(int *ret_client)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	*ret_client = client_of(SOCK_STREAM, ntohs(address.sin_port));
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	close(listener);
	return fd;
}

static inline bool have_ended(void *context)
{
	return ended == *(unsigned *)context;
}

static inline void wait_for_ends(unsigned count)
{
	run_until(loop, log_, have_ended, &count);
}

static inline bool log_has(void *text)
{
	log_flush(log_);
	return strstr(read_file(log_path), text) != NULL;
}

static inline bool answered(void *context)
{
	struct pollfd look = { .fd = *(int *)context, .events = POLLIN };

	return poll(&look, 1, 0) == 1;
}

static inline void wait_for_log(const char *text)
{
	ck_assert_msg(run_for(loop, log_, PATIENCE_NS, log_has, (void *)(uintptr_t)text), "no '%s' in:\n%s",
		      text, read_file(log_path));
}

#endif
