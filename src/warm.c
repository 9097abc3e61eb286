/* warm.c - the life of a fork server: looked after while it owes an answer, and in the end killed, dead or left. See
 * warm.h.
 *
 * One that is not needed any more, or that died, is kept until all who stand in line have their answers: see
 * warm-clients.c. It is killed alone, by its pidfd, because copies that were born a moment ago may still be in its process
 * group; but before it is ready the whole group goes. Who collects it is whoever collects orphans. */
#include "warm-internal.h"

#include "base.h"
#include "clock.h"
#include "family.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define LOOK_NS        (20 * NS_PER_MS) /* how often one that owes an answer is looked after */
#define SILENT_NS      (2 * NS_PER_S)   /* so long it may owe it */
#define LAST_NS        (200 * NS_PER_MS) /* from its end until the last copy that it made has reported */

/* ---- ending ---- */

void warm_let_go(struct loop *loop, struct loop_source *source)
{
	loop_remove(loop, source);
	cleanup_fd(&source->fd);
	source->fd = -1;
}

/* Alone: copies of it may still be in its process group. */
static void kill_server(struct warm *warm)
{
	if (!warm->collected && warm->exit.fd >= 0)
		syscall(SYS_pidfd_send_signal, warm->exit.fd, SIGKILL, NULL, 0);
}

/* With all that it has started before it was stopped. Copies that have a client have left the group, or it has none. */
static void kill_group(const struct warm *warm)
{
	const struct family family = {
		.group = warm->process.pid,
		.pidfd = warm->exit.fd,
		.leader_gone = warm->collected,
	};

	if (family.group > 1 && family.pidfd >= 0)
		family_signal(&family, SIGKILL);
}

/* Nobody is to be told any more, nor hears its stderr. */
static void forget_owner(struct warm *warm)
{
	if (warm->context == NULL)
		return;
	stderr_tap_drain(&warm->tap);
	stderr_tap_close(&warm->tap);
	warm->context = NULL;
}

void warm_end(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	forget_owner(warm);
	kill_group(warm);
	warm->state = WARM_LEAVING;
	warm->over = true;
	loop_disarm(loop, &warm->deadline);
	warm_spares_drop(warm, true);
	warm_let_go(loop, &warm->socket);
	warm_let_go(loop, &warm->standard);
	warm_let_go(loop, &warm->exit);
	warm_process_remove(warm->table, &warm->process);
	warm_clients_refuse(warm);
}

void warm_settle(struct warm *warm)
{
	if (!warm->over)
		return;
	if (warm->previous != NULL)
		warm->previous->next = warm->next;
	else
		warm->table->all = warm->next;
	if (warm->next != NULL)
		warm->next->previous = warm->previous;
	free(warm);
}

/* Nobody has use for it any more, but for those in line, who are answered until the socket's far end is closed: it reads
 * what was sent, and then the end. Copies that reported a moment ago leave its group meanwhile. */
static void leave(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	if (warm->state == WARM_LEAVING)
		return;
	if (warm->state == WARM_STARTING) {
		warm_end(warm);
		return;
	}
	warm->state = WARM_LEAVING;
	warm_spares_drop(warm, false);
	shutdown(warm->socket.fd, SHUT_WR);
	warm->left_ns = loop_now_ns(loop);
	(void)loop_arm(loop, &warm->deadline, warm->left_ns + LOOK_NS);
}

void warm_leave(struct warm *warm)
{
	if (warm == NULL)
		return;
	forget_owner(warm);
	leave(warm);
	warm_settle(warm);
}

void warm_finish(struct warm *warm, struct warm_outcome outcome)
{
	void *context = warm->context;

	outcome.pid = warm->process.pid;
	if (outcome.end != WARM_END_DIED && outcome.end != WARM_END_EXITED)
		kill_server(warm);
	forget_owner(warm);
	leave(warm);
	if (context != NULL)
		warm->table->means.happened(context, warm, WARM_ENDED, &outcome);
}

void warm_give_up(struct warm *warm, enum warm_end why)
{
	warm_finish(warm, (struct warm_outcome){ .end = why });
}

