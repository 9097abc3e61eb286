/* export-systemd.c - the way back: services as .socket and .service units. Reads a services.ini by the parser of the
 * daemon itself, and writes two units for each service that is offered. */
#include "export-systemd.h"

#include "base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#ifndef PKGLIBEXECDIR
#define PKGLIBEXECDIR "/usr/libexec/usherd"
#endif

typedef void write_unit(struct export *export);

/* A new file, or what comes behind others on `out`. */
static FILE *open_unit(int folder, const char *name, FILE *out)
{
	FILE *file;
	int fd;

	if (folder < 0) {
		fprintf(out, "# %s\n", name);
		return out;
	}
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	file = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (file == NULL && fd >= 0)
		close(fd);
	return file;
}

static int put_unit(struct export *export, int folder, const char *suffix, write_unit *write, FILE *out)
{
	const char *name = import_printf(export->report, "%s%s", export->name, suffix);
	int failed;

	export->out = open_unit(folder, name, out);
	if (export->out == NULL && errno != EEXIST)
		return -errno;
	if (export->out == NULL) {
		import_tell(export->report,
			    (struct import_where){ export->service->where.path, export->service->where.line },
			    IMPORT_UNSUPPORTED, "%s: %s is there already, and is not replaced", export->service->name, name);
		return 0;
	}
	fprintf(export->out, "# Made by usherctl export systemd.\n");
	write(export);
	if (folder < 0) {
		fputc('\n', out);
		return ferror(out) != 0 ? -EIO : 0;
	}
	failed = ferror(export->out);
	return fclose(export->out) != 0 || failed != 0 ? -EIO : 0;
}

static int put_service(struct import *report, const struct conf_service *service, int folder, FILE *out)
{
	struct export export = {
		.report = report,
		.service = service,
		.name = export_escape(report, service->name),
		.is_single = true,
	};
	int r;

	if (service->disable) {
		export_say(&export, "disable", IMPORT_CHANGED, "it is switched off, and no unit is made of it");
		return 0;
	}
	for (size_t i = 0; i < service->listen.count && !service->wait; i++)
		if (endpoint_is_stream(&service->listen.items[i]))
			export.is_single = false;
	if (!service->wait && export.is_single)
		export_say(&export, "listen", IMPORT_APPROXIMATED,
			   "systemd hands the socket to one program, and not each datagram to a program of its own");
	r = put_unit(&export, folder, ".socket", export_socket_unit, out);
	if (r == 0)
		r = put_unit(&export, folder, export.is_single ? ".service" : "@.service", export_service_unit, out);
	export_say_rest(&export);
	return r;
}

static void tell_daemon(struct import *report, const struct conf_daemon *daemon)
{
	for (size_t i = 0; i < daemon->origin_count; i++)
		import_tell(report, (struct import_where){ daemon->origins[i].where.path, daemon->origins[i].where.line },
			    IMPORT_CHANGED, "it is of usherd itself; systemd has settings of its own");
}

static void tell_errors(struct import *report, const char *path, const struct conf_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct conf_error *error = &errors->items[i];

		struct import_where where = { error->path != NULL ? error->path : path, error->line > 0 ? error->line : 1 };

		import_tell(report, where, IMPORT_UNSUPPORTED, "%s%s%s", error->subject != NULL ? error->subject : "",
			    error->subject != NULL ? ": " : "", error->reason);
	}
}

/* Each line of the file is in the report: what nothing else is said of (sections, comments) is as it was. */
static void tell_lines(struct import *report, const char *path)
{
	struct import_lines lines = { .import = report, .path = path };

	if (import_read(report, path, &lines.at, &lines.left) < 0)
		return;
	while (import_next_line(&lines) != NULL)
		import_tell(report, import_here(&lines), IMPORT_EXACT, "%s", "");
}

/* Of all files: a service at least stands in each of them, or it says little. */
static void tell_files(struct import *report, const struct conf *conf, const char *path)
{
	const char *last = path;

	tell_lines(report, import_keep(report, path));
	for (size_t i = 0; i < conf->service_count; i++) {
		const char *other = conf->services[i].where.path;

		if (other == NULL || strcmp(other, path) == 0 || strcmp(other, last) == 0)
			continue;
		tell_lines(report, other);
		last = other;
	}
}

static int put_all(struct import *report, const struct conf *conf, const char *folder, FILE *out)
{
	_cleanup_fd_ int fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int r = folder != NULL && fd < 0 ? -errno : 0;

	tell_daemon(report, &conf->daemon);
	for (size_t i = 0; i < conf->service_count && r == 0; i++)
		r = put_service(report, &conf->services[i], fd, out);
	return r;
}

int export_systemd(struct import *report, const char *path, const char *folder, FILE *out)
{
	struct conf_environment environment = { .services_directory = PKGLIBEXECDIR, .environ = environ };
	struct conf_errors errors = { 0 };
	struct conf *conf = NULL;
	char full[PATH_MAX];
	int r;

	if (realpath(path, full) == NULL)
		return -errno;
	r = conf_load(full, &environment, &conf, &errors);
	tell_errors(report, full, &errors);
	conf_errors_free(&errors);
	if (r == 0) {
		tell_files(report, conf, full);
		r = put_all(report, conf, folder, out);
	} else if (r == -EINVAL) {
		r = 0;
	}
	conf_unref(conf);
	return import_failed(report) ? -ENOMEM : r;
}
