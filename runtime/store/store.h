/* store.h - everything durable: one journal, the partitions behind it, one recovery.
 *
 * Owner:   broker/ opens and closes it; nobody above broker sees it.
 * Thread:  store_submit and all reads from any thread; `done`, `apply` and watchers run on the
 *          store thread (before store_open returns: on the opening thread).
 * Memory:  bounded: in-flight writes by inflight_bytes_max, then SRT_EAGAIN.
 * Fails:   SRT_EBUSY (data directory locked), SRT_EVERSION, SRT_ECORRUPT (damage below the
 *          checkpoint or inside the journal; nothing is changed), SRT_EFSYNC and SRT_EIO (the store
 *          stops: every write fails from then on), SRT_ENOSPC, SRT_ENOMEM and SRT_EFILES (this
 *          write was not done and may be retried).
 *
 * How it works (journal.c, recovery.c and docs/format/ have the whole story):
 *
 *   submit --> [frame: append + append + meta] --fdatasync--> segments --> visible, done()
 *                        journal/N.jnl                   topics/.../BASE.seg (page cache)
 *
 * A write is atomic whatever it touches. One frame carries many writes; one fdatasync serves
 * them all. A checkpoint (back thread) syncs the segments and journals where they end, then old
 * journal files are used again. Metadata (topics, groups, positions) are opaque entries of the
 * same frames: the store keeps their order, the broker their meaning. */
#ifndef SRT_STORE_STORE_H
#define SRT_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "io/fs.h"
#include "record/topic_id.h"

struct store;
struct partition; /* store/partition.h */

enum store_durability {
    STORE_DURABILITY_SYNC, /* acknowledged after fdatasync */
    STORE_DURABILITY_OS,   /* acknowledged when written: survives kill -9, not a power cut */
};

/* The keeper of metadata. `apply` sees every meta entry once, in frame order, when it is
 * durable; during recovery first `restore` gets the last checkpoint's snapshot (not called when
 * there is none), then `apply` what came after. `snapshot` is asked on the store thread between
 * two frames. */
struct store_meta_ops {
    void *ctx;
    int (*restore)(void *ctx, const uint8_t *data, size_t size, struct srt_err *err);
    int (*apply)(void *ctx, uint8_t kind, const uint8_t *data, size_t size, struct srt_err *err);
    void (*snapshot)(void *ctx, struct srt_buf *to);
};

struct store_options {
    const char *data_dir;
    bool read_only;               /* no lock, no thread, no write: shows what recovery would keep */
    bool create;                  /* make the directory when it is missing; else SRT_ENOENT */
    enum store_durability durability;
    uint64_t journal_file_bytes;  /* default 64 MiB; a frame is at most 3/4 of it */
    uint64_t checkpoint_bytes;    /* journalled since the last checkpoint; default 64 MiB */
    int64_t checkpoint_interval_ms; /* default 60 s, when anything was written */
    uint64_t inflight_bytes_max;  /* submitted and not done; default 128 MiB */
    uint32_t compaction_slots_max; /* a power of two, 24 bytes each: default 2 Mi */
    const struct io_fs *fs;       /* NULL: the kernel's */
    const struct srt_clock *clock; /* NULL: the real one */
    struct store_meta_ops meta;
    /* Called once on the store thread when an error stopped the store for good (SRT_EFSYNC,
     * SRT_EIO). */
    void (*on_fatal)(void *ctx, const struct srt_err *err);
    void *on_fatal_ctx;
};

void store_options_default(struct store_options *options);

/* Lock, recover, start the threads. *ret_store is set before restore and apply are called, so
 * that they can attach partitions; it is NULL again when opening failed. */
int store_open(const struct store_options *options, struct store **ret_store, struct srt_err *err);

/* Finish what was submitted, write a checkpoint, stop. Accepts NULL. After a fatal error it only
 * stops and returns that error. Who holds references to partitions gives them up before. */
int store_close(struct store *store, struct srt_err *err);

/* How the recovery went, for the log and for tests. */
struct store_recovery {
    bool clean;                /* the last process closed the store */
    uint64_t frames_replayed;
    uint64_t bytes_replayed;
    int64_t took_ms;
};
void store_get_recovery(const struct store *store, struct store_recovery *ret);

/* --- writing --- */

/* Batches for one partition, back to back; the store patches their base offsets in place. */
struct store_append {
    struct partition *part;
    uint8_t *batches;
    size_t size_bytes;
    int64_t ret_base_offset; /* of the first record, set when done */
};

struct store_meta_entry {
    uint8_t kind; /* the keeper's own numbering, 0..127 */
    const uint8_t *data;
    size_t size_bytes;
};

