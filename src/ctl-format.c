/* ctl-format.c - numbers with units, and text that a terminal does not act upon. */
#include "ctl-format.h"

#include "base.h"

#include <math.h>
#include <string.h>
#include <wchar.h>

/* ---- numbers ---- */

/* Three digits that count: 1.23, 12.3, 123. */
static int decimals(double value)
{
	return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

static bool is_sound(double value)
{
	return isfinite(value) && value >= 0;
}

const char *ctl_format_bytes(double bytes, char text[static CTL_VALUE_MAX])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	size_t unit = 0;

	if (!is_sound(bytes))
		return "-";
	for (; bytes >= 1023.5 && unit + 1 < ELEMENTS(units); unit++)
		bytes /= 1024;
	snprintf(text, CTL_VALUE_MAX, "%.*f %s", unit > 0 && bytes < 9.95 ? 1 : 0, bytes, units[unit]);
	return text;
}

const char *ctl_format_duration(double seconds, char text[static CTL_VALUE_MAX])
{
	unsigned long long whole;

	if (!is_sound(seconds))
		return "-";
	if (seconds > 1e12)
		seconds = 1e12;
	whole = (unsigned long long)(seconds + 0.5);
	if (seconds == 0)
		return "0s";
	if (seconds < 0.01)
		snprintf(text, CTL_VALUE_MAX, "%.*fms", seconds < 0.0001 ? 2 : 1, seconds * 1000);
	else if (seconds < 0.9995)
		snprintf(text, CTL_VALUE_MAX, "%.0fms", seconds * 1000);
	else if (seconds < 9.95)
		snprintf(text, CTL_VALUE_MAX, "%.1fs", seconds);
	else if (whole < 60)
		snprintf(text, CTL_VALUE_MAX, "%llus", whole);
	else if (whole < 3600)
		snprintf(text, CTL_VALUE_MAX, "%llum%02llus", whole / 60, whole % 60);
	else if (whole < 86400)
		snprintf(text, CTL_VALUE_MAX, "%lluh%02llum", whole / 3600, whole / 60 % 60);
	else
		snprintf(text, CTL_VALUE_MAX, "%llud%02lluh", whole / 86400, whole / 3600 % 24);
	return text;
}

static double scale(double value, const char **ret_unit)
{
	static const char *const units[] = { "", "k", "M", "G", "T", "P", "E" };
	size_t unit = 0;

	for (; value >= 999.5 && unit + 1 < ELEMENTS(units); unit++)
		value /= 1000;
	*ret_unit = units[unit];
	return value;
}

const char *ctl_format_count(double count, char text[static CTL_VALUE_MAX])
{
	const char *unit;

	if (!is_sound(count))
		return "-";
	/* Up to here every one of them is told. */
	if (count < 999999.5) {
		snprintf(text, CTL_VALUE_MAX, "%.0f", count);
		return text;
	}
	count = scale(count, &unit);
	snprintf(text, CTL_VALUE_MAX, "%.*f%s", decimals(count), count, unit);
	return text;
}

const char *ctl_format_rate(double per_second, char text[static CTL_VALUE_MAX])
{
	const char *unit;

	if (!is_sound(per_second))
		return "-";
	if (per_second < 0.005)
		return "0/s";
	per_second = scale(per_second, &unit);
	snprintf(text, CTL_VALUE_MAX, "%.*f%s/s", decimals(per_second), per_second, unit);
	return text;
}

/* ---- text ---- */

/* The character at `text`, and how many bytes it takes; 0: no UTF-8 (too long a form and surrogates count as
 * none). */
static size_t decode(const char *text, uint32_t *ret_character)
{
	static const struct {
		unsigned char mask, head;
		uint32_t least;
	} forms[] = {
		{ 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 }
	};
	const unsigned char *at = (const unsigned char *)text;

	for (size_t more = 0; more < ELEMENTS(forms); more++) {
		uint32_t character = at[0] & (unsigned char)~forms[more].mask;

		if ((at[0] & forms[more].mask) != forms[more].head)
			continue;
		for (size_t i = 1; i <= more; i++) {
			if ((at[i] & 0xc0) != 0x80)
				return 0;
			character = character << 6 | (at[i] & 0x3f);
		}
		if (character < forms[more].least || character > 0x10ffff ||
		    (character >= 0xd800 && character <= 0xdfff))
			return 0;
		*ret_character = character;
		return more + 1;
	}
	return 0;
}

/* What a terminal would act upon, or what makes text look like another. */
static bool is_dangerous(uint32_t character)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0, 0x1f },        { 0x7f, 0x9f },     { 0xad, 0xad },     { 0x61c, 0x61c },
		{ 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff }, { 0xfff0, 0xffff }, { 0xe000, 0xf8ff }, { 0xe0000, 0x10ffff },
	};

	for (size_t i = 0; i < ELEMENTS(ranges); i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	return false;
}

char *ctl_format_safe(const char *text, bool utf8)
{
	/* A byte becomes four; a character of two to four bytes at most ten: that is five for one. */
	char *safe, *to;

	if (text == NULL)
		text = "-";
	safe = to = malloc(strlen(text) * 5 + 1);
	if (safe == NULL)
		return NULL;
	while (*text != '\0') {
		uint32_t character = 0;
		size_t length = decode(text, &character);

		if (length == 0 || (length == 1 && is_dangerous(character))) {
			to += snprintf(to, 5, "\\x%02x", (unsigned char)*text);
			length = 1;
		} else if (length > 1 && (!utf8 || is_dangerous(character))) {
			to += snprintf(to, 11, "<U+%04X>", character);
		} else {
			memcpy(to, text, length);
			to += length;
		}
		text += length;
	}
	*to = '\0';
	return safe;
}

static size_t character_width(const char *text, size_t *ret_length)
{
	uint32_t character = '?';
	size_t length = decode(text, &character);
	int width = character < 0x80 ? 1 : wcwidth((wchar_t)character);

	*ret_length = length == 0 ? 1 : length;
	return width < 0 ? 1 : (size_t)width;
}

size_t ctl_format_cut(const char *text, size_t columns)
{
	size_t at = 0, used = 0;

	while (text[at] != '\0') {
		size_t length, width = character_width(text + at, &length);

		if (used + width > columns)
			break;
		used += width;
		at += length;
	}
	return at;
}

size_t ctl_format_width(const char *text)
{
	size_t width = 0;

	while (*text != '\0') {
		size_t length;

		width += character_width(text, &length);
		text += length;
	}
	return width;
}

/* ---- members ---- */

const char *ctl_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

double ctl_number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

uint64_t ctl_integer(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}
