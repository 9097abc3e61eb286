/* import-rules.h - rules of which the longest prefix decides, and of equally long ones the first, with variables for whom
 * they let in: what tcprules, ipsvd and s6 have in common. */
#ifndef USHERD_IMPORT_RULES_H
#define USHERD_IMPORT_RULES_H

#include "access.h"
#include "import.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct rules_item {
	struct access_rule network; /* .deny: whom it refuses */
	const char *env;            /* words as `env` takes them, "" for none */
	struct import_where where;
	size_t order;
};

struct rules {
	struct import *import;
	struct import_service *service;
	struct rules_item *items;
	size_t count, room;
	bool allows_rest; /* those whom no rule is about */
	bool overflows;   /* there were more rules than are taken */
	bool must_decide; /* something that refuses cannot be had: the section is switched off */
};

/* `env` is borrowed. */
void rules_add(struct rules *rules, const struct access_rule *network, bool deny, const char *env,
	       struct import_where where);

/* Writes the lists and variables of the section. Variables that are not the same for all who are let in are told as
 * unsupported where they stand. `where` is for what concerns all of it. */
void rules_apply(struct rules *rules, struct import_where where);

/* A rule that refuses by something that is never looked up here: until somebody has decided, nobody is served. */
void rules_cannot_refuse(struct rules *rules, struct import_where where, const char *what);

/* Switches a section off (of [defaults]: refuses everybody), with the reason above the key. */
void rules_switch_off(struct import *import, struct import_service *service, const char *why);

#define RULES_VARIABLES_MAX 16 /* of a rule */

/* One more variable behind those in `env`: what the list is then. NULL: a name or value that env cannot take. */
const char *rules_add_variable(struct import *import, const char *env, const char *name, const char *value);

/* Adds variables to those of a section. Returns false, and adds none, when one of them is there already. */
bool rules_set_env(struct import_service *service, const char *env);

/* Sets a banner to a message, in which \n, \r and \\ stand for a byte when it has `escapes`. */
void rules_set_message(struct import *import, struct import_service *service, const char *key, const char *message,
		       bool escapes, struct import_where where);

/* ---- import-folder.c ---- */

/* The names in a directory, sorted, without those that begin with a dot. Returns how many, or -errno. */
int rules_list_names(struct import *import, const char *path, const char ***ret_names);

/* Whether there is a file (or, by its type, a directory) of that name. `ret_mode` may be NULL. */
bool rules_is_there(const char *folder, const char *name, mode_t type, mode_t *ret_mode);

/* The files of a directory are variables, of which the first line counts: adds them to those of `env`. */
const char *rules_read_env(struct import *import, const char *env, const char *path);

#endif
