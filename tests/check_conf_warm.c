/* check_conf_warm.c - which programs can be started ahead of clients, told from files that are made here byte by
 * byte; and what a configuration says of it. */
#include "conf_help.h"

#include "conf-compare.h"
#include "conf-elf.h"
#include "conf-warm.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <linux/capability.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- programs, as bytes ---- */

#define LOADER_AT (sizeof(ElfW(Ehdr)) + 2 * sizeof(ElfW(Phdr)))

struct image {
	ElfW(Ehdr) file;
	ElfW(Phdr) headers[2];
	char loader[100];
};

static struct conf_elf own;

/* A program as our own, with two headers: the second names the loader. */
static struct image make_image(void)
{
	struct image image = { .file = { .e_type = ET_DYN,
					 .e_machine = own.machine,
					 .e_version = EV_CURRENT,
					 .e_phoff = sizeof(ElfW(Ehdr)),
					 .e_ehsize = sizeof(ElfW(Ehdr)),
					 .e_phentsize = sizeof(ElfW(Phdr)),
					 .e_phnum = 2 } };

	memcpy(image.file.e_ident, ELFMAG, SELFMAG);
	image.file.e_ident[EI_CLASS] = own.class;
	image.file.e_ident[EI_DATA] = own.encoding;
	image.file.e_ident[EI_VERSION] = EV_CURRENT;
	image.headers[0].p_type = PT_LOAD;
	image.headers[1].p_type = PT_INTERP;
	image.headers[1].p_offset = LOADER_AT;
	image.headers[1].p_filesz = strlen(own.loader) + 1;
	snprintf(image.loader, sizeof(image.loader), "%.99s", own.loader);
	return image;
}

