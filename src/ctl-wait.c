/* ctl-wait.c - --wait of drain and stop: looks until it is over. */
#include "ctl-run.h"

#include "base.h"
#include "clock.h"
#include "ctl-client.h"
#include "ctl-format.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <sysexits.h>

#define LOOK_MS   250
#define ANSWER_MS 30000 /* for each look */
#define GONE_MS   10000 /* between the end of the socket and that of the process */

/* How long the next pause is; 0: the time is over. */
static int pause_ms(uint64_t deadline_ns)
{
	uint64_t now_ns = clock_now_ns();

	if (now_ns >= deadline_ns)
		return 0;
	return deadline_ns - now_ns > LOOK_MS * NS_PER_MS ? LOOK_MS :
							    (int)((deadline_ns - now_ns) / NS_PER_MS) + 1;
}

static int fail_late(const char *what)
{
	fprintf(stderr, "usherctl: %s when --timeout was over; it goes on\n", what);
	return EX_TEMPFAIL;
}

int ctl_open_daemon(const struct ctl_options *options)
{
	static const char *const words[] = { "version" };
	char reason[CTL_REASON_MAX];
	json_t *reply;
	pid_t pid;

	/* Whatever is wrong, the request itself will say it. */
	if (ctl_ask(options->path, words, 1, ANSWER_MS, &reply, reason) < 0)
		return -1;
	pid = (pid_t)ctl_integer(reply, "pid");
	json_decref(reply);
	return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

/* Sessions of a service, or -errno. It may have been removed meanwhile: then there are none. */
static int64_t count_sessions(const struct ctl_options *options, const char *service,
			      char reason[static CTL_REASON_MAX])
{
	const char *const words[] = { "services", service };
	json_t *reply;
	int64_t count;
	int r = ctl_ask(options->path, words, ELEMENTS(words), ANSWER_MS, &reply, reason);

	if (r < 0)
		return r;
	count = (int64_t)ctl_integer(json_array_get(json_object_get(reply, "services"), 0), "active");
	/* An answer that is none is no reason to call it done. */
	if (!ctl_is_ok(reply) && strcmp(ctl_code(reply), "unknown") != 0)
		count = 1;
	json_decref(reply);
	return count;
}

static bool is_gone(int error)
{
	return error == -ENOENT || error == -ECONNREFUSED || error == -ENOTCONN;
}

static int wait_for_service(const struct ctl_options *options, const char *service, uint64_t deadline_ns)
{
	char reason[CTL_REASON_MAX];

	for (;;) {
		int64_t count = count_sessions(options, service, reason);
		int pause;

		if (count == 0)
			return EXIT_SUCCESS;
		if (count < 0)
			return ctl_fail((int)count, reason);
		pause = pause_ms(deadline_ns);
		if (pause == 0)
			return fail_late("sessions were still running");
		poll(NULL, 0, pause);
	}
}

/* Whether the daemon that had this number answers no more. Returns 1, 0, or -errno and a reason. */
static int has_ended(const struct ctl_options *options, uint64_t *pid, char reason[static CTL_REASON_MAX])
{
	static const char *const words[] = { "version" };
	json_t *reply;
	uint64_t now;
	int r = ctl_ask(options->path, words, 1, ANSWER_MS, &reply, reason);

	if (r < 0)
		return is_gone(r) ? 1 : r;
	now = ctl_integer(reply, "pid");
	json_decref(reply);
	/* Another one may have been started at once. */
	if (*pid == 0)
		*pid = now;
	return now != 0 && now != *pid;
}

static int wait_for_daemon(const struct ctl_options *options, int pid_fd, uint64_t deadline_ns)
{
	char reason[CTL_REASON_MAX];
	struct pollfd end = { .fd = pid_fd, .events = POLLIN };
	uint64_t pid = 0;

	for (;;) {
		int r, pause;

		r = has_ended(options, &pid, reason);
		if (r < 0)
			return ctl_fail(r, reason);
		if (r > 0)
			break;
		pause = pause_ms(deadline_ns);
		if (pause == 0)
			return fail_late("usherd had not ended");
		/* The number may mean another process here, in a container: so its end only shortens the
		 * pause. */
		if (poll(&end, 1, pause) > 0)
			end.fd = -1;
	}
	/* The socket goes shortly before the process. */
	if (end.fd >= 0)
		poll(&end, 1, GONE_MS);
	return EXIT_SUCCESS;
}

int ctl_wait_for_end(const struct ctl_options *options, int pid_fd)
{
	uint64_t deadline_ns =
		options->timeout_ms == 0 ? UINT64_MAX : clock_now_ns() + options->timeout_ms * NS_PER_MS;

	if (fflush(stdout) != 0)
		return EX_IOERR;
	if (options->verb == CONTROL_VERB_DRAIN && options->argument_count > 0)
		return wait_for_service(options, options->arguments[0], deadline_ns);
	return wait_for_daemon(options, pid_fd, deadline_ns);
}
