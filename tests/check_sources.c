/* check_sources.c - the table of sources: what is found again, who makes room for
 * whom, what a larger table keeps, and a comparison with a simple model. */
#include "sources.h"

#include "base.h"
#include "bug_help.h"
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

#define TABLE SOURCES_LEAST
#define SHARE (TABLE / 8)

static const uint64_t seed[4] = { UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xbf58476d1ce4e5b9),
				  UINT64_C(0x94d049bb133111eb), UINT64_C(0xd6e8feb86659fd93) };
static struct sources *sources;

static void set_up(void)
{
	ck_assert_int_eq(sources_new(0, seed, &sources), 0);
}

static void tear_down(void)
{
	sources_free(sources);
}

/* Number `n` of the IPv6 neighbourhood `area`: 2001:db8 + area, then n in the 3rd and 4th 16 bits. */
static struct peer_key ipv6(uint32_t area, uint32_t n)
{
	uint32_t first = 0x20010db8 + area;

	return (struct peer_key){
		.family = PEER_IPV6,
		.bytes = { (uint8_t)(first >> 24), (uint8_t)(first >> 16), (uint8_t)(first >> 8),
			   (uint8_t)first, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
			   (uint8_t)n },
	};
}

static struct peer_key ipv4(uint32_t address)
{
	return (struct peer_key){
		.family = PEER_IPV4,
		.bytes = { (uint8_t)(address >> 24), (uint8_t)(address >> 16), (uint8_t)(address >> 8),
			   (uint8_t)address },
	};
}

static struct source *get(uint32_t service, struct peer_key key)
{
	return source_get(sources, service, &key);
}

static struct source *find(uint32_t service, struct peer_key key)
{
	return source_find(sources, service, &key);
}

static void fill(uint32_t area, uint32_t from, uint32_t until)
{
	for (uint32_t n = from; n < until; n++)
		ck_assert_ptr_nonnull(get(1, ipv6(area, n)));
}

START_TEST(told_apart)
{
	struct peer_key uid = { .family = PEER_UNIX, .bytes = { 10, 0, 0, 1 } };
	struct peer_key cid = { .family = PEER_VSOCK, .bytes = { 10, 0, 0, 1 } };

	ck_assert_ptr_null(find(1, ipv4(0x0a000001)));
	struct source *source = get(1, ipv4(0x0a000001));

	ck_assert_ptr_nonnull(source);
	ck_assert_uint_eq(source->active, 0);
	ck_assert_uint_eq(source->rate_ns, 0);
	source->rate_ns = 17;
	ck_assert_ptr_eq(find(1, ipv4(0x0a000001)), source);
	ck_assert_ptr_eq(get(1, ipv4(0x0a000001)), source);
	ck_assert_uint_eq(source->rate_ns, 17);
	ck_assert_ptr_null(find(2, ipv4(0x0a000001))); /* another service */
	ck_assert_ptr_null(find(1, ipv4(0x0a000002)));
	ck_assert_ptr_null(find(1, uid)); /* the same bytes, another family */
	ck_assert_ptr_ne(get(1, uid), source);
	ck_assert_ptr_ne(get(1, cid), get(1, uid));
	ck_assert_uint_eq(sources_count(sources), 3);
	ck_assert_ptr_nonnull(get(2, ipv4(0x0a000001)));
	ck_assert_uint_eq(find(2, ipv4(0x0a000001))->rate_ns, 0);
	ck_assert_uint_eq(sources_count(sources), 4);
}
END_TEST

START_TEST(ipv6_apart_from_others)
{
	for (uint32_t n = 0; n < 2 * TABLE; n++)
		ck_assert_ptr_nonnull(get(1, ipv6(n, n)));
	ck_assert_uint_eq(sources_count(sources), TABLE);
	ck_assert_ptr_nonnull(get(1, ipv4(1)));
	for (uint32_t n = 0; n < 2 * TABLE; n++)
		get(1, ipv6(n, n + 1));
	ck_assert_ptr_nonnull(find(1, ipv4(1)));
	ck_assert_uint_eq(sources_count(sources), TABLE + 1);
}
END_TEST

