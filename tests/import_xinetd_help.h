/* import_xinetd_help.h - a row says what becomes of a text of xinetd.conf: what is told of a line, and a key
 * of a section. Whatever is written must be loaded by our own loader without an error. */
#ifndef USHERD_TESTS_IMPORT_XINETD_HELP_H
#define USHERD_TESTS_IMPORT_XINETD_HELP_H

#include "conf_help.h"
#include "import_help.h"

#include <unistd.h>

/* Nine lines of a service that lacks nothing; more attributes begin with line 10. */
#define BARE(rest)                                                                                           \
	"service s\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = no\n"           \
	"\tuser = root\n\tport = 7777\n" rest
#define S(rest) BARE("\tserver = /bin/sh\n" rest "}\n")

/* The same behind defaults, whose attributes begin with line 3, on as many lines as are said. */
#define D(defaults, rest) "defaults\n{\n" defaults "}\n" S(rest)

/* Datagrams; more attributes begin with line 10. */
#define U(rest)                                                                                              \
	"service u\n{\n\ttype = UNLISTED\n\tsocket_type = dgram\n\tprotocol = udp\n\twait = yes\n"           \
	"\tuser = root\n\tport = 7777\n\tserver = /bin/sh\n" rest "}\n"

/* An internal one of five lines; more begin with line 6. */
#define I(name, kind, wait, rest)                                                                            \
	"service " name "\n{\n\ttype = INTERNAL\n\tsocket_type = " kind "\n\twait = " wait "\n" rest "}\n"

#define EXACT        "exact"
#define CHANGED      "changed on purpose"
#define APPROXIMATED "approximated"
#define UNSUPPORTED  "unsupported"

#define NOT_SET NULL
#define NOWHERE "(no such section)" /* as value: the section is not there */

struct row {
	const char *name, *text;
	unsigned line; /* of which something is told; 0: none */
	const char *class, *part;
	const char *section, *key, *value; /* section NULL: nothing more is asked */
};

static struct import *import;

static inline struct import_service *find_section(const char *name)
{
	struct import_service *at = NULL;

	while ((at = import_next(import, at)) != NULL)
		if (strcmp(import_name(at), name) == 0)
			return at;
	return NULL;
}

/* What is written, loaded by our own loader, with bundled services that are there. */
static inline void check_loads(void)
{
	static const char *const bundled[] = { "echo", "discard", "daytime", "time", "chargen", "relay" };
	_cleanup_free_ char *text = written(import), *whole = NULL;

	for (size_t i = 0; i < ELEMENTS(bundled); i++)
		put(bundled[i], 0755, "#!/bin/sh\n");
	/* One more, because a file in which all is switched off is told of. */
	ck_assert_int_gt(asprintf(&whole, "%s\n[filler]\nlisten = unix:@filler\nexec = discard\n", text), 0);
	put("services.ini", 0644, whole);
	int r = load_with("services.ini", false, (char *[]){ (char[]){ "TZ=UTC" }, NULL });

	/* Another user may name only itself. */
	if (geteuid() == 0)
		ck_assert_msg(r == 0 && errors.count == 0, "%s\n%s",
			      errors.count > 0 ? errors.items[0].reason : "", text);
}

/* Not inlined: gcc 12 would take the report for a variable of a function that has returned. */
__attribute__((noinline)) static char *report_of_import(void)
{
	return reported(import);
}

/* What the report says of a line. */
static inline void check_told(const struct row *row)
{
	_cleanup_free_ char *report = report_of_import();
	char class[32], begin[32], told[2048];
	const char *at;

	class_of(import, row->line, class);
	ck_assert_msg(strcmp(class, row->class) == 0, "%s: line %u is %s\n%s", row->name, row->line, class,
		      report);
	snprintf(begin, sizeof(begin), INPUT ":%u: ", row->line);
	at = strstr(report, begin);
	ck_assert_ptr_nonnull(at);
	snprintf(told, sizeof(told), "%.*s", (int)strcspn(at, "\n"), at);
	ck_assert_msg(strstr(told, row->part) != NULL, "%s: '%s' is not in '%s'", row->name, row->part, told);
}

static inline void check_key(const struct row *row)
{
	struct import_service *section =
		strcmp(row->section, "defaults") == 0 ? import_defaults(import) : find_section(row->section);
	const char *value;

	if (row->value != NULL && strcmp(row->value, NOWHERE) == 0) {
		ck_assert_msg(section == NULL, "%s: there is a section [%s]", row->name, row->section);
		return;
	}
	ck_assert_msg(section != NULL, "%s: there is no section [%s]", row->name, row->section);
	value = import_get(section, row->key);
	if (row->value == NULL)
		ck_assert_msg(value == NULL, "%s: %s = %s", row->name, row->key, value);
	else
		ck_assert_msg(value != NULL && strcmp(value, row->value) == 0, "%s: %s = %s, not %s",
			      row->name, row->key, value != NULL ? value : "(not set)", row->value);
}

/* No line is passed over in silence. */
static inline void check_nothing_lost(void)
{
	_cleanup_free_ char *report = reported(import);

	ck_assert_msg(strstr(report, "nothing was made of this line") == NULL, "%s", report);
}

static inline void check_row(const struct row *row)
{
	import = import_new();
	ck_assert_ptr_nonnull(import);
	import_xinetd_text(import, INPUT, row->text, strlen(row->text));
	ck_assert(!import_failed(import));
	check_nothing_lost();
	if (row->line > 0)
		check_told(row);
	if (row->section != NULL)
		check_key(row);
	check_loads();
	import_free(import);
}

#endif
