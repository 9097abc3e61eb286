/* holders.c - looking for a socket among the descriptors of other processes.
 *
 * kcmp(2) tells of one descriptor of one process whether it is the same open file as ours. Where it is
 * forbidden or missing (containers, old kernels) the name in /proc/PID/fd, "socket:[INODE]",
 * must do: a socket has one inode and one open file.
 *
 * It does not stop those it looks at. What is passed on between two looks can be missed: a descriptor
 * moved within a process while its list is read, or one on its way in a message. */
#include "holders.h"

#include "base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define PATH_ROOM      64
#define NAME_ROOM      32           /* "socket:[" and a number of 64 bits */
#define PROCESSES_MOST (128 * 1024) /* entries of /proc */
#define THREADS_MOST   4096         /* of a process */
#define LIKELY         2            /* descriptors 0 and 1: where sessions begin with it */

/* What is looked for. */
struct search {
	int fd;
	char name[NAME_ROOM]; /* as /proc shows it; empty: not asked for yet */
	struct holder_hint *hint;
	bool barred; /* there was a process of the session that we may not look into */
	bool short_of; /* or could not, for want of descriptors or memory */
};

static void cleanup_directory(DIR **directory)
{
	if (*directory != NULL)
		closedir(*directory);
}
#define _cleanup_directory_ _cleanup_(cleanup_directory)

/* The number that a name in /proc is, or -1. */
static int number_of(const char *name)
{
	char *end;
	long number = strtol(name, &end, 10);

	return *name >= '0' && *name <= '9' && *end == '\0' && number <= INT32_MAX ? (int)number : -1;
}

static int find_name(struct search *search)
{
	struct stat status;

	if (search->name[0] != '\0')
		return 0;
	if (fstat(search->fd, &status) != 0)
		return -errno;
	if (!S_ISSOCK(status.st_mode))
		return -ENOTSOCK;
	snprintf(search->name, sizeof(search->name), "socket:[%ju]", (uintmax_t)status.st_ino);
	return 0;
}

static bool has_name(const struct search *search, int directory, const char *path)
{
	char name[NAME_ROOM];
	ssize_t n = readlinkat(directory, path, name, sizeof(name));

	return n == (ssize_t)strlen(search->name) && memcmp(name, search->name, (size_t)n) == 0;
}

/* Whether descriptor `fd` of the process (or thread) is our socket. */
static bool is_it(struct search *search, pid_t pid, int fd)
{
	long r = syscall(SYS_kcmp, pid, getpid(), KCMP_FILE, fd, search->fd);
	char path[PATH_ROOM];

	if (r >= 0 || (errno != EPERM && errno != EACCES && errno != ENOSYS))
		return r == 0;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	return find_name(search) == 0 && has_name(search, AT_FDCWD, path);
}

static bool found(struct search *search, pid_t pid, int fd)
{
	*search->hint = (struct holder_hint){ .pid = pid, .fd = fd };
	return true;
}

/* A process (or thread) that has ended and was not waited for yet: it has nothing, but its
 * /proc/PID/fd may be forbidden. */
static bool is_dead(pid_t pid, pid_t thread)
{
	char path[PATH_ROOM], text[256];
	_cleanup_fd_ int fd = -1;
	const char *after_name;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ESRCH;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return n < 0 && errno == ESRCH;
	text[n] = '\0';
	after_name = strrchr(text, ')'); /* a name may have any characters in it */
	return after_name != NULL && (after_name[2] == 'Z' || after_name[2] == 'X');
}

static void note_failure(struct search *search)
{
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
		search->short_of = true;
	else
		search->barred = true;
}

/* Looks through the descriptors of one thread; mostly all threads of a process share them. */
static bool look_at_thread(struct search *search, pid_t pid, pid_t thread)
{
	_cleanup_directory_ DIR *directory = NULL;
	char path[PATH_ROOM];
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/fd", (int)pid, (int)thread);
	directory = opendir(path);
	if (directory == NULL) {
		if (errno != ENOENT && errno != ESRCH && !is_dead(pid, thread))
			note_failure(search);
		return false;
	}
	while ((errno = 0, entry = readdir(directory)) != NULL) {
		int fd = number_of(entry->d_name);

		if (fd >= 0 && has_name(search, dirfd(directory), entry->d_name) && is_it(search, thread, fd))
			return found(search, thread, fd);
	}
	if (errno != 0 && errno != ENOENT && errno != ESRCH)
		note_failure(search);
	return false;
}

static bool look_at_process(struct search *search, pid_t pid)
{
	_cleanup_directory_ DIR *directory = NULL;
	char path[PATH_ROOM];
	struct dirent *entry;
	pid_t last = 0;
	int left = THREADS_MOST;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	directory = opendir(path);
	if (directory == NULL) {
		if (errno != ENOENT && errno != ESRCH)
			note_failure(search);
		return false;
	}
	while ((entry = readdir(directory)) != NULL && left-- > 0) {
		pid_t thread = number_of(entry->d_name);

		if (thread <= 0 || (last > 0 && syscall(SYS_kcmp, last, thread, KCMP_FILES, 0, 0) == 0))
			continue;
		if (look_at_thread(search, pid, thread))
			return true;
		last = thread;
	}
	if (left <= 0)
		search->barred = true;
	return false;
}

static bool is_of(pid_t pid, pid_t group)
{
	return getpgid(pid) == group || getsid(pid) == group;
}

static bool look_at_group(struct search *search, pid_t leader, pid_t group)
{
	_cleanup_directory_ DIR *directory = opendir("/proc");
	struct dirent *entry;
	int left = PROCESSES_MOST;
	pid_t self = getpid();

	if (directory == NULL) {
		note_failure(search);
		return false;
	}
	while ((entry = readdir(directory)) != NULL && left-- > 0) {
		pid_t pid = number_of(entry->d_name);

		if (pid > 0 && pid != leader && pid != self && is_of(pid, group) &&
		    look_at_process(search, pid))
			return true;
	}
	if (left <= 0)
		search->barred = true;
	return false;
}

static bool is_likely(struct search *search, pid_t leader)
{
	/* The pid of the hint may be of another process now: that one does not have the socket. */
	if (search->hint->pid > 0 && is_it(search, search->hint->pid, search->hint->fd))
		return true;
	for (int likely = 0; leader > 0 && likely < LIKELY; likely++)
		if (is_it(search, leader, likely) && found(search, leader, likely))
			return true;
	return false;
}

bool holders_likely(int fd, pid_t leader, struct holder_hint *hint)
{
	struct search search = { .fd = fd, .hint = hint };

	return is_likely(&search, leader);
}

enum holders holders_of(int fd, pid_t leader, pid_t group, struct holder_hint *hint)
{
	struct search search = { .fd = fd, .hint = hint };

	if (is_likely(&search, leader))
		return HOLDERS_SOME;
	if (find_name(&search) != 0)
		return HOLDERS_UNKNOWN;
	if ((leader > 0 && look_at_process(&search, leader)) ||
	    (group > 0 && look_at_group(&search, leader, group)))
		return HOLDERS_SOME;
	if (search.short_of) /* that passes: as before, until it is known */
		return HOLDERS_SOME;
	return search.barred ? HOLDERS_UNKNOWN : HOLDERS_NONE;
}
