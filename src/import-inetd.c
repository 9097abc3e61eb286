/* import-inetd.c - inetd.conf in the dialects of the systems that have one: files, comments, and what stands
 * between the entries. */
#include "import-inetd.h"

#include "arena.h"
#include "base.h"

#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#define COMMENTED "#<off># " /* how update-inetd(8) of Debian switches an entry off */

bool inetd_is_in(const struct inetd *inetd, unsigned dialects)
{
	return (dialects & INETD_IN(inetd->dialect)) != 0;
}

/* ---- telling ---- */

void inetd_tell(struct inetd_entry *entry, enum import_class class, const char *format, ...)
{
	const char *text;
	va_list arguments;

	va_start(arguments, format);
	text = import_vprintf(entry->inetd->import, format, arguments);
	va_end(arguments);
	if (entry->worst < class)
		entry->worst = class;
	import_tell(entry->inetd->import, entry->where, class, "%s", text);
}

bool inetd_leave_out(struct inetd_entry *entry, enum import_class class, const char *why)
{
	inetd_tell(entry, class, "%s", why);
	return false;
}

void inetd_switch_off(struct inetd_entry *entry, enum import_class class, const char *why)
{
	inetd_tell(entry, class, "%s", why);
	import_set(entry->section, "disable", "yes");
}

/* Lines with nothing in them. */
static void tell_blank(const struct inetd_reader *reader, unsigned first, unsigned end)
{
	struct import_where where = { .path = reader->lines.path };

	for (where.line = first; where.line < end; where.line++)
		import_tell(reader->inetd->import, where, IMPORT_EXACT, "%s", "");
}

/* ---- .include ---- */

static int read_file(struct inetd *inetd, const char *path);

static void include_file(struct inetd *inetd, struct import_where where, const char *path)
{
	const char *hosts = inetd->hosts;
	bool is_guarded = inetd->is_guarded;
	int r;

	if (inetd->file->depth == INETD_DEPTH_MAX || inetd->file_count == INETD_FILES_MAX) {
		import_tell(inetd->import, where, IMPORT_UNSUPPORTED,
			    "%s is not read: files include each other too deeply, or there are too many",
			    path);
		return;
	}
	inetd->file_count++;
	r = read_file(inetd, import_keep(inetd->import, path));
	inetd->hosts = hosts;
	inetd->is_guarded = is_guarded;
	if (r == -ELOOP)
		import_tell(inetd->import, where, IMPORT_EXACT, "%s includes itself, and is not read again",
			    path);
	else if (r < 0)
		import_tell(inetd->import, where, IMPORT_UNSUPPORTED,
			    "%s cannot be read (%s); inetd goes on without it, and so does the import", path,
			    strerror(-r));
}

/* A pattern as it is written, or beside the file that has it. */
static void include(struct inetd *inetd, struct import_where where, const char *pattern)
{
	const char *slash = strrchr(where.path, '/');
	glob_t found = { 0 };

	if (pattern == NULL) {
		import_tell(
			inetd->import, where, IMPORT_UNSUPPORTED,
			"a pattern is missing; inetd reads no further than here: mend it and import again");
		return;
	}
	if (!inetd->follows) {
		import_tell(inetd->import, where, IMPORT_UNSUPPORTED,
			    "other files cannot be included here; import %s by itself", pattern);
		return;
	}
	import_tell(inetd->import, where, IMPORT_EXACT, "%s", "");
	if (pattern[0] != '/' && slash != NULL)
		pattern = import_printf(inetd->import, "%.*s%s", (int)(slash - where.path) + 1, where.path,
					pattern);
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			include_file(inetd, where, found.gl_pathv[i]);
	else
		import_tell(inetd->import, where, IMPORT_EXACT, "there is no file of that name here");
	globfree(&found);
}

/* ---- between the entries ---- */

/* #@: all entries below are for clients under an IPsec policy. */
static void take_policy(struct inetd_reader *reader, const char *policy)
{
	struct inetd *inetd = reader->inetd;
	struct import_where where = import_here(&reader->lines);

	inetd->is_guarded = policy[strspn(policy, " \t")] != '\0';
	if (inetd->is_guarded)
		import_tell(inetd->import, where, IMPORT_UNSUPPORTED,
			    "IPsec policies are not set here: the services below are switched off; guard "
			    "their ports with ip-xfrm(8) or a firewall, then switch them on");
	else
		import_tell(inetd->import, where, IMPORT_EXACT, "%s", "");
}

