/* Any bytes as the files of a journal, mostly with their checksums made right: what is whole must
 * be readable to its last byte, give itself when it is built again, and look the same twice. */
#include <stdio.h>

#include "base/crc32c.h"
#include "base/varint.h"
#include "fix_crc.h"
#include "fuzz_disk.h"
#include "fuzz_input.h"
#include "record/batch.h"
#include "store/journal_scan.h"

enum { FILES_MAX = 4, HEADER_USED = 36 };

struct seen {
    uint64_t frames;
    uint32_t sum; /* of all bytes of all entries */
};

static void read_batches(const struct frame_entry *entry)
{
    struct srt_buf space = {0};
    int64_t expected = entry->offset;
    for (uint32_t at = 0; at < entry->size;) {
        struct batch_info info;
        int rc = batch_check(entry->data + at, entry->size - at, &info);
        srt_assert(rc == SRT_OK && info.base_offset == expected);
        struct batch_reader reader;
        struct record rec;
        if (batch_reader_init(&reader, entry->data + at, &info, &space) == SRT_OK) {
            while (batch_reader_next(&reader, &rec) == SRT_OK) {
            }
        }
        expected = batch_last_offset(&info) + 1;
        at += info.size_bytes;
    }
    srt_buf_fini(&space);
}

static void add_entry(struct frame_builder *b, const struct frame_entry *entry)
{
    switch (entry->kind) {
    case FRAME_APPEND:
        read_batches(entry);
        frame_builder_append(b, &entry->topic_id, entry->partition, entry->offset, entry->data,
                             entry->size);
        break;
    case FRAME_META:
        frame_builder_meta(b, entry->meta_kind, entry->data, entry->size);
        break;
    case FRAME_TRIM:
        frame_builder_trim(b, &entry->topic_id, entry->partition, entry->offset);
        break;
    case FRAME_CHECKPOINT:
        frame_builder_checkpoint(b, entry->checkpoint_number, entry->part_index,
                                 entry->part_count, entry->data, entry->size);
        break;
    case FRAME_COMPACTION:
        frame_builder_compaction(b, &entry->topic_id, entry->partition, entry->offset, entry->data,
                                 entry->size);
        break;
    }
}

static void compare_entries(const uint8_t *a, const struct frame_info *a_info, const uint8_t *b,
                            const struct frame_info *b_info)
{
    struct frame_entry left;
    struct frame_entry right;
    size_t a_at = 0;
    size_t b_at = 0;
    while (frame_next(a, a_info, &a_at, &left) == SRT_OK) {
        int rc = frame_next(b, b_info, &b_at, &right);
        srt_assert(rc == SRT_OK);
        bool has_place = left.kind == FRAME_APPEND || left.kind == FRAME_TRIM ||
                         left.kind == FRAME_COMPACTION;
        srt_assert(left.kind == right.kind && left.partition == right.partition);
        srt_assert(left.kind != FRAME_META || left.meta_kind == right.meta_kind);
        srt_assert(left.offset == right.offset && left.part_index == right.part_index);
        srt_assert(left.part_count == right.part_count);
        srt_assert(left.checkpoint_number == right.checkpoint_number);
        srt_assert(!has_place || topic_id_equal(&left.topic_id, &right.topic_id));
        /* a trim has no payload; what an invalid one carries is passed over */
        srt_assert(left.kind == FRAME_TRIM || left.size == right.size);
        srt_assert(left.kind == FRAME_TRIM || left.size == 0 ||
                   memcmp(left.data, right.data, left.size) == 0);
    }
    int rc = frame_next(b, b_info, &b_at, &right);
    srt_assert(rc == SRT_EEND);
}

static void build_again(const uint8_t *frame, const struct frame_info *info)
{
    struct frame_builder b;
    struct frame_entry entry;
    struct iovec *parts;
    int count;
    frame_builder_init(&b);
    frame_builder_begin(&b);
    for (size_t at = 0; frame_next(frame, info, &at, &entry) == SRT_OK;) {
        add_entry(&b, &entry);
    }
    int rc = frame_builder_finish(&b, info->journal_id, info->sequence, &parts, &count);
    srt_assert(rc == SRT_OK);
    struct srt_buf again = {0};
    for (int i = 0; i < count; i++) {
        srt_buf_put(&again, parts[i].iov_base, parts[i].iov_len);
    }
    struct frame_info again_info;
    rc = frame_check(again.data, again.len, &again_info);
    srt_assert(rc == SRT_OK && again_info.size_bytes == again.len);
    srt_assert(again_info.sequence == info->sequence &&
               again_info.entry_count == info->entry_count);
    compare_entries(frame, info, again.data, &again_info);
    srt_buf_fini(&again);
    frame_builder_fini(&b);
}

