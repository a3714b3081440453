/* A segment is written by one thread at its end and read by many behind it, so nothing needs a lock
 * but the question whether its file is open. The cache of open files answers that:
 *
 *     closed --use--> in use --release--> idle (clean: may be closed for another) --use--> in use
 *                        |                  ^
 *                        +--> dirty: stays open until a checkpoint has synced it
 *
 * A dirty file keeps its descriptor, because an error of writing it back is told to descriptors
 * that were open when it happened. */
#include "store/segment.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/crc32c.h"
#include "base/fault.h"
#include "base/str.h"
#include "base/varint.h"

#define SEGMENT_MAGIC 0x53525453u /* SRTS */

enum { SEGMENT_VERSION = 1 };

/* --- the cache of open files --- */

void segment_files_init(struct segment_files *files, const struct io_fs *fs, size_t open_max,
                        bool read_only)
{
    *files = (struct segment_files){.fs = fs, .open_max = open_max, .read_only = read_only};
    io_lock_init(&files->lock, IO_LOCK_SEGMENT_FILES);
    srt_list_init(&files->idle);
}

/* With the lock: give up the file that was not used for the longest time; -1 when none may go. */
static int take_idle(struct segment_files *files)
{
    struct srt_list *node = srt_list_pop(&files->idle);
    if (!node) {
        return -1;
    }
    struct segment *seg = srt_container_of(node, struct segment, idle_node);
    int fd = seg->fd;
    seg->fd = -1;
    files->open_count--;
    return fd;
}

/* Close what is open beyond the limit and not needed. */
static void shrink(struct segment_files *files)
{
    for (;;) {
        io_lock(&files->lock);
        int fd = files->open_count > files->open_max ? take_idle(files) : -1;
        io_unlock(&files->lock);
        if (fd < 0) {
            return;
        }
        io_close(files->fs, &fd);
    }
}

void segment_files_fini(struct segment_files *files)
{
    srt_assert(files->open_count == 0); /* each segment closed its own */
    io_lock_fini(&files->lock);
}

void segment_encode_header(const struct segment *seg, uint8_t to[SEGMENT_HEADER_BYTES])
{
    memset(to, 0, SEGMENT_HEADER_BYTES);
    srt_put_be32(to, SEGMENT_MAGIC);
    srt_put_be16(to + 4, SEGMENT_VERSION);
    memcpy(to + 8, seg->topic_id.bytes, sizeof seg->topic_id.bytes);
    srt_put_be32(to + 24, (uint32_t)seg->partition);
    srt_put_be64(to + 32, (uint64_t)seg->base_offset);
    srt_put_be64(to + SEGMENT_CREATED_AT, (uint64_t)seg->created_ms);
    srt_put_be32(to + SEGMENT_GENERATION_AT, seg->generation);
    srt_put_be32(to + 60, srt_crc32c(0, to, 60));
}

int segment_fail_corrupt(struct segment *seg, uint64_t at, const char *reason, struct srt_err *err)
{
    return srt_fail(err, SRT_ECORRUPT, "'%s' is damaged at byte %" PRIu64 ": %s", seg->path, at,
                    reason);
}

static int verify_header(struct segment *seg, int fd, struct srt_err *err)
{
    uint8_t found[SEGMENT_HEADER_BYTES];
    uint8_t expected[SEGMENT_HEADER_BYTES];
    int rc = io_read_at(seg->files->fs, fd, found, sizeof found, 0, seg->path, err);
    if (rc == SRT_EEND) {
        return segment_fail_corrupt(seg, 0, "the file ends in its header", err);
    }
    if (rc != SRT_OK) {
        return rc;
    }
    if (srt_get_be32(found) == SEGMENT_MAGIC && srt_get_be16(found + 4) != SEGMENT_VERSION &&
        srt_get_be32(found + 60) == srt_crc32c(0, found, 60)) {
        return srt_fail(err, SRT_EVERSION, "'%s' is of version %d, expected %d", seg->path,
                        srt_get_be16(found + 4), SEGMENT_VERSION);
    }
    segment_encode_header(seg, expected);
    for (size_t i = 0; i < sizeof found; i++) {
        if (found[i] != expected[i]) {
            return segment_fail_corrupt(seg, i, "the header is not this segment's", err);
        }
    }
    return SRT_OK;
}

