/* spawn_help.h - real children, and what they wrote. */
#ifndef USHERD_TESTS_SPAWN_HELP_H
#define USHERD_TESTS_SPAWN_HELP_H

#include "spawn.h"

#include "core_help.h"

#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define MOST_FIXED 4

static struct spawn *spawn;
static const char *folder;
static struct conf_service service;
static struct endpoint endpoint;
static struct peer peer, local;
static char *words[4];
static int ends[2]; /* the client's socket, and the service's */

static inline int store_endpoint(void *context, const struct endpoint *parsed)
{
	*(struct endpoint *)context = *parsed;
	return 0;
}

static inline void use_endpoint(const char *text)
{
	char reason[256];

	ck_assert_int_eq(endpoint_parse(text, store_endpoint, &endpoint, reason, sizeof(reason)), 0);
}

static inline void set_up(void)
{
	static char *no_words[] = { NULL };

	/* What the test was started with; usherd puts that right at its start. */
	ck_assert_int_eq(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC), 0);
	/* By the system call: signal(3) refuses 32 and 33, which make leaves ignored. */
	for (int signo = 1; signo <= SIGRTMAX; signo++) {
		unsigned long defaults[8] = { 0 };

		syscall(SYS_rt_sigaction, signo, defaults, NULL, 8);
	}
	ck_assert_int_eq(spawn_new(&spawn), 0);
	ck_assert_int_eq(spawn_reserve(spawn, MOST_FIXED, 4), 0);
	folder = make_folder();
	service = (struct conf_service){
		.name = "test",
		.exec = { words, 0 },
		.directory = "/",
		.umask = 022,
		.environment = { no_words, 0 },
		.stderr_target = { .kind = CONF_STDERR_NULL },
	};
	use_endpoint("127.0.0.1:7");
	peer = (struct peer){ .family = PEER_IPV4, .port = 1234, .ip = { 127, 0, 0, 2 } };
	local = (struct peer){ .family = PEER_IPV4, .port = 7, .ip = { 127, 0, 0, 1 } };
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static inline void tear_down(void)
{
	close(ends[0]);
	cleanup_fd(&ends[1]);
	spawn_free(spawn);
	remove_folder(folder);
}

static inline struct spawn_request request_of(enum spawn_kind kind)
{
	return (struct spawn_request){
		.cgroup = -1,
		.kind = kind,
		.service = &service,
		.endpoint = &endpoint,
		.session = 17,
		.socket = ends[1],
		.peer = &peer,
		.local = &local,
	};
}

static inline void use_program(const char *program, const char *argument, const char *more)
{
	service.program = program;
	words[0] = (char *)(uintptr_t)program;
	words[1] = (char *)(uintptr_t)argument;
	words[2] = (char *)(uintptr_t)more;
	service.exec.count = more != NULL ? 3 : argument != NULL ? 2 : 1;
}

static inline void use_script(const char *script)
{
	use_program("/bin/sh", "-c", script);
}

/* Waits for the child. Returns its exit status, or minus the signal. */
static inline int finish(struct spawn_child *child)
{
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED), 0);
	close(child->pidfd);
	cleanup_fd(&child->stderr_pipe);
	cleanup_fd(&child->replies);
	return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

static inline struct spawn_child start(enum spawn_kind kind)
{
	struct spawn_request request = request_of(kind);
	struct spawn_child child;
	struct spawn_failure failure = { .step = "none" };
	int r = spawn_start(spawn, &request, &child, &failure);

	ck_assert_msg(r == 0, "%s: %s", failure.step, strerror(-r));
	ck_assert_int_ne(fcntl(child.pidfd, F_GETFD) & FD_CLOEXEC, 0);
	return child;
}

/* What the program of a connection writes until its end. */
static inline const char *output_of(const char *script)
{
	static char text[16384];
	size_t length = 0;
	ssize_t n;

	use_script(script);

	struct spawn_child child = start(SPAWN_CONNECTION);

	close(fd_take(&ends[1]));
	while ((n = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	ck_assert_int_eq(finish(&child), 0);
	return text;
}

static inline const char *file_with(const char *name, mode_t mode, const char *text)
{
	const char *path = path_in(folder, name);

	write_file(path, mode, text);
	return path;
}

#endif
