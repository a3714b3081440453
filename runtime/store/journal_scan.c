/* Judging a journal after a crash.
 *
 *     00..05.jnl    00..06.jnl         00..07.jnl
 *     left over     [f 40 .. f 57][~]  [f 58][f 59][f 60][~ ~ ~ ~ ~ ~ ~ ~ ~]
 *     (04 is gone)        torn ^         last whole ^      nothing whole in here
 *
 * A frame is written only after the one before it is durable. So at most one frame is torn, it is
 * the last one its process wrote, and a process begins its own file. Hence:
 *   - behind the place where a file's whole frames end there may be rubbish, but no later frame;
 *   - the next file goes on with exactly the next sequence.
 * If either does not hold, bytes that were durable have changed since: damage, and nothing is
 * touched. */
#include "store/journal_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "store/checkpoint.h"
#include "store/file_window.h"

struct reader {
    struct journal_scan_file *file;
    struct file_window window;
};

static int open_reader(struct journal_scan *scan, struct journal_scan_file *file,
                       struct reader *ret, struct srt_err *err)
{
    ret->file = file;
    return file_window_open(&ret->window, scan->fs, file->path, err);
}

/* --- files --- */

static int fail_damage(struct journal_scan *scan, const char *path, uint64_t at, const char *reason,
                       struct srt_err *err)
{
    srt_free(scan->damage.path);
    scan->damage.path = srt_xstrdup(path);
    scan->damage.at = at;
    return srt_fail(err, SRT_ECORRUPT, "'%s' is damaged at byte %" PRIu64 ": %s", path, at, reason);
}

static int settle_file(const struct io_fs *fs, const char *path, struct srt_err *err)
{
    int fd = -1;
    int rc = io_open(fs, path, O_RDWR, 0, &fd, err);
    if (rc == SRT_OK) {
        rc = io_sync(fs, fd, path, err);
        fs->drop_cache(fs, fd);
        io_close(fs, &fd);
    }
    return rc;
}

uint64_t journal_scan_sequence_of(const char *name)
{
    enum { DIGITS = 20 };
    if (strlen(name) != DIGITS + 4 || strcmp(name + DIGITS, ".jnl") != 0 ||
        strspn(name, "0123456789") != DIGITS) {
        return 0;
    }
    return strtoull(name, NULL, 10);
}

static int read_header(struct journal_scan *scan, struct journal_scan_file *file,
                       struct srt_err *err)
{
    struct io_file_info info;
    int rc = io_path_info(scan->fs, file->path, &info, err);
    if (rc != SRT_OK) {
        return rc;
    }
    file->size_bytes = info.size_bytes;
    if (info.size_bytes < JOURNAL_HEADER_BYTES) {
        return fail_damage(scan, file->path, info.size_bytes, "the file ends in its header", err);
    }
    struct reader r;
    const uint8_t *data;
    int decoded = SRT_OK;
    rc = open_reader(scan, file, &r, err);
    if (rc == SRT_OK) {
        rc = file_window_look(&r.window, 0, JOURNAL_HEADER_BYTES, &data, err);
        decoded = rc == SRT_OK
                      ? journal_header_decode(data, JOURNAL_HEADER_BYTES, &file->header)
                      : rc;
        file_window_close(&r.window);
    }
    if (rc != SRT_OK) {
        return rc;
    }
    switch (decoded) {
    case SRT_OK:
        return SRT_OK;
    case SRT_EVERSION:
        return srt_fail(err, SRT_EVERSION, "'%s' was written by another version", file->path);
    default:
        return fail_damage(scan, file->path, 0, "no valid journal header", err);
    }
}