/* Open a file that exists and make sure that it is this segment's. */
static int open_existing(struct segment *seg, int *ret_fd, struct srt_err *err)
{
    const struct io_fs *fs = seg->files->fs;
    int fd = -1;
    int rc = io_open(fs, seg->path, seg->files->read_only ? O_RDONLY : O_RDWR, 0, &fd, err);
    if (rc != SRT_OK) {
        return rc;
    }
    io_lock(&seg->files->lock);
    bool verified = seg->verified;
    io_unlock(&seg->files->lock);
    rc = verified ? SRT_OK : verify_header(seg, fd, err);
    if (rc != SRT_OK) {
        io_close(fs, &fd);
        return rc;
    }
    *ret_fd = fd;
    return SRT_OK;
}

static bool use_if_open(struct segment *seg)
{
    io_lock(&seg->files->lock);
    bool open = seg->fd >= 0;
    if (open) {
        seg->use_count++;
        srt_list_remove(&seg->idle_node);
    }
    io_unlock(&seg->files->lock);
    return open;
}

/* Give the segment this descriptor, unless it got one meanwhile; either way it is in use. */
static void install(struct segment *seg, int fd)
{
    io_lock(&seg->files->lock);
    if (seg->fd < 0) {
        seg->fd = fd;
        seg->verified = true;
        seg->files->open_count++;
        fd = -1;
    }
    seg->use_count++;
    srt_list_remove(&seg->idle_node);
    io_unlock(&seg->files->lock);
    io_close(seg->files->fs, &fd);
    shrink(seg->files);
}

static int use(struct segment *seg, struct srt_err *err)
{
    if (use_if_open(seg)) {
        return SRT_OK;
    }
    int fd = -1;
    int rc = open_existing(seg, &fd, err);
    if (rc == SRT_OK) {
        install(seg, fd);
    }
    return rc;
}

static void release(struct segment *seg)
{
    struct segment_files *files = seg->files;
    io_lock(&files->lock);
    srt_assert(seg->use_count > 0);
    seg->use_count--;
    if (seg->use_count == 0 && !seg->dirty) {
        srt_list_push(&files->idle, &seg->idle_node);
    }
    bool full = files->open_count > files->open_max;
    io_unlock(&files->lock);
    if (full) {
        shrink(files);
    }
}

/* --- life --- */

char *segment_path(const char *dir, int64_t base_offset, uint32_t generation,
                   const char *extension)
{
    return generation == 0 ? srt_xasprintf("%s/%020" PRId64 ".%s", dir, base_offset, extension)
                           : srt_xasprintf("%s/%020" PRId64 ".%" PRIu32 ".%s", dir, base_offset,
                                           generation, extension);
}

bool segment_parse_name(const char *name, int64_t *ret_base_offset, uint32_t *ret_generation)
{
    enum { DIGITS = 20 };
    if (strspn(name, "0123456789") != DIGITS || name[DIGITS] != '.') {
        return false;
    }
    const char *extension = name + DIGITS + 1;
    int64_t generation = 0;
    size_t digits = strspn(extension, "0123456789");
    if (digits > 0) {
        if (extension[digits] != '.' ||
            srt_parse_int((struct srt_str){extension, digits}, &generation) != SRT_OK ||
            generation < 1 || generation > UINT32_MAX || extension[0] == '0') {
            return false;
        }
        extension += digits + 1;
    }
    if ((strcmp(extension, "seg") != 0 && strcmp(extension, "idx") != 0) ||
        srt_parse_int((struct srt_str){name, DIGITS}, ret_base_offset) != SRT_OK) {
        return false;
    }
    *ret_generation = (uint32_t)generation;
    return true;
}

struct segment *segment_new(struct segment_files *files, const struct topic_id *id,
                            int32_t partition, const char *dir, int64_t base_offset,
                            uint32_t generation, int64_t created_ms)
{
    struct segment *seg = srt_xcalloc(1, sizeof *seg);
    seg->files = files;
    seg->topic_id = *id;
    seg->partition = partition;
    seg->base_offset = base_offset;
    seg->generation = generation;
    seg->created_ms = created_ms;
    seg->path = segment_path(dir, base_offset, generation, "seg");
    seg->index_path = segment_path(dir, base_offset, generation, "idx");
    seg->fd = -1;
    atomic_init(&seg->refs, 1);
    atomic_init(&seg->size_bytes, SEGMENT_HEADER_BYTES);
    atomic_init(&seg->max_timestamp_ms, -1);
    segment_index_init(&seg->index);
    srt_buf_init(&seg->memory);
    srt_list_init(&seg->idle_node);
    return seg;
}

void segment_ref(struct segment *seg)
{
    srt_ref_add(&seg->refs);
}

