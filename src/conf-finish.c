/* conf-finish.c - what a service needs beyond its values: rights, program,
 * environment; and whether its values agree with each other and with those of other
 * services. */
#include "conf-internal.h"

#include "base.h"
#include "conf-file.h"
#include "conf-security.h"
#include "conf-warm.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* ---- one service ---- */

static void check_required(struct conf_loader *loader, const struct conf_section *section)
{
	size_t count;
	const struct conf_key *keys = conf_keys(&count);

	for (size_t i = 0; i < count && !section->is_broken; i++)
		if ((keys[i].flags & CONF_KEY_REQUIRED) != 0 &&
		    conf_section_find(section, keys[i].name) == NULL)
			conf_error_at(loader, section, NULL, section->where.line, "the service has no '%s'",
				      keys[i].name);
}

static const char *applies_to(const struct conf_key *key)
{
	if ((key->flags & CONF_KEY_FOR_IP) != 0)
		return "this key is for IP sockets, and the service listens on none";
	if ((key->flags & CONF_KEY_FOR_TCP) != 0)
		return "this key is for TCP sockets, and the service listens on none";
	if ((key->flags & CONF_KEY_FOR_STREAM) != 0)
		return "this key is for connections, and the service listens on datagram sockets only";
	return "this key is for Unix sockets with a path, and the service listens on none";
}

/* A key that does nothing where it stands is a mistake; from [defaults] it is not. */
static void check_applies(struct conf_loader *loader, const struct conf_section *section,
			  const struct conf_service *service)
{
	if (service->listen.count == 0)
		return;
	for (const struct conf_setting *setting = section->settings; setting != NULL; setting = setting->next)
		if (!conf_key_applies(setting->key, &service->listen))
			conf_error_at(loader, section, setting->key->name, setting->line, "%s",
				      applies_to(setting->key));
}

/* One program can only do either: accept connections or receive datagrams. */
static void check_wait(struct conf_loader *loader, const struct conf_section *section,
		       struct conf_service *service)
{
	const struct conf_setting *instances = conf_section_find(section, "instances");

	if (!service->wait)
		return;
	if (instances != NULL && !instances->is_bad && service->limits.instances != 1)
		conf_error_at(loader, section, "instances", instances->line,
			      "with wait = yes there is always one instance");
	service->limits.instances = 1;

	for (size_t i = 1; i < service->listen.count; i++) {
		bool first = endpoint_is_stream(&service->listen.items[0]);

		if (endpoint_is_stream(&service->listen.items[i]) != first) {
			conf_refuse(loader, section, "wait",
			       "with wait = yes all sockets of a service must be of one type, stream or datagram");
			return;
		}
	}
}

/* Returns 0 and the identity, or NULL when there is none (and the error is told). */
static int resolve_identity(struct conf_loader *loader, const struct conf_section *section,
			    struct conf_service *service, const struct identity **ret_identity)
{
	static const char *const names[] = {
		[IDENTITY_USER] = "user", [IDENTITY_GROUP] = "group", [IDENTITY_GROUPS] = "groups"};
	char reason[IDENTITY_REASON_MAX];
	const struct identity *identity;
	const struct conf_section *where;
	enum identity_key key = IDENTITY_USER;

	*ret_identity = NULL;
	/* What did not parse is not looked up. */
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		const struct conf_setting *setting = conf_setting_origin(loader, section, names[i], &where);

		if (setting != NULL && setting->is_bad)
			return 0;
	}

	int r = identity_resolve(loader->identities, service->user, service->group, &service->groups,
				 &identity, &key, reason);

	if (r == -EINVAL)
		conf_refuse(loader, section, names[key], reason);
	if (r < 0)
		return r == -EINVAL ? 0 : r;
	service->identity = identity->rights;
	service->user = identity->user_text;
	service->group = identity->group_text;
	*ret_identity = identity;
	return 0;
}

/* Directories that are not there would fail each session. Others may not be
 * ours to see: those are left to the service. */
