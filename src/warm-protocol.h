/* warm-protocol.h - what usherd and the library in a warm program (src/preload) say to each other.
 *
 * A fork server is a program that was started as its service says, with the library preloaded, and stopped: just
 * before main(), or at its first touch of descriptor 0 or 1. It has one private socket to the daemon (SOCK_SEQPACKET,
 * named by USHERD_WARM). Over it comes a job for each client: the client's socket and what the environment says of
 * that client. The fork server forks a copy for it, with CLONE_PARENT, so that it is a child of the daemon. The first
 * thing that the copy does is to leave the fork server's process group (setsid), the second to report itself; if nobody
 * takes the report any more, it ends. It closes the private socket before it goes on with main(). So when the far end
 * of that socket is closed everywhere, and no report is left in it, no copy has a job that was not reported.
 *
 *     daemon                     fork server                copy
 *        | <--- LOADED, READY ------- |
 *        | ---- job ----------------> | --- clone ----------> |
 *        | <--- STARTED ticket (credentials: its pid) ------- |  goes on with main()
 *
 * Spares are copies that are forked ahead, so that not even the fork is on a client's way: ordered over the same socket,
 * each waits on a channel of its own (SOCK_SEQPACKET, too) for its one job. A channel is used again for a later
 * spare; tickets tell them apart.
 *
 *        | ---- orders -------------> | --- clone ----------> |
 *        | <--- COPY channel, ticket (credentials: its pid) - |
 *        | ---- job on the channel -------------------------> |
 *        | <--- STARTED ticket ------------------------------ |  goes on with main()
 *
 * The end of either socket (end of file) ends who waits on it, at once and silently. Everything is in the byte order of
 * the machine: both ends are one build. */
#ifndef USHERD_WARM_PROTOCOL_H
#define USHERD_WARM_PROTOCOL_H

#include <stdint.h>

/* Where a fork server stops. */
enum warm_mode { WARM_NONE, WARM_MAIN, WARM_INPUT };

/* One library each, below the directory of the bundled services: what `main` does not need costs each fork. */
#define WARM_LIBRARY_MAIN "usherd-warm-main.so"
#define WARM_LIBRARY_INPUT "usherd-warm-input.so"

/* USHERD_WARM=FD PID: the private socket (three digits, 003 at first: another may be written over it, in place), one
 * blank, and who is meant: a child that
 * the program starts before it is stopped inherits the variable and is not meant. It goes on across an
 * exec of the same process (`#!/usr/bin/env python3`). Removed from the environment when the program is stopped, as is
 * what the daemon added to LD_PRELOAD, and LD_BIND_NOW, which it sets to "usherd" unless the service has its own. */
#define WARM_VARIABLE "USHERD_WARM"
#define WARM_BIND_NOW "LD_BIND_NOW=usherd"

/* USHERD_SESSION stands in the environment of the fork server with room for any number; a copy writes its own over it,
 * in place, so that /proc shows it, too. */
#define WARM_SESSION_VARIABLE "USHERD_SESSION"
#define WARM_SESSION_ROOM 20 /* digits: 0 before there is a session */

#define WARM_CHANNELS 64 /* of one fork server, at most */
#define WARM_BATCH 16    /* orders in one message, at most */

/* ---- daemon to fork server ---- */

struct warm_order {
	uint32_t channel; /* below WARM_CHANNELS */
	uint32_t ticket;
	uint32_t opened; /* 1: the channel is new; its far end comes with the message, those of one message in order */
};

/* Every message to a fork server begins with one of these. */
enum warm_message { WARM_MESSAGE_ORDERS = 1, WARM_MESSAGE_JOB };

struct warm_orders {
	uint32_t message; /* WARM_MESSAGE_ORDERS */
	uint32_t count; /* 1 to WARM_BATCH */
	struct warm_order items[WARM_BATCH]; /* the message ends behind the last one */
};

/* ---- fork server, and copies, to daemon ---- */

/* Changes with whatever stands in this file. */
#define WARM_PROTOCOL 1

enum warm_report_kind {
	WARM_REPORT_LOADED,     /* the library is in the process: `detail` is its WARM_PROTOCOL */
	WARM_REPORT_READY,      /* the program is stopped: orders are taken */
	WARM_REPORT_UNSUITABLE, /* it cannot be done with this program: `detail` is a warm_unsuitable. It has ended */
	WARM_REPORT_STARTED,    /* sent by a copy: it has the job of `ticket` */
	WARM_REPORT_COPY,       /* sent by a spare: it waits on `channel` for the job of `ticket` */
	WARM_REPORT_FAILED,     /* there is no copy for this job or order; `detail` is the errno of clone */
	WARM_REPORTS
};

enum warm_unsuitable {
	WARM_UNSUITABLE_THREADS, /* it has started threads */
	WARM_UNSUITABLE_LIBRARY, /* a C library that is not known: where it keeps the thread's number cannot be found */
	WARM_UNSUITABLE_KERNEL,  /* clone3(2) is refused */
	WARM_UNSUITABLE_MEMORY,  /* no memory for what the library needs */
	WARM_UNSUITABLE_FILES,   /* it has files open that a copy cannot open for itself */
	WARM_UNSUITABLE_REASONS
};

struct warm_report {
	uint32_t kind;
	uint32_t channel;
	uint32_t ticket;
	int32_t detail;
};

/* ---- daemon to fork server, or to a spare on its channel ---- */

enum warm_job_flags {
	WARM_JOB_STDERR = 1,        /* the second descriptor becomes 2 */
	WARM_JOB_STDERR_SOCKET = 2, /* the socket becomes 2, too */
	WARM_JOB_LEAVE = 4,         /* to a spare: there is no job, and no descriptor: end */
};

/* With it come one or two descriptors: the socket (0 and 1), and stderr. Behind it stand `length` bytes: NAME=VALUE,
 * each with its NUL. USHERD_SESSION is the first. On a channel, a job with another ticket than the spare's is
 * old: what came with it is closed, and the spare waits on. */
#define WARM_JOB_TEXT 4096
struct warm_job {
	uint32_t message; /* WARM_MESSAGE_JOB */
	uint32_t ticket;
	uint32_t flags;
	uint32_t length;
	uint32_t variables;
};

#endif
