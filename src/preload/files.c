/* files.c - see files.h. Opened through /proc/self/fd, so that it is the same file whatever became of its name. Files
 * for writing alone stay shared: their position is where the next one goes on. */
#include "files.h"

#include "kernel.h"

#include <sys/stat.h>

#define FILES_MOST 64

static struct file {
	int fd, flags, fd_flags;
	long position;
} files[FILES_MOST];
static int file_count;

static int open_again(const struct file *file)
{
	char path[] = "/proc/self/fd/0000000000";
	char *end = path + sizeof(path) - 1, *at = end;
	int fd;

	/* The number, right-justified; the blanks before it are taken out by where the text begins. */
	for (int number = file->fd; number > 0; number /= 10)
		*--at = (char)('0' + number % 10);
	for (char *to = path + sizeof("/proc/self/fd/") - 1; at <= end; to++, at++)
		*to = *at;
	fd = (int)syscall(SYS_openat, (long)AT_FDCWD, path, (long)(file->flags | O_CLOEXEC | O_NOCTTY));
	if (fd < 0)
		return -1;
	if (file->position >= 0 && syscall(SYS_lseek, (long)fd, file->position, (long)SEEK_SET) < 0) {
		kernel_close(fd);
		return -1;
	}
	return fd;
}

/* Whether it has a position that is read from. */
static int is_read(int fd, int flags)
{
	struct stat status;

	return flags >= 0 && (flags & O_ACCMODE) != O_WRONLY && (flags & O_PATH) == 0 && fstat(fd, &status) == 0 &&
	       (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

int files_prepare(int base)
{
	for (int fd = 3; fd < base; fd++) {
		struct file *file = &files[file_count];
		int flags = (int)kernel_control(fd, F_GETFL, 0), again;

		if (!is_read(fd, flags))
			continue;
		if (file_count == FILES_MOST)
			return -1;
		*file = (struct file){
			.fd = fd,
			.flags = flags,
			.fd_flags = (int)kernel_control(fd, F_GETFD, 0),
			.position = syscall(SYS_lseek, (long)fd, 0L, (long)SEEK_CUR),
		};
		again = open_again(file);
		if (again < 0)
			return -1;
		kernel_close(again);
		file_count++;
	}
	return 0;
}

int files_renew(void)
{
	for (int i = 0; i < file_count; i++) {
		long kept = (files[i].fd_flags & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0;
		int fd = open_again(&files[i]);

		if (fd < 0 || syscall(SYS_dup3, (long)fd, (long)files[i].fd, kept) < 0)
			return -1;
		kernel_close(fd);
	}
	return 0;
}
