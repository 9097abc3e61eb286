/* daemon-change.c - requests that change something. */
#include "daemon-internal.h"

#include "access.h"
#include "base.h"
#include "conf-type.h"
#include "service-bans.h"
#include "service-plan.h"
#include "service.h"
#include "view.h"

#include <errno.h>
#include <string.h>

/* ---- reload ---- */

static json_t *names(const struct service_change_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, view_text(list->items[i].text));
	return array;
}

static json_t *keys(const struct service_change *change)
{
	json_t *array = json_array();

	for (size_t i = 0; i < change->key_count; i++)
		json_array_append_new(array, json_string(change->keys[i]));
	return array;
}

static json_t *changed(const struct service_change_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, json_pack("{s:o, s:o}", "name", view_text(list->items[i].text),
						       "keys", keys(&list->items[i])));
	return array;
}

static json_t *plan(const struct service_changes *changes)
{
	size_t listeners = changes->opened.left_out + changes->closed.left_out;
	size_t services = changes->added.left_out + changes->removed.left_out + changes->changed.left_out;

	return json_pack("{s:{s:o, s:o, s:I, s:I}, s:{s:o, s:o, s:o, s:I, s:I}, s:{s:o}}", "listeners",
			 "opened", names(&changes->opened), "closed", names(&changes->closed), "kept",
			 (json_int_t)changes->kept, "left_out", (json_int_t)listeners, "services", "added",
			 names(&changes->added), "removed", names(&changes->removed), "changed",
			 changed(&changes->changed), "unchanged", (json_int_t)changes->unchanged, "left_out",
			 (json_int_t)services, "daemon", "changed", keys(&changes->daemon));
}

static json_t *errors(const struct conf_errors *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct conf_error *error = &list->items[i];

		json_array_append_new(array, json_pack("{s:o, s:i, s:o, s:o}", "path", view_text(error->path),
						       "line", (int)error->line, "subject",
						       view_text(error->subject), "reason",
						       view_text(error->reason)));
	}
	return array;
}

static void refuse_reload(struct control_client *client, int r, const struct daemon_reload_outcome *outcome)
{
	if (outcome->errors.count == 0)
		control_refuse(client,
			       r == -EBUSY || r == -ENOTSUP ? CONTROL_CODE_REFUSED : CONTROL_CODE_FAILED,
			       "%s; nothing has changed", outcome->message);
	else
		control_refuse_with(client, CONTROL_CODE_CONFIG,
				    json_pack("{s:o, s:I}", "errors", errors(&outcome->errors), "left_out",
					      (json_int_t)outcome->errors.left_out),
				    "%s", outcome->message);
}

void daemon_change_reload(struct daemon *daemon, struct control_client *client,
			  const struct control_request *request)
{
	bool dry_run = (request->options & CONTROL_DRY_RUN) != 0;
	struct daemon_reload_outcome outcome;
	int r = daemon_reload(daemon, dry_run, true, &outcome);

	if (r < 0)
		refuse_reload(client, r, &outcome);
	else
		control_answer(client, json_pack("{s:b, s:i, s:o, s:o}", "dry_run", dry_run, "generation",
						 (int)service_set_generation(daemon->set), "plan",
						 plan(&outcome.changes), "warnings",
						 errors(&outcome.conf->warnings)));
	daemon_reload_outcome_free(&outcome);
}

/* ---- enable, disable, drain ---- */

static void log_override(struct daemon *daemon, const char *name, bool disable)
{
	struct log_event *event = log_begin(daemon->log, LOG_LEVEL_NOTICE, "override");

	log_text(event, "service", name);
	log_text(event, "state", disable ? "disabled" : "enabled");
	log_text(event, "message", "by hand, until the next reload");
	log_end(event);
}

