/* A repair acts on what a survey finds (store_survey.c), so that a check before it tells what it
 * will do and a check after it finds nothing. It takes nothing away: every damaged range is copied
 * to a file of its own, synced, before anything is changed.
 *
 *     1. say and set aside    PATH.FROM.removed, for each damaged range
 *     2. write                the new journal, under a name that nobody looks at
 *     3. rename               each damaged segment's new file: good runs, and gaps for what is lost
 *     4. rename               the new journal; the old one is history now
 *     5. put right            indexes and node.json
 *
 * After a crash in between the survey sees what is left to do: a segment that was rewritten is
 * whole by its offsets, whatever its size. Directories of topics whose creation is lost come last:
 * only the keeper of metadata knows them, when it has read the new journal.
 * docs/reference/repair.md tells users the rules. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "store/checkpoint_copy.h"
#include "store/file_window.h"
#include "store/partition_impl.h"
#include "store/repair_journal.h"
#include "store/repair_segment.h"
#include "store/store_impl.h"
#include "store/store_survey.h"

enum { SET_ASIDE_MAX = 1000 }; /* files for one place, from one repair after the other */

struct repair {
    struct store_survey survey;
    const struct io_fs *fs;
    const struct store_repair_ops *ops;
    bool dry_run;
    int range_count;
};

/* --- setting aside --- */

/* Whether the file at `path` has exactly those bytes: a repair that died has put them there. */
static bool has_bytes(struct repair *r, const char *path, struct file_window *from, uint64_t at,
                      uint64_t size)
{
    struct file_window w;
    struct srt_err ignored;
    if (file_window_open(&w, r->fs, path, &ignored) != SRT_OK) {
        return false;
    }
    bool same = w.size_bytes == size;
    for (uint64_t i = 0; same && i < size;) {
        const uint8_t *a, *b;
        size_t some = size - i < FILE_WINDOW_BYTES ? (size_t)(size - i) : FILE_WINDOW_BYTES;
        same = file_window_look(&w, i, some, &a, &ignored) == SRT_OK &&
               file_window_look(from, at + i, some, &b, &ignored) == SRT_OK &&
               memcmp(a, b, some) == 0;
        i += some;
    }
    file_window_close(&w);
    return same;
}

/* PATH.FROM.removed; with a number when that is taken by an earlier repair. */
static char *choose_name(struct repair *r, const char *path, struct file_window *from, uint64_t at,
                         uint64_t size, bool *ret_there)
{
    char *name = srt_xasprintf("%s.%" PRIu64 ".removed", path, at);
    *ret_there = false;
    for (int i = 1; i < SET_ASIDE_MAX; i++) {
        struct io_file_info info;
        if (r->fs->path_info(r->fs, name, &info) == -ENOENT) {
            break;
        }
        if (has_bytes(r, name, from, at, size)) {
            *ret_there = true;
            break;
        }
        srt_free(name);
        name = srt_xasprintf("%s.%" PRIu64 ".%d.removed", path, at, i);
    }
    return name;
}

static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? srt_xstrndup(path, (size_t)(slash - path)) : srt_xstrdup(".");
}

static int copy_bytes(struct repair *r, const char *name, struct file_window *from, uint64_t at,
                      uint64_t size, struct srt_err *err)
{
    int fd = -1;
    int rc = io_open(r->fs, name, O_WRONLY | O_CREAT | O_TRUNC, 0644, &fd, err);
    for (uint64_t i = 0; rc == SRT_OK && i < size;) {
        const uint8_t *data;
        size_t some = size - i < FILE_WINDOW_BYTES ? (size_t)(size - i) : FILE_WINDOW_BYTES;
        rc = file_window_look(from, at + i, some, &data, err);
        if (rc == SRT_OK) {
            rc = io_write_at(r->fs, fd, data, some, (int64_t)i, name, err);
        }
        i += some;
    }
    if (rc == SRT_OK) {
        rc = io_sync(r->fs, fd, name, err);
    }
    io_close(r->fs, &fd);
    if (rc == SRT_OK) {
        char *dir = parent_of(name);
        rc = io_sync_dir(r->fs, dir, err);
        srt_free(dir);
    }
    return rc;
}

