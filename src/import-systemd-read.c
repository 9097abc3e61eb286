/* import-systemd-read.c - the lines of unit files, as systemd.syntax(7) has them: sections, assignments, comments, and
 * lines that a backslash joins with the next, comments between them left out. */
#include "import-systemd.h"

#include "arena.h"
#include "import-internal.h"

#include <string.h>

static const char blanks[] = " \t\r\n";

struct reader {
	struct unit *unit;
	struct import_lines lines;
	unsigned sections; /* that mean something in this file */
	unsigned section;  /* 0: one that means nothing */
	bool is_foreign;   /* the section is one that systemd leaves to others */
	char *joined;      /* room for all that is joined; or NULL: nothing was yet */
	size_t used;
};

/* Cuts off blanks at the end; returns where the text begins. */
static char *strip(char *text)
{
	size_t length;

	text += strspn(text, blanks);
	for (length = strlen(text); length > 0 && strchr(blanks, text[length - 1]) != NULL; length--)
		text[length - 1] = '\0';
	return text;
}

static bool is_comment(const char *line)
{
	line += strspn(line, blanks);
	return *line == '#' || *line == ';';
}

/* Whether the line goes on: its last byte is a backslash that nothing protects. */
static bool goes_on(const char *line)
{
	bool escaped = false;

	for (; *line != '\0'; line++)
		escaped = *line == '\\' && !escaped;
	return escaped;
}

static void take_section(struct reader *reader, const char *line)
{
	static const struct {
		const char *name;
		unsigned section;
	} known[] = { { "[Unit]", UNIT_UNIT },
		      { "[Socket]", UNIT_SOCKET },
		      { "[Service]", UNIT_SERVICE },
		      { "[Install]", UNIT_INSTALL } };
	struct import_where where = import_here(&reader->lines);

	reader->section = 0;
	reader->is_foreign = strncmp(line, "[X-", 3) == 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(line, known[i].name) == 0)
			reader->section = known[i].section & reader->sections;
	if (reader->section != 0)
		import_tell(reader->unit->import, where, IMPORT_EXACT, "%s", "");
	else if (reader->is_foreign)
		import_tell(reader->unit->import, where, IMPORT_EXACT, "systemd leaves this section to others, too");
	else
		import_tell(reader->unit->import, where, IMPORT_UNSUPPORTED,
			    "systemd knows no such section in this unit; look whether it is misspelt");
}

static void tell_lines(struct reader *reader, unsigned first, enum import_class class, const char *text)
{
	struct import_where where = { reader->lines.path, first };

	for (; where.line <= reader->lines.number; where.line++)
		import_tell(reader->unit->import, where, class, "%s", text);
}

static void add_setting(struct reader *reader, const char *key, const char *value, unsigned first)
{
	struct unit_setting *setting = import_take(reader->unit->import, sizeof(*setting));

	if (setting == NULL)
		return;
	*setting = (struct unit_setting){
		.section = reader->section,
		.of_service = (reader->sections & UNIT_SERVICE) != 0,
		.row = unit_find_key(key, reader->section),
		.key = key,
		.value = value,
		.where = { reader->lines.path, first },
		.last_line = reader->lines.number,
	};
	*reader->unit->last = setting;
	reader->unit->last = &setting->next;
}

/* An assignment or the head of a section, in one piece. */
static void take_line(struct reader *reader, char *text, unsigned first)
{
	char *line = strip(text), *equals = strchr(line, '=');

	if (line[0] == '\0')
		tell_lines(reader, first, IMPORT_EXACT, "");
	else if (line[0] == '[')
		take_section(reader, line);
	else if (reader->is_foreign)
		tell_lines(reader, first, IMPORT_EXACT, "systemd leaves this section to others, too");
	else if (reader->section == 0)
		tell_lines(reader, first, IMPORT_UNSUPPORTED,
			   "it stands in no section that systemd reads in this unit, and is ignored there, too");
	else if (equals == NULL)
		tell_lines(reader, first, IMPORT_UNSUPPORTED,
			   "systemd ignores a line without an equals sign; look what was meant");
	else {
		*equals = '\0';
		add_setting(reader, strip(line), strip(equals + 1), first);
	}
}

