/* listen-unix.c - the files of Unix sockets.
 *
 * Two promises. Nobody can connect before owner and mode are right: the file is
 * born with mode 0 under a temporary name and renamed last. And nothing is
 * lost that is not ours to remove: a path is only taken from a socket on which a
 * connection attempt says that nobody is there, and the exchange is undone if
 * something else turns out to have been at the path.
 *
 * The directory may belong to somebody else, so files are changed through
 * descriptors (O_PATH, never through a link), not through names. */
#include "listen-unix.h"

#include "base.h"
#include "libc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define ATTEMPTS 8	    /* at a path that changes while it is looked at */
#define TEMPORARY_NAMES 100 /* left behind by processes of our number that were killed */

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* A path and the directory it is in. */
struct place {
	const char *path, *name;
	char parent[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int directory;
	char temporary[NAME_MAX + 1]; /* what to remove from the directory at the end */
};

enum found {
	FOUND_NOTHING,
	FOUND_STALE,
};

static void place_clean(struct place *place)
{
	if (place->directory < 0)
		return;
	if (place->temporary[0] != '\0')
		unlinkat(place->directory, place->temporary, 0);
	close(place->directory);
}

static _printf_(3, 4) int refuse(char reason[static LISTEN_REASON_MAX], int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, LISTEN_REASON_MAX, format, arguments);
	va_end(arguments);
	return -error;
}

/* A socket that was handed to us has no known file: device and inode 0. */
static bool same_file(const struct stat *a, dev_t device, ino_t inode)
{
	return a->st_dev == device && a->st_ino == inode;
}

static int open_place(const struct endpoint *endpoint, struct place *place,
		      char reason[static LISTEN_REASON_MAX])
{
	size_t length;

	place->path = endpoint->address.un.sun_path;
	place->name = strrchr(place->path, '/') + 1;
	length = (size_t)(place->name - place->path);
	memcpy(place->parent, place->path, length);
	place->parent[length > 1 ? length - 1 : length] = '\0';

	place->directory = open(place->parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place->directory >= 0)
		return 0;
	if (errno == ENOENT)
		return refuse(reason, ENOENT, "the directory %s does not exist; create it first",
			      place->parent);
	return refuse(reason, errno, "the directory %s: %s", place->parent, strerror(errno));
}

static const char *file_type(mode_t mode)
{
	if (S_ISREG(mode))
		return "a regular file";
	if (S_ISDIR(mode))
		return "a directory";
	if (S_ISLNK(mode))
		return "a symbolic link";
	return "not a socket";
}

/* Asks whether anybody is at a socket. A datagram socket connects to another one
 * and is told EPROTOTYPE about the other types: either way whoever is there
 * notices nothing, and a program that has bound but does not listen yet counts
 * as well. 0: nobody is there; -EAGAIN: the file has gone; -errno with a reason
 * otherwise. Never waits. */
static int probe_socket(const struct endpoint *endpoint, char reason[static LISTEN_REASON_MAX])
{
	_cleanup_fd_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return refuse(reason, errno, "cannot open a socket: %s", strerror(errno));
	if (connect(fd, &endpoint->address.sa, endpoint->length) < 0) {
		if (errno == ECONNREFUSED)
			return 0;
		if (errno == ENOENT)
			return -EAGAIN;
		if (errno == EACCES)
			return refuse(reason, EACCES,
				      "cannot tell whether anybody answers on the socket that is there: %s; "
				      "remove it, or choose another path",
				      strerror(errno));
	}
	return refuse(
		reason, EADDRINUSE,
		"another program has this socket (`ss -xlp` shows which); stop it, or choose another path");
}

/* Looks at the path: nothing, or a socket that may be replaced, or an error. */
static int examine(const struct endpoint *endpoint, const struct place *place, enum found *ret_found,
		   struct stat *ret_stale, char reason[static LISTEN_REASON_MAX])
{
	struct stat status;
	int error;

