/* check_import_systemd_files.c - units in a directory: the files that are found, their drop-ins, the files that they
 * name, and what is said where one is not there. */
#include "core_help.h"
#include "import_help.h"

#define SOCKET	"[Socket]\nListenStream=127.0.0.1:7001\nAccept=yes\n"
#define SERVICE "[Service]\nExecStart=/bin/true\nStandardInput=socket\nStandardOutput=socket\n"

/* A directory with files; what is imported of it, with its report. */
struct units {
	const char *folder;
	struct import *import;
	struct import_service *service; /* the first, or NULL */
	char *said;
	int result;
};

static void begin(struct units *units)
{
	*units = (struct units){ .folder = make_folder(), .import = import_new() };
	ck_assert_ptr_nonnull(units->import);
}

/* A file; a directory is made when its name holds one. */
static void put(struct units *units, const char *name, const char *text)
{
	char path[128];
	char *slash;

	snprintf(path, sizeof(path), "%s/%s", units->folder, name);
	slash = strchr(path + strlen(units->folder) + 1, '/');
	if (slash != NULL) {
		*slash = '\0';
		ck_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
		*slash = '/';
	}
	write_file(path, 0644, text);
}

static void take(struct units *units, const char *name)
{
	units->result = import_systemd(units->import, path_in(units->folder, name));
	units->service = import_next(units->import, NULL);
	units->said = reported(units->import);
}

static void end(struct units *units)
{
	char command[128];

	free(units->said);
	import_free(units->import);
	snprintf(command, sizeof(command), "rm -rf '%s'", units->folder);
	ck_assert_int_eq(system(command), 0);
}

static void expect(const struct units *units, const char *key, const char *value)
{
	const char *found = units->service != NULL ? import_get(units->service, key) : NULL;

	ck_assert_msg(value == NULL ? found == NULL : found != NULL && strcmp(found, value) == 0, "%s = %s, not %s\n%s", key,
		      found != NULL ? found : "-", value != NULL ? value : "-", units->said);
}

/* A line of the report, begun by the name of a file in the directory. */
static void expect_said(const struct units *units, const char *line)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", units->folder, line);
	ck_assert_msg(strstr(units->said, full) != NULL, "'%s' is not said:\n%s", full, units->said);
}

/* ---- which files ---- */

/* Files that are there, the one that is given, and `exec`, NULL: no service; what is said, or NULL. */
static const struct {
	const char *socket, *socket_text, *service, *given, *exec, *said;
} pairs[] = {
	{ "a.socket", SOCKET, "a@.service", "a.socket", "/bin/true", NULL },
	{ "a.socket", SOCKET, "a@.service", "a@.service", "/bin/true", NULL },
	{ "a@x.socket", SOCKET, "a@.service", "a@x.socket", "/bin/true", NULL },
	{ "a.socket", "[Socket]\nListenStream=127.0.0.1:7001\nService=b.service\n", "b.service", "a.socket", "/bin/true", NULL },
	{ "a.socket", "[Socket]\nListenStream=127.0.0.1:7001\nService=b.service\nService=\n", "a.service", "a.socket",
	  "/bin/true", NULL },
	{ "a.socket", "[Socket]\nListenStream=127.0.0.1:7001\nService=/b.service\n", "a.service", "a.socket", "/bin/true", NULL },
	{ "a.socket", SOCKET "Service=b.service\n", "a@.service", "a.socket", "/bin/true", NULL },
	{ "a.socket", SOCKET, "usherd-b@.service", "a.socket", NULL,
	  "a.socket:1: unsupported: a@.service cannot be read: No such file or directory; no command of a .service unit is left "
	  "to start, so that there is no service; look for the unit a@.service" },
	{ "usherd-b.socket", SOCKET, "usherd-a.service", "usherd-a.service", NULL,
	  "usherd-a.service:1: unsupported: there is no usherd-a.socket beside it or in the directories of systemd (No such "
	  "file or directory): only what a socket starts can be served" },
};

