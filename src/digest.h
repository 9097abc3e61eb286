/* digest.h - SHA-256 of bytes that come one after the other, as sha256sum(1) prints it. */
#ifndef USHERD_DIGEST_H
#define USHERD_DIGEST_H

#include <sha2.h>
#include <stddef.h>

#define DIGEST_TEXT_MAX 65 /* with its NUL */

struct digest {
	SHA2_CTX state;
};

void digest_begin(struct digest *digest);
void digest_add(struct digest *digest, const void *bytes, size_t length);
void digest_end(struct digest *digest, char text[static DIGEST_TEXT_MAX]);

#endif
