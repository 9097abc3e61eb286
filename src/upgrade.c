/* upgrade.c - see upgrade.h. What the programs tell each other beside the state stands in the
 * environment:
 *
 *     USHERD_UPGRADE=FD:PID:BACK     take the state in FD, if you are PID; BACK is the program before
 *     USHERD_UPGRADE=FD:PID          the same, and there is no way back
 *     USHERD_UPGRADE_FAILED=WHY      you are the one before, again
 *     USHERD_UPGRADE_TRIAL=FD        only look at it */
#include "upgrade.h"

#include "base.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

#define VARIABLE   "USHERD_UPGRADE"
#define YES        "usherd-upgrade yes "
#define TRIAL_FD   (STDERR_FILENO + 1)
#define STACK_SIZE 65536
#define OWN_NAMES  3 /* at most, in the environment of another program */

struct upgrade {
	enum upgrade_way way;
	char program[PATH_MAX];
	char directory[PATH_MAX];
	char **argv;
	char **environment; /* as we were started, without what is not for the next program */
	size_t environment_count;
	struct state *state;
	int state_fd; /* UPGRADE_TAKE */
	int back_fd;  /* the program before; or -1 */
	char *failure;
	FILE *stderr_before; /* while messages are kept */
	char *messages;
	size_t messages_size;
};

/* ---- the environment ---- */

