/* service-failures.c - programs that can be started, but end at once and badly.
 *
 * A session failed when it ended by itself within a second, with a status other than 0 or a
 * signal, and its client was there and got nothing. Ten of them in a row in three seconds, and the
 * next clients wait a while (a tenth of a second, doubled up to one), so that a broken program does not
 * keep the machine busy; one line tells what to do. The first session that does not fail
 * ends it all.
 *
 * A client may make a program fail. So the service as a whole only pauses when
 * three sources saw nothing but failures; fewer of them are refused, each for itself. */
#include "service.h"

#include "base.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define AT_ONCE_NS     NS_PER_S
#define IN_A_ROW       10
#define WITHIN_NS      (3 * NS_PER_S) /* a check every second is none of this */
#define TELL_EVERY_NS  (60 * NS_PER_S)

/* A session may say nothing about its program. */
enum judgement { JUDGED_WELL, JUDGED_FAILED, JUDGED_NOT };

static enum judgement judge(const struct session *session, const struct session_outcome *outcome)
{
	const struct connection_facts *facts = &outcome->facts;
	bool badly = outcome->signalled || outcome->status != 0;

	if (session->ending || outcome->lasted_ns >= AT_ONCE_NS || !badly)
		return JUDGED_WELL;
	/* What the client got is not known: only what no program means to do counts. */
	if (!facts->known)
		return outcome->signalled && outcome->status != SIGTERM && outcome->status != SIGPIPE ?
			       JUDGED_FAILED :
			       JUDGED_NOT;
	if (facts->bytes_out > 0)
		return JUDGED_WELL;
	/* Who goes without a word (a port scan, a check that only connects) leaves a program nothing to do. */
	return facts->closed || (facts->ended_in && facts->bytes_in == 0) ? JUDGED_NOT : JUDGED_FAILED;
}

static void tell_failing(struct service *service, const struct session_outcome *outcome, uint64_t pause_ns)
{
	const struct conf_service *settings = service->settings;
	uint64_t left_out;
	struct log_event *event;

	service->failures.known = true;
	if (!log_limit_pass(&service->failures.told, loop_now_ns(service->set->loop), TELL_EVERY_NS,
			    &left_out))
		return;
	event = log_begin(service->set->log, LOG_LEVEL_WARNING, "failing");
	log_text(event, "service", settings->name);
	session_log_status(event, outcome);
	log_number(event, "in_a_row", service->failures.in_a_row);
	log_seconds(event, "pause", pause_ns);
	log_printf(event, "message",
		   "its program ends at once without a reply; look at its stderr lines above, or run %s by hand as %s",
		   settings->program, settings->user);
	log_end(event);
}

void service_tell_recovered(struct service *service)
{
	struct log_event *event = log_begin(service->set->log, LOG_LEVEL_NOTICE, "recovered");

	log_text(event, "service", service->settings->name);
	log_end(event);
}

static void recover(struct service *service, const struct session *session)
{
	struct service_failures *failures = &service->failures;

	if (failures->in_a_row == 0 && !failures->known)
		return;
	if (failures->known) {
		service_tell_recovered(service);
		gate_pause_source(&service->set->gate, &service->gate, &session->peer, 0);
	}
	*failures = (struct service_failures){ .told = failures->told };
}

/* Remembers the source, as long as there is room: how many is all that matters. */
static void note_source(struct service *service, const struct peer *peer)
{
	struct service_failures *failures = &service->failures;
	struct peer_key key = gate_source_key(&service->gate, peer);

	for (unsigned i = 0; i < failures->source_count; i++)
		if (memcmp(&failures->sources[i], &key, sizeof(key)) == 0)
			return;
	if (failures->source_count < FAILURES_SOURCES)
		failures->sources[failures->source_count++] = key;
}

static bool has_address(const struct peer *peer)
{
	return peer->family == PEER_IPV4 || peer->family == PEER_IPV6;
}

void service_judge(struct service *service, const struct session *session,
		   const struct session_outcome *outcome)
{
	struct service_failures *failures = &service->failures;
	uint64_t now_ns = loop_now_ns(service->set->loop), pause_ns;

	/* What wait = yes programs leave undone is judged by their queue. */
	if (service->retired || service->settings->wait || session->settings->wait)
		return;
	switch (judge(session, outcome)) {
	case JUDGED_NOT:
		return;
	case JUDGED_WELL:
		recover(service, session);
		return;
	case JUDGED_FAILED:
		break;
	}
	if (failures->in_a_row > 0 && now_ns - failures->first_ns > WITHIN_NS) {
		failures->in_a_row = 0;
		failures->source_count = 0;
	}
	if (failures->in_a_row++ == 0)
		failures->first_ns = now_ns;
	note_source(service, &session->peer);
	if (failures->in_a_row < IN_A_ROW)
		return;

	failures->first_ns = now_ns; /* it goes on: the next three seconds count from here */
	pause_ns = throttle_fail(&failures->throttle, &throttle_failures);
	tell_failing(service, outcome, pause_ns);
	if (failures->source_count >= FAILURES_SOURCES || !has_address(&session->peer))
		service_pause(service, pause_ns);
	else
		gate_pause_source(&service->set->gate, &service->gate, &session->peer, now_ns + pause_ns);
}
