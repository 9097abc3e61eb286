/* ctl-top-head.c - the first lines of top: how the daemon is, and what is wrong. */
#include "ctl-top-internal.h"

#include "base.h"
#include "ctl-format.h"

#include <math.h>
#include <string.h>

#define BAR_WIDTH 20

enum top_style top_state_style(const char *state)
{
	static const struct {
		const char *state;
		enum top_style style;
	} styles[] = {
		{ "serving", TOP_GREEN },   { "full", TOP_YELLOW },     { "paused", TOP_RED },
		{ "draining", TOP_YELLOW }, { "failing", TOP_RED },     { "absent", TOP_RED },
		{ "disabled", TOP_DIM },    { "leftover", TOP_YELLOW },
	};

	for (size_t i = 0; state != NULL && i < ELEMENTS(styles); i++)
		if (strcmp(state, styles[i].state) == 0)
			return styles[i].style;
	return state != NULL && strncmp(state, "ending", 6) == 0 ? TOP_YELLOW : TOP_PLAIN;
}

/* "  word value", whole or not at all. */
static void put_pair(struct top_canvas *canvas, const char *word, enum top_style style, const char *value)
{
	const char *gap = canvas->column > 0 ? "  " : "";
	size_t width = strlen(gap) + strlen(word) + 1 + ctl_format_width(value);

	if (canvas->column + width > canvas->columns)
		return;
	top_put(canvas, TOP_PLAIN, gap);
	top_put(canvas, TOP_DIM, word);
	top_put(canvas, TOP_PLAIN, " ");
	top_put(canvas, style, value);
}

static const char *count_text(uint64_t count, char text[static CTL_VALUE_MAX])
{
	return ctl_format_count((double)count, text);
}

static void draw_daemon(struct top_canvas *canvas, const struct top_ui *ui, const json_t *daemon)
{
	const char *state = ctl_text(daemon, "state"), *version = ctl_text(daemon, "version");
	const json_t *reload = json_object_get(daemon, "last_reload");
	bool reload_failed = json_is_false(json_object_get(reload, "ok"));
	char text[CTL_VALUE_MAX];

	top_put(canvas, TOP_BOLD, "usherd ");
	top_put_safe(canvas, TOP_BOLD, version);
	top_put(canvas, TOP_PLAIN, "  ");
	if (ui->trouble[0] != '\0')
		top_put(canvas, TOP_RED, "no answer");
	else
		top_put_safe(canvas, top_state_style(state), state);
	put_pair(canvas, "up", TOP_PLAIN, ctl_format_duration(ctl_number(daemon, "uptime_seconds"), text));
	put_pair(canvas, "pid", TOP_PLAIN, count_text(ctl_integer(daemon, "pid"), text));
	put_pair(canvas, "generation", TOP_PLAIN, count_text(ctl_integer(daemon, "generation"), text));
	if (reload_failed)
		put_pair(canvas, "last reload", TOP_RED, "failed");
	if (ctl_integer(daemon, "bans") > 0)
		put_pair(canvas, "bans", TOP_PLAIN, count_text(ctl_integer(daemon, "bans"), text));
	top_line(canvas);
}

static void draw_sessions(struct top_canvas *canvas, const struct top_model *model)
{
	const json_t *sessions = json_object_get(model->daemon, "sessions");
	double active = ctl_number(sessions, "active"), most = ctl_number(sessions, "most");
	double share = most > 0 ? active / most : 0;
	enum top_style style = share > 0.9 ? TOP_RED : share > 0.7 ? TOP_YELLOW : TOP_GREEN;
	double refusals = model->rates[TOP_REFUSED - TOP_ACCEPTED];
	unsigned width = canvas->columns < 60 ? BAR_WIDTH / 2 : BAR_WIDTH;
	char text[CTL_VALUE_MAX], limit[CTL_VALUE_MAX];

	top_put(canvas, TOP_DIM, "sessions ");
	top_put_bar(canvas, style, share, width);
	top_putf(canvas, TOP_PLAIN, " %s", ctl_format_count(active, text));
	top_putf(canvas, TOP_DIM, "/%s", ctl_format_count(most, limit));
	put_pair(canvas, "conn", TOP_BOLD, ctl_format_rate(model->rates[0], text));
	put_pair(canvas, "refused", refusals > 0 ? TOP_YELLOW : TOP_BOLD, ctl_format_rate(refusals, text));
	top_line(canvas);
}

static const char *byte_rate(double rate, char text[static CTL_VALUE_MAX + 4])
{
	char bytes[CTL_VALUE_MAX];
	const char *shown = ctl_format_bytes(rate, bytes);

	snprintf(text, CTL_VALUE_MAX + 4, "%s%s", shown, isnan(rate) ? "" : "/s");
	return text;
}

