/* server.h - the fork server that a program becomes where it is stopped. */
#ifndef USHERD_PRELOAD_SERVER_H
#define USHERD_PRELOAD_SERVER_H

/* Stops here; for the process of which start_is_meant() only. Returns in copies, once each, with a client on 0 and 1;
 * errno is what it was. */
void server_enter(void);

#endif
