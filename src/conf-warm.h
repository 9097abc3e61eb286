/* conf-warm.h - whether a program can be started ahead of its clients (`warm`), as far as its file tells. What it
 * does when it runs is another matter: that is seen when it is started (warm.h). */
#ifndef USHERD_CONF_WARM_H
#define USHERD_CONF_WARM_H

#include "conf-seen.h"
#include "conf-type.h"

#include <stdbool.h>

struct conf_warm {
	struct conf_seen seen;
	const char *program; /* absolute, inside the root directory */
	const char *library; /* what is to be preloaded, there, too */
	const char *search;  /* the PATH of the service, for `#!/usr/bin/env NAME`; or NULL */
	bool no_new_privileges;
};

/* Returns whether nothing speaks against it, else with the reason: a sentence without its end. `ret_is_script` (when
 * true) says whether an interpreter runs it. Files are read as the kernel does that starts them, and not believed. */
bool conf_warm_suits(const struct conf_warm *warm, bool *ret_is_script, char reason[static CONF_REASON_MAX]);

#endif
