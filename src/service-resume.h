/* service-resume.h - what service-state.c (saving) and service-resume.c share. */
#ifndef USHERD_SERVICE_RESUME_H
#define USHERD_SERVICE_RESUME_H

#include "service-plan.h"
#include "service.h"
#include "state.h"

void service_counters_restore(struct service_counters *counters, uint64_t refused[GATE_REASONS],
			      struct state_record *record);

#endif
