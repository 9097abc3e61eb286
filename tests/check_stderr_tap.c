/* check_stderr_tap.c - bytes from a pipe to lines: cut anywhere, too long, too
 * many, at the end. */
#include "stderr-tap.h"

#include "core_help.h"

#include <sys/ioctl.h>

static struct loop *loop;
static struct stderr_tap_shared shared;
static struct stderr_tap tap;
static char *buffer;
static int writer;

/* What was told, lines between [ ]. */
static char told[400000];
static size_t told_length;
static unsigned lines, closed;
static uint64_t left_out;

static void take_line(struct stderr_tap *from, const char *bytes, size_t length)
{
	ck_assert_ptr_eq(from, &tap);
	lines++;
	if (told_length + length + 3 > sizeof(told))
		return;
	told[told_length++] = '[';
	memcpy(told + told_length, bytes, length);
	told_length += length;
	told[told_length++] = ']';
	told[told_length] = '\0';
}

static void take_left_out(struct stderr_tap *from, uint64_t count)
{
	ck_assert_ptr_eq(from, &tap);
	ck_assert_uint_gt(count, 0);
	left_out += count;
}

static void take_closed(struct stderr_tap *from)
{
	ck_assert(!stderr_tap_is_open(from));
	closed++;
}

static void set_up(void)
{
	int ends[2];

	ck_assert_int_eq(loop_new(&loop), 0);
	buffer = malloc(STDERR_TAP_BUFFER);
	shared = (struct stderr_tap_shared){ loop, buffer, take_line, take_left_out, take_closed };
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	writer = ends[1];
	ck_assert_int_eq(stderr_tap_open(&tap, &shared, ends[0]), 0);
}

static void tear_down(void)
{
	stderr_tap_close(&tap);
	loop_free(loop);
	free(buffer);
	cleanup_fd(&writer);
}

static void say_bytes(const char *bytes, size_t length)
{
	ck_assert_int_eq(write(writer, bytes, length), (ssize_t)length);
}

static bool is_empty(void *context)
{
	int waiting = -1;

	(void)context;
	return !stderr_tap_is_open(&tap) || (ioctl(tap.source.fd, FIONREAD, &waiting) == 0 && waiting == 0);
}

static void say(const char *text)
{
	say_bytes(text, strlen(text));
	run_until(loop, NULL, is_empty, NULL);
}

static void end_of_file(void)
{
	close(writer);
	writer = -1;
}

static bool is_closed(void *context)
{
	(void)context;
	return closed > 0;
}

static const struct {
	const char *said[6]; /* one write and read each */
	const char *told;
} cuts[] = {
	{ { "one\n" }, "[one]" },
	{ { "one\ntwo\n\nfour\n" }, "[one][two][][four]" },
	{ { "o", "n", "e\ntw", "o\n" }, "[one][two]" },
	{ { "one", "\n", "\n" }, "[one][]" },
	{ { "one\r\ntwo\r\n\r\n" }, "[one][two][]" },
	{ { "one\r", "\ntwo\r", "\n" }, "[one][two]" },
	{ { "a\rb\n" }, "[a\rb]" },
	{ { "no end" }, "[no end]" },
	{ { "one\nno ", "end" }, "[one][no end]" },
	{ { "\n" }, "[]" },
	{ { NULL }, "" },
};

START_TEST(cut)
{
	for (size_t i = 0; cuts[_i].said[i] != NULL; i++)
		say(cuts[_i].said[i]);
	end_of_file();
	run_until(loop, NULL, is_closed, NULL);
	ck_assert_str_eq(told, cuts[_i].told);
	ck_assert_uint_eq(left_out, 0);
	ck_assert_uint_eq(closed, 1);
}
END_TEST

