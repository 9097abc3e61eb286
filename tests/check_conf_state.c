/* check_conf_state.c - what sessions and services go on with, from one program to the next. */
#include "conf_help.h"

#include "bug_help.h"
#include "conf-state.h"
#include "endpoint.h"

static struct state *carried;
static struct state_writer *writer;
static int carried_fd;
static char reason[STATE_REASON_MAX];

static void begin(void)
{
	set_up();
	ck_assert_int_eq(state_writer_new("1", &writer), 0);
}

static void carry(void)
{
	ck_assert_int_eq(state_finish(writer, &carried_fd), 0);
	ck_assert_int_eq(state_open(carried_fd, STATE_LOOK, &carried, reason), 0);
}

static void end(void)
{
	state_writer_free(writer);
	state_free(carried);
	close(carried_fd);
	tear_down();
}

/* ---- numbers ---- */

/* However often one is noted, it has one number, from 0 on. */
START_TEST(numbers)
{
	static struct conf_service settings[300], stranger;
	struct conf_rules_index index = { .items = NULL };

	conf_rules_sort(&index);
	ck_assert_uint_eq(index.count, 0);
	for (size_t round = 0; round < 3; round++)
		for (size_t i = ELEMENTS(settings); i-- > 0;) {
			ck_assert_int_eq(conf_rules_note(&index, &settings[i]), 0);
			ck_assert_int_eq(conf_rules_note(&index, &settings[i]), 0); /* again at once: nothing new */
		}
	ck_assert_uint_eq(index.count, 3 * ELEMENTS(settings));
	conf_rules_sort(&index);
	ck_assert_uint_eq(index.count, ELEMENTS(settings));
	for (size_t i = 0; i < ELEMENTS(settings); i++)
		ck_assert_uint_eq(conf_rules_number(&index, &settings[i]), i);
	ck_assert_bug((void)conf_rules_number(&index, &stranger));
	conf_rules_index_free(&index);
	ck_assert_ptr_null(index.items);
	ck_assert_uint_eq(index.count, 0);
	carry();
}
END_TEST

/* ---- rules ---- */

static const struct conf_service all = {
	.name = "all",
	.wait = true,
	.socket = { .interface = "eth0", .freebind = true },
	.limits = { .instances = 11 },
	.first_byte_ns = 12,
	.idle_ns = 13,
	.time_limit_ns = 14,
	.kill_after_ns = 15,
	.linger_ns = UINT64_MAX,
	.kill_on_hangup = true,
	.serve_while_draining = true,
	.identity = { .change = true, .uid = 16, .gid = 17 },
};
static const struct conf_service none = { .name = "none" };

static const struct conf_service *found;
static const struct endpoint *found_endpoint;

static void ck_same(const struct conf_service *restored, const struct conf_service *saved)
{
	ck_assert_str_eq(restored->name, saved->name);
	ck_assert_int_eq(restored->wait, saved->wait);
	ck_assert_pstr_eq(restored->socket.interface, saved->socket.interface);
	ck_assert_int_eq(restored->socket.freebind, saved->socket.freebind);
	ck_assert_uint_eq(restored->limits.instances, saved->limits.instances);
	ck_assert_uint_eq(restored->first_byte_ns, saved->first_byte_ns);
	ck_assert_uint_eq(restored->idle_ns, saved->idle_ns);
	ck_assert_uint_eq(restored->time_limit_ns, saved->time_limit_ns);
	ck_assert_uint_eq(restored->kill_after_ns, saved->kill_after_ns);
	/* What is for ever can still be added to a time. */
	ck_assert_uint_eq(restored->linger_ns, saved->linger_ns == 0 ? 0 : (uint64_t)INT64_MAX / 2);
	ck_assert_int_eq(restored->kill_on_hangup, saved->kill_on_hangup);
	ck_assert_int_eq(restored->serve_while_draining, saved->serve_while_draining);
	ck_assert_int_eq(restored->identity.change, saved->identity.change);
	ck_assert_uint_eq(restored->identity.uid, saved->identity.uid);
	ck_assert_uint_eq(restored->identity.gid, saved->identity.gid);
	/* What nobody may be without is there. */
	ck_assert_str_eq(restored->where.path, "");
	ck_assert_str_eq(restored->program, "");
	ck_assert_str_eq(restored->directory, "");
	ck_assert_str_eq(restored->description, "");
	ck_assert_str_eq(restored->user, "");
	ck_assert_str_eq(restored->group, "");
	ck_assert_str_eq(restored->identity.name, "");
	ck_assert_str_eq(restored->identity.home, "");
	ck_assert_str_eq(restored->identity.shell, "");
}

static int look(void *context, struct state_record *record)
{
	(void)context;
	found = conf_rules_get(conf, record, "rules");
	found_endpoint = conf_rules_endpoint(conf, record, "endpoint");
	return 0;
}

static void put_session(uint64_t number, const char *endpoint)
{
	state_begin(writer, "session");
	state_put_number(writer, "rules", number);
	state_put_text(writer, "endpoint", endpoint);
	state_end(writer);
}

