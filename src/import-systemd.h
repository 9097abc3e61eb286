/* import-systemd.h - what the files of the importer of units share: settings as they were read, and the section of
 * services.ini that is being made of them. Nobody else includes it but their tests. */
#ifndef USHERD_IMPORT_SYSTEMD_H
#define USHERD_IMPORT_SYSTEMD_H

#include "import.h"

#include <stdint.h>

/* Where a key may stand. */
enum {
	UNIT_UNIT = 1 << 0,
	UNIT_SOCKET = 1 << 1,
	UNIT_SERVICE = 1 << 2,
	UNIT_INSTALL = 1 << 3,
};

struct unit;
struct unit_setting;

/* A key of a unit: what is done with it, or, without a function, what is said of it. */
struct unit_key {
	const char *name; /* a star at its end: all that begin so */
	unsigned sections;
	bool is_list; /* several lines add up, until an empty one takes them back */
	void (*take)(struct unit *unit, struct unit_setting *setting);
	enum import_class class;
	const char *text;
};

/* `key = value`, as it stood in a file. */
struct unit_setting {
	struct unit_setting *next;
	unsigned section; /* one of the above */
	bool of_service;  /* it stood in the .service, not in the .socket */
	const struct unit_key *row;
	const char *key, *value; /* blanks at both ends are gone, continued lines are joined */
	struct import_where where;
	unsigned last_line;
	bool replaced; /* by a later line */
	enum import_class worst; /* of what was said of it */
};

#define UNIT_WORDS_MAX  256 /* of one value, and items of one list */
#define UNIT_VALUE_MAX  16384 /* bytes of a value that is looked into */

/* A variable of Environment= or of an EnvironmentFile=. */
struct unit_variable {
	const char *name, *value;
	struct unit_setting *setting; /* that it comes from */
};

/* What is made: one section. */
struct unit {
	struct import *import;
	struct import_service *service;
	const char *name;     /* "ssh" of ssh@.service */
	const char *instance; /* "a" of ssh@a.socket; or "" */
	const char *full[2];  /* "ssh.socket", "ssh@.service": for %n */
	bool may_read;        /* files that units name */
	struct unit_setting *first, **last;

	/* What decides over the meaning of other keys; known before any other is taken. */
	bool accept;
	bool has_stream, has_datagram, has_ip, has_tcp, has_file;
	unsigned listen_count;
	enum { UNIT_V6_DEFAULT, UNIT_V6_BOTH, UNIT_V6_ONLY } v6;
	const char *protocol; /* of SocketProtocol=, or NULL */
	bool dynamic_user;

	/* What stands in several keys. */
	struct unit_setting *exec, *input, *output, *error, *trigger, *poll, *keepalive_line;
	struct import_where begin; /* the first line of the unit that was given */
	uint64_t trigger_us, trigger_burst, poll_us, poll_burst; /* UINT64_MAX: not said */
	bool keepalive;
	uint64_t keepalive_us;
	bool lacks_variables; /* some may come from where nobody looked */
	unsigned access_count, group_count, pass_count, document_count;
	struct unit_variable variables[UNIT_WORDS_MAX];
	size_t variable_count;
};

/* ---- import-systemd-read.c ---- */

/* Reads a unit file: its settings go to the end of the unit's list, all other lines are told. `sections` are those that
 * mean something in it. */
void unit_read(struct unit *unit, const char *path, const char *text, size_t length, unsigned sections);

/* Marks what later lines replace, and tells it. */
void unit_mark_replaced(struct unit *unit);

/* Tells the lines that continue a setting what became of its first. */
void unit_tell_continued(struct unit *unit);

/* ---- import-systemd-keys.c ---- */

/* The row of a key in a section; NULL: systemd has none of that name. */
const struct unit_key *unit_find_key(const char *name, unsigned section);

/* All rows; for tests. */
const struct unit_key *unit_keys(size_t *ret_count);

/* ---- import-systemd-value.c: what values mean ---- */

