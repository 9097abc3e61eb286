/* control-request.c - from a line to a verb, its arguments and its options, or to a
 * sentence that says what to write instead. The table of verbs is made here, from
 * control-verbs.def. */
#include "control-request.h"

#include "arena.h"
#include "base.h"
#include "suggest.h"
#include "words.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define READ    CONTROL_READ
#define ALL     CONTROL_ALL
#define CLIENT  CONTROL_CLIENT
#define DRY_RUN CONTROL_DRY_RUN
#define NOW     CONTROL_NOW
#define SERVICE CONTROL_SERVICE
#define ADDRESS CONTROL_ADDRESS
#define LEVEL   CONTROL_LEVEL

#define VERB(NAME, WORD, ARGUMENTS, LEAST, MOST, RIGHTS, OPTIONS, PURPOSE)                                   \
	[CONTROL_VERB_##NAME] = {                                                                            \
		.word = WORD,                                                                                \
		.arguments = ARGUMENTS,                                                                      \
		.least = LEAST,                                                                              \
		.most = MOST,                                                                                \
		.rights = RIGHTS,                                                                            \
		.options = OPTIONS,                                                                          \
		.purpose = PURPOSE,                                                                          \
	},

const struct control_verb control_verbs[CONTROL_VERBS] = {
#include "control-verbs.def"
};

#undef VERB
#define VERB(NAME, WORD, ARGUMENTS, LEAST, MOST, RIGHTS, OPTIONS, PURPOSE)                                   \
	static_assert(LEAST <= MOST && MOST <= CONTROL_ARGUMENTS_MAX, WORD);
#include "control-verbs.def"

/* Where the value of an option goes; without `value` it takes none. */
static const struct option {
	const char *name;
	enum control_option bit;
	bool has_value;
	size_t value; /* offset in struct control_request */
} options[] = {
	{ "dry-run", CONTROL_DRY_RUN, false, 0 },
	{ "now", CONTROL_NOW, false, 0 },
	{ "service", CONTROL_SERVICE, true, offsetof(struct control_request, service) },
	{ "address", CONTROL_ADDRESS, true, offsetof(struct control_request, address) },
	{ "level", CONTROL_LEVEL, true, offsetof(struct control_request, level) },
};

