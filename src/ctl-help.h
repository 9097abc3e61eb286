/* ctl-help.h - what usherctl says about itself. */
#ifndef USHERD_CTL_HELP_H
#define USHERD_CTL_HELP_H

#include "control-request.h"

#include <stdio.h>

void ctl_help_all(FILE *out);
void ctl_help_verb(enum control_verb_name verb, FILE *out);

#endif
