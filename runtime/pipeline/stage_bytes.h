/* stage_bytes.h - values of a script as JSON bytes, as state keeps them, and functions of them.
 *
 * Owner:   the executor.
 * Thread:  its worker.
 * Memory:  results are in the record's arena.
 * Fails:   as script_call and value_encode. */
#ifndef SRT_PIPELINE_STAGE_BYTES_H
#define SRT_PIPELINE_STAGE_BYTES_H

#include "pipeline/executor.h"
#include "pipeline/stage_codec.h"

struct value_bytes {
    const uint8_t *data; /* NULL: nil */
    size_t len;
};

static inline struct value_bytes stage_bytes_of(const struct stage_blob *blob)
{
    return blob ? (struct value_bytes){blob->bytes, blob->len} : (struct value_bytes){NULL, 0};
}

int stage_bytes_push(struct executor *ex, struct value_bytes bytes, struct srt_err *err);
/* Pop the result of a call. */
int stage_bytes_pop(struct executor *ex, struct value_bytes *ret, struct srt_err *err);
int stage_bytes_check_stack(struct executor *ex, struct srt_err *err);

/* fn(a) or fn(a, b). Without a function a itself. */
int stage_bytes_call(struct executor *ex, const struct script_fn *fn, struct value_bytes a,
                     const struct value_bytes *b, struct value_bytes *ret, struct srt_err *err);

/* The frame's value, in the record's arena. */
int stage_bytes_take_value(struct executor *ex, const struct frame *f, struct value_bytes *ret,
                           struct srt_err *err);

#endif
