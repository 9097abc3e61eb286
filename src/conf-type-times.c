/* conf-type-times.c - access_times: windows such as `mon-fri 08:00-18:00
 * Europe/Paris`, apart by commas. Days come first, then the hours, then perhaps
 * a zone; so each word that stands elsewhere tells what was meant. */
#include "conf-type.h"

#include "base.h"
#include "clock.h"
#include "schedule.h"
#include "suggest.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define BLANKS      " \t"
#define WEEK_DAYS   7
#define ALL_DAYS    0x7f
#define DAY_MINUTES 1440

/* More is a mistake, and would be slow to look through for each client. */
#define WINDOWS_MAX 64

/* The longest word that means something is the name of a zone. */
#define WORD_MAX 80

/* First the short ones, Monday first; then whole ones; then what means every day. */
static const char *const day_names[] = {
	"mon",     "tue",       "wed",      "thu",    "fri",      "sat",    "sun",   "monday",
	"tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "daily", "*",
};
#define DAILY ((size_t)2 * WEEK_DAYS)

/* The windows so far, and what they are parsed with. */
struct parser {
	const struct conf_input *input;
	char *reason;
	int64_t now_s;
	struct conf_zone **zones;
	struct schedule_window *windows;
	size_t count;
};

/* ---- days ---- */

/* The index among day_names, or -1. */
static int find_day(const char *word)
{
	for (size_t i = 0; i < ELEMENTS(day_names); i++)
		if (strcasecmp(word, day_names[i]) == 0)
			return (int)i;
	return -1;
}

static int refuse_day(const char *word, char reason[static CONF_REASON_MAX])
{
	const char *nearest = suggest_nearest(word, day_names, ELEMENTS(day_names));

	if (nearest != NULL)
		return conf_type_refuse(reason, "'%s' is not a day; did you mean '%s'?", word, nearest);
	return conf_type_refuse(reason, "'%s' is not a day; write mon, tue, wed, thu, fri, sat or sun", word);
}

/* `mon`, `mon-fri`, `fri-mon`, `daily`: adds them to `days`. */
static int parse_days(const char *word, uint8_t *days, char reason[static CONF_REASON_MAX])
{
	char first_name[WORD_MAX];
	const char *minus = strchr(word, '-');
	size_t length = minus != NULL ? (size_t)(minus - word) : strlen(word);

	memcpy(first_name, word, length);
	first_name[length] = '\0';

	int first = find_day(first_name), last = minus != NULL ? find_day(minus + 1) : first;

	if (first < 0)
		return refuse_day(first_name, reason);
	if (last < 0)
		return refuse_day(minus + 1, reason);
	if ((size_t)first >= DAILY || (size_t)last >= DAILY) {
		if (minus != NULL)
			return conf_type_refuse(reason, "'%s' is every day already, and begins no range",
						word);
		*days = ALL_DAYS;
		return 0;
	}
	first %= WEEK_DAYS;
	last %= WEEK_DAYS;
	for (int day = first;; day = (day + 1) % WEEK_DAYS) {
		*days |= (uint8_t)(1 << day);
		if (day == last)
			return 0;
	}
}

/* ---- hours ---- */

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* `8:00`, `08:00`. Returns the rest of the text, or NULL when that is not how it looks. */
static const char *take_clock(const char *text, unsigned *ret_hour, unsigned *ret_minute)
{
	unsigned hour = 0, digits = 0;

	for (; is_digit(*text) && digits < 2; digits++)
		hour = hour * 10 + (unsigned)(*text++ - '0');
	if (digits == 0 || text[0] != ':' || !is_digit(text[1]) || !is_digit(text[2]))
		return NULL;
	*ret_hour = hour;
	*ret_minute = (unsigned)(text[1] - '0') * 10 + (unsigned)(text[2] - '0');
	return text + 3;
}

