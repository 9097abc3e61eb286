/* ctl-view.c - which view a verb has; those of one sentence; words that all have in common. */
#include "ctl-view-internal.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

const struct ctl_column ctl_pair_columns[2] = { { NULL, false, false }, { NULL, false, false } };

/* ---- in common ---- */

enum ctl_color ctl_state_color(const char *state)
{
	static const struct {
		const char *state;
		enum ctl_color color;
	} colors[] = {
		{ "serving", CTL_GREEN },   { "full", CTL_YELLOW }, { "paused", CTL_YELLOW },
		{ "draining", CTL_YELLOW }, { "failing", CTL_RED }, { "absent", CTL_RED },
		{ "disabled", CTL_DIM },   { "cold", CTL_YELLOW },
	};

	for (size_t i = 0; state != NULL && i < ELEMENTS(colors); i++)
		if (strcmp(state, colors[i].state) == 0)
			return colors[i].color;
	return CTL_PLAIN;
}

const char *ctl_view_counts(const json_t *object, char text[static CTL_LIST_MAX])
{
	double limit = INFINITY;
	size_t used = 0;

	text[0] = '\0';
	/* There are a dozen words: each round finds those with the largest number below the last one's. */
	while (used + 64 < CTL_LIST_MAX) {
		const char *key;
		const json_t *value;
		double most = 0;

		json_object_foreach((json_t *)(uintptr_t)object, key, value)
		{
			double number = json_number_value(value);

			if (number < limit && number > most)
				most = number;
		}
		if (!(most > 0))
			break;
		json_object_foreach((json_t *)(uintptr_t)object, key,
				    value) if (json_number_value(value) == most && used + 64 < CTL_LIST_MAX)
			used += (size_t)snprintf(text + used, 64, "%s%.30s %.0f", used > 0 ? ", " : "", key,
						 most < 1e18 ? most : 1e18);
		limit = most;
	}
	return text;
}

const char *ctl_view_where(const json_t *where, char text[static CTL_LIST_MAX])
{
	const char *path = ctl_text(where, "path");
	uint64_t line = ctl_integer(where, "line");

	text[0] = '\0';
	if (path != NULL && line > 0)
		snprintf(text, CTL_LIST_MAX, "%.*s:%llu", CTL_LIST_MAX - 32, path, (unsigned long long)line);
	else if (path != NULL)
		snprintf(text, CTL_LIST_MAX, "%s", path);
	return text;
}

void ctl_view_pair(struct ctl_table *table, const char *word, const char *text)
{
	ctl_table_cell(table, CTL_DIM, word);
	ctl_table_cell(table, CTL_PLAIN, text);
}

void ctl_view_pair_format(struct ctl_table *table, const char *word, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	ctl_view_pair(table, word, text);
}

/* ---- one sentence ---- */

static const char *count(uint64_t number, const char *what, char text[static CTL_LIST_MAX])
{
	snprintf(text, CTL_LIST_MAX, "%llu %s%s", (unsigned long long)number, what, number == 1 ? "" : "s");
	return text;
}

static const char *name_or(const json_t *reply, const char *key, const char *other)
{
	const char *name = ctl_text(reply, key);

	return name != NULL ? name : other;
}

static void view_switch(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	char listeners[CTL_LIST_MAX], active[CTL_LIST_MAX];

	count(ctl_integer(reply, "listeners"), "listener", listeners);
	count(ctl_integer(reply, "active"), "session", active);
	ctl_printf(options, out, CTL_PLAIN, "%s is %s until the next reload: %s open, %s",
		   name_or(reply, "service", options->arguments[0]),
		   options->verb == CONTROL_VERB_ENABLE ? "enabled" : "disabled", listeners, active);
}

static void view_kill(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	char sessions[CTL_LIST_MAX];

	ctl_printf(options, out, CTL_PLAIN, "%s %s",
		   count(ctl_integer(reply, "sessions"), "session", sessions),
		   options->options & CONTROL_NOW ? "killed" : "told to end");
}

static void view_ban(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	char sessions[CTL_LIST_MAX], time[CTL_VALUE_MAX];
	double seconds = ctl_number(reply, "seconds");
	uint64_t left = ctl_integer(reply, "sessions");

	ctl_printf(options, out, CTL_PLAIN, "%s is banned %s%s",
		   name_or(reply, "address", options->arguments[0]), isnan(seconds) ? "until unban" : "for ",
		   isnan(seconds) ? "" : ctl_format_duration(seconds, time));
	if (left > 0)
		ctl_printf(options, out, CTL_PLAIN, "; %s run%s on (usherctl kill ends them)",
			   count(left, "session", sessions), left == 1 ? "s" : "");
}

static void view_unban(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	char bans[CTL_LIST_MAX];

	ctl_printf(options, out, CTL_PLAIN, "%s lifted", count(ctl_integer(reply, "lifted"), "ban", bans));
}

static void view_renew(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	ctl_printf(options, out, CTL_PLAIN, "the program of %s is started anew",
		   name_or(reply, "service", options->arguments[0]));
}

static void view_drain(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	char active[CTL_LIST_MAX];

	ctl_printf(options, out, CTL_PLAIN, "%s serves no new clients; %s to end",
		   name_or(reply, "service", "usherd"),
		   count(ctl_integer(reply, "active"), "session", active));
}

static void view_loglevel(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	const char *level = name_or(reply, "level", "-"), *configured = name_or(reply, "configured", level);

	ctl_printf(options, out, CTL_PLAIN, "%s", level);
	if (strcmp(level, configured) != 0)
		ctl_printf(options, out, CTL_PLAIN, " until the next reload (log_level is %s)", configured);
}

