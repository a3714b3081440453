/* Reading a journal for what is still good in it. Recovery stops at the first thing that is wrong
 * (journal_scan.c); this goes on:
 *
 *     [header][ f 40 ][ f 41 ][ ???????? ][ f 43 ][ f 44 ][ old frames, zeroes ]
 *                             damaged: f 42
 *
 * A frame proves itself by its two CRCs and by its journal id, which no other life of the file has,
 * so that whole frames can be found behind damaged bytes by looking at every multiple of 8. When
 * the file's header is damaged, the id is that of the first whole frame that continues the
 * sequence. All files are looked at, also those that recovery takes for left-overs: with a file
 * missing between them they are not. */
#include "store/journal_salvage.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "store/file_window.h"
#include "store/journal_scan.h"

struct teller {
    journal_salvage_damage_fn damage;
    void *arg;
};

/* --- files --- */

static int list_files(struct journal_salvage *s, struct srt_err *err)
{
    struct io_list names;
    int rc = io_list_dir(s->fs, s->dir, &names, err);
    if (rc != SRT_OK) {
        return rc == SRT_ENOENT ? SRT_OK : rc;
    }
    for (size_t i = 0; i < names.count; i++) { /* sorted, and so are the sequences */
        uint64_t sequence = journal_scan_sequence_of(names.names[i]);
        if (sequence != 0) {
            s->files = srt_xrealloc(s->files, (s->file_count + 1) * sizeof *s->files);
            s->files[s->file_count++] = (struct journal_salvage_file){
                .path = srt_xasprintf("%s/%s", s->dir, names.names[i]), .sequence = sequence};
        }
    }
    io_list_free(&names);
    return SRT_OK;
}

static int read_header(struct journal_salvage_file *file, struct file_window *w,
                       const struct teller *tell, struct srt_err *err)
{
    const uint8_t *data;
    if (file->size_bytes < JOURNAL_HEADER_BYTES) {
        tell->damage(tell->arg, file->path, file->size_bytes, file->size_bytes,
                     "the file ends in its header");
        return SRT_OK;
    }
    int rc = file_window_look(w, 0, JOURNAL_HEADER_BYTES, &data, err);
    if (rc != SRT_OK) {
        return rc;
    }
    rc = journal_header_decode(data, JOURNAL_HEADER_BYTES, &file->header);
    if (rc == SRT_EVERSION) {
        return srt_fail(err, rc, "'%s' was written by another version", file->path);
    }
    file->header_valid = rc == SRT_OK && file->header.file_sequence == file->sequence;
    if (rc != SRT_OK) {
        tell->damage(tell->arg, file->path, 0, JOURNAL_HEADER_BYTES, "no valid journal header");
    } else if (!file->header_valid) {
        tell->damage(tell->arg, file->path, 8, 16, "the header has another file's sequence");
    }
    return SRT_OK;
}

/* --- frames --- */

static void push_frame(struct journal_salvage *s, const struct journal_salvage_frame *frame)
{
    if (s->frame_count == s->frame_cap) {
        s->frame_cap = s->frame_cap ? 2 * s->frame_cap : 64;
        s->frames = srt_xrealloc(s->frames, s->frame_cap * sizeof *s->frames);
    }
    s->frames[s->frame_count++] = *frame;
}

/* A whole frame of this file that is later than all before it; else *ret_frame is NULL. */
static int whole_frame(struct journal_salvage *s, const struct journal_salvage_file *file,
                       struct file_window *w, uint64_t at, uint64_t *id, const uint8_t **ret_frame,
                       struct frame_info *ret_info, struct srt_err *err)
{
    static const uint8_t magic[] = {'S', 'R', 'T', 'F'};
    const uint8_t *data;
    struct frame_info info;
    *ret_frame = NULL;
    int rc = file_window_look(w, at, FRAME_HEADER_BYTES, &data, err);
    if (rc != SRT_OK || memcmp(data, magic, sizeof magic) != 0 ||
        frame_parse(data, FRAME_HEADER_BYTES, &info) != SRT_OK ||
        info.size_bytes > file->size_bytes - at || (*id != 0 && info.journal_id != *id) ||
        info.sequence <= journal_salvage_last_frame(s)) {
        return rc;
    }
    rc = file_window_look(w, at, info.size_bytes, &data, err);
    if (rc == SRT_OK && frame_check(data, info.size_bytes, ret_info) == SRT_OK) {
        *ret_frame = data;
        *id = info.journal_id;
    }
    return rc;
}