/* Within one's share: who was used longest ago goes, whoever it is. */
START_TEST(oldest_goes)
{
	uint32_t n = 0;

	/* 16 neighbourhoods with a sixteenth each. */
	for (; n < TABLE; n++)
		get(1, ipv6(n % 16, n));
	ck_assert_uint_eq(sources_count(sources), TABLE);
	ck_assert_ptr_nonnull(find(1, ipv6(0, 0))); /* looking is no use */
	get(1, ipv6(1, 1));                         /* this is */
	get(1, ipv6(16, n++));
	ck_assert_ptr_null(find(1, ipv6(0, 0)));
	get(1, ipv6(16, n++));
	ck_assert_ptr_nonnull(find(1, ipv6(1, 1)));
	ck_assert_ptr_null(find(1, ipv6(2, 2)));
	ck_assert_uint_eq(sources_count(sources), TABLE);
}
END_TEST

/* Who comes back after it was forgotten begins anew. */
START_TEST(begins_anew)
{
	struct source *source = get(1, ipv6(0, 0));

	source->rate_ns = source->strikes_ns = source->pause_ns = 99;
	source->failures = 9;
	source->ban_level = 3;
	for (uint32_t n = 0; n < TABLE; n++)
		get(1, ipv6(1 + n % 16, n));
	ck_assert_ptr_null(find(1, ipv6(0, 0)));
	source = get(1, ipv6(0, 0));
	ck_assert_uint_eq(source->rate_ns, 0);
	ck_assert_uint_eq(source->strikes_ns, 0);
	ck_assert_uint_eq(source->pause_ns, 0);
	ck_assert_uint_eq(source->failures, 0);
	ck_assert_uint_eq(source->ban_level, 0);
	ck_assert_uint_eq(source->active, 0);
}
END_TEST

/* A neighbourhood that took all of an empty table gives room to all others, and the others keep theirs. */
START_TEST(greedy_makes_room)
{
	get(1, ipv6(1, 7)); /* the oldest of all */
	fill(0, 0, TABLE - 1);
	ck_assert_uint_eq(sources_count(sources), TABLE);
	fill(0, TABLE, 2 * TABLE);
	ck_assert_ptr_nonnull(find(1, ipv6(1, 7)));
	fill(2, 0, SHARE);
	ck_assert_ptr_nonnull(find(1, ipv6(1, 7)));
	ck_assert_ptr_null(find(1, ipv6(0, TABLE)));
	ck_assert_ptr_nonnull(find(1, ipv6(0, 2 * TABLE - 1)));
	/* One of the modest has its share now, and pushes out itself. */
	ck_assert_ptr_nonnull(find(1, ipv6(2, 0)));
	get(1, ipv6(2, SHARE));
	ck_assert_ptr_null(find(1, ipv6(2, 0)));
	ck_assert_ptr_nonnull(find(1, ipv6(2, 1)));
	/* Six more take their shares from the greedy one, until it has no more than its own. */
	for (uint32_t area = 3; area < 9; area++)
		fill(area, 0, SHARE - (area == 8));
	ck_assert_ptr_nonnull(find(1, ipv6(1, 7)));
	ck_assert_ptr_nonnull(find(1, ipv6(0, 2 * TABLE - 1)));
	ck_assert_ptr_nonnull(find(1, ipv6(0, 2 * TABLE - SHARE)));
	ck_assert_ptr_null(find(1, ipv6(0, 2 * TABLE - SHARE - 1)));
	/* Nobody has more than a share: now the oldest of all goes. */
	get(1, ipv6(9, 0));
	ck_assert_ptr_null(find(1, ipv6(1, 7)));
}
END_TEST

/* 16 bits of IPv4 are a neighbourhood; a uid is one of its own. */
START_TEST(ipv4_neighbourhood)
{
	get(1, ipv4(0xc0000201));
	for (uint32_t n = 0; n < 0x10000; n++) /* 10.1.0.0/16, whole */
		get(1, ipv4(0x0a010000 + n));
	get(2, ipv4(0x0a010000));
	get(3, ipv4(0x0a010000)); /* another service is no other neighbourhood */
	ck_assert_ptr_nonnull(find(1, ipv4(0xc0000201)));
	for (uint32_t n = 0; n < SHARE - 10; n++) {
		struct peer_key uid = { .family = PEER_UNIX };

		memcpy(uid.bytes, &n, sizeof(n));
		get(1, uid);
	}
	ck_assert_ptr_nonnull(find(1, ipv4(0xc0000201)));
	ck_assert_ptr_nonnull(find(3, ipv4(0x0a010000)));
	ck_assert_uint_eq(sources_count(sources), TABLE);
}
END_TEST

