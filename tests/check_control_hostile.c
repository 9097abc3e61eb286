/* check_control_hostile.c - the control socket among enemies: those who say too much, too little or
 * nothing, who do not read, who follow without taking; and a thousand of them. */
#include "control_help.h"

#include <malloc.h>

static const struct control_timeouts quick = { .request_ns = 50 * NS_PER_MS, .reply_ns = 300 * NS_PER_MS };

/* Long enough for a busy machine not to be taken for a slow client. */
static const struct control_timeouts slow = { .request_ns = 60 * NS_PER_S, .reply_ns = 60 * NS_PER_S };

static void set_up_quick(void)
{
	set_up_folder();
	options.timeouts = &quick;
	open_control();
}

static void set_up_slow(void)
{
	set_up_folder();
	options.timeouts = &slow;
	open_control();
}

/* ---- time ---- */

START_TEST(test_says_nothing)
{
	int fd = connect_control();

	wait_count(1);
	expect_closed(fd);
	ck_assert_uint_eq(control_client_count(control), 0);
}
END_TEST

START_TEST(test_half_a_line)
{
	int fd = connect_control();

	say(fd, "stat");
	expect_closed(fd);
	ck_assert_uint_eq(handler.asked, 0);
}
END_TEST

/* Nobody answered; the client is not left waiting for ever. */
START_TEST(test_no_answer)
{
	int fd = connect_control();

	say(fd, "metrics\n");
	expect_closed(fd);
	ck_assert_uint_eq(handler.asked, 1);
}
END_TEST

START_TEST(test_held_has_time)
{
	int fd = connect_control();

	say(fd, "bans\n");
	wait_asked(1);
	run_for(loop, NULL, 4 * quick.request_ns, never, NULL);
	ck_assert_ptr_nonnull(control_client_find(control, handler.held));
	close(fd);
	wait_count(0);
}
END_TEST

START_TEST(test_does_not_read)
{
	int fd = connect_control();

	handler.items = 100000;
	handler.item_size = 100;
	say(fd, "services\n");
	wait_count(1);
	wait_count(0);
	close(fd);
}
END_TEST

struct sipping {
	int fd;
	uint64_t began_ns;
};

/* A byte now and then. */
static bool sip(void *context)
{
	struct sipping *sipping = context;
	char bytes[4096];

	(void)!recv(sipping->fd, bytes, sizeof(bytes), 0);
	return handler.asked > 0 && control_client_count(control) == 0;
}

/* One who takes something all the time, but has not taken all in time. */
START_TEST(test_reads_slowly)
{
	struct sipping sipping = { .fd = connect_control() };

	handler.items = 10000000;
	handler.item_size = 100;
	say(sipping.fd, "services\n");
	run_until(loop, NULL, sip, &sipping);
	ck_assert_uint_lt(handler.more_calls, 60000);
	close(sipping.fd);
}
END_TEST

/* ---- bytes ---- */

static bool cannot_send(void *context)
{
	static char bytes[65536];
	int *fd = context;

	return send(*fd, bytes, sizeof(bytes), MSG_NOSIGNAL) < 0 && errno != EAGAIN;
}

/* Told, and closed before the rest was even looked at. */
START_TEST(test_line_without_end)
{
	char bytes[65536];
	int fd = connect_control();

	memset(bytes, 'x', sizeof(bytes));
	say_bytes(fd, bytes, sizeof(bytes));
	run_until(loop, NULL, cannot_send, &fd);
	expect(fd, "{\"ok\":false,\"code\":\"usage\",\"error\":\"the request is too long; a line has at most "
		   "4096 "
		   "bytes\"}");
	expect_closed(fd);
	ck_assert_uint_eq(handler.asked, 0);
}
END_TEST

START_TEST(test_longest_line)
{
	char bytes[CONTROL_LINE_MAX + 1];
	int fd = connect_control();

	memset(bytes, ' ', sizeof(bytes));
	memcpy(bytes, "status", 6);
	bytes[CONTROL_LINE_MAX - 1] = '\n';
	say_bytes(fd, bytes, CONTROL_LINE_MAX);
	expect(fd, SERVING);
	bytes[CONTROL_LINE_MAX - 1] = ' ';
	bytes[CONTROL_LINE_MAX] = '\n';
	say_bytes(fd, bytes, CONTROL_LINE_MAX + 1);
	expect_code(fd, "usage");
	expect_closed(fd);
}
END_TEST

START_TEST(test_garbage)
{
	static const char zeros[] = "\0\0\0\0\n\0status\n";
	int fd = connect_control();

	say_bytes(fd, zeros, sizeof(zeros) - 1);
	expect_code(fd, "usage");
	expect_code(fd, "usage");
	say(fd, "\xff\xfe\n\n\r\n");
	expect_code(fd, "usage");
	expect_code(fd, "usage");
	expect_code(fd, "usage");
	say(fd, "status\n");
	expect(fd, SERVING);
	ck_assert_uint_eq(handler.asked, 1);
	close(fd);
}
END_TEST

