/* crash_states: every state that a power cut could leave, or as many as asked for.
 *
 *     trace --replay to a position--> a disk with what is not durable yet
 *                                       |  dice: drop, keep, part, tear
 *                                       v
 *                                     a disk after the cut --> recover, compare with the oracle
 *
 * State number i of a seed is always the same cut at the same place of the same trace: --only I
 * repeats one, tells what became of each change, and leaves the files in ROOT. The positions are
 * drawn first and sorted, so that the trace is replayed once. */
#include "base/alloc.h"
#include "base/clock.h"
#include "trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *trace;
    const char *lines;
    const char *recorded; /* the files that the recorded programs left; NULL: not compared */
    const char *root;     /* where files of a state are put; its name is part of the sink's */
    const char *binary;
    const char *config;
    uint64_t states;
    uint64_t seed;
    uint64_t binary_each; /* every so many states meet the real binary; 0: none */
    int64_t only;         /* one state; -1: all */
};

struct state {
    uint64_t number;
    uint64_t position;
    uint64_t seed; /* of its dice */
};

struct session {
    struct options options;
    struct replay *replay;
    struct lines lines;
    struct oracle *oracle;
    struct trial trial;
    uint64_t with_binary;
    uint64_t tried;
};

static _Noreturn void usage(void)
{
    fprintf(stderr,
            "usage: crash_states --trace FILE --lines FILE --root DIR [--states N] [--seed S]\n"
            "                    [--only I] [--recorded DIR]\n"
            "                    [--binary FILE --config FILE [--binary-each N]]\n");
    exit(2);
}

static void read_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){.states = 1000, .seed = 1, .binary_each = 10, .only = -1};
    const struct {
        const char *name;
        const char **text;
        uint64_t *number;
    } table[] = {
        {"--trace", &o->trace, NULL},
        {"--lines", &o->lines, NULL},
        {"--recorded", &o->recorded, NULL},
        {"--root", &o->root, NULL},
        {"--binary", &o->binary, NULL},
        {"--config", &o->config, NULL},
        {"--states", NULL, &o->states},
        {"--seed", NULL, &o->seed},
        {"--binary-each", NULL, &o->binary_each},
        {"--only", NULL, (uint64_t *)&o->only},
    };
    for (int i = 1; i < argc; i += 2) {
        bool known = false;
        for (size_t j = 0; j < sizeof table / sizeof *table && i + 1 < argc; j++) {
            if (strcmp(argv[i], table[j].name) == 0) {
                known = true;
                if (table[j].text) {
                    *table[j].text = argv[i + 1];
                } else {
                    *table[j].number = strtoull(argv[i + 1], NULL, 10);
                }
            }
        }
        if (!known) {
            usage();
        }
    }
    if (!o->trace || !o->lines || !o->root || (o->binary && !o->config)) {
        usage();
    }
}

/* --- which states --- */

static struct state state_of(const struct session *s, uint64_t number)
{
    struct srt_rng rng;
    srt_rng_init(&rng, s->options.seed * UINT64_C(1000003) + number);
    return (struct state){
        .number = number,
        .position = srt_rng_below(&rng, replay_count(s->replay) + 1),
        .seed = srt_rng_next(&rng),
    };
}

static int by_position(const void *a, const void *b)
{
    const struct state *x = a;
    const struct state *y = b;
    return x->position != y->position ? (x->position < y->position ? -1 : 1)
                                      : (x->number < y->number ? -1 : 1);
}

static struct fake_disk_luck luck_of(struct srt_rng *rng)
{
    static const size_t tears[] = {0, 512, 4096};
    return (struct fake_disk_luck){
        .seed = srt_rng_next(rng),
        .writes = (enum fake_disk_keep)srt_rng_below(rng, FAKE_DISK_KEEP_SUBSET + 1),
        .tear_bytes = tears[srt_rng_below(rng, 3)],
        .sizes_apart = srt_rng_below(rng, 2) == 1,
        .entries = (enum fake_disk_keep)srt_rng_below(rng, FAKE_DISK_KEEP_SUBSET + 1),
    };
}

/* --- one state --- */

static void say_luck(const struct fake_disk_luck *luck, struct srt_buf *to)
{
    static const char *const names[] = {"none", "each", "a prefix", "a subset"};
    srt_buf_printf(to, "writes kept: %s", names[luck->writes]);
    if (luck->tear_bytes) {
        srt_buf_printf(to, ", torn at %zu bytes", luck->tear_bytes);
    }
    srt_buf_printf(to, "; sizes %s; names kept: %s\n",
                   luck->sizes_apart ? "apart" : "as the writes", names[luck->entries]);
}

/* The disk after this state's cut; `rng` goes on with what comes after. */
static struct fake_disk *cut(struct session *s, const struct state *state, struct srt_rng *rng,
                             struct srt_buf *said)
{
    struct fake_disk *disk = fake_disk_clone(replay_disk(s->replay));
    srt_rng_init(rng, state->seed);
    struct fake_disk_luck luck = luck_of(rng);
    if (said) {
        say_luck(&luck, said);
    }
    fake_disk_crash_by(disk, &luck, said);
    return disk;
}

