/* main.c - usherd: arguments, the phases of starting, exit statuses. The only
 * file that ends the process.
 *
 *     startup_clean -> options -> conf -> (background) -> daemon_start -> daemon_run
 *
 * One that replaces another (upgrade.h) is clean already and keeps its signals blocked; if it
 * cannot serve, the one before does again.
 *
 * Exit statuses follow sysexits(3): 0, 1 run-time failure (a port in use), 64
 * usage, 71 operating system, 78 configuration. */
#include "adopt.h"
#include "base.h"
#include "conf-doc.h"
#include "conf-state.h"
#include "conf.h"
#include "daemon.h"
#include "options.h"
#include "startup.h"
#include "upgrade.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sysexits.h>

struct origin {
	const struct options *options;
	struct conf_environment environment;
	struct upgrade *upgrade;
	size_t passed;       /* sockets, by a service manager */
	char path[PATH_MAX]; /* of the file, absolute: the working directory will be / */
};

static int load(void *context, struct conf **ret_conf, struct conf_errors *errors)
{
	const struct origin *origin = context;
	const struct options *options = origin->options;

	/* The files may be what made the other program fail. */
	if (upgrade_way(origin->upgrade) == UPGRADE_TAKE && upgrade_failure(origin->upgrade) != NULL)
		return conf_left_load(upgrade_state(origin->upgrade), &origin->environment, ret_conf, errors);
	if (options->listen_count == 0)
		return conf_load(origin->path, &origin->environment, ret_conf, errors);
	return conf_from_command_line((const char *const *)options->listens, options->listen_count,
				      (const char *const *)options->settings, options->setting_count,
				      options->command, &origin->environment, ret_conf, errors);
}

/* Makes a path absolute without resolving links: the owner of each directory on
 * the way is looked at later. */
static int make_absolute(const char *path, char *ret_path, size_t size)
{
	char here[PATH_MAX] = "";
	int length;

	if (path[0] != '/' && getcwd(here, sizeof(here)) == NULL) {
		fprintf(stderr, "usherd: %s: the working directory is gone (%s); write the whole path\n",
			path, strerror(errno));
		return -errno;
	}
	length = snprintf(ret_path, size, "%s%s%s", here, path[0] == '/' ? "" : "/", path);
	if (length < 0 || (size_t)length >= size) {
		fprintf(stderr, "usherd: %s: the path is too long\n", path);
		return -ENAMETOOLONG;
	}
	return 0;
}

/* Nobody has written the file that is looked for when none is named. */
static bool is_first(const struct origin *origin)
{
	return origin->options->listen_count == 0 && !origin->options->conf_given &&
	       access(origin->path, F_OK) != 0 && errno == ENOENT;
}

/* Loads what was asked for; says on stderr what is wrong. */
static int load_first(struct origin *origin, struct conf **ret_conf)
{
	struct conf_errors errors = { .count = 0 };
	int r = load(origin, ret_conf, &errors);

	if (r < 0 && is_first(origin))
		options_print_first();
	else
		conf_errors_print(&errors, stderr);
	/* A daemon logs them. */
	if (r == 0 && origin->options->action != OPTIONS_SERVE)
		conf_warnings_print(*ret_conf, stderr);
	if (r < 0 && errors.count == 0)
		fprintf(stderr, "usherd: %s: %s\n", origin->options->conf_path, strerror(-r));
	conf_errors_free(&errors);
	return r == 0 ? 0 : r == -ENOMEM ? EX_OSERR : EX_CONFIG;
}

static int serve(struct origin *origin, struct conf *conf)
{
	struct daemon_source source = {
		.load = load,
		.context = origin,
		.path = origin->options->listen_count == 0 ? origin->path : NULL,
		.reloadable = origin->options->listen_count == 0,
		.upgrade = origin->upgrade,
	};
	bool background = origin->options->background;
	bool forks = background && upgrade_way(origin->upgrade) != UPGRADE_TAKE;
	struct daemon *daemon;
	int status, report = -1;

	if (origin->passed > 0 && adopted_new(STARTUP_FIRST_PASSED, origin->passed, &source.adopted) < 0) {
		fprintf(stderr, "usherd: start: %s\n", strerror(ENOMEM));
		return EX_OSERR;
	}
	if (forks && getpid() == 1) {
		fputs("usherd: -d: the first process of a container cannot go to the background; leave -d out\n",
		      stderr);
		return EX_USAGE;
	}
	if (forks && startup_background(&report) < 0) {
		fprintf(stderr, "usherd: fork: %s\n", strerror(errno));
		return EX_OSERR;
	}
	status = daemon_start(&source, conf, background, &daemon);
	if (status != 0)
		return status;
	if (forks)
		startup_background_ready(report);
	status = daemon_run(daemon);
	daemon_free(daemon);
	return status;
}

/* What a test that found nothing says. */
static void print_verdict(const struct conf *conf)
{
	size_t services = 0, listeners = 0;

	for (size_t i = 0; i < conf->service_count; i++) {
		if (conf->services[i].disable)
			continue;
		services++;
		listeners += conf->services[i].listen.count;
	}
	printf("ok: %zu services, %zu listeners, %zu disabled\n", services, listeners,
	       conf->service_count - services);
}

