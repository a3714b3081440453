/* store_impl.h - a store from the inside: for the store's own files only.
 *
 * Owner:   store.c opens and closes it.
 * Thread:  each field says whose it is. "inbox" means under inbox_lock.
 * Memory:  what is in flight belongs to the callers; the rest is small.
 * Fails:   see store.h.
 *
 *     any thread          store thread                       back thread
 *     store_submit ---->  inbox -> frame -> journal, sync
 *                         segments, metadata, done()
 *                         checkpoint: note what is dirty ---> sync segments and directories
 *                         journal it <----------------------- synced
 *                         what it makes superfluous --------> free files, remove segments */
#ifndef SRT_STORE_STORE_IMPL_H
#define SRT_STORE_STORE_IMPL_H

#include "base/map.h"
#include "io/thread.h"
#include "store/checkpoint.h"
#include "store/compaction.h"
#include "store/frame.h"
#include "store/journal.h"
#include "store/partition_impl.h"
#include "store/segment.h"
#include "store/store.h"

/* A partition of a deleted topic. It stays listed, in every checkpoint too, until its directory
 * is gone: so a crash leaves no files that nobody knows. */
struct store_dropped {
    struct srt_list node;
    struct topic_id topic_id;
    int32_t index;
    char *topic;
    char *dir;
    struct partition *part; /* our reference; NULL once given up, or from an earlier process */
    bool in_checkpoint;     /* the checkpoint being taken names it */
    bool released;          /* a durable checkpoint names it: the files may go */
    bool in_use;            /* readers of this process keep the files until they leave */
};

enum store_job_state {
    STORE_JOB_IDLE,
    STORE_JOB_WANTED, /* store -> back: sync these */
    STORE_JOB_SYNCED, /* back -> store */
};

/* A checkpoint on its way. Belongs to whom the state says. */
struct store_job {
    enum store_job_state state; /* inbox */
    struct srt_buf bytes;       /* the encoded checkpoint */
    uint64_t boundary;
    bool closing;    /* nothing will be written after it */
    uint64_t number; /* that it will have */
    uint64_t ticket; /* requests up to this one are answered by it */
    struct segment **segments;
    size_t segment_count;
    size_t segment_cap;
    char **dirs;
    size_t dir_count;
    size_t dir_cap;
    int code;
    struct srt_err err;
};

struct store {
    /* constant after open */
    struct store_options options;
    const struct io_fs *fs;
    const struct srt_clock *clock;
    char *data_dir;
    char *topics_dir;
    int lock_fd;
    struct store_recovery recovery;

    /* inbox */
    struct io_lock inbox_lock;
    struct io_cond work;    /* the store thread waits */
    struct io_cond errands; /* the back thread waits */
    struct io_cond news;    /* callers wait: room, done, a checkpoint, a retention */
    struct srt_list inbox;
    uint64_t inflight_bytes;
    bool closing;
    bool stopped; /* an error ended it; `fatal` says which */
    struct srt_err fatal;
    struct srt_err refusal; /* why the last write that was refused was */
    uint64_t checkpoint_wanted; /* tickets */
    uint64_t checkpoint_done;
    struct srt_err checkpoint_err; /* how the last one went */
    uint64_t retention_wanted;
    uint64_t retention_done;
    enum compaction_state compaction_state;
    uint64_t compaction_wanted;
    uint64_t compaction_done;
    struct srt_err compaction_err; /* how the last one that failed did */
    bool spare_wanted;
    uint64_t spare_for;       /* the journal file that is to be followed by it */
    uint64_t spare_failed_at; /* the one for which there was no room */
    bool back_stop;
    uint64_t *freeable; /* journal files that back is to free */
    size_t freeable_count;
    struct segment **trash; /* segments whose files back is to remove */
    size_t trash_count;
    bool dropped_wanted; /* back is to look for dropped partitions whose files may go */

    /* the table of partitions, under partitions_lock */
    struct io_lock partitions_lock;
    struct srt_map partitions;
    struct srt_list dropped; /* store_dropped */
    struct checkpoint restored; /* rows that nobody attached yet; store thread */

