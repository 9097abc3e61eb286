/* e2e_upgrade_counts.c - whatever is counted is the same number after an upgrade as before: counters,
 * buckets of rates, bans, places that are taken. */
#include "harness.h"
#include "json_help.h"

#include <signal.h>
#include <unistd.h>

#define CLIENT "192.0.2.5"
#define OTHER  "192.0.2.6"

/* Nothing refills while a test runs. */
#define CONFIG                                                                                               \
	"[usherd]\nlog_level = debug\n"                                                                      \
	"[cat]\nlisten = $1\nexec = /bin/cat\n"                                                              \
	"[hold]\nlisten = $2\nexec = $PROBE hold\ninstances = 3\nper_source = 2\nwhen_full = refuse\n"       \
	"[closed]\nlisten = 0.0.0.0:$3\nexec = /bin/cat\ndeny = " OTHER "\nban_time = 1h\n"                          \
	"[rated]\nlisten = $4\nexec = $PROBE say x\nrate = 3/h\nwhen_full = refuse\n"                        \
	"[each]\nlisten = $5\nexec = $PROBE say x\nrate_per_source = 3/h\n"                                  \
	"[gone]\nlisten = $6\nexec = $DIR/program\n"

static void upgrade(struct daemon *daemon)
{
	daemon_signal(daemon, SIGUSR2);
	daemon_wait_log(daemon, " (upgraded from=|upgrade-failed)");
	ck_assert_msg(daemon_count_log(daemon, " upgrade-failed ") == 0, "%s", daemon_log_tail(daemon));
}

static void expect_from(const char *local, unsigned port, const char *expected)
{
	char *reply = ask_from(local, port);

	ck_assert_msg(strcmp(reply, expected) == 0, "%s at port %u got \"%s\", not \"%s\"", local, port, reply,
		      expected);
	free(reply);
}

static int hold_from(const char *local)
{
	int fd = tcp_from(local, 2);
	char *text = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_msg(text != NULL && strcmp(text, "ready\n") == 0, "%s got \"%s\"", local, text);
	free(text);
	return fd;
}

static void put_program(void)
{
	test_write("program", 0755, "#!/bin/sh\necho started\n", false);
}

static struct daemon *start(void)
{
	put_program();
	net_add("192.0.2.1", 24);
	return daemon_start(CONFIG);
}

/* A bit of everything that is counted. */
static void use_it(struct daemon *daemon, int held[static 2])
{
	for (int i = 0; i < 5; i++) {
		char *reply = ask(1, "12345");

		ck_assert_str_eq(reply, "12345");
		free(reply);
	}
	for (int i = 0; i < 20; i++)
		expect_from(OTHER, 3, "");
	for (int i = 0; i < 5; i++)
		expect_from(CLIENT, 4, i < 3 ? "x" : "");
	for (int i = 0; i < 5; i++)
		expect_from(CLIENT, 5, i < 3 ? "x" : "");
	expect_from(CLIENT, 6, "started\n");
	ck_assert_int_eq(unlink(test_path("program")), 0);
	expect_from(CLIENT, 6, "");
	put_program(); /* without it the configuration would be refused by the next program */
	for (int i = 0; i < 2; i++)
		held[i] = hold_from(CLIENT);
	expect_from(CLIENT, 2, "");
	ck_assert_int_eq(ask_number(daemon, "kill hold", "sessions"), 2);
	for (int i = 0; i < 2; i++) {
		close(held[i]);
		daemon_wait_log(daemon, " end service=hold .*reason=kill");
		held[i] = -1;
	}
	for (int i = 0; i < 2; i++)
		held[i] = hold_from(CLIENT);
	json_decref(request(daemon, "ban 198.51.100.0/24"));
	daemon_wait_log(daemon, "banned address=");
	WAIT_UNTIL(ask_number(daemon, "status", "daemon/sessions/active") == 2);
}

