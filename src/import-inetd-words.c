/* import-inetd-words.c - the words of an inetd.conf: each system has quotes of its own, and lines that begin
 * with a blank go on with the entry before, but not in the inetd of GNU. */
#include "import-inetd.h"

#include "base.h"

#include <string.h>

#define BLANKS " \t"

size_t inetd_line_max(enum import_dialect dialect)
{
	static const size_t most[IMPORT_DIALECTS] = {
		[IMPORT_DEBIAN] = 1023, [IMPORT_OPENBSD] = 1023, [IMPORT_FREEBSD] = 2047,
		[IMPORT_NETBSD] = 2047, [IMPORT_GNU] = 0,        [IMPORT_BUSYBOX] = 255,
	};

	return most[dialect];
}

bool inetd_next_line(struct inetd_reader *reader)
{
	static char nothing[] = "";
	size_t most = inetd_line_max(reader->inetd->dialect);

	reader->at = import_next_line(&reader->lines);
	if (reader->at == NULL) {
		reader->at = nothing;
		return false;
	}
	if (most > 0 && reader->at[0] != '#' && strlen(reader->at) > most)
		import_tell(reader->inetd->import, import_here(&reader->lines), IMPORT_CHANGED,
			    "the line is read whole; inetd breaks it at %zu bytes, and reads the rest as "
			    "another line",
			    most);
	return true;
}

/* Whether the next line goes on with this one. */
static bool goes_on(const struct inetd_reader *reader)
{
	return reader->inetd->dialect != IMPORT_GNU && !reader->is_single && reader->lines.left > 0 &&
	       strchr(BLANKS, reader->lines.at[0]) != NULL && reader->lines.at[0] != '\0';
}

static char *take_plain(struct inetd_reader *reader)
{
	char *word = reader->at;

	reader->at += strcspn(reader->at, BLANKS);
	if (*reader->at != '\0')
		*reader->at++ = '\0';
	return word;
}

/* FreeBSD: a quote at the beginning of a word, up to the next one. */
static char *take_quoted(struct inetd_reader *reader)
{
	char quote = *reader->at, *word = reader->at + 1;

	if (quote != '"' && quote != '\'')
		return take_plain(reader);
	reader->at = word + strcspn(word, quote == '"' ? "\"" : "'");
	if (*reader->at != '\0')
		*reader->at++ = '\0';
	return word;
}

/* NetBSD: quotes anywhere, as in a shell; nothing escapes. */
static char *take_shell(struct inetd_reader *reader)
{
	char *word = reader->at, *to = word, quote = '\0';

	for (; *reader->at != '\0' && (quote != '\0' || strchr(BLANKS, *reader->at) == NULL); reader->at++) {
		if (*reader->at == quote)
			quote = '\0';
		else if (quote == '\0' && (*reader->at == '"' || *reader->at == '\''))
			quote = *reader->at;
		else
			*to++ = *reader->at;
	}
	if (*reader->at != '\0')
		reader->at++;
	*to = '\0';
	return word;
}

/* GNU: quotes at the beginning of a word; a " in a word begins another one. What is not closed is no quote,
 * and goes on to the end of the line. */
static const char *take_gnu(struct inetd_reader *reader)
{
	char quote = *reader->at, *word = reader->at, *end;

	if (quote == '"' || quote == '\'') {
		end = strchr(word + 1, quote);
		reader->at = end != NULL ? end + 1 : word + strlen(word);
		return end == NULL ?
			       word :
			       import_printf(reader->inetd->import, "%.*s", (int)(end - word - 1), word + 1);
	}
	reader->at += strcspn(reader->at, BLANKS "\"");
	return import_printf(reader->inetd->import, "%.*s", (int)(reader->at - word), word);
}

const char *inetd_next_word(struct inetd_reader *reader)
{
	for (;;) {
		reader->at += strspn(reader->at, BLANKS);
		if (*reader->at != '\0')
			break;
		if (!goes_on(reader) || !inetd_next_line(reader))
			return NULL;
	}
	switch (reader->inetd->dialect) {
	case IMPORT_FREEBSD:
		return take_quoted(reader);
	case IMPORT_NETBSD:
		return take_shell(reader);
	case IMPORT_GNU:
		return take_gnu(reader);
	case IMPORT_DEBIAN:
	case IMPORT_OPENBSD:
	case IMPORT_BUSYBOX:
	case IMPORT_DIALECTS:
		break;
	}
	return take_plain(reader);
}
