/* import-chain.h - one command that serves: programs that set something and run the next one, a server among them, and the
 * program that is served. What they set is kept until it is known that there is a section. */
#ifndef USHERD_IMPORT_CHAIN_H
#define USHERD_IMPORT_CHAIN_H

#include "import.h"

#include <stdbool.h>
#include <stdint.h>

#define CHAIN_SETTINGS_MAX 40

struct chain {
	struct import *import;
	struct import_where where;
	const char *directory; /* in which relative paths begin */
	char **words;          /* what is still to be looked at, a NULL behind */
	const char *cluster;   /* letters of an option that are still to be looked at */
	struct {
		const char *key, *value;
	} settings[CHAIN_SETTINGS_MAX];
	unsigned setting_count;
	const char *env;      /* variables as `env` has them */
	const char *uid_from; /* whose numbers envuidgid has put into the environment */
	const char *name;     /* of the service, when the port says it */
	const char *rules;    /* of tcprules: the text; or NULL */
	const char *folder;   /* of instructions, or NULL */
	const char *banner, *refused; /* messages, or NULL */
	bool rules_may_miss;  /* everybody may when there are no rules */
	bool refused_escapes;
	bool is_unsure; /* as whom it runs: the section is switched off */
	unsigned told;        /* sentences about the command */
	bool serves;          /* a server was found */
	bool failed;          /* no section can be made; told */
};

/* A setting of the section to come; the last one counts. */
void chain_set(struct chain *chain, const char *key, const char *value);
void chain_setf(struct chain *chain, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
const char *chain_get(const struct chain *chain, const char *key); /* or NULL */

void chain_tell(struct chain *chain, enum import_class class, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The chain is of no use: why. */
void chain_fail(struct chain *chain, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next word, or NULL. */
const char *chain_take(struct chain *chain);

/* The next option, as getopt(3) has them with "+": 0 for none, '?' for one that is not in `letters` (the chain has failed
 * then). Those with a colon behind have an argument, in `ret_argument`. */
int chain_option(struct chain *chain, const char *letters, const char **ret_argument);

/* The last part of a path. */
const char *chain_base(const char *path);

/* A path as one that begins at the root. */
const char *chain_absolute(const struct chain *chain, const char *path);

/* The key becomes a number from 1 to `most`; others are told. */
void chain_set_count(struct chain *chain, const char *key, const char *text, uint64_t most);

/* user and group from what setuidgid and others take. */
void chain_set_user(struct chain *chain, const char *name);

/* When the next word is a program that sets something and runs another, takes it with its options, and returns true. */
bool chain_take_prefix(struct chain *chain);

/* When the next word is a server, takes it with its options, address and port, and returns true: import-servers.c. */
bool chain_take_server(struct chain *chain);
bool chain_is_server(const char *word);

/* The same for socat, of which the program served is a part: sets `words` to it. */
void chain_take_socat(struct chain *chain);

#endif
