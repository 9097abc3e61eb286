/* ctl-view-services.c - services, sessions and bans as tables; one service in full. */
#include "ctl-view-internal.h"

#include <math.h>
#include <string.h>

#define BAR_MAX 40

/* "serving"; what was switched by hand says so. */
static const char *state_text(const json_t *service, char text[static CTL_LIST_MAX])
{
	const char *state = ctl_text(service, "state");

	snprintf(text, CTL_LIST_MAX, "%s%s", state != NULL ? state : "-",
		 ctl_text(service, "override") != NULL ? " (by hand)" : "");
	return text;
}

static const char *join(const json_t *list, char text[static CTL_LIST_MAX])
{
	const json_t *item;
	size_t i, used = 0;

	text[0] = '\0';
	json_array_foreach(list, i, item)
	{
		const char *word = json_string_value(item);

		if (word == NULL || used + strlen(word) + 8 > CTL_LIST_MAX) {
			snprintf(text + used, CTL_LIST_MAX - used, ", ...");
			break;
		}
		used += (size_t)snprintf(text + used, CTL_LIST_MAX - used, "%s%s", used > 0 ? ", " : "",
					 word);
	}
	return text;
}

static double sum(const json_t *object)
{
	const char *key;
	const json_t *value;
	double total = 0;

	json_object_foreach((json_t *)(uintptr_t)object, key, value) total += json_number_value(value);
	return total;
}

/* ---- the table ---- */

static void add_service(struct ctl_table *table, const json_t *service)
{
	char text[CTL_LIST_MAX], value[CTL_VALUE_MAX];
	double failures = sum(json_object_get(service, "spawn_failures"));

	ctl_table_cell(table, CTL_BOLD, ctl_text(service, "name"));
	ctl_table_cell(table, ctl_state_color(ctl_text(service, "state")), state_text(service, text));
	ctl_table_format(table, "%llu/%llu", (unsigned long long)ctl_integer(service, "active"),
			 (unsigned long long)ctl_integer(service, "instances"));
	ctl_table_cell(table, CTL_PLAIN, ctl_format_count(ctl_number(service, "started"), value));
	ctl_table_cell(table, CTL_PLAIN, ctl_format_count(ctl_number(service, "refused_total"), value));
	ctl_table_cell(table, failures > 0 ? CTL_RED : CTL_PLAIN, ctl_format_count(failures, value));
	ctl_table_cell(table, CTL_PLAIN, ctl_format_bytes(ctl_number(service, "bytes_in"), value));
	ctl_table_cell(table, CTL_PLAIN, ctl_format_bytes(ctl_number(service, "bytes_out"), value));
	ctl_table_cell(table, CTL_PLAIN, join(json_object_get(service, "listen"), text));
}

static void print_list(const struct ctl_options *options, const json_t *services, FILE *out)
{
	static const struct ctl_column columns[] = {
		{ "SERVICE", false, true }, { "STATE", false, false },  { "ACTIVE", true, false },
		{ "STARTED", true, false }, { "REFUSED", true, false }, { "FAILED", true, false },
		{ "IN", true, false },      { "OUT", true, false },     { "LISTEN", false, true },
	};
	struct ctl_table *table = ctl_table_new(options, columns, ELEMENTS(columns));
	const json_t *service;
	size_t i;

	json_array_foreach(services, i, service) add_service(table, service);
	ctl_table_print(table, 0, out);
	ctl_table_free(table);
	json_array_foreach(services, i, service)
	{
		const char *problem = ctl_text(service, "problem");

		if (problem == NULL)
			continue;
		ctl_print(options, out, CTL_RED, ctl_text(service, "name"));
		fputs(": ", out);
		ctl_print(options, out, CTL_PLAIN, problem);
		fputc('\n', out);
	}
}

/* ---- one in full ---- */

/* A row for each bound between the first and the last that counted anything. */
static void add_bar(struct ctl_table *table, const struct ctl_options *options, const char *bound,
		    double count, double most)
{
	char bar[BAR_MAX * 3 + 1] = "";
	unsigned length = count > 0 ? 1 + (unsigned)(count / most * (BAR_MAX - 1)) : 0;

	for (unsigned i = 0; i < length && i < BAR_MAX; i++)
		strcat(bar, options->utf8 ? "\xe2\x96\x88" : "#");
	ctl_table_cell(table, CTL_PLAIN, bound);
	ctl_table_format(table, "%.0f", count);
	ctl_table_cell(table, CTL_GREEN, bar);
}

struct bucket {
	char bound[CTL_VALUE_MAX + 8];
	double count;
};

