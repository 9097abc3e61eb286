/* warm-table.c - all fork servers, and who belongs to them: the map from pids to fork servers and to copies that
 * wait, for whoever collects dead children. */
#include "warm-internal.h"

#include "base.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static size_t chain_of(pid_t pid)
{
	return (size_t)pid & (WARM_BUCKETS - 1);
}

void warm_process_add(struct warm_table *table, struct warm_process *process, pid_t pid)
{
	struct warm_process **chain = &table->by_pid[chain_of(pid)];

	process->pid = pid;
	process->same_hash = *chain;
	*chain = process;
}

void warm_process_remove(struct warm_table *table, struct warm_process *process)
{
	struct warm_process **place = &table->by_pid[chain_of(process->pid)];

	if (process->pid == 0)
		return;
	while (*place != process)
		place = &(*place)->same_hash;
	*place = process->same_hash;
	process->pid = 0;
}

bool warm_table_knows(const struct warm_table *table, pid_t pid)
{
	const struct warm_process *process = table->by_pid[chain_of(pid)];

	while (process != NULL && process->pid != pid)
		process = process->same_hash;
	return process != NULL;
}

int warm_child_open(struct warm_table *table, pid_t pid, int *ret_pidfd)
{
	siginfo_t info;
	int pidfd;

	if (pid <= 1 || warm_table_knows(table, pid) ||
	    table->means.is_taken(table->means.is_taken_context, pid))
		return -EPROTO;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return errno == ESRCH ? -EPROTO : -errno;
	/* A child that has not been collected: then its number is still its own. */
	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
		close(pidfd);
		return -EPROTO;
	}
	*ret_pidfd = pidfd;
	return 0;
}

void warm_table_listen(struct warm_table *table)
{
	struct warm *next;

	/* One may go by what it says, or another be started: those that are there now count. */
	for (struct warm *warm = table->all; warm != NULL; warm = next) {
		next = warm->next;
		if (warm->ordered + warm->client_count > 0)
			warm_listen(warm);
		if (warm->state == WARM_READY && !warm_spares_look(warm))
			warm_give_up(warm, WARM_END_SPARE);
		warm_settle(warm);
	}
}

bool warm_table_is_busy(const struct warm_table *table)
{
	return table->all != NULL;
}

int warm_table_new(const struct warm_means *means, struct warm_table **ret_table)
{
	struct warm_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return -ENOMEM;
	table->means = *means;
	*ret_table = table;
	return 0;
}

void warm_table_free(struct warm_table *table)
{
	if (table != NULL && table->all != NULL)
		BUG("fork servers are left");
	free(table);
}
