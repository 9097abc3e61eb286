/* failing_memory.h - memory that runs out when a test wants it: allocations of this program, those from an
 * arena among them, are counted, and the one of a number fails, once or with all that follow. The linker puts
 * these in place of the real ones (FAILING_MEMORY in Makefile.am); what libc takes for itself is left alone.
 */
#ifndef USHERD_TESTS_FAILING_MEMORY_H
#define USHERD_TESTS_FAILING_MEMORY_H

#include <stdbool.h>

/* Begins to count; the allocation `number` (from 1) fails. */
void memory_fail_at(unsigned number, bool from_there_on);

/* Ends it; libcheck allocates, too. Returns how many there were. */
unsigned memory_is_back(void);

#endif
