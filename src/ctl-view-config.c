/* ctl-view-config.c - what holds and why: show, explain, the plan of a reload, mistakes. */
#include "ctl-view-internal.h"

#include <string.h>

static bool is(const char *text, const char *other)
{
	return text != NULL && strcmp(text, other) == 0;
}

/* ---- show ---- */

void ctl_view_show(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	static const struct ctl_column columns[] = {
		{ "KEY", false, false },
		{ "VALUE", false, true },
		{ "FROM", false, false },
	};
	const json_t *keys = json_object_get(reply, "keys"), *key;
	struct ctl_table *table = ctl_table_new(options, columns, ELEMENTS(columns));
	char where[CTL_LIST_MAX], text[CTL_LIST_MAX + 16];
	size_t i;

	ctl_printf(options, out, CTL_BOLD, "[%s]", ctl_text(reply, "name"));
	ctl_view_where(json_object_get(reply, "where"), where);
	if (where[0] != '\0') {
		fputs("  ", out);
		ctl_print(options, out, CTL_PLAIN, where);
	}
	fputc('\n', out);
	json_array_foreach(keys, i, key)
	{
		const char *origin = ctl_text(key, "origin");
		bool own = is(origin, "section");
		enum ctl_color color = is(origin, "default") ? CTL_DIM : CTL_PLAIN;

		ctl_view_where(json_object_get(key, "where"), where);
		snprintf(text, sizeof(text), "%s%s%s",
			 is(origin, "defaults") ? "[defaults]" :
			 own                    ? "" :
						  origin,
			 own || where[0] == '\0' ? "" : " ", where);
		ctl_table_cell(table, own ? CTL_BOLD : color, ctl_text(key, "key"));
		ctl_table_cell(table, color, ctl_text(key, "value"));
		ctl_table_cell(table, color, own && where[0] == '\0' ? "the command line" : text);
	}
	ctl_table_print(table, 0, out);
	ctl_table_free(table);
}

/* ---- explain ---- */

static const char *mark(const struct ctl_options *options, bool passes)
{
	if (!options->utf8)
		return passes ? "ok" : "NO";
	return passes ? "\xe2\x9c\x93" : "\xe2\x9c\x97";
}

/* 192.0.2.7 to git: refused, deny: deny 192.0.2.0/24 (services.ini:12) is the longest rule that matches */
static void print_verdict(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	const char *verdict = ctl_text(reply, "verdict"), *key = ctl_text(reply, "key"),
		   *text = ctl_text(reply, "text");
	bool admitted = is(verdict, "admit");
	char where[CTL_LIST_MAX];

	ctl_view_where(json_object_get(reply, "where"), where);
	ctl_printf(options, out, CTL_BOLD, "%s to %s: ", ctl_text(reply, "peer"), ctl_text(reply, "service"));
	ctl_printf(options, out, admitted ? CTL_GREEN : CTL_RED, "%s%s", admitted ? "served" : "refused, ",
		   admitted        ? "" :
		   verdict != NULL ? verdict :
				     "-");
	if (!admitted && key != NULL && !is(verdict, key))
		ctl_printf(options, out, CTL_PLAIN, " by %s", key);
	/* The sentence mostly has it. */
	if (where[0] != '\0' && (text == NULL || strstr(text, where) == NULL))
		ctl_printf(options, out, CTL_PLAIN, " (%s)", where);
	if (text != NULL)
		ctl_printf(options, out, CTL_PLAIN, ": %s", text);
	fputc('\n', out);
}

void ctl_view_explain(const struct ctl_options *options, const json_t *reply, FILE *out)
{
	static const struct ctl_column columns[] = {
		{ NULL, false, false },
		{ NULL, false, false },
		{ NULL, false, false },
	};
	const json_t *steps = json_object_get(reply, "steps"), *step;
	struct ctl_table *table = ctl_table_new(options, columns, ELEMENTS(columns));
	size_t i;

	json_array_foreach(steps, i, step)
	{
		bool passes = json_is_true(json_object_get(step, "passes"));

		ctl_table_cell(table, passes ? CTL_GREEN : CTL_RED, mark(options, passes));
		ctl_table_cell(table, passes ? CTL_PLAIN : CTL_BOLD, ctl_text(step, "key"));
		ctl_table_cell(table, CTL_PLAIN, ctl_text(step, "text"));
	}
	ctl_table_print(table, 0, out);
	ctl_table_free(table);
	print_verdict(options, reply, out);
}

/* ---- reload ---- */

/* One line each: + 127.0.0.1:7007/tcp */
static void print_list(const struct ctl_options *options, const json_t *list, enum ctl_color color,
		       const char *sign, FILE *out)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		fputs("  ", out);
		ctl_printf(options, out, color, "%s %s", sign, json_string_value(item));
		fputc('\n', out);
	}
}

