/* epoll.h - instances of epoll that a program has made before it is stopped. A fork shares them, and with them what is
 * watched, so each copy gets its own in their place. All are empty: the first epoll_ctl() is where a program is
 * stopped, and so is what it makes to be woken by while it has one. */
#ifndef USHERD_PRELOAD_EPOLL_H
#define USHERD_PRELOAD_EPOLL_H

/* The program has this new one (or none: negative). */
void epoll_made(int fd);

/* Whether there is no room to remember one more. */
int epoll_is_full(void);

/* Whether one is still open. */
int epoll_is_there(void);

/* In a copy: others in their place. */
void epoll_renew(void);

#endif
