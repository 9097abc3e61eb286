/* export-systemd-service.c - the .service unit of a service. */
#include "export-systemd.h"

#include "base.h"

#include <string.h>

static bool is_plain_path(const char *path)
{
	for (; *path != '\0'; path++)
		if ((unsigned char)*path <= ' ' || *path == 0x7f || *path == '\\' || *path == '"' || *path == '\'')
			return false;
	return true;
}

/* ---- as whom ---- */

static void write_identity(struct export *export)
{
	const struct conf_service *service = export->service;
	const struct conf_words *groups = &service->groups;

	if (!service->identity.change)
		return;
	export_format(export, "User=%s\nGroup=%s\n", service->user, service->group);
	if (groups->count == 0)
		return;
	if (strcmp(groups->items[0], "none") == 0) {
		export_say(export, "groups", IMPORT_APPROXIMATED, "with systemd the program keeps the groups of its user");
		return;
	}
	if (strcmp(groups->items[0], "auto") == 0)
		return;
	export_format(export, "SupplementaryGroups=");
	for (size_t i = 0; i < groups->count; i++)
		export_format(export, "%s%s", i > 0 ? " " : "", groups->items[i]);
	export_format(export, "\n");
	export_say(export, "groups", IMPORT_APPROXIMATED, "with systemd they are added to the groups of the user");
}

static void write_places(struct export *export)
{
	const struct conf_service *service = export->service;

	if (strcmp(service->directory, "/") != 0 && (!is_plain_path(service->directory) ||
						    !export_text(export, "WorkingDirectory", service->directory)))
		export_say(export, "directory", IMPORT_UNSUPPORTED, "a unit cannot name this directory");
	if (service->chroot != NULL &&
	    (!is_plain_path(service->chroot) || !export_text(export, "RootDirectory", service->chroot)))
		export_say(export, "chroot", IMPORT_UNSUPPORTED, "a unit cannot name this directory");
	export_format(export, "UMask=%04o\n", (unsigned)service->umask);
	if (service->nice.set)
		export_format(export, "Nice=%d\n", service->nice.value);
	if (service->oom_score_adj.set)
		export_format(export, "OOMScoreAdjust=%d\n", service->oom_score_adj.value);
	export_format(export, "NoNewPrivileges=%s\n", service->no_new_privileges ? "yes" : "no");
}

static void write_limit(struct export *export, rlim_t value)
{
	if (value == RLIM_INFINITY)
		export_format(export, "infinity");
	else
		export_format(export, "%ju", (uintmax_t)value);
}

static void write_rlimits(struct export *export)
{
	static const char *const names[CONF_RLIMITS] = {
		[CONF_RLIMIT_AS] = "AS",	   [CONF_RLIMIT_CORE] = "CORE",	    [CONF_RLIMIT_CPU] = "CPU",
		[CONF_RLIMIT_DATA] = "DATA",	   [CONF_RLIMIT_FSIZE] = "FSIZE",   [CONF_RLIMIT_MEMLOCK] = "MEMLOCK",
		[CONF_RLIMIT_NOFILE] = "NOFILE", [CONF_RLIMIT_NPROC] = "NPROC", [CONF_RLIMIT_STACK] = "STACK",
	};

	for (size_t i = 0; i < CONF_RLIMITS; i++) {
		const struct conf_rlimit *limit = &export->service->rlimit[i];

		if (!limit->set)
			continue;
		export_format(export, "Limit%s=", names[i]);
		write_limit(export, limit->soft);
		if (limit->hard != limit->soft) {
			export_format(export, ":");
			write_limit(export, limit->hard);
		}
		export_format(export, "\n");
	}
}

/* ---- what it is started with ---- */

static void write_command(struct export *export)
{
	const struct conf_words *words = &export->service->exec;
	bool renamed = strcmp(words->items[0], export->service->program) != 0;

	export_format(export, "ExecStart=%s", renamed ? "@" : "");
	export_word(export, export->service->program, false);
	for (size_t i = renamed ? 0 : 1; i < words->count; i++) {
		export_format(export, " ");
		if (strcmp(words->items[i], ";") == 0)
			export_format(export, "\\;");
		else
			export_word(export, words->items[i], true);
	}
	export_format(export, "\n");
}

static void write_environment(struct export *export)
{
	const struct conf_service *service = export->service;

	for (size_t i = 0; i < service->env.count; i++) {
		export_format(export, "Environment=");
		export_word(export, service->env.items[i], false);
		export_format(export, "\n");
	}
	for (size_t i = 0; i < service->pass_env.count; i++)
		export_format(export, "PassEnvironment=%s\n", service->pass_env.items[i]);
	if (service->pass_env.count > 0)
		export_say(export, "pass_env", IMPORT_APPROXIMATED, "they come from the environment of systemd");
}

/* One program can have one socket as its standard input; 0.0.0.0 and [::] of a port are one in the unit. */
static bool has_one_socket(const struct export *export)
{
	const struct endpoint_list *list = &export->service->listen;
	const struct endpoint *first = &list->items[0], *second = &list->items[1];

	return list->count == 1 ||
	       (list->count == 2 && endpoint_is_ip(first) && endpoint_is_ip(second) && first->kind == second->kind &&
		first->address.in.sin_port == second->address.in.sin_port &&
		first->address.in.sin_addr.s_addr == INADDR_ANY && second->address.sa.sa_family == AF_INET6 &&
		IN6_IS_ADDR_UNSPECIFIED(&second->address.in6.sin6_addr));
}

static void write_streams(struct export *export)
{
	const struct conf_stderr_target *target = &export->service->stderr_target;

	if (!export->is_single || has_one_socket(export))
		export_format(export, "StandardInput=socket\nStandardOutput=socket\n");
	else
		export_say(export, "listen", IMPORT_APPROXIMATED,
			   "systemd starts one program for all these sockets, on descriptors from 3 on (LISTEN_FDS)");
	switch (target->kind) {
	case CONF_STDERR_LOG:
		export_format(export, "StandardError=journal\n");
		break;
	case CONF_STDERR_SOCKET:
		export_format(export, "StandardError=%s\n",
			      !export->is_single || has_one_socket(export) ? "socket" : "journal");
		break;
	case CONF_STDERR_NULL:
		export_format(export, "StandardError=null\n");
		break;
	case CONF_STDERR_FILE:
		export_format(export, "StandardError=append:");
		if (is_plain_path(target->path) && strchr(target->path, '%') == NULL) {
			export_format(export, "%s\n", target->path);
		} else {
			export_format(export, "/dev/null\n");
			export_say(export, "stderr", IMPORT_UNSUPPORTED, "a unit cannot name this file");
		}
		break;
	}
}

void export_service_unit(struct export *export)
{
	const struct conf_service *service = export->service;

	export_format(export, "[Unit]\n");
	if (!export_text(export, "Description", service->description[0] != '\0' ? service->description : service->name))
		export_format(export, "Description=exported\n");
	if (!export->is_single)
		export_format(export, "CollectMode=inactive-or-failed\n");
	export_format(export, "\n[Service]\n");
	write_command(export);
	write_streams(export);
	write_identity(export);
	write_places(export);
	write_rlimits(export);
	write_environment(export);
	export_format(export, "IgnoreSIGPIPE=no\n");
	if (service->time_limit_ns > 0)
		export_time(export, "RuntimeMaxSec", service->time_limit_ns);
	if (service->kill_after_ns > 0)
		export_time(export, "TimeoutStopSec", service->kill_after_ns);
	else
		export_format(export, "TimeoutStopSec=1ms\n");
}