    /* the store thread's (before it runs: the opening thread's) */
    bool recovering;
    struct journal journal;
    struct segment_files files;
    struct frame_builder builder;
    struct srt_list queue; /* taken from the inbox */
    struct srt_list batch; /* in the frame that is being written or applied */
    struct srt_list *apply_node; /* where applying goes on; NULL: nothing is pending */
    uint32_t apply_index;
    _Atomic(bool) waits_for_room; /* store thread: relaxed; read by any */
    struct srt_list touched;
    struct store_job job;
    struct compaction compaction;
    bool compaction_due;       /* look for something to compact */
    struct segment **replaced; /* by compaction; their files wait for a checkpoint */
    size_t replaced_count;
    size_t replaced_noted; /* so many are not in the checkpoint that is being taken */
    uint64_t checkpoint_number;
    uint64_t checkpoint_boundary; /* of the last durable one */
    uint64_t bytes_since_checkpoint;
    int64_t checkpoint_mono_ns;
    int64_t journal_file_mono_ns; /* when a frame last began a journal file */
    bool topics_dir_dirty;
    bool fatal_told;

    struct io_thread store_thread;
    struct io_thread back_thread;
    bool threads_started;
};

/* Whether a write that failed with this may be done later, without loss: no room, no memory, no
 * descriptor. */
static inline bool store_may_pass(int code)
{
    return code == SRT_ENOSPC || code == SRT_ENOMEM || code == SRT_EFILES;
}

/* store_dir.c: lock it, create it when it may be, see that it is ours. */
int store_prepare_dir(struct store *store, struct srt_err *err);

/* Whether it is a data directory of this version: SRT_ENOENT, SRT_EVERSION, SRT_ECORRUPT. */
int store_check_format(const struct io_fs *fs, const char *data_dir, struct srt_err *err);

int store_lock_dir(const struct io_fs *fs, const char *data_dir, int *ret_fd, struct srt_err *err);

/* With a new node id. */
int store_write_node_file(const struct io_fs *fs, const char *data_dir, struct srt_err *err);

/* store_partitions.c */
enum { STORE_KEY_BYTES = 20 };
void store_partition_key(uint8_t to[STORE_KEY_BYTES], const struct topic_id *id, int32_t index);
struct partition *store_find_partition(struct store *store, const struct topic_id *id,
                                       int32_t index);

/* All of them, in an array that the caller frees. Only the store thread takes partitions away. */
size_t store_list_partitions(struct store *store, struct partition ***ret_parts);

/* store.c */

/* Stop for good: may be called on any thread; the first error stays. */
void store_fail(struct store *store, const struct srt_err *err);

/* store_thread.c */
void store_thread_run(void *store);

/* store_checkpoint.c, on the store thread */
bool store_checkpoint_is_due(struct store *store);
void store_checkpoint_begin(struct store *store, bool clean);
void store_checkpoint_finish(struct store *store); /* when the job is synced */
int store_checkpoint_sync(struct store *store, struct srt_err *err); /* back: the job's part */

/* store_back.c */
void store_back_run(void *store);
void store_back_clean(struct store *store); /* what is left to free and remove, on any one thread */

/* retention.c, on the store thread */
void store_retention_run(struct store *store);
/* Give the back thread the files of segments that are no longer part of a partition. */
void store_throw_away(struct store *store, struct segment **take_segments, size_t count);

/* store_compaction.c, on the store thread */
void store_compaction_plan(struct store *store);   /* begin a pass, if any is due */
void store_compaction_roll(struct store *store);   /* close segments that are large or old */
void store_compaction_commit(struct store *store); /* when the back thread has written something */
void store_compaction_note(struct store *store);   /* a checkpoint begins, */
void store_compaction_settle(struct store *store); /* and is durable */
void store_compaction_stop(struct store *store);   /* when no thread runs any more */

/* recovery.c */
int store_recover(struct store *store, struct srt_err *err);

#endif
