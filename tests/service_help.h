/* service_help.h - what the tests of the live services share: a set on a real loop, and
 * configurations that are put in force from text. */
#ifndef USHERD_TESTS_SERVICE_HELP_H
#define USHERD_TESTS_SERVICE_HELP_H

#include "service.h"

#include "core_help.h"
#include "service-set.h"

#include <poll.h>
#include <pwd.h>
#include <stdarg.h>

static const char *folder, *log_path;
static struct loop *loop;
static struct log *log_;
static struct spawn *spawn;
static struct service_set *set;
static struct conf_errors errors;
static struct service_summary summary;
static struct service_changes changes;
static uint16_t port, other;

static inline void set_up(void)
{
	struct rlimit descriptors;

	getrlimit(RLIMIT_NOFILE, &descriptors);
	descriptors.rlim_cur = 4096;
	setrlimit(RLIMIT_NOFILE, &descriptors);
	folder = make_folder();
	log_path = path_in(folder, "log");
	ck_assert_int_eq(loop_new(&loop), 0);
	log_ = open_log(log_path);
	ck_assert_int_eq(spawn_new(&spawn), 0);
	ck_assert_int_eq(service_set_new(loop, log_, spawn, &set), 0);
	port = free_port(SOCK_STREAM);
	do
		other = free_port(SOCK_STREAM);
	while (other == port);
}

static inline bool no_session(void *context)
{
	(void)context;
	return service_set_session_count(set) == 0;
}

static inline void tear_down(void)
{
	service_set_terminate(set, true);
	run_until(loop, log_, no_session, NULL);
	service_set_free(set);
	spawn_free(spawn);
	log_close(log_);
	loop_free(loop);
	conf_errors_free(&errors);
	service_changes_free(&changes);
	remove_folder(folder);
}

/* A snapshot of this text; services run as who runs the test. */
__attribute__((format(printf, 1, 0))) static inline struct conf *make_conf(const char *format, va_list arguments)
{
	static char text[65536];
	const struct passwd *self = getpwuid(geteuid());
	int used = snprintf(text, sizeof(text), "[defaults]\nuser = %s\n", self->pw_name);

	vsnprintf(text + used, sizeof(text) - (size_t)used, format, arguments);
	conf_errors_free(&errors);
	errors = (struct conf_errors){ .count = 0 };
	service_changes_free(&changes);
	return conf_of(folder, text);
}

/* Puts a configuration in force, or tries it only. */
static inline _printf_(1, 2) int apply(const char *format, ...)
{
	struct conf *conf;
	va_list arguments;
	int r;

	va_start(arguments, format);
	conf = make_conf(format, arguments);
	va_end(arguments);
	r = service_set_apply(set, conf, &errors, &summary, &changes);
	conf_unref(conf);
	return r;
}

static inline _printf_(1, 2) int try_out(const char *format, ...)
{
	struct conf *conf;
	va_list arguments;
	int r;

	va_start(arguments, format);
	conf = make_conf(format, arguments);
	va_end(arguments);
	r = service_set_try(set, conf, &errors, &changes);
	conf_unref(conf);
	return r;
}

static inline bool log_has(void *text)
{
	log_flush(log_);
	return strstr(read_file(log_path), text) != NULL;
}

static inline void wait_for_log(const char *text)
{
	ck_assert_msg(run_for(loop, log_, PATIENCE_NS, log_has, (void *)(uintptr_t)text), "no '%s' in:\n%s",
		      text, read_file(log_path));
}

static inline bool has_sessions(void *context)
{
	return service_set_session_count(set) == *(size_t *)context;
}

static inline void wait_for_sessions(size_t count)
{
	run_until(loop, log_, has_sessions, &count);
}

static inline void run_a_while(void)
{
	ck_assert(!run_for(loop, log_, 50 * NS_PER_MS, never, NULL));
}

static inline bool answered(void *context)
{
	struct pollfd look = { .fd = *(int *)context, .events = POLLIN };

	return poll(&look, 1, 0) == 1;
}

/* Waits for what a client is told. */
static inline const char *answer(int client)
{
	static char text[128];
	ssize_t n;

	run_until(loop, log_, answered, &client);
	n = recv(client, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static inline int connect_to(uint16_t where)
{
	int client = client_of(SOCK_STREAM, where);

	ck_assert_int_ge(client, 0);
	return client;
}

#endif
