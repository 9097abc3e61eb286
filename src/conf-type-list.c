/* conf-type-list.c - values of several words: commands, lists, endpoints. Items
 * of a list stand apart by commas or blanks; quotes and backslashes work as in
 * a command, so that an item may hold either. */
#include "conf-type.h"

#include "base.h"
#include "endpoint.h"
#include "words.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

/* ---- splitting ---- */

static bool is_separator(char byte)
{
	return byte == ' ' || byte == '\t' || byte == ',';
}

/* Copies one item without its quotes to `to` (which has room for as much as is
 * left). Returns the rest of the text, or NULL when a quote is not closed. */
static const char *take_item(const char *text, char *to)
{
	char quote = 0;

	for (; *text != '\0' && (quote != 0 || !is_separator(*text)); text++) {
		if (*text == quote) {
			quote = 0;
		} else if (quote == 0 && (*text == '"' || *text == '\'')) {
			quote = *text;
		} else if (*text == '\\' && quote != '\'' && text[1] != '\0' &&
			   (quote == 0 || text[1] == '"' || text[1] == '\\')) {
			*to++ = *++text;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
	return quote == 0 ? text : NULL;
}

int conf_type_split(const struct conf_input *input, struct conf_words *ret_words,
		    char reason[static CONF_REASON_MAX])
{
	size_t length = strlen(input->text), room = 1;
	const char *text = input->text;

	for (size_t i = 0; i < length; i++)
		room += is_separator(text[i]);

	char *copy = arena_alloc(input->arena, length + 1 + room);
	char **items = arena_alloc(input->arena, (room + 1) * sizeof(*items));
	size_t count = 0;
	bool after_comma = true;

	if (copy == NULL || items == NULL)
		return -ENOMEM;
	for (;;) {
		while (is_separator(*text)) {
			if (*text == ',' && after_comma)
				return conf_type_refuse(reason, "a comma with nothing before it");
			after_comma = after_comma || *text == ',';
			text++;
		}
		if (*text == '\0')
			break;
		after_comma = false;
		items[count++] = copy;
		text = take_item(text, copy);
		if (text == NULL)
			return conf_type_refuse(reason, "a quote is not closed");
		copy += strlen(copy) + 1;
		/* Blanks around a comma belong to it. */
		if (*text != '\0' && *text != ',' && text[strspn(text, " \t")] == ',')
			text += strspn(text, " \t");
	}
	*ret_words = (struct conf_words){.items = items, .count = count};
	return 0;
}

/* Written as words_split() and conf_type_split() read it. A `;` stands outside the
 * quotes behind a backslash: ` ;` would start a comment. */
static void print_quoted(const char *word, FILE *out)
{
	bool is_quoted = false;

	if (word[0] == '\0')
		fputs("''", out);
	for (; *word != '\0'; word++) {
		bool wants_quotes = *word != '\'' && *word != ';';

		if (wants_quotes != is_quoted)
			fputc('\'', out);
		is_quoted = wants_quotes;
		if (!wants_quotes)
			fputc('\\', out);
		fputc(*word, out);
	}
	if (is_quoted)
		fputc('\'', out);
}

#define LETTERS "abcdefghijklmnopqrstuvwxyz"

void conf_type_print_word(const char *word, FILE *out)
{
	if (word[0] != '\0' &&
	    word[strspn(word, LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_-+=:./[]")] == '\0')
		fputs(word, out);
	else
		print_quoted(word, out);
}

/* Where a line of a long value should end. */
#define PRINT_WIDTH 90

/* A word that begins a line must not look like a key or a section there. */
void conf_type_print_item(const char *word, const char *separator, size_t *column, FILE *out)
{
	size_t length = strlen(word) + strlen(separator) + 1;
	char stop = word[strspn(word, LETTERS "_")];

	if (*column > 0 && *column + length > PRINT_WIDTH) {
		fprintf(out, "%s\n        ", separator);
		*column = length;
		if (word[0] == '[' || stop == '\0' || stop == '=')
			print_quoted(word, out);
		else
			conf_type_print_word(word, out);
		return;
	}
	if (*column > 0)
		fprintf(out, "%s ", separator);
	*column += length;
	conf_type_print_word(word, out);
}

static void print_words(const void *field, const char *separator, FILE *out)
{
	const struct conf_words *words = field;
	size_t column = 0;

	for (size_t i = 0; i < words->count; i++)
		conf_type_print_item(words->items[i], separator, &column, out);
}

static void print_list(const void *field, FILE *out)
{
	print_words(field, ",", out);
}

/* ---- commands ---- */

static int parse_command(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	struct conf_words words;
	int r = words_split(input->text, input->arena, &words.items, &words.count, reason, CONF_REASON_MAX);

	if (r < 0)
		return r;
	if (words.items[0][0] == '\0')
		return conf_type_refuse(reason, "the first word, the program, is empty");
	*(struct conf_words *)field = words;
	return 0;
}

static void print_command(const void *field, FILE *out)
{
	print_words(field, "", out);
}

const struct conf_type conf_type_command = {
	.name = "command",
	.explanation = "a program and its arguments, split as a shell would, but no shell runs it",
	.continues = true,
	.parse = parse_command,
	.print = print_command,
};

/* ---- lists of words ---- */

/* More than this is a mistake, and would be slow to compare with each other. */
#define ITEMS_MAX 4096

/* Whether one item is good; says why not. */
typedef int check_item(const char *item, char reason[static CONF_REASON_MAX]);

static int parse_list(const struct conf_input *input, check_item *check, void *field,
		      char reason[static CONF_REASON_MAX])
{
	struct conf_words words;
	int r = conf_type_split(input, &words, reason);

	if (r == 0 && words.count > ITEMS_MAX)
		r = conf_type_refuse(reason, "the list has %zu items; at most %d are allowed", words.count,
				     ITEMS_MAX);
	for (size_t i = 0; r == 0 && i < words.count; i++)
		r = check(words.items[i], reason);
	if (r < 0)
		return r;
	*(struct conf_words *)field = words;
	return 0;
}

static const char *const groups_choices[] = {"auto", "none", NULL};

static int check_group(const char *item, char reason[static CONF_REASON_MAX])
{
	if (item[0] == '\0' || strpbrk(item, " \t,:") != NULL)
		return conf_type_refuse(reason, "'%.80s' is not the name of a group", item);
	return 0;
}

static int parse_groups(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	struct conf_words words;
	int r = parse_list(input, check_group, &words, reason);

	if (r < 0)
		return r;
	if (words.count == 0)
		return conf_type_refuse(reason, "no group is named; write none, or leave the key out");
	for (size_t i = 0; words.count > 1 && i < words.count; i++)
		if (strcmp(words.items[i], "none") == 0 || strcmp(words.items[i], "auto") == 0)
			return conf_type_refuse(reason, "'%s' stands alone", words.items[i]);
	*(struct conf_words *)field = words;
	return 0;
}

const struct conf_type conf_type_groups = {
	.name = "list of groups",
	.explanation = "groups by name or number, apart by commas or blanks; none; or auto",
	.continues = true,
	.parse = parse_groups,
	.print = print_list,
	.choices = groups_choices,
};

static int check_path(const char *item, char reason[static CONF_REASON_MAX])
{
	if (item[0] == '\0' || strlen(item) >= PATH_MAX)
		return conf_type_refuse(reason, "a path is empty or too long");
	return 0;
}

static int parse_paths(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	return parse_list(input, check_path, field, reason);
}

const struct conf_type conf_type_paths = {
	.name = "list of paths",
	.explanation = "paths, apart by commas or blanks",
	.continues = true,
	.parse = parse_paths,
	.print = print_list,
};

/* Names that usherd sets for each session: a value from elsewhere would make
 * a program believe it. */
static bool is_reserved(const char *name, size_t length)
{
	static const char *const reserved[] = {
		"PROTO",
		"REMOTE_ADDR",
		"REMOTE_PORT",
		"REMOTE_HOST",
	};
	static const char *const prefixes[] = {
		"USHERD_",   "LISTEN_",   "TCPLOCAL",   "TCPREMOTE", "UDPLOCAL",
		"UDPREMOTE", "UNIXLOCAL", "UNIXREMOTE", "IPC",
	};

	for (size_t i = 0; i < ELEMENTS(reserved); i++)
		if (strlen(reserved[i]) == length && memcmp(name, reserved[i], length) == 0)
			return true;
	for (size_t i = 0; i < ELEMENTS(prefixes); i++)
		if (length >= strlen(prefixes[i]) && memcmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static int check_name(const char *name, size_t length, char reason[static CONF_REASON_MAX])
{
	bool is_good = length > 0 && !isdigit((unsigned char)name[0]);

	for (size_t i = 0; i < length; i++)
		is_good = is_good && (isalnum((unsigned char)name[i]) || name[i] == '_');
	if (!is_good)
		return conf_type_refuse(reason,
					"'%.*s' is not the name of a variable (letters, digits and _)",
					(int)(length < 80 ? length : 80), name);
	if (is_reserved(name, length))
		return conf_type_refuse(reason,
					"%.*s is set by usherd for each session and cannot be set here",
					(int)(length < 80 ? length : 80), name);
	return 0;
}

static int check_assignment(const char *item, char reason[static CONF_REASON_MAX])
{
	const char *sign = strchr(item, '=');

	if (sign == NULL)
		return conf_type_refuse(reason, "'%.80s' is not NAME=VALUE", item);
	return check_name(item, (size_t)(sign - item), reason);
}

static int parse_assignments(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	struct conf_words words;
	int r = parse_list(input, check_assignment, &words, reason);

	if (r < 0)
		return r;
	for (size_t i = 0; i < words.count; i++) {
		size_t length = strcspn(words.items[i], "=") + 1;

		for (size_t j = 0; j < i; j++)
			if (strncmp(words.items[i], words.items[j], length) == 0)
				return conf_type_refuse(reason, "%.*s is set twice", (int)length - 1,
							words.items[i]);
	}
	*(struct conf_words *)field = words;
	return 0;
}

const struct conf_type conf_type_assignments = {
	.name = "list of NAME=VALUE",
	.explanation = "NAME=VALUE, apart by commas or blanks; quote what holds either",
	.continues = true,
	.parse = parse_assignments,
	.print = print_list,
};

static int check_variable(const char *item, char reason[static CONF_REASON_MAX])
{
	return check_name(item, strlen(item), reason);
}

static int parse_variables(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	return parse_list(input, check_variable, field, reason);
}

const struct conf_type conf_type_variables = {
	.name = "list of names",
	.explanation = "names of variables, apart by commas or blanks",
	.continues = true,
	.parse = parse_variables,
	.print = print_list,
};

/* ---- endpoints ---- */

/* Every port of the machine, twice: both families. */
#define ENDPOINTS_MAX 131072

struct endpoint_vector {
	struct endpoint *items; /* malloc'ed */
	size_t count, room;
};

static void free_vector(struct endpoint_vector *vector)
{
	free(vector->items);
}

static int add_endpoint(void *context, const struct endpoint *endpoint)
{
	struct endpoint_vector *vector = context;

	if (vector->count == ENDPOINTS_MAX)
		return -E2BIG;
	if (vector->count == vector->room) {
		size_t room = vector->room * 2 + 2;
		struct endpoint *items = reallocarray(vector->items, room, sizeof(*items));

		if (items == NULL)
			return -ENOMEM;
		vector->items = items;
		vector->room = room;
	}
	vector->items[vector->count++] = *endpoint;
	return 0;
}

static int parse_endpoints(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX])
{
	_cleanup_(free_vector) struct endpoint_vector vector = {0};
	struct conf_words words = { .count = 0 };
	int r = conf_type_split(input, &words, reason);

	for (size_t i = 0; r == 0 && i < words.count; i++)
		r = endpoint_parse(words.items[i], add_endpoint, &vector, reason, CONF_REASON_MAX);
	if (r == -E2BIG)
		r = conf_type_refuse(reason, "the service has more than %d addresses", ENDPOINTS_MAX);
	else if (r == 0 && vector.items == NULL)
		r = conf_type_refuse(reason, "an address is missing: a port, ADDRESS:PORT, unix:/path ...");
	if (r < 0)
		return r;

	struct endpoint *items = arena_alloc(input->arena, vector.count * sizeof(*items));

	if (items == NULL)
		return -ENOMEM;
	memcpy(items, vector.items, vector.count * sizeof(*items));
	*(struct endpoint_list *)field = (struct endpoint_list){.items = items, .count = vector.count};
	return 0;
}

static void print_endpoints(const void *field, FILE *out)
{
	const struct endpoint_list *list = field;
	char text[ENDPOINT_TEXT_MAX];
	size_t column = 0;

	for (size_t i = 0; i < list->count; i++)
		conf_type_print_item(endpoint_print(&list->items[i], text), ",", &column, out);
}

const struct conf_type conf_type_endpoints = {
	.name = "list of addresses",
	.explanation = "ports and addresses, apart by commas or blanks; see ENDPOINTS",
	.continues = true,
	.parse = parse_endpoints,
	.print = print_endpoints,
};
