/* import-systemd-value.c - what the values of units mean: booleans, times, sizes, quotes, specifiers; and values put into
 * the section, each of them judged by the parser of services.ini before. */
#include "import-systemd.h"

#include "arena.h"
#include "base.h"
#include "conf-key.h"
#include "conf-read.h"
#include "import-internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

void unit_say(struct unit *unit, struct unit_setting *setting, enum import_class class, const char *format, ...)
{
	const char *text;
	va_list arguments;

	va_start(arguments, format);
	text = import_vprintf(unit->import, format, arguments);
	va_end(arguments);
	if (setting->worst < class)
		setting->worst = class;
	import_tell(unit->import, setting->where, class, "%s", text);
}

/* ---- numbers ---- */

bool unit_parse_bool(const char *text, bool *ret_value)
{
	static const char *const words[] = { "no", "yes", "n", "y", "false", "true", "f", "t", "off", "on", "0", "1" };

	for (size_t i = 0; i < ELEMENTS(words); i++)
		if (strcasecmp(text, words[i]) == 0) {
			*ret_value = i % 2 == 1;
			return true;
		}
	return false;
}

bool unit_parse_number(const char *text, uint64_t most, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (*text == '\0' || strlen(text) > 18 || text[strspn(text, "0123456789")] != '\0')
		return false;
	for (; *text != '\0'; text++)
		number = number * 10 + (uint64_t)(*text - '0');
	*ret_number = number;
	return number <= most;
}

/* The unit of a time, in microseconds; 0: there is none of that name. */
static uint64_t time_unit(const char *name, size_t length)
{
	static const struct {
		const char *names;
		uint64_t us;
	} units[] = {
		{ " seconds second sec s ", 1000000 },
		{ " minutes minute min m ", 60 * UINT64_C(1000000) },
		{ " msec ms ", 1000 },
		{ " usec us \xc2\xb5s \xce\xbcs ", 1 },
		{ " hours hour hr h ", 3600 * UINT64_C(1000000) },
		{ " days day d ", 86400 * UINT64_C(1000000) },
		{ " weeks week w ", 7 * 86400 * UINT64_C(1000000) },
		{ " months month M ", 2629800 * UINT64_C(1000000) },
		{ " years year y ", 31557600 * UINT64_C(1000000) },
	};
	char word[16];

	if (length == 0 || length + 3 > sizeof(word))
		return 0;
	snprintf(word, sizeof(word), " %.*s ", (int)length, name);
	for (size_t i = 0; i < ELEMENTS(units); i++)
		if (strstr(units[i].names, word) != NULL)
			return units[i].us;
	return 0;
}

/* One number with its unit; returns what follows, or NULL. */
static const char *take_time(const char *text, uint64_t unit_us, uint64_t *total)
{
	uint64_t whole = 0, part = 0, scale = 1, us;
	size_t length;

	if (!isdigit((unsigned char)*text))
		return NULL;
	for (; isdigit((unsigned char)*text); text++) {
		if (whole > UINT64_C(1000000000000000))
			return NULL;
		whole = whole * 10 + (uint64_t)(*text - '0');
	}
	if (*text == '.')
		for (text++; isdigit((unsigned char)*text); text++)
			if (scale < 1000000) {
				part = part * 10 + (uint64_t)(*text - '0');
				scale *= 10;
			}
	text += strspn(text, " \t");
	for (length = 0; text[length] != '\0' && strchr(" \t.0123456789", text[length]) == NULL; length++)
		;
	us = length > 0 ? time_unit(text, length) : unit_us;
	if (us == 0 || whole > UINT64_MAX / 4 / us)
		return NULL;
	us = whole * us + us / scale * part;
	if (*total > UINT64_MAX / 2 - us)
		return NULL;
	*total += us;
	text += length;
	return text + strspn(text, " \t");
}

bool unit_parse_time(const char *text, uint64_t unit_us, uint64_t *ret_us)
{
	uint64_t total = 0;

	if (strcmp(text, "infinity") == 0) {
		*ret_us = UINT64_MAX;
		return true;
	}
	if (*text == '\0')
		return false;
	for (unsigned parts = 0; *text != '\0'; parts++) {
		text = parts < 16 ? take_time(text, unit_us, &total) : NULL;
		if (text == NULL)
			return false;
	}
	*ret_us = total;
	return true;
}

