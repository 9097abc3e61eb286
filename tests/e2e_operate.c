/* e2e_operate.c - what is asked over the control socket is true, and what is changed over it
 * is done. That its clients can do no harm is e2e_control.c's affair. */
#include "json_help.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENT "192.0.2.5"
#define OTHER  "192.0.2.6"

#define ECHO "[echo]\nlisten = $1\nexec = /bin/cat\n"
#define HOLD "[hold]\nlisten = $2\nexec = $PROBE hold\n"

/* ---- asking ---- */

static json_t *service(const struct daemon *daemon, const char *name)
{
	char line[128];
	json_t *reply, *one;

	snprintf(line, sizeof(line), "services %s", name);
	reply = request(daemon, line);
	one = json_incref(json_array_get(json_object_get(reply, "services"), 0));
	ck_assert_msg(one != NULL, "there is no service %s", name);
	json_decref(reply);
	return one;
}

static json_int_t count_of(const struct daemon *daemon, const char *name, const char *path)
{
	json_t *object = service(daemon, name);
	json_int_t number = number_at(object, path);

	json_decref(object);
	return number;
}

static bool has_state(const struct daemon *daemon, const char *name, const char *state)
{
	json_t *object = service(daemon, name);
	bool has = strcmp(text_at(object, "state"), state) == 0;

	json_decref(object);
	return has;
}

static void demand(const struct daemon *daemon, const char *line)
{
	json_t *reply = request(daemon, line);

	ck_assert_msg(is_ok(reply), "%s: %s", line, text_at(reply, "error"));
	json_decref(reply);
}

static size_t list_length(const struct daemon *daemon, const char *line, const char *list)
{
	json_t *reply = request(daemon, line);
	size_t length = json_array_size(json_object_get(reply, list));

	ck_assert_msg(is_ok(reply), "%s: %s", line, text_at(reply, "error"));
	json_decref(reply);
	return length;
}

static void expect_reply(unsigned port, const char *text, const char *expected)
{
	char *reply = ask(port, text);

	ck_assert_str_eq(reply, expected);
	free(reply);
}

/* A session of the service `hold`, begun. */
static int hold(const char *from)
{
	int fd = from != NULL ? tcp_from(from, 2) : tcp_connect(2);
	char *text = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, "ready\n");
	free(text);
	return fd;
}

/* ---- what is told ---- */

START_TEST(what_happens_is_counted)
{
	struct daemon *daemon = daemon_start(ECHO "[fails]\nlisten = $3\nexec = $PROBE exit 3\n"
						  "[closed]\nlisten = $4\nexec = /bin/cat\ndeny = all\n");

	for (int i = 0; i < 20; i++)
		expect_reply(1, "12345", "12345");
	for (int i = 0; i < 3; i++)
		expect_reply(4, NULL, "");
	WAIT_UNTIL(count_of(daemon, "echo", "ended/exit") == 20);

	json_t *echo = service(daemon, "echo");

	ck_assert_int_eq(number_at(echo, "accepted"), 20);
	ck_assert_int_eq(number_at(echo, "started"), 20);
	ck_assert_int_eq(number_at(echo, "bytes_in"), 100);
	ck_assert_int_eq(number_at(echo, "bytes_out"), 100);
	ck_assert_int_eq(number_at(echo, "refused_total"), 0);
	ck_assert_int_eq(number_at(echo, "spawn_seconds/count"), 20);
	ck_assert_int_eq(number_at(echo, "session_seconds/count"), 20);
	ck_assert_str_eq(text_at(echo, "state"), "serving");
	json_decref(echo);

	ck_assert_int_eq(count_of(daemon, "closed", "refused/deny"), 3);
	ck_assert_int_eq(count_of(daemon, "closed", "accepted"), 3);
	ck_assert_int_eq(count_of(daemon, "closed", "started"), 0);
	ck_assert_int_eq(ask_number(daemon, "status", "daemon/accepted"), 23);
	ck_assert_int_eq(ask_number(daemon, "status", "daemon/refused_total"), 3);
	ck_assert_int_eq(ask_number(daemon, "status", "daemon/refused/deny"), 3);
	ck_assert_int_eq(ask_number(daemon, "status", "daemon/ended"), 20);
	daemon_stop(daemon);
}
END_TEST

