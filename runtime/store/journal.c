/* One write, one fdatasync, many acknowledgements: everything else here is about making the two
 * calls cheap and their outcome certain.
 *
 *     spare-6        00..07.jnl            00..08.jnl
 *     [old frames]   [hdr|f|f|f|f| rest]   [hdr|f|f|f|>          free          ]
 *          |          old: last frame 4211       ^ position; next frame 5121
 *          +--> header rewritten with a new id, synced, renamed to 00..09.jnl when 08 is full
 *
 * Files have their full size from the start, and all but the first one had every block written
 * before: an fdatasync of a frame is then one write to the device and its flush, with no change
 * to the file system's own tables. A new random id in the header makes what an earlier life of
 * the file left behind invisible. docs/format/journal.md is the contract for the bytes. */
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/crc32c.h"
#include "base/fault.h"
#include "base/rng.h"
#include "base/varint.h"

#define JOURNAL_MAGIC 0x5352544au /* SRTJ */

enum {
    JOURNAL_VERSION = 1,
    /* A spare is zeroed and synced in steps, so that its bytes do not stand in front of a
     * frame's. */
    ZERO_STEP_BYTES = 1 << 20,
};

/* --- header --- */

void journal_header_encode(uint8_t to[JOURNAL_HEADER_BYTES], const struct journal_header *header)
{
    memset(to, 0, JOURNAL_HEADER_BYTES);
    srt_put_be32(to, JOURNAL_MAGIC);
    srt_put_be16(to + 4, JOURNAL_VERSION);
    srt_put_be16(to + 6, header->flags);
    srt_put_be64(to + 8, header->file_sequence);
    srt_put_be64(to + 16, header->id);
    srt_put_be64(to + 24, header->first_frame);
    srt_put_be32(to + 32, srt_crc32c(0, to, 32));
}

int journal_header_decode(const uint8_t *data, size_t size, struct journal_header *ret)
{
    if (size < JOURNAL_HEADER_BYTES || srt_get_be32(data) != JOURNAL_MAGIC ||
        srt_get_be32(data + 32) != srt_crc32c(0, data, 32)) {
        return SRT_ECORRUPT;
    }
    if (srt_get_be16(data + 4) != JOURNAL_VERSION) {
        return SRT_EVERSION;
    }
    struct journal_header header = {
        .flags = srt_get_be16(data + 6),
        .file_sequence = srt_get_be64(data + 8),
        .id = srt_get_be64(data + 16),
        .first_frame = srt_get_be64(data + 24),
    };
    if (header.first_frame == 0) {
        return SRT_ECORRUPT;
    }
    *ret = header;
    return SRT_OK;
}

/* --- names --- */

char *journal_file_path(const char *dir, uint64_t file_sequence)
{
    return srt_xasprintf("%s/%020" PRIu64 ".jnl", dir, file_sequence);
}

/* --- the row of spares --- */

static char *take_spare(struct journal *j)
{
    char *path = NULL;
    for (int i = 0; i < JOURNAL_SPARES_MAX && !path; i++) {
        path = srt_exchange(&j->spares[i], NULL);
    }
    return path;
}

/* Only the back thread puts, so a free place stays free. */
static _Atomic(char *) * free_place(struct journal *j)
{
    for (int i = 0; i < JOURNAL_SPARES_MAX; i++) {
        if (!srt_load_acquire(&j->spares[i])) { /* take_spare */
            return &j->spares[i];
        }
    }
    return NULL;
}

bool journal_has_spare(const struct journal *j)
{
    for (int i = 0; i < JOURNAL_SPARES_MAX; i++) {
        if (srt_load_acquire(&j->spares[i])) { /* free_place's user */
            return true;
        }
    }
    return false;
}

/* --- life --- */

void journal_init(struct journal *j, const struct io_fs *fs, const char *data_dir,
                  uint64_t file_bytes, bool sync_each, uint64_t last_file_sequence,
                  uint64_t next_frame)
{
    srt_assert(file_bytes >= JOURNAL_FILE_BYTES_MIN && next_frame > 0);
    *j = (struct journal){
        .fs = fs,
        .dir = srt_xasprintf("%s/journal", data_dir),
        .file_bytes = file_bytes,
        .sync_each = sync_each,
        .fd = -1,
        .file_sequence = last_file_sequence,
        .next_frame = next_frame,
    };
}

