/* ctl-top-model.c - replies to rows; rates; order. O(n log n) in the rows. */
#include "ctl-top-model.h"

#include "base.h"
#include "ctl-format.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* ---- columns ---- */

static const struct top_column service_columns[] = {
	{ "SERVICE", TOP_KIND_TEXT, TOP_NAME, 12, 40, 0 },
	{ "STATE", TOP_KIND_TEXT, TOP_STATE, 8, 0, 0 },
	{ "ACTIVE", TOP_KIND_SHARE, TOP_ACTIVE, 8, 0, 0 },
	{ "CONN/s", TOP_KIND_RATE, TOP_ACCEPTED_RATE, 6, 0, 1 },
	{ "REF/s", TOP_KIND_RATE, TOP_REFUSED_RATE, 6, 0, 4 },
	{ "REFUSED", TOP_KIND_COUNT, TOP_REFUSED, 7, 0, 2 },
	{ "FAILED", TOP_KIND_COUNT, TOP_FAILED, 6, 0, 3 },
	{ "IN", TOP_KIND_BYTES, TOP_IN, 8, 0, 6 },
	{ "OUT", TOP_KIND_BYTES, TOP_OUT, 8, 0, 5 },
	{ "LISTEN", TOP_KIND_TEXT, TOP_WHERE, 16, 60, 7 },
};

static const struct top_column session_columns[] = {
	{ "ID", TOP_KIND_COUNT, TOP_ID, 6, 0, 0 },       { "SERVICE", TOP_KIND_TEXT, TOP_NAME, 10, 30, 0 },
	{ "PEER", TOP_KIND_TEXT, TOP_WHERE, 15, 47, 1 }, { "AGE", TOP_KIND_TIME, TOP_SECONDS, 6, 0, 0 },
	{ "IDLE", TOP_KIND_TIME, TOP_IDLE, 6, 0, 2 },    { "IN", TOP_KIND_BYTES, TOP_IN, 8, 0, 3 },
	{ "OUT", TOP_KIND_BYTES, TOP_OUT, 8, 0, 3 },     { "RTT", TOP_KIND_TIME, TOP_RTT, 6, 0, 5 },
	{ "STATE", TOP_KIND_TEXT, TOP_STATE, 7, 24, 4 },
};

const struct top_column *top_columns(enum top_view view, size_t *ret_count)
{
	*ret_count = view == TOP_SERVICES ? ELEMENTS(service_columns) : ELEMENTS(session_columns);
	return view == TOP_SERVICES ? service_columns : session_columns;
}

/* ---- rows ---- */

static void free_rows(struct top_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->items[i].key);
		for (size_t j = 0; j < TOP_TEXTS; j++)
			free(rows->items[i].texts[j]);
	}
	free(rows->items);
	*rows = (struct top_rows){ .items = NULL };
}

double top_sum(const json_t *object)
{
	const char *key;
	const json_t *value;
	double total = 0;

	json_object_foreach((json_t *)(uintptr_t)object, key, value) total += json_number_value(value);
	return total;
}

/* Two texts as one, `first` alone where there is no second. */
static char *safe_pair(const char *first, const char *before, const char *second, const char *behind,
		       bool utf8)
{
	_cleanup_free_ char *text = NULL;

	if (asprintf(&text, "%s%s%s%s", first != NULL ? first : "-", second != NULL ? before : "",
		     second != NULL ? second : "", second != NULL ? behind : "") < 0) {
		text = NULL;
		return NULL;
	}
	return ctl_format_safe(text, utf8);
}

static bool read_service(const struct top_model *model, const json_t *object, struct top_row *row)
{
	static const struct {
		enum top_value value;
		const char *key;
	} numbers[] = {
		{ TOP_ACTIVE, "active" },     { TOP_INSTANCES, "instances" },
		{ TOP_ACCEPTED, "accepted" }, { TOP_REFUSED, "refused_total" },
		{ TOP_IN, "bytes_in" },       { TOP_OUT, "bytes_out" },
	};
	const json_t *listen = json_object_get(object, "listen");
	const char *name = ctl_text(object, "name"), *first = json_string_value(json_array_get(listen, 0));

	for (size_t i = 0; i < ELEMENTS(numbers); i++)
		row->values[numbers[i].value] = ctl_number(object, numbers[i].key);
	row->values[TOP_FAILED] = top_sum(json_object_get(object, "spawn_failures"));
	row->key = strdup(name != NULL ? name : "");
	row->texts[TOP_NAME] = ctl_format_safe(name, model->utf8);
	row->texts[TOP_STATE] = ctl_format_safe(ctl_text(object, "state"), model->utf8);
	row->texts[TOP_WHERE] =
		safe_pair(first, ", ", json_array_size(listen) > 1 ? "..." : NULL, "", model->utf8);
	return row->key != NULL && row->texts[TOP_NAME] != NULL && row->texts[TOP_STATE] != NULL &&
	       row->texts[TOP_WHERE] != NULL;
}

