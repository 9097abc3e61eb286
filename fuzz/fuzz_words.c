/* fuzz_words.c - words_split() on any text: a refusal says why; words that are quoted
 * and joined again split into the same words. */
#include "arena.h"
#include "base.h"
#include "words.h"

#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The words as a command that no byte of them can escape from. */
static char *quote(char **words)
{
	size_t room = 1;
	char *text, *out;

	for (char **word = words; *word != NULL; word++)
		room += 4 * strlen(*word) + 3;
	out = text = malloc(room);
	if (text == NULL)
		return NULL;
	for (char **word = words; *word != NULL; word++) {
		*out++ = '\'';
		for (const char *at = *word; *at != '\0'; at++) {
			if (*at == '\'')
				out = stpcpy(out, "'\\''");
			else
				*out++ = *at;
		}
		out = stpcpy(out, "' ");
	}
	*out = '\0';
	return text;
}

static void check_words(struct arena *arena, char **words, size_t count, size_t size)
{
	_cleanup_free_ char *quoted = quote(words);
	char reason[256], **again;
	size_t again_count, total = 0;

	if (quoted == NULL)
		return;
	if (words[count] != NULL)
		BUG("no NULL behind the words");
	if (words_split(quoted, arena, &again, &again_count, reason, sizeof(reason)) != 0 ||
	    again_count != count)
		BUG("quoted words do not split");
	for (size_t i = 0; i < count; i++) {
		total += strlen(words[i]);
		if (strcmp(words[i], again[i]) != 0)
			BUG("quoted words split into others");
	}
	if (total > size)
		BUG("more bytes than were given");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);
	struct arena *arena = arena_new();
	char reason[256] = "", **words = NULL;
	size_t count = 0;
	int error;

	if (text != NULL && arena != NULL) {
		memcpy(text, data, size);
		text[size] = '\0';
		error = words_split(text, arena, &words, &count, reason, sizeof(reason));
		if (error == 0 && (words == NULL || count == 0))
			BUG("no words");
		if (error == 0)
			check_words(arena, words, count, size);
		else if (error == -EINVAL && (*reason == '\0' || words != NULL || count != 0))
			BUG("a refusal without a reason, or with a result");
	}
	arena_free(arena);
	return 0;
}
