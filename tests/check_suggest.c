/* check_suggest.c - distances between names, and which one was meant. */
#include "base.h"
#include "run.h"
#include "suggest.h"

#include <string.h>

static const struct {
	const char *a, *b;
	unsigned distance;
} distances[] = {
	{"", "", 0},
	{"a", "", 1},
	{"", "abc", 3},
	{"user", "user", 0},
	{"user", "USER", 0},
	{"user", "usr", 1},
	{"user", "users", 1},
	{"user", "uses", 1},
	{"user", "usre", 1},
	{"instnaces", "instances", 1},
	{"ca", "abc", 3},
	{"kitten", "sitting", 3},
	{"abcdef", "ghijkl", 6},
};

START_TEST(distance)
{
	const char *a = distances[_i].a, *b = distances[_i].b;

	ck_assert_uint_eq(suggest_distance(a, b, 100), distances[_i].distance);
	ck_assert_uint_eq(suggest_distance(b, a, 100), distances[_i].distance);
}
END_TEST

START_TEST(limit_and_length)
{
	char name[100];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_uint_eq(suggest_distance("abcdef", "ghijkl", 2), 3);
	ck_assert_uint_eq(suggest_distance(name, name, 5), 6);
	name[64] = '\0';
	ck_assert_uint_eq(suggest_distance(name, name, 5), 0);
}
END_TEST

static const char *const names[] = {"listen", "exec",      "user",    "group",
				    "groups", "instances", "warning", "on"};

static const struct {
	const char *word, *nearest;
} words[] = {
	{"lsiten", "listen"}, {"Listen", "listen"}, {"exce", "exec"},          {"usr", "user"},
	{"grop", "group"},    {"gruops", "groups"}, {"instance", "instances"}, {"warn", "warning"},
	{"", NULL},           {"xy", NULL},         {"zzzzzz", NULL},          {"ip", NULL},
	{"exexex", NULL},     {"ON", "on"},
};

START_TEST(nearest)
{
	const char *found = suggest_nearest(words[_i].word, names, ELEMENTS(names));

	if (words[_i].nearest == NULL)
		ck_assert_msg(found == NULL, "'%s': '%s'", words[_i].word, found);
	else
		ck_assert_msg(found != NULL && strcmp(found, words[_i].nearest) == 0, "'%s'", words[_i].word);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("suggest");
	TCase *all = tcase_create("suggest");

	tcase_add_loop_test(all, distance, 0, ELEMENTS(distances));
	tcase_add_test(all, limit_and_length);
	tcase_add_loop_test(all, nearest, 0, ELEMENTS(words));
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
