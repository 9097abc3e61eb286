/* family-proc.c - processes as /proc shows them. It reads and compares, and signals
 * nobody. All memory is the caller's to free; it grows with the number of processes. */
#include "family-proc.h"

#include "base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#define STAT_MAX    2048
#define TABLE_START 512
#define CHUNK       4096
#define ENVIRON_MAX (256 * 1024)
#define SESSION_KEY "USHERD_SESSION="
#define DIGITS_MAX  20 /* of 2^64 */
#define PASSES_MOST 4

/* A pid as /proc writes it: digits and nothing else. 0: it is none. */
static pid_t parse_pid(const char *text)
{
	int64_t pid = 0;

	for (const char *at = text; *at != '\0'; at++) {
		if (*at < '0' || *at > '9' || pid > INT32_MAX / 10 - 1)
			return 0;
		pid = pid * 10 + (*at - '0');
	}
	return (pid_t)pid;
}

int family_proc_open(void)
{
	_cleanup_fd_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char self[16];
	ssize_t length;

	if (proc < 0)
		return -errno;
	length = readlinkat(proc, "self", self, sizeof(self) - 1);
	if (length < 0)
		return -ESRCH;
	self[length] = '\0';
	return parse_pid(self) == getpid() ? fd_take(&proc) : -ESRCH;
}

static int open_file(int proc, pid_t pid, const char *name)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
	return openat(proc, path, O_RDONLY | O_CLOEXEC);
}

