/* daemon-host.c - the daemon's place on its host: the sockets that were open
 * before it began, what an earlier usherd left, what the service manager is told,
 * what the first process of a container has to do, what root may do. */
#include "daemon-internal.h"

#include "base.h"
#include "capability.h"
#include "family.h"
#include "init.h"

#include <errno.h>
#include <string.h>

#define ADDRESSES_TOLD  8
#define OTHERS_GRACE_NS (2 * NS_PER_S)

/* "127.0.0.1:80 [::1]:80 and 3 more". */
static void print_addresses(char (*texts)[ENDPOINT_TEXT_MAX], size_t told, size_t left, char *text,
			    size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < told && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%s%s", i > 0 ? " " : "", texts[i]);
	if (left > told && length < size)
		snprintf(text + length, size - length, "%s%zu %s", told > 0 ? " and " : "", left - told,
			 told > 0 ? "more" : "that cannot be listened on");
}

void daemon_settle_adopted(struct daemon *daemon)
{
	struct adopted *adopted = daemon->source.adopted;
	char texts[ADDRESSES_TOLD][ENDPOINT_TEXT_MAX], text[ADDRESSES_TOLD * ENDPOINT_TEXT_MAX + 64];
	struct log_event *event;
	size_t told, left;

	if (adopted == NULL)
		return;
	left = adopted_left(adopted, texts, ADDRESSES_TOLD, &told);
	event = log_begin(daemon->log, LOG_LEVEL_NOTICE, "adopted");
	log_number(event, "sockets", adopted_count_taken(adopted));
	log_end(event);
	if (left > 0) {
		print_addresses(texts, told, left, text, sizeof(text));
		event = log_begin(daemon->log, LOG_LEVEL_WARNING, "unused");
		log_text(event, "addresses", text);
		log_text(event, "message",
			 "passed by the service manager, but no service listens there; closed");
		log_end(event);
	}
	service_set_adopt(daemon->set, NULL);
	adopted_free(adopted);
	daemon->source.adopted = NULL;
}

/* ---- what was left behind ---- */

void daemon_tell_found(struct daemon *daemon)
{
	pid_t pid = pid_file_found(daemon->pid_file);
	size_t sockets = service_set_count_replaced(daemon->set), processes;
	struct log_event *event;

	if (pid == 0 && sockets == 0 && !daemon->found_control)
		return;
	processes = family_count_left();
	event = log_begin(daemon->log, LOG_LEVEL_NOTICE, "found");
	if (pid != 0)
		log_number(event, "pid", (uint64_t)pid);
	log_number(event, "sockets", sockets);
	log_text(event, "control", daemon->found_control ? "yes" : "no");
	log_number(event, "processes", processes);
	log_text(event, "message",
		 processes > 0 ?
			 "an earlier usherd did not end in order; sessions whose usherd is gone, its own or "
			 "another's, go on without limits" :
			 "an earlier usherd did not end in order");
	log_end(event);
}

/* ---- the first process ---- */

static void orphans(void *context)
{
	struct daemon *daemon = context;

	if (daemon->set != NULL)
		service_set_collect_orphans(daemon->set);
}

int daemon_start_init(struct daemon *daemon)
{
	return init_is_us() ? init_new(daemon->loop, orphans, daemon, &daemon->init) : 0;
}

void daemon_end_others(struct daemon *daemon)
{
	if (daemon->init == NULL)
		return;
	(void)log_flush(daemon->log);
	if (init_end_others(OTHERS_GRACE_NS))
		log_message(daemon->log, LOG_LEVEL_NOTICE, "others",
			    "processes of no session were told to end");
}

/* ---- the service manager ---- */

void daemon_start_notify(struct daemon *daemon)
{
	int r = notify_new(environ, daemon->loop, &daemon->notify);

	if (r == -EAFNOSUPPORT)
		log_message(
			daemon->log, LOG_LEVEL_WARNING, "notify",
			"NOTIFY_SOCKET is neither a path nor an abstract name (vsock is not supported); the "
			"service manager is told nothing");
	else if (r < 0)
		log_message(daemon->log, LOG_LEVEL_WARNING, "notify",
			    "the service manager is told nothing: %s", strerror(-r));
}

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

void daemon_tell_status(struct daemon *daemon)
{
	size_t sessions, services;
	char text[NOTIFY_STATUS_MAX];

	if (daemon->notify == NULL || daemon->set == NULL)
		return;
	sessions = service_set_session_count(daemon->set);
	services = service_set_service_count(daemon->set);
	if (daemon->draining)
		snprintf(text, sizeof(text), "draining: %zu session%s left", sessions, plural(sessions));
	else
		snprintf(text, sizeof(text), "serving %zu service%s, %zu session%s", services,
			 plural(services), sessions, plural(sessions));
	notify_status(daemon->notify, text);
}

/* ---- capabilities ---- */

/* Such a program gets no more than the daemon is permitted, see capability.h. */
static const char *find_bounded_root(const struct conf *conf)
{
	for (size_t i = 0; i < conf->service_count; i++)
		if (conf->services[i].no_new_privileges && conf->services[i].identity.uid == 0)
			return conf->services[i].name;
	return NULL;
}

void daemon_reduce_capabilities(struct daemon *daemon)
{
	const char *name = find_bounded_root(daemon->conf);
	int r = 0;

	if (geteuid() != 0)
		return;
	if (!daemon->reduced) {
		r = capability_reduce(name != NULL);
		daemon->reduced = r == 0 && name == NULL;
	} else if (name != NULL) {
		log_message(
			daemon->log, LOG_LEVEL_WARNING, "capability",
			"%s: has only the capabilities that usherd kept; restart usherd to give it all of "
			"them, or set no_new_privileges = no",
			name);
	}
	if (r < 0)
		log_message(daemon->log, LOG_LEVEL_WARNING, "capability",
			    "could not give up capabilities: %s", strerror(-r));
}