/* Up to `room` buckets, no longer cumulative; the last is for what is above all bounds. */
static size_t read_buckets(const json_t *histogram, struct bucket *buckets, size_t room)
{
	const json_t *list = json_object_get(histogram, "buckets"), *item;
	double before = 0, total = ctl_number(histogram, "count");
	char bound[CTL_VALUE_MAX] = "0s";
	size_t i, count = 0;

	json_array_foreach(list, i, item)
	{
		double below = json_number_value(json_array_get(item, 1));

		if (count + 1 == room)
			break;
		snprintf(buckets[count].bound, sizeof(buckets[count].bound), "<= %s",
			 ctl_format_duration(json_number_value(json_array_get(item, 0)), bound));
		buckets[count++].count = below > before ? below - before : 0;
		before = below;
	}
	snprintf(buckets[count].bound, sizeof(buckets[count].bound), "> %s", bound);
	buckets[count++].count = total > before ? total - before : 0;
	return count;
}

static void print_histogram(const struct ctl_options *options, const json_t *histogram, const char *what,
			    FILE *out)
{
	static const struct ctl_column columns[] = { { NULL, true, false },
						     { NULL, true, false },
						     { NULL, false, false } };
	struct bucket buckets[64];
	size_t count = read_buckets(histogram, buckets, ELEMENTS(buckets)), first = count, last = 0;
	double total = ctl_number(histogram, "count"), most = 0;
	char mean[CTL_VALUE_MAX];
	struct ctl_table *table;

	if (!(total > 0))
		return;
	for (size_t i = 0; i < count; i++) {
		if (buckets[i].count <= 0)
			continue;
		first = first == count ? i : first;
		last = i;
		most = buckets[i].count > most ? buckets[i].count : most;
	}
	fputc('\n', out);
	ctl_print(options, out, CTL_BOLD, what);
	fprintf(out, " (mean %s)\n", ctl_format_duration(ctl_number(histogram, "sum") / total, mean));
	table = ctl_table_new(options, columns, ELEMENTS(columns));
	for (size_t i = first; i <= last && i < count; i++)
		add_bar(table, options, buckets[i].bound, buckets[i].count, most);
	ctl_table_print(table, 2, out);
	ctl_table_free(table);
}

static void add_counts(struct ctl_table *table, const json_t *service)
{
	static const struct {
		const char *word, *key;
	} counts[] = { { "refused", "refused" }, { "ended", "ended" }, { "not started", "spawn_failures" } };
	char text[CTL_LIST_MAX], value[CTL_VALUE_MAX], more[CTL_VALUE_MAX];

	ctl_view_pair_format(table, "sessions", "%llu now, of %llu",
			     (unsigned long long)ctl_integer(service, "active"),
			     (unsigned long long)ctl_integer(service, "instances"));
	ctl_view_pair_format(table, "clients", "%s accepted, %s started",
			     ctl_format_count(ctl_number(service, "accepted"), value),
			     ctl_format_count(ctl_number(service, "started"), more));
	for (size_t i = 0; i < ELEMENTS(counts); i++) {
		const json_t *object = json_object_get(service, counts[i].key);

		if (sum(object) > 0)
			ctl_view_pair(table, counts[i].word, ctl_view_counts(object, text));
	}
	ctl_view_pair_format(table, "traffic", "%s in, %s out",
			     ctl_format_bytes(ctl_number(service, "bytes_in"), value),
			     ctl_format_bytes(ctl_number(service, "bytes_out"), more));
}

/* What comes of `warm`. */
static void add_warm(struct ctl_table *table, const json_t *warm)
{
	const char *problem = ctl_text(warm, "problem");
	char value[CTL_VALUE_MAX];

	if (!json_is_object(warm))
		return;
	ctl_view_pair_format(table, "warm", "%s: %s, %llu waiting; %s sessions, %llu times started anew",
			     ctl_text(warm, "mode"), ctl_text(warm, "state"),
			     (unsigned long long)ctl_integer(warm, "copies"),
			     ctl_format_count(ctl_number(warm, "sessions"), value),
			     (unsigned long long)ctl_integer(warm, "replaced"));
	if (problem != NULL)
		ctl_view_pair(table, "", problem);
}

static void print_service(const struct ctl_options *options, const json_t *service, FILE *out)
{
	struct ctl_table *table = ctl_table_new(options, ctl_pair_columns, ELEMENTS(ctl_pair_columns));
	const char *state = ctl_text(service, "state"), *problem = ctl_text(service, "problem");
	const char *description = ctl_text(service, "description");
	char text[CTL_LIST_MAX];

	ctl_print(options, out, CTL_BOLD, ctl_text(service, "name"));
	fputs("  ", out);
	ctl_print(options, out, ctl_state_color(state), state_text(service, text));
	if (description != NULL && description[0] != '\0')
		ctl_printf(options, out, CTL_PLAIN, "  %s", description);
	fputc('\n', out);
	if (problem != NULL) {
		ctl_printf(options, out, CTL_RED, "problem: %s", problem);
		fputc('\n', out);
	}
	ctl_view_pair(table, "listen", join(json_object_get(service, "listen"), text));
	ctl_view_pair(table, "exec", ctl_text(service, "exec"));
	ctl_view_pair_format(
		table, "user", "%s%s", ctl_text(service, "user") != NULL ? ctl_text(service, "user") : "-",
		json_is_true(json_object_get(service, "wait")) ? ", with the whole socket (wait)" : "");
	ctl_view_pair(table, "where", ctl_view_where(json_object_get(service, "where"), text));
	add_warm(table, json_object_get(service, "warm"));
	add_counts(table, service);
	ctl_table_print(table, 0, out);
	ctl_table_free(table);
	print_histogram(options, json_object_get(service, "spawn_seconds"), "time to start", out);
	print_histogram(options, json_object_get(service, "session_seconds"), "length of sessions", out);
}

