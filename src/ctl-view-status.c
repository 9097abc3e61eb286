/* ctl-view-status.c - the daemon on one screen, what is wrong on top. */
#include "ctl-view-internal.h"

#include <math.h>
#include <string.h>

/* "3 serving, 1 failing": the states of which there are any. */
static void count_states(const json_t *services, char text[static CTL_LIST_MAX])
{
	static const char *const states[] = { "serving", "full", "paused", "failing", "absent", "disabled" };
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ELEMENTS(states); i++) {
		uint64_t count = ctl_integer(services, states[i]);

		if (count > 0)
			used += (size_t)snprintf(text + used, CTL_LIST_MAX - used, "%s%llu %s",
						 used > 0 ? ", " : "", (unsigned long long)count, states[i]);
	}
}

static void print_head(const struct ctl_options *options, const json_t *daemon, FILE *out)
{
	const char *state = ctl_text(daemon, "state");
	uint64_t upgrades = ctl_integer(daemon, "upgrades");
	char uptime[CTL_VALUE_MAX];

	ctl_printf(options, out, CTL_BOLD, "usherd %s", ctl_text(daemon, "version"));
	fputs("  ", out);
	ctl_print(options, out, ctl_state_color(state), state);
	ctl_printf(options, out, CTL_PLAIN, "  pid %llu  up %s",
		   (unsigned long long)ctl_integer(daemon, "pid"),
		   ctl_format_duration(ctl_number(daemon, "uptime_seconds"), uptime));
	if (upgrades > 0)
		ctl_printf(options, out, CTL_PLAIN, "  upgraded %llu time%s", (unsigned long long)upgrades,
			   upgrades == 1 ? "" : "s");
	fputc('\n', out);
}

static void print_problems(const struct ctl_options *options, const json_t *problems, FILE *out)
{
	static const struct ctl_column columns[] = { { NULL, false, false },
						     { NULL, false, false },
						     { NULL, false, true } };
	struct ctl_table *table = ctl_table_new(options, columns, ELEMENTS(columns));
	const json_t *problem;
	size_t i;

	json_array_foreach(problems, i, problem)
	{
		const char *state = ctl_text(problem, "state");

		ctl_table_cell(table, CTL_BOLD, ctl_text(problem, "service"));
		ctl_table_cell(table, ctl_state_color(state), state);
		ctl_table_cell(table, CTL_PLAIN, ctl_text(problem, "message"));
	}
	if (ctl_table_rows(table) == 0) {
		ctl_print(options, out, CTL_GREEN, "no problems");
		fputc('\n', out);
	} else {
		ctl_print(options, out, CTL_RED, "problems:");
		fputc('\n', out);
		ctl_table_print(table, 2, out);
	}
	fputc('\n', out);
	ctl_table_free(table);
}

static void add_services(struct ctl_table *table, const json_t *daemon)
{
	const json_t *services = json_object_get(daemon, "services"),
		     *sessions = json_object_get(daemon, "sessions");
	char text[CTL_LIST_MAX];
	uint64_t lingering = ctl_integer(sessions, "lingering");

	count_states(services, text);
	ctl_view_pair_format(table, "services", "%llu%s%s; %llu listeners",
			     (unsigned long long)ctl_integer(services, "total"), text[0] != '\0' ? ": " : "",
			     text, (unsigned long long)ctl_integer(daemon, "listeners"));
	snprintf(text, sizeof(text), ", %llu being closed", (unsigned long long)lingering);
	ctl_view_pair_format(table, "sessions", "%llu now, %llu at most%s",
			     (unsigned long long)ctl_integer(sessions, "active"),
			     (unsigned long long)ctl_integer(sessions, "most"), lingering > 0 ? text : "");
}

