/* ctl-tail.c - events as they happen. Ends without a trace: on a signal, and when nobody reads any more. */
#include "ctl-run.h"

#include "base.h"
#include "ctl-client.h"
#include "ctl-view.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sysexits.h>

static void cleanup_client(struct ctl_client **client)
{
	ctl_close(*client);
}

/* A descriptor that can be read as soon as it is time to end: a signal, or the reader of our output has gone,
 * which else would be noticed with the next event only. Returns it or -errno. */
static int open_end(int *ret_signal_fd)
{
	_cleanup_fd_ int signal_fd = -1, epoll_fd = -1;
	struct epoll_event event = { .events = EPOLLIN };
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (signal_fd < 0 || epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, signal_fd, &event) < 0)
		return -errno;
	/* No events but those that are always told: that the other end is closed. A file cannot be watched,
	 * and need not be. */
	event.events = 0;
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDOUT_FILENO, &event);
	*ret_signal_fd = fd_take(&signal_fd);
	return fd_take(&epoll_fd);
}

/* Shows a line. Returns 0; or -errno and a reason. */
static int show_event(const struct ctl_options *options, const char *line, size_t length,
		      char reason[static CTL_REASON_MAX])
{
	json_error_t error;
	json_t *event;

	event = json_loadb(line, length, JSON_ALLOW_NUL, &error);
	if (!json_is_object(event)) {
		json_decref(event);
		snprintf(reason, CTL_REASON_MAX, "an event is no JSON object");
		return -EPROTO;
	}
	if (options->json)
		ctl_print_json(line, length);
	else
		ctl_view_event(options, event, stdout);
	json_decref(event);
	return fflush(stdout) == 0 ? 0 : -EPIPE;
}

static int follow(const struct ctl_options *options, struct ctl_client *client)
{
	char reason[CTL_REASON_MAX], *line;
	size_t length;
	int r;

	do {
		r = ctl_receive_line(client, 0, &line, &length, reason);
		if (r == 0)
			r = show_event(options, line, length, reason);
	} while (r == 0);
	if (r == -EINTR || r == -EPIPE) {
		/* What could not be written is nobody's loss: main shall not complain. */
		clearerr(stdout);
		return EXIT_SUCCESS;
	}
	return ctl_fail(r, r == -ENOTCONN ? "usherd has ended, or gave this client up" : reason);
}

/* The first reply: whether there will be events. Returns an exit status. */
static int begin(const struct ctl_options *options, struct ctl_client *client)
{
	const char *words[CTL_WORDS_MAX];
	char memory[CTL_MEMORY_MAX], reason[CTL_REASON_MAX];
	size_t count = ctl_options_request(options, words, memory);
	json_t *reply = NULL;
	int status, r = ctl_send(client, words, count, reason);

	if (r == 0)
		r = ctl_receive(client, options->timeout_ms, &reply, reason);
	if (r < 0)
		return r == -EINTR ? EX_TEMPFAIL : ctl_fail(r, reason);
	status = ctl_status_of_reply(options, reply);
	if (status != EXIT_SUCCESS)
		ctl_view_failure(options, reply, stderr);
	json_decref(reply);
	return status;
}

int ctl_tail(const struct ctl_options *options)
{
	_cleanup_(cleanup_client) struct ctl_client *client = NULL;
	_cleanup_fd_ int signal_fd = -1, end_fd = open_end(&signal_fd);
	char reason[CTL_REASON_MAX];
	int status, r = end_fd;

	if (r < 0)
		return ctl_fail(r, strerror(-r));
	r = ctl_connect(options->path, options->timeout_ms, &client, reason);
	if (r < 0)
		return ctl_fail(r, reason);
	ctl_set_interrupt(client, end_fd);
	status = begin(options, client);
	return status != EXIT_SUCCESS ? status : follow(options, client);
}
