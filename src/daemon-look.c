/* daemon-look.c - requests that only look: answered from what view.h and explain.h tell. Long lists
 * are made piece by piece, as the client takes them. */
#include "daemon-internal.h"

#include "access.h"
#include "base.h"
#include "clock.h"
#include "explain.h"
#include "service-bans.h"
#include "service-plan.h"
#include "suggest.h"
#include "view.h"

#include <errno.h>
#include <string.h>

#define PROBLEMS_TOLD   16
#define ENTRIES_A_PIECE 1024

/* ---- names ---- */

const struct conf_service *daemon_find_service(const struct daemon *daemon, const char *name)
{
	const struct conf *conf = daemon->set->conf;

	for (size_t i = 0; i < conf->service_count; i++)
		if (strcmp(conf->services[i].name, name) == 0)
			return &conf->services[i];
	return NULL;
}

const struct conf_service *daemon_service_or_refuse(struct daemon *daemon, struct control_client *client,
						    const char *name)
{
	const struct conf_service *settings = daemon_find_service(daemon, name);

	if (settings == NULL)
		control_refuse(client, CONTROL_CODE_UNKNOWN,
			       "there is no service '%.100s'; `usherctl services` lists them", name);
	return settings;
}

/* ---- status, version ---- */

void daemon_look_status(struct daemon *daemon, struct control_client *client,
			const struct control_request *request)
{
	json_t *problems = view_problems(daemon->set, PROBLEMS_TOLD);

	(void)request;
	if (daemon->last_reload.wall_s != 0 && !daemon->last_reload.ok)
		json_array_insert_new(problems, 0,
				      json_pack("{s:s, s:s, s:s+}", "service", "usherd", "state", "failing",
						"message", "its last reload failed: ",
						daemon->last_reload.message));
	control_answer(client, json_pack("{s:o, s:o}", "daemon", daemon_status(daemon), "problems", problems));
}

void daemon_look_version(struct daemon *daemon, struct control_client *client,
			 const struct control_request *request)
{
	(void)daemon;
	(void)request;
	control_answer(client, json_pack("{s:s, s:i}", "version", PACKAGE_VERSION, "pid", (int)getpid()));
}

/* ---- services ---- */

struct services_cursor {
	size_t place; /* in the configuration in force: a reload between two pieces may show one twice, or not
			 at all */
	bool detailed;
};

static bool more_services(void *context, struct control_client *client, void *memory)
{
	struct daemon *daemon = context;
	struct services_cursor *cursor = memory;
	const struct conf *conf = daemon->set->conf;

	while (cursor->place < conf->service_count && !control_is_full(client))
		control_item(client,
			     view_service(daemon->set, &conf->services[cursor->place++], cursor->detailed));
	return cursor->place < conf->service_count;
}

void daemon_look_services(struct daemon *daemon, struct control_client *client,
			  const struct control_request *request)
{
	struct services_cursor cursor = { .place = 0 };

	if (request->argument_count == 0) {
		control_answer_long(client, json_object(), "services", more_services, &cursor,
				    sizeof(cursor));
		return;
	}

	const struct conf_service *settings = daemon_service_or_refuse(daemon, client, request->arguments[0]);

	if (settings != NULL)
		control_answer(client,
			       json_pack("{s:[o]}", "services", view_service(daemon->set, settings, true)));
}

void daemon_look_metrics(struct daemon *daemon, struct control_client *client,
			 const struct control_request *request)
{
	struct services_cursor cursor = { .detailed = true };

	(void)request;
	control_answer_long(client, json_pack("{s:o}", "daemon", daemon_status(daemon)), "services",
			    more_services, &cursor, sizeof(cursor));
}

/* ---- sessions ---- */

struct sessions_cursor {
	size_t place;
	char service[96]; /* "": all */
};

struct sessions_piece {
	struct control_client *client;
	const struct sessions_cursor *cursor;
	uint64_t now_ns;
};

static bool show_session(void *context, struct session *session)
{
	struct sessions_piece *piece = context;

	if (piece->cursor->service[0] == '\0' || strcmp(piece->cursor->service, session->settings->name) == 0)
		control_item(piece->client, view_session(session, piece->now_ns));
	return !control_is_full(piece->client);
}

static bool more_sessions(void *context, struct control_client *client, void *memory)
{
	struct daemon *daemon = context;
	struct sessions_cursor *cursor = memory;
	struct sessions_piece piece = { .client = client, .cursor = cursor, .now_ns = clock_now_ns() };

	return session_each(daemon->set->sessions, &cursor->place, ENTRIES_A_PIECE, show_session, &piece);
}

void daemon_look_sessions(struct daemon *daemon, struct control_client *client,
			  const struct control_request *request)
{
	struct sessions_cursor cursor = { .place = 0 };

	if (request->argument_count > 0) {
		const struct conf_service *settings =
			daemon_service_or_refuse(daemon, client, request->arguments[0]);

		if (settings == NULL)
			return;
		snprintf(cursor.service, sizeof(cursor.service), "%s", settings->name);
	}
	control_answer_long(client, json_object(), "sessions", more_sessions, &cursor, sizeof(cursor));
}

/* ---- bans ---- */

static bool show_ban(void *context, const struct service_ban *ban)
{
	struct control_client *client = context;
	char address[ACCESS_TEXT_MAX];

	control_item(client,
		     json_pack("{s:s, s:o, s:s, s:o}", "address", access_print(&ban->rule, address),
			       "service", view_text(ban->service), "by",
			       ban->service == NULL ? "hand" : "limits", "seconds_left",
			       ban->left_ns == BANS_FOR_EVER ? json_null() : view_seconds(ban->left_ns)));
	return !control_is_full(client);
}

