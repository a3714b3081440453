/* compaction.h - one pass over a partition: of each key only the last record stays.
 *
 * Owner:   the store; one pass at a time.
 * Thread:  the store's compaction_state says whose: the back thread's while it works, else the
 *          store thread's.
 * Memory:  the map of keys (COMPACTION_SLOTS_MAX), a few MiB of batches.
 * Fails:   what reading and writing segments fails with; a pass that fails leaves what there was.
 *
 *     store thread                              back thread
 *     plan a pass over closed segments   --->   map the keys of what is new
 *                                               write a group of segments again, sync them
 *     journal it, put them in place      <---
 *                                        --->   the next group ...
 *     checkpoint: the old files go       */
#ifndef SRT_STORE_COMPACTION_H
#define SRT_STORE_COMPACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "record/batch_filter.h"
#include "store/compaction_map.h"
#include "store/segment.h"

struct partition;

enum compaction_state {
    COMPACTION_IDLE,
    COMPACTION_WORKING, /* store -> back: go on */
    COMPACTION_WRITTEN, /* back -> store: a group is on disk, or the pass is at its end */
};

enum {
    /* 48 MiB: one and a half million keys. Where there are more a pass goes as far as they do. */
    COMPACTION_SLOTS_MAX = SRT_HOSTILE ? 64 : 1 << 21,
    COMPACTION_FRESH_MAX = 2,
    COMPACTION_GROUP_MAX = SRT_HOSTILE ? 3 : 1000, /* segments: their names go into one frame */
};

/* Where in the segments of the pass. */
struct compaction_place {
    size_t segment; /* index */
    uint64_t position;
    int64_t offset;
};

struct compaction {
    struct partition *part;      /* a reference */
    struct segment **segments;   /* references: all that is closed, from the log start on */
    size_t segment_count;
    size_t first_dirty; /* those before are clean */
    int64_t end_offset; /* of the last one */
    uint64_t group_bytes_max;
    int64_t index_interval_bytes;
    uint64_t ticket; /* the request that it answers; 0: none */

    struct compaction_map map;
    bool mapped;         /* the map is made */
    bool split;          /* the last segment is not clean to its end */
    int64_t map_end;     /* behind the last offset that is in it */
    size_t pass_count;   /* so many segments are written again */
    struct compaction_place at;
    struct batch_filter filter;
    struct srt_buf in;
    struct srt_buf out;

    /* the group that is being written */
    size_t group_first;
    size_t group_count;
    struct segment *fresh[COMPACTION_FRESH_MAX];
    struct segment_index index; /* of the last of them */
    size_t fresh_count;
    int64_t gap_from;  /* offsets from here on have no record; -1: none */
    bool group_begun;
    bool changed;      /* a record went, or something is clean now that was not */

    bool at_end;
    bool in_doubt; /* the frame that puts the new files in place may be durable: they stay */
    int code; /* how it went, when it is written */
    struct srt_err err;
};

/* Do some of the work, about a MiB. SRT_OK: there is more; SRT_EEND: a group is on disk, or, with
 * at_end, there is no other. */
int compaction_step(struct compaction *c, struct srt_err *err);

/* The group is in place: its segments are the partition's. */
void compaction_next_group(struct compaction *c);

/* Remove what was written and is not in place, unless that is in doubt; free all. */
void compaction_clear(struct compaction *c);

#endif