START_TEST(sessions_stay)
{
	static source_handle handles[TABLE];
	struct source *source = get(1, ipv6(0, 0));
	source_handle twice;

	source->rate_ns = 5;
	for (uint32_t n = 0; n < TABLE; n++) {
		handles[n] = source_hold(sources, get(1, ipv6(0, n)));
		ck_assert_uint_ne(handles[n], 0);
	}
	twice = source_hold(sources, get(1, ipv6(0, 0)));
	ck_assert_uint_eq(twice, handles[0]);
	/* Every entry has a session: there is no room, for nobody. */
	ck_assert_ptr_null(get(1, ipv6(0, TABLE)));
	ck_assert_ptr_null(get(1, ipv6(1, 0)));
	ck_assert_ptr_nonnull(get(1, ipv6(0, 5)));
	ck_assert_ptr_nonnull(get(1, ipv4(5)));
	ck_assert_uint_eq(find(1, ipv6(0, 0))->active, 2);
	ck_assert_uint_eq(find(1, ipv6(0, 0))->rate_ns, 5);
	source_release(sources, twice);
	ck_assert_ptr_null(get(1, ipv6(1, 0)));
	source_release(sources, handles[0]);
	ck_assert_ptr_nonnull(get(1, ipv6(1, 0)));
	ck_assert_ptr_null(find(1, ipv6(0, 0)));
	for (uint32_t n = 1; n < TABLE; n++) {
		ck_assert_uint_eq(source_of(sources, handles[n])->active, 1);
		source_release(sources, handles[n]);
		ck_assert_uint_eq(source_of(sources, handles[n])->active, 0);
	}
}
END_TEST

/* The greedy neighbourhood has sessions only: then others must make room for each other. */
START_TEST(greedy_with_sessions)
{
	for (uint32_t n = 0; n < TABLE - 2; n++)
		source_hold(sources, get(1, ipv6(0, n)));
	get(1, ipv6(1, 0));
	get(1, ipv6(2, 0));
	get(1, ipv6(3, 0));
	ck_assert_ptr_null(find(1, ipv6(1, 0)));
	get(1, ipv6(0, TABLE));
	ck_assert_ptr_null(find(1, ipv6(2, 0)));
	/* It has one that can go now. */
	get(1, ipv6(4, 0));
	ck_assert_ptr_null(find(1, ipv6(0, TABLE)));
	ck_assert_ptr_nonnull(find(1, ipv6(3, 0)));
	ck_assert_ptr_nonnull(find(1, ipv6(4, 0)));
}
END_TEST

START_TEST(banned_go_last)
{
	for (uint32_t n = 0; n < 16; n++)
		source_ban(sources, get(1, ipv6(n, 0)), 1000);
	for (uint32_t n = 1; n <= 2 * TABLE; n++)
		get(1, ipv6(n % 16, n));
	for (uint32_t n = 0; n < 16; n++)
		ck_assert_uint_eq(find(1, ipv6(n, 0))->banned_ns, 1000);
	ck_assert_uint_eq(sources_count(sources), TABLE);

	/* Banned and unbanned again: as all others. */
	source_ban(sources, find(1, ipv6(3, 0)), 0);
	for (uint32_t n = 1; n <= TABLE; n++)
		get(2, ipv6(n % 16, n));
	ck_assert_ptr_null(find(1, ipv6(3, 0)));
	ck_assert_ptr_nonnull(find(1, ipv6(4, 0)));
}
END_TEST

START_TEST(all_banned)
{
	for (uint32_t n = 0; n < TABLE; n++)
		source_ban(sources, get(1, ipv6(n % 16, n)), 1000);
	get(1, ipv6(16, 0));
	ck_assert_ptr_null(find(1, ipv6(0, 0)));
	get(1, ipv6(17, 0)); /* the only one that is not */
	ck_assert_ptr_null(find(1, ipv6(16, 0)));
	ck_assert_ptr_nonnull(find(1, ipv6(1, 1)));
}
END_TEST

