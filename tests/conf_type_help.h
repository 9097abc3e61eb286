/* conf_type_help.h - one type of the configuration at a time: text that it takes or refuses,
 * and what it prints. */
#ifndef USHERD_TESTS_CONF_TYPE_HELP_H
#define USHERD_TESTS_CONF_TYPE_HELP_H

#include "base.h"
#include "conf-key.h"
#include "run.h"

#include <string.h>

/* Large enough for every field, aligned for each. */
union field {
	struct conf_service service;
	struct conf_daemon daemon;
	long double alignment;
};

struct bench {
	struct arena *arena;
	struct identity_cache *identities;
	union field field;
	char reason[CONF_REASON_MAX];
};

static inline void open_bench(struct bench *bench)
{
	memset(bench, 0, sizeof(*bench));
	bench->arena = arena_new();
	ck_assert_ptr_nonnull(bench->arena);
	bench->identities = identity_cache_new(bench->arena);
	ck_assert_ptr_nonnull(bench->identities);
}

static inline void close_bench(struct bench *bench)
{
	identity_cache_free(bench->identities);
	arena_free(bench->arena);
}

static inline int parse(struct bench *bench, const struct conf_type *type, int64_t min, int64_t max,
			const char *text)
{
	struct conf_input input = {
		.text = text, .min = min, .max = max, .arena = bench->arena, .identities = bench->identities
	};

	bench->reason[0] = '\0';
	return type->parse(&input, &bench->field, bench->reason);
}

/* (Inlined, it makes gcc see a dangling pointer.) */
static __attribute__((noinline, unused)) char *print_value(struct bench *bench, const struct conf_type *type)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(stream);
	type->print(&bench->field, stream);
	fclose(stream);
	return text;
}

/* As the reader of a file gives it: continuation lines joined. */
static inline char *print_field(struct bench *bench, const struct conf_type *type)
{
	char *text = print_value(bench, type), *line;

	while ((line = strstr(text, "\n        ")) != NULL)
		memmove(line + 1, line + 9, strlen(line + 9) + 1), *line = ' ';
	return text;
}

#endif
