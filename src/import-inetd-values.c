/* import-inetd-values.c - the other way in which an entry can be written for NetBSD: `name on key = value,
 * key = value;` over as many lines as it takes. */
#include "import-inetd.h"

#include "base.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#define BLANKS        " \t"
#define ARGUMENTS_MAX 20

enum state { STATE_VALUES, STATE_NEXT_KEY, STATE_END, STATE_BROKEN };

struct values {
	struct inetd_reader *reader;
	struct inetd_entry *entry;
	enum state state;
	const char *wrong; /* the first mistake */
	unsigned given;    /* keys, a bit each */
	size_t count;      /* of the values of this key, in the words of the reader */
};

static void complain(struct values *at, const char *text)
{
	if (at->wrong == NULL)
		at->wrong = text;
}

/* The definition makes no sense any more. */
static void break_off(struct values *at, const char *text)
{
	complain(at, text);
	at->state = STATE_BROKEN;
}

/* Up to something that is neither a blank nor a comment. */
static bool skip_blanks(struct values *at)
{
	struct inetd_reader *reader = at->reader;

	for (;;) {
		reader->at += strspn(reader->at, BLANKS);
		if (*reader->at != '\0' && *reader->at != '#')
			return true;
		if (!inetd_next_line(reader)) {
			break_off(at, "the definition has no end, which is a semicolon" INETD_NOT_SERVED);
			return false;
		}
	}
}

/* ---- a value ---- */

static int hex_digit(char byte)
{
	return isdigit((unsigned char)byte)  ? byte - '0' :
	       isxdigit((unsigned char)byte) ? tolower((unsigned char)byte) - 'a' + 10 :
					       -1;
}

/* What stands behind a backslash, or NUL for a mistake; goes on behind it. */
static char take_escape(const char **text)
{
	static const char letters[] = "\\ntr'\"", bytes[] = "\\\n\t\r'\"";
	const char *at = *text, *letter = *at != '\0' ? strchr(letters, *at) : NULL;
	int high, low;

	if (letter != NULL) {
		*text = at + 1;
		return bytes[letter - letters];
	}
	if (*at != 'x')
		return '\0';
	high = hex_digit(at[1]);
	low = high >= 0 ? hex_digit(at[2]) : -1;
	if (low < 0)
		return '\0';
	*text = at + 3;
	return (char)(high << 4 | low);
}

/* Copies what is in quotes to `to`, which is not behind it; returns the end of the copy. */
static char *take_quotes(struct values *at, char *to)
{
	const char *from = at->reader->at;
	char quote = *from++;

	while (*from != '\0' && *from != quote) {
		char byte = *from++;

		if (byte == '\\')
			byte = take_escape(&from);
		if (byte == '\0') {
			break_off(at, "behind a backslash stands one of \\ n t r ' \" or xHH (not x00)" INETD_NOT_SERVED);
			return to;
		}
		*to++ = byte;
	}
	if (*from == '\0')
		break_off(at, "a quote is not closed" INETD_NOT_SERVED);
	at->reader->at += from - at->reader->at + (*from != '\0');
	return to;
}

/* The next value of a key, or NULL: no more of them. */
static const char *next_value(struct values *at)
{
	char *word, *to, end;

	if (at->state != STATE_VALUES || !skip_blanks(at))
		return NULL;
	word = to = at->reader->at;
	while (*at->reader->at != '\0' && strchr(BLANKS "#,;", *at->reader->at) == NULL) {
		if (*at->reader->at == '"' || *at->reader->at == '\'')
			to = take_quotes(at, to);
		else
			*to++ = *at->reader->at++;
		if (at->state == STATE_BROKEN)
			return NULL;
	}
	end = *at->reader->at;
	if (at->reader->at == word && (end == ',' || end == ';'))
		word = NULL;
	if (end == ',' || end == ';')
		at->state = end == ',' ? STATE_NEXT_KEY : STATE_END;
	at->reader->at += end == '#' ? strlen(at->reader->at) : end != '\0';
	if (word != NULL)
		*to = '\0';
	return word;
}

/* ---- keys ---- */

typedef void take(struct values *at, const char *value);

static void take_bind(struct values *at, const char *value)
{
	at->entry->hosts = value;
}

static void take_type(struct values *at, const char *value)
{
	at->entry->socket_type = value;
}

static void take_filter(struct values *at, const char *value)
{
	(void)value;
	at->entry->has_filter = true;
}

static void take_protocol(struct values *at, const char *value)
{
	at->entry->protocol = value;
}

static void take_send_buffer(struct values *at, const char *value)
{
	at->entry->send_buffer = value;
}

static void take_receive_buffer(struct values *at, const char *value)
{
	at->entry->receive_buffer = value;
}

static void take_wait(struct values *at, const char *value)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		complain(at, "wait is yes or no" INETD_NOT_SERVED);
	at->entry->waiting = value[0] == 'y' ? "wait" : "nowait";
}

static void take_number(struct values *at, const char *value, struct inetd_count *ret_count)
{
	if (!inetd_number(value, &ret_count->number))
		complain(at, "a maximum is no number up to 1000000" INETD_NOT_SERVED);
	else
		ret_count->is_set = ret_count->number > 0;
}

static void take_service_max(struct values *at, const char *value)
{
	take_number(at, value, &at->entry->per_minute);
}

static void take_ip_max(struct values *at, const char *value)
{
	take_number(at, value, &at->entry->per_source_minute);
}

