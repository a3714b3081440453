#include "damage/damage_case.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/batch.h"
#include "unit/store/store_fixture.h"

enum { LOST_MAX = 64, RANGES_MAX = 256 };

const char *damage_case_now;

/* --- the store --- */

static void append(struct fixture *f, struct damage_store *d, int topic, int partition,
                   uint64_t tag, int count, size_t value_bytes)
{
    struct damage_truth *truth = &d->truths[topic][partition];
    int64_t base = fixture_append(f, fixture_part(f, topic, partition), tag, count, value_bytes,
                                  (int64_t)tag * 10);
    assert_int_equal(base, truth->end);
    assert_true(base + count < DAMAGE_RECORDS_MAX);
    for (int i = 0; i < count; i++) {
        truth->tags[base + i] = tag;
        truth->numbers[base + i] = i;
    }
    truth->end = base + count;
}

static void note(struct fixture *f, struct damage_store *d)
{
    assert_int_equal(fixture_try_note(f, 1, ++d->note), SRT_OK);
}

static void write_some(struct fixture *f, struct damage_store *d, struct srt_rng *rng, int count,
                       int topics, uint64_t *tag)
{
    for (int i = 0; i < count; i++, (*tag)++) {
        int topic = (int)srt_rng_below(rng, (uint64_t)topics);
        int partition = (int)srt_rng_below(rng, DAMAGE_PARTITIONS);
        append(f, d, topic, partition, *tag, 1 + (int)srt_rng_below(rng, 5),
               20 + srt_rng_below(rng, 300));
        if (i % 7 == 6) {
            note(f, d);
        }
    }
}

static void collect(struct damage_store *d, const char *dir);

struct listing {
    struct damage_store *d;
    const char *dir;
};

static void on_name(void *arg, const char *name)
{
    struct listing *listing = arg;
    struct damage_store *d = listing->d;
    const struct io_fs *fs = fake_disk_fs(d->disk);
    char path[2 * DAMAGE_PATH_MAX];
    struct io_file_info info;
    snprintf(path, sizeof path, "%s/%s", listing->dir, name);
    assert_int_equal(fs->path_info(fs, path, &info), 0);
    if (info.is_dir) {
        collect(d, path);
        return;
    }
    struct srt_buf buf;
    struct srt_err err;
    assert_true(d->file_count < DAMAGE_FILES_MAX && strlen(path) < DAMAGE_PATH_MAX);
    struct damage_file *file = &d->files[d->file_count++];
    memcpy(file->path, path, strlen(path) + 1);
    assert_int_equal(io_read_file(fs, path, 16 << 20, &buf, &err), SRT_OK);
    file->data = buf.data;
    file->size = buf.len;
}

static void collect(struct damage_store *d, const char *dir)
{
    const struct io_fs *fs = fake_disk_fs(d->disk);
    struct io_list names;
    struct srt_err err;
    struct listing listing = {d, dir};
    assert_int_equal(io_list_dir(fs, dir, &names, &err), SRT_OK);
    for (size_t i = 0; i < names.count; i++) {
        on_name(&listing, names.names[i]);
    }
    io_list_free(&names);
}

/* Two lives: the first closed, with a trimmed partition; the second with checkpoints, several
 * journal files and segments; then its end. */
