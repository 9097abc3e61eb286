/* check_explain.c - the words for each verdict, the place of the rule or limit
 * that decides, and that explain and the gate never differ. */
#include "explain.h"

#include "base.h"
#include "conf-key.h"
#include "run.h"

#include <arpa/inet.h>
#include <string.h>

#define MINUTE (60 * NS_PER_S)
#define START  (10000 * MINUTE)

static const uint64_t seed[4] = { 5, 55, 555, 5555 };
static struct gate gate;
static struct gate_service state;
static struct conf_service settings;
static struct peer peer;
static struct gate_client client;
static struct access *access_rules;
static struct arena *arena;
static const struct zone *zone;
static struct explanation explanation;
static char steps[4096];

static struct conf_key keys[8];
static struct conf_origin origins[8];

/* The key stands at that line of services.ini. */
static void written(const char *name, unsigned line)
{
	size_t n = settings.origin_count++;

	keys[n].name = name;
	origins[n].key = &keys[n];
	origins[n].where = (struct conf_where){ .path = "services.ini", .line = line };
	settings.origins = origins;
}

static void set_up(void)
{
	char reason[ZONE_REASON_MAX];

	memset(&gate, 0, sizeof(gate));
	gate.max_sessions = 1000;
	ck_assert_int_eq(sources_new(0, seed, &gate.sources), 0);
	memset(&settings, 0, sizeof(settings));
	settings.limits = (struct gate_limits){
		.instances = 100,
		.per_source = 25,
		.per_source_spares_local = true,
		.source_prefix = { 32, 64 },
		.refuse_when_full = true,
	};
	state = (struct gate_service){ .limits = &settings.limits, .id = 1, .instances = 100 };
	peer = (struct peer){ .family = PEER_IPV4, .ip = { 10, 1, 2, 3 }, .port = 4711 };
	client = (struct gate_client){ .peer = &peer, .proven = true, .now_ns = START };
	access_rules = NULL;
	memset(&explanation, 0xff, sizeof(explanation));
	arena = arena_new();
	ck_assert_ptr_nonnull(arena);
	ck_assert_int_eq(zone_load(NULL, 0, arena, &zone, reason), 0);
}

static void tear_down(void)
{
	sources_free(gate.sources);
	access_free(access_rules);
	arena_free(arena);
}

/* "deny 10.0.0.0/8, allow all": each in a line of its own, from line 10 on. */
static void rules(const char *text)
{
	struct access_rule all[16];
	size_t count = 0;
	char words[256], reason[ACCESS_REASON_MAX], *rest, *word;
	bool deny = false;
	unsigned line = 9;

	snprintf(words, sizeof(words), "%s", text);
	for (word = strtok_r(words, " ,", &rest); word != NULL; word = strtok_r(NULL, " ,", &rest)) {
		if (strcmp(word, "deny") == 0 || strcmp(word, "allow") == 0) {
			deny = word[0] == 'd';
			line++;
			continue;
		}

		int made = access_parse(word, &all[count], reason);

		ck_assert_msg(made > 0, "%s: %s", word, reason);
		for (; made > 0; made--, count++) {
			all[count].deny = deny;
			all[count].path = "services.ini";
			all[count].line = line;
		}
	}
	access_free(access_rules);
	ck_assert_int_eq(access_compile(all, count, &access_rules), 0);
	settings.limits.access = access_rules;
}

static struct conf_daemon daemon_settings;

static void note(void *context, const char *key, bool passes, const char *text)
{
	size_t *used = context;
	int length =
		snprintf(steps + *used, sizeof(steps) - *used, "%c %s: %s\n", passes ? '+' : '-', key, text);

	ck_assert_int_gt(length, 0);
	ck_assert_uint_lt((size_t)length, sizeof(steps) - *used);
	*used += (size_t)length;
}

static void ask(void)
{
	size_t used = 0;

	steps[0] = '\0';
	explain(&daemon_settings, &settings, &gate, &state, &client, note, &used, &explanation);
}

static void expect(enum gate_reason reason, const char *key, const char *path, unsigned line,
		   const char *text)
{
	ask();
	ck_assert_str_eq(gate_reason_name(explanation.reason), gate_reason_name(reason));
	ck_assert_pstr_eq(explanation.key, key);
	ck_assert_pstr_eq(explanation.where.path, path);
	ck_assert_uint_eq(explanation.where.line, line);
	ck_assert_str_eq(explanation.text, text);
}

