/* ctl-metrics.c - every metric is a row of a table: where its number stands in the reply,
 * what it is called, and what an administrator is told of it. */
#include "ctl-metrics.h"

#include "base.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

enum kind { GAUGE, COUNTER, HISTOGRAM };

static const char *const kind_words[] = {
	[GAUGE] = "gauge",
	[COUNTER] = "counter",
	[HISTOGRAM] = "histogram",
};

struct metric {
	const char *name;
	enum kind kind;
	const char *help;
	const char *path;  /* members of the daemon or of a service, a dot between them */
	const char *label; /* the member is an object, and this the name of its keys; or NULL */
};

/* A row each, of {"daemon"}. */
static const struct metric daemon_metrics[] = {
	{ "usherd_uptime_seconds", GAUGE, "Seconds since the daemon first started.", "uptime_seconds", NULL },
	{ "usherd_upgrades_total", COUNTER, "Upgrades in place.", "upgrades", NULL },
	{ "usherd_config_generation", GAUGE, "How many configurations have been in force.", "generation",
	  NULL },
	{ "usherd_services", GAUGE, "Services, by state.", "services", "state" },
	{ "usherd_listeners", GAUGE, "Sockets that listen.", "listeners", NULL },
	{ "usherd_sessions", GAUGE, "Live sessions of all services.", "sessions.active", NULL },
	{ "usherd_sessions_most", GAUGE, "The most live sessions there may be at a time.", "sessions.most",
	  NULL },
	{ "usherd_sessions_lingering", GAUGE,
	  "Connections of ended sessions whose last bytes are on their way.", "sessions.lingering", NULL },
	{ "usherd_bans", GAUGE, "Sources that are banned.", "bans", NULL },
	{ "usherd_loop_rounds_total", COUNTER, "Rounds of the event loop.", "loop.rounds", NULL },
	{ "usherd_loop_busy_seconds_total", COUNTER, "Seconds in which the event loop was not waiting.",
	  "loop.busy_seconds", NULL },
	{ "usherd_loop_lag_seconds", GAUGE,
	  "The longest round of the last seconds: so long may anything have waited.", "loop.lag_seconds",
	  NULL },
	{ "usherd_loop_longest_seconds", GAUGE, "The longest round of the event loop ever.",
	  "loop.longest_seconds", NULL },
	{ "usherd_log_dropped_total", COUNTER, "Log lines that found no room.", "log.dropped", NULL },
	{ "usherd_control_clients", GAUGE, "Connections to the control socket.", "control.clients", NULL },
	{ "process_resident_memory_bytes", GAUGE, "Resident memory of the daemon.", "memory.rss_bytes",
	  NULL },
	{ "process_open_fds", GAUGE, "Descriptors that the daemon has open.", "descriptors.open", NULL },
	{ "process_max_fds", GAUGE, "Descriptors that the daemon may have open.", "descriptors.limit", NULL },
};

/* The same of each service, with its name as the label `service`. */
static const struct metric service_metrics[] = {
	{ "usherd_sessions_active", GAUGE, "Live sessions.", "active", NULL },
	{ "usherd_sessions_limit", GAUGE, "How many sessions there may be at a time (instances).",
	  "instances", NULL },
	{ "usherd_accepted_total", COUNTER, "Clients that were admitted.", "accepted", NULL },
	{ "usherd_started_total", COUNTER, "Programs that were started.", "started", NULL },
	{ "usherd_warm_sessions_total", COUNTER,
	  "Clients that were handed to a copy of a program that ran already.", "warm.sessions", NULL },
	{ "usherd_warm_ready", GAUGE, "Whether the program of a warm service is there to be copied.", "warm.ready",
	  NULL },
	{ "usherd_warm_copies", GAUGE, "Copies of a warm program that wait for clients.", "warm.copies", NULL },
	{ "usherd_warm_replaced_total", COUNTER, "Times that a warm program was started anew.",
	  "warm.replaced", NULL },
	{ "usherd_refused_total", COUNTER, "Clients that were refused, by reason.", "refused", "reason" },
	{ "usherd_ended_total", COUNTER, "Sessions that have ended, by reason.", "ended", "reason" },
	{ "usherd_spawn_failures_total", COUNTER,
	  "Programs that could not be started, by the step that failed.", "spawn_failures", "stage" },
	{ "usherd_received_bytes_total", COUNTER, "Bytes from clients, of ended sessions.", "bytes_in",
	  NULL },
	{ "usherd_sent_bytes_total", COUNTER, "Bytes to clients, of ended sessions.", "bytes_out", NULL },
	{ "usherd_spawn_seconds", HISTOGRAM, "Seconds from accept to exec.", "spawn_seconds", NULL },
	{ "usherd_session_seconds", HISTOGRAM, "Seconds that sessions lasted.", "session_seconds", NULL },
};