static bool more_bans(void *context, struct control_client *client, void *cursor)
{
	struct daemon *daemon = context;

	return service_set_each_ban(daemon->set, cursor, show_ban, client);
}

void daemon_look_bans(struct daemon *daemon, struct control_client *client,
		      const struct control_request *request)
{
	uint64_t place = 0;

	(void)daemon;
	(void)request;
	control_answer_long(client, json_object(), "bans", more_bans, &place, sizeof(place));
}

/* ---- show, explain ---- */

void daemon_look_show(struct daemon *daemon, struct control_client *client,
		      const struct control_request *request)
{
	const char *name = request->arguments[0];
	const struct conf_service *settings;

	if (strcmp(name, "usherd") == 0) {
		control_answer(client, json_pack("{s:s, s:n, s:o}", "name", name, "where", "keys",
						 view_daemon_keys(&daemon->set->conf->daemon)));
		return;
	}
	settings = daemon_service_or_refuse(daemon, client, name);
	if (settings != NULL)
		control_answer(client,
			       json_pack("{s:o, s:o, s:o}", "name", view_text(name), "where",
					 view_where(&settings->where), "keys", view_service_keys(settings)));
}

static void add_step(void *context, const char *key, bool passes, const char *text)
{
	json_array_append_new(
		context, json_pack("{s:s, s:b, s:o}", "key", key, "passes", passes, "text", view_text(text)));
}

/* A single client: an address, or uid:N. */
static bool parse_client(const char *text, struct peer *ret_peer, char reason[static ACCESS_REASON_MAX])
{
	struct access_rule rules[ACCESS_RULES_OF_WORD];
	int r = access_parse(text, rules, reason);

	if (r < 0)
		return false;
	*ret_peer = (struct peer){ .family = PEER_NONE };
	switch ((enum access_kind)rules[0].kind) {
	case ACCESS_IPV4:
		ret_peer->family = PEER_IPV4;
		break;
	case ACCESS_IPV6:
		ret_peer->family = PEER_IPV6;
		break;
	case ACCESS_UID:
		ret_peer->family = PEER_UNIX;
		ret_peer->unix_peer.uid = rules[0].id;
		ret_peer->unix_peer.gid = (gid_t)-1;
		return true;
	case ACCESS_CID:
		ret_peer->family = PEER_VSOCK;
		ret_peer->vsock.cid = rules[0].id;
		return true;
	case ACCESS_ALL:
	case ACCESS_GID:
	case ACCESS_FILE:
		break;
	}
	if (r != 1 ||
	    rules[0].bits != (ret_peer->family == PEER_IPV4 ? 32 :
			      ret_peer->family == PEER_IPV6 ? 128 :
							      0) ||
	    ret_peer->family == PEER_NONE) {
		snprintf(reason, ACCESS_REASON_MAX,
			 "'%.80s' is not one client: write an address, uid:NUMBER or cid:NUMBER", text);
		return false;
	}
	memcpy(ret_peer->ip, rules[0].ip, sizeof(ret_peer->ip));
	return true;
}

/* As it was asked for. */
static const char *print_client(const struct peer *peer, char text[static PEER_TEXT_MAX])
{
	if (peer->family == PEER_UNIX)
		snprintf(text, PEER_TEXT_MAX, "uid:%u", peer->unix_peer.uid);
	else if (peer->family == PEER_VSOCK)
		snprintf(text, PEER_TEXT_MAX, "cid:%u", peer->vsock.cid);
	else
		peer_print_address(peer, text);
	return text;
}

/* Whether the service has a socket that such a client could come to. */
static bool can_reach(const struct endpoint_list *list, const struct peer *peer)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct endpoint *endpoint = &list->items[i];

		if (peer->family == PEER_UNIX  ? endpoint_is_unix(endpoint) :
		    peer->family == PEER_VSOCK ? endpoint->kind == ENDPOINT_VSOCK :
						 endpoint_is_ip(endpoint))
			return true;
	}
	return false;
}

void daemon_look_explain(struct daemon *daemon, struct control_client *client,
			 const struct control_request *request)
{
	const struct conf_service *settings;
	struct service *service;
	struct explanation explanation;
	struct peer peer;
	char reason[ACCESS_REASON_MAX], text[PEER_TEXT_MAX];
	json_t *steps;

	if (!parse_client(request->arguments[0], &peer, reason)) {
		control_refuse(client, CONTROL_CODE_USAGE, "%s", reason);
		return;
	}
	settings = daemon_service_or_refuse(daemon, client, request->arguments[1]);
	if (settings == NULL)
		return;
	service = plan_find_service(daemon->set, settings->name);
	if (service == NULL || service->disabled) {
		control_refuse(client, CONTROL_CODE_REFUSED,
			       "%s is disabled: nobody is served; `usherctl enable %s`", settings->name,
			       settings->name);
		return;
	}

	if (!can_reach(&settings->listen, &peer)) {
		control_refuse(client, CONTROL_CODE_REFUSED,
			       "%s has no socket that %s could connect to: see its `listen`", settings->name,
			       print_client(&peer, text));
		return;
	}

	struct gate_client who = service_client(service, &peer, -1);

	who.proven = true;
	steps = json_array();
	explain(&daemon->set->conf->daemon, service->settings, &daemon->set->gate, &service->gate, &who,
		add_step, steps, &explanation);
	control_answer(client, json_pack("{s:o, s:s, s:s, s:s?, s:o, s:o, s:o}", "service",
					 view_text(settings->name), "peer", print_client(&peer, text),
					 "verdict", gate_reason_name(explanation.reason), "key",
					 explanation.key, "where", view_where(&explanation.where), "text",
					 view_text(explanation.text), "steps", steps));
}
