/* import-xinetd.h - what has been read of an xinetd.conf; for the files of this importer alone. It is read as
 * xinetd 2.3.15 reads it, with its traps: see import-xinetd.c (files and sections), -attribute.c and
 * -values.c (lines), -networks.c (addresses), -service.c (what is served) and -keys.c (our keys). */
#ifndef USHERD_IMPORT_XINETD_H
#define USHERD_IMPORT_XINETD_H

#include "import.h"

#include <netinet/in.h>
#include <stdint.h>

#define XINETD_SECTIONS_MAX 1000        /* that become services */
#define XINETD_DEPTH_MAX    8           /* of files that include files */
#define XINETD_FILES_MAX    2000        /* included */
#define XINETD_BYTES_MAX    (64U << 20) /* of all files together */
#define XINETD_WORK_MAX     100000000U  /* steps through lists, for all sections together */
#define XINETD_VALUE_MAX    60000       /* bytes of a value: a line of services.ini has 65536 */
#define XINETD_FAILURES_MAX 100 /* of one section, after which its values are not looked at any more */

enum xinetd_attribute {
	XINETD_ACCESS_TIMES,
	XINETD_BANNER,
	XINETD_BANNER_FAIL,
	XINETD_BANNER_SUCCESS,
	XINETD_BIND,
	XINETD_CPS,
	XINETD_DENY_TIME,
	XINETD_DISABLE,
	XINETD_DISABLED,
	XINETD_ENABLED,
	XINETD_ENV,
	XINETD_FLAGS,
	XINETD_GROUP,
	XINETD_GROUPS,
	XINETD_ID,
	XINETD_INSTANCES,
	XINETD_LEAKY_BUCKET,
	XINETD_LIBWRAP,
	XINETD_LOG_ON_FAILURE,
	XINETD_LOG_ON_SUCCESS,
	XINETD_LOG_TYPE,
	XINETD_MAX_LOAD,
	XINETD_MDNS,
	XINETD_NICE,
	XINETD_NO_ACCESS,
	XINETD_ONLY_FROM,
	XINETD_PASSENV,
	XINETD_PER_SOURCE,
	XINETD_PORT,
	XINETD_PROTOCOL,
	XINETD_REDIRECT,
	XINETD_RLIMIT_AS,
	XINETD_RLIMIT_CPU,
	XINETD_RLIMIT_DATA,
	XINETD_RLIMIT_FILES,
	XINETD_RLIMIT_RSS,
	XINETD_RLIMIT_STACK,
	XINETD_RPC_NUMBER,
	XINETD_RPC_VERSION,
	XINETD_SERVER,
	XINETD_SERVER_ARGS,
	XINETD_SOCKET_TYPE,
	XINETD_TYPE,
	XINETD_UMASK,
	XINETD_USER,
	XINETD_V6ONLY,
	XINETD_WAIT,
	XINETD_ATTRIBUTES
};

enum xinetd_types {
	XINETD_INTERNAL = 1,
	XINETD_UNLISTED = 2,
	XINETD_RPC = 4,
	XINETD_SPECIAL = 8,
	XINETD_TCPMUX = 16,
	XINETD_TCPMUXPLUS = 32
};

enum xinetd_flags {
	XINETD_REUSE = 1,
	XINETD_INTERCEPT = 2,
	XINETD_NORETRY = 4,
	XINETD_IDONLY = 8,
	XINETD_NAMEINARGS = 16,
	XINETD_NODELAY = 32,
	XINETD_KEEPALIVE = 64,
	XINETD_NOLIBWRAP = 128,
	XINETD_SENSOR = 256,
	XINETD_IPV4 = 512,
	XINETD_IPV6 = 1024,
	XINETD_LABELED = 2048
};

enum xinetd_log { XINETD_LOG_USERID = 1, XINETD_LOG_TRAFFIC = 2, XINETD_LOG_OTHER = 4 };

enum xinetd_operator { XINETD_SET, XINETD_ADD, XINETD_REMOVE };

/* A line with an attribute. */
struct xinetd_line {
	struct import_where where;
	const char *name;
	enum xinetd_operator operator;
	const char *const *words;
	size_t count;
};

/* An attribute that has one value. What was refused leaves its words, for a section that is switched off. */
struct xinetd_value {
	bool is_set;
	const char *const *words; /* NULL: it was never given */
	size_t count;
	struct import_where where;
};

struct xinetd_words {
	const char **items;
	size_t count, room;
};

/* An item of only_from or no_access. IPv4 addresses stand in the first four bytes. */
struct xinetd_network {
	int family; /* AF_INET, AF_INET6, AF_UNSPEC: a name */
	uint8_t address[16];
	unsigned bits;
	const char *name;
};

struct xinetd_networks {
	bool exists; /* also when it is empty, which means nobody */
	bool is_too_long;
	struct xinetd_network *items;
	size_t count, room;
};

