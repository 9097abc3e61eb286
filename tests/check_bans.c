/* check_bans.c - the unit tests of bans.c. */
#include "bans.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "run.h"

static struct bans *bans;

static void setup(void)
{
	ck_assert_int_eq(bans_new(&bans), 0);
}

static void teardown(void)
{
	bans_free(bans);
}

static struct access_rule rule(const char *word)
{
	struct access_rule rules[ACCESS_RULES_OF_WORD];
	char reason[ACCESS_REASON_MAX];

	ck_assert_int_eq(access_parse(word, rules, reason), 1);
	return rules[0];
}

static void ban(const char *word, uint64_t until_ns)
{
	struct access_rule banned = rule(word);

	ck_assert_int_eq(bans_add(bans, &banned, until_ns), 0);
}

/* The network that holds for this address, or "". */
static const char *banned_by(const char *address)
{
	static char text[ACCESS_TEXT_MAX];
	struct access_rule own = rule(address);
	struct peer peer = { .family = own.kind == ACCESS_IPV4 ? PEER_IPV4 : PEER_IPV6 };
	const struct ban *found;

	memcpy(peer.ip, own.ip, sizeof(peer.ip));
	found = bans_find(bans, &peer);
	return found == NULL ? "" : access_print(&found->rule, text);
}

START_TEST(nobody_is_banned_at_first)
{
	ck_assert_str_eq(banned_by("192.0.2.1"), "");
	ck_assert_uint_eq(bans_count(bans), 0);
	ck_assert_uint_eq(bans_expire(bans, 1), BANS_FOR_EVER);
}
END_TEST

START_TEST(the_narrowest_ban_is_found)
{
	ban("192.0.2.0/24", BANS_FOR_EVER);
	ban("192.0.2.7", BANS_FOR_EVER);
	ban("2001:db8::/32", BANS_FOR_EVER);
	ck_assert_str_eq(banned_by("192.0.2.7"), "192.0.2.7");
	ck_assert_str_eq(banned_by("192.0.2.8"), "192.0.2.0/24");
	ck_assert_str_eq(banned_by("192.0.3.8"), "");
	ck_assert_str_eq(banned_by("2001:db8::1"), "2001:db8::/32");
	ck_assert_str_eq(banned_by("2001:db9::1"), "");
}
END_TEST

START_TEST(the_same_again_only_changes_its_time)
{
	ban("192.0.2.7", 100);
	ban("192.0.2.7", 500);
	ck_assert_uint_eq(bans_count(bans), 1);
	ck_assert_uint_eq(bans_expire(bans, 100), 500);
	ck_assert_str_eq(banned_by("192.0.2.7"), "192.0.2.7");
	ck_assert_uint_eq(bans_at(bans, 0)->until_ns, 500);
	bans_free(NULL);
}
END_TEST

START_TEST(those_that_are_over_go_and_the_next_time_is_told)
{
	ban("192.0.2.1", 100);
	ban("192.0.2.2", 300);
	ban("192.0.2.3", 200);
	ban("192.0.2.4", BANS_FOR_EVER);
	ck_assert_uint_eq(bans_expire(bans, 99), 100);
	ck_assert_uint_eq(bans_expire(bans, 100), 200);
	ck_assert_str_eq(banned_by("192.0.2.1"), "");
	ck_assert_str_eq(banned_by("192.0.2.2"), "192.0.2.2");
	ck_assert_uint_eq(bans_expire(bans, 1000), BANS_FOR_EVER);
	ck_assert_str_eq(banned_by("192.0.2.2"), "");
	ck_assert_str_eq(banned_by("192.0.2.4"), "192.0.2.4");
}
END_TEST

START_TEST(lifting_takes_what_is_inside_and_nothing_around)
{
	struct access_rule inside = rule("192.0.2.0/25"), other = rule("198.51.100.0/24");

	ban("192.0.2.0/24", BANS_FOR_EVER);
	ban("192.0.2.7", BANS_FOR_EVER);
	ban("192.0.2.0/26", BANS_FOR_EVER);
	ban("192.0.2.200", BANS_FOR_EVER);
	ck_assert_int_eq(bans_lift(bans, &other), 0);
	ck_assert_int_eq(bans_lift(bans, &inside), 2);
	ck_assert_uint_eq(bans_count(bans), 2);
	ck_assert_str_eq(banned_by("192.0.2.7"), "192.0.2.0/24");
	ck_assert_int_eq(bans_lift(bans, NULL), 2);
	ck_assert_str_eq(banned_by("192.0.2.7"), "");
}
END_TEST

START_TEST(there_are_no_more_than_so_many)
{
	struct access_rule one = { .kind = ACCESS_IPV4, .bits = 32, .ip = { 10 } };

	for (unsigned i = 0; i < BANS_MOST; i++) {
		one.ip[2] = (uint8_t)(i / 256);
		one.ip[3] = (uint8_t)i;
		ck_assert_int_eq(bans_add(bans, &one, BANS_FOR_EVER), 0);
	}
	one.ip[0] = 11;
	ck_assert_int_eq(bans_add(bans, &one, BANS_FOR_EVER), -ENOSPC);
	ck_assert_uint_eq(bans_count(bans), BANS_MOST);
	ck_assert_str_eq(banned_by("10.0.0.5"), "10.0.0.5");
	ck_assert_str_eq(banned_by("11.0.0.5"), "");
}
END_TEST

static const struct {
	const char *outer, *inner;
	bool contains;
} pairs[] = {
	{ "10.0.0.0/8", "10.1.2.3", true },
	{ "10.1.2.3", "10.0.0.0/8", false },
	{ "10.0.0.0/8", "11.0.0.0/8", false },
	{ "10.0.0.0/9", "10.128.0.0/9", false },
	{ "10.0.0.0/8", "10.0.0.0/8", true },
	{ "0.0.0.0/0", "255.255.255.255", true },
	{ "0.0.0.0/0", "2001:db8::1", false },
	{ "2001:db8::/33", "2001:db8:8000::/34", false },
	{ "2001:db8::/33", "2001:db8:7fff::1", true },
	{ "all", "192.0.2.1", true },
	{ "uid:5", "uid:5", true },
	{ "uid:5", "uid:6", false },
	{ "uid:5", "gid:5", false },
};

START_TEST(one_rule_holds_another)
{
	struct access_rule outer = rule(pairs[_i].outer), inner = rule(pairs[_i].inner);

	ck_assert_msg(bans_contains(&outer, &inner) == pairs[_i].contains, "%s holds %s", pairs[_i].outer,
		      pairs[_i].inner);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("bans");
	TCase *tcase = tcase_create("bans");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, nobody_is_banned_at_first);
	tcase_add_test(tcase, the_narrowest_ban_is_found);
	tcase_add_test(tcase, the_same_again_only_changes_its_time);
	tcase_add_test(tcase, those_that_are_over_go_and_the_next_time_is_told);
	tcase_add_test(tcase, lifting_takes_what_is_inside_and_nothing_around);
	tcase_add_test(tcase, there_are_no_more_than_so_many);
	tcase_add_loop_test(tcase, one_rule_holds_another, 0, ELEMENTS(pairs));
	suite_add_tcase(suite, tcase);
	return suite;
}

RUN_SUITE(make_suite)
