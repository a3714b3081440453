/* This is not a recovery: it restores nothing, replays nothing and stops at nothing, so that one
 * look has all the damage. What lies above the checkpoint is judged in the journal, what lies below
 * it in the segments, and the two bear witness of each other (journal_witness.c).
 *
 * Beside a running store things change while they are looked at: a frame that is being written is
 * not whole, a segment that is trimmed is gone. Only what looks wrong twice in a row is wrong. */
#include "store/store_survey.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "store/checkpoint_copy.h"
#include "store/partition_impl.h"
#include "store/store_impl.h"

enum { ATTEMPTS = 20 };

/* --- damage --- */

static void add(struct store_survey *s, enum store_survey_kind kind, const char *path,
                uint64_t from, uint64_t to, const char *reason)
{
    s->damages = srt_xrealloc(s->damages, (s->damage_count + 1) * sizeof *s->damages);
    s->damages[s->damage_count++] = (struct store_survey_damage){
        kind, srt_xstrdup(path), from, to, srt_xstrdup(reason)};
}

bool store_survey_has(const struct store_survey *s, enum store_survey_kind kind)
{
    for (size_t i = 0; i < s->damage_count; i++) {
        if (s->damages[i].kind == kind) {
            return true;
        }
    }
    return false;
}

static void on_journal_damage(void *arg, const char *path, uint64_t from, uint64_t to,
                              const char *reason)
{
    add(arg, STORE_SURVEY_JOURNAL, path, from, to, reason);
}

/* --- node.json --- */

static int survey_node(struct store_survey *s, struct srt_err *err)
{
    int rc = store_check_format(s->fs, s->data_dir, err);
    if (rc == SRT_ECORRUPT) {
        char *path = srt_xasprintf("%s/node.json", s->data_dir);
        struct io_file_info info = {0};
        bool there = s->fs->path_info(s->fs, path, &info) == 0;
        add(s, STORE_SURVEY_NODE, path, 0, info.size_bytes,
            there ? "it does not match its CRC" : "the file is missing, but there is a journal");
        srt_free(path);
        rc = SRT_OK;
    }
    return rc;
}

/* --- the journal --- */

static void note_trims(struct store_survey *s, const uint8_t *frame, const struct frame_info *info)
{
    struct frame_entry entry;
    for (size_t at = 0; frame_next(frame, info, &at, &entry) == SRT_OK;) {
        struct checkpoint_partition *row =
            entry.kind == FRAME_TRIM
                ? checkpoint_find(&s->checkpoint, &entry.topic_id, entry.partition)
                : NULL;
        if (row && entry.offset > s->log_starts[row - s->checkpoint.partitions]) {
            s->log_starts[row - s->checkpoint.partitions] = entry.offset;
        }
    }
}

static int hear_frame(void *arg, const uint8_t *frame, const struct frame_info *info,
                      uint64_t missing, struct srt_err *err)
{
    struct store_survey *s = arg;
    (void)err;
    (void)missing;
    note_trims(s, frame, info);
    journal_witness_hear_frame(&s->witness, frame, info);
    return SRT_OK;
}

/* Frames that should be there and are not, when no damaged range says so already: a whole file is
 * missing. */
static void judge_sequence(struct store_survey *s)
{
    uint64_t expected = s->checkpoint.boundary + 1;
    const struct journal_salvage *journal = &s->journal;
    for (size_t i = 0; i < journal->frame_count; i++) {
        const struct journal_salvage_frame *frame = &journal->frames[i];
        if (frame->sequence < expected || store_survey_has(s, STORE_SURVEY_JOURNAL)) {
            continue;
        }
        if (frame->sequence > expected) {
            add(s, STORE_SURVEY_JOURNAL, journal->files[frame->file_index].path,
                JOURNAL_HEADER_BYTES, JOURNAL_HEADER_BYTES, "frames before this file are missing");
        }
        expected = frame->sequence + 1;
    }
    const struct journal_salvage_file *last =
        journal->file_count ? &journal->files[journal->file_count - 1] : NULL;
    if (last && last->header_valid && last->header.first_frame > expected &&
        !store_survey_has(s, STORE_SURVEY_JOURNAL)) {
        add(s, STORE_SURVEY_JOURNAL, last->path, JOURNAL_HEADER_BYTES, JOURNAL_HEADER_BYTES,
            "frames before this file are missing");
    }
}

/* Frames that were acknowledged before they were synced may be gone while their batches are not. */
static bool promised_nothing(const struct store_survey *s)
{
    for (size_t i = 0; i < s->journal.file_count; i++) {
        const struct journal_salvage_file *file = &s->journal.files[i];
        if (file->header_valid && (file->header.flags & JOURNAL_FLAG_OS)) {
            return true;
        }
    }
    return false;
}

