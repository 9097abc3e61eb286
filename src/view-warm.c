/* view-warm.c - a program that is started ahead of its clients, as JSON. */
#include "view.h"

#include "base.h"

#include <string.h>

/* What comes of `warm`, in a word. */
static const char *state_of(const struct service *service)
{
	if (service->warm.server == NULL)
		return "off";
	return warm_state(service->warm.server) == WARM_READY ? "ready" : "starting";
}

json_t *view_warm_problem(const struct conf_service *settings, const struct service *service)
{
	const struct warm *server = service != NULL ? service->warm.server : NULL;

	if (service == NULL || settings->warm == WARM_NONE)
		return json_null();
	if (settings->warm_not != NULL)
		return view_text(settings->warm_not);
	if (server != NULL && warm_copy_error(server) != 0)
		return json_sprintf("no copy can be made: %s", strerror(warm_copy_error(server)));
	return view_text(service->warm.trouble);
}

json_t *view_warm(const struct conf_service *settings, const struct service *service)
{
	const struct warm *server;
	json_int_t replaced;

	if (service == NULL || settings->warm == WARM_NONE)
		return json_null();
	server = service->warm.server;
	replaced = service->counters.warm_ready > 0 ? (json_int_t)service->counters.warm_ready - 1 : 0;
	return json_pack("{s:s, s:s, s:b, s:o, s:I, s:I, s:I, s:o}", "mode",
			 settings->warm == WARM_MAIN ? "main" : "input", "state", state_of(service), "ready",
			 server != NULL && warm_state(server) == WARM_READY, "pid",
			 server != NULL && warm_pid(server) > 0 ? json_integer(warm_pid(server)) : json_null(),
			 "copies", (json_int_t)(server != NULL ? warm_waiting(server) : 0), "sessions",
			 (json_int_t)service->counters.warm, "replaced", replaced, "problem",
			 view_warm_problem(settings, service));
}
