/* sshd_help.h - what sshd(8) needs before it starts. */
#ifndef USHERD_TESTS_SSHD_HELP_H
#define USHERD_TESTS_SSHD_HELP_H

#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* sshd insists on an empty directory; it is made in a /run of our own. */
static inline bool make_privilege_directory(void)
{
	if (getuid() != 0 || access("/run/sshd", F_OK) == 0)
		return true;
	/* Where / is not a mount point (a chroot), it is the machine's /run. */
	return (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") == 0 && mkdir("/run/sshd", 0755) == 0) ||
	       mkdir("/run/sshd", 0755) == 0;
}

#endif
