/* check_conf_elf.c - heads of programs that are machine code: whole, of other kinds, broken, cut. */
#include "conf-elf.h"

#include "base.h"
#include "run.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#define PLACE 4096 /* of the name of the loader */

static struct {
	ElfW(Ehdr) head;
	ElfW(Phdr) headers[3];
	char between[PLACE - sizeof(ElfW(Ehdr)) - 3 * sizeof(ElfW(Phdr))];
	char loader[2 * PATH_MAX];
} file;
static size_t file_length;
static struct conf_elf own;

static void set_up(void)
{
	ck_assert_int_eq(conf_elf_own(&own), 0);
	memset(&file, 0, sizeof(file));
	memcpy(file.head.e_ident, ELFMAG, SELFMAG);
	file.head.e_ident[EI_CLASS] = own.class;
	file.head.e_ident[EI_DATA] = own.encoding;
	file.head.e_type = ET_DYN;
	file.head.e_machine = own.machine;
	file.head.e_phoff = sizeof(file.head);
	file.head.e_phentsize = sizeof(ElfW(Phdr));
	file.head.e_phnum = 3;
	file.headers[0].p_type = PT_LOAD;
	file.headers[1].p_type = PT_INTERP;
	file.headers[1].p_offset = PLACE;
	file.headers[1].p_filesz = 5;
	file.headers[2].p_type = PT_INTERP; /* only the first one counts */
	memcpy(file.loader, "/own", 5);
	file_length = sizeof(file);
}

static int read_file(struct conf_elf *ret_elf)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);
	int r;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, &file, file_length), (ssize_t)file_length);
	r = conf_elf_read(fd, ret_elf);
	close(fd);
	return r;
}

/* The test itself is a program that a loader starts, or none (linked statically). */
START_TEST(itself)
{
	ck_assert_int_eq(own.class, sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32);
	ck_assert_int_ne(own.machine, 0);
	ck_assert(own.loader[0] == '\0' || own.loader[0] == '/');
	ck_assert_int_eq(conf_elf_read(-1, &own), -EBADF);
}
END_TEST

enum change {
	WHOLE, FIXED, NO_LOADER, OBJECT, CORE, NO_MAGIC, OTHER_CLASS, OTHER_ENCODING, OTHER_MACHINE, HEADER_SIZE,
	NO_HEADERS, MANY_HEADERS, MOST_HEADERS, FAR_HEADERS, END_OF_NUMBERS, HEADERS_BEHIND, ONE_HEADER, NAME_SHORT, NAME_SHORTEST,
	NAME_EMPTY, NAME_LONG, NAME_LONGEST, NAME_OPEN, NAME_FAR, CUT_IDENT, CUT_HEAD, CUT_HEADERS, CUT_NAME, EMPTY,
};

static const struct {
	enum change change;
	int result;
	const char *loader;
} changes[] = {
	{ WHOLE, 0, "/own" },
	{ FIXED, 0, "/own" },
	{ NO_LOADER, 0, "" },
	{ OBJECT, -EBADMSG, NULL },
	{ CORE, -EBADMSG, NULL },
	{ NO_MAGIC, -ENOEXEC, NULL },
	{ OTHER_CLASS, 0, "" },
	{ OTHER_ENCODING, 0, "" },
	{ OTHER_MACHINE, 0, "/own" },
	{ HEADER_SIZE, -EBADMSG, NULL },
	{ NO_HEADERS, -EBADMSG, NULL },
	{ MANY_HEADERS, -EBADMSG, NULL },
	{ MOST_HEADERS, 0, "/own" },
	{ FAR_HEADERS, -EBADMSG, NULL },
	{ END_OF_NUMBERS, -EBADMSG, NULL },
	{ HEADERS_BEHIND, -EBADMSG, NULL },
	{ ONE_HEADER, 0, "" },
	{ NAME_SHORT, -EBADMSG, NULL },
	{ NAME_SHORTEST, 0, "/" },
	{ NAME_EMPTY, -EBADMSG, NULL },
	{ NAME_LONG, -EBADMSG, NULL },
	{ NAME_LONGEST, 0, NULL },
	{ NAME_OPEN, -EBADMSG, NULL },
	{ NAME_FAR, -EBADMSG, NULL },
	{ CUT_IDENT, -ENOEXEC, NULL },
	{ CUT_HEAD, -EBADMSG, NULL },
	{ CUT_HEADERS, -EBADMSG, NULL },
	{ CUT_NAME, -EBADMSG, NULL },
	{ EMPTY, -ENOEXEC, NULL },
};