static struct source *source(void)
{
	struct peer_key key = gate_source_key(&state, &peer);

	return source_get(gate.sources, state.id, &key);
}

START_TEST(nothing_set)
{
	settings.limits.per_source = 0;
	expect(GATE_ADMIT, NULL, NULL, 0, "there are no rules: everybody may");
	ck_assert_str_eq(steps,
			 "+ loop: not a datagram: it cannot set two services talking with each other\n"
			 "+ ban_time: 0 (default): nobody is banned\n"
			 "+ deny: there are no rules: everybody may\n"
			 "+ access_times: always (default)\n"
			 "+ max_load: none (default)\n"
			 "+ throttle: no session of 10.1.2.3/32 failed at once of late\n"
			 "+ rate_per_source: none (default)\n"
			 "+ rate: none (default)\n"
			 "+ per_source: none (default)\n"
			 "+ instances: 0 of 100 sessions of the service (default)\n"
			 "+ max_sessions: 0 of 1000 sessions of the daemon (default)\n");
}
END_TEST

START_TEST(all_set)
{
	static struct schedule_window always = { .days = 0x7f, .from = 0, .until = 1440 };

	always.zone = zone;
	settings.per_source.kind = CONF_COUNT_AUTO;
	settings.limits.ban_ns = 10 * MINUTE;
	settings.limits.access_times = (struct schedule){ .windows = &always, .count = 1 };
	settings.limits.max_load = 4500;
	client.load = 1250;
	settings.limits.rate_per_source = (struct rate){ .count = 10, .burst = 30, .per_ns = MINUTE };
	settings.limits.rate = (struct rate){ .count = 50, .burst = 50, .per_ns = 90 * NS_PER_S };
	written("ban_time", 3);
	written("rate", 4);
	written("instances", 5);
	rules("deny 10.0.0.0/8, allow 10.1.0.0/16");
	for (unsigned i = 0; i < 3; i++)
		gate_take(&gate, &state, &client);
	expect(GATE_ADMIT, "allow", "services.ini", 11,
	       "allow 10.1.0.0/16 (services.ini:11) is the longest rule that matches");
	ck_assert_ptr_nonnull(strstr(steps, "+ access_times: "));
	ck_assert_ptr_nonnull(strstr(steps, " (default) is now\n"));
	ck_assert_ptr_nonnull(strstr(
		steps, "+ max_load: the load is 1.250, the most 4.500 (default)\n"
		       "+ throttle: no session of 10.1.2.3/32 failed at once of late\n"
		       "+ rate_per_source: 10/min burst 30 (default): 10.1.2.3/32 may begin a session now\n"
		       "+ rate: 50/90s burst 50 (services.ini:4): the service may begin a session now\n"
		       "+ per_source: 3 of 25 sessions of 10.1.2.3/32 (auto, default)\n"
		       "+ instances: 3 of 100 sessions of the service (services.ini:5)\n"
		       "+ max_sessions: 3 of 1000 sessions of the daemon"));
	ck_assert_ptr_nonnull(strstr(
		steps,
		"+ ban_time: 10min (services.ini:3): 10.1.2.3/32 is not banned; it would be for 10min\n"
		"+ allow: allow 10.1.0.0/16"));
}
END_TEST

START_TEST(loop)
{
	gate_own_port_add(&gate, 7);
	client.answered = true;
	ask();
	ck_assert_int_eq(explanation.reason, GATE_ADMIT);
	ck_assert_ptr_eq(strstr(steps, "+ loop: port 4711 is none of this daemon's services\n"), steps);
	peer.port = 7;
	expect(GATE_LOOP, NULL, NULL, 0,
	       "port 7 is one of this daemon's own services: the two would answer each other for ever");
	ck_assert_ptr_null(strchr(strchr(steps, '\n') + 1, '\n')); /* the verdict is the last step */
}
END_TEST

START_TEST(banned)
{
	settings.limits.ban_ns = MINUTE;
	settings.limits.source_prefix.ipv4 = 24;
	written("ban_time", 8);
	source_ban(gate.sources, source(), START + 61 * NS_PER_S - 950 * NS_PER_MS);
	expect(GATE_BAN, "ban_time", "services.ini", 8,
	       "1min (services.ini:8): 10.1.2.0/24 is banned for another 60.1s");
	source()->ban_level = 2;
	source_ban(gate.sources, source(), START);
	ask();
	ck_assert_ptr_nonnull(strstr(steps, "10.1.2.0/24 is not banned; it would be for 4min\n"));
	peer = (struct peer){ .family = PEER_UNIX, .unix_peer = { .uid = 1000 } };
	ask();
	ck_assert_ptr_nonnull(strstr(steps, ": clients on this machine are never banned\n"));
}
END_TEST

