/* daemon-upgrade.c - another program takes the place of this one, in the same process:
 *
 *     asked -> trial: a child executes it, it looks at the state and at the configuration
 *           -> state: written anew, things have moved on
 *           -> exec: it takes the state, and serves (daemon-resume.c)
 *
 * Until exec everything goes on as it was, and whatever fails is told and changes nothing. */
#include "daemon-internal.h"

#include "base.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define TRIAL_NS     (10 * NS_PER_S)
#define REPORT_MOST  4096
#define MESSAGE_MOST 384

struct daemon_trial {
	struct daemon *daemon;
	const struct control *control; /* whose client it is: a reload may have closed that */
	uint64_t client;               /* held, or 0 */
	struct upgrade_trial child;
	struct loop_source process, report;
	struct loop_timer deadline;
	bool late;
	char text[REPORT_MOST + 1]; /* of the report */
	size_t length;
	bool too_long;
};

/* ---- failure ---- */

static const char *reason_of(int error)
{
	return error == -EBUSY ? "clients wait for a process that could not be started yet; try again" : strerror(-error);
}

static _printf_(3, 4) void tell_failure(struct daemon *daemon, struct control_client *client,
					const char *format, ...)
{
	char text[MESSAGE_MOST * 2];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	log_message(daemon->log, LOG_LEVEL_ERROR, "upgrade-failed", "%s; nothing has changed", text);
	if (client != NULL)
		control_refuse(client, CONTROL_CODE_FAILED, "%s; nothing has changed", text);
}

static struct control_client *client_of(const struct daemon_trial *trial)
{
	struct daemon *daemon = trial->daemon;

	if (daemon->control == NULL || daemon->control != trial->control || trial->client == 0)
		return NULL;
	return control_client_find(daemon->control, trial->client);
}

/* ---- exec ---- */

static int write_state(struct daemon *daemon, bool trial, uint64_t client, struct state_writer **ret_writer,
		       int *ret_fd)
{
	struct state_writer *writer;
	int r = state_writer_new(PACKAGE_VERSION, &writer);

	if (r < 0)
		return r;
	r = daemon_save(daemon, trial, client, writer);
	if (r == 0)
		r = state_finish(writer, ret_fd);
	if (r < 0) {
		state_writer_free(writer);
		return r;
	}
	*ret_writer = writer;
	return 0;
}

/* Returns only when it fails. */
static int execute(struct daemon *daemon, uint64_t client)
{
	struct state_writer *writer = NULL;
	size_t count;
	int fd = -1, r;

	(void)log_flush(daemon->log);
	r = write_state(daemon, false, client, &writer, &fd);
	if (r < 0)
		return r;

	const int *fds = state_written_fds(writer, &count);

	r = upgrade_exec(daemon->source.upgrade, fd, fds, count);
	close(fd);
	state_writer_free(writer);
	return r;
}

/* ---- the trial ---- */

static void free_trial(struct daemon_trial *trial)
{
	struct loop *loop = trial->daemon->loop;

	loop_disarm(loop, &trial->deadline);
	loop_remove(loop, &trial->process);
	loop_remove(loop, &trial->report);
	cleanup_fd(&trial->child.pidfd);
	cleanup_fd(&trial->child.report);
	trial->daemon->trial = NULL;
	free(trial);
}

/* And whatever it started: it has a group of its own, whose number is taken until the child is collected. */
static void kill_child(const struct daemon_trial *trial)
{
	(void)kill(-trial->child.pid, SIGKILL);
	(void)syscall(SYS_pidfd_send_signal, trial->child.pidfd, SIGKILL, NULL, 0);
}

void daemon_upgrade_free(struct daemon *daemon)
{
	struct daemon_trial *trial = daemon->trial;
	siginfo_t info;

	if (trial == NULL)
		return;
	kill_child(trial);
	while (waitid(P_PIDFD, (id_t)trial->child.pidfd, &info, WEXITED) != 0 && errno == EINTR)
		continue;
	free_trial(trial);
}

/* What comes after the first few kilobytes is only taken out of the way. */
static void read_report(struct daemon_trial *trial)
{
	char beyond[REPORT_MOST] = "";
	ssize_t n;

	for (unsigned i = 0; i < 16; i++) {
		size_t room = REPORT_MOST - trial->length;

		n = read(trial->child.report, room > 0 ? trial->text + trial->length : beyond,
			 room > 0 ? room : sizeof(beyond));
		if (n <= 0)
			break;
		if (room > 0)
			trial->length += (size_t)n;
		else
			trial->too_long = true;
	}
	if (n == 0)
		loop_remove(trial->daemon->loop, &trial->report);
}

static void report_ready(struct loop_source *source, uint32_t events)
{
	(void)events;
	read_report(container_of(source, struct daemon_trial, report));
}

