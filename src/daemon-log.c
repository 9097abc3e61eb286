/* daemon-log.c - how the log is set up, and the daemon's own lines in it. */
#include "daemon-internal.h"

#include "base.h"
#include "conf-type.h"

#include <string.h>

struct log_options daemon_log_options(const struct conf_daemon *settings, bool background)
{
	static const enum log_sink sinks[] = {
		[CONF_LOG_STDERR] = LOG_SINK_STDERR,
		[CONF_LOG_SYSLOG] = LOG_SINK_SYSLOG,
		[CONF_LOG_FILE] = LOG_SINK_FILE,
	};
	static const enum log_address addresses[] = {
		[CONF_LOG_ADDRESS_FULL] = LOG_ADDRESS_FULL,
		[CONF_LOG_ADDRESS_PREFIX] = LOG_ADDRESS_PREFIX,
		[CONF_LOG_ADDRESS_HASH] = LOG_ADDRESS_HASH,
		[CONF_LOG_ADDRESS_NONE] = LOG_ADDRESS_NONE,
	};
	struct log_options options = {
		.sink = sinks[settings->log.kind],
		.path = settings->log.kind == CONF_LOG_FILE ? settings->log.path : NULL,
		.format = settings->log_format == CONF_LOG_JSON ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT,
		.level = (enum log_level)settings->log_level,
		.address = addresses[settings->log_address],
	};

	if (background && options.sink == LOG_SINK_STDERR)
		options.sink = LOG_SINK_SYSLOG;
	return options;
}

void daemon_log_summary(struct daemon *daemon, const char *name, const struct service_summary *summary)
{
	struct log_event *event = log_begin(daemon->log, LOG_LEVEL_NOTICE, name);

	log_number(event, "generation", summary->generation);
	log_number(event, "services", summary->services);
	log_number(event, "listeners", summary->listeners);
	log_number(event, "opened", summary->opened);
	log_number(event, "kept", summary->kept);
	log_number(event, "closed", summary->closed);
	if (summary->absent > 0)
		log_number(event, "absent", summary->absent);
	log_number(event, "max_sessions", summary->max_sessions);
	log_text(event, "version", PACKAGE_VERSION);
	log_end(event);
}

/* What is allowed but probably not meant. */
void daemon_log_warnings(struct daemon *daemon, const struct conf *conf)
{
	for (size_t i = 0; i < conf->warnings.count; i++) {
		const struct conf_error *warning = &conf->warnings.items[i];

		log_message(daemon->log, LOG_LEVEL_WARNING, "config-warning", "%s:%u: %s%s%s", warning->path,
			    warning->line, warning->subject != NULL ? warning->subject : "",
			    warning->subject != NULL ? ": " : "", warning->reason);
	}
}

/* In the order of enum log_level. */
const char *daemon_log_level_name(enum log_level level)
{
	return conf_type_log_level.choices[level];
}

bool daemon_log_level_parse(const char *text, enum log_level *ret_level)
{
	const char *const *names = conf_type_log_level.choices;

	for (size_t i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], text) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	return false;
}
