/* faulty.c - see faulty.h. */
#include "faulty.h"

#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MOST_OF_ONE 64
#define ERRORS_MOST 8 /* of a call, with the 0 behind them */

static const struct {
	const char *name;
	int errors[ERRORS_MOST];
} calls[FAULTY_CALLS] = {
#define FAULTY(type, name, failure, parameters, arguments, ...) [FAULTY_##name] = { #name, { __VA_ARGS__ } },
#include "faulty.def"
#undef FAULTY
	[FAULTY_open] = { "open", { EMFILE, ENOENT, EACCES } },
	[FAULTY_openat] = { "openat", { EMFILE, ENOENT, EACCES } },
	[FAULTY_fcntl] = { "fcntl", { EBADF } },
	[FAULTY_syscall] = { "syscall", { EPERM, ENOSYS, EINVAL, ESRCH, EEXIST, ENOENT } },
	[FAULTY_clone] = { "clone", { EAGAIN } },
	[FAULTY_asprintf] = { "asprintf", { ENOMEM } },
	[FAULTY_epoll_ctl] = { "epoll_ctl", { ENOSPC } },
	[FAULTY_prctl] = { "prctl", { EPERM } },
	[FAULTY_json] = { "json", { ENOMEM } },
};

/* Shared with the processes that are forked: one may decide for another. */
struct state {
	volatile bool counting;
	bool planned;
	pid_t owner; /* whose calls are meant; 0: anybody's */
	struct faulty_plan now;
	unsigned counts[FAULTY_CALLS], failures;
};
static struct state private_state, *state = &private_state;

static bool is_refused(enum faulty_call call, int *error)
{
	const struct faulty_plan *plan = &state->now;

	if (!state->counting || (state->owner != 0 && state->owner != getpid()))
		return false;

	unsigned count = ++state->counts[call];

	if (!state->planned || call != plan->call || count < plan->nth || (count > plan->nth && !plan->from_there_on))
		return false;
	state->failures++;
	errno = *error = plan->error;
	return true;
}

/* ---- the calls ---- */

#define FAULTY(type, name, failure, parameters, arguments, ...)                                                \
	type __real_##name parameters;                                                                         \
	type __wrap_##name parameters;                                                                         \
	type __wrap_##name parameters                                                                          \
	{                                                                                                      \
		int error = 0;                                                                                 \
                                                                                                               \
		return is_refused(FAULTY_##name, &error) ? (failure) : __real_##name arguments;                \
	}
#include "faulty.def"
#undef FAULTY

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_openat(int folder, const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __real_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, ...);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_clone(int (*work)(void *), void *stack, int flags, void *argument, ...);
int __wrap_clone(int (*work)(void *), void *stack, int flags, void *argument, ...);
int __wrap_asprintf(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __real_prctl(int what, ...);
int __real_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event);
int __wrap_prctl(int what, ...);

/* All further arguments of these are integers or pointers. */
#define TAKE(last, variable, count)                                                                            \
	va_list list_;                                                                                         \
	unsigned long variable[count];                                                                         \
	va_start(list_, last);                                                                                 \
	for (size_t i_ = 0; i_ < (count); i_++)                                                                \
		variable[i_] = va_arg(list_, unsigned long);                                                   \
	va_end(list_)

int __wrap_open(const char *path, int flags, ...)
{
	int error;

	TAKE(flags, mode, 1);
	return is_refused(FAULTY_open, &error) ? -1 : __real_open(path, flags, (mode_t)mode[0]);
}

int __wrap_openat(int folder, const char *path, int flags, ...)
{
	int error;

	TAKE(flags, mode, 1);
	return is_refused(FAULTY_openat, &error) ? -1 : __real_openat(folder, path, flags, (mode_t)mode[0]);
}

int __wrap_fcntl(int fd, int what, ...)
{
	int error;

	TAKE(what, more, 1);
	return is_refused(FAULTY_fcntl, &error) ? -1 : __real_fcntl(fd, what, more[0]);
}

/* A process that ends by _exit(2), or by a call of the kernel's own, has counted for nothing (make check-coverage)
 * but for this. */
void __gcov_dump(void) __attribute__((weak));
void __gcov_reset(void) __attribute__((weak));

static void let_count(void)
{
	if (__gcov_dump == NULL)
		return;
	__gcov_dump();
	__gcov_reset();
}

void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

void __wrap__exit(int status)
{
	let_count();
	__real__exit(status);
	__builtin_unreachable();
}

long __wrap_syscall(long number, ...)
{
	int error;

	TAKE(number, more, 6);
	if (number == SYS_execveat)
		let_count();
	return is_refused(FAULTY_syscall, &error) ?
		       -1 :
		       __real_syscall(number, more[0], more[1], more[2], more[3], more[4], more[5]);
}

int __wrap_clone(int (*work)(void *), void *stack, int flags, void *argument, ...)
{
	int error;

	TAKE(argument, more, 3);
	return is_refused(FAULTY_clone, &error) ? -1 :
						  __real_clone(work, stack, flags, argument, more[0], more[1], more[2]);
}

int __wrap_asprintf(char **text, const char *format, ...)
{
	va_list values;
	int error, length;

	if (is_refused(FAULTY_asprintf, &error))
		return -1;
	va_start(values, format);
	length = __real_vasprintf(text, format, values);
	va_end(values);
	return length;
}

int __wrap_prctl(int what, ...)
{
	int error;

	TAKE(what, more, 4);
	return is_refused(FAULTY_prctl, &error) ? -1 : __real_prctl(what, more[0], more[1], more[2], more[3]);
}

/* Taking out what is in cannot fail, short of a mistake of the caller. */
int __wrap_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	int error;

	return what != EPOLL_CTL_DEL && is_refused(FAULTY_epoll_ctl, &error) ?
		       -1 :
		       __real_epoll_ctl(epoll, what, fd, event);
}

