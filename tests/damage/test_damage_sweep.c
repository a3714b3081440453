/* Every file of a store, changed in every way that disks have, one change at a time. damage_case.c
 * says what must be true afterwards. Without STREAMRT_TEST_LONG a sample of it, chosen by a seed
 * that DAMAGE_SEED changes; with it, all bytes of headers and every 17th or 101st of the others. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "damage/damage_case.h"

static uint64_t seed(void)
{
    const char *text = getenv("DAMAGE_SEED");
    return text ? strtoull(text, NULL, 10) : 20240229;
}

static bool is_long(void)
{
    return getenv("STREAMRT_TEST_LONG") != NULL;
}

/* How many damages of a kind are tried on one file. */
static uint64_t tries(uint64_t all, uint64_t sample)
{
    return is_long() || all < sample ? all : sample;
}

struct count {
    uint64_t done;
    uint64_t found;
};

static void run(struct damage_store *d, struct damage *damage, struct count *count)
{
    count->done++;
    count->found += damage_case_run(d, damage);
}

static void flip_at(struct damage_store *d, size_t file, uint64_t at, struct count *count)
{
    run(d, &(struct damage){.kind = DAMAGE_FLIP, .file = file, .at = at, .seed = at + seed()},
        count);
}

/* When it is long: the header, then every so many bytes; else a sample, half of it in the header
 * of the file or of its first frame. */
static void flip(struct damage_store *d, size_t file, struct srt_rng *rng, struct count *count)
{
    enum { SAMPLE = 8, HEADER_BYTES = 64, JOURNAL_BYTES = 64 << 10 };
    uint64_t size = d->files[file].size;
    uint64_t first = size >= JOURNAL_BYTES ? 4096 : 0;
    if (is_long()) {
        uint64_t step = size >= JOURNAL_BYTES ? 101 : 17;
        for (uint64_t at = 0; at < size; at += at < HEADER_BYTES ? 1 : step) {
            flip_at(d, file, at, count);
        }
        return;
    }
    for (uint64_t i = 0; i < SAMPLE && size > 0; i++) {
        uint64_t left = size - first < HEADER_BYTES ? size - first : HEADER_BYTES;
        bool in_header = i < SAMPLE / 2;
        flip_at(d, file, in_header ? (i % 2 ? first : 0) + srt_rng_below(rng, left)
                                   : srt_rng_below(rng, size),
                count);
    }
}

static void cut_and_grow(struct damage_store *d, size_t file, struct srt_rng *rng,
                         struct count *count)
{
    uint64_t size = d->files[file].size;
    uint64_t number = tries(size / 41 + 1, 3);
    for (uint64_t i = 0; i < number && size > 0; i++) {
        uint64_t at = is_long() ? 41 * i % size : i == 0 ? size - 1 : srt_rng_below(rng, size);
        run(d, &(struct damage){.kind = DAMAGE_TRUNCATE, .file = file, .at = at, .seed = i}, count);
    }
    run(d, &(struct damage){.kind = DAMAGE_EXTEND, .file = file, .size = 100, .seed = seed()},
        count);
    run(d, &(struct damage){.kind = DAMAGE_DELETE, .file = file}, count);
}

/* A sector or a page that was never written, was written elsewhere, or has rubbish. */
static void blocks(struct damage_store *d, size_t file, struct srt_rng *rng, struct count *count)
{
    static const uint64_t sizes[] = {512, 4096};
    static const enum damage_kind kinds[] = {DAMAGE_ZERO, DAMAGE_NOISE, DAMAGE_SWAP};
    for (size_t s = 0; s < 2; s++) {
        uint64_t block_count = d->files[file].size / sizes[s];
        for (size_t k = 0; k < 3 && block_count > 0; k++) {
            uint64_t number = tries(block_count, 1);
            for (uint64_t i = 0; i < number; i++) {
                uint64_t block = is_long() ? i : srt_rng_below(rng, block_count);
                run(d,
                    &(struct damage){.kind = kinds[k],
                                     .file = file,
                                     .at = block * sizes[s],
                                     .other = srt_rng_below(rng, block_count) * sizes[s],
                                     .size = sizes[s],
                                     .seed = block + seed()},
                    count);
            }
        }
    }
}

