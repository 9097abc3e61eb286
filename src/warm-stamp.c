/* warm-stamp.c - whether the files that a command names are still the same: the program, and those of its arguments
 * that are absolute paths of regular files (a script behind its interpreter); and the file that its stderr goes to. */
#include "warm.h"

#include "base.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* FNV-1a: nobody gains by a collision who can write the file. */
#define FNV_BASE  UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t mix(uint64_t stamp, uint64_t value)
{
	for (unsigned shift = 0; shift < 64; shift += 8)
		stamp = (stamp ^ ((value >> shift) & 0xff)) * FNV_PRIME;
	return stamp;
}

static uint64_t mix_file(uint64_t stamp, const char *chroot, const char *path)
{
	char full[PATH_MAX];
	struct stat status;

	if (chroot != NULL && (size_t)snprintf(full, sizeof(full), "%s%s", chroot, path) < sizeof(full))
		path = full;
	if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
		return mix(stamp, 0);
	stamp = mix(mix(stamp, status.st_dev), status.st_ino);
	stamp = mix(mix(stamp, (uint64_t)status.st_size), status.st_mode);
	stamp = mix(mix(stamp, (uint64_t)status.st_mtim.tv_sec), (uint64_t)status.st_mtim.tv_nsec);
	return mix(mix(stamp, (uint64_t)status.st_ctim.tv_sec), (uint64_t)status.st_ctim.tv_nsec);
}

/* Which file it is, whatever is written to it. */
static uint64_t mix_identity(uint64_t stamp, const char *path)
{
	struct stat status;

	return stat(path, &status) != 0 ? stamp : mix(mix(stamp, status.st_dev), status.st_ino);
}

uint64_t warm_stamp_output(const struct conf_service *settings)
{
	return settings->stderr_target.kind != CONF_STDERR_FILE ? FNV_BASE :
								  mix_identity(FNV_BASE, settings->stderr_target.path);
}

uint64_t warm_stamp(const struct conf_service *settings)
{
	uint64_t stamp = mix_file(FNV_BASE, settings->chroot, settings->program);

	for (size_t i = 1; i < settings->exec.count; i++)
		if (settings->exec.items[i][0] == '/')
			stamp = mix_file(stamp, settings->chroot, settings->exec.items[i]);
	return stamp;
}
