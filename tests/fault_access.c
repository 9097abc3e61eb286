/* fault_access.c - rules, bans, sources and time zones without memory, and with a C library that answers oddly. */
#include "faulty.h"

#include "access_help.h"
#include "arena.h"
#include "bans.h"
#include "bug_help.h"
#include "sources.h"
#include "zone.h"
#include "zone_help.h"

#include <grp.h>
#include <pwd.h>

#define NOW_S INT64_C(1767225600) /* the beginning of 2026 */

#define EXPECT(condition) ck_assert_msg(condition, "%s: " #condition " (%d)", faulty_now(), result)

/* ---- rules ---- */

static struct access *compiled;

/* One of each kind. */
static int work_compile(void)
{
	const struct access_rule rules[] = {
		{ .kind = ACCESS_ALL },
		{ .kind = ACCESS_IPV4, .bits = 8, .ip = { 10 } },
		{ .kind = ACCESS_IPV6, .bits = 32, .ip = { 0x20, 1, 0x0d, 0xb8 } },
		{ .kind = ACCESS_UID, .id = 7 },
		{ .kind = ACCESS_GID, .id = 7 },
		{ .kind = ACCESS_CID, .id = 7 },
	};

	return access_compile(rules, ELEMENTS(rules), &compiled);
}

static void finish_compile(int result, const struct faulty_plan *plan)
{
	EXPECT(result == (plan != NULL ? -ENOMEM : 0));
	EXPECT((compiled != NULL) == (result == 0));
	access_free(compiled);
	compiled = NULL;
}

START_TEST(compiling)
{
	static const struct faulty_work work = { "rules", NULL, work_compile, finish_compile, 0 };

	ck_assert_uint_ge(faulty_sweep(&work), 20);
	ck_assert_int_eq(access_compile(NULL, SIZE_MAX, &compiled), -ENOMEM);
	ck_assert_ptr_null(compiled);
}
END_TEST

/* A name that cannot be looked up is no rule, and why is told. */
static const struct {
	const char *word;
	enum faulty_call call;
	int error;
	bool from_there_on;
	int result;
	const char *reason;
} lookups[] = {
	{ "uid:root", FAULTY_getpwnam_r, ERANGE, false, 1, NULL }, /* more room helps */
	{ "gid:root", FAULTY_getgrnam_r, ERANGE, false, 1, NULL },
	{ "uid:root", FAULTY_getpwnam_r, ERANGE, true, -EINVAL, "the user 'root' cannot be looked up: Numerical result" },
	{ "gid:root", FAULTY_getgrnam_r, ERANGE, true, -EINVAL, "the group 'root' cannot be looked up: Numerical" },
	{ "uid:root", FAULTY_getpwnam_r, EIO, true, -EINVAL, "the user 'root' cannot be looked up: Input/output error" },
	{ "gid:root", FAULTY_getgrnam_r, EIO, true, -EINVAL, "the group 'root' cannot be looked up: Input/output" },
	{ "uid:root", FAULTY_getpwnam_r, ENOENT, true, -EINVAL, "there is no user 'root' here" },
	{ "gid:root", FAULTY_getgrnam_r, ESRCH, true, -EINVAL, "there is no group 'root' here" },
	{ "uid:root", FAULTY_malloc, ENOMEM, false, -ENOMEM, NULL },
	{ "gid:root", FAULTY_malloc, ENOMEM, false, -ENOMEM, NULL },
};

START_TEST(looking_up)
{
	const struct faulty_plan plan = { lookups[_i].call, 1, lookups[_i].error, lookups[_i].from_there_on };
	struct access_rule rules[ACCESS_RULES_OF_WORD] = { { .id = 5 } };
	char reason[ACCESS_REASON_MAX] = "";
	int result;

	faulty_begin(&plan);
	result = access_parse(lookups[_i].word, rules, reason);
	faulty_end();
	ck_assert_uint_ge(faulty_failures(), 1);
	ck_assert_uint_le(faulty_failures(), 6); /* room for an entry grows to an end */
	ck_assert_int_eq(result, lookups[_i].result);
	ck_assert_uint_eq(rules[0].id, result == 1 ? 0 : 5);
	if (lookups[_i].reason != NULL)
		ck_assert_msg(strncmp(reason, lookups[_i].reason, strlen(lookups[_i].reason)) == 0, "%s", reason);
	else
		ck_assert_str_eq(reason, "");
}
END_TEST

/* Networks that overlap in part, which access_parse() never gives, are told from those that nest. */
START_TEST(neither_nested_nor_apart)
{
	struct access_rule rules[200];

	memset(rules, 0, sizeof(rules));
	for (size_t i = 0; i < ELEMENTS(rules); i++) {
		rules[i].kind = ACCESS_IPV4;
		rules[i].bits = 8;
		rules[i].ip[0] = 10;
		rules[i].ip[3] = (uint8_t)i;
	}
	ck_assert_int_eq(access_compile(rules, 129, &compiled), 0);
	access_free(compiled);
	ck_assert_bug((void)access_compile(rules, 130, &compiled));
}
END_TEST

