/* A process is killed while it writes; another one opens what it left. Acknowledgements go through
 * a pipe to the parent, who therefore knows what must be there.
 *
 *     child: open, write, write, write ...  --ack--> parent
 *     SIGKILL at a random moment, or at a fault point
 *     parent: open, compare, close, and the next child goes on from there */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/rng.h"
#include "base/varint.h"
#include "unit/store/store_fixture.h"

enum { PARTS = 2 };

struct ack {
    uint64_t write;
    int64_t offsets[PARTS];
};

static int64_t records_of(uint64_t write)
{
    return 1 + (int64_t)(write % 5);
}

/* Write number i: one batch for each partition and the note i + 1, in one frame. */
static int write_one(struct fixture *f, uint64_t i, struct ack *ret_ack)
{
    struct srt_buf bufs[PARTS] = {{0}};
    struct store_append appends[PARTS];
    uint8_t note[12];
    srt_put_be32(note, 0);
    srt_put_be64(note + 4, i + 1);
    for (int p = 0; p < PARTS; p++) {
        fixture_batch(&bufs[p], i, (int)records_of(i), 20 + 300 * (i % 11), 0);
        appends[p] = (struct store_append){.part = fixture_part(f, 0, p),
                                           .batches = bufs[p].data,
                                           .size_bytes = bufs[p].len};
    }
    struct store_meta_entry meta = {KEEPER_NOTE, note, sizeof note};
    struct store_write write = {
        .appends = appends, .append_count = PARTS, .metas = &meta, .meta_count = 1};
    int rc = store_write_wait(f->store, &write, &f->err);
    ret_ack->write = i;
    for (int p = 0; p < PARTS; p++) {
        ret_ack->offsets[p] = appends[p].ret_base_offset;
        srt_buf_fini(&bufs[p]);
    }
    return rc;
}

static _Noreturn void child(struct fixture *f, int pipe_fd, const char *fault, uint64_t writes_max)
{
    if (fault && !srt_fault_arm_from_text(fault)) {
        _exit(70);
    }
    if (store_open(&f->options, &f->store, &f->err) != SRT_OK) {
        fprintf(stderr, "child: %s\n", f->err.msg);
        _exit(71);
    }
    if (!f->topics[0].used && fixture_try_create(f, 0, PARTS) != SRT_OK) {
        _exit(72);
    }
    for (uint64_t n = 0; n < writes_max; n++) {
        struct ack ack;
        if (write_one(f, f->notes[0], &ack) != SRT_OK) {
            _exit(73);
        }
        if (write(pipe_fd, &ack, sizeof ack) != sizeof ack) {
            _exit(74);
        }
        if (n % 50 == 49 && (store_checkpoint(f->store, &f->err) != SRT_OK ||
                             store_apply_retention(f->store, &f->err) != SRT_OK)) {
            _exit(75);
        }
    }
    struct srt_err err;
    _exit(store_close(f->store, &err) == SRT_OK ? 0 : 76);
}

/* What the parent knows. */
struct oracle {
    uint64_t acked; /* writes below this are acknowledged */
    struct ack last;
    uint64_t checked; /* writes below this were compared after an earlier death */
    int64_t checked_offset;
};

/* Whether it was killed (and did not come to its end). */
static bool run_child(struct fixture *f, struct oracle *o, const char *fault, uint64_t writes_max,
                      uint64_t kill_after_us)
{
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(pipe_fds[0]);
        child(f, pipe_fds[1], fault, writes_max);
    }
    close(pipe_fds[1]);
    if (kill_after_us) {
        usleep((useconds_t)kill_after_us); /* the moment is what is random here */
        kill(pid, SIGKILL);
    }
    struct ack ack;
    while (read(pipe_fds[0], &ack, sizeof ack) == sizeof ack) {
        o->acked = ack.write + 1;
        o->last = ack;
    }
    close(pipe_fds[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
        return false;
    }
    assert_int_equal(WTERMSIG(status), SIGKILL);
    return true;
}

struct comparing {
    uint64_t write;
    int number;
    int wrong_count;
};

static void compare(void *arg, int64_t offset, uint64_t tag, int number)
{
    struct comparing *c = arg;
    (void)offset;
    c->wrong_count += tag != c->write || number != c->number;
    if (++c->number == (int)records_of(c->write)) {
        c->write++;
        c->number = 0;
    }
}

