/* sweep_live.c - see sweep.h: runs with a daemon that goes on, and their judge. */
#include "sweep.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define TOLD_MS  500  /* until the log says something, behind the client's end */
#define AGAIN_MS 8000 /* the same line is written again, if it is still so */

static char *baseline; /* what the service that shows itself says */

/* What the service that shows itself says, without what differs each time. */
static char *show_facts(void)
{
	char *reply = sweep_ask(1, NULL), *out, *save = NULL;

	if (reply == NULL)
		return NULL;
	out = calloc(1, strlen(reply) + 2);
	for (char *line = strtok_r(reply, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
		if (strstr(line, "REMOTE_PORT") == NULL && strstr(line, "TCPREMOTEPORT") == NULL &&
		    strstr(line, "USHERD_SESSION") == NULL)
			strcat(strcat(out, line), "\n");
	free(reply);
	return out;
}

/* Where the log was some seconds ago: what is the same again within that time is not written, but counted. */
static size_t recent_log(const struct daemon *daemon)
{
	static struct {
		pid_t pid;
		uint64_t ms;
		size_t at;
	} marks[64];
	static unsigned next;
	const uint64_t now = now_ms();
	size_t at = daemon->log_size;

	for (size_t i = 0; i < 64; i++)
		if (marks[i].pid == daemon->pid && marks[i].ms + AGAIN_MS > now && marks[i].at < at)
			at = marks[i].at;
	/* One a second is enough. */
	if (marks[(next + 63) % 64].ms + 1000 < now || marks[(next + 63) % 64].pid != daemon->pid)
		marks[next++ % 64] = (typeof(marks[0])){ daemon->pid, now, daemon->log_size };
	return at;
}

static unsigned count_lines(const char *text)
{
	unsigned count = 0;

	for (; (text = strchr(text, '\n')) != NULL; text++)
		count++;
	return count;
}

/* That the log says what was missed: the error in words, or the event of a client that was sent away. */
static bool is_told(const char *log, const struct sweep_fault *fault)
{
	return strstr(log, strerror(fault->error)) != NULL || strstr(log, " fail ") != NULL ||
	       strstr(log, " refuse ") != NULL || strstr(log, " accept ") != NULL ||
	       strstr(log, " control ") != NULL || strstr(log, "reload-failed") != NULL ||
	       strstr(log, " trouble ") != NULL;
}

/* A client of the control socket sees that he gets no answer; that nobody is let in is told. */
static bool may_be_silent(const struct sweep_scenario *scenario, const struct sweep_fault *fault)
{
	return scenario->tells_itself && strcmp(sweep_rows[fault->row].name, "accept4") != 0;
}

/* Whether a fault may keep the log itself from speaking. */
static bool silences(const struct sweep_fault *fault)
{
	const char *name = sweep_rows[fault->row].name;

	return fault->who == SWEEP_DAEMON && (strcmp(name, "write") == 0 || strcmp(name, "writev") == 0);
}

/* Whether each `"NAME":NUMBER` in it is 0. */
static bool is_zero(const char *reply, const char *name)
{
	char key[40];

	snprintf(key, sizeof(key), "\"%s\":", name);
	for (const char *at = reply; (at = strstr(at, key)) != NULL; at++)
		if (strtoull(at + strlen(key), NULL, 10) != 0)
			return false;
	return strstr(reply, key) != NULL;
}

/* No session, neither in the list of them nor in any count. */
static bool has_no_session(const struct daemon *daemon)
{
	char *sessions = daemon_ask(daemon, "sessions"), *services = daemon_ask(daemon, "services"),
	     *status = daemon_ask(daemon, "status");
	bool none = strstr(sessions, "\"sessions\":[]") != NULL && is_zero(services, "active") &&
		    is_zero(status, "active") && is_zero(status, "lingering");

	free(sessions);
	free(services);
	free(status);
	return none;
}

/* Asked about descriptors last: who asks the daemon costs it one. */
static bool comes_to_rest(const struct daemon *daemon)
{
	uint64_t end = now_ms() + PATIENCE_MS / 4;

	while (!has_no_session(daemon) && now_ms() < end)
		nap();
	while ((daemon_count_fds(daemon) != daemon->fds || daemon_children(daemon) != 0) && now_ms() < end)
		nap();
	return now_ms() < end;
}

/* All as before. False: the daemon has to be started anew. */
static bool judge(struct daemon *daemon, const struct sweep_fault *fault)
{
	char *other, *facts;

	if (!sweep_is_alive(daemon)) {
		sweep_complain(fault, "the daemon is gone, status %d", daemon_wait_exit(daemon));
		return false;
	}
	other = sweep_ask(2, NULL);
	if (other == NULL || strcmp(other, "other") != 0)
		sweep_complain(fault, "the other service is not served afterwards: %s",
			       other != NULL ? other : "no end");
	free(other);
	facts = show_facts();
	if (facts == NULL || strcmp(facts, baseline) != 0)
		sweep_complain(fault, "a program is not what it was: %s",
			       facts != NULL ? facts : "not served");
	free(facts);
	if (comes_to_rest(daemon))
		return true;
	sweep_complain(fault, "not at rest: %d children, %d descriptors instead of %d",
		       daemon_children(daemon), daemon_count_fds(daemon), daemon->fds);
	kill(daemon->pid, SIGKILL);
	daemon_wait_exit(daemon);
	return false;
}

/* ---- a daemon that runs ---- */

static struct daemon *start(void)
{
	struct daemon *daemon = daemon_launch(
		&(struct daemon_spec){ .config = sweep_config, .prepare = sweep_prepare, .no_wait = true });

	if (!sweep_follow(daemon->pid))
		return NULL;
	daemon_wait_log(daemon, " ready ");
	daemon->fds = daemon_count_fds(daemon);
	free(baseline);
	baseline = show_facts();
	ck_assert_ptr_nonnull(baseline);
	return daemon;
}

struct place {
	const struct sweep_scenario *scenario;
	struct daemon *daemon;
};

/* Whether the log speaks of it, soon. */
static bool comes_to_be_told(struct daemon *daemon, size_t from, const struct sweep_fault *fault)
{
	uint64_t end = now_ms() + TOLD_MS;

	while (!is_told(daemon_read_log(daemon) + from, fault)) {
		if (now_ms() > end || !sweep_is_alive(daemon))
			return false;
		nap();
	}
	return true;
}

/* One run: the scenario with this fault, and what its clients and the log say. */
static void try_fault(const struct sweep_scenario *scenario, struct daemon *daemon,
		      const struct sweep_fault *fault)
{
	size_t before = strlen(daemon_read_log(daemon)), recent = recent_log(daemon);
	const char *missed;
	unsigned lines;

	sweep_patience_ms = scenario->patience_ms;
	sweep_arm(fault, NULL);
	missed = scenario->run(daemon);
	sweep_disarm();
	sweep_patience_ms = 0;
	sweep_count(sweep_hits() > 0);
	if (missed != NULL && sweep_hits() == 0)
		sweep_complain(fault, "%s, without a fault", missed);
	else if (missed != NULL && sweep_is_alive(daemon) && !silences(fault) &&
		 !may_be_silent(scenario, fault) && !comes_to_be_told(daemon, recent, fault))
		sweep_complain(fault, "%s, and the log does not tell: %.300s", missed,
			       daemon_read_log(daemon) + recent);
	lines = count_lines(daemon_read_log(daemon) + before);
	if (lines > scenario->lines)
		sweep_complain(fault, "%u lines in the log", lines);
	if (sweep_is_one())
		fprintf(stderr, "%s: %s\n%s", scenario->name, missed != NULL ? missed : "well",
			daemon_read_log(daemon) + before);
}

static void run_live(const struct sweep_fault *fault, void *context)
{
	struct place *place = context;
	const char *wrong = NULL;

	try_fault(place->scenario, place->daemon, fault);
	if (place->scenario->settle != NULL)
		wrong = place->scenario->settle(place->daemon);
	else if (sweep_is_alive(place->daemon))
		wrong = place->scenario->run(
			place->daemon); /* a service that was slowed down lets its clients wait */
	if (wrong != NULL)
		sweep_complain(fault, "afterwards %s", wrong);
	if (!judge(place->daemon, fault))
		place->daemon = start();
}

START_TEST(sweep_live)
{
	struct place place = { &sweep_scenarios[_i], NULL };
	const char *missed;

	SKIP_IF(!sweep_is_wanted(place.scenario->name), "not asked for");
	place.daemon = start();
	SKIP_IF(place.daemon == NULL, "the kernel does not let us answer for system calls");
	sweep_arm(NULL, NULL);
	missed = place.scenario->run(place.daemon);
	sweep_disarm();
	ck_assert_msg(missed == NULL, "without a fault: %s", missed);
	if (place.scenario->settle != NULL)
		ck_assert_ptr_null(place.scenario->settle(place.daemon));
	sweep_each(place.scenario->turns, run_live, &place);
	sweep_report(place.scenario->name, 5);
}
END_TEST

void sweep_add_live(TCase *live)
{
	tcase_add_loop_test(live, sweep_live, 0, (int)sweep_scenario_count);
}
