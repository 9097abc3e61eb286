/* read-full.c - see read-full.h. */
#include "read-full.h"

#include <errno.h>
#include <unistd.h>

ssize_t read_full(int fd, void *bytes, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, (char *)bytes + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return (ssize_t)length;
}