void journal_fini(struct journal *j)
{
    if (!j->fs) {
        return;
    }
    io_close(j->fs, &j->fd);
    srt_free(j->path);
    srt_free(j->dir);
    srt_free(j->olds);
    char *spare;
    while ((spare = take_spare(j)) != NULL) {
        srt_free(spare);
    }
    *j = (struct journal){.fd = -1};
}

void journal_add_old(struct journal *j, uint64_t file_sequence, uint64_t last_frame)
{
    if (j->old_count == j->old_cap) {
        j->old_cap = j->old_cap ? 2 * j->old_cap : 8;
        j->olds = srt_xrealloc(j->olds, j->old_cap * sizeof *j->olds);
    }
    j->olds[j->old_count++] = (struct journal_old){file_sequence, last_frame};
}

uint64_t journal_take_freeable(struct journal *j, uint64_t boundary)
{
    for (size_t i = 0; i < j->old_count; i++) {
        if (j->olds[i].last_frame <= boundary) {
            uint64_t file_sequence = j->olds[i].file_sequence;
            memmove(j->olds + i, j->olds + i + 1, (j->old_count - i - 1) * sizeof *j->olds);
            j->old_count--;
            return file_sequence;
        }
    }
    return 0;
}

/* --- a new file --- */

/* A spare, or else a new file under a name that recovery does not look at. */
static int open_next(struct journal *j, char *path, bool full_size, int *ret_fd,
                     struct srt_err *err)
{
    int rc = io_open(j->fs, path, O_RDWR | O_CREAT, 0644, ret_fd, err);
    if (rc != SRT_OK) {
        return rc;
    }
    struct io_file_info info;
    rc = io_info(j->fs, *ret_fd, &info, path, err);
    if (rc == SRT_OK && full_size && info.size_bytes < j->file_bytes) {
        rc = io_allocate(j->fs, *ret_fd, 0, (int64_t)j->file_bytes, path, err);
        if (rc != SRT_OK && (err->sys == EOPNOTSUPP || err->sys == EINVAL)) {
            rc = SRT_OK; /* where that is not possible the file grows with its frames */
        }
    }
    return rc;
}

/* Header, sync, rename, sync of the directory. On failure before the rename the file is closed. */
static int put_in_place(struct journal *j, const char *temporary, const char *path, int fd,
                        const struct journal_header *header, struct srt_err *err)
{
    uint8_t block[JOURNAL_HEADER_BYTES];
    journal_header_encode(block, header);
    int rc = io_write_at(j->fs, fd, block, sizeof block, 0, temporary, err);
    if (rc == SRT_OK) {
        rc = io_sync(j->fs, fd, temporary, err);
    }
    if (rc != SRT_OK) {
        return rc;
    }
    rc = io_rename(j->fs, temporary, path, err);
    if (rc == SRT_OK) {
        rc = io_sync_dir(j->fs, j->dir, err);
    }
    int sys = rc == SRT_OK ? SRT_FAULT(journal_rolled) : 0;
    if (sys != 0) {
        rc = srt_fail_sys(err, SRT_EIO, sys, "begin journal file '%s'", path);
    }
    return rc;
}