	if (fstatat(place->directory, place->name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return refuse(reason, errno, "cannot look at the path: %s", strerror(errno));
		*ret_found = FOUND_NOTHING;
		return 0;
	}
	if (!S_ISSOCK(status.st_mode))
		return refuse(reason, EEXIST,
			      "the path is %s and is left alone; remove it, or choose another path",
			      file_type(status.st_mode));
	error = probe_socket(endpoint, reason);
	if (error != 0)
		return error;
	if (geteuid() != 0 && status.st_uid != geteuid())
		return refuse(reason, EPERM, "the unused socket that is there belongs to user %u; remove it",
			      status.st_uid);
	*ret_found = FOUND_STALE;
	*ret_stale = status;
	return 0;
}

/* The address of the next temporary name. A path near the limit leaves no room for
 * one, so there the directory is named by its descriptor. */
static bool temporary_address(struct place *place, unsigned number, struct sockaddr_un *ret_address)
{
	const char *slash = place->parent[1] != '\0' ? "/" : "";
	size_t size = sizeof(ret_address->sun_path);
	int length;

	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(place->temporary, sizeof(place->temporary), ".%s.usherd-%d-%u", place->name, getpid(),
		 number);
	length = snprintf(ret_address->sun_path, size, "%s%s%s", place->parent, slash, place->temporary);
	if (length >= 0 && (size_t)length < size)
		return false;
	snprintf(place->temporary, sizeof(place->temporary), ".usherd-%d-%u", getpid(), number);
	snprintf(ret_address->sun_path, size, "/proc/self/fd/%d/%.40s", place->directory, place->temporary);
	return true;
}

static int bind_temporary(int fd, struct place *place, char reason[static LISTEN_REASON_MAX])
{
	struct sockaddr_un address;
	bool through_proc = false;
	int error;

	/* the file takes its mode from the socket, whatever the umask is */
	if (fchmod(fd, 0) < 0)
		return refuse(reason, errno, "cannot set the mode of a socket: %s", strerror(errno));
	for (unsigned number = 0; number < TEMPORARY_NAMES; number++) {
		through_proc = temporary_address(place, number, &address);
		if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
			return 0;
		if (errno != EADDRINUSE)
			break;
	}
	error = errno;
	place->temporary[0] = '\0';
	if (through_proc && error == ENOENT)
		return refuse(
			reason, ENAMETOOLONG,
			"without /proc the path is too long for the name beside it; choose a shorter one");
	return refuse(reason, error, "cannot create a socket in %s: %s", place->parent, strerror(error));
}

static int change_mode(int file, mode_t mode)
{
	char path[sizeof("/proc/self/fd/") + 12];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (chmod(path, mode) == 0)
		return 0;
	if (errno != ENOENT) /* no /proc */
		return -errno;
	return syscall(SYS_fchmodat2, file, "", mode, AT_EMPTY_PATH) == 0 ? 0 : -errno;
}

/* Owner and mode, at no time open to anybody whom one of the two keeps out. */
static int change_file(int file, const struct stat *status, const struct socket_options *options,
		       char reason[static LISTEN_REASON_MAX])
{
	bool other_uid = options->socket_uid != (uid_t)-1 && options->socket_uid != status->st_uid;
	bool other_gid = options->socket_gid != (gid_t)-1 && options->socket_gid != status->st_gid;
	mode_t mode = status->st_mode & 07777;
	int error = 0;

	if (other_uid || other_gid) {
		if ((mode & ~options->socket_mode) != 0) {
			mode &= options->socket_mode;
			error = change_mode(file, mode);
		}
		if (error == 0 &&
		    fchownat(file, "", options->socket_uid, options->socket_gid, AT_EMPTY_PATH) < 0)
			return refuse(reason, errno,
				      "cannot give the socket to its owner or group: %s; that needs root or "
				      "CAP_CHOWN",
				      strerror(errno));
	}
	if (error == 0 && mode != options->socket_mode)
		error = change_mode(file, options->socket_mode);
	if (error != 0)
		return refuse(reason, -error, "cannot set the mode of the socket: %s", strerror(-error));
	return 0;
}

/* Makes the new file what it has to be while it still has its temporary name. */
static int prepare_file(const struct place *place, const struct socket_options *options,
			struct listen_socket *ret_file, char reason[static LISTEN_REASON_MAX])
{
	_cleanup_fd_ int file = openat(place->directory, place->temporary, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	int error;

	if (file < 0 || fstat(file, &status) < 0)
		return refuse(reason, errno, "the new socket file: %s", strerror(errno));
	if (!S_ISSOCK(status.st_mode) || status.st_nlink != 1)
		return refuse(reason, EEXIST, "somebody else changes files in %s", place->parent);
	error = change_file(file, &status, options, reason);
	if (error != 0)
		return error;
	ret_file->device = status.st_dev;
	ret_file->inode = status.st_ino;
	return 0;
}

/* Moves the file where nothing is; -EAGAIN when something has come there. */
static int place_new(struct place *place)
{
	int directory = place->directory;

	if (libc_rename(directory, place->temporary, directory, place->name, RENAME_NOREPLACE) == 0) {
		place->temporary[0] = '\0';
		return 0;
	}
	/* a file system that does not know the flag; the cleanup removes the other name */
	if ((errno == EINVAL || errno == ENOSYS) &&
	    linkat(directory, place->temporary, directory, place->name, 0) == 0)
		return 0;
	return errno == EEXIST ? -EAGAIN : -errno;
}

/* Moves the file to where the stale socket is, which the cleanup then removes
 * under the temporary name; -EAGAIN when something else has come there. */
static int place_over(struct place *place, const struct stat *stale)
{
	int directory = place->directory;
	struct stat status;

	if (libc_rename(directory, place->temporary, directory, place->name, RENAME_EXCHANGE) < 0) {
		if (errno == ENOENT)
			return -EAGAIN;
		if (errno != EINVAL && errno != ENOSYS)
			return -errno;
		if (renameat(directory, place->temporary, directory, place->name) < 0)
			return -errno;
		place->temporary[0] = '\0';
		return 0;
	}
	if (fstatat(directory, place->temporary, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	    same_file(&status, stale->st_dev, stale->st_ino))
		return 0;
	if (libc_rename(directory, place->temporary, directory, place->name, RENAME_EXCHANGE) == 0)
		return -EAGAIN;
	place->temporary[0] = '\0'; /* it is not ours any more */
	return -EBUSY;
}

int listen_unix_bind(int fd, const struct endpoint *endpoint, const struct socket_options *options,
		     struct listen_socket *ret_file, char reason[static LISTEN_REASON_MAX])
{
	_cleanup_(place_clean) struct place place = { .directory = -1 };
	struct listen_socket file = { .fd = fd };
	int error = open_place(endpoint, &place, reason);
	enum found found = FOUND_NOTHING;
	struct stat stale = { 0 };

	/* before anything is created, so that a refusal leaves no trace */
	if (error == 0)
		error = examine(endpoint, &place, &found, &stale, reason);
	if (error != 0 && error != -EAGAIN)
		return error;
	error = bind_temporary(fd, &place, reason);
	if (error == 0)
		error = prepare_file(&place, options, &file, reason);
	if (error != 0)
		return error;
	if (endpoint_is_stream(endpoint) && listen(fd, (int)options->backlog) < 0)
		return refuse(reason, errno, "cannot listen: %s", strerror(errno));

	for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
		error = found == FOUND_NOTHING ? place_new(&place) : place_over(&place, &stale);
		if (error != -EAGAIN)
			break;
		error = examine(endpoint, &place, &found, &stale, reason);
		if (error != 0 && error != -EAGAIN)
			return error;
		error = -EAGAIN;
	}
	if (error != 0)
		return refuse(reason, error == -EAGAIN ? EBUSY : -error, "cannot put the socket in place: %s",
			      error == -EAGAIN ? "the path keeps changing" : strerror(-error));
	file.replaced = found == FOUND_STALE;
	*ret_file = file;
	return 0;
}

int listen_unix_adjust(const struct listen_socket *socket, const struct endpoint *endpoint,
		       const struct socket_options *options, char reason[static LISTEN_REASON_MAX])
{
	_cleanup_fd_ int file = open(endpoint->address.un.sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (file < 0 || fstat(file, &status) < 0 || !same_file(&status, socket->device, socket->inode))
		return 0;
	return change_file(file, &status, options, reason);
}

void listen_unix_remove(const struct listen_socket *socket, const struct endpoint *endpoint)
{
	const char *path = endpoint->address.un.sun_path;
	struct stat status;

	if (lstat(path, &status) == 0 && same_file(&status, socket->device, socket->inode))
		unlink(path);
}
