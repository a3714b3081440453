/* record_error.h - what becomes of a record that a stage failed on: another try, or giving up.
 *
 * Owner:   none; pure but for the random numbers of the jitter.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_PIPELINE_RECORD_ERROR_H
#define SRT_PIPELINE_RECORD_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "pipeline/graph.h"

/* Whether the record is wrong (bad JSON, a script that raised, a result that cannot be written), as
 * opposed to the world around it (a full disk, no memory), which is waited for. */
bool record_error_is(int code);

/* How many times to try again in all. `retriable`: it was raised with s.retriable(). */
int64_t record_error_tries(const struct on_error *policy, bool retriable);

/* How long to wait after try number `attempt` (from 1) failed: from, 2*from, 4*from ... up to the
 * cap, each times 0.5 to 1.5, never above the cap. */
int64_t record_error_delay_ms(const struct on_error *policy, int64_t attempt, struct srt_rng *rng);

#endif
