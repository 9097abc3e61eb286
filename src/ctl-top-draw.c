/* ctl-top-draw.c - the whole picture: head, table, last line. */
#include "ctl-top-internal.h"

#include "base.h"
#include "ctl-format.h"

#include <math.h>
#include <string.h>

#define COLUMNS_MOST 16
#define BRIEF_BELOW  16 /* rows */

/* ---- widths ---- */

/* The columns that there is room for: those that can be spared the most go first. Widths of 0 are left out;
 * what is left over goes to those that grow, as far as the rows need it. */
static void fit(unsigned room, const struct top_column *columns, size_t count, const unsigned *wanted,
		unsigned widths[static COLUMNS_MOST])
{
	unsigned used = 0, drop = 0;

	for (size_t i = 0; i < count; i++) {
		widths[i] = columns[i].width;
		used += columns[i].width + 1;
		drop = columns[i].drop > drop ? columns[i].drop : drop;
	}
	for (; used > room + 1 && drop > 0; drop--)
		for (size_t i = 0; i < count; i++)
			if (columns[i].drop == drop) {
				used -= widths[i] + 1;
				widths[i] = 0;
			}
	for (size_t i = 0; i < count && used < room + 1; i++) {
		unsigned wants = wanted[i] < columns[i].most ? wanted[i] : columns[i].most;
		unsigned more = widths[i] > 0 && wants > widths[i] ? wants - widths[i] : 0;

		more = more < room + 1 - used ? more : room + 1 - used;
		widths[i] += more;
		used += more;
	}
}

/* What a column that grows would like: the longest of the rows that are on the screen. */
static void find_wanted(const struct top_model *model, size_t first, size_t last,
			const struct top_column *columns, size_t count, unsigned wanted[static COLUMNS_MOST])
{
	for (size_t i = 0; i < count; i++) {
		wanted[i] = columns[i].width;
		if (columns[i].most == 0)
			continue;
		for (size_t j = first; j < last; j++) {
			unsigned width = (unsigned)ctl_format_width(model->shown[j]->texts[columns[i].cell]);

			wanted[i] = width > wanted[i] ? width : wanted[i];
		}
	}
}

/* ---- cells ---- */

static const char *cell_text(const struct top_row *row, const struct top_column *column,
			     char text[static 2 * CTL_VALUE_MAX])
{
	double value = column->kind == TOP_KIND_TEXT ? 0 : row->values[column->cell];
	char more[CTL_VALUE_MAX];
	const char *rate;

	switch (column->kind) {
	case TOP_KIND_TEXT:
		return row->texts[column->cell];
	case TOP_KIND_COUNT:
		return ctl_format_count(value, text);
	case TOP_KIND_BYTES:
		return ctl_format_bytes(value, text);
	case TOP_KIND_TIME:
		return ctl_format_duration(value, text);
	case TOP_KIND_SHARE:
		snprintf(text, 2 * CTL_VALUE_MAX, "%.0f/%s", isnan(value) ? 0 : value,
			 ctl_format_count(row->values[TOP_INSTANCES], more));
		return text;
	case TOP_KIND_RATE:
		if (isnan(value))
			return "-";
		/* The title says that it is a second. */
		rate = ctl_format_rate(value, more);
		snprintf(text, 2 * CTL_VALUE_MAX, "%.*s", (int)(strlen(rate) - strlen("/s")), rate);
		return text;
	}
	return "-";
}

static enum top_style cell_style(const struct top_row *row, const struct top_column *column)
{
	double value = column->kind == TOP_KIND_TEXT ? 0 : row->values[column->cell];

	if (column->kind == TOP_KIND_TEXT)
		return column->cell == TOP_NAME  ? TOP_BOLD :
		       column->cell == TOP_STATE ? top_state_style(row->texts[TOP_STATE]) :
						   TOP_PLAIN;
	if (column->cell == TOP_FAILED && value > 0)
		return TOP_RED;
	if (column->cell == TOP_REFUSED_RATE && value > 0)
		return TOP_YELLOW;
	if (column->kind == TOP_KIND_SHARE && value > 0 && value >= row->values[TOP_INSTANCES])
		return TOP_YELLOW;
	/* Zeros step back. */
	return !(value > 0) ? TOP_DIM : TOP_PLAIN;
}

static void draw_row(struct top_canvas *canvas, const struct top_row *row, const struct top_column *columns,
		     size_t count, const unsigned *widths, bool selected)
{
	char text[2 * CTL_VALUE_MAX];

	if (selected)
		top_hold(canvas, TOP_CHOSEN);
	for (size_t i = 0; i < count; i++) {
		if (widths[i] == 0)
			continue;
		top_put_field(canvas, cell_style(row, &columns[i]), cell_text(row, &columns[i], text),
			      widths[i], columns[i].kind != TOP_KIND_TEXT);
		top_put(canvas, TOP_PLAIN, " ");
	}
	if (selected)
		top_pad(canvas, canvas->columns);
	top_line(canvas);
}

