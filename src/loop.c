/* loop.c - the event loop: two epoll sets, a heap of timers, one signalfd.
 *
 * Listeners live in a set of their own (LOOP_ADMISSION), whose epoll descriptor
 * is itself watched by the main set. Taking that one descriptor out of the main
 * set stops all accepting at once, whatever the number of listeners.
 *
 * A round: wait; work events; admission events; timers; round_end. Sessions that
 * ended are therefore accounted before new clients are looked at.
 *
 * Pointers in fetched events may go stale while the round runs, because a
 * callback may remove (and free) another source. loop_remove() therefore strikes
 * the source from what is still to be delivered of the round: at most
 * ROUND_EVENTS entries a set, whatever the number of sources. */
#include "loop.h"

#include "base.h"
#include "clock.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUND_EVENTS       64
#define HEAP_START         64
#define RETRY_MS           100
#define FAILURES_MOST      100
#define KERNEL_SIGSET_SIZE 8 /* bytes; see rt_sigprocmask in sigprocmask(2) */

/* What one epoll_wait(2) brought, and how far its delivery is. */
struct round {
	int epoll;
	struct epoll_event events[ROUND_EVENTS];
	int count, next;
	unsigned failures; /* of epoll_wait(2), in a row */
};

struct loop {
	struct round sets[2]; /* by enum loop_set */
	bool admit;           /* the admission set is watched by the work set */
	bool admit_wanted;
	bool running;
	uint64_t now_ns;

	struct loop_timer **heap; /* heap[1] fires first */
	size_t timer_count, timer_room;

	struct loop_source signals;
	loop_signal *signal_handler;
	void *signal_context;

	struct loop_statistics statistics;
	uint64_t recent_since_ns; /* statistics.recent_ns is of the time since then */
	uint64_t before_ns;       /* and this of the span before */
};

int loop_new(struct loop **ret_loop)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL)
		return -ENOMEM;
	loop->signals.fd = -1;
	loop->timer_room = HEAP_START;
	loop->heap = calloc(loop->timer_room, sizeof(struct loop_timer *));
	loop->sets[LOOP_WORK].epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->sets[LOOP_ADMISSION].epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->now_ns = clock_now_ns();

	if (loop->heap == NULL || loop->sets[LOOP_WORK].epoll < 0 || loop->sets[LOOP_ADMISSION].epoll < 0) {
		int error = loop->heap == NULL ? ENOMEM : errno;

		loop_free(loop);
		return -error;
	}
	*ret_loop = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	cleanup_fd(&loop->signals.fd);
	cleanup_fd(&loop->sets[LOOP_WORK].epoll);
	cleanup_fd(&loop->sets[LOOP_ADMISSION].epoll);
	free(loop->heap);
	free(loop);
}

/* ---- sources ---- */

int loop_add(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (source->on)
		return 0;
	if (epoll_ctl(loop->sets[source->set].epoll, EPOLL_CTL_ADD, source->fd, &event) != 0)
		return -errno;
	source->on = true;
	return 0;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	struct round *round = &loop->sets[source->set];

	if (!source->on)
		return;
	source->on = false;
	if (epoll_ctl(round->epoll, EPOLL_CTL_DEL, source->fd, NULL) != 0)
		BUG("a watched descriptor was closed before loop_remove()");
	for (int i = round->next; i < round->count; i++)
		if (round->events[i].data.ptr == source)
			round->events[i].data.ptr = NULL;
}

void loop_admit(struct loop *loop, bool on)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &loop->sets[LOOP_ADMISSION] };

	loop->admit_wanted = on;
	if (loop->admit == on)
		return;
	if (epoll_ctl(loop->sets[LOOP_WORK].epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
		      loop->sets[LOOP_ADMISSION].epoll, &event) != 0)
		return; /* no memory: stays as it is, and the next round tries again */
	loop->admit = on;
}

/* ---- timers: a binary heap whose members know their places ---- */