void damage_store_make(struct damage_store *d, enum damage_end end)
{
    struct fake_disk *disk = fake_disk_create();
    struct fixture f;
    struct srt_rng rng;
    uint64_t tag = 1;
    *d = (struct damage_store){.end = end};
    srt_rng_init(&rng, 7 + (uint64_t)end);
    fixture_init(&f, disk);
    f.config.segment_bytes = 6 << 10;
    f.options.checkpoint_bytes = UINT64_MAX >> 1; /* when the test wants one */
    fixture_open(&f);
    for (int topic = 0; topic < DAMAGE_TOPICS - 1; topic++) {
        fixture_create(&f, topic, DAMAGE_PARTITIONS);
    }
    write_some(&f, d, &rng, 60, DAMAGE_TOPICS - 1, &tag);
    fixture_close(&f);
    fixture_open(&f);
    write_some(&f, d, &rng, 60, DAMAGE_TOPICS - 1, &tag);
    assert_int_equal(store_checkpoint(f.store, &f.err), SRT_OK);
    fixture_create(&f, DAMAGE_TOPICS - 1, DAMAGE_PARTITIONS);
    write_some(&f, d, &rng, 170, DAMAGE_TOPICS, &tag); /* beyond one journal file */
    append(&f, d, 0, 0, tag++, 2, 40);
    if (end == DAMAGE_KILLED_AT_NOTE) {
        note(&f, d);
    }
    if (end == DAMAGE_CLOSED) {
        fixture_close(&f);
    }
    d->disk = fake_disk_clone(disk);
    fake_disk_crash(d->disk, 1, FAKE_DISK_KEEP_ALL);
    if (end != DAMAGE_CLOSED) {
        fixture_close(&f);
    }
    fixture_fini(&f);
    fake_disk_destroy(disk);
    collect(d, "/data");
}

void damage_store_free(struct damage_store *d)
{
    for (size_t i = 0; i < d->file_count; i++) {
        free(d->files[i].data);
    }
    fake_disk_destroy(d->disk);
}

/* --- doing damage --- */

static const char *describe(const struct damage_store *d, const struct damage *damage)
{
    static const char *const kinds[] = {"flip", "truncate", "extend", "zero",
                                        "swap", "noise",    "delete"};
    static char text[256];
    snprintf(text, sizeof text,
             "%s store %d, '%s' at %" PRIu64 " (other %" PRIu64 ", size %" PRIu64 ", seed %" PRIu64
             ")",
             kinds[damage->kind], (int)d->end, d->files[damage->file].path, damage->at,
             damage->other, damage->size, damage->seed);
    return text;
}

static void change_bytes(struct srt_buf *buf, const struct damage *damage)
{
    struct srt_rng rng;
    srt_rng_init(&rng, damage->seed);
    uint8_t *at = buf->data + damage->at;
    switch (damage->kind) {
    case DAMAGE_FLIP:
        *at ^= (uint8_t)(1u << srt_rng_below(&rng, 8));
        break;
    case DAMAGE_TRUNCATE:
        buf->len = damage->at;
        break;
    case DAMAGE_EXTEND:
        for (uint64_t i = 0; i < damage->size; i++) {
            srt_buf_put_u8(buf, (uint8_t)srt_rng_below(&rng, 256));
        }
        break;
    case DAMAGE_ZERO:
        memset(at, 0, damage->size);
        break;
    case DAMAGE_SWAP:
        for (uint64_t i = 0; i < damage->size; i++) {
            uint8_t byte = at[i];
            at[i] = buf->data[damage->other + i];
            buf->data[damage->other + i] = byte;
        }
        break;
    case DAMAGE_NOISE:
        for (uint64_t i = 0; i < damage->size; i++) {
            at[i] = (uint8_t)srt_rng_below(&rng, 256);
        }
        break;
    case DAMAGE_DELETE:
        break;
    }
}

/* A copy of the disk with the damage in it; NULL when it changes nothing. */
static struct fake_disk *damaged_disk(struct damage_store *d, const struct damage *damage)
{
    const struct damage_file *file = &d->files[damage->file];
    struct srt_buf buf;
    struct srt_err err;
    srt_buf_init(&buf);
    srt_buf_put(&buf, file->data, file->size);
    change_bytes(&buf, damage);
    bool same = damage->kind != DAMAGE_DELETE && buf.len == file->size &&
                (file->size == 0 || memcmp(buf.data, file->data, file->size) == 0);
    struct fake_disk *disk = NULL;
    if (!same) {
        disk = fake_disk_clone(d->disk);
        const struct io_fs *fs = fake_disk_fs(disk);
        if (damage->kind == DAMAGE_DELETE) {
            assert_int_equal(fs->unlink(fs, file->path), 0);
        } else {
            int fd = -1;
            assert_int_equal(io_open(fs, file->path, O_RDWR | O_TRUNC, 0, &fd, &err), SRT_OK);
            assert_int_equal(io_write_at(fs, fd, buf.data, buf.len, 0, file->path, &err), SRT_OK);
            io_close(fs, &fd);
        }
        fake_disk_crash(disk, 1, FAKE_DISK_KEEP_ALL); /* as it is now, durably */
    }
    srt_buf_fini(&buf);
    return disk;
}

