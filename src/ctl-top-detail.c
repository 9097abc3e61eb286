/* ctl-top-detail.c - the pages of top: all that is known of a service, and the help. */
#include "ctl-top-internal.h"

#include "base.h"
#include "ctl-format.h"
#include "ctl-view-internal.h"

#include <math.h>
#include <string.h>

#define BUCKETS_MOST 32
#define LABEL_WIDTH  10
#define COUNT_WIDTH  7

/* ---- histograms ---- */

struct distribution {
	const char *what;
	char labels[BUCKETS_MOST][CTL_VALUE_MAX + 8];
	double counts[BUCKETS_MOST]; /* no longer cumulative; the last: above all bounds */
	size_t count, first, last;   /* of them, the first and last with anything in it */
	double total, sum, most;
};

static void read_distribution(const json_t *object, const char *what, struct distribution *ret)
{
	const json_t *bucket, *buckets = json_object_get(object, "buckets");
	char bound[CTL_VALUE_MAX] = "0s";
	double before = 0;
	size_t i;

	*ret = (struct distribution){ .what = what,
				      .total = ctl_number(object, "count"),
				      .sum = ctl_number(object, "sum"),
				      .first = BUCKETS_MOST };
	json_array_foreach(buckets, i, bucket)
	{
		double below = json_number_value(json_array_get(bucket, 1));

		if (ret->count + 1 == BUCKETS_MOST)
			break;
		snprintf(ret->labels[ret->count], sizeof(ret->labels[0]), "<= %s",
			 ctl_format_duration(json_number_value(json_array_get(bucket, 0)), bound));
		ret->counts[ret->count++] = below > before ? below - before : 0;
		before = below;
	}
	snprintf(ret->labels[ret->count], sizeof(ret->labels[0]), "> %s", bound);
	ret->counts[ret->count++] = ret->total > before ? ret->total - before : 0;
	for (i = 0; i < ret->count; i++) {
		if (ret->counts[i] <= 0)
			continue;
		ret->first = ret->first == BUCKETS_MOST ? i : ret->first;
		ret->last = i;
		ret->most = ret->counts[i] > ret->most ? ret->counts[i] : ret->most;
	}
}

/* Line `i` of a histogram; returns false when there is none any more. */
static bool put_distribution(struct top_canvas *canvas, const struct distribution *all, size_t i,
			     unsigned width)
{
	char text[CTL_VALUE_MAX];
	size_t at = all->first + i - 1;

	if (i == 0) {
		top_put(canvas, TOP_BOLD, all->what);
		top_putf(canvas, TOP_DIM, all->total > 0 ? "  mean %s" : "  none yet",
			 ctl_format_duration(all->sum / all->total, text));
		return true;
	}
	if (all->first == BUCKETS_MOST || at > all->last)
		return false;
	top_put_field(canvas, TOP_DIM, all->labels[at], LABEL_WIDTH, true);
	top_put(canvas, TOP_PLAIN, " ");
	top_put_field(canvas, TOP_PLAIN, ctl_format_count(all->counts[at], text), COUNT_WIDTH, true);
	top_put(canvas, TOP_PLAIN, " ");
	if (all->counts[at] > 0)
		top_put_bar(canvas, TOP_GREEN, all->counts[at] / all->most,
			    width - LABEL_WIDTH - COUNT_WIDTH - 4);
	return true;
}

static size_t lines_of(const struct distribution *all)
{
	return all->first == BUCKETS_MOST ? 1 : 2 + all->last - all->first;
}

/* Side by side where there is room. */
static void draw_distributions(struct top_canvas *canvas, const json_t *service)
{
	struct distribution both[2];
	unsigned half = canvas->columns > 160 ? 80 : canvas->columns / 2;

	read_distribution(json_object_get(service, "spawn_seconds"), "time to start", &both[0]);
	read_distribution(json_object_get(service, "session_seconds"), "length of sessions", &both[1]);
	top_line(canvas);
	if (canvas->columns < 72) {
		for (size_t i = 0; i < ELEMENTS(both); i++)
			for (size_t j = 0; j < lines_of(&both[i]); j++) {
				put_distribution(canvas, &both[i], j, canvas->columns);
				top_line(canvas);
			}
		return;
	}
	for (size_t i = 0; i < lines_of(&both[0]) || i < lines_of(&both[1]); i++) {
		put_distribution(canvas, &both[0], i, half);
		top_pad(canvas, half);
		put_distribution(canvas, &both[1], i, half);
		top_line(canvas);
	}
}

/* ---- the service ---- */

static void put_line(struct top_canvas *canvas, const char *word, enum top_style style, const char *text)
{
	top_put_field(canvas, TOP_DIM, word, 12, false);
	top_put_safe(canvas, style, text);
	top_line(canvas);
}

