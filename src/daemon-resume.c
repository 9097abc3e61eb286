/* daemon-resume.c - the daemon's own part of the state, written for the next program and taken from
 * the one before. What fails here ends the start, and then main() goes back to that program: so nothing
 * that it left is closed or removed before it is certain that this one serves. */
#include "daemon-internal.h"

#include "base.h"
#include "conf-state.h"
#include "service-state.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#define WAITING_MOST (1U << 20)

/* ---- saving ---- */

static void save_reload(const struct daemon_reload *last, struct state_writer *writer)
{
	if (last->wall_s == 0)
		return;
	state_put_signed(writer, "reload_wall_s", last->wall_s);
	state_put_flag(writer, "reload_ok", last->ok);
	state_put_number(writer, "reload_errors", last->errors);
	state_put_text(writer, "reload_message", last->message);
}

static void save_loop(const struct daemon *daemon, struct state_writer *writer)
{
	struct loop_statistics statistics = loop_statistics(daemon->loop);

	state_put_number(writer, "loop_rounds", statistics.rounds);
	state_put_number(writer, "loop_events", statistics.events);
	state_put_number(writer, "loop_busy_ns", statistics.busy_ns);
	state_put_number(writer, "loop_longest_ns", statistics.longest_ns);
}

/* Only one that was set by hand: else the configuration says. */
static void save_level(const struct daemon *daemon, struct state_writer *writer)
{
	enum log_level level = log_level(daemon->log);

	if (level != (enum log_level)daemon->conf->daemon.log_level)
		state_put_text(writer, "log_level", daemon_log_level_name(level));
}

static void save_log(const struct log *log, struct state_writer *writer)
{
	const struct log_left left = log_left(log);

	state_put_number(writer, "log_dropped", left.dropped);
	state_put_number(writer, "log_untold", left.untold);
	state_put_flag(writer, "log_begun", left.begun);
	state_put_flag(writer, "log_torn", left.torn);
	state_put_bytes(writer, "log_waiting", left.waiting, left.length);
}

static void save_control(struct daemon *daemon, uint64_t client_id, struct state_writer *writer)
{
	const struct listen_socket *socket = control_socket(daemon->control);
	struct control_client *client = control_client_find(daemon->control, client_id);

	state_begin(writer, "control");
	state_put_text(writer, "path", daemon->control_path);
	state_put_fd(writer, "socket", socket->fd);
	state_put_number(writer, "device", socket->device);
	state_put_number(writer, "inode", socket->inode);
	if (client != NULL) {
		state_put_fd(writer, "client", control_client_fd(client));
		state_put_flag(writer, "client_may_change", control_client_rights(client) != CONTROL_READ);
	}
	state_end(writer);
}

int daemon_save(struct daemon *daemon, bool trial, uint64_t client, struct state_writer *writer)
{
	upgrade_save(daemon->source.upgrade, writer);
	state_begin(writer, "daemon");
	state_put_signed(writer, "started_wall_s", daemon->started_wall_s);
	state_put_number(writer, "started_ns", daemon->started_ns);
	state_put_number(writer, "upgrades", daemon->upgrades);
	state_put_fd(writer, "pid_file", pid_file_fd(daemon->pid_file));
	save_log(daemon->log, writer);
	save_loop(daemon, writer);
	save_level(daemon, writer);
	save_reload(&daemon->last_reload, writer);
	state_end(writer);
	if (daemon->control != NULL)
		save_control(daemon, client, writer);
	if (!trial) {
		int r = conf_left_save(daemon->conf, writer);

		if (r < 0)
			return r;
	}
	return service_set_save(daemon->set, writer);
}

/* ---- what was left ---- */

struct daemon_resumed {
	char version[64];
	int pid_file; /* or -1 */
	struct log_left log;
	char *log_waiting; /* room for what waits */
	char control_path[PATH_MAX];
	struct listen_socket control; /* fd -1: none, or taken */
	int client;                   /* or -1 */
	enum control_right rights;
	struct daemon_reload last_reload;
	struct loop_statistics loop;
	enum log_level level;
	bool has_level;
	int64_t started_wall_s;
	uint64_t started_ns;
	unsigned upgrades;
};

static void take_reload(struct daemon_reload *last, struct state_record *record)
{
	const char *message = state_get_text(record, "reload_message");

	last->wall_s = state_get_signed(record, "reload_wall_s");
	last->ok = state_get_flag(record, "reload_ok");
	last->errors = state_get_number(record, "reload_errors", SIZE_MAX);
	snprintf(last->message, sizeof(last->message), "%s", message != NULL ? message : "");
}