/* In a file whose frames were not synced one by one a hole says nothing, unless it was filled
 * later. */
static bool ends_at_first_hole(const struct journal_salvage *s,
                               const struct journal_salvage_file *file)
{
    return file->header_valid && (file->header.flags & JOURNAL_FLAG_OS) &&
           file == &s->files[s->file_count - 1];
}

static int walk_file(struct journal_salvage *s, size_t index, struct file_window *w,
                     const struct teller *tell, struct srt_err *err)
{
    struct journal_salvage_file *file = &s->files[index];
    uint64_t id = file->header_valid ? file->header.id : 0;
    uint64_t hole_at = 0; /* none */
    file->end_position = JOURNAL_HEADER_BYTES;
    for (uint64_t at = JOURNAL_HEADER_BYTES; at + FRAME_HEADER_BYTES <= file->size_bytes;) {
        const uint8_t *frame;
        struct frame_info info;
        int rc = whole_frame(s, file, w, at, &id, &frame, &info, err);
        if (rc != SRT_OK) {
            return rc;
        }
        if (!frame) {
            if (ends_at_first_hole(s, file)) {
                break;
            }
            hole_at = hole_at ? hole_at : at;
            at += FRAME_ALIGN;
            continue;
        }
        if (hole_at) {
            tell->damage(tell->arg, file->path, hole_at, at,
                         "a frame is not whole, but later ones were written");
            hole_at = 0;
        }
        push_frame(s, &(struct journal_salvage_frame){index, at, info.sequence, info.size_bytes});
        rc = checkpoint_parts_add(&s->checkpoint, frame, &info);
        if (rc != SRT_OK) {
            return srt_fail(err, rc, "out of memory for a checkpoint");
        }
        at += info.size_bytes;
        file->end_position = at;
    }
    return SRT_OK;
}

/* Behind the last byte that is not zero; at least `from`. */
static int end_of_bytes(struct file_window *w, uint64_t from, uint64_t *ret_end,
                        struct srt_err *err)
{
    *ret_end = from;
    for (uint64_t at = from; at < w->size_bytes;) {
        const uint8_t *data;
        int rc = file_window_look(w, at, 1, &data, err);
        if (rc != SRT_OK) {
            return rc;
        }
        size_t left = file_window_left(w, at);
        for (size_t i = 0; i < left; i++) {
            if (data[i] != 0) {
                *ret_end = at + i + 1;
            }
        }
        at += left;
    }
    return SRT_OK;
}

/* The file before must end where this one's frames go on. */
static int judge_seam(struct journal_salvage *s, size_t index, uint64_t last_before,
                      size_t frames_before, const struct teller *tell, struct srt_err *err)
{
    const struct journal_salvage_file *before = &s->files[index - 1];
    const struct journal_salvage_file *file = &s->files[index];
    uint64_t first = file->header_valid ? file->header.first_frame
                     : s->frame_count > frames_before ? s->frames[frames_before].sequence
                                                      : last_before + 1;
    if (before->sequence + 1 != file->sequence || first == last_before + 1) {
        return SRT_OK;
    }
    struct file_window w;
    uint64_t end;
    int rc = file_window_open(&w, s->fs, before->path, err);
    if (rc == SRT_OK) {
        rc = end_of_bytes(&w, before->end_position, &end, err);
        file_window_close(&w);
    }
    if (rc == SRT_OK) {
        tell->damage(tell->arg, before->path, before->end_position, end,
                     "a frame is not whole, but the next file goes on");
    }
    return rc;
}