bool unit_parse_size(const char *text, uint64_t *ret_size)
{
	static const char letters[] = "KMGTPE";
	uint64_t number = 0;
	unsigned shift = 0;
	size_t length = strspn(text, "0123456789");
	char digits[20];
	const char *found;

	if (strcmp(text, "infinity") == 0) {
		*ret_size = UINT64_MAX;
		return true;
	}
	if (length == 0 || length >= sizeof(digits))
		return false;
	snprintf(digits, sizeof(digits), "%.*s", (int)length, text);
	if (!unit_parse_number(digits, UINT64_MAX, &number))
		return false;
	text += length + strspn(text + length, " \t");
	found = *text != '\0' ? strchr(letters, *text) : NULL;
	if (found != NULL) {
		shift = 10 * (unsigned)(found - letters + 1);
		text++;
	}
	if (*text == 'B')
		text++;
	if (*text != '\0' || (shift > 0 && number > (UINT64_MAX >> 2) >> shift))
		return false;
	*ret_size = number << shift;
	return true;
}

const char *unit_print_time(struct unit *unit, uint64_t us)
{
	static const struct {
		uint64_t us;
		const char *name;
	} units[] = { { 86400 * UINT64_C(1000000), "d" },
		      { 3600 * UINT64_C(1000000), "h" },
		      { 60 * UINT64_C(1000000), "min" },
		      { 1000000, "s" } };

	if (us == 0)
		return "0";
	for (size_t i = 0; i < ELEMENTS(units); i++)
		if (us % units[i].us == 0)
			return import_printf(unit->import, "%ju%s", (uintmax_t)(us / units[i].us), units[i].name);
	return import_printf(unit->import, "%jums", (uintmax_t)((us + 999) / 1000));
}

/* ---- specifiers ---- */

/* What stands for it with the system's manager; NULL: that cannot be known here. */
static const char *specifier(const struct unit *unit, const struct unit_setting *setting, char letter)
{
	static const struct {
		char letter;
		const char *text;
	} fixed[] = {
		{ '%', "%" },          { 'h', "/root" },    { 'u', "root" },     { 'U', "0" },    { 'g', "root" },
		{ 'G', "0" },          { 't', "/run" },     { 'S', "/var/lib" }, { 'E', "/etc" }, { 'C', "/var/cache" },
		{ 'L', "/var/log" },   { 'T', "/tmp" },     { 'V', "/var/tmp" }, { 's', "/bin/sh" },
	};

	for (size_t i = 0; i < ELEMENTS(fixed); i++)
		if (fixed[i].letter == letter)
			return fixed[i].text;
	if ((letter == 'i' || letter == 'I') && unit->instance[0] != '\0')
		return unit->instance;
	/* The name of an instance holds the addresses of its connection. */
	if (letter == 'p' || letter == 'P' || (letter == 'N' && !setting->of_service))
		return unit->name;
	if (letter == 'n' && strchr(unit->full[setting->of_service], '@') == NULL)
		return unit->full[setting->of_service];
	if (letter == 'N' && strchr(unit->full[1], '@') == NULL)
		return unit->name;
	if ((letter == 'i' || letter == 'I') && strchr(unit->full[setting->of_service], '@') == NULL)
		return "";
	return NULL;
}

static void say_specifier(struct unit *unit, struct unit_setting *setting, char letter)
{
	if (letter == 'i' || letter == 'I' || letter == 'n' || letter == 'N')
		unit_say(unit, setting, IMPORT_UNSUPPORTED,
			 "%%%c holds what an instance is called after, which differs from connection to connection; the "
			 "variables REMOTE_ADDR and REMOTE_PORT tell the program who its client is",
			 letter);
	else
		unit_say(unit, setting, IMPORT_UNSUPPORTED,
			 "the specifier %%%c is not expanded; write what stands for it",
			 isgraph((unsigned char)letter) ? letter : '?');
}

