/* suggest.h - "did you mean": the known name that is nearest to a mistyped one. */
#ifndef USHERD_SUGGEST_H
#define USHERD_SUGGEST_H

#include <stddef.h>

/* How many single-letter slips (a letter more, less or other, two swapped; case
 * does not count) lie between two names; at most `limit` + 1 is returned. Names over 64
 * bytes are as far apart as can be. */
unsigned suggest_distance(const char *a, const char *b, unsigned limit);

/* The nearest of `count` names, the first one on a tie; failing that, one that
 * begins with the word; or NULL when none is near enough to be meant (about one slip in three letters). */
const char *suggest_nearest(const char *word, const char *const *names, size_t count);

#endif
