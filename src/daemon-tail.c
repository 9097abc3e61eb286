/* daemon-tail.c - clients that follow the events: each with a filter of its own. */
#include "daemon-internal.h"

#include "access.h"
#include "base.h"
#include "view.h"

#include <errno.h>
#include <string.h>

/* What one follower wants to see. */
struct filter {
	enum log_level level;
	bool by_address;
	struct access_rule rule;
	char service[96]; /* "": all */
};

/* An event on its way to the followers. */
struct passing {
	enum log_level level;
	const char *line;
	size_t length;
	const char *service;
	const struct peer *peer;
};

static bool peer_matches(const struct access_rule *rule, const struct peer *peer)
{
	struct access_rule own;

	return access_rule_of(peer, &own) && bans_contains(rule, &own);
}

static void pass(void *context, struct control_client *client, const void *memory)
{
	const struct passing *passing = context;
	const struct filter *filter = memory;

	if (passing->level > filter->level)
		return;
	if (filter->service[0] != '\0' &&
	    (passing->service == NULL || strcmp(passing->service, filter->service) != 0))
		return;
	if (filter->by_address && (passing->peer == NULL || !peer_matches(&filter->rule, passing->peer)))
		return;
	control_tell(client, passing->line, passing->length);
}

static void observe(void *context, enum log_level level, const char *line, size_t length, const char *service,
		    const struct peer *peer)
{
	struct daemon *daemon = context;
	struct passing passing = { level, line, length, service, peer };

	if (daemon->control != NULL && control_has_followers(daemon->control))
		control_each_follower(daemon->control, pass, &passing);
}

void daemon_tail_settle(struct daemon *daemon)
{
	if (!daemon->observed || (daemon->control != NULL && control_has_followers(daemon->control)))
		return;
	(void)log_observe(daemon->log, LOG_LEVEL_ERROR, NULL, NULL);
	daemon->observed = false;
}

/* Returns false after refusing. */
static bool parse_filter(struct daemon *daemon, struct control_client *client,
			 const struct control_request *request, struct filter *filter)
{
	struct access_rule rules[ACCESS_RULES_OF_WORD];
	char reason[ACCESS_REASON_MAX];

	filter->level = LOG_LEVEL_INFO;
	if (request->level != NULL && !daemon_log_level_parse(request->level, &filter->level)) {
		control_refuse(client, CONTROL_CODE_USAGE,
			       "'%.40s' is not a level: error, warning, notice, info or debug",
			       request->level);
		return false;
	}
	if (request->address != NULL) {
		int r = access_parse(request->address, rules, reason);

		if (r != 1) {
			control_refuse(client, CONTROL_CODE_USAGE, "%s",
				       r < 0 ? reason : "write one address or network");
			return false;
		}
		filter->by_address = true;
		filter->rule = rules[0];
	}
	if (request->service != NULL) {
		if (daemon_service_or_refuse(daemon, client, request->service) == NULL)
			return false;
		snprintf(filter->service, sizeof(filter->service), "%s", request->service);
	}
	return true;
}

void daemon_tail(struct daemon *daemon, struct control_client *client, const struct control_request *request)
{
	struct filter *filter = calloc(1, sizeof(*filter));

	if (filter == NULL || log_observe(daemon->log, LOG_LEVEL_DEBUG, observe, daemon) < 0) {
		free(filter);
		control_refuse(client, CONTROL_CODE_FAILED, "out of memory");
		return;
	}
	daemon->observed = true;
	if (!parse_filter(daemon, client, request, filter)) {
		free(filter);
		return;
	}
	control_follow(client, json_pack("{s:b}", "following", true), filter);
}
