/* ctl-top-internal.h - what the files of top share: the canvas, what the user does, and the poll.
 *
 * A picture is text in lines with marks of style in it, so that the same one goes to a screen, to a pipe, and
 * to a test. */
#ifndef USHERD_CTL_TOP_INTERNAL_H
#define USHERD_CTL_TOP_INTERNAL_H

#include "ctl-client.h"
#include "ctl-options.h"
#include "ctl-top-model.h"

#include <stdbool.h>
#include <stdio.h>
#include <wchar.h>

#define TOP_LEAST_COLUMNS  40
#define TOP_LEAST_ROWS     10
#define TOP_INTERVAL_LEAST 100
#define TOP_INTERVAL_MOST  60000

enum top_style {
	TOP_PLAIN,
	TOP_BOLD,
	TOP_DIM,
	TOP_RED,
	TOP_GREEN,
	TOP_YELLOW,
	TOP_CYAN,
	TOP_BAR,    /* a line of titles, or of keys */
	TOP_CHOSEN, /* in such a line; the row that is selected */
	TOP_STYLES
};

/* How a style is written in a picture: no byte that text has, nor a line feed. */
#define TOP_MARK(style) (14 + (int)(style))

/* ---- the canvas ---- */

struct top_canvas {
	FILE *out;
	unsigned columns, rows;
	bool utf8;
	unsigned column, row; /* where the next text goes */
	size_t skip;          /* lines that are not drawn, before the others */
	size_t lines;         /* that were begun, drawn or not */
	unsigned last;        /* lines from here on are not drawn, until it is raised */
	bool held;            /* one style for all of this line */
};

void top_put(struct top_canvas *canvas, enum top_style style, const char *text);
__attribute__((format(printf, 3, 4))) void top_putf(struct top_canvas *canvas, enum top_style style,
						    const char *format, ...);
/* Text of the daemon: made safe first. */
void top_put_safe(struct top_canvas *canvas, enum top_style style, const char *text);
/* Cut and padded to `width`. */
void top_put_field(struct top_canvas *canvas, enum top_style style, const char *text, unsigned width,
		   bool right);
void top_pad(struct top_canvas *canvas, unsigned column);
/* This style for the rest of the line, whatever is put. */
void top_hold(struct top_canvas *canvas, enum top_style style);
void top_line(struct top_canvas *canvas); /* ends a line */
void top_put_bar(struct top_canvas *canvas, enum top_style style, double share, unsigned width);

/* ---- the user ---- */

enum top_mode {
	TOP_MODE_LIST,
	TOP_MODE_DETAIL,
	TOP_MODE_HELP,
};

enum top_asking {
	TOP_ASKING_NOTHING,
	TOP_ASKING_FILTER,
	TOP_ASKING_SURE, /* of `words` */
};

struct top_ui {
	enum top_view view;
	enum top_mode mode;
	enum top_asking asking;
	unsigned interval_ms;
	bool quit;

	char *selected[TOP_VIEWS];  /* key of a row; NULL: the first */
	size_t index[TOP_VIEWS];    /* where it was */
	size_t top[TOP_VIEWS];      /* the first row that is on the screen */
	unsigned page;              /* rows on the screen, found by drawing */
	size_t scroll, scroll_most; /* of help and detail */

	char *detail;   /* key of the service whose detail is asked for */
	char *words[2]; /* a request that is asked about, or is to be made: `ready` */
	bool ready;
	char question[256];
	char message[512]; /* in the last line; "": none */
	bool message_bad;
	char trouble[CTL_REASON_MAX]; /* the daemon does not answer; "": it does */
};

void top_ui_free(struct top_ui *ui);

/* A key: a character, or one of ncurses' KEY_ (is_key). */
void top_key(struct top_ui *ui, struct top_model *model, wint_t key, bool is_key);

/* The row that is selected, found again in what is shown now; NULL: there is none. */
const struct top_row *top_selected(struct top_ui *ui, const struct top_model *model);

/* ---- the picture ---- */

/* Draws all of `canvas`: columns by rows. The model is arranged for the view of `ui`. */
void top_draw(struct top_canvas *canvas, struct top_ui *ui, const struct top_model *model);
/* One that has as many lines as there is to show, for a pipe. */
void top_draw_plain(struct top_canvas *canvas, struct top_ui *ui, const struct top_model *model);

void top_draw_head(struct top_canvas *canvas, const struct top_ui *ui, const struct top_model *model,
		   bool brief);
void top_draw_detail(struct top_canvas *canvas, const struct top_model *model);
void top_draw_help(struct top_canvas *canvas);
enum top_style top_state_style(const char *state);

/* ---- the daemon ---- */

struct top_poll {
	const char *path;
	unsigned timeout_ms;
	int interrupt_fd; /* waiting ends when it can be read */
	struct ctl_client *client;
	int step;
	uint64_t began_ns, asked_ns, next_ns;
	size_t rounds; /* that were complete */
	int error;     /* of the last that failed */
	bool asked_detail;
	enum top_view asked_view;
	bool asked_words;
};

/* Asks, and waits for answers: until something has changed that should be drawn, the interrupt, or
 * `until_ns`. Never longer: a slow daemon is asked on by the next call. */
void top_poll_run(struct top_poll *poll, struct top_ui *ui, struct top_model *model, uint64_t until_ns);
void top_poll_now(struct top_poll *poll);
void top_poll_end(struct top_poll *poll);

/* ---- the screen ---- */

struct top_screen;

/* Takes the terminal. Returns 0, or -errno and a reason. */
int top_screen_open(bool color, struct top_screen **ret_screen, char reason[static CTL_REASON_MAX]);
void top_screen_close(struct top_screen *screen); /* gives it back; NULL is nothing */
void top_screen_size(struct top_screen *screen, unsigned *ret_columns, unsigned *ret_rows);
void top_screen_resize(struct top_screen *screen); /* the terminal has another size now */
void top_screen_show(struct top_screen *screen, const char *picture);
bool top_screen_key(struct top_screen *screen, wint_t *ret_key, bool *ret_is_key);

#endif
