/* import-xinetd.c - xinetd.conf and what it includes, file by file and section by section. It goes wrong
 * where xinetd goes wrong: braces stand alone on their lines; a line that is no attribute throws the whole
 * section away; and what is not understood between sections takes everything along up to the next line that
 * is just }. */
#include "import-xinetd.h"

#include "arena.h"
#include "base.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SKIPPED "xinetd does not read this line, see the reason above it"

bool xinetd_may_work(struct xinetd *xinetd, size_t steps)
{
	if (steps >= XINETD_WORK_MAX - xinetd->work) {
		xinetd->work = XINETD_WORK_MAX; /* for good */
		return false;
	}
	xinetd->work += (unsigned)steps;
	return true;
}

/* ---- lines ---- */

/* The next line that is neither empty nor a comment; a # further behind is part of the value. */
static char *next_line(struct import_lines *lines)
{
	for (;;) {
		char *line = import_next_line(lines), *at = line;

		if (line == NULL)
			return NULL;
		while (isspace((unsigned char)*at))
			at++;
		if (*at != '\0' && *at != '#')
			return at;
		import_tell(lines->import, import_here(lines), IMPORT_EXACT, "%s", "");
	}
}

static bool is_only(const char *line, char wanted)
{
	return line[0] == wanted && line[1 + strspn(line + 1, " \t\v\f\r")] == '\0';
}

/* All up to the end of a section, as xinetd does when it has not understood something. */
static void skip_section(struct import_lines *lines)
{
	char *line;

	while ((line = next_line(lines)) != NULL) {
		import_tell(lines->import, import_here(lines), IMPORT_EXACT, SKIPPED);
		if (is_only(line, '}'))
			return;
	}
}

static bool is_blank(char byte)
{
	return isspace((unsigned char)byte);
}

/* NAME BLANK OPERATOR VALUE... Returns NULL, or why this is no such line. */
static const char *split_line(struct import *import, char *text, struct xinetd_line *line)
{
	char *at = text, **words;

	while (*at != '\0' && *at != '=' && !is_blank(*at))
		at++;
	if (*at == '=')
		return "a blank is missing before the operator";
	line->name = text;
	if (*at != '\0')
		*at++ = '\0';
	while (is_blank(*at))
		at++;
	line->operator= * at == '+' ? XINETD_ADD : * at == '-' ? XINETD_REMOVE : XINETD_SET;
	at += line->operator!= XINETD_SET;
	if (*at != '=')
		return "there is no operator (=, += or -=) behind the name";
	words = import_split(import, at + 1, &line->count);
	line->words = (const char *const *)words;
	return words != NULL ? NULL : "there is no memory";
}

/* ---- sections ---- */

enum outcome { OUTCOME_WHOLE, OUTCOME_THROWN, OUTCOME_CUT };

/* Reads the lines of a section up to its }. */
static enum outcome read_section(struct xinetd *xinetd, struct import_lines *lines,
				 struct xinetd_section *section)
{
	char *text;

	while ((text = next_line(lines)) != NULL) {
		struct xinetd_line line = { .where = import_here(lines) };
		const char *wrong;

		if (is_only(text, '}')) {
			import_tell(xinetd->import, line.where, IMPORT_EXACT, "%s", "");
			return OUTCOME_WHOLE;
		}
		wrong = split_line(xinetd->import, text, &line);
		if (wrong == NULL) {
			xinetd_take_line(xinetd, section, &line);
		} else if (section->is_stopped) {
			import_tell(xinetd->import, line.where, IMPORT_EXACT,
				    "%s; xinetd does not see it behind disable = yes, and it is left out",
				    wrong);
		} else {
			import_tell(xinetd->import, line.where, IMPORT_EXACT,
				    "%s; xinetd throws the whole section away for that, and it is left out "
				    "here, too: mend "
				    "the line and import again",
				    wrong);
			return OUTCOME_THROWN;
		}
	}
	return OUTCOME_CUT;
}

static void add_service(struct xinetd *xinetd, struct import_lines *lines, const char *name,
			struct import_where where)
{
	struct xinetd_section *section = arena_alloc(import_arena(xinetd->import), sizeof(*section));
	enum outcome outcome;