/* ---- its clock ---- */

static bool owes(const struct warm *warm)
{
	return warm->client_count + warm->ordered > 0;
}

void warm_asked(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	if (warm->client_count + warm->ordered > 1 && warm->deadline.place != 0)
		return;
	warm->asked_ns = loop_now_ns(loop);
	(void)loop_arm(loop, &warm->deadline, warm->asked_ns + LOOK_NS);
}

void warm_answered(struct warm *warm)
{
	warm->asked_ns = loop_now_ns(warm->table->means.loop);
}

void warm_closed(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	warm->closed = true;
	(void)loop_arm(loop, &warm->deadline, loop_now_ns(loop) + LAST_NS);
}

/* By a signal: it will not answer until somebody lets it go on. */
static bool is_stopped(const struct warm *warm)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PIDFD, (id_t)warm->exit.fd, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid != 0;
}

/* It owes somebody an answer for too long. */
static bool is_silent(const struct warm *warm)
{
	uint64_t since_ns = warm->first != NULL && warm->first->since_ns < warm->asked_ns ? warm->first->since_ns :
											    warm->asked_ns;

	return loop_now_ns(warm->table->means.loop) - since_ns > SILENT_NS;
}

static void look_after(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	if (warm->closed) {
		warm_give_up(warm, WARM_END_NONSENSE);
		return;
	}
	if (!owes(warm))
		return;
	warm_listen(warm);
	if (warm->state != WARM_READY)
		return;
	if (!warm_spares_look(warm))
		warm_give_up(warm, WARM_END_SPARE);
	else if (owes(warm) && (is_stopped(warm) || is_silent(warm)))
		warm_give_up(warm, WARM_END_SILENT);
	else if (owes(warm))
		(void)loop_arm(loop, &warm->deadline, loop_now_ns(loop) + LOOK_NS);
}

/* The end of its socket is awaited: it is stopped, or somebody who is no copy keeps that open. */
static void look_after_leaving(struct warm *warm)
{
	struct loop *loop = warm->table->means.loop;

	warm_listen(warm);
	if (warm->over)
		return;
	if (warm->collected || loop_now_ns(loop) - warm->left_ns > SILENT_NS) {
		warm_end(warm);
		return;
	}
	if (is_stopped(warm))
		kill_server(warm);
	(void)loop_arm(loop, &warm->deadline, loop_now_ns(loop) + LOOK_NS);
}

static void deadline_passed(struct loop_timer *timer)
{
	struct warm *warm = container_of(timer, struct warm, deadline);

	switch (warm->state) {
	case WARM_STARTING:
		warm_give_up(warm, warm->loaded ? WARM_END_TOO_LONG : WARM_END_NOT_LOADED);
		break;
	case WARM_READY:
		look_after(warm);
		break;
	case WARM_LEAVING:
		look_after_leaving(warm);
		break;
	}
	warm_settle(warm);
}

/* ---- its end ---- */

/* What it was, by its status. Returns false when it has not ended. */
static bool collect(struct warm *warm, struct warm_outcome *ret_outcome)
{
	struct warm_outcome outcome = { .ended = true };
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PIDFD, (id_t)warm->exit.fd, &info, WEXITED | WNOHANG) != 0)
		outcome.ended = false; /* somebody else collected it */
	else if (info.si_pid == 0)
		return false;
	outcome.end = warm->state == WARM_READY ? WARM_END_DIED :
		      warm->loaded              ? WARM_END_EXITED :
						  WARM_END_NOT_LOADED;
	outcome.signalled = info.si_code != CLD_EXITED;
	outcome.status = info.si_status;
	warm->collected = true;
	*ret_outcome = outcome;
	return true;
}

static void exited(struct loop_source *source, uint32_t events)
{
	struct warm *warm = container_of(source, struct warm, exit);
	struct loop *loop = warm->table->means.loop;
	struct warm_outcome outcome;

	(void)events;
	warm_listen(warm); /* its last words */
	if (!warm->over && collect(warm, &outcome)) {
		loop_remove(loop, source);
		warm_finish(warm, outcome);
	}
	/* Copies that it made may be about to report. */
	if (!warm->over && warm->collected)
		(void)loop_arm(loop, &warm->deadline, loop_now_ns(loop) + LAST_NS);
	warm_settle(warm);
}

