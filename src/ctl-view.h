/* ctl-view.h - a reply as people like to read it. Whatever is missing in the reply, or of another
 * type, is shown as "-" or not at all. */
#ifndef USHERD_CTL_VIEW_H
#define USHERD_CTL_VIEW_H

#include "ctl-options.h"

#include <jansson.h>
#include <stdio.h>

/* The reply of a success to the verb of `options`. What is no result but a warning goes to `err`. */
void ctl_view(const struct ctl_options *options, const json_t *reply, FILE *out, FILE *err);

/* The reply of a failure. */
void ctl_view_failure(const struct ctl_options *options, const json_t *reply, FILE *err);

/* An event of tail, as a line of the daemon's text log. */
void ctl_view_event(const struct ctl_options *options, const json_t *event, FILE *out);

#endif
