/* harness_daemon.c - real daemons and commands under the end-to-end tests: start,
 * follow the log, reload, stop, measure; see harness.h. */
#include "harness_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *usherd_path(void)
{
	static char path[4096];
	const char *const places[] = { "../usherd", "../src/usherd", "usherd", NULL };
	const char *found = harness_built("USHERD", places, path);

	ck_assert_msg(found != NULL, "no usherd beside the tests; set USHERD");
	return found;
}

/* ---- commands ---- */

static char **expand_words(const char *const *words, size_t *count, char **vector)
{
	for (; words != NULL && *words != NULL; words++)
		vector[(*count)++] = test_expand(*words);
	vector[*count] = NULL;
	return vector;
}

int run_command(const char *const *words, char **ret_output)
{
	char *vector[64];
	size_t count = 0;
	const char *path = test_path("output");
	pid_t child;
	int status = -1, out;

	expand_words(words, &count, vector);
	out = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(out, 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
		dup2(out, 1);
		dup2(out, 2);
		signal(SIGPIPE, SIG_DFL);
		execvp(vector[0], vector);
		_exit(127);
	}
	close(out);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (ret_output != NULL)
		*ret_output = test_read(path);
	for (size_t i = 0; i < count; i++)
		free(vector[i]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int run_usherd(const char *const *words, char **ret_output)
{
	const char *vector[64] = { usherd_path() };

	for (size_t i = 1; i < 63 && words[i - 1] != NULL; i++)
		vector[i] = words[i - 1];
	return run_command(vector, ret_output);
}

/* ---- daemons ---- */

/* Whether everybody may pass the directories of a path. */
static bool is_open_to_all(const char *path)
{
	char part[4096];
	struct stat status;

	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s/", (int)(slash - path), path);
		if (stat(part, &status) != 0 || (status.st_mode & S_IXOTH) == 0)
			return false;
	}
	return true;
}

/* The bundled services; a copy of them when the build stands where the users of
 * services have no way in (a tree below /root). */
static const char *services_directory(void)
{
	static char path[4096], command[12400];
	const char *const places[] = { "../services", "services", ".", NULL };
	const char *built = harness_built("USHERD_SERVICES", places, path);
	const char *copy = test_path("bundled");

	if (built == NULL || is_open_to_all(built))
		return built;
	snprintf(command, sizeof(command),
		 "mkdir -p '%s' && find -L '%s' -maxdepth 1 -type f -perm -u+x -exec cp -p {} '%s' \\;", copy, built,
		 copy);
	ck_assert_int_eq(system(command), 0);
	return copy;
}

static void child_exec(const struct daemon_spec *spec, char **vector, const char *log_path)
{
	static char path_variable[] = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
	static char sanitizer[512] = "ASAN_OPTIONS=";
	static char *clean[] = { path_variable, NULL, NULL };
	int error = spec->error_fd;

	if (getenv("ASAN_OPTIONS") != NULL) {
		snprintf(sanitizer, sizeof(sanitizer), "ASAN_OPTIONS=%s", getenv("ASAN_OPTIONS"));
		clean[1] = sanitizer;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (error <= 0)
		error = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	dup2(open("/dev/null", O_RDWR | O_CLOEXEC), 0);
	dup2(0, 1);
	dup2(error, 2);
	close_range(3, ~0U, 0);
	signal(SIGPIPE, SIG_DFL);
	if (spec->prepare != NULL)
		spec->prepare(spec->context);
	execvpe(vector[0], vector, spec->environment != NULL ? spec->environment : clean);
	_exit(127);
}

struct daemon *daemon_launch(const struct daemon_spec *spec)
{
	static unsigned turn;
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	char *vector[64];
	size_t count = 0;
	const char *program[] = { usherd_path(), NULL };
	const char *config[] = { "-c", "$DIR/services.ini", "--services-dir", services_directory(), NULL };

	snprintf(daemon->log_path, sizeof(daemon->log_path), "%s/log.%u", test_dir(), ++turn);
	close(open(daemon->log_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	daemon->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	inotify_add_watch(daemon->watch, daemon->log_path, IN_MODIFY);
	if (spec->config != NULL)
		daemon_configure(spec->config);
	expand_words(spec->wrapper, &count, vector);
	expand_words(program, &count, vector);
	if (spec->config != NULL)
		expand_words(config, &count, vector);
	expand_words(spec->arguments, &count, vector);
	daemon->pid = fork();
	ck_assert_int_ge(daemon->pid, 0);
	if (daemon->pid == 0)
		child_exec(spec, vector, daemon->log_path);
	if (!spec->no_wait) {
		daemon_wait_log(daemon, " ready ");
		daemon->fds = daemon_count_fds(daemon);
	}
	return daemon;
}

struct daemon *daemon_start(const char *config)
{
	return daemon_launch(&(struct daemon_spec){ .config = config });
}

static void fetch_log(struct daemon *daemon)
{
	struct stat status;
	int fd = open(daemon->log_path, O_RDONLY | O_CLOEXEC);
	char drain[4096];

	while (read(daemon->watch, drain, sizeof(drain)) > 0)
		;
	if (fd < 0 || fstat(fd, &status) < 0)
		return;
	if ((size_t)status.st_size > daemon->log_size) {
		daemon->log = realloc(daemon->log, (size_t)status.st_size + 1);
		ssize_t got = pread(fd, daemon->log + daemon->log_size,
				    (size_t)status.st_size - daemon->log_size, (off_t)daemon->log_size);
		if (got > 0)
			daemon->log_size += (size_t)got;
		daemon->log[daemon->log_size] = '\0';
	}
	close(fd);
}

const char *daemon_read_log(struct daemon *daemon)
{
	fetch_log(daemon);
	return daemon->log != NULL ? daemon->log : "";
}

const char *daemon_log_tail(struct daemon *daemon)
{
	const char *text = daemon_read_log(daemon);
	size_t length = strlen(text);

	return length > 6000 ? text + length - 6000 : text;
}

void harness_compile(regex_t *regex, const char *expression)
{
	ck_assert_msg(regcomp(regex, expression, REG_EXTENDED | REG_NEWLINE) == 0, "bad expression %s",
		      expression);
}

const char *daemon_find_log(struct daemon *daemon, const char *expression)
{
	static char line[8192];
	regmatch_t match;
	regex_t regex;

	fetch_log(daemon);
	if (daemon->log == NULL)
		return NULL;
	harness_compile(&regex, expression);
	int found = regexec(&regex, daemon->log + daemon->mark, 1, &match, 0);

	regfree(&regex);
	if (found != 0)
		return NULL;
	char *at = daemon->log + daemon->mark + match.rm_so, *end = strchr(at, '\n'), *start = at;

	if (end == NULL) /* the line is still being written */
		return NULL;
	while (start > daemon->log && start[-1] != '\n')
		start--;
	snprintf(line, sizeof(line), "%.*s", (int)(end - start), start);
	daemon->mark = (size_t)(end + 1 - daemon->log);
	return line;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

const char *daemon_wait_log(struct daemon *daemon, const char *format, ...)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	char expression[1024];
	const char *line;
	bool gone = false;
	va_list list;

	va_start(list, format);
	vsnprintf(expression, sizeof(expression), format, list);
	va_end(list);
	while ((line = daemon_find_log(daemon, expression)) == NULL) {
		struct pollfd wait = { .fd = daemon->watch, .events = POLLIN };

		ck_assert_msg(now_ms() < end && !gone, "no line /%s/%s after byte %zu of the log:\n%s",
			      expression, gone ? " (the daemon is gone)" : "", daemon->mark,
			      daemon_log_tail(daemon));
		gone = has_ended(daemon->pid);
		poll(&wait, 1, gone ? 0 : 50);
	}
	return line;
}

unsigned daemon_count_log(struct daemon *daemon, const char *expression)
{
	const char *at = daemon_read_log(daemon);
	unsigned count = 0;
	regmatch_t match;
	regex_t regex;

	harness_compile(&regex, expression);
	while (regexec(&regex, at, 1, &match, 0) == 0) {
		count++;
		at = strchr(at + match.rm_so, '\n');
		if (at == NULL)
			break;
		at++;
	}
	regfree(&regex);
	return count;
}

const char *line_text(const char *line, const char *key)
{
	static char value[4096];
	char wanted[64];
	size_t length = 0;

	snprintf(wanted, sizeof(wanted), " %s=", key);
	const char *at = strstr(line, wanted);

	ck_assert_msg(at != NULL, "no %s= in: %s", key, line);
	at += strlen(wanted);
	char stop = *at == '"' ? *at++ : ' ';

	while (*at != '\0' && *at != stop && length < sizeof(value) - 1) {
		if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
			at++;
		value[length++] = *at++;
	}
	value[length] = '\0';
	return value;
}

long line_number(const char *line, const char *key)
{
	return atol(line_text(line, key));
}

int daemon_wait_exit(struct daemon *daemon)
{
	int pidfd = (int)syscall(SYS_pidfd_open, daemon->pid, 0), status = -1;
	struct pollfd wait = { .fd = pidfd, .events = POLLIN };

	if (pidfd >= 0) {
		ck_assert_msg(poll(&wait, 1, PATIENCE_MS) == 1, "pid %d does not end; log:\n%s", daemon->pid,
			      daemon_log_tail(daemon));
		close(pidfd);
	}
	ck_assert_int_eq(waitpid(daemon->pid, &status, 0), daemon->pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void daemon_stop(struct daemon *daemon)
{
	daemon_signal(daemon, SIGTERM);
	int status = daemon_wait_exit(daemon);

	ck_assert_msg(status == 0, "exit status %d; log:\n%s", status, daemon_log_tail(daemon));
}

void daemon_configure(const char *config)
{
	char *text = harness_add_control(config);

	test_write("services.ini", 0644, text, true);
	free(text);
}

void daemon_reload(struct daemon *daemon, bool good)
{
	daemon_signal(daemon, SIGHUP);
	daemon_wait_log(daemon, good ? " reload generation=" : " reload-failed ");
}

void daemon_signal(const struct daemon *daemon, int number)
{
	ck_assert_msg(kill(daemon->pid, number) == 0, "kill %d: %s", daemon->pid, strerror(errno));
}

/* What the kernel lists, where it does: it may miss some while others end, so none is no answer. */
static int listed_children(pid_t pid)
{
	char path[64], *end;
	int count = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	char *text = test_read(path);

	for (char *at = text; strtol(at, &end, 10) > 0 && end != at; at = end)
		count++;
	free(text);
	return count;
}

/* Asked for again and again: a look at all processes of the machine is the last resort. */
int daemon_children(const struct daemon *daemon)
{
	int listed = listed_children(daemon->pid);

	return listed > 0 ? listed : harness_each_child(daemon->pid, NULL, NULL);
}

int daemon_count_fds(const struct daemon *daemon)
{
	char path[64];
	int count = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", daemon->pid);
	DIR *fds = opendir(path);

	for (struct dirent *entry; fds != NULL && (entry = readdir(fds)) != NULL;)
		count += entry->d_name[0] != '.';
	if (fds != NULL)
		closedir(fds);
	return count;
}

uint64_t daemon_cpu_ms(const struct daemon *daemon)
{
	struct timespec used = { 0 };
	clockid_t clock;

	ck_assert_int_eq(clock_getcpuclockid(daemon->pid, &clock), 0);
	clock_gettime(clock, &used);
	return (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
}

long daemon_status(const struct daemon *daemon, const char *field)
{
	char path[64];
	long value = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", daemon->pid);
	char *text = test_read(path), *at = strstr(text, field);

	if (at != NULL)
		value = atol(at + strlen(field) + 1);
	free(text);
	return value;
}

void daemon_oracle(struct daemon *daemon)
{
	uint64_t end = now_ms() + PATIENCE_MS;
	int children, fds;
	char state = '?';

	do {
		nap();
		children = daemon_children(daemon);
		fds = daemon_count_fds(daemon);
	} while ((children != 0 || fds != daemon->fds) && now_ms() < end);
	ck_assert_msg(harness_parent(daemon->pid, &state) > 0 && state != 'Z', "the daemon is gone; log:\n%s",
		      daemon_log_tail(daemon));
	ck_assert_msg(children == 0, "%d children (or zombies) are left; log:\n%s", children,
		      daemon_log_tail(daemon));
	ck_assert_msg(fds == daemon->fds, "%d descriptors, %d when it was ready; log:\n%s", fds, daemon->fds,
		      daemon_log_tail(daemon));
}

/* ---- faults ---- */

static long tracer_of(const struct daemon *daemon)
{
	return daemon_status(daemon, "TracerPid:");
}

pid_t inject_start(const struct daemon *daemon, const char *inject)
{
	const char *strace = harness_find("strace");
	char what[512], pid[32];
	pid_t tracer;

	if (strace == NULL)
		return 0;
	snprintf(what, sizeof(what), "inject=%s", inject);
	snprintf(pid, sizeof(pid), "%d", daemon->pid);
	tracer = fork();
	if (tracer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int out = open(test_path("strace"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		dup2(out, 1);
		dup2(out, 2);
		execl(strace, "strace", "-f", "-qq", "-o", test_path("trace"), "-e", what, "-e",
		      "signal=none", "-p", pid, (char *)NULL);
		_exit(127);
	}
	WAIT_UNTIL(tracer_of(daemon) == tracer || has_ended(tracer));
	if (has_ended(tracer)) {
		ck_assert_msg(!has_match(test_read(test_path("strace")), "inject|invalid"), "strace: %s",
			      test_read(test_path("strace")));
		return 0;
	}
	return tracer;
}

void inject_stop(const struct daemon *daemon, pid_t tracer)
{
	kill(tracer, SIGTERM);
	ck_assert_int_eq(waitpid(tracer, NULL, 0), tracer);
	WAIT_UNTIL(tracer_of(daemon) == 0);
}