/* Where the bundled services are: as told; else where they are installed; else,
 * for a usherd that is run where it was built, beside it. */
static int find_services(const struct options *options, char path[static PATH_MAX])
{
	char self[PATH_MAX - 16] = "", *slash;

	if (options->services_directory != NULL)
		return make_absolute(options->services_directory, path, PATH_MAX);
	snprintf(path, PATH_MAX, "%s", PKGLIBEXECDIR);
	if (access(path, F_OK) == 0 || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 0;
	slash = strrchr(self, '/');
	if (slash == NULL)
		return 0;
	*slash = '\0';

	char beside[PATH_MAX];

	snprintf(beside, sizeof(beside), "%s/services", self);
	if (access(beside, F_OK) == 0)
		snprintf(path, PATH_MAX, "%s", beside);
	return 0;
}

/* A trial ends here: what is left is to look at what the other program would leave. */
static int try_to_serve(struct origin *origin, struct conf *conf)
{
	int status;

	if (upgrade_way(origin->upgrade) != UPGRADE_TRIAL) {
		if (chdir("/") == 0)
			return serve(origin, conf);
		fprintf(stderr, "usherd: chdir /: %s; a daemon keeps no other directory busy, so it does not start\n",
			strerror(errno));
		return EX_OSERR;
	}
	status = daemon_look(upgrade_state(origin->upgrade));
	if (status == 0)
		upgrade_say_yes();
	return status;
}

static int run_with_conf(const struct options *options, struct upgrade *upgrade, size_t passed)
{
	struct origin origin = {
		.options = options,
		.upgrade = upgrade,
		.passed = passed,
		.environment = {
			.environ = environ,
			.check_ownership = geteuid() == 0,
		},
	};
	char services_directory[PATH_MAX];
	struct conf *conf = NULL;
	int status;

	if (make_absolute(options->conf_path, origin.path, sizeof(origin.path)) < 0 ||
	    find_services(options, services_directory) < 0)
		return EX_USAGE;
	origin.environment.services_directory = services_directory;
	status = load_first(&origin, &conf);
	if (status == 0 && options->action == OPTIONS_TEST)
		print_verdict(conf);
	if (status == 0 && options->action == OPTIONS_PRINT)
		conf_print(conf, stdout);
	if (status == 0 && options->action == OPTIONS_SERVE)
		status = try_to_serve(&origin, conf);
	conf_unref(conf);
	return status;
}

static int run(const struct options *options, struct upgrade *upgrade, size_t passed)
{
	switch (options->action) {
	case OPTIONS_HELP:
		options_print_help();
		return EXIT_SUCCESS;
	case OPTIONS_VERSION:
		puts("usherd " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	case OPTIONS_KEYS:
		return conf_doc_keys(options->argument, stdout, stderr) == 0 ? EXIT_SUCCESS : EX_USAGE;
	case OPTIONS_GENERATE:
		if (conf_doc_generate(options->argument, stdout) == 0)
			return EXIT_SUCCESS;
		fprintf(stderr, "usherd: --generate=%s: the forms are man, sample, dictionary and vim\n",
			options->argument);
		return EX_USAGE;
	case OPTIONS_TEST:
	case OPTIONS_PRINT:
	case OPTIONS_SERVE:
		return run_with_conf(options, upgrade, passed);
	}
	return EX_USAGE;
}

static int start(int argc, char **argv, struct upgrade *upgrade)
{
	struct options options;
	size_t passed = startup_count_passed();
	int status, r = 0;

	if (upgrade_way(upgrade) == UPGRADE_TAKE)
		startup_raise_limit();
	else
		r = startup_clean(passed);
	if (r < 0) {
		fprintf(stderr, "usherd: start: %s\n", strerror(-r));
		return EX_OSERR;
	}
	r = options_parse(argc, argv, &options);
	if (r == -ENOMEM)
		fprintf(stderr, "usherd: start: %s\n", strerror(ENOMEM));
	if (r < 0)
		return r == -ENOMEM ? EX_OSERR : EX_USAGE;
	status = run(&options, upgrade, passed);
	options_free(&options);
	if (fflush(stdout) != 0) {
		fprintf(stderr, "usherd: standard output: %s\n", strerror(errno));
		status = status != 0 ? status : EXIT_FAILURE;
	}
	return status;
}

int main(int argc, char **argv)
{
	char reason[UPGRADE_REASON_MAX];
	struct upgrade *upgrade;
	int status;

	if (upgrade_begin(argv, &upgrade, reason) < 0) {
		fprintf(stderr, "usherd: start: %s\n", reason);
		return EX_OSERR;
	}
	status = start(argc, argv, upgrade);
	if (upgrade_way(upgrade) == UPGRADE_TAKE)
		upgrade_back(upgrade);
	upgrade_free(upgrade);
	return status;
}