/* ---- bans ---- */

static struct bans *bans;

static const struct access_rule first = { .kind = ACCESS_IPV4, .bits = 32, .ip = { 192, 0, 2, 1 } };
static const struct access_rule second = { .kind = ACCESS_IPV4, .bits = 32, .ip = { 192, 0, 2, 2 } };
static const struct access_rule third = { .kind = ACCESS_IPV4, .bits = 32, .ip = { 192, 0, 2, 3 } };

static bool is_banned(const char *address)
{
	struct peer peer = peer_of(address);

	return bans_find(bans, &peer) != NULL;
}

static void prepare_bans(void)
{
	ck_assert_int_eq(bans_new(&bans), 0);
	ck_assert_int_eq(bans_add(bans, &first, 100), 0);
	ck_assert_int_eq(bans_add(bans, &second, 200), 0);
}

static int work_add(void)
{
	return bans_add(bans, &third, 300);
}

static void finish_add(int result, const struct faulty_plan *plan)
{
	EXPECT(result == (plan != NULL ? -ENOMEM : 0));
	EXPECT(bans_count(bans) == (result == 0 ? 3 : 2));
	EXPECT(is_banned("192.0.2.3") == (result == 0));
	EXPECT(is_banned("192.0.2.1") && is_banned("192.0.2.2"));
	bans_free(bans);
}

static int work_lift(void)
{
	return bans_lift(bans, &first);
}

static void finish_lift(int result, const struct faulty_plan *plan)
{
	EXPECT(result == (plan != NULL ? -ENOMEM : 1));
	EXPECT(is_banned("192.0.2.1") == (plan != NULL));
	EXPECT(is_banned("192.0.2.2"));
	bans_free(bans);
}

/* Bans that cannot be ended now are looked at again in a second. */
static int work_expire(void)
{
	uint64_t next_ns = bans_expire(bans, 150);

	return next_ns == 200 ? 0 : next_ns == 150 + NS_PER_S ? 1 : 2;
}

static void finish_expire(int result, const struct faulty_plan *plan)
{
	EXPECT(result == (plan != NULL));
	EXPECT(is_banned("192.0.2.1") == (plan != NULL));
	EXPECT(is_banned("192.0.2.2"));
	bans_free(bans);
}

static int work_new_bans(void)
{
	return bans_new(&bans);
}

static void finish_new_bans(int result, const struct faulty_plan *plan)
{
	EXPECT(result == (plan != NULL ? -ENOMEM : 0));
	bans_free(result == 0 ? bans : NULL);
}

static const struct faulty_work ban_works[] = {
	{ "no bans yet", NULL, work_new_bans, finish_new_bans, 0 },
	{ "one more ban", prepare_bans, work_add, finish_add, 0 },
	{ "a ban lifted", prepare_bans, work_lift, finish_lift, 0 },
	{ "a ban over", prepare_bans, work_expire, finish_expire, 0 },
};

START_TEST(banning)
{
	ck_assert_uint_ge(faulty_sweep(&ban_works[_i]), 2);
}
END_TEST

/* ---- sources ---- */

static const uint64_t seed[4] = { 1, 2, 3, 4 };
static struct sources *sources;

static int work_sources(void)
{
	return sources_new(0, seed, &sources);
}

static void finish_sources(int result, const struct faulty_plan *plan)
{
	EXPECT(result == (plan != NULL ? -ENOMEM : 0));
	sources_free(result == 0 ? sources : NULL);
}

static void prepare_growth(void)
{
	struct peer_key key = { .family = PEER_IPV6, .bytes = { 1 } };

	ck_assert_int_eq(sources_new(0, seed, &sources), 0);
	source_get(sources, 1, &key)->rate_ns = 77;
}

static int work_growth(void)
{
	return sources_reserve(sources, SOURCES_LEAST + 1);
}

static void finish_growth(int result, const struct faulty_plan *plan)
{
	struct peer_key key = { .family = PEER_IPV6, .bytes = { 1 } };

	EXPECT(result == (plan != NULL ? -ENOMEM : 0));
	EXPECT(source_find(sources, 1, &key)->rate_ns == 77);
	sources_free(sources);
}

START_TEST(table_of_sources)
{
	static const struct faulty_work works[] = {
		{ "sources", NULL, work_sources, finish_sources, 0 },
		{ "more sources", prepare_growth, work_growth, finish_growth, 0 },
	};

	ck_assert_uint_ge(faulty_sweep(&works[_i]), 8);
}
END_TEST

/* ---- time zones ---- */

static struct arena *arena;
static const struct zone *zone;
static const char *zone_name;
static char zone_reason[ZONE_REASON_MAX];

static enum { TIME_AS_IS, TIME_FAILS, TIME_NO_NAME, TIME_EMPTY_NAME, TIME_CHANGES } odd_time;

struct tm *__real_localtime_r(const time_t *at, struct tm *to);
struct tm *__wrap_localtime_r(const time_t *at, struct tm *to);

