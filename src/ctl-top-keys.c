/* ctl-top-keys.c - what each key does. Nothing that changes the daemon happens without a question. */
#include "ctl-top-internal.h"

#include "base.h"
#include "ctl-format.h"

#define NCURSES_NOMACROS
#include <curses.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <wctype.h>

#define KEY_ESC 27

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = value != NULL ? strdup(value) : NULL;
}

void top_ui_free(struct top_ui *ui)
{
	for (size_t i = 0; i < TOP_VIEWS; i++)
		free(ui->selected[i]);
	free(ui->detail);
	free(ui->words[0]);
	free(ui->words[1]);
}

_printf_(3, 4) static void say(struct top_ui *ui, bool bad, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(ui->message, sizeof(ui->message), format, arguments);
	va_end(arguments);
	ui->message_bad = bad;
}

/* ---- questions ---- */

_printf_(4, 5) static void ask(struct top_ui *ui, const char *verb, const char *key, const char *format, ...)
{
	va_list arguments;

	set_text(&ui->words[0], verb);
	set_text(&ui->words[1], key);
	if (ui->words[0] == NULL || ui->words[1] == NULL)
		return;
	va_start(arguments, format);
	vsnprintf(ui->question, sizeof(ui->question), format, arguments);
	va_end(arguments);
	ui->asking = TOP_ASKING_SURE;
}

static void answer(struct top_ui *ui, wint_t key, bool is_key)
{
	ui->asking = TOP_ASKING_NOTHING;
	if (!is_key && (key == 'y' || key == 'Y')) {
		ui->ready = true;
		say(ui, false, "%s %s ...", ui->words[0], ui->words[1]);
	} else {
		say(ui, false, "nothing done");
	}
}

/* The service that a key is about; NULL: none. */
static const char *chosen_service(struct top_ui *ui, const struct top_model *model)
{
	const struct top_row *row;

	if (ui->mode == TOP_MODE_DETAIL)
		return ui->detail;
	row = top_selected(ui, model);
	if (row == NULL)
		return NULL;
	return ui->view == TOP_SERVICES ? row->key : row->texts[TOP_NAME];
}

static void ask_switch(struct top_ui *ui, const struct top_model *model, const char *verb)
{
	const char *name = chosen_service(ui, model);

	if (ui->ready)
		say(ui, true, "one thing at a time: the last one is not done yet");
	else if (name != NULL)
		ask(ui, verb, name, "%s %.128s until the next reload?", verb, name);
}

static void ask_kill(struct top_ui *ui, const struct top_model *model)
{
	const struct top_row *row = ui->mode == TOP_MODE_LIST ? top_selected(ui, model) : NULL;

	if (ui->ready)
		say(ui, true, "one thing at a time: the last one is not done yet");
	else if (row == NULL)
		return;
	else if (ui->view == TOP_SESSIONS)
		ask(ui, "kill", row->key, "kill session %s (%.40s, %.60s)?", row->key, row->texts[TOP_NAME],
		    row->texts[TOP_WHERE]);
	else if (!(row->values[TOP_ACTIVE] > 0))
		say(ui, false, "%s has no sessions", row->texts[TOP_NAME]);
	else
		ask(ui, "kill", row->key, "kill all sessions of %.100s (%.0f)?", row->key,
		    row->values[TOP_ACTIVE]);
}

/* ---- moving ---- */

static void select_index(struct top_ui *ui, const struct top_model *model, size_t index)
{
	if (model->shown_count == 0)
		return;
	index = index < model->shown_count ? index : model->shown_count - 1;
	ui->index[ui->view] = index;
	set_text(&ui->selected[ui->view], model->shown[index]->key);
}

/* By so many rows; in pages the text moves. */
static void move_by(struct top_ui *ui, const struct top_model *model, long by)
{
	size_t *at = ui->mode == TOP_MODE_LIST ? &ui->index[ui->view] : &ui->scroll;
	size_t to;

	if (by < 0)
		to = *at > (size_t)-by ? *at - (size_t)-by : 0;
	else
		to = *at + (size_t)by;
	if (ui->mode == TOP_MODE_LIST)
		select_index(ui, model, to);
	else
		ui->scroll = to < ui->scroll_most ? to : ui->scroll_most;
}

static bool move_key(struct top_ui *ui, const struct top_model *model, wint_t key)
{
	long page = ui->page > 2 ? (long)ui->page - 1 : 1;

	switch (key) {
	case KEY_UP:
		move_by(ui, model, -1);
		return true;
	case KEY_DOWN:
		move_by(ui, model, 1);
		return true;
	case KEY_PPAGE:
		move_by(ui, model, -page);
		return true;
	case KEY_NPAGE:
		move_by(ui, model, page);
		return true;
	case KEY_HOME:
		/* From here on it is the first row that is selected, whichever it is. */
		move_by(ui, model, -(1L << 30));
		set_text(&ui->selected[ui->view], NULL);
		return true;
	case KEY_END:
		move_by(ui, model, 1L << 30);
		return true;
	default:
		return false;
	}
}

/* ---- views ---- */