static int add_file(struct journal_scan *scan, const char *name, bool settle, struct srt_err *err)
{
    uint64_t sequence = journal_scan_sequence_of(name);
    if (sequence == 0) {
        return SRT_OK;
    }
    scan->files = srt_xrealloc(scan->files, (scan->count + 1) * sizeof *scan->files);
    struct journal_scan_file *file = &scan->files[scan->count++];
    *file = (struct journal_scan_file){.path = srt_xasprintf("%s/%s", scan->dir, name)};
    int rc = settle ? settle_file(scan->fs, file->path, err) : SRT_OK;
    if (rc == SRT_OK) {
        rc = read_header(scan, file, err);
    }
    if (rc == SRT_OK && file->header.file_sequence != sequence) {
        rc = fail_damage(scan, file->path, 8, "the header has another file's sequence", err);
    }
    return rc;
}

/* A partition's directory is made when the frame that creates it is durable: without a journal
 * there can be none, and what is in them must not be taken for nothing. */
static int check_no_partitions(struct journal_scan *scan, const char *data_dir,
                               struct srt_err *err)
{
    char *topics = srt_xasprintf("%s/topics", data_dir);
    struct io_list names;
    int rc = io_list_dir(scan->fs, topics, &names, err);
    if (rc == SRT_OK) {
        if (names.count > 0) {
            rc = fail_damage(scan, scan->dir, 0, "the journal is gone, but there are partitions",
                             err);
        }
        io_list_free(&names);
    }
    srt_free(topics);
    return rc == SRT_ENOENT ? SRT_OK : rc;
}

static int list_files(struct journal_scan *scan, const char *data_dir, bool settle,
                      struct srt_err *err)
{
    struct io_list names;
    int rc = io_list_dir(scan->fs, scan->dir, &names, err);
    if (rc == SRT_ENOENT) {
        rc = fail_damage(scan, scan->dir, 0, "the journal's directory is missing", err);
    }
    if (rc != SRT_OK) {
        return rc;
    }
    for (size_t i = 0; rc == SRT_OK && i < names.count; i++) {
        rc = add_file(scan, names.names[i], settle, err);
    }
    io_list_free(&names);
    if (rc == SRT_OK && scan->count == 0) {
        rc = check_no_partitions(scan, data_dir, err);
    }
    scan->first = scan->count ? scan->count - 1 : 0;
    while (scan->first > 0 && scan->files[scan->first - 1].header.file_sequence + 1 ==
                                  scan->files[scan->first].header.file_sequence) {
        scan->first--;
    }
    return rc;
}

/* --- frames --- */

/* The frame at a position, if it is whole and the one that is expected; else *ret_frame is NULL. */
static int whole_frame(struct reader *r, uint64_t at, uint64_t expected, const uint8_t **ret_frame,
                       struct frame_info *ret_info, struct srt_err *err)
{
    uint64_t left = r->window.size_bytes > at ? r->window.size_bytes - at : 0;
    const uint8_t *data = NULL;
    *ret_frame = NULL;
    if (left < FRAME_HEADER_BYTES) {
        return SRT_OK;
    }
    int rc = file_window_look(&r->window, at, FRAME_HEADER_BYTES, &data, err);
    if (rc != SRT_OK) {
        return rc;
    }
    struct frame_info info;
    if (frame_parse(data, FRAME_HEADER_BYTES, &info) != SRT_OK || info.size_bytes > left ||
        info.journal_id != r->file->header.id || info.sequence != expected) {
        return SRT_OK;
    }
    rc = file_window_look(&r->window, at, info.size_bytes, &data, err);
    if (rc == SRT_OK && frame_check(data, info.size_bytes, ret_info) == SRT_OK) {
        *ret_frame = data;
    }
    return rc;
}

/* Whether a frame of this file that is later than `sequence` begins behind `at`: its header is
 * enough, for it was written after the frame before it was durable. */