static void override(struct daemon *daemon, struct control_client *client, const char *name, bool disable)
{
	struct conf_errors trouble = { .count = 0 };
	size_t listeners = 0, sessions = 0;
	int r;

	if (daemon_service_or_refuse(daemon, client, name) == NULL)
		return;
	r = service_set_override(daemon->set, name, disable, &trouble, &listeners, &sessions);
	if (r == 0) {
		log_override(daemon, name, disable);
		control_answer(client, json_pack("{s:o, s:I, s:I}", "service", view_text(name), "listeners",
						 (json_int_t)listeners, "active", (json_int_t)sessions));
	} else if (trouble.count > 0) {
		control_refuse_with(client, CONTROL_CODE_CONFIG,
				    json_pack("{s:o}", "errors", errors(&trouble)),
				    "%s cannot be offered; nothing has changed", name);
	} else {
		control_refuse(client, r == -EBUSY ? CONTROL_CODE_REFUSED : CONTROL_CODE_FAILED,
			       "%s: %s; nothing has changed", name,
			       r == -EBUSY ? "usherd is about to end" : strerror(-r));
	}
	conf_errors_free(&trouble);
}

void daemon_change_enable(struct daemon *daemon, struct control_client *client,
			  const struct control_request *request)
{
	override(daemon, client, request->arguments[0], false);
}

void daemon_change_disable(struct daemon *daemon, struct control_client *client,
			   const struct control_request *request)
{
	override(daemon, client, request->arguments[0], true);
}

void daemon_change_renew(struct daemon *daemon, struct control_client *client,
			 const struct control_request *request)
{
	const char *name = request->arguments[0];
	struct service *service;
	int r;

	if (daemon_service_or_refuse(daemon, client, name) == NULL)
		return;
	service = plan_find_service(daemon->set, name);
	r = service != NULL ? service_warm_renew(service) : -EBUSY;
	if (r == 0)
		control_answer(client, json_pack("{s:o}", "service", view_text(name)));
	else if (r == -ENOTSUP)
		control_refuse(client, CONTROL_CODE_REFUSED,
			       "%s is not started ahead of clients: its section has no `warm`, or it cannot be", name);
	else
		control_refuse(client, CONTROL_CODE_REFUSED, "%s is not offered: `usherctl enable` starts it", name);
}

void daemon_change_drain(struct daemon *daemon, struct control_client *client,
			 const struct control_request *request)
{
	if (request->argument_count > 0) {
		override(daemon, client, request->arguments[0], true);
		return;
	}
	control_answer(client, json_pack("{s:n, s:I}", "service", "active",
					 (json_int_t)service_set_session_count(daemon->set)));
	daemon_end(daemon, DAEMON_END_PATIENT);
}

void daemon_change_stop(struct daemon *daemon, struct control_client *client,
			const struct control_request *request)
{
	bool now = (request->options & CONTROL_NOW) != 0;

	control_answer(
		client,
		json_pack("{s:I, s:f}", "sessions", (json_int_t)service_set_session_count(daemon->set),
			  "timeout_seconds",
			  now ? 0.0 : (double)daemon->conf->daemon.drain_timeout_ns / (double)NS_PER_S));
	daemon_end(daemon, now ? DAEMON_END_NOW : DAEMON_END_DRAIN);
}

void daemon_change_upgrade(struct daemon *daemon, struct control_client *client,
			   const struct control_request *request)
{
	(void)request;
	daemon_upgrade_asked(daemon, client);
}

/* ---- kill ---- */

/* Whom to kill: one of the three is set. */
struct victims {
	uint64_t id;
	const char *service;
	const struct access_rule *rule;
	bool at_once;
	size_t count;
};

static bool is_victim(const struct victims *victims, const struct session *session)
{
	struct access_rule rule;

	if (victims->service != NULL)
		return strcmp(session->settings->name, victims->service) == 0;
	if (victims->rule != NULL)
		return access_rule_of(&session->peer, &rule) && bans_contains(victims->rule, &rule);
	return session->id == victims->id;
}

static bool kill_victim(void *context, struct session *session)
{
	struct victims *victims = context;

	if (is_victim(victims, session)) {
		victims->count++;
		session_terminate(session, SESSION_KILL, victims->at_once);
	}
	return true;
}

