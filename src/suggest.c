/* suggest.c - optimal string alignment distance over short names. */
#include "suggest.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_LENGTH 64

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static int fold(const char *text, size_t at)
{
	return tolower((unsigned char)text[at]);
}

unsigned suggest_distance(const char *a, const char *b, unsigned limit)
{
	unsigned rows[3][NAME_MAX_LENGTH + 1];
	size_t length_a = strlen(a), length_b = strlen(b);

	if (length_a > NAME_MAX_LENGTH || length_b > NAME_MAX_LENGTH)
		return limit + 1;

	for (size_t j = 0; j <= length_b; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= length_a; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= length_b; j++) {
			unsigned other = fold(a, i - 1) != fold(b, j - 1);

			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + other);
			if (i > 1 && j > 1 && fold(a, i - 1) == fold(b, j - 2) &&
			    fold(a, i - 2) == fold(b, j - 1))
				row[j] = least(row[j], above2[j - 2] + 1);
		}
	}

	return least(rows[length_a % 3][length_b], limit + 1);
}

const char *suggest_nearest(const char *word, const char *const *names, size_t count)
{
	size_t length = strlen(word);
	unsigned limit = length < 3 ? 1 : (unsigned)(length + 2) / 3;
	unsigned best = limit + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		unsigned distance = suggest_distance(word, names[i], limit);

		/* Everything changed is not a slip: "ip" is not "on". */
		if (distance < best && distance < strlen(names[i])) {
			best = distance;
			nearest = names[i];
		}
	}
	/* An abbreviation: "warn" for "warning". */
	for (size_t i = 0; nearest == NULL && length >= 3 && i < count; i++)
		if (strncasecmp(word, names[i], length) == 0)
			nearest = names[i];
	return nearest;
}