/* Room for what is joined: each byte of the text once at most, as the line feed pays for the NUL. */
static char *reach_joined(struct reader *reader)
{
	if (reader->joined == NULL) {
		reader->joined = import_take(reader->unit->import, reader->used);
		reader->used = 0;
	}
	return reader->joined;
}

/* Joins a line that goes on with those after it. */
static char *join(struct reader *reader, char *line)
{
	char *joined = reach_joined(reader), *text = joined != NULL ? joined + reader->used : NULL;

	if (text == NULL)
		return NULL;
	for (;;) {
		size_t length = strlen(line);
		bool more = goes_on(line);

		memcpy(joined + reader->used, line, length);
		reader->used += length;
		if (more)
			joined[reader->used - 1] = ' ';
		while (more && (line = import_next_line(&reader->lines)) != NULL && is_comment(line))
			import_tell(reader->unit->import, import_here(&reader->lines), IMPORT_EXACT, "%s", "");
		if (!more || line == NULL)
			break;
	}
	joined[reader->used++] = '\0';
	return text;
}

void unit_read(struct unit *unit, const char *path, const char *text, size_t length, unsigned sections)
{
	struct reader reader = {
		.unit = unit,
		.lines = { .import = unit->import, .path = path, .at = text, .left = length },
		.sections = sections,
		.used = length + 2,
	};
	char *line;

	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a mark of UTF-8, which systemd skips, too */
		reader.lines.at += 3;
		reader.lines.left -= 3;
	}
	while (reader.lines.number < IMPORT_LINES_MAX && (line = import_next_line(&reader.lines)) != NULL) {
		unsigned first = reader.lines.number;

		if (is_comment(line)) {
			import_tell(unit->import, import_here(&reader.lines), IMPORT_EXACT, "%s", "");
			continue;
		}
		if (goes_on(line))
			line = join(&reader, line);
		if (line != NULL)
			take_line(&reader, line, first);
	}
	import_count_lines(unit->import, path, reader.lines.number);
}

/* ---- what counts in the end ---- */

void unit_mark_replaced(struct unit *unit)
{
	static const char *const texts[] = { "a later line replaces it", "a later empty line takes it back" };
	size_t key_count, count = 0;
	const struct unit_key *keys = unit_keys(&key_count);
	struct unit_setting **all;
	unsigned char *seen = import_take(unit->import, key_count);

	for (struct unit_setting *at = unit->first; at != NULL; at = at->next)
		count++;
	all = import_take(unit->import, (count + 1) * sizeof(struct unit_setting *));
	if (all == NULL || seen == NULL)
		return;
	count = 0;
	for (struct unit_setting *at = unit->first; at != NULL; at = at->next)
		all[count++] = at;
	while (count-- > 0) {
		struct unit_setting *setting = all[count];
		size_t row = setting->row != NULL ? (size_t)(setting->row - keys) : 0;
		bool is_whole = setting->row != NULL && setting->row->name[strlen(setting->row->name) - 1] != '*';

		if (!is_whole)
			continue;
		unsigned char bit = (unsigned char)(setting->section << (setting->of_service ? 4 : 0));

		if ((seen[row] & bit) != 0) {
			setting->replaced = true;
			unit_say(unit, setting, IMPORT_EXACT, "%s", texts[setting->row->is_list]);
		}
		if (!setting->row->is_list || setting->value[0] == '\0')
			seen[row] |= bit;
	}
}

void unit_tell_continued(struct unit *unit)
{
	for (struct unit_setting *setting = unit->first; setting != NULL; setting = setting->next)
		for (struct import_where where = { setting->where.path, setting->where.line + 1 };
		     where.line <= setting->last_line; where.line++)
			import_tell(unit->import, where, setting->worst, "%s", "");
}
