/* ctl-format.h - values as people read them, in bytes that are safe on a terminal. */
#ifndef USHERD_CTL_FORMAT_H
#define USHERD_CTL_FORMAT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTL_VALUE_MAX 32 /* room for any of the numbers below */

/* 0 B, 999 B, 1.2 KiB, 34 MiB. */
const char *ctl_format_bytes(double bytes, char text[static CTL_VALUE_MAX]);

/* 0.4ms, 3.1s, 3m12s, 4h07m, 12d03h; "-" of what is negative or no number. */
const char *ctl_format_duration(double seconds, char text[static CTL_VALUE_MAX]);

/* Of a number of things: 999, 12345, 1.23M. */
const char *ctl_format_count(double count, char text[static CTL_VALUE_MAX]);

/* What happened `per_second`: 0/s, 0.25/s, 12/s, 3.4k/s. */
const char *ctl_format_rate(double per_second, char text[static CTL_VALUE_MAX]);

/* A copy of `text` (malloc'ed; NULL without memory; NULL gives "-") with no byte that a terminal would act
 * upon: control characters, also those of Unicode, marks of writing direction, and what is no UTF-8 become
 * \x1b or <U+009B>; without `utf8` so does everything that is not ASCII. */
char *ctl_format_safe(const char *text, bool utf8);

/* How many columns a text takes that ctl_format_safe() has made. */
size_t ctl_format_width(const char *text);

/* Where to cut such a text so that it takes `columns` at most: a number of bytes. */
size_t ctl_format_cut(const char *text, size_t columns);

/* Members of an object, or what stands for want of them: NULL; not a number (NAN); 0. */
const char *ctl_text(const json_t *object, const char *key);
double ctl_number(const json_t *object, const char *key);
uint64_t ctl_integer(const json_t *object, const char *key);

#endif