static int find_later(struct reader *r, uint64_t at, uint64_t sequence, bool *ret_found,
                      struct srt_err *err)
{
    static const uint8_t magic[] = {'S', 'R', 'T', 'F'};
    *ret_found = false;
    uint64_t end = r->window.size_bytes;
    for (at += FRAME_ALIGN; at + FRAME_HEADER_BYTES <= end;) {
        const uint8_t *data;
        int rc = file_window_look(&r->window, at, FRAME_HEADER_BYTES, &data, err);
        if (rc != SRT_OK) {
            return rc;
        }
        /* all that the window has from here on, but for a header that it cuts */
        const uint8_t *stop = data + file_window_left(&r->window, at) - FRAME_HEADER_BYTES;
        for (; data <= stop; data += FRAME_ALIGN, at += FRAME_ALIGN) {
            struct frame_info info;
            if (memcmp(data, magic, sizeof magic) == 0 &&
                frame_parse(data, FRAME_HEADER_BYTES, &info) == SRT_OK &&
                info.journal_id == r->file->header.id && info.sequence > sequence) {
                *ret_found = true;
                return SRT_OK;
            }
        }
    }
    return SRT_OK;
}

typedef int (*frame_fn)(void *arg, const uint8_t *frame, const struct frame_info *info,
                        struct srt_err *err);

/* Visit a file's whole frames. */
static int walk_file(struct reader *r, frame_fn visit, void *arg, struct srt_err *err)
{
    struct journal_scan_file *file = r->file;
    uint64_t at = JOURNAL_HEADER_BYTES;
    uint64_t expected = file->header.first_frame;
    for (;; expected++) {
        const uint8_t *frame;
        struct frame_info info;
        int rc = whole_frame(r, at, expected, &frame, &info, err);
        if (rc != SRT_OK) {
            return rc;
        }
        if (!frame) {
            break;
        }
        rc = visit(arg, frame, &info, err);
        if (rc != SRT_OK) {
            return rc;
        }
        at += info.size_bytes;
    }
    file->last_frame = expected - 1;
    file->end_position = at;
    return SRT_OK;
}

/* --- the first pass --- */

static int collect(void *arg, const uint8_t *frame, const struct frame_info *info,
                   struct srt_err *err)
{
    struct journal_scan *scan = arg;
    scan->frame_count++;
    int rc = checkpoint_parts_add(&scan->checkpoint, frame, info);
    return rc == SRT_OK ? SRT_OK : srt_fail(err, rc, "out of memory for a checkpoint");
}

/* Is the place where the last file's whole frames end the place where writing ended? */
static int judge_end(struct journal_scan *scan, struct reader *r, struct srt_err *err)
{
    /* Frames were not synced one by one, so a power cut may leave holes: nothing was promised. */
    if (r->file->header.flags & JOURNAL_FLAG_OS) {
        return SRT_OK;
    }
    bool found;
    int rc = find_later(r, r->file->end_position, r->file->last_frame + 1, &found, err);
    if (rc == SRT_OK && found) {
        rc = fail_damage(scan, r->file->path, r->file->end_position,
                         "a frame is not whole, but later ones were written", err);
    }
    return rc;
}

bool journal_scan_is_clean(const struct journal_scan *scan)
{
    return scan->checkpoint.is_last &&
           checkpoint_is_clean(scan->checkpoint.bytes.data, scan->checkpoint.bytes.len);
}

static int scan_files(struct journal_scan *scan, struct srt_err *err)
{
    for (size_t i = scan->first; i < scan->count; i++) {
        struct journal_scan_file *file = &scan->files[i];
        if (i > scan->first) {
            const struct journal_scan_file *before = file - 1;
            if (file->header.first_frame != before->last_frame + 1) {
                return fail_damage(scan, before->path, before->end_position,
                                   "a frame is not whole, but the next file goes on", err);
            }
        }
        struct reader r;
        int rc = open_reader(scan, file, &r, err);
        if (rc == SRT_OK) {
            rc = walk_file(&r, collect, scan, err);
            if (rc == SRT_OK && i + 1 == scan->count && !journal_scan_is_clean(scan)) {
                rc = judge_end(scan, &r, err);
            }
            file_window_close(&r.window);
        }
        if (rc != SRT_OK) {
            return rc;
        }
    }
    return SRT_OK;
}

int journal_scan_open(struct journal_scan *scan, const struct io_fs *fs, const char *data_dir,
                      bool settle, struct srt_err *err)
{
    *scan = (struct journal_scan){.fs = fs, .dir = srt_xasprintf("%s/journal", data_dir)};
    int rc = list_files(scan, data_dir, settle, err);
    return rc == SRT_OK ? scan_files(scan, err) : rc;
}

