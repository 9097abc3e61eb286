/* conf-file.c - opens, checks and reads configuration files. A FIFO, a device or
 * a directory is refused without ever waiting for it; a read error is an error, never a short file. */
#include "conf-file.h"

#include "base.h"
#include "conf-security.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const char *kind_name(mode_t mode)
{
	if (S_ISDIR(mode))
		return "a directory";
	if (S_ISFIFO(mode))
		return "a FIFO";
	if (S_ISSOCK(mode))
		return "a socket";
	return "a device";
}

/* Reads to the end, however long the file says it is. */
static int read_all(int fd, size_t expected, size_t max, struct conf_file *file)
{
	size_t room = expected + 1, length = 0;
	_cleanup_free_ char *bytes = malloc(room + 1);

	if (bytes == NULL)
		return -ENOMEM;
	for (;;) {
		if (length == room) {
			room *= 2;
			if (room > 2 * max)
				return -EFBIG;

			char *more = realloc(bytes, room + 1);

			if (more == NULL)
				return -ENOMEM;
			bytes = more;
		}

		ssize_t n = read(fd, bytes + length, room - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	if (length > max)
		return -EFBIG;

	bytes[length] = '\0';
	file->bytes = bytes;
	file->length = length;
	bytes = NULL;
	return 0;
}

int conf_file_read_up_to(const char *path, size_t max, bool check_ownership, struct conf_file *ret_file,
			 char reason[static CONF_FILE_REASON_MAX])
{
	struct conf_file file = {0};
	struct stat status;
	int r;

	/* Advice about the rights of a device would be bad advice. */
	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
		snprintf(reason, CONF_FILE_REASON_MAX, "this is %s, not a file", kind_name(status.st_mode));
		return -EINVAL;
	}
	if (check_ownership) {
		r = conf_security_check(path, reason);
		if (r < 0)
			return r;
	}

	/* O_NONBLOCK: a FIFO without a writer must not hold us up. */
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, &status) < 0) {
		r = -errno;
		snprintf(reason, CONF_FILE_REASON_MAX, "cannot open the file: %s", strerror(-r));
		return r;
	}
	if (!S_ISREG(status.st_mode)) {
		snprintf(reason, CONF_FILE_REASON_MAX, "this is %s, not a file", kind_name(status.st_mode));
		return -EINVAL;
	}
	r = status.st_size > (off_t)max ? -EFBIG : read_all(fd, (size_t)status.st_size, max, &file);
	if (r == -EFBIG) {
		snprintf(reason, CONF_FILE_REASON_MAX, "the file is too large; at most %zu MiB are read",
			 max / 1024 / 1024);
		return r;
	}
	if (r < 0) {
		snprintf(reason, CONF_FILE_REASON_MAX, "cannot read the file: %s", strerror(-r));
		return r;
	}

	file.device = status.st_dev;
	file.inode = status.st_ino;
	*ret_file = file;
	return 0;
}

int conf_file_read(const char *path, bool check_ownership, struct conf_file *ret_file,
		   char reason[static CONF_FILE_REASON_MAX])
{
	return conf_file_read_up_to(path, CONF_FILE_MAX, check_ownership, ret_file, reason);
}

/* Hidden files are editors' and package managers' own; what does not end in
 * .ini (a.ini~, a.ini.bak, a.ini.dpkg-old) is nobody's. */
static bool is_wanted(const char *name)
{
	size_t length = strlen(name);

	return name[0] != '.' && name[0] != '#' && length > 4 && strcmp(name + length - 4, ".ini") == 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void conf_file_list_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

/* Adds a copy of `name`. */
static int add_name(char ***names, size_t *count, size_t *room, const char *name)
{
	if (*count == *room) {
		size_t more = *room * 2 + 16;
		char **moved = reallocarray(*names, more, sizeof(*moved));

		if (moved == NULL)
			return -ENOMEM;
		*names = moved;
		*room = more;
	}
	(*names)[*count] = strdup(name);
	if ((*names)[*count] == NULL)
		return -ENOMEM;
	(*count)++;
	return 0;
}

int conf_file_list(const char *directory, char ***ret_names, size_t *ret_count)
{
	DIR *stream = opendir(directory);
	char **names = NULL;
	size_t count = 0, room = 0;
	int r = 0;

	if (stream == NULL)
		return -errno;

	for (;;) {
		errno = 0;

		const struct dirent *entry = readdir(stream);

		if (entry == NULL) {
			r = -errno;
			break;
		}
		if (!is_wanted(entry->d_name))
			continue;
		r = add_name(&names, &count, &room, entry->d_name);
		if (r < 0)
			break;
	}
	closedir(stream);
	if (r < 0) {
		conf_file_list_free(names, count);
		return r;
	}

	if (count > 0)
		qsort(names, count, sizeof(*names), compare_names);
	*ret_names = names;
	*ret_count = count;
	return 0;
}
