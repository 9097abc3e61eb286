/* check_loop.c - timers, sources that vanish under the loop's hands, the
 * admission set, signals. */
#include "core_help.h"

#include <malloc.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

static struct loop *loop;

static void set_up(void)
{
	ck_assert_int_eq(loop_new(&loop), 0);
}

static void tear_down(void)
{
	loop_free(loop);
}

/* ---- timers ---- */

#define TIMERS 10000

static struct alarm {
	struct loop_timer timer;
	unsigned fired;
	unsigned round; /* in which it fired last */
} alarms[TIMERS];
static unsigned fired, rounds;
static uint64_t last_ns;

static void alarm_expired(struct loop_timer *timer)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);

	ck_assert_uint_eq(timer->place, 0);
	ck_assert_uint_le(timer->at_ns, loop_now_ns(loop));
	ck_assert_uint_le(last_ns, timer->at_ns);
	last_ns = timer->at_ns;
	alarm->fired++;
	alarm->round = rounds;
	fired++;
}

/* Keeps rounds coming. */
static void nothing(struct loop_timer *timer)
{
	(void)timer;
}
static struct loop_timer waker = { .expired = nothing };

static void count_round(void *context)
{
	rounds++;
	if (*(unsigned *)context == rounds)
		loop_stop(loop);
	else
		loop_arm(loop, &waker, 0);
}

static void run_rounds(unsigned count)
{
	unsigned until = rounds + count;

	loop_arm(loop, &waker, 0);
	ck_assert_int_eq(loop_run(loop, count_round, &until), 0);
}

static void arm(struct alarm *alarm, uint64_t at_ns)
{
	alarm->timer.expired = alarm_expired;
	ck_assert_int_eq(loop_arm(loop, &alarm->timer, at_ns), 0);
}

static uint64_t scatter(uint64_t i)
{
	return (i * UINT64_C(6364136223846793005) >> 40) % 5000 + 1; /* with many equal ones */
}

static bool all_fired(void *context)
{
	return fired == *(unsigned *)context;
}

/* Ten thousand in no order, of which some are moved and some taken back. */
/* With room made for them, timers take no memory. */
START_TEST(reserved_timers)
{
	ck_assert_int_eq(loop_reserve(loop, TIMERS), 0);

	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;

	for (size_t i = 0; i < TIMERS; i++)
		arm(&alarms[i], UINT64_MAX - i);
	ck_assert_uint_eq(mallinfo2().uordblks + mallinfo2().hblkhd, before);
	ck_assert_int_eq(loop_reserve(loop, 10), 0); /* never less */
	for (size_t i = 0; i < TIMERS; i++)
		loop_disarm(loop, &alarms[i].timer);
}
END_TEST

START_TEST(many_timers)
{
	unsigned expected = 0;

	for (uint64_t i = 0; i < TIMERS; i++)
		arm(&alarms[i], scatter(i));
	for (uint64_t i = 0; i < TIMERS; i++) {
		if (i % 3 == 1)
			arm(&alarms[i], scatter(i + TIMERS));
		if (i % 3 == 2)
			loop_disarm(loop, &alarms[i].timer);
		if (i % 6 == 5)
			arm(&alarms[i], scatter(i * 7));
		expected += i % 3 != 2 || i % 6 == 5;
	}
	run_until(loop, NULL, all_fired, &expected);
	for (uint64_t i = 0; i < TIMERS; i++)
		ck_assert_uint_eq(alarms[i].fired, i % 3 != 2 || i % 6 == 5);
}
END_TEST

START_TEST(never_early)
{
	uint64_t at_ns = clock_now_ns() + 20 * NS_PER_MS + 1;
	unsigned expected = 1;

	arm(&alarms[0], at_ns);
	run_until(loop, NULL, all_fired, &expected);
	ck_assert_uint_ge(clock_now_ns(), at_ns);
}
END_TEST

START_TEST(far_future)
{
	unsigned expected = 1;

	arm(&alarms[0], UINT64_MAX);
	arm(&alarms[1], 1);
	run_until(loop, NULL, all_fired, &expected);
	ck_assert_uint_eq(alarms[1].fired, 1);
	loop_disarm(loop, &alarms[0].timer);
	loop_disarm(loop, &alarms[0].timer);
}
END_TEST

static void disarm_others(struct loop_timer *timer)
{
	fired++;
	for (size_t i = 0; i < 100; i++)
		if (&alarms[i].timer != timer)
			loop_disarm(loop, &alarms[i].timer);
}

START_TEST(disarmed_by_another)
{
	for (size_t i = 0; i < 100; i++) {
		arm(&alarms[i], 5);
		alarms[i].timer.expired = disarm_others;
	}
	run_rounds(2);
	ck_assert_uint_eq(fired, 1);
}
END_TEST

