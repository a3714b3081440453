/* bench_script JOB INPUT [ROUNDS] - what the script layer alone takes for a record: value, calls
 * and output as the pipeline makes them, without topics, threads or files.
 *
 * Prints the median and the least nanoseconds of processor time a record, over the rounds. For
 * comparisons run it in turns with what it is compared to, or under callgrind, whose counts do not
 * depend on what else the machine does. */
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "script/script.h"
#include "script/value.h"

enum { STEPS_MAX = 2, ROUNDS_MAX = 1000, OUTPUT_BYTES = 1 << 20 };

enum step_kind { STEP_NONE, STEP_FILTER, STEP_MAP, STEP_UPDATE, STEP_KEY };

static const struct job {
    const char *name;
    enum codec codec;
    struct step {
        enum step_kind kind;
        const char *text;
    } steps[STEPS_MAX];
} jobs[] = {
    {"lua_filter", CODEC_JSON, {{STEP_FILTER, "function(v) return v.status == 'paid' end"}}},
    {"lua_filter_expression", CODEC_JSON, {{STEP_FILTER, "v.status == 'paid'"}}},
    {"lua_filter_map",
     CODEC_JSON,
     {{STEP_FILTER, "function(v) return v.status == 'paid' end"},
      {STEP_MAP, "function(v) v.total = v.qty * v.price return v end"}}},
    {"lua_filter_map_expression",
     CODEC_JSON,
     {{STEP_FILTER, "v.status == 'paid'"}, {STEP_UPDATE, "v.total = v.qty * v.price"}}},
    {"map_full_table",
     CODEC_JSON,
     {{STEP_MAP, "function(v) local t = {} for k, x in pairs(v) do t[k] = x end return t end"}}},
    {"map_kept", CODEC_JSON, {{STEP_MAP, "function(v) last = v v.total = 1 return v end"}}},
    {"key_by", CODEC_JSON, {{STEP_KEY, "v.user_id"}}},
    {"access_log", CODEC_TEXT, {{STEP_MAP, "s.parse.combined(v)"}}},
};

struct bench {
    const struct job *job;
    struct script *script;
    struct script_fn fns[STEPS_MAX];
    bool forgets;
    struct srt_buf out;
    struct srt_buf key;
};

static void must(int rc, const struct srt_err *err)
{
    if (rc) {
        fprintf(stderr, "bench_script: %s\n", err->msg);
        exit(1);
    }
}

static const struct job *find_job(const char *name)
{
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        if (strcmp(jobs[i].name, name) == 0) {
            return &jobs[i];
        }
    }
    fprintf(stderr, "bench_script: no job '%s'\n", name);
    exit(2);
}

static void open_bench(struct bench *b, const struct job *job)
{
    struct srt_err err = {0};
    struct script_options options;
    script_options_default(&options);
    *b = (struct bench){.job = job, .forgets = true};
    must(script_create(&options, &b->script, &err), &err);
    for (int i = 0; i < STEPS_MAX && job->steps[i].kind; i++) {
        struct script_text text = {.text = job->steps[i].text,
                                   .len = strlen(job->steps[i].text),
                                   .file = "bench",
                                   .first_line = 1};
        int line;
        must(script_compile(b->script, &text, &b->fns[i], &line, &err), &err);
        b->forgets &= b->fns[i].forgets_value;
    }
}

static void close_bench(struct bench *b)
{
    for (int i = 0; i < STEPS_MAX && b->job->steps[i].kind; i++) {
        script_fn_release(b->script, &b->fns[i]);
    }
    script_destroy(b->script);
    srt_buf_fini(&b->out);
    srt_buf_fini(&b->key);
}

/* False: the record was filtered out. */
static bool run_step(struct bench *b, int i, int value)
{
    struct srt_err err;
    lua_State *L = script_state(b->script);
    enum step_kind kind = b->job->steps[i].kind;
    script_push_fn(b->script, &b->fns[i]);
    lua_pushvalue(L, value);
    must(script_call(b->script, 1, kind == STEP_UPDATE ? 0 : 1, &err), &err);
    bool stays = true;
    switch (kind) {
    case STEP_FILTER:
        stays = lua_toboolean(L, -1);
        lua_pop(L, 1);
        break;
    case STEP_MAP:
        lua_replace(L, value);
        break;
    case STEP_KEY:
        srt_buf_clear(&b->key);
        must(value_encode_key(b->script, -1, &b->key, &err), &err);
        lua_pop(L, 1);
        break;
    case STEP_UPDATE:
    case STEP_NONE:
        break;
    }
    return stays;
}

static void run_record(struct bench *b, const char *text, size_t len)
{
    struct srt_err err;
    lua_State *L = script_state(b->script);
    int base = lua_gettop(L);
    must((b->forgets ? value_push_reused : value_push)(b->script, b->job->codec,
                                                       (const uint8_t *)text, (int32_t)len, &err),
         &err);
    bool stays = true;
    for (int i = 0; i < STEPS_MAX && b->job->steps[i].kind && stays; i++) {
        stays = run_step(b, i, base + 1);
    }
    if (stays) {
        if (b->out.len > OUTPUT_BYTES) {
            srt_buf_clear(&b->out);
        }
        must(value_encode(b->script, base + 1, CODEC_JSON, &b->out, &err), &err);
    }
    lua_settop(L, base);
    value_release(b->script);
}

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Nanoseconds a record. */
static double run_round(struct bench *b, const struct srt_buf *input)
{
    const char *at = (const char *)input->data;
    const char *end = at + input->len;
    size_t count = 0;
    double start_ns = cpu_ns();
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        newline = newline ? newline : end;
        run_record(b, at, (size_t)(newline - at));
        count++;
        at = newline + 1;
    }
    return (cpu_ns() - start_ns) / (double)count;
}

static void read_input(const char *path, struct srt_buf *to)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    char piece[1 << 16];
    for (size_t got; (got = fread(piece, 1, sizeof piece, file)) > 0;) {
        srt_buf_put(to, piece, got);
    }
    fclose(file);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: bench_script JOB INPUT [ROUNDS]\n", stderr);
        return 2;
    }
    long rounds = argc > 3 ? strtol(argv[3], NULL, 10) : 5;
    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    struct srt_buf input = {0};
    read_input(argv[2], &input);
    struct bench b;
    open_bench(&b, find_job(argv[1]));
    static double took_ns[ROUNDS_MAX];
    for (long i = 0; i < rounds; i++) {
        took_ns[i] = run_round(&b, &input);
    }
    qsort(took_ns, (size_t)rounds, sizeof took_ns[0], compare);
    printf("%s %.1f %.1f\n", argv[1], took_ns[rounds / 2], took_ns[0]);
    close_bench(&b);
    srt_buf_fini(&input);
    return 0;
}