/* Says what became of a setting. */
void unit_say(struct unit *unit, struct unit_setting *setting, enum import_class class, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* These say nothing, and return false for what systemd would refuse. Times are in microseconds, UINT64_MAX is infinity;
 * a number without a unit counts `unit_us`. */
bool unit_parse_bool(const char *text, bool *ret_value);
bool unit_parse_time(const char *text, uint64_t unit_us, uint64_t *ret_us);
bool unit_parse_size(const char *text, uint64_t *ret_size);
bool unit_parse_number(const char *text, uint64_t most, uint64_t *ret_number);

/* A time as services.ini writes it. */
const char *unit_print_time(struct unit *unit, uint64_t us);

/* Expands specifiers. NULL: one of them cannot be known here, which was said. */
const char *unit_expand(struct unit *unit, struct unit_setting *setting, const char *text);

/* The words of a value, quotes and escapes resolved; NULL: that was said. */
const char *const *unit_split(struct unit *unit, struct unit_setting *setting, const char *text, size_t *ret_count);

/* Sets a key to a value as services.ini has it, when that is one: otherwise says why not. */
bool unit_put(struct unit *unit, struct unit_setting *setting, const char *key, const char *value);
bool unit_putf(struct unit *unit, struct unit_setting *setting, const char *key, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Adds a word to a list, quoted; or writes words as a command. False: said why not. */
bool unit_add_word(struct unit *unit, struct unit_setting *setting, const char *key, const char *word);
bool unit_put_words(struct unit *unit, struct unit_setting *setting, const char *key, const char *const *words,
		    size_t count);

/* ---- import-systemd-socket.c ---- */

void unit_take_listen(struct unit *unit, struct unit_setting *setting);
void unit_take_limits(struct unit *unit, struct unit_setting *setting);
void unit_take_option(struct unit *unit, struct unit_setting *setting);
void unit_take_owner(struct unit *unit, struct unit_setting *setting);
void unit_take_mode(struct unit *unit, struct unit_setting *setting);
void unit_take_trigger(struct unit *unit, struct unit_setting *setting);
void unit_take_keepalive(struct unit *unit, struct unit_setting *setting);

/* Looks at what decides over the meaning of others. */
void unit_find_facts(struct unit *unit);
void unit_finish_socket(struct unit *unit);

/* ---- import-systemd-service.c ---- */

/* Switches the section off until somebody saw to what is said. */
void unit_switch_off(struct unit *unit, struct unit_setting *setting, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void unit_take_user(struct unit *unit, struct unit_setting *setting);
void unit_take_groups(struct unit *unit, struct unit_setting *setting);
void unit_take_path(struct unit *unit, struct unit_setting *setting);
void unit_take_number(struct unit *unit, struct unit_setting *setting);
void unit_take_limit(struct unit *unit, struct unit_setting *setting);
void unit_take_stream(struct unit *unit, struct unit_setting *setting);
void unit_take_type(struct unit *unit, struct unit_setting *setting);
void unit_take_time(struct unit *unit, struct unit_setting *setting);
void unit_take_kill(struct unit *unit, struct unit_setting *setting);
void unit_take_access(struct unit *unit, struct unit_setting *setting);
void unit_take_capabilities(struct unit *unit, struct unit_setting *setting);
void unit_take_text(struct unit *unit, struct unit_setting *setting);
void unit_take_no(struct unit *unit, struct unit_setting *setting);
void unit_take_yes(struct unit *unit, struct unit_setting *setting);
void unit_take_documentation(struct unit *unit, struct unit_setting *setting);
void unit_finish_service(struct unit *unit);

/* ---- import-systemd-exec.c ---- */

void unit_take_environment(struct unit *unit, struct unit_setting *setting);
void unit_take_environment_file(struct unit *unit, struct unit_setting *setting);
void unit_take_pass_environment(struct unit *unit, struct unit_setting *setting);
void unit_take_exec(struct unit *unit, struct unit_setting *setting);
void unit_finish_exec(struct unit *unit);

#endif
