/* explain.c - the gate's decisions in words. The verdict comes from gate_peek();
 * here each step before it is told with the value of its limit, where that stands
 * and how things are, and the last one becomes the explanation.
 *
 * Owns nothing, changes nothing. What a step says about itself is never asked
 * who decides: so a mistake here can be a wrong number in a sentence, but not a
 * wrong verdict. */
#include "explain.h"

#include "base.h"

#include <stdarg.h>
#include <string.h>

#define DURATION_TEXT_MAX 40
#define SOURCE_TEXT_MAX   (PEER_TEXT_MAX + 8)
#define WHERE_TEXT_MAX    128

/* All that a step may look at, and what it says. */
struct story {
	const struct conf_daemon *daemon; /* or NULL */
	const struct conf_service *settings;
	const struct gate_limits *limits;
	const struct gate *gate;
	const struct gate_service *state;
	const struct gate_client *client;
	const struct source *source; /* NULL: nothing is known of it */

	bool passes;
	const char *key; /* of the configuration, NULL: none */
	struct conf_where where;
	char text[EXPLAIN_TEXT_MAX];
};

/* ---- words ---- */

_printf_(2, 3) static void say(struct story *story, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(story->text, sizeof(story->text), format, arguments);
	va_end(arguments);
}

static const char *print_where(const struct conf_where *where, char text[static WHERE_TEXT_MAX])
{
	const char *path = where->path;

	if (path == NULL)
		return "default";
	/* Of a long path the end tells more, and the sentence goes on after it. */
	if (strlen(path) > WHERE_TEXT_MAX - 20)
		path += strlen(path) - (WHERE_TEXT_MAX - 20);
	if (where->line == 0)
		snprintf(text, WHERE_TEXT_MAX, "%s", path);
	else
		snprintf(text, WHERE_TEXT_MAX, "%s:%u", path, where->line);
	return text;
}

/* The largest unit that needs no fraction; waits are rounded up to tenths of a second. */
static const char *print_duration(uint64_t ns, char text[static DURATION_TEXT_MAX])
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
	uint64_t tenths = ns / (NS_PER_S / 10) + (ns % (NS_PER_S / 10) != 0);

	snprintf(text, DURATION_TEXT_MAX, "%llu.%llus", (unsigned long long)tenths / 10,
		 (unsigned long long)tenths % 10);
	if (tenths % 10 != 0 || tenths == 0)
		return text;
	for (size_t i = 0; i < ELEMENTS(units); i++)
		if (tenths / 10 % units[i].seconds == 0) {
			snprintf(text, DURATION_TEXT_MAX, "%llu%s",
				 (unsigned long long)(tenths / 10 / units[i].seconds), units[i].name);
			break;
		}
	return text;
}

/* The source as it is counted: 192.0.2.0/24, uid 1000. */
static const char *print_source(const struct story *story, char text[static SOURCE_TEXT_MAX])
{
	const struct peer *peer = story->client->peer;
	struct peer_key key;
	struct peer first = { .family = peer->family };
	char address[PEER_TEXT_MAX];
	unsigned bits = 0;

	switch (peer->family) {
	case PEER_NONE:
		return "nobody";
	case PEER_UNIX:
		snprintf(text, SOURCE_TEXT_MAX, "uid %u", peer->unix_peer.uid);
		return text;
	case PEER_VSOCK:
		snprintf(text, SOURCE_TEXT_MAX, "cid %u", peer->vsock.cid);
		return text;
	case PEER_IPV4:
		bits = story->limits->source_prefix.ipv4;
		break;
	case PEER_IPV6:
		bits = story->limits->source_prefix.ipv6;
		break;
	}
	peer_key(peer, bits, bits, &key);
	memcpy(first.ip, key.bytes, sizeof(first.ip));
	snprintf(text, SOURCE_TEXT_MAX, "%s/%u", peer_print_address(&first, address), bits);
	return text;
}

/* ---- one for each decision ---- */

