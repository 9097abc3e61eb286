/* conf-errors.c - the list of everything that is wrong. */
#include "conf-internal.h"

#include "base.h"

#include <stdarg.h>
#include <string.h>

static _printf_(5, 0) void add(struct conf_errors *errors, const char *path, unsigned line,
			       const char *subject, const char *format, va_list arguments)
{
	struct conf_error error = {.line = line};

	if (errors->count == CONF_ERRORS_MAX) {
		errors->left_out++;
		return;
	}
	if (errors->count == errors->room) {
		size_t room = errors->room * 2 + 8;
		struct conf_error *items = reallocarray(errors->items, room, sizeof(*items));

		if (items == NULL) {
			errors->left_out++;
			return;
		}
		errors->items = items;
		errors->room = room;
	}

	error.path = strdup(path);
	error.subject = subject != NULL ? strdup(subject) : NULL;
	if (error.path == NULL || (subject != NULL && error.subject == NULL) ||
	    vasprintf(&error.reason, format, arguments) < 0) {
		free(error.path);
		free(error.subject);
		errors->left_out++;
		return;
	}
	errors->items[errors->count++] = error;
}

void conf_error_add(struct conf_errors *errors, const char *path, unsigned line, const char *subject,
		    const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(errors, path, line, subject, format, arguments);
	va_end(arguments);
}

static _printf_(5, 0) void add_at(struct conf_errors *errors, const struct conf_section *section,
				  const char *key, unsigned line, const char *format, va_list arguments)
{
	char subject[160];

	/* A line of [ports] is named as it is written; the command line has no sections. */
	if (section->is_command)
		snprintf(subject, sizeof(subject), "%s", key != NULL ? key : "service");
	else if (section->is_port)
		snprintf(subject, sizeof(subject), "ports.%s", section->name);
	else if (key != NULL)
		snprintf(subject, sizeof(subject), "%s.%s", section->name, key);
	else
		snprintf(subject, sizeof(subject), "[%s]", section->name);

	add(errors, section->where.path, line, subject, format, arguments);
}

void conf_error_at(struct conf_loader *loader, const struct conf_section *section, const char *key,
		   unsigned line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_at(loader->errors, section, key, line, format, arguments);
	va_end(arguments);
}

void conf_warning_at(struct conf_loader *loader, const struct conf_section *section, const char *key,
		     unsigned line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_at(&loader->warnings, section, key, line, format, arguments);
	va_end(arguments);
}

struct order {
	size_t rank, number;
	struct conf_error error;
};

static int compare(const void *a, const void *b)
{
	const struct order *left = a, *right = b;

	if (left->rank != right->rank)
		return left->rank < right->rank ? -1 : 1;

	/* Lists and directories, behind all files of configuration. */
	int order = strcmp(left->error.path, right->error.path);

	if (order != 0)
		return order;
	if (left->error.line != right->error.line)
		return left->error.line < right->error.line ? -1 : 1;
	return left->number < right->number ? -1 : 1;
}

void conf_errors_sort(struct conf_errors *errors, const struct conf_source *sources, size_t source_count)
{
	_cleanup_free_ struct order *orders = calloc(errors->count + 1, sizeof(*orders));

	/* Out of memory: then they come as they were found. */
	if (orders == NULL)
		return;
	for (size_t i = 0; i < errors->count; i++) {
		orders[i].error = errors->items[i];
		orders[i].number = i;
		while (orders[i].rank < source_count &&
		       strcmp(sources[orders[i].rank].path, errors->items[i].path) != 0)
			orders[i].rank++;
	}
	qsort(orders, errors->count, sizeof(*orders), compare);
	for (size_t i = 0; i < errors->count; i++)
		errors->items[i] = orders[i].error;
}

/* File names come from outside: no byte of them may act on a terminal. */
static void print_plain(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < 0x20 || byte == 0x7f)
			fprintf(out, "\\x%02x", byte);
		else
			fputc(byte, out);
	}
}

static void print_all(const struct conf_errors *errors, const char *kind, FILE *out)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct conf_error *error = &errors->items[i];

		print_plain(error->path, out);
		if (error->line > 0)
			fprintf(out, ":%u", error->line);
		fprintf(out, ": %s", kind);
		if (error->subject != NULL) {
			print_plain(error->subject, out);
			fputs(": ", out);
		}
		print_plain(error->reason, out);
		fputc('\n', out);
	}
	if (errors->left_out > 0)
		fprintf(out, "and %zu more\n", errors->left_out);
}

void conf_errors_print(const struct conf_errors *errors, FILE *out)
{
	print_all(errors, "", out);
}

void conf_warnings_print(const struct conf *conf, FILE *out)
{
	print_all(&conf->warnings, "warning: ", out);
}

void conf_errors_free(struct conf_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		free(errors->items[i].path);
		free(errors->items[i].subject);
		free(errors->items[i].reason);
	}
	free(errors->items);
	*errors = (struct conf_errors){0};
}