/* --- what is said --- */

struct told {
    int report_count;
    struct {
        char path[DAMAGE_PATH_MAX];
        uint64_t from, to;
    } ranges[RANGES_MAX];
    int range_count;
    struct {
        int topic, partition;
        int64_t from, to;
    } lost[LOST_MAX];
    int lost_count;
};

static void on_report(void *arg, const char *path, uint64_t at, const char *reason)
{
    struct told *told = arg;
    (void)at;
    assert_non_null(path);
    assert_true(strlen(reason) > 0);
    told->report_count++;
}

static void on_range(void *arg, const char *path, uint64_t from, uint64_t to, const char *reason,
                     const char *set_aside)
{
    struct told *told = arg;
    (void)reason;
    assert_true(told->range_count < RANGES_MAX);
    assert_true(set_aside != NULL || from >= to);
    snprintf(told->ranges[told->range_count].path, DAMAGE_PATH_MAX, "%s", path);
    told->ranges[told->range_count].from = from;
    told->ranges[told->range_count++].to = to;
}

static void on_lost_records(void *arg, const char *topic, int32_t partition, int64_t from,
                            int64_t to)
{
    struct told *told = arg;
    assert_true(told->lost_count < LOST_MAX);
    assert_int_equal(strncmp(topic, "topic", 5), 0);
    told->lost[told->lost_count].topic = topic[5] - '0';
    told->lost[told->lost_count].partition = partition;
    told->lost[told->lost_count].from = from;
    told->lost[told->lost_count++].to = to;
}

static void on_lost_frames(void *arg, uint64_t first, uint64_t last)
{
    (void)arg;
    assert_true(first <= last);
}

static int repair(struct fake_disk *disk, bool dry_run, struct told *told, struct srt_err *err)
{
    const struct store_repair_ops ops = {told, on_range, on_lost_records, on_lost_frames};
    return store_repair("/data", fake_disk_fs(disk), dry_run, &ops, err);
}

static void repair_unknown(struct fake_disk *disk, struct told *told)
{
    const struct store_repair_ops ops = {told, on_range, on_lost_records, on_lost_frames};
    struct fixture f;
    fixture_init(&f, disk);
    f.options.read_only = true;
    fixture_open(&f);
    assert_true(store_repair_unknown(f.store, &ops, &f.err) >= 0);
    fixture_close(&f);
    fixture_fini(&f);
}

static bool was_told_lost(const struct told *told, int topic, int partition, int64_t offset)
{
    for (int i = 0; i < told->lost_count; i++) {
        if (told->lost[i].topic == topic && told->lost[i].partition == partition &&
            offset >= told->lost[i].from && offset < told->lost[i].to) {
            return true;
        }
    }
    return false;
}

/* --- what is served --- */

struct served {
    int64_t count;      /* records */
    bool seen[DAMAGE_RECORDS_MAX];
    int code;
    char msg[256];
};

