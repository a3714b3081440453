/* record_scan.h - walk over a partition's records in order of offset.
 *
 * Owner:   the caller.
 * Thread:  any that may block on reads.
 * Memory:  one buffer of about a megabyte, or one batch; another for what was compressed.
 * Fails:   what partition_read fails with, SRT_ECORRUPT for records that are no records, and what
 * the callback returns. */
#ifndef SRT_CLI_RECORD_SCAN_H
#define SRT_CLI_RECORD_SCAN_H

#include "base/err.h"
#include "broker/broker.h"
#include "cli/offset_spec.h"
#include "record/record.h"

#include <stdint.h>

/* The record borrows the scan's buffer. SRT_EEND stops the scan without an error message. */
typedef int (*record_scan_fn)(void *arg, int32_t partition, const struct record *rec,
                              struct srt_err *err);

/* Records with from <= offset < to. Below the log start it begins there; beyond the high watermark
 * it ends there. */
int record_scan(struct partition *part, int64_t from, int64_t to, record_scan_fn each, void *arg,
                struct srt_err *err);

/* The offset that a point means in this partition, between its log start and its end. */
int record_scan_resolve(struct partition *part, const struct offset_point *point,
                        int64_t *ret_offset, struct srt_err *err);

#endif