int family_proc_read(int proc, pid_t pid, struct process *ret_process)
{
	_cleanup_fd_ int fd = open_file(proc, pid, "stat");
	char text[STAT_MAX], state;
	const char *rest;
	int parent, group, threads;
	uint64_t started;
	ssize_t length;

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	length = read(fd, text, sizeof(text) - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	/* The name may have anything in it, blanks and brackets too; what follows are numbers. */
	rest = strrchr(text, ')');
	if (rest == NULL || sscanf(rest + 1,
				   " %c %d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d %*d"
				   " %" SCNu64,
				   &state, &parent, &group, &threads, &started) != 5)
		return -EBADMSG;
	*ret_process = (struct process){
		.pid = pid,
		.parent = parent,
		.group = group,
		.state = state,
		.threads = threads,
		.started = started,
	};
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	pid_t left = ((const struct process *)a)->pid, right = ((const struct process *)b)->pid;

	return left < right ? -1 : left > right;
}

static int reserve(struct process_table *table)
{
	size_t room = table->room == 0 ? TABLE_START : table->room * 2;
	struct process *entries;

	if (table->most != 0 && table->count >= table->most)
		return -E2BIG;
	if (table->count < table->room)
		return 0;
	entries = reallocarray(table->entries, room, sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	table->entries = entries;
	table->room = room;
	return 0;
}

/* One that is gone is no error. */
static int add(int proc, struct process_table *table, pid_t pid)
{
	int r = reserve(table);

	if (r == 0 && family_proc_read(proc, pid, &table->entries[table->count]) == 0)
		table->count++;
	return r;
}

static void sort(struct process_table *table)
{
	if (table->count > 0)
		qsort(table->entries, table->count, sizeof(*table->entries), by_pid);
}

static void cleanup_dir(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
}

static DIR *open_dir(int at, const char *path)
{
	_cleanup_fd_ int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir != NULL)
		fd = -1; /* the stream has it */
	return dir;
}

int family_proc_read_all(int proc, struct process_table *table)
{
	_cleanup_(cleanup_dir) DIR *dir = open_dir(proc, ".");
	const struct dirent *entry;
	int r = 0;

	if (dir == NULL)
		return -errno;
	while (r == 0 && (entry = readdir(dir)) != NULL) {
		pid_t pid = parse_pid(entry->d_name);

		if (pid != 0)
			r = add(proc, table, pid);
	}
	sort(table);
	return r;
}

struct process *family_proc_find(const struct process_table *table, pid_t pid)
{
	struct process key = { .pid = pid };

	return table->count == 0 ?
		       NULL :
		       bsearch(&key, table->entries, table->count, sizeof(*table->entries), by_pid);
}

/* ---- the environment ---- */

/* An entry as it comes in, byte by byte. Of a long one only the length goes on. */
struct entry {
	char text[sizeof(SESSION_KEY) + DIGITS_MAX];
	size_t length;
};

/* A whole number of a session as we write it; 0 for anything else. */
static uint64_t session_of(const struct entry *entry)
{
	const size_t key = sizeof(SESSION_KEY) - 1;
	uint64_t session = 0;

	if (entry->length <= key || entry->length >= sizeof(entry->text) ||
	    memcmp(entry->text, SESSION_KEY, key) != 0 || entry->text[key] == '0')
		return 0;
	for (size_t i = key; i < entry->length; i++) {
		char digit = entry->text[i];

		if (digit < '0' || digit > '9' || __builtin_mul_overflow(session, 10, &session) ||
		    __builtin_add_overflow(session, (uint64_t)(digit - '0'), &session))
			return 0;
	}
	return session;
}

uint64_t family_proc_session(int proc, pid_t pid)
{
	_cleanup_fd_ int fd = open_file(proc, pid, "environ");
	struct entry entry = { .length = 0 };
	char chunk[CHUNK];

	for (size_t done = 0; fd >= 0 && done < ENVIRON_MAX;) {
		ssize_t length = read(fd, chunk, sizeof(chunk));

		if (length <= 0)
			break;
		for (ssize_t i = 0; i < length; i++) {
			if (chunk[i] != '\0') {
				if (entry.length < sizeof(entry.text))
					entry.text[entry.length++] = chunk[i];
				continue;
			}
			uint64_t session = session_of(&entry);

			if (session != 0)
				return session;
			entry.length = 0;
		}
		done += (size_t)length;
	}
	return 0;
}

/* ---- children ---- */

/* Reads a whole file of the kernel. Children are listed by their place, so that
 * collecting some between two reads would leave others out. */
static int read_list(int fd, char **ret_text)
{
	_cleanup_free_ char *text = NULL;
	size_t length = 0, room = 0;

	for (;;) {
		ssize_t more;

		if (room - length < 2) {
			size_t larger = room == 0 ? CHUNK : room * 2;
			char *moved = realloc(text, larger);

			if (moved == NULL)
				return -ENOMEM;
			text = moved;
			room = larger;
		}
		more = read(fd, text + length, room - length - 1);
		if (more < 0)
			return -errno;
		if (more == 0)
			break;
		length += (size_t)more;
	}
	text[length] = '\0';
	*ret_text = text;
	text = NULL;
	return 0;
}

/* The children of one thread. -ENOENT: it is gone, or the kernel lists none. */
static int list_children(int proc, pid_t pid, pid_t thread, pid_t **ret_pids, size_t *ret_count)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/task/%d/children", (int)pid, (int)thread);

	_cleanup_fd_ int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	int r = fd < 0 ? -errno : read_list(fd, &text);
	size_t count = 0;
	pid_t *pids;
	char *rest;

	if (r < 0 || text == NULL)
		return r;
	pids = calloc(strlen(text) / 2 + 1, sizeof(*pids)); /* a digit and a blank at least */
	if (pids == NULL)
		return -ENOMEM;
	rest = text;
	for (char *word; (word = strsep(&rest, " ")) != NULL;) {
		pid_t child = parse_pid(word);

		if (child != 0)
			pids[count++] = child;
	}
	*ret_pids = pids;
	*ret_count = count;
	return 0;
}

int family_proc_search_children(pid_t **ret_pids, size_t *ret_count)
{
	_cleanup_fd_ int proc = family_proc_open();
	struct process_table table = { .count = 0 };
	pid_t self = getpid(), *pids;
	size_t count = 0;
	int r = proc < 0 ? proc : family_proc_read_all(proc, &table);

	if (table.count == 0) {
		free(table.entries);
		return r < 0 ? r : -ESRCH;
	}
	pids = calloc(table.count, sizeof(*pids));
	for (size_t i = 0; pids != NULL && i < table.count; i++)
		if (table.entries[i].parent == self)
			pids[count++] = table.entries[i].pid;
	free(table.entries);
	if (pids == NULL)
		return -ENOMEM;
	*ret_pids = pids;
	*ret_count = count;
	return 0;
}

