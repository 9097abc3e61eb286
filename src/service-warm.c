/* service-warm.c - services whose program is started ahead of clients (`warm`): when it is started, started anew and
 * given up. Clients never depend on it: where no copy is to be had, the program is started for them, as without `warm`.
 *
 * It is started when a configuration is applied, one service after the other. Started anew: after warm_sessions or
 * warm_time, when its files have changed (looked at once a second at most, when a client comes), when a reload
 * changes how it is started, by hand, and some time after it died. A program for which it cannot work is told once, and
 * left alone until its settings or files change. */
#include "service.h"

#include "base.h"
#include "conf-compare.h"
#include "session-table.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define APART_NS    (2 * NS_PER_MS)  /* starts of different services */
#define LOOK_NS     NS_PER_S         /* between two looks at its files */
#define STEADY_NS   NS_PER_S         /* who lived so long was no failure */

/* What failed by itself may work later; trying may cost a minute of a processor each time. */
static const struct throttle_rule throttle_warm = { 10 * NS_PER_S, 3600 * NS_PER_S };

static struct loop *loop_of(const struct service *service)
{
	return service->set->loop;
}

static struct log_event *tell(const struct service *service, enum log_level level, const char *state)
{
	struct log_event *event = log_begin(service->set->log, level, "warm");

	log_text(event, "service", service->settings->name);
	log_text(event, "state", state);
	return event;
}

static void due_at(struct service *service, uint64_t at_ns)
{
	/* Without memory for a timer it is not warm: no worse than without the key. */
	(void)loop_arm(loop_of(service), &service->warm.due, at_ns);
}

/* ---- starting ---- */

static void tell_start_failed(struct service *service, const struct spawn_failure *failure, uint64_t pause_ns)
{
	struct log_event *event = tell(service, LOG_LEVEL_WARNING, "failed");

	service->warm.trouble = "it could not be started ahead of clients; see `warm` in the log";
	log_text(event, "stage", failure->step);
	log_errno(event, "error", failure->error);
	log_seconds(event, "pause", pause_ns);
	log_printf(event, "message", "%s: %s; it is started for each client until that is mended", failure->step,
		   strerror(failure->error));
	log_end(event);
}

static void begin(struct service *service)
{
	struct service_warm *warm = &service->warm;
	struct spawn_failure failure;
	uint64_t now_ns = loop_now_ns(loop_of(service));

	warm->looked_ns = now_ns;
	warm->stamp = warm_stamp(service->settings);
	warm->begun_ns = now_ns;
	if (warm_start(service->set->warm, service->settings, service, &warm->server, &failure) < 0) {
		uint64_t pause_ns = throttle_fail(&warm->throttle, &throttle_spawn);

		if (warm->trouble == NULL)
			tell_start_failed(service, &failure, pause_ns);
		due_at(service, now_ns + pause_ns);
		return;
	}
	warm->output = warm_stamp_output(service->settings); /* the start may have made it */
	session_orphans_watch(service->set->sessions);
}

static void leave(struct service *service)
{
	struct warm *server = service->warm.server;

	service->warm.server = NULL;
	warm_leave(server);
}

/* Another in place of the one there is, in the next round; until it is ready clients have the program started for
 * them. Takes no memory: a client is there. */
static void begin_anew(struct service *service, const char *reason)
{
	struct log_event *event = tell(service, LOG_LEVEL_INFO, "replaced");

	log_text(event, "reason", reason);
	log_number(event, "pid", (uint64_t)warm_pid(service->warm.server));
	log_number(event, "sessions", warm_served(service->warm.server));
	log_end(event);
	leave(service);
	due_at(service, loop_now_ns(loop_of(service)));
}

static void due(struct loop_timer *timer)
{
	struct service *service = container_of(timer, struct service, warm.due);

	if (service->warm.server == NULL)
		begin(service);
	else if (warm_state(service->warm.server) == WARM_READY)
		begin_anew(service, "warm_time");
}

/* ---- what happens to it ---- */

static void became_ready(struct service *service)
{
	struct service_warm *warm = &service->warm;
	uint64_t now_ns = loop_now_ns(loop_of(service));
	struct log_event *event = tell(service, LOG_LEVEL_INFO, "ready");

	log_number(event, "pid", (uint64_t)warm_pid(warm->server));
	log_seconds(event, "seconds", now_ns - warm->begun_ns);
	log_end(event);
	warm->trouble = NULL;
	warm->worked = true;
	service->counters.warm_ready++;
	if (service->settings->warm_time_ns > 0)
		due_at(service, now_ns + service->settings->warm_time_ns);
}

static void cannot_copy(struct service *service, const struct warm *server)
{
	int error = warm_copy_error(server);
	struct log_event *event = tell(service, LOG_LEVEL_WARNING, "no-copy");

	log_number(event, "pid", (uint64_t)warm_pid(server));
	log_errno(event, "error", error);
	log_printf(event, "message", "no copy could be made: %s%s; clients have it started for them until one can",
		   strerror(error), error == EAGAIN ? " (rlimit_nproc counts all processes of the user)" : "");
	log_end(event);
}