/* NUL and bytes above 127 are passed on as they are. */
START_TEST(any_byte)
{
	say_bytes("a\0b\xff\n", 5);
	end_of_file();
	run_until(loop, NULL, is_closed, NULL);
	ck_assert_uint_eq(told_length, 6);
	ck_assert_mem_eq(told, "[a\0b\xff]", 6);
}
END_TEST

static void fill_with(char *text, size_t length, char byte)
{
	memset(text, byte, length);
	text[length] = '\0';
}

/* A line without an end comes in pieces of 4 KiB. */
START_TEST(pieces)
{
	static char text[STDERR_TAP_LINE * 2 + 101];

	fill_with(text, sizeof(text) - 1, 'x');
	say(text);
	ck_assert_uint_eq(lines, 2);
	ck_assert_uint_eq(told_length, 2 * (STDERR_TAP_LINE + 2));
	say("yz\n");
	ck_assert_uint_eq(lines, 3);
	ck_assert_str_eq(told + told_length - 5, "xxyz]");
	ck_assert_uint_eq(told_length, 2 * STDERR_TAP_LINE + 102 + 6);
}
END_TEST

START_TEST(long_line_in_one_read)
{
	static char text[STDERR_TAP_LINE * 2 + 101];

	fill_with(text, sizeof(text) - 1, 'x');
	text[sizeof(text) - 2] = '\n';
	say(text);
	ck_assert_uint_eq(lines, 3);
	ck_assert_uint_eq(told_length, sizeof(text) - 2 + 6);
}
END_TEST

START_TEST(exactly_one_piece)
{
	static char text[STDERR_TAP_LINE + 1];

	fill_with(text, STDERR_TAP_LINE, 'x');
	say(text);
	say("\n");
	ck_assert_uint_eq(lines, 1);
}
END_TEST

/* A flood: as many lines as a second may have, the rest counted to the last. */
START_TEST(flood)
{
	unsigned said = 0;

	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < 500; k++)
			say_bytes("line\n", 5);
		said += 500;
		run_until(loop, NULL, is_empty, NULL);
	}
	ck_assert_uint_ge(lines, STDERR_TAP_LINES);
	end_of_file();
	run_until(loop, NULL, is_closed, NULL);
	ck_assert_uint_eq(lines + left_out, said);
	ck_assert_uint_gt(left_out, 0);
}
END_TEST

static bool left_out_told(void *context)
{
	(void)context;
	return left_out > 0;
}

/* In the next second lines are passed on again, after what was left out. */
START_TEST(after_flood)
{
	for (int k = 0; k < 500; k++)
		say_bytes("line\n", 5);
	run_until(loop, NULL, is_empty, NULL);

	unsigned passed = lines;

	ck_assert_uint_eq(passed, STDERR_TAP_LINES);
	run_until(loop, NULL, left_out_told, NULL); /* by itself, when the second is over */
	ck_assert_uint_eq(left_out, 500 - passed);
	say("after\n");
	ck_assert_uint_eq(lines, passed + 1);
	ck_assert_str_eq(told + told_length - 7, "[after]");
}
END_TEST

/* The pipe is left alone after a full buffer, and read on by itself. */
START_TEST(full_buffers)
{
	static char text[STDERR_TAP_BUFFER];

	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(fcntl(writer, F_SETPIPE_SZ, 4 * STDERR_TAP_BUFFER), 4 * STDERR_TAP_BUFFER);
	for (int i = 0; i < 3; i++)
		say_bytes(text, sizeof(text));
	run_until(loop, NULL, is_empty, NULL);
	end_of_file();
	run_until(loop, NULL, is_closed, NULL);
	ck_assert_uint_eq(lines, 3 * STDERR_TAP_BUFFER / STDERR_TAP_LINE);
}
END_TEST

static bool flood_more(void *context)
{
	static char text[8192];

	memset(text, '\n', sizeof(text));
	*(size_t *)context += (size_t)write(writer, text, sizeof(text));
	return false;
}

