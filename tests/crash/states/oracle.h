/* oracle.h - what must be there after a power cut: gathered from the trace while it is replayed.
 *
 * Owner:   crash_states.c.
 * Thread:  one.
 * Memory:  a few numbers for each partition and topic.
 * Fails:   oracle_check: false, and why. */
#ifndef SRT_CRASH_ORACLE_H
#define SRT_CRASH_ORACLE_H

#include "contents.h"
#include "io/fs.h"
#include "replay.h"

#include <stdbool.h>

struct oracle;

/* The job reads `lines_path` and writes the file `sink_path`; both are names of positions, too. */
struct oracle *oracle_create(const struct lines *lines, const char *lines_path,
                             const char *sink_path);
void oracle_destroy(struct oracle *oracle);

/* What this entry, which was just replayed, promises. */
void oracle_learn(struct oracle *oracle, const struct replay *replay,
                  const struct trace_entry *entry, const char *data);

/* Whether anything was promised, so that there must be a data directory. */
bool oracle_expects_data(const struct oracle *oracle);

/* `sink` is the file's path on `fs`. When the job has been finished, all of it must be there. */
bool oracle_check(const struct oracle *oracle, const struct contents *contents,
                  const struct io_fs *fs, const char *sink, bool finished, struct srt_buf *why);

#endif
