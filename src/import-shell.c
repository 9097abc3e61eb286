/* import-shell.c - see import-shell.h. Nothing is expanded and nothing is run; a line that asks for that is told. */
#include "import-shell.h"

#include "arena.h"
#include "base.h"

#include <ctype.h>
#include <string.h>

#define JOINED_MAX 65536 /* bytes of a command over all its lines */

struct splitter {
	struct import *import;
	struct shell_command *command;
	const char *at;
	char *out;           /* where the next byte of a word goes */
	const char *problem; /* or NULL */
};

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

static bool is_expansion(const char *at)
{
	return *at == '`' || (*at == '$' && at[1] != '\0' &&
			      (isalnum((unsigned char)at[1]) || strchr("_{(@*#?$!-", at[1]) != NULL));
}

/* The part of a word in quotes; `at` stands behind the first of them. */
static void take_quoted(struct splitter *splitter, char quote)
{
	for (; *splitter->at != quote; splitter->at++) {
		if (*splitter->at == '\0') {
			splitter->problem = "a quote is not closed on its line";
			return;
		}
		if (quote == '"' && is_expansion(splitter->at))
			splitter->problem = "a shell would put something in place of a $ or `; write what it is";
		if (quote == '"' && *splitter->at == '\\' && splitter->at[1] != '\0' &&
		    strchr("\\\"$`", splitter->at[1]) != NULL)
			splitter->at++;
		*splitter->out++ = *splitter->at;
	}
	splitter->at++;
}

/* One word, NUL behind it. */
static char *take_word(struct splitter *splitter)
{
	char *word = splitter->out;

	while (*splitter->at != '\0' && !is_blank(*splitter->at) && strchr("|&;<>()", *splitter->at) == NULL) {
		char byte = *splitter->at;

		if (is_expansion(splitter->at))
			splitter->problem = "a shell would put something in place of a $ or `; write what it is";
		splitter->at++;
		if (byte == '\'' || byte == '"')
			take_quoted(splitter, byte);
		else if (byte == '\\' && *splitter->at != '\0')
			*splitter->out++ = *splitter->at++;
		else
			*splitter->out++ = byte;
	}
	*splitter->out++ = '\0';
	return word;
}

static bool is_number(const char *word)
{
	return word[0] != '\0' && strlen(word) < 4 && word[strspn(word, "0123456789")] == '\0';
}

/* At < or >; `number` is the word right in front of it, or NULL. */
static void take_redirection(struct splitter *splitter, const char *number)
{
	bool output = *splitter->at == '>' || (number == NULL && *splitter->at == '&');
	bool error = output && number != NULL && strcmp(number, "2") == 0;
	const char *target;

	while (*splitter->at != '\0' && strchr("<>", *splitter->at) != NULL)
		splitter->at++;
	bool copies = *splitter->at == '&';

	splitter->at += copies;
	while (is_blank(*splitter->at))
		splitter->at++;
	target = take_word(splitter);
	splitter->command->redirects = true;
	if (target[0] == '\0')
		splitter->problem = "a redirection names no file";
	else if (error && copies)
		splitter->command->error_target = "log";
	else if (error && strcmp(target, "/dev/null") == 0)
		splitter->command->error_target = "null";
	else if (error && target[0] == '/')
		splitter->command->error_target = import_printf(splitter->import, "file:%s", target);
}

/* At an operator. Returns whether words may follow that belong to this command. */
static bool take_operator(struct splitter *splitter)
{
	char byte = *splitter->at;
	const char *rest = splitter->at + 1 + strspn(splitter->at + 1, " \t");

	if (byte == '|' && splitter->at[1] != '|') {
		splitter->command->pipes = true;
		return false;
	}
	if ((byte == '&' || byte == ';') && (*rest == '\0' || *rest == '#'))
		return false;
	splitter->problem = byte == '(' || byte == ')' ?
				    "parts of a shell's program (parentheses) cannot be had; write the command alone" :
				    "several commands are in one line; write each on a line of its own";
	return false;
}