int family_proc_children(pid_t **ret_pids, size_t *ret_count)
{
	_cleanup_fd_ int proc = family_proc_open();
	/* Orphans are given to the first thread, and usherd has no other. */
	int r = proc < 0 ? proc : list_children(proc, getpid(), getpid(), ret_pids, ret_count);

	return r == -ENOENT ? family_proc_search_children(ret_pids, ret_count) : r;
}

/* ---- downwards ---- */

static int add_children(int proc, struct process_table *table, pid_t pid, pid_t thread)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t count = 0;
	int r = list_children(proc, pid, thread, &pids, &count);

	if (r < 0 && r != -ENOMEM)
		return 0; /* it has ended */
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add(proc, table, pids[i]);
	return r;
}

/* A child is in the list of the thread that started it. */
static int add_children_of_threads(int proc, struct process_table *table, pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/task", (int)pid);

	_cleanup_(cleanup_dir) DIR *dir = open_dir(proc, path);
	const struct dirent *entry;
	int r = 0;

	while (dir != NULL && r == 0 && (entry = readdir(dir)) != NULL) {
		pid_t thread = parse_pid(entry->d_name);

		if (thread != 0)
			r = add_children(proc, table, pid, thread);
	}
	return r;
}

static int add_below(int proc, struct process_table *table, size_t i)
{
	pid_t pid = table->entries[i].pid;

	/* The first thread may be a zombie though others live. */
	if (table->entries[i].threads > 1)
		return add_children_of_threads(proc, table, pid);
	if (table->entries[i].state == 'Z' || table->entries[i].state == 'X')
		return 0;
	return add_children(proc, table, pid, pid);
}

/* One that was given another parent meanwhile may have been read twice. If it came to us, its old parent is
 * gone and tells nothing any more. */
static void drop_doubles(struct process_table *table)
{
	pid_t self = getpid();
	size_t left = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct process *process = &table->entries[i];

		if (left == 0 || table->entries[left - 1].pid != process->pid)
			table->entries[left++] = *process;
		else if (process->parent == self)
			table->entries[left - 1] = *process;
	}
	table->count = left;
}

/* Reads what is below the entries from `first` on, level after level, so that a deep one does not use up
 * everybody's share. */
static int descend(int proc, struct process_table *table, size_t first)
{
	int r = 0;

	table->most = table->count + FAMILY_DESCENDANTS_MOST;
	for (size_t i = first; r == 0 && i < table->count; i++)
		r = add_below(proc, table, i);
	table->most = 0;
	sort(table);
	drop_doubles(table);
	return r == -E2BIG ? 0 : r;
}

/* Adds our children but for leaders and for those that are known as such. */
static int add_own(int proc, struct process_table *table, bool (*is_leader)(void *context, pid_t pid),
		   void *context)
{
	_cleanup_free_ pid_t *children = NULL;
	size_t count = 0, known = table->count;
	pid_t self = getpid();
	int r = list_children(proc, self, self, &children, &count);

	for (size_t i = 0; r == 0 && i < count; i++) {
		struct process_table before = { .entries = table->entries, .count = known };
		const struct process *process = family_proc_find(&before, children[i]);

		if ((process == NULL || process->parent != self) && !is_leader(context, children[i]))
			r = add(proc, table, children[i]);
	}
	return r;
}

int family_proc_read_below(int proc, const pid_t *pids, size_t count,
			   bool (*is_leader)(void *context, pid_t pid), void *context,
			   struct process_table *table)
{
	size_t first = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = add(proc, table, pids[i]);
	/* Whoever loses his parent comes to us. So ours come last, and again if that may have happened since. */
	for (unsigned pass = 0; r == 0 && pass < PASSES_MOST && (pass == 0 || table->count > first); pass++) {
		r = descend(proc, table, first);
		first = table->count;
		if (r == 0)
			r = add_own(proc, table, is_leader, context);
	}
	/* After an error, and for those of the last pass, which nobody looked below. */
	sort(table);
	drop_doubles(table);
	if (r == -ENOENT)
		table->count = 0;
	return r == -ENOENT ? -ENOSYS : r;
}
