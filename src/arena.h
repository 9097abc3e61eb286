/* arena.h - memory that is given back all at once: what belongs to one
 * configuration snapshot lives in one arena. */
#ifndef USHERD_ARENA_H
#define USHERD_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* A new, empty arena, or NULL when there is no memory. */
struct arena *arena_new(void);

/* Gives back the arena and all that was taken from it. */
void arena_free(struct arena *arena);

/* `size` zeroed bytes aligned for any type; NULL when there is no memory. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of `length` bytes of `text`, NUL added; NULL when there is no memory. */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_strdup(struct arena *arena, const char *text);

/* sprintf into the arena; NULL when there is no memory. */
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether one of the three above ever had no memory: for who fills a whole and looks once, in the end. */
bool arena_failed(const struct arena *arena);

#endif
