/* session-strays.c - processes that are not in the group of their session any
 * more: those of sessions that were told to end are told so, too; and dead ones that
 * nobody waits for are collected, because we are their reaper.
 *
 * While a search goes on nobody is served, and it goes over all sessions at least. So those that
 * ended in the meantime share one, but only so many, the oldest first; and after it comes a pause
 * four times as long as it took. */
#include "session-table.h"

#include "base.h"
#include "clock.h"
#include "session-state.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define SEARCH_DELAY_NS  (20 * NS_PER_MS)
#define SEARCH_REST      4   /* times as long as the search itself */
#define SEARCH_MOST      128 /* sessions of each signal; their processes are what a search costs */
#define SEARCH_TRIES     5   /* as long as there are new ones */
#define ORPHANS_EVERY_NS (2 * NS_PER_S)
#define DEAD_FOR_NS      NS_PER_S

static void arm_search(struct session_table *table, uint64_t delay_ns)
{
	uint64_t at_ns = loop_now_ns(table->means.loop) + delay_ns;

	if (table->search.place != 0)
		return;
	if (at_ns < table->search_rest_ns)
		at_ns = table->search_rest_ns;
	(void)loop_arm(table->means.loop, &table->search, at_ns);
}

/* While a session lives its strays are known by their ancestors, too. */
static const struct family *family_of(const struct session_stray *stray)
{
	const struct session *session = stray->session;

	return session->live && session->id == stray->id ? &session->family : &stray->family;
}

/* Searches for the first of those that are to get this signal; tells how many were found. */
static size_t search_for(struct session_table *table, int signo, size_t most)
{
	_cleanup_free_ const struct family **families = calloc(table->stray_count, sizeof(*families));
	size_t count = 0;

	if (families == NULL)
		return 0;
	for (size_t i = 0; i < table->stray_count && count < most; i++)
		if (table->strays[i].signo == signo)
			families[count++] = family_of(&table->strays[i]);
	return count == 0 ? 0 : family_signal_strays(families, count, signo, session_is_leader, table);
}

/* Takes the first ones of this signal out, as many as a search is for; gives those back that are to be looked
 * for again, behind all others. */
static void forget(struct session_table *table, int signo, size_t most, bool again)
{
	_cleanup_free_ struct session_stray *repeated =
		again ? calloc(table->stray_count, sizeof(*repeated)) : NULL;
	size_t left = 0, count = 0, repeated_count = 0;

	for (size_t i = 0; i < table->stray_count; i++) {
		struct session_stray *stray = &table->strays[i];

		if (stray->signo != signo || count == most) {
			table->strays[left++] = *stray;
			continue;
		}
		count++;
		if (repeated != NULL && --stray->tries > 0)
			repeated[repeated_count++] = *stray;
	}
	if (repeated_count > 0)
		memcpy(&table->strays[left], repeated, repeated_count * sizeof(*repeated));
	table->stray_count = left + repeated_count;
}

/* Those that were asked to end are looked for again when their time is up. Those
 * that were killed may have had children just then. */
static void search(struct session_table *table, size_t most)
{
	(void)search_for(table, SIGTERM, most);
	forget(table, SIGTERM, most, false);

	bool found = search_for(table, SIGKILL, most) > 0;

	forget(table, SIGKILL, most, found);
}

static void search_and_rest(struct session_table *table)
{
	uint64_t begun_ns = clock_now_ns(), took_ns;

	search(table, SEARCH_MOST);
	took_ns = clock_now_ns() - begun_ns;
	table->search_rest_ns = begun_ns + took_ns * (SEARCH_REST + 1);
}

static void search_due(struct loop_timer *timer)
{
	struct session_table *table = container_of(timer, struct session_table, search);

	search_and_rest(table);
	if (table->stray_count > 0)
		arm_search(table, SEARCH_DELAY_NS);
}

static bool may_search(const struct session_table *table)
{
	return clock_now_ns() >= table->search_rest_ns;
}