static int read_file(struct journal_salvage *s, size_t index, const struct teller *tell,
                     struct srt_err *err)
{
    struct journal_salvage_file *file = &s->files[index];
    struct file_window w;
    size_t frames_before = s->frame_count;
    int rc = file_window_open(&w, s->fs, file->path, err);
    if (rc != SRT_OK) {
        return rc;
    }
    file->size_bytes = w.size_bytes;
    rc = read_header(file, &w, tell, err);
    if (rc == SRT_OK) {
        rc = walk_file(s, index, &w, tell, err);
    }
    file_window_close(&w);
    /* A valid header alone says which frame comes next, also when none is there. */
    if (file->header_valid && s->frame_count == frames_before) {
        file->last_frame = file->header.first_frame - 1;
    } else {
        file->last_frame = journal_salvage_last_frame(s);
    }
    if (rc == SRT_OK && index > 0) {
        rc = judge_seam(s, index, s->files[index - 1].last_frame, frames_before, tell, err);
    }
    return rc;
}

/* --- the whole --- */

int journal_salvage_open(struct journal_salvage *s, const struct io_fs *fs, const char *data_dir,
                         journal_salvage_damage_fn damage, void *arg, struct srt_err *err)
{
    *s = (struct journal_salvage){.fs = fs, .dir = srt_xasprintf("%s/journal", data_dir)};
    const struct teller tell = {damage, arg};
    int rc = list_files(s, err);
    for (size_t i = 0; rc == SRT_OK && i < s->file_count; i++) {
        rc = read_file(s, i, &tell, err);
    }
    return rc;
}

void journal_salvage_close(struct journal_salvage *s)
{
    for (size_t i = 0; i < s->file_count; i++) {
        srt_free(s->files[i].path);
    }
    srt_free(s->files);
    srt_free(s->frames);
    srt_free(s->dir);
    checkpoint_parts_fini(&s->checkpoint);
    *s = (struct journal_salvage){0};
}

int journal_salvage_rest(struct journal_salvage *s, uint64_t *ret_from, uint64_t *ret_to,
                         struct srt_err *err)
{
    const struct journal_salvage_file *file = &s->files[s->file_count - 1];
    struct file_window w;
    int rc = file_window_open(&w, s->fs, file->path, err);
    if (rc == SRT_OK) {
        *ret_from = file->end_position < w.size_bytes ? file->end_position : w.size_bytes;
        rc = end_of_bytes(&w, *ret_from, ret_to, err);
        file_window_close(&w);
    }
    return rc;
}

/* Visit one file's frames [i, end). */
static int visit_file(struct journal_salvage *s, size_t i, size_t end, uint64_t *expected,
                      journal_salvage_fn visit, void *arg, struct srt_err *err)
{
    struct file_window w;
    int rc = file_window_open(&w, s->fs, s->files[s->frames[i].file_index].path, err);
    for (; rc == SRT_OK && i < end; i++) {
        const struct journal_salvage_frame *row = &s->frames[i];
        const uint8_t *data;
        struct frame_info info;
        if (row->at + row->size_bytes > w.size_bytes) {
            rc = srt_fail(err, SRT_EAGAIN, "'%s' changed while it was read", w.path);
            break;
        }
        rc = file_window_look(&w, row->at, row->size_bytes, &data, err);
        if (rc == SRT_OK && (frame_check(data, row->size_bytes, &info) != SRT_OK ||
                             info.sequence != row->sequence)) {
            rc = srt_fail(err, SRT_EAGAIN, "'%s' changed while it was read", w.path);
        }
        if (rc == SRT_OK) {
            rc = visit(arg, data, &info, row->sequence - *expected, err);
            *expected = row->sequence + 1;
        }
    }
    file_window_close(&w);
    return rc;
}

int journal_salvage_frames(struct journal_salvage *s, uint64_t boundary, journal_salvage_fn visit,
                           void *arg, struct srt_err *err)
{
    uint64_t expected = boundary + 1;
    int rc = SRT_OK;
    for (size_t i = 0; rc == SRT_OK && i < s->frame_count;) {
        size_t end = i + 1;
        if (s->frames[i].sequence <= boundary) {
            i = end;
            continue;
        }
        while (end < s->frame_count && s->frames[end].file_index == s->frames[i].file_index) {
            end++;
        }
        rc = visit_file(s, i, end, &expected, visit, arg, err);
        i = end;
    }
    return rc;
}
