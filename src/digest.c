/* digest.c - see digest.h; libmd does the work. */
#include "digest.h"

#include <assert.h>

static_assert(DIGEST_TEXT_MAX == SHA256_DIGEST_STRING_LENGTH, "the whole digest in hexadecimal");

void digest_begin(struct digest *digest)
{
	SHA256Init(&digest->state);
}

void digest_add(struct digest *digest, const void *bytes, size_t length)
{
	SHA256Update(&digest->state, bytes, length);
}

void digest_end(struct digest *digest, char text[static DIGEST_TEXT_MAX])
{
	SHA256End(&digest->state, text);
}