static void add_counters(struct ctl_table *table, const json_t *daemon)
{
	char refused[CTL_LIST_MAX], accepted[CTL_VALUE_MAX], started[CTL_VALUE_MAX], ended[CTL_VALUE_MAX],
		in[CTL_VALUE_MAX], out[CTL_VALUE_MAX];
	uint64_t refused_total = ctl_integer(daemon, "refused_total");
	uint64_t failures = ctl_integer(daemon, "spawn_failures"), bans = ctl_integer(daemon, "bans");

	ctl_view_pair_format(table, "clients", "%s accepted, %s started, %s ended",
			     ctl_format_count(ctl_number(daemon, "accepted"), accepted),
			     ctl_format_count(ctl_number(daemon, "started"), started),
			     ctl_format_count(ctl_number(daemon, "ended"), ended));
	ctl_view_counts(json_object_get(daemon, "refused"), refused);
	ctl_view_pair_format(table, "refused", "%llu%s%s", (unsigned long long)refused_total,
			     refused[0] != '\0' ? ": " : "", refused);
	if (failures > 0)
		ctl_view_pair_format(table, "failures", "%llu programs could not be started",
				     (unsigned long long)failures);
	if (bans > 0)
		ctl_view_pair_format(table, "bans", "%llu in force", (unsigned long long)bans);
	ctl_view_pair_format(table, "traffic", "%s in, %s out",
			     ctl_format_bytes(ctl_number(daemon, "bytes_in"), in),
			     ctl_format_bytes(ctl_number(daemon, "bytes_out"), out));
}

static void add_configuration(struct ctl_table *table, const json_t *daemon)
{
	const json_t *config = json_object_get(daemon, "config"),
		     *reload = json_object_get(daemon, "last_reload");
	const char *path = ctl_text(config, "path"), *hash = ctl_text(config, "hash");
	const char *at = ctl_text(reload, "at"), *message = ctl_text(reload, "message");
	bool told = message != NULL && message[0] != '\0';

	ctl_view_pair_format(
		table, "config", "%s, generation %llu, %.12s", path != NULL ? path : "the command line",
		(unsigned long long)ctl_integer(daemon, "generation"), hash != NULL ? hash : "-");
	if (!json_is_object(reload))
		return;
	ctl_view_pair_format(table, "reload", "%s at %s%s%s",
			     json_is_true(json_object_get(reload, "ok")) ? "done" : "FAILED",
			     at != NULL ? at : "-", told ? ": " : "", told ? message : "");
}

static void add_process(struct ctl_table *table, const json_t *daemon)
{
	const json_t *loop = json_object_get(daemon, "loop"), *log = json_object_get(daemon, "log");
	const json_t *descriptors = json_object_get(daemon, "descriptors");
	char memory[CTL_VALUE_MAX], lag[CTL_VALUE_MAX], longest[CTL_VALUE_MAX];
	uint64_t dropped = ctl_integer(log, "dropped");

	ctl_view_pair_format(
		table, "process", "%s of memory, %llu of %llu descriptors",
		ctl_format_bytes(ctl_number(json_object_get(daemon, "memory"), "rss_bytes"), memory),
		(unsigned long long)ctl_integer(descriptors, "open"),
		(unsigned long long)ctl_integer(descriptors, "limit"));
	ctl_view_pair_format(table, "loop", "lag %s, at most %s",
			     ctl_format_duration(ctl_number(loop, "lag_seconds"), lag),
			     ctl_format_duration(ctl_number(loop, "longest_seconds"), longest));
	ctl_view_pair_format(table, "log", "level %s, %llu line%s dropped",
			     ctl_text(log, "level") != NULL ? ctl_text(log, "level") : "-",
			     (unsigned long long)dropped, dropped == 1 ? "" : "s");
}

void ctl_view_status(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	const json_t *daemon = json_object_get(reply, "daemon");
	struct ctl_table *table = ctl_table_new(options, ctl_pair_columns, ELEMENTS(ctl_pair_columns));

	print_head(options, daemon, out);
	print_problems(options, json_object_get(reply, "problems"), out);
	add_services(table, daemon);
	add_counters(table, daemon);
	add_configuration(table, daemon);
	add_process(table, daemon);
	ctl_table_print(table, 0, out);
	ctl_table_free(table);
}
