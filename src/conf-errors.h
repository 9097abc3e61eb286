/* conf-errors.h - adding to the list of what is wrong with a configuration, for
 * those who find out later than the parser (a port in use). */
#ifndef USHERD_CONF_ERRORS_H
#define USHERD_CONF_ERRORS_H

#include "conf.h"

/* Adds one error; counts it as left out beyond CONF_ERRORS_MAX or without
 * memory. `subject` may be NULL; line 0: none. */
void conf_error_add(struct conf_errors *errors, const char *path, unsigned line, const char *subject,
		    const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
