/* oom.c - a library that is loaded before a program under test and lets its
 * allocations fail: the n-th one, or all from the n-th on. Whoever started the
 * program steers it while it runs, through a file of one struct oom_control
 * that USHERD_OOM names and that both have mapped.
 *
 * The C library's own functions (strdup, fopen, getpwnam ...) allocate through
 * these, too. Not for programs with a sanitizer, which bring a malloc. */
#include "oom.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);

static struct oom_control *control;

static __attribute__((constructor)) void take_control(void)
{
	const char *path = getenv("USHERD_OOM");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	void *shared = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	/* The first look-up of a name sets up glibc's tables, which crashes in there
	 * (nss_database.c) without memory. That is not what is tested here. */
	(void)getpwnam("root");
	(void)getgrnam("root");
	if (shared != MAP_FAILED)
		control = shared;
}

static int is_refused(void)
{
	if (control == NULL || !control->armed)
		return 0;
	unsigned turn = ++control->taken;

	if (control->fail_at == 0 || turn < control->fail_at || (turn > control->fail_at && !control->from_there_on))
		return 0;
	control->refused++;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return is_refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return is_refused() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *pointer, size_t size)
{
	return is_refused() ? NULL : __libc_realloc(pointer, size);
}

void *reallocarray(void *pointer, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(pointer, total);
}