struct xinetd_section {
	const char *name; /* of the service; "" in defaults */
	struct import_where where;
	bool is_defaults;
	bool is_off;     /* as xinetd sees it: an attribute failed, or disable = yes */
	bool is_stopped; /* disable = yes: xinetd reads no further, and nothing switches it on again */
	unsigned failures;
	struct xinetd_value values[XINETD_ATTRIBUTES];
	unsigned types, flags, log_success, log_failure;
	bool name_in_args; /* server_args came behind NAMEINARGS */
	struct xinetd_words env, passenv;
	struct xinetd_words enabled, disabled; /* of defaults */
	struct xinetd_networks only_from, no_access;
	struct xinetd_section *next;
};

/* Where a service listens, to find those that cannot listen both. */
struct xinetd_place {
	const char *ip4, *ip6; /* NULL: not in this family; "*": on all addresses */
	int port;
	bool is_udp;
	const char *name;
	struct import_where where;
	struct xinetd_place *next;
};

struct xinetd {
	struct import *import;
	struct xinetd_section defaults;
	struct xinetd_section *first, **last;
	unsigned section_count;
	bool follows; /* include and includedir */
	unsigned depth, file_count;
	size_t byte_count;
	unsigned work;
	struct xinetd_place *places;
};

/* Whether so many more steps may be taken; they are counted. */
bool xinetd_may_work(struct xinetd *xinetd, size_t steps);

/* Adds to a list; false without memory, which the import remembers. */
bool xinetd_words_add(struct xinetd *xinetd, struct xinetd_words *list, const char *word);

/* ---- attributes: import-xinetd-attribute.c, import-xinetd-values.c ---- */

/* A section begins: what is copied from defaults at this moment is copied. */
void xinetd_inherit(struct xinetd *xinetd, struct xinetd_section *section);

/* Takes a line in, and tells what becomes of it. */
void xinetd_take_line(struct xinetd *xinetd, struct xinetd_section *section, const struct xinetd_line *line);

/* Returns NULL, or what is wrong with the words: a sentence of the import's memory. May tell more of the
 * line. */
typedef const char *xinetd_take(struct xinetd *xinetd, struct xinetd_section *section,
				const struct xinetd_line *line);

xinetd_take xinetd_take_times, xinetd_take_cps, xinetd_take_deny_time, xinetd_take_disable,
	xinetd_take_yes_no, xinetd_take_any, xinetd_take_group, xinetd_take_count, xinetd_take_log_type,
	xinetd_take_load, xinetd_take_nice, xinetd_take_port, xinetd_take_protocol, xinetd_take_redirect,
	xinetd_take_limit, xinetd_take_socket_type, xinetd_take_umask, xinetd_take_user, xinetd_take_mdns,
	xinetd_take_v6only, xinetd_take_groups, xinetd_take_banner;
xinetd_take xinetd_take_networks;

/* A decimal number that an int of xinetd holds. */
bool xinetd_number(const char *text, int *ret_number);

/* `8M` to bytes; false: not a number, or too large. */
bool xinetd_bytes(const char *text, uint64_t *ret_bytes);

/* hh:mm-hh:mm, in minutes. */
bool xinetd_hours(const char *text, unsigned *ret_from, unsigned *ret_until);

/* ---- networks: import-xinetd-networks.c ---- */

bool xinetd_networks_copy(struct xinetd *xinetd, struct xinetd_networks *to,
			  const struct xinetd_networks *from);

/* The rules that come to the same as both lists. `ip4_only` says that no client comes over IPv6, so that
 * addresses of that family match nobody. Returns NULL, or why the service has to be switched off. */
const char *xinetd_set_rules(struct xinetd *xinetd, const struct xinetd_section *section,
			     struct import_service *service, bool ip4_only);

/* ---- services: import-xinetd-service.c, import-xinetd-keys.c ---- */

/* All has been read: makes services of the sections. */
void xinetd_finish(struct xinetd *xinetd);

/* What is known of a service before its keys are written. */
struct xinetd_service {
	struct xinetd *xinetd;
	const struct xinetd_section *section;
	struct import_service *service;
	bool is_udp, waits, is_internal, is_redirect, is_sensor;
	bool is_off;
	int port;
};

/* The value of the section, or of defaults, or NULL. */
const struct xinetd_value *xinetd_value(const struct xinetd_service *at, enum xinetd_attribute attribute);

/* Switches the service off: says why, at this line. */
void xinetd_switch_off(struct xinetd_service *at, struct import_where where, enum import_class class,
		       const char *why);

/* The line of an attribute of the section itself, or that of the section. */
struct import_where xinetd_where(const struct xinetd_service *at, enum xinetd_attribute attribute);

void xinetd_set_exec(struct xinetd_service *at);
void xinetd_set_keys(struct xinetd_service *at);

#endif