static void name(size_t length, size_t terminator)
{
	memset(file.loader, 'n', sizeof(file.loader));
	file.loader[0] = '/';
	file.loader[terminator] = '\0';
	file.headers[1].p_filesz = length;
}

static void change_headers(enum change change)
{
	if (change == NO_LOADER)
		file.headers[1].p_type = file.headers[2].p_type = PT_LOAD;
	if (change == HEADER_SIZE)
		file.head.e_phentsize++;
	if (change == NO_HEADERS)
		file.head.e_phnum = 0;
	if (change == ONE_HEADER)
		file.head.e_phnum = 1;
	if (change == MANY_HEADERS || change == MOST_HEADERS)
		file.head.e_phnum = (uint16_t)(65536 / sizeof(ElfW(Phdr)) + (change == MANY_HEADERS));
	if (change == FAR_HEADERS)
		file.head.e_phoff = sizeof(file) - 1;
	if (change == END_OF_NUMBERS)
		memset(&file.head.e_phoff, 0xff, sizeof(file.head.e_phoff));
	if (change == HEADERS_BEHIND) {
		file.headers[1].p_type = file.headers[2].p_type = PT_LOAD;
		file.head.e_phnum = 4;
		file_length = sizeof(file.head) + sizeof(file.headers);
	}
}

static void change_name(enum change change)
{
	if (change == NAME_SHORT)
		name(1, 0);
	if (change == NAME_SHORTEST)
		name(2, 1);
	if (change == NAME_EMPTY) {
		name(2, 1);
		file.loader[0] = '\0';
	}
	if (change == NAME_LONGEST)
		name(PATH_MAX, PATH_MAX - 1);
	if (change == NAME_LONG)
		name(PATH_MAX + 1, PATH_MAX);
	if (change == NAME_OPEN)
		name(5, 5);
	if (change == NAME_FAR)
		memset(&file.headers[1].p_offset, 0x7f, sizeof(file.headers[1].p_offset));
}

static void change_rest(enum change change)
{
	file.head.e_type = change == FIXED ? ET_EXEC : change == OBJECT ? ET_REL : change == CORE ? ET_CORE : ET_DYN;
	file.head.e_ident[3] = change == NO_MAGIC ? 'G' : ELFMAG3;
	file.head.e_ident[EI_CLASS] = (unsigned char)(change == OTHER_CLASS ? 3 - own.class : own.class);
	file.head.e_ident[EI_DATA] = (unsigned char)(change == OTHER_ENCODING ? 3 - own.encoding : own.encoding);
	file.head.e_machine = (uint16_t)(own.machine + (change == OTHER_MACHINE));
	if (change == CUT_IDENT)
		file_length = EI_NIDENT - 1;
	if (change == CUT_HEAD)
		file_length = sizeof(file.head) - 1;
	if (change == CUT_HEADERS)
		file_length = sizeof(file.head) + 2 * sizeof(ElfW(Phdr)) - 1;
	if (change == CUT_NAME)
		file_length = PLACE + 4;
	if (change == EMPTY)
		file_length = 0;
}

START_TEST(one_change)
{
	enum change change = changes[_i].change;
	struct conf_elf elf;

	memset(&elf, 0x5a, sizeof(elf));
	change_headers(change);
	change_name(change);
	change_rest(change);
	ck_assert_msg(read_file(&elf) == changes[_i].result, "%d", _i);
	if (changes[_i].result < 0) {
		ck_assert_int_eq(elf.loader[0], 0x5a);
		ck_assert_int_eq(elf.machine, 0x5a5a);
		return;
	}
	if (changes[_i].loader != NULL)
		ck_assert_str_eq(elf.loader, changes[_i].loader);
	else
		ck_assert_uint_eq(strlen(elf.loader), PATH_MAX - 1);
	ck_assert_int_eq(elf.class, file.head.e_ident[EI_CLASS]);
	ck_assert_int_eq(elf.encoding, file.head.e_ident[EI_DATA]);
	ck_assert_int_eq(elf.machine, change == OTHER_CLASS || change == OTHER_ENCODING ? 0 : file.head.e_machine);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("conf-elf");
	TCase *tests = tcase_create("heads");

	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, itself);
	tcase_add_loop_test(tests, one_change, 0, ELEMENTS(changes));
	suite_add_tcase(suite, tests);
	return suite;
}

RUN_SUITE(make_suite)
