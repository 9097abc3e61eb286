/* sources.h - what is known of each source (an address, or the prefix that
 * counts as one) with each service: sessions, buckets, strikes, bans. A table of
 * fixed size, all of whose memory is taken at the start and touched as it is
 * used. Each operation is O(1). No clock, no system calls.
 *
 * IPv6 has a table of its own beside that of all other families. When one is
 * full the entry that was used longest ago makes room, but
 * - never one with a session (`active` > 0);
 * - one that is banned only when there is no other;
 * - of a neighbourhood (IPv6: the first 32 bits; IPv4: 16) that has more than its share
 *   (an eighth of the table), the one of that neighbourhood, even if all it has
 *   are banned. So the many addresses under one hand push out each other, and
 *   nobody else. (Neighbourhoods are told apart by a keyed hash of 4096 values:
 *   two of them may share one share.)
 *
 * Memory: 96 bytes an entry and 4 to 8 of the hash: at most 14 MiB for both tables
 * of 65536 entries, whatever comes. */
#ifndef USHERD_SOURCES_H
#define USHERD_SOURCES_H

#include "peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCES_LEAST 65536 /* entries of a table */

struct source {
	/* for the gate */
	uint32_t active;       /* sessions; changed by source_hold() and source_release() only */
	uint64_t rate_ns;      /* bucket of rate_per_source */
	uint64_t strikes_ns;   /* bucket of refusals */
	uint64_t banned_ns;    /* until then; 0: never was. Changed by source_ban() only */
	uint64_t pause_ns;     /* until then it is not served: its sessions fail at once */
	uint32_t failures;     /* of them in a row */
	uint16_t ban_level;    /* how often it was banned of late */

	/* for the table */
	struct peer_key key;
	uint32_t service;
	uint32_t next; /* in the chain of its hash */
	struct {
		uint32_t older, newer;
	} links[2]; /* by last use, of those that may make room: of all, and of its neighbourhood */
	uint16_t group;
	uint8_t list;
};

struct sources;

/* `count` (at least SOURCES_LEAST is taken) must exceed the sessions that there
 * may be; `seed` is secret, so that nobody can make addresses meet in one chain. Returns 0 or -ENOMEM. */
int sources_new(size_t count, const uint64_t seed[static 4], struct sources **ret_sources);
void sources_free(struct sources *sources);

/* Makes the table larger when `count` is more than it was made for (max_sessions
 * after a reload); entries stay what they are, at other addresses: no pointer to
 * one may be held. Returns 0 or -ENOMEM. */
int sources_reserve(struct sources *sources, size_t count);

/* The entry, or NULL. Counts as no use. */
struct source *source_find(struct sources *sources, uint32_t service, const struct peer_key *key);

/* The entry, made when there is none, and used now; NULL only when every entry has a session. */
struct source *source_get(struct sources *sources, uint32_t service, const struct peer_key *key);

/* A session of it begins or ends. A handle outlives sources_reserve(). */
typedef uint32_t source_handle; /* 0: none */
source_handle source_hold(struct sources *sources, struct source *source);
void source_release(struct sources *sources, source_handle handle);
struct source *source_of(struct sources *sources, source_handle handle);

/* Bans it until then, or (0) no more. */
void source_ban(struct sources *sources, struct source *source, uint64_t until_ns);

/* Bans that are over: such entries make room like all others from now on, as if they had just been
 * used (they keep `banned_ns`). Looks at a few of them, and at the next ones next time; to be called
 * when entries are made. */
void sources_end_bans(struct sources *sources, uint64_t now_ns);

/* Forgives: no ban, no strikes, and the next ban is a first one. */
void source_forgive(struct sources *sources, struct source *source);

/* Looks at `most` entries (used or not any more) from `*place` (0: the first) on, and moves it; returns false
 * behind the last one. `look` may ban and forgive, and nothing else. */
bool sources_each(struct sources *sources, uint32_t *place, size_t most,
		  void (*look)(void *context, struct source *source), void *context);

/* How many are banned now, without those that are being served. When there are more than
 * SOURCES_COUNTED_BANS, some whose ban is over may be among them. */
#define SOURCES_COUNTED_BANS 1024
size_t sources_banned(const struct sources *sources, uint64_t now_ns);

/* Of both tables. */
size_t sources_count(const struct sources *sources);

#endif