/* Killed from outside, whatever it was doing: that says nothing about the program. */
static bool was_killed(const struct warm_outcome *outcome)
{
	return outcome->ended && outcome->signalled && outcome->status == SIGKILL;
}

/* When it is worth another try: 0 never, while it is as it is. */
static uint64_t pause_after(struct service *service, const struct warm_outcome *outcome)
{
	struct service_warm *warm = &service->warm;
	uint64_t lived_ns = loop_now_ns(loop_of(service)) - warm->begun_ns;
	bool was_ready = outcome->end == WARM_END_DIED || outcome->end == WARM_END_SILENT ||
			 outcome->end == WARM_END_SPARE;

	if (was_ready || (was_killed(outcome) && lived_ns < STEADY_NS)) {
		if (lived_ns >= STEADY_NS)
			throttle_succeed(&warm->throttle);
		return throttle_fail(&warm->throttle, &throttle_spawn);
	}
	if (!warm->worked && !was_killed(outcome) && outcome->end != WARM_END_EXITED &&
	    outcome->end != WARM_END_TOO_LONG)
		return 0;
	return throttle_fail(&warm->throttle, &throttle_warm);
}

static void ended(struct service *service, const struct warm_outcome *outcome)
{
	struct service_warm *warm = &service->warm;
	uint64_t pause_ns = pause_after(service, outcome);
	const char *text = warm_end_text(outcome);

	/* The same again is not told again. */
	if (warm->trouble != text) {
		struct log_event *event =
			tell(service, LOG_LEVEL_WARNING, pause_ns > 0 ? "ended" : "unsuitable");

		log_number(event, "pid", (uint64_t)outcome->pid);
		if (outcome->ended)
			session_log_status(event, &(struct session_outcome){ .signalled = outcome->signalled,
									     .status = outcome->status });
		if (pause_ns > 0)
			log_seconds(event, "pause", pause_ns);
		log_printf(event, "message", "%s: %s; clients have it started for them", service->settings->program,
			   text);
		log_end(event);
	}
	warm->server = NULL;
	warm->trouble = text;
	warm->given_up = pause_ns == 0;
	loop_disarm(loop_of(service), &warm->due);
	if (pause_ns > 0)
		due_at(service, loop_now_ns(loop_of(service)) + pause_ns);
}

static void happened(void *context, struct warm *warm, enum warm_event event, const struct warm_outcome *outcome)
{
	struct service *service = context;

	switch (event) {
	case WARM_BECAME_READY:
		became_ready(service);
		break;
	case WARM_CANNOT_COPY:
		cannot_copy(service, warm);
		break;
	case WARM_ENDED:
		ended(service, outcome);
		break;
	}
}

/* ---- a client is there ---- */

/* Its files, from time to time. What has changed is started anew, and was given up for nothing. */
static void look_at_files(struct service *service)
{
	struct service_warm *warm = &service->warm;
	uint64_t now_ns = loop_now_ns(loop_of(service));

	if (now_ns - warm->looked_ns < LOOK_NS)
		return;
	warm->looked_ns = now_ns;
	if (warm_stamp(service->settings) == warm->stamp &&
	    (warm->server == NULL || warm_stamp_output(service->settings) == warm->output))
		return;
	warm->trouble = NULL;
	warm->worked = false;
	if (warm->server != NULL) {
		begin_anew(service, "file");
	} else {
		warm->given_up = false;
		throttle_succeed(&warm->throttle);
		due_at(service, now_ns);
	}
}

static bool is_warm(const struct service *service)
{
	const struct conf_service *settings = service->settings;

	return settings->warm != WARM_NONE && settings->warm_not == NULL && settings->warm_library != NULL;
}

struct warm *service_warm_server(struct service *service)
{
	struct service_warm *warm = &service->warm;
	unsigned sessions = service->settings->warm_sessions;

	if (service->settings->warm == WARM_NONE)
		return NULL;
	look_at_files(service);
	if (warm->server == NULL || warm_state(warm->server) != WARM_READY)
		return NULL;
	if (sessions == 0 || warm_served(warm->server) < sessions)
		return warm->server;
	begin_anew(service, "warm_sessions");
	return NULL;
}

/* ---- configurations ---- */

