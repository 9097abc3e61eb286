/* words.c - splits a command into words, once, when it is loaded. What only a
 * shell could do is refused rather than handed to the program as text: the
 * person who wrote `a | b` or `$HOME` expects something that would not happen. */
#include "words.h"

#include "arena.h"
#include "base.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

struct splitter {
	const char *at; /* what is still to be read */
	char *out;	/* where the next byte of a word goes */
	char *reason;
	size_t size;
};

static _printf_(2, 3) int refuse(const struct splitter *splitter, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(splitter->reason, splitter->size, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int refuse_operator(const struct splitter *splitter, const char *what)
{
	return refuse(splitter,
		      "no shell runs this command, so '%s' has no meaning; quote it, or write exec = /bin/sh "
		      "-c '...'",
		      what);
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n';
}

/* Whether a shell would put something else in place of the $ or ` at `text`. */
static bool is_expansion(const char *text)
{
	if (*text == '`')
		return true;
	return *text == '$' && text[1] != '\0' &&
	       (isalnum((unsigned char)text[1]) || strchr("_{(@*#?$!-'\"", text[1]) != NULL);
}

static int refuse_expansion(const struct splitter *splitter, const char *text)
{
	char what[34] = { *text };
	size_t length = 1;

	if (*text == '`')
		return refuse_operator(splitter, what);
	while (length + 1 < sizeof(what) && (isalnum((unsigned char)text[length]) || text[length] == '_'))
		length++;
	if (length == 1 && isgraph((unsigned char)text[1]))
		length++;
	memcpy(what, text, length);
	return refuse_operator(splitter, what);
}

static int take_single_quoted(struct splitter *splitter)
{
	const char *end = strchr(splitter->at, '\'');
	size_t length;

	if (end == NULL)
		return refuse(splitter, "the closing ' is missing");
	length = (size_t)(end - splitter->at);
	memcpy(splitter->out, splitter->at, length);
	splitter->out += length;
	splitter->at = end + 1;
	return 0;
}

static int take_double_quoted(struct splitter *splitter)
{
	for (; *splitter->at != '"'; splitter->at++) {
		if (*splitter->at == '\0')
			return refuse(splitter, "the closing \" is missing");
		/* in double quotes a shell expands $" and $' to themselves */
		if (is_expansion(splitter->at) && splitter->at[1] != '"' && splitter->at[1] != '\'')
			return refuse_expansion(splitter, splitter->at);
		if (*splitter->at == '\\' && splitter->at[1] == '\n') {
			splitter->at++;
			continue;
		}
		if (*splitter->at == '\\' && splitter->at[1] != '\0' &&
		    strchr("\\\"$`", splitter->at[1]) != NULL)
			splitter->at++;
		*splitter->out++ = *splitter->at;
	}
	splitter->at++;
	return 0;
}

/* One byte outside quotes, or the byte that a backslash protects. */
static int take_plain(struct splitter *splitter)
{
	char byte = *splitter->at;

	if (strchr("|&;<>()", byte) != NULL) {
		const char operator[2] = { byte };

		return refuse_operator(splitter, operator);
	}
	if (is_expansion(splitter->at))
		return refuse_expansion(splitter, splitter->at);
	if (byte == '\\') {
		byte = *++splitter->at;
		if (byte == '\0')
			return refuse(
				splitter,
				"a backslash ends the command and protects nothing; write \\\\ for one");
	}
	*splitter->out++ = byte;
	splitter->at++;
	return 0;
}

/* Skips what a shell does not see: blanks, and a line that goes on. */
static void skip_blanks(struct splitter *splitter)
{
	for (;;) {
		if (is_blank(*splitter->at))
			splitter->at++;
		else if (splitter->at[0] == '\\' && splitter->at[1] == '\n')
			splitter->at += 2;
		else
			return;
	}
}

/* Reads one word, of which the first byte is there. */
static int take_word(struct splitter *splitter)
{
	int error = 0;

	while (error == 0 && *splitter->at != '\0' && !is_blank(*splitter->at)) {
		if (*splitter->at == '\'') {
			splitter->at++;
			error = take_single_quoted(splitter);
		} else if (*splitter->at == '"') {
			splitter->at++;
			error = take_double_quoted(splitter);
		} else if (splitter->at[0] == '\\' && splitter->at[1] == '\n') {
			splitter->at += 2;
		} else {
			error = take_plain(splitter);
		}
	}
	*splitter->out++ = '\0';
	return error;
}

int words_split(const char *text, struct arena *arena, char ***ret_words, size_t *ret_count, char *reason,
		size_t size)
{
	/* each word but the last is followed by a blank, which pays for its NUL */
	char *bytes = arena_alloc(arena, strlen(text) + 1);
	struct splitter splitter = { .at = text, .out = bytes, .reason = reason, .size = size };
	size_t count = 0;
	char **words;

	if (bytes == NULL)
		return -ENOMEM;
	for (skip_blanks(&splitter); *splitter.at != '\0'; skip_blanks(&splitter)) {
		int error = take_word(&splitter);

		if (error != 0)
			return error;
		count++;
	}
	if (count == 0)
		return refuse(&splitter, "the command is empty; write a program and its arguments");
	words = arena_alloc(arena, (count + 1) * sizeof(*words));
	if (words == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		words[i] = bytes;
		bytes += strlen(bytes) + 1;
	}
	*ret_words = words;
	*ret_count = count;
	return 0;
}
