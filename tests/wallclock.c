/* wallclock.c - a library that is loaded before a program under test and shifts
 * the wall clock, and no other clock, by the seconds that the file named by
 * USHERD_WALLCLOCK holds: a number of 8 bytes, which may change at any time. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift;

static __attribute__((constructor)) void find_shift(void)
{
	const char *path = getenv("USHERD_WALLCLOCK");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	void *shared = mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, fd, 0);

	close(fd);
	if (shared != MAP_FAILED)
		shift = shared;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (syscall(SYS_clock_gettime, clock, now) != 0)
		return -1;
	if (shift != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI))
		now->tv_sec += (time_t)*shift;
	return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec time;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &time) != 0)
		return -1;
	now->tv_sec = time.tv_sec;
	now->tv_usec = (suseconds_t)(time.tv_nsec / 1000);
	return 0;
}

time_t time(time_t *ret_time)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return (time_t)-1;
	if (ret_time != NULL)
		*ret_time = now.tv_sec;
	return now.tv_sec;
}
