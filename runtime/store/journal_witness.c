/* A frame that is not whole at the end of the journal may be a write that the power cut short, or a
 * write that was durable and has changed since. The journal alone cannot tell, but segments can:
 * their batches are written only after the frame that carries them is durable. So
 *
 *     journal    [ f 40: orders/0 at 100..109 ][ ~ ~ ~ not whole ~ ~ ~ ]
 *     segment    ... [ batch 90..99 ][ batch 100..109 ][ batch 110..119 ]
 *                                                        ^ was in a durable frame: damage
 *
 * That the segments agree proves nothing, for a power cut may take back what was in the page cache.
 * It is not asked of a journal whose frames were acknowledged before they were synced. */
#include "store/journal_witness.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/atomic.h"
#include "base/str.h"
#include "base/varint.h"
#include "store/segment.h"
#include "store/store_impl.h"

/* --- directories --- */

/* "<32 hex digits>-<topic>-<partition>" */
static bool parse_name(const char *name, struct journal_witness_row *row)
{
    enum { ID_LEN = TOPIC_ID_TEXT_MAX - 1 };
    int64_t index;
    const char *dash = strrchr(name, '-');
    if (strlen(name) < ID_LEN + 2 || name[ID_LEN] != '-' || dash <= name + ID_LEN ||
        topic_id_parse(name, ID_LEN, &row->topic_id) != SRT_OK ||
        srt_parse_int(srt_str_of(dash + 1), &index) != SRT_OK || index < 0 || index > INT32_MAX) {
        return false;
    }
    row->index = (int32_t)index;
    row->topic = srt_xstrndup(name + ID_LEN + 1, (size_t)(dash - name) - ID_LEN - 1);
    return true;
}

int64_t journal_witness_base_of(const char *name)
{
    enum { DIGITS = 20 };
    bool is_one = strlen(name) == DIGITS + 4 && strcmp(name + DIGITS, ".seg") == 0 &&
                  strspn(name, "0123456789") == DIGITS;
    return is_one ? (int64_t)strtoull(name, NULL, 10) : -1;
}

/* The base offset of the last segment file; -1 when there is none. */
static int64_t last_base(const struct io_fs *fs, const char *dir)
{
    struct io_list names;
    struct srt_err ignored;
    int64_t base = -1;
    if (io_list_dir(fs, dir, &names, &ignored) != SRT_OK) {
        return -1;
    }
    for (size_t i = 0; i < names.count; i++) { /* sorted */
        int64_t found = journal_witness_base_of(names.names[i]);
        base = found >= 0 ? found : base;
    }
    io_list_free(&names);
    return base;
}

/* Walk headers from the index's last entry that holds, or from the start. */
static void walk_run(struct journal_witness_row *row, struct segment *seg)
{
    struct segment_index index;
    struct batch_info info;
    struct srt_err ignored;
    uint64_t size = srt_load_acquire(&seg->size_bytes); /* ours */
    row->run_position = SEGMENT_HEADER_BYTES;
    row->run_offset = seg->base_offset;
    segment_index_init(&index);
    segment_index_read(&index, seg->files->fs, seg->index_path, seg->base_offset, size);
    if (index.count) {
        const struct segment_index_entry *last = &index.entries[index.count - 1];
        int64_t offset = seg->base_offset + last->relative_offset;
        if (segment_batch_at(seg, last->position, offset, &info, &ignored) == SRT_OK) {
            row->run_position = last->position;
            row->run_offset = offset;
        }
    }
    segment_index_fini(&index);
    uint64_t at = row->run_position;
    row->run_end = row->run_offset;
    while (segment_batch_at(seg, at, row->run_end, &info, &ignored) == SRT_OK) {
        row->run_end = batch_last_offset(&info) + 1;
        at += info.size_bytes;
    }
}

/* When it was begun is known only to the checkpoint and to its header, which has a CRC. */
static bool read_created(struct segment *seg)
{
    struct srt_err ignored;
    const struct io_fs *fs = seg->files->fs;
    uint8_t bytes[8];
    int fd = -1;
    bool found = io_open(fs, seg->path, O_RDONLY, 0, &fd, &ignored) == SRT_OK &&
                 io_read_at(fs, fd, bytes, sizeof bytes, SEGMENT_CREATED_AT, seg->path,
                            &ignored) == SRT_OK;
    io_close(fs, &fd);
    seg->created_ms = found ? (int64_t)srt_get_be64(bytes) : 0;
    return found;
}

/* The row's last segment at the size that its file has. NULL: it cannot be read, and is no
 * witness. */
static struct segment *open_last(struct journal_witness *w, struct segment_files *files,
                                 const struct journal_witness_row *row)
{
    struct srt_err ignored;
    struct segment *seg = segment_new(files, &row->topic_id, row->index, row->dir,
                                      row->segment_base, 0, 0);
    struct io_file_info info;
    if (w->fs->path_info(w->fs, seg->path, &info) == 0) {
        srt_store_release(&seg->size_bytes, info.size_bytes);
        if (read_created(seg) && segment_begin_read(seg, &ignored) == SRT_OK) {
            return seg;
        }
    }
    segment_unref(seg);
    return NULL;
}

