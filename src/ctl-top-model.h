/* ctl-top-model.h - what top shows: the daemon's replies as rows, with rates from one reply to the next,
 * sorted and filtered. Pure: no terminal, no socket, no clock. */
#ifndef USHERD_CTL_TOP_MODEL_H
#define USHERD_CTL_TOP_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum top_view { TOP_SERVICES, TOP_SESSIONS, TOP_VIEWS };

/* The cells of a row. What does not apply is NULL or NAN. */
enum top_text {
	TOP_NAME, /* of the service */
	TOP_STATE,
	TOP_WHERE, /* where it listens; who the peer is */
	TOP_TEXTS
};

enum top_value {
	TOP_ACTIVE,
	TOP_INSTANCES,
	TOP_ACCEPTED, /* from here to TOP_OUT: counters, whose rates follow in the same order */
	TOP_REFUSED,
	TOP_IN,
	TOP_OUT,
	TOP_ACCEPTED_RATE,
	TOP_REFUSED_RATE,
	TOP_IN_RATE,
	TOP_OUT_RATE,
	TOP_FAILED,
	TOP_ID,
	TOP_SECONDS,
	TOP_IDLE,
	TOP_RTT,
	TOP_VALUES
};
#define TOP_COUNTERS (TOP_ACCEPTED_RATE - TOP_ACCEPTED)

struct top_row {
	char *key;              /* what the daemon calls it: may hold anything */
	char *texts[TOP_TEXTS]; /* safe for a terminal */
	double values[TOP_VALUES];
};

struct top_rows {
	struct top_row *items;
	size_t count;
	uint64_t at_ns; /* when they were told; 0: never */
};

enum top_kind {
	TOP_KIND_TEXT,
	TOP_KIND_COUNT,
	TOP_KIND_RATE,
	TOP_KIND_BYTES,
	TOP_KIND_TIME,
	TOP_KIND_SHARE, /* ACTIVE/INSTANCES */
};

struct top_column {
	const char *title;
	enum top_kind kind;
	unsigned cell;  /* enum top_text or top_value */
	unsigned width; /* the least */
	unsigned most;  /* it may grow to; 0: does not grow */
	unsigned drop;  /* the higher, the earlier it goes when there is no room; 0: stays */
};

/* The columns of a view. */
const struct top_column *top_columns(enum top_view view, size_t *ret_count);

struct top_model {
	bool utf8;
	json_t *daemon, *problems; /* as told last; NULL: nothing yet */
	uint64_t daemon_at_ns;
	double rates[TOP_COUNTERS]; /* of the daemon */
	struct top_rows rows[TOP_VIEWS];
	json_t *detail; /* of one service, or NULL */

	/* What of it is shown, and how. */
	size_t sort[TOP_VIEWS]; /* a column */
	bool reverse[TOP_VIEWS];
	char filter[128]; /* "": all */
	const struct top_row **shown;
	size_t shown_count;
};

void top_model_init(struct top_model *model, bool utf8);
void top_model_free(struct top_model *model);

/* Replies to `status`, `services`, `sessions`, `services NAME`, borrowed. What is not in them is not shown.
 * Return 0 or -ENOMEM, and then what was known stays. */
int top_take_status(struct top_model *model, const json_t *reply, uint64_t now_ns);
int top_take_services(struct top_model *model, const json_t *reply, uint64_t now_ns);
int top_take_sessions(struct top_model *model, const json_t *reply, uint64_t now_ns);
void top_take_detail(struct top_model *model, const json_t *reply);

/* Fills `shown` with the rows of a view, filtered and sorted. After any change of rows it has to be called
 * before `shown` is looked at. Returns 0 or -ENOMEM, and then nothing is shown. */
int top_arrange(struct top_model *model, enum top_view view);

/* The sum of an object of numbers. */
double top_sum(const json_t *object);

/* The problem that matters most, or NULL; and how many others there are. Borrowed. */
const json_t *top_worst_problem(const struct top_model *model, size_t *ret_others);

#endif