static int check_clock(const char *word, unsigned hour, unsigned minute, bool is_end,
		       char reason[static CONF_REASON_MAX])
{
	if (minute > 59)
		return conf_type_refuse(reason, "'%s': minutes go up to 59, and this says %u", word, minute);
	if (hour == 24 && minute == 0 && is_end)
		return 0;
	if (hour == 24 && minute == 0)
		return conf_type_refuse(reason, "'%s': 24:00 can only be an end; a day begins at 00:00",
					word);
	if (hour > 23)
		return conf_type_refuse(reason, "'%s': a day ends at 24:00, and this says %u:%02u", word,
					hour, minute);
	return 0;
}

static int parse_hours(const char *word, struct schedule_window *window, char reason[static CONF_REASON_MAX])
{
	unsigned from_hour, from_minute, until_hour, until_minute;
	const char *rest = take_clock(word, &from_hour, &from_minute);

	if (rest != NULL && *rest == '\0')
		return conf_type_refuse(reason, "'%s' has no end; write %s-18:00, without blanks", word,
					word);
	if (rest != NULL)
		rest = *rest == '-' ? take_clock(rest + 1, &until_hour, &until_minute) : NULL;
	if (rest == NULL || *rest != '\0')
		return conf_type_refuse(reason, "'%s' is not hh:mm-hh:mm, such as 08:00-18:00", word);

	int r = check_clock(word, from_hour, from_minute, false, reason);

	if (r == 0)
		r = check_clock(word, until_hour, until_minute, true, reason);
	if (r < 0)
		return r;
	window->from = (uint16_t)(from_hour * 60 + from_minute);
	window->until = (uint16_t)(until_hour * 60 + until_minute);
	if (window->from == window->until)
		return conf_type_refuse(reason, "'%s' is empty; write 00:00-24:00 for the whole day", word);
	return 0;
}

/* ---- zones ---- */

static bool is_called(const struct conf_zone *known, const char *name)
{
	return name == NULL ? known->name == NULL : known->name != NULL && strcmp(known->name, name) == 0;
}

static int load_zone(const struct parser *parser, const char *name, const struct conf_zone **ret_known)
{
	struct arena *arena = parser->input->arena;
	struct conf_zone *known = arena_alloc(arena, sizeof(*known));
	char why[ZONE_REASON_MAX];

	if (known == NULL)
		return -ENOMEM;
	if (name != NULL && (known->name = arena_strdup(arena, name)) == NULL)
		return -ENOMEM;

	int r = zone_load(name, parser->now_s, arena, &known->zone, why);

	if (r < 0)
		return r == -EINVAL ? conf_type_refuse(parser->reason, "%s", why) : r;
	known->next = *parser->zones;
	*parser->zones = known;
	*ret_known = known;
	return 0;
}

/* A zone takes the library a while: each is loaded once. */
static int find_zone(const struct parser *parser, const char *name, struct schedule_window *window)
{
	const struct conf_zone *known = *parser->zones;

	while (known != NULL && !is_called(known, name))
		known = known->next;

	int r = known != NULL ? 0 : load_zone(parser, name, &known);

	if (r < 0)
		return r;
	window->zone_name = known->name;
	window->zone = known->zone;
	return 0;
}

/* ---- windows ---- */

/* Takes a word of the window that ends at `end`. Returns 1; 0 when there is none left; or -EINVAL. */
static int take_word(const char **text, const char *end, char word[static WORD_MAX],
		     char reason[static CONF_REASON_MAX])
{
	const char *start = *text + strspn(*text, BLANKS);
	size_t length = strcspn(start, BLANKS ",");

	if (start >= end)
		return 0;
	if (length >= WORD_MAX)
		return conf_type_refuse(reason, "'%.40s...' is neither a day, nor hours, nor a time zone",
					start);
	memcpy(word, start, length);
	word[length] = '\0';
	*text = start + length;
	return 1;
}

/* What stands behind the hours: nothing, or a zone. */
static int parse_zone(const struct parser *parser, const char *text, const char *end,
		      struct schedule_window *window)
{
	char name[WORD_MAX] = "", more[WORD_MAX];
	uint8_t days = 0;
	char unused[CONF_REASON_MAX];
	int r = take_word(&text, end, name, parser->reason);