static const struct {
	const char *rules;
	enum peer_family family;
	uint32_t id;
	enum gate_reason reason;
	const char *key, *path;
	unsigned line;
	const char *text;
} cases[] = {
	{ "deny 10.0.0.0/8", PEER_IPV4, 0, GATE_DENY, "deny", "services.ini", 10,
	  "deny 10.0.0.0/8 (services.ini:10) is the longest rule that matches" },
	{ "allow 10.0.0.0/8, deny 10.1.0.0/16", PEER_IPV4, 0, GATE_DENY, "deny", "services.ini", 11,
	  "deny 10.1.0.0/16 (services.ini:11) is the longest rule that matches" },
	{ "allow 192.0.2.0/24", PEER_IPV4, 0, GATE_DENY, "allow", "services.ini", 3,
	  "no rule of allow (services.ini:3) matches" },
	{ "deny 192.0.2.0/24", PEER_IPV4, 0, GATE_ADMIT, NULL, NULL, 0,
	  "no rule matches, and there is none of allow: all others may" },
	{ "deny all", PEER_IPV4, 0, GATE_DENY, "deny", "services.ini", 10,
	  "deny all (services.ini:10) is the nearest rule that matches" },
	{ "allow uid:1000", PEER_UNIX, 1000, GATE_ADMIT, "allow", "services.ini", 10,
	  "allow uid:1000 (services.ini:10) is the nearest rule that matches" },
	{ "deny cid:3", PEER_VSOCK, 3, GATE_DENY, "deny", "services.ini", 10,
	  "deny cid:3 (services.ini:10) is the nearest rule that matches" },
};

START_TEST(access_list)
{
	rules(cases[_i].rules);
	written("allow", 3);
	if (cases[_i].family == PEER_UNIX)
		peer = (struct peer){ .family = PEER_UNIX, .unix_peer = { .uid = cases[_i].id } };
	else if (cases[_i].family == PEER_VSOCK)
		peer = (struct peer){ .family = PEER_VSOCK, .vsock = { .cid = cases[_i].id } };
	expect(cases[_i].reason, cases[_i].key, cases[_i].path, cases[_i].line, cases[_i].text);
}
END_TEST

START_TEST(hours)
{
	static struct schedule_window never[2];

	never[0] = never[1] = (struct schedule_window){ .until = 60, .zone = zone };
	settings.limits.access_times = (struct schedule){ .windows = never, .count = 2 };
	written("access_times", 6);
	expect(GATE_ACCESS_TIMES, "access_times", "services.ini", 6,
	       "none of the 2 times (services.ini:6) is now");
	settings.limits.access_times.count = 1;
	ask();
	ck_assert_int_eq(explanation.reason, GATE_ACCESS_TIMES);
	ck_assert_ptr_nonnull(strstr(explanation.text, " (services.ini:6) is not now"));
}
END_TEST

START_TEST(load)
{
	settings.limits.max_load = 2000;
	client.load = 2000;
	expect(GATE_MAX_LOAD, "max_load", NULL, 0, "the load is 2.000, the most 2.000 (default)");
}
END_TEST

START_TEST(paused)
{
	gate_pause_source(&gate, &state, &peer, START + MINUTE);
	gate_pause_source(&gate, &state, &peer, START + 2 * 60 * MINUTE);
	expect(GATE_THROTTLE, NULL, NULL, 0,
	       "sessions of 10.1.2.3/32 failed at once, 2 in a row: it is left alone for another 2h");
}
END_TEST

START_TEST(rates)
{
	peer = (struct peer){ .family = PEER_IPV6, .ip = { 0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 3 } };
	settings.limits.rate_per_source = (struct rate){ .count = 1, .burst = 1, .per_ns = NS_PER_S };
	written("rate_per_source", 4);
	gate_take(&gate, &state, &client);
	expect(GATE_RATE_PER_SOURCE, "rate_per_source", "services.ini", 4,
	       "1/s burst 1 (services.ini:4): 2001:db8:1:2::/64 may begin the next session in 1s");
	settings.limits.rate_per_source.count = 0;
	settings.limits.rate = (struct rate){ .count = 2, .burst = 1, .per_ns = 24 * 60 * MINUTE };
	gate_take(&gate, &state, &client);
	expect(GATE_RATE, "rate", NULL, 0,
	       "2/d burst 1 (default): the service may begin the next session in 12h; clients are refused (when_full)");
}
END_TEST