/* What concerns this process only, or these very descriptors. */
static bool is_passing(const char *variable)
{
	static const char *const names[] = { VARIABLE "=",  VARIABLE "_",      "LISTEN_FDS=",
					     "LISTEN_PID=", "LISTEN_FDNAMES=", "LISTEN_PIDFDID=" };

	for (size_t i = 0; i < ELEMENTS(names); i++)
		if (strncmp(variable, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static int keep_environment(struct upgrade *upgrade)
{
	char **from = environ;
	size_t count = 0;

	while (from != NULL && from[count] != NULL)
		count++;
	upgrade->environment = calloc(count + OWN_NAMES + 1, sizeof(char *));
	if (upgrade->environment == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (!is_passing(from[i]))
			upgrade->environment[upgrade->environment_count++] = from[i];
	return 0;
}

/* ---- capabilities ---- */

/* Who is not root loses them by exec, unless they are ambient (capabilities(7)). They are so for this moment
 * only: no service is to have them. */
static void hand_capabilities(bool on)
{
	if (geteuid() == 0)
		return;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (!on || capng_get_caps_process() != 0 || capng_have_capabilities(CAPNG_SELECT_CAPS) == CAPNG_NONE)
		return;
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
		if (capng_have_capability(CAPNG_PERMITTED, i))
			(void)capng_update(CAPNG_ADD, CAPNG_INHERITABLE, i);
	if (capng_apply(CAPNG_SELECT_CAPS) != 0)
		return;
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
		if (capng_have_capability(CAPNG_PERMITTED, i))
			(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0);
}

/* ---- the beginning ---- */

static int cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) == 0 ? 0 : -errno;
}

static void let_inherit(const struct upgrade *upgrade, bool inherit)
{
	size_t count;
	const int *fds = state_fds(upgrade->state, &count);

	for (size_t i = 0; i < count; i++)
		(void)cloexec(fds[i], !inherit);
	(void)cloexec(upgrade->state_fd, !inherit);
}

/* Only whoever executed us can have put that there; but a variable may be inherited by accident. */
static void read_variables(struct upgrade *upgrade)
{
	const char *take = getenv(VARIABLE), *trial = getenv(VARIABLE "_TRIAL"),
		   *failed = getenv(VARIABLE "_FAILED");
	int fd = -1, pid = 0, back = -1, found = 0;

	if (take != NULL)
		found = sscanf(take, "%9d:%9d:%9d", &fd, &pid, &back);
	if (found >= 2 && pid == getpid() && fd > STDERR_FILENO && fcntl(fd, F_GET_SEALS) > 0) {
		upgrade->way = UPGRADE_TAKE;
		upgrade->state_fd = fd;
		upgrade->back_fd = found == 3 && back > STDERR_FILENO ? back : -1;
		upgrade->failure = found == 2 && failed != NULL ? strdup(failed) : NULL;
	} else if (trial != NULL && atoi(trial) == TRIAL_FD) {
		upgrade->way = UPGRADE_TRIAL;
		upgrade->state_fd = TRIAL_FD;
	}
	unsetenv(VARIABLE);
	unsetenv(VARIABLE "_TRIAL");
	unsetenv(VARIABLE "_FAILED");
}

static int take_program(void *context, struct state_record *record)
{
	struct upgrade *upgrade = context;
	const char *path = state_get_text(record, "path"), *directory = state_get_text(record, "directory");

	if (state_is_good(record) && (path == NULL || directory == NULL || path[0] != '/' ||
				      strlen(path) >= PATH_MAX || strlen(directory) >= PATH_MAX))
		return state_fail(record, "the path of the program is missing");
	if (state_is_good(record)) {
		snprintf(upgrade->program, sizeof(upgrade->program), "%s", path);
		snprintf(upgrade->directory, sizeof(upgrade->directory), "%s", directory);
	}
	return 0;
}

static int open_state(struct upgrade *upgrade, char reason[static UPGRADE_REASON_MAX])
{
	enum state_use use = upgrade->way == UPGRADE_TAKE ? STATE_TAKE : STATE_LOOK;
	char why[STATE_REASON_MAX];
	int r = state_open(upgrade->state_fd, use, &upgrade->state, why);

	if (r == 0) {
		r = state_each(upgrade->state, "program", take_program, upgrade);
		if (r < 0)
			snprintf(why, sizeof(why), "%s", state_reason(upgrade->state));
	}
	if (r < 0) {
		snprintf(reason, UPGRADE_REASON_MAX, "the state of the program before: %s", why);
		return r;
	}
	/* Where relative paths of the command line begin. Without it there may be none. */
	(void)!chdir(upgrade->directory);
	return 0;
}

#ifdef __GLIBC__

/* Messages are for the program before, should this one fail. */
static void keep_messages(struct upgrade *upgrade)
{
	FILE *kept = open_memstream(&upgrade->messages, &upgrade->messages_size);

	if (kept == NULL)
		return;
	upgrade->stderr_before = stderr;
	stderr = kept;
}

static void let_messages_out(struct upgrade *upgrade)
{
	FILE *kept = stderr;

	if (upgrade->stderr_before == NULL)
		return;
	stderr = upgrade->stderr_before;
	upgrade->stderr_before = NULL;
	fclose(kept);
}

#else

/* musl's stderr is what it is: messages go where it leads. */
static void keep_messages(struct upgrade *upgrade)
{
	(void)upgrade;
}

static void let_messages_out(struct upgrade *upgrade)
{
	(void)upgrade;
}

#endif

static int begin_take(struct upgrade *upgrade, char reason[static UPGRADE_REASON_MAX])
{
	hand_capabilities(false);
	keep_messages(upgrade);

	int r = open_state(upgrade, reason);

	if (r < 0) {
		fprintf(stderr, "usherd: %s\n", reason);
		upgrade_back(upgrade);
		return r;
	}
	/* One call instead of thousands, from Linux 5.11. */
	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
		let_inherit(upgrade, false);
		if (upgrade->back_fd >= 0)
			(void)cloexec(upgrade->back_fd, true);
	}
	return 0;
}

int upgrade_begin(char **argv, struct upgrade **ret_upgrade, char reason[static UPGRADE_REASON_MAX])
{
	struct upgrade *upgrade = calloc(1, sizeof(*upgrade));
	ssize_t length;
	int r = 0;

	snprintf(reason, UPGRADE_REASON_MAX, "%s", strerror(ENOMEM));
	if (upgrade == NULL || keep_environment(upgrade) < 0) {
		free(upgrade);
		return -ENOMEM;
	}
	upgrade->argv = argv;
	upgrade->state_fd = upgrade->back_fd = -1;
	length = readlink("/proc/self/exe", upgrade->program, sizeof(upgrade->program) - 1);
	upgrade->program[length > 0 ? length : 0] = '\0';
	if (getcwd(upgrade->directory, sizeof(upgrade->directory)) == NULL)
		upgrade->directory[0] = '\0';
	read_variables(upgrade);
	if (upgrade->way == UPGRADE_TAKE)
		r = begin_take(upgrade, reason);
	else if (upgrade->way == UPGRADE_TRIAL)
		r = open_state(upgrade, reason);
	if (r < 0) {
		upgrade_free(upgrade);
		return r;
	}
	*ret_upgrade = upgrade;
	return 0;
}

void upgrade_free(struct upgrade *upgrade)
{
	if (upgrade == NULL)
		return;
	let_messages_out(upgrade);
	state_free(upgrade->state);
	if (upgrade->way == UPGRADE_TAKE) {
		cleanup_fd(&upgrade->state_fd);
		cleanup_fd(&upgrade->back_fd);
	}
	free(upgrade->environment);
	free(upgrade->failure);
	free(upgrade->messages);
	free(upgrade);
}

enum upgrade_way upgrade_way(const struct upgrade *upgrade)
{
	return upgrade->way;
}

struct state *upgrade_state(const struct upgrade *upgrade)
{
	return upgrade->state;
}

const char *upgrade_failure(const struct upgrade *upgrade)
{
	return upgrade->failure;
}

/* ---- the end of the beginning ---- */

void upgrade_say_yes(void)
{
	puts(YES PACKAGE_VERSION);
}

void upgrade_done(struct upgrade *upgrade)
{
	if (upgrade->way != UPGRADE_TAKE)
		return;
	let_messages_out(upgrade);
	if (upgrade->messages_size > 0)
		fputs(upgrade->messages, stderr);
	state_free(upgrade->state);
	upgrade->state = NULL;
	close(fd_take(&upgrade->state_fd));
	if (upgrade->back_fd >= 0)
		close(fd_take(&upgrade->back_fd));
	free(upgrade->failure);
	upgrade->failure = NULL;
	upgrade->way = UPGRADE_NONE;
}

/* In one line. */
static void make_reason(const struct upgrade *upgrade, char *text, size_t size)
{
	size_t length = 0;

	for (const char *at = upgrade->messages; at != NULL && *at != '\0' && length + 1 < size; at++) {
		if (*at != '\n')
			text[length++] = *at;
		else if (at[1] != '\0' && length + 2 < size)
			length = (size_t)(stpcpy(text + length, "; ") - text);
	}
	text[length] = '\0';
}

void upgrade_back(struct upgrade *upgrade)
{
	char take[64], failed[UPGRADE_REASON_MAX + 64] = VARIABLE "_FAILED=";
	char reason[UPGRADE_REASON_MAX];
	size_t count = upgrade->environment_count;

	let_messages_out(upgrade);
	if (upgrade->way != UPGRADE_TAKE || upgrade->back_fd < 0) {
		if (upgrade->messages_size > 0)
			fputs(upgrade->messages, stderr);
		return;
	}
	make_reason(upgrade, reason, sizeof(reason));
	snprintf(take, sizeof(take), VARIABLE "=%d:%d", upgrade->state_fd, getpid());
	strcat(failed, reason[0] != '\0' ? reason : "it ended without a word");
	upgrade->environment[count] = take;
	upgrade->environment[count + 1] = failed;
	upgrade->environment[count + 2] = NULL;
	if (upgrade->state != NULL)
		let_inherit(upgrade, true);
	hand_capabilities(true);
	(void)syscall(SYS_execveat, upgrade->back_fd, "", upgrade->argv, upgrade->environment, AT_EMPTY_PATH);
	fprintf(stderr, "usherd: %s; and the program before cannot be executed again: %s\n", reason,
		strerror(errno));
}

/* ---- to the next program ---- */

const char *upgrade_program(const struct upgrade *upgrade)
{
	return upgrade->program;
}

void upgrade_save(const struct upgrade *upgrade, struct state_writer *writer)
{
	state_begin(writer, "program");
	state_put_text(writer, "path", upgrade->program);
	state_put_text(writer, "directory", upgrade->directory);
	state_end(writer);
}

/* What the child needs; it runs on our memory until it executes. */
struct child {
	const struct upgrade *upgrade;
	int input, report, state_fd;
	int error;
};

/* Its signals stay blocked: a start puts that right by itself. The call is the kernel's own, as all in a
 * child on our memory should be: what stands around libc's, to count what has run, would do it for the
 * daemon, too. */
static int run_child(void *context)
{
	struct child *child = context;

	setsid();
	if (dup2(child->input, STDIN_FILENO) >= 0 && dup2(child->report, STDOUT_FILENO) >= 0 &&
	    dup2(child->report, STDERR_FILENO) >= 0 &&
	    (child->state_fd == TRIAL_FD ? fcntl(TRIAL_FD, F_SETFD, 0) : dup2(child->state_fd, TRIAL_FD)) >=
		    0)
		(void)syscall(SYS_execve, child->upgrade->program, child->upgrade->argv,
			      child->upgrade->environment);
	child->error = errno;
	_exit(126);
}

static int start_child(struct child *child, struct upgrade_trial *trial)
{
	static char variable[] = VARIABLE "_TRIAL=3";
	_cleanup_free_ char *stack = malloc(STACK_SIZE);
	const struct upgrade *upgrade = child->upgrade;

	_Static_assert(TRIAL_FD == 3, "it stands in the variable");
	if (stack == NULL)
		return -ENOMEM;
	upgrade->environment[upgrade->environment_count] = variable;
	upgrade->environment[upgrade->environment_count + 1] = NULL;
	trial->pid = clone(run_child, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
			   child, &trial->pidfd);
	return trial->pid < 0 ? -errno : 0;
}

int upgrade_try(const struct upgrade *upgrade, int state_fd, struct upgrade_trial *ret_trial)
{
	_cleanup_fd_ int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct upgrade_trial trial = { .pidfd = -1 };
	siginfo_t info;
	int ends[2], r;

	if (input < 0 || pipe2(ends, O_CLOEXEC) != 0)
		return -errno;

	_cleanup_fd_ int report = ends[0], writing = ends[1];
	struct child child = { upgrade, input, writing, state_fd, 0 };

	if (fcntl(report, F_SETFL, O_NONBLOCK) != 0)
		return -errno;
	r = start_child(&child, &trial);
	if (r < 0)
		return r;
	if (child.error != 0) {
		(void)waitid(P_PIDFD, (id_t)trial.pidfd, &info, WEXITED);
		close(trial.pidfd);
		return -child.error;
	}
	trial.report = fd_take(&report);
	*ret_trial = trial;
	return 0;
}

bool upgrade_said_yes(const char *report, const char **ret_version)
{
	static char version[64];
	const char *yes = strstr(report, YES), *end = yes == NULL ? NULL : strchr(yes, '\n');

	if (end == NULL || end[1] != '\0' || (yes != report && yes[-1] != '\n'))
		return false;
	snprintf(version, sizeof(version), "%.*s", (int)(end - yes - (ptrdiff_t)strlen(YES)),
		 yes + strlen(YES));
	*ret_version = version;
	return true;
}

int upgrade_exec(const struct upgrade *upgrade, int state_fd, const int *fds, size_t fd_count)
{
	_cleanup_fd_ int back = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char take[64];
	int r = back < 0 ? -errno : 0;

	if (r < 0)
		return r;
	snprintf(take, sizeof(take), VARIABLE "=%d:%d:%d", state_fd, getpid(), back);
	upgrade->environment[upgrade->environment_count] = take;
	upgrade->environment[upgrade->environment_count + 1] = NULL;
	for (size_t i = 0; i < fd_count && r == 0; i++)
		r = cloexec(fds[i], false);
	if (r == 0 && (r = cloexec(state_fd, false)) == 0 && (r = cloexec(back, false)) == 0) {
		hand_capabilities(true);
		execve(upgrade->program, upgrade->argv, upgrade->environment);
		r = -errno;
		hand_capabilities(false);
	}
	for (size_t i = 0; i < fd_count; i++)
		(void)cloexec(fds[i], true);
	(void)cloexec(state_fd, true);
	return r;
}
