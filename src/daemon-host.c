/* daemon-host.c - the daemon's place on its host: the sockets that were open
 * before it began. */
#include "daemon-internal.h"

#include "base.h"

#include <string.h>

#define ADDRESSES_TOLD 8

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