START_TEST(pairs_of_files)
{
	struct units units;

	begin(&units);
	put(&units, pairs[_i].socket, pairs[_i].socket_text);
	put(&units, pairs[_i].service, SERVICE);
	take(&units, pairs[_i].given);
	ck_assert_int_eq(units.result, 0);
	expect(&units, "exec", pairs[_i].exec);
	if (pairs[_i].said != NULL)
		expect_said(&units, pairs[_i].said);
	end(&units);
}
END_TEST

START_TEST(no_file)
{
	struct units units;

	begin(&units);
	put(&units, "file", "");
	take(&units, "usherd-none.socket");
	ck_assert_int_eq(units.result, -ENOENT);
	ck_assert_int_eq(import_systemd(units.import, path_in(units.folder, "usherd-none.service")), -ENOENT);
	ck_assert_int_eq(import_systemd(units.import, path_in(units.folder, "file/usherd-none.socket")), -ENOENT);
	ck_assert_int_eq(import_systemd(units.import, "usherd-none.socket"), -ENOENT);
	ck_assert_int_eq(mkdir(path_in(units.folder, "dir.socket"), 0755), 0);
	ck_assert_int_lt(import_systemd(units.import, path_in(units.folder, "dir.socket")), 0);
	ck_assert_ptr_null(import_next(units.import, NULL));
	end(&units);
}
END_TEST

/* ---- drop-ins: systemd.unit(5) ---- */

START_TEST(drop_ins)
{
	struct units units;

	begin(&units);
	put(&units, "a-b.socket", SOCKET "Backlog=1\n");
	put(&units, "a-b@.service", SERVICE "Nice=1\n");
	put(&units, "a-b.socket.d/20.conf", "[Socket]\nBacklog=20\n");
	put(&units, "a-b.socket.d/10.conf", "[Socket]\nBacklog=10\nMaxConnections=7\n");
	put(&units, "a-b.socket.d/30.txt", "[Socket]\nBacklog=30\n");
	put(&units, "a-b.socket.d/.40.conf", "[Socket]\nBacklog=40\n");
	put(&units, "a-b.socket.d/.conf", "[Socket]\nBacklog=50\n");
	put(&units, "a-.socket.d/20.conf", "[Socket]\nBacklog=60\n");    /* the name is taken */
	put(&units, "a-.socket.d/05.conf", "[Socket]\nMaxConnections=8\n"); /* its number is lower */
	put(&units, "socket.d/01.conf", "[Socket]\nMaxConnectionsPerSource=3\n");
	put(&units, "service.d/01.conf", "[Service]\nNice=3\n");
	ck_assert_int_eq(symlink("/dev/null", path_in(units.folder, "a-b.socket.d/70.conf")), 0);
	ck_assert_int_eq(symlink("/nonexistent", path_in(units.folder, "a-b.socket.d/80.conf")), 0);
	take(&units, "a-b.socket");
	expect(&units, "backlog", "20");
	expect(&units, "instances", "7");
	expect(&units, "per_source", "3");
	expect(&units, "nice", "3");
	expect_said(&units, "a-b.socket:4: exact: a later line replaces it");
	expect_said(&units, "a-b.socket.d/80.conf:1: unsupported: this drop-in cannot be read: No such file or directory");
	ck_assert_ptr_null(strstr(units.said, "70.conf"));
	ck_assert_ptr_null(strstr(units.said, "30.txt"));
	end(&units);
}
END_TEST

START_TEST(too_many_drop_ins)
{
	struct units units;
	char name[64];

	begin(&units);
	put(&units, "a.socket", SOCKET);
	put(&units, "a@.service", SERVICE);
	for (unsigned i = 0; i <= 2000; i++) {
		snprintf(name, sizeof(name), "a.socket.d/%04u.conf", i);
		put(&units, name, "");
	}
	take(&units, "a.socket");
	expect(&units, "exec", "/bin/true");
	expect_said(&units, "a.socket:1: unsupported: a.socket has more than 2000 drop-ins, and not all are read");
	end(&units);
}
END_TEST

/* ---- files with variables: systemd.exec(5) ---- */

