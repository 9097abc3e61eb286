/* session-limits.c - what becomes due in the life of a session. One timer a
 * session stands at the earliest of its times; what a time means is looked up in
 * one table. No client byte is read: silence and first bytes are known from TCP_INFO.
 *
 * A program may close the client's socket and go on running. Nobody tells us,
 * and our duplicate would keep the client waiting for its end of file; so it is looked for,
 * first after 50 ms, then after twice as long, up to every 2 s. Looks that are far apart
 * fall on common moments, so that thousands of quiet sessions cost few wake-ups. */
#include "session-table.h"

#include "base.h"
#include "clock.h"

#include <poll.h>
#include <sys/epoll.h>

#define LOOK_FIRST_NS   (50 * NS_PER_MS)
#define LOOK_MOST_NS    (2 * NS_PER_S - LOOK_COMMON_NS)
#define LOOK_COMMON_NS  (200 * NS_PER_MS)
#define HANGUP_GRACE_NS NS_PER_S
#define HOLDERS_REST    4 /* times as long as a search took */
#define GROUP_FIRST_NS  (5 * NS_PER_MS)
#define GROUP_MOST_NS   (500 * NS_PER_MS)

static uint64_t now_ns(const struct session *session)
{
	return loop_now_ns(session->table->means.loop);
}

static uint64_t earliest(const struct session *session)
{
	uint64_t at_ns = UINT64_MAX;

	for (size_t i = 0; i < SESSION_DUES; i++)
		if (session->due_ns[i] != 0 && session->due_ns[i] < at_ns)
			at_ns = session->due_ns[i];
	return at_ns;
}

/* Puts the timer where it belongs. Only the first time can fail: after that
 * there is a place for it in the heap. */
static int set_timer(struct session *session)
{
	struct loop *loop = session->table->means.loop;
	uint64_t at_ns = earliest(session);

	if (at_ns != UINT64_MAX)
		return loop_arm(loop, &session->timer, at_ns);
	loop_disarm(loop, &session->timer);
	return 0;
}

void session_due_at(struct session *session, enum session_due due, uint64_t at_ns)
{
	session->due_ns[due] = at_ns;
	/* Without memory for the timer nothing would ever be due: then what is asked for is done now,
	 * as far as that is possible. */
	if (set_timer(session) < 0 && due == SESSION_DUE_KILL)
		family_signal(&session->family, SIGKILL);
}

void session_let_go_of_socket(struct session *session)
{
	if (session->socket.fd < 0)
		return;
	session->facts = connection_facts(session->socket.fd);
	loop_remove(session->table->means.loop, &session->socket);
	linger_close(session->table->means.linger, fd_take(&session->socket.fd),
		     session->settings->linger_ns);
	session->due_ns[SESSION_DUE_FIRST_BYTE] = 0;
	session->due_ns[SESSION_DUE_IDLE] = 0;
	session->due_ns[SESSION_DUE_HANGUP] = 0;
	session->due_ns[SESSION_DUE_HOLDERS] = 0;
}

/* ---- what is due: each returns whether the session is still there ---- */

static bool time_limit_due(struct session *session)
{
	session_terminate(session, SESSION_TIME_LIMIT, false);
	return true;
}

/* A client that has ended its side without a byte makes nobody wait. */
static bool first_byte_due(struct session *session)
{
	struct connection_facts facts = connection_facts(session->socket.fd);

	if (facts.known && facts.bytes_in == 0 && !facts.ended_in)
		session_terminate(session, SESSION_FIRST_BYTE, false);
	return true;
}

static bool idle_due(struct session *session)
{
	struct connection_facts facts = connection_facts(session->socket.fd);
	uint64_t limit_ns = session->settings->idle_ns;

	if (!facts.known)
		return true;
	if (facts.quiet_ns >= limit_ns)
		session_terminate(session, SESSION_IDLE, false);
	else
		session->due_ns[SESSION_DUE_IDLE] = now_ns(session) + limit_ns - facts.quiet_ns;
	return true;
}

/* The client ended its side a while ago. One that goes on taking a reply is there. */
static bool hangup_due(struct session *session)
{
	struct connection_facts facts = connection_facts(session->socket.fd);

	if (facts.known && !facts.closed && facts.quiet_ns < HANGUP_GRACE_NS)
		session->due_ns[SESSION_DUE_HANGUP] = now_ns(session) + HANGUP_GRACE_NS - facts.quiet_ns;
	else
		session_terminate(session, SESSION_HANGUP, false);
	return true;
}

static bool kill_due(struct session *session)
{
	session_terminate(session, session->reason, true);
	return true;
}

/* The program has exited and its turn has not come yet: what a look would tell is known soon. */
static bool has_exited(const struct session *session)
{
	struct pollfd process = { .fd = session->process.fd, .events = POLLIN };

	return !session->collected && poll(&process, 1, 0) == 1;
}