static void expect_same(const json_t *before, const json_t *after, const char *const *keys, const char *of)
{
	for (size_t i = 0; keys[i] != NULL; i++) {
		const json_t *was = json_object_get(before, keys[i]), *is = json_object_get(after, keys[i]);
		char *was_text = json_dumps(was, JSON_ENCODE_ANY), *is_text = json_dumps(is, JSON_ENCODE_ANY);

		ck_assert_msg(was != NULL && is != NULL && json_equal(was, is), "%s: %s was %s and is %s", of, keys[i],
			      was_text, is_text);
		free(was_text);
		free(is_text);
	}
}

START_TEST(every_number_is_the_same)
{
	static const char *const of_services[] = { "name",	   "active",	 "instances",	   "accepted",
						   "started",	   "refused",	 "refused_total",  "ended",
						   "spawn_failures", "bytes_in", "bytes_out",	   "spawn_seconds",
						   "session_seconds", NULL };
	static const char *const of_daemon[] = { "started_at", "generation", "config",	 "listeners", "sessions",
						 "accepted",   "started",    "ended",	 "refused",   "refused_total",
						 "bytes_in",   "bytes_out",  "spawn_failures", "bans",	 NULL };
	SKIP_IF(!test_is_alone(), "needs a network of its own");

	struct daemon *daemon = start();
	int held[2];

	use_it(daemon, held);
	json_decref(request(daemon, "loglevel notice"));

	json_t *before = request(daemon, "metrics");

	upgrade(daemon);

	json_t *after = request(daemon, "metrics");
	const json_t *was = json_object_get(before, "services"), *is = json_object_get(after, "services");

	/* That there was something to lose. */
	ck_assert_int_eq(number_at(json_array_get(was, 0), "bytes_in"), 25);
	ck_assert_int_eq(number_at(json_array_get(was, 1), "ended/kill"), 2);
	ck_assert_int_eq(number_at(json_array_get(was, 2), "refused/ban"), 10);
	ck_assert_int_eq(number_at(json_array_get(was, 5), "spawn_failures/exec"), 1);
	ck_assert_uint_eq(json_array_size(was), 6);
	ck_assert_uint_eq(json_array_size(is), 6);
	for (size_t i = 0; i < json_array_size(was); i++)
		expect_same(json_array_get(was, i), json_array_get(is, i), of_services,
			    text_at(json_array_get(was, i), "name"));
	expect_same(json_object_get(before, "daemon"), json_object_get(after, "daemon"), of_daemon, "daemon");
	ck_assert_int_ge(number_at(after, "daemon/loop/rounds"), number_at(before, "daemon/loop/rounds"));
	json_decref(before);
	json_decref(after);

	json_t *level = request(daemon, "loglevel");

	ck_assert_str_eq(text_at(level, "level"), "notice");
	json_decref(level);
	close(held[0]);
	close(held[1]);
	daemon_stop(daemon);
}
END_TEST

START_TEST(every_limit_holds)
{
	SKIP_IF(!test_is_alone(), "needs a network of its own");

	struct daemon *daemon = start();
	int held[2];

	use_it(daemon, held);
	upgrade(daemon);
	expect_from(CLIENT, 4, ""); /* rate */
	expect_from(OTHER, 4, "");
	expect_from(CLIENT, 5, ""); /* rate_per_source, which others have not used */
	expect_from(OTHER, 5, "x");
	expect_from(OTHER, 3, ""); /* banned by limits */
	daemon_wait_log(daemon, " refuse service=closed peer=" OTHER ":.*reason=ban");
	ck_assert_int_eq(ask_number(daemon, "unban 198.51.100.0/24", "lifted"), 1);
	expect_from(CLIENT, 2, ""); /* per_source: its two run on */

	int third = hold_from(OTHER);

	expect_from("192.0.2.7", 2, ""); /* instances */
	close(held[0]);
	close(held[1]);
	WAIT_UNTIL(ask_number(daemon, "status", "daemon/sessions/active") == 1);
	close(hold_from(CLIENT)); /* and their places are free again */
	close(third);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("upgrade counts");
	TCase *kept = harness_case(suite, "kept", 60);

	tcase_add_test(kept, every_number_is_the_same);
	tcase_add_test(kept, every_limit_holds);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
