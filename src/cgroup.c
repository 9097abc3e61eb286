/* cgroup.c - the cgroups of sessions: WHERE/session-N, N from 1.
 *
 * A place is at rest (empty, its directory made or not), taken, or aside: given back
 * with processes still in it. Those aside are looked at again, a few whenever a place is taken. A directory
 * of ours has its number for good; one that somebody else made, or that a former run
 * left behind with processes in it, is never used: making it fails, and the next number is tried.
 *
 * No controller is enabled, so neither WHERE nor its directories mind
 * processes next to directories ("no internal processes"). A session that ran with the right
 * to change its cgroup may leave it changed: frozen, or with directories of its own. Then it is
 * removed with them and made anew. */
#include "cgroup.h"

#include "base.h"
#include "cgroup-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NAME_MAX_TEXT    48 /* session-4294967295/cgroup.subtree_control */
#define MAKE_TRIES       1024
#define LOOKS_AT_A_TIME  4
#define OPEN_AT_REST     64
#define DEPTH_MOST       16
#define FILE_MAX         4096
#define NUMBER_MOST      1000000

enum place_state {
	PLACE_STRANGE, /* somebody else's number */
	PLACE_REST,
	PLACE_TAKEN,
	PLACE_ASIDE,
};

struct place {
	enum place_state state;
	bool killed;   /* by cgroup.kill: it cannot be used again, see cgroup_kill() */
	int fd;        /* -1: not open */
	unsigned next; /* number of the next one at rest, or aside; 0: the last */
};

struct cgroup_pool {
	int fd;
	char *made; /* WHERE, when it was made here: then it is removed, too */
	struct place *places;  /* places[N - 1] */
	unsigned count, room;
	unsigned rest;         /* the one that was given last is taken first */
	unsigned open_at_rest;
	unsigned aside_first, aside_last;
};

static void name_of(unsigned number, const char *file, char name[static NAME_MAX_TEXT])
{
	snprintf(name, NAME_MAX_TEXT, "session-%u%s", number, file);
}

static struct place *place_of(struct cgroup_pool *pool, unsigned number)
{
	if (number == 0 || number > pool->count)
		BUG("there is no such cgroup");
	return &pool->places[number - 1];
}

/* ---- what a directory has ---- */

static int read_file(int dir, const char *name, char text[static FILE_MAX])
{
	_cleanup_fd_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, text, FILE_MAX - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	return 0;
}

/* As it is after mkdir(2), or else what is the matter. */
enum content {
	CONTENT_PLAIN,
	CONTENT_CHANGED, /* nobody is in it, but it cannot be used as it is */
	CONTENT_POPULATED,
};

static enum content look_at(const struct cgroup_pool *pool, unsigned number)
{
	char name[NAME_MAX_TEXT], text[FILE_MAX];
	struct stat facts;
	int r;

	name_of(number, "/cgroup.events", name);
	r = read_file(pool->fd, name, text);
	if (r == -ENOENT || r == -ENODEV)
		return CONTENT_CHANGED; /* somebody removed it */
	if (r < 0 || strstr(text, "populated 0\n") == NULL)
		return CONTENT_POPULATED;
	if (strstr(text, "frozen 1\n") != NULL)
		return CONTENT_CHANGED;
	name_of(number, "", name);
	return fstatat(pool->fd, name, &facts, 0) == 0 && facts.st_nlink == 2 ? CONTENT_PLAIN : CONTENT_CHANGED;
}

static void cleanup_dir(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
}

static DIR *open_dir(int above, const char *name)
{
	_cleanup_fd_ int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir != NULL)
		fd = -1; /* the stream has it */
	return dir;
}

/* With the directories in it; fails where a process is. */
static int remove_tree(int above, const char *name, unsigned depth)
{
	if (unlinkat(above, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;

	int r = -errno;
	_cleanup_(cleanup_dir) DIR *dir = depth == 0 ? NULL : open_dir(above, name);
	const struct dirent *entry;

	if (dir == NULL)
		return r;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			(void)remove_tree(dirfd(dir), entry->d_name, depth - 1);
	return unlinkat(above, name, AT_REMOVEDIR) == 0 ? 0 : -errno;
}

/* ---- the pool ---- */

/* Removes what a former run left. What cannot be removed keeps its number. */
static void sweep(const struct cgroup_pool *pool)
{
	_cleanup_(cleanup_dir) DIR *dir = open_dir(pool->fd, ".");
	const struct dirent *entry;
	char name[NAME_MAX_TEXT];

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, "session-", 8) != 0)
			continue;
		/* Only what is written as we write it. */
		name_of((unsigned)strtoul(entry->d_name + 8, NULL, 10), "", name);
		if (strcmp(entry->d_name, name) == 0)
			(void)remove_tree(pool->fd, name, DEPTH_MOST);
	}
}

