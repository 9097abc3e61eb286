/* cgroup-find.c - where cgroups of version 2 are, and which one is ours.
 *
 * Version 2 may be mounted anywhere (/sys/fs/cgroup, or next to version 1 in
 * /sys/fs/cgroup/unified), and only a part of it may be mounted. */
#include "cgroup-internal.h"

#include "base.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

/* Blanks and the like are written \040 in mountinfo. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; to++) {
		unsigned code;

		if (from[0] == '\\' && sscanf(from + 1, "%3o", &code) == 1) {
			*to = (char)code;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static void cleanup_line(char **line)
{
	free(*line);
}

/* ID PARENT DEVICE ROOT MOUNT-POINT OPTIONS [MORE]... - TYPE SOURCE OPTIONS */
static bool next_mount(FILE *file, char **line, size_t *room, char **ret_root, char **ret_point)
{
	while (getline(line, room, file) > 0) {
		char *words[5], *rest = *line;
		const char *type = strstr(rest, " - ");

		if (type == NULL || strncmp(type, " - cgroup2 ", 11) != 0)
			continue;
		for (size_t i = 0; i < ELEMENTS(words); i++)
			words[i] = rest == NULL ? NULL : strsep(&rest, " ");
		if (words[4] == NULL)
			continue;
		unescape(words[3]);
		unescape(words[4]);
		*ret_root = words[3];
		*ret_point = words[4];
		return true;
	}
	return false;
}

/* The part of `path` below `root`, which may be empty; NULL: it is not below. */
static const char *below(const char *path, const char *root)
{
	size_t length = strlen(root);

	if (length == 1)
		length = 0; /* "/" */
	if (strncmp(path, root, length) != 0 || (path[length] != '/' && path[length] != '\0'))
		return NULL;
	return path[length] == '\0' || path[length + 1] == '\0' ? "" : path + length;
}

/* "0::/PATH" */
static int read_own(char ret_path[static PATH_MAX])
{
	_cleanup_file_ FILE *file = fopen("/proc/self/cgroup", "re");
	_cleanup_(cleanup_line) char *line = NULL;
	size_t room = 0;

	while (file != NULL && getline(&line, &room, file) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::/", 4) != 0 || strlen(line + 3) >= PATH_MAX)
			continue;
		/* Outside of what our cgroup namespace shows. */
		if (strncmp(line + 3, "/..", 3) == 0)
			return -ENOENT;
		strcpy(ret_path, line + 3);
		return 0;
	}
	return -ENOENT;
}

int cgroup_find_own(char ret_path[static PATH_MAX])
{
	_cleanup_file_ FILE *file = fopen("/proc/self/mountinfo", "re");
	_cleanup_(cleanup_line) char *line = NULL;
	char own[PATH_MAX], *root, *point;
	size_t room = 0;
	int r = read_own(own);

	if (r < 0)
		return r;
	while (file != NULL && next_mount(file, &line, &room, &root, &point)) {
		const char *rest = below(own, root);

		if (rest != NULL && snprintf(ret_path, PATH_MAX, "%s%s", point, rest) < PATH_MAX)
			return 0;
	}
	return -ENOENT;
}

bool cgroup_is_delegated(const char *path)
{
	static const char *const attributes[] = { "user.delegate", "trusted.delegate" };
	char value[2];

	for (size_t i = 0; i < ELEMENTS(attributes); i++)
		if (getxattr(path, attributes[i], value, sizeof(value)) == 1 && value[0] == '1')
			return true;
	return false;
}

bool cgroup_is_unified(int fd)
{
	struct statfs facts;

	return fstatfs(fd, &facts) == 0 && facts.f_type == CGROUP2_SUPER_MAGIC;
}

void cgroup_explain_where(const char *path, char reason[static CGROUP_REASON_MAX])
{
	_cleanup_file_ FILE *file = fopen("/proc/self/mountinfo", "re");
	_cleanup_(cleanup_line) char *line = NULL;
	char *root, *point;
	size_t room = 0;

	if (file != NULL && next_mount(file, &line, &room, &root, &point))
		snprintf(reason, CGROUP_REASON_MAX, "%.100s: not a cgroup of version 2; those are below %.80s", path,
			 point);
	else
		snprintf(reason, CGROUP_REASON_MAX, "%.100s: not a cgroup of version 2; none is mounted here", path);
}