/* A number is a session, a name a service, and what is left an address. */
static bool parse_victims(struct daemon *daemon, const char *word, struct victims *victims,
			  struct access_rule rules[static ACCESS_RULES_OF_WORD],
			  char reason[static CONTROL_REASON_MAX])
{
	char access_reason[ACCESS_REASON_MAX];
	int r;

	if (word[0] != '\0' && word[strspn(word, "0123456789")] == '\0') {
		errno = 0;
		victims->id = strtoull(word, NULL, 10);
		return true;
	}
	if (daemon_find_service(daemon, word) != NULL) {
		victims->service = word;
		return true;
	}
	r = access_parse(word, rules, access_reason);
	if (r == 1 && rules[0].kind != ACCESS_ALL && rules[0].kind != ACCESS_GID) {
		victims->rule = &rules[0];
		return true;
	}
	snprintf(reason, CONTROL_REASON_MAX,
		 "'%.80s' is not the number of a session, nor a service, nor an address or network", word);
	return false;
}

void daemon_change_kill(struct daemon *daemon, struct control_client *client,
			const struct control_request *request)
{
	const char *word = request->arguments[0];
	struct victims victims = { .at_once = (request->options & CONTROL_NOW) != 0 };
	struct access_rule rules[ACCESS_RULES_OF_WORD];
	char reason[CONTROL_REASON_MAX];
	size_t place = 0;

	if (!parse_victims(daemon, word, &victims, rules, reason)) {
		control_refuse(client, CONTROL_CODE_UNKNOWN, "%s", reason);
		return;
	}
	session_each(daemon->set->sessions, &place, SIZE_MAX, kill_victim, &victims);
	if (victims.count == 0)
		control_refuse(client, CONTROL_CODE_UNKNOWN,
			       "there is no session of '%.80s'; `usherctl sessions` lists them", word);
	else
		control_answer(client, json_pack("{s:I}", "sessions", (json_int_t)victims.count));
}

/* ---- bans ---- */

static bool parse_network(struct control_client *client, const char *word, struct access_rule *ret_rule)
{
	struct access_rule rules[ACCESS_RULES_OF_WORD];
	char reason[ACCESS_REASON_MAX];
	int r = access_parse(word, rules, reason);

	if (r < 0) {
		control_refuse(client, CONTROL_CODE_USAGE, "%s", reason);
		return false;
	}
	if (r != 1 || (rules[0].kind != ACCESS_IPV4 && rules[0].kind != ACCESS_IPV6)) {
		control_refuse(client, CONTROL_CODE_USAGE, "'%.80s' is neither an address nor a network",
			       word);
		return false;
	}
	*ret_rule = rules[0];
	return true;
}

static bool is_loopback(const struct access_rule *rule)
{
	static const uint8_t v6[16] = { [15] = 1 };

	return rule->kind == ACCESS_IPV4 ? rule->ip[0] == 127 && rule->bits >= 8 :
					   rule->bits == 128 && memcmp(rule->ip, v6, sizeof(v6)) == 0;
}

static bool parse_length(struct control_client *client, const char *text, uint64_t *ret_ns)
{
	char reason[CONF_REASON_MAX];
	int64_t ms;

	if (conf_type_milliseconds(text, 1000, INT64_C(31536000000), &ms, reason) < 0) {
		control_refuse(client, CONTROL_CODE_USAGE, "%s", reason);
		return false;
	}
	*ret_ns = (uint64_t)ms * NS_PER_MS;
	return true;
}

struct running {
	const struct access_rule *rule;
	size_t count;
};

static bool count_running(void *context, struct session *session)
{
	struct running *running = context;
	struct access_rule rule;

	running->count += access_rule_of(&session->peer, &rule) && bans_contains(running->rule, &rule);
	return true;
}

