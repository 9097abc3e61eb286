/* check_conf_compare.c - which keys of a service are others than before: what is printed otherwise, and what has more
 * behind it than what is printed. */
#include "conf_help.h"

#include "conf-compare.h"

static struct conf_comparer comparer;
static struct conf_service before, after;
static gid_t groups[2][2] = { { 5, 6 }, { 5, 6 } };
static const char *words[2][1] = { { "audio" }, { "audio" } };

static void compare_set_up(void)
{
	set_up();
	load_good("[a]\nlisten = 127.0.0.1:7007\nexec = /bin/cat\nbanner = hello\nbanner_refused = no\n");
	ck_assert_uint_eq(conf->service_count, 1);
	ck_assert_int_eq(conf_comparer_init(&comparer), 0);
	before = after = conf->services[0];
	before.user = "somebody";
	after.user = "somebody";
	before.identity = (struct conf_identity){
		.change = true, .uid = 7, .gid = 8, .groups = groups[0], .group_count = 2, .name = "n", .home = "h", .shell = "s"
	};
	after.identity = before.identity;
	after.identity.groups = groups[1];
	groups[1][1] = 6;
}

static void compare_tear_down(void)
{
	conf_comparer_free(&comparer);
	tear_down();
}

/* "a b" */
static const char *changed(void)
{
	static char text[1024];

	text[0] = '\0';
	ck_assert_int_eq(conf_compare_services(&comparer, &before, &after), 0);
	for (size_t i = 0; i < comparer.key_count; i++) {
		strncat(text, i > 0 ? " " : "", 2);
		strncat(text, comparer.keys[i], 64);
	}
	return text;
}

START_TEST(nothing)
{
	ck_assert_str_eq(changed(), "");
	/* The same text at another place is the same. */
	after.user = strdup(before.user);
	after.identity.name = strdup(before.identity.name);
	after.banner.bytes = strdup(before.banner.bytes);
	ck_assert_str_eq(changed(), "");
	free((char *)(uintptr_t)after.user);
	free((char *)(uintptr_t)after.identity.name);
	free((char *)(uintptr_t)after.banner.bytes);
}
END_TEST

enum change {
	UMASK,
	DESCRIPTION,
	TWO_KEYS,
	UID,
	GID,
	CHANGES_NO_IDENTITY,
	FEWER_GROUPS,
	OTHER_GROUP,
	NO_GROUPS,
	NAME,
	HOME,
	NO_HOME,
	SHELL,
	USER_BY_NAME,
	GROUP_BY_NAME,
	GROUPS_BY_NAME,
	ONE_GROUP_BY_NAME,
	BANNER,
	BANNER_LENGTH,
	NO_BANNER,
	BANNER_REFUSED,
	ALLOW_CONTENT,
	DENY_CONTENT,
	SAME_CONTENT,
	PROGRAM,
	WARM_LIBRARY,
	WARM_NOT,
	LACKING,
	LACKING_BEFORE,
	WAITS_AFTER,
	WAITED_BEFORE,
};

static const struct {
	enum change change;
	const char *keys;
} changes[] = {
	{ UMASK, "umask" },
	{ DESCRIPTION, "description" },
	{ TWO_KEYS, "disable description" },
	{ UID, "user" },
	{ GID, "user" },
	{ CHANGES_NO_IDENTITY, "user" },
	{ FEWER_GROUPS, "user" },
	{ OTHER_GROUP, "user" },
	{ NO_GROUPS, "" },
	{ NAME, "user" },
	{ HOME, "user" },
	{ NO_HOME, "user" },
	{ SHELL, "user" },
	{ USER_BY_NAME, "user" },   /* it is what changed: the identity only follows */
	{ GROUP_BY_NAME, "group" },
	{ GROUPS_BY_NAME, "groups" },
	{ ONE_GROUP_BY_NAME, "groups" },
	{ BANNER, "banner" },
	{ BANNER_LENGTH, "banner" },
	{ NO_BANNER, "banner" },
	{ BANNER_REFUSED, "banner_refused" },
	{ ALLOW_CONTENT, "allow" },
	{ DENY_CONTENT, "deny" },
	{ SAME_CONTENT, "" },
	{ PROGRAM, "exec" },
	{ WARM_LIBRARY, "warm" },
	{ WARM_NOT, "warm" },
	{ LACKING, "" },
	{ LACKING_BEFORE, "" },
	{ WAITS_AFTER, "wait" },
	{ WAITED_BEFORE, "wait" },
};

