/* conf-type.h - the types that keys have: how a text becomes a value, and how a
 * value is written. Adding a type is adding one struct. */
#ifndef USHERD_CONF_TYPE_H
#define USHERD_CONF_TYPE_H

#include "arena.h"
#include "identity.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CONF_REASON_MAX 512

struct digest;
struct zone;

/* A time zone of access_times, loaded once; NULL: the machine's own. In the arena. */
struct conf_zone {
	struct conf_zone *next;
	const char *name;
	const struct zone *zone;
};

/* What a text is parsed with. */
struct conf_input {
	const char *text; /* blanks at both ends are gone */
	int64_t min, max; /* of the key; what they count is the type's affair */
	struct arena *arena; /* for what the value points to */
	struct identity_cache *identities;
	struct conf_zone **zones; /* those that were loaded already; or NULL */
	struct digest *digest;    /* of all that is read; or NULL */
};

struct conf_type {
	const char *name;        /* as manuals call it */
	const char *explanation; /* how its values are written: a sentence */
	bool continues;          /* may go on in indented lines */

	/* Puts the value in `field`, untouched on failure. Returns 0; -EINVAL with
	 * a reason; or -ENOMEM. */
	int (*parse)(const struct conf_input *input, void *field, char reason[static CONF_REASON_MAX]);

	/* Writes a text that parse() turns into the same value. */
	void (*print)(const void *field, FILE *out);

	/* Words that may stand for a value, for suggestions; NULL-terminated, or NULL. */
	const char *const *choices;
};

/* One of each of these for every type; the field's C type behind it. */
extern const struct conf_type conf_type_bool;             /* bool */
extern const struct conf_type conf_type_count;            /* unsigned */
extern const struct conf_type conf_type_count_or_auto;    /* unsigned; 0: auto */
extern const struct conf_type conf_type_size;             /* uint64_t */
extern const struct conf_type conf_type_duration;         /* uint64_t, nanoseconds; bounds in ms */
extern const struct conf_type conf_type_mode;             /* mode_t */
extern const struct conf_type conf_type_optional_int;     /* struct conf_optional_int */
extern const struct conf_type conf_type_rlimit_count;     /* struct conf_rlimit */
extern const struct conf_type conf_type_rlimit_size;      /* struct conf_rlimit */
extern const struct conf_type conf_type_rlimit_time;      /* struct conf_rlimit, seconds */
extern const struct conf_type conf_type_text;             /* const char * */
extern const struct conf_type conf_type_path;             /* const char * */
extern const struct conf_type conf_type_path_or_none;     /* const char *; NULL: none */
extern const struct conf_type conf_type_place;            /* const char *: "auto", "none" or a path */
extern const struct conf_type conf_type_interface;        /* const char *; NULL: any */
extern const struct conf_type conf_type_name;             /* const char *, of a user or group */
extern const struct conf_type conf_type_uid;              /* uid_t; -1: auto */
extern const struct conf_type conf_type_gid;              /* gid_t; -1: auto */
extern const struct conf_type conf_type_gid_or_none;      /* gid_t; -1: none */
extern const struct conf_type conf_type_command;          /* struct conf_words */
extern const struct conf_type conf_type_groups;           /* struct conf_words */
extern const struct conf_type conf_type_paths;            /* struct conf_words */
extern const struct conf_type conf_type_assignments;      /* struct conf_words, NAME=VALUE */
extern const struct conf_type conf_type_variables;        /* struct conf_words, NAME */
extern const struct conf_type conf_type_endpoints;        /* struct endpoint_list */
extern const struct conf_type conf_type_stderr;           /* struct conf_stderr_target */
extern const struct conf_type conf_type_log;              /* struct conf_log_target */
extern const struct conf_type conf_type_log_format;       /* enum conf_log_format */
extern const struct conf_type conf_type_log_level;        /* int, enum log_level */
extern const struct conf_type conf_type_log_address;      /* enum conf_log_address */
extern const struct conf_type conf_type_access;           /* struct conf_access_list */
extern const struct conf_type conf_type_times;            /* struct schedule */
extern const struct conf_type conf_type_decimal;          /* unsigned, thousandths; 0: none; bounds in thousandths */
extern const struct conf_type conf_type_message;          /* struct conf_message */
extern const struct conf_type conf_type_optional_count;   /* struct conf_optional_count */
extern const struct conf_type conf_type_rate;             /* struct rate; none; bounds are of the count */
extern const struct conf_type conf_type_prefixes;         /* struct gate_prefixes */
extern const struct conf_type conf_type_when_full;        /* bool: refuse */
extern const struct conf_type conf_type_on_hangup;        /* bool: kill */
extern const struct conf_type conf_type_warm;             /* enum warm_mode */

/* For the types: a reason that is printf'ed, and -EINVAL. */
int conf_type_refuse(char reason[static CONF_REASON_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The index of a text among names (NULL at the end), or -EINVAL with a reason
 * that lists them and suggests the nearest. */
int conf_type_choose(const char *text, const char *const *names, char reason[static CONF_REASON_MAX]);

/* Whether a text is an absolute path of a good length: 0, or -EINVAL with a reason. */
int conf_type_check_path(const char *path, char reason[static CONF_REASON_MAX]);

/* Strictly decimal numbers with K, M, G or T (powers of `base`), and their like
 * in time, in milliseconds. Return 0, -EINVAL with a reason, or -ENOMEM. */
int conf_type_scaled(const char *text, int64_t base, int64_t min, int64_t max, int64_t *ret_number,
		     char reason[static CONF_REASON_MAX]);
int conf_type_milliseconds(const char *text, int64_t min, int64_t max, int64_t *ret_ms,
			   char reason[static CONF_REASON_MAX]);
void conf_type_print_size(int64_t size, FILE *out);
void conf_type_print_milliseconds(int64_t ms, FILE *out);

/* For types that are lists: the items of a text, apart by commas or blanks, in the input's arena; an
 * empty text has none. And one item of a list, written; `column` is where the line stands, 0 at first. */
int conf_type_split(const struct conf_input *input, struct conf_words *ret_words,
		    char reason[static CONF_REASON_MAX]);
void conf_type_print_item(const char *item, const char *separator, size_t *column, FILE *out);

/* Writes a word so that words_split() and lists take it as one, and no reader
 * of the file takes a part of it for a comment. */
void conf_type_print_word(const char *word, FILE *out);

#endif