/* The newest of many would not be among those that one search is for. */
static void put_first(struct session_table *table)
{
	struct session_stray newest = table->strays[table->stray_count - 1];

	memmove(&table->strays[1], &table->strays[0], (table->stray_count - 1) * sizeof(newest));
	table->strays[0] = newest;
}

void session_strays_signal(const struct session *session, int signo)
{
	struct session_table *table = session->table;

	/* The cgroup has them all; but a copy of a warm program is moved there when it runs already. */
	if (session->family.cgroup.pool != NULL && !session->warm)
		return;
	/* Who is not asked to end will be killed later. */
	if (table->stray_count == SESSION_STRAYS_MOST && (signo == SIGKILL || may_search(table)))
		search_and_rest(table);
	if (table->stray_count == SESSION_STRAYS_MOST)
		return;

	struct session_stray *stray = &table->strays[table->stray_count++];

	*stray = (struct session_stray){
		.session = session,
		.id = session->id,
		.family = session->family,
		.signo = signo,
		.tries = SEARCH_TRIES,
	};
	stray->family.pidfd = -1; /* it may be closed before the search */
	/* With the session its strays lose their ancestors: this is the last moment. When many
	 * end together the environment must do for the rest of them. */
	if (signo == SIGKILL && session->live && may_search(table)) {
		put_first(table);
		search_and_rest(table);
	}
	if (table->stray_count > 0)
		arm_search(table, SEARCH_DELAY_NS);
}

/* ---- orphans ---- */

static bool any_child(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT) == 0;
}

/* A copy of a warm program that has ended already, and whose report is on its way, is no orphan, but looks like one. So
 * while there are warm programs only those are collected that were dead a while ago, too. */
static bool is_among(const struct session_orphans *orphans, pid_t pid)
{
	size_t i = 0;

	while (i < orphans->count && orphans->pids[i] != pid)
		i++;
	return i < orphans->count;
}

static bool is_ours_or_new(void *context, pid_t pid)
{
	struct session_table *table = context;
	struct session_orphans *dead = &table->dead;

	if (session_is_leader(table, pid))
		return true;
	if (table->means.warm == NULL || !warm_table_is_busy(table->means.warm))
		return false;
	if (is_among(&table->dead_before, pid))
		return false;
	if (is_among(dead, pid))
		return true;
	/* Of so many at a time no more are kept than fit: somebody makes them faster than we could wait. */
	if (dead->count == ELEMENTS(dead->pids))
		return false;
	dead->pids[dead->count++] = pid;
	return true;
}

void session_collect_orphans(struct session_table *table)
{
	uint64_t now_ns = loop_now_ns(table->means.loop);

	if (now_ns - table->dead_ns >= DEAD_FOR_NS) {
		table->dead_before = table->dead;
		table->dead.count = 0;
		table->dead_ns = now_ns;
	}
	if (table->means.warm != NULL)
		warm_table_listen(table->means.warm);
	(void)family_collect_orphans(is_ours_or_new, table);
}

static void orphans_due(struct loop_timer *timer)
{
	struct session_table *table = container_of(timer, struct session_table, orphans);

	session_collect_orphans(table);
	if (table->count > 0 || any_child())
		session_orphans_watch(table);
}

void session_orphans_watch(struct session_table *table)
{
	if (table->orphans.place == 0)
		(void)loop_arm(table->means.loop, &table->orphans,
			       loop_now_ns(table->means.loop) + ORPHANS_EVERY_NS);
}

int session_strays_begin(struct session_table *table)
{
	table->search.expired = search_due;
	table->orphans.expired = orphans_due;
	table->strays = calloc(SESSION_STRAYS_MOST, sizeof(*table->strays));
	return table->strays == NULL ? -ENOMEM : 0;
}

void session_table_settle_strays(struct session_table *table)
{
	for (unsigned tries = 0; tries < SEARCH_TRIES && table->stray_count > 0; tries++)
		search(table, SESSION_STRAYS_MOST);
}

void session_strays_end(struct session_table *table)
{
	session_table_settle_strays(table);
	loop_disarm(table->means.loop, &table->search);
	loop_disarm(table->means.loop, &table->orphans);
	free(table->strays);
}