/* A line that begins with #. */
static void read_comment(struct inetd_reader *reader)
{
	struct inetd *inetd = reader->inetd;
	char *line = reader->at;

	reader->at += strlen(line);
	if (line[1] == '@' && inetd_is_in(inetd, INETD_IN(IMPORT_FREEBSD) | INETD_IN(IMPORT_NETBSD))) {
		take_policy(reader, line + 2);
	} else if (strncmp(line, COMMENTED, strlen(COMMENTED)) == 0 && inetd_is_in(inetd, INETD_LINUX)) {
		const char *word;

		reader->at = line + strlen(COMMENTED);
		reader->is_single = true;
		word = inetd_next_word(reader);
		if (word != NULL)
			inetd_read_entry(reader, word, true);
		else
			tell_blank(reader, reader->lines.number, reader->lines.number + 1);
		reader->is_single = false;
	} else {
		tell_blank(reader, reader->lines.number, reader->lines.number + 1);
	}
}

/* What begins at this place, up to its end: mostly one line. */
static void read_line(struct inetd_reader *reader)
{
	struct inetd *inetd = reader->inetd;
	unsigned first = reader->lines.number;
	const char *word;

	if (reader->at[0] == '#') {
		read_comment(reader);
		return;
	}
	word = inetd_next_word(reader);
	tell_blank(reader, first, reader->lines.number + (word == NULL));
	if (word == NULL)
		return;
	if (word[0] != '.' || inetd->dialect != IMPORT_NETBSD) {
		inetd_read_entry(reader, word, false);
		return;
	}
	if (strcmp(word, ".include") == 0) {
		struct import_where where = import_here(&reader->lines);
		const char *pattern = inetd_next_word(reader);

		tell_blank(reader, where.line + 1, reader->lines.number + 1);
		include(inetd, where, pattern);
	} else {
		import_tell(inetd->import, import_here(&reader->lines), IMPORT_UNSUPPORTED,
			    "inetd knows no directive '%.40s', and skips the line", word);
	}
	reader->at += strlen(reader->at);
}

/* ---- files ---- */

static void read_text(struct inetd *inetd, const char *path, const char *text, size_t length)
{
	struct inetd_reader reader = {
		.inetd = inetd,
		.lines = { .import = inetd->import, .path = path, .at = text, .left = length },
	};

	while (inetd_next_line(&reader))
		do
			read_line(&reader);
		while (reader.at[0] != '\0');
	import_count_lines(inetd->import, path, reader.lines.number);
}

static int read_file(struct inetd *inetd, const char *path)
{
	const struct inetd_file *below = inetd->file;
	struct inetd_file file = { .below = below, .depth = below != NULL ? below->depth + 1 : 0 };
	struct stat about;
	const char *text;
	size_t length;
	int r;

	if (stat(path, &about) < 0)
		return -errno;
	file.device = about.st_dev;
	file.inode = about.st_ino;
	for (const struct inetd_file *at = below; at != NULL; at = at->below)
		if (at->device == file.device && at->inode == file.inode)
			return -ELOOP;
	r = import_read(inetd->import, path, &text, &length);
	if (r < 0)
		return r;
	if (length > INETD_BYTES_MAX - inetd->byte_count)
		return -EFBIG;
	inetd->byte_count += length;
	inetd->file = &file;
	read_text(inetd, path, text, length);
	inetd->file = below;
	return 0;
}

void import_inetd_text(struct import *import, const char *path, const char *text, size_t length,
		       enum import_dialect dialect)
{
	struct inetd inetd = { .import = import, .dialect = dialect, .hosts = "*" };

	inetd_remember_places(&inetd);
	read_text(&inetd, import_keep(import, path), text, length);
}

int import_inetd(struct import *import, const char *path, enum import_dialect dialect)
{
	struct inetd inetd = { .import = import, .dialect = dialect, .hosts = "*", .follows = true };

	inetd_remember_places(&inetd);
	return read_file(&inetd, import_keep(import, path));
}