/* A change of a name that is looked up brings another identity with it. */
static void change_identity_keys(enum change change)
{
	after.identity.uid = 99;
	if (change == USER_BY_NAME)
		after.user = "nobody";
	if (change == GROUP_BY_NAME)
		after.group = "staff";
	if (change == GROUPS_BY_NAME)
		after.groups = (struct conf_words){ (char **)(uintptr_t)words[1], 1 };
	if (change == ONE_GROUP_BY_NAME) {
		words[1][0] = "video";
		before.groups = (struct conf_words){ (char **)(uintptr_t)words[0], 1 };
		after.groups = (struct conf_words){ (char **)(uintptr_t)words[1], 1 };
	}
}

static void change_identity(enum change change)
{
	struct conf_identity *identity = &after.identity;

	identity->uid += change == UID;
	identity->gid += change == GID;
	identity->change = change != CHANGES_NO_IDENTITY;
	identity->group_count -= change == FEWER_GROUPS;
	groups[1][1] += change == OTHER_GROUP;
	if (change == NO_GROUPS) {
		identity->group_count = before.identity.group_count = 0;
		identity->groups = NULL;
	}
	identity->name = change == NAME ? "m" : identity->name;
	identity->home = change == HOME ? "g" : change == NO_HOME ? NULL : identity->home;
	identity->shell = change == SHELL ? "r" : identity->shell;
}

static void change_rest(enum change change)
{
	static const struct conf_error lack = { .line = 1 };
	static const char same[] = { 'd', 'i', 'g', 'e', 's', 't', '\0' };

	if (change == UMASK || change == TWO_KEYS)
		after.umask ^= change == UMASK ? 020 : 0;
	if (change == DESCRIPTION || change == TWO_KEYS)
		after.description = "other";
	after.disable = change == TWO_KEYS;
	if (change == BANNER || change == WAITS_AFTER || change == WAITED_BEFORE)
		after.banner.bytes = "jello";
	after.banner.length -= change == BANNER_LENGTH;
	if (change == NO_BANNER)
		after.banner = (struct conf_message){ .bytes = NULL };
	if (change == BANNER_REFUSED)
		after.banner_refused.bytes = "on";
	if (change == ALLOW_CONTENT || change == SAME_CONTENT)
		after.allow.content = "digest";
	if (change == DENY_CONTENT)
		after.deny.content = "digest";
	if (change == SAME_CONTENT)
		before.allow.content = same;
	if (change == PROGRAM || change == LACKING || change == LACKING_BEFORE)
		after.program = "/usr/bin/cat";
	if (change == WARM_LIBRARY)
		after.warm_library = "/lib";
	if (change == WARM_NOT)
		after.warm_not = "static";
	after.lacks = change == LACKING ? &lack : NULL;
	before.lacks = change == LACKING_BEFORE ? &lack : NULL;
	after.wait = change == WAITS_AFTER;
	before.wait = change == WAITED_BEFORE;
}

START_TEST(one_change)
{
	enum change change = changes[_i].change;

	if (change >= UID && change <= SHELL)
		change_identity(change);
	else if (change >= USER_BY_NAME && change <= ONE_GROUP_BY_NAME)
		change_identity_keys(change);
	else
		change_rest(change);
	ck_assert_msg(strcmp(changed(), changes[_i].keys) == 0, "%d: '%s'", _i, changed());
	words[1][0] = "audio";
}
END_TEST

/* Each printed alike although the bytes differ, and the reverse; what one comparison found is forgotten by the next. */
START_TEST(daemons)
{
	struct conf_daemon one = conf->daemon, two = one;

	ck_assert_int_eq(conf_compare_daemons(&comparer, &one, &two), 0);
	ck_assert_uint_eq(comparer.key_count, 0);
	two.max_sessions = 7;
	two.drain_timeout_ns++;
	ck_assert_int_eq(conf_compare_daemons(&comparer, &one, &two), 0);
	ck_assert_uint_ge(comparer.key_count, 1);
	ck_assert_str_eq(comparer.keys[0], "max_sessions");
	two = one;
	ck_assert_int_eq(conf_compare_daemons(&comparer, &one, &two), 0);
	ck_assert_uint_eq(comparer.key_count, 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf-compare");
	TCase *tests = tcase_create("keys");

	tcase_add_checked_fixture(tests, compare_set_up, compare_tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, nothing);
	tcase_add_loop_test(tests, one_change, 0, ELEMENTS(changes));
	tcase_add_test(tests, daemons);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
