/* import-internal.h - what an import is made of; for the files that keep and print it, not for importers. */
#ifndef USHERD_IMPORT_INTERNAL_H
#define USHERD_IMPORT_INTERNAL_H

#include "import.h"

#define IMPORT_NAME_MAX  36      /* of a section: inih has room for 49, with what is put before and behind */
#define IMPORT_LINES_MAX 1000000 /* of an input */
#define IMPORT_TEXT_MAX  1000    /* of a line of the report, about: then only its class is raised */
#define IMPORT_BUCKETS   1024
#define IMPORT_VALUE_MAX 65000 /* bytes of a value: with its key it stands on a line, CONF_READ_LINE_MAX */
#define IMPORT_REASON_MAX 200

struct import_line {
	enum import_class class;
	bool told;        /* else it was overlooked, which the report says */
	const char *text; /* or NULL */
};

struct import_file {
	const char *path;
	struct import_line *lines;
	unsigned count, room;
	struct import_file *next, *same_hash;
};

/* A name that a section has, or had. */
struct import_used {
	const char *name;
	unsigned last; /* number that was put behind it; 0: none */
	struct import_used *same_hash;
};

struct import_key {
	const char *name;
	const char *value;   /* NULL: not set (any more) */
	const char *comment; /* lines, or NULL */
	bool refused;        /* what it was set to could not be written */
	struct import_key *next;
};

struct import_service {
	struct import *import;
	const char *name;
	struct import_where where;
	const char *comment;
	struct import_key *keys;
	bool dropped, is_unwrapped;
	const char *wrapped; /* or NULL: as its program */
	struct import_service *next;
};

struct import {
	struct arena *arena;
	bool failed, expects_hosts;
	struct import_service defaults, nobody;
	struct import_service *first, **last;
	struct import_file *files, **last_file;
	struct import_file *files_by_path[IMPORT_BUCKETS];
	struct import_used *used[IMPORT_BUCKETS];
};

/* Zeroed memory that goes with the import, or NULL, which is remembered. */
void *import_take(struct import *import, size_t size);

/* Whether services.ini can hold this as a value; else why not. */
bool import_can_hold(const char *value, char reason[static IMPORT_REASON_MAX]);

/* What became of a line: one of which nothing was said is not supported. */
enum import_class import_class_of(const struct import_line *line);

/* Whether services.ini has another meaning for a section of this name, or would ask about it. */
bool import_name_is_special(const char *name);

#endif