int journal_begin_file(struct journal *j, bool last, struct srt_err *err)
{
    int sys = SRT_FAULT(journal_roll);
    if (sys != 0) {
        return srt_fail_sys(err, srt_code_from_errno(sys), sys, "begin a journal file in '%s'",
                            j->dir);
    }
    if (j->fd >= 0 && !j->sync_each) { /* only the last file may have frames that were not synced */
        int rc = journal_sync(j, err);
        if (rc != SRT_OK) {
            return rc;
        }
    }
    struct journal_header header = {
        .flags = j->sync_each ? 0 : JOURNAL_FLAG_OS,
        .file_sequence = j->file_sequence + 1,
        .id = srt_random_u64(),
        .first_frame = j->next_frame,
    };
    int fd = -1;
    char *path = journal_file_path(j->dir, header.file_sequence);
    char *temporary = last ? NULL : take_spare(j);
    if (!temporary) {
        temporary = srt_xasprintf("%s/next.tmp", j->dir);
    }
    int rc = open_next(j, temporary, !last, &fd, err);
    if (rc == SRT_OK) {
        rc = put_in_place(j, temporary, path, fd, &header, err);
    }
    if (rc != SRT_OK) { /* gives room back; a file that was renamed stays, under its new name */
        struct srt_err ignored;
        (void)io_unlink(j->fs, temporary, &ignored);
    }
    srt_free(temporary);
    if (rc != SRT_OK) {
        io_close(j->fs, &fd);
        srt_free(path);
        return rc;
    }
    if (j->fd >= 0) {
        journal_add_old(j, j->file_sequence, j->next_frame - 1);
        io_close(j->fs, &j->fd);
    }
    srt_free(j->path);
    j->path = path;
    j->fd = fd;
    j->id = header.id;
    j->file_sequence = header.file_sequence;
    j->position = JOURNAL_HEADER_BYTES;
    return SRT_OK;
}

/* --- frames --- */

int journal_sync(struct journal *j, struct srt_err *err)
{
    if (j->fd < 0) {
        return SRT_OK;
    }
    int sys = SRT_FAULT(journal_sync);
    if (sys != 0) {
        return srt_fail_sys(err, SRT_EFSYNC, sys, "sync '%s'", j->path);
    }
    int rc = io_datasync(j->fs, j->fd, j->path, err);
    if (rc == SRT_OK && (sys = SRT_FAULT(journal_synced)) != 0) {
        rc = srt_fail_sys(err, SRT_EFSYNC, sys, "sync '%s'", j->path);
    }
    return rc;
}

/* Only under test: a process that dies, or a disk that fails, in the middle of a frame. */
static int write_half(struct journal *j, const struct iovec *parts, int count, size_t size,
                      struct srt_err *err)
{
    size_t left = size / 2;
    int64_t at = (int64_t)j->position;
    for (int i = 0; i < count && left > 0; i++) {
        size_t some = parts[i].iov_len < left ? parts[i].iov_len : left;
        int rc = io_write_at(j->fs, j->fd, parts[i].iov_base, some, at, j->path, err);
        if (rc != SRT_OK) {
            return rc;
        }
        at += (int64_t)some;
        left -= some;
    }
    int sys = SRT_FAULT(journal_write_short);
    return sys == 0 ? SRT_OK
                    : srt_fail_sys(err, srt_code_from_errno(sys), sys, "write '%s'", j->path);
}

int journal_write(struct journal *j, struct frame_builder *b, struct srt_err *err)
{
    size_t size = frame_builder_size(b);
    srt_assert(size <= journal_frame_bytes_max(j));
    if (j->fd < 0 || j->position + size > j->file_bytes) {
        int rc = journal_begin_file(j, false, err);
        if (rc != SRT_OK) {
            return rc;
        }
    }
    struct iovec *parts;
    int count;
    int rc = frame_builder_finish(b, j->id, j->next_frame, &parts, &count);
    if (rc != SRT_OK) {
        return srt_fail(err, rc, "out of memory for a frame of %zu bytes", size);
    }
    int sys = SRT_FAULT(journal_write);
    if (sys != 0) {
        return srt_fail_sys(err, srt_code_from_errno(sys), sys, "write '%s'", j->path);
    }
    if (srt_fault_armed && (rc = write_half(j, parts, count, size, err)) != SRT_OK) {
        return rc;
    }
    rc = io_writev_at(j->fs, j->fd, parts, count, (int64_t)j->position, j->path, err);
    if (rc == SRT_OK && j->sync_each) {
        rc = journal_sync(j, err);
    }
    if (rc == SRT_OK) {
        j->position += size;
        j->next_frame++;
    }
    return rc;
}

/* --- files that wait for their next use --- */

static char *spare_path(const struct journal *j, uint64_t file_sequence)
{
    return srt_xasprintf("%s/spare-%020" PRIu64, j->dir, file_sequence);
}

static int remove_file(struct journal *j, const char *path, struct srt_err *err)
{
    int rc = io_unlink(j->fs, path, err);
    return rc == SRT_ENOENT ? SRT_OK : rc;
}