static void view_upgrade(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	ctl_printf(options, out, CTL_PLAIN, "upgraded from %s to %s, pid %llu", name_or(reply, "from", "-"),
		   name_or(reply, "to", "-"), (unsigned long long)ctl_integer(reply, "pid"));
}

static void view_stop(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	char sessions[CTL_LIST_MAX];

	ctl_printf(options, out, CTL_PLAIN, "usherd ends; %s %s",
		   count(ctl_integer(reply, "sessions"), "session", sessions),
		   options->options & CONTROL_NOW ? "killed" : "to end first");
}

static void view_version(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	ctl_printf(options, out, CTL_PLAIN, "usherctl %s", PACKAGE_VERSION);
	fputc('\n', out);
	ctl_printf(options, out, CTL_PLAIN, "usherd %s, pid %llu", name_or(reply, "version", "-"),
		   (unsigned long long)ctl_integer(reply, "pid"));
}

/* ---- all of them ---- */

typedef void view(const struct ctl_options *options, const json_t *reply, FILE *out);

static view *const tables[CONTROL_VERBS] = {
	[CONTROL_VERB_STATUS] = ctl_view_status,     [CONTROL_VERB_SERVICES] = ctl_view_services,
	[CONTROL_VERB_SESSIONS] = ctl_view_sessions, [CONTROL_VERB_BANS] = ctl_view_bans,
	[CONTROL_VERB_SHOW] = ctl_view_show,         [CONTROL_VERB_EXPLAIN] = ctl_view_explain,
};

static view *const sentences[CONTROL_VERBS] = {
	[CONTROL_VERB_ENABLE] = view_switch,     [CONTROL_VERB_DISABLE] = view_switch,
	[CONTROL_VERB_KILL] = view_kill,         [CONTROL_VERB_BAN] = view_ban,
	[CONTROL_VERB_UNBAN] = view_unban,       [CONTROL_VERB_DRAIN] = view_drain,
	[CONTROL_VERB_LOGLEVEL] = view_loglevel, [CONTROL_VERB_UPGRADE] = view_upgrade,
	[CONTROL_VERB_STOP] = view_stop,         [CONTROL_VERB_VERSION] = view_version,
	[CONTROL_VERB_RENEW] = view_renew,
};

void ctl_view(const struct ctl_options *options, const json_t *reply, FILE *out, FILE *err)
{
	if (options->verb == CONTROL_VERB_RELOAD) {
		ctl_view_reload(options, reply, out, err);
	} else if (tables[options->verb] != NULL) {
		tables[options->verb](options, reply, out);
	} else if (sentences[options->verb] != NULL) {
		sentences[options->verb](options, reply, out);
		fputc('\n', out);
	}
}

void ctl_view_failure(const struct ctl_options *options, const json_t *reply, FILE *err)
{
	struct ctl_options plain = *options;

	plain.color = false;
	ctl_view_mistakes(options, json_object_get(reply, "errors"), ctl_integer(reply, "left_out"), NULL,
			  err);
	ctl_printf(&plain, err, CTL_PLAIN, "usherctl: %s",
		   name_or(reply, "error", "usherd refused, and gave no reason"));
	fputc('\n', err);
}

/* ---- events ---- */

/* No event has more digits than that. */
#define EVENT_DUMP (JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12))

static bool is_bare(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f ||
		    strchr("\"\\=", text[i]) != NULL)
			return false;
	return length > 0;
}

/* As the text log writes a value: quoted as soon as a byte is not plain. */
static void print_value(const struct ctl_options *options, const char *text, size_t length, FILE *out)
{
	_cleanup_free_ char *escaped = NULL;
	char *to;

	if (is_bare(text, length)) {
		fwrite(text, 1, length, out);
		return;
	}
	to = escaped = malloc(4 * length + 1);
	if (escaped == NULL)
		return;
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\0') {
			memcpy(to, "\\x00", 4);
			to += 4;
			continue;
		}
		if (text[i] == '"' || text[i] == '\\')
			*to++ = '\\';
		*to++ = text[i];
	}
	*to = '\0';
	fputc('"', out);
	ctl_print(options, out, CTL_PLAIN, escaped);
	fputc('"', out);
}

static enum ctl_color level_color(const char *level)
{
	if (level == NULL)
		return CTL_BOLD;
	return strcmp(level, "error") == 0 ? CTL_RED : strcmp(level, "warning") == 0 ? CTL_YELLOW : CTL_BOLD;
}

void ctl_view_event(const struct ctl_options *options, const json_t *event, FILE *out)
{
	const char *time = ctl_text(event, "time"), *name = ctl_text(event, "event"), *key;
	const json_t *value;

	if (time != NULL) {
		ctl_print(options, out, CTL_DIM, time);
		fputc(' ', out);
	}
	ctl_print(options, out, level_color(ctl_text(event, "level")), name);
	json_object_foreach((json_t *)(uintptr_t)event, key, value)
	{
		_cleanup_free_ char *number = NULL;

		if (strcmp(key, "time") == 0 || strcmp(key, "level") == 0 || strcmp(key, "event") == 0)
			continue;
		fputc(' ', out);
		ctl_print(options, out, CTL_PLAIN, key);
		fputc('=', out);
		if (json_is_string(value)) {
			print_value(options, json_string_value(value), json_string_length(value), out);
			continue;
		}
		number = json_dumps(value, EVENT_DUMP);
		if (number != NULL)
			print_value(options, number, strlen(number), out);
	}
	fputc('\n', out);
}
