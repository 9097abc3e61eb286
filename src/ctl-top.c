/* ctl-top.c - the loop of top: keys, signals, replies, pictures. */
#include "ctl-top.h"

#include "base.h"
#include "clock.h"
#include "ctl-format.h"
#include "ctl-run.h"
#include "ctl-top-internal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#define REDRAW_NS NS_PER_S /* at least, for what is told about time */

struct top {
	struct top_model model;
	struct top_ui ui;
	struct top_poll poll;
	struct top_screen *screen;
	int signal_fd;
	bool hung_up; /* the terminal has gone */
	int signal;   /* that ended it, or 0 */
};

/* ---- pictures ---- */

typedef void draw_picture(struct top_canvas *canvas, struct top_ui *ui, const struct top_model *model);

/* A picture, malloc'ed; NULL without memory. */
static char *make_picture(struct top *top, draw_picture *draw, unsigned columns, unsigned rows)
{
	struct top_canvas canvas = { .columns = columns, .rows = rows, .utf8 = top->model.utf8 };
	char *picture = NULL;
	size_t length;

	if (top->model.shown == NULL)
		(void)top_arrange(&top->model, top->ui.view);
	canvas.out = open_memstream(&picture, &length);
	if (canvas.out == NULL)
		return NULL;
	draw(&canvas, &top->ui, &top->model);
	if (fclose(canvas.out) != 0) {
		free(picture);
		return NULL;
	}
	return picture;
}

static void show(struct top *top)
{
	_cleanup_free_ char *picture = NULL;
	unsigned columns, rows;

	top_screen_size(top->screen, &columns, &rows);
	picture = make_picture(top, top_draw, columns, rows);
	if (picture != NULL)
		top_screen_show(top->screen, picture);
}

/* ---- what wakes it ---- */

static int open_wake(struct top *top)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH };
	_cleanup_fd_ int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < ELEMENTS(wanted); i++)
		sigaddset(&signals, wanted[i]);
	if (epoll_fd < 0 || sigprocmask(SIG_BLOCK, &signals, NULL) < 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return -errno;
	top->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (top->signal_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, top->signal_fd, &event) < 0 ||
	    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
		return -errno;
	top->poll.interrupt_fd = fd_take(&epoll_fd);
	return 0;
}

static void take_signals(struct top *top)
{
	struct signalfd_siginfo info;

	while (read(top->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo == SIGWINCH)
			top_screen_resize(top->screen);
		else
			top->signal = (int)info.ssi_signo;
}

static void take_keys(struct top *top)
{
	struct epoll_event events[2];
	bool is_key;
	wint_t key;
	int count = epoll_wait(top->poll.interrupt_fd, events, ELEMENTS(events), 0);

	for (int i = 0; i < count; i++)
		if (events[i].events & (EPOLLHUP | EPOLLERR))
			top->hung_up = true;
	while (!top->hung_up && top_screen_key(top->screen, &key, &is_key)) {
		/* Each key is about what the last one left. */
		if (top->model.shown == NULL)
			(void)top_arrange(&top->model, top->ui.view);
		top_key(&top->ui, &top->model, key, is_key);
		(void)top_arrange(&top->model, top->ui.view);
		if (!is_key &&
		    (key == ' ' || key == '\t' || key == '\r' || key == 's' || key == 'S' || top->ui.ready))
			top_poll_now(&top->poll);
	}
}

static void run(struct top *top)
{
	while (!top->ui.quit && !top->hung_up && top->signal == 0) {
		show(top);
		top_poll_run(&top->poll, &top->ui, &top->model, clock_now_ns() + REDRAW_NS);
		take_signals(top);
		take_keys(top);
	}
}

/* ---- one picture ---- */

static void print_picture(const char *picture)
{
	size_t blanks = 0;

	for (; *picture != '\0'; picture++) {
		if (*picture >= TOP_MARK(0) && *picture < TOP_MARK(TOP_STYLES))
			continue;
		if (*picture == ' ') {
			blanks++;
			continue;
		}
		for (; blanks > 0 && *picture != '\n'; blanks--)
			putchar(' ');
		blanks = 0;
		putchar(*picture);
	}
}

/* Two looks, because rates are what lies between them. */
static int look_once(struct top *top, const struct ctl_options *options)
{
	unsigned columns = options->columns > 0 ? options->columns : 4096;
	_cleanup_free_ char *picture = NULL;

	while (top->poll.rounds < 2 && (top->ui.trouble[0] == '\0' || top->poll.client != NULL))
		top_poll_run(&top->poll, &top->ui, &top->model, clock_now_ns() + REDRAW_NS);
	if (top->ui.trouble[0] != '\0')
		return ctl_fail(top->poll.error, top->ui.trouble);
	picture = make_picture(top, top_draw_plain, columns, 0);
	if (picture == NULL)
		return ctl_fail(-ENOMEM, strerror(ENOMEM));
	print_picture(picture);
	return EXIT_SUCCESS;
}

/* ---- the whole ---- */

static int run_screen(struct top *top, const struct ctl_options *options)
{
	char reason[CTL_REASON_MAX];
	int r = open_wake(top);

	if (r < 0)
		return ctl_fail(r, strerror(-r));
	r = top_screen_open(options->color, &top->screen, reason);
	if (r < 0)
		return ctl_fail(r, reason);
	run(top);
	top_screen_close(top->screen);
	return top->signal != 0 && top->signal != SIGINT ? 128 + top->signal : EXIT_SUCCESS;
}

int ctl_top(const struct ctl_options *options)
{
	struct top top = {
		.ui = { .interval_ms = options->interval_ms },
		.poll = { .path = options->path, .timeout_ms = options->timeout_ms, .interrupt_fd = -1 },
		.signal_fd = -1,
	};
	bool once = options->once || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO);
	int status;

	top_model_init(&top.model, options->utf8);
	status = once ? look_once(&top, options) : run_screen(&top, options);
	top_poll_end(&top.poll);
	cleanup_fd(&top.poll.interrupt_fd);
	cleanup_fd(&top.signal_fd);
	top_ui_free(&top.ui);
	top_model_free(&top.model);
	return status;
}