static void check(struct fixture *f, struct oracle *o)
{
    fixture_open(f);
    uint64_t note = f->notes[0];
    assert_true(note == o->acked || note == o->acked + 1);
    int64_t end = 0;
    for (int p = 0; f->topics[0].used && p < PARTS; p++) {
        struct comparing c = {.write = o->checked};
        int64_t count;
        assert_int_equal(fixture_try_read(fixture_part(f, 0, p), o->checked_offset, 60000, compare,
                                          &c, &count, &f->err),
                         SRT_OK);
        assert_int_equal(c.wrong_count, 0);
        assert_int_equal(c.number, 0); /* no part of a write */
        assert_int_equal(c.write, note);
        end = o->checked_offset + count;
        assert_int_equal(partition_high_watermark(fixture_part(f, 0, p)), end);
    }
    o->checked = note;
    o->checked_offset = end;
    o->acked = note; /* what was in doubt is decided now */
    fixture_close(f);
}

static void make_fixture(struct fixture *f)
{
    fixture_init(f, NULL);
    f->options.journal_file_bytes = 256 << 10;
    f->options.checkpoint_bytes = 400 << 10;
    f->config.segment_bytes = 128 << 10;
}

static void a_killed_process_loses_no_acknowledged_write(void **state)
{
    (void)state;
    const char *rounds_text = getenv("CRASH_ROUNDS");
    int rounds = rounds_text ? (int)strtol(rounds_text, NULL, 10) : 40;
    struct fixture f;
    struct oracle o = {0};
    struct srt_rng rng;
    make_fixture(&f);
    srt_rng_init(&rng, 20240229);
    for (int round = 0; round < rounds; round++) {
        (void)run_child(&f, &o, NULL, UINT64_MAX, 500 + srt_rng_below(&rng, 60000));
        if (round % 3 != 0) { /* now and then a child opens right after a child */
            check(&f, &o);
        } else {
            uint64_t acked = o.acked;
            fixture_forget(&f);
            (void)run_child(&f, &o, NULL, 1, 0);
            assert_true(o.acked == acked + 1 || o.acked == acked + 2);
            check(&f, &o);
        }
        fixture_forget(&f);
    }
    fixture_fini(&f);
}

static void a_process_killed_at_any_fault_point_loses_nothing(void **state)
{
    (void)state;
    static const char *const points[] = {
        "journal_write",     "journal_write_short", "journal_sync",    "journal_synced",
        "journal_roll",      "journal_rolled",      "journal_free",    "segment_write",
        "segment_written",   "segment_roll",        "segment_delete",  "checkpoint_begin",
        "checkpoint_synced", "checkpoint_done",     "recovery_replay", "recovery_done",
        "partition_create",  "ack",
    };
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        struct fixture f;
        struct oracle o = {0};
        make_fixture(&f);
        f.config.retention_bytes = 200 << 10; /* so that segments are deleted */
        int killed_count = 0;
        for (int hit = 1; hit < 40; hit = hit * 2 + 1) {
            char fault[64];
            snprintf(fault, sizeof fault, "%s:%d:kill", points[i], hit);
            fixture_forget(&f);
            uint64_t before = o.acked;
            /* something to recover first, and of each of the two deaths one write may be in
             * doubt */
            (void)run_child(&f, &o, "ack:60:kill", 200, 0);
            killed_count += run_child(&f, &o, fault, 200, 0);
            if (o.acked < before) {
                o.acked = before;
            }
            fixture_open(&f);
            uint64_t note = f.notes[0];
            assert_true(note >= o.acked && note <= o.acked + 2);
            int64_t ends = 0;
            for (uint64_t w = 0; w < note; w++) {
                ends += records_of(w);
            }
            for (int p = 0; f.topics[0].used && p < PARTS; p++) {
                (void)fixture_count(fixture_part(&f, 0, p));
                assert_int_equal(partition_high_watermark(fixture_part(&f, 0, p)), ends);
            }
            o.acked = note;
            fixture_close(&f);
        }
        if (killed_count == 0) {
            print_error("never passed: %s\n", points[i]);
        }
        assert_true(killed_count > 0);
        fixture_fini(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_process_loses_no_acknowledged_write),
        cmocka_unit_test(a_process_killed_at_any_fault_point_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
