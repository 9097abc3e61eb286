/* daemon-internal.h - what the files of the daemon share; nobody else includes it. */
#ifndef USHERD_DAEMON_INTERNAL_H
#define USHERD_DAEMON_INTERNAL_H

#include "control.h"
#include "daemon.h"
#include "log.h"
#include "loop.h"
#include "notify.h"
#include "pid-file.h"
#include "service-set.h"
#include "upgrade.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* How the last reload went. */
struct daemon_reload {
	int64_t wall_s; /* 0: there was none */
	bool ok;
	size_t errors;
	char message[256];
};

struct daemon {
	struct daemon_source source;
	bool background;
	struct loop *loop;
	struct log *log;
	struct spawn *spawn;
	struct service_set *set;
	struct pid_file *pid_file;
	struct notify *notify;
	struct conf *conf; /* for drain_timeout */
	struct loop_timer flush, drain;
	bool draining;
	bool told;       /* to end, by a signal: another one means at once */
	struct control *control; /* or NULL */
	char control_path[PATH_MAX];
	gid_t control_group;
	bool observed;      /* the log tells us its events, for followers */
	bool found_control; /* somebody left its socket behind */
	struct daemon_reload last_reload;
	int64_t started_wall_s;
	uint64_t started_ns;
	struct init *init; /* or NULL: we are not the first process */
	bool reduced;      /* capabilities were given up for good */
	struct daemon_trial *trial; /* of the program that is to replace this one, or NULL */
	struct daemon_resumed *resumed; /* until it serves: what the program before left */
	unsigned upgrades; /* how often the program was replaced since then */
};

/* ---- daemon-log.c ---- */

struct log_options daemon_log_options(const struct conf_daemon *settings, bool background);
void daemon_log_summary(struct daemon *daemon, const char *event, const struct service_summary *summary);
void daemon_log_warnings(struct daemon *daemon, const struct conf *conf);
const char *daemon_log_level_name(enum log_level level);
bool daemon_log_level_parse(const char *text, enum log_level *ret_level);

/* ---- daemon-reload.c ---- */

/* What a reload came to, or would. */
struct daemon_reload_outcome {
	struct conf *conf; /* what was read, if it was good; a reference */
	struct conf_errors errors;
	struct service_summary summary; /* not of a dry run */
	struct service_changes changes;
	char message[256]; /* of a failure: in a sentence */
};

/* Reads the configuration again and puts it in force; a dry run only finds out whether that could be
 * done, and what would change. Returns 0; or -errno, nothing has changed, and that is logged (not of a
 * dry run). `changes` are worked out by a dry run and if `tell_changes`. The outcome is to be freed in any case. */
int daemon_reload(struct daemon *daemon, bool dry_run, bool tell_changes,
		  struct daemon_reload_outcome *ret_outcome);
void daemon_reload_outcome_free(struct daemon_reload_outcome *outcome);

/* ---- daemon-host.c ---- */

/* Tells which passed sockets the services use now, and closes the others. */
void daemon_settle_adopted(struct daemon *daemon);

/* Tells what an earlier usherd, which did not end in order, left: once the services listen. */
void daemon_tell_found(struct daemon *daemon);

/* sd_notify(3): opens it; tells how many are served, as often as anything may have changed. */
void daemon_start_notify(struct daemon *daemon);
void daemon_tell_status(struct daemon *daemon);

/* Gives up what root does not need, after the start; warns, after a reload, of a service that would need it. */
void daemon_reduce_capabilities(struct daemon *daemon);

/* The first process of a container: collects the dead, and at the end ends who is left. Nothing for others. */
int daemon_start_init(struct daemon *daemon);
void daemon_end_others(struct daemon *daemon);

/* ---- daemon-status.c ---- */

/* The object DAEMON of usherctl(8): a new reference, or NULL. */
json_t *daemon_status(struct daemon *daemon);

/* ---- daemon-look.c, daemon-change.c, daemon-tail.c: each answers its request ---- */

