/* check_log.h - what the two test programs of the log share: a folder of their
 * own, and a whole file in one string. */
#ifndef USHERD_TESTS_CHECK_LOG_H
#define USHERD_TESTS_CHECK_LOG_H

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A path inside a new folder; remove_folder() removes both. */
static inline char *make_path(char path[static PATH_MAX], const char *name)
{
	const char *base = getenv("TMPDIR");
	char folder[PATH_MAX / 2];

	snprintf(folder, sizeof(folder), "%s/usherd-log.XXXXXX", base != NULL ? base : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, PATH_MAX, "%s/%s", folder, name);
	return path;
}

static inline void remove_folder(char *path)
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	ck_assert_int_eq(rmdir(path), 0);
}

static inline char *read_whole(const char *path)
{
	FILE *file = fopen(path, "re");

	ck_assert_ptr_nonnull(file);

	size_t room = 4 << 20;
	char *text = malloc(room);

	ck_assert_ptr_nonnull(text);

	size_t length = fread(text, 1, room - 1, file);

	ck_assert(feof(file));
	ck_assert_msg(memchr(text, '\0', length) == NULL, "a NUL in the log");
	text[length] = '\0';
	fclose(file);
	return text;
}

#endif