static void draw_titles(struct top_canvas *canvas, const struct top_model *model, enum top_view view,
			const struct top_column *columns, size_t count, const unsigned *widths, bool screen)
{
	for (size_t i = 0; i < count; i++) {
		bool sorted = screen && model->sort[view] == i;

		if (widths[i] == 0)
			continue;
		top_put_field(canvas, sorted ? TOP_CHOSEN : TOP_BAR, columns[i].title, widths[i],
			      columns[i].kind != TOP_KIND_TEXT);
		top_put(canvas, TOP_BAR, " ");
	}
	while (screen && canvas->column < canvas->columns)
		top_put(canvas, TOP_BAR, " ");
	top_line(canvas);
}

/* ---- the table ---- */

static void draw_tabs(struct top_canvas *canvas, const struct top_ui *ui, const struct top_model *model)
{
	const json_t *daemon = model->daemon;
	size_t count;
	const struct top_column *columns = top_columns(ui->view, &count);
	/* Text rises, and numbers fall, unless that is reversed. */
	bool rises = (columns[model->sort[ui->view]].kind == TOP_KIND_TEXT) != model->reverse[ui->view];
	const char *arrow =
		rises ? (canvas->utf8 ? "\xe2\x96\xb2" : "^") : (canvas->utf8 ? "\xe2\x96\xbc" : "v");
	char every[32];

	top_putf(canvas, ui->view == TOP_SERVICES ? TOP_CHOSEN : TOP_DIM, " Services %.0f ",
		 (double)ctl_integer(json_object_get(daemon, "services"), "total"));
	top_put(canvas, TOP_PLAIN, " ");
	top_putf(canvas, ui->view == TOP_SESSIONS ? TOP_CHOSEN : TOP_DIM, " Sessions %.0f ",
		 (double)ctl_integer(json_object_get(daemon, "sessions"), "active"));
	top_putf(canvas, TOP_DIM, "  by %s %s", columns[model->sort[ui->view]].title, arrow);
	if (model->filter[0] != '\0') {
		top_put(canvas, TOP_DIM, "  filter ");
		top_put_safe(canvas, TOP_CYAN, model->filter);
		top_putf(canvas, TOP_DIM, " (%zu of %zu)", model->shown_count, model->rows[ui->view].count);
	}
	snprintf(every, sizeof(every), "every %gs", ui->interval_ms / 1000.0);
	if (canvas->column + strlen(every) + 2 <= canvas->columns) {
		top_pad(canvas, canvas->columns - (unsigned)strlen(every));
		top_put(canvas, TOP_DIM, every);
	}
	top_line(canvas);
}

static const char *nothing_text(const struct top_ui *ui, const struct top_model *model)
{
	if (model->rows[ui->view].at_ns == 0)
		return ui->trouble[0] != '\0' ? "" : "asking ...";
	if (model->filter[0] != '\0' && model->rows[ui->view].count > 0)
		return "nothing matches the filter (Esc clears it)";
	return ui->view == TOP_SERVICES ? "there are no services" : "there are no sessions";
}

const struct top_row *top_selected(struct top_ui *ui, const struct top_model *model)
{
	size_t *index = &ui->index[ui->view];

	if (model->shown_count == 0)
		return NULL;
	if (ui->selected[ui->view] == NULL) {
		*index = 0;
	} else if (*index >= model->shown_count ||
		   strcmp(model->shown[*index]->key, ui->selected[ui->view]) != 0) {
		size_t i = 0;

		while (i < model->shown_count && strcmp(model->shown[i]->key, ui->selected[ui->view]) != 0)
			i++;
		/* It has gone: nobody slides into its place unseen. */
		if (i == model->shown_count) {
			if (*index >= model->shown_count)
				*index = model->shown_count - 1;
			return NULL;
		}
		*index = i;
	}
	return model->shown[*index];
}

/* Keeps the selected row on the screen. */
static void scroll_to(struct top_ui *ui, const struct top_model *model, unsigned page)
{
	size_t *top = &ui->top[ui->view], index = ui->index[ui->view];

	ui->page = page;
	if (index < *top)
		*top = index;
	if (page > 0 && index >= *top + page)
		*top = index - page + 1;
	if (*top + page > model->shown_count)
		*top = model->shown_count > page ? model->shown_count - page : 0;
}

