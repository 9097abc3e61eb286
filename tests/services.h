/* services.h - for the tests of the bundled services: starts a built program on
 * given descriptors and takes its exit code and what it said on standard error.
 * The folder of the programs comes from USHERD_SERVICES_DIR. */
#ifndef USHERD_TESTS_SERVICES_H
#define USHERD_TESTS_SERVICES_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

struct program {
	pid_t pid;
	int error_fd;
	char errors[1000]; /* after program_end() */
};

/* Starts `argv[0]` of the services folder with `input` and `output` (borrowed)
 * as 0 and 1 and nothing in its environment but `env` (NULL: nothing). */
static inline struct program program_start(const char *const *argv, const char *const *env, int input, int output)
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

#endif