/* The last lines of what it said, in one; where there are none, how it ended. */
static void explain(const struct daemon_trial *trial, const siginfo_t *info, char text[static MESSAGE_MOST])
{
	size_t length = 0, begin = 0;

	while (trial->length - begin > MESSAGE_MOST - 64) {
		const char *newline = memchr(trial->text + begin, '\n', trial->length - begin);

		if (newline == NULL || newline + 1 == trial->text + trial->length)
			break;
		begin = (size_t)(newline + 1 - trial->text);
	}
	for (size_t i = begin; i < trial->length && length < MESSAGE_MOST - 64; i++)
		if (trial->text[i] != '\n')
			text[length++] = trial->text[i];
		else if (i + 1 < trial->length)
			length = (size_t)(stpcpy(text + length, "; ") - text);
	text[length] = '\0';
	if (trial->late)
		snprintf(text, MESSAGE_MOST, "it was not ready after %u seconds",
			 (unsigned)(TRIAL_NS / NS_PER_S));
	else if (length == 0 && info->si_pid != 0 && info->si_code != CLD_EXITED)
		snprintf(text, MESSAGE_MOST, "it was ended by signal %d", info->si_status);
	else if (length == 0)
		snprintf(text, MESSAGE_MOST,
			 "it ended with status %d and without a word: it may be no usherd", info->si_status);
}

static void conclude(struct daemon_trial *trial, const siginfo_t *info)
{
	struct daemon *daemon = trial->daemon;
	const char *program = upgrade_program(daemon->source.upgrade), *version;
	char why[MESSAGE_MOST];
	int r;

	read_report(trial);
	trial->text[trial->length] = '\0';
	if (trial->late || trial->too_long || !upgrade_said_yes(trial->text, &version)) {
		explain(trial, info, why);
		tell_failure(daemon, client_of(trial), "%s: %s", program, why);
	} else if (daemon->draining) {
		tell_failure(daemon, client_of(trial), "usherd is about to end");
	} else {
		log_message(daemon->log, LOG_LEVEL_NOTICE, "upgrade", "%s %s takes over", program, version);
		r = execute(daemon, client_of(trial) != NULL ? trial->client : 0);
		tell_failure(daemon, client_of(trial), "%s: %s", program, reason_of(r));
	}
}

static void process_ready(struct loop_source *source, uint32_t events)
{
	struct daemon_trial *trial = container_of(source, struct daemon_trial, process);
	siginfo_t info = { .si_pid = 0 };

	(void)events;
	/* Somebody else may have collected it (an orphan, for all they know): what it said is what counts. */
	if (waitid(P_PIDFD, (id_t)source->fd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
		return;
	conclude(trial, &info);
	free_trial(trial);
}

static void deadline_due(struct loop_timer *timer)
{
	struct daemon_trial *trial = container_of(timer, struct daemon_trial, deadline);

	trial->late = true;
	kill_child(trial);
}

static int watch(struct daemon_trial *trial)
{
	struct loop *loop = trial->daemon->loop;
	int r;

	trial->process = (struct loop_source){
		.fd = trial->child.pidfd,
		.ready = process_ready,
		.set = LOOP_WORK,
	};
	trial->report = (struct loop_source){
		.fd = trial->child.report,
		.ready = report_ready,
		.set = LOOP_WORK,
	};
	trial->deadline.expired = deadline_due;
	r = loop_arm(loop, &trial->deadline, loop_now_ns(loop) + TRIAL_NS);
	if (r == 0)
		r = loop_add(loop, &trial->process, EPOLLIN);
	if (r == 0)
		r = loop_add(loop, &trial->report, EPOLLIN);
	return r;
}

static int begin(struct daemon *daemon)
{
	struct daemon_trial *trial = calloc(1, sizeof(*trial));
	struct state_writer *writer = NULL;
	int fd = -1, r;

	if (trial == NULL)
		return -ENOMEM;
	trial->daemon = daemon;
	trial->control = daemon->control;
	trial->child = (struct upgrade_trial){ .pidfd = -1, .report = -1 };
	r = write_state(daemon, true, 0, &writer, &fd);
	if (r == 0) {
		r = upgrade_try(daemon->source.upgrade, fd, &trial->child);
		close(fd);
		state_writer_free(writer);
	}
	if (r < 0) {
		free(trial);
		return r;
	}
	daemon->trial = trial;
	r = watch(trial);
	if (r < 0)
		daemon_upgrade_free(daemon);
	return r;
}

void daemon_upgrade_asked(struct daemon *daemon, struct control_client *client)
{
	int r;

	if (daemon->draining || daemon->trial != NULL || daemon->source.upgrade == NULL) {
		const char *why =
			daemon->draining ? "usherd is about to end" : "an upgrade is under way already";

		log_message(daemon->log, LOG_LEVEL_WARNING, "upgrade-failed", "%s; nothing has changed", why);
		if (client != NULL)
			control_refuse(client, CONTROL_CODE_REFUSED, "%s", why);
		return;
	}
	r = begin(daemon);
	if (r < 0)
		tell_failure(daemon, client, "%s: %s", upgrade_program(daemon->source.upgrade), reason_of(r));
	else if (client != NULL)
		daemon->trial->client = control_hold(client);
}
