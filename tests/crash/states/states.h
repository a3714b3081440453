/* states.h - the names that the programs of this folder have agreed on.
 *
 * Owner:   nobody; constants.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_CRASH_STATES_H
#define SRT_CRASH_STATES_H

/* job.yaml says the same to the pipelines. */
#define STATES_JOURNAL_FILE_BYTES (128 << 10)
#define STATES_CHECKPOINT_BYTES   (64 << 10)

/* writer.c commits line after line to the topics `left` and `right`, and how many it did. */
#define STATES_WRITER_GROUP  "writer"
#define STATES_WRITER_SOURCE "lines"

#define STATES_PARTS_MAX 16

#endif