/* Of the full size, or it is of no use. */
static bool is_usable(struct journal *j, const char *path)
{
    struct io_file_info info;
    struct srt_err ignored;
    return io_path_info(j->fs, path, &info, &ignored) == SRT_OK &&
           info.size_bytes == j->file_bytes;
}

int journal_free_file(struct journal *j, uint64_t file_sequence, struct srt_err *err)
{
    char *path = journal_file_path(j->dir, file_sequence);
    char *spare = spare_path(j, file_sequence);
    _Atomic(char *) *place = free_place(j);
    int rc = SRT_OK;
    int sys = SRT_FAULT(journal_free);
    if (sys != 0) {
        rc = srt_fail_sys(err, srt_code_from_errno(sys), sys, "free '%s'", path);
    } else if (!place || !is_usable(j, path)) {
        rc = remove_file(j, path, err);
    } else if ((rc = io_rename(j->fs, path, spare, err)) == SRT_OK) {
        /* The old name must be gone for good before the bytes change their meaning. */
        rc = io_sync_dir(j->fs, j->dir, err);
        if (rc == SRT_OK) {
            srt_store_release(place, spare); /* take_spare */
            spare = NULL;
        }
    }
    srt_free(path);
    srt_free(spare);
    return rc;
}

static int fill_with_zeroes(struct journal *j, int fd, const char *path, struct srt_err *err)
{
    int rc = io_allocate(j->fs, fd, 0, (int64_t)j->file_bytes, path, err);
    if (rc == SRT_ENOSPC) {
        return rc; /* before a part of it was written for nothing */
    }
    uint8_t *zeroes = srt_xcalloc(1, ZERO_STEP_BYTES);
    rc = SRT_OK;
    for (uint64_t at = 0; rc == SRT_OK && at < j->file_bytes; at += ZERO_STEP_BYTES) {
        uint64_t left = j->file_bytes - at;
        rc = io_write_at(j->fs, fd, zeroes, left < ZERO_STEP_BYTES ? left : ZERO_STEP_BYTES,
                         (int64_t)at, path, err);
        if (rc == SRT_OK) {
            rc = io_datasync(j->fs, fd, path, err);
        }
    }
    srt_free(zeroes);
    return rc;
}

int journal_make_spare(struct journal *j, struct srt_err *err)
{
    if (journal_has_spare(j)) {
        return SRT_OK;
    }
    char *temporary = srt_xasprintf("%s/spare.tmp", j->dir);
    char *spare = spare_path(j, srt_random_u64()); /* never the name of one that is being taken */
    int fd = -1;
    int rc = io_open(j->fs, temporary, O_RDWR | O_CREAT | O_TRUNC, 0644, &fd, err);
    if (rc == SRT_OK) {
        rc = fill_with_zeroes(j, fd, temporary, err);
        io_close(j->fs, &fd);
        rc = rc == SRT_OK ? io_rename(j->fs, temporary, spare, err) : rc;
    }
    if (rc == SRT_OK) {
        srt_store_release(free_place(j), spare); /* take_spare */
        spare = NULL;
    } else {
        struct srt_err ignored;
        (void)io_unlink(j->fs, temporary, &ignored);
    }
    srt_free(temporary);
    srt_free(spare);
    return rc;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && memcmp(text + n - m, end, m) == 0;
}

int journal_adopt_spares(struct journal *j, struct srt_err *err)
{
    struct io_list names;
    int rc = io_list_dir(j->fs, j->dir, &names, err);
    if (rc != SRT_OK) {
        return rc;
    }
    for (size_t i = 0; rc == SRT_OK && i < names.count; i++) {
        bool spare = strncmp(names.names[i], "spare-", 6) == 0;
        if (!spare && !ends_with(names.names[i], ".tmp")) {
            continue;
        }
        char *path = srt_xasprintf("%s/%s", j->dir, names.names[i]);
        _Atomic(char *) *place = free_place(j);
        if (spare && place && is_usable(j, path)) {
            srt_store_release(place, path); /* take_spare */
            path = NULL;
        } else {
            rc = remove_file(j, path, err);
        }
        srt_free(path);
    }
    io_list_free(&names);
    return rc;
}
