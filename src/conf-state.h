/* conf-state.h - the rules that sessions and services go on with in the next program, whatever its
 * configuration says: a snapshot of what a session needs until its end, and a service until it gets new
 * settings, and nothing else. */
#ifndef USHERD_CONF_STATE_H
#define USHERD_CONF_STATE_H

#include "conf.h"
#include "state.h"

/* ---- saving: each set of settings has a number ---- */

struct conf_rules_index {
	const struct conf_service **items; /* sorted; the number is the place */
	size_t count, room;
};

/* Collects; then sorts; then the number of one that was collected. Returns 0 or -ENOMEM. */
int conf_rules_note(struct conf_rules_index *index, const struct conf_service *settings);
void conf_rules_sort(struct conf_rules_index *index);
size_t conf_rules_number(const struct conf_rules_index *index, const struct conf_service *settings);
void conf_rules_save(const struct conf_rules_index *index, struct state_writer *writer);
void conf_rules_index_free(struct conf_rules_index *index);

/* The whole snapshot in force, as the text that it could be read from: for this program itself, should it
 * have to come back when its files are no longer what they were. Returns 0 or -ENOMEM. */
int conf_left_save(const struct conf *conf, struct state_writer *writer);

/* ---- restoring ---- */

/* That snapshot. Returns as conf_load() does; -ENOENT: there is none. */
int conf_left_load(struct state *state, const struct conf_environment *environment, struct conf **ret_conf,
		   struct conf_errors *errors);

/* A snapshot with `count` services, and one reference, for records "rules" to fill. NULL: no memory. */
struct conf *conf_rules_new(size_t count);
int conf_rules_restore(void *conf, struct state_record *record);

/* The settings that a record names by `key`; NULL, and the record has failed, when there are none. */
const struct conf_service *conf_rules_get(struct conf *conf, struct state_record *record, const char *key);

/* The endpoint that a record has under `key`, in the memory of the snapshot; or NULL as above. */
const struct endpoint *conf_rules_endpoint(struct conf *conf, struct state_record *record, const char *key);

#endif
