/* ctl-view-internal.h - what the files of ctl-view share. */
#ifndef USHERD_CTL_VIEW_INTERNAL_H
#define USHERD_CTL_VIEW_INTERNAL_H

#include "ctl-format.h"
#include "ctl-table.h"
#include "ctl-view.h"

#define CTL_LIST_MAX 512

void ctl_view_status(const struct ctl_options *options, const json_t *reply, FILE *out);
void ctl_view_services(const struct ctl_options *options, const json_t *reply, FILE *out);
void ctl_view_sessions(const struct ctl_options *options, const json_t *reply, FILE *out);
void ctl_view_bans(const struct ctl_options *options, const json_t *reply, FILE *out);
void ctl_view_show(const struct ctl_options *options, const json_t *reply, FILE *out);
void ctl_view_explain(const struct ctl_options *options, const json_t *reply, FILE *out);
void ctl_view_reload(const struct ctl_options *options, const json_t *reply, FILE *out, FILE *err);

enum ctl_color ctl_state_color(const char *state);

/* Lines `path:line: subject: reason` of a list of mistakes, and how many more there are. */
void ctl_view_mistakes(const struct ctl_options *options, const json_t *list, uint64_t left_out,
		       const char *kind, FILE *err);

/* "deny 5, rate 3": an object of numbers, the largest first. */
const char *ctl_view_counts(const json_t *object, char text[static CTL_LIST_MAX]);

/* "/etc/usherd/services.ini:12" of an object with path and line; "" of none. */
const char *ctl_view_where(const json_t *where, char text[static CTL_LIST_MAX]);

/* Lines of a word and its text, aligned. */
void ctl_view_pair(struct ctl_table *table, const char *word, const char *text);
__attribute__((format(printf, 3, 4))) void ctl_view_pair_format(struct ctl_table *table, const char *word,
								const char *format, ...);

/* Two columns without titles for them. */
extern const struct ctl_column ctl_pair_columns[2];

#endif
