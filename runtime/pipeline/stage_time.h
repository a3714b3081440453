/* stage_time.h - the event time of a record, as its source's `time:` tells it.
 *
 * Owner:   the executor.
 * Thread:  its worker.
 * Memory:  none.
 * Fails:   a time that is none (missing, no number, negative, too far ahead) is an error of the
 *          record. */
#ifndef SRT_PIPELINE_STAGE_TIME_H
#define SRT_PIPELINE_STAGE_TIME_H

#include "pipeline/executor.h"

/* Also finds the record's `tie`. */
int stage_time_find(struct executor *ex, struct frame *f, int64_t *ret_ms, struct srt_err *err);

#endif
