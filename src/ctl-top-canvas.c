/* ctl-top-canvas.c - text put from left to right and down, never beyond the edge. */
#include "ctl-top-internal.h"

#include "base.h"
#include "ctl-format.h"

#include <stdarg.h>
#include <string.h>

static bool is_hidden(const struct top_canvas *canvas)
{
	return canvas->skip > 0 || canvas->row >= canvas->last;
}

void top_put(struct top_canvas *canvas, enum top_style style, const char *text)
{
	size_t length = ctl_format_cut(text, canvas->columns - canvas->column);
	_cleanup_free_ char *part = strndup(text, length);

	if (part == NULL || length == 0)
		return;
	canvas->column += (unsigned)ctl_format_width(part);
	if (is_hidden(canvas))
		return;
	if (!canvas->held)
		fputc(TOP_MARK(style), canvas->out);
	fputs(part, canvas->out);
}

void top_putf(struct top_canvas *canvas, enum top_style style, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	if (text != NULL)
		top_put(canvas, style, text);
}

void top_put_safe(struct top_canvas *canvas, enum top_style style, const char *text)
{
	_cleanup_free_ char *safe = ctl_format_safe(text, canvas->utf8);

	if (safe != NULL)
		top_put(canvas, style, safe);
}

static void pad(struct top_canvas *canvas, enum top_style style, unsigned column)
{
	while (canvas->column < column && canvas->column < canvas->columns)
		top_put(canvas, style, " ");
}

void top_pad(struct top_canvas *canvas, unsigned column)
{
	pad(canvas, TOP_PLAIN, column);
}

void top_put_field(struct top_canvas *canvas, enum top_style style, const char *text, unsigned width,
		   bool right)
{
	unsigned end = canvas->column + width;
	size_t length = ctl_format_cut(text, width);
	_cleanup_free_ char *part = strndup(text, length);
	unsigned used;

	if (part == NULL)
		return;
	/* What was cut says so. */
	if (text[length] != '\0' && width > 1) {
		part[ctl_format_cut(part, width - 1)] = '\0';
		used = (unsigned)ctl_format_width(part) + 1;
		top_put(canvas, style, part);
		top_put(canvas, style, canvas->utf8 ? "\xe2\x80\xa6" : "~");
	} else {
		used = (unsigned)ctl_format_width(part);
		if (right && used < width)
			pad(canvas, style, canvas->column + width - used);
		top_put(canvas, style, part);
	}
	pad(canvas, style, end);
}

void top_hold(struct top_canvas *canvas, enum top_style style)
{
	if (!is_hidden(canvas))
		fputc(TOP_MARK(style), canvas->out);
	canvas->held = true;
}

void top_line(struct top_canvas *canvas)
{
	bool hidden = is_hidden(canvas);

	canvas->lines++;
	canvas->column = 0;
	canvas->held = false;
	if (canvas->skip > 0)
		canvas->skip--;
	if (hidden)
		return;
	fputc(TOP_MARK(TOP_PLAIN), canvas->out);
	fputc('\n', canvas->out);
	canvas->row++;
}

void top_put_bar(struct top_canvas *canvas, enum top_style style, double share, unsigned width)
{
	/* Eighths of a column. */
	static const char *const parts[] = { "",
					     "\xe2\x96\x8f",
					     "\xe2\x96\x8e",
					     "\xe2\x96\x8d",
					     "\xe2\x96\x8c",
					     "\xe2\x96\x8b",
					     "\xe2\x96\x8a",
					     "\xe2\x96\x89" };
	unsigned eighths, end = canvas->column + width;

	share = share > 1 ? 1 : share > 0 ? share : 0;
	eighths = (unsigned)(share * width * 8 + 0.5);
	if (share > 0 && eighths == 0)
		eighths = 1;
	for (unsigned i = 0; i < eighths / 8; i++)
		top_put(canvas, style, canvas->utf8 ? "\xe2\x96\x88" : "#");
	if (canvas->utf8)
		top_put(canvas, style, parts[eighths % 8]);
	else if (eighths > 0 && eighths < 8)
		top_put(canvas, style, "|");
	while (canvas->column < end && canvas->column < canvas->columns)
		top_put(canvas, TOP_DIM, canvas->utf8 ? "\xc2\xb7" : ".");
}
