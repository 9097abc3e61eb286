/* gate.h - admission: may this client be served now? What is known goes in, a
 * verdict with one reason word comes out. No system calls, no clock of its own, O(1).
 *
 * The order of decisions: bans, rules (deny, allow), access_times, max_load,
 * rate_per_source, rate, per_source, instances, max_sessions. Nothing is taken
 * from any bucket unless all of them agree: who is refused costs the others nothing.
 *
 * Slots are taken and given back by one pair of functions; what is taken always
 * equals the number of live sessions. */
#ifndef USHERD_GATE_H
#define USHERD_GATE_H

#include "access.h"
#include "bans.h"
#include "peer.h"
#include "rate.h"
#include "schedule.h"
#include "sources.h"

#include <stdbool.h>
#include <stdint.h>

/* In the order of decisions. */
enum gate_reason {
	GATE_ADMIT,
	GATE_LOOP,            /* a datagram whose source port is one of our own services */
	GATE_BAN,             /* the source ran into refusals too often, or somebody banned it */
	GATE_DENY,            /* a rule of deny, or none of allow */
	GATE_ACCESS_TIMES,    /* the service is not open at this hour */
	GATE_MAX_LOAD,        /* the machine has too much to do */
	GATE_THROTTLE,        /* the source's sessions fail at once, one after the other */
	GATE_RATE_PER_SOURCE,
	GATE_RATE,
	GATE_PER_SOURCE,
	GATE_INSTANCES,       /* the service has as many sessions as it may */
	GATE_MAX_SESSIONS,    /* the daemon has */
	GATE_REASONS
};

/* The rules of one service; filled by the configuration, which owns what they point to. */
struct gate_limits {
	const struct access *access; /* NULL: everybody may */
	struct schedule access_times;
	unsigned max_load;           /* thousandths; 0: none */
	unsigned instances;
	unsigned per_source;         /* 0: none */
	bool per_source_spares_local; /* loopback and Unix peers are not counted */
	struct rate rate, rate_per_source;
	struct gate_prefixes {
		unsigned ipv4, ipv6; /* bits of an address that make a source */
	} source_prefix;
	bool refuse_when_full; /* false: clients wait in the kernel's queue */
	uint64_t ban_ns;       /* 0: nobody is banned */
};

/* What the gate keeps of each service. */
struct gate_service {
	const struct gate_limits *limits; /* borrowed */
	uint32_t id;        /* tells services apart in the table of sources; never 0 */
	unsigned active;
	unsigned instances; /* of the limits, or as many as there are listeners with wait = yes */
	uint64_t rate_ns;   /* bucket of `rate` */
	uint64_t refused[GATE_REASONS]; /* how often, since the start */
	uint64_t ban_begun_ns; /* how long the ban is that the last refusal led to; 0: none */
};

/* One bit a UDP port: 8 KiB, set anew with each configuration. */
#define GATE_PORTS 65536

struct gate {
	unsigned active, max_sessions;
	struct sources *sources; /* borrowed; NULL: no source is counted */
	const struct bans *bans; /* by hand; borrowed; NULL: none. Local peers are never banned */
	uint8_t own_ports[GATE_PORTS / 8];
};

/* Puts limits in force (borrowed). A bucket that was filled under another rate holds up nobody for longer than
 * the new one would. */
void gate_limit(struct gate_service *service, const struct gate_limits *limits, unsigned instances,
		uint64_t now_ns);

/* Who asks, and when. */
struct gate_client {
	const struct peer *peer;
	const gid_t *groups; /* supplementary ones of a Unix peer, if asked for */
	size_t group_count;
	bool proven;         /* the address is no forgery: a connection, not a datagram */
	bool answered;       /* a datagram that gets an answer of ours, whoever it came from */
	uint64_t now_ns;     /* monotonic */
	int64_t wall_s;      /* since 1970; looked at only when there are access_times */
	unsigned load;       /* thousandths; looked at only when there is a max_load */
};