static void check_directory(struct conf_loader *loader, const struct conf_section *section, const char *key,
			    const char *root, const char *path)
{
	char reason[CONF_REASON_MAX], full[PATH_MAX];
	struct stat status;

	if ((size_t)snprintf(full, sizeof(full), "%s%s", root, path) >= sizeof(full))
		return;
	if (stat(full, &status) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return;
		snprintf(reason, sizeof(reason), "%.300s: %s", full, strerror(errno));
		conf_refuse(loader, section, key, reason);
	} else if (!S_ISDIR(status.st_mode)) {
		snprintf(reason, sizeof(reason), "%.300s is not a directory", full);
		conf_refuse(loader, section, key, reason);
	}
}

/* The directory in which a file is to be made. */
static void check_parent(struct conf_loader *loader, const struct conf_section *section, const char *key,
			 const char *path)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path || (size_t)(slash - path) >= sizeof(parent))
		return;
	snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	check_directory(loader, section, key, "", parent);
}

/* What root sends to clients must be root's to choose. */
static void check_message(struct conf_loader *loader, const struct conf_section *section, const char *key,
			  const struct conf_message *message)
{
	char reason[CONF_FILE_REASON_MAX];

	if (message->path != NULL && loader->environment->check_ownership &&
	    conf_security_check(message->path, reason) == -EPERM)
		conf_refuse(loader, section, key, reason);
}

static void check_places(struct conf_loader *loader, const struct conf_section *section,
			 const struct conf_service *service)
{
	if (service->chroot != NULL && geteuid() != 0)
		conf_refuse(loader, section, "chroot",
		       "only root can change the root directory; start usherd as root");
	else if (service->chroot != NULL)
		check_directory(loader, section, "chroot", "", service->chroot);
	/* Links inside a root directory lead elsewhere than here. */
	if (service->chroot == NULL && strcmp(service->directory, "/") != 0)
		check_directory(loader, section, "directory", "", service->directory);
	if (service->stderr_target.kind == CONF_STDERR_FILE)
		check_parent(loader, section, "stderr", service->stderr_target.path);
	for (size_t i = 0; i < service->listen.count; i++)
		if (endpoint_has_path(&service->listen.items[i]))
			check_parent(loader, section, "listen", service->listen.items[i].address.un.sun_path);
}

/* Limits that only root could raise: what was written is an error, what came
 * from the table is cut to what there is. */
static void check_limits(struct conf_loader *loader, const struct conf_section *section,
			 struct conf_service *service)
{
	static const struct {
		const char *key;
		int resource;
	} limits[] = {
		[CONF_RLIMIT_AS] = {"rlimit_as", RLIMIT_AS},
		[CONF_RLIMIT_CORE] = {"rlimit_core", RLIMIT_CORE},
		[CONF_RLIMIT_CPU] = {"rlimit_cpu", RLIMIT_CPU},
		[CONF_RLIMIT_DATA] = {"rlimit_data", RLIMIT_DATA},
		[CONF_RLIMIT_FSIZE] = {"rlimit_fsize", RLIMIT_FSIZE},
		[CONF_RLIMIT_MEMLOCK] = {"rlimit_memlock", RLIMIT_MEMLOCK},
		[CONF_RLIMIT_NOFILE] = {"rlimit_nofile", RLIMIT_NOFILE},
		[CONF_RLIMIT_NPROC] = {"rlimit_nproc", RLIMIT_NPROC},
		[CONF_RLIMIT_STACK] = {"rlimit_stack", RLIMIT_STACK},
	};
	const struct conf_section *where;
	struct rlimit own;

	if (geteuid() == 0)
		return;
	for (size_t i = 0; i < ELEMENTS(limits); i++) {
		struct conf_rlimit *limit = &service->rlimit[i];

		if (!limit->set || getrlimit(limits[i].resource, &own) < 0 ||
		    limit->hard <= own.rlim_max)
			continue;
		if (conf_setting_origin(loader, section, limits[i].key, &where) != NULL) {
			conf_refuse(loader, section, limits[i].key,
			       "only root can raise this limit above the one usherd was started with");
			continue;
		}
		limit->hard = own.rlim_max;
		limit->soft = limit->soft < own.rlim_max ? limit->soft : own.rlim_max;
	}
}