static void show_view(struct top_ui *ui, enum top_view view)
{
	ui->view = view;
	ui->mode = TOP_MODE_LIST;
}

static void sort_by(struct top_ui *ui, struct top_model *model, int step)
{
	size_t count, *sort = &model->sort[ui->view];

	(void)top_columns(ui->view, &count);
	*sort = (*sort + count + (size_t)step) % count;
	model->reverse[ui->view] = false;
}

static void show_detail(struct top_ui *ui, struct top_model *model)
{
	const char *name = ui->mode == TOP_MODE_LIST ? chosen_service(ui, model) : NULL;

	if (name == NULL)
		return;
	set_text(&ui->detail, name);
	top_take_detail(model, NULL);
	ui->mode = TOP_MODE_DETAIL;
	ui->scroll = 0;
}

static void change_interval(struct top_ui *ui, bool longer)
{
	static const unsigned steps[] = { 100, 200, 500, 1000, 2000, 5000, 10000, 30000, TOP_INTERVAL_MOST };
	char text[CTL_VALUE_MAX];
	unsigned next = ui->interval_ms;

	for (size_t i = 0; i < ELEMENTS(steps); i++) {
		size_t at = longer ? i : ELEMENTS(steps) - 1 - i;

		if (longer ? steps[at] > ui->interval_ms : steps[at] < ui->interval_ms) {
			next = steps[at];
			break;
		}
	}
	ui->interval_ms = next;
	say(ui, false, "every %s", ctl_format_duration(next / 1000.0, text));
}

static void go_back(struct top_ui *ui, struct top_model *model)
{
	if (ui->mode == TOP_MODE_LIST)
		model->filter[0] = '\0';
	ui->mode = TOP_MODE_LIST;
}

/* ---- the filter ---- */

static void shorten(char *text)
{
	size_t length = strlen(text);

	/* The last character, whatever its length. */
	while (length > 0 && ((unsigned char)text[length - 1] & 0xc0) == 0x80)
		length--;
	text[length > 0 ? length - 1 : 0] = '\0';
}

static void filter_key(struct top_ui *ui, struct top_model *model, wint_t key, bool is_key)
{
	size_t length = strlen(model->filter);
	mbstate_t state = { 0 };
	char bytes[MB_LEN_MAX];
	size_t n;

	if ((is_key && key == KEY_BACKSPACE) || (!is_key && (key == 127 || key == 8))) {
		shorten(model->filter);
	} else if ((is_key && key == KEY_ENTER) || (!is_key && (key == '\n' || key == '\r'))) {
		ui->asking = TOP_ASKING_NOTHING;
	} else if (!is_key && key == KEY_ESC) {
		model->filter[0] = '\0';
		ui->asking = TOP_ASKING_NOTHING;
	} else if (!is_key && iswprint(key)) {
		n = wcrtomb(bytes, (wchar_t)key, &state);
		if (n != (size_t)-1 && length + n < sizeof(model->filter)) {
			memcpy(model->filter + length, bytes, n);
			model->filter[length + n] = '\0';
		}
	}
}

/* ---- all keys ---- */

static void letter_key(struct top_ui *ui, struct top_model *model, wint_t key)
{
	switch (key) {
	case 'q':
	case 'Q':
		ui->quit = true;
		break;
	case '\t':
		show_view(ui, ui->view == TOP_SERVICES ? TOP_SESSIONS : TOP_SERVICES);
		break;
	case 's':
	case 'S':
		show_view(ui, key == 's' ? TOP_SERVICES : TOP_SESSIONS);
		break;
	case '<':
	case '>':
		sort_by(ui, model, key == '<' ? -1 : 1);
		break;
	case 'r':
		model->reverse[ui->view] = !model->reverse[ui->view];
		break;
	case '/':
		ui->mode = TOP_MODE_LIST;
		ui->asking = TOP_ASKING_FILTER;
		break;
	case 'k':
		ask_kill(ui, model);
		break;
	case 'd':
	case 'e':
		ask_switch(ui, model, key == 'd' ? "disable" : "enable");
		break;
	case '+':
	case '-':
		change_interval(ui, key == '+');
		break;
	case '?':
	case 'h':
		ui->mode = TOP_MODE_HELP;
		ui->scroll = 0;
		break;
	case '\r':
	case '\n':
		show_detail(ui, model);
		break;
	case KEY_ESC:
		go_back(ui, model);
		break;
	case 'j':
		move_by(ui, model, 1);
		break;
	default:
		break;
	}
}

void top_key(struct top_ui *ui, struct top_model *model, wint_t key, bool is_key)
{
	ui->message[0] = '\0';
	if (ui->asking == TOP_ASKING_SURE)
		answer(ui, key, is_key);
	else if (ui->asking == TOP_ASKING_FILTER)
		filter_key(ui, model, key, is_key);
	else if (is_key && move_key(ui, model, key))
		return;
	else if (ui->mode == TOP_MODE_HELP && !(!is_key && (key == 'q' || key == 'Q')))
		ui->mode = TOP_MODE_LIST;
	else
		letter_key(ui, model, is_key && key == KEY_ENTER ? '\n' : is_key ? 0 : key);
}
