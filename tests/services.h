/* services.h - for the tests of the bundled services: starts a built program on
 * given descriptors and takes its exit code and what it said on standard error.
 * The folder of the programs comes from USHERD_SERVICES_DIR. Also what more than
 * one of these tests asks for and compares with. */
#ifndef USHERD_TESTS_SERVICES_H
#define USHERD_TESTS_SERVICES_H

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

struct program {
	pid_t pid;
	int error_fd;
	char errors[1000]; /* after program_end() */
};

/* Starts `argv[0]` of the services folder with `input` and `output` (borrowed)
 * as 0 and 1 and nothing in its environment but `env` (NULL: nothing). */
static inline struct program program_start(const char *const *argv, const char *const *env, int input,
					   int output)
{
	static const char *const empty[] = { NULL };
	struct program program = { .error_fd = memfd_create("stderr", MFD_CLOEXEC) };
	const char *folder = getenv("USHERD_SERVICES_DIR");
	char path[4096];

	ck_assert_msg(folder != NULL, "USHERD_SERVICES_DIR is not set");
	ck_assert_int_ge(program.error_fd, 0);
	snprintf(path, sizeof(path), "%s/%s", folder, argv[0]);
	program.pid = fork();
	ck_assert_int_ge(program.pid, 0);
	if (program.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Above 2 first, lest one overwrites the other. */
		input = fcntl(input, F_DUPFD_CLOEXEC, 3);
		output = fcntl(output, F_DUPFD_CLOEXEC, 3);
		dup2(input, 0);
		dup2(output, 1);
		dup2(program.error_fd, 2);

		/* exec takes its vectors without const, and changes nothing. */
		union {
			const char *const *in;
			char *const *out;
		} vector = { .in = argv }, environment = { .in = env != NULL ? env : empty };

		execve(path, vector.out, environment.out);
		dprintf(2, "exec %s: %s\n", path, strerror(errno));
		_exit(127);
	}
	return program;
}

/* Waits for its end. Returns the exit code, or minus the signal's number. */
static inline int program_end(struct program *program)
{
	int status;
	pid_t pid;

	do {
		pid = waitpid(program->pid, &status, 0);
	} while (pid < 0 && errno == EINTR);
	ck_assert_int_eq(pid, program->pid);

	ssize_t length = pread(program->error_fd, program->errors, sizeof(program->errors) - 1, 0);

	ck_assert_int_ge(length, 0);
	program->errors[length] = '\0';
	close(program->error_fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Ends it, for services that would go on; it must have been alive until now. */
static inline void program_kill(struct program *program)
{
	ck_assert_int_eq(kill(program->pid, SIGTERM), 0);

	int ended = program_end(program);

	ck_assert_msg(ended == -SIGTERM, "it had ended before, with %d: %s", ended, program->errors);
}

#define ROOM 70000

/* The argv of a program without arguments; good until the next call. */
static inline const char *const *arguments(const char *name)
{
	static const char *argv[2];

	argv[0] = name;
	return argv;
}

/* What a filter sees that was asked by an ordinary client. */
static const char *const client_env[] __attribute__((unused)) = {
	"PROTO=UDP", "UDPREMOTEIP=192.0.2.7", "UDPREMOTEPORT=40112",
	"UDPLOCALIP=192.0.2.1", "UDPLOCALPORT=7007", NULL,
};

/* Gives one datagram to a filter (on a pipe or, as usherd does, in a file) and
 * takes what it replies. */
static inline ssize_t ask_filter(const char *const *argv, const char *const *env, const void *request,
				 size_t length, bool on_pipe, char reply[static ROOM])
{
	int input[2] = { -1, -1 }, output[2];

	if (on_pipe) {
		ck_assert_int_eq(pipe2(input, O_CLOEXEC), 0);
		ck_assert_int_eq(fcntl(input[1], F_SETPIPE_SZ, 1 << 17) > 0, 1);
		ck_assert_int_eq(write(input[1], request, length), (ssize_t)length);
		close(input[1]);
	} else {
		input[0] = memfd_create("datagram", MFD_CLOEXEC);
		ck_assert_int_eq(write(input[0], request, length), (ssize_t)length);
		ck_assert_int_eq(lseek(input[0], 0, SEEK_SET), 0);
	}
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, output), 0);

	struct program program = program_start(argv, env, input[0], output[1]);

	ck_assert_int_eq(program_end(&program), 0);
	ck_assert_str_eq(program.errors, "");

	/* Our copy of its end is open, so 0 is an empty reply and not an end. */
	ssize_t got = recv(output[0], reply, ROOM, MSG_DONTWAIT);

	if (got >= 0)
		ck_assert_msg(recv(output[0], reply + got, 1, MSG_DONTWAIT) == -1, "a second reply");
	else
		ck_assert_int_eq(errno, EAGAIN);
	close(input[0]);
	close(output[0]);
	close(output[1]);
	return got;
}

/* Bytes that look random and are always the same. */
static inline void fill(char *bytes, size_t length)
{
	uint32_t state = 12345;

	for (size_t i = 0; i < length; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (char)(state >> 24);
	}
}

/* The line is a date of mail, this moment, and the client sees its end. */
static inline void assert_daytime(const char *text, size_t length, const char *zone)
{
	char line[100];
	struct tm tm = { 0 };
	time_t now = time(NULL);

	ck_assert_uint_lt(length, 64);
	memcpy(line, text, length);
	line[length] = '\0';

	const char *rest = strptime(line, "%a, %d %b %Y %H:%M:%S %z", &tm);

	ck_assert_msg(rest != NULL, "no date: %s", line);
	ck_assert_str_eq(rest, "\r\n");
	ck_assert_msg(strstr(line, zone) != NULL, "zone %s is not in %s", zone, line);

	long offset = tm.tm_gmtoff;
	time_t told = timegm(&tm) - offset;

	ck_assert_int_ge(told, now - 2);
	ck_assert_int_le(told, now);
}

/* These are the seconds of RFC 868, of this moment. */
static inline void assert_time(const char *bytes, size_t length)
{
	uint32_t seconds, now = (uint32_t)((uint64_t)time(NULL) + 2208988800U);

	ck_assert_uint_eq(length, 4);
	memcpy(&seconds, bytes, sizeof(seconds));
	/* The difference wraps as the numbers do. */
	ck_assert_uint_le(now - ntohl(seconds), 2);
}

/* `text` is the beginning of what chargen sends. */
static inline void assert_pattern(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		size_t line = i / 74, column = i % 74;
		char right = column == 72 ? '\r' : column == 73 ? '\n' : (char)(' ' + (line + column) % 95);

		ck_assert_msg(text[i] == right, "byte %zu is %d, not %d", i, text[i], right);
	}
}

#endif