void journal_scan_close(struct journal_scan *scan)
{
    for (size_t i = 0; i < scan->count; i++) {
        srt_free(scan->files[i].path);
    }
    srt_free(scan->files);
    srt_free(scan->dir);
    srt_free(scan->damage.path);
    checkpoint_parts_fini(&scan->checkpoint);
    *scan = (struct journal_scan){0};
}

bool journal_scan_has_unsynced(const struct journal_scan *scan)
{
    for (size_t i = scan->first; i < scan->count; i++) {
        if (scan->files[i].header.flags & JOURNAL_FLAG_OS) {
            return true;
        }
    }
    return false;
}

uint64_t journal_scan_next_frame(const struct journal_scan *scan)
{
    return scan->count ? scan->files[scan->count - 1].last_frame + 1 : 1;
}

uint64_t journal_scan_last_file(const struct journal_scan *scan)
{
    return scan->count ? scan->files[scan->count - 1].header.file_sequence : 0;
}

/* --- the second pass --- */

struct second_pass {
    uint64_t boundary;
    uint64_t limit; /* frames that were written since the first pass are not ours */
    journal_scan_fn visit;
    void *arg;
    uint64_t seen;
};

static int visit_above(void *arg, const uint8_t *frame, const struct frame_info *info,
                       struct srt_err *err)
{
    struct second_pass *pass = arg;
    if (info->sequence <= pass->boundary || info->sequence > pass->limit) {
        return SRT_OK;
    }
    pass->seen = info->sequence;
    return pass->visit(pass->arg, frame, info, err);
}

int journal_scan_frames(struct journal_scan *scan, uint64_t boundary, journal_scan_fn visit,
                        void *arg, struct srt_err *err)
{
    struct second_pass pass = {boundary, 0, visit, arg, boundary};
    for (size_t i = scan->first; i < scan->count; i++) {
        struct journal_scan_file file = scan->files[i]; /* a copy: the first pass's findings stay */
        if (file.last_frame <= boundary) {
            continue;
        }
        pass.limit = file.last_frame;
        struct reader r;
        int rc = open_reader(scan, &file, &r, err);
        if (rc == SRT_OK) {
            rc = walk_file(&r, visit_above, &pass, err);
            file_window_close(&r.window);
        }
        if (rc == SRT_OK && pass.seen < pass.limit) {
            rc = fail_damage(scan, file.path, file.end_position, "the file changed while read",
                             err);
        }
        if (rc != SRT_OK) {
            return rc;
        }
    }
    return SRT_OK;
}

struct trim_search {
    const struct topic_id *id;
    int32_t index;
    int64_t *log_start;
};

static int find_trim(void *arg, const uint8_t *frame, const struct frame_info *info,
                     struct srt_err *err)
{
    struct trim_search *search = arg;
    struct frame_entry entry;
    (void)err;
    for (size_t at = 0; frame_next(frame, info, &at, &entry) == SRT_OK;) {
        if (entry.kind == FRAME_TRIM && entry.partition == search->index &&
            topic_id_equal(&entry.topic_id, search->id) && entry.offset > *search->log_start) {
            *search->log_start = entry.offset;
        }
    }
    return SRT_OK;
}

int journal_scan_log_start(struct journal_scan *scan, uint64_t boundary, const struct topic_id *id,
                           int32_t index, int64_t *log_start, struct srt_err *err)
{
    struct trim_search search = {id, index, log_start};
    return journal_scan_frames(scan, boundary, find_trim, &search, err);
}

bool journal_scan_unchanged(struct journal_scan *scan)
{
    for (size_t i = scan->first; i < scan->count; i++) {
        struct journal_scan_file now = {.path = scan->files[i].path};
        struct srt_err ignored;
        if (read_header(scan, &now, &ignored) != SRT_OK ||
            now.header.id != scan->files[i].header.id) {
            return false;
        }
    }
    return true;
}
