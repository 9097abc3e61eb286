/* daemon.c - signals and the phases of the daemon's life: serving, draining,
 * ended. The services themselves are service-set.h's.
 *
 * HUP reloads, TERM and INT drain and then end, the second of them (and QUIT)
 * ends at once, USR1 opens the log file anew. Every other signal is without
 * effect. */
#include "daemon.h"

#include "base.h"
#include "family.h"
#include "log.h"
#include "loop.h"
#include "notify.h"
#include "pid-file.h"
#include "service-set.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#define FLUSH_RETRY_NS   (50 * NS_PER_MS)
#define PID_FILE_DEFAULT RUNSTATEDIR "/usherd.pid"

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
};

/* ---- log ---- */

static struct log_options log_options_of(const struct conf_daemon *settings, bool background)
{
	static const enum log_sink sinks[] = {
		[CONF_LOG_STDERR] = LOG_SINK_STDERR,
		[CONF_LOG_SYSLOG] = LOG_SINK_SYSLOG,
		[CONF_LOG_FILE] = LOG_SINK_FILE,
	};
	static const enum log_address addresses[] = {
		[CONF_LOG_ADDRESS_FULL] = LOG_ADDRESS_FULL,
		[CONF_LOG_ADDRESS_PREFIX] = LOG_ADDRESS_PREFIX,
		[CONF_LOG_ADDRESS_HASH] = LOG_ADDRESS_HASH,
		[CONF_LOG_ADDRESS_NONE] = LOG_ADDRESS_NONE,
	};
	struct log_options options = {
		.sink = sinks[settings->log.kind],
		.path = settings->log.kind == CONF_LOG_FILE ? settings->log.path : NULL,
		.format = settings->log_format == CONF_LOG_JSON ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT,
		.level = (enum log_level)settings->log_level,
		.address = addresses[settings->log_address],
	};

	if (background && options.sink == LOG_SINK_STDERR)
		options.sink = LOG_SINK_SYSLOG;
	return options;
}

static void flush_due(struct loop_timer *timer)
{
	(void)timer; /* that the loop woke up is enough: the round ends with a flush */
}

static void round_end(void *context)
{
	struct daemon *daemon = context;

	if (log_flush(daemon->log) && daemon->flush.place == 0)
		loop_arm(daemon->loop, &daemon->flush, loop_now_ns(daemon->loop) + FLUSH_RETRY_NS);
}

static void log_summary(struct daemon *daemon, const char *name, const struct service_summary *summary)
{
	struct log_event *event = log_begin(daemon->log, LOG_LEVEL_NOTICE, name);

	log_number(event, "generation", summary->generation);
	log_number(event, "services", summary->services);
	log_number(event, "listeners", summary->listeners);
	log_number(event, "opened", summary->opened);
	log_number(event, "kept", summary->kept);
	log_number(event, "closed", summary->closed);
	if (summary->absent > 0)
		log_number(event, "absent", summary->absent);
	log_number(event, "max_sessions", summary->max_sessions);
	log_text(event, "version", PACKAGE_VERSION);
	log_end(event);
}

/* ---- reload ---- */

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

/* What is allowed but probably not meant. */
static void log_warnings(struct daemon *daemon, const struct conf *conf)
{
	for (size_t i = 0; i < conf->warnings.count; i++) {
		const struct conf_error *warning = &conf->warnings.items[i];

		log_message(daemon->log, LOG_LEVEL_WARNING, "config-warning", "%s:%u: %s%s%s", warning->path,
			    warning->line, warning->subject != NULL ? warning->subject : "",
			    warning->subject != NULL ? ": " : "", warning->reason);
	}
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
	struct log_options options = log_options_of(&conf->daemon, daemon->background);
	int r = log_reconfigure(daemon->log, &options);

	if (r < 0)
		log_message(daemon->log, LOG_LEVEL_ERROR, "log", "%s: %s; the log stays where it is",
			    options.path != NULL ? options.path : "log", strerror(-r));
}