/* ---- places ---- */

START_TEST(test_places)
{
	int fds[CONTROL_CLIENTS], late;

	for (size_t i = 0; i < ELEMENTS(fds); i++)
		fds[i] = connect_control();
	wait_count(CONTROL_CLIENTS);
	late = connect_control();
	say(late, "status\n");
	run_rounds(20);
	ck_assert_uint_eq(handler.asked, 0);
	ck_assert_uint_eq(control_client_count(control), CONTROL_CLIENTS);
	say(fds[3], "show x\n");
	expect_code(fds[3], "unknown");
	close(fds[5]);
	expect(late, SERVING);
	for (size_t i = 0; i < ELEMENTS(fds); i++)
		if (i != 5)
			close(fds[i]);
	close(late);
	wait_count(0);
}
END_TEST

START_TEST(test_readers)
{
	int fds[CONTROL_READERS], late, root;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(control_regroup(control, GROUP, (char[LISTEN_REASON_MAX]){ 0 }), 0);
	for (size_t i = 0; i < ELEMENTS(fds); i++)
		fds[i] = connect_as(NOBODY, GROUP, (gid_t)-1);
	wait_count(CONTROL_READERS);
	late = connect_as(NOBODY, GROUP, (gid_t)-1);
	expect_code(late, "busy");
	expect_closed(late);
	root = connect_control();
	say(root, "status\n");
	expect(root, SERVING);
	close(fds[0]);
	wait_count(CONTROL_READERS);
	late = connect_as(NOBODY, GROUP, (gid_t)-1);
	say(late, "status\n");
	expect(late, SERVING);
	for (size_t i = 1; i < ELEMENTS(fds); i++)
		close(fds[i]);
	close(late);
	close(root);
	wait_count(0);
}
END_TEST

/* ---- followers ---- */

#define FOLLOWING "{\"ok\":true,\"following\":true}"

static int follow(const char *request)
{
	int fd = connect_control();

	say(fd, request);
	expect(fd, FOLLOWING);
	return fd;
}

static const char *wanted;
static size_t told;

static void tell(void *context, struct control_client *client, const void *filter)
{
	const char *line = context;

	if (wanted == NULL || strcmp(filter, wanted) == 0)
		control_tell(client, line, strlen(line));
	told++;
}

static void tell_all(const char *line)
{
	_cleanup_free_ char *copy = strdup(line);

	control_each_follower(control, tell, copy);
}

START_TEST(test_follow)
{
	int all, git;

	ck_assert(!control_has_followers(control));
	all = follow("tail\n");
	git = follow("tail --service=git\n");
	ck_assert(control_has_followers(control));
	tell_all("one");
	wanted = "git";
	tell_all("two");
	wanted = NULL;
	tell_all("three");
	ck_assert_uint_eq(told, 6);
	expect(all, "one");
	expect(all, "three");
	expect(git, "one");
	expect(git, "two");
	expect(git, "three");

	/* what a follower says is nothing to us, and that it says no more neither */
	say(all, "stop\nreload\nstop\n");
	shutdown(git, SHUT_WR);
	run_rounds(10);
	ck_assert_uint_eq(handler.asked, 2);
	tell_all("four");
	expect(all, "four");
	expect(git, "four");

	close(all);
	wait_count(1);
	ck_assert(control_has_followers(control));
	close(git);
	wait_count(0);
	ck_assert(!control_has_followers(control));
}
END_TEST

START_TEST(test_too_many_follow)
{
	int fds[4], late;

	for (size_t i = 0; i < ELEMENTS(fds); i++)
		fds[i] = follow("tail\n");
	late = connect_control();
	say(late, "tail\n");
	expect_code(late, "busy");
	say(late, "status\n");
	expect(late, SERVING);
	close(fds[2]);
	wait_count(4);
	say(late, "tail\n");
	expect(late, FOLLOWING);
	for (size_t i = 0; i < ELEMENTS(fds); i++)
		if (i != 2)
			close(fds[i]);
	close(late);
	wait_count(0);
}
END_TEST

/* Lines are whole, in order, and those that are missing are counted where they are missing. */
START_TEST(test_dropped)
{
	enum { LINES = 20000 };
	char line[128];
	long next = 0, dropped = 0;
	int fd = follow("tail\n");

	for (int i = 0; i < LINES; i++) {
		snprintf(line, sizeof(line), "%06d %.100s", i,
			 "..................................................................................."
			 ".................");
		tell_all(line);
		if (i % 500 == 0)
			run_rounds(2);
	}
	tell_all("last");
	while (next < LINES) {
		_cleanup_free_ char *reply = read_reply(fd);
		long count = 0;

		ck_assert_ptr_nonnull(reply);
		if (sscanf(reply, "{\"event\":\"dropped\",\"count\":%ld}", &count) == 1) {
			dropped += count;
			next += count;
			continue;
		}
		if (strcmp(reply, "last") == 0)
			break;
		ck_assert_uint_eq(strlen(reply), 107);
		ck_assert_int_eq(atol(reply), next);
		next++;
	}
	ck_assert_int_gt(dropped, 0);
	ck_assert_int_lt(dropped, LINES);
	tell_all("more");
	for (;;) {
		_cleanup_free_ char *reply = read_reply(fd);

		if (strcmp(reply, "more") == 0)
			break;
		ck_assert_str_eq(reply, "last");
	}
	close(fd);
}
END_TEST

