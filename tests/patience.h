/* patience.h - how long a test waits for what comes at once when all is well. Only a failure takes
 * that long. CK_TIMEOUT_MULTIPLIER, by which libcheck lengthens the time of a whole test, lengthens this too. */
#ifndef USHERD_TESTS_PATIENCE_H
#define USHERD_TESTS_PATIENCE_H

#include <stdlib.h>

static inline int patience_factor(void)
{
	const char *text = getenv("CK_TIMEOUT_MULTIPLIER");
	int factor = text != NULL ? atoi(text) : 1;

	return factor > 1 ? factor : 1;
}

#define PATIENCE_MS (20000 * patience_factor())

#endif
