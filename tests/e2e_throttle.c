/* e2e_throttle.c - services whose programs cannot be started, or end at once: they are
 * slowed down, said once with what to do, never switched off, and well again by themselves;
 * nobody else notices. And services that only look so are left alone. */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONFIG                                                                                               \
	"[bad]\nlisten = 127.0.0.1:$1\nexec = $DIR/bad\nper_source = 1000\n"                                  \
	"[good]\nlisten = 127.0.0.1:$9\nexec = $PROBE say hello\n"

/* In which the other service answers, however busy the machine is. */
#define GOOD_MS 4000

#define STARTS " start service=bad "

/* The program of `bad`, put in place in one step. */
static void become(const char *script)
{
	char text[256];

	snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
	test_write("next", 0755, text, false);
	ck_assert_int_eq(rename(test_path("next"), test_path("bad")), 0);
}

/* Connects from this address, and waits for the end of the connection: what came. */
static char *visit(const char *local)
{
	int fd = tcp_connect_from(local, 0, "127.0.0.1", test_port(1));
	char *reply = read_all(fd, NULL);

	close(fd);
	return reply;
}

/* Whether a program was started for it. */
static bool is_started_for(struct daemon *daemon, const char *local)
{
	unsigned before = daemon_count_log(daemon, STARTS);

	free(visit(local));
	/* Whatever became of the client is in the log when a later one has been served. */
	ask_many(9, NULL, "hello", 1, 0);
	return daemon_count_log(daemon, STARTS) > before;
}

/* No more forks than ten at first, one for each pause (a tenth of a second, doubled up to one), and a few
 * for clients that came together. */
static void check_starts(struct daemon *daemon, uint64_t took_ms, unsigned more)
{
	unsigned starts = daemon_count_log(daemon, STARTS), most = 10 + 5 + (unsigned)(took_ms / 1000) + 2 + more;

	ck_assert_msg(starts <= most, "%u starts in %llu ms, at most %u are well", starts,
		      (unsigned long long)took_ms, most);
}

static const struct {
	const char *script, *told;
} failures[] = {
	{ "exit 1", "status=1" },
	{ "exit 127", "status=127" },
	{ "kill -SEGV $$", "signal=SEGV" },
};

/* ---- one source ---- */

/* Its failures are its own matter: it is refused for a while, and all others are served. */
START_TEST(one_source)
{
	become(failures[_i].script);
	struct daemon *daemon = daemon_start(CONFIG);
	uint64_t cpu = daemon_cpu_ms(daemon), begun = now_ms(), took;

	for (int i = 0; i < 1000; i++) {
		free(visit("127.7.7.5"));
		if (i % 10 == 0)
			ask_many(9, NULL, "hello", 1, GOOD_MS);
	}
	took = now_ms() - begun;
	check_starts(daemon, took, 0);
	ck_assert_uint_lt(daemon_cpu_ms(daemon) - cpu, 3000);
	ck_assert_uint_eq(daemon_count_log(daemon, " failing service=bad "), 1);
	const char *line = daemon_wait_log(daemon, " failing service=bad ");

	ck_assert_msg(strstr(line, failures[_i].told) != NULL, "no %s in %s", failures[_i].told, line);
	ck_assert_match(line, "in_a_row=10 pause=0\\.100 message=\"[^\"]*run [^\"]*/bad by hand");
	daemon_wait_log(daemon, " refuse service=bad peer=127\\.7\\.7\\.5:[0-9]+ reason=throttle");
	ck_assert_uint_le(daemon_count_log(daemon, " refuse "), took / 1000 + 2);
	/* It is not switched off: neither for another source, nor, when the pause is over, for this one. */
	ck_assert(is_started_for(daemon, "127.7.7.6"));
	WAIT_UNTIL(is_started_for(daemon, "127.7.7.5"));
	become("echo works");
	begun = now_ms();
	char *reply;

	while (strcmp(reply = visit("127.7.7.5"), "works\n") != 0) {
		ck_assert_uint_lt(now_ms() - begun, 3000 + late_ms(daemon));
		nap();
	}
	daemon_wait_log(daemon, " recovered service=bad");
	for (int i = 0; i < 20; i++)
		ck_assert_str_eq(visit("127.7.7.5"), "works\n");
	ck_assert_uint_eq(daemon_count_log(daemon, " recovered "), 1);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- the whole service ---- */

/* Comes again and again, until it is killed. */
static pid_t start_visitor(const char *local)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (;;)
		free(visit(local));
}

