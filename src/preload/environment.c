/* environment.c - see environment.h. */
#include "environment.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096 /* a guess will do: it saves copying a page */

static const char session_prefix[] = WARM_SESSION_VARIABLE "=";

static char **tail;          /* where a job's variables begin */
static char **session_name;  /* USHERD_SESSION among the names, or NULL */
static char *session_values[2]; /* with room: among the names, and where the kernel put it; or NULL */

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

static void remove_name(char **name)
{
	do
		name[0] = name[1];
	while (*name++ != NULL);
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
		remove_name(name);
	clean_preload();
	name = find_name(WARM_BIND_NOW);
	if (name != NULL && strcmp(*name, WARM_BIND_NOW) == 0)
		remove_name(name);
}

/* Whether nothing else has been written there since. */
static int has_room(const char *value)
{
	return strlen(value) == WARM_SESSION_ROOM && strspn(value, " ") == WARM_SESSION_ROOM;
}

static void find_session(char *first)
{
	char *value = environment_find(session_prefix);

	session_name = find_name(session_prefix);
	session_values[0] = value != NULL && has_room(value) ? value : NULL;
	session_values[1] = first != NULL && first != value && has_room(first) ? first : NULL;
}

struct environment_job *environment_prepare(char *session)
{
	size_t count = 0, names;
	char **all;

	environment_clean();
	while (environ != NULL && environ[count] != NULL)
		count++;
	names = (count + ENVIRONMENT_VARIABLES + 1) * sizeof(char *);
	all = aligned_alloc(PAGE, (names + sizeof(struct environment_job) + PAGE - 1) / PAGE * PAGE);
	if (all == NULL)
		return NULL;
	if (count > 0)
		memcpy(all, environ, count * sizeof(char *));
	tail = all + count;
	*tail = NULL;
	environ = all;
	find_session(session);
	return (struct environment_job *)(void *)((char *)all + names);
}

/* Returns whether it had a place. */
static int put_session(char *variable, size_t length)
{
	const char *value = variable + sizeof(session_prefix) - 1;
	size_t size = length - (sizeof(session_prefix) - 1);

	if (session_name == NULL || !begins_with(variable, session_prefix))
		return 0;
	for (int i = 0; i < 2; i++)
		if (session_values[i] != NULL && size <= WARM_SESSION_ROOM) {
			memset(session_values[i], 0, WARM_SESSION_ROOM);
			memcpy(session_values[i], value, size);
		}
	if (session_values[0] == NULL || size > WARM_SESSION_ROOM)
		*session_name = variable;
	return 1;
}

int environment_complete(struct environment_job *received)
{
	char *at = received->text, *end = at + received->job.length;
	size_t count = 0;

	if (received->job.length > WARM_JOB_TEXT || (at < end && end[-1] != '\0'))
		return -1;
	while (at < end) {
		size_t length = strlen(at);

		if (at != received->text || !put_session(at, length)) {
			if (count == ENVIRONMENT_VARIABLES)
				return -1;
			tail[count++] = at;
		}
		at += length + 1;
	}
	tail[count] = NULL;
	return 0;
}