static void draw_name(struct top_canvas *canvas, const json_t *service)
{
	const char *state = ctl_text(service, "state"), *problem = ctl_text(service, "problem"),
		   *description = ctl_text(service, "description");

	top_put_safe(canvas, TOP_BOLD, ctl_text(service, "name"));
	top_put(canvas, TOP_PLAIN, "  ");
	top_put_safe(canvas, top_state_style(state), state);
	if (ctl_text(service, "override") != NULL)
		top_put(canvas, TOP_YELLOW, " (by hand, until the next reload)");
	if (description != NULL && description[0] != '\0') {
		top_put(canvas, TOP_PLAIN, "  ");
		top_put_safe(canvas, TOP_DIM, description);
	}
	top_line(canvas);
	if (problem != NULL)
		put_line(canvas, "problem", TOP_RED, problem);
	top_line(canvas);
}

static void draw_what(struct top_canvas *canvas, const json_t *service)
{
	const json_t *address, *listen = json_object_get(service, "listen");
	char text[CTL_LIST_MAX];
	size_t i;

	top_put_field(canvas, TOP_DIM, "listen", 12, false);
	json_array_foreach(listen, i, address)
	{
		if (i > 0)
			top_put(canvas, TOP_PLAIN, ", ");
		top_put_safe(canvas, TOP_PLAIN, json_string_value(address));
	}
	top_line(canvas);
	put_line(canvas, "exec", TOP_PLAIN, ctl_text(service, "exec"));
	snprintf(text, sizeof(text), "%.64s%s",
		 ctl_text(service, "user") != NULL ? ctl_text(service, "user") : "-",
		 json_is_true(json_object_get(service, "wait")) ? ", with the whole socket (wait)" : "");
	put_line(canvas, "user", TOP_PLAIN, text);
	put_line(canvas, "where", TOP_PLAIN, ctl_view_where(json_object_get(service, "where"), text));
	top_line(canvas);
}

static void draw_counts(struct top_canvas *canvas, const json_t *service)
{
	static const struct {
		const char *word, *key;
		enum top_style style;
	} counts[] = { { "refused", "refused", TOP_YELLOW },
		       { "ended", "ended", TOP_PLAIN },
		       { "not started", "spawn_failures", TOP_RED } };
	double active = ctl_number(service, "active"), instances = ctl_number(service, "instances");
	char text[CTL_LIST_MAX], value[CTL_VALUE_MAX], more[CTL_VALUE_MAX];

	top_put_field(canvas, TOP_DIM, "sessions", 12, false);
	top_put_bar(canvas, active >= instances ? TOP_YELLOW : TOP_GREEN,
		    instances > 0 ? active / instances : 0, 16);
	top_putf(canvas, TOP_PLAIN, " %s of %s", ctl_format_count(active, value),
		 ctl_format_count(instances, more));
	top_line(canvas);
	snprintf(text, sizeof(text), "%s accepted, %s started",
		 ctl_format_count(ctl_number(service, "accepted"), value),
		 ctl_format_count(ctl_number(service, "started"), more));
	put_line(canvas, "clients", TOP_PLAIN, text);
	for (size_t i = 0; i < ELEMENTS(counts); i++) {
		const json_t *object = json_object_get(service, counts[i].key);
		bool any = top_sum(object) > 0;

		put_line(canvas, counts[i].word, any ? counts[i].style : TOP_DIM,
			 any ? ctl_view_counts(object, text) : "none");
	}
	snprintf(text, sizeof(text), "%s in, %s out",
		 ctl_format_bytes(ctl_number(service, "bytes_in"), value),
		 ctl_format_bytes(ctl_number(service, "bytes_out"), more));
	put_line(canvas, "traffic", TOP_PLAIN, text);
}

void top_draw_detail(struct top_canvas *canvas, const struct top_model *model)
{
	if (model->detail == NULL) {
		top_put(canvas, TOP_DIM, "asking ...");
		top_line(canvas);
		return;
	}
	draw_name(canvas, model->detail);
	draw_what(canvas, model->detail);
	draw_counts(canvas, model->detail);
	draw_distributions(canvas, model->detail);
}

/* ---- the help ---- */

void top_draw_help(struct top_canvas *canvas)
{
	static const struct {
		const char *key, *text;
	} lines[] = {
		{ "Tab", "services or sessions; s shows services, S sessions" },
		{ "Up Down PgUp PgDn", "select a row; also j, Home and End" },
		{ "< >", "sort by another column; r reverses the order" },
		{ "/", "only rows with this text; Esc shows all again" },
		{ "Enter", "all that is known of a service; Esc goes back" },
		{ "k", "kill the session, or all sessions of the service" },
		{ "d e", "disable, enable the service until the next reload" },
		{ "+ -", "look less, more often" },
		{ "Space", "look now" },
		{ "Ctrl-L", "draw the screen anew" },
		{ "q", "quit" },
		{ "", "" },
		{ "CONN/s REF/s", "clients accepted, refused a second since the last look" },
		{ "ACTIVE", "sessions now, of how many there may be (instances)" },
		{ "FAILED", "programs that could not be started" },
		{ "IDLE", "since the client or the service sent anything" },
	};

	top_put(canvas, TOP_BOLD, "usherctl top");
	top_put(canvas, TOP_DIM, "  any key goes back");
	top_line(canvas);
	top_line(canvas);
	for (size_t i = 0; i < ELEMENTS(lines); i++) {
		top_put_field(canvas, TOP_CYAN, lines[i].key, 18, false);
		top_put(canvas, TOP_PLAIN, lines[i].text);
		top_line(canvas);
	}
}