	if (section == NULL || xinetd->section_count == XINETD_SECTIONS_MAX) {
		import_tell(xinetd->import, where, IMPORT_UNSUPPORTED,
			    "more than %d services are not imported at once; import the files one by one",
			    XINETD_SECTIONS_MAX);
		skip_section(lines);
		return;
	}
	section->name = import_keep(xinetd->import, name);
	section->where = where;
	xinetd_inherit(xinetd, section);
	outcome = read_section(xinetd, lines, section);
	if (outcome == OUTCOME_WHOLE) {
		*xinetd->last = section;
		xinetd->last = &section->next;
		xinetd->section_count++;
	} else if (outcome == OUTCOME_THROWN) {
		skip_section(lines);
	} else {
		import_tell(xinetd->import, where, IMPORT_EXACT,
			    "the section has no end, a line that is just }; xinetd throws it away, and it is "
			    "left out here, "
			    "too");
	}
}

static void read_defaults(struct xinetd *xinetd, struct import_lines *lines, struct import_where where,
			  bool *found)
{
	enum outcome outcome;

	if (*found) {
		import_tell(xinetd->import, where, IMPORT_EXACT,
			    "xinetd takes one defaults section of a file; this one is left out");
		skip_section(lines);
		return;
	}
	if (xinetd->defaults.where.path == NULL)
		xinetd->defaults.where = where;
	outcome = read_section(xinetd, lines, &xinetd->defaults);
	*found = outcome == OUTCOME_WHOLE;
	if (outcome == OUTCOME_CUT)
		import_tell(xinetd->import, where, IMPORT_EXACT,
			    "the section has no end, a line that is just }");
}

/* The line behind a head must be { and nothing else. */
static bool begins(struct xinetd *xinetd, struct import_lines *lines, struct import_where where)
{
	char *line = next_line(lines);

	if (line != NULL && is_only(line, '{')) {
		import_tell(xinetd->import, import_here(lines), IMPORT_EXACT, "%s", "");
		return true;
	}
	import_tell(xinetd->import, where, IMPORT_EXACT,
		    "no line that is just { follows; xinetd skips the section, and it is left out here, too: "
		    "put the { "
		    "alone on a line and import again");
	if (line != NULL)
		import_tell(xinetd->import, import_here(lines), IMPORT_EXACT, SKIPPED);
	skip_section(lines);
	return false;
}

/* ---- files ---- */

static int read_file(struct xinetd *xinetd, const char *path);

/* A path as it is written, or beside the file that names it. */
static const char *resolve(struct xinetd *xinetd, struct import_where where, const char *path)
{
	const char *slash = strrchr(where.path, '/');

	if (path[0] == '/')
		return import_keep(xinetd->import, path);
	import_tell(
		xinetd->import, where, IMPORT_APPROXIMATED,
		"the path begins at the folder of this file; in xinetd it begins where xinetd was started");
	return import_printf(xinetd->import, "%.*s%s", slash != NULL ? (int)(slash - where.path) + 1 : 0,
			     where.path, path);
}

static void include_file(struct xinetd *xinetd, struct import_where where, const char *path)
{
	int r;

	if (xinetd->depth == XINETD_DEPTH_MAX || xinetd->file_count == XINETD_FILES_MAX) {
		import_tell(xinetd->import, where, IMPORT_UNSUPPORTED,
			    "%s is not read: files include each other too often, or there are too many",
			    path);
		return;
	}
	xinetd->file_count++;
	r = read_file(xinetd, path);
	if (r < 0)
		import_tell(xinetd->import, where, IMPORT_UNSUPPORTED,
			    "%s cannot be read (%s); xinetd goes on without it, and so does the import", path,
			    strerror(-r));
}

static int is_wanted(const struct dirent *entry)
{
	const char *name = entry->d_name;

	return strchr(name, '.') == NULL && name[0] != '\0' && name[strlen(name) - 1] != '~';
}

