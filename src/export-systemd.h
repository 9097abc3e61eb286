/* export-systemd.h - what the files of the exporter share. */
#ifndef USHERD_EXPORT_SYSTEMD_H
#define USHERD_EXPORT_SYSTEMD_H

#include "conf.h"
#include "import.h"

#include <stdio.h>

/* One service on its way out: two units, and what is said of its lines. */
struct export {
	struct import *report;
	const struct conf_service *service;
	const char *name;  /* of the units, escaped */
	bool is_single;    /* one program has the socket: wait = yes */
	FILE *out;         /* the unit that is being written */
};

/* ---- export-systemd-keys.c ---- */

/* Says what became of a key of the service, where it was set; nothing when it was not. */
void export_say(struct export *export, const char *key, enum import_class class, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Says of each key that systemd has no word for what to do instead, when it is not its default. */
void export_say_rest(struct export *export);

/* A name as systemd-escape(1) makes one for a unit. */
const char *export_escape(struct import *report, const char *name);

/* `Key=text` with percent signs doubled, so that nothing of it is a specifier; false: it holds what no line can. */
bool export_text(struct export *export, const char *key, const char *text);
void export_format(struct export *export, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A word in quotes, as a list or a command line takes it; with `is_command` dollar signs are doubled, too. */
void export_word(struct export *export, const char *word, bool is_command);

/* A time, as units have it. */
void export_time(struct export *export, const char *key, uint64_t ns);

/* ---- the two units ---- */

void export_socket_unit(struct export *export);
void export_service_unit(struct export *export);

#endif
