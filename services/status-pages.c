/* status-pages.c - the fixed pages, and those that are made of the daemon's answers. */
#include "status-pages.h"

#include "ctl-client.h"
#include "ctl-metrics.h"
#include "status-page.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN      "text/plain; charset=utf-8"
#define JSON       "application/json"
#define TIMEOUT_MS 5000

/* What may be seen of a service over HTTP: no command, no user, no path of a file. */
static const char *const hidden[] = { "exec", "user", "where" };

static void reply_fixed(enum http_verdict status, const char *type, const char *text,
			struct status_reply *reply)
{
	*reply = (struct status_reply){
		.status = status,
		.type = type,
		.body = text,
		.length = strlen(text),
	};
}

/* Takes `text`; NULL: there was no memory. */
static void reply_made(enum http_verdict status, const char *type, char *text, struct status_reply *reply)
{
	if (text == NULL) {
		reply_fixed(HTTP_UNAVAILABLE, PLAIN, "out of memory\n", reply);
		return;
	}
	reply_fixed(status, type, text, reply);
	reply->owned = text;
}

/* Asks the daemon. Returns its reply, or NULL and a sentence. */
static json_t *ask(const char *control, const char *verb, char reason[static CTL_REASON_MAX])
{
	json_t *reply = NULL;
	const char *error;

	if (ctl_ask(ctl_default_path(control), &verb, 1, TIMEOUT_MS, &reply, reason) < 0)
		return NULL;
	if (json_is_true(json_object_get(reply, "ok")))
		return reply;
	error = json_string_value(json_object_get(reply, "error"));
	snprintf(reason, CTL_REASON_MAX, "%s",
		 error != NULL ? error : "usherd gave an answer without a meaning");
	json_decref(reply);
	return NULL;
}

static void reply_reason(const char *reason, struct status_reply *reply)
{
	char *text;

	if (asprintf(&text, "%s\n", reason) < 0)
		text = NULL;
	reply_made(HTTP_UNAVAILABLE, PLAIN, text, reply);
}

/* ---- /status.json ---- */

/* The list in an answer, no longer than `most`; then NAME_total says how many there are. */
static void put_list(json_t *status, json_t *answer, const char *name, size_t most)
{
	json_t *list = json_object_get(answer, name);
	size_t total = json_array_size(list);
	char key[32];

	while (json_array_size(list) > most)
		json_array_remove(list, json_array_size(list) - 1);
	snprintf(key, sizeof(key), "%s_total", name);
	json_object_set_new(status, key, json_integer((json_int_t)total));
	json_object_set(status, name, list);
}

static void hide(json_t *services)
{
	size_t i;
	json_t *service;

	json_array_foreach(services, i, service)
	{
		for (size_t at = 0; at < sizeof(hidden) / sizeof(hidden[0]); at++)
			json_object_del(service, hidden[at]);
	}
}

/* All of it in the daemon's answer to `status`, which has "ok", "daemon" and "problems" already. */
static json_t *gather(const char *control, char reason[static CTL_REASON_MAX])
{
	json_t *status = ask(control, "status", reason);
	json_t *services = status != NULL ? ask(control, "services", reason) : NULL;
	json_t *sessions = services != NULL ? ask(control, "sessions", reason) : NULL;

	if (sessions != NULL) {
		put_list(status, services, "services", STATUS_SERVICES_MAX);
		hide(json_object_get(status, "services"));
		put_list(status, sessions, "sessions", STATUS_SESSIONS_MAX);
	} else {
		json_decref(status);
		status = NULL;
	}
	json_decref(services);
	json_decref(sessions);
	return status;
}

static bool is_draining(const json_t *status)
{
	const char *state = json_string_value(json_object_get(json_object_get(status, "daemon"), "state"));

	return state == NULL || strcmp(state, "serving") != 0;
}

static void answer_status(const char *control, struct status_reply *reply)
{
	char reason[CTL_REASON_MAX];
	json_t *status = gather(control, reason);
	bool found = status != NULL;

	if (!found)
		status = json_pack("{s:b, s:s}", "ok", 0, "error", reason);
	reply_made(found ? HTTP_OK : HTTP_UNAVAILABLE, JSON, json_dumps(status, JSON_COMPACT), reply);
	/* A page that is open must not be what a draining daemon waits for. */
	reply->last = found && is_draining(status);
	json_decref(status);
}

/* ---- for machines ---- */

static void answer_metrics(const char *control, struct status_reply *reply)
{
	char reason[CTL_REASON_MAX], *text = NULL;
	json_t *metrics = ask(control, "metrics", reason);
	size_t length;
	FILE *out;
	bool failed;

	if (metrics == NULL) {
		reply_reason(reason, reply);
		return;
	}
	out = open_memstream(&text, &length);
	if (out != NULL) {
		ctl_metrics_print(metrics, out);
		failed = ferror(out) != 0;
		if (fclose(out) != 0 || failed) {
			free(text);
			text = NULL;
		}
	}
	json_decref(metrics);
	reply_made(HTTP_OK, CTL_METRICS_TYPE, text, reply);
}

static void answer_health(const char *control, struct status_reply *reply)
{
	char reason[CTL_REASON_MAX];
	json_t *status = ask(control, "status", reason);

	if (status != NULL)
		reply_fixed(HTTP_OK, PLAIN, "ok\n", reply);
	else
		reply_reason(reason, reply);
	json_decref(status);
}

static void answer_readiness(const char *control, struct status_reply *reply)
{
	char reason[CTL_REASON_MAX];
	json_t *status = ask(control, "status", reason);

	if (status == NULL)
		reply_reason(reason, reply);
	else if (is_draining(status))
		reply_fixed(HTTP_UNAVAILABLE, PLAIN, "draining\n", reply);
	else
		reply_fixed(HTTP_OK, PLAIN, "ready\n", reply);
	json_decref(status);
}

static const struct {
	const char *path;
	void (*answer)(const char *control, struct status_reply *reply);
} answers[] = {
	{ "/status.json", answer_status },
	{ "/metrics", answer_metrics },
	{ "/healthz", answer_health },
	{ "/readyz", answer_readiness },
};

void status_answer(const char *path, const char *control, struct status_reply *ret_reply)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (strcmp(path, answers[i].path) == 0) {
			answers[i].answer(control, ret_reply);
			return;
		}
	}
	for (size_t i = 0; i < status_page_count; i++) {
		const struct status_page *page = &status_pages[i];

		if (strcmp(path, page->path) == 0) {
			*ret_reply = (struct status_reply){
				.status = HTTP_OK,
				.type = page->type,
				.body = page->bytes,
				.length = page->length,
			};
			return;
		}
	}
	reply_fixed(HTTP_NOT_FOUND, PLAIN, "Here are /, /status.json, /metrics, /healthz and /readyz.\n",
		    ret_reply);
}

void status_refuse(enum http_verdict status, struct status_reply *ret_reply)
{
	char *text;

	if (asprintf(&text, "%s\n", http_reason(status)) < 0)
		text = NULL;
	reply_made(status, PLAIN, text, ret_reply);
	ret_reply->status = status;
	ret_reply->last = true;
}

void status_reply_free(struct status_reply *reply)
{
	free(reply->owned);
}
