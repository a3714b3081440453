/* gzip.h - gzip data (RFC 1952): decompressed as it comes, piece by piece; compressed at once.
 *
 * Owner:   whoever creates a reader.
 * Thread:  any, one at a time.
 * Memory:  a reader has about 40 KiB, whatever the data; compressing takes 256 KiB for one call.
 * Fails:   gzip_reader_run: SRT_ECORRUPT, saying at which byte; SRT_ENOMEM. gzip_encode:
 *          SRT_ETOOBIG, SRT_ENOMEM.
 *
 * Members that stand one behind the other are one stream; zeroes behind the last are padding. */
#ifndef SRT_RECORD_GZIP_H
#define SRT_RECORD_GZIP_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GZIP_MAGIC_BYTES = 3 };

/* Whether data begins as gzip data does; of fewer bytes than the magic has, never. */
bool gzip_magic(const uint8_t *data, size_t size);

/* Into `room` bytes; SRT_ETOOBIG when they do not do. */
int gzip_encode(const uint8_t *data, size_t size, uint8_t *to, size_t room, size_t *ret_size);

struct gzip_reader;

int gzip_reader_create(struct gzip_reader **ret);
void gzip_reader_destroy(struct gzip_reader *z); /* accepts NULL */

/* Take from `in` and put to `out` until one of them is used up. Nothing made and all of `in` used:
 * it needs more. What stands before a damage is given out first; the error is for good. */
int gzip_reader_run(struct gzip_reader *z, const uint8_t *in, size_t in_size, size_t *ret_used,
                    uint8_t *out, size_t out_size, size_t *ret_made, struct srt_err *err);

bool gzip_reader_whole(const struct gzip_reader *z); /* the input may end here */
uint64_t gzip_reader_used_bytes(const struct gzip_reader *z);

#endif