/* One atomic write. The memory is the caller's and must stay until `done`. */
struct store_write {
    struct srt_list node; /* the store's while in flight */
    struct store_append *appends;
    uint32_t append_count;
    const struct store_meta_entry *metas;
    uint32_t meta_count;
    /* Durable, applied and visible (SRT_OK), or not done at all. On the store thread; must not
     * block. After SRT_EFSYNC it is in doubt until the next recovery. */
    void (*done)(struct store_write *write, int code);
    void *arg;
};

/* SRT_OK: done() will be called. SRT_EAGAIN: too much is in flight. SRT_ETOOBIG: would not fit a
 * frame. SRT_ECLOSED: the store is closing or stopped. */
int store_submit(struct store *store, struct store_write *write);

/* What a code of submit or done was about: "allocate 'd/journal/next.tmp': No space left on
 * device". Fills err and returns the code; any thread. */
int store_explain(struct store *store, int code, struct srt_err *err);

/* Why the last write that was refused, or that waits for room, does so; SRT_OK: there was none. */
void store_get_refusal(struct store *store, struct srt_err *ret);

/* The largest write that fits a frame, as the sum of its batches and metadata. */
uint64_t store_write_bytes_max(const struct store *store);

/* The disk is full and a write that is durable in the journal waits for room in its segment;
 * until then every other write fails as it would (SRT_ENOSPC). For status and for tests. */
bool store_waits_for_room(const struct store *store);

/* Submit and wait, for threads that may block (never the store thread). Waits through
 * SRT_EAGAIN. */
int store_write_wait(struct store *store, struct store_write *write, struct srt_err *err);

/* --- partitions: called by the keeper, from apply/restore (or before any write names them) --- */

struct partition_config {
    int64_t retention_ms;      /* -1: for ever */
    int64_t retention_bytes;   /* -1: any size */
    uint64_t segment_bytes;
    int64_t segment_ms;
    int64_t index_interval_bytes;
    bool compact;                /* of each key the last record stays */
    int64_t delete_retention_ms; /* and what says that it is deleted so long */
};
void partition_config_default(struct partition_config *config);

/* Find or create; one that is found takes the retention and segment options over. On return the
 * directory exists; its creation is durable before any append to it is acknowledged. */
int store_partition_attach(struct store *store, const struct topic_id *topic_id, const char *topic,
                           int32_t index, const struct partition_config *config,
                           struct partition **ret_part, struct srt_err *err);

/* The topic is deleted: files go when the last reader has left. The partition must have no
 * writes in flight. Frames that name it replay as nothing. */
void store_partition_detach(struct store *store, struct partition *part);

/* Apply retention now (the back thread also does it every minute): old segments go, log starts
 * move. */
int store_apply_retention(struct store *store, struct srt_err *err);

/* Compact now and wait for it, however little there is to gain: every compacted partition, up to
 * its active segment or what a checkpoint has seen. The back thread does it by itself when half of
 * a partition is new (compaction.c). */
int store_compact(struct store *store, struct srt_err *err);

/* Checkpoint now and wait for it: tests, and before a backup. */
int store_checkpoint(struct store *store, struct srt_err *err);

/* --- offline --- */

/* Read every byte below the durable ends and the whole journal; call `report` for each thing
 * wrong. Changes nothing, needs no lock, takes no part in recovery. Returns how many things were
 * wrong, or a negative code when the directory is not a data directory. */
typedef void (*store_report_fn)(void *arg, const char *path, uint64_t at_byte, const char *reason);
int store_check(const char *data_dir, const struct io_fs *fs, store_report_fn report, void *arg,
                struct srt_err *err);

/* What a repair says, each before it is done. */
struct store_repair_ops {
    void *arg;
    /* Bytes [from, to) of the file are taken out of it and kept in `set_aside` (NULL: there are
     * none to keep). */
    void (*range)(void *arg, const char *path, uint64_t from, uint64_t to, const char *reason,
                  const char *set_aside);
    /* Records at offsets [from, to) are not to be had any more. */
    void (*lost_records)(void *arg, const char *topic, int32_t partition, int64_t from,
                         int64_t to);
    /* Frames of the journal are gone with what they carried beside records. */
    void (*lost_frames)(void *arg, uint64_t first, uint64_t last);
};

/* Set aside what is damaged and make the rest readable again (docs/reference/repair.md has the
 * rules). `dry_run`: only say. Returns how many ranges there were; after 0 nothing was changed.
 * SRT_EBUSY when a process has the directory, SRT_ECORRUPT when too little is left to repair from:
 * then nothing was changed either. */
int store_repair(const char *data_dir, const struct io_fs *fs, bool dry_run,
                 const struct store_repair_ops *ops, struct srt_err *err);

/* The rest of a repair: a partition whose topic the keeper does not know, now that it has read the
 * journal, was created in a frame that is gone. Its directory is renamed to *.removed. `view` is
 * open to read only. Returns how many there were. */
int store_repair_unknown(struct store *view, const struct store_repair_ops *ops,
                         struct srt_err *err);

#endif