void segment_unref(struct segment *seg)
{
    if (!seg || !srt_ref_drop(&seg->refs)) {
        return;
    }
    io_lock(&seg->files->lock);
    srt_assert(seg->use_count == 0);
    srt_list_remove(&seg->idle_node);
    int fd = seg->fd;
    seg->files->open_count -= fd >= 0;
    io_unlock(&seg->files->lock);
    io_close(seg->files->fs, &fd);
    segment_index_fini(&seg->index);
    srt_buf_fini(&seg->memory);
    srt_free(seg->path);
    srt_free(seg->index_path);
    srt_free(seg);
}

void segment_remove_files(struct segment *seg)
{
    struct srt_err ignored;
    (void)io_unlink(seg->files->fs, seg->path, &ignored);
    (void)io_unlink(seg->files->fs, seg->index_path, &ignored);
}

static int write_header(struct segment *seg, int fd, struct srt_err *err)
{
    uint8_t header[SEGMENT_HEADER_BYTES];
    segment_encode_header(seg, header);
    return io_write_at(seg->files->fs, fd, header, sizeof header, 0, seg->path, err);
}

static void mark_dirty(struct segment *seg)
{
    io_lock(&seg->files->lock);
    srt_assert(seg->use_count > 0);
    seg->dirty = true;
    io_unlock(&seg->files->lock);
}

int segment_create_file(struct segment *seg, struct srt_err *err)
{
    srt_assert(!seg->in_memory && !seg->files->read_only);
    int fd = -1;
    int rc = io_open(seg->files->fs, seg->path, O_RDWR | O_CREAT | O_TRUNC, 0644, &fd, err);
    if (rc != SRT_OK) {
        return rc;
    }
    rc = write_header(seg, fd, err);
    if (rc != SRT_OK) {
        io_close(seg->files->fs, &fd);
        return rc;
    }
    struct srt_err ignored;
    (void)io_unlink(seg->files->fs, seg->index_path, &ignored); /* of an earlier life, if any */
    install(seg, fd);
    mark_dirty(seg);
    release(seg);
    seg->index_loaded = true;
    return SRT_OK;
}

int segment_cut(struct segment *seg, struct srt_err *err)
{
    struct io_file_info info;
    int rc = io_path_info(seg->files->fs, seg->path, &info, err);
    uint64_t size = srt_load_acquire(&seg->size_bytes); /* our own store */
    if (rc != SRT_OK || info.size_bytes <= size) {
        return rc;
    }
    rc = use(seg, err);
    if (rc != SRT_OK) {
        return rc;
    }
    rc = io_truncate(seg->files->fs, seg->fd, (int64_t)size, seg->path, err);
    mark_dirty(seg);
    release(seg);
    return rc;
}

/* --- writing --- */

int segment_write(struct segment *seg, const uint8_t *data, size_t size, struct srt_err *err)
{
    if (seg->in_memory) {
        srt_buf_put(&seg->memory, data, size);
        return srt_buf_failed(&seg->memory)
                   ? srt_fail(err, SRT_ENOMEM, "out of memory for %zu bytes", size)
                   : SRT_OK;
    }
    int rc = use(seg, err);
    if (rc != SRT_OK) {
        return rc;
    }
    int sys = SRT_FAULT(segment_write);
    if (sys != 0) {
        rc = srt_fail_sys(err, srt_code_from_errno(sys), sys, "write '%s'", seg->path);
    } else {
        rc = io_write_at(seg->files->fs, seg->fd, data, size,
                         (int64_t)srt_load_acquire(&seg->size_bytes), seg->path, err);
    }
    /* Only now: a sync that ends an earlier dirt may come before the bytes do, and must leave the
     * file dirty for them. `use` holds the descriptor meanwhile. */
    mark_dirty(seg);
    release(seg);
    return rc;
}

void segment_grow(struct segment *seg, size_t size, int64_t max_timestamp_ms)
{
    srt_store_release(&seg->size_bytes, srt_load_acquire(&seg->size_bytes) + size);
    if (max_timestamp_ms > srt_load_acquire(&seg->max_timestamp_ms)) {
        srt_store_release(&seg->max_timestamp_ms, max_timestamp_ms);
    }
}

bool segment_is_dirty(struct segment *seg)
{
    io_lock(&seg->files->lock);
    bool dirty = seg->dirty;
    io_unlock(&seg->files->lock);
    return dirty;
}