static void tell_loop(struct story *story)
{
	if (!story->client->answered)
		say(story, "not a datagram: it cannot set two services talking with each other");
	else if (story->passes)
		say(story, "port %u is none of this daemon's services", story->client->peer->port);
	else
		say(story,
		    "port %u is one of this daemon's own services: the two would answer each other for ever",
		    story->client->peer->port);
}

static void tell_ban_by_hand(struct story *story, const struct ban *ban)
{
	char rule[ACCESS_TEXT_MAX], left[DURATION_TEXT_MAX];

	story->key = NULL;
	story->where = (struct conf_where){ 0 };
	access_print(&ban->rule, rule);
	if (ban->until_ns == BANS_FOR_EVER)
		say(story, "%s is banned by hand, until that is lifted (usherctl unban)", rule);
	else
		say(story, "%s is banned by hand for another %s", rule,
		    print_duration(ban->until_ns > story->client->now_ns ?
					   ban->until_ns - story->client->now_ns : 0, left));
}

static void tell_ban(struct story *story, const char *where)
{
	const struct peer *peer = story->client->peer;
	const struct ban *ban = story->gate->bans != NULL && !gate_is_local(peer) ?
					bans_find(story->gate->bans, peer) :
					NULL;
	uint64_t now_ns = story->client->now_ns;
	char source[SOURCE_TEXT_MAX], time[DURATION_TEXT_MAX], next[DURATION_TEXT_MAX];

	if (ban != NULL) {
		tell_ban_by_hand(story, ban);
	} else if (story->limits->ban_ns == 0) {
		say(story, "0 (%s): nobody is banned", where);
	} else if (!story->passes) {
		say(story, "%s (%s): %s is banned for another %s",
		    print_duration(story->limits->ban_ns, time), where, print_source(story, source),
		    print_duration(story->source->banned_ns - now_ns, next));
	} else if (gate_is_local(story->client->peer)) {
		say(story, "%s (%s): clients on this machine are never banned",
		    print_duration(story->limits->ban_ns, time), where);
	} else {
		say(story, "%s (%s): %s is not banned; it would be for %s",
		    print_duration(story->limits->ban_ns, time), where, print_source(story, source),
		    print_duration(gate_ban_length(story->limits, story->source, now_ns), next));
	}
}

static void tell_access(struct story *story)
{
	const struct gate_client *client = story->client;
	const struct access_rule *rule = NULL;
	char rule_text[ACCESS_TEXT_MAX], where[WHERE_TEXT_MAX];

	story->key = NULL;
	story->where = (struct conf_where){ 0 };
	if (story->limits->access == NULL) {
		say(story, "there are no rules: everybody may");
		return;
	}
	access_allows(story->limits->access, client->peer, client->groups, client->group_count, &rule);
	if (rule != NULL) {
		bool network = rule->kind == ACCESS_IPV4 || rule->kind == ACCESS_IPV6;

		story->key = rule->deny ? "deny" : "allow";
		story->where = (struct conf_where){ .path = rule->path, .line = rule->line };
		say(story, "%s %s (%s) is the %s rule that matches", story->key,
		    access_print(rule, rule_text), print_where(&story->where, where),
		    network ? "longest" : "nearest");
	} else if (!story->passes) {
		story->key = "allow";
		story->where = conf_origin_of(story->settings, "allow");
		say(story, "no rule of allow (%s) matches", print_where(&story->where, where));
	} else {
		say(story, "no rule matches, and there is none of allow: all others may");
	}
}

static void tell_access_times(struct story *story, const char *where)
{
	const struct schedule *schedule = &story->limits->access_times;
	const struct schedule_window *window = NULL;
	char text[SCHEDULE_TEXT_MAX];

	if (schedule->count == 0) {
		say(story, "always (%s)", where);
		return;
	}
	schedule_open(schedule, story->client->wall_s, &window);
	if (window != NULL)
		say(story, "%s (%s) is now", schedule_print(window, text), where);
	else if (schedule->count == 1)
		say(story, "%s (%s) is not now", schedule_print(&schedule->windows[0], text), where);
	else
		say(story, "none of the %zu times (%s) is now", schedule->count, where);
}

