/* ctl-metrics.h - the daemon's counters as Prometheus reads them (text exposition, version
 * 0.0.4): for `usherctl metrics` and for /metrics of the status service. */
#ifndef USHERD_CTL_METRICS_H
#define USHERD_CTL_METRICS_H

#include <jansson.h>
#include <stdio.h>

#define CTL_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Prints the daemon's reply to `metrics`. What it does not say (null) has no sample; what is no
 * such reply at all gives families without samples. Writing errors are left in `out`. */
void ctl_metrics_print(const json_t *reply, FILE *out);

#endif