static int visit(void *arg, const uint8_t *frame, const struct frame_info *info,
                 struct srt_err *err)
{
    struct seen *seen = arg;
    struct frame_info checked;
    (void)err;
    seen->frames++;
    seen->sum = srt_crc32c(seen->sum, frame, info->size_bytes);
    int rc = frame_check(frame, info->size_bytes, &checked);
    srt_assert(rc == SRT_OK && checked.sequence == info->sequence);
    build_again(frame, info);
    return SRT_OK;
}

static void scan(const struct io_fs *fs, bool settle, struct seen *ret)
{
    struct journal_scan scan;
    struct srt_err err = {0};
    *ret = (struct seen){0};
    int rc = journal_scan_open(&scan, fs, "/data", settle, &err);
    srt_assert(rc == SRT_OK || (err.code == rc && err.msg[0] != '\0'));
    if (rc == SRT_OK) {
        rc = journal_scan_frames(&scan, 0, visit, ret, &err);
        /* frame 0 is never written: a file that claims it is read, but lies below any boundary */
        srt_assert(rc != SRT_OK || ret->frames <= scan.frame_count);
        srt_assert(ret->frames + 1 >= scan.frame_count);
        int64_t log_start = 0;
        struct topic_id id = {{0xab}};
        (void)journal_scan_log_start(&scan, 0, &id, 0, &log_start, &err);
        srt_assert(log_start >= 0);
        (void)journal_scan_is_clean(&scan);
        srt_assert(journal_scan_unchanged(&scan));
    }
    journal_scan_close(&scan);
}

/* Each frame in memory that ends where it ends, so that one step beyond it is seen. */
static void check_alone(const uint8_t *frames, size_t size)
{
    for (size_t at = 0; size - at >= FRAME_HEADER_BYTES;) {
        struct frame_info info;
        size_t whole = srt_get_be32(frames + at + 24);
        if (whole < FRAME_HEADER_BYTES || whole > size - at) {
            return;
        }
        uint8_t *frame = fuzz_copy(frames + at, whole);
        srt_assert(frame_check(frame, whole, &info) != SRT_OK || info.size_bytes == whole);
        free(frame);
        at += whole;
    }
}

/* The header's fields, zeroes, frames. */
static void put_file(const struct io_fs *fs, struct fuzz_input *in, bool fix)
{
    char path[64];
    uint8_t name = fuzz_byte(in);
    size_t size = fuzz_number(in, 2);
    struct fuzz_input part = fuzz_part(in, size);
    struct fuzz_input header = fuzz_part(&part, HEADER_USED);
    size_t whole = JOURNAL_HEADER_BYTES + part.size;
    uint8_t *file = calloc(1, whole);
    srt_assert(file);
    memcpy(file, header.data, header.size);
    if (part.size) {
        memcpy(file + JOURNAL_HEADER_BYTES, part.data, part.size);
    }
    if (fix) {
        fix_crc_journal(file, whole);
    }
    check_alone(file + JOURNAL_HEADER_BYTES, part.size);
    snprintf(path, sizeof path, "/data/journal/%020u.%s", name & 0x7fu,
             name & 0x80 ? "tmp" : "jnl");
    fuzz_disk_write(fs, path, file, name == 0x7f ? part.size : whole);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct fake_disk *disk = fake_disk_create();
    const struct io_fs *fs = fake_disk_fs(disk);
    struct seen first;
    struct seen second;
    uint8_t control = fuzz_byte(&in);
    fuzz_disk_make_dir(fs, "/data/journal");
    for (int i = 0; i < FILES_MAX && in.size > 0; i++) {
        put_file(fs, &in, control & 1);
    }
    scan(fs, false, &first);
    scan(fs, true, &second);
    srt_assert(first.frames == second.frames && first.sum == second.sum);
    fuzz_disk_destroy(disk);
    return 0;
}
