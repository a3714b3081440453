/* replay.h - a recorded trace, done again on a disk that forgets.
 *
 * Owner:   crash_states.c.
 * Thread:  one.
 * Memory:  the whole trace, and the disk with all that was ever written.
 * Fails:   by ending the program with a message: a trace that makes no sense proves nothing. */
#ifndef SRT_CRASH_REPLAY_H
#define SRT_CRASH_REPLAY_H

#include "base/buf.h"
#include "support/fake_disk.h"
#include "trace.h"

#include <stddef.h>
#include <stdint.h>

struct replay;

struct replay *replay_open(const char *trace_path);
void replay_close(struct replay *replay);

size_t replay_count(const struct replay *replay); /* of entries */
size_t replay_at(const struct replay *replay);    /* so many were done */

/* Do the next entry; *ret_data are its bytes: paths and texts have a NUL behind them. What was
 * begun by a call that failed in the end is left out. */
const struct trace_entry *replay_step(struct replay *replay, const char **ret_data);

/* The disk as it is at this moment, with all that is not durable yet. */
struct fake_disk *replay_disk(struct replay *replay);

/* The path that a descriptor was opened with; "" when it is not open. */
const char *replay_path(const struct replay *replay, int64_t fd);

/* The inode that the file had when it was last opened before this moment; 0: never. */
uint64_t replay_inode(const struct replay *replay, const char *path);

/* One line about the entry before this moment: where the power is cut. */
void replay_describe(const struct replay *replay, struct srt_buf *to);

#endif