/* What is behind the journal's last whole frame. */
static int add_rest(struct store_survey *s, const char *reason, struct srt_err *err)
{
    uint64_t from = 0, to = 0;
    int rc = journal_salvage_rest(&s->journal, &from, &to, err);
    if (rc == SRT_OK) {
        add(s, STORE_SURVEY_JOURNAL, s->journal.files[s->journal.file_count - 1].path, from, to,
            reason);
    }
    return rc;
}

static int judge_witness(struct store_survey *s, struct srt_err *err)
{
    const struct journal_witness_row *row;
    if (s->clean || promised_nothing(s) || s->journal.file_count == 0) {
        return SRT_OK;
    }
    int rc = journal_witness_judge(&s->witness, &row, err);
    if (rc == SRT_OK && row) {
        char *reason = srt_xasprintf("a durable frame is missing, of which '%s' partition %" PRId32
                                     " has a batch",
                                     row->topic, row->index);
        rc = add_rest(s, reason, err);
        srt_free(reason);
    }
    return rc;
}

/* Whether the journal may do without a checkpoint: it goes back to the first frame. */
static bool begins_at_first(const struct journal_salvage *journal)
{
    return journal->file_count > 0 && journal->files[0].sequence == 1;
}

/* Judge the copy, and use it when there is nothing else. */
static int survey_copy(struct store_survey *s, struct srt_err *err)
{
    struct srt_buf bytes;
    uint64_t number;
    int rc = checkpoint_copy_read(s->fs, s->data_dir, &number, &bytes, err);
    if (rc == SRT_ENOENT) {
        return SRT_OK;
    }
    if (rc == SRT_ECORRUPT) {
        char *path = checkpoint_copy_path(s->data_dir);
        struct io_file_info info = {0};
        (void)s->fs->path_info(s->fs, path, &info);
        add(s, STORE_SURVEY_COPY, path, 0, info.size_bytes, "it does not match its CRC");
        srt_free(path);
        return SRT_OK;
    }
    if (rc != SRT_OK) {
        return rc;
    }
    if (!s->has_checkpoint && !begins_at_first(&s->journal) &&
        checkpoint_decode(bytes.data, bytes.len, &s->checkpoint) == SRT_OK) {
        s->has_checkpoint = true;
        s->from_copy = true;
        s->checkpoint_number = number;
        if (!store_survey_has(s, STORE_SURVEY_JOURNAL) && s->journal.file_count > 0) {
            rc = add_rest(s, "its checkpoint is not whole", err);
        }
    }
    srt_buf_fini(&bytes);
    return rc;
}

static int load_checkpoint(struct store_survey *s, struct srt_err *err)
{
    const struct checkpoint_parts *parts = &s->journal.checkpoint;
    if (!parts->found) {
        return survey_copy(s, err);
    }
    int rc = checkpoint_decode(parts->bytes.data, parts->bytes.len, &s->checkpoint);
    if (rc == SRT_ECORRUPT) {
        add(s, STORE_SURVEY_JOURNAL, s->journal.dir, 0, 0, "the checkpoint is not valid");
        return SRT_OK;
    }
    if (rc != SRT_OK) {
        return srt_fail(err, rc, "'%s': the checkpoint is of another version", s->journal.dir);
    }
    s->has_checkpoint = true;
    s->checkpoint_number = parts->number;
    s->clean = s->checkpoint.clean && parts->is_last;
    return survey_copy(s, err);
}

static int survey_journal(struct store_survey *s, struct srt_err *err)
{
    int rc = journal_salvage_open(&s->journal, s->fs, s->data_dir, on_journal_damage, s, err);
    if (rc == SRT_OK && s->journal.file_count == 0) {
        if (s->witness.row_count > 0) {
            add(s, STORE_SURVEY_JOURNAL, s->journal.dir, 0, 0,
                "the journal is gone, but there are partitions");
        }
    }
    if (rc == SRT_OK) {
        rc = load_checkpoint(s, err);
    }
    if (rc != SRT_OK) {
        return rc;
    }
    /* What does not fit was not done: then its old files are still there. */
    (void)checkpoint_parts_compact(&s->journal.checkpoint, &s->checkpoint);
    s->log_starts = srt_xcalloc(s->checkpoint.partition_count + 1, sizeof *s->log_starts);
    for (size_t i = 0; i < s->checkpoint.partition_count; i++) {
        s->log_starts[i] = s->checkpoint.partitions[i].log_start;
    }
    judge_sequence(s);
    journal_witness_hear_checkpoint(&s->witness, &s->checkpoint);
    rc = journal_salvage_frames(&s->journal, s->checkpoint.boundary, hear_frame, s, err);
    return rc == SRT_OK ? judge_witness(s, err) : rc;
}

/* --- segments --- */

