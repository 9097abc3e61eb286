/* state.h - what a program hands to the one that replaces it: a sealed memory file
 * (memfd_create(2)) of records.
 *
 *     usherd-state 1 0.4.0                      the format, and the version of the writer
 *     {"record":"session","id":812,"pidfd":17}  one JSON object a line
 *     {"record":"end","count":1}                what ends before this line was cut off
 *
 * Who reads ignores fields and records that it does not know, takes what is missing for 0, false
 * or nothing, and refuses a format that is newer than its own. Everything in it may be
 * garbage: each getter checks type and bounds, and the first thing wrong is kept in words.
 * Numbers have 63 bits; what is larger stands for UINT64_MAX. Text is bytes: each is the
 * character of that number, so that names need not be UTF-8.
 *
 * Descriptors are numbers that mean something only in the process itself (or after its exec):
 * each may be claimed once. Knows nothing of what the records are about. */
#ifndef USHERD_STATE_H
#define USHERD_STATE_H

#include "peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_FORMAT     1
#define STATE_REASON_MAX 256
#define STATE_TEXT_MAX   (1 << 28) /* a longer one is refused */

/* ---- writing ---- */

struct state_writer;

/* Returns 0 or -errno. */
int state_writer_new(const char *version, struct state_writer **ret_writer);
void state_writer_free(struct state_writer *writer);

/* One record: begin, fields, end. What is 0, false or empty is left out. What fails is told by
 * state_finish(). */
void state_begin(struct state_writer *writer, const char *kind);
void state_end(struct state_writer *writer);

void state_put_number(struct state_writer *writer, const char *key, uint64_t number);
void state_put_signed(struct state_writer *writer, const char *key, int64_t number);
void state_put_flag(struct state_writer *writer, const char *key, bool flag);
void state_put_text(struct state_writer *writer, const char *key, const char *text); /* NULL: left out */
void state_put_bytes(struct state_writer *writer, const char *key, const void *bytes, size_t length);
void state_put_peer(struct state_writer *writer, const char *key, const struct peer *peer);
void state_put_key(struct state_writer *writer, const char *key, const struct peer_key *peer);
void state_put_fd(struct state_writer *writer, const char *key, int fd); /* -1: left out */
void state_put_numbers(struct state_writer *writer, const char *key, const uint64_t *numbers, size_t count);

/* Counts by the names of what is counted (those that are 0 are left out): numbers of enums may
 * differ from one version to the next. */
typedef const char *state_name(size_t index);
void state_put_counts(struct state_writer *writer, const char *key, const uint64_t *counts, size_t count,
		      state_name *name);

/* Ends and seals. Returns 0 and the memory file (CLOEXEC), or -errno. */
int state_finish(struct state_writer *writer, int *ret_fd);

/* Every descriptor that was put, until state_writer_free(). */
const int *state_written_fds(const struct state_writer *writer, size_t *ret_count);

/* ---- reading ---- */

struct state;

enum state_use {
	STATE_LOOK, /* descriptors are numbers only (a trial by another process) */
	STATE_TAKE, /* they are ours, and open */
};

/* Reads a sealed memory file (borrowed). Returns 0; or -errno and why in `reason`. */
int state_open(int fd, enum state_use use, struct state **ret_state, char reason[static STATE_REASON_MAX]);

/* The same of bytes, which are borrowed as long as the state is used. */
int state_parse(const char *bytes, size_t length, enum state_use use, struct state **ret_state,
		char reason[static STATE_REASON_MAX]);
void state_free(struct state *state); /* closes no descriptor */

const char *state_version(const struct state *state); /* of the writer */

/* All descriptors that are in it, and those that nobody claimed: these are closed. */
const int *state_fds(const struct state *state, size_t *ret_count);
void state_close_unclaimed(struct state *state);

struct state_record;

/* Calls `take` for each record of that kind, in order; ends when it returns -errno, or when something in
 * the record was wrong (-EBADMSG). Returns 0 or that, and then state_reason() says what it was. */
typedef int state_take(void *context, struct state_record *record);
int state_each(struct state *state, const char *kind, state_take *take, void *context);
const char *state_reason(const struct state *state);
size_t state_count(const struct state *state, const char *kind);

/* ---- fields: of a missing one 0, false, NULL, -1 ---- */

uint64_t state_get_number(struct state_record *record, const char *key, uint64_t most);
int64_t state_get_signed(struct state_record *record, const char *key);
bool state_get_flag(struct state_record *record, const char *key);
const char *state_get_text(struct state_record *record,
			   const char *key); /* until the record ends; no NUL in it */
size_t state_get_bytes(struct state_record *record, const char *key, void *bytes,
		       size_t size); /* `size` at most */
void state_get_peer(struct state_record *record, const char *key, struct peer *ret_peer);
bool state_get_key(struct state_record *record, const char *key, struct peer_key *ret_key);
int state_get_fd(struct state_record *record, const char *key); /* claimed now */
void state_get_numbers(struct state_record *record, const char *key, uint64_t *numbers, size_t count);
void state_get_counts(struct state_record *record, const char *key, uint64_t *counts, size_t count,
		      state_name *name);

/* The record makes no sense: in words. state_is_good(): nothing was wrong so far. */
int state_fail(struct state_record *record, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool state_is_good(const struct state_record *record);

/* The same of the records together. */
int state_fail_all(struct state *state, const char *sentence);

#endif