static void free_timer(struct loop_timer *timer)
{
	fired++;
	free(container_of(timer, struct alarm, timer));
}

/* The owner of a timer may go in its callback. */
START_TEST(freed_in_callback)
{
	for (size_t i = 0; i < 10; i++) {
		struct alarm *alarm = calloc(1, sizeof(*alarm));

		arm(alarm, i);
		alarm->timer.expired = free_timer;
	}
	run_rounds(2);
	ck_assert_uint_eq(fired, 10);
}
END_TEST

static void move_later(struct loop_timer *timer)
{
	fired++;
	if (fired < 3)
		loop_arm(loop, timer, loop_now_ns(loop) + NS_PER_MS);
}

START_TEST(armed_anew_in_callback)
{
	unsigned expected = 3;

	arm(&alarms[0], 1);
	alarms[0].timer.expired = move_later;
	run_until(loop, NULL, all_fired, &expected);
	ck_assert_uint_eq(alarms[0].timer.place, 0);
}
END_TEST

static void rearm_in_the_past(struct loop_timer *timer)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);

	alarm->fired++;
	alarm->round = rounds;
	if (alarm->fired < 5)
		loop_arm(loop, timer, 1);
}

START_TEST(past_is_next_round)
{
	arm(&alarms[0], 1);
	alarms[0].timer.expired = rearm_in_the_past;
	run_rounds(5);
	ck_assert_uint_eq(alarms[0].fired, 5);
	ck_assert_uint_eq(alarms[0].round, 4);
}
END_TEST

/* ---- sources ---- */

#define SOURCES 60

struct tube {
	struct loop_source source;
	int ends[2];
};
static struct tube *tubes[SOURCES];
static unsigned delivered;

static void tube_free(struct tube *tube)
{
	loop_remove(loop, &tube->source);
	close(tube->ends[0]);
	close(tube->ends[1]);
	memset(tube, 0x5a, sizeof(*tube));
	free(tube);
}

/* A pipe with something in it. */
static struct tube *tube_new(enum loop_set set, loop_ready *ready)
{
	struct tube *tube = calloc(1, sizeof(*tube));

