/* words.h - a command line split into words as a POSIX shell would split it,
 * although no shell runs it. */
#ifndef USHERD_WORDS_H
#define USHERD_WORDS_H

#include <stddef.h>

struct arena;

/* Splits `text` at blanks; 'x' is literal, in "x" a backslash escapes \ " $ and
 * `, elsewhere it escapes any byte. Nothing is expanded: what a shell would act upon
 * (| & ; < > ( ) ` $NAME) is refused unless it is quoted; globs, ~ and # are plain bytes.
 * The words, `ret_count` of them and a NULL behind, live in the arena.
 *
 * Returns 0; -ENOMEM; or -EINVAL with a sentence in `reason` (of `size` bytes),
 * also when there is no word at all. */
int words_split(const char *text, struct arena *arena, char ***ret_words, size_t *ret_count, char *reason,
		size_t size);

#endif