START_TEST(failures_are_counted_by_stage)
{
	test_write("program", 0755, "#!/bin/sh\necho started\n", false);

	struct daemon *daemon = daemon_start("[gone]\nlisten = $1\nexec = $DIR/program\n");

	expect_reply(1, NULL, "started\n");
	ck_assert_int_eq(unlink(test_path("program")), 0);
	expect_reply(1, NULL, "");
	WAIT_UNTIL(count_of(daemon, "gone", "spawn_failures/exec") == 1);
	ck_assert(has_state(daemon, "gone", "paused"));
	ck_assert_int_eq(ask_number(daemon, "status", "daemon/services/paused"), 1);
	ck_assert_uint_eq(list_length(daemon, "status", "problems"), 1);
	daemon_stop(daemon);
}
END_TEST

START_TEST(sessions_are_told_with_their_facts)
{
	struct daemon *daemon = daemon_start(HOLD ECHO);
	int fd = tcp_connect(1);

	send_text(fd, "1234567");

	char *text = read_piece(fd, PATIENCE_MS, NULL);

	ck_assert_str_eq(text, "1234567");
	free(text);

	json_t *reply = request(daemon, "sessions echo");
	const json_t *session = json_array_get(json_object_get(reply, "sessions"), 0);

	ck_assert_uint_eq(json_array_size(json_object_get(reply, "sessions")), 1);
	ck_assert_str_eq(text_at(session, "service"), "echo");
	ck_assert_str_eq(text_at(session, "state"), "running");
	ck_assert_int_eq(number_at(session, "bytes_in"), 7);
	ck_assert_int_eq(number_at(session, "bytes_out"), 7);
	ck_assert_int_gt(number_at(session, "pid"), 1);
	ck_assert_int_eq(kill((pid_t)number_at(session, "pid"), 0), 0);
	ck_assert_match(text_at(session, "peer"), "^127\\.0\\.0\\.1:[0-9]+$");
	json_decref(reply);

	ck_assert_uint_eq(list_length(daemon, "sessions hold", "sessions"), 0);
	close(fd);
	WAIT_UNTIL(list_length(daemon, "sessions", "sessions") == 0);
	daemon_stop(daemon);
}
END_TEST

/* More than fits into one piece of a reply. */
START_TEST(long_lists_come_whole)
{
	enum { SERVICES = 400 };
	char *config = malloc(SERVICES * 80), *end = config;

	for (int i = 0; i < SERVICES; i++)
		end += sprintf(end, "[service-%03d]\nlisten = unix:$DIR/s%d\nexec = /bin/cat\n", i, i);

	struct daemon *daemon = daemon_start(config);
	json_t *reply = request(daemon, "metrics");
	const json_t *list = json_object_get(reply, "services");

	free(config);
	ck_assert_uint_eq(json_array_size(list), SERVICES);
	for (size_t i = 0; i < SERVICES; i++) {
		char name[32];

		snprintf(name, sizeof(name), "service-%03zu", i);
		ck_assert_str_eq(text_at(json_array_get(list, i), "name"), name);
	}
	ck_assert_int_eq(number_at(reply, "daemon/services/total"), SERVICES);
	json_decref(reply);
	daemon_stop(daemon);
}
END_TEST