static void draw_table(struct top_canvas *canvas, struct top_ui *ui, const struct top_model *model,
		       unsigned page, bool screen)
{
	const struct top_row *selected = screen ? top_selected(ui, model) : NULL;
	unsigned wanted[COLUMNS_MOST], widths[COLUMNS_MOST];
	size_t count, first, last;
	const struct top_column *columns = top_columns(ui->view, &count);

	scroll_to(ui, model, page);
	first = ui->top[ui->view];
	last = first + page < model->shown_count ? first + page : model->shown_count;
	find_wanted(model, first, last, columns, count, wanted);
	fit(canvas->columns, columns, count, wanted, widths);
	draw_titles(canvas, model, ui->view, columns, count, widths, screen);
	for (size_t i = first; i < last; i++)
		draw_row(canvas, model->shown[i], columns, count, widths, model->shown[i] == selected);
	if (model->shown_count == 0) {
		top_put(canvas, TOP_DIM, nothing_text(ui, model));
		top_line(canvas);
	}
}

/* ---- the last line ---- */

static void draw_keys(struct top_canvas *canvas, const struct top_ui *ui)
{
	static const char *const lists[] = { "q", "quit",   "Tab",   "view",    "<>", "sort", "r", "reverse",
					     "/", "filter", "Enter", "details", "k",  "kill", "?", "help" };
	static const char *const pages[] = { "q",       "quit", "Esc",    "back", "d",
					     "disable", "e",    "enable", "?",    "help" };
	const char *const *keys = ui->mode == TOP_MODE_LIST ? lists : pages;
	size_t count = ui->mode == TOP_MODE_LIST ? ELEMENTS(lists) : ELEMENTS(pages);

	for (size_t i = 0; i + 1 < count; i += 2) {
		if (canvas->column + strlen(keys[i]) + strlen(keys[i + 1]) + 3 > canvas->columns)
			break;
		top_putf(canvas, TOP_BOLD, " %s", keys[i]);
		top_putf(canvas, TOP_DIM, " %s", keys[i + 1]);
	}
}

static void draw_last(struct top_canvas *canvas, const struct top_ui *ui, const struct top_model *model)
{
	canvas->last = canvas->rows;
	if (ui->asking == TOP_ASKING_SURE) {
		top_put_safe(canvas, TOP_YELLOW, ui->question);
		top_put(canvas, TOP_BOLD, " y/n");
	} else if (ui->asking == TOP_ASKING_FILTER) {
		top_put(canvas, TOP_BOLD, "filter: ");
		top_put_safe(canvas, TOP_CYAN, model->filter);
		top_put(canvas, TOP_CHOSEN, " ");
		top_put(canvas, TOP_DIM, "  Enter keeps it, Esc clears it");
	} else if (ui->message[0] != '\0') {
		top_put_safe(canvas, ui->message_bad ? TOP_RED : TOP_GREEN, ui->message);
	} else {
		draw_keys(canvas, ui);
	}
	top_line(canvas);
}

/* ---- all of it ---- */

static void draw_page(struct top_canvas *canvas, struct top_ui *ui, const struct top_model *model)
{
	size_t before = canvas->lines, room = canvas->last - canvas->row, lines;

	canvas->skip = ui->scroll;
	if (ui->mode == TOP_MODE_HELP)
		top_draw_help(canvas);
	else
		top_draw_detail(canvas, model);
	canvas->skip = 0;
	lines = canvas->lines - before;
	ui->scroll_most = lines > room ? lines - room : 0;
	ui->page = (unsigned)room;
}

void top_draw(struct top_canvas *canvas, struct top_ui *ui, const struct top_model *model)
{
	bool brief = canvas->rows < BRIEF_BELOW;

	canvas->last = canvas->rows;
	if (canvas->columns < TOP_LEAST_COLUMNS || canvas->rows < TOP_LEAST_ROWS) {
		top_putf(canvas, TOP_YELLOW, "%ux%u is too small;", canvas->columns, canvas->rows);
		top_line(canvas);
		top_putf(canvas, TOP_YELLOW, "top needs %dx%d", TOP_LEAST_COLUMNS, TOP_LEAST_ROWS);
		top_line(canvas);
		return;
	}
	canvas->last = canvas->rows - 1;
	if (ui->mode == TOP_MODE_LIST) {
		top_draw_head(canvas, ui, model, brief);
		draw_tabs(canvas, ui, model);
		draw_table(canvas, ui, model, canvas->last - canvas->row - 1, true);
	} else {
		if (ui->trouble[0] != '\0') {
			top_put_safe(canvas, TOP_RED, ui->trouble);
			top_line(canvas);
		}
		draw_page(canvas, ui, model);
	}
	while (canvas->row < canvas->last)
		top_line(canvas);
	draw_last(canvas, ui, model);
}

void top_draw_plain(struct top_canvas *canvas, struct top_ui *ui, const struct top_model *model)
{
	canvas->last = canvas->rows = UINT32_MAX;
	top_draw_head(canvas, ui, model, false);
	top_line(canvas);
	draw_table(canvas, ui, model, (unsigned)model->shown_count, false);
}
