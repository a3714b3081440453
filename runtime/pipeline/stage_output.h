/* stage_output.h - the stages that write: to a topic, to a file, to standard output.
 *
 * Owner:   the executor.
 * Thread:  its worker.
 * Memory:  the epoch's batches and sink bytes.
 * Fails:   as stage_lua.h. */
#ifndef SRT_PIPELINE_STAGE_OUTPUT_H
#define SRT_PIPELINE_STAGE_OUTPUT_H

#include "pipeline/executor.h"

/* `name`: of the topic; NULL: the stage's fixed one. */
int stage_output_topic(struct executor *ex, struct frame *f, const char *name, struct srt_err *err);

/* TO_FILE, TO_STDOUT, PRINT: one line. */
int stage_output_line(struct executor *ex, struct frame *f, struct srt_err *err);

#endif
