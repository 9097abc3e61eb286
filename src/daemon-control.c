/* daemon-control.c - what is asked over the control socket is answered here, by the
 * services (view.h) or by the daemon itself. */
#include "daemon-internal.h"

#include "base.h"

void daemon_control_follow_conf(struct daemon *daemon)
{
	(void)daemon;
}
