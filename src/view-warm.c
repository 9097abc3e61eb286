/* view-warm.c - a program that is started ahead of its clients, as JSON. */
#include "view.h"

#include "base.h"

/* What comes of `warm`, in a word. */
static const char *state_of(const struct service *service)
{
	if (service->warm.server == NULL)
		return "off";
	return warm_state(service->warm.server) == WARM_READY ? "ready" : "starting";
}

static const char *trouble_of(const struct conf_service *settings, const struct service *service)
{
	return settings->warm_not != NULL ? settings->warm_not : service->warm.trouble;
}

json_t *view_warm(const struct conf_service *settings, const struct service *service)
{
	const struct warm *server;
	json_int_t replaced;

	if (service == NULL || settings->warm == WARM_NONE)
		return json_null();
	server = service->warm.server;
	replaced = service->warm.starts > 0 ? service->warm.starts - 1 : 0;
	return json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:o}", "mode",
			 settings->warm == WARM_MAIN ? "main" : "input", "state", state_of(service), "pid",
			 server != NULL && warm_pid(server) > 0 ? json_integer(warm_pid(server)) : json_null(),
			 "copies", (json_int_t)(server != NULL ? warm_waiting(server) : 0), "sessions",
			 (json_int_t)service->counters.warm, "replaced", replaced, "problem",
			 view_text(trouble_of(settings, service)));
}
