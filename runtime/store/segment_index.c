/* An index is a hint that can always be made again from the segment, so nothing here is an
 * error: each entry has its own CRC, and the first one that is wrong ends the index.
 * docs/format/segment.md has the bytes. */
#include "store/segment_index.h"

#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/varint.h"

#define INDEX_MAGIC 0x53525449u /* SRTI */

enum {
    INDEX_VERSION = 1,
    INDEX_FILE_BYTES_MAX = 64 << 20, /* of a 4 GiB segment with the smallest interval there is */
};

void segment_index_init(struct segment_index *index)
{
    *index = (struct segment_index){0};
}

void segment_index_fini(struct segment_index *index)
{
    srt_free(index->entries);
    *index = (struct segment_index){0};
}

static void push(struct segment_index *index, const struct segment_index_entry *entry)
{
    if (index->count == index->cap) {
        size_t cap = index->cap ? 2 * index->cap : 64;
        struct segment_index_entry *entries =
            srt_realloc(index->entries, cap * sizeof *index->entries);
        if (!entries) {
            return; /* a search that begins earlier is slower, not wrong */
        }
        index->entries = entries;
        index->cap = cap;
    }
    index->entries[index->count++] = *entry;
}

void segment_index_add(struct segment_index *index, uint64_t start_position, int64_t interval_bytes,
                       uint32_t relative_offset, uint64_t position, int64_t max_before_ms)
{
    uint64_t last = index->count ? index->entries[index->count - 1].position : start_position;
    if (position > UINT32_MAX || position < last + (uint64_t)interval_bytes) {
        return;
    }
    struct segment_index_entry entry = {relative_offset, (uint32_t)position, max_before_ms};
    push(index, &entry);
}

const struct segment_index_entry *segment_index_find(const struct segment_index *index,
                                                     int64_t relative_offset)
{
    size_t low = 0, high = index->count; /* entries below `low` are at or before the offset */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if ((int64_t)index->entries[mid].relative_offset <= relative_offset) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low ? &index->entries[low - 1] : NULL;
}

const struct segment_index_entry *segment_index_find_time(const struct segment_index *index,
                                                          int64_t timestamp_ms)
{
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (index->entries[mid].max_before_ms < timestamp_ms) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low ? &index->entries[low - 1] : NULL;
}

/* --- the file --- */

static void encode_header(uint8_t to[SEGMENT_INDEX_HEADER_BYTES], int64_t base_offset)
{
    memset(to, 0, SEGMENT_INDEX_HEADER_BYTES);
    srt_put_be32(to, INDEX_MAGIC);
    srt_put_be16(to + 4, INDEX_VERSION);
    srt_put_be64(to + 8, (uint64_t)base_offset);
    srt_put_be32(to + 16, srt_crc32c(0, to, 16));
}

static uint32_t entry_crc(const uint8_t *entry, int64_t base_offset)
{
    return srt_crc32c((uint32_t)base_offset, entry, 16);
}

void segment_index_write(struct segment_index *index, const struct io_fs *fs, const char *path,
                         int64_t base_offset)
{
    struct srt_err err;
    if (index->written_count == index->count) {
        return;
    }
    struct srt_buf buf;
    srt_buf_init(&buf);
    int64_t at = 0;
    if (index->written_count == 0) {
        uint8_t header[SEGMENT_INDEX_HEADER_BYTES];
        encode_header(header, base_offset);
        srt_buf_put(&buf, header, sizeof header);
    } else {
        at = SEGMENT_INDEX_HEADER_BYTES +
             (int64_t)index->written_count * SEGMENT_INDEX_ENTRY_BYTES;
    }
    for (size_t i = index->written_count; i < index->count; i++) {
        const struct segment_index_entry *entry = &index->entries[i];
        uint8_t bytes[SEGMENT_INDEX_ENTRY_BYTES] = {0};
        srt_put_be32(bytes, entry->relative_offset);
        srt_put_be32(bytes + 4, entry->position);
        srt_put_be64(bytes + 8, (uint64_t)entry->max_before_ms);
        srt_put_be32(bytes + 16, entry_crc(bytes, base_offset));
        srt_buf_put(&buf, bytes, sizeof bytes);
    }
    int fd = -1;
    int flags = O_WRONLY | O_CREAT | (at == 0 ? O_TRUNC : 0);
    if (!srt_buf_failed(&buf) && io_open(fs, path, flags, 0644, &fd, &err) == SRT_OK &&
        io_write_at(fs, fd, buf.data, buf.len, at, path, &err) == SRT_OK) {
        index->written_count = index->count;
    }
    io_close(fs, &fd);
    srt_buf_fini(&buf);
}