static bool read_session(const struct top_model *model, const json_t *object, struct top_row *row)
{
	static const struct {
		enum top_value value;
		const char *key;
	} numbers[] = {
		{ TOP_ID, "id" },       { TOP_SECONDS, "seconds" }, { TOP_IDLE, "idle_seconds" },
		{ TOP_IN, "bytes_in" }, { TOP_OUT, "bytes_out" },   { TOP_RTT, "rtt_seconds" },
	};

	for (size_t i = 0; i < ELEMENTS(numbers); i++)
		row->values[numbers[i].value] = ctl_number(object, numbers[i].key);
	if (asprintf(&row->key, "%llu", (unsigned long long)ctl_integer(object, "id")) < 0)
		row->key = NULL;
	row->texts[TOP_NAME] = ctl_format_safe(ctl_text(object, "service"), model->utf8);
	row->texts[TOP_WHERE] = ctl_format_safe(ctl_text(object, "peer"), model->utf8);
	row->texts[TOP_STATE] =
		safe_pair(ctl_text(object, "state"), " (", ctl_text(object, "reason"), ")", model->utf8);
	return row->key != NULL && row->texts[TOP_NAME] != NULL && row->texts[TOP_STATE] != NULL &&
	       row->texts[TOP_WHERE] != NULL;
}

typedef bool read_row(const struct top_model *model, const json_t *object, struct top_row *row);

static int read_rows(const struct top_model *model, const json_t *list, read_row *read, uint64_t now_ns,
		     struct top_rows *ret_rows)
{
	struct top_rows rows = { .at_ns = now_ns };
	const json_t *object;
	size_t i;

	rows.items = calloc(json_array_size(list) + 1, sizeof(rows.items[0]));
	if (rows.items == NULL)
		return -ENOMEM;
	json_array_foreach(list, i, object)
	{
		struct top_row *row = &rows.items[rows.count];

		if (!json_is_object(object))
			continue;
		for (size_t j = 0; j < TOP_VALUES; j++)
			row->values[j] = NAN;
		rows.count++;
		if (!read(model, object, row)) {
			free_rows(&rows);
			return -ENOMEM;
		}
	}
	*ret_rows = rows;
	return 0;
}

/* ---- rates ---- */

/* A counter that fell belongs to another daemon: nothing is known yet. */
static double rate(double before, double now, uint64_t before_ns, uint64_t now_ns)
{
	if (before_ns == 0 || now_ns <= before_ns || !(now >= before))
		return NAN;
	return (now - before) / ((double)(now_ns - before_ns) / (double)NS_PER_S);
}

static int compare_keys(const void *left, const void *right)
{
	return strcmp(((const struct top_row *)left)->key, ((const struct top_row *)right)->key);
}

/* Both lists are in the order of keys. */
static void fill_rates(const struct top_rows *before, struct top_rows *now)
{
	for (size_t i = 0, j = 0; i < now->count; i++) {
		struct top_row *row = &now->items[i];

		while (j < before->count && strcmp(before->items[j].key, row->key) < 0)
			j++;
		if (j == before->count)
			break;
		if (strcmp(before->items[j].key, row->key) != 0)
			continue;
		for (size_t k = 0; k < TOP_COUNTERS; k++)
			row->values[TOP_ACCEPTED_RATE + k] =
				rate(before->items[j].values[TOP_ACCEPTED + k], row->values[TOP_ACCEPTED + k],
				     before->at_ns, now->at_ns);
	}
}

/* ---- replies ---- */

static void forget_shown(struct top_model *model)
{
	free(model->shown);
	model->shown = NULL;
	model->shown_count = 0;
}

static int take_rows(struct top_model *model, enum top_view view, const json_t *list, read_row *read,
		     uint64_t now_ns)
{
	struct top_rows rows;
	int r = read_rows(model, list, read, now_ns, &rows);

	if (r < 0)
		return r;
	if (view == TOP_SERVICES) {
		qsort(rows.items, rows.count, sizeof(rows.items[0]), compare_keys);
		fill_rates(&model->rows[view], &rows);
	}
	forget_shown(model);
	free_rows(&model->rows[view]);
	model->rows[view] = rows;
	return 0;
}

int top_take_services(struct top_model *model, const json_t *reply, uint64_t now_ns)
{
	return take_rows(model, TOP_SERVICES, json_object_get(reply, "services"), read_service, now_ns);
}