static int set_aside(struct repair *r, const struct store_survey_damage *damage,
                     struct srt_err *err)
{
    const struct store_repair_ops *ops = r->ops;
    r->range_count++;
    if (damage->from >= damage->to) {
        ops->range(ops->arg, damage->path, damage->from, damage->to, damage->reason, NULL);
        return SRT_OK;
    }
    struct file_window from;
    int rc = file_window_open(&from, r->fs, damage->path, err);
    if (rc != SRT_OK) {
        return rc;
    }
    bool there;
    uint64_t size = damage->to - damage->from;
    char *name = choose_name(r, damage->path, &from, damage->from, size, &there);
    ops->range(ops->arg, damage->path, damage->from, damage->to, damage->reason, name);
    if (!r->dry_run && !there) {
        rc = copy_bytes(r, name, &from, damage->from, size, err);
    }
    srt_free(name);
    file_window_close(&from);
    return rc;
}

/* --- parts --- */

static char *dir_of(const struct repair *r, const struct checkpoint_partition *row)
{
    return partition_dir_path(r->survey.data_dir, &row->topic_id, row->topic, row->index);
}

/* The sizes that the checkpoint is to have, and what is lost for good. */
static void note_segments(struct repair *r)
{
    for (size_t i = 0; i < r->survey.segment_count; i++) {
        const struct store_survey_segment *found = &r->survey.segments[i];
        struct checkpoint_partition *row = &r->survey.checkpoint.partitions[found->row_index];
        row->segments[found->segment_index].size_bytes = repair_segment_size(&found->audit);
        for (size_t j = 0; j < found->audit.range_count; j++) {
            const struct segment_audit_range *range = &found->audit.ranges[j];
            if (range->next_offset > range->first_offset) {
                r->ops->lost_records(r->ops->arg, row->topic, row->index, range->first_offset,
                                     range->next_offset);
            }
        }
    }
}

static int repair_segments(struct repair *r, struct srt_err *err)
{
    int rc = SRT_OK;
    for (size_t i = 0; rc == SRT_OK && i < r->survey.segment_count; i++) {
        const struct store_survey_segment *found = &r->survey.segments[i];
        const struct checkpoint_partition *row = &r->survey.checkpoint.partitions[found->row_index];
        char *dir = dir_of(r, row);
        rc = repair_segment_run(r->fs, row, &row->segments[found->segment_index], dir,
                                &found->audit, err);
        srt_free(dir);
    }
    return rc;
}

static void repair_indexes(struct repair *r)
{
    for (size_t i = 0; i < r->survey.segment_count; i++) {
        const struct store_survey_segment *found = &r->survey.segments[i];
        const struct checkpoint_partition *row = &r->survey.checkpoint.partitions[found->row_index];
        char *dir = dir_of(r, row);
        repair_segment_index(r->fs, row, &row->segments[found->segment_index], dir);
        srt_free(dir);
    }
}

/* --- the whole --- */

/* Without a checkpoint the journal must begin with its first frame, or nobody knows what there
 * was. */
static int check_possible(const struct store_survey *s, struct srt_err *err)
{
    const struct journal_salvage *journal = &s->journal;
    bool from_start = journal->file_count > 0 && journal->files[0].sequence == 1;
    if (!store_survey_has(s, STORE_SURVEY_JOURNAL) || s->has_checkpoint || from_start) {
        return SRT_OK;
    }
    return srt_fail(err, SRT_ECORRUPT,
                    "'%s' cannot be repaired: neither it nor checkpoint.copy has a whole"
                    " checkpoint; nothing was changed, restore a backup",
                    journal->dir);
}

static bool journal_must_change(const struct store_survey *s)
{
    bool sizes = false;
    for (size_t i = 0; i < s->segment_count; i++) {
        sizes = sizes || !segment_audit_data_is_clean(&s->segments[i].audit);
    }
    return sizes || store_survey_has(s, STORE_SURVEY_JOURNAL);
}

/* The one that is damaged would only be told again; the next checkpoint makes another. */
static int repair_copy(struct repair *r, struct srt_err *err)
{
    if (!store_survey_has(&r->survey, STORE_SURVEY_COPY)) {
        return SRT_OK;
    }
    char *path = checkpoint_copy_path(r->survey.data_dir);
    int sys = r->fs->unlink(r->fs, path);
    int rc = sys < 0 && sys != -ENOENT
                 ? srt_fail_sys(err, srt_code_from_errno(-sys), -sys, "remove '%s'", path)
                 : io_sync_dir(r->fs, r->survey.data_dir, err);
    srt_free(path);
    return rc;
}