void warm_life_init(struct warm *warm)
{
	warm->exit = (struct loop_source){ .fd = -1, .ready = exited, .set = LOOP_WORK };
	warm->deadline.expired = deadline_passed;
}

/* The moment before another program takes over, or nobody does: the loop does not run any more. A report that is there
 * counts however late it is: its copy has a client, and may have read what that said. */
static void end_now(struct warm *warm, uint64_t until_ns)
{
	while (!warm->over) {
		struct pollfd socket = { .fd = warm->socket.fd, .events = POLLIN };
		uint64_t now_ns = clock_now_ns(), left_ns = now_ns < until_ns ? until_ns - now_ns : 0;

		if (now_ns < until_ns + SILENT_NS &&
		    poll(&socket, 1, (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS)) > 0)
			warm_listen(warm);
		else
			warm_end(warm);
	}
	warm_settle(warm);
}

void warm_table_end(struct warm_table *table)
{
	uint64_t until_ns = clock_now_ns() + LAST_NS;
	struct warm *next;

	for (struct warm *warm = table->all; warm != NULL; warm = next) {
		next = warm->next;
		warm_leave(warm);
	}
	while (table->all != NULL)
		end_now(table->all, until_ns);
}

void warm_adjust(struct warm *warm, const struct conf_service *settings)
{
	warm->settings = settings;
	warm_spares_order(warm);
}

/* ---- what is asked ---- */

enum warm_state warm_state(const struct warm *warm)
{
	return warm->state;
}

pid_t warm_pid(const struct warm *warm)
{
	return warm->process.pid;
}

uint64_t warm_ready_ns(const struct warm *warm)
{
	return warm->ready_ns;
}

uint64_t warm_served(const struct warm *warm)
{
	return warm->served;
}

unsigned warm_waiting(const struct warm *warm)
{
	return warm->waiting;
}

int warm_copy_error(const struct warm *warm)
{
	return warm->copy_error;
}

struct warm *warm_of_tap(struct stderr_tap *tap)
{
	return container_of(tap, struct warm, tap);
}

void *warm_context(const struct warm *warm)
{
	return warm->context;
}

const char *warm_end_text(const struct warm_outcome *outcome)
{
	static const char *const ends[] = {
		[WARM_END_DIED] = "its fork server ended; it is started anew",
		[WARM_END_EXITED] = "it ended before it used its input or output: it cannot be started ahead of clients",
		[WARM_END_NOT_LOADED] = "the library could not be preloaded: is it a static or setuid program, or for "
					"another C library?",
		[WARM_END_TOO_LONG] = "it did not come to its main function, or to its input or output, in a minute",
		[WARM_END_WROTE] = "it wrote to its standard output, or stderr = socket, before it was stopped; with "
				   "warm = input in a way that the library cannot see; warm = main may do",
		[WARM_END_SILENT] = "its fork server did not answer; it was killed and is started anew",
		[WARM_END_SPARE] = "a copy that waited was killed when it had got a client; it is started anew",
		[WARM_END_NONSENSE] = "its fork server does not keep to the protocol and was killed",
		[WARM_END_VERSION] = "the library is of another version of usherd: `usherctl upgrade` goes over to it",
	};
	static const char *const reasons[] = {
		[WARM_UNSUITABLE_THREADS] = "it has started threads, which a copy would not have; warm = main may do",
		[WARM_UNSUITABLE_LIBRARY] = "its C library is not one that can be copied",
		[WARM_UNSUITABLE_KERNEL] = "the kernel refuses clone3",
		[WARM_UNSUITABLE_FILES] = "it has files open that its copies cannot open for themselves; warm = main may do",
		[WARM_UNSUITABLE_MEMORY] = "the library in it got no memory",
	};

	return outcome->end == WARM_END_UNSUITABLE ? reasons[outcome->unsuitable] : ends[outcome->end];
}