void ctl_view_services(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	const json_t *services = json_object_get(reply, "services");

	if (options->argument_count > 0 && json_array_size(services) > 0)
		print_service(options, json_array_get(services, 0), out);
	else if (json_array_size(services) > 0)
		print_list(options, services, out);
	else
		fputs("there are no services\n", out);
}

/* ---- sessions and bans ---- */

static void add_session(struct ctl_table *table, const json_t *session)
{
	const char *state = ctl_text(session, "state"), *reason = ctl_text(session, "reason");
	bool running = state != NULL && strcmp(state, "running") == 0;
	char value[CTL_VALUE_MAX], text[CTL_LIST_MAX];

	snprintf(text, sizeof(text), "%s%s%s%s", state != NULL ? state : "-", reason != NULL ? " (" : "",
		 reason != NULL ? reason : "", reason != NULL ? ")" : "");
	ctl_table_format(table, "%llu", (unsigned long long)ctl_integer(session, "id"));
	ctl_table_cell(table, CTL_BOLD, ctl_text(session, "service"));
	ctl_table_format(table, "%llu", (unsigned long long)ctl_integer(session, "pid"));
	ctl_table_cell(table, running ? CTL_PLAIN : CTL_YELLOW, text);
	ctl_table_cell(table, CTL_PLAIN, ctl_format_duration(ctl_number(session, "seconds"), value));
	ctl_table_cell(table, CTL_PLAIN, ctl_format_duration(ctl_number(session, "idle_seconds"), value));
	ctl_table_cell(table, CTL_PLAIN, ctl_format_bytes(ctl_number(session, "bytes_in"), value));
	ctl_table_cell(table, CTL_PLAIN, ctl_format_bytes(ctl_number(session, "bytes_out"), value));
	ctl_table_cell(table, CTL_PLAIN, ctl_format_duration(ctl_number(session, "rtt_seconds"), value));
	ctl_table_cell(table, CTL_PLAIN, ctl_text(session, "peer"));
}

void ctl_view_sessions(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	static const struct ctl_column columns[] = {
		{ "ID", true, false },     { "SERVICE", false, true }, { "PID", true, false },
		{ "STATE", false, false }, { "AGE", true, false },     { "IDLE", true, false },
		{ "IN", true, false },     { "OUT", true, false },     { "RTT", true, false },
		{ "PEER", false, true },
	};
	const json_t *sessions = json_object_get(reply, "sessions"), *session;
	struct ctl_table *table;
	size_t i;

	if (json_array_size(sessions) == 0) {
		fputs("there are no sessions\n", out);
		return;
	}
	table = ctl_table_new(options, columns, ELEMENTS(columns));
	json_array_foreach(sessions, i, session) add_session(table, session);
	ctl_table_print(table, 0, out);
	ctl_table_free(table);
}

void ctl_view_bans(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	static const struct ctl_column columns[] = {
		{ "ADDRESS", false, false },
		{ "SERVICE", false, true },
		{ "BY", false, false },
		{ "LEFT", true, false },
	};
	const json_t *bans = json_object_get(reply, "bans"), *ban;
	struct ctl_table *table;
	char value[CTL_VALUE_MAX];
	size_t i;

	if (json_array_size(bans) == 0) {
		fputs("nobody is banned\n", out);
		return;
	}
	table = ctl_table_new(options, columns, ELEMENTS(columns));
	json_array_foreach(bans, i, ban)
	{
		const char *service = ctl_text(ban, "service");
		double left = ctl_number(ban, "seconds_left");

		ctl_table_cell(table, CTL_BOLD, ctl_text(ban, "address"));
		ctl_table_cell(table, CTL_PLAIN, service != NULL ? service : "all");
		ctl_table_cell(table, CTL_PLAIN, ctl_text(ban, "by"));
		ctl_table_cell(table, CTL_PLAIN,
			       isnan(left) ? "until unban" : ctl_format_duration(left, value));
	}
	ctl_table_print(table, 0, out);
	ctl_table_free(table);
}