START_TEST(status_tells_the_last_reload_and_the_hash)
{
	struct daemon *daemon = daemon_start(ECHO);
	char *sum, line[128];
	json_t *reply = request(daemon, "status");
	const json_t *config = json_object_get(json_object_get(reply, "daemon"), "config");

	ck_assert(json_is_null(json_object_get(json_object_get(reply, "daemon"), "last_reload")));
	ck_assert_int_eq(run_command((const char *const[]){ "/usr/bin/sha256sum", "$DIR/services.ini", NULL }, &sum),
			 0);
	ck_assert_int_eq(strncmp(sum, text_at(config, "hash"), 64), 0);
	free(sum);
	json_decref(reply);

	daemon_configure(ECHO "nonsense = 1\n");
	expect_refusal(daemon, "reload", "config");
	reply = request(daemon, "reload");
	ck_assert_uint_eq(json_array_size(json_object_get(reply, "errors")), 1);

	const json_t *error = json_array_get(json_object_get(reply, "errors"), 0);

	snprintf(line, sizeof(line), "%s", test_path("services.ini"));
	ck_assert_str_eq(text_at(error, "path"), line);
	ck_assert_int_eq(number_at(error, "line"), 4);
	json_decref(reply);

	ck_assert_int_eq(ask_number(daemon, "status", "daemon/last_reload/errors"), 1);
	ck_assert_uint_eq(list_length(daemon, "status", "problems"), 1);
	ck_assert_int_eq(ask_number(daemon, "status", "daemon/generation"), 1);
	daemon_configure(ECHO HOLD);
	reply = request(daemon, "reload --dry-run");
	ck_assert(is_ok(reply));
	ck_assert_int_eq(number_at(reply, "generation"), 1);
	json_decref(reply);
	ck_assert_int_eq(ask_number(daemon, "reload", "generation"), 2);
	expect_reply(1, "x", "x");
	close(hold(NULL));
	daemon_stop(daemon);
}
END_TEST

/* ---- who is to go ---- */

START_TEST(sessions_are_killed_by_number_service_and_address)
{
	SKIP_IF(!test_is_alone(), "needs a network of its own");
	net_add("192.0.2.1", 24);

	struct daemon *daemon = daemon_start(HOLD ECHO);
	int one = hold(NULL), two = hold(CLIENT), three = hold(OTHER), fourth = tcp_connect(1);
	char line[64];

	send_text(fourth, "x");
	free(read_piece(fourth, PATIENCE_MS, NULL));
	ck_assert_uint_eq(list_length(daemon, "sessions", "sessions"), 4);

	long id = line_number(daemon_wait_log(daemon, " start service=hold .*peer=127"), "session");

	snprintf(line, sizeof(line), "kill %ld", id);
	ck_assert_int_eq(ask_number(daemon, line, "sessions"), 1);
	daemon_wait_log(daemon, " end service=hold session=%ld .*reason=kill ", id);
	expect_refusal(daemon, line, "unknown");

	ck_assert_int_eq(ask_number(daemon, "kill " CLIENT "/32 --now", "sessions"), 1);
	daemon_wait_log(daemon, " end service=hold .*peer=" CLIENT ":.*reason=kill signal=KILL");
	ck_assert_int_eq(ask_number(daemon, "kill hold", "sessions"), 1);
	daemon_wait_log(daemon, " end service=hold .*peer=" OTHER ":.*reason=kill");
	WAIT_UNTIL(list_length(daemon, "sessions", "sessions") == 1);
	ck_assert_int_eq(count_of(daemon, "hold", "ended/kill"), 3);
	expect_refusal(daemon, "kill nobody", "unknown");
	expect_refusal(daemon, "kill hold", "unknown");
	close(one);
	close(two);
	close(three);
	close(fourth);
	daemon_stop(daemon);
}
END_TEST

/* ---- bans ---- */

