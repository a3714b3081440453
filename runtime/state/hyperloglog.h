/* hyperloglog.h - about how many different values there were.
 *
 * Owner:   the aggregator's cell.
 * Thread:  the task's.
 * Memory:  up to 32 KiB: hashes while they are few, then registers.
 * Fails:   adding and merging: SRT_ENOMEM, and it is as it was. Decoding: SRT_ECORRUPT, SRT_ENOMEM.
 *
 * No order of adding and no merging changes it. NULL is the one without values. */
#ifndef SRT_STATE_HYPERLOGLOG_H
#define SRT_STATE_HYPERLOGLOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum { HYPERLOGLOG_SPARSE_MAX = 2048 }; /* so many are counted exactly */

struct hyperloglog;

void hyperloglog_destroy(struct hyperloglog *hll); /* accepts NULL */
size_t hyperloglog_bytes(const struct hyperloglog *hll);
int64_t hyperloglog_count(const struct hyperloglog *hll);

int hyperloglog_add(struct hyperloglog **hll, uint64_t hash);
int hyperloglog_merge(struct hyperloglog **into, const struct hyperloglog *from);

void hyperloglog_encode(const struct hyperloglog *hll, struct srt_buf *to);
int hyperloglog_decode(struct hyperloglog **ret, const uint8_t **at, const uint8_t *end,
                       struct srt_err *err);

#endif
