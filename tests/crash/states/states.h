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

/* And to `latest`, which is compacted: line n has the key n % STATES_LATEST_KEYS. */
#define STATES_LATEST_KEYS 12

#define STATES_PARTS_MAX 16

#endif