/* The keys that decide what the program is and how it is started. */
static bool is_of_the_start(const char *key)
{
	static const char *const keys[] = { "exec",  "user",  "group",	"groups",	 "directory",
					    "chroot", "umask", "nice",	"oom_score_adj", "no_new_privileges",
					    "env",    "pass_env", "stderr", "warm" };

	if (strncmp(key, "rlimit_", strlen("rlimit_")) == 0)
		return true;
	for (size_t i = 0; i < ELEMENTS(keys); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

/* Whether the program would be started in another way. Without memory to tell: yes. */
static bool starts_differently(const struct conf_service *a, const struct conf_service *b)
{
	struct conf_comparer comparer;
	bool differs = conf_comparer_init(&comparer) < 0 || conf_compare_services(&comparer, a, b) < 0;

	for (size_t i = 0; !differs && i < comparer.key_count; i++)
		differs = is_of_the_start(comparer.keys[i]);
	conf_comparer_free(&comparer);
	return differs;
}

/* One after the other, so that clients are served between. */
static void begin_soon(struct service *service)
{
	struct service_set *set = service->set;
	uint64_t now_ns = loop_now_ns(set->loop);

	if (set->warm_next_ns < now_ns)
		set->warm_next_ns = now_ns;
	due_at(service, set->warm_next_ns);
	set->warm_next_ns += APART_NS;
}

void service_warm_adjust(struct service *service, const struct conf_service *before)
{
	struct service_warm *warm = &service->warm;

	if (!is_warm(service) || service->disabled || service->settings->wait) {
		service_warm_end(service);
		return;
	}
	if (warm->server != NULL && before != NULL && warm->stamp == warm_stamp(service->settings) &&
	    !starts_differently(before, service->settings)) {
		warm_adjust(warm->server, service->settings);
		if (warm_state(warm->server) == WARM_READY && service->settings->warm_time_ns > 0)
			due_at(service, warm_ready_ns(warm->server) + service->settings->warm_time_ns);
		else
			loop_disarm(loop_of(service), &warm->due);
		return;
	}
	service_warm_end(service);
	begin_soon(service);
}

int service_warm_renew(struct service *service)
{
	struct service_warm *warm = &service->warm;

	if (!is_warm(service) || service->settings->wait)
		return -ENOTSUP;
	if (service->disabled || service->retired)
		return -EBUSY;
	if (warm->server != NULL && warm_state(warm->server) == WARM_READY) {
		begin_anew(service, "by hand");
		return 0;
	}
	service_warm_end(service);
	due_at(service, loop_now_ns(loop_of(service)));
	return 0;
}

void service_warm_end(struct service *service)
{
	struct service_warm *warm = &service->warm;

	loop_disarm(loop_of(service), &warm->due);
	leave(service);
	throttle_succeed(&warm->throttle);
	warm->trouble = NULL;
	warm->given_up = warm->worked = false;
}

/* ---- stderr of programs that are being started ---- */

static void stderr_line(struct stderr_tap *tap, const char *bytes, size_t length)
{
	struct warm *warm = warm_of_tap(tap);
	const struct service *service = warm_context(warm);
	struct log_event *event = log_begin(service->set->log, LOG_LEVEL_NOTICE, "stderr");

	log_text(event, "service", service->settings->name);
	log_number(event, "pid", (uint64_t)warm_pid(warm));
	log_bytes(event, "text", bytes, length);
	log_end(event);
}

static void stderr_left_out(struct stderr_tap *tap, uint64_t lines)
{
	struct warm *warm = warm_of_tap(tap);
	const struct service *service = warm_context(warm);
	struct log_event *event = log_begin(service->set->log, LOG_LEVEL_WARNING, "stderr-left-out");

	log_text(event, "service", service->settings->name);
	log_number(event, "pid", (uint64_t)warm_pid(warm));
	log_number(event, "lines", lines);
	log_text(event, "message", "the service writes more lines a second to stderr than are logged");
	log_end(event);
}

static void stderr_closed(struct stderr_tap *tap)
{
	(void)tap;
}

/* ---- the set ---- */

/* Callback of warm.h. */
static bool is_a_leader(void *context, pid_t pid)
{
	const struct service_set *set = context;

	return session_is_leader(set->sessions, pid);
}

int service_warm_new(struct service_set *set)
{
	struct warm_means means = {
		.loop = set->loop,
		.spawn = set->spawn,
		.taps = &set->warm_taps,
		.is_taken = is_a_leader,
		.is_taken_context = set,
		.answered = session_copy_came,
		.happened = happened,
	};

	set->warm_taps = (struct stderr_tap_shared){
		.loop = set->loop,
		.buffer = malloc(STDERR_TAP_BUFFER),
		.line = stderr_line,
		.left_out = stderr_left_out,
		.closed = stderr_closed,
	};
	return set->warm_taps.buffer == NULL ? -ENOMEM : warm_table_new(&means, &set->warm);
}

void service_warm_end_all(struct service_set *set)
{
	for (size_t i = 0; i < set->service_count; i++) {
		if (set->services[i]->warm.server == NULL)
			continue;
		leave(set->services[i]);
		due_at(set->services[i], loop_now_ns(set->loop) + NS_PER_S);
	}
	warm_table_end(set->warm);
}

void service_warm_free(struct service_set *set)
{
	warm_table_free(set->warm);
	set->warm = NULL;
	free(set->warm_taps.buffer);
}

void service_warm_init(struct service *service)
{
	service->warm.due.expired = due;
}