static void look_again(struct session *session)
{
	uint64_t every_ns = session->look_every_ns, at_ns = now_ns(session) + every_ns;

	if (every_ns >= 4 * LOOK_COMMON_NS)
		at_ns += LOOK_COMMON_NS - at_ns % LOOK_COMMON_NS;
	session->due_ns[SESSION_DUE_HOLDERS] = at_ns;
	session->look_every_ns = every_ns * 2 < LOOK_MOST_NS ? every_ns * 2 : LOOK_MOST_NS;
}

/* Looks through all processes. That is dear, so all sessions together do it for a fifth of the time at most:
 * the others have their turn later. */
static void search_holders(struct session *session)
{
	struct session_table *table = session->table;
	uint64_t begun_ns = clock_now_ns();

	if (begun_ns < table->holders_rest_ns) {
		session->due_ns[SESSION_DUE_HOLDERS] = table->holders_rest_ns;
		return;
	}
	switch (holders_of(session->socket.fd, session->collected ? 0 : session->pid, session->pid,
			   &session->holder)) {
	case HOLDERS_UNKNOWN:
		break;
	case HOLDERS_NONE:
		session_let_go_of_socket(session);
		break;
	case HOLDERS_SOME:
		look_again(session);
		break;
	}
	table->holders_rest_ns = begun_ns + (clock_now_ns() - begun_ns) * (HOLDERS_REST + 1);
}

static bool holders_due(struct session *session)
{
	if (holders_likely(session->socket.fd, session->collected ? 0 : session->pid, &session->holder) ||
	    has_exited(session))
		look_again(session);
	else
		search_holders(session);
	return true;
}

/* The longer the group outlives its program, the more seldom it is looked at. */
static bool group_due(struct session *session)
{
	uint64_t pause_ns = (now_ns(session) - session->collected_ns) / 8;

	if (session_finish_if_empty(session))
		return false;
	if (pause_ns < GROUP_FIRST_NS)
		pause_ns = GROUP_FIRST_NS;
	if (pause_ns > GROUP_MOST_NS)
		pause_ns = GROUP_MOST_NS;
	session->due_ns[SESSION_DUE_GROUP] = now_ns(session) + pause_ns;
	return true;
}

static void timer_due(struct loop_timer *timer)
{
	static bool (*const handlers[])(struct session * session) = {
		[SESSION_DUE_TIME_LIMIT] = time_limit_due,
		[SESSION_DUE_FIRST_BYTE] = first_byte_due,
		[SESSION_DUE_IDLE] = idle_due,
		[SESSION_DUE_HANGUP] = hangup_due,
		[SESSION_DUE_KILL] = kill_due,
		[SESSION_DUE_HOLDERS] = holders_due,
		[SESSION_DUE_GROUP] = group_due,
	};
	struct session *session = container_of(timer, struct session, timer);
	uint64_t now = now_ns(session);

	for (size_t i = 0; i < SESSION_DUES; i++) {
		if (session->due_ns[i] == 0 || session->due_ns[i] > now)
			continue;
		session->due_ns[i] = 0;
		if (!handlers[i](session))
			return;
	}
	(void)set_timer(session);
}

/* ---- hang-up ---- */

/* Edges only: the state stays, and would be reported for ever. */
static void socket_ready(struct loop_source *source, uint32_t events)
{
	struct session *session = container_of(source, struct session, socket);

	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		session_terminate(session, SESSION_HANGUP, false);
	else if ((events & EPOLLRDHUP) != 0 && !session->ending)
		session_due_at(session, SESSION_DUE_HANGUP, now_ns(session) + HANGUP_GRACE_NS);
}

/* ---- the beginning ---- */

static uint64_t due_after(uint64_t begun_ns, uint64_t time_ns)
{
	return time_ns > 0 ? begun_ns + time_ns : 0;
}

static int watch(struct session *session)
{
	bool held = session->socket.fd >= 0;
	int r;

	session->timer.expired = timer_due;
	session->socket.ready = socket_ready;
	session->socket.set = LOOP_WORK;
	r = set_timer(session);
	if (r == 0 && held && session->settings->kill_on_hangup)
		r = loop_add(session->table->means.loop, &session->socket, EPOLLRDHUP | EPOLLET);
	return r;
}

int session_limits_resume(struct session *session)
{
	return watch(session);
}

int session_limits_begin(struct session *session)
{
	const struct conf_service *settings = session->settings;
	uint64_t begun_ns = clock_now_ns(); /* the start itself is not counted */
	bool held = session->socket.fd >= 0;

	session->due_ns[SESSION_DUE_TIME_LIMIT] = due_after(begun_ns, settings->time_limit_ns);
	if (held) {
		session->due_ns[SESSION_DUE_FIRST_BYTE] = due_after(begun_ns, settings->first_byte_ns);
		session->due_ns[SESSION_DUE_IDLE] = due_after(begun_ns, settings->idle_ns);
		session->due_ns[SESSION_DUE_HOLDERS] = due_after(begun_ns, LOOK_FIRST_NS);
		session->look_every_ns = LOOK_FIRST_NS;
	}
	return watch(session);
}