/* Every record that comes is the one that was written there. */
static void take_batches(const struct srt_buf *buf, const struct damage_truth *truth,
                         int64_t *offset, struct served *served)
{
    for (size_t at = 0; at < buf->len;) {
        struct batch_info info;
        struct batch_reader reader;
        struct record rec;
        assert_int_equal(batch_check(buf->data + at, buf->len - at, &info), SRT_OK);
        assert_int_equal(batch_reader_init(&reader, buf->data + at, &info, NULL), SRT_OK);
        while (batch_reader_next(&reader, &rec) == SRT_OK) {
            uint64_t tag = 0;
            int number = -1;
            char text[64] = {0};
            memcpy(text, rec.value, (size_t)rec.value_len < 63 ? (size_t)rec.value_len : 63);
            assert_int_equal(sscanf(text, "%" SCNu64 ":%d", &tag, &number), 2);
            if (rec.offset < *offset) {
                continue;
            }
            assert_true(rec.offset < truth->end);
            assert_int_equal(tag, truth->tags[rec.offset]);
            assert_int_equal(number, truth->numbers[rec.offset]);
            served->seen[rec.offset] = true;
            served->count++;
        }
        *offset = batch_last_offset(&info) + 1;
        at += info.size_bytes;
    }
}

static void read_partition(struct partition *part, const struct damage_truth *truth, int64_t from,
                           struct served *served)
{
    struct srt_buf buf;
    struct srt_err err;
    srt_buf_init(&buf);
    int rc = SRT_OK;
    for (int64_t offset = from; rc == SRT_OK && offset < partition_high_watermark(part);) {
        srt_buf_clear(&buf);
        rc = partition_read(part, offset, 4096, &buf, &err);
        if (rc == SRT_OK) {
            assert_true(buf.len > 0);
            take_batches(&buf, truth, &offset, served);
        } else {
            served->code = rc;
            snprintf(served->msg, sizeof served->msg, "%s", err.msg);
        }
    }
    srt_buf_fini(&buf);
}

/* Read everything that an open store has. Returns whether all of it is there. */
static bool read_all(struct fixture *f, const struct damage_store *d, const struct told *told,
                     const char *damaged_path)
{
    bool all = f->notes[1] == d->note;
    for (int t = 0; t < DAMAGE_TOPICS; t++) {
        for (int p = 0; p < DAMAGE_PARTITIONS; p++) {
            const struct damage_truth *truth = &d->truths[t][p];
            if (!f->topics[t].used) {
                all = false;
                continue;
            }
            struct served served = {0};
            read_partition(fixture_part(f, t, p), truth, truth->log_start, &served);
            if (served.code != SRT_OK) {
                assert_true(served.code == SRT_ECORRUPT || served.code == SRT_EVERSION);
                assert_null(told); /* not after a repair */
                assert_non_null(strstr(served.msg, damaged_path));
            }
            for (int64_t o = truth->log_start; o < truth->end; o++) {
                all = all && served.seen[o];
                if (told && !served.seen[o]) {
                    assert_true(was_told_lost(told, t, p, o));
                }
                if (told && served.seen[o]) {
                    assert_false(was_told_lost(told, t, p, o));
                }
            }
        }
    }
    return all;
}

/* Whether the bytes on the disk are those that were there before. */
static void assert_unchanged(struct fake_disk *disk, const struct damage_store *d,
                             const struct damage *damage)
{
    const struct io_fs *fs = fake_disk_fs(disk);
    for (size_t i = 0; i < d->file_count; i++) {
        struct srt_buf buf;
        struct srt_err err;
        if (i == damage->file) {
            continue; /* compared by the caller */
        }
        assert_int_equal(io_read_file(fs, d->files[i].path, 16 << 20, &buf, &err), SRT_OK);
        assert_int_equal(buf.len, d->files[i].size);
        assert_true(buf.len == 0 || memcmp(buf.data, d->files[i].data, buf.len) == 0);
        srt_buf_fini(&buf);
    }
}

static bool is_node_file(const struct damage_store *d, const struct damage *damage)
{
    return strstr(d->files[damage->file].path, "node.json") != NULL;
}

/* --- a case --- */

/* Start on the damaged disk: refused with the place and without a change, or everything that is
 * served is right. */
