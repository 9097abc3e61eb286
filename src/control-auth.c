/* control-auth.c - see control-auth.h. The kernel noted who the other end is at connect(2); what the
 * process became since then, and to whom it gave its descriptor, does not count. */
#include "control-auth.h"

#include "base.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

#define GROUPS_USUAL 64 /* of one process; more of them cost an allocation */

static bool is_among(const gid_t *groups, socklen_t bytes, gid_t group)
{
	for (size_t i = 0; i < bytes / sizeof(*groups); i++)
		if (groups[i] == group)
			return true;
	return false;
}

static bool has_supplementary(int fd, gid_t group)
{
	gid_t few[GROUPS_USUAL];
	socklen_t bytes = sizeof(few);
	_cleanup_free_ gid_t *many = NULL;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, few, &bytes) == 0)
		return is_among(few, bytes, group);
	if (errno != ERANGE) /* then `bytes` is how much is needed */
		return false;
	many = malloc(bytes);
	return many != NULL && getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, many, &bytes) == 0 &&
	       is_among(many, bytes, group);
}

enum control_right control_auth(int fd, gid_t group)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || length != sizeof(peer) ||
	    peer.uid == (uid_t)-1)
		return CONTROL_NOTHING;
	if (peer.uid == 0 || peer.uid == geteuid())
		return CONTROL_ALL;
	if (group == (gid_t)-1)
		return CONTROL_NOTHING;
	return peer.gid == group || has_supplementary(fd, group) ? CONTROL_READ : CONTROL_NOTHING;
}