/* A greedy neighbourhood of banned sources makes room all the same. */
START_TEST(greedy_banned)
{
	get(1, ipv6(1, 0));
	for (uint32_t n = 0; n < TABLE - 1; n++)
		source_ban(sources, get(1, ipv6(0, n)), 1000);
	get(1, ipv6(2, 0));
	ck_assert_ptr_nonnull(find(1, ipv6(1, 0)));
	ck_assert_ptr_null(find(1, ipv6(0, 0)));
	get(1, ipv6(0, TABLE));
	ck_assert_ptr_null(find(1, ipv6(0, 1)));
	get(1, ipv6(0, TABLE + 1)); /* of its own, those that are not banned go first */
	ck_assert_ptr_null(find(1, ipv6(0, TABLE)));
	ck_assert_ptr_nonnull(find(1, ipv6(0, 2)));
}
END_TEST

START_TEST(ban_with_session)
{
	struct source *source = get(1, ipv6(0, 0));
	source_handle handle = source_hold(sources, source);

	source_ban(sources, source, 1000);
	for (uint32_t n = 0; n < TABLE; n++)
		get(1, ipv6(1 + n % 16, n));
	source_release(sources, handle); /* banned still: goes last */
	for (uint32_t n = 0; n < TABLE; n++)
		get(2, ipv6(1 + n % 16, n));
	ck_assert_ptr_nonnull(find(1, ipv6(0, 0)));
}
END_TEST

START_TEST(bans_end)
{
	/* Short ones behind long ones: all are found out in time. */
	for (uint32_t n = 0; n < 100; n++)
		source_ban(sources, get(1, ipv6(n % 16, n)), n % 2 == 0 ? 2000 : 1000);
	for (uint32_t n = 0; n < 100; n++)
		sources_end_bans(sources, 999);
	for (uint32_t n = 100; n < TABLE + 100; n++)
		get(1, ipv6(n % 16, n));
	ck_assert_ptr_nonnull(find(1, ipv6(1, 1)));
	for (uint32_t n = 0; n < 100; n++)
		sources_end_bans(sources, 1000);
	for (uint32_t n = 0; n < TABLE; n++)
		get(2, ipv6(n % 16, n));
	for (uint32_t n = 0; n < 100; n++)
		ck_assert_msg((find(1, ipv6(n % 16, n)) != NULL) == (n % 2 == 0), "%u", n);
	ck_assert_uint_eq(find(1, ipv6(2, 2))->banned_ns, 2000);
}
END_TEST

/* A larger table keeps all there is, in its order, and handles go on. */
START_TEST(larger)
{
	source_handle handle = source_hold(sources, get(1, ipv6(5, 5)));
	uint32_t room = 3 * TABLE + 1;

	find(1, ipv6(5, 5))->rate_ns = 55;
	source_ban(sources, get(1, ipv6(6, 6)), 1000);
	for (uint32_t n = 0; n < TABLE - 2; n++)
		get(1, ipv6(7, n))->strikes_ns = n;
	get(1, ipv4(9))->failures = 3;
	ck_assert_int_eq(sources_reserve(sources, TABLE / 2), 0);
	ck_assert_int_eq(sources_reserve(sources, room), 0);
	ck_assert_uint_eq(sources_count(sources), TABLE + 1);
	ck_assert_uint_eq(find(1, ipv6(5, 5))->rate_ns, 55);
	ck_assert_ptr_eq(source_of(sources, handle), find(1, ipv6(5, 5)));
	ck_assert_uint_eq(find(1, ipv4(9))->failures, 3);
	for (uint32_t n = 0; n < TABLE - 2; n++)
		ck_assert_uint_eq(find(1, ipv6(7, n))->strikes_ns, n);

	/* Full again: the greedy one has a larger share, by its old order. */
	for (uint32_t n = TABLE; n < room; n++)
		get(1, ipv6(100 + n % 64, n));
	ck_assert_uint_eq(sources_count(sources), room + 1);
	ck_assert_ptr_nonnull(find(1, ipv6(7, 0)));
	get(1, ipv6(8, 0));
	ck_assert_ptr_null(find(1, ipv6(7, 0)));
	ck_assert_ptr_nonnull(find(1, ipv6(7, 1)));
	source_release(sources, handle);
	ck_assert_uint_eq(find(1, ipv6(5, 5))->active, 0);
}
END_TEST

/* What was more than a share is none in a larger table. */
START_TEST(larger_share)
{
	get(1, ipv6(1, 0));
	fill(0, 0, SHARE + 1000);
	ck_assert_int_eq(sources_reserve(sources, 2 * TABLE), 0);
	for (uint32_t n = 0; sources_count(sources) < 2 * TABLE; n++)
		get(1, ipv6(100 + n % 64, n));
	get(1, ipv6(2, 0));
	ck_assert_ptr_null(find(1, ipv6(1, 0)));
	ck_assert_ptr_nonnull(find(1, ipv6(0, 0)));
}
END_TEST

