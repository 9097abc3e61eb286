/* gate.c - admission decisions. Pure: everything it knows is passed in, so that
 * each branch can be tested without a socket.
 *
 * decide() answers and changes nothing; gate_check() is that and what follows from
 * a refusal, gate_take() what follows from a session. The table of sources gets an
 * entry only where a limit needs one.
 *
 * The table has more places than there may be sessions, so that there always is
 * one. Only when memory for a larger one could not be had can all of it be
 * held by sessions; further sources are then admitted uncounted, by the other
 * limits: tens of thousands of sessions from as many sources are not one
 * client's greed, and to refuse everybody else would make the limiter the outage. */
#include "gate.h"

#include "base.h"

#include <string.h>

#define VSOCK_CID_LOCAL 1 /* VMADDR_CID_LOCAL */

static const struct rate strikes = {
	.count = GATE_STRIKES,
	.burst = GATE_STRIKES,
	.per_ns = GATE_STRIKES_NS,
};

static const char *const reason_names[] = {
	[GATE_ADMIT] = "admit",
	[GATE_LOOP] = "loop",
	[GATE_BAN] = "ban",
	[GATE_DENY] = "deny",
	[GATE_ACCESS_TIMES] = "access_times",
	[GATE_MAX_LOAD] = "max_load",
	[GATE_THROTTLE] = "throttle",
	[GATE_RATE_PER_SOURCE] = "rate_per_source",
	[GATE_RATE] = "rate",
	[GATE_PER_SOURCE] = "per_source",
	[GATE_INSTANCES] = "instances",
	[GATE_MAX_SESSIONS] = "max_sessions",
};
_Static_assert(ELEMENTS(reason_names) == GATE_REASONS, "each reason has a name");

const char *gate_reason_name(enum gate_reason reason)
{
	return reason_names[reason];
}

/* ---- sources ---- */

bool gate_is_local(const struct peer *peer)
{
	static const uint8_t loopback[16] = { [15] = 1 };

	if (peer->family == PEER_IPV4)
		return peer->ip[0] == 127;
	if (peer->family == PEER_IPV6)
		return memcmp(peer->ip, loopback, sizeof(loopback)) == 0;
	if (peer->family == PEER_VSOCK)
		return peer->vsock.cid == VSOCK_CID_LOCAL;
	return peer->family == PEER_UNIX;
}

struct peer_key gate_source_key(const struct gate_service *service, const struct peer *peer)
{
	struct peer_key key;

	peer_key(peer, service->limits->source_prefix.ipv4, service->limits->source_prefix.ipv6, &key);
	return key;
}

static bool is_known(const struct gate *gate, const struct peer *peer)
{
	return gate->sources != NULL && peer != NULL && peer->family != PEER_NONE;
}

static struct source *find_source(const struct gate *gate, const struct gate_service *service,
				  const struct peer *peer)
{
	if (!is_known(gate, peer) || sources_count(gate->sources) == 0)
		return NULL;

	struct peer_key key = gate_source_key(service, peer);

	return source_find(gate->sources, service->id, &key);
}

/* Made if there is none; counts as a use. */
static struct source *get_source(const struct gate *gate, const struct gate_service *service,
				 const struct peer *peer, uint64_t now_ns)
{
	if (!is_known(gate, peer))
		return NULL;

	struct peer_key key = gate_source_key(service, peer);

	sources_end_bans(gate->sources, now_ns);
	return source_get(gate->sources, service->id, &key);
}

bool gate_counts(const struct gate_limits *limits, const struct peer *peer)
{
	return limits->per_source != 0 && !(limits->per_source_spares_local && gate_is_local(peer));
}

/* ---- the verdict ---- */

bool gate_has_room(const struct gate *gate)
{
	return gate->active < gate->max_sessions;
}

static enum gate_reason decide_room(const struct gate *gate, const struct gate_service *service)
{
	if (service->active >= service->instances)
		return GATE_INSTANCES;
	return gate_has_room(gate) ? GATE_ADMIT : GATE_MAX_SESSIONS;
}

/* What is a matter of who asks and when, and costs nobody a token. */
static enum gate_reason decide_rules(const struct gate_service *service, const struct gate_client *client,
				     const struct source *source)
{
	const struct gate_limits *limits = service->limits;
	const struct schedule_window *window;

	/* Others may share the source of a local peer: source_prefix can be 0. */
	if (limits->ban_ns != 0 && source != NULL && source->banned_ns > client->now_ns &&
	    !gate_is_local(client->peer))
		return GATE_BAN;
	if (limits->access != NULL &&
	    !access_allows(limits->access, client->peer, client->groups, client->group_count, NULL))
		return GATE_DENY;
	if (!schedule_open(&limits->access_times, client->wall_s, &window))
		return GATE_ACCESS_TIMES;
	if (limits->max_load != 0 && client->load >= limits->max_load)
		return GATE_MAX_LOAD;
	if (source != NULL && source->pause_ns > client->now_ns)
		return GATE_THROTTLE;
	return GATE_ADMIT;
}