struct tm *__wrap_localtime_r(const time_t *at, struct tm *to)
{
	struct tm *local = odd_time == TIME_FAILS ? NULL : __real_localtime_r(at, to);

	if (odd_time == TIME_NO_NAME)
		to->tm_zone = NULL;
	if (odd_time == TIME_EMPTY_NAME)
		to->tm_zone = "";
	if (odd_time == TIME_CHANGES)
		to->tm_gmtoff = (*at - NOW_S) / (7 * 86400) % 2 * 3600;
	return local;
}

static void prepare_zone(void)
{
	arena = arena_new();
	ck_assert_ptr_nonnull(arena);
	zone = NULL;
	zone_reason[0] = '\0';
}

static int work_zone(void)
{
	return zone_load(zone_name, NOW_S, arena, &zone, zone_reason);
}

static void finish_zone(int result, const struct faulty_plan *plan)
{
	EXPECT((plan == NULL || plan->error == EINTR) == (result == 0));
	EXPECT((result == 0) == (zone != NULL));
	EXPECT(result == 0 || result == (plan->error == ENOMEM ? -ENOMEM : -EINVAL));
	EXPECT(result != -EINVAL || strstr(zone_reason, "time zone") != NULL);
	if (plan != NULL && plan->call == FAULTY_fstat)
		EXPECT(strstr(zone_reason, "cannot be read") != NULL && strstr(zone_reason, "Input/output") != NULL);
	arena_free(arena);
}

/* Nothing is left in the arena, and there is no more for it. */
static void no_room(const char *name)
{
	const struct faulty_plan plan = { FAULTY_calloc, 1, ENOMEM, true };
	int result;

	prepare_zone();
	faulty_begin(&plan);
	while (arena_alloc(arena, 16) != NULL)
		;
	result = zone_load(name, NOW_S, arena, &zone, zone_reason);
	faulty_end();
	ck_assert_int_eq(result, -ENOMEM);
	ck_assert_ptr_null(zone);
	arena_free(arena);
}

START_TEST(zones_without_memory)
{
	static const struct faulty_work work = { "zone", prepare_zone, work_zone, finish_zone, 0 };

	zone_name = "Europe/Paris";
	ck_assert_uint_ge(faulty_sweep(&work), 4);
	no_room("UTC");
	no_room(NULL);
}
END_TEST

static const struct {
	int odd_time, result;
} odd_times[] = {
	{ TIME_AS_IS, 0 },
	{ TIME_FAILS, -EINVAL },
	{ TIME_NO_NAME, -EINVAL },
	{ TIME_EMPTY_NAME, -EINVAL },
};

START_TEST(odd_library)
{
	prepare_zone();
	odd_time = odd_times[_i].odd_time;
	ck_assert_int_eq(zone_load("Europe/Paris", NOW_S, arena, &zone, zone_reason), odd_times[_i].result);
	if (odd_times[_i].result != 0)
		ck_assert_ptr_nonnull(strstr(zone_reason, "the time zone 'Europe/Paris' cannot be used: "));
	arena_free(arena);
}
END_TEST

/* A time that the library cannot tell counts as UTC; more changes than there is room for are left out. */
START_TEST(odd_local_time)
{
	prepare_zone();
	odd_time = TIME_FAILS;
	ck_assert_int_eq(zone_load(NULL, NOW_S, arena, &zone, zone_reason), 0);
	ck_assert_int_eq(zone_offset(zone, NOW_S), 0);
	odd_time = TIME_CHANGES;
	ck_assert_int_eq(zone_load(NULL, NOW_S, arena, &zone, zone_reason), 0);
	for (int64_t week = 0; week < 127; week++) {
		int64_t start_s = NOW_S + week * 7 * 86400;

		ck_assert_int_eq(zone_offset(zone, start_s), week % 2 * 3600);
		ck_assert_int_eq(zone_offset(zone, start_s + 7 * 86400 - 1), week % 2 * 3600);
	}
	ck_assert_int_eq(zone_offset(zone, NOW_S + 127 * 7 * 86400), 3600);
	ck_assert_int_eq(zone_offset(zone, NOW_S + 128 * 7 * 86400), 3600); /* as it was at the last one known */
	arena_free(arena);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("fault-access");
	TCase *rules = tcase_create("rules"), *times = tcase_create("zones");

	tcase_set_timeout(rules, 60);
	tcase_add_test(rules, compiling);
	tcase_add_loop_test(rules, looking_up, 0, ELEMENTS(lookups));
	tcase_add_test(rules, neither_nested_nor_apart);
	tcase_add_loop_test(rules, banning, 0, ELEMENTS(ban_works));
	tcase_add_loop_test(rules, table_of_sources, 0, 2);
	suite_add_tcase(suite, rules);
	tcase_add_checked_fixture(times, zones_set_up, zones_tear_down);
	tcase_set_timeout(times, 60);
	tcase_add_test(times, zones_without_memory);
	tcase_add_loop_test(times, odd_library, 0, ELEMENTS(odd_times));
	tcase_add_test(times, odd_local_time);
	suite_add_tcase(suite, times);
	return suite;
}

RUN_SUITE(make_suite)