START_TEST(counts)
{
	settings.per_source.kind = CONF_COUNT_SET;
	settings.limits.per_source = state.instances = gate.max_sessions = 2;
	written("per_source", 12);
	gate_take(&gate, &state, &client);
	gate_take(&gate, &state, &client);
	expect(GATE_PER_SOURCE, "per_source", "services.ini", 12,
	       "2 of 2 sessions of 10.1.2.3/32 (services.ini:12)");
	peer.ip[0] = 127;
	expect(GATE_INSTANCES, "instances", NULL, 0, "2 of 2 sessions of the service (default); clients are refused (when_full)");
	ck_assert_ptr_nonnull(strstr(
		steps, "+ per_source: 2 (services.ini:12): clients on this machine are not counted\n"));
	settings.wait = true;
	expect(GATE_INSTANCES, "instances", NULL, 0,
	       "2 of 2 sessions of the service (wait: one for each socket); clients are refused (when_full)");
	settings.limits.refuse_when_full = false;
	expect(GATE_INSTANCES, "instances", NULL, 0,
	       "2 of 2 sessions of the service (wait: one for each socket); clients wait");
	settings.limits.refuse_when_full = true;
	state.instances = 3;
	expect(GATE_MAX_SESSIONS, "max_sessions", NULL, 0, "2 of 2 sessions of the daemon (default); clients are refused (when_full)");

	const struct conf_origin origin = {
		.key = conf_key_find(CONF_SCOPE_DAEMON, "max_sessions"),
		.where = { .path = "services.ini", .line = 2 },
	};

	daemon_settings = (struct conf_daemon){ .origins = &origin, .origin_count = 1 };
	ask();
	expect(GATE_MAX_SESSIONS, "max_sessions", "services.ini", 2,
	       "2 of 2 sessions of the daemon (services.ini:2); clients are refused (when_full)");
	daemon_settings = (struct conf_daemon){ .origins = NULL };
}
END_TEST

/* Of a configuration only, as if nobody was there; and without anybody to tell the steps to. */
START_TEST(without_daemon)
{
	size_t used = 0;

	settings.limits.per_source = 1;
	explain(NULL, &settings, NULL, NULL, &client, note, &used, &explanation);
	ck_assert_int_eq(explanation.reason, GATE_ADMIT);
	ck_assert_ptr_nonnull(strstr(steps, "0 of 1 sessions of 10.1.2.3/32"));
	ck_assert_ptr_nonnull(strstr(steps, "0 of 100 sessions of the service"));
	ck_assert_ptr_nonnull(strstr(steps, "no daemon was asked"));
	used = 0;
	settings.wait = true;
	settings.listen.count = 3;
	explain(NULL, &settings, NULL, NULL, &client, note, &used, &explanation);
	ck_assert_ptr_nonnull(strstr(steps, "0 of 3 sessions of the service"));
	rules("deny 10.0.0.0/8");
	explain(NULL, &settings, NULL, NULL, &client, NULL, NULL, &explanation);
	ck_assert_int_eq(explanation.reason, GATE_DENY);
	gate_take(&gate, &state, &client);
	explain(NULL, &settings, &gate, NULL, &client, NULL, NULL, &explanation);
	ck_assert_int_eq(explanation.reason, GATE_DENY);
}
END_TEST

/* A long path is cut at its beginning, and the sentence ends as it should. */
START_TEST(places)
{
	static char path[600];

	memset(path, 'x', sizeof(path) - 1);
	settings.limits.max_load = 1;
	client.load = 1;
	written("max_load", 77);
	origins[0].where.path = path;
	ask();
	ck_assert_ptr_nonnull(strstr(explanation.text, "xxx:77)"));
	ck_assert_ptr_eq(explanation.where.path, path);
	/* An option of the command line stands in no line. */
	origins[0].where = (struct conf_where){ .path = "command line" };
	expect(GATE_MAX_LOAD, "max_load", "command line", 0,
	       "the load is 0.001, the most 0.001 (command line)");
}
END_TEST

/* ---- explain and the gate ---- */

static uint64_t generator = 2024;

static unsigned any(unsigned below)
{
	generator = generator * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(generator >> 33) % below;
}

