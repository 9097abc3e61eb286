/* server.h - the fork server that a program becomes where it is stopped. */
#ifndef USHERD_PRELOAD_SERVER_H
#define USHERD_PRELOAD_SERVER_H

/* Stops here; for the process of which start_is_meant() only. Returns in copies, once each, with a client on 0 and 1;
 * errno is what it was. */
void server_enter(void);

/* A thread is about to be started: no copy would have it, and what its program has made of it so far would be the same for
 * all. Ends the process of which start_is_meant(), and tells; else returns 0. */
int server_refuse_thread(void);

#endif