/* However it writes, of a pipe no more than one buffer is read in 10 ms. */
START_TEST(slowed_down)
{
	size_t written = 0;

	ck_assert_int_eq(fcntl(writer, F_SETFL, O_NONBLOCK), 0);
	run_for(loop, NULL, 200 * NS_PER_MS, flood_more, &written);
	ck_assert_uint_le(lines + tap.left_out + left_out, (size_t)STDERR_TAP_BUFFER * 22);
}
END_TEST

/* The service has ended, but somebody else has the pipe still. */
START_TEST(drain_with_writer)
{
	say_bytes("before\npart", 11);
	stderr_tap_drain(&tap);
	ck_assert_str_eq(told, "[before]");
	ck_assert(stderr_tap_is_open(&tap));
	say("ial\n");
	ck_assert_str_eq(told, "[before][partial]");
	end_of_file();
	run_until(loop, NULL, is_closed, NULL);
	stderr_tap_drain(&tap); /* closed: nothing happens */
	ck_assert_uint_eq(closed, 1);
}
END_TEST

START_TEST(drain_at_end)
{
	end_of_file();
	stderr_tap_drain(&tap);
	ck_assert(!stderr_tap_is_open(&tap));
	ck_assert(!run_for(loop, NULL, 10 * NS_PER_MS, never, NULL));
	ck_assert_uint_eq(closed, 0);
}
END_TEST

/* A drain reads a bounded amount, whatever is in the pipe. */
START_TEST(drain_is_bounded)
{
	static char text[8 * STDERR_TAP_BUFFER];

	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(fcntl(writer, F_SETPIPE_SZ, sizeof(text)), sizeof(text));
	say_bytes(text, sizeof(text));
	stderr_tap_drain(&tap);
	ck_assert_uint_le(lines, 4 * STDERR_TAP_BUFFER / STDERR_TAP_LINE);
	ck_assert(stderr_tap_is_open(&tap));
}
END_TEST

START_TEST(close_passes_the_rest_on)
{
	size_t before = count_descriptors();

	say("part");
	ck_assert_uint_eq(lines, 0);
	stderr_tap_close(&tap);
	stderr_tap_close(&tap);
	ck_assert_str_eq(told, "[part]");
	ck_assert_uint_eq(closed, 0);
	ck_assert_uint_eq(count_descriptors(), before - 1);
}
END_TEST

/* A session without a pipe has a tap that was never opened. */
START_TEST(never_opened)
{
	struct stderr_tap none = { .shared = NULL };

	ck_assert(!stderr_tap_is_open(&none));
	stderr_tap_drain(&none);
	stderr_tap_close(&none);
}
END_TEST

/* What cannot be watched stays the caller's: one who goes back to the program before it needs it open. */
START_TEST(failure_takes_nothing)
{
	struct stderr_tap other = { 0 };
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(stderr_tap_open(&other, &shared, file), -EPERM); /* epoll_ctl(2): no waiting for this */
	ck_assert(!stderr_tap_is_open(&other));
	stderr_tap_close(&other);
	ck_assert_int_ne(fcntl(file, F_GETFD), -1);
	close(file);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("stderr_tap");
	TCase *tests = tcase_create("stderr_tap");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(tests, cut, 0, ELEMENTS(cuts));
	tcase_add_test(tests, any_byte);
	tcase_add_test(tests, pieces);
	tcase_add_test(tests, flood);
	tcase_add_test(tests, after_flood);
	tcase_add_test(tests, full_buffers);
	tcase_add_test(tests, drain_with_writer);
	tcase_add_test(tests, drain_at_end);
	tcase_add_test(tests, drain_is_bounded);
	tcase_add_test(tests, close_passes_the_rest_on);
	tcase_add_test(tests, never_opened);
	tcase_add_test(tests, failure_takes_nothing);
	tcase_add_test(tests, long_line_in_one_read);
	tcase_add_test(tests, exactly_one_piece);
	tcase_add_test(tests, slowed_down);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
