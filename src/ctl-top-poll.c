/* ctl-top-poll.c - asks the daemon again and again, without ever making the user wait.
 *
 * A round is a connection of its own, because places at the control socket are few: first what the user
 * wants done, then the status, then what the view needs. Each wait ends as soon as there is a key; the next
 * call goes on where it was. */
#include "ctl-top-internal.h"

#include "base.h"
#include "clock.h"
#include "ctl-format.h"
#include "ctl-view-internal.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define CONNECT_MS 200 /* the user waits meanwhile */
#define SLICE_MS   500
#define WORRY_NS   (3 * NS_PER_S) /* then the user is told */
#define SHARE      4              /* of the time at the most a fourth is spent on asking */

enum step { STEP_WORDS, STEP_STATUS, STEP_VIEW, STEP_OVER };

static unsigned ms_until(uint64_t at_ns, uint64_t now_ns)
{
	uint64_t ms = at_ns > now_ns ? (at_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;

	return ms > 1000000 ? 1000000 : (unsigned)ms;
}

/* ---- a round ---- */

static void close_round(struct top_poll *poll)
{
	ctl_close(poll->client);
	poll->client = NULL;
}

static void drop_words(struct top_ui *ui)
{
	for (size_t i = 0; i < ELEMENTS(ui->words); i++) {
		free(ui->words[i]);
		ui->words[i] = NULL;
	}
	ui->ready = false;
}

static void say(struct top_ui *ui, bool bad, const char *text)
{
	snprintf(ui->message, sizeof(ui->message), "%s", text);
	ui->message_bad = bad;
}

static void fail_round(struct top_poll *poll, struct top_ui *ui, int error, const char *reason)
{
	poll->error = error;
	snprintf(ui->trouble, sizeof(ui->trouble), "%s", reason);
	/* A request that got lost is not repeated behind the user's back. */
	if (ui->ready) {
		say(ui, true, reason);
		drop_words(ui);
	}
	close_round(poll);
	poll->next_ns = clock_now_ns() + ui->interval_ms * NS_PER_MS;
}

static int send_step(struct top_poll *poll, struct top_ui *ui, char reason[static CTL_REASON_MAX])
{
	const char *words[2] = { "status", NULL };

	poll->asked_detail = ui->mode == TOP_MODE_DETAIL && ui->detail != NULL;
	poll->asked_view = ui->view;
	poll->asked_ns = clock_now_ns();
	if (poll->step == STEP_WORDS) {
		words[0] = ui->words[0];
		words[1] = ui->words[1];
	} else if (poll->step == STEP_VIEW) {
		words[0] = !poll->asked_detail && ui->view == TOP_SESSIONS ? "sessions" : "services";
		words[1] = poll->asked_detail ? ui->detail : NULL;
	}
	return ctl_send(poll->client, words, words[1] != NULL ? 2 : 1, reason);
}

static void begin_round(struct top_poll *poll, struct top_ui *ui)
{
	char reason[CTL_REASON_MAX];
	int r = ctl_connect(poll->path, CONNECT_MS, &poll->client, reason);

	poll->began_ns = clock_now_ns();
	if (r == 0) {
		ctl_set_interrupt(poll->client, poll->interrupt_fd);
		poll->step = ui->ready ? STEP_WORDS : STEP_STATUS;
		r = send_step(poll, ui, reason);
	}
	if (r < 0)
		fail_round(poll, ui, r, reason);
}

/* ---- replies ---- */

static void take_words(struct top_ui *ui, const json_t *reply)
{
	const char *error = ctl_text(reply, "error");
	char text[sizeof(ui->message)];
	bool ok = ctl_is_ok(reply);

	if (!ok)
		snprintf(text, sizeof(text), "%s", error != NULL ? error : "usherd refused");
	else if (strcmp(ui->words[0], "kill") == 0)
		snprintf(text, sizeof(text), "%llu session%s told to end",
			 (unsigned long long)ctl_integer(reply, "sessions"),
			 ctl_integer(reply, "sessions") == 1 ? "" : "s");
	else
		snprintf(text, sizeof(text), "%s: %sd until the next reload", ui->words[1], ui->words[0]);
	say(ui, !ok, text);
	drop_words(ui);
}

static void take_view(struct top_poll *poll, struct top_ui *ui, struct top_model *model, const json_t *reply)
{
	if (!ctl_is_ok(reply)) {
		/* The service whose page this is has gone. */
		if (poll->asked_detail && ui->mode == TOP_MODE_DETAIL) {
			ui->mode = TOP_MODE_LIST;
			say(ui, true, ctl_text(reply, "error") != NULL ? ctl_text(reply, "error") : "gone");
		}
	} else if (poll->asked_detail) {
		top_take_detail(model, reply);
	} else if (poll->asked_view == TOP_SERVICES) {
		(void)top_take_services(model, reply, clock_now_ns());
	} else {
		(void)top_take_sessions(model, reply, clock_now_ns());
	}
}

/* Returns false when the daemon wants to be left alone. */
static bool take_reply(struct top_poll *poll, struct top_ui *ui, struct top_model *model, const json_t *reply)
{
	const char *error = ctl_text(reply, "error");

	if (!ctl_is_ok(reply) && (poll->step == STEP_STATUS || strcmp(ctl_code(reply), "busy") == 0)) {
		fail_round(poll, ui, -ETIMEDOUT, error != NULL ? error : "usherd refused to say how it is");
		return false;
	}
	if (poll->step == STEP_WORDS)
		take_words(ui, reply);
	else if (poll->step == STEP_STATUS)
		(void)top_take_status(model, reply, clock_now_ns());
	else
		take_view(poll, ui, model, reply);
	return true;
}

/* A round that took long is not begun again at once. */
static void end_round(struct top_poll *poll, struct top_ui *ui)
{
	uint64_t now_ns = clock_now_ns(), took_ns = now_ns - poll->began_ns,
		 interval_ns = ui->interval_ms * NS_PER_MS;

	close_round(poll);
	ui->trouble[0] = '\0';
	poll->rounds++;
	poll->next_ns = poll->began_ns + (took_ns * SHARE > interval_ns ? took_ns * SHARE : interval_ns);
}

static void worry(struct top_poll *poll, struct top_ui *ui)
{
	uint64_t waited_ns = clock_now_ns() - poll->asked_ns;
	char reason[CTL_REASON_MAX];

	if (waited_ns < WORRY_NS)
		return;
	snprintf(reason, sizeof(reason), "usherd has not answered for %llu s",
		 (unsigned long long)(waited_ns / NS_PER_S));
	if (poll->timeout_ms > 0 && waited_ns >= poll->timeout_ms * NS_PER_MS)
		fail_round(poll, ui, -ETIMEDOUT, reason);
	else
		snprintf(ui->trouble, sizeof(ui->trouble), "%s", reason);
}

/* Returns whether there is something new to draw. */
static bool receive(struct top_poll *poll, struct top_ui *ui, struct top_model *model, unsigned wait_ms)
{
	char reason[CTL_REASON_MAX];
	json_t *reply;
	int r = ctl_receive(poll->client, wait_ms > 0 ? wait_ms : 1, &reply, reason);

	if (r == -EINTR)
		return true;
	if (r == -ETIMEDOUT) {
		worry(poll, ui);
		return false;
	}
	if (r < 0) {
		fail_round(poll, ui, r, r == -ENOTCONN ? "usherd has ended, or gave this client up" : reason);
		return true;
	}
	if (take_reply(poll, ui, model, reply)) {
		if (++poll->step == STEP_OVER)
			end_round(poll, ui);
		else if ((r = send_step(poll, ui, reason)) < 0)
			fail_round(poll, ui, r, reason);
	}
	json_decref(reply);
	return poll->client == NULL;
}

/* ---- for the loop ---- */

void top_poll_run(struct top_poll *poller, struct top_ui *ui, struct top_model *model, uint64_t until_ns)
{
	for (;;) {
		uint64_t now_ns = clock_now_ns();
		unsigned wait_ms = ms_until(until_ns, now_ns);
		struct pollfd fd = { .fd = poller->interrupt_fd, .events = POLLIN };

		if (poller->client == NULL && now_ns >= poller->next_ns)
			begin_round(poller, ui);
		if (poller->client != NULL) {
			if (receive(poller, ui, model, wait_ms < SLICE_MS ? wait_ms : SLICE_MS))
				return;
		} else {
			unsigned next_ms = ms_until(poller->next_ns, now_ns);

			if (poll(&fd, 1, (int)(next_ms < wait_ms ? next_ms : wait_ms)) != 0)
				return;
		}
		if (clock_now_ns() >= until_ns)
			return;
	}
}

void top_poll_now(struct top_poll *poll)
{
	poll->next_ns = 0;
}

void top_poll_end(struct top_poll *poll)
{
	close_round(poll);
}
