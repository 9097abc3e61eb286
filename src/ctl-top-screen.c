/* ctl-top-screen.c - the terminal, by ncurses: pictures on it, keys from it. Whoever opens it closes it, or
 * the terminal is of no use any more. */
#include "ctl-top-internal.h"

#include "base.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#define ESCAPE_MS 25
#define CTRL_L    12

struct top_screen {
	SCREEN *screen;
	attr_t attributes[TOP_STYLES];
};

enum {
	PAIR_RED = 1,
	PAIR_GREEN,
	PAIR_YELLOW,
	PAIR_CYAN,
	PAIR_CHOSEN,
};

static void choose_attributes(struct top_screen *screen, bool color)
{
	attr_t *attributes = screen->attributes;

	attributes[TOP_BOLD] = A_BOLD;
	attributes[TOP_DIM] = A_DIM;
	attributes[TOP_RED] = A_BOLD;
	attributes[TOP_BAR] = A_REVERSE;
	attributes[TOP_CHOSEN] = A_REVERSE | A_BOLD;
	if (!color || !has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	init_pair(PAIR_RED, COLOR_RED, -1);
	init_pair(PAIR_GREEN, COLOR_GREEN, -1);
	init_pair(PAIR_YELLOW, COLOR_YELLOW, -1);
	init_pair(PAIR_CYAN, COLOR_CYAN, -1);
	init_pair(PAIR_CHOSEN, COLOR_BLACK, COLOR_CYAN);
	attributes[TOP_RED] = (attr_t)COLOR_PAIR(PAIR_RED) | A_BOLD;
	attributes[TOP_GREEN] = (attr_t)COLOR_PAIR(PAIR_GREEN);
	attributes[TOP_YELLOW] = (attr_t)COLOR_PAIR(PAIR_YELLOW);
	attributes[TOP_CYAN] = (attr_t)COLOR_PAIR(PAIR_CYAN);
	attributes[TOP_CHOSEN] = (attr_t)COLOR_PAIR(PAIR_CHOSEN);
}

int top_screen_open(bool color, struct top_screen **ret_screen, char reason[static CTL_REASON_MAX])
{
	const char *terminal = getenv("TERM");
	struct top_screen *screen = calloc(1, sizeof(*screen));

	if (screen == NULL) {
		snprintf(reason, CTL_REASON_MAX, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	/* initscr(3) would end the process. */
	screen->screen = newterm(NULL, stdout, stdin);
	if (screen->screen == NULL) {
		free(screen);
		snprintf(reason, CTL_REASON_MAX,
			 "the terminal TERM=%.64s is not known; usherctl top --once needs none",
			 terminal != NULL ? terminal : "");
		return -ENOTTY;
	}
	set_term(screen->screen);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	curs_set(0);
	choose_attributes(screen, color);
	*ret_screen = screen;
	return 0;
}

void top_screen_close(struct top_screen *screen)
{
	if (screen == NULL)
		return;
	curs_set(1);
	endwin();
	delscreen(screen->screen);
	free(screen);
}

void top_screen_size(struct top_screen *screen, unsigned *ret_columns, unsigned *ret_rows)
{
	(void)screen;
	*ret_columns = COLS > 0 ? (unsigned)COLS : 1;
	*ret_rows = LINES > 0 ? (unsigned)LINES : 1;
}

void top_screen_resize(struct top_screen *screen)
{
	struct winsize size;

	(void)screen;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
	clearok(curscr, TRUE);
}

void top_screen_show(struct top_screen *screen, const char *picture)
{
	int row = 0;

	erase();
	move(row, 0);
	attrset(A_NORMAL);
	while (*picture != '\0') {
		size_t length = strcspn(picture, "\n\016\017\020\021\022\023\024\025\026");

		addnstr(picture, (int)length);
		picture += length;
		if (*picture == '\n')
			move(++row, 0);
		else if (*picture != '\0')
			attrset(screen->attributes[*picture - TOP_MARK(0)]);
		picture += *picture != '\0';
	}
	refresh();
}

bool top_screen_key(struct top_screen *screen, wint_t *ret_key, bool *ret_is_key)
{
	int r;

	(void)screen;
	for (;;) {
		r = get_wch(ret_key);
		/* What is for the screen alone is done here. */
		if (r == OK && *ret_key == CTRL_L)
			clearok(curscr, TRUE);
		else if (r != KEY_CODE_YES || *ret_key != KEY_RESIZE)
			break;
	}
	*ret_is_key = r == KEY_CODE_YES;
	return r != ERR;
}