START_TEST(bans_by_hand)
{
	SKIP_IF(!test_is_alone(), "needs a network of its own");
	net_add("192.0.2.1", 24);

	struct daemon *daemon = daemon_start(HOLD ECHO);
	int before = hold(CLIENT);
	char *reply;

	demand(daemon, "ban 192.0.2.4/30");
	reply = ask_from(CLIENT, 1);
	ck_assert_str_eq(reply, "");
	free(reply);
	daemon_wait_log(daemon, " refuse service=echo peer=" CLIENT ":.*reason=ban");
	reply = ask_from("192.0.2.9", 1);
	free(reply);
	ck_assert_int_eq(count_of(daemon, "echo", "ended/exit"), 1);
	ck_assert_int_eq(count_of(daemon, "echo", "refused/ban"), 1);
	ck_assert_uint_eq(list_length(daemon, "bans", "bans"), 1);
	ck_assert_uint_eq(list_length(daemon, "sessions", "sessions"), 1); /* it runs on */

	json_t *why = request(daemon, "explain " CLIENT " echo");

	ck_assert_str_eq(text_at(why, "verdict"), "ban");
	ck_assert_match(text_at(why, "text"), "192\\.0\\.2\\.4/30 is banned by hand");
	json_decref(why);

	expect_refusal(daemon, "unban 192.0.2.5", "unknown"); /* the network is not inside it */
	demand(daemon, "unban 192.0.2.0/24");
	close(hold(CLIENT));
	demand(daemon, "ban 0.0.0.0/0");
	expect_reply(1, "x", "x"); /* this machine itself is never banned */
	demand(daemon, "unban all");
	expect_refusal(daemon, "ban 127.0.0.1", "refused");
	expect_refusal(daemon, "ban ::1 1h", "refused");
	expect_refusal(daemon, "ban somebody", "usage");
	expect_refusal(daemon, "ban 192.0.2.1/24", "usage");
	expect_refusal(daemon, "ban 192.0.2.1 soon", "usage");
	close(before);
	daemon_stop(daemon);
}
END_TEST

START_TEST(a_ban_for_a_time_ends)
{
	SKIP_IF(!test_is_alone(), "needs a network of its own");
	net_add("192.0.2.1", 24);

	struct daemon *daemon = daemon_start(HOLD);

	demand(daemon, "ban " CLIENT " 1s");
	ck_assert_uint_eq(list_length(daemon, "bans", "bans"), 1);
	WAIT_UNTIL(list_length(daemon, "bans", "bans") == 0);
	close(hold(CLIENT));
	daemon_stop(daemon);
}
END_TEST

START_TEST(bans_by_limits_are_listed_and_lifted)
{
	SKIP_IF(!test_is_alone(), "needs a network of its own");
	net_add("192.0.2.1", 24);

	struct daemon *daemon =
		daemon_start("[hold]\nlisten = $2\nexec = $PROBE hold\ndeny = 192.0.2.6\nban_time = 10min\n");

	for (int i = 0; i < 20; i++)
		free(ask_from(OTHER, 2));
	daemon_wait_log(daemon, " ban service=hold peer=" OTHER);

	json_t *reply = request(daemon, "bans");
	const json_t *ban = json_array_get(json_object_get(reply, "bans"), 0);

	ck_assert_uint_eq(json_array_size(json_object_get(reply, "bans")), 1);
	ck_assert_str_eq(text_at(ban, "address"), OTHER);
	ck_assert_str_eq(text_at(ban, "service"), "hold");
	ck_assert_str_eq(text_at(ban, "by"), "limits");
	ck_assert_double_gt(json_real_value(json_object_get(ban, "seconds_left")), 500);
	json_decref(reply);
	ck_assert_int_eq(ask_number(daemon, "status", "daemon/bans"), 1);
	ck_assert_int_eq(ask_number(daemon, "unban " OTHER, "lifted"), 1);
	ck_assert_uint_eq(list_length(daemon, "bans", "bans"), 0);
	daemon_stop(daemon);
}
END_TEST

/* ---- services on and off ---- */

