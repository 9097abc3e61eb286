/* family-strays.c - finds the processes that left the groups of their families, by
 * who descends from whom and by what stands in their environment, and signals them.
 * Leaders of other families are not even looked at: what is below them is not ours to find.
 *
 * /proc is not of one moment, and the wrong process must not be hit though numbers are used
 * anew while it is read. So everything is read once, and only then judged:
 * - a group counts when its family has it after the reading: then it had it all the time;
 * - a parent counts when it is the same process after the reading: then it was
 *   the parent that its child named;
 * - a process is signalled through a pidfd, when it is the same after that was opened.
 * And a list of children may leave some out while their siblings end.
 * What is in doubt is left alone; the next search finds it, if it belongs to a family. */
#include "family.h"

#include "base.h"
#include "family-proc.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>

struct group {
	pid_t number;
	bool is_ours; /* at the end of the reading */
};

struct search {
	bool (*is_leader)(void *context, pid_t pid);
	void *context;
	int proc;
	pid_t self;
	struct process_table table;
	struct group *groups;     /* ascending */
	uint64_t *sessions;       /* ascending */
	size_t count;             /* of both */
	uint64_t own_session;     /* usherd may be a service of usherd: its own children have that, too */
};

static void cleanup_search(struct search *search)
{
	cleanup_fd(&search->proc);
	free(search->table.entries);
	free(search->groups);
	free(search->sessions);
}

static int by_number(const void *a, const void *b)
{
	const struct group *left = a, *right = b;

	if (left->number != right->number)
		return left->number < right->number ? -1 : 1;
	return (int)right->is_ours - (int)left->is_ours;
}

static int find_by_number(const void *a, const void *b)
{
	pid_t left = ((const struct group *)a)->number, right = ((const struct group *)b)->number;

	return left < right ? -1 : left > right;
}

