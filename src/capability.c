/* capability.c - see capability.h. A child of clone(2) gets a copy of what is
 * left, and needs these as well: it becomes the service's user by itself. */
#include "capability.h"

#include "base.h"

#include <cap-ng.h>
#include <errno.h>

/* What is kept, and what for. */
static const struct {
	unsigned capability;
	const char *reason;
} kept[] = {
	{ CAP_SETUID, "services run as their users" },
	{ CAP_SETGID, "and with their groups" },
	{ CAP_KILL, "their processes are told to end" },
	{ CAP_SYS_PTRACE, "whose processes are whose: kcmp(2), /proc/PID of other users" },
	{ CAP_NET_BIND_SERVICE, "a reload opens ports below 1024" },
	{ CAP_NET_ADMIN, "rcvbuf and sndbuf beyond net.core.rmem_max" },
	{ CAP_CHOWN, "socket_user and socket_group" },
	{ CAP_FOWNER, "the mode of a socket that was given away; sockets in sticky directories" },
	{ CAP_DAC_OVERRIDE, "configuration, logs, sockets, directories of other users" },
	{ CAP_SYS_CHROOT, "chroot" },
	{ CAP_SYS_NICE, "nice below 0" },
	{ CAP_SYS_RESOURCE, "limits above the hard ones; oom_score_adj below ours" },
};

static bool is_kept(unsigned capability)
{
	for (size_t i = 0; i < ELEMENTS(kept); i++)
		if (kept[i].capability == capability)
			return true;
	return false;
}

int capability_reduce(bool keep_permitted)
{
	capng_type_t sets = CAPNG_EFFECTIVE | (keep_permitted ? 0 : CAPNG_PERMITTED);
	bool some = false;

	capng_clear(CAPNG_SELECT_ALL);
	if (capng_get_caps_process() != 0)
		return -EIO;
	for (unsigned capability = 0; capability <= CAP_LAST_CAP; capability++) {
		if (is_kept(capability) || (!capng_have_capability(CAPNG_EFFECTIVE, capability) &&
					    !capng_have_capability(CAPNG_PERMITTED, capability)))
			continue;
		if (capng_update(CAPNG_DROP, sets, capability) != 0)
			return -EINVAL;
		some = true;
	}
	if (!some)
		return 0;
	errno = 0;
	return capng_apply(CAPNG_SELECT_CAPS) == 0 ? 0 : errno != 0 ? -errno : -EPERM;
}