static int by_bytes(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static void include_folder(struct xinetd *xinetd, struct import_where where, const char *path)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, is_wanted, by_bytes);

	if (count < 0)
		import_tell(xinetd->import, where, IMPORT_UNSUPPORTED,
			    "%s cannot be read (%s); xinetd goes on without it, and so does the import", path,
			    strerror(errno));
	for (int i = 0; i < count; i++) {
		const char *file = import_printf(xinetd->import, "%s/%s", path, entries[i]->d_name);
		struct stat about;

		if (stat(file, &about) < 0 || S_ISREG(about.st_mode))
			include_file(xinetd, where, file);
		free(entries[i]);
	}
	free(entries);
}

static void include(struct xinetd *xinetd, struct import_where where, const char *word, const char *path)
{
	if (!xinetd->follows) {
		import_tell(xinetd->import, where, IMPORT_UNSUPPORTED,
			    "other files cannot be included here; import %s by itself", path);
		return;
	}
	import_tell(xinetd->import, where, IMPORT_EXACT, "%s", "");
	path = resolve(xinetd, where, path);
	if (strcmp(word, "include") == 0)
		include_file(xinetd, where, path);
	else
		include_folder(xinetd, where, path);
}

/* A line between sections. */
static void read_head(struct xinetd *xinetd, struct import_lines *lines, char *line, bool *found_defaults)
{
	struct import_where where = import_here(lines);
	char *end, *word = strtok_r(line, " \t\v\f\r", &end), *name = strtok_r(NULL, " \t\v\f\r", &end);
	bool includes = strcmp(word, "include") == 0 || strcmp(word, "includedir") == 0;

	if (strcmp(word, "defaults") != 0 && strcmp(word, "service") != 0 && !includes) {
		import_tell(xinetd->import, where, IMPORT_EXACT,
			    "here should be service, defaults, include or includedir; xinetd skips all up to "
			    "the next line "
			    "that is just }, and so does the import: mend it and import again");
		skip_section(lines);
		return;
	}
	if (strcmp(word, "defaults") != 0 && name == NULL) {
		import_tell(xinetd->import, where, IMPORT_EXACT,
			    "a name is missing; xinetd skips all up to the next line that is just }, and so "
			    "does the import");
		skip_section(lines);
		return;
	}
	if (includes) {
		include(xinetd, where, word, name);
		return;
	}
	import_tell(xinetd->import, where, IMPORT_EXACT, "%s", "");
	if (!begins(xinetd, lines, where))
		return;
	if (strcmp(word, "service") == 0)
		add_service(xinetd, lines, name, where);
	else
		read_defaults(xinetd, lines, where, found_defaults);
}

static void read_text(struct xinetd *xinetd, const char *path, const char *text, size_t length)
{
	struct import_lines lines = { .import = xinetd->import, .path = path, .at = text, .left = length };
	bool found_defaults = false;
	char *line;

	while ((line = next_line(&lines)) != NULL)
		read_head(xinetd, &lines, line, &found_defaults);
	import_count_lines(xinetd->import, path, lines.number);
}

static int read_file(struct xinetd *xinetd, const char *path)
{
	const char *text;
	size_t length;
	int r = import_read(xinetd->import, path, &text, &length);

	if (r < 0)
		return r;
	if (length > XINETD_BYTES_MAX - xinetd->byte_count)
		return -EFBIG;
	xinetd->byte_count += length;
	xinetd->depth++;
	read_text(xinetd, path, text, length);
	xinetd->depth--;
	return 0;
}

static struct xinetd *begin(struct import *import, bool follows)
{
	struct xinetd *xinetd = arena_alloc(import_arena(import), sizeof(*xinetd));

	if (xinetd == NULL)
		return NULL;
	*xinetd = (struct xinetd){ .import = import, .follows = follows };
	xinetd->defaults.name = "";
	xinetd->defaults.is_defaults = true;
	xinetd->last = &xinetd->first;
	return xinetd;
}

void import_xinetd_text(struct import *import, const char *path, const char *text, size_t length)
{
	struct xinetd *xinetd = begin(import, false);

	if (xinetd == NULL)
		return;
	read_text(xinetd, import_keep(import, path), text, length);
	xinetd_finish(xinetd);
}

int import_xinetd(struct import *import, const char *path)
{
	struct xinetd *xinetd = begin(import, true);
	int r = xinetd != NULL ? read_file(xinetd, import_keep(import, path)) : -ENOMEM;

	if (r == 0)
		xinetd_finish(xinetd);
	return r;
}
