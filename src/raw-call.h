/* raw-call.h - system calls that answer with -errno and touch no memory: for code of another process that runs on our
 * memory while we go on, and would write our errno. Written for the processors named here; elsewhere the C
 * library's function is used, and RAW_CALLS says 0: then nobody may go on meanwhile. */
#ifndef USHERD_RAW_CALL_H
#define USHERD_RAW_CALL_H

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) && !defined(__ILP32__)

#define RAW_CALLS 1

static inline long raw_call_5(long number, long a, long b, long c, long d, long e)
{
	register long fourth __asm__("r10") = d;
	register long fifth __asm__("r8") = e;
	register long sixth __asm__("r9") = 0;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
			 : "rcx", "r11", "memory");
	return r;
}

#elif defined(__aarch64__) && defined(__LP64__)

#define RAW_CALLS 1

static inline long raw_call_5(long number, long a, long b, long c, long d, long e)
{
	register long call __asm__("x8") = number;
	register long first __asm__("x0") = a;
	register long second __asm__("x1") = b;
	register long third __asm__("x2") = c;
	register long fourth __asm__("x3") = d;
	register long fifth __asm__("x4") = e;
	register long sixth __asm__("x5") = 0;

	__asm__ volatile("svc #0"
			 : "+r"(first)
			 : "r"(call), "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(sixth)
			 : "memory", "cc");
	return first;
}

#else

#define RAW_CALLS 0

static inline long raw_call_5(long number, long a, long b, long c, long d, long e)
{
	long r = syscall(number, a, b, c, d, e, 0L);

	return r < 0 ? -errno : r;
}

#endif

/* Where ids once had 16 bits, the calls with all of their 32 have names of their own, and the old ones cut. */
#ifdef SYS_setresuid32
#define RAW_SETUID    SYS_setuid32
#define RAW_SETRESUID SYS_setresuid32
#define RAW_GETRESUID SYS_getresuid32
#define RAW_SETRESGID SYS_setresgid32
#define RAW_GETRESGID SYS_getresgid32
#define RAW_SETGROUPS SYS_setgroups32
#define RAW_GETGROUPS SYS_getgroups32
#else
#define RAW_SETUID    SYS_setuid
#define RAW_SETRESUID SYS_setresuid
#define RAW_GETRESUID SYS_getresuid
#define RAW_SETRESGID SYS_setresgid
#define RAW_GETRESGID SYS_getresgid
#define RAW_SETGROUPS SYS_setgroups
#define RAW_GETGROUPS SYS_getgroups
#endif

/* raw_call(NUMBER, up to five ARGUMENTS): numbers and pointers. Returns what the call does, or -errno. */
#define raw_call(...) raw_call_padded(__VA_ARGS__, 0, 0, 0, 0, 0)
#define raw_call_padded(number, a, b, c, d, e, ...) \
	raw_call_5(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

#endif