void segment_index_sync(const struct io_fs *fs, const char *path)
{
    struct srt_err ignored;
    int fd = -1;
    if (io_open(fs, path, O_WRONLY, 0, &fd, &ignored) == SRT_OK) {
        (void)io_datasync(fs, fd, path, &ignored);
        io_close(fs, &fd);
    }
}

/* The next entry, if it is whole and goes on from the last one. */
static bool decode_entry(const uint8_t *bytes, int64_t base_offset, uint64_t size_bytes,
                         const struct segment_index *index, struct segment_index_entry *ret)
{
    struct segment_index_entry entry = {
        .relative_offset = srt_get_be32(bytes),
        .position = srt_get_be32(bytes + 4),
        .max_before_ms = (int64_t)srt_get_be64(bytes + 8),
    };
    if (srt_get_be32(bytes + 16) != entry_crc(bytes, base_offset) || entry.position >= size_bytes) {
        return false;
    }
    if (index->count) {
        const struct segment_index_entry *last = &index->entries[index->count - 1];
        if (entry.relative_offset <= last->relative_offset || entry.position <= last->position ||
            entry.max_before_ms < last->max_before_ms) {
            return false;
        }
    }
    *ret = entry;
    return true;
}

void segment_index_read(struct segment_index *index, const struct io_fs *fs, const char *path,
                        int64_t base_offset, uint64_t size_bytes)
{
    struct srt_err err;
    struct srt_buf buf;
    if (io_read_file(fs, path, INDEX_FILE_BYTES_MAX, &buf, &err) != SRT_OK) {
        return;
    }
    uint8_t header[SEGMENT_INDEX_HEADER_BYTES];
    encode_header(header, base_offset);
    if (buf.len >= sizeof header && memcmp(buf.data, header, sizeof header) == 0) {
        size_t at = sizeof header;
        struct segment_index_entry entry;
        while (buf.len - at >= SEGMENT_INDEX_ENTRY_BYTES &&
               decode_entry(buf.data + at, base_offset, size_bytes, index, &entry)) {
            push(index, &entry);
            at += SEGMENT_INDEX_ENTRY_BYTES;
        }
        index->written_count = index->count;
    }
    srt_buf_fini(&buf);
}

static bool all_zero(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != 0) {
            return false;
        }
    }
    return true;
}

bool segment_index_check(const struct io_fs *fs, const char *path, int64_t base_offset,
                         uint64_t *ret_wrong_at, uint64_t *ret_size_bytes)
{
    struct srt_err err;
    struct srt_buf buf;
    *ret_wrong_at = 0;
    *ret_size_bytes = 0;
    if (io_read_file(fs, path, INDEX_FILE_BYTES_MAX, &buf, &err) != SRT_OK) {
        return err.code == SRT_ENOENT;
    }
    struct segment_index index;
    segment_index_init(&index);
    uint8_t header[SEGMENT_INDEX_HEADER_BYTES];
    encode_header(header, base_offset);
    size_t at = 0;
    if (buf.len >= sizeof header && memcmp(buf.data, header, sizeof header) == 0) {
        struct segment_index_entry entry;
        at = sizeof header;
        while (buf.len - at >= SEGMENT_INDEX_ENTRY_BYTES &&
               decode_entry(buf.data + at, base_offset, UINT64_MAX, &index, &entry) &&
               all_zero(buf.data + at + 20, 4)) {
            push(&index, &entry);
            at += SEGMENT_INDEX_ENTRY_BYTES;
        }
    }
    bool good = all_zero(buf.data + at, buf.len - at);
    *ret_wrong_at = at;
    *ret_size_bytes = buf.len;
    segment_index_fini(&index);
    srt_buf_fini(&buf);
    return good;
}

void segment_index_cut(const struct io_fs *fs, const char *path, int64_t base_offset,
                       uint64_t size_bytes)
{
    struct segment_index index;
    segment_index_init(&index);
    segment_index_read(&index, fs, path, base_offset, size_bytes);
    struct srt_err ignored;
    (void)io_unlink(fs, path, &ignored); /* old blocks must not come back behind new entries */
    index.written_count = 0;
    segment_index_write(&index, fs, path, base_offset);
    segment_index_fini(&index);
}
