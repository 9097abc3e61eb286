/* check_sources_state.c - all sources one by one, those that are banned, and the table from one program to the next. */
#include "sources-state.h"

#include "base.h"
#include "run.h"
#include "sources.h"
#include "state.h"

#include <errno.h>
#include <string.h>

#define NOW UINT64_C(1000000)

static const uint64_t seed[4] = { 1, 22, 333, 4444 }, other_seed[4] = { 5, 66, 777, 8888 };
static struct sources *sources, *restored;

static void set_up(void)
{
	ck_assert_int_eq(sources_new(0, seed, &sources), 0);
	ck_assert_int_eq(sources_new(0, other_seed, &restored), 0);
}

static void tear_down(void)
{
	sources_free(sources);
	sources_free(restored);
}

static struct peer_key key_of(enum peer_family family, uint32_t number)
{
	struct peer_key key = { .family = family };

	memcpy(key.bytes, &number, sizeof(number));
	return key;
}

static struct source *get(struct sources *of, uint32_t service, uint32_t number)
{
	struct peer_key key = key_of(number % 2 != 0 ? PEER_IPV6 : PEER_IPV4, number);

	return source_get(of, service, &key);
}

static struct source *find(struct sources *of, uint32_t service, uint32_t number)
{
	struct peer_key key = key_of(number % 2 != 0 ? PEER_IPV6 : PEER_IPV4, number);

	return source_find(of, service, &key);
}

/* ---- each ---- */

static void note(void *context, struct source *source)
{
	uint32_t *seen = context, number;

	memcpy(&number, source->key.bytes, sizeof(number));
	ck_assert_uint_ge(number, 1); /* an entry that was never used has 0 */
	ck_assert_uint_le(number, 10);
	seen[number]++;
}

/* Each once, whatever the steps; the place is where it went to. */
START_TEST(each)
{
	for (size_t step = 1; step <= 11; step++) {
		uint32_t seen[11] = { 0 }, place = 0, before;
		bool more = true;

		for (uint32_t i = 1; i <= 10; i++)
			get(sources, 1, i);
		while (more) {
			before = place;
			more = sources_each(sources, &place, step, note, seen);
			ck_assert_uint_eq(place, before + step < 10 ? before + step : 10);
			ck_assert_int_eq(more, place < 10);
		}
		for (uint32_t i = 1; i <= 10; i++)
			ck_assert_uint_eq(seen[i], 1);
		ck_assert(!sources_each(sources, &place, 5, note, seen));
		ck_assert_uint_eq(seen[1], 1);
	}
}
END_TEST

START_TEST(each_of_none)
{
	uint32_t place = 0;

	ck_assert(!sources_each(sources, &place, 5, note, NULL));
	ck_assert_uint_eq(place, 0);
}
END_TEST

/* ---- banned ---- */

START_TEST(banned_and_forgiven)
{
	struct source *source = get(sources, 1, 1);

	source->strikes_ns = 5;
	source->ban_level = 3;
	source_ban(sources, source, NOW + 1);
	source_ban(sources, get(sources, 1, 2), NOW);
	source_ban(sources, get(sources, 1, 4), NOW + 2);
	ck_assert_uint_eq(sources_banned(sources, NOW), 2);
	ck_assert_uint_eq(sources_banned(sources, NOW + 1), 1);
	ck_assert_uint_eq(sources_banned(sources, NOW + 2), 0);
	source_forgive(sources, source);
	ck_assert_uint_eq(sources_banned(sources, NOW), 1);
	ck_assert_uint_eq(source->strikes_ns, 0);
	ck_assert_uint_eq(source->ban_level, 0);
	ck_assert_uint_eq(source->banned_ns, 0);
}
END_TEST

/* Of more than so many it is only counted how many there are, over or not. */
START_TEST(banned_many)
{
	for (uint32_t i = 0; i < SOURCES_COUNTED_BANS; i++)
		source_ban(sources, get(sources, 1, 2 * i), i == 0 ? NOW : NOW + 1);
	ck_assert_uint_eq(sources_banned(sources, NOW), SOURCES_COUNTED_BANS - 1);
	source_ban(sources, get(sources, 2, 0), NOW);
	ck_assert_uint_eq(sources_banned(sources, NOW), SOURCES_COUNTED_BANS + 1);
}
END_TEST

/* ---- from one program to the next ---- */

static struct state *carried;
static int carried_fd;
static char reason[STATE_REASON_MAX];

static void carry(struct sources *from, uint64_t now_ns)
{
	struct state_writer *writer;

	ck_assert_int_eq(state_writer_new("1", &writer), 0);
	sources_save(from, now_ns, writer);
	ck_assert_int_eq(state_finish(writer, &carried_fd), 0);
	state_writer_free(writer);
	ck_assert_int_eq(state_open(carried_fd, STATE_LOOK, &carried, reason), 0);
}

static void let_go(void)
{
	state_free(carried);
	close(carried_fd);
}

