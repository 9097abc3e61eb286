/* read-full.h - read(2) until there is enough, or no more. */
#ifndef USHERD_READ_FULL_H
#define USHERD_READ_FULL_H

#include <stddef.h>
#include <sys/types.h>

/* Reads up to `size` bytes; fewer only at the end of the file. Returns how many, or -errno. */
ssize_t read_full(int fd, void *bytes, size_t size);

#endif
