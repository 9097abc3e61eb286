/* daemon-reload.c - the configuration is read again: whole or not at all. */
#include "daemon-internal.h"

#include "base.h"
#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void log_errors(struct daemon *daemon, const struct conf_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct conf_error *error = &errors->items[i];

		char line[16] = "";

		if (error->line > 0)
			snprintf(line, sizeof(line), ":%u", error->line);
		log_message(daemon->log, LOG_LEVEL_ERROR, "config-error", "%s%s: %s%s%s", error->path, line,
			    error->subject != NULL ? error->subject : "", error->subject != NULL ? ": " : "",
			    error->reason);
	}

	struct log_event *event = log_begin(daemon->log, LOG_LEVEL_ERROR, "reload-failed");

	log_number(event, "errors", errors->count + errors->left_out);
	log_text(event, "message", "nothing has changed: the configuration in force stays");
	log_end(event);
}

static void take_conf(struct daemon *daemon, struct conf *conf)
{
	struct conf *before = daemon->conf;

	daemon->conf = conf_ref(conf);
	conf_unref(before);
}

/* The log's options change with the rest; one that cannot be opened is told in
 * the one that stays. */
static void reload_log(struct daemon *daemon, const struct conf *conf)
{
	struct log_options options = daemon_log_options(&conf->daemon, daemon->background);
	int r = log_reconfigure(daemon->log, &options);

	if (r < 0)
		log_message(daemon->log, LOG_LEVEL_ERROR, "log", "%s: %s; the log stays where it is",
			    options.path != NULL ? options.path : "log", strerror(-r));
}

static void put_in_force(struct daemon *daemon, struct conf *conf, const struct service_summary *summary)
{
	reload_log(daemon, conf);
	take_conf(daemon, conf);
	daemon_control_follow_conf(daemon);
	daemon_log_warnings(daemon, conf);
	daemon_log_summary(daemon, "reload", summary);
}

/* What stands in `status` until the next reload. */
static void keep_in_mind(struct daemon *daemon, int r, const struct daemon_reload_outcome *outcome)
{
	struct daemon_reload *last = &daemon->last_reload;

	last->wall_s = clock_wall().tv_sec;
	last->ok = r == 0;
	last->errors = outcome->errors.count + outcome->errors.left_out;
	snprintf(last->message, sizeof(last->message), "%s", outcome->message);
}

static int fail(struct daemon_reload_outcome *outcome, int r, const char *message)
{
	snprintf(outcome->message, sizeof(outcome->message), "%s", message);
	return r;
}

/* Loads, and applies or only tries. */
static int carry_out(struct daemon *daemon, bool dry_run, bool tell_changes,
		     struct daemon_reload_outcome *outcome)
{
	int r = daemon->source.load(daemon->source.context, &outcome->conf, &outcome->errors);

	if (r == 0 && dry_run)
		r = service_set_try(daemon->set, outcome->conf, &outcome->errors, &outcome->changes);
	else if (r == 0)
		r = service_set_apply(daemon->set, outcome->conf, &outcome->errors, &outcome->summary,
				      tell_changes ? &outcome->changes : NULL);
	if (r == 0)
		return 0;
	if (outcome->errors.count == 0)
		return fail(outcome, r, strerror(-r));
	snprintf(outcome->message, sizeof(outcome->message), "%zu error%s; nothing has changed",
		 outcome->errors.count + outcome->errors.left_out,
		 outcome->errors.count + outcome->errors.left_out == 1 ? "" : "s");
	return r;
}

int daemon_reload(struct daemon *daemon, bool dry_run, bool tell_changes,
		  struct daemon_reload_outcome *ret_outcome)
{
	struct daemon_reload_outcome outcome = { .conf = NULL };
	int r;

	*ret_outcome = outcome;
	if (daemon->draining)
		r = fail(&outcome, -EBUSY, "usherd is about to end, and takes no configuration any more");
	else if (!daemon->source.reloadable)
		r = fail(&outcome, -ENOTSUP,
			 "this service was given on the command line; there is no file to read again");
	else if (dry_run) {
		r = carry_out(daemon, true, true, &outcome);
		*ret_outcome = outcome;
		return r;
	} else {
		notify_reloading(daemon->notify);
		r = carry_out(daemon, false, tell_changes, &outcome);
		notify_ready(daemon->notify);
	}
	keep_in_mind(daemon, r, &outcome);
	if (r == 0)
		put_in_force(daemon, outcome.conf, &outcome.summary);
	else if (outcome.errors.count > 0)
		log_errors(daemon, &outcome.errors);
	else
		log_message(daemon->log, LOG_LEVEL_ERROR, "reload-failed", "%s; nothing has changed",
			    outcome.message);
	if (r == 0)
		daemon_reduce_capabilities(daemon);
	*ret_outcome = outcome;
	return r;
}

void daemon_reload_outcome_free(struct daemon_reload_outcome *outcome)
{
	conf_unref(outcome->conf);
	conf_errors_free(&outcome->errors);
	service_changes_free(&outcome->changes);
}
