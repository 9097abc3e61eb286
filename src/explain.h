/* explain.h - why a client is served or not: each decision of the gate in its
 * order, and for the one that decides the rule or limit with the file and line it comes from. The verdict is
 * the gate's own (gate_peek), so that both never differ. Changes nothing. */
#ifndef USHERD_EXPLAIN_H
#define USHERD_EXPLAIN_H

#include "conf.h"
#include "gate.h"

#include <stdbool.h>

#define EXPLAIN_TEXT_MAX 256

struct explanation {
	enum gate_reason reason; /* GATE_ADMIT or why not */
	const char *key;         /* the key that decides: "deny", "allow", "per_source" ...; NULL: none */
	struct conf_where where; /* where it stands; path NULL: it is the default */
	char text[EXPLAIN_TEXT_MAX]; /* "deny 10.0.0.0/8 (services.ini:12) is the longest rule that matches" */
};

/* One step: a decision that was looked at, in order; the last one is the verdict. */
typedef void explain_step(void *context, const char *key, bool passes, const char *text);

/* Of a client that is served, the rule of allow that lets it in, or that there is none.
 * `daemon` may be NULL: then the line of max_sessions is not told. So may `gate` and `state`: then as if
 * nobody was there yet. `step` may be NULL. */
void explain(const struct conf_daemon *daemon, const struct conf_service *settings, const struct gate *gate,
	     const struct gate_service *state, const struct gate_client *client, explain_step *step,
	     void *context, struct explanation *ret_explanation);

#endif