/* A follower with nothing to take stays; one that takes nothing goes. */
START_TEST(test_stalled_follower)
{
	char line[1000];
	int quiet = follow("tail --service=quiet\n"), stalled = follow("tail --service=stalled\n");

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	wanted = "stalled";
	for (int i = 0; i < 1000; i++) {
		tell_all(line);
		if (i % 50 == 0)
			run_rounds(1);
	}
	wait_count(1);
	close(stalled);
	wanted = NULL;
	tell_all("still");
	expect(quiet, "still");
	close(quiet);
}
END_TEST

/* ---- memory ---- */

static size_t memory(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static void be_hostile(int i, int fd)
{
	static char bytes[100000];

	switch (i % 8) {
	case 0:
		say(fd, "stat");
		break;
	case 1:
		memset(bytes, 'x', sizeof(bytes));
		(void)!send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL);
		break;
	case 2:
		say_bytes(fd, "\0\xff\n\0\n", 5);
		break;
	case 3:
		say(fd, "services\n"); /* and reads nothing */
		break;
	case 4:
		say(fd, "tail\n");
		break;
	case 5:
		say(fd, "status\nstatus\nstatus\nstatus\n");
		shutdown(fd, SHUT_WR);
		break;
	case 6:
		say(fd, "bans\n");
		break;
	case 7:
		break;
	}
}

struct siege {
	int fds[20];
	int next;
};

/* Some are always there; each goes when its turn to be replaced comes. */
static bool besiege(void *context)
{
	struct siege *siege = context;
	int fd = try_connect(), *place = &siege->fds[siege->next % (int)ELEMENTS(siege->fds)];

	if (control_has_followers(control))
		tell_all("an event for those who do not listen");
	if (fd < 0) { /* the queue is full: the oldest gives up */
		ck_assert_int_eq(fd, -EAGAIN);
	} else {
		be_hostile(siege->next, fd);
	}
	if (*place >= 0)
		close(*place);
	*place = fd >= 0 ? fd : -1;
	return ++siege->next == 1000;
}

static void lay_siege(void)
{
	struct siege siege = { .next = 0 };
	int fd;

	for (size_t i = 0; i < ELEMENTS(siege.fds); i++)
		siege.fds[i] = -1;
	run_until(loop, NULL, besiege, &siege);
	for (size_t i = 0; i < ELEMENTS(siege.fds); i++)
		cleanup_fd(&siege.fds[i]);
	wait_count(0);
	fd = connect_control();
	say(fd, "status\n");
	expect(fd, SERVING);
	close(fd);
	wait_count(0);
}

/* The first one fills the allocator's own store of small pieces, which it counts as used. */
START_TEST(test_thousand)
{
	size_t descriptors = count_descriptors(), before;

	handler.items = 10000;
	handler.item_size = 100;
	lay_siege();
	before = memory();
	lay_siege();
	ck_assert_uint_lt(memory(), before + 2048);
	ck_assert_uint_eq(count_descriptors(), descriptors);
	ck_assert_uint_gt(handler.asked, 200);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("control_hostile");
	TCase *time = tcase_create("time"), *bytes = tcase_create("bytes"), *places = tcase_create("places");

	tcase_add_checked_fixture(time, set_up_quick, tear_down);
	tcase_add_test(time, test_says_nothing);
	tcase_add_test(time, test_half_a_line);
	tcase_add_test(time, test_no_answer);
	tcase_add_test(time, test_held_has_time);
	tcase_add_test(time, test_does_not_read);
	tcase_add_test(time, test_reads_slowly);
	tcase_add_test(time, test_stalled_follower);
	tcase_set_timeout(time, 60);
	suite_add_tcase(suite, time);

	tcase_add_checked_fixture(bytes, set_up_slow, tear_down);
	tcase_add_test(bytes, test_line_without_end);
	tcase_add_test(bytes, test_longest_line);
	tcase_add_test(bytes, test_garbage);
	tcase_set_timeout(bytes, 60);
	suite_add_tcase(suite, bytes);

	tcase_add_checked_fixture(places, set_up_slow, tear_down);
	tcase_add_test(places, test_places);
	tcase_add_test(places, test_readers);
	tcase_add_test(places, test_follow);
	tcase_add_test(places, test_too_many_follow);
	tcase_add_test(places, test_dropped);
	tcase_add_test(places, test_thousand);
	tcase_set_timeout(places, 60);
	suite_add_tcase(suite, places);
	return suite;
}

RUN_SUITE(make_suite)
