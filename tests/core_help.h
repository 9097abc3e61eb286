/* core_help.h - what the tests of the daemon's core share: a loop that runs
 * until something is so (or a deadline says that it never will be), a log that can be
 * read, configurations from text, a folder of its own. */
#ifndef USHERD_TESTS_CORE_HELP_H
#define USHERD_TESTS_CORE_HELP_H

#include "base.h"
#include "clock.h"
#include "conf.h"
#include "log.h"
#include "loop.h"
#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PATIENCE_NS (10 * NS_PER_S)
#define TICK_NS (2 * NS_PER_MS)

/* ---- the loop ---- */

/* Runs until `done` says so; fails the test when it does not in time. */
struct patience {
	struct loop *loop;
	struct log *log; /* flushed each round, or NULL */
	bool (*done)(void *context);
	void *context;
	struct loop_timer tick;
	uint64_t deadline_ns;
	bool in_time;
};

static inline void patience_tick(struct loop_timer *timer)
{
	struct patience *patience = container_of(timer, struct patience, tick);

	loop_arm(patience->loop, timer, clock_now_ns() + TICK_NS);
}

static inline void patience_round_end(void *context)
{
	struct patience *patience = context;

	if (patience->log != NULL)
		log_flush(patience->log);
	if (patience->done(patience->context))
		patience->in_time = true;
	else if (clock_now_ns() < patience->deadline_ns)
		return;
	loop_stop(patience->loop);
}

static inline bool run_for(struct loop *loop, struct log *log, uint64_t time_ns, bool (*done)(void *),
			   void *context)
{
	struct patience patience = {
		.loop = loop,
		.log = log,
		.done = done,
		.context = context,
		.tick = { .expired = patience_tick },
		.deadline_ns = clock_now_ns() + time_ns,
	};

	loop_arm(loop, &patience.tick, 0);
	ck_assert_int_eq(loop_run(loop, patience_round_end, &patience), 0);
	loop_disarm(loop, &patience.tick);
	return patience.in_time;
}

#define run_until(loop, log, done, context) \
	ck_assert_msg(run_for(loop, log, PATIENCE_NS, done, context), "waited in vain for " #done)

static inline bool never(void *context)
{
	(void)context;
	return false;
}

/* ---- descriptors and files ---- */

static inline size_t count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	ck_assert_ptr_nonnull(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count - 3; /* . and .. and the directory itself */
}

/* A folder that only this test has; what is in it goes with remove_folder(). */
static inline const char *make_folder(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/tmp/usherd-check-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	ck_assert_int_eq(chmod(path, 0755), 0);
	return path;
}

static inline const char *path_in(const char *folder, const char *name)
{
	static char paths[8][128];
	static unsigned next;
	char *path = paths[next++ % ELEMENTS(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static inline void remove_folder(const char *folder)
{
	DIR *directory = opendir(folder);
	struct dirent *entry;

	ck_assert_ptr_nonnull(directory);
	while ((entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	closedir(directory);
	ck_assert_int_eq(rmdir(folder), 0);
}

static inline void write_file(const char *path, mode_t mode, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* The whole file; a static buffer. */
static inline const char *read_file(const char *path)
{
	static char text[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static inline unsigned count_in(const char *text, const char *part)
{
	unsigned count = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
		count++;
	return count;
}

static inline struct log *open_log(const char *path)
{
	struct log_options options = {
		.sink = LOG_SINK_FILE,
		.path = path,
		.format = LOG_FORMAT_TEXT,
		.level = LOG_LEVEL_DEBUG,
	};
	struct log *log;

	ck_assert_int_eq(log_open(&options, 0, &log), 0);
	return log;
}

/* ---- configurations ---- */

/* A snapshot of this text, by way of a file. Services run as who runs the test. */
static inline struct conf *conf_of(const char *folder, const char *text)
{
	static char *const nothing[] = { NULL };
	const struct conf_environment environment = { .services_directory = folder, .environ = nothing };
	const char *path = path_in(folder, "services.ini");
	struct conf_errors errors = { .count = 0 };
	struct conf *conf = NULL;
	int r;

	write_file(path, 0600, text);
	r = conf_load(path, &environment, &conf, &errors);
	if (errors.count > 0)
		conf_errors_print(&errors, stderr);
	ck_assert_int_eq(r, 0);
	conf_errors_free(&errors);
	return conf;
}

/* ---- sockets ---- */

static inline struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

/* A port that was free a moment ago. */
static inline uint16_t free_port(int type)
{
	struct sockaddr_in address = loopback(0);
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	close(fd);
	return ntohs(address.sin_port);
}

/* A client's socket, connected; -1 when nobody listens. Blocking, with a time limit. */
static inline int client_of(int type, uint16_t port)
{
	struct sockaddr_in address = loopback(port);
	struct timeval limit = { .tv_sec = 10 };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

#endif
