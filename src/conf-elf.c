/* conf-elf.c - reads the head of an ELF file as far as the kernel does that starts it. */
#include "conf-elf.h"

#include "base.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h> /* ElfW: the structures of our own class */
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define OWN_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define OWN_ENCODING (__BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB)
#define HEADERS_MOST (65536 / sizeof(ElfW(Phdr))) /* as the kernel */

/* Reads all of it, or tells that the file ends before. An offset that no file has is one beyond the end. */
static int read_at(int fd, void *bytes, size_t length, uint64_t offset)
{
	ssize_t got = offset > (uint64_t)INT64_MAX - length ? 0 : pread(fd, bytes, length, (off_t)offset);

	if (got < 0)
		return -errno;
	return (size_t)got < length ? -EBADMSG : 0;
}

static int read_loader(int fd, const ElfW(Phdr) *header, char loader[static PATH_MAX])
{
	size_t length = header->p_filesz;

	if (length < 2 || length > PATH_MAX)
		return -EBADMSG;

	int r = read_at(fd, loader, length, header->p_offset);

	if (r < 0)
		return r;
	return loader[length - 1] != '\0' || loader[0] == '\0' ? -EBADMSG : 0;
}

static int find_loader(int fd, const ElfW(Ehdr) *file, char loader[static PATH_MAX])
{
	if (file->e_phentsize != sizeof(ElfW(Phdr)) || file->e_phnum == 0 || file->e_phnum > HEADERS_MOST)
		return -EBADMSG;
	for (size_t i = 0; i < file->e_phnum; i++) {
		ElfW(Phdr) header;
		uint64_t offset;

		if (__builtin_add_overflow((uint64_t)file->e_phoff, i * sizeof(header), &offset))
			return -EBADMSG;

		int r = read_at(fd, &header, sizeof(header), offset);

		if (r < 0)
			return r;
		if (header.p_type == PT_INTERP)
			return read_loader(fd, &header, loader);
	}
	loader[0] = '\0';
	return 0;
}

int conf_elf_read(int fd, struct conf_elf *ret_elf)
{
	ElfW(Ehdr) file;
	struct conf_elf elf = { .machine = 0 };
	int r = read_at(fd, file.e_ident, EI_NIDENT, 0);

	if (r == -EBADMSG)
		return -ENOEXEC;
	if (r < 0)
		return r;
	if (memcmp(file.e_ident, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	elf.class = file.e_ident[EI_CLASS];
	elf.encoding = file.e_ident[EI_DATA];
	if (elf.class == OWN_CLASS && elf.encoding == OWN_ENCODING) {
		r = read_at(fd, &file, sizeof(file), 0);
		if (r < 0)
			return r;
		elf.machine = file.e_machine;
		if (file.e_type != ET_EXEC && file.e_type != ET_DYN)
			return -EBADMSG;
		r = find_loader(fd, &file, elf.loader);
		if (r < 0)
			return r;
	}
	*ret_elf = elf;
	return 0;
}

int conf_elf_own(struct conf_elf *ret_elf)
{
	_cleanup_fd_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : conf_elf_read(fd, ret_elf);
}
