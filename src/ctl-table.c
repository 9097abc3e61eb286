/* ctl-table.c - cells are kept until the width of each column is known. */
#include "ctl-table.h"

#include "ctl-format.h"

#include <stdarg.h>
#include <string.h>

#define GAP        2 /* columns between columns */
#define SHRUNK_MIN 8 /* no column gets narrower than this */

struct cell {
	char *text; /* safe; NULL: there was no memory */
	size_t width;
	enum ctl_color color;
};

struct ctl_table {
	const struct ctl_options *options;
	const struct ctl_column *columns;
	size_t column_count;
	struct cell *cells;
	size_t cell_count, cell_room;
};

struct ctl_table *ctl_table_new(const struct ctl_options *options, const struct ctl_column *columns,
				size_t count)
{
	struct ctl_table *table = malloc(sizeof(*table));

	if (table != NULL)
		*table = (struct ctl_table){ .options = options, .columns = columns, .column_count = count };
	return table;
}

void ctl_table_free(struct ctl_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

void ctl_table_cell(struct ctl_table *table, enum ctl_color color, const char *text)
{
	struct cell cell = { .color = color };

	if (table == NULL)
		return;
	if (table->cell_count == table->cell_room) {
		size_t room = table->cell_room == 0 ? 64 : 2 * table->cell_room;
		struct cell *grown = reallocarray(table->cells, room, sizeof(*grown));

		if (grown == NULL)
			return;
		table->cells = grown;
		table->cell_room = room;
	}
	cell.text = ctl_format_safe(text, table->options->utf8);
	cell.width = cell.text == NULL ? 0 : ctl_format_width(cell.text);
	table->cells[table->cell_count++] = cell;
}

void ctl_table_format(struct ctl_table *table, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	ctl_table_cell(table, CTL_PLAIN, text);
}

size_t ctl_table_rows(const struct ctl_table *table)
{
	return table == NULL ? 0 : table->cell_count / table->column_count;
}

/* ---- output ---- */

static const char *color_start(const struct ctl_options *options, enum ctl_color color)
{
	static const char *const starts[] = {
		[CTL_PLAIN] = "",         [CTL_BOLD] = "\033[1m",   [CTL_DIM] = "\033[2m",
		[CTL_RED] = "\033[1;31m", [CTL_GREEN] = "\033[32m", [CTL_YELLOW] = "\033[33m",
	};

	return options->color ? starts[color] : "";
}

static const char *color_end(const struct ctl_options *options, enum ctl_color color)
{
	return options->color && color != CTL_PLAIN ? "\033[0m" : "";
}

/* How wide each column is: as its widest cell; cut where a terminal is narrower, the last first. */
static void measure(const struct ctl_table *table, unsigned indent, size_t *widths)
{
	size_t columns = table->options->columns, total = indent;

	for (size_t i = 0; i < table->column_count; i++) {
		widths[i] = table->columns[0].title == NULL ? 0 : strlen(table->columns[i].title);
		for (size_t j = i; j < table->cell_count; j += table->column_count)
			if (table->cells[j].width > widths[i])
				widths[i] = table->cells[j].width;
		total += widths[i] + (i > 0 ? GAP : 0);
	}
	for (size_t i = table->column_count; i-- > 0 && columns > 0 && total > columns;) {
		size_t excess = total - columns, room = widths[i] > SHRUNK_MIN ? widths[i] - SHRUNK_MIN : 0;
		size_t less = !table->columns[i].shrinks ? 0 : excess < room ? excess : room;

		widths[i] -= less;
		total -= less;
	}
}

static void print_blanks(size_t count, FILE *out)
{
	if (count > 0)
		fprintf(out, "%*s", (int)count, "");
}

/* A cell in its width; the last one of a line gets no blanks behind it. */
static void print_cell(const struct ctl_table *table, size_t column, const struct cell *cell, size_t width,
		       FILE *out)
{
	const struct ctl_options *options = table->options;
	const char *text = cell->text != NULL ? cell->text : "", *more = "";
	size_t shown = cell->width, length = strlen(text);

	if (shown > width) {
		length = ctl_format_cut(text, width - 1);
		more = options->utf8 ? "\xe2\x80\xa6" : "~";
		shown = width;
	}
	if (table->columns[column].right)
		print_blanks(width - shown, out);
	fprintf(out, "%s%.*s%s%s", color_start(options, cell->color), (int)length, text, more,
		color_end(options, cell->color));
	if (!table->columns[column].right && column + 1 < table->column_count)
		print_blanks(width - shown, out);
}

static void print_titles(const struct ctl_table *table, unsigned indent, const size_t *widths, FILE *out)
{
	print_blanks(indent, out);
	for (size_t i = 0; i < table->column_count; i++) {
		struct cell cell = {
			.text = (char *)(uintptr_t)table->columns[i].title,
			.width = strlen(table->columns[i].title),
			.color = CTL_BOLD,
		};

		print_blanks(i > 0 ? GAP : 0, out);
		print_cell(table, i, &cell, widths[i], out);
	}
	fputc('\n', out);
}

void ctl_table_print(const struct ctl_table *table, unsigned indent, FILE *out)
{
	_cleanup_free_ size_t *widths = table == NULL ? NULL : calloc(table->column_count, sizeof(*widths));

	if (widths == NULL)
		return;
	measure(table, indent, widths);
	if (table->columns[0].title != NULL)
		print_titles(table, indent, widths, out);
	for (size_t i = 0; i < table->cell_count; i++) {
		size_t column = i % table->column_count;

		print_blanks(column == 0 ? indent : GAP, out);
		print_cell(table, column, &table->cells[i], widths[column], out);
		if (column + 1 == table->column_count || i + 1 == table->cell_count)
			fputc('\n', out);
	}
}

void ctl_print(const struct ctl_options *options, FILE *out, enum ctl_color color, const char *text)
{
	_cleanup_free_ char *safe = ctl_format_safe(text, options->utf8);

	fprintf(out, "%s%s%s", color_start(options, color), safe != NULL ? safe : "",
		color_end(options, color));
}

void ctl_printf(const struct ctl_options *options, FILE *out, enum ctl_color color, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	ctl_print(options, out, color, text != NULL ? text : "");
}
