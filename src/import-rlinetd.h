/* import-rlinetd.h - what has been read of an rlinetd.conf; for the files of this importer alone:
 * import-rlinetd.c has files and sections, -words.c words and statements, -keys.c what each statement of a
 * service means, -service.c the section that comes of them. */
#ifndef USHERD_IMPORT_RLINETD_H
#define USHERD_IMPORT_RLINETD_H

#include "import.h"

#define RLINETD_SERVICES_MAX   1000
#define RLINETD_FILES_MAX      500   /* of directories */
#define RLINETD_ARGUMENTS_MAX  64    /* of a statement */
#define RLINETD_STATEMENTS_MAX 200   /* of a section, with those of defaults */
#define RLINETD_DEPTH_MAX      8     /* of blocks in blocks */
#define RLINETD_COMMAND_MAX    20000 /* bytes of exec */
#define RLINETD_WORDS_MAX      1000  /* of exec */
#define RLINETD_READ_MAX       50000 /* statements of a file */

enum rlinetd_token {
	RLINETD_END,
	RLINETD_WORD,
	RLINETD_STRING,
	RLINETD_OPEN,  /* { */
	RLINETD_CLOSE, /* } */
	RLINETD_COMMA,
	RLINETD_STOP, /* ; */
	RLINETD_WRONG
};

/* NAME ARGUMENT, ARGUMENT...; or NAME ARGUMENT... { BLOCK } */
struct rlinetd_statement {
	struct import_where where;
	const char *name;
	const char *arguments[RLINETD_ARGUMENTS_MAX + 1]; /* NULL behind the last */
	size_t count;
	bool has_block;
	const struct rlinetd_statement *block; /* what is in it, one level deep */
	struct rlinetd_statement *next;
};

struct rlinetd_reader {
	struct import *import;
	const char *path, *at, *end;
	unsigned line;
	enum rlinetd_token token; /* the next one */
	const char *text;         /* of a word or a string */
	unsigned token_line, statements;
};

/* Reads the next token. */
void rlinetd_advance(struct rlinetd_reader *reader);

/* Reads a statement, with its block if it has one. NULL: there is none that can be read; the reader stands at
 * what is no part of one (the end, a closing brace), or RLINETD_WRONG. */
struct rlinetd_statement *rlinetd_read_statement(struct rlinetd_reader *reader, unsigned depth);

/* The word of a statement that there is, or "". */
const char *rlinetd_argument(const struct rlinetd_statement *statement, size_t place) __attribute__((returns_nonnull));

/* What the statements of a service say, those of defaults first. */
struct rlinetd_service {
	struct import *import;
	const char *name;
	struct import_where where;
	struct import_service *section; /* NULL: none could be made */
	const struct rlinetd_statement *statements[RLINETD_STATEMENTS_MAX];
	size_t count;

	bool is_udp, is_rpc, is_off, ends; /* ends: `close`, which ends what has no program */
	const char *family, *exec, *server, *says, *internal;
	const struct rlinetd_statement *ports, *interfaces;
	struct import_where where_exec;
};

/* Takes each statement: into the section's keys, or into the service. */
void rlinetd_take_statements(struct rlinetd_service *service);

/* Makes a section of a service; its statements are there. */
void rlinetd_make_service(struct rlinetd_service *service);

#endif
