/* hash.h - a fast hash of bytes (XXH3, 64 bits): the same on every machine and in every version, so
 * that what is placed by it may be stored.
 *
 * Owner:   none; pure.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_BASE_HASH_H
#define SRT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t srt_hash(const void *data, size_t size, uint64_t seed);

#endif