static int add_number(struct cgroup_pool *pool)
{
	if (pool->count == pool->room) {
		unsigned room = pool->room == 0 ? 64 : pool->room * 2;
		struct place *places = reallocarray(pool->places, room, sizeof(*places));

		if (places == NULL)
			return -ENOMEM;
		pool->places = places;
		pool->room = room;
	}
	pool->places[pool->count++] = (struct place){ .state = PLACE_STRANGE, .fd = -1 };
	return 0;
}

static void put_to_rest(struct cgroup_pool *pool, unsigned number)
{
	struct place *place = place_of(pool, number);

	if (place->fd >= 0 && pool->open_at_rest == OPEN_AT_REST)
		close(fd_take(&place->fd));
	pool->open_at_rest += place->fd >= 0;
	place->state = PLACE_REST;
	place->next = pool->rest;
	pool->rest = number;
}

/* Makes the directory of a number that nobody has yet, and puts it to rest. */
static int make_place(struct cgroup_pool *pool)
{
	char name[NAME_MAX_TEXT];

	for (unsigned tries = 0; tries < MAKE_TRIES; tries++) {
		int r = add_number(pool);

		if (r < 0)
			return r;
		name_of(pool->count, "", name);
		if (mkdirat(pool->fd, name, 0755) == 0) {
			put_to_rest(pool, pool->count);
			return 0;
		}
		r = -errno;
		if (r != -EEXIST) {
			pool->count--;
			return r;
		}
	}
	return -EEXIST;
}