START_TEST(a_service_is_withdrawn_and_offered_again)
{
	struct daemon *daemon = daemon_start(ECHO HOLD "[off]\nlisten = $3\nexec = /bin/cat\ndisable = yes\n");
	int fd = hold(NULL);

	ck_assert(has_state(daemon, "off", "disabled"));
	ck_assert_int_eq(ask_number(daemon, "disable hold", "active"), 1);
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(2)), -ECONNREFUSED);
	ck_assert(has_state(daemon, "hold", "draining")); /* its session goes on */
	demand(daemon, "enable off");
	expect_reply(3, "x", "x");
	expect_reply(1, "x", "x");
	demand(daemon, "enable hold");
	close(hold(NULL));
	demand(daemon, "drain hold");
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(2)), -ECONNREFUSED);
	ck_assert_int_eq(ask_number(daemon, "status", "daemon/generation"), 1);

	/* A reload forgets all that. */
	demand(daemon, "reload");
	close(hold(NULL));
	ck_assert_int_eq(tcp_try("127.0.0.1", test_port(3)), -ECONNREFUSED);
	expect_refusal(daemon, "enable nothing", "unknown");
	close(fd);
	daemon_stop(daemon);
}
END_TEST

/* ---- the end ---- */

START_TEST(a_drain_without_a_name_is_patient)
{
	struct daemon *daemon = daemon_start("[usherd]\ndrain_timeout = 100ms\n" HOLD);
	int fd = hold(NULL);

	ck_assert_int_eq(ask_number(daemon, "drain", "active"), 1);
	daemon_wait_log(daemon, " drain sessions=1");
	WAIT_UNTIL(tcp_try("127.0.0.1", test_port(2)) == -ECONNREFUSED);

	json_t *reply = request(daemon, "status");

	ck_assert_str_eq(text_at(json_object_get(reply, "daemon"), "state"), "draining");
	json_decref(reply);
	expect_refusal(daemon, "reload", "refused");
	expect_refusal(daemon, "enable hold", "refused");
	poll(NULL, 0, 300); /* three times drain_timeout: the one thing here that is about time */
	ck_assert_uint_eq(list_length(daemon, "sessions", "sessions"), 1);
	shutdown(fd, SHUT_WR);
	ck_assert_str_eq(read_clean(fd, NULL), "bye\n");
	close(fd);
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
}
END_TEST

START_TEST(stop_keeps_the_time_limit_and_now_does_not_wait)
{
	struct daemon *daemon = daemon_start("[usherd]\ndrain_timeout = 1h\n" HOLD);
	int fd = hold(NULL);

	demand(daemon, "stop");
	daemon_wait_log(daemon, " drain sessions=1 timeout=3600");
	demand(daemon, "stop --now");
	daemon_wait_log(daemon, " end service=hold .*signal=KILL");
	ck_assert_int_eq(daemon_wait_exit(daemon), 0);
	close(fd);
	ck_assert_int_eq(access(test_path("control"), F_OK), -1);
}
END_TEST

/* ---- the log ---- */

START_TEST(the_level_of_the_log_until_the_next_reload)
{
	struct daemon *daemon = daemon_start(ECHO);
	json_t *reply;

	demand(daemon, "loglevel error");
	expect_reply(1, "x", "x");
	WAIT_UNTIL(count_of(daemon, "echo", "ended/exit") == 1);
	ck_assert_uint_eq(daemon_count_log(daemon, " end service=echo"), 0);
	reply = request(daemon, "loglevel");
	ck_assert_str_eq(text_at(reply, "level"), "error");
	ck_assert_str_eq(text_at(reply, "configured"), "info");
	json_decref(reply);
	expect_refusal(daemon, "loglevel loud", "usage");
	demand(daemon, "reload");
	expect_reply(1, "x", "x");
	daemon_wait_log(daemon, " end service=echo");
	daemon_stop(daemon);
}
END_TEST

/* Follows with these options; the first line of the answer is taken. */
static FILE *follow(const struct daemon *daemon, const char *options)
{
	int fd = unix_connect(daemon_control(daemon), SOCK_STREAM);
	FILE *stream = fdopen(fd, "r");
	char line[256];

	snprintf(line, sizeof(line), "tail %s\n", options);
	send_text(fd, line);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), stream));
	ck_assert_match(line, "\"ok\": ?true");
	return stream;
}

