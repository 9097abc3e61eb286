/* linger_help.h - a pool of lingering connections on a real loop. */
#ifndef USHERD_TESTS_LINGER_HELP_H
#define USHERD_TESTS_LINGER_HELP_H

#include "linger.h"

#include "core_help.h"

#include <linux/net_tstamp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#define REPLY    ((size_t)1 << 20)
#define REQUEST  ((size_t)1 << 20)
#define SMALL    ((size_t)1 << 18)
#define FOR_EVER SIZE_MAX
#define SHORT_NS (200 * NS_PER_MS) /* a time of silence that runs out */
#define LONG_NS  (20 * NS_PER_S)   /* one that must not be needed */

enum outcome { OUTCOME_WHOLE, OUTCOME_RESET, OUTCOME_CUT, OUTCOME_WRONG };

static struct loop *loop;
static struct linger_pool *pool;
static unsigned emptied, rounds;
static size_t descriptors;

static inline void count_emptied(void *context)
{
	ck_assert_ptr_eq(context, &emptied);
	emptied++;
}

static inline void set_up(void)
{
	descriptors = count_descriptors();
	emptied = 0;
	ck_assert_int_eq(loop_new(&loop), 0);
	ck_assert_int_eq(linger_pool_new(loop, 64, count_emptied, &emptied, &pool), 0);
}

static inline void tear_down(void)
{
	linger_pool_free(pool);
	loop_free(loop);
	ck_assert_uint_eq(count_descriptors(), descriptors);
}

/* Another pool in its place. */
static inline void use_pool(size_t most)
{
	linger_pool_free(pool);
	ck_assert_int_eq(linger_pool_new(loop, most, count_emptied, &emptied, &pool), 0);
}

/* Asked for too much memory, the address sanitizer is to answer as malloc(3) does. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static inline int waiting(int fd)
{
	int count = 0;

	ck_assert_int_eq(ioctl(fd, FIONREAD, &count), 0);
	return count;
}

/* Until there is input that nobody reads. */
static inline void await_input(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&look, 1, 10000), 1);
	ck_assert_int_gt(waiting(fd), 0);
}

static inline bool is_empty(void *context)
{
	(void)context;
	rounds++;
	return linger_count(pool) == 0;
}

#endif