/* The text of the file; `env`, or NULL; the class of its first line. */
static const struct {
	const char *text, *env, *class;
} files[] = {
	{ "A=1\n", "A=1", "exact" },
	{ "  A=1  \n", "A=1", "exact" },
	{ "\tA = 1\n", NULL, "unsupported" },
	{ "# A=1\n", NULL, "exact" },
	{ "; A=1\n", NULL, "exact" },
	{ "\n", NULL, "exact" },
	{ "A='b c'\n", "'A=b c'", "exact" },
	{ "A=\"b'c\"\n", "'A=b'\\''c'", "exact" },
	{ "A='b\\c'\n", "'A=b\\c'", "exact" },
	{ "A=b\\c\n", "A=bc", "exact" },
	{ "A='b\n", NULL, "unsupported" },
	{ "A=b\\\n", NULL, "unsupported" },
	{ "1=b\n", NULL, "unsupported" },
	{ "nonsense\n", NULL, "unsupported" },
	{ "A=1\nA=2\nB=3\n", "A=2, B=3", "exact" },
};

START_TEST(environment_file)
{
	struct units units;
	char text[512], line[64];

	begin(&units);
	put(&units, "a.socket", SOCKET);
	put(&units, "vars", files[_i].text);
	snprintf(text, sizeof(text), SERVICE "EnvironmentFile=%s/vars\n", units.folder);
	put(&units, "a@.service", text);
	take(&units, "a.socket");
	expect(&units, "env", files[_i].env);
	snprintf(line, sizeof(line), "vars:1: %s", files[_i].class);
	expect_said(&units, line);
	expect_said(&units, "a@.service:5: changed on purpose: its variables stand in env; when the file changes");
	end(&units);
}
END_TEST

/* What the line says (a # is the directory); what is said of it. */
static const struct {
	const char *line, *said, *env;
} names[] = {
	{ "EnvironmentFile=-#/none", "changed on purpose: there is no such file now; should it come, write its variables", NULL },
	{ "EnvironmentFile=#/none", "unsupported: the file cannot be read (No such file or directory); write its", NULL },
	{ "EnvironmentFile=#/v*", "unsupported: this file is not read; write its variables into env", NULL },
	{ "EnvironmentFile=vars", "unsupported: this file is not read; write its variables into env", NULL },
	{ "EnvironmentFile=-#/vars", "changed on purpose: its variables stand in env", "A=file" },
	{ "EnvironmentFile=", "exact", NULL },
	{ "EnvironmentFile=#/vars\nEnvironment=A=here", "changed on purpose: its variables stand in env", "A=file" },
	{ "Environment=A=here\nEnvironmentFile=#/vars", "exact", "A=file" },
	{ "EnvironmentFile=%H", "unsupported: the specifier %H is not expanded; write what stands for it", NULL },
};

START_TEST(environment_file_names)
{
	struct units units;
	char text[512], line[256];
	const char *place;
	int length;

	begin(&units);
	put(&units, "a.socket", SOCKET);
	put(&units, "vars", "A=file\n");
	place = strchr(names[_i].line, '#');
	length = place != NULL ? (int)(place - names[_i].line) : (int)strlen(names[_i].line);
	snprintf(text, sizeof(text), SERVICE "%.*s%s%s\n", length, names[_i].line, place != NULL ? units.folder : "",
		 place != NULL ? place + 1 : "");
	put(&units, "a@.service", text);
	take(&units, "a.socket");
	expect(&units, "env", names[_i].env);
	snprintf(line, sizeof(line), "a@.service:5: %s", names[_i].said);
	expect_said(&units, line);
	end(&units);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("import_systemd_files");
	TCase *tests = tcase_create("files");

	tcase_add_loop_test(tests, pairs_of_files, 0, ELEMENTS(pairs));
	tcase_add_test(tests, no_file);
	tcase_add_test(tests, drop_ins);
	tcase_add_test(tests, too_many_drop_ins);
	tcase_add_loop_test(tests, environment_file, 0, ELEMENTS(files));
	tcase_add_loop_test(tests, environment_file_names, 0, ELEMENTS(names));
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