static void put_bytes(const char *name, const void *bytes, size_t length)
{
	_cleanup_fd_ int fd = open(place(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
	ck_assert_int_eq(fchmod(fd, 0755), 0);
}

static void put_image(const char *name, const struct image *image)
{
	put_bytes(name, image, sizeof(*image));
}

/* ---- the question ---- */

static struct conf_identity rights;
static struct conf_warm warm;
static char reason[CONF_REASON_MAX], program[PATH_MAX], library[PATH_MAX];
static bool is_script;

static void set_up_question(void)
{
	set_up();
	ck_assert_int_eq(conf_elf_own(&own), 0);
	snprintf(program, sizeof(program), "%s", place("program"));
	snprintf(library, sizeof(library), "%s", place(WARM_LIBRARY_MAIN));
	put(WARM_LIBRARY_MAIN, 0644, "a library");
	rights = (struct conf_identity){ .uid = geteuid(), .gid = getegid(), .name = "somebody" };
	if (geteuid() == 0)
		rights = (struct conf_identity){ .change = true, .uid = 65534, .gid = 65534, .name = "somebody" };
	warm = (struct conf_warm){ .seen = { .rights = &rights },
				   .program = program,
				   .library = library,
				   .search = directory,
				   .no_new_privileges = true };
}

static void expect_suits(bool script)
{
	reason[0] = '\0';
	is_script = !script;
	ck_assert_msg(conf_warm_suits(&warm, &is_script, reason), "%s", reason);
	ck_assert(is_script == script);
}

static void expect_not(const char *part)
{
	ck_assert_msg(!conf_warm_suits(&warm, &is_script, reason), "not refused: %s", part);
	ck_assert_msg(strstr(reason, part) != NULL, "'%s' lacks '%s'", reason, part);
}

/* ---- machine code ---- */

enum change {
	NOTHING,
	STATIC,
	CLASS,
	ENCODING,
	MACHINE,
	RELOCATABLE,
	MUSL,
	NO_HEADERS,
	HEADER_SIZE,
	MANY_HEADERS,
	HEADERS_BEHIND,
	HEADERS_AROUND,
	LOADER_BEHIND,
	LOADER_AROUND,
	LOADER_LONG,
	LOADER_EMPTY,
	LOADER_OPEN,
};

static const struct {
	enum change change;
	const char *part; /* NULL: it suits */
} changes[] = {
	{ NOTHING, NULL },
	{ STATIC, "is statically linked" },
	{ CLASS, "another kind of machine" },
	{ ENCODING, "another kind of machine" },
	{ MACHINE, "another kind of machine" },
	{ RELOCATABLE, "is broken" },
	{ MUSL, "uses another C library than usherd (its loader is /lib/ld-musl-any.so.1)" },
	{ NO_HEADERS, "is broken" },
	{ HEADER_SIZE, "is broken" },
	{ MANY_HEADERS, "is broken" },
	{ HEADERS_BEHIND, "is broken" },
	{ HEADERS_AROUND, "is broken" },
	{ LOADER_BEHIND, "is broken" },
	{ LOADER_AROUND, "is broken" },
	{ LOADER_LONG, "is broken" },
	{ LOADER_EMPTY, "is broken" },
	{ LOADER_OPEN, "is broken" },
};

static void apply(struct image *image, enum change change)
{
	ElfW(Ehdr) *file = &image->file;
	ElfW(Phdr) *header = &image->headers[1];

	switch (change) {
	case NOTHING:
		break;
	case STATIC:
		header->p_type = PT_NOTE;
		break;
	case CLASS:
		file->e_ident[EI_CLASS] = own.class == ELFCLASS64 ? ELFCLASS32 : ELFCLASS64;
		break;
	case ENCODING:
		file->e_ident[EI_DATA] = own.encoding == ELFDATA2LSB ? ELFDATA2MSB : ELFDATA2LSB;
		break;
	case MACHINE:
		file->e_machine++;
		break;
	case RELOCATABLE:
		file->e_type = ET_REL;
		break;
	case MUSL:
		snprintf(image->loader, sizeof(image->loader), "/lib/ld-musl-any.so.1");
		header->p_filesz = strlen(image->loader) + 1;
		break;
	case NO_HEADERS:
		file->e_phnum = 0;
		break;
	case HEADER_SIZE:
		file->e_phentsize--;
		break;
	case MANY_HEADERS:
		header->p_type = PT_NOTE;
		file->e_phnum = 0xffff;
		break;
	case HEADERS_BEHIND:
		file->e_phoff = sizeof(*image);
		break;
	case HEADERS_AROUND:
		file->e_phoff = (ElfW(Off))-1 - sizeof(ElfW(Phdr)) / 2;
		break;
	case LOADER_BEHIND:
		header->p_offset = sizeof(*image) - 1;
		break;
	case LOADER_AROUND:
		header->p_offset = (ElfW(Off))-2;
		break;
	case LOADER_LONG:
		memset(&header->p_filesz, 0xff, sizeof(header->p_filesz));
		break;
	case LOADER_EMPTY:
		header->p_filesz = 1;
		break;
	case LOADER_OPEN:
		header->p_filesz--;
		break;
	}
}

START_TEST(machine_code)
{
	struct image image = make_image();

	apply(&image, changes[_i].change);
	put_image("program", &image);
	if (changes[_i].part == NULL)
		expect_suits(false);
	else
		expect_not(changes[_i].part);
}
END_TEST

/* The file ends at any place. Of less than the mark it cannot be told what it was to be. */
START_TEST(cut)
{
	struct image image = make_image();
	size_t whole = LOADER_AT + image.headers[1].p_filesz;

	for (size_t length = EI_NIDENT; length < whole; length++) {
		put_bytes("program", &image, length);
		expect_not("is broken");
	}
	put_bytes("program", &image, whole);
	expect_suits(false);
	put_bytes("program", &image, EI_NIDENT - 1);
	expect_suits(false);
}
END_TEST

/* Whatever the bytes are, there is an answer, and a reason if it is no. */
START_TEST(any_bytes)
{
	struct image good = make_image();
	unsigned seed = 5, refused = 0;

	for (unsigned turn = 0; turn < 3000; turn++) {
		struct image image = good;
		unsigned changed = 1 + turn % 8;

		for (unsigned i = 0; i < changed; i++)
			((unsigned char *)&image)[(size_t)rand_r(&seed) % LOADER_AT] = (unsigned char)rand_r(&seed);
		put_image("program", &image);
		reason[0] = '\0';
		if (!conf_warm_suits(&warm, &is_script, reason)) {
			ck_assert_str_ne(reason, "");
			refused++;
		}
	}
	ck_assert_uint_gt(refused, 300);
	ck_assert_uint_lt(refused, 3000);
}
END_TEST

/* ---- scripts ---- */

START_TEST(scripts)
{
	struct image image = make_image();
	char text[PATH_MAX * 2];

	put_image("interpreter", &image);
	snprintf(text, sizeof(text), "#! %s -u\nprint()\n", place("interpreter"));
	put("program", 0755, text);
	expect_suits(true);

	/* A script that a script interprets. */
	put("middle", 0755, text);
	snprintf(text, sizeof(text), "#!%s\n", place("middle"));
	put("program", 0755, text);
	expect_suits(true);

	apply(&image, STATIC);
	put_image("interpreter", &image);
	expect_not("interpreter is statically linked");

	/* Itself. */
	snprintf(text, sizeof(text), "#!%s\n", place("program"));
	put("program", 0755, text);
	expect_not("too many scripts interpret each other");

	/* What is not there is said by who looks at programs. */
	put("program", 0755, "#!/nonexistent/sh\n");
	expect_suits(true);
	put("program", 0755, "#!");
	expect_suits(false);
	put("program", 0755, "#!\n");
	expect_suits(false);
}
END_TEST

static const struct {
	const char *line;
	bool is_found;
} env_lines[] = {
	{ "env interpreter", true },
	{ "env\tinterpreter", true },
	{ "env -S interpreter -u", true },
	{ "env -Sinterpreter -u", true },
	{ "env -S A=b C=d interpreter", true },
	{ "env nothing-of-this-name", false },
	{ "env -i interpreter", false },
	{ "env -S", false },
	{ "env", false },
	{ "env ./interpreter", false },
};

/* env(1) is asked to find the interpreter, which is one that cannot be warm. */
START_TEST(through_env)
{
	struct image image = make_image();
	char text[PATH_MAX];

	put_image("env", &image);
	apply(&image, STATIC);
	put_image("interpreter", &image);
	snprintf(text, sizeof(text), "#!%s/%s\n", directory, env_lines[_i].line);
	put("program", 0755, text);
	if (env_lines[_i].is_found)
		expect_not("interpreter is statically linked");
	else
		ck_assert(conf_warm_suits(&warm, &is_script, reason));
}
END_TEST

/* ---- rights ---- */

START_TEST(setuid_bits)
{
	struct image image = make_image();

	put_image("program", &image);
	ck_assert_int_eq(chmod(program, 04755), 0);
	/* The kernel lets the bit do nothing. */
	expect_suits(false);
	warm.no_new_privileges = false;
	rights.uid++;
	expect_not("is setuid or setgid (mode 4755)");
	/* Who is that user already gains nothing. */
	rights.uid = geteuid();
	expect_suits(false);

	rights.gid = getegid() + 1;
	ck_assert_int_eq(chmod(program, 02755), 0);
	expect_not("is setuid or setgid (mode 2755)");
	ck_assert_int_eq(chmod(program, 02745), 0);
	expect_suits(false);
}
END_TEST

START_TEST(file_capabilities)
{
	struct image image = make_image();
	struct vfs_cap_data capabilities = { .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
					     .data = { { .permitted = 1U << CAP_NET_RAW } } };

	put_image("program", &image);
	if (geteuid() != 0 ||
	    setxattr(program, "security.capability", &capabilities, sizeof(capabilities), 0) < 0)
		return;
	expect_not("has file capabilities");
	rights.uid = 0;
	expect_suits(false);
}
END_TEST

/* ---- the library ---- */

START_TEST(library_missing)
{
	struct image image = make_image();

	put_image("program", &image);
	ck_assert_int_eq(unlink(library), 0);
	expect_not(WARM_LIBRARY_MAIN ": No such file");
	ck_assert_int_eq(mkdir(library, 0755), 0);
	expect_not("is not a regular file");
	warm.library = "/usr/lib/two words/" WARM_LIBRARY_MAIN;
	expect_not("has a blank or a colon in it");
	warm.library = "/usr/lib/a:b/" WARM_LIBRARY_MAIN;
	expect_not("has a blank or a colon in it");
}
END_TEST

START_TEST(library_of_another_user)
{
	struct image image = make_image();

	if (geteuid() != 0)
		return;
	put_image("program", &image);
	ck_assert_int_eq(chmod(library, 0600), 0);
	expect_not("cannot be read by the user somebody (mode 0600)");
	rights.uid = 0;
	expect_suits(false);
	rights.uid = 65534;
	ck_assert_int_eq(chmod(library, 0644), 0);
	ck_assert_int_eq(chmod(directory, 0700), 0);
	expect_not("the user somebody may not enter the directory");
}
END_TEST

START_TEST(root_directory)
{
	struct image image = make_image();

	put_image("program", &image);
	warm.seen.chroot = directory;
	warm.program = "/program";
	expect_not("inside the root directory");
	ck_assert_msg(strstr(reason, "copy it there") != NULL, "%s", reason);
	warm.library = "/" WARM_LIBRARY_MAIN;
	expect_suits(false);
}
END_TEST

/* ---- configurations ---- */

static void expect_warning(size_t which, unsigned line, const char *part)
{
	ck_assert_uint_lt(which, conf->warnings.count);
	ck_assert_uint_eq(conf->warnings.items[which].line, line);
	ck_assert_msg(strstr(conf->warnings.items[which].reason, part) != NULL, "'%s' lacks '%s'",
		      conf->warnings.items[which].reason, part);
}

static void put_programs(void)
{
	struct image image = make_image();
	char text[PATH_MAX];

	put(WARM_LIBRARY_INPUT, 0644, "a library");
	put_image("good", &image);
	snprintf(text, sizeof(text), "#!%s\n", place("good"));
	put("script", 0755, text);
	apply(&image, STATIC);
	put_image("static", &image);
}

START_TEST(warnings)
{
	put_programs();
	load_good("[a]\nlisten = 127.0.0.1:7001\nexec = static\nwarm = main\n"
		  "[b]\nlisten = 127.0.0.1:7002\nexec = good\nwarm = main\n"
		  "[c]\nlisten = 127.0.0.1:7003\nexec = script\nwarm = main\n"
		  "[d]\nlisten = 127.0.0.1:7004\nexec = script\nwarm = input\n"
		  "[e]\nlisten = 127.0.0.1:7005\nexec = static\n"
		  "[f]\nlisten = 127.0.0.1:7006\nexec = static\nwarm = input\ndisable = yes\n");
	ck_assert_uint_eq(conf->warnings.count, 2);
	expect_warning(0, 4, "static is statically linked, so that nothing can be loaded into it; it is started for "
			     "each client");
	expect_warning(1, 12, "input has it loaded ahead");
	ck_assert_str_eq(conf->warnings.items[0].subject, "a.warm");
	ck_assert_ptr_nonnull(strstr(service("a")->warm_not, "is statically linked"));
	ck_assert_ptr_null(service("b")->warm_not);
	ck_assert_str_eq(service("b")->warm_library, library);
	ck_assert_ptr_null(service("c")->warm_not);
	ck_assert_str_eq(service("d")->warm_library, place(WARM_LIBRARY_INPUT));
	ck_assert_ptr_null(service("e")->warm_library);
	ck_assert_ptr_null(service("e")->warm_not);
}
END_TEST

/* Told once, of one service; and what holds for all is no mistake where it does not fit. */
START_TEST(warnings_of_defaults)
{
	put_programs();
	load_good("[defaults]\nwarm = main\nwarm_spares = 3\n[a]\nlisten = 127.0.0.1:7001\nexec = static\n"
		  "[b]\nlisten = 127.0.0.1:7002\nexec = static\n"
		  "[c]\nlisten = 127.0.0.1:7003\nexec = script\n"
		  "[d]\nlisten = 127.0.0.1:7004/udp\nexec = static\n"
		  "[e]\nlisten = 127.0.0.1:7005\nexec = static\nwait = yes\n"
		  "[f]\nlisten = 127.0.0.1:7006\nexec = static\nwarm = no\n");
	ck_assert_uint_eq(conf->warnings.count, 1);
	expect_warning(0, 2, "(for the service [a])");
	ck_assert_ptr_nonnull(service("b")->warm_not);
	ck_assert_ptr_null(service("c")->warm_not);
	ck_assert_int_eq(service("c")->warm, WARM_MAIN);
	ck_assert_uint_eq(service("c")->warm_spares, 3);
	for (const char *name = "def"; *name != '\0'; name++) {
		const struct conf_service *of = service((char[]){ *name, '\0' });

		ck_assert_int_eq(of->warm, WARM_NONE);
		ck_assert_ptr_null(of->warm_library);
		ck_assert_ptr_null(of->warm_not);
	}
}
END_TEST

/* ---- what a reload sees ---- */

#define SERVICE "[a]\nlisten = 127.0.0.1:7001\nexec = good\n"

static const struct {
	const char *before, *after, *changed; /* the one key, or NULL */
} reloads[] = {
	{ "", "warm = main\n", "warm" },
	{ "warm = main\n", "warm = input\n", "warm" },
	{ "warm = main\n", "warm = main\nwarm_spares = 0\n", "warm_spares" },
	{ "warm = main\n", "warm = main\nwarm_sessions = 0\n", "warm_sessions" },
	{ "warm = main\n", "warm = main\nwarm_time = 0\n", "warm_time" },
	{ "warm = main\n", "warm = main\nwarm_time = 60min\nwarm_spares = 1\n", NULL },
};

/* Loads the second in place of the first, and expects one key to be another, or none. */
static void expect_change(const char *before, const char *after, bool becomes_static, const char *changed)
{
	char text[300];
	struct conf *old;
	struct conf_comparer comparer;

	snprintf(text, sizeof(text), SERVICE "%s", before);
	load_good(text);
	old = conf_ref(conf);
	snprintf(text, sizeof(text), SERVICE "%s", after);
	if (becomes_static) {
		struct image image = make_image();

		apply(&image, STATIC);
		put_image("good", &image);
	}
	load_good(text);
	ck_assert_int_eq(conf_comparer_init(&comparer), 0);
	ck_assert_int_eq(conf_compare_services(&comparer, &old->services[0], service("a")), 0);
	ck_assert_uint_eq(comparer.key_count, changed != NULL);
	if (changed != NULL)
		ck_assert_str_eq(comparer.keys[0], changed);
	conf_comparer_free(&comparer);
	conf_unref(old);
}

START_TEST(reload)
{
	put_programs();
	expect_change(reloads[_i].before, reloads[_i].after, false, reloads[_i].changed);
}
END_TEST

/* The same keys, and a program that is static now. */
START_TEST(reload_of_another_program)
{
	put_programs();
	expect_change("warm = main\n", "warm = main\n", true, "warm");
	ck_assert_ptr_nonnull(service("a")->warm_not);
}
END_TEST

START_TEST(print_and_load)
{
	put_programs();
	load_good(SERVICE "warm = input\nwarm_spares = 7\nwarm_sessions = 1k\nwarm_time = 90s\n");
	for (int turn = 0; turn < 2; turn++) {
		const struct conf_service *a = service("a");

		ck_assert_int_eq(a->warm, WARM_INPUT);
		ck_assert_uint_eq(a->warm_spares, 7);
		ck_assert_uint_eq(a->warm_sessions, 1000);
		ck_assert_uint_eq(a->warm_time_ns, 90 * NS_PER_S);

		_cleanup_free_ char *text = print_conf();

		load_good(text);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf_warm");
	TCase *all = tcase_create("warm");

	tcase_add_checked_fixture(all, set_up_question, tear_down);
	tcase_add_loop_test(all, machine_code, 0, ELEMENTS(changes));
	tcase_add_test(all, cut);
	tcase_add_test(all, any_bytes);
	tcase_add_test(all, scripts);
	tcase_add_loop_test(all, through_env, 0, ELEMENTS(env_lines));
	tcase_add_test(all, setuid_bits);
	tcase_add_test(all, file_capabilities);
	tcase_add_test(all, library_missing);
	tcase_add_test(all, library_of_another_user);
	tcase_add_test(all, root_directory);
	tcase_add_test(all, warnings);
	tcase_add_test(all, warnings_of_defaults);
	tcase_add_loop_test(all, reload, 0, ELEMENTS(reloads));
	tcase_add_test(all, reload_of_another_program);
	tcase_add_test(all, print_and_load);
	suite_add_tcase(suite, all);
	return suite;
}

RUN_SUITE(make_suite)
