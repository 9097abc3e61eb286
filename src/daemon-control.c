/* daemon-control.c - the control socket of the daemon: opened, moved when the configuration says so, and
 * each request handed to the one who answers it: daemon-look.c when it only looks,
 * daemon-change.c when it changes something. */
#include "daemon-internal.h"

#include "base.h"

#include <limits.h>
#include <string.h>

typedef void answer(struct daemon *daemon, struct control_client *client,
		    const struct control_request *request);

static answer *const answers[CONTROL_VERBS] = {
	[CONTROL_VERB_STATUS] = daemon_look_status,
	[CONTROL_VERB_SERVICES] = daemon_look_services,
	[CONTROL_VERB_SESSIONS] = daemon_look_sessions,
	[CONTROL_VERB_SHOW] = daemon_look_show,
	[CONTROL_VERB_EXPLAIN] = daemon_look_explain,
	[CONTROL_VERB_RELOAD] = daemon_change_reload,
	[CONTROL_VERB_ENABLE] = daemon_change_enable,
	[CONTROL_VERB_DISABLE] = daemon_change_disable,
	[CONTROL_VERB_RENEW] = daemon_change_renew,
	[CONTROL_VERB_KILL] = daemon_change_kill,
	[CONTROL_VERB_BAN] = daemon_change_ban,
	[CONTROL_VERB_UNBAN] = daemon_change_unban,
	[CONTROL_VERB_BANS] = daemon_look_bans,
	[CONTROL_VERB_DRAIN] = daemon_change_drain,
	[CONTROL_VERB_LOGLEVEL] = daemon_change_loglevel,
	[CONTROL_VERB_TAIL] = daemon_tail,
	[CONTROL_VERB_METRICS] = daemon_look_metrics,
	[CONTROL_VERB_UPGRADE] = daemon_change_upgrade,
	[CONTROL_VERB_STOP] = daemon_change_stop,
	[CONTROL_VERB_VERSION] = daemon_look_version,
};

static void asked(void *context, struct control_client *client, const struct control_request *request)
{
	struct daemon *daemon = context;

	if (answers[request->verb] == NULL)
		control_refuse(client, CONTROL_CODE_USAGE, "'%s' is for usherctl itself, not for the daemon",
			       control_verbs[request->verb].word);
	else
		answers[request->verb](daemon, client, request);
}

/* ---- the socket ---- */

/* Where it is to be; returns false for nowhere. */
static bool find_path(const struct daemon *daemon, char path[static PATH_MAX])
{
	const char *control = daemon->conf->daemon.control;
	/* The first is what a service manager has made for the daemon: systemd.exec(5), RuntimeDirectory=. */
	const char *made = secure_getenv("RUNTIME_DIRECTORY"), *runtime = secure_getenv("XDG_RUNTIME_DIR");

	if (strcmp(control, "none") == 0 || (strcmp(control, "auto") == 0 && !daemon->source.reloadable))
		return false;
	if (strcmp(control, "auto") != 0)
		snprintf(path, PATH_MAX, "%s", control);
	else if (geteuid() == 0)
		snprintf(path, PATH_MAX, "%s", CONTROL_DEFAULT_PATH);
	else if (made != NULL && made[0] == '/' && strchr(made, ':') == NULL)
		snprintf(path, PATH_MAX, "%s/control", made);
	else if (runtime != NULL && runtime[0] == '/')
		snprintf(path, PATH_MAX, "%s/usherd.control", runtime);
	else
		return false;
	return true;
}

static void deaf(void *context, int error)
{
	struct daemon *daemon = context;

	log_message(daemon->log, LOG_LEVEL_ERROR, "control", "%s: accept: %s; who asks waits until this is over",
		    daemon->control_path, strerror(error));
}

static int open_at(struct daemon *daemon, const char *path, char reason[static LISTEN_REASON_MAX])
{
	const struct control_options options = { .path = path, .group = daemon->conf->daemon.control_group,
						 .deaf = deaf };
	struct control *control;
	bool stale = false;
	int r = control_open(&options, daemon_resume_control(daemon, path), daemon->loop, asked, daemon,
			     &control, &stale, reason);

	if (r < 0)
		return r;
	daemon->control = control;
	daemon->control_group = options.group;
	daemon->found_control = daemon->found_control || stale;
	snprintf(daemon->control_path, sizeof(daemon->control_path), "%s", path);
	return 0;
}

int daemon_control_start(struct daemon *daemon, char reason[static LISTEN_REASON_MAX])
{
	char path[PATH_MAX];
	int r;

	if (daemon->control != NULL || !find_path(daemon, path))
		return 0;
	r = open_at(daemon, path, reason);
	if (r == 0 || strcmp(daemon->conf->daemon.control, "auto") != 0)
		return r;
	/* Nobody asked for it by name, and services can be served without. */
	log_message(daemon->log, LOG_LEVEL_WARNING, "control",
		    "%s: %s; usherctl cannot reach this usherd: name a "
		    "socket with `control` in [usherd]",
		    path, reason);
	return 0;
}

/* The old socket goes only when the new one is there, and its clients with it. */
void daemon_control_follow_conf(struct daemon *daemon)
{
	struct control *before = daemon->control;
	char path[PATH_MAX] = "", reason[LISTEN_REASON_MAX];
	bool wanted = find_path(daemon, path);
	/* One whose file was taken away can be reached by nobody: it is made anew. */
	bool stays = wanted && before != NULL && strcmp(path, daemon->control_path) == 0 &&
		     control_is_in_place(before);

	if (stays && daemon->control_group == daemon->conf->daemon.control_group)
		return;
	if (stays) {
		if (control_regroup(before, daemon->conf->daemon.control_group, reason) < 0)
			log_message(daemon->log, LOG_LEVEL_ERROR, "control", "%s: %s; its group stays", path,
				    reason);
		else
			daemon->control_group = daemon->conf->daemon.control_group;
		return;
	}
	/* The number of a file that is gone may be that of the new one. */
	if (before != NULL && !control_is_in_place(before))
		control_leave_file(before);
	daemon->control = NULL;
	if (wanted && open_at(daemon, path, reason) < 0) {
		log_message(daemon->log, LOG_LEVEL_ERROR, "control",
			    "%s: %s; the control socket stays where it is", path, reason);
		daemon->control = before;
		return;
	}
	control_close(before);
}