static void take_habits(struct daemon_resumed *resumed, struct state_record *record)
{
	const char *level = state_get_text(record, "log_level");

	resumed->loop.rounds = state_get_number(record, "loop_rounds", INT64_MAX);
	resumed->loop.events = state_get_number(record, "loop_events", INT64_MAX);
	resumed->loop.busy_ns = state_get_number(record, "loop_busy_ns", INT64_MAX);
	resumed->loop.longest_ns = state_get_number(record, "loop_longest_ns", INT64_MAX);
	resumed->has_level = level != NULL && daemon_log_level_parse(level, &resumed->level);
}

static int take_daemon(void *context, struct state_record *record)
{
	struct daemon_resumed *resumed = context;

	resumed->started_wall_s = state_get_signed(record, "started_wall_s");
	resumed->started_ns = state_get_number(record, "started_ns", INT64_MAX);
	resumed->upgrades = (unsigned)state_get_number(record, "upgrades", UINT_MAX - 1);
	resumed->pid_file = state_get_fd(record, "pid_file");
	resumed->log.dropped = state_get_number(record, "log_dropped", UINT64_MAX);
	resumed->log.untold = state_get_number(record, "log_untold", UINT64_MAX);
	resumed->log.begun = state_get_flag(record, "log_begun");
	resumed->log.torn = state_get_flag(record, "log_torn");
	if (resumed->log_waiting == NULL)
		resumed->log_waiting = malloc(WAITING_MOST);
	if (resumed->log_waiting == NULL)
		return -ENOMEM;
	resumed->log.length = state_get_bytes(record, "log_waiting", resumed->log_waiting, WAITING_MOST);
	resumed->log.waiting = resumed->log_waiting;
	take_reload(&resumed->last_reload, record);
	take_habits(resumed, record);
	return 0;
}

static int take_control(void *context, struct state_record *record)
{
	struct daemon_resumed *resumed = context;
	const char *path = state_get_text(record, "path");

	resumed->control.fd = state_get_fd(record, "socket");
	resumed->control.device = state_get_number(record, "device", UINT64_MAX);
	resumed->control.inode = state_get_number(record, "inode", UINT64_MAX);
	resumed->client = state_get_fd(record, "client");
	resumed->rights = state_get_flag(record, "client_may_change") ? CONTROL_ALL : CONTROL_READ;
	if (state_is_good(record) && (path == NULL || strlen(path) >= PATH_MAX || resumed->control.fd < 0))
		return state_fail(record, "a control socket without a path");
	if (path != NULL)
		snprintf(resumed->control_path, sizeof(resumed->control_path), "%s", path);
	return 0;
}

static int take(struct state *state, struct daemon_resumed *resumed)
{
	int r;

	snprintf(resumed->version, sizeof(resumed->version), "%s", state_version(state));
	resumed->pid_file = resumed->client = resumed->control.fd = -1;
	r = state_each(state, "daemon", take_daemon, resumed);
	if (r == 0)
		r = state_each(state, "control", take_control, resumed);
	if (r < 0)
		fprintf(stderr, "usherd: the state of the program before: %s\n", state_reason(state));
	return r;
}

int daemon_look(struct state *state)
{
	struct daemon_resumed resumed = { .upgrades = 0 };
	char reason[STATE_REASON_MAX];
	int r = take(state, &resumed);

	free(resumed.log_waiting);
	if (r < 0)
		return EX_DATAERR;
	r = service_set_look(state, reason);
	if (r < 0)
		fprintf(stderr, "usherd: the state of the program before: %s\n", reason);
	return r < 0 ? EX_DATAERR : 0;
}

/* ---- taking it ---- */

int daemon_resume(struct daemon *daemon)
{
	struct upgrade *upgrade = daemon->source.upgrade;
	struct daemon_resumed *resumed;

	if (upgrade == NULL || upgrade_way(upgrade) != UPGRADE_TAKE)
		return 0;
	resumed = calloc(1, sizeof(*resumed));
	if (resumed == NULL)
		return EX_OSERR;
	daemon->resumed = resumed;
	return take(upgrade_state(upgrade), resumed) == 0 ? 0 : EX_DATAERR;
}

int daemon_resume_pid_file(struct daemon *daemon, const char *path)
{
	struct daemon_resumed *resumed = daemon->resumed;

	if (resumed == NULL || resumed->pid_file < 0 || path == NULL)
		return -ENOENT;

	int r = pid_file_resume(path, resumed->pid_file, &daemon->pid_file);

	if (r == 0)
		resumed->pid_file = -1;
	return r;
}

