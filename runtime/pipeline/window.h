/* window.h - which windows an event belongs to: arithmetic, nothing kept.
 *
 * Owner:   none; pure.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_PIPELINE_WINDOW_H
#define SRT_PIPELINE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/graph.h"

/* Starts of aligned windows (tumbling, hopping) that hold `time_ms`: from *ret_first to *ret_last
 * in steps of every_ms. Windows are aligned to 1970-01-01 UTC; a window holds [start, start +
 * size). False when none does: a hopping window may leave gaps. */
bool window_starts(const struct window_spec *window, int64_t time_ms, int64_t *ret_first,
                   int64_t *ret_last);

/* Whether all is known of what ended at `end_ms` (exclusive) once time has come to `watermark`. */
bool window_is_closed(int64_t end_ms, int64_t grace_ms, int64_t watermark);

/* When that is. */
int64_t window_close_ms(int64_t end_ms, int64_t grace_ms);

/* Event times that windows are made of: what is beyond is refused with the record. */
#define WINDOW_TIME_MAX_MS INT64_C(253402300799999) /* the year 9999 */

#endif