/* The next event must be of this kind and this service. */
static void expect_event(FILE *stream, const char *event, const char *of)
{
	char line[8192];
	json_t *object;

	ck_assert_ptr_nonnull(fgets(line, sizeof(line), stream));
	object = json_loads(line, 0, NULL);
	ck_assert_msg(object != NULL, "not JSON: %s", line);
	ck_assert_str_eq(text_at(object, "event"), event);
	ck_assert_str_eq(text_at(object, "service"), of);
	json_decref(object);
}

START_TEST(events_are_followed_through_a_filter)
{
	SKIP_IF(!test_is_alone(), "needs a network of its own");
	net_add("192.0.2.1", 24);

	/* What the log itself leaves out is told all the same. */
	struct daemon *daemon = daemon_start("[usherd]\nlog_level = notice\n" ECHO HOLD);
	FILE *all = follow(daemon, ""), *echo = follow(daemon, "--service=echo");
	FILE *client = follow(daemon, "--address=192.0.2.0/29"), *grave = follow(daemon, "--level=error");

	close(hold(CLIENT));
	expect_event(all, "start", "hold");
	expect_event(all, "end", "hold");
	expect_reply(1, "x", "x");
	expect_event(all, "start", "echo");
	expect_event(all, "end", "echo");
	expect_event(echo, "start", "echo");
	expect_event(echo, "end", "echo");
	expect_event(client, "start", "hold");
	expect_event(client, "end", "hold");
	ck_assert_uint_eq(daemon_count_log(daemon, " start service="), 0);

	daemon_configure("[usherd]\nlog_level = notice\n[echo]\n");
	demand(daemon, "status");
	expect_refusal(daemon, "reload", "config");
	expect_event(grave, "config-error", "");
	fclose(all);
	fclose(echo);
	fclose(client);
	fclose(grave);
	WAIT_UNTIL(ask_number(daemon, "status", "daemon/control/clients") == 1);
	daemon_stop(daemon);
}
END_TEST

/* ---- the socket itself ---- */

START_TEST(the_socket_moves_with_the_configuration)
{
	struct daemon *daemon = daemon_start("[usherd]\ncontrol = $DIR/control\n" ECHO);

	daemon_configure("[usherd]\ncontrol = $DIR/elsewhere\n" ECHO);
	demand(daemon, "reload"); /* answered on the old one */
	WAIT_UNTIL(access(test_path("control"), F_OK) != 0);
	free(control_ask(test_path("elsewhere"), "version"));

	/* A file that was taken away is made again. */
	ck_assert_int_eq(unlink(test_path("elsewhere")), 0);
	daemon_signal(daemon, SIGHUP);
	WAIT_UNTIL(access(test_path("elsewhere"), F_OK) == 0);
	free(control_ask(test_path("elsewhere"), "version"));

	daemon_configure("[usherd]\ncontrol = none\n" ECHO);
	daemon_reload(daemon, true);
	WAIT_UNTIL(access(test_path("elsewhere"), F_OK) != 0);
	expect_reply(1, "x", "x");
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("operate");
	TCase *told = harness_case(suite, "told", 60), *done = harness_case(suite, "done", 60);

	tcase_add_test(told, what_happens_is_counted);
	tcase_add_test(told, failures_are_counted_by_stage);
	tcase_add_test(told, sessions_are_told_with_their_facts);
	tcase_add_test(told, long_lists_come_whole);
	tcase_add_test(told, status_tells_the_last_reload_and_the_hash);
	tcase_add_test(done, sessions_are_killed_by_number_service_and_address);
	tcase_add_test(done, bans_by_hand);
	tcase_add_test(done, a_ban_for_a_time_ends);
	tcase_add_test(done, bans_by_limits_are_listed_and_lifted);
	tcase_add_test(done, a_service_is_withdrawn_and_offered_again);
	tcase_add_test(done, a_drain_without_a_name_is_patient);
	tcase_add_test(done, stop_keeps_the_time_limit_and_now_does_not_wait);
	tcase_add_test(done, the_level_of_the_log_until_the_next_reload);
	tcase_add_test(done, events_are_followed_through_a_filter);
	tcase_add_test(done, the_socket_moves_with_the_configuration);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