/* One more than its share is too much already, one less is not. */
START_TEST(just_greedy)
{
	get(1, ipv6(1, 0));
	get(1, ipv6(1, 1));
	fill(0, 0, SHARE + 1);
	for (uint32_t n = 0; sources_count(sources) < TABLE; n++)
		get(1, ipv6(100 + n % 64, n));
	get(1, ipv6(2, 0));
	ck_assert_ptr_null(find(1, ipv6(0, 0)));
	ck_assert_ptr_nonnull(find(1, ipv6(1, 0)));
	get(1, ipv6(3, 0));
	ck_assert_ptr_null(find(1, ipv6(1, 0)));
	ck_assert_ptr_nonnull(find(1, ipv6(0, 1)));
}
END_TEST

/* Of two that have too much, each gives what it has too much. */
START_TEST(two_greedy)
{
	fill(0, 0, SHARE + 1);
	fill(1, 0, SHARE + 2);
	for (uint32_t n = 0; sources_count(sources) < TABLE; n++)
		get(1, ipv6(100 + n % 64, n));
	get(1, ipv6(200, 0));
	ck_assert_ptr_null(find(1, ipv6(0, 0)));
	for (uint32_t n = 0; n < 2; n++) {
		ck_assert_ptr_nonnull(find(1, ipv6(1, n)));
		get(1, ipv6(201, n));
		ck_assert_ptr_null(find(1, ipv6(1, n)));
	}
	/* Nobody is greedy now: the oldest of all goes. */
	get(1, ipv6(202, 0));
	ck_assert_ptr_null(find(1, ipv6(0, 1)));
	ck_assert_ptr_nonnull(find(1, ipv6(1, 2)));
}
END_TEST

START_TEST(no_memory)
{
	struct sources *none = NULL;

	ck_assert_int_eq(sources_new(SIZE_MAX, seed, &none), -ENOMEM);
	ck_assert_ptr_null(none);
	get(1, ipv6(0, 0));
	ck_assert_int_eq(sources_reserve(sources, SIZE_MAX), -ENOMEM);
	ck_assert_int_eq(sources_reserve(sources, UINT32_MAX), -ENOMEM);
	ck_assert_ptr_nonnull(find(1, ipv6(0, 0)));
	sources_free(NULL);
#ifndef __SANITIZE_ADDRESS__ /* which takes too much for itself */
	struct rlimit few = { .rlim_cur = 64u << 20, .rlim_max = RLIM_INFINITY };

	ck_assert_int_eq(setrlimit(RLIMIT_AS, &few), 0);
	ck_assert_int_eq(sources_reserve(sources, 1u << 20), -ENOMEM); /* no entries */
	ck_assert_int_eq(sources_reserve(sources, 1u << 27), -ENOMEM); /* not even buckets */
	ck_assert_int_eq(sources_new(1u << 27, seed, &none), -ENOMEM);
	ck_assert_ptr_null(none);
	ck_assert_ptr_nonnull(find(1, ipv6(0, 0)));
	fill(0, 0, 2 * TABLE); /* the size it had */
	ck_assert_uint_eq(sources_count(sources), TABLE);
#endif
}
END_TEST

START_TEST(released_twice)
{
	source_handle handle = source_hold(sources, get(1, ipv6(0, 0)));

	source_release(sources, handle);
	ck_assert_bug(source_release(sources, handle));
}
END_TEST

START_TEST(no_handle)
{
	ck_assert_bug(source_of(sources, 0));
	ck_assert_bug(source_of(sources, 1));
}
END_TEST

START_TEST(handle_of_nobody)
{
	get(1, ipv6(0, 0));
	ck_assert_ptr_eq(source_of(sources, 1 << 1), find(1, ipv6(0, 0)));
	ck_assert_bug(source_of(sources, 2 << 1));
	ck_assert_bug(source_of(sources, 1 << 1 | 1)); /* the other table is empty */
}
END_TEST

/* How long the longest chain is, of 65536 keys that differ in a way of their own: a hash that lets
 * patterns through would show. (A perfect one has chains of 8 or 9.) */
