/* ctl_help.h - for tests of usherctl: a daemon that says what a test wants said, and the command run against
 * it. */
#ifndef USHERD_TESTS_CTL_HELP_H
#define USHERD_TESTS_CTL_HELP_H

#include "base.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define FAKE_SECONDS 60 /* no test needs as long; then everything ends */
#define OUTPUT_MAX   (1 << 20)

/* What the daemon says to a request: NULL is any. Of several rows that fit each is used once, the last for
 * ever. */
struct fake_reply {
	const char *request;
	const char *reply; /* with its line feed; NULL: closes without a word */
	size_t zeros;      /* so many blanks more, before the line feed */
	bool stays_open;   /* after that; else it is asked again */
};

struct fake {
	char directory[64], path[96];
	pid_t pid;
};

struct output {
	int status; /* exit status, or 128 + signal */
	char out[OUTPUT_MAX], err[OUTPUT_MAX];
};

static void fake_write(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		bytes += n;
		length -= (size_t)n;
	}
}

static bool fake_fits(const struct fake_reply *row, const char *line)
{
	return row->request == NULL || strcmp(row->request, line) == 0;
}

static void fake_answer(int fd, const struct fake_reply *row)
{
	size_t length = row->reply == NULL ? 0 : strlen(row->reply);
	char blanks[4096];

	memset(blanks, ' ', sizeof(blanks));
	if (row->zeros > 0) {
		fake_write(fd, row->reply, length - 1);
		for (size_t left = row->zeros; left > 0;) {
			size_t some = left < sizeof(blanks) ? left : sizeof(blanks);

			fake_write(fd, blanks, some);
			left -= some;
		}
		fake_write(fd, "\n", 1);
	} else {
		fake_write(fd, row->reply, length);
	}
}

/* One connection: lines in, replies out. */
static void fake_serve(int fd, const struct fake_reply *rows, size_t count, bool *used)
{
	char line[8192];
	size_t length = 0;

	while (recv(fd, line + length, 1, 0) == 1) {
		const struct fake_reply *row = NULL;

		if (line[length] != '\n') {
			length += length + 2 < sizeof(line);
			continue;
		}
		line[length] = '\0';
		length = 0;
		for (size_t i = 0; i < count; i++)
			if (fake_fits(&rows[i], line) && (row == NULL || used[row - rows]))
				row = &rows[i];
		if (row == NULL || row->reply == NULL)
			return;
		used[row - rows] = true;
		fake_answer(fd, row);
		if (row->stays_open)
			(void)!recv(fd, line, 1, 0);
	}
}

static void fake_start(struct fake *fake, const struct fake_reply *rows, size_t count)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	bool used[16] = { false };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_uint_le(count, ELEMENTS(used));
	snprintf(fake->directory, sizeof(fake->directory), "/tmp/check-ctl-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fake->directory));
	snprintf(fake->path, sizeof(fake->path), "%s/control", fake->directory);
	memcpy(address.sun_path, fake->path, strlen(fake->path));
	ck_assert_int_eq(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 16), 0);
	fake->pid = fork();
	ck_assert_int_ge(fake->pid, 0);
	if (fake->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(FAKE_SECONDS);
		for (;;) {
			int fd = accept(listener, NULL, NULL);

			if (fd < 0)
				_exit(0);
			fake_serve(fd, rows, count, used);
			close(fd);
		}
	}
	close(listener);
}

static void fake_stop(struct fake *fake)
{
	kill(fake->pid, SIGKILL);
	waitpid(fake->pid, NULL, 0);
	unlink(fake->path);
	rmdir(fake->directory);
}

static void read_all(int fd, char text[static OUTPUT_MAX])
{
	size_t used = 0;
	ssize_t n;

	while (used < OUTPUT_MAX - 1 && (n = read(fd, text + used, OUTPUT_MAX - 1 - used)) > 0)
		used += (size_t)n;
	text[used] = '\0';
}

static int wait_status(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* In the child: usherctl with the words of `line` (by blanks; no quotes) behind `-s path`. */
static void ctl_exec(const char *path, const char *line, const char *locale)
{
	char program[4096], words[8192], *arguments[64] = { program };
	const char *build = getenv("BUILD");
	size_t count = 1;

	alarm(FAKE_SECONDS);
	snprintf(program, sizeof(program), "%s/usherctl", build != NULL ? build : ".");
	snprintf(words, sizeof(words), "%s", line);
	setenv("LC_ALL", locale, 1);
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	setenv("USHERD_CONTROL", path, 1);
	for (char *at = strtok(words, " "); at != NULL && count < 63; at = strtok(NULL, " "))
		arguments[count++] = at;
	arguments[count] = NULL;
	execv(program, arguments);
	_exit(127);
}

/* Runs it with files for its output. */
static inline void ctl_run_line(const char *path, const char *line, const char *locale, struct output *output)
{
	FILE *out = tmpfile(), *err = tmpfile();
	pid_t pid;

	ck_assert(out != NULL && err != NULL);
	fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(fileno(out), 1);
		dup2(fileno(err), 2);
		ctl_exec(path, line, locale);
	}
	output->status = wait_status(pid);
	lseek(fileno(out), 0, SEEK_SET);
	lseek(fileno(err), 0, SEEK_SET);
	read_all(fileno(out), output->out);
	read_all(fileno(err), output->err);
	fclose(out);
	fclose(err);
}

/* The same on a terminal with so many columns. */
static inline void ctl_run_on_terminal(const char *path, const char *line, unsigned short columns,
				       struct output *output)
{
	struct winsize size = { .ws_row = 24, .ws_col = columns };
	int terminal;
	pid_t pid = forkpty(&terminal, NULL, NULL, &size);

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		ctl_exec(path, line, "C.UTF-8");
	read_all(terminal, output->out);
	output->err[0] = '\0';
	close(terminal);
	output->status = wait_status(pid);
}

#endif
