/* conf-seen.c - files as a service sees them. */
#include "conf-seen.h"

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

int conf_seen_open(const struct conf_seen *seen, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT };
	char full[PATH_MAX];
	int fd;

	if (seen->chroot == NULL) {
		fd = open(path, flags | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}

	_cleanup_fd_ int root = open(seen->chroot, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd >= 0)
		return fd;
	if (errno != ENOSYS)
		return -errno;
	/* Linux before 5.6: links are then taken as they are here. */
	if ((size_t)snprintf(full, sizeof(full), "%s/%s", seen->chroot, path) >= sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool is_in_group(const struct conf_identity *rights, gid_t gid)
{
	if (rights->gid == gid)
		return true;
	for (size_t i = 0; i < rights->group_count; i++)
		if (rights->groups[i] == gid)
			return true;
	return false;
}

static bool has_access_list(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return getxattr(path, "system.posix_acl_access", NULL, 0) > 0;
}

bool conf_seen_may(const struct conf_seen *seen, int fd, const struct stat *status, mode_t bit)
{
	const struct conf_identity *rights = seen->rights;
	mode_t all = bit | bit << 3 | bit << 6;
	mode_t mine = is_in_group(rights, status->st_gid) ? bit << 3 : bit;

	if (!rights->change)
		return true;
	if (rights->uid == 0)
		return bit != S_IXOTH || (status->st_mode & all) != 0;
	if (rights->uid == status->st_uid)
		mine = bit << 6;
	return (status->st_mode & mine) != 0 || has_access_list(fd);
}

int conf_seen_way(const struct conf_seen *seen, const char *path, char directory[static PATH_MAX],
		  mode_t *ret_mode)
{
	struct stat status;

	if (!seen->rights->change || seen->rights->uid == 0)
		return 0;
	for (const char *slash = path; slash != NULL; slash = strchr(slash + 1, '/')) {
		snprintf(directory, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);

		_cleanup_fd_ int fd = conf_seen_open(seen, directory, O_PATH | O_DIRECTORY);

		if (fd < 0)
			return fd;
		if (fstat(fd, &status) < 0)
			return -errno;
		if (!conf_seen_may(seen, fd, &status, S_IXOTH)) {
			*ret_mode = status.st_mode & 07777;
			return 1;
		}
	}
	return 0;
}