static void heap_put(struct loop *loop, size_t place, struct loop_timer *timer)
{
	loop->heap[place] = timer;
	timer->place = place;
}

static void heap_up(struct loop *loop, size_t place, struct loop_timer *timer)
{
	for (; place > 1 && loop->heap[place / 2]->at_ns > timer->at_ns; place /= 2)
		heap_put(loop, place, loop->heap[place / 2]);
	heap_put(loop, place, timer);
}

static void heap_down(struct loop *loop, size_t place, struct loop_timer *timer)
{
	for (size_t child; (child = place * 2) <= loop->timer_count; place = child) {
		if (child < loop->timer_count && loop->heap[child + 1]->at_ns < loop->heap[child]->at_ns)
			child++;
		if (loop->heap[child]->at_ns >= timer->at_ns)
			break;
		heap_put(loop, place, loop->heap[child]);
	}
	heap_put(loop, place, timer);
}

static int resize(struct loop *loop, size_t room)
{
	struct loop_timer **larger = reallocarray(loop->heap, room, sizeof(struct loop_timer *));

	if (larger == NULL)
		return -ENOMEM;
	loop->heap = larger;
	loop->timer_room = room;
	return 0;
}

int loop_reserve(struct loop *loop, size_t timers)
{
	return timers + 1 > loop->timer_room ? resize(loop, timers + 1) : 0;
}

int loop_arm(struct loop *loop, struct loop_timer *timer, uint64_t at_ns)
{
	loop_disarm(loop, timer);
	if (loop->timer_count + 1 >= loop->timer_room && resize(loop, loop->timer_room * 2) < 0)
		return -ENOMEM;
	timer->at_ns = at_ns > loop->now_ns ? at_ns : loop->now_ns + 1;
	heap_up(loop, ++loop->timer_count, timer);
	return 0;
}

void loop_disarm(struct loop *loop, struct loop_timer *timer)
{
	size_t place = timer->place;

	if (place == 0)
		return;
	timer->place = 0;

	struct loop_timer *last = loop->heap[loop->timer_count--];

	if (last == timer)
		return;
	if (place > 1 && loop->heap[place / 2]->at_ns > last->at_ns)
		heap_up(loop, place, last);
	else
		heap_down(loop, place, last);
}

static void run_timers(struct loop *loop)
{
	while (loop->timer_count > 0 && loop->heap[1]->at_ns <= loop->now_ns) {
		struct loop_timer *timer = loop->heap[1];

		loop_disarm(loop, timer);
		loop->statistics.events++;
		timer->expired(timer);
	}
}

/* How long epoll may wait, rounded up: a timer never fires early. */
static int wait_ms(const struct loop *loop)
{
	if (loop->admit != loop->admit_wanted)
		return RETRY_MS;
	if (loop->timer_count == 0)
		return -1;

	uint64_t at_ns = loop->heap[1]->at_ns, now_ns = clock_now_ns();

	if (at_ns <= now_ns)
		return 0;

	uint64_t ms = (at_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;

	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* ---- signals ---- */

static void signals_ready(struct loop_source *source, uint32_t events)
{
	struct loop *loop = container_of(source, struct loop, signals);
	struct signalfd_siginfo info;

	(void)events;
	while (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		loop->signal_handler(loop->signal_context, &info);
}

int loop_watch_signals(struct loop *loop, loop_signal *handler, void *context)
{
	sigset_t watched;

	/* By the system call, because the C library's functions leave out the two
	 * signals it uses itself (32 and 33); startup.c has them ignored. A stop
	 * from the terminal must still stop us, and go on after CONT. */
	memset(&watched, 0xff, sizeof(watched));
	sigdelset(&watched, SIGTSTP);
	if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &watched, NULL, KERNEL_SIGSET_SIZE) != 0)
		return -errno;

	/* The end of a child comes through its pidfd, not through SIGCHLD. */
	sigdelset(&watched, SIGCHLD);
	loop->signals.fd = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop->signals.fd < 0)
		return -errno;
	loop->signals.ready = signals_ready;
	loop->signals.set = LOOP_WORK;
	loop->signal_handler = handler;
	loop->signal_context = context;
	return loop_add(loop, &loop->signals, EPOLLIN);
}