const char *unit_expand(struct unit *unit, struct unit_setting *setting, const char *text)
{
	size_t length = strlen(text), used = 0, room = length * 2 + 256;
	char *out;

	if (length > UNIT_VALUE_MAX) {
		unit_say(unit, setting, IMPORT_UNSUPPORTED, "the value is too long; at most %d bytes are looked into",
			 UNIT_VALUE_MAX);
		return NULL;
	}
	if (strchr(text, '%') == NULL)
		return text;
	out = import_take(unit->import, room);
	if (out == NULL)
		return NULL;
	for (; *text != '\0'; text++) {
		const char *put = NULL;

		if (*text == '%' && text[1] != '\0') {
			put = specifier(unit, setting, *++text);
			if (put == NULL) {
				say_specifier(unit, setting, *text);
				return NULL;
			}
		}
		length = put != NULL ? strlen(put) : 1;
		if (used + length + strlen(text) + 1 > room) {
			unit_say(unit, setting, IMPORT_UNSUPPORTED, "the value is too long with what its specifiers stand for");
			return NULL;
		}
		memcpy(out + used, put != NULL ? put : text, length);
		used += length;
	}
	return out;
}

/* ---- putting ---- */

/* Whether the parser of services.ini takes it. Names of users are looked up elsewhere. */
static bool is_accepted(struct unit *unit, struct unit_setting *setting, const char *name, const char *value)
{
	const struct conf_key *key = conf_key_find(CONF_SCOPE_SERVICE, name);
	char reason[CONF_REASON_MAX] = "";
	struct conf_input input = { .text = value, .arena = import_arena(unit->import) };
	void *field = key != NULL ? import_take(unit->import, key->size) : NULL;
	int r = 0;

	if (field == NULL)
		return false;
	input.min = key->min;
	input.max = key->max;
	if (strlen(value) > CONF_READ_LINE_MAX / 2)
		snprintf(reason, sizeof(reason), "the value is too long for a line of services.ini");
	else
		r = conf_read_check_value(value, reason, sizeof(reason));
	if (r == 0 && reason[0] == '\0' && key->type != &conf_type_uid && key->type != &conf_type_gid &&
	    key->type != &conf_type_message)
		r = key->type->parse(&input, field, reason);
	if (r == 0 && reason[0] == '\0')
		return true;
	unit_say(unit, setting, IMPORT_UNSUPPORTED, "%s cannot be written: %s", name, reason);
	return false;
}

bool unit_put(struct unit *unit, struct unit_setting *setting, const char *key, const char *value)
{
	if (!is_accepted(unit, setting, key, value))
		return false;
	import_set(unit->service, key, value);
	return true;
}

bool unit_putf(struct unit *unit, struct unit_setting *setting, const char *key, const char *format, ...)
{
	const char *text;
	va_list arguments;

	va_start(arguments, format);
	text = import_vprintf(unit->import, format, arguments);
	va_end(arguments);
	return unit_put(unit, setting, key, text);
}

/* Words as a value, behind what is there already. */
static char *print_words(struct import *import, const char *before, const char *separator, const char *const *words, size_t count)
{
	char *text = NULL;
	size_t length;
	FILE *out = import_open_text(import, &text, &length);

	if (out == NULL)
		return NULL;
	fputs(before, out);
	for (size_t i = 0; i < count; i++) {
		fputs(i > 0 || before[0] != '\0' ? separator : "", out);
		conf_type_print_word(words[i], out);
	}
	(void)import_close_text(import, out, &text);
	return text;
}

bool unit_add_word(struct unit *unit, struct unit_setting *setting, const char *key, const char *word)
{
	const char *before = import_get(unit->service, key);
	_cleanup_free_ char *text = print_words(unit->import, before != NULL ? before : "", ", ", &word, 1);

	return text != NULL && unit_put(unit, setting, key, text);
}

bool unit_put_words(struct unit *unit, struct unit_setting *setting, const char *key, const char *const *words,
		    size_t count)
{
	_cleanup_free_ char *text = print_words(unit->import, "", " ", words, count);

	return text != NULL && unit_put(unit, setting, key, text);
}