static void *json_memory(size_t size)
{
	int error;

	return is_refused(FAULTY_json, &error) ? NULL : __real_malloc(size);
}

void faulty_use_json(void)
{
	json_set_alloc_funcs(json_memory, free);
}

/* ---- plans ---- */

void faulty_share(void)
{
	void *shared = __real_mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(shared, MAP_FAILED);
	state = shared;
	state->owner = getpid();
}

void faulty_begin(const struct faulty_plan *plan)
{
	memset(state->counts, 0, sizeof(state->counts));
	state->failures = 0;
	state->planned = plan != NULL;
	if (plan != NULL)
		state->now = *plan;
	state->counting = true;
}

void faulty_end(void)
{
	state->counting = false;
}

unsigned faulty_count(enum faulty_call call)
{
	return state->counts[call];
}

unsigned faulty_failures(void)
{
	return state->failures;
}

const int *faulty_errors(enum faulty_call call)
{
	return calls[call].errors;
}

const char *faulty_name(enum faulty_call call)
{
	return calls[call].name;
}

const char *faulty_now(void)
{
	static char text[128];

	const struct faulty_plan *plan = &state->now;

	if (!state->planned)
		return "nothing fails";
	snprintf(text, sizeof(text), "%s number %u fails: %s%s", calls[plan->call].name, plan->nth,
		 strerror(plan->error), plan->from_there_on ? ", and all after it" : "");
	return text;
}

bool faulty_is_told(int result, const struct faulty_plan *plan)
{
	return result == 0 || (plan != NULL && result == -plan->error);
}

/* ---- the sweep ---- */

static size_t count_open(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

static unsigned do_once(const struct faulty_work *work, const struct faulty_plan *plan)
{
	size_t before = count_open(), after;
	int result;

	if (getenv("FAULTY_TRACE") != NULL && plan != NULL)
		fprintf(stderr, "%s: %s %u %d %d\n", work->name, calls[plan->call].name, plan->nth, plan->error,
			plan->from_there_on);
	if (work->prepare != NULL)
		work->prepare();
	faulty_begin(plan);
	result = work->work();
	faulty_end();
	work->finish(result, plan);
	after = count_open();
	ck_assert_msg(after == before, "%s: %s: %zu descriptors were open, %zu are", work->name, faulty_now(), before,
		      after);
	return state->failures;
}

/* It is asked again until it works, as it will. */
static bool passes(int error)
{
	return error == EINTR || error == EAGAIN;
}

static unsigned sweep_call(const struct faulty_work *work, enum faulty_call call, unsigned count)
{
	unsigned most = work->most != 0 ? work->most : MOST_OF_ONE, sum = 0;

	for (unsigned nth = 1; nth <= count && nth <= most; nth++)
		for (const int *error = faulty_errors(call); *error != 0; error++)
			for (int ever = 0; ever < (passes(*error) ? 1 : 2); ever++)
				sum += do_once(work, &(struct faulty_plan){ call, nth, *error, ever });
	return sum;
}

unsigned faulty_sweep(const struct faulty_work *work)
{
	unsigned made[FAULTY_CALLS], sum = 0;

	do_once(work, NULL);
	memcpy(made, state->counts, sizeof(made));
	for (unsigned call = 0; call < FAULTY_CALLS; call++)
		sum += sweep_call(work, call, made[call]);
	return sum;
}