static void try_start(struct damage_store *d, const struct damage *damage, int found)
{
    struct fake_disk *disk = damaged_disk(d, damage);
    const char *path = d->files[damage->file].path;
    struct fixture f;
    fixture_init(&f, disk);
    f.config.segment_bytes = 6 << 10;
    int rc = fixture_try_open(&f);
    if (rc == SRT_OK) {
        bool all = read_all(&f, d, NULL, path);
        if (found == 0 && d->end == DAMAGE_KILLED_AT_NOTE && f.notes[1] + 1 == d->note) {
            d->note--; /* the exception: nothing but that last note may be gone */
            all = read_all(&f, d, NULL, path);
            d->note++;
        }
        assert_true(all || found > 0);
        /* Nothing good goes when a process begins and ends on it. */
        fixture_close(&f);
        fixture_open(&f);
        assert_true(read_all(&f, d, NULL, path) == all || d->end == DAMAGE_KILLED_AT_NOTE);
        fixture_close(&f);
    } else {
        assert_true(rc == SRT_ECORRUPT || (rc == SRT_EVERSION && is_node_file(d, damage)));
        assert_true(found != 0);
        assert_unchanged(disk, d, damage);
    }
    fixture_fini(&f);
    fake_disk_destroy(disk);
}

static bool file_exists(struct fake_disk *disk, const char *path)
{
    struct io_file_info info;
    return fake_disk_fs(disk)->path_info(fake_disk_fs(disk), path, &info) == 0;
}

/* What was set aside are the bytes that were damaged. */
static void assert_set_aside(struct fake_disk *before, struct fake_disk *disk,
                             const struct told *told)
{
    for (int i = 0; i < told->range_count; i++) {
        uint64_t from = told->ranges[i].from;
        uint64_t to = told->ranges[i].to;
        if (from >= to) {
            continue;
        }
        char name[2 * DAMAGE_PATH_MAX];
        struct srt_buf kept, was;
        struct srt_err err;
        snprintf(name, sizeof name, "%s.%" PRIu64 ".removed", told->ranges[i].path, from);
        assert_true(file_exists(disk, name));
        assert_int_equal(io_read_file(fake_disk_fs(disk), name, 16 << 20, &kept, &err), SRT_OK);
        assert_int_equal(
            io_read_file(fake_disk_fs(before), told->ranges[i].path, 16 << 20, &was, &err), SRT_OK);
        assert_int_equal(kept.len, to - from);
        assert_memory_equal(kept.data, was.data + from, to - from);
        srt_buf_fini(&kept);
        srt_buf_fini(&was);
    }
}

static bool lost_a_journal_range(const struct told *told)
{
    for (int i = 0; i < told->range_count; i++) {
        if (strstr(told->ranges[i].path, "/journal")) {
            return true;
        }
    }
    return false;
}

/* After a repair: no damage, it starts, and what is not served was told. */
static void assert_repaired(struct damage_store *d, struct fake_disk *disk, const struct told *told)
{
    struct fixture f;
    struct srt_err err;
    struct told after = {0};
    assert_int_equal(store_check("/data", fake_disk_fs(disk), on_report, &after, &err), 0);
    assert_int_equal(repair(disk, false, &after, &err), 0);
    assert_int_equal(after.range_count, 0);
    repair_unknown(disk, &after);
    fixture_init(&f, disk);
    f.config.segment_bytes = 6 << 10;
    fixture_open(&f);
    for (int t = 0; t < DAMAGE_TOPICS; t++) {
        /* The last one was created by a frame above the checkpoint, which may be what is lost. */
        assert_true(f.topics[t].used || (t + 1 == DAMAGE_TOPICS && lost_a_journal_range(told)));
    }
    (void)read_all(&f, d, told, "");
    int64_t offset = fixture_append(&f, fixture_part(&f, 1, 1), 1, 1, 10, 0);
    assert_true(offset <= d->truths[1][1].end);
    fixture_close(&f);
    assert_int_equal(store_check("/data", fake_disk_fs(disk), on_report, &after, &err), 0);
    fixture_fini(&f);
}