/* Who comes while it is slowed down waits, up to a second, and is not refused. */
START_TEST(many_sources)
{
	static const char *const sources[] = { "127.7.7.5", "127.7.7.6", "127.7.7.7" };
	pid_t visitors[3];

	become(failures[_i].script);
	struct daemon *daemon = daemon_start(CONFIG);
	uint64_t cpu = daemon_cpu_ms(daemon), begun = now_ms(), took;

	for (int i = 0; i < 3; i++)
		visitors[i] = start_visitor(sources[i]);
	while (now_ms() - begun < 5000)
		ask_many(9, NULL, "hello", 10, GOOD_MS);
	took = now_ms() - begun;
	check_starts(daemon, took, 15); /* up to three come together each time */
	ck_assert_uint_ge(daemon_count_log(daemon, STARTS), 12); /* never switched off */
	ck_assert_uint_lt(daemon_cpu_ms(daemon) - cpu, 3500);    /* most of it is the good one's */
	ck_assert_uint_eq(daemon_count_log(daemon, " failing service=bad "), 1);
	ck_assert_match(daemon_wait_log(daemon, " failing service=bad "), "message=");
	ck_assert_uint_eq(daemon_count_log(daemon, " recovered "), 0);

	become("echo works");
	begun = now_ms();
	ck_assert_str_eq(visit("127.7.7.8"), "works\n");
	took = now_ms() - begun;
	ck_assert_msg(took < 1500 + late_ms(daemon), "served after %llu ms", (unsigned long long)took);
	daemon_wait_log(daemon, " recovered service=bad");
	for (int i = 0; i < 3; i++) {
		kill(visitors[i], SIGKILL);
		neighbour_wait(visitors[i]);
	}
	ask_many(1, NULL, "works\n", 20, 1000);
	ck_assert_uint_eq(daemon_count_log(daemon, " recovered "), 1);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- a program that is not there ---- */

START_TEST(missing_program)
{
	become("echo works");
	struct daemon *daemon = daemon_start(CONFIG);

	ck_assert_str_eq(visit("127.7.7.5"), "works\n");
	ck_assert_int_eq(rename(test_path("bad"), test_path("aside")), 0);
	static const char *const pauses[] = { "pause=0\\.100", "pause=0\\.200", "pause=0\\.400",
					      "pause=0\\.800" };
	uint64_t begun = now_ms(), last = begun;

	for (size_t i = 0; i < 4; i++) {
		ck_assert_str_eq(visit("127.7.7.5"), "");
		const char *line = daemon_wait_log(daemon, " fail service=bad ");

		ck_assert_match(line, "peer=127\\.7\\.7\\.5:[0-9]+ stage=exec error=\"No such file or directory\" "
				      "pause=0\\.[1248]00 message=\"exec [^\"]*/bad: No such file or directory; "
				      "look whether it, and the interpreter in its first line, are there\"");
		ck_assert_match(line, pauses[i]);
		last = now_ms();
		ask_many(9, NULL, "hello", 3, GOOD_MS);
	}
	ck_assert_uint_ge(last - begun, 690); /* 0.1 + 0.2 + 0.4 */
	ck_assert_int_eq(rename(test_path("aside"), test_path("bad")), 0);
	ck_assert_str_eq(visit("127.7.7.5"), "works\n");
	daemon_wait_log(daemon, " recovered service=bad$");
	ck_assert_msg(now_ms() - last < 1800 + late_ms(daemon), "served after %llu ms", (unsigned long long)(now_ms() - last));
	for (int i = 0; i < 20; i++)
		ck_assert_str_eq(visit("127.7.7.5"), "works\n");
	ck_assert_uint_eq(daemon_count_log(daemon, " fail "), 4);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* ---- services that are well ---- */

static const struct {
	const char *script, *reply;
	unsigned count;
} healthy[] = {
	{ "echo no; exit 1", "no\n", 200 }, /* it answered */
	{ "exit 0", "", 200 },              /* it has nothing to say */
	{ "kill -TERM $$", "", 9 },         /* nine are not yet ten */
};

START_TEST(never_slowed)
{
	become(healthy[_i].script);
	struct daemon *daemon = daemon_start(CONFIG);

	for (unsigned i = 0; i < healthy[_i].count; i++)
		ck_assert_str_eq(visit("127.7.7.5"), healthy[_i].reply);
	ask_many(9, NULL, "hello", 1, 0);
	WAIT_UNTIL(daemon_count_log(daemon, " end service=bad ") == healthy[_i].count);
	ck_assert_uint_eq(daemon_count_log(daemon, " (failing|refuse|pause|recovered) "), 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

/* A monitor that looks whether anybody is there, once a second. */
START_TEST(checks_every_second)
{
	enum { CHECKS = 14 };

	become("exit 1");
	struct daemon *daemon = daemon_start(CONFIG);
	uint64_t begun = now_ms();

	for (unsigned i = 0; i < CHECKS; i++) {
		free(visit("127.7.7.5"));
		while (now_ms() - begun < (i + 1) * 1000)
			nap();
	}
	ck_assert_uint_eq(daemon_count_log(daemon, STARTS), CHECKS);
	ck_assert_uint_eq(daemon_count_log(daemon, " (failing|refuse|pause) "), 0);
	daemon_stop(daemon);
}
END_TEST

/* A client that resets makes the program fail, and must not make it look broken to others. */
START_TEST(resets_are_no_failures_of_others)
{
	become("exec cat");
	struct daemon *daemon = daemon_start(CONFIG);

	for (int i = 0; i < 100; i++) {
		int fd = tcp_connect_from("127.7.7.5", 0, "127.0.0.1", test_port(1));

		send_text(fd, "x");
		reset_close(fd);
		if (i % 10 == 0)
			ck_assert_str_eq(ask(1, "hello"), "hello");
	}
	for (int i = 0; i < 20; i++)
		ck_assert_str_eq(ask(1, "hello"), "hello");
	ck_assert_uint_eq(daemon_count_log(daemon, "(pause|failing) service=bad "), 0);
	daemon_oracle(daemon);
	daemon_stop(daemon);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("throttle");
	TCase *failing = harness_case(suite, "failing", 90);
	int rows = (int)(sizeof(failures) / sizeof(failures[0]));

	tcase_add_loop_test(failing, one_source, 0, rows);
	tcase_add_loop_test(failing, many_sources, 0, rows);
	tcase_add_test(failing, missing_program);

	TCase *well = harness_case(suite, "well", 60);

	tcase_add_loop_test(well, never_slowed, 0, (int)(sizeof(healthy) / sizeof(healthy[0])));
	tcase_add_test(well, checks_every_second);
	tcase_add_test(well, resets_are_no_failures_of_others);
	return suite;
}

int main(void)
{
	return harness_main(make_suite, NULL);
}
