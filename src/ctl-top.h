/* ctl-top.h - `usherctl top`: the services and sessions on a full screen, refreshed. */
#ifndef USHERD_CTL_TOP_H
#define USHERD_CTL_TOP_H

#include "ctl-options.h"

/* Until the user quits, or a signal ends it; where there is no terminal, or with --once, one picture as plain
 * text. Returns the exit status. */
int ctl_top(const struct ctl_options *options);

#endif
