/* environment.c - see environment.h. */
#include "environment.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE       4096 /* a guess will do: it saves copying a page */
#define NAMES_MOST 128  /* for more of them memory is taken */

static const char session_prefix[] = WARM_SESSION_VARIABLE "=";

/* One array from the start: a program may remember where it was, as perl does, which frees any other with all that is in
 * it. If the program has made its own since, what is put there is allocated, piece by piece. */
static char **array;
static size_t array_room;    /* of names that were there */
static char **owned;         /* that array, or the copy of a program's own */
static int is_foreign;
static char **tail;          /* where a job's variables begin */
static char *session_values[2]; /* with room: among the names, and where the kernel put it; or NULL */

/* What changes with each job, in one page but for long texts. */
static _Alignas(PAGE) struct {
	size_t tail_count; /* of the job's variables in `tail` */
	char *names[NAMES_MOST + ENVIRONMENT_VARIABLES + 1];
	struct environment_job job;
} changing;

static int begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static char **find_name(const char *prefix)
{
	for (char **name = environ; name != NULL && *name != NULL; name++)
		if (begins_with(*name, prefix))
			return name;
	return NULL;
}

char *environment_find(const char *prefix)
{
	char **name = find_name(prefix);

	return name == NULL ? NULL : *name + strlen(prefix);
}

/* Not from an array that the program made, as bash does: it knows how long that is. What stays there is empty. */
static void remove_name(char **name)
{
	if (owned != NULL && environ != owned)
		return;
	do
		name[0] = name[1];
	while (*name++ != NULL);
}

/* In place, too: interpreters may have kept the text as their own variable. */
static void blank(char **name)
{
	(*name)[strcspn(*name, "=") + 1] = '\0';
	remove_name(name);
}

static int is_library(const char *entry, size_t length)
{
	static const char *const names[] = { "/" WARM_LIBRARY_MAIN, "/" WARM_LIBRARY_INPUT };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t size = strlen(names[i]);

		if (length >= size && memcmp(entry + length - size, names[i], size) == 0)
			return 1;
	}
	return 0;
}

/* What the service itself preloads stays. */
static void clean_preload(void)
{
	char **name = find_name("LD_PRELOAD="), *entry;

	if (name == NULL)
		return;
	entry = *name + strlen("LD_PRELOAD=");
	while (*entry != '\0') {
		size_t length = strcspn(entry, ": "), rest = length + (entry[length] != '\0');

		if (is_library(entry, length))
			memmove(entry, entry + rest, strlen(entry + rest) + 1);
		else
			entry += rest;
	}
	if (strcmp(*name, "LD_PRELOAD=") == 0)
		remove_name(name);
}

void environment_clean(void)
{
	char **name = find_name(WARM_VARIABLE "=");

	if (name != NULL)
		blank(name);
	clean_preload();
	name = find_name(WARM_BIND_NOW);
	if (name != NULL && strcmp(*name, WARM_BIND_NOW) == 0)
		blank(name);
}

/* Whether nothing else has been written there since. */
static int has_room(const char *value)
{
	return strlen(value) == WARM_SESSION_ROOM && strspn(value, "0") == WARM_SESSION_ROOM;
}

static void find_session(char *first)
{
	char *value = environment_find(session_prefix), **name = find_name(session_prefix);

	session_values[0] = value != NULL && has_room(value) ? value : NULL;
	if (name != NULL && session_values[0] == NULL) {
		/* The job's own, behind it, is to be found instead. */
		remove_name(name);
		tail--;
	}
	session_values[1] = first != NULL && first != value && has_room(first) ? first : NULL;
}

static size_t count_names(void)
{
	size_t count = 0;

	while (environ != NULL && environ[count] != NULL)
		count++;
	return count;
}

/* The array of names, in `copy` or, if that is NULL, in memory of its own, with room for a job. */
static char **copy_names(size_t count, char **copy)
{
	if (copy == NULL)
		copy = malloc((count + ENVIRONMENT_VARIABLES + 1) * sizeof(char *));
	if (copy == NULL)
		return NULL;
	if (count > 0)
		memcpy(copy, environ, count * sizeof(char *));
	copy[count] = NULL;
	return copy;
}

int environment_begin(void)
{
	size_t count = count_names();

	array = copy_names(count, count <= NAMES_MOST ? changing.names : NULL);
	if (array == NULL)
		return -1;
	array_room = count;
	environ = owned = array;
	return 0;
}

struct environment_job *environment_prepare(char *session)
{
	size_t count = count_names();

	is_foreign = environ != array || count > array_room;
	if (is_foreign) {
		char **names = copy_names(count, NULL);

		if (names == NULL)
			return NULL;
		environ = owned = names;
	}
	environment_clean();
	tail = environ + count_names();
	find_session(session);
	return &changing.job;
}

/* Returns 1, 0 when it has no place, or -1 when it has no room in it. */
static int put_session(char *variable, size_t length)
{
	const char *value = variable + sizeof(session_prefix) - 1;
	size_t size = length - (sizeof(session_prefix) - 1);

	if (!begins_with(variable, session_prefix))
		return 0;
	if (size > WARM_SESSION_ROOM)
		return -1;
	for (int i = 0; i < 2; i++)
		if (session_values[i] != NULL) {
			memset(session_values[i], 0, WARM_SESSION_ROOM);
			memcpy(session_values[i], value, size);
		}
	if (session_values[0] == NULL)
		return 0;
	return 1;
}

/* Puts a variable at the end. Returns 0 or -1. */
static int put_last(char *variable)
{
	if (changing.tail_count == ENVIRONMENT_VARIABLES)
		return -1;
	if (is_foreign)
		variable = strdup(variable);
	if (variable == NULL)
		return -1;
	tail[changing.tail_count++] = variable;
	return 0;
}

int environment_complete(struct environment_job *received)
{
	char *at = received->text, *end = at + received->job.length;

	if (received->job.length > WARM_JOB_TEXT || (at < end && end[-1] != '\0'))
		return -1;
	while (is_foreign && changing.tail_count > 0)
		free(tail[--changing.tail_count]);
	changing.tail_count = 0;
	for (; at < end; at += strlen(at) + 1) {
		int r = at == received->text ? put_session(at, strlen(at)) : 0;

		if (r < 0 || (r == 0 && put_last(at) < 0))
			return -1;
	}
	tail[changing.tail_count] = NULL;
	return 0;
}