START_TEST(chains)
{
	for (uint32_t n = 0; n < TABLE; n++) {
		struct peer_key key = { .family = PEER_IPV6 };
		uint64_t word = _i < 6 ? (uint64_t)n << (8 * _i) : (uint64_t)n * UINT64_C(0x0001000100010001);

		for (unsigned i = 0; i < 8; i++)
			key.bytes[(_i % 2 != 0 ? 8 : 0) + i] = (uint8_t)(word >> (8 * i));
		ck_assert_ptr_nonnull(get(1, key));
	}
	ck_assert_uint_eq(sources_count(sources), TABLE);

	struct peer_key first = { .family = PEER_IPV6 };
	struct source *entries = find(1, first) - 1; /* number 1 was the first to come */
	static uint32_t depth[TABLE + 1];
	uint32_t longest = 0;

	/* A chain's older entries have lower numbers. */
	for (uint32_t i = 1; i <= TABLE; i++) {
		depth[i] = entries[i].next == 0 ? 1 : depth[entries[i].next] + 1;
		longest = depth[i] > longest ? depth[i] : longest;
	}
	ck_assert_uint_le(longest, 14);
}
END_TEST

/* ---- against a model ---- */

#define MODEL_KEYS 400

/* Random holds, releases and bans on few keys beside a stream of strangers: what has sessions or
 * a ban is never lost, and `active` is what is held. */
START_TEST(model)
{
	static source_handle held[MODEL_KEYS][4];
	static unsigned count[MODEL_KEYS];
	static bool banned[MODEL_KEYS];
	uint64_t state = 42;

	for (uint32_t round = 0; round < 400000; round++) {
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407;

		uint32_t n = (uint32_t)(state >> 33) % MODEL_KEYS, act = (uint32_t)(state >> 60);
		struct peer_key key = n % 2 == 0 ? ipv6(n % 64, n) : ipv4(n << 16);

		if (act < 4 && count[n] < 4) {
			held[n][count[n]++] = source_hold(sources, get(7, key));
		} else if (act < 8 && count[n] > 0) {
			source_release(sources, held[n][--count[n]]);
		} else if (act == 8) {
			banned[n] = !banned[n];
			source_ban(sources, get(7, key), banned[n] ? 5 : 0);
		} else {
			get(8, ipv6(round % 100, round));
			get(8, ipv4(round * 65536 + round / 65536));
		}
		if (count[n] > 0 || banned[n]) {
			ck_assert_ptr_nonnull(find(7, key));
			ck_assert_uint_eq(find(7, key)->active, count[n]);
			ck_assert_uint_eq(find(7, key)->banned_ns, banned[n] ? 5 : 0);
		}
		if (round == 200000)
			ck_assert_int_eq(sources_reserve(sources, 2 * TABLE), 0);
	}
	for (uint32_t n = 0; n < MODEL_KEYS; n++)
		while (count[n] > 0)
			source_release(sources, held[n][--count[n]]);
	for (uint32_t n = 0; n < MODEL_KEYS; n++) {
		struct source *source = find(7, n % 2 == 0 ? ipv6(n % 64, n) : ipv4(n << 16));

		ck_assert(source == NULL ? !banned[n] : source->active == 0);
	}
	ck_assert_uint_le(sources_count(sources), 4 * TABLE);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("sources");
	TCase *tests = tcase_create("sources");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, told_apart);
	tcase_add_test(tests, ipv6_apart_from_others);
	tcase_add_test(tests, oldest_goes);
	tcase_add_test(tests, begins_anew);
	tcase_add_test(tests, greedy_makes_room);
	tcase_add_test(tests, ipv4_neighbourhood);
	tcase_add_test(tests, sessions_stay);
	tcase_add_test(tests, greedy_with_sessions);
	tcase_add_test(tests, banned_go_last);
	tcase_add_test(tests, all_banned);
	tcase_add_test(tests, greedy_banned);
	tcase_add_test(tests, ban_with_session);
	tcase_add_test(tests, bans_end);
	tcase_add_test(tests, larger);
	tcase_add_test(tests, larger_share);
	tcase_add_test(tests, just_greedy);
	tcase_add_test(tests, two_greedy);
	tcase_add_test(tests, no_memory);
	tcase_add_test(tests, released_twice);
	tcase_add_test(tests, no_handle);
	tcase_add_test(tests, handle_of_nobody);
	tcase_add_loop_test(tests, chains, 0, 8);
	tcase_add_test(tests, model);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
