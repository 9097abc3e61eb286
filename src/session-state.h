/* session-state.h - sessions, handed to the next program: they go on, with their limits and the rules
 * they began with. */
#ifndef USHERD_SESSION_STATE_H
#define USHERD_SESSION_STATE_H

#include "conf-state.h"
#include "session.h"
#include "state.h"

/* Notes the rules of all sessions, those of which only stderr is left included. Returns 0 or -ENOMEM. */
int session_table_note_rules(const struct session_table *table, struct conf_rules_index *index);

/* Strays that are to be looked for are looked for now, because nobody would remember. */
void session_table_settle_strays(struct session_table *table);

/* Writes a record "sessions" and one "session" each; `more` adds what the table does not know. */
typedef void session_save_more(void *context, const struct session *session, struct state_writer *writer);
void session_table_save(const struct session_table *table, const struct conf_rules_index *index,
			session_save_more *more, void *context, struct state_writer *writer);

/* ---- restoring; the table has room (session_table_reserve()) ---- */

int session_table_restore(void *table, struct state_record *record); /* "sessions" */

/* A record "session". `table` NULL: only to look whether it makes sense; then there is no session. Else it
 * lives on, but belongs to no service, which is the caller's to see to. Returns 0 or -errno. */
int session_restore(struct session_table *table, struct conf *rules, struct state_record *record,
		    struct session **ret_session);
bool session_is_live(const struct session *session);

#endif
