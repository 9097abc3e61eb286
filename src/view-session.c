/* view-session.c - one live session as JSON, with what the kernel says of its connection now. */
#include "view.h"

#include "base.h"

/* A session without a socket of ours: nothing is known of its connection. */
static struct connection_facts facts_of(const struct session *session)
{
	return session->socket.fd >= 0 ? connection_facts(session->socket.fd) : session->facts;
}

static json_t *address(const struct peer *peer)
{
	char text[PEER_TEXT_MAX];

	return peer->family == PEER_NONE ? json_null() : json_string(peer_print(peer, text));
}

static const char *state_of(const struct session *session)
{
	return session->ending ? "ending" : session->collected ? "leftover" : "running";
}

json_t *view_session(const struct session *session, uint64_t now_ns)
{
	struct connection_facts facts = facts_of(session);
	json_t *object = json_pack("{s:I, s:o, s:i, s:o, s:o, s:s, s:s?, s:o}", "id", (json_int_t)session->id,
				   "service", view_text(session->settings->name), "pid", (int)session->pid,
				   "peer", address(&session->peer), "local", address(&session->local),
				   "state", state_of(session), "reason",
				   session->ending ? session_reason_name(session->reason) : NULL, "seconds",
				   view_seconds(now_ns - session->started_ns));

	if (object == NULL)
		return NULL;
	json_object_set_new(object, "idle_seconds", facts.known ? view_seconds(facts.quiet_ns) : json_null());
	json_object_set_new(object, "bytes_in",
			    facts.known ? json_integer((json_int_t)facts.bytes_in) : json_null());
	json_object_set_new(object, "bytes_out",
			    facts.known ? json_integer((json_int_t)facts.bytes_out) : json_null());
	json_object_set_new(object, "rtt_seconds",
			    facts.known ? view_seconds((uint64_t)facts.rtt_us * 1000) : json_null());
	return object;
}