#define DAEMON_ANSWER(name)                                                                                  \
	void name(struct daemon *daemon, struct control_client *client, const struct control_request *request)

DAEMON_ANSWER(daemon_look_status);
DAEMON_ANSWER(daemon_look_services);
DAEMON_ANSWER(daemon_look_sessions);
DAEMON_ANSWER(daemon_look_show);
DAEMON_ANSWER(daemon_look_explain);
DAEMON_ANSWER(daemon_look_bans);
DAEMON_ANSWER(daemon_look_metrics);
DAEMON_ANSWER(daemon_look_version);
DAEMON_ANSWER(daemon_change_reload);
DAEMON_ANSWER(daemon_change_enable);
DAEMON_ANSWER(daemon_change_disable);
DAEMON_ANSWER(daemon_change_renew);
DAEMON_ANSWER(daemon_change_kill);
DAEMON_ANSWER(daemon_change_ban);
DAEMON_ANSWER(daemon_change_unban);
DAEMON_ANSWER(daemon_change_drain);
DAEMON_ANSWER(daemon_change_loglevel);
DAEMON_ANSWER(daemon_change_upgrade);
DAEMON_ANSWER(daemon_change_stop);
DAEMON_ANSWER(daemon_tail);

/* Lets the log tell nobody when nobody follows. Once a loop round. */
void daemon_tail_settle(struct daemon *daemon);

/* The service of the configuration in force by its name, offered or not, or NULL; and the client is told. */
const struct conf_service *daemon_find_service(const struct daemon *daemon, const char *name);
const struct conf_service *daemon_service_or_refuse(struct daemon *daemon, struct control_client *client,
						    const char *name);

/* ---- daemon-control.c ---- */

/* Opens the control socket of the configuration in force, or another than before, or none. One that cannot be
 * opened is an error at the start only when its path was named: returns 0 or -errno with a reason. */
int daemon_control_start(struct daemon *daemon, char reason[static LISTEN_REASON_MAX]);
void daemon_control_follow_conf(struct daemon *daemon);

/* ---- daemon-upgrade.c ---- */

/* Replaces the program, after a trial. `client` (NULL: a signal) is held, and answered by whoever serves
 * then. What cannot be is logged and answered at once. */
void daemon_upgrade_asked(struct daemon *daemon, struct control_client *client);
void daemon_upgrade_free(struct daemon *daemon); /* ends a trial that goes on */

/* ---- daemon-resume.c ---- */

/* Writes everything; for a trial without what only this program would need. Returns 0 or -errno. */
int daemon_save(struct daemon *daemon, bool trial, uint64_t client, struct state_writer *writer);

/* The program before us left all this (UPGRADE_TAKE); else nothing is done. In this order, each at its
 * place in the start. They return 0 or an exit status, after saying why on stderr. */
int daemon_resume(struct daemon *daemon);
int daemon_resume_pid_file(struct daemon *daemon, const char *path);
void daemon_resume_log(struct daemon *daemon);
void daemon_resume_loop(struct daemon *daemon);
struct listen_socket *daemon_resume_control(struct daemon *daemon, const char *path); /* NULL: another */
int daemon_resume_services(struct daemon *daemon, struct conf *conf, struct service_summary *ret_summary);

/* It serves: tells so, answers, lets the state go. */
void daemon_resume_done(struct daemon *daemon, const struct service_summary *summary);
void daemon_resume_free(struct daemon *daemon);

/* ---- daemon.c ---- */

enum daemon_end_way {
	DAEMON_END_PATIENT, /* when the last session has ended, however long that takes */
	DAEMON_END_DRAIN,   /* the same, and after drain_timeout the sessions are told to end */
	DAEMON_END_NOW,     /* they are killed */
};

/* Ends the daemon in this way, or in a quicker one if it was told to end before. */
void daemon_end(struct daemon *daemon, enum daemon_end_way way);

#endif