static void try_repair(struct damage_store *d, const struct damage *damage)
{
    struct fake_disk *before = damaged_disk(d, damage);
    struct fake_disk *disk = fake_disk_clone(before);
    struct told said = {0}, told = {0};
    struct srt_err err = {0};
    uint64_t changes = fake_disk_change_count(disk);
    int dry = repair(disk, true, &said, &err);
    assert_int_equal(fake_disk_change_count(disk), changes);
    int rc = repair(disk, false, &told, &err);
    assert_int_equal(dry, rc);
    if (rc == SRT_EVERSION && is_node_file(d, damage)) {
        assert_int_equal(fake_disk_change_count(disk), changes);
    } else {
        assert_true(rc > 0);
        assert_int_equal(said.range_count, told.range_count);
        assert_int_equal(said.lost_count, told.lost_count);
        assert_set_aside(before, disk, &told);
        assert_repaired(d, disk, &told);
    }
    fake_disk_destroy(disk);
    fake_disk_destroy(before);
}

/* The check names the file, and a range that has the byte. */
static void assert_named(struct damage_store *d, const struct damage *damage)
{
    struct fake_disk *disk = damaged_disk(d, damage);
    struct told told = {0};
    struct srt_err err;
    (void)repair(disk, true, &told, &err);
    bool named = is_node_file(d, damage);
    for (int i = 0; i < told.range_count && !named; i++) {
        named = strcmp(told.ranges[i].path, d->files[damage->file].path) == 0 &&
                (damage->kind != DAMAGE_FLIP ||
                 (told.ranges[i].from <= damage->at && damage->at < told.ranges[i].to));
    }
    /* Of a journal file that is gone only its neighbours can tell. */
    bool may_be_elsewhere = strstr(d->files[damage->file].path, ".jnl") != NULL &&
                            damage->kind != DAMAGE_FLIP;
    assert_true(named || may_be_elsewhere || told.range_count == 0);
    fake_disk_destroy(disk);
}

bool damage_case_run(struct damage_store *d, const struct damage *damage)
{
    struct fake_disk *disk = damaged_disk(d, damage);
    if (!disk) {
        return false;
    }
    struct told told = {0};
    struct srt_err err;
    uint64_t changes = fake_disk_change_count(disk);
    damage_case_now = describe(d, damage);
    int found = store_check("/data", fake_disk_fs(disk), on_report, &told, &err);
    assert_true(found >= 0 || (found == SRT_EVERSION && is_node_file(d, damage)));
    assert_true(found < 0 || found == told.report_count);
    assert_int_equal(fake_disk_change_count(disk), changes); /* it never writes */
    fake_disk_destroy(disk);
    try_start(d, damage, found);
    if (found > 0) {
        assert_named(d, damage);
    }
    if (found != 0) {
        try_repair(d, damage);
    }
    damage_case_now = NULL;
    return found != 0;
}

void damage_case_interrupt_repair(struct damage_store *d, const struct damage *damage)
{
    damage_case_now = describe(d, damage);
    for (uint64_t n = 0;; n++) {
        struct fake_disk *disk = damaged_disk(d, damage);
        struct told told = {0};
        struct srt_err err = {0};
        fake_disk_stop_after(disk, n);
        int rc = repair(disk, false, &told, &err);
        assert_true(rc != SRT_ECORRUPT);
        bool stopped = fake_disk_stopped(disk);
        fake_disk_crash(disk, damage->seed + n, FAKE_DISK_KEEP_SOME);
        struct told again = {0};
        if (stopped) {
            assert_true(repair(disk, false, &again, &err) >= 0);
        }
        assert_repaired(d, disk, &told);
        fake_disk_destroy(disk);
        if (!stopped) {
            break;
        }
    }
    damage_case_now = NULL;
}