	if (r < 0)
		return r;
	if (r > 0 && (is_digit(name[0]) || parse_days(name, &days, unused) == 0))
		return conf_type_refuse(parser->reason, "a comma is missing before '%s'", name);
	if (r > 0) {
		int after = take_word(&text, end, more, parser->reason);

		if (after < 0)
			return after;
		if (after > 0)
			return conf_type_refuse(
				parser->reason,
				"'%s' after the time zone '%s'; a comma begins the next window", more, name);
	}
	return find_zone(parser, r > 0 ? name : NULL, window);
}

/* One window, which ends at `end`. */
static int parse_window(struct parser *parser, const char *text, const char *end)
{
	struct schedule_window window = { 0 };
	char word[WORD_MAX] = "";
	const char *start = text + strspn(text, BLANKS);
	int r;

	if (start >= end)
		return conf_type_refuse(parser->reason, "a comma with nothing before or after it");
	while ((r = take_word(&text, end, word, parser->reason)) > 0 && !is_digit(word[0])) {
		r = parse_days(word, &window.days, parser->reason);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	if (r == 0)
		return conf_type_refuse(parser->reason,
					"'%.*s' has no hours; write days apart by blanks, then the hours, as "
					"in mon wed 08:00-18:00",
					(int)(end - start < 80 ? end - start : 80), start);
	if (window.days == 0)
		window.days = ALL_DAYS;
	r = parse_hours(word, &window, parser->reason);
	if (r == 0)
		r = parse_zone(parser, text, end, &window);
	if (r == 0)
		parser->windows[parser->count++] = window;
	return r;
}

static int parse_windows(struct parser *parser)
{
	const char *text = parser->input->text;

	for (;;) {
		const char *end = text + strcspn(text, ",");

		if (parser->count == WINDOWS_MAX)
			return conf_type_refuse(parser->reason, "there are more than %d windows",
						WINDOWS_MAX);

		int r = parse_window(parser, text, end);

		if (r < 0 || *end == '\0')
			return r;
		text = end + 1;
	}
}

static size_t count_windows(const char *text)
{
	size_t count = 1;

	for (; *text != '\0' && count < WINDOWS_MAX; text++)
		count += *text == ',';
	return count;
}

/* ---- the type ---- */

static const char *const times_choices[] = { "always", NULL };

static int parse_times(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	struct conf_zone *own = NULL;
	struct parser parser = {
		.input = input,
		.reason = reason,
		.now_s = clock_wall().tv_sec,
		.zones = input->zones != NULL ? input->zones : &own,
	};

	if (strcmp(input->text, "always") == 0) {
		*(struct schedule *)field = (struct schedule){ 0 };
		return 0;
	}
	if (input->text[0] == '\0')
		return conf_type_refuse(reason, "the hours are missing; write always for no limit");
	parser.windows = arena_alloc(input->arena, count_windows(input->text) * sizeof(*parser.windows));
	if (parser.windows == NULL)
		return -ENOMEM;

	int r = parse_windows(&parser);

	if (r == 0)
		*(struct schedule *)field =
			(struct schedule){ .windows = parser.windows, .count = parser.count };
	return r;
}

/* Where a line of a long value should end; a line of a file is not without end. */
#define PRINT_WIDTH 90

static void print_times(const void *field, FILE *out)
{
	const struct schedule *schedule = field;
	char text[SCHEDULE_TEXT_MAX];
	size_t column = 0;

	if (schedule->count == 0)
		fputs("always", out);
	for (size_t i = 0; i < schedule->count; i++) {
		size_t length = strlen(schedule_print(&schedule->windows[i], text)) + 2;
		bool is_full = column > 0 && column + length > PRINT_WIDTH;

		fprintf(out, "%s%s", i == 0 ? "" : is_full ? ",\n        " : ", ", text);
		column = is_full ? length : column + length;
	}
}

const struct conf_type conf_type_times = {
	.name = "hours",
	.explanation =
		"days, hours and a time zone, as in mon-fri 08:00-18:00 Europe/Paris, apart by commas; "
		"without days every day, without a zone the clock of this machine; or always",
	.continues = true,
	.parse = parse_times,
	.print = print_times,
	.choices = times_choices,
};