/* What a session holds, to be given back. */
struct gate_ticket {
	source_handle source; /* 0: its source is not counted */
};

/* How long a source that is banned now would be, and whether its peer is counted by per_source: for
 * those that tell (explain). `source` NULL: never banned. */
uint64_t gate_ban_length(const struct gate_limits *limits, const struct source *source, uint64_t now_ns);
bool gate_counts(const struct gate_limits *limits, const struct peer *peer);

/* The verdict on a client. Changes nothing but what remembers refusals: those of a source that
 * is refused by deny, rate_per_source or per_source, proven and not local, again and again
 * (GATE_STRIKES in GATE_STRIKES_NS, as a bucket that runs empty) end in a ban when the service has a
 * ban_time: for that long, twice as long each further time (up to GATE_BAN_DOUBLINGS times), and one
 * level less for each time of the last ban's length that passes without. Counts refusals in service->refused;
 * those who are left waiting (no refuse_when_full; rate, instances, max_sessions) were not refused. */
#define GATE_STRIKES 10
#define GATE_STRIKES_NS (60 * UINT64_C(1000000000))
#define GATE_BAN_DOUBLINGS 6
enum gate_reason gate_check(struct gate *gate, struct gate_service *service,
			    const struct gate_client *client);

/* The same verdict, and nothing is changed or counted at all (explain). */
enum gate_reason gate_peek(const struct gate *gate, const struct gate_service *service,
			   const struct gate_client *client);

/* What can be said before anybody is accepted: whether the service's own limits (rate, instances)
 * and the daemon's leave room. GATE_RATE: in `ret_at_ns` when they will. */
enum gate_reason gate_room(const struct gate *gate, const struct gate_service *service, uint64_t now_ns,
			   uint64_t *ret_at_ns);
bool gate_has_room(const struct gate *gate);

/* Takes the slot of one session and one token of each bucket, or gives the slot back. Giving back
 * what was not taken is a BUG. A client that is not known (wait = yes) has a peer of no family, or
 * none (NULL): then no source is counted. Sources that the table has no place for are not counted
 * either: see gate.c. */
struct gate_ticket gate_take(struct gate *gate, struct gate_service *service,
			     const struct gate_client *client);
void gate_give(struct gate *gate, struct gate_service *service, struct gate_ticket ticket);

/* The session did not come about: gives back the tokens, too. */
void gate_undo(struct gate *gate, struct gate_service *service, const struct gate_client *client,
	       struct gate_ticket ticket);

/* A source whose sessions fail at once is left alone until then (0: no more), and its `failures` are
 * counted, or forgotten. Sources that cannot be kept in mind are not. */
void gate_pause_source(struct gate *gate, struct gate_service *service, const struct peer *peer,
		       uint64_t until_ns);

/* The source of a peer as this service counts it. */
struct peer_key gate_source_key(const struct gate_service *service, const struct peer *peer);

/* Loopback addresses (of vsock too) and Unix peers. */
bool gate_is_local(const struct peer *peer);

/* The UDP ports that this daemon serves. A datagram from one of them would set
 * two services talking to each other for ever (CVE-1999-0103, CVE-2024-2169). */
void gate_own_ports_clear(struct gate *gate);
void gate_own_port_add(struct gate *gate, uint16_t port);
/* The ports as text, for programs that answer datagrams: "7,19,7007-7009". What
 * does not fit is left out. Returns `text`. */
#define GATE_PORTS_TEXT 512
const char *gate_own_ports_print(const struct gate *gate, char text[static GATE_PORTS_TEXT]);

/* Asked by gate_check() too, for who is not `proven`. */
enum gate_reason gate_datagram(const struct gate *gate, const struct peer *peer);

/* "instances", "max_sessions", "loop": the word that stands in the log. */
const char *gate_reason_name(enum gate_reason reason);

#endif