static size_t count_sessions(const struct daemon *daemon, const struct access_rule *rule)
{
	struct running running = { .rule = rule };
	size_t place = 0;

	session_each(daemon->set->sessions, &place, SIZE_MAX, count_running, &running);
	return running.count;
}

static void log_banned(struct daemon *daemon, const char *address, uint64_t length_ns)
{
	struct log_event *event = log_begin(daemon->log, LOG_LEVEL_NOTICE, "banned");

	log_text(event, "address", address);
	if (length_ns != 0)
		log_seconds(event, "seconds", length_ns);
	log_end(event);
}

static void log_unbanned(struct daemon *daemon, const char *address, int lifted)
{
	struct log_event *event = log_begin(daemon->log, LOG_LEVEL_NOTICE, "unbanned");

	log_text(event, "address", address);
	log_number(event, "lifted", (uint64_t)lifted);
	log_end(event);
}

void daemon_change_ban(struct daemon *daemon, struct control_client *client,
		       const struct control_request *request)
{
	struct access_rule rule;
	uint64_t length_ns = 0;
	char text[ACCESS_TEXT_MAX];
	int r;

	if (!parse_network(client, request->arguments[0], &rule) ||
	    (request->argument_count > 1 && !parse_length(client, request->arguments[1], &length_ns)))
		return;
	if (is_loopback(&rule)) {
		control_refuse(client, CONTROL_CODE_REFUSED,
			       "loopback is never banned: it is this machine itself; `deny` in a section "
			       "keeps it out");
		return;
	}
	r = service_set_ban(daemon->set, &rule, length_ns);
	if (r < 0) {
		control_refuse(client, CONTROL_CODE_FAILED,
			       r == -ENOSPC ? "there are %d bans by hand, and no place for "
					      "more; lift some, or use `deny = file:PATH`" :
					      "%d: out of memory",
			       r == -ENOSPC ? BANS_MOST : r);
		return;
	}
	access_print(&rule, text);
	log_banned(daemon, text, length_ns);
	control_answer(client, json_pack("{s:s, s:o, s:I}", "address", text, "seconds",
					 length_ns == 0 ? json_null() : view_seconds(length_ns), "sessions",
					 (json_int_t)count_sessions(daemon, &rule)));
}

void daemon_change_unban(struct daemon *daemon, struct control_client *client,
			 const struct control_request *request)
{
	const char *word = request->arguments[0];
	struct access_rule rule;
	bool all = strcmp(word, "all") == 0;
	int r;

	if (!all && !parse_network(client, word, &rule))
		return;
	r = service_set_unban(daemon->set, all ? NULL : &rule);
	if (r < 0) {
		control_refuse(client, CONTROL_CODE_FAILED, "%s; nothing has changed", strerror(-r));
	} else if (r == 0 && !all) {
		control_refuse(client, CONTROL_CODE_UNKNOWN,
			       "nothing of %.80s is banned; `usherctl bans` lists who is", word);
	} else {
		log_unbanned(daemon, word, r);
		control_answer(client, json_pack("{s:i}", "lifted", r));
	}
}

/* ---- loglevel ---- */

void daemon_change_loglevel(struct daemon *daemon, struct control_client *client,
			    const struct control_request *request)
{
	enum log_level level;

	if (request->argument_count > 0) {
		if (control_client_rights(client) != CONTROL_ALL) {
			control_refuse(client, CONTROL_CODE_DENIED,
				       "you may look at the level, but only root and the daemon's user may "
				       "change it");
			return;
		}
		if (!daemon_log_level_parse(request->arguments[0], &level)) {
			control_refuse(client, CONTROL_CODE_USAGE,
				       "'%.40s' is not a level: error, warning, notice, info or debug",
				       request->arguments[0]);
			return;
		}
		log_set_level(daemon->log, level);
	}
	control_answer(client,
		       json_pack("{s:s, s:s}", "level", daemon_log_level_name(log_level(daemon->log)),
				 "configured",
				 daemon_log_level_name((enum log_level)daemon->conf->daemon.log_level)));
}
