/* import-read.c - files to lines and words. */
#include "import-internal.h"

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int no_memory(struct import *import)
{
	import_lacks_memory(import);
	return -ENOMEM;
}

int import_read(struct import *import, const char *path, const char **ret_text, size_t *ret_length)
{
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t room = 65536, length = 0;
	_cleanup_free_ char *bytes = NULL;
	struct stat about;
	char *text;
	ssize_t n;

	if (fd < 0 || fstat(fd, &about) < 0)
		return -errno;
	if (S_ISDIR(about.st_mode))
		return -EISDIR;
	if (!S_ISREG(about.st_mode) && !S_ISFIFO(about.st_mode))
		return -EINVAL;
	if (fcntl(fd, F_SETFL, 0) < 0) /* a pipe is waited for */
		return -errno;
	bytes = malloc(room);
	while (bytes != NULL && (n = read(fd, bytes + length, room - length)) != 0) {
		char *more;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		length += (size_t)n;
		if (length > IMPORT_BYTES_MAX)
			return -EFBIG;
		if (length < room)
			continue;
		more = realloc(bytes, room *= 2);
		if (more == NULL)
			return no_memory(import);
		bytes = more;
	}
	text = bytes == NULL ? NULL : import_take(import, length + 1);
	if (text == NULL)
		return no_memory(import);
	memcpy(text, bytes, length);
	*ret_text = text;
	*ret_length = length;
	return 0;
}

char *import_next_line(struct import_lines *lines)
{
	const char *end;
	size_t length;
	char *line;

	if (lines->left == 0)
		return NULL;
	end = memchr(lines->at, '\n', lines->left);
	length = end != NULL ? (size_t)(end - lines->at) : lines->left;
	line = import_take(lines->import, length + 1);
	if (line == NULL)
		return NULL;
	lines->number++;
	memcpy(line, lines->at, length);
	lines->at += length + (end != NULL);
	lines->left -= length + (end != NULL);
	if (memchr(line, '\0', length) != NULL)
		import_tell(lines->import, import_here(lines), IMPORT_UNSUPPORTED, "it has a NUL byte");
	for (size_t i = 0; i < length; i++)
		if (line[i] == '\0')
			line[i] = '?';
	if (length > 0 && line[length - 1] == '\r')
		line[length - 1] = '\0';
	return line;
}

struct import_where import_here(const struct import_lines *lines)
{
	return (struct import_where){ .path = lines->path, .line = lines->number };
}

char **import_split(struct import *import, char *line, size_t *ret_count)
{
	static const char blanks[] = " \t\v\f\r";
	size_t count = 0, room = strlen(line) / 2 + 2;
	char **words = import_take(import, room * sizeof(*words));

	if (words == NULL)
		return NULL;
	for (char *at = line + strspn(line, blanks); *at != '\0'; at += strspn(at, blanks)) {
		words[count++] = at;
		at += strcspn(at, blanks);
		if (*at != '\0')
			*at++ = '\0';
	}
	words[count] = NULL;
	*ret_count = count;
	return words;
}