/* setpriority(2) would fail for each session. What oom_score_adj may be is known
 * to the kernel alone. */
static void check_nice(struct conf_loader *loader, const struct conf_section *section,
		       const struct conf_service *service)
{
	struct rlimit own;

	if (!service->nice.set || geteuid() == 0 || service->nice.value >= getpriority(PRIO_PROCESS, 0))
		return;
	if (getrlimit(RLIMIT_NICE, &own) == 0 && own.rlim_cur >= (rlim_t)(20 - service->nice.value))
		return;
	conf_refuse(loader, section, "nice", "only root can ask for more than the priority usherd was started with");
}

static int resolve_program(struct conf_loader *loader, const struct conf_section *section,
			   struct conf_service *service)
{
	char reason[CONF_REASON_MAX];
	const char *path;

	if (service->exec.count == 0)
		return 0;

	int r = conf_program_find(loader, service, &path, reason);

	if (r == -EINVAL)
		conf_refuse(loader, section, "exec", reason);
	if (r < 0)
		return r == -EINVAL ? 0 : r;
	service->program = path;

	/* A relative path means nothing after chdir, nor in a file elsewhere. */
	if (service->exec.items[0][0] != '/' && strchr(service->exec.items[0], '/') != NULL) {
		service->exec.items[0] = arena_strdup(loader->arena, path);
		if (service->exec.items[0] == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* ---- the fixed part of the environment ---- */

/* Puts a variable in, in place of one of the same name. */
static void put_variable(struct conf_words *words, char *variable)
{
	size_t length = strcspn(variable, "=") + 1;

	for (size_t i = 0; i < words->count; i++) {
		if (strncmp(words->items[i], variable, length) == 0) {
			words->items[i] = variable;
			return;
		}
	}
	words->items[words->count++] = variable;
}

static const char *variable_of(const struct conf_words *words, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < words->count; i++)
		if (strncmp(words->items[i], name, length) == 0)
			return words->items[i] + length;
	return NULL;
}

static int pass_variable(const struct conf_loader *loader, struct conf_words *words, const char *name)
{
	size_t length = strlen(name);

	for (char *const *variable = loader->environment->environ; variable != NULL && *variable != NULL;
	     variable++) {
		if (strncmp(*variable, name, length) != 0 || (*variable)[length] != '=')
			continue;

		char *copy = arena_strdup(loader->arena, *variable);

		if (copy == NULL)
			return -ENOMEM;
		put_variable(words, copy);
		return 0;
	}
	return 0;
}

static int build_environment(struct conf_loader *loader, const struct identity *identity,
			     struct conf_service *service)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	size_t room = 3 + ELEMENTS(identity->environment) + service->pass_env.count + service->env.count;
	struct conf_words words = {.items = arena_alloc(loader->arena, room * sizeof(*words.items))};
	char *name = arena_printf(loader->arena, "USHERD_SERVICE=%s", service->name);

	if (words.items == NULL || name == NULL)
		return -ENOMEM;
	words.items[words.count++] = path;
	for (size_t i = 0; i < ELEMENTS(identity->environment); i++)
		words.items[words.count++] = identity->environment[i];
	for (size_t i = 0; i < service->pass_env.count; i++) {
		int r = pass_variable(loader, &words, service->pass_env.items[i]);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < service->env.count; i++)
		put_variable(&words, service->env.items[i]);
	words.items[words.count++] = name;
	service->environment = words;
	return 0;
}

/* ---- warm ---- */

/* What stands in [defaults] is told of one service, not of ten thousand. */
static void warn_warm(struct conf_loader *loader, const struct conf_section *section, const char *reason)
{
	const struct conf_section *where;
	const struct conf_setting *setting = conf_setting_origin(loader, section, "warm", &where);

	if (setting == NULL)
		return;
	if (where == section) {
		conf_warning_at(loader, section, "warm", setting->line, "%s", reason);
	} else if (!loader->warned_of_warm) {
		loader->warned_of_warm = true;
		conf_warning_at(loader, where, "warm", setting->line, "%s (for the service [%s])", reason,
				section->name);
	}
}

/* Whether the program can be started ahead. If not, each client has it started for itself: that is never an error. */
static int look_at_warm(struct conf_loader *loader, const struct conf_section *section,
			struct conf_service *service)
{
	static const char *const libraries[] = { [WARM_MAIN] = WARM_LIBRARY_MAIN, [WARM_INPUT] = WARM_LIBRARY_INPUT };
	char reason[CONF_REASON_MAX], text[CONF_REASON_MAX + 64];
	bool is_script;