/* ---- values and labels ---- */

/* The member at the end of a path; NULL when there is none. */
static const json_t *member(const json_t *object, const char *path)
{
	while (object != NULL && path != NULL) {
		const char *dot = strchr(path, '.');
		char key[64];

		snprintf(key, sizeof(key), "%.*s", dot != NULL ? (int)(dot - path) : (int)strlen(path), path);
		object = json_object_get(object, key);
		path = dot != NULL ? dot + 1 : NULL;
	}
	return object;
}

static bool is_value(const json_t *value)
{
	return json_is_number(value) || json_is_boolean(value);
}

/* The shortest text that is read as this number again, with a point in any locale. */
static void format_real(double number, char text[static 40])
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, 40, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	for (char *at = text; *at != '\0'; at++) {
		if (strchr("0123456789+-e", *at) == NULL)
			*at = '.';
	}
}

static void print_value(const json_t *value, FILE *out)
{
	char text[40];

	if (json_is_integer(value)) {
		fprintf(out, " %" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
		return;
	}
	format_real(json_is_true(value) ? 1 : json_number_value(value), text);
	fprintf(out, " %s\n", text);
}

/* Escaped as the format wants it. Control characters, which have no escape there, are shown as U+FFFD. */
static void print_text(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '\\':
			fputs("\\\\", out);
			break;
		case '"':
			fputs("\\\"", out);
			break;
		case '\n':
			fputs("\\n", out);
			break;
		default:
			if ((unsigned char)*text < ' ' || *text == 0x7f)
				fputs("\xef\xbf\xbd", out);
			else
				putc(*text, out);
		}
	}
}

/* {service="...",name="value"}: either may be missing (NULL). */
static void print_labels(const char *service, const char *name, const char *value, FILE *out)
{
	const char *before = "{";

	if (service != NULL) {
		fputs("{service=\"", out);
		print_text(service, out);
		before = "\",";
	}
	if (name != NULL) {
		fprintf(out, "%s%s=\"", before, name);
		print_text(value, out);
	}
	if (service != NULL || name != NULL)
		fputs("\"}", out);
}

static void print_head(const char *name, enum kind kind, const char *help, FILE *out)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind_words[kind]);
}

/* ---- samples ---- */

static void print_bucket(const struct metric *metric, const char *service, const char *bound,
			 json_int_t count, FILE *out)
{
	fprintf(out, "%s_bucket", metric->name);
	print_labels(service, "le", bound, out);
	fprintf(out, " %" JSON_INTEGER_FORMAT "\n", count);
}

static void print_histogram(const struct metric *metric, const char *service, const json_t *histogram,
			    FILE *out)
{
	const json_t *count = json_object_get(histogram, "count"), *sum = json_object_get(histogram, "sum");
	const json_t *buckets = json_object_get(histogram, "buckets");
	size_t i;
	json_t *bucket;

	if (!json_is_integer(count) || !json_is_number(sum) || !json_is_array(buckets))
		return;
	json_array_foreach(buckets, i, bucket)
	{
		char bound[40];

		format_real(json_number_value(json_array_get(bucket, 0)), bound);
		print_bucket(metric, service, bound, json_integer_value(json_array_get(bucket, 1)), out);
	}
	print_bucket(metric, service, "+Inf", json_integer_value(count), out);
	fprintf(out, "%s_sum", metric->name);
	print_labels(service, NULL, NULL, out);
	print_value(sum, out);
	fprintf(out, "%s_count", metric->name);
	print_labels(service, NULL, NULL, out);
	print_value(count, out);
}

/* The sum of what is labelled is no value of the label. */
static bool is_part(const char *key)
{
	return strcmp(key, "total") != 0;
}

static void print_sample(const struct metric *metric, const char *service, const json_t *owner, FILE *out)
{
	const json_t *value = member(owner, metric->path);
	const char *key;
	json_t *part;

	if (metric->kind == HISTOGRAM) {
		print_histogram(metric, service, value, out);
	} else if (metric->label == NULL && is_value(value)) {
		fputs(metric->name, out);
		print_labels(service, NULL, NULL, out);
		print_value(value, out);
	} else if (metric->label != NULL && json_is_object(value)) {
		/* The iterator is a cursor: nothing of the object is changed. */
		json_object_foreach((json_t *)(uintptr_t)value, key, part)
		{
			if (!is_value(part) || !is_part(key))
				continue;
			fputs(metric->name, out);
			print_labels(service, metric->label, key, out);
			print_value(part, out);
		}
	}
}