static void split(struct splitter *splitter)
{
	struct shell_command *command = splitter->command;

	for (;;) {
		char *word;

		while (is_blank(*splitter->at))
			splitter->at++;
		if (*splitter->at == '\0' || *splitter->at == '#' || splitter->problem != NULL)
			return;
		if (strchr("<>", *splitter->at) != NULL) {
			take_redirection(splitter, NULL);
			continue;
		}
		if (strchr("|&;()", *splitter->at) != NULL) {
			if (!take_operator(splitter))
				return;
			continue;
		}
		word = take_word(splitter);
		if (*splitter->at != '\0' && strchr("<>", *splitter->at) != NULL && is_number(word))
			take_redirection(splitter, word);
		else
			command->words[command->count++] = word;
	}
}

/* Words that begin or end what a shell alone can do. */
static bool is_keyword(const char *word)
{
	static const char *const keywords[] = { "if",   "then", "else",  "elif",  "fi", "for", "while", "until", "do",
						"done", "case", "esac",  "{",     "}",  "!",   "[",     "[[",    "test",
						"function", "return", "trap" };

	for (size_t i = 0; i < ELEMENTS(keywords); i++)
		if (strcmp(word, keywords[i]) == 0)
			return true;
	return false;
}

/* Returns whether it is a command. */
static bool split_command(struct import *import, char *text, struct shell_command *command)
{
	size_t length = strlen(text);
	struct splitter splitter = { .import = import, .command = command, .at = text };

	splitter.out = arena_alloc(import_arena(import), 2 * length + 4);
	command->words = arena_alloc(import_arena(import), (length / 2 + 3) * sizeof(*command->words));
	if (splitter.out == NULL || command->words == NULL)
		return false;
	split(&splitter);
	command->words[command->count] = NULL;
	if (splitter.problem == NULL && command->count > 0 && is_keyword(command->words[0]))
		splitter.problem = "conditions and loops of a shell cannot be had; write the command alone";
	if (splitter.problem != NULL)
		import_tell(import, command->where, IMPORT_UNSUPPORTED, "%s", splitter.problem);
	else if (command->count == 0 && !command->redirects)
		import_tell(import, command->where, IMPORT_EXACT, "%s", "");
	return splitter.problem == NULL && (command->count > 0 || command->redirects);
}

/* Whether a backslash ends the line, which is then taken away. */
static bool is_continued(char *line)
{
	size_t length = strlen(line), count = 0;

	while (count < length && line[length - 1 - count] == '\\')
		count++;
	if (count % 2 == 0 || line[strspn(line, " \t")] == '#')
		return false;
	line[length - 1] = '\0';
	return true;
}

/* The line with those that continue it; in memory of the import, or NULL. */
static char *next_joined(struct import_lines *lines, struct import_where *ret_where)
{
	char *line = import_next_line(lines);
	_cleanup_free_ char *joined = NULL;
	size_t length;

	if (line == NULL)
		return NULL;
	*ret_where = import_here(lines);
	if (!is_continued(line))
		return line;
	joined = malloc(JOINED_MAX + 1);
	if (joined == NULL) {
		import_lacks_memory(lines->import);
		return NULL;
	}
	length = (size_t)snprintf(joined, JOINED_MAX + 1, "%s", line);
	for (bool more = true; more && (line = import_next_line(lines)) != NULL;) {
		import_tell(lines->import, import_here(lines), IMPORT_EXACT, "%s", "");
		more = is_continued(line);
		if (length <= JOINED_MAX)
			length += (size_t)snprintf(joined + length, JOINED_MAX + 1 - length, "%s", line);
	}
	if (length > JOINED_MAX) {
		import_tell(lines->import, *ret_where, IMPORT_UNSUPPORTED, "the command is longer than %d bytes",
			    JOINED_MAX);
		joined[0] = '\0';
	}
	return arena_strdup(import_arena(lines->import), joined);
}

bool shell_next(struct import_lines *lines, struct shell_command *ret_command)
{
	struct import_where where;
	char *line;

	while ((line = next_joined(lines, &where)) != NULL) {
		*ret_command = (struct shell_command){ .where = where };
		if (split_command(lines->import, line, ret_command))
			return true;
	}
	return false;
}