void daemon_resume_log(struct daemon *daemon)
{
	struct daemon_resumed *resumed = daemon->resumed;

	if (resumed == NULL)
		return;
	log_resume(daemon->log, &resumed->log);
	daemon->started_wall_s = resumed->started_wall_s;
	daemon->started_ns = resumed->started_ns;
	daemon->upgrades = resumed->upgrades;
	daemon->last_reload = resumed->last_reload;
	if (resumed->has_level)
		log_set_level(daemon->log, resumed->level);
}

struct listen_socket *daemon_resume_control(struct daemon *daemon, const char *path)
{
	struct daemon_resumed *resumed = daemon->resumed;

	if (resumed == NULL || resumed->control.fd < 0 || strcmp(resumed->control_path, path) != 0)
		return NULL;
	return &resumed->control;
}

void daemon_resume_loop(struct daemon *daemon)
{
	if (daemon->resumed != NULL)
		loop_resume_statistics(daemon->loop, &daemon->resumed->loop);
}

int daemon_resume_services(struct daemon *daemon, struct conf *conf, struct service_summary *ret_summary)
{
	struct conf_errors errors = { .count = 0 };
	char reason[STATE_REASON_MAX];
	int r = service_set_resume(daemon->set, upgrade_state(daemon->source.upgrade), conf, &errors,
				   ret_summary, reason);

	if (errors.count > 0)
		conf_errors_print(&errors, stderr);
	else if (r < 0)
		fprintf(stderr, "usherd: %s\n", reason);
	conf_errors_free(&errors);
	return r == 0 ? 0 : EXIT_FAILURE;
}

/* ---- it serves ---- */

/* What it left that nobody wants any more. */
static void drop_rest(struct daemon *daemon)
{
	struct daemon_resumed *resumed = daemon->resumed;
	struct stat status;

	state_close_unclaimed(upgrade_state(daemon->source.upgrade));
	if (resumed->pid_file >= 0)
		close(fd_take(&resumed->pid_file));
	if (resumed->control.fd < 0)
		return;
	if (lstat(resumed->control_path, &status) == 0 && status.st_dev == resumed->control.device &&
	    status.st_ino == resumed->control.inode)
		unlink(resumed->control_path);
	close(fd_take(&resumed->control.fd));
}

static void answer(struct daemon *daemon, const char *failure)
{
	struct daemon_resumed *resumed = daemon->resumed;
	struct control_client *client;

	if (resumed->client < 0)
		return;
	if (daemon->control == NULL) {
		close(fd_take(&resumed->client));
		return;
	}
	client = control_adopt_client(daemon->control, fd_take(&resumed->client), resumed->rights);
	if (client == NULL)
		return;
	if (failure != NULL)
		control_refuse(client, CONTROL_CODE_FAILED, "%s; the program before goes on", failure);
	else
		control_answer(client, json_pack("{s:s, s:s, s:i}", "from", resumed->version, "to",
						 PACKAGE_VERSION, "pid", (int)getpid()));
}

void daemon_resume_done(struct daemon *daemon, const struct service_summary *summary)
{
	struct upgrade *upgrade = daemon->source.upgrade;
	const char *failure;
	struct log_event *event;

	if (daemon->resumed == NULL)
		return;
	failure = upgrade_failure(upgrade);
	daemon->upgrades += failure == NULL;
	/* What stands in the file is in force now. */
	if (failure == NULL && !daemon->last_reload.ok)
		daemon->last_reload = (struct daemon_reload){ .wall_s = 0 };
	event = log_begin(daemon->log, failure == NULL ? LOG_LEVEL_NOTICE : LOG_LEVEL_ERROR,
			  failure == NULL ? "upgraded" : "upgrade-failed");
	if (failure == NULL)
		log_text(event, "from", daemon->resumed->version);
	log_text(event, "version", PACKAGE_VERSION);
	log_number(event, "sessions", service_set_session_count(daemon->set));
	log_number(event, "listeners", summary->listeners);
	log_number(event, "opened", summary->opened);
	log_number(event, "kept", summary->kept);
	log_number(event, "closed", summary->closed);
	if (failure != NULL)
		log_printf(event, "message", "%s; the program before goes on", failure);
	log_end(event);
	answer(daemon, failure);
	drop_rest(daemon);
	daemon_resume_free(daemon);
	upgrade_done(upgrade);
}

void daemon_resume_free(struct daemon *daemon)
{
	if (daemon->resumed == NULL)
		return;
	free(daemon->resumed->log_waiting);
	free(daemon->resumed);
	daemon->resumed = NULL;
}