START_TEST(rules)
{
	struct conf_rules_index index = { .items = NULL };
	char text[ENDPOINT_TEXT_MAX];

	ck_assert_int_eq(conf_rules_note(&index, &all), 0);
	ck_assert_int_eq(conf_rules_note(&index, &none), 0);
	conf_rules_sort(&index);
	conf_rules_save(&index, writer);
	put_session(conf_rules_number(&index, &all), "127.0.0.1:7/udp");
	carry();
	ck_assert_uint_eq(state_count(carried, "rules"), 2);
	conf = conf_rules_new(2);
	ck_assert_ptr_nonnull(conf);
	ck_assert_uint_eq(conf->service_count, 2);
	ck_assert_int_eq(state_each(carried, "rules", conf_rules_restore, conf), 0);
	ck_same(&conf->services[conf_rules_number(&index, &all)], &all);
	ck_same(&conf->services[conf_rules_number(&index, &none)], &none);
	ck_assert_int_eq(state_each(carried, "session", look, NULL), 0);
	ck_assert_ptr_eq(found, &conf->services[conf_rules_number(&index, &all)]);
	ck_assert_str_eq(endpoint_print(found_endpoint, text), "127.0.0.1:7/udp");
	conf_rules_index_free(&index);
}
END_TEST

START_TEST(too_many)
{
	ck_assert_ptr_null(conf_rules_new(4000001));
	ck_assert_ptr_null(conf_rules_new(SIZE_MAX));
	conf = conf_rules_new(0);
	ck_assert_ptr_nonnull(conf);
	ck_assert_uint_eq(conf->service_count, 0);
	carry();
}
END_TEST

/* Records that no usherd writes; there is room for two, and 0 is there. */
static const struct {
	const char *kind;
	uint64_t number;
	const char *text, *reason;
} records[] = {
	{ "rules", 1, "a", NULL },
	{ "rules", 2, "a", "rules without a name or a number" },
	{ "rules", 1, NULL, "rules without a name or a number" },
	{ "rules", 0, "a", "rules 0 appear twice" },
	{ "rules", 4000001, "a", "number" },
	{ "session", 0, "127.0.0.1:7", NULL },
	{ "session", 1, "127.0.0.1:7", "there are no rules 1" },
	{ "session", 2, "127.0.0.1:7", "there are no rules 2" },
	{ "session", 0, NULL, "endpoint is no address to listen on" },
	{ "session", 0, "127.0.0.1", "endpoint is no address to listen on" },
	{ "session", 0, "127.0.0.1:7-8", "endpoint is no address to listen on" },
};

START_TEST(odd_records)
{
	bool is_rules = strcmp(records[_i].kind, "rules") == 0;

	state_begin(writer, "rules");
	state_put_text(writer, "name", "first");
	state_end(writer);
	if (is_rules) {
		state_begin(writer, "rules");
		state_put_number(writer, "number", records[_i].number);
		state_put_text(writer, "name", records[_i].text);
		state_end(writer);
	} else {
		put_session(records[_i].number, records[_i].text);
	}
	carry();
	conf = conf_rules_new(2);

	int r = state_each(carried, "rules", conf_rules_restore, conf);

	if (!is_rules) {
		ck_assert_int_eq(r, 0);
		r = state_each(carried, "session", look, NULL);
	}
	ck_assert_int_eq(r, records[_i].reason != NULL ? -EBADMSG : 0);
	if (records[_i].reason != NULL)
		ck_assert_msg(strstr(state_reason(carried), records[_i].reason) != NULL, "%s", state_reason(carried));
}
END_TEST

/* ---- the whole configuration ---- */

START_TEST(configuration)
{
	struct conf_environment environment = { .services_directory = directory };
	struct conf *again = NULL;

	load_good("[usherd]\nmax_sessions = 77\n[a]\nlisten = 127.0.0.1:7007\nexec = /bin/cat\numask = 027\n");
	ck_assert_int_eq(conf_left_save(conf, writer), 0);
	carry();
	ck_assert_int_eq(conf_left_load(carried, &environment, &again, &errors), 0);
	ck_assert_str_eq(again->hash, conf->hash);
	ck_assert_uint_eq(again->daemon.max_sessions, 77);
	ck_assert_uint_eq(again->service_count, 1);
	ck_assert_str_eq(again->services[0].name, "a");
	ck_assert_int_eq(again->services[0].umask, 027);
	conf_unref(again);
}
END_TEST

static const struct {
	const char *texts[2], *hashes[2];
	int result;
} configurations[] = {
	{ { NULL }, { NULL }, -ENOENT },
	{ { "x" }, { NULL }, -EBADMSG },
	{ { NULL }, { "x" }, -EBADMSG },
	{ { "[usherd]\nmax_sessions = no\n" }, { "x" }, -EINVAL },
	{ { "[a]\nlisten = 127.0.0.1:7007\nexec = /bin/cat\n", "[b]\nlisten = 127.0.0.1:7008\nexec = /bin/cat\n" },
	  { "x", "y" },
	  -EBADMSG },
};

START_TEST(no_configuration)
{
	struct conf_environment environment = { .services_directory = directory };
	struct conf *again = NULL;

	for (size_t i = 0; i < 2; i++) {
		if (configurations[_i].texts[i] == NULL && configurations[_i].hashes[i] == NULL)
			continue;
		state_begin(writer, "configuration");
		state_put_text(writer, "text", configurations[_i].texts[i]);
		state_put_text(writer, "hash", configurations[_i].hashes[i]);
		state_end(writer);
	}
	carry();
	ck_assert_int_eq(conf_left_load(carried, &environment, &again, &errors), configurations[_i].result);
	ck_assert_ptr_null(again);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf-state");
	TCase *tests = tcase_create("rules");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, numbers);
	tcase_add_test(tests, rules);
	tcase_add_test(tests, too_many);
	tcase_add_loop_test(tests, odd_records, 0, ELEMENTS(records));
	tcase_add_test(tests, configuration);
	tcase_add_loop_test(tests, no_configuration, 0, ELEMENTS(configurations));
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