/* Segments and indexes are many and alike: a sample takes some of them. */
static bool is_skipped(const struct damage_file *file, struct srt_rng *rng)
{
#if defined(__SANITIZE_ADDRESS__) /* which is slow with a disk in memory */
    enum { ONE_IN = 20, ONE_IN_OTHERS = 3 };
#else
    enum { ONE_IN = 2, ONE_IN_OTHERS = 1 };
#endif
    bool one_of_many = strstr(file->path, "/topics/") || strstr(file->path, "/spare");
    return !is_long() && srt_rng_below(rng, one_of_many ? ONE_IN : ONE_IN_OTHERS) != 0;
}

static void sweep(enum damage_end end,
                  void (*each)(struct damage_store *d, size_t file, struct srt_rng *rng,
                               struct count *count))
{
    static struct damage_store d;
    struct srt_rng rng;
    struct count count = {0};
    int64_t start_ns = srt_clock_mono_ns(srt_clock_real());
    srt_rng_init(&rng, seed());
    damage_store_make(&d, end);
    for (size_t i = 0; i < d.file_count; i++) {
        if (!is_skipped(&d.files[i], &rng)) {
            each(&d, i, &rng, &count);
        }
    }
    print_message("%zu files, %" PRIu64 " damages, %" PRIu64 " found, %" PRId64 " ms\n",
                  d.file_count, count.done, count.found,
                  (srt_clock_mono_ns(srt_clock_real()) - start_ns) / 1000000);
    assert_true(count.found > 3);
    damage_store_free(&d);
}

static void flipped_bits_of_a_closed_store(void **state)
{
    (void)state;
    sweep(DAMAGE_CLOSED, flip);
}

static void flipped_bits_of_a_killed_store(void **state)
{
    (void)state;
    sweep(DAMAGE_KILLED, flip);
    sweep(DAMAGE_KILLED_AT_NOTE, flip);
}

static void files_cut_grown_and_gone(void **state)
{
    (void)state;
    sweep(DAMAGE_CLOSED, cut_and_grow);
    sweep(DAMAGE_KILLED, cut_and_grow);
    sweep(DAMAGE_KILLED_AT_NOTE, cut_and_grow);
}

static void blocks_zeroed_swapped_and_noisy(void **state)
{
    (void)state;
    sweep(DAMAGE_CLOSED, blocks);
    sweep(DAMAGE_KILLED, blocks);
    sweep(DAMAGE_KILLED_AT_NOTE, blocks);
}

static void a_repair_that_dies_anywhere_is_done_again(void **state)
{
    static struct damage_store d;
    static const enum damage_end ends[] = {DAMAGE_CLOSED, DAMAGE_KILLED};
    struct srt_rng rng;
    (void)state;
    srt_rng_init(&rng, seed());
    for (size_t e = 0; e < 2; e++) {
        damage_store_make(&d, ends[e]);
        uint64_t number = is_long() ? 100 : 3;
        for (uint64_t i = 0; i < number; i++) {
            size_t file = srt_rng_below(&rng, d.file_count);
            struct damage damage = {.kind = DAMAGE_NOISE, .file = file, .size = 64, .seed = i};
            if (d.files[file].size > 64) {
                damage.at = srt_rng_below(&rng, d.files[file].size - 64);
                damage_case_interrupt_repair(&d, &damage);
            }
        }
        damage_store_free(&d);
    }
}

/* Which damage it was, when a case fails. */
static int say_what(void **state)
{
    (void)state;
    if (damage_case_now) {
        print_error("while: %s\n", damage_case_now);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(flipped_bits_of_a_closed_store, say_what),
        cmocka_unit_test_teardown(flipped_bits_of_a_killed_store, say_what),
        cmocka_unit_test_teardown(files_cut_grown_and_gone, say_what),
        cmocka_unit_test_teardown(blocks_zeroed_swapped_and_noisy, say_what),
        cmocka_unit_test_teardown(a_repair_that_dies_anywhere_is_done_again, say_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