static void take_accept_max(struct values *at, const char *value)
{
	(void)value;
	inetd_tell(at->entry, IMPORT_EXACT,
		   "clients are accepted as they come, however many those are at once");
}

static void take_user(struct values *at, const char *value)
{
	at->entry->user = value;
}

static void take_group(struct values *at, const char *value)
{
	at->entry->group = value;
}

static void take_exec(struct values *at, const char *value)
{
	at->entry->program = value;
}

static void take_args(struct values *at, const char *value)
{
	(void)value;
	inetd_keep_words(at->entry, at->count);
}

static void take_ipsec(struct values *at, const char *value)
{
	at->entry->is_guarded = value != NULL && value[0] != '\0';
}

static const struct key {
	const char *name;
	bool once;
	size_t least, most; /* values */
	take *take;
} keys[] = {
	{ "accept_max", true, 1, 1, take_accept_max },
	{ "acceptfilter", false, 1, 2, take_filter },
	{ "args", true, 1, ARGUMENTS_MAX, take_args },
	{ "bind", true, 1, 1, take_bind },
	{ "exec", false, 1, 1, take_exec },
	{ "group", false, 1, 1, take_group },
	{ "ip_max", true, 1, 1, take_ip_max },
	{ "ipsec", true, 0, 1, take_ipsec },
	{ "protocol", false, 1, 1, take_protocol },
	{ "recvbuf", false, 1, 1, take_receive_buffer },
	{ "service_max", true, 1, 1, take_service_max },
	{ "sndbuf", false, 1, 1, take_send_buffer },
	{ "socktype", false, 1, 1, take_type },
	{ "user", true, 1, 1, take_user },
	{ "wait", true, 1, 1, take_wait },
};
static_assert(ELEMENTS(keys) < 32, "a bit for each key");

static void take_values(struct values *at, const char *name)
{
	struct import *import = at->entry->inetd->import;
	size_t i = 0;

	while (i < ELEMENTS(keys) && strcmp(keys[i].name, name) != 0)
		i++;
	if (i == ELEMENTS(keys))
		complain(at, import_printf(import, "there is no key '%.40s'" INETD_NOT_SERVED, name));
	else if (keys[i].once && (at->given & 1U << i) != 0)
		complain(at, import_printf(import, "%s is given twice" INETD_NOT_SERVED, name));
	else if (at->count < keys[i].least || at->count > keys[i].most)
		complain(at, import_printf(import, "%s has %zu values" INETD_NOT_SERVED, name, at->count));
	else
		keys[i].take(at, at->count > 0 ? at->entry->inetd->words[0] : NULL);
	if (i < ELEMENTS(keys))
		at->given |= 1U << i;
}

/* A name and the = behind it; NULL: that is no key. */
static const char *read_name(struct values *at)
{
	struct inetd_reader *reader = at->reader;
	const char *name;
	size_t length = 0;

	if (!skip_blanks(at))
		return NULL;
	while (isalpha((unsigned char)reader->at[length]) || reader->at[length] == '_')
		length++;
	name = import_printf(reader->inetd->import, "%.*s", (int)length, reader->at);
	reader->at += length;
	if (!skip_blanks(at))
		return NULL;
	if (*reader->at != '=') {
		break_off(at, "here should be key = value" INETD_NOT_SERVED);
		return NULL;
	}
	reader->at++;
	return name;
}

/* Up to the end of a definition that makes no sense. */
static void skip_definition(struct inetd_reader *reader)
{
	do {
		char *end = strchr(reader->at, ';');

		if (end != NULL) {
			reader->at = end + 1;
			return;
		}
	} while (inetd_next_line(reader));
}

/* ---- all of them ---- */

/* What can be left out, and what cannot. */
static void fill_in(struct values *at)
{
	struct inetd_entry *entry = at->entry;

	if (entry->program == NULL)
		entry->program = "internal";
	if (entry->protocol == NULL)
		complain(at, "it has no protocol" INETD_NOT_SERVED);
	else if (entry->socket_type == NULL)
		entry->socket_type = strncmp(entry->protocol, "udp", 3) == 0 ? "dgram" :
				     strncmp(entry->protocol, "tcp", 3) == 0 ? "stream" :
									       NULL;
	if (entry->socket_type == NULL)
		complain(at, "it has no socktype" INETD_NOT_SERVED);
	if (entry->waiting == NULL && strcmp(entry->program, "internal") == 0)
		entry->waiting = "nowait";
	if (entry->waiting == NULL)
		complain(at, "it has no wait" INETD_NOT_SERVED);
	if (entry->user == NULL)
		complain(at, "it has no user" INETD_NOT_SERVED);
}

const char *inetd_read_values(struct inetd_reader *reader, struct inetd_entry *entry)
{
	struct values values = { .reader = reader, .entry = entry, .state = STATE_NEXT_KEY }, *at = &values;

	while (at->state == STATE_NEXT_KEY) {
		const char *name = read_name(at), *value;

		if (name == NULL)
			break;
		at->state = STATE_VALUES;
		for (at->count = 0; (value = next_value(at)) != NULL; at->count++)
			if (at->count <= ARGUMENTS_MAX)
				reader->inetd->words[at->count] = value;
		if (at->state != STATE_BROKEN)
			take_values(at, name);
	}
	if (at->state == STATE_BROKEN) {
		inetd_tell(entry, IMPORT_CHANGED,
			   "the import goes on behind the next semicolon; inetd reads no further than this "
			   "mistake");
		skip_definition(reader);
	} else {
		fill_in(at);
	}
	reader->at += strspn(reader->at, BLANKS);
	return at->wrong;
}
