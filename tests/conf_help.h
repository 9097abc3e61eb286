/* conf_help.h - what the tests of loading share: a directory for each test, and
 * what was loaded from it. */
#ifndef USHERD_TESTS_CONF_HELP_H
#define USHERD_TESTS_CONF_HELP_H

#include "base.h"
#include "conf.h"
#include "run.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static char directory[] = "/tmp/check_conf.XXXXXX";
static struct conf *conf;
static struct conf_errors errors;

static inline void set_up(void)
{
	strcpy(directory, "/tmp/check_conf.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chmod(directory, 0755), 0); /* services run as nobody */
	conf = NULL;
	errors = (struct conf_errors){ 0 };
}

static inline void tear_down(void)
{
	char command[PATH_MAX];

	conf_unref(conf);
	conf_errors_free(&errors);
	snprintf(command, sizeof(command), "rm -rf '%s'", directory);
	ck_assert_int_eq(system(command), 0);
}

static inline const char *place(const char *name)
{
	static char path[2][PATH_MAX];
	static unsigned turn;

	turn = !turn;
	snprintf(path[turn], PATH_MAX, "%s/%s", directory, name);
	return path[turn];
}

static inline void put(const char *name, mode_t mode, const char *text)
{
	const char *path = place(name);
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static inline int load_with(const char *name, bool check_ownership, char *const *environ_given)
{
	struct conf_environment environment = { .services_directory = directory,
						.check_ownership = check_ownership,
						.environ = environ_given };

	conf_unref(conf);
	conf = NULL;
	conf_errors_free(&errors);
	return conf_load(place(name), &environment, &conf, &errors);
}

static inline void load_good(const char *text)
{
	char *const environment[] = { (char[]){ "TZ=UTC" }, (char[]){ "A=outside" }, NULL };

	put("services.ini", 0644, text);

	int r = load_with("services.ini", false, environment);

	ck_assert_msg(r == 0, "%d: %s", r, errors.count > 0 ? errors.items[0].reason : "");
	ck_assert_uint_eq(errors.count, 0);
}

static inline void load_bad(const char *name, const char *part)
{
	ck_assert_int_eq(load_with(name, false, NULL), -EINVAL);
	ck_assert_ptr_null(conf);
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_msg(strstr(errors.items[0].reason, part) != NULL, "%s", errors.items[0].reason);
}

static inline const struct conf_service *service(const char *name)
{
	for (size_t i = 0; i < conf->service_count; i++)
		if (strcmp(conf->services[i].name, name) == 0)
			return &conf->services[i];
	ck_abort_msg("no service %s", name);
	return NULL;
}

static inline const char *variable(const struct conf_service *of, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < of->environment.count; i++)
		if (strncmp(of->environment.items[i], name, length) == 0 &&
		    of->environment.items[i][length] == '=')
			return of->environment.items[i] + length + 1;
	return NULL;
}

#define CAT "exec = /bin/cat\n"

/* All that is in force, as -T writes it. (Inlined, it makes gcc see a dangling pointer.) */
static __attribute__((noinline, unused)) char *print_conf(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(stream);
	conf_print(conf, stream);
	ck_assert_int_eq(fclose(stream), 0);
	return text;
}

#endif