	ck_assert_int_eq(pipe2(tube->ends, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(write(tube->ends[1], "x", 1), 1);
	tube->source = (struct loop_source){ .fd = tube->ends[0], .ready = ready, .set = set };
	ck_assert_int_eq(loop_add(loop, &tube->source, EPOLLIN), 0);
	return tube;
}

static void free_all(struct loop_source *source, uint32_t events)
{
	(void)source;
	(void)events;
	delivered++;
	for (size_t i = 0; i < SOURCES; i++) {
		if (tubes[i] != NULL)
			tube_free(tubes[i]);
		tubes[i] = NULL;
	}
}

/* The first callback frees every source of the round, its own as well, of one
 * set (_i 0, 1) or of both (2). */
START_TEST(freed_by_another)
{
	for (size_t i = 0; i < SOURCES; i++)
		tubes[i] = tube_new(_i == 2 ? (enum loop_set)(i % 2) : (enum loop_set)_i, free_all);
	loop_admit(loop, true);
	run_rounds(3);
	ck_assert_uint_eq(delivered, 1);
}
END_TEST

static void read_one(struct loop_source *source, uint32_t events)
{
	char byte;

	ck_assert_uint_ne(events & EPOLLIN, 0);
	ck_assert_int_eq(read(source->fd, &byte, 1), 1);
	delivered++;
}

/* A new source in the place of one that went, in the same round: it gets no
 * event that was not its own. */
static void replace_second(struct loop_source *source, uint32_t events)
{
	struct tube *self = container_of(source, struct tube, source), *other = tubes[self == tubes[0]];

	read_one(source, events);
	if (delivered > 1)
		return;
	loop_remove(loop, &other->source);
	ck_assert_int_eq(read(other->ends[0], &(char){ 0 }, 1), 1);
	ck_assert_int_eq(loop_add(loop, &other->source, EPOLLIN), 0);
}

START_TEST(replaced_in_round)
{
	tubes[0] = tube_new(LOOP_WORK, replace_second);
	tubes[1] = tube_new(LOOP_WORK, replace_second);
	run_rounds(1);
	ck_assert_uint_eq(delivered, 1);
	tube_free(tubes[0]);
	tube_free(tubes[1]);
}
END_TEST

static bool have_delivered(void *context)
{
	return delivered == *(unsigned *)context;
}

/* More than one epoll_wait(2) returns: all get their turn. */
START_TEST(many_sources)
{
	static struct tube *many[300];
	unsigned expected = ELEMENTS(many);

	loop_admit(loop, true);
	for (size_t i = 0; i < ELEMENTS(many); i++)
		many[i] = tube_new((enum loop_set)(i % 2), read_one);
	run_until(loop, NULL, have_delivered, &expected);
	for (size_t i = 0; i < ELEMENTS(many); i++)
		tube_free(many[i]);
}
END_TEST

START_TEST(idempotent)
{
	struct tube *tube = tube_new(LOOP_WORK, read_one);

	ck_assert_int_eq(loop_add(loop, &tube->source, EPOLLIN), 0);
	loop_remove(loop, &tube->source);
	loop_remove(loop, &tube->source);
	ck_assert(!tube->source.on);
	ck_assert(!run_for(loop, NULL, 10 * NS_PER_MS, never, NULL));
	ck_assert_uint_eq(delivered, 0);
	tube_free(tube);
}
END_TEST

START_TEST(closed_before_remove)
{
	struct tube *tube = tube_new(LOOP_WORK, read_one);

	close(tube->ends[0]);
	loop_remove(loop, &tube->source);
}
END_TEST

START_TEST(add_fails)
{
	struct loop_source source = { .fd = -1, .ready = read_one, .set = LOOP_WORK };

	ck_assert_int_eq(loop_add(loop, &source, EPOLLIN), -EBADF);
	ck_assert(!source.on);
}
END_TEST

START_TEST(admission)
{
	static const bool changes[] = { false, true, true, false, false, true };
	unsigned expected = 0;
	struct tube *tube = tube_new(LOOP_ADMISSION, read_one);

	for (size_t i = 0; i < ELEMENTS(changes); i++) {
		loop_admit(loop, changes[i]);
		if (changes[i]) {
			expected++;
			run_until(loop, NULL, have_delivered, &expected);
			ck_assert_int_eq(write(tube->ends[1], "x", 1), 1);
		} else {
			ck_assert(!run_for(loop, NULL, 10 * NS_PER_MS, never, NULL));
			ck_assert_uint_eq(delivered, expected);
		}
	}
	tube_free(tube);
}
END_TEST

static void read_and_close_gate(struct loop_source *source, uint32_t events)
{
	read_one(source, events);
	loop_admit(loop, false);
}

/* What work callbacks decide holds for the clients of the same round. */
START_TEST(work_comes_first)
{
	struct tube *client = tube_new(LOOP_ADMISSION, read_one);
	struct tube *work = tube_new(LOOP_WORK, read_and_close_gate);

	loop_admit(loop, true);
	run_rounds(3);
	ck_assert_uint_eq(delivered, 1);
	tube_free(client);
	tube_free(work);
}
END_TEST

/* ---- signals ---- */

static int caught[16];
static unsigned caught_count;

static void catch_signal(void *context, const struct signalfd_siginfo *info)
{
	ck_assert_ptr_eq(context, &caught);
	ck_assert_uint_lt(caught_count, ELEMENTS(caught));
	caught[caught_count++] = (int)info->ssi_signo;
}

static bool have_caught(void *context)
{
	return caught_count == *(unsigned *)context;
}

START_TEST(signals)
{
	/* 32 and 33 are those that the C library keeps to itself. */
	static const int sent[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGUSR1, SIGXFSZ,
				    SIGCONT, 32, 33, 64 };
	unsigned expected = ELEMENTS(sent);

	ck_assert_int_eq(loop_watch_signals(loop, catch_signal, &caught), 0);
	for (size_t i = 0; i < ELEMENTS(sent); i++)
		ck_assert_int_eq(syscall(SYS_tgkill, getpid(), getpid(), sent[i]), 0);
	raise(SIGCHLD);
	run_until(loop, NULL, have_caught, &expected);
	ck_assert(!run_for(loop, NULL, 10 * NS_PER_MS, never, NULL));
	ck_assert_uint_eq(caught_count, ELEMENTS(sent));
	for (size_t i = 0; i < ELEMENTS(sent); i++) {
		bool found = false;

		for (size_t k = 0; k < caught_count; k++)
			found = found || caught[k] == sent[i];
		ck_assert_msg(found, "signal %d", sent[i]);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("loop");
	TCase *tests = tcase_create("loop");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, many_timers);
	tcase_add_test(tests, reserved_timers);
	tcase_add_test(tests, never_early);
	tcase_add_test(tests, far_future);
	tcase_add_test(tests, disarmed_by_another);
	tcase_add_test(tests, freed_in_callback);
	tcase_add_test(tests, armed_anew_in_callback);
	tcase_add_test(tests, past_is_next_round);
	tcase_add_loop_test(tests, freed_by_another, 0, 3);
	tcase_add_test(tests, replaced_in_round);
	tcase_add_test(tests, many_sources);
	tcase_add_test(tests, idempotent);
	tcase_add_test_raise_signal(tests, closed_before_remove, SIGABRT);
	tcase_add_test(tests, add_fails);
	tcase_add_test(tests, admission);
	tcase_add_test(tests, work_comes_first);
	tcase_add_test(tests, signals);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
