#include "trial.h"

#include "broker/broker.h"
#include "states.h"

#include <inttypes.h>

enum { SECOND_CUTS = 2 };

#define DATA_DIR "/data"
#define SINK     "/out.txt"

static void options_of(struct broker_options *options, struct fake_disk *disk, bool read_only)
{
    broker_options_default(options);
    options->store.data_dir = DATA_DIR;
    options->store.create = !read_only;
    options->store.read_only = read_only;
    options->store.fs = fake_disk_fs(disk);
    options->store.journal_file_bytes = STATES_JOURNAL_FILE_BYTES;
    options->store.checkpoint_bytes = STATES_CHECKPOINT_BYTES;
}

static bool exists(struct fake_disk *disk, const char *path)
{
    struct io_file_info info;
    return fake_disk_fs(disk)->path_info(fake_disk_fs(disk), path, &info) == 0;
}

static void report_damage(void *arg, const char *path, uint64_t at_byte, const char *reason)
{
    srt_buf_printf(arg, "`log check` finds damage: %s:%" PRIu64 ": %s", path, at_byte, reason);
}

/* Open, read everything, close. */
static bool recover(struct trial *trial, struct fake_disk *disk, bool read_only,
                    struct contents *ret_contents, struct srt_buf *why)
{
    struct broker_options options;
    struct broker *broker;
    struct srt_err err;
    *ret_contents = (struct contents){0};
    options_of(&options, disk, read_only);
    trial->recoveries++;
    if (broker_open(&options, &broker, &err) != SRT_OK) {
        srt_buf_printf(why, "the %s fails: %s", read_only ? "view" : "recovery", err.msg);
        return false;
    }
    bool ok = contents_read(ret_contents, broker, trial->lines, why);
    if (broker_close(broker, &err) != SRT_OK && ok) {
        srt_buf_printf(why, "closing fails: %s", err.msg);
        ok = false;
    }
    return ok;
}

/* The same content, recovered from this disk. */
static bool recover_same(struct trial *trial, struct fake_disk *disk, bool read_only,
                         uint64_t digest, const char *what, struct srt_buf *why)
{
    struct contents contents;
    bool ok = recover(trial, disk, read_only, &contents, why);
    if (!ok) {
        srt_buf_printf(why, " (%s)", what);
    } else if (contents.digest != digest) {
        srt_buf_printf(why, "%s finds something else than the first recovery", what);
        ok = false;
    }
    contents_fini(&contents);
    return ok;
}

/* A recovery that dies after some of its changes, by another power cut or by a kill; perhaps
 * another; then one that does not, and has to find the same. */
static bool cut_recoveries(struct trial *trial, struct fake_disk *disk, uint64_t changes,
                           uint64_t digest, struct srt_rng *rng, struct srt_buf *why)
{
    struct fake_disk *copy = fake_disk_clone(disk);
    uint64_t cuts = 1 + srt_rng_below(rng, SECOND_CUTS);
    for (uint64_t i = 0; i < cuts; i++) {
        struct broker_options options;
        struct broker *broker;
        struct srt_err ignored;
        options_of(&options, copy, false);
        fake_disk_stop_after(copy, srt_rng_below(rng, changes + 1));
        if (broker_open(&options, &broker, &ignored) == SRT_OK) {
            (void)broker_close(broker, &ignored);
        }
        trial->recoveries++;
        trial->cut_short += fake_disk_stopped(copy);
        fake_disk_crash(copy, srt_rng_next(rng),
                        (enum fake_disk_mode)srt_rng_below(rng, FAKE_DISK_KEEP_SOME + 1));
    }
    bool ok =
        recover_same(trial, copy, false, digest, "a recovery after one that was cut short", why);
    fake_disk_destroy(copy);
    return ok;
}

bool trial_in_memory(struct trial *trial, struct fake_disk *disk, struct srt_rng *rng,
                     struct contents *ret_contents, struct srt_buf *why)
{
    struct contents own;
    struct contents *contents = ret_contents ? ret_contents : &own;
    struct srt_err err;
    bool there = exists(disk, DATA_DIR "/node.json");
    *contents = (struct contents){0};
    if (!there && oracle_expects_data(trial->oracle)) {
        srt_buf_put_str(why, "node.json is gone");
        return false;
    }
    if (there && store_check(DATA_DIR, fake_disk_fs(disk), report_damage, why, &err) != 0) {
        return false;
    }
    struct fake_disk *copy = fake_disk_clone(disk);
    uint64_t before = fake_disk_change_count(copy);
    bool ok = recover(trial, copy, false, contents, why) &&
              oracle_check(trial->oracle, contents, fake_disk_fs(disk), SINK, false, why);
    uint64_t changes = fake_disk_change_count(copy) - before;
    ok = ok && (!there || recover_same(trial, disk, true, contents->digest, "a view", why)) &&
         (srt_rng_below(rng, 2) == 0
              ? recover_same(trial, copy, false, contents->digest, "the second recovery", why)
              : cut_recoveries(trial, disk, changes, contents->digest, rng, why));
    fake_disk_destroy(copy);
    if (!ret_contents) {
        contents_fini(&own);
    }
    return ok;
}