static enum gate_reason decide(const struct gate *gate, const struct gate_service *service,
			       const struct gate_client *client, const struct source *source)
{
	const struct gate_limits *limits = service->limits;
	enum gate_reason reason;

	if (client->answered && gate_datagram(gate, client->peer) != GATE_ADMIT)
		return GATE_LOOP;
	/* A wide network is not meant to shut out this machine itself. */
	if (gate->bans != NULL && !gate_is_local(client->peer) && bans_find(gate->bans, client->peer) != NULL)
		return GATE_BAN;
	reason = decide_rules(service, client, source);
	if (reason != GATE_ADMIT)
		return reason;
	if (source != NULL && !rate_allows(&limits->rate_per_source, source->rate_ns, client->now_ns))
		return GATE_RATE_PER_SOURCE;
	if (!rate_allows(&limits->rate, service->rate_ns, client->now_ns))
		return GATE_RATE;
	if (source != NULL && gate_counts(limits, client->peer) && source->active >= limits->per_source)
		return GATE_PER_SOURCE;
	return decide_room(gate, service);
}

enum gate_reason gate_peek(const struct gate *gate, const struct gate_service *service,
			   const struct gate_client *client)
{
	return decide(gate, service, client, find_source(gate, service, client->peer));
}

enum gate_reason gate_room(const struct gate *gate, const struct gate_service *service, uint64_t now_ns,
			   uint64_t *ret_at_ns)
{
	uint64_t at_ns = rate_allows_at(&service->limits->rate, service->rate_ns, now_ns);

	if (at_ns > now_ns) {
		*ret_at_ns = at_ns;
		return GATE_RATE;
	}
	return decide_room(gate, service);
}

/* ---- what follows from a refusal ---- */

static uint64_t ban_length(uint64_t ban_ns, unsigned level)
{
	unsigned doublings = level < GATE_BAN_DOUBLINGS ? level : GATE_BAN_DOUBLINGS;

	return ban_ns > UINT64_MAX >> doublings ? UINT64_MAX : ban_ns << doublings;
}

/* How often it was banned of late: one time less for each span as long as its last ban that went
 * by since that ended. */
static unsigned ban_level(uint64_t ban_ns, const struct source *source, uint64_t now_ns)
{
	if (source == NULL || source->ban_level == 0)
		return 0;

	uint64_t last_ns = ban_length(ban_ns, source->ban_level - 1u);
	uint64_t free_ns = now_ns > source->banned_ns ? now_ns - source->banned_ns : 0;

	if (last_ns == 0 || free_ns / last_ns >= source->ban_level)
		return 0;
	return source->ban_level - (unsigned)(free_ns / last_ns);
}

uint64_t gate_ban_length(const struct gate_limits *limits, const struct source *source, uint64_t now_ns)
{
	return ban_length(limits->ban_ns, ban_level(limits->ban_ns, source, now_ns));
}

static void strike(struct gate *gate, struct gate_service *service, struct source *source, uint64_t now_ns)
{
	const struct gate_limits *limits = service->limits;

	source->strikes_ns = rate_pass(&strikes, source->strikes_ns, now_ns);
	if (rate_allows(&strikes, source->strikes_ns, now_ns))
		return;

	unsigned level = ban_level(limits->ban_ns, source, now_ns);
	uint64_t length_ns = ban_length(limits->ban_ns, level);

	service->ban_begun_ns = length_ns;
	source->strikes_ns = 0;
	source->ban_level = (uint16_t)(level < GATE_BAN_DOUBLINGS ? level + 1 : GATE_BAN_DOUBLINGS + 1);
	source_ban(gate->sources, source, length_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + length_ns);
}

static bool earns_strike(const struct gate_limits *limits, const struct gate_client *client,
			 enum gate_reason reason)
{
	if (reason != GATE_DENY && reason != GATE_RATE_PER_SOURCE && reason != GATE_PER_SOURCE)
		return false;
	return limits->ban_ns != 0 && client->proven && !gate_is_local(client->peer);
}

static bool waits(const struct gate_limits *limits, enum gate_reason reason)
{
	return !limits->refuse_when_full &&
	       (reason == GATE_RATE || reason == GATE_INSTANCES || reason == GATE_MAX_SESSIONS);
}

enum gate_reason gate_check(struct gate *gate, struct gate_service *service, const struct gate_client *client)
{
	const struct gate_limits *limits = service->limits;
	struct source *source = find_source(gate, service, client->peer);
	enum gate_reason reason = decide(gate, service, client, source);