static void print_keys(const struct ctl_options *options, const json_t *keys, FILE *out)
{
	const json_t *key;
	size_t i;

	json_array_foreach(keys, i, key)
	{
		fputs(i > 0 ? ", " : " ", out);
		ctl_print(options, out, CTL_PLAIN, json_string_value(key));
	}
	fputc('\n', out);
}

static void print_left_out(const json_t *part, FILE *out)
{
	uint64_t left_out = ctl_integer(part, "left_out");

	if (left_out > 0)
		fprintf(out, "  ... and %llu more\n", (unsigned long long)left_out);
}

static void print_services(const struct ctl_options *options, const json_t *services, FILE *out)
{
	const json_t *changed;
	size_t i;

	fprintf(out, "services (%llu unchanged)\n", (unsigned long long)ctl_integer(services, "unchanged"));
	print_list(options, json_object_get(services, "added"), CTL_GREEN, "+", out);
	print_list(options, json_object_get(services, "removed"), CTL_RED, "-", out);
	json_array_foreach(json_object_get(services, "changed"), i, changed)
	{
		fputs("  ", out);
		ctl_printf(options, out, CTL_YELLOW, "~ %s", ctl_text(changed, "name"));
		fputc(':', out);
		print_keys(options, json_object_get(changed, "keys"), out);
	}
	print_left_out(services, out);
}

static bool is_empty(const json_t *plan)
{
	static const struct {
		const char *part, *list;
	} lists[] = {
		{ "listeners", "opened" }, { "listeners", "closed" }, { "services", "added" },
		{ "services", "removed" }, { "services", "changed" }, { "daemon", "changed" },
	};

	for (size_t i = 0; i < ELEMENTS(lists); i++)
		if (json_array_size(json_object_get(json_object_get(plan, lists[i].part), lists[i].list)) > 0)
			return false;
	return true;
}

static void print_plan(const struct ctl_options *options, const json_t *plan, FILE *out)
{
	const json_t *listeners = json_object_get(plan, "listeners"),
		     *services = json_object_get(plan, "services");
	const json_t *keys = json_object_get(json_object_get(plan, "daemon"), "changed");

	if (is_empty(plan)) {
		fprintf(out, "nothing changes: %llu listeners, %llu services\n",
			(unsigned long long)ctl_integer(listeners, "kept"),
			(unsigned long long)ctl_integer(services, "unchanged"));
		return;
	}
	fprintf(out, "listeners (%llu kept)\n", (unsigned long long)ctl_integer(listeners, "kept"));
	print_list(options, json_object_get(listeners, "opened"), CTL_GREEN, "+", out);
	print_list(options, json_object_get(listeners, "closed"), CTL_RED, "-", out);
	print_left_out(listeners, out);
	print_services(options, services, out);
	if (json_array_size(keys) > 0) {
		fputs("usherd\n  ", out);
		ctl_print(options, out, CTL_YELLOW, "~");
		print_keys(options, keys, out);
	}
}

void ctl_view_reload(const struct ctl_options *options, const json_t *reply, FILE *out, FILE *err)
{
	bool dry = json_is_true(json_object_get(reply, "dry_run"));

	ctl_view_mistakes(options, json_object_get(reply, "warnings"), 0, "warning", err);
	if (dry)
		ctl_print(options, out, CTL_BOLD, "a reload would come to this:");
	else
		ctl_printf(options, out, CTL_BOLD, "reloaded: generation %llu",
			   (unsigned long long)ctl_integer(reply, "generation"));
	fputc('\n', out);
	print_plan(options, json_object_get(reply, "plan"), out);
}

/* ---- mistakes ---- */

void ctl_view_mistakes(const struct ctl_options *options, const json_t *list, uint64_t left_out,
		       const char *kind, FILE *err)
{
	/* Nobody's colours: this is standard error, and meant for editors, too. */
	struct ctl_options plain = *options;
	const json_t *mistake;
	char where[CTL_LIST_MAX];
	size_t i;

	plain.color = false;
	json_array_foreach(list, i, mistake)
	{
		const char *subject = ctl_text(mistake, "subject"), *reason = ctl_text(mistake, "reason");

		ctl_view_where(mistake, where);
		ctl_printf(&plain, err, CTL_PLAIN, "%s%s%s%s%s%s%s", where, where[0] != '\0' ? ": " : "",
			   kind != NULL ? kind : "", kind != NULL ? ": " : "", subject != NULL ? subject : "",
			   subject != NULL && subject[0] != '\0' ? ": " : "", reason != NULL ? reason : "-");
		fputc('\n', err);
	}
	if (left_out > 0)
		fprintf(err, "... and %llu more\n", (unsigned long long)left_out);
}