static int by_session(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* Whether the group's number is the family's. The copy of a family that ended may say that its leader
 * is there though it is not any more, so the kernel is asked. */
static bool has_its_group(const struct family *family)
{
	struct family now = *family;

	if (family->pidfd < 0)
		return false;
	if (syscall(SYS_pidfd_send_signal, family->pidfd, 0, NULL, 0) == 0 || errno == EPERM)
		return true;
	now.leader_gone = true;
	return family_is_alive(&now);
}

/* After the reading; see above. */
static int note_families(struct search *search, const struct family *const *families, size_t count)
{
	search->groups = calloc(count, sizeof(*search->groups));
	search->sessions = calloc(count, sizeof(*search->sessions));
	if (search->groups == NULL || search->sessions == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		search->groups[i] = (struct group){ families[i]->group, has_its_group(families[i]) };
		search->sessions[i] = families[i]->session;
	}
	search->count = count;
	qsort(search->groups, count, sizeof(*search->groups), by_number);
	qsort(search->sessions, count, sizeof(*search->sessions), by_session);
	search->own_session = family_proc_session(search->proc, search->self);
	return 0;
}

/* The entry of one that ended may come after that of one that has the number now. */
static const struct group *find_group(const struct search *search, pid_t number)
{
	struct group key = { .number = number };
	const struct group *group =
		bsearch(&key, search->groups, search->count, sizeof(*search->groups), find_by_number);

	while (group != NULL && group > search->groups && group[-1].number == number)
		group--;
	return group;
}

/* What there was memory for is better than nothing. */
static void read_processes(struct search *search, const struct family *const *families, size_t count,
			   bool everybody)
{
	_cleanup_free_ pid_t *leaders = calloc(count, sizeof(*leaders));
	size_t leader_count = 0;

	for (size_t i = 0; leaders != NULL && i < count; i++)
		if (families[i]->pidfd >= 0)
			leaders[leader_count++] = families[i]->group;
	if (everybody || family_proc_read_below(search->proc, leaders, leader_count, search->is_leader,
						search->context, &search->table) == -ENOSYS)
		(void)family_proc_read_all(search->proc, &search->table);
}

static bool is_same(const struct search *search, struct process *process)
{
	struct process now;

	if (!process->is_same)
		process->is_same = family_proc_read(search->proc, process->pid, &now) == 0 &&
				   now.started == process->started;
	return process->is_same;
}

static bool is_named_by_environment(const struct search *search, struct process *process)
{
	uint64_t session = family_proc_session(search->proc, process->pid);

	return session != 0 && session != search->own_session && is_same(search, process) &&
	       bsearch(&session, search->sessions, search->count, sizeof(session), by_session) != NULL;
}

/* What a process is by itself; busy: what its parent is. */
static enum process_mark look_at(const struct search *search, struct process *process)
{
	const struct group *group = find_group(search, process->group);

	/* Neither are we a stray, nor those that a group's signal may reach. */
	if (group != NULL)
		return group->is_ours ? PROCESS_MEMBER : PROCESS_NOBODY;
	if (process->pid == search->self || process->parent <= 0)
		return PROCESS_NOBODY;
	if (process->parent != search->self)
		return PROCESS_BUSY;
	if (search->is_leader(search->context, process->pid))
		return PROCESS_NOBODY;
	return is_named_by_environment(search, process) ? PROCESS_STRAY : PROCESS_NOBODY;
}

/* Goes up to one whose mark is known, and down again. Everybody is gone up through
 * once. Read at several moments, a parent may seem to descend from its child. One that
 * began later than the child has the number of its parent, but it is another. */
static void mark(const struct search *search, struct process *process)
{
	struct process *above = process, *below = NULL;

	while (above != NULL && above->mark == PROCESS_UNKNOWN) {
		above->mark = look_at(search, above);
		if (above->mark != PROCESS_BUSY)
			break;
		above->below = below;
		below = above;
		above = family_proc_find(&search->table, above->parent);
	}
	for (; below != NULL; below = below->below) {
		bool belongs = above != NULL &&
			       (above->mark == PROCESS_MEMBER || above->mark == PROCESS_STRAY) &&
			       above->started <= below->started && is_same(search, above);

		below->mark = belongs ? PROCESS_STRAY : PROCESS_NOBODY;
		above = below;
	}
}

/* Returns whether it is there. */
static bool signal_stray(const struct search *search, const struct process *stray, int signo)
{
	_cleanup_fd_ int pidfd = (int)syscall(SYS_pidfd_open, stray->pid, 0);
	bool is_gone = pidfd < 0 && errno == ESRCH;
	struct process now;

	if (is_gone || family_proc_read(search->proc, stray->pid, &now) != 0 || now.started != stray->started ||
	    now.state == 'Z' || now.state == 'X')
		return false;
	if (pidfd >= 0 && syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0) != 0)
		return errno != ESRCH;
	return true;
}

static size_t signal_strays(struct search *search, const struct family *const *families, size_t count,
			    int signo, bool everybody)
{
	struct process *entries, *end;
	size_t found = 0;

	if (count == 0 || search->proc < 0)
		return 0;
	read_processes(search, families, count, everybody);
	entries = search->table.entries;
	if (entries == NULL || note_families(search, families, count) < 0)
		return 0;
	end = entries + search->table.count;
	for (struct process *process = entries; process < end; process++)
		mark(search, process);
	for (const struct process *process = entries; process < end; process++)
		if (process->mark == PROCESS_STRAY)
			found += signal_stray(search, process, signo);
	return found;
}

static struct search begin(bool (*is_leader)(void *context, pid_t pid), void *context)
{
	return (struct search){
		.is_leader = is_leader, .context = context, .proc = family_proc_open(), .self = getpid()
	};
}

size_t family_signal_strays(const struct family *const *families, size_t count, int signo,
			    bool (*is_leader)(void *context, pid_t pid), void *context)
{
	_cleanup_(cleanup_search) struct search search = begin(is_leader, context);

	return signal_strays(&search, families, count, signo, false);
}

size_t family_proc_search_strays(const struct family *const *families, size_t count, int signo,
				 bool (*is_leader)(void *context, pid_t pid), void *context)
{
	_cleanup_(cleanup_search) struct search search = begin(is_leader, context);

	return signal_strays(&search, families, count, signo, true);
}
