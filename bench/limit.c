/* bench_limit JOB INPUT OUTPUT - what one core can do when nothing but the loop is there: no
 * topics, offsets, commits, checks or threads. It prints, as JSON,
 *
 *     {"in":1000000,"out":499872,"cpu_s":0.318}
 *
 * The input is mapped, and its CRC32C taken every 256 records, as a reader of batches would; the
 * output's is taken for each MiB written to OUTPUT. cpu_s is user and system, page faults and
 * writes included. */
#include "limit_json.h"
#include "limit_lua.h"
#include "limit_output.h"
#include "limit_window.h"

#include <fcntl.h>
#include <isa-l/crc.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BATCH_RECORDS = 256, PAD_BYTES = 4096, COUNTER_SLOTS = 1 << 16 };

struct loop {
    lua_State *L;
    int fn;    /* filter, or the only one */
    int fn_on; /* what follows a filter */
    unsigned out;
    unsigned *counters;
};

typedef void loop_fn(struct loop *loop, const char *record, size_t len);

static void passthrough(struct loop *loop, const char *record, size_t len)
{
    limit_output_put(record, len + 1);
    loop->out++;
}

static void lua_filter(struct loop *loop, const char *record, size_t len)
{
    limit_lua_show(record, len);
    limit_lua_call_record(loop->L, loop->fn);
    if (lua_toboolean(loop->L, -1)) {
        limit_output_put(record, len + 1);
        loop->out++;
    }
}

static void lua_filter_map(struct loop *loop, const char *record, size_t len)
{
    limit_lua_show(record, len);
    limit_lua_call_record(loop->L, loop->fn);
    if (lua_toboolean(loop->L, -1)) {
        limit_lua_call_record(loop->L, loop->fn_on);
        limit_lua_put_record();
        loop->out++;
    }
}

static void map_full_table(struct loop *loop, const char *record, size_t len)
{
    (void)len;
    limit_lua_push_table(loop->L, record);
    limit_lua_call_value(loop->L, loop->fn);
    limit_lua_put_table(loop->L, 1);
    loop->out++;
}

static void flat_map(struct loop *loop, const char *record, size_t len)
{
    limit_lua_show(record, len);
    limit_lua_call_record(loop->L, loop->fn);
    size_t count = lua_rawlen(loop->L, 1);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(loop->L, 1, (lua_Integer)i);
        if (limit_lua_is_record(loop->L, -1)) {
            limit_lua_put_record();
            loop->out++;
        }
    }
}

static unsigned hash(const char *key, size_t len)
{
    unsigned value = 2166136261u;
    for (size_t i = 0; i < len; i++) {
        value = (value ^ (unsigned char)key[i]) * 16777619u;
    }
    return value;
}

/* A key for each record, counted: what a throttle by key does at least. */
static void key_by(struct loop *loop, const char *record, size_t len)
{
    limit_lua_show(record, len);
    limit_lua_call_record(loop->L, loop->fn);
    char key[32];
    size_t key_len = limit_output_integer(key, lua_tointeger(loop->L, -1));
    loop->counters[hash(key, key_len) % COUNTER_SLOTS]++;
    limit_output_put(key, key_len);
    limit_output_put(record, len + 1);
    loop->out++;
}

static void access_log(struct loop *loop, const char *record, size_t len)
{
    lua_pushlstring(loop->L, record, len);
    limit_lua_call_value(loop->L, loop->fn);
    limit_lua_put_table(loop->L, 1);
    loop->out++;
}

static void window_native(struct loop *loop, const char *record, size_t len)
{
    (void)len;
    struct limit_window_slot *slot = limit_window_find(loop->L, record);
    struct limit_field price;
    int64_t integer;
    double number;
    if (limit_json_find(record, "price", 5, &price)) {
        slot->total += limit_json_number(price.value, price.value_len, &integer, &number)
                           ? (double)integer
                           : number;
    }
    slot->count++;
}

static void window_lua_value(struct loop *loop, const char *record, size_t len)
{
    struct limit_window_slot *slot = limit_window_find(loop->L, record);
    limit_lua_show(record, len);
    limit_lua_call_record(loop->L, loop->fn);
    slot->total += lua_tonumber(loop->L, -1);
    slot->count++;
}

