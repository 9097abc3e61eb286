/* pid-file.c - see pid-file.h. The lock is flock(2): it goes with the process,
 * so that a file left by a crash is taken over without guessing about pids. */
#include "pid-file.h"

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

struct pid_file {
	char *path;
	int fd;
	dev_t device;
	ino_t inode;
	pid_t found;
};

static int explain(char *reason, int error, const char *path, const char *what)
{
	snprintf(reason, PID_FILE_REASON_MAX, "pid file %s: %s", path, what);
	return -error;
}

/* Whether what is at the path now is what we have open. */
static bool still_there(const struct pid_file *file)
{
	struct stat status;

	return lstat(file->path, &status) == 0 && status.st_dev == file->device &&
	       status.st_ino == file->inode;
}

static int open_regular(const char *path, struct pid_file *file, char *reason)
{
	struct stat status;

	file->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
	if (file->fd < 0 && errno == ELOOP)
		return explain(reason, ELOOP, path, "is a symbolic link, which is never followed; remove it");
	if (file->fd < 0 && errno == ENOENT)
		return explain(
			reason, ENOENT, path,
			"its directory is missing; make it, or name another with pid_file in [usherd]");
	if (file->fd < 0)
		return explain(reason, errno, path, strerror(errno));
	if (fstat(file->fd, &status) != 0)
		return explain(reason, errno, path, strerror(errno));
	if (!S_ISREG(status.st_mode) || status.st_nlink != 1)
		return explain(reason, EINVAL, path,
			       "is not a regular file of its own; remove it or name another");
	file->device = status.st_dev;
	file->inode = status.st_ino;
	return 0;
}

static int lock_and_write(struct pid_file *file, char *reason)
{
	char text[32] = "";
	int length;

	if (flock(file->fd, LOCK_EX | LOCK_NB) != 0) {
		char holder[96];

		if (pread(file->fd, text, sizeof(text) - 1, 0) < 0)
			text[0] = '\0';
		text[strcspn(text, "\n")] = '\0';
		snprintf(holder, sizeof(holder), "usherd is already running, pid %.20s", text);
		return explain(reason, EBUSY, file->path, holder);
	}
	if (!still_there(file))
		return explain(reason, EAGAIN, file->path, "was replaced while it was opened; try again");
	if (pread(file->fd, text, sizeof(text) - 1, 0) > 0 && atol(text) > 0 && atol(text) <= INT_MAX)
		file->found = (pid_t)atol(text);
	length = snprintf(text, sizeof(text), "%d\n", getpid());
	if (ftruncate(file->fd, 0) != 0 || pwrite(file->fd, text, (size_t)length, 0) != length)
		return explain(reason, errno, file->path, strerror(errno));
	return 0;
}

int pid_file_take(const char *path, struct pid_file **ret_file, char reason[static PID_FILE_REASON_MAX])
{
	struct pid_file *file = calloc(1, sizeof(*file));
	int r;

	if (file == NULL)
		return explain(reason, ENOMEM, path, strerror(ENOMEM));
	file->fd = -1;
	file->path = strdup(path);
	r = file->path == NULL ? explain(reason, ENOMEM, path, strerror(ENOMEM)) :
				 open_regular(path, file, reason);
	if (r == 0)
		r = lock_and_write(file, reason);
	if (r < 0) {
		cleanup_fd(&file->fd);
		free(file->path);
		free(file);
		return r;
	}
	*ret_file = file;
	return 0;
}

int pid_file_resume(const char *path, int fd, struct pid_file **ret_file)
{
	struct pid_file *file = calloc(1, sizeof(*file));
	struct stat status;

	if (file != NULL)
		file->path = strdup(path);
	if (file == NULL || file->path == NULL) {
		free(file);
		return -ENOMEM;
	}
	file->fd = fd;
	if (fstat(fd, &status) == 0) {
		file->device = status.st_dev;
		file->inode = status.st_ino;
	}
	if (!still_there(file)) {
		free(file->path);
		free(file);
		return -ESTALE;
	}
	*ret_file = file;
	return 0;
}

int pid_file_fd(const struct pid_file *file)
{
	return file != NULL ? file->fd : -1;
}

pid_t pid_file_found(const struct pid_file *file)
{
	return file != NULL ? file->found : 0;
}

void pid_file_drop(struct pid_file *file)
{
	if (file == NULL)
		return;
	if (still_there(file))
		unlink(file->path);
	close(file->fd);
	free(file->path);
	free(file);
}
