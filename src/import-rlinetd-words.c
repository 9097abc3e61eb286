/* import-rlinetd-words.c - rlinetd.conf as words, strings and statements. */
#include "import-rlinetd.h"

#include "arena.h"
#include "base.h"

#include <ctype.h>
#include <string.h>

static void tell_line(struct rlinetd_reader *reader)
{
	import_tell(reader->import, (struct import_where){ .path = reader->path, .line = reader->line },
		    IMPORT_EXACT, "%s", "");
}

/* Blanks and comments; each line that was passed is told. */
static void skip_blanks(struct rlinetd_reader *reader)
{
	for (; reader->at < reader->end; reader->at++) {
		if (*reader->at == '#') {
			const char *stop = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));

			reader->at = stop != NULL ? stop : reader->end;
		}
		if (reader->at == reader->end || strchr(" \t\r\n\v\f", *reader->at) == NULL ||
		    *reader->at == '\0')
			return;
		if (*reader->at == '\n') {
			tell_line(reader);
			reader->line++;
		}
	}
}

/* Up to the closing quote; the letters behind a backslash are those of C. */
static enum rlinetd_token read_string(struct rlinetd_reader *reader)
{
	const char *close = reader->at + 1;
	char *text, *out;

	while (close < reader->end && *close != '"' && *close != '\n' && *close != '\0')
		close += *close == '\\' && close + 1 < reader->end && close[1] != '\n' ? 2 : 1;
	if (close >= reader->end || *close != '"')
		return RLINETD_WRONG;
	text = out = arena_alloc(import_arena(reader->import), (size_t)(close - reader->at));
	if (text == NULL)
		return RLINETD_WRONG;
	for (const char *at = reader->at + 1; at < close; at++) {
		bool escaped = *at == '\\';

		at += escaped;
		*out++ = escaped && *at == 'n' ? '\n' :
			 escaped && *at == 't' ? '\t' :
			 escaped && *at == 'r' ? '\r' :
						 *at;
	}
	*out = '\0';
	reader->text = text;
	reader->at = close + 1;
	return RLINETD_STRING;
}

static enum rlinetd_token read_word(struct rlinetd_reader *reader)
{
	const char *begin = reader->at;
	char *text;

	while (reader->at < reader->end && (isalnum((unsigned char)*reader->at) ||
					    (*reader->at != '\0' && strchr("-_.:/*", *reader->at) != NULL)))
		reader->at++;
	if (reader->at == begin)
		return RLINETD_WRONG;
	text = arena_alloc(import_arena(reader->import), (size_t)(reader->at - begin) + 1);
	if (text == NULL)
		return RLINETD_WRONG;
	memcpy(text, begin, (size_t)(reader->at - begin));
	text[reader->at - begin] = '\0';
	reader->text = text;
	return RLINETD_WORD;
}

void rlinetd_advance(struct rlinetd_reader *reader)
{
	static const char marks[] = "{},;";
	static const enum rlinetd_token tokens[] = { RLINETD_OPEN, RLINETD_CLOSE, RLINETD_COMMA,
						     RLINETD_STOP };
	const char *mark;

	if (reader->token == RLINETD_WRONG)
		return;
	skip_blanks(reader);
	reader->token_line = reader->line;
	reader->text = "";
	if (reader->at == reader->end) {
		reader->token = RLINETD_END;
		return;
	}
	tell_line(reader);
	mark = *reader->at != '\0' ? strchr(marks, *reader->at) : NULL;
	if (mark != NULL)
		reader->at++;
	reader->token = mark != NULL       ? tokens[mark - marks] :
			*reader->at == '"' ? read_string(reader) :
					     read_word(reader);
}

/* The statements of a block. Its closing brace is passed. */
static bool read_block(struct rlinetd_reader *reader, struct rlinetd_statement *owner, unsigned depth)
{
	struct rlinetd_statement *last = NULL, *statement;

	rlinetd_advance(reader);
	while ((statement = rlinetd_read_statement(reader, depth + 1)) != NULL) {
		if (last == NULL)
			owner->block = statement;
		else
			last->next = statement;
		last = statement;
	}
	if (reader->token != RLINETD_CLOSE) {
		reader->token = RLINETD_WRONG;
		return false;
	}
	rlinetd_advance(reader);
	return true;
}

struct rlinetd_statement *rlinetd_read_statement(struct rlinetd_reader *reader, unsigned depth)
{
	struct rlinetd_statement *statement;

	while (reader->token == RLINETD_STOP)
		rlinetd_advance(reader);
	if (reader->token != RLINETD_WORD || depth > RLINETD_DEPTH_MAX ||
	    ++reader->statements > RLINETD_READ_MAX)
		return NULL;
	statement = arena_alloc(import_arena(reader->import), sizeof(*statement));
	if (statement == NULL)
		return NULL;
	*statement =
		(struct rlinetd_statement){ .where = { .path = reader->path, .line = reader->token_line },
					    .name = reader->text };
	rlinetd_advance(reader);
	while (reader->token == RLINETD_WORD || reader->token == RLINETD_STRING ||
	       reader->token == RLINETD_COMMA) {
		if (reader->token != RLINETD_COMMA && statement->count < RLINETD_ARGUMENTS_MAX)
			statement->arguments[statement->count++] = reader->text;
		rlinetd_advance(reader);
	}
	if (reader->token == RLINETD_OPEN) {
		statement->has_block = true;
		return read_block(reader, statement, depth) ? statement : NULL;
	}
	if (reader->token != RLINETD_STOP) {
		reader->token = RLINETD_WRONG;
		return NULL;
	}
	rlinetd_advance(reader);
	return statement;
}

const char *rlinetd_argument(const struct rlinetd_statement *statement, size_t place)
{
	return statement != NULL && place < statement->count ? statement->arguments[place] : "";
}