/* The function is given the key's table, or nil, and returns it. */
static void window_lua_reducer(struct loop *loop, const char *record, size_t len)
{
    struct limit_window_slot *slot = limit_window_find(loop->L, record);
    limit_lua_show(record, len);
    if (slot->state == LUA_NOREF) {
        lua_createtable(loop->L, 0, 2);
        lua_pushinteger(loop->L, 0);
        lua_setfield(loop->L, -2, "count");
        lua_pushnumber(loop->L, 0);
        lua_setfield(loop->L, -2, "total");
        slot->state = luaL_ref(loop->L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(loop->L, LUA_REGISTRYINDEX, slot->state);
    limit_lua_call_both(loop->L, loop->fn);
}

static const struct job {
    const char *name;
    loop_fn *run;
    const char *fn;
    const char *fn_on;
} jobs[] = {
    {"passthrough", passthrough, NULL, NULL},
    {"lua_filter", lua_filter, "function(v) return v.status == 'paid' end", NULL},
    {"lua_filter_map", lua_filter_map, "function(v) return v.status == 'paid' end",
     "function(v) v.total = v.qty * v.price return v end"},
    {"map_full_table", map_full_table,
     "function(v) local t = {} for k, x in pairs(v) do t[k] = x end return t end", NULL},
    {"flat_map", flat_map, "function(v) return { v, v } end", NULL},
    {"key_by", key_by, "function(v) return v.user_id end", NULL},
    {"access_log", access_log,
     "function(v)"
     "  local ip, ts, method, path, status, bytes, referer, agent = v:match("
     "    '^(%S+) %S+ %S+ %[([^%]]+)%] \"(%S+) (%S+) [^\"]*\" (%d+) (%S+) \"([^\"]*)\" "
     "\"([^\"]*)\"')"
     "  return { ip = ip, ts = ts, method = method, path = path, status = math.tointeger(status),"
     "    bytes = math.tointeger(bytes), referer = referer, agent = agent }"
     " end",
     NULL},
    {"window_native", window_native, NULL, NULL},
    {"window_lua_value", window_lua_value, "function(v) return v.qty * v.price end", NULL},
    {"window_lua_reducer", window_lua_reducer,
     "function(a, v) a.count = a.count + 1 a.total = a.total + v.qty * v.price return a end", NULL},
};

static const struct job *find_job(const char *name)
{
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        if (strcmp(jobs[i].name, name) == 0) {
            return &jobs[i];
        }
    }
    fprintf(stderr, "bench_limit: no job '%s'\n", name);
    exit(2);
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* Map the file with zeros behind it. */
static char *map_input(const char *path, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        die(path);
    }
    size_t size = (size_t)st.st_size;
    char *data = mmap(NULL, size + 2 * PAD_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED ||
        mmap(data, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED) {
        die("mmap");
    }
    madvise(data, size, MADV_SEQUENTIAL);
    close(fd);
    *ret_size = size;
    return data;
}

static double cpu_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("usage: bench_limit JOB INPUT OUTPUT\n", stderr);
        return 2;
    }
    const struct job *job = find_job(argv[1]);
    size_t size;
    char *data = map_input(argv[2], &size);
    limit_output_open(argv[3]);
    struct loop loop = {.L = limit_lua_open()};
    loop.fn = job->fn ? limit_lua_function(loop.L, job->fn) : LUA_NOREF;
    loop.fn_on = job->fn_on ? limit_lua_function(loop.L, job->fn_on) : LUA_NOREF;
    loop.counters = calloc(COUNTER_SLOTS, sizeof *loop.counters);

    double start_s = cpu_s();
    volatile unsigned checksum = 0;
    unsigned in = 0;
    const char *end = data + size;
    char *batch = data;
    for (char *at = data; at < end;) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline) {
            break;
        }
        if (++in % BATCH_RECORDS == 0) {
            checksum = crc32_iscsi((unsigned char *)batch, (int)(newline + 1 - batch), 0);
            batch = newline + 1;
        }
        job->run(&loop, at, (size_t)(newline - at));
        lua_settop(loop.L, 0);
        at = newline + 1;
    }
    limit_window_close(loop.L);
    limit_output_close();
    printf("{\"in\":%u,\"out\":%u,\"cpu_s\":%.6f}\n", in, loop.out + limit_window_rows(),
           cpu_s() - start_s);
    free(loop.counters);
    lua_close(loop.L);
    (void)checksum;
    return 0;
}