	if (service->warm == WARM_NONE || service->program == NULL)
		return 0;
	service->warm_library = arena_printf(loader->arena, "%s/%s", loader->environment->services_directory,
					     libraries[service->warm]);
	if (service->warm_library == NULL)
		return -ENOMEM;

	struct conf_warm warm = {
		.seen = { .chroot = service->chroot, .rights = &service->identity },
		.program = service->program,
		.library = service->warm_library,
		.search = variable_of(&service->environment, "PATH="),
		.no_new_privileges = service->no_new_privileges,
	};

	if (!conf_warm_suits(&warm, &is_script, reason)) {
		snprintf(text, sizeof(text), "%s; it is started for each client", reason);
		warn_warm(loader, section, text);
		service->warm_not = arena_strdup(loader->arena, reason);
		return service->warm_not == NULL ? -ENOMEM : 0;
	}
	if (is_script && service->warm == WARM_MAIN && conf_section_find(section, "warm") != NULL)
		warn_warm(loader, section,
			  "main stops the interpreter before it has read the script; input has it loaded ahead, too");
	return 0;
}

int conf_finish_service(struct conf_loader *loader, const struct conf_section *section,
			struct conf_service *service)
{
	check_required(loader, section);
	check_applies(loader, section, service);
	check_wait(loader, section, service);
	conf_agree(loader, section, service);
	/* What is not offered may lack what it will need. */
	return service->disable ? 0 : conf_finish_offer(loader, section, service);
}

int conf_finish_offer(struct conf_loader *loader, const struct conf_section *section,
		      struct conf_service *service)
{
	const struct identity *identity;
	int r;

	check_places(loader, section, service);
	check_message(loader, section, "banner", &service->banner);
	check_message(loader, section, "banner_refused", &service->banner_refused);
	check_limits(loader, section, service);
	check_nice(loader, section, service);
	r = resolve_identity(loader, section, service, &identity);
	if (r == 0)
		r = conf_access_finish(loader, section, service);
	if (r == 0)
		r = resolve_program(loader, section, service);
	if (r == 0 && identity != NULL)
		r = build_environment(loader, identity, service);
	if (r == 0 && identity != NULL)
		r = look_at_warm(loader, section, service);
	return r;
}

/* ---- between services ---- */

/* Where an endpoint was met first. */
struct claim {
	const struct endpoint *endpoint;
	const struct conf_section *section;
	const struct conf_service *service;
};

struct claims {
	struct claim *slots; /* open addressing; a power of two, at most half full */
	size_t mask;
};

static void free_claims(struct claims *claims)
{
	free(claims->slots);
}

static unsigned listen_line(const struct conf_section *section)
{
	const struct conf_setting *setting = conf_section_find(section, "listen");

	return setting != NULL ? setting->line : section->where.line;
}

/* Enters one endpoint; tells the error when it is taken. */
static void claim(struct conf_loader *loader, struct claims *claims, const struct endpoint *endpoint,
		  const struct conf_section *section, const struct conf_service *service)
{
	char text[ENDPOINT_TEXT_MAX];
	size_t slot = endpoint_hash(endpoint) & claims->mask;

	for (; claims->slots[slot].endpoint != NULL; slot = (slot + 1) & claims->mask) {
		const struct claim *other = &claims->slots[slot];

		if (!endpoint_equal(other->endpoint, endpoint))
			continue;
		endpoint_print(endpoint, text);
		if (other->section == section)
			conf_error_at(loader, section, "listen", listen_line(section), "%s is listed twice",
				      text);
		else
			conf_error_at(loader, section, "listen", listen_line(section),
				      "%s is taken already by the service [%s] at %s:%u", text,
				      other->section->name, other->section->where.path,
				      listen_line(other->section));
		return;
	}
	claims->slots[slot] = (struct claim){.endpoint = endpoint, .section = section, .service = service};
}

static const struct claim *find_claim(const struct claims *claims, const struct endpoint *endpoint)
{
	size_t slot = endpoint_hash(endpoint) & claims->mask;

	for (; claims->slots[slot].endpoint != NULL; slot = (slot + 1) & claims->mask)
		if (endpoint_equal(claims->slots[slot].endpoint, endpoint))
			return &claims->slots[slot];
	return NULL;
}

/* The endpoint of the same port on all addresses of its family. */
static struct endpoint wildcard_of(const struct endpoint *endpoint)
{
	struct endpoint wildcard = {.kind = endpoint->kind, .length = endpoint->length};