static _printf_(2, 3) int refuse(char *reason, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, CONTROL_REASON_MAX, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* The length of the UTF-8 character at `bytes`, at most `length` bytes of it; 0: it is none. */
static size_t character_length(const unsigned char *bytes, size_t length)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {
		{ 0x80, 0x00, 0 },
		{ 0xe0, 0xc0, 0x80 },
		{ 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 },
	};

	for (size_t more = 0; more < ELEMENTS(forms) && more < length; more++) {
		uint32_t point = bytes[0] & (unsigned char)~forms[more].mask;

		if ((bytes[0] & forms[more].mask) != forms[more].lead)
			continue;
		for (size_t i = 1; i <= more; i++) {
			if ((bytes[i] & 0xc0) != 0x80)
				return 0;
			point = point << 6 | (bytes[i] & 0x3f);
		}
		if (point < forms[more].least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
			return 0;
		return more + 1;
	}
	return 0;
}

/* Whether all of it may be said again in a reply, to a terminal or a log. */
static int check_bytes(const char *line, size_t length, char reason[static CONTROL_REASON_MAX])
{
	const unsigned char *bytes = (const unsigned char *)line;

	for (size_t at = 0, one; at < length; at += one) {
		one = character_length(bytes + at, length - at);
		if (one == 0)
			return refuse(reason, "byte %zu of the request is not UTF-8", at + 1);
		/* U+0080 to U+009F control terminals, too */
		if (bytes[at] < ' ' || bytes[at] == 0x7f || (bytes[at] == 0xc2 && bytes[at + 1] < 0xa0))
			return refuse(reason,
				      "byte %zu of the request is a control character; write words with "
				      "blanks between",
				      at + 1);
	}
	return 0;
}

static int find_verb(const char *word, enum control_verb_name *ret_verb,
		     char reason[static CONTROL_REASON_MAX])
{
	const char *words[CONTROL_VERBS], *nearest;

	for (size_t i = 0; i < CONTROL_VERBS; i++) {
		words[i] = control_verbs[i].word;
		if (strcmp(word, words[i]) != 0)
			continue;
		if (control_verbs[i].rights == CONTROL_CLIENT)
			return refuse(reason, "usherctl does '%s' by itself, out of other requests", word);
		*ret_verb = (enum control_verb_name)i;
		return 0;
	}
	nearest = suggest_nearest(word, words, CONTROL_VERBS);
	if (nearest != NULL)
		return refuse(reason, "unknown request '%.64s'; did you mean '%s'?", word, nearest);
	return refuse(reason, "unknown request '%.64s'; `usherctl --help` lists them", word);
}

/* One word that begins with two dashes. */
static int take_option(const struct control_verb *verb, const char *word, struct control_request *request,
		       char reason[static CONTROL_REASON_MAX])
{
	const char *equals = strchrnul(word, '='), *name = word + 2;
	size_t length = (size_t)(equals - name);
	const struct option *option = NULL;

	for (size_t i = 0; i < ELEMENTS(options) && option == NULL; i++)
		if (strncmp(options[i].name, name, length) == 0 && options[i].name[length] == '\0')
			option = &options[i];
	if (option == NULL)
		return refuse(reason, "unknown option '%.64s' of '%s'", word, verb->word);
	if ((verb->options & option->bit) == 0)
		return refuse(reason, "'%s' has no option --%s", verb->word, option->name);
	if ((request->options & option->bit) != 0)
		return refuse(reason, "the option --%s is there twice", option->name);
	if (!option->has_value && *equals != '\0')
		return refuse(reason, "the option --%s takes no value", option->name);
	if (option->has_value && (*equals == '\0' || equals[1] == '\0'))
		return refuse(reason, "the option --%s needs a value; write --%s=VALUE", option->name,
			      option->name);

	request->options |= option->bit;
	if (option->has_value)
		*(const char **)(void *)((char *)request + option->value) = equals + 1;
	return 0;
}

static int check_count(const struct control_verb *verb, size_t count, char reason[static CONTROL_REASON_MAX])
{
	const char *gap = *verb->arguments != '\0' ? " " : "";

	if (count >= verb->least && count <= verb->most)
		return 0;
	if (verb->most == 0)
		return refuse(reason, "'%s' takes no argument", verb->word);
	return refuse(reason, "'%s' has too %s arguments; write %s%s%s", verb->word,
		      count < verb->least ? "few" : "many", verb->word, gap, verb->arguments);
}

/* The words behind the verb. They are moved into the request, where there is room for all of a line. */
static int take_words(char **words, size_t count, struct control_request *request,
		      char reason[static CONTROL_REASON_MAX])
{
	const struct control_verb *verb = &control_verbs[request->verb];
	char *room = request->text;
	size_t arguments = 0;
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++) {
		char *word = memcpy(room, words[i], strlen(words[i]) + 1);

		room += strlen(word) + 1;
		if (strncmp(word, "--", 2) == 0)
			error = take_option(verb, word, request, reason);
		else if (*word == '\0')
			error = refuse(reason, "an argument of '%s' is empty", verb->word);
		else if (arguments++ < CONTROL_ARGUMENTS_MAX)
			request->arguments[arguments - 1] = word;
	}
	if (error == 0)
		error = check_count(verb, arguments, reason);
	request->argument_count = arguments;
	return error;
}

static void cleanup_arena(struct arena **arena)
{
	arena_free(*arena);
}

int control_request_parse(const char *line, size_t length, struct control_request *ret_request,
			  char reason[static CONTROL_REASON_MAX])
{
	_cleanup_(cleanup_arena) struct arena *arena = NULL;
	char unused[CONTROL_REASON_MAX], *text, **words;
	enum control_verb_name verb = CONTROL_VERB_STATUS;
	size_t count;
	int error;

	if (length >= CONTROL_LINE_MAX)
		return refuse(reason, "the request is too long; a line has at most %d bytes",
			      CONTROL_LINE_MAX);
	error = check_bytes(line, length, reason);
	if (error != 0)
		return error;
	for (; length > 0 && *line == ' '; length--)
		line++;
	if (length == 0)
		return refuse(reason, "the request is empty; `usherctl --help` lists what can be asked");

	arena = arena_new();
	text = arena != NULL ? arena_strndup(arena, line, length) : NULL;
	error = text != NULL ? words_split(text, arena, &words, &count, unused, sizeof(unused)) : -ENOMEM;
	if (error == -ENOMEM) {
		refuse(reason, "there is no memory to read the request");
		return error;
	}
	/* what words_split() says is about commands in a file */
	if (error != 0)
		return refuse(reason,
			      "the quotes of the request are not right; close each one, and quote words "
			      "that have | & ; < > ( ) $ ` or a backslash in them");
	error = find_verb(words[0], &verb, reason);
	if (error != 0)
		return error;

	*ret_request = (struct control_request){ .verb = verb };
	return take_words(words + 1, count - 1, ret_request, reason);
}
