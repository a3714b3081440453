/* fake_disk.h - a disk in memory that forgets: an io_fs whose power can be cut at any moment.
 *
 * Owner:   the test.
 * Thread:  the table's functions from any (one lock inside); the rest from the test's thread.
 * Memory:  everything written, up to twice, plus each write since the last sync; fake_disk_destroy.
 * Fails:   as told: an errno at the n-th call, short transfers, a byte budget.
 *
 * What survives a cut, strictly by POSIX and not by what ext4 does out of kindness:
 *   - a file's bytes and size as of its last successful sync or datasync; what was written since
 *     may be there, not be there, or be there in part, 512 bytes being the smallest part;
 *   - a directory's entries (create, rename, unlink, make_dir, remove_dir) as of its last sync_dir;
 *     a synced file in a directory that was not is lost. A rename is never half done;
 *   - after a sync that failed, what it covered never becomes durable by a later sync: the kernel
 *     has marked it clean. drop_cache makes readers see that.
 *
 *     struct fake_disk *disk = fake_disk_create();
 *     fake_disk_stop_after(disk, n);              // the process "dies" at its n-th change
 *     run_workload(fake_disk_fs(disk));           // fails with EIO from then on
 *     fake_disk_crash(disk, seed, FAKE_DISK_KEEP_SOME);
 *     recover_and_check(fake_disk_fs(disk));
 *
 * Paths are absolute or relative to the root, which exists and is empty; ".." is refused. */
#ifndef SRT_SUPPORT_FAKE_DISK_H
#define SRT_SUPPORT_FAKE_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "io/fs.h"

struct fake_disk;

struct fake_disk *fake_disk_create(void);
void fake_disk_destroy(struct fake_disk *disk); /* accepts NULL */
const struct io_fs *fake_disk_fs(struct fake_disk *disk);

/* A copy with the same files, durable and not, no open descriptors and no armed failures: to try
 * many crashes from one state. */
struct fake_disk *fake_disk_clone(struct fake_disk *disk);

/* --- the power cut --- */

enum fake_disk_mode {
    FAKE_DISK_DROP_UNSYNCED, /* nothing that was not synced survives */
    FAKE_DISK_KEEP_ALL,      /* everything survives: the process died, the machine did not */
    FAKE_DISK_KEEP_SOME,     /* any subset and any tearing that the rules above allow, by seed */
};

/* Every descriptor is closed; failures, budget and stop are lifted. */
void fake_disk_crash(struct fake_disk *disk, uint64_t seed, enum fake_disk_mode mode);

/* The same with the dice in hand. */
enum fake_disk_keep {
    FAKE_DISK_KEEP_NONE,
    FAKE_DISK_KEEP_EACH,   /* all of them */
    FAKE_DISK_KEEP_PREFIX, /* those before a random one, in the order in which they happened */
    FAKE_DISK_KEEP_SUBSET, /* any */
};

struct fake_disk_luck {
    uint64_t seed;
    enum fake_disk_keep writes;
    /* 512 or 4096: writes are torn at such multiples: of a prefix the first that is not kept, of a
     * subset each, and one when each is kept. 0: whole. */
    size_t tear_bytes;
    /* Sizes are metadata. They go the way of the writes, or stop somewhere else, whichever of the
     * data made it: then what lies beyond is lost, and a size without its data reads as zeroes. */
    bool sizes_apart;
    enum fake_disk_keep entries; /* create, rename, unlink, make_dir, remove_dir */
};

/* `said`, unless NULL, gets one line for each change that was not synced: what became of it. */
void fake_disk_crash_by(struct fake_disk *disk, const struct fake_disk_luck *luck,
                        struct srt_buf *said);

/* --- calls that take time ---
 *
 * To repeat what a process with several threads did. A change may reach the disk as soon as its
 * call has begun, and a sync covers only what had returned when it began:
 *
 *     fake_disk_call_begin(disk, 7);  fs->pwritev(...);  fake_disk_call_made(disk);
 *     moment = fake_disk_moment(disk);        // a sync begins
 *     fake_disk_call_returned(disk, 7);
 *     fake_disk_sync_since(disk, fd, moment); // it returns, and did not cover call 7 */
void fake_disk_call_begin(struct fake_disk *disk, uint64_t call);
void fake_disk_call_made(struct fake_disk *disk);
void fake_disk_call_returned(struct fake_disk *disk, uint64_t call);
uint64_t fake_disk_moment(struct fake_disk *disk);
void fake_disk_sync_since(struct fake_disk *disk, int fd, uint64_t moment); /* also a directory's */

/* Changes so far: writes, syncs, truncates, allocates, creates, renames, unlinks, directory changes
 * and syncs. The natural range for fake_disk_stop_after. */
uint64_t fake_disk_change_count(struct fake_disk *disk);

/* Let `count` further changes happen; the next one and every call after it fails with EIO and does
 * nothing, as if the process were gone. */
void fake_disk_stop_after(struct fake_disk *disk, uint64_t count);
bool fake_disk_stopped(struct fake_disk *disk);

/* --- failures --- */

enum fake_disk_call {
    FAKE_DISK_OPEN,
    FAKE_DISK_CLOSE,
    FAKE_DISK_PREAD,
    FAKE_DISK_PWRITEV,
    FAKE_DISK_DATASYNC,
    FAKE_DISK_SYNC,
    FAKE_DISK_TRUNCATE,
    FAKE_DISK_ALLOCATE,
    FAKE_DISK_INFO,
    FAKE_DISK_PATH_INFO,
    FAKE_DISK_RENAME,
    FAKE_DISK_UNLINK,
    FAKE_DISK_MAKE_DIR,
    FAKE_DISK_REMOVE_DIR,
    FAKE_DISK_SYNC_DIR,
    FAKE_DISK_LIST,
    FAKE_DISK_CALL_COUNT
};

/* The nth (1: next) call of this kind fails with -sys and has no effect; once, or from then on. */
void fake_disk_fail(struct fake_disk *disk, enum fake_disk_call call, uint64_t nth, int sys);
void fake_disk_fail_from(struct fake_disk *disk, enum fake_disk_call call, uint64_t nth, int sys);

/* The nth write takes half of its bytes and says so; if sys > 0, what comes behind it fails. */
void fake_disk_cut_write(struct fake_disk *disk, uint64_t nth, int sys);

void fake_disk_heal(struct fake_disk *disk); /* no more failures, short transfers, budget or stop */

uint64_t fake_disk_calls(struct fake_disk *disk, enum fake_disk_call call); /* so far */

/* A write or read moves at most so many bytes a call; 0: as many as asked. */
void fake_disk_limit_transfer(struct fake_disk *disk, size_t max_bytes);

/* Room for so many bytes more in all files together, then ENOSPC; a write takes what still fits. */
void fake_disk_limit_space(struct fake_disk *disk, uint64_t more_bytes);

/* --- questions --- */

size_t fake_disk_open_fds(struct fake_disk *disk); /* 0 at the end, or something leaks */

#endif