	wildcard.address.sa.sa_family = endpoint->address.sa.sa_family;
	if (endpoint->address.sa.sa_family == AF_INET)
		wildcard.address.in.sin_port = endpoint->address.in.sin_port;
	else
		wildcard.address.in6.sin6_port = endpoint->address.in6.sin6_port;
	return wildcard;
}

static bool has_interface(const struct conf_service *service)
{
	return service->socket.interface != NULL && service->socket.interface[0] != '\0';
}

/* An address and all addresses exclude each other on one port, unless their
 * sockets are bound to interfaces. */
static void check_wildcards(struct conf_loader *loader, const struct claims *claims,
			    const struct conf_section *section, const struct conf_service *service)
{
	char text[ENDPOINT_TEXT_MAX], all[ENDPOINT_TEXT_MAX];

	for (size_t i = 0; i < service->listen.count; i++) {
		const struct endpoint *endpoint = &service->listen.items[i];

		if (!endpoint_is_ip(endpoint))
			continue;

		struct endpoint wildcard = wildcard_of(endpoint);
		const struct claim *other = find_claim(claims, &wildcard);

		if (other == NULL || endpoint_equal(&wildcard, endpoint) || has_interface(service) ||
		    has_interface(other->service))
			continue;
		conf_error_at(loader, section, "listen", listen_line(section),
			      "%s is part of %s of the service [%s] at %s:%u; a port is for all addresses or for "
			      "single ones",
			      endpoint_print(endpoint, text), endpoint_print(&wildcard, all),
			      other->section->name, other->section->where.path, listen_line(other->section));
	}
}

int conf_finish_all(struct conf_loader *loader, struct conf *conf)
{
	_cleanup_(free_claims) struct claims claims = {0};
	const struct conf_section *section = loader->services;
	size_t count = 0, room = 16;

	for (size_t i = 0; i < conf->service_count; i++)
		count += conf->services[i].listen.count;
	while (room < count * 2)
		room *= 2;
	claims.slots = calloc(room, sizeof(*claims.slots));
	claims.mask = room - 1;
	if (claims.slots == NULL)
		return -ENOMEM;

	for (size_t i = 0; i < conf->service_count; i++, section = section->next) {
		struct conf_service *service = &conf->services[i];

		service->listen_line = listen_line(section);
		if (service->disable)
			continue;
		for (size_t j = 0; j < service->listen.count; j++)
			claim(loader, &claims, &service->listen.items[j], section, service);
	}
	section = loader->services;
	for (size_t i = 0; i < conf->service_count; i++, section = section->next)
		if (!conf->services[i].disable)
			check_wildcards(loader, &claims, section, &conf->services[i]);
	return 0;
}
