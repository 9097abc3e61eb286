/* conf-elf.h - what the head of a program says that is machine code: for which machine, and who loads its libraries.
 * A file is not believed: offsets and sizes are anything, and what is read of it is bounded. */
#ifndef USHERD_CONF_ELF_H
#define USHERD_CONF_ELF_H

#include <limits.h>
#include <stdint.h>

struct conf_elf {
	unsigned char class, encoding; /* as of e_ident */
	uint16_t machine;              /* 0 in an encoding that is not ours */
	char loader[PATH_MAX];         /* the path; "": there is none. Not looked for in a file of another kind */
};

/* Returns 0; -ENOEXEC: it is something else; -EBADMSG: it is broken, or cut; or another -errno. */
int conf_elf_read(int fd, struct conf_elf *ret_elf);

/* The kind that this process is. Returns 0 or -errno. */
int conf_elf_own(struct conf_elf *ret_elf);

#endif
