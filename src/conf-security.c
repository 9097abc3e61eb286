/* conf-security.c - walks a path one name at a time. */
#include "conf-security.h"

#include "base.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define LINKS_MAX 40

struct walk {
	char done[PATH_MAX]; /* checked; "" is the root directory */
	char rest[PATH_MAX]; /* still to go */
	unsigned links;
};

static int refuse(const char *path, const struct stat *status, const char *why,
		  char reason[static CONF_FILE_REASON_MAX])
{
	snprintf(reason, CONF_FILE_REASON_MAX, "not read as root: %.300s (mode %04o, owner %u, group %u) %s",
		 path, status->st_mode & 07777, status->st_uid, status->st_gid, why);
	return -EPERM;
}

static int check_one(const char *path, const struct stat *status, char reason[static CONF_FILE_REASON_MAX])
{
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return refuse(path, status, "belongs to another user; chown it to root", reason);
	if (S_ISLNK(status->st_mode))
		return 0;
	if (S_ISDIR(status->st_mode) && (status->st_mode & S_ISVTX) != 0)
		return 0;
	if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return refuse(path, status, "can be written by others; chmod go-w it", reason);
	return 0;
}

static int too_long(char reason[static CONF_FILE_REASON_MAX])
{
	snprintf(reason, CONF_FILE_REASON_MAX, "the path is too long");
	return -ENAMETOOLONG;
}

/* Puts what a link says in front of what is still to go. */
static int follow(struct walk *walk, const char *link, char reason[static CONF_FILE_REASON_MAX])
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target) - 1);

	if (length < 0) {
		int r = -errno;

		snprintf(reason, CONF_FILE_REASON_MAX, "cannot follow %.300s: %s", link, strerror(-r));
		return r;
	}
	target[length] = '\0';
	if (++walk->links > LINKS_MAX) {
		snprintf(reason, CONF_FILE_REASON_MAX, "cannot open the file: %s", strerror(ELOOP));
		return -ELOOP;
	}
	if ((size_t)snprintf(rest, sizeof(rest), "%s/%s", target, walk->rest) >= sizeof(rest))
		return too_long(reason);
	if (target[0] == '/')
		walk->done[0] = '\0';
	memcpy(walk->rest, rest, sizeof(rest));
	return 0;
}

/* Checks the next name of the path. */
static int step(struct walk *walk, char reason[static CONF_FILE_REASON_MAX])
{
	char name[NAME_MAX + 1], path[PATH_MAX];
	size_t skip = strspn(walk->rest, "/"), length = strcspn(walk->rest + skip, "/");
	struct stat status;

	if (length >= sizeof(name))
		return too_long(reason);
	memcpy(name, walk->rest + skip, length);
	name[length] = '\0';
	memmove(walk->rest, walk->rest + skip + length, strlen(walk->rest + skip + length) + 1);

	if (length == 0 || strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0) {
		char *slash = strrchr(walk->done, '/');

		if (slash != NULL)
			*slash = '\0';
		return 0;
	}
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", walk->done, name) >= sizeof(path))
		return too_long(reason);
	if (lstat(path, &status) < 0) {
		int r = -errno;

		snprintf(reason, CONF_FILE_REASON_MAX, "cannot open the file: %.300s: %s", path,
			 strerror(-r));
		return r;
	}

	int r = check_one(path, &status, reason);

	if (r < 0)
		return r;
	if (S_ISLNK(status.st_mode))
		return follow(walk, path, reason);
	memcpy(walk->done, path, sizeof(path));
	return 0;
}

int conf_security_check(const char *path, char reason[static CONF_FILE_REASON_MAX])
{
	struct walk walk = {0};
	struct stat status;
	int length;

	if (path[0] == '/') {
		length = snprintf(walk.rest, sizeof(walk.rest), "%s", path);
	} else {
		char here[PATH_MAX];

		if (getcwd(here, sizeof(here)) == NULL)
			return too_long(reason);
		length = snprintf(walk.rest, sizeof(walk.rest), "%s/%s", here, path);
	}
	if ((size_t)length >= sizeof(walk.rest))
		return too_long(reason);

	int r = stat("/", &status) < 0 ? -errno : check_one("/", &status, reason);

	while (r == 0 && walk.rest[0] != '\0')
		r = step(&walk, reason);
	return r;
}
