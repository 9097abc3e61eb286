/* check_json.h - a strict reader of JSON (RFC 8259) for one flat object, as a
 * line of the log is; fails the test at the first odd byte. */
#ifndef USHERD_TESTS_CHECK_JSON_H
#define USHERD_TESTS_CHECK_JSON_H

#include <check.h>
#include <ctype.h>
#include <string.h>

static inline const char *read_json_string(const char *p)
{
	ck_assert_int_eq(*p++, '"');
	while (*p != '"') {
		unsigned char c = (unsigned char)*p;

		ck_assert_msg(c >= 0x20 && c != 0x7f, "byte 0x%02x in a string", c);
		if (c == '\\') {
			p++;
			if (*p == 'u') {
				for (int i = 1; i <= 4; i++)
					ck_assert(isxdigit((unsigned char)p[i]));
				p += 5;
			} else {
				ck_assert(*p != '\0' && strchr("\"\\/bfnrt", *p) != NULL);
				p++;
			}
			continue;
		}

		/* RFC 3629, table by table. */
		const unsigned char *u = (const unsigned char *)p;
		size_t more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

		ck_assert(c < 0x80 || (c >= 0xc2 && c <= 0xf4));
		for (size_t i = 1; i <= more; i++)
			ck_assert_int_eq(u[i] & 0xc0, 0x80);
		ck_assert(!(c == 0xe0 && u[1] < 0xa0) && !(c == 0xed && u[1] > 0x9f));
		ck_assert(!(c == 0xf0 && u[1] < 0x90) && !(c == 0xf4 && u[1] > 0x8f));
		p += more + 1;
	}
	return p + 1;
}

static inline const char *read_json_value(const char *p)
{
	if (*p == '"')
		return read_json_string(p);
	if (strncmp(p, "true", 4) == 0)
		return p + 4;
	if (*p == '-')
		p++;
	ck_assert(isdigit((unsigned char)*p));
	if (*p == '0')
		ck_assert(!isdigit((unsigned char)p[1]));
	while (isdigit((unsigned char)*p))
		p++;
	if (*p == '.') {
		ck_assert(isdigit((unsigned char)p[1]));
		for (p++; isdigit((unsigned char)*p);)
			p++;
	}
	return p;
}

static inline void check_json(const char *line)
{
	const char *p = line;

	ck_assert_int_eq(*p, '{');
	do {
		p = read_json_string(p + 1);
		ck_assert_int_eq(*p, ':');
		p = read_json_value(p + 1);
	} while (*p == ',');
	ck_assert_str_eq(p, "}");
}

#endif