	service->rate_ns = rate_clamp(&limits->rate, service->rate_ns, client->now_ns);
	if (reason == GATE_ADMIT || waits(limits, reason))
		return reason;
	service->refused[reason]++;
	service->ban_begun_ns = 0;

	/* Who is still trying is not to be forgotten (with an empty bucket), and somebody
	 * who is only refused needs an entry only to be banned. */
	bool struck = earns_strike(limits, client, reason);

	if (struck || (source != NULL && reason != GATE_BAN))
		source = get_source(gate, service, client->peer, client->now_ns);
	if (source != NULL)
		source->rate_ns = rate_clamp(&limits->rate_per_source, source->rate_ns, client->now_ns);
	if (struck && source != NULL)
		strike(gate, service, source, client->now_ns);
	return reason;
}

void gate_pause_source(struct gate *gate, struct gate_service *service, const struct peer *peer,
		       uint64_t until_ns)
{
	struct source *source = find_source(gate, service, peer);

	/* Without a clock: whose ban is over is found out when the next one comes. */
	if (source == NULL && until_ns != 0)
		source = get_source(gate, service, peer, 0);
	if (source == NULL)
		return;
	source->pause_ns = until_ns;
	source->failures = until_ns != 0 ? source->failures + 1 : 0;
}

void gate_limit(struct gate_service *service, const struct gate_limits *limits, unsigned instances,
		uint64_t now_ns)
{
	service->limits = limits;
	service->instances = instances;
	service->rate_ns = rate_clamp(&limits->rate, service->rate_ns, now_ns);
}

/* ---- slots ---- */

struct gate_ticket gate_take(struct gate *gate, struct gate_service *service,
			     const struct gate_client *client)
{
	const struct gate_limits *limits = service->limits;
	struct gate_ticket ticket = { 0 };
	struct source *source = NULL;

	gate->active++;
	service->active++;
	service->rate_ns = rate_pass(&limits->rate, service->rate_ns, client->now_ns);

	if (limits->rate_per_source.count != 0 || (client->peer != NULL && gate_counts(limits, client->peer)))
		source = get_source(gate, service, client->peer, client->now_ns);
	if (source == NULL)
		return ticket;
	source->rate_ns = rate_pass(&limits->rate_per_source, source->rate_ns, client->now_ns);
	/* Also where there is no per_source (yet): who is being served is not forgotten. */
	if (!limits->per_source_spares_local || !gate_is_local(client->peer))
		ticket.source = source_hold(gate->sources, source);
	return ticket;
}

void gate_give(struct gate *gate, struct gate_service *service, struct gate_ticket ticket)
{
	if (gate->active == 0 || service->active == 0)
		BUG("a session slot was given back twice");
	gate->active--;
	service->active--;
	if (ticket.source != 0)
		source_release(gate->sources, ticket.source);
}

void gate_undo(struct gate *gate, struct gate_service *service, const struct gate_client *client,
	       struct gate_ticket ticket)
{
	const struct gate_limits *limits = service->limits;
	struct source *source = find_source(gate, service, client->peer);

	service->rate_ns = rate_return(&limits->rate, service->rate_ns);
	if (source != NULL)
		source->rate_ns = rate_return(&limits->rate_per_source, source->rate_ns);
	gate_give(gate, service, ticket);
}

/* ---- own ports ---- */

void gate_own_ports_clear(struct gate *gate)
{
	memset(gate->own_ports, 0, sizeof(gate->own_ports));
}

void gate_own_port_add(struct gate *gate, uint16_t port)
{
	gate->own_ports[port / 8] |= (uint8_t)(1u << (port % 8));
}

static bool is_own(const struct gate *gate, unsigned port)
{
	return port < GATE_PORTS && (gate->own_ports[port / 8] & (1u << (port % 8))) != 0;
}

const char *gate_own_ports_print(const struct gate *gate, char text[static GATE_PORTS_TEXT])
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned port = 0; port < GATE_PORTS; port++) {
		unsigned last = port;
		char item[16];

		if (!is_own(gate, port))
			continue;
		while (is_own(gate, last + 1))
			last++;

		int length = last == port ?
				     snprintf(item, sizeof(item), "%s%u", used > 0 ? "," : "", port) :
				     snprintf(item, sizeof(item), "%s%u-%u", used > 0 ? "," : "", port, last);

		if (used + (size_t)length >= GATE_PORTS_TEXT)
			break;
		memcpy(text + used, item, (size_t)length + 1);
		used += (size_t)length;
		port = last;
	}
	return text;
}

enum gate_reason gate_datagram(const struct gate *gate, const struct peer *peer)
{
	if (peer->family != PEER_IPV4 && peer->family != PEER_IPV6)
		return GATE_ADMIT;
	return is_own(gate, peer->port) ? GATE_LOOP : GATE_ADMIT;
}