static void reload(struct daemon *daemon)
{
	struct conf_errors errors = { .count = 0 };
	struct service_summary summary;
	struct conf *conf = NULL;
	int r;

	if (!daemon->source.reloadable) {
		log_message(daemon->log, LOG_LEVEL_WARNING, "reload-failed",
			    "this service was given on the command line; there is no file to read again");
		return;
	}
	notify_reloading(daemon->notify);
	r = daemon->source.load(daemon->source.context, &conf, &errors);
	if (r == 0)
		r = service_set_apply(daemon->set, conf, &errors, &summary);
	if (r == 0) {
		reload_log(daemon, conf);
		take_conf(daemon, conf);
		log_warnings(daemon, conf);
		log_summary(daemon, "reload", &summary);
	} else if (errors.count > 0) {
		log_errors(daemon, &errors);
	} else {
		log_message(daemon->log, LOG_LEVEL_ERROR, "reload-failed", "%s; nothing has changed",
			    strerror(-r));
	}
	notify_ready(daemon->notify);
	conf_unref(conf);
	conf_errors_free(&errors);
}

/* ---- the end ---- */

static void drained(void *context)
{
	struct daemon *daemon = context;

	loop_stop(daemon->loop);
}

static void drain_due(struct loop_timer *timer)
{
	struct daemon *daemon = container_of(timer, struct daemon, drain);

	log_message(daemon->log, LOG_LEVEL_WARNING, "drain-timeout", "ending %zu sessions",
		    service_set_session_count(daemon->set));
	service_set_terminate(daemon->set, false);
}

static void end(struct daemon *daemon, bool at_once)
{
	struct log_event *event;

	if (!daemon->draining) {
		daemon->draining = true;
		notify_stopping(daemon->notify);
		event = log_begin(daemon->log, LOG_LEVEL_NOTICE, "drain");
		log_number(event, "sessions", service_set_session_count(daemon->set));
		log_seconds(event, "timeout", daemon->conf->daemon.drain_timeout_ns);
		log_end(event);
		service_set_drain(daemon->set, drained, daemon);
		if (!at_once &&
		    loop_arm(daemon->loop, &daemon->drain,
			     loop_now_ns(daemon->loop) + daemon->conf->daemon.drain_timeout_ns) == 0)
			return;
	}
	service_set_terminate(daemon->set, true);
}

static void on_signal(void *context, const struct signalfd_siginfo *info)
{
	struct daemon *daemon = context;
	int r;

	switch (info->ssi_signo) {
	case SIGHUP:
		if (daemon->draining)
			log_message(daemon->log, LOG_LEVEL_NOTICE, "reload-failed",
				    "usherd is about to end, and takes no configuration any more");
		else
			reload(daemon);
		break;
	case SIGTERM:
	case SIGINT:
		end(daemon, daemon->draining);
		break;
	case SIGQUIT:
		end(daemon, true);
		break;
	case SIGUSR1:
		r = log_reopen(daemon->log);
		if (r < 0)
			log_message(daemon->log, LOG_LEVEL_ERROR, "log", "could not be opened anew: %s",
				    strerror(-r));
		break;
	default:
		break;
	}
}

/* ---- start ---- */

static int fail(int status, const char *what, int r)
{
	fprintf(stderr, "usherd: %s: %s\n", what, strerror(-r));
	return status;
}

static int start_log(struct daemon *daemon, const struct conf *conf)
{
	struct log_options options = log_options_of(&conf->daemon, daemon->background);
	int r = log_open(&options, 0, &daemon->log);

	if (r == 0 && options.sink == LOG_SINK_SYSLOG && access("/dev/log", F_OK) != 0)
		fputs("usherd: there is no syslog at /dev/log, and so no log until there is one; "
		      "log = file:PATH in [usherd] writes a file\n",
		      stderr);
	if (r == 0)
		return 0;
	fprintf(stderr, "usherd: cannot open the log %s: %s; name another with `log` in [usherd]\n",
		options.path != NULL ? options.path : "", strerror(-r));
	return EXIT_FAILURE;
}

static int start_pid_file(struct daemon *daemon, const struct conf *conf)
{
	const char *path = conf->daemon.pid_file;
	char reason[PID_FILE_REASON_MAX];

	if (path == NULL && daemon->background)
		path = PID_FILE_DEFAULT;
	if (path == NULL || pid_file_take(path, &daemon->pid_file, reason) == 0)
		return 0;
	fprintf(stderr, "usherd: %s\n", reason);
	return EXIT_FAILURE;
}