int segment_sync(struct segment *seg, struct srt_err *err)
{
    io_lock(&seg->files->lock);
    bool dirty = seg->dirty;
    seg->dirty = false; /* before the sync: what is written from now on counts again */
    seg->use_count += dirty;
    srt_assert(!dirty || seg->fd >= 0);
    io_unlock(&seg->files->lock);
    if (!dirty) {
        return SRT_OK;
    }
    int rc = io_datasync(seg->files->fs, seg->fd, seg->path, err);
    release(seg);
    return rc;
}

/* --- reading --- */

int segment_begin_read(struct segment *seg, struct srt_err *err)
{
    return seg->in_memory ? SRT_OK : use(seg, err);
}

void segment_end_read(struct segment *seg)
{
    if (!seg->in_memory) {
        release(seg);
    }
}

int segment_read_at(struct segment *seg, void *to, size_t size, uint64_t at, struct srt_err *err)
{
    if (seg->in_memory) {
        srt_assert(at + size <= seg->memory.len);
        memcpy(to, seg->memory.data + at, size);
        return SRT_OK;
    }
    int rc = io_read_at(seg->files->fs, seg->fd, to, size, (int64_t)at, seg->path, err);
    return rc == SRT_EEND ? segment_fail_corrupt(seg, at, "the file ends too early", err) : rc;
}

int segment_batch_at(struct segment *seg, uint64_t position, int64_t expected,
                     struct batch_info *ret_info, struct srt_err *err)
{
    uint64_t size = srt_load_acquire(&seg->size_bytes); /* segment_grow */
    uint8_t header[BATCH_HEADER_BYTES];
    if (size < BATCH_HEADER_BYTES || position > size - BATCH_HEADER_BYTES) {
        return segment_fail_corrupt(seg, position, "a batch is cut off", err);
    }
    int rc = segment_read_at(seg, header, sizeof header, position, err);
    if (rc != SRT_OK) {
        return rc;
    }
    /* Only the header is looked at; the size says that the rest of the batch is in the segment. */
    struct batch_info info;
    if (batch_parse(header, size - position, &info) != SRT_OK) {
        return segment_fail_corrupt(seg, position, "no valid batch", err);
    }
    if (expected >= 0 && info.base_offset != expected) {
        return segment_fail_corrupt(seg, position, "the batch has another offset", err);
    }
    *ret_info = info;
    return SRT_OK;
}

int segment_walk_to(struct segment *seg, int64_t target, uint64_t *position, int64_t *offset,
                    struct srt_err *err)
{
    for (;;) {
        struct batch_info info;
        int rc = segment_batch_at(seg, *position, *offset, &info, err);
        if (rc != SRT_OK) {
            return rc;
        }
        if (batch_last_offset(&info) >= target) {
            return SRT_OK;
        }
        *position += info.size_bytes;
        *offset = batch_last_offset(&info) + 1;
    }
}

/* Whether the entry's batch is where it says, under its name. */
static bool entry_holds(struct segment *seg, const struct segment_index_entry *entry)
{
    struct batch_info info;
    struct srt_err ignored;
    return segment_batch_at(seg, entry->position, seg->base_offset + entry->relative_offset, &info,
                            &ignored) == SRT_OK;
}

int segment_load_index(struct segment *seg, struct segment_index *index, uint64_t size_bytes,
                       int64_t interval_bytes, struct srt_err *err)
{
    segment_index_init(index);
    if (!seg->in_memory) {
        segment_index_read(index, seg->files->fs, seg->index_path, seg->base_offset, size_bytes);
    }
    if (index->count && !entry_holds(seg, &index->entries[index->count - 1])) {
        segment_index_fini(index);
        segment_index_init(index);
    }
    uint64_t position = SEGMENT_HEADER_BYTES;
    int64_t offset = seg->base_offset;
    int64_t max_ms = INT64_MIN;
    if (index->count) {
        const struct segment_index_entry *last = &index->entries[index->count - 1];
        position = last->position;
        offset = seg->base_offset + last->relative_offset;
        max_ms = last->max_before_ms;
    }
    while (position < size_bytes) {
        struct batch_info info;
        int rc = segment_batch_at(seg, position, offset, &info, err);
        if (rc != SRT_OK) {
            segment_index_fini(index);
            return rc;
        }
        segment_index_add(index, SEGMENT_HEADER_BYTES, interval_bytes,
                          (uint32_t)(offset - seg->base_offset), position, max_ms);
        max_ms = info.max_timestamp_ms > max_ms ? info.max_timestamp_ms : max_ms;
        position += info.size_bytes;
        offset = batch_last_offset(&info) + 1;
    }
    return SRT_OK;
}
