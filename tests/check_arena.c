/* check_arena.c - memory that is zeroed, aligned, disjoint, and all given back
 * (the latter is what AddressSanitizer looks at). */
#include "arena.h"

#include "base.h"
#include "run.h"

#include <stdalign.h>
#include <string.h>

#define PIECES 4000

static size_t size_of(size_t i)
{
	static const size_t sizes[] = { 0, 1, 3, 7, 16, 33, 250, 4095, 4096, 4097, 70000 };

	return sizes[i % ELEMENTS(sizes)];
}

/* Each piece is filled with its own byte once it was seen to be zero; at the end
 * no piece has touched another. */
START_TEST(pieces)
{
	struct arena *arena = arena_new();
	static unsigned char *places[PIECES];

	ck_assert_ptr_nonnull(arena);
	for (size_t i = 0; i < PIECES; i++) {
		places[i] = arena_alloc(arena, size_of(i));
		ck_assert_ptr_nonnull(places[i]);
		ck_assert_uint_eq((uintptr_t)places[i] % alignof(max_align_t), 0);
		for (size_t k = 0; k < size_of(i); k++)
			if (places[i][k] != 0)
				ck_abort_msg("piece %zu is not zeroed", i);
		memset(places[i], (int)(i % 255) + 1, size_of(i));
		ck_assert_str_eq(arena_strdup(arena, "between"), "between"); /* breaks the alignment */
	}
	for (size_t i = 0; i < PIECES; i++)
		for (size_t k = 0; k < size_of(i); k++)
			if (places[i][k] != i % 255 + 1)
				ck_abort_msg("piece %zu was written over", i);
	arena_free(arena);
}
END_TEST

START_TEST(texts)
{
	struct arena *arena = arena_new();
	char *large;

	ck_assert_str_eq(arena_strndup(arena, "abcdef", 3), "abc");
	ck_assert_str_eq(arena_strndup(arena, "abcdef", 0), "");
	ck_assert_mem_eq(arena_strndup(arena, "a\0b", 3), "a\0b", 4);
	ck_assert_str_eq(arena_strdup(arena, ""), "");
	ck_assert_str_eq(arena_printf(arena, "%s=%d", "key", 17), "key=17");
	large = arena_printf(arena, "%300000s", "x");
	ck_assert_uint_eq(strlen(large), 300000);
	ck_assert_str_eq(arena_printf(arena, "%s", ""), "");
	arena_free(arena);
}
END_TEST

START_TEST(too_large)
{
	struct arena *arena = arena_new();

	ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX));
	ck_assert_ptr_null(arena_alloc(arena, SIZE_MAX / 2 + 1));
	ck_assert_ptr_null(arena_strndup(arena, "", SIZE_MAX));
	ck_assert_str_eq(arena_strdup(arena, "still works"), "still works");
	arena_free(arena);
}
END_TEST

START_TEST(nothing)
{
	arena_free(NULL);
	arena_free(arena_new());
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("arena");
	TCase *tests = tcase_create("arena");

	tcase_add_test(tests, pieces);
	tcase_add_test(tests, texts);
	tcase_add_test(tests, too_large);
	tcase_add_test(tests, nothing);
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