int top_take_sessions(struct top_model *model, const json_t *reply, uint64_t now_ns)
{
	return take_rows(model, TOP_SESSIONS, json_object_get(reply, "sessions"), read_session, now_ns);
}

int top_take_status(struct top_model *model, const json_t *reply, uint64_t now_ns)
{
	static const char *const keys[TOP_COUNTERS] = { "accepted", "refused_total", "bytes_in",
							"bytes_out" };
	json_t *daemon = json_object_get(reply, "daemon");

	for (size_t i = 0; i < TOP_COUNTERS; i++)
		model->rates[i] = rate(ctl_number(model->daemon, keys[i]), ctl_number(daemon, keys[i]),
				       model->daemon_at_ns, now_ns);
	json_decref(model->daemon);
	json_decref(model->problems);
	model->daemon = json_incref(daemon);
	model->problems = json_incref(json_object_get(reply, "problems"));
	model->daemon_at_ns = now_ns;
	return 0;
}

void top_take_detail(struct top_model *model, const json_t *reply)
{
	json_decref(model->detail);
	model->detail = json_incref(json_array_get(json_object_get(reply, "services"), 0));
}

const json_t *top_worst_problem(const struct top_model *model, size_t *ret_others)
{
	static const char *const ranks[] = { "paused", "failing", "absent", "full" };
	const json_t *problem, *worst = NULL;
	size_t i, worst_rank = ELEMENTS(ranks) + 1, count = json_array_size(model->problems);

	json_array_foreach(model->problems, i, problem)
	{
		const char *state = ctl_text(problem, "state");
		size_t rank = 0;

		while (rank < ELEMENTS(ranks) && (state == NULL || strcmp(state, ranks[rank]) != 0))
			rank++;
		if (rank < worst_rank) {
			worst = problem;
			worst_rank = rank;
		}
	}
	*ret_others = count > 0 ? count - 1 : 0;
	return worst;
}

/* ---- order ---- */

struct order {
	const struct top_column *column;
	bool reverse;
};

static int compare_rows(const void *left_item, const void *right_item, void *context)
{
	const struct top_row *left = *(const struct top_row *const *)left_item,
			     *right = *(const struct top_row *const *)right_item;
	const struct order *order = context;
	unsigned cell = order->column->cell;
	int sign = order->reverse ? -1 : 1, r = 0;

	if (order->column->kind == TOP_KIND_TEXT) {
		r = strcmp(left->texts[cell], right->texts[cell]);
		r = sign * ((r > 0) - (r < 0)); /* whose size nobody promises */
	} else {
		double a = left->values[cell], b = right->values[cell];

		/* What is not known stands last either way; else the largest is first. */
		if (isnan(a) || isnan(b))
			r = isnan(a) - isnan(b);
		else if (a != b)
			r = sign * (a > b ? -1 : 1);
	}
	if (r == 0)
		r = strcmp(left->texts[TOP_NAME], right->texts[TOP_NAME]);
	if (r == 0 && left->values[TOP_ID] != right->values[TOP_ID])
		r = left->values[TOP_ID] < right->values[TOP_ID] ? -1 : 1;
	return r;
}

static bool passes(const struct top_model *model, const struct top_row *row)
{
	if (model->filter[0] == '\0')
		return true;
	for (size_t i = 0; i < TOP_TEXTS; i++)
		if (strcasestr(row->texts[i], model->filter) != NULL)
			return true;
	return strcmp(row->key, model->filter) == 0;
}

int top_arrange(struct top_model *model, enum top_view view)
{
	const struct top_rows *rows = &model->rows[view];
	struct order order = { .reverse = model->reverse[view] };
	size_t count;

	order.column = &top_columns(view, &count)[model->sort[view]];
	forget_shown(model);
	model->shown = calloc(rows->count + 1, sizeof(model->shown[0]));
	if (model->shown == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < rows->count; i++)
		if (passes(model, &rows->items[i]))
			model->shown[model->shown_count++] = &rows->items[i];
	qsort_r(model->shown, model->shown_count, sizeof(model->shown[0]), compare_rows, &order);
	return 0;
}

/* ---- the model ---- */

void top_model_init(struct top_model *model, bool utf8)
{
	*model = (struct top_model){ .utf8 = utf8, .sort = { [TOP_SERVICES] = 3, [TOP_SESSIONS] = 3 } };
	for (size_t i = 0; i < TOP_COUNTERS; i++)
		model->rates[i] = NAN;
}

void top_model_free(struct top_model *model)
{
	forget_shown(model);
	for (size_t i = 0; i < TOP_VIEWS; i++)
		free_rows(&model->rows[i]);
	json_decref(model->daemon);
	json_decref(model->problems);
	json_decref(model->detail);
}
