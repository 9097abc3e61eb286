/* init.c - see init.h. SIGCHLD is only a hint that somebody has ended: it is
 * watched here alone, because the end of a session comes through its pidfd.
 *
 * The kernel keeps from the first process every signal that it does not handle
 * or block; all are blocked from the start of the loop on, so none is lost. */
#include "init.h"

#include "base.h"
#include "clock.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>

#define SOON_NS            (20 * NS_PER_MS) /* many end at the same time */
#define LAST_NS            NS_PER_S         /* for the killed to be gone */
#define COLLECT_MOST       (1U << 22)       /* the kernel's own limit of processes */

struct init {
	struct loop *loop;
	struct loop_source children;
	struct loop_timer due;
	void (*orphans)(void *context);
	void *context;
};

bool init_is_us(void)
{
	return getpid() == 1;
}

static void due(struct loop_timer *timer)
{
	struct init *init = container_of(timer, struct init, due);

	init->orphans(init->context);
}

static void children_ready(struct loop_source *source, uint32_t events)
{
	struct init *init = container_of(source, struct init, children);
	struct signalfd_siginfo info;

	(void)events;
	while (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		continue;
	if (init->due.place == 0)
		(void)loop_arm(init->loop, &init->due, loop_now_ns(init->loop) + SOON_NS);
}

int init_new(struct loop *loop, void (*orphans)(void *context), void *context, struct init **ret_init)
{
	struct init *init = calloc(1, sizeof(*init));
	sigset_t children;
	int r;

	if (init == NULL)
		return -ENOMEM;
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	init->loop = loop;
	init->orphans = orphans;
	init->context = context;
	init->due.expired = due;
	init->children.ready = children_ready;
	init->children.set = LOOP_WORK;
	init->children.fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
	r = init->children.fd < 0 ? -errno : loop_add(loop, &init->children, EPOLLIN);
	/* Some may have been ours, and dead, before we began (exec from a shell). */
	if (r == 0)
		r = loop_arm(loop, &init->due, 0);
	if (r < 0) {
		init_free(init);
		return r;
	}
	*ret_init = init;
	return 0;
}

void init_free(struct init *init)
{
	if (init == NULL)
		return;
	loop_remove(init->loop, &init->children);
	loop_disarm(init->loop, &init->due);
	cleanup_fd(&init->children.fd);
	free(init);
}

/* ---- the end ---- */

static void collect_dead(void)
{
	for (unsigned i = 0; i < COLLECT_MOST && waitpid(-1, NULL, WNOHANG) > 0; i++)
		continue;
}

static bool anybody_left(void)
{
	collect_dead();
	return kill(-1, 0) == 0 || errno != ESRCH;
}

/* Waits until everybody is gone: they all become children of ours, one after the other. */
static bool wait_for_all(uint64_t until_ns)
{
	sigset_t children;

	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	while (anybody_left()) {
		uint64_t now_ns = clock_now_ns();
		struct timespec rest;

		if (now_ns >= until_ns)
			return false;
		rest.tv_sec = (time_t)((until_ns - now_ns) / NS_PER_S);
		rest.tv_nsec = (long)((until_ns - now_ns) % NS_PER_S);
		/* Blocked since the loop began. */
		(void)sigtimedwait(&children, NULL, &rest);
	}
	return true;
}

bool init_end_others(uint64_t grace_ns)
{
	if (!init_is_us())
		BUG("everybody is to be ended, and we are not the first process");
	if (!anybody_left())
		return false;
	(void)kill(-1, SIGTERM);
	(void)kill(-1, SIGCONT);
	if (wait_for_all(clock_now_ns() + grace_ns))
		return true;
	(void)kill(-1, SIGKILL);
	(void)wait_for_all(clock_now_ns() + LAST_NS);
	return true;
}