/* ---- what is no number in the reply ---- */

static void print_text_label(const char *before, const char *name, const json_t *value, FILE *out)
{
	fprintf(out, "%s%s=\"", before, name);
	if (json_is_string(value))
		print_text(json_string_value(value), out);
	putc('"', out);
}

static void print_infos(const json_t *daemon, FILE *out)
{
	const json_t *generation = json_object_get(daemon, "generation");

	print_head("usherd_build_info", GAUGE, "The version of the daemon, as a label.", out);
	if (json_object_get(daemon, "version") != NULL) {
		fputs("usherd_build_info", out);
		print_text_label("{", "version", json_object_get(daemon, "version"), out);
		fputs("} 1\n", out);
	}
	print_head("usherd_config_info", GAUGE,
		   "The configuration in force: SHA-256 of its files, and its number.", out);
	if (json_is_integer(generation)) {
		fputs("usherd_config_info", out);
		print_text_label("{", "hash", member(daemon, "config.hash"), out);
		fprintf(out, ",generation=\"%" JSON_INTEGER_FORMAT "\"} 1\n", json_integer_value(generation));
	}
	print_head("usherd_draining", GAUGE,
		   "Whether the daemon takes no new clients and waits for its sessions.", out);
	if (json_is_string(json_object_get(daemon, "state")))
		fprintf(out, "usherd_draining %d\n",
			strcmp(json_string_value(json_object_get(daemon, "state")), "draining") == 0);
}

/* A point in time as the protocol writes it, in UTC. */
static void print_time(const char *name, const json_t *value, FILE *out)
{
	struct tm tm = { 0 };

	if (json_is_string(value) && strptime(json_string_value(value), "%Y-%m-%dT%H:%M:%S", &tm) != NULL)
		fprintf(out, "%s %lld\n", name, (long long)timegm(&tm));
}

static void print_times(const json_t *daemon, FILE *out)
{
	const json_t *reload = json_object_get(daemon, "last_reload");

	print_head("usherd_start_time_seconds", GAUGE,
		   "When the daemon first started, in seconds since 1970.", out);
	print_time("usherd_start_time_seconds", json_object_get(daemon, "started_at"), out);
	print_head("usherd_last_reload_success", GAUGE,
		   "Whether the last reload was put in force; 1 before the first.", out);
	if (json_is_object(daemon))
		fprintf(out, "usherd_last_reload_success %d\n",
			!json_is_false(json_object_get(reload, "ok")));
	print_head("usherd_last_reload_timestamp_seconds", GAUGE,
		   "When the last reload was, in seconds since 1970.", out);
	print_time("usherd_last_reload_timestamp_seconds", json_object_get(reload, "at"), out);
}

static void print_states(const json_t *services, FILE *out)
{
	size_t i;
	json_t *service;

	print_head("usherd_service_state", GAUGE, "The state of each service, as a label.", out);
	json_array_foreach(services, i, service)
	{
		const char *name = json_string_value(json_object_get(service, "name"));
		const char *state = json_string_value(json_object_get(service, "state"));

		if (name == NULL || state == NULL)
			continue;
		fputs("usherd_service_state", out);
		print_labels(name, "state", state, out);
		fputs(" 1\n", out);
	}
}

void ctl_metrics_print(const json_t *reply, FILE *out)
{
	const json_t *daemon = json_object_get(reply, "daemon"),
		     *services = json_object_get(reply, "services");

	print_infos(daemon, out);
	print_times(daemon, out);
	for (size_t i = 0; i < ELEMENTS(daemon_metrics); i++) {
		const struct metric *metric = &daemon_metrics[i];

		print_head(metric->name, metric->kind, metric->help, out);
		print_sample(metric, NULL, daemon, out);
	}
	print_states(services, out);
	for (size_t i = 0; i < ELEMENTS(service_metrics); i++) {
		const struct metric *metric = &service_metrics[i];
		size_t at;
		json_t *service;

		/* All samples of a family stand together. */
		print_head(metric->name, metric->kind, metric->help, out);
		json_array_foreach(services, at, service)
		{
			const char *name = json_string_value(json_object_get(service, "name"));

			if (name != NULL)
				print_sample(metric, name, service, out);
		}
	}
}
