/* ctl-table.h - columns for people: aligned, made harmless, coloured on a terminal, and on a terminal
 * alone cut to its width. Without memory a table is printed without the cells that had no room. */
#ifndef USHERD_CTL_TABLE_H
#define USHERD_CTL_TABLE_H

#include "base.h"
#include "ctl-options.h"

#include <stdio.h>

enum ctl_color {
	CTL_PLAIN,
	CTL_BOLD,
	CTL_DIM,
	CTL_RED,
	CTL_GREEN,
	CTL_YELLOW,
};

struct ctl_column {
	const char *title; /* NULL in the first: no line of titles */
	bool right;        /* numbers */
	bool shrinks;      /* may be cut on a terminal that is too narrow */
};

struct ctl_table;

/* Borrows `columns` and `options`. NULL without memory, which all others accept. */
struct ctl_table *ctl_table_new(const struct ctl_options *options, const struct ctl_column *columns,
				size_t count);
void ctl_table_free(struct ctl_table *table);

/* The next cell, from left to right and down; NULL is "-". The text may hold anything. */
void ctl_table_cell(struct ctl_table *table, enum ctl_color color, const char *text);
_printf_(2, 3) void ctl_table_format(struct ctl_table *table, const char *format, ...);
size_t ctl_table_rows(const struct ctl_table *table);

/* `indent` columns stay free on the left. */
void ctl_table_print(const struct ctl_table *table, unsigned indent, FILE *out);

/* Text between tables: safe, and coloured. */
void ctl_print(const struct ctl_options *options, FILE *out, enum ctl_color color, const char *text);
_printf_(4, 5) void ctl_printf(const struct ctl_options *options, FILE *out, enum ctl_color color,
			       const char *format, ...);

#endif