static int repair_node(struct repair *r, struct srt_err *err)
{
    return store_survey_has(&r->survey, STORE_SURVEY_NODE)
               ? store_write_node_file(r->fs, r->survey.data_dir, err)
               : SRT_OK;
}

static int act(struct repair *r, struct srt_err *err)
{
    struct store_survey *s = &r->survey;
    bool new_journal = journal_must_change(s);
    int rc = SRT_OK;
    for (size_t i = 0; rc == SRT_OK && i < s->damage_count; i++) {
        rc = set_aside(r, &s->damages[i], err);
    }
    note_segments(r);
    if (rc == SRT_OK && new_journal) {
        rc = repair_journal_write(s, r->dry_run, r->ops, err);
    }
    if (rc != SRT_OK || r->dry_run) {
        return rc;
    }
    rc = repair_segments(r, err);
    if (rc == SRT_OK && new_journal) {
        rc = repair_journal_commit(s, err);
    }
    if (rc == SRT_OK) {
        repair_indexes(r);
        rc = repair_node(r, err);
    }
    return rc == SRT_OK ? repair_copy(r, err) : rc;
}

int store_repair(const char *data_dir, const struct io_fs *fs, bool dry_run,
                 const struct store_repair_ops *ops, struct srt_err *err)
{
    struct repair r = {.fs = fs ? fs : io_fs_real(), .ops = ops, .dry_run = dry_run};
    struct io_file_info info;
    int lock_fd = -1;
    if (r.fs->path_info(r.fs, data_dir, &info) < 0) {
        return srt_fail(err, SRT_ENOENT, "data directory '%s' does not exist", data_dir);
    }
    int rc = store_check_format(r.fs, data_dir, err); /* no LOCK in what is no data directory */
    if (rc != SRT_OK && rc != SRT_ECORRUPT) {
        return rc;
    }
    rc = store_lock_dir(r.fs, data_dir, &lock_fd, err);
    if (rc != SRT_OK) {
        return rc;
    }
    rc = store_survey_open(&r.survey, r.fs, data_dir, err);
    if (rc == SRT_OK) {
        rc = check_possible(&r.survey, err);
    }
    if (rc == SRT_OK && r.survey.damage_count > 0) {
        rc = act(&r, err);
    }
    store_survey_close(&r.survey);
    io_close(io_fs_real(), &lock_fd);
    return rc == SRT_OK ? r.range_count : rc;
}

/* --- partitions that the keeper does not know --- */

static bool is_listed(const struct checkpoint_partition *rows, size_t count,
                      const struct journal_witness_row *row)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].index == row->index && topic_id_equal(&rows[i].topic_id, &row->topic_id)) {
            return true;
        }
    }
    return false;
}

static int set_directory_aside(struct store *view, const struct journal_witness_row *row,
                               const struct store_repair_ops *ops, struct srt_err *err)
{
    char *to = srt_xasprintf("%s.removed", row->dir);
    ops->range(ops->arg, row->dir, 0, 0, "the topic of this partition is not known", to);
    ops->lost_records(ops->arg, row->topic, row->index, 0, row->run_end);
    int sys = view->fs->rename(view->fs, row->dir, to);
    int rc = sys < 0 ? srt_fail_sys(err, srt_code_from_errno(-sys), -sys, "rename to '%s'", to)
                     : io_sync_dir(view->fs, view->topics_dir, err);
    srt_free(to);
    return rc;
}

int store_repair_unknown(struct store *view, const struct store_repair_ops *ops,
                         struct srt_err *err)
{
    struct journal_witness witness;
    const struct checkpoint *cp = &view->restored;
    int lock_fd = -1;
    int count = 0;
    srt_assert(view->options.read_only);
    int rc = store_lock_dir(view->fs, view->data_dir, &lock_fd, err);
    if (rc != SRT_OK) {
        return rc;
    }
    rc = journal_witness_open(&witness, view->fs, view->data_dir, err);
    for (size_t i = 0; rc == SRT_OK && i < witness.row_count; i++) {
        const struct journal_witness_row *row = &witness.rows[i];
        if (row->run_end > 0 && !store_find_partition(view, &row->topic_id, row->index) &&
            !is_listed(cp->partitions, cp->partition_count, row) &&
            !is_listed(cp->dropped, cp->dropped_count, row)) {
            rc = set_directory_aside(view, row, ops, err);
            count++;
        }
    }
    journal_witness_close(&witness);
    io_close(io_fs_real(), &lock_fd);
    return rc == SRT_OK ? count : rc;
}
