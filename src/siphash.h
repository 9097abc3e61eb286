/* siphash.h - SipHash-2-4: a short text to a number that nobody can work out, or
 * steer, without the key (Aumasson and Bernstein, 2012). Own code because the libraries
 * that have it weigh more than the daemon. */
#ifndef USHERD_SIPHASH_H
#define USHERD_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash(const uint64_t key[static 2], const void *bytes, size_t length);

#endif
