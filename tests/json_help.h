/* json_help.h - what is asked over the control socket, and what its answers hold. */
#ifndef USHERD_TESTS_JSON_HELP_H
#define USHERD_TESTS_JSON_HELP_H

#include "harness.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static inline json_t *request(const struct daemon *daemon, const char *line)
{
	char *reply = daemon_ask(daemon, line);
	json_error_t error;
	json_t *object = json_loads(reply, 0, &error);

	ck_assert_msg(object != NULL, "%s: %s in %s", line, error.text, reply);
	free(reply);
	return object;
}

/* A number deep in an object: names apart by slashes. Missing: 0. */
static inline json_int_t number_at(const json_t *object, const char *path)
{
	char copy[256], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *name = strtok_r(copy, "/", &save); name != NULL; name = strtok_r(NULL, "/", &save))
		object = json_object_get(object, name);
	return json_integer_value(object);
}

static inline const char *text_at(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static inline bool is_ok(const json_t *reply)
{
	return json_is_true(json_object_get(reply, "ok"));
}

static inline json_int_t ask_number(const struct daemon *daemon, const char *line, const char *path)
{
	json_t *reply = request(daemon, line);
	json_int_t number = number_at(reply, path);

	ck_assert_msg(is_ok(reply), "%s: %s", line, text_at(reply, "error"));
	json_decref(reply);
	return number;
}

static inline void expect_refusal(const struct daemon *daemon, const char *line, const char *code)
{
	json_t *reply = request(daemon, line);

	ck_assert_msg(!is_ok(reply), "\"%s\" was done", line);
	ck_assert_str_eq(text_at(reply, "code"), code);
	ck_assert_msg(strlen(text_at(reply, "error")) > 10, "\"%s\": no sentence", line);
	json_decref(reply);
}

#endif
