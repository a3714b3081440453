/* sink_writer.h - the thread that writes an epoch's bytes to a pipeline's files and standard
 * output, which may stall.
 *
 * Owner:   the controller.
 * Thread:  all on the main thread, but for the writing itself, which is on a thread of its own.
 * Memory:  borrows the epoch's parts until the result was taken.
 * Fails:   sink_writer_open: what opening a sink fails with. Writing: as sink_writer_take_result
 *          says. */
#ifndef SRT_PIPELINE_SINK_WRITER_H
#define SRT_PIPELINE_SINK_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "pipeline/connector.h"
#include "pipeline/epoch.h"

struct sink_writer;

/* One target of bytes; several stages may share it. */
struct sink_spec {
    const struct sink_ops *ops;
    const struct stage *stage; /* the first that names it */
    char *position_name;       /* srt_xalloc'ed, the writer's; NULL: keeps no position */
    bool has_position;
    int64_t position; /* committed */
};

/* `notify` is called from the thread when a result is there. */
int sink_writer_open(struct sink_spec *take_specs, uint32_t count, const struct io_fs *fs,
                     void (*notify)(void *arg), void *arg, struct sink_writer **ret,
                     struct srt_err *err);

/* Write and sync all bytes of the parts. One call at a time. */
void sink_writer_write(struct sink_writer *writer, struct epoch_part *const *parts, uint32_t count);
/* False while it is still writing. */
bool sink_writer_take_result(struct sink_writer *writer, struct srt_err *ret);
/* The sink that is being written just now, NULL: none. A hint for people. */
const char *sink_writer_busy_with(const struct sink_writer *writer);

/* Where each sink ended up with the last write; those not written are left out. */
void sink_writer_positions(const struct sink_writer *writer, struct epoch_part *to);
/* That write was committed: what comes later is cut off again when it is not. */
void sink_writer_committed(struct sink_writer *writer);

/* a stalled write ends with SRT_EINTERRUPTED */
void sink_writer_interrupt(struct sink_writer *writer);
void sink_writer_close(struct sink_writer *writer); /* no write is under way; accepts NULL */

#endif