static void tell_max_load(struct story *story, const char *where)
{
	unsigned load = story->client->load, most = story->limits->max_load;

	if (most == 0)
		say(story, "none (%s)", where);
	else
		say(story, "the load is %u.%03u, the most %u.%03u (%s)", load / 1000, load % 1000,
		    most / 1000, most % 1000, where);
}

static void tell_throttle(struct story *story)
{
	char source[SOURCE_TEXT_MAX], left[DURATION_TEXT_MAX];

	if (story->passes)
		say(story, "no session of %s failed at once of late", print_source(story, source));
	else
		say(story, "sessions of %s failed at once, %u in a row: it is left alone for another %s",
		    print_source(story, source), story->source->failures,
		    print_duration(story->source->pause_ns - story->client->now_ns, left));
}

static void tell_bucket(struct story *story, const struct rate *rate, uint64_t bucket_ns, const char *of,
			const char *where)
{
	uint64_t now_ns = story->client->now_ns;
	char per[DURATION_TEXT_MAX], wait[DURATION_TEXT_MAX];
	const char *unit = print_duration(rate->per_ns, per);

	if (rate->count == 0) {
		say(story, "none (%s)", where);
		return;
	}
	/* As it is written: 50/s. */
	if (unit[0] == '1' && unit[1] > '9')
		unit++;
	if (story->passes)
		say(story, "%u/%s burst %u (%s): %s may begin a session now", rate->count, unit, rate->burst,
		    where, of);
	else
		say(story, "%u/%s burst %u (%s): %s may begin the next session in %s", rate->count, unit,
		    rate->burst, where, of,
		    print_duration(rate_allows_at(rate, bucket_ns, now_ns) - now_ns, wait));
}

static void tell_rate_per_source(struct story *story, const char *where)
{
	char source[SOURCE_TEXT_MAX];

	tell_bucket(story, &story->limits->rate_per_source,
		    story->source != NULL ? story->source->rate_ns : 0, print_source(story, source), where);
}

static void tell_rate(struct story *story, const char *where)
{
	tell_bucket(story, &story->limits->rate, story->state->rate_ns, "the service", where);
}

static void tell_per_source(struct story *story, const char *where)
{
	char source[SOURCE_TEXT_MAX];

	if (story->limits->per_source == 0)
		say(story, "none (%s)", where);
	else if (!gate_counts(story->limits, story->client->peer))
		say(story, "%u (%s): clients on this machine are not counted", story->limits->per_source,
		    where);
	else
		say(story, "%u of %u sessions of %s (%s%s)",
		    story->source != NULL ? story->source->active : 0, story->limits->per_source,
		    print_source(story, source),
		    story->settings->per_source.kind == CONF_COUNT_AUTO ? "auto, " : "", where);
}

static void tell_instances(struct story *story, const char *where)
{
	say(story, "%u of %u sessions of the service (%s)", story->state->active, story->state->instances,
	    story->settings->wait ? "wait: one for each socket" : where);
}

static void tell_max_sessions(struct story *story)
{
	char where[WHERE_TEXT_MAX];

	story->key = "max_sessions";
	if (story->daemon != NULL)
		story->where = conf_daemon_origin_of(story->daemon, "max_sessions");
	if (story->gate->max_sessions == UINT32_MAX)
		say(story, "no daemon was asked: it is taken for empty");
	else
		say(story, "%u of %u sessions of the daemon (%s)", story->gate->active, story->gate->max_sessions,
		    story->daemon != NULL ? print_where(&story->where, where) : "max_sessions of [usherd]");
}

/* ---- all of them, in the order of the gate ---- */