static void add_segment_damage(struct store_survey *s, const struct segment_audit *audit)
{
    if (audit->bad_header) {
        add(s, STORE_SURVEY_SEGMENT, audit->path, 0,
            audit->file_bytes < SEGMENT_HEADER_BYTES ? audit->file_bytes : SEGMENT_HEADER_BYTES,
            "the header is not this segment's");
    }
    for (size_t i = 0; i < audit->range_count; i++) {
        const struct segment_audit_range *range = &audit->ranges[i];
        add(s, STORE_SURVEY_SEGMENT, audit->path, range->from, range->to, range->reason);
    }
    if (audit->wrong_size) {
        add(s, STORE_SURVEY_SEGMENT, audit->path, audit->end_position, audit->end_position,
            "the segment does not have the size that the checkpoint says");
    }
    if (audit->bad_index) {
        add(s, STORE_SURVEY_INDEX, audit->index_path, audit->bad_index_at, audit->index_bytes,
            "the index is not right");
    }
}

static int survey_segment(struct store_survey *s, size_t row_index, size_t segment_index,
                          const char *dir, struct srt_err *err)
{
    const struct checkpoint_partition *row = &s->checkpoint.partitions[row_index];
    bool last = segment_index + 1 == row->segment_count;
    const struct segment_audit_task task = {
        .fs = s->fs,
        .dir = dir,
        .topic_id = row->topic_id,
        .partition = row->index,
        .segment = &row->segments[segment_index],
        .end_offset = last ? row->next_offset : row->segments[segment_index + 1].base_offset,
    };
    struct segment_audit audit;
    /* The last one's index may have grown since the checkpoint, and was not synced then. */
    int rc = segment_audit_run(&audit, &task, s->clean || !last, err);
    bool trimmed = audit.missing && s->log_starts[row_index] >= task.end_offset;
    if (rc != SRT_OK || trimmed || segment_audit_is_clean(&audit)) {
        segment_audit_fini(&audit);
        return rc;
    }
    add_segment_damage(s, &audit);
    s->segments = srt_xrealloc(s->segments, (s->segment_count + 1) * sizeof *s->segments);
    s->segments[s->segment_count++] =
        (struct store_survey_segment){row_index, segment_index, audit};
    return SRT_OK;
}

static int survey_partitions(struct store_survey *s, struct srt_err *err)
{
    int rc = SRT_OK;
    for (size_t i = 0; rc == SRT_OK && i < s->checkpoint.partition_count; i++) {
        const struct checkpoint_partition *row = &s->checkpoint.partitions[i];
        char *dir = partition_dir_path(s->data_dir, &row->topic_id, row->topic, row->index);
        for (size_t j = 0; rc == SRT_OK && j < row->segment_count; j++) {
            rc = survey_segment(s, i, j, dir, err);
        }
        srt_free(dir);
    }
    return rc;
}

/* --- the whole --- */

static int look(struct store_survey *s, const struct io_fs *fs, const char *data_dir,
                struct srt_err *err)
{
    *s = (struct store_survey){.fs = fs, .data_dir = srt_xstrdup(data_dir)};
    int rc = survey_node(s, err);
    if (rc == SRT_OK) {
        rc = journal_witness_open(&s->witness, fs, data_dir, err); /* before the journal */
    }
    if (rc == SRT_OK) {
        rc = survey_journal(s, err);
    }
    return rc == SRT_OK ? survey_partitions(s, err) : rc;
}

static bool same_damage(const struct store_survey *a, const struct store_survey *b)
{
    if (a->damage_count != b->damage_count) {
        return false;
    }
    for (size_t i = 0; i < a->damage_count; i++) {
        if (a->damages[i].from != b->damages[i].from ||
            strcmp(a->damages[i].path, b->damages[i].path) != 0) {
            return false;
        }
    }
    return true;
}

int store_survey_open(struct store_survey *s, const struct io_fs *fs, const char *data_dir,
                      struct srt_err *err)
{
    struct store_survey before = {0};
    int rc = SRT_OK;
    for (int i = 0; i < ATTEMPTS; i++) {
        rc = look(s, fs, data_dir, err);
        bool passing = rc == SRT_EAGAIN || rc == SRT_EEND || (rc == SRT_ENOENT && i > 0);
        bool sure = rc == SRT_OK ? s->damage_count == 0 || (i > 0 && same_damage(s, &before))
                                 : !passing;
        store_survey_close(&before);
        if (sure || i + 1 == ATTEMPTS) {
            break;
        }
        before = *s;
    }
    return rc;
}

void store_survey_close(struct store_survey *s)
{
    for (size_t i = 0; i < s->damage_count; i++) {
        srt_free(s->damages[i].path);
        srt_free(s->damages[i].reason);
    }
    for (size_t i = 0; i < s->segment_count; i++) {
        segment_audit_fini(&s->segments[i].audit);
    }
    srt_free(s->damages);
    srt_free(s->segments);
    srt_free(s->log_starts);
    srt_free(s->data_dir);
    journal_witness_close(&s->witness);
    journal_salvage_close(&s->journal);
    checkpoint_fini(&s->checkpoint);
    *s = (struct store_survey){0};
}