static void draw_process(struct top_canvas *canvas, const struct top_model *model)
{
	const json_t *daemon = model->daemon, *descriptors = json_object_get(daemon, "descriptors");
	uint64_t dropped = ctl_integer(json_object_get(daemon, "log"), "dropped");
	double lag = ctl_number(json_object_get(daemon, "loop"), "lag_seconds");
	double rss = ctl_number(json_object_get(daemon, "memory"), "rss_bytes");
	double open = ctl_number(descriptors, "open"), limit = ctl_number(descriptors, "limit");
	char text[CTL_VALUE_MAX + 4], more[CTL_VALUE_MAX], both[2 * CTL_VALUE_MAX];

	put_pair(canvas, "in", TOP_PLAIN, byte_rate(model->rates[TOP_IN - TOP_ACCEPTED], text));
	put_pair(canvas, "out", TOP_PLAIN, byte_rate(model->rates[TOP_OUT - TOP_ACCEPTED], text));
	put_pair(canvas, "lag", lag > 0.1 ? TOP_RED : TOP_PLAIN, ctl_format_duration(lag, text));
	put_pair(canvas, "memory", TOP_PLAIN, ctl_format_bytes(rss, text));
	snprintf(both, sizeof(both), "%s/%s", ctl_format_count(open, text), ctl_format_count(limit, more));
	put_pair(canvas, "fds", open > 0.9 * limit ? TOP_RED : TOP_PLAIN, both);
	put_pair(canvas, "log lost", dropped > 0 ? TOP_RED : TOP_PLAIN, count_text(dropped, text));
	top_line(canvas);
}

static void draw_states(struct top_canvas *canvas, const json_t *daemon)
{
	static const char *const states[] = { "serving", "full",     "paused",  "failing",
					      "absent",  "draining", "disabled" };
	const json_t *services = json_object_get(daemon, "services");
	char text[CTL_VALUE_MAX];

	top_put(canvas, TOP_DIM, "services ");
	top_put(canvas, TOP_PLAIN, count_text(ctl_integer(services, "total"), text));
	for (size_t i = 0; i < ELEMENTS(states); i++) {
		uint64_t count = ctl_integer(services, states[i]);

		if (count > 0)
			put_pair(canvas, count_text(count, text), top_state_style(states[i]), states[i]);
	}
	top_line(canvas);
}

/* What is worst, where there is room for one; else that all is well. */
static void draw_problem(struct top_canvas *canvas, const struct top_ui *ui, const struct top_model *model)
{
	size_t others;
	const json_t *problem = top_worst_problem(model, &others);
	char more[48] = "";
	unsigned room;

	if (ui->trouble[0] != '\0') {
		top_put_safe(canvas, TOP_RED, ui->trouble);
	} else if (problem != NULL) {
		_cleanup_free_ char *message = ctl_format_safe(ctl_text(problem, "message"), canvas->utf8);

		top_put(canvas, TOP_RED, canvas->utf8 ? "\xe2\x97\x8f " : "! ");
		top_put_safe(canvas, TOP_BOLD, ctl_text(problem, "service"));
		top_put(canvas, TOP_PLAIN, " ");
		top_put_safe(canvas, top_state_style(ctl_text(problem, "state")), ctl_text(problem, "state"));
		top_put(canvas, TOP_PLAIN, ": ");
		if (others > 0)
			snprintf(more, sizeof(more), "  (+%zu more)", others);
		room = canvas->columns - canvas->column;
		room = room > strlen(more) ? room - (unsigned)strlen(more) : 0;
		if (message != NULL && ctl_format_width(message) < room)
			room = (unsigned)ctl_format_width(message);
		top_put_field(canvas, TOP_PLAIN, message != NULL ? message : "", room, false);
		top_put(canvas, TOP_DIM, more);
	} else {
		top_put(canvas, TOP_GREEN, canvas->utf8 ? "\xe2\x97\x8f " : "* ");
		top_put(canvas, TOP_DIM, "no problems");
	}
	top_line(canvas);
}

void top_draw_head(struct top_canvas *canvas, const struct top_ui *ui, const struct top_model *model,
		   bool brief)
{
	if (model->daemon == NULL) {
		top_put(canvas, TOP_BOLD, "usherd  ");
		top_put_safe(canvas, ui->trouble[0] != '\0' ? TOP_RED : TOP_DIM,
			     ui->trouble[0] != '\0' ? ui->trouble : "asking ...");
		/* What is below shall stay where it is. */
		for (unsigned i = 0; i < (brief ? 2 : 5); i++)
			top_line(canvas);
		return;
	}
	draw_daemon(canvas, ui, model->daemon);
	draw_sessions(canvas, model);
	if (!brief) {
		draw_process(canvas, model);
		draw_states(canvas, model->daemon);
	}
	if (!brief || ui->trouble[0] != '\0')
		draw_problem(canvas, ui, model);
}