/* ---- running ---- */

uint64_t loop_now_ns(const struct loop *loop)
{
	return loop->now_ns;
}

static int fetch(struct round *round, int timeout_ms)
{
	round->next = 0;
	round->count = epoll_wait(round->epoll, round->events, ROUND_EVENTS, timeout_ms);
	if (round->count >= 0) {
		round->failures = 0;
		return 0;
	}
	round->count = 0;
	/* Nothing that is known; but a daemon does not end for one odd answer. */
	return errno == EINTR || ++round->failures < FAILURES_MOST ? 0 : -errno;
}

/* Delivers what was fetched; tells whether the other set has something. When accepting stops
 * in the middle of the admission set, the rest comes first when it goes on: the kernel would name the same
 * listeners in the same order again, and the last ones never had a turn. */
static bool deliver(struct loop *loop, struct round *round)
{
	bool admission = false;

	while (round->next < round->count) {
		if (round == &loop->sets[LOOP_ADMISSION] && !loop->admit_wanted)
			break;

		struct epoll_event event = round->events[round->next++];
		struct loop_source *source = event.data.ptr;

		if (event.data.ptr == &loop->sets[LOOP_ADMISSION]) {
			admission = true;
		} else if (source != NULL) {
			loop->statistics.events++;
			source->ready(source, event.events);
		}
	}
	return admission;
}

static void account(struct loop *loop)
{
	struct loop_statistics *statistics = &loop->statistics;
	uint64_t end_ns = clock_now_ns(), took_ns = end_ns - loop->now_ns;

	if (end_ns - loop->recent_since_ns >= LOOP_RECENT_NS) {
		loop->recent_since_ns = end_ns;
		loop->before_ns = statistics->recent_ns;
		statistics->recent_ns = 0;
	}
	statistics->rounds++;
	statistics->busy_ns += took_ns;
	if (took_ns > statistics->longest_ns)
		statistics->longest_ns = took_ns;
	if (took_ns > statistics->recent_ns)
		statistics->recent_ns = took_ns;
}

struct loop_statistics loop_statistics(const struct loop *loop)
{
	struct loop_statistics statistics = loop->statistics;

	/* What went before a long silence is no news. */
	if (clock_now_ns() - loop->recent_since_ns >= 2 * LOOP_RECENT_NS)
		statistics.recent_ns = 0;
	else if (loop->before_ns > statistics.recent_ns)
		statistics.recent_ns = loop->before_ns;
	return statistics;
}

void loop_resume_statistics(struct loop *loop, const struct loop_statistics *before)
{
	loop->statistics.rounds += before->rounds;
	loop->statistics.events += before->events;
	loop->statistics.busy_ns += before->busy_ns;
	if (before->longest_ns > loop->statistics.longest_ns)
		loop->statistics.longest_ns = before->longest_ns;
}

int loop_run(struct loop *loop, void (*round_end)(void *context), void *context)
{
	struct round *work = &loop->sets[LOOP_WORK], *admission = &loop->sets[LOOP_ADMISSION];
	int r = 0;

	loop->running = true;
	while (loop->running && r == 0) {
		loop_admit(loop, loop->admit_wanted);
		r = fetch(work, wait_ms(loop));
		loop->now_ns = clock_now_ns();
		if (r == 0 && deliver(loop, work) && loop->admit) {
			if (admission->next == admission->count)
				r = fetch(admission, 0);
			deliver(loop, admission);
		}
		run_timers(loop);
		if (round_end != NULL)
			round_end(context);
		account(loop);
	}
	return r;
}

void loop_stop(struct loop *loop)
{
	loop->running = false;
}