static const struct decision {
	const char *key; /* in the service's section; NULL: the step finds it out, or there is none */
	void (*tell_key)(struct story *story, const char *where);
	void (*tell)(struct story *story);
} decisions[GATE_REASONS] = {
	[GATE_LOOP] = { .tell = tell_loop },
	[GATE_BAN] = { .key = "ban_time", .tell_key = tell_ban },
	[GATE_DENY] = { .tell = tell_access },
	[GATE_ACCESS_TIMES] = { .key = "access_times", .tell_key = tell_access_times },
	[GATE_MAX_LOAD] = { .key = "max_load", .tell_key = tell_max_load },
	[GATE_THROTTLE] = { .tell = tell_throttle },
	[GATE_RATE_PER_SOURCE] = { .key = "rate_per_source", .tell_key = tell_rate_per_source },
	[GATE_RATE] = { .key = "rate", .tell_key = tell_rate },
	[GATE_PER_SOURCE] = { .key = "per_source", .tell_key = tell_per_source },
	[GATE_INSTANCES] = { .key = "instances", .tell_key = tell_instances },
	[GATE_MAX_SESSIONS] = { .tell = tell_max_sessions },
};

static void tell(struct story *story, enum gate_reason reason)
{
	const struct decision *decision = &decisions[reason];
	char where[WHERE_TEXT_MAX];

	story->key = decision->key;
	story->where = (struct conf_where){ 0 };
	if (decision->tell != NULL) {
		decision->tell(story);
		return;
	}
	story->where = conf_origin_of(story->settings, decision->key);
	decision->tell_key(story, print_where(&story->where, where));
}

/* Whoever is in the way of a limit of the service waits, or is refused. */
static void tell_consequence(struct story *story, enum gate_reason reason)
{
	size_t used = strlen(story->text);

	if (reason == GATE_RATE || reason == GATE_INSTANCES || reason == GATE_MAX_SESSIONS)
		snprintf(story->text + used, sizeof(story->text) - used, "; clients %s",
			 story->limits->refuse_when_full ? "are refused (when_full)" : "wait");
}

static void tell_all(struct story *story, enum gate_reason verdict, explain_step *step, void *context,
		     struct explanation *explanation)
{
	for (enum gate_reason reason = GATE_ADMIT + 1; reason < GATE_REASONS; reason++) {
		story->passes = reason != verdict;
		tell(story, reason);
		if (!story->passes)
			tell_consequence(story, reason);
		if (step != NULL)
			step(context, story->key != NULL ? story->key : gate_reason_name(reason),
			     story->passes, story->text);
		/* Who is served may thank a rule for it, or the want of one. */
		if (!story->passes || (verdict == GATE_ADMIT && reason == GATE_DENY)) {
			explanation->key = story->key;
			explanation->where = story->where;
			memcpy(explanation->text, story->text, sizeof(explanation->text));
		}
		if (!story->passes)
			return;
	}
}

void explain(const struct conf_daemon *daemon, const struct conf_service *settings, const struct gate *gate,
	     const struct gate_service *state, const struct gate_client *client, explain_step *step,
	     void *context, struct explanation *ret_explanation)
{
	/* As if nobody was there yet; no daemon has that many. */
	static const struct gate empty = { .max_sessions = UINT32_MAX };
	const struct gate_service idle = {
		.limits = &settings->limits,
		.instances = settings->wait && settings->listen.count > 0 ? (unsigned)settings->listen.count :
									    settings->limits.instances,
	};
	struct story story = {
		.daemon = daemon,
		.settings = settings,
		.gate = gate != NULL ? gate : &empty,
		.state = state != NULL ? state : &idle,
		.client = client,
	};
	struct explanation explanation = { 0 };

	story.limits = story.state->limits;
	if (story.gate->sources != NULL) {
		struct peer_key key = gate_source_key(story.state, client->peer);

		story.source = source_find(story.gate->sources, story.state->id, &key);
	}
	explanation.reason = gate_peek(story.gate, story.state, client);
	tell_all(&story, explanation.reason, step, context, &explanation);
	*ret_explanation = explanation;
}