static int open_place(struct cgroup_pool *pool, unsigned number)
{
	char name[NAME_MAX_TEXT];
	int fd;

	name_of(number, "", name);
	fd = openat(pool->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && mkdirat(pool->fd, name, 0755) == 0)
		fd = openat(pool->fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- places that were given back ---- */

static void set_aside(struct cgroup_pool *pool, unsigned number)
{
	struct place *place = place_of(pool, number);

	if (place->fd >= 0)
		close(fd_take(&place->fd));
	place->state = PLACE_ASIDE;
	place->next = 0;
	if (pool->aside_last != 0)
		place_of(pool, pool->aside_last)->next = number;
	else
		pool->aside_first = number;
	pool->aside_last = number;
}

static void sort_away(struct cgroup_pool *pool, unsigned number)
{
	struct place *place = place_of(pool, number);
	char name[NAME_MAX_TEXT];
	enum content content = look_at(pool, number);

	if (content == CONTENT_PLAIN && place->killed)
		content = CONTENT_CHANGED;
	if (content == CONTENT_CHANGED) {
		name_of(number, "", name);
		if (place->fd >= 0)
			close(fd_take(&place->fd)); /* it would mean the removed one */
		if (remove_tree(pool->fd, name, DEPTH_MOST) < 0)
			content = CONTENT_POPULATED;
	}
	if (content == CONTENT_POPULATED) {
		set_aside(pool, number);
		return;
	}
	place->killed = false; /* what stands there next is new */
	put_to_rest(pool, number);
}

static void look_again(struct cgroup_pool *pool)
{
	for (unsigned looks = 0; looks < LOOKS_AT_A_TIME && pool->aside_first != 0; looks++) {
		unsigned number = pool->aside_first;

		pool->aside_first = place_of(pool, number)->next;
		if (pool->aside_first == 0)
			pool->aside_last = 0;
		sort_away(pool, number);
	}
}

int cgroup_take(struct cgroup_pool *pool, struct cgroup_place *ret_place, int *ret_fd)
{
	look_again(pool);
	if (pool->rest == 0) {
		int r = make_place(pool);

		if (r < 0)
			return r;
	}

	unsigned number = pool->rest;
	struct place *place = place_of(pool, number);

	if (place->fd >= 0) {
		pool->open_at_rest--;
	} else {
		int fd = open_place(pool, number);

		if (fd < 0)
			return fd;
		place->fd = fd;
	}
	pool->rest = place->next;
	place->state = PLACE_TAKEN;
	*ret_place = (struct cgroup_place){ .pool = pool, .number = number };
	*ret_fd = place->fd;
	return 0;
}

void cgroup_resume(struct cgroup_pool *pool, unsigned number, struct cgroup_place *ret_place)
{
	if (number == 0 || number > NUMBER_MOST)
		return;
	while (pool->count < number)
		if (add_number(pool) < 0)
			return;
	/* Its directory was not empty, and so was found to be somebody else's. */
	if (place_of(pool, number)->state != PLACE_STRANGE)
		return;
	place_of(pool, number)->state = PLACE_TAKEN;
	*ret_place = (struct cgroup_place){ .pool = pool, .number = number };
}

const char *cgroup_pool_made(const struct cgroup_pool *pool)
{
	return pool->made;
}

void cgroup_pool_own(struct cgroup_pool *pool, const char *where)
{
	if (pool->made == NULL)
		pool->made = strdup(where); /* without memory it stays behind, empty */
}

void cgroup_give(struct cgroup_place *place)
{
	if (place->pool == NULL)
		return;
	if (place_of(place->pool, place->number)->state != PLACE_TAKEN)
		BUG("a cgroup is given back twice");
	sort_away(place->pool, place->number);
	*place = (struct cgroup_place){ .pool = NULL };
}

/* ---- what is in it ---- */

/* The kernel compares how often the cgroup of a child was killed with the same of its parent's, to catch a
 * fork that runs while it kills (Linux 6.14 and later): who begins in one that was killed before dies at once. So
 * its directory is removed, and made anew. */
int cgroup_kill(const struct cgroup_place *place)
{
	char name[NAME_MAX_TEXT];

	place_of(place->pool, place->number)->killed = true;

	name_of(place->number, "/cgroup.kill", name);

	_cleanup_fd_ int fd = openat(place->pool->fd, name, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1", 1) == 1)
		return 0;
	/* Before Linux 5.14, or not allowed. */
	name_of(place->number, "", name);
	return cgroup_kill_each(place->pool->fd, name);
}

bool cgroup_is_populated(const struct cgroup_place *place)
{
	return place->pool != NULL && look_at(place->pool, place->number) == CONTENT_POPULATED;
}

/* ---- making and freeing ---- */

static int fail(int error, char reason[static CGROUP_REASON_MAX], const char *where, const char *what)
{
	snprintf(reason, CGROUP_REASON_MAX, "%.120s: %s: %s", where, what, strerror(-error));
	return error;
}

static int open_where(const char *where, struct cgroup_pool *pool, char reason[static CGROUP_REASON_MAX])
{
	int r;

	if (mkdir(where, 0755) == 0) {
		pool->made = strdup(where);
		if (pool->made == NULL) {
			rmdir(where);
			return fail(-ENOMEM, reason, where, "cannot be used");
		}
	} else if (errno != EEXIST) {
		r = -errno;
		return fail(r, reason, where,
			    r == -ENOENT ? "the directory above it must be there" :
					   "cannot be made; let the service manager delegate a cgroup to usherd, or be root");
	}
	pool->fd = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pool->fd < 0)
		return fail(-errno, reason, where, "cannot be opened");
	if (!cgroup_is_unified(pool->fd)) {
		cgroup_explain_where(where, reason);
		return -EINVAL;
	}
	return 0;
}

/* A filter of system calls may answer for the kernel: RestrictNamespaces= of systemd cannot look into what clone3(2)
 * is given, and says that there is none. */
static int may_begin_inside(const char *where, char reason[static CGROUP_REASON_MAX])
{
	if (syscall(SYS_clone3, NULL, (size_t)0) == 0 || errno != ENOSYS)
		return 0;
	snprintf(reason, CGROUP_REASON_MAX,
		 "%.80s: no process can begin in it, as clone3(2) is not permitted; RestrictNamespaces=no permits it", where);
	return -ENOSYS;
}

static int begin(const char *where, struct cgroup_pool **ret_pool, char reason[static CGROUP_REASON_MAX])
{
	struct cgroup_pool *pool = calloc(1, sizeof(*pool));
	int r;

	if (pool == NULL)
		return fail(-ENOMEM, reason, where, "cannot be used");
	pool->fd = -1;
	r = may_begin_inside(where, reason);
	if (r == 0)
		r = open_where(where, pool, reason);
	if (r == 0) {
		sweep(pool);
		/* To know at the start, not when the first client comes. */
		r = make_place(pool);
		if (r < 0)
			fail(r, reason, where,
			     "no directory can be made in it; let the service manager delegate it to usherd, or be root");
	}
	if (r < 0) {
		cgroup_pool_free(pool);
		return r;
	}
	*ret_pool = pool;
	return 0;
}

int cgroup_pool_new(const char *where, struct cgroup_pool **ret_pool, char reason[static CGROUP_REASON_MAX])
{
	char own[PATH_MAX];
	int r;

	reason[0] = '\0';
	if (strcmp(where, "auto") != 0)
		return begin(where, ret_pool, reason);
	if (cgroup_find_own(own) == 0 && cgroup_is_delegated(own)) {
		r = begin(own, ret_pool, reason);
		if (r == 0 || r == -ENOMEM)
			return r;
	}
	*ret_pool = NULL;
	return 0;
}

int cgroup_move(int fd, pid_t pid)
{
	_cleanup_fd_ int file = openat(fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	return file >= 0 && dprintf(file, "%d", pid) > 0 ? 0 : -errno;
}

void cgroup_pool_free(struct cgroup_pool *pool)
{
	char name[NAME_MAX_TEXT];

	if (pool == NULL)
		return;
	for (unsigned number = 1; number <= pool->count; number++) {
		struct place *place = place_of(pool, number);

		name_of(number, "", name);
		if (place->state != PLACE_STRANGE)
			(void)remove_tree(pool->fd, name, DEPTH_MOST);
		cleanup_fd(&place->fd);
	}
	cleanup_fd(&pool->fd);
	if (pool->made != NULL)
		(void)rmdir(pool->made);
	free(pool->made);
	free(pool->places);
	free(pool);
}