/* One thing that is known of it, and whether it is worth a record. */
static const struct {
	struct source known;
	bool matters;
} facts[] = {
	{ { .rate_ns = NOW + 1 }, true },
	{ { .rate_ns = NOW }, false },
	{ { .strikes_ns = NOW + 1 }, true },
	{ { .strikes_ns = NOW }, false },
	{ { .banned_ns = NOW + 1 }, true },
	{ { .banned_ns = NOW }, false },
	{ { .pause_ns = NOW + 1 }, true },
	{ { .pause_ns = NOW }, false },
	{ { .failures = 1 }, true },
	{ { .ban_level = 1 }, true },
	{ { .active = 0 }, false },
	{ { .rate_ns = NOW + 5,
	    .strikes_ns = NOW + 6,
	    .banned_ns = NOW + 7,
	    .pause_ns = UINT64_MAX,
	    .failures = UINT32_MAX,
	    .ban_level = UINT16_MAX },
	  true },
};

START_TEST(saved_and_restored)
{
	const struct source *known = &facts[_i].known;
	struct source *source = get(sources, 7, 3);

	source->rate_ns = known->rate_ns;
	source->strikes_ns = known->strikes_ns;
	source->pause_ns = known->pause_ns;
	source->failures = known->failures;
	source->ban_level = known->ban_level;
	source_ban(sources, source, known->banned_ns);
	carry(sources, NOW);
	ck_assert_uint_eq(state_count(carried, "source"), facts[_i].matters);
	ck_assert_int_eq(state_each(carried, "source", sources_restore, NULL), 0); /* only looked at */
	ck_assert_int_eq(state_each(carried, "source", sources_restore, restored), 0);
	source = find(restored, 7, 3);
	ck_assert_int_eq(source != NULL, facts[_i].matters);
	if (source != NULL) {
		ck_assert_uint_eq(source->rate_ns, known->rate_ns);
		ck_assert_uint_eq(source->strikes_ns, known->strikes_ns);
		ck_assert_uint_eq(source->banned_ns, known->banned_ns);
		ck_assert_uint_eq(source->pause_ns, known->pause_ns);
		ck_assert_uint_eq(source->failures, known->failures);
		ck_assert_uint_eq(source->ban_level, known->ban_level);
		ck_assert_uint_eq(source->active, 0);
		ck_assert_uint_eq(sources_banned(restored, NOW), known->banned_ns > NOW);
	}
	let_go();
}
END_TEST

/* Records that no usherd writes. */
static const struct {
	uint32_t service;
	bool has_key;
	uint64_t ban_level;
	int result;
	const char *reason;
} records[] = {
	{ 1, true, UINT16_MAX, 0, NULL },
	{ 0, true, 0, -EBADMSG, "a source without a service or an address" },
	{ 1, false, 0, -EBADMSG, "a source without a service or an address" },
	{ 1, true, (uint64_t)UINT16_MAX + 1, -EBADMSG, "ban_level" },
};

START_TEST(odd_records)
{
	struct peer_key key = key_of(PEER_IPV6, 1);
	struct state_writer *writer;

	ck_assert_int_eq(state_writer_new("1", &writer), 0);
	state_begin(writer, "source");
	state_put_number(writer, "service", records[_i].service);
	if (records[_i].has_key)
		state_put_key(writer, "key", &key);
	state_put_number(writer, "ban_level", records[_i].ban_level);
	state_end(writer);
	ck_assert_int_eq(state_finish(writer, &carried_fd), 0);
	state_writer_free(writer);
	ck_assert_int_eq(state_open(carried_fd, STATE_LOOK, &carried, reason), 0);
	ck_assert_int_eq(state_each(carried, "source", sources_restore, restored), records[_i].result);
	ck_assert_uint_eq(sources_count(restored), records[_i].result == 0);
	if (records[_i].reason != NULL)
		ck_assert_msg(strstr(state_reason(carried), records[_i].reason) != NULL, "%s", state_reason(carried));
	let_go();
}
END_TEST

/* Where all that there is room for is being served, nothing is restored, and nothing is wrong. */
START_TEST(no_room)
{
	get(sources, 1, 1)->failures = 1;
	carry(sources, NOW);
	for (uint32_t i = 0; i < SOURCES_LEAST; i++)
		(void)source_hold(restored, get(restored, 2, 2 * i + 1));
	ck_assert_int_eq(state_each(carried, "source", sources_restore, restored), 0);
	ck_assert_ptr_null(find(restored, 1, 1));
	ck_assert_uint_eq(sources_count(restored), SOURCES_LEAST);
	let_go();
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("sources-state");
	TCase *tests = tcase_create("sources");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, each);
	tcase_add_test(tests, each_of_none);
	tcase_add_test(tests, banned_and_forgiven);
	tcase_add_test(tests, banned_many);
	tcase_add_loop_test(tests, saved_and_restored, 0, ELEMENTS(facts));
	tcase_add_loop_test(tests, odd_records, 0, ELEMENTS(records));
	tcase_add_test(tests, no_room);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