static int start_services(struct daemon *daemon, struct conf *conf)
{
	struct conf_errors errors = { .count = 0 };
	struct service_summary summary;
	int r = service_set_apply(daemon->set, conf, &errors, &summary);

	if (r == 0) {
		log_warnings(daemon, conf);
		log_summary(daemon, "ready", &summary);
	} else if (errors.count > 0) {
		conf_errors_print(&errors, stderr);
	} else {
		fail(EX_OSERR, "start", r);
	}
	conf_errors_free(&errors);
	return r == 0 ? 0 : EXIT_FAILURE;
}

static int start_cgroups(struct daemon *daemon, const struct conf *conf)
{
	char reason[CGROUP_REASON_MAX] = "";

	if (strcmp(conf->daemon.cgroup, "none") == 0)
		return 0;
	if (service_set_use_cgroups(daemon->set, conf->daemon.cgroup, reason) == 0) {
		if (reason[0] != '\0')
			log_message(daemon->log, LOG_LEVEL_NOTICE, "cgroup", "not used: %s", reason);
		return 0;
	}
	fprintf(stderr, "usherd: cgroup = %s: %s\n", conf->daemon.cgroup, reason);
	return EX_OSERR;
}

static int start_machinery(struct daemon *daemon, const struct conf *conf)
{
	int r;

	/* What services leave behind is ours to end and to collect. */
	if ((r = family_adopt_orphans()) < 0)
		return fail(EX_OSERR, "orphans", r);

	if ((r = loop_new(&daemon->loop)) < 0 ||
	    (r = loop_watch_signals(daemon->loop, on_signal, daemon)) < 0)
		return fail(EX_OSERR, "event loop", r);
	if ((r = spawn_new(&daemon->spawn)) < 0)
		return fail(EX_OSERR, "spawn", r);
	if ((r = service_set_new(daemon->loop, daemon->log, daemon->spawn, &daemon->set)) < 0)
		return fail(EX_OSERR, "services", r);
	daemon->notify = notify_new(environ, daemon->loop);
	return start_cgroups(daemon, conf);
}

int daemon_start(const struct daemon_source *source, struct conf *conf, bool background,
		 struct daemon **ret_daemon)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	int status;

	if (daemon == NULL)
		return fail(EX_OSERR, "start", -ENOMEM);
	daemon->source = *source;
	daemon->background = background;
	daemon->flush.expired = flush_due;
	daemon->drain.expired = drain_due;
	daemon->conf = conf_ref(conf);
	if ((status = start_pid_file(daemon, conf)) != 0 || (status = start_log(daemon, conf)) != 0 ||
	    (status = start_machinery(daemon, conf)) != 0 || (status = start_services(daemon, conf)) != 0) {
		daemon_free(daemon);
		return status;
	}
	*ret_daemon = daemon;
	return 0;
}

int daemon_run(struct daemon *daemon)
{
	int r;

	notify_ready(daemon->notify);
	round_end(daemon);
	r = loop_run(daemon->loop, round_end, daemon);
	if (r < 0)
		log_message(daemon->log, LOG_LEVEL_ERROR, "loop", "epoll: %s", strerror(-r));

	size_t left = service_set_session_count(daemon->set);

	/* What its end has to say comes before the last line. */
	service_set_free(daemon->set);
	daemon->set = NULL;

	struct log_event *event = log_begin(daemon->log, LOG_LEVEL_NOTICE, "stop");

	log_number(event, "sessions", left);
	log_end(event);
	return r < 0 ? EX_OSERR : EXIT_SUCCESS;
}

void daemon_free(struct daemon *daemon)
{
	if (daemon == NULL)
		return;
	if (daemon->loop != NULL) {
		loop_disarm(daemon->loop, &daemon->flush);
		loop_disarm(daemon->loop, &daemon->drain);
	}
	notify_free(daemon->notify);
	service_set_free(daemon->set);
	spawn_free(daemon->spawn);
	loop_free(daemon->loop);
	log_close(daemon->log);
	pid_file_drop(daemon->pid_file);
	conf_unref(daemon->conf);
	free(daemon);
}