static void look_into(struct journal_witness *w, struct journal_witness_row *row)
{
    row->segment_base = last_base(w->fs, row->dir);
    if (row->segment_base < 0) {
        return;
    }
    struct segment_files files;
    segment_files_init(&files, w->fs, 1, true);
    struct segment *seg = open_last(w, &files, row);
    if (seg) {
        walk_run(row, seg);
        segment_end_read(seg);
        segment_unref(seg);
    }
    segment_files_fini(&files);
}

int journal_witness_open(struct journal_witness *w, const struct io_fs *fs, const char *data_dir,
                         struct srt_err *err)
{
    *w = (struct journal_witness){.fs = fs};
    srt_map_init(&w->by_partition);
    char *topics = srt_xasprintf("%s/topics", data_dir);
    struct io_list names;
    int rc = io_list_dir(fs, topics, &names, err);
    if (rc == SRT_OK) {
        w->rows = srt_xcalloc(names.count + 1, sizeof *w->rows);
        for (size_t i = 0; i < names.count; i++) {
            struct journal_witness_row *row = &w->rows[w->row_count];
            if (!parse_name(names.names[i], row)) {
                continue;
            }
            uint8_t key[STORE_KEY_BYTES];
            row->dir = srt_xasprintf("%s/%s", topics, names.names[i]);
            look_into(w, row);
            store_partition_key(key, &row->topic_id, row->index);
            (void)srt_map_set(&w->by_partition, key, sizeof key, row);
            w->row_count++;
        }
        io_list_free(&names);
    }
    srt_free(topics);
    return rc == SRT_ENOENT ? SRT_OK : rc;
}

void journal_witness_close(struct journal_witness *w)
{
    for (size_t i = 0; i < w->row_count; i++) {
        srt_free(w->rows[i].dir);
        srt_free(w->rows[i].topic);
    }
    srt_free(w->rows);
    srt_map_fini(&w->by_partition);
    *w = (struct journal_witness){0};
}

struct journal_witness_row *journal_witness_find(struct journal_witness *w,
                                                 const struct topic_id *id, int32_t index)
{
    uint8_t key[STORE_KEY_BYTES];
    store_partition_key(key, id, index);
    return srt_map_find(&w->by_partition, key, sizeof key);
}

/* --- the journal's word --- */

void journal_witness_hear_checkpoint(struct journal_witness *w, const struct checkpoint *cp)
{
    struct journal_witness_row *row;
    for (size_t i = 0; i < cp->partition_count; i++) {
        row = journal_witness_find(w, &cp->partitions[i].topic_id, cp->partitions[i].index);
        if (row) {
            row->known = true;
            row->next_offset = cp->partitions[i].next_offset;
        }
    }
    for (size_t i = 0; i < cp->dropped_count; i++) {
        row = journal_witness_find(w, &cp->dropped[i].topic_id, cp->dropped[i].index);
        if (row) {
            row->dropped = true;
        }
    }
}

void journal_witness_hear_frame(struct journal_witness *w, const uint8_t *frame,
                                const struct frame_info *info)
{
    struct frame_entry entry;
    for (size_t at = 0; frame_next(frame, info, &at, &entry) == SRT_OK;) {
        struct journal_witness_row *row =
            entry.kind == FRAME_APPEND
                ? journal_witness_find(w, &entry.topic_id, entry.partition)
                : NULL;
        if (row) {
            row->known = true;
            row->next_offset = frame_append_end(&entry);
        }
    }
}

/* --- the judgement --- */

/* The first whole batch of the run at or above the journal's end. */
static int find_batch(struct segment *seg, const struct journal_witness_row *row, bool *ret_found,
                      struct srt_err *err)
{
    uint64_t at = row->run_position;
    int64_t offset = row->run_offset;
    struct srt_buf buf;
    srt_buf_init(&buf);
    int rc = SRT_OK;
    *ret_found = false;
    while (rc == SRT_OK && !*ret_found && offset < row->run_end) {
        struct batch_info info;
        struct batch_info checked;
        if (segment_batch_at(seg, at, offset, &info, err) != SRT_OK) {
            break;
        }
        if (offset >= row->next_offset) {
            srt_buf_clear(&buf);
            uint8_t *data = srt_buf_reserve(&buf, info.size_bytes);
            rc = data ? segment_read_at(seg, data, info.size_bytes, at, err)
                      : srt_fail(err, SRT_ENOMEM, "out of memory for a batch");
            *ret_found = rc == SRT_OK && batch_check(data, info.size_bytes, &checked) == SRT_OK;
        }
        at += info.size_bytes;
        offset = batch_last_offset(&info) + 1;
    }
    srt_buf_fini(&buf);
    return rc == SRT_ECORRUPT ? SRT_OK : rc;
}

int journal_witness_judge(struct journal_witness *w, const struct journal_witness_row **ret_row,
                          struct srt_err *err)
{
    int rc = SRT_OK;
    *ret_row = NULL;
    for (size_t i = 0; rc == SRT_OK && !*ret_row && i < w->row_count; i++) {
        const struct journal_witness_row *row = &w->rows[i];
        if (row->dropped || row->run_end <= row->next_offset) {
            continue;
        }
        struct segment_files files;
        segment_files_init(&files, w->fs, 1, true);
        struct segment *seg = open_last(w, &files, row);
        if (seg) {
            bool found;
            rc = find_batch(seg, row, &found, err);
            *ret_row = rc == SRT_OK && found ? row : NULL;
            segment_end_read(seg);
            segment_unref(seg);
        }
        segment_files_fini(&files);
    }
    return rc;
}
