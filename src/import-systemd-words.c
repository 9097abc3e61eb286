/* import-systemd-words.c - a value split into words: quotes, and the escapes of C, as systemd.service(5) has them. */
#include "import-systemd.h"

#include "arena.h"
#include "import-internal.h"

#include <ctype.h>
#include <string.h>

struct splitter {
	const char *at;
	char *out;
};

/* So many digits of a base; returns false when one is none, or the value is that of no byte that a word can have. */
static bool take_digits(struct splitter *splitter, unsigned base, unsigned count, unsigned *ret_value)
{
	unsigned value = 0;

	for (unsigned i = 0; i < count; i++, splitter->at++) {
		unsigned char byte = (unsigned char)*splitter->at;
		unsigned digit = isdigit(byte) ? byte - (unsigned)'0' : isxdigit(byte) ? (unsigned)tolower(byte) - 'a' + 10 : 99U;

		if (digit >= base)
			return false;
		value = value * base + digit;
	}
	*ret_value = value;
	return value > 0;
}

/* A number of Unicode as UTF-8. */
static bool put_utf8(struct splitter *splitter, unsigned value)
{
	if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
		return false;
	if (value < 0x80) {
		*splitter->out++ = (char)value;
	} else if (value < 0x800) {
		*splitter->out++ = (char)(0xc0 | value >> 6);
		*splitter->out++ = (char)(0x80 | (value & 0x3f));
	} else if (value < 0x10000) {
		*splitter->out++ = (char)(0xe0 | value >> 12);
		*splitter->out++ = (char)(0x80 | (value >> 6 & 0x3f));
		*splitter->out++ = (char)(0x80 | (value & 0x3f));
	} else {
		*splitter->out++ = (char)(0xf0 | value >> 18);
		*splitter->out++ = (char)(0x80 | (value >> 12 & 0x3f));
		*splitter->out++ = (char)(0x80 | (value >> 6 & 0x3f));
		*splitter->out++ = (char)(0x80 | (value & 0x3f));
	}
	return true;
}

/* What stands behind a backslash. */
static bool take_escape(struct splitter *splitter)
{
	static const char letters[] = "abfnrtv\\\"'s;", bytes[] = "\a\b\f\n\r\t\v\\\"' ;";
	char letter = *splitter->at++;
	const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
	unsigned value = 0;

	if (found != NULL) {
		*splitter->out++ = bytes[found - letters];
		return true;
	}
	if (letter == 'u' || letter == 'U')
		return take_digits(splitter, 16, letter == 'u' ? 4 : 8, &value) && put_utf8(splitter, value);
	if (letter >= '0' && letter <= '3')
		splitter->at--;
	if (letter != 'x' && (letter < '0' || letter > '3'))
		return false;
	if (!take_digits(splitter, letter == 'x' ? 16 : 8, letter == 'x' ? 2 : 3, &value))
		return false;
	*splitter->out++ = (char)value;
	return true;
}

/* One word, of which the first byte is there; NULL, or what is wrong. */
static const char *take_word(struct splitter *splitter)
{
	char quote = '\0';

	for (; *splitter->at != '\0'; ) {
		char byte = *splitter->at;

		if (quote == '\0' && (byte == ' ' || byte == '\t'))
			break;
		splitter->at++;
		if (byte == '\\') {
			if (!take_escape(splitter))
				return "a backslash is followed by what is no escape; write two of them for one";
		} else if (quote == '\0' && (byte == '"' || byte == '\'')) {
			quote = byte;
		} else if (quote != '\0' && byte == quote) {
			quote = '\0';
		} else {
			*splitter->out++ = byte;
		}
	}
	*splitter->out++ = '\0';
	return quote != '\0' ? "a quote is not closed" : NULL;
}

const char *const *unit_split(struct unit *unit, struct unit_setting *setting, const char *text, size_t *ret_count)
{
	size_t length = strlen(text), count = 0, room = length / 2 + 2;
	const char **words, *wrong = NULL;
	struct splitter splitter = { .at = text };

	if (length > UNIT_VALUE_MAX) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "the value is too long; at most %d bytes are looked into",
			 UNIT_VALUE_MAX);
		return NULL;
	}
	splitter.out = import_take(unit->import, length + 2);
	if (room > UNIT_WORDS_MAX + 1)
		room = UNIT_WORDS_MAX + 1;
	words = import_take(unit->import, room * sizeof(*words));
	if (splitter.out == NULL || words == NULL)
		return NULL;
	for (;;) {
		splitter.at += strspn(splitter.at, " \t");
		if (*splitter.at == '\0' || wrong != NULL || count == UNIT_WORDS_MAX)
			break;
		words[count++] = splitter.out;
		wrong = take_word(&splitter);
	}
	if (wrong == NULL && *splitter.at != '\0')
		wrong = "there are too many words";
	if (wrong != NULL) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "%s", wrong);
		return NULL;
	}
	*ret_count = count;
	return words;
}
