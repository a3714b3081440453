/* A sound segment beside any bytes as its index: an index may be useless, but an offset is found
 * where it is or not at all, and a time is never looked for behind where it is, unless the
 * index says so under valid checksums. */
#include <stdio.h>

#include "fix_crc.h"
#include "fuzz_disk.h"
#include "fuzz_input.h"
#include "record/batch.h"
#include "store/segment.h"

enum { BATCHES_MAX = 40, INTERVAL_BYTES = 128 };

struct placed {
    int64_t base;
    int64_t last;
    uint64_t position;
    int64_t max_before_ms;
    int64_t max_ms;
};

struct world {
    struct fake_disk *disk;
    const struct io_fs *fs;
    struct segment_files files;
    struct segment *seg;
    struct placed batches[BATCHES_MAX];
    size_t count;
};

static void append(struct world *w, struct fuzz_input *in, int64_t *offset, int64_t *now_ms)
{
    static const uint8_t filler[256] = {'x'};
    struct batch_builder b;
    struct srt_err err;
    const uint8_t *data;
    size_t size;
    uint8_t shape = fuzz_byte(in);
    *now_ms += (int8_t)fuzz_byte(in);
    batch_builder_init(&b);
    for (int i = 0; i <= shape % 4; i++) {
        struct record rec = {.value = filler,
                             .value_len = shape,
                             .key_len = RECORD_ABSENT,
                             .timestamp_ms = *now_ms + i};
        int rc = batch_builder_add(&b, &rec);
        srt_assert(rc == SRT_OK);
    }
    batch_builder_finish(&b, &data, &size);
    uint8_t *bytes = fuzz_copy(data, size);
    batch_set_base_offset(bytes, *offset);
    struct placed *before = w->count ? &w->batches[w->count - 1] : NULL;
    struct placed *here = &w->batches[w->count++];
    *here = (struct placed){
        .base = *offset,
        .last = *offset + shape % 4,
        .position = before ? w->seg->size_bytes : SEGMENT_HEADER_BYTES,
        .max_before_ms = INT64_MIN,
        .max_ms = *now_ms + shape % 4,
    };
    if (before) {
        here->max_before_ms =
            before->max_ms > before->max_before_ms ? before->max_ms : before->max_before_ms;
    }
    int rc = segment_write(w->seg, bytes, size, &err);
    srt_assert(rc == SRT_OK);
    segment_grow(w->seg, size, here->max_ms);
    *offset += shape % 4 + 1;
    free(bytes);
    batch_builder_fini(&b);
}

static void world_init(struct world *w, struct fuzz_input *in)
{
    static const struct topic_id id = {{0xab}};
    struct srt_err err;
    *w = (struct world){.disk = fake_disk_create()};
    w->fs = fake_disk_fs(w->disk);
    segment_files_init(&w->files, w->fs, 2, false);
    int64_t offset = fuzz_number(in, 2);
    int64_t now_ms = 1000;
    size_t count = 1 + (size_t)fuzz_byte(in) % BATCHES_MAX;
    w->seg = segment_new(&w->files, &id, 0, "/", offset, 0, 0);
    int rc = segment_create_file(w->seg, &err);
    srt_assert(rc == SRT_OK);
    while (w->count < count) {
        append(w, in, &offset, &now_ms);
    }
}

static void world_fini(struct world *w)
{
    struct srt_err err;
    int rc = segment_sync(w->seg, &err);
    srt_assert(rc == SRT_OK);
    segment_unref(w->seg);
    segment_files_fini(&w->files);
    fuzz_disk_destroy(w->disk);
}

/* The index as it should be, with some bytes changed; or the fuzzer's alone. */
static void put_index(struct world *w, struct fuzz_input *in, bool derived, bool fix)
{
    struct srt_err err;
    struct srt_buf bytes = {0};
    if (derived) {
        struct segment_index index;
        int rc = segment_load_index(w->seg, &index, w->seg->size_bytes, INTERVAL_BYTES, &err);
        srt_assert(rc == SRT_OK);
        segment_index_write(&index, w->fs, w->seg->index_path, w->seg->base_offset);
        segment_index_fini(&index);
        if (io_read_file(w->fs, w->seg->index_path, 1 << 20, &bytes, &err) != SRT_OK) {
            return; /* a segment too short for an entry */
        }
        while (in->size >= 3) {
            size_t at = fuzz_number(in, 2) % bytes.len;
            bytes.data[at] ^= fuzz_byte(in);
        }
    } else {
        srt_buf_put(&bytes, in->data, in->size);
    }
    if (fix) {
        fix_crc_index(bytes.data, bytes.len);
    }
    fuzz_disk_write(w->fs, w->seg->index_path, bytes.data, bytes.len);
    srt_buf_fini(&bytes);
}

static void start(const struct world *w, const struct segment_index_entry *entry,
                  uint64_t *ret_position, int64_t *ret_offset)
{
    *ret_position = entry ? entry->position : SEGMENT_HEADER_BYTES;
    *ret_offset = w->seg->base_offset + (entry ? entry->relative_offset : 0);
}

static void find_all(struct world *w, const struct segment_index *index, bool lies)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct placed *batch = &w->batches[i];
        struct srt_err err;
        uint64_t position;
        int64_t offset;
        for (int64_t target = batch->base; target <= batch->last; target++) {
            start(w, segment_index_find(index, target - w->seg->base_offset), &position, &offset);
            int rc = segment_walk_to(w->seg, target, &position, &offset, &err);
            srt_assert(rc == SRT_OK || (lies && rc == SRT_ECORRUPT));
            srt_assert(rc != SRT_OK || (position == batch->position && offset == batch->base));
        }
        if (!lies && batch->max_ms > batch->max_before_ms) { /* the first of its time */
            start(w, segment_index_find_time(index, batch->max_ms), &position, &offset);
            srt_assert(position <= batch->position);
        }
    }
}

static void check(struct world *w, bool lies)
{
    struct segment_index index;
    struct srt_err err;
    int rc = segment_begin_read(w->seg, &err);
    srt_assert(rc == SRT_OK);
    rc = segment_load_index(w->seg, &index, w->seg->size_bytes, INTERVAL_BYTES, &err);
    srt_assert(rc == SRT_OK);
    srt_assert(index.count <= w->seg->size_bytes / BATCH_HEADER_BYTES);
    find_all(w, &index, lies);
    segment_index_fini(&index);
    /* and after a crash that cut the segment behind some batch */
    uint64_t cut = w->batches[w->count / 2].position;
    segment_index_cut(w->fs, w->seg->index_path, w->seg->base_offset, cut);
    segment_index_init(&index);
    segment_index_read(&index, w->fs, w->seg->index_path, w->seg->base_offset, UINT64_MAX);
    srt_assert(index.count == 0 || index.entries[index.count - 1].position < cut);
    segment_index_fini(&index);
    segment_end_read(w->seg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct world w;
    uint8_t control = fuzz_byte(&in);
    world_init(&w, &in);
    put_index(&w, &in, control & 1, control & 2);
    check(&w, control & 2);
    world_fini(&w);
    return 0;
}
