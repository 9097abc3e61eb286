/* daemon.c - signals and the phases of the daemon's life: serving, draining,
 * ended. The services themselves are service-set.h's.
 *
 * HUP reloads, TERM and INT drain and then end, the second of them (and QUIT)
 * ends at once, USR1 opens the log file anew, USR2 replaces the program. Every other signal is without
 * effect. */
#include "daemon-internal.h"

#include "base.h"
#include "clock.h"
#include "family.h"
#include "init.h"
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

/* ---- the loop ---- */

static void flush_due(struct loop_timer *timer)
{
	(void)timer; /* that the loop woke up is enough: the round ends with a flush */
}

static void round_end(void *context)
{
	struct daemon *daemon = context;

	daemon_tail_settle(daemon);
	daemon_tell_status(daemon);
	if (log_flush(daemon->log) && daemon->flush.place == 0)
		loop_arm(daemon->loop, &daemon->flush, loop_now_ns(daemon->loop) + FLUSH_RETRY_NS);
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

static void begin_drain(struct daemon *daemon, enum daemon_end_way way)
{
	struct log_event *event = log_begin(daemon->log, LOG_LEVEL_NOTICE, "drain");

	daemon->draining = true;
	notify_stopping(daemon->notify);
	log_number(event, "sessions", service_set_session_count(daemon->set));
	if (way == DAEMON_END_DRAIN)
		log_seconds(event, "timeout", daemon->conf->daemon.drain_timeout_ns);
	log_end(event);
	service_set_drain(daemon->set, drained, daemon);
}

void daemon_end(struct daemon *daemon, enum daemon_end_way way)
{
	if (!daemon->draining)
		begin_drain(daemon, way);
	/* Without memory for the timer nobody would end them: then now. */
	if (way == DAEMON_END_NOW ||
	    (way == DAEMON_END_DRAIN && daemon->drain.place == 0 &&
	     loop_arm(daemon->loop, &daemon->drain,
		      loop_now_ns(daemon->loop) + daemon->conf->daemon.drain_timeout_ns) < 0))
		service_set_terminate(daemon->set, true);
}

static void on_signal(void *context, const struct signalfd_siginfo *info)
{
	struct daemon *daemon = context;
	struct daemon_reload_outcome outcome;
	int r;

	switch (info->ssi_signo) {
	case SIGHUP:
		(void)daemon_reload(daemon, false, false, &outcome);
		daemon_reload_outcome_free(&outcome);
		break;
	case SIGTERM:
	case SIGINT:
		daemon_end(daemon, daemon->told ? DAEMON_END_NOW : DAEMON_END_DRAIN);
		daemon->told = true;
		break;
	case SIGQUIT:
		daemon_end(daemon, DAEMON_END_NOW);
		break;
	case SIGUSR1:
		r = log_reopen(daemon->log);
		if (r < 0)
			log_message(daemon->log, LOG_LEVEL_ERROR, "log", "could not be opened anew: %s",
				    strerror(-r));
		break;
	case SIGUSR2:
		daemon_upgrade_asked(daemon, NULL);
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

/* One that comes back, because the program that was to replace it could not serve, goes on without what
 * can be done without: there are sessions, and nobody else to look after them. */
static bool must_go_on(const struct daemon *daemon)
{
	return daemon->resumed != NULL && upgrade_failure(daemon->source.upgrade) != NULL;
}

static int forgive(const struct daemon *daemon, int status)
{
	return must_go_on(daemon) ? 0 : status;
}

static int start_log(struct daemon *daemon, const struct conf *conf)
{
	struct log_options options = daemon_log_options(&conf->daemon, daemon->background);
	int r = log_open(&options, 0, &daemon->log);

	if (r < 0 && must_go_on(daemon)) {
		options.sink = daemon->background ? LOG_SINK_SYSLOG : LOG_SINK_STDERR;
		r = log_open(&options, 0, &daemon->log);
	}

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
	if (daemon_resume_pid_file(daemon, path) == 0)
		return 0;
	if (path == NULL || pid_file_take(path, &daemon->pid_file, reason) == 0)
		return 0;
	fprintf(stderr, "usherd: %s\n", reason);
	return EXIT_FAILURE;
}

static int resume_services(struct daemon *daemon, struct conf *conf)
{
	struct service_summary summary;
	int status = daemon_resume_services(daemon, conf, &summary);

	if (status != 0)
		return status;
	daemon_log_warnings(daemon, conf);
	daemon_resume_done(daemon, &summary);
	return 0;
}

static int start_services(struct daemon *daemon, struct conf *conf)
{
	struct conf_errors errors = { .count = 0 };
	struct service_summary summary;
	int r;

	if (daemon->resumed != NULL)
		return resume_services(daemon, conf);
	service_set_adopt(daemon->set, daemon->source.adopted);
	r = service_set_apply(daemon->set, conf, &errors, &summary, NULL);

	if (r == 0) {
		daemon_log_warnings(daemon, conf);
		daemon_settle_adopted(daemon);
		daemon_tell_found(daemon);
		daemon_log_summary(daemon, "ready", &summary);
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

static int start_control(struct daemon *daemon)
{
	char reason[LISTEN_REASON_MAX];
	int r = daemon_control_start(daemon, reason);

	if (r < 0)
		fprintf(stderr, "usherd: control = %s: %s\n", daemon->conf->daemon.control, reason);
	return r < 0 ? EXIT_FAILURE : 0;
}

static int start_machinery(struct daemon *daemon, const struct conf *conf)
{
	int r;

	daemon->started_wall_s = clock_wall().tv_sec;
	daemon->started_ns = clock_now_ns();
	daemon_resume_log(daemon);
	/* What services leave behind is ours to end and to collect. */
	if ((r = family_adopt_orphans()) < 0)
		return fail(EX_OSERR, "orphans", r);

	if ((r = loop_new(&daemon->loop)) < 0 ||
	    (r = loop_watch_signals(daemon->loop, on_signal, daemon)) < 0)
		return fail(EX_OSERR, "event loop", r);
	daemon_resume_loop(daemon);
	if ((r = spawn_new(&daemon->spawn)) < 0)
		return fail(EX_OSERR, "spawn", r);
	if ((r = service_set_new(daemon->loop, daemon->log, daemon->spawn, &daemon->set)) < 0)
		return fail(EX_OSERR, "services", r);
	if ((r = daemon_start_init(daemon)) < 0)
		return fail(EX_OSERR, "children", r);
	daemon_start_notify(daemon);
	return forgive(daemon, start_cgroups(daemon, conf));
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
	if ((status = daemon_resume(daemon)) != 0 || (status = forgive(daemon, start_pid_file(daemon, conf))) != 0 ||
	    (status = start_log(daemon, conf)) != 0 ||
	    (status = start_machinery(daemon, conf)) != 0 || (status = forgive(daemon, start_control(daemon))) != 0 ||
	    (status = start_services(daemon, conf)) != 0) {
		/* Nothing is closed and no file removed: the program before goes on with all of it. */
		if (daemon->resumed == NULL)
			daemon_free(daemon);
		return status;
	}
	*ret_daemon = daemon;
	return 0;
}

int daemon_run(struct daemon *daemon)
{
	int r;

	daemon_reduce_capabilities(daemon);
	notify_ready(daemon->notify);
	round_end(daemon);
	r = loop_run(daemon->loop, round_end, daemon);
	if (r < 0)
		log_message(daemon->log, LOG_LEVEL_ERROR, "loop", "epoll: %s", strerror(-r));

	size_t left = service_set_session_count(daemon->set);

	/* What its end has to say comes before the last line. */
	service_set_free(daemon->set);
	daemon->set = NULL;
	daemon_end_others(daemon);

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
	daemon_upgrade_free(daemon);
	daemon_resume_free(daemon);
	notify_free(daemon->notify);
	init_free(daemon->init);
	control_close(daemon->control);
	daemon->control = NULL;
	service_set_free(daemon->set);
	spawn_free(daemon->spawn);
	loop_free(daemon->loop);
	log_close(daemon->log);
	pid_file_drop(daemon->pid_file);
	adopted_free(daemon->source.adopted);
	conf_unref(daemon->conf);
	free(daemon);
}