static void any_situation(void)
{
	static const char *const lists[] = { "deny 10.1.2.0/24", "allow 10.0.0.0/8",
					     "deny 10.1.2.4/32, allow all", "allow uid:1000" };
	static struct schedule_window window;
	struct gate_limits *limits = &settings.limits;
	unsigned list = any(12);

	limits->access = NULL;
	if (list < ELEMENTS(lists))
		rules(lists[list]);
	window = (struct schedule_window){
		.days = any(2) ? 0x7f : 0x15, .from = 480, .until = 1080, .zone = zone
	};
	limits->access_times = (struct schedule){ .windows = &window, .count = any(4) == 0 };
	limits->max_load = any(4) == 0 ? 1000 : 0;
	limits->ban_ns = any(2) * 10 * NS_PER_S;
	limits->per_source = any(4);
	limits->per_source_spares_local = any(2);
	limits->source_prefix = (struct gate_prefixes){ any(3) * 16, any(3) * 32 };
	limits->rate = (struct rate){ .count = any(2) * 20, .burst = 1 + any(9), .per_ns = NS_PER_S };
	limits->rate_per_source =
		(struct rate){ .count = any(2) * 2, .burst = 1 + any(3), .per_ns = NS_PER_S };
	limits->refuse_when_full = any(2);
	state.instances = 1 + any(12);
	gate.max_sessions = 1 + any(12);
}

static void any_client(void)
{
	peer = (struct peer){ .family = any(5), .port = (uint16_t)(any(20) == 0 ? 7 : 4711) };
	if (peer.family == PEER_UNIX)
		peer.unix_peer.uid = 1000 + any(2);
	else if (peer.family == PEER_VSOCK)
		peer.vsock.cid = 1 + any(3);
	else if (any(8) == 0)
		peer.ip[peer.family == PEER_IPV4 ? 0 : 15] = peer.family == PEER_IPV4 ? 127 : 1;
	else
		memcpy(peer.ip, (uint8_t[]){ 10, 1, 2, (uint8_t)any(6) }, 4);
	client.proven = any(4) != 0;
	client.answered = any(4) == 0;
	client.now_ns += any(300) * NS_PER_MS;
	client.wall_s += any(100000);
	client.load = any(1500);
}

START_TEST(as_the_gate)
{
	static struct gate_ticket tickets[64];
	unsigned held = 0, seen[GATE_REASONS] = { 0 };

	gate_own_port_add(&gate, 7);
	for (unsigned round = 0; round < 60000; round++) {
		if (round % 200 == 0)
			any_situation();
		any_client();
		ask();

		enum gate_reason reason = gate_check(&gate, &state, &client);

		ck_assert_msg(explanation.reason == reason, "round %u: %s, not %s", round,
			      gate_reason_name(reason), gate_reason_name(explanation.reason));
		ck_assert_uint_gt(strlen(explanation.text), 0);
		/* The last step is the verdict, and all before it pass. */
		ck_assert((strstr(steps, "\n- ") != NULL || steps[0] == '-') == (reason != GATE_ADMIT));
		seen[reason]++;
		if (reason == GATE_ADMIT && any(2) == 0)
			tickets[held++] = gate_take(&gate, &state, &client);
		else if (held > 0 && any(3) == 0)
			gate_give(&gate, &state, tickets[--held]);
		if (any(40) == 0)
			gate_pause_source(&gate, &state, &peer, client.now_ns + any(5) * NS_PER_S);
	}
	for (unsigned reason = 0; reason < GATE_REASONS; reason++)
		ck_assert_msg(seen[reason] > 20, "%s: %u", gate_reason_name(reason), seen[reason]);
	while (held > 0)
		gate_give(&gate, &state, tickets[--held]);
	ck_assert_uint_eq(gate.active, 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("explain");
	TCase *tests = tcase_create("explain");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, nothing_set);
	tcase_add_test(tests, all_set);
	tcase_add_test(tests, loop);
	tcase_add_test(tests, banned);
	tcase_add_loop_test(tests, access_list, 0, ELEMENTS(cases));
	tcase_add_test(tests, hours);
	tcase_add_test(tests, load);
	tcase_add_test(tests, paused);
	tcase_add_test(tests, rates);
	tcase_add_test(tests, counts);
	tcase_add_test(tests, without_daemon);
	tcase_add_test(tests, places);
	tcase_add_test(tests, as_the_gate);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