/* The same cut once more, aloud; its files stay. */
static void tell(struct session *s, const struct state *state, const char *why)
{
    const struct options *o = &s->options;
    struct srt_buf said = {0};
    struct srt_rng rng;
    replay_describe(s->replay, &said);
    printf("state %" PRIu64 " of seed %" PRIu64 ", %s\n", state->number, o->seed,
           srt_buf_cstr(&said));
    srt_buf_clear(&said);
    struct fake_disk *disk = cut(s, state, &rng, &said);
    trial_write_files(disk, s->replay, o->root);
    printf("%s", srt_buf_cstr(&said));
    if (why) {
        printf("FAILED: %s\n", why);
        printf("again: crash_states --trace %s --lines %s --root %s", o->trace, o->lines, o->root);
        if (o->binary) {
            printf(" --binary %s --config %s --binary-each 1", o->binary, o->config);
        }
        printf(" --seed %" PRIu64 " --only %" PRIu64 "\n", o->seed, state->number);
    }
    printf("the files of this state: %s\n", o->root);
    fake_disk_destroy(disk);
    srt_buf_fini(&said);
}

static bool try_state(struct session *s, const struct state *state)
{
    const struct options *o = &s->options;
    struct contents contents;
    struct srt_buf why = {0};
    struct srt_rng rng;
    struct fake_disk *disk = cut(s, state, &rng, NULL);
    bool ok = trial_in_memory(&s->trial, disk, &rng, &contents, &why);
    if (ok && o->binary && o->binary_each && state->number % o->binary_each == 0) {
        struct trial_binary how = {o->binary, o->config, o->root, s->replay};
        ok = trial_with_binary(&s->trial, &how, disk, &contents, &why);
        s->with_binary++;
    }
    s->tried++;
    contents_fini(&contents);
    fake_disk_destroy(disk);
    if (!ok || o->only >= 0) {
        tell(s, state, ok ? NULL : srt_buf_cstr(&why));
    }
    srt_buf_fini(&why);
    return ok;
}

static void advance(struct session *s, uint64_t position)
{
    while (replay_at(s->replay) < position) {
        const char *data;
        const struct trace_entry *entry = replay_step(s->replay, &data);
        oracle_learn(s->oracle, s->replay, entry, data);
    }
}

/* --- all of them --- */

/* The whole trace gives the files that the programs left: nothing went past the recorder. */
static bool check_trace(struct session *s)
{
    if (!s->options.recorded) {
        return true;
    }
    struct replay *whole = replay_open(s->options.trace);
    struct srt_buf why = {0};
    while (replay_at(whole) < replay_count(whole)) {
        const char *data;
        (void)replay_step(whole, &data);
    }
    bool same = trial_same_files(replay_disk(whole), s->options.recorded, &why);
    if (!same) {
        printf("FAILED: the trace is not all that happened: %s\n", srt_buf_cstr(&why));
    }
    srt_buf_fini(&why);
    replay_close(whole);
    return same;
}

static bool try_all(struct session *s)
{
    const struct options *o = &s->options;
    uint64_t count = o->only >= 0 ? 1 : o->states;
    struct state *states = srt_xcalloc(count ? count : 1, sizeof *states);
    for (uint64_t i = 0; i < count; i++) {
        states[i] = state_of(s, o->only >= 0 ? (uint64_t)o->only : i);
    }
    qsort(states, count, sizeof *states, by_position);
    bool ok = true;
    for (uint64_t i = 0; ok && i < count; i++) {
        advance(s, states[i].position);
        ok = try_state(s, &states[i]);
    }
    srt_free(states);
    return ok;
}

int main(int argc, char **argv)
{
    struct session s = {0};
    read_options(argc, argv, &s.options);
    const char *lines_path = s.options.lines;
    char *sink = srt_xasprintf("%s/out.txt", s.options.root);
    int64_t began_ns = srt_clock_mono_ns(srt_clock_real());
    lines_read(&s.lines, lines_path);
    s.replay = replay_open(s.options.trace);
    s.oracle = oracle_create(&s.lines, lines_path, sink);
    s.trial = (struct trial){.oracle = s.oracle, .lines = &s.lines};
    bool ok = check_trace(&s) && try_all(&s);
    double seconds = (double)(srt_clock_mono_ns(srt_clock_real()) - began_ns) / 1e9;
    printf("%" PRIu64 " crash states at %zu moments, %.0f a second; %" PRIu64
           " recoveries, %" PRIu64 " of them cut short; %" PRIu64 " with the binary; seed %" PRIu64
           "\n",
           s.tried, replay_count(s.replay), (double)s.tried / seconds, s.trial.recoveries,
           s.trial.cut_short, s.with_binary, s.options.seed);
    oracle_destroy(s.oracle);
    replay_close(s.replay);
    lines_fini(&s.lines);
    srt_free(sink);
    return ok ? 0 : 1;
}
