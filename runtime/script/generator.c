#include "script/generator.h"

#include <lauxlib.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "record/record.h"
#include "script/value.h"

enum { STACK_SLOTS = 8 };

struct generator {
    struct script *script;
    const struct script_fn *fn; /* the caller's */
    uint64_t seed;
    uint64_t generation; /* of the script's state that has rng_fn */
    struct script_fn rng_fn;
    struct srt_rng *rng; /* inside rng_fn */
};

static int rng_call(lua_State *L)
{
    struct srt_rng *rng = lua_touserdata(L, lua_upvalueindex(1));
    int count = lua_gettop(L);
    if (count == 0) {
        lua_pushnumber(L, srt_rng_double(rng));
        return 1;
    }
    if (count > 2) {
        return luaL_error(L, "rng takes nothing, rng(n) or rng(m, n)");
    }
    lua_Integer low = count == 2 ? luaL_checkinteger(L, 1) : 1;
    lua_Integer high = luaL_checkinteger(L, count);
    luaL_argcheck(L, low <= high, count, "interval is empty");
    uint64_t width = (uint64_t)high - (uint64_t)low + 1; /* 0: all integers there are */
    uint64_t offset = width ? srt_rng_below(rng, width) : srt_rng_next(rng);
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + offset));
    return 1;
}

static int make_rng(lua_State *L)
{
    void *rng = lua_newuserdatauv(L, sizeof(struct srt_rng), 0);
    lua_pushcclosure(L, rng_call, 1);
    lua_pushlightuserdata(L, rng);
    return 2;
}

static int reserve_stack(lua_State *L, struct srt_err *err)
{
    return lua_checkstack(L, STACK_SLOTS)
               ? SRT_OK
               : srt_fail(err, SRT_ENOMEM, "no memory for the stack of a generator");
}

static int create_rng(struct generator *gen, struct srt_err *err)
{
    lua_State *L = script_state(gen->script);
    int rc = reserve_stack(L, err);
    if (rc != SRT_OK) {
        return rc;
    }
    lua_pushcfunction(L, make_rng);
    rc = script_call(gen->script, 0, 2, err);
    if (rc != SRT_OK) {
        return rc;
    }
    gen->rng = lua_touserdata(L, -1);
    gen->generation = script_generation(gen->script);
    lua_pop(L, 1);
    rc = script_fn_take(gen->script, &gen->rng_fn);
    return rc == SRT_OK ? SRT_OK : srt_fail(err, rc, "no memory for a generator");
}

int generator_create(struct script *script, const struct script_fn *fn, uint64_t seed,
                     struct generator **ret, struct srt_err *err)
{
    struct generator *gen = srt_xcalloc(1, sizeof *gen);
    gen->script = script;
    gen->fn = fn;
    gen->seed = seed;
    int rc = create_rng(gen, err);
    if (rc != SRT_OK) {
        srt_free(gen);
        return rc;
    }
    *ret = gen;
    return SRT_OK;
}

void generator_destroy(struct generator *gen)
{
    if (gen && gen->generation == script_generation(gen->script)) {
        script_fn_release(gen->script, &gen->rng_fn);
    }
    srt_free(gen);
}

/* The two results on the stack. */
static int encode_results(struct generator *gen, enum codec codec, struct srt_buf *to,
                          int32_t *ret_value_len, int32_t *ret_key_len, struct srt_err *err)
{
    lua_State *L = script_state(gen->script);
    if (lua_isnil(L, -2)) {
        return SRT_EEND;
    }
    size_t start = to->len;
    int rc = value_encode(gen->script, -2, codec, to, err);
    size_t value_len = to->len - start;
    bool has_key = !lua_isnil(L, -1);
    if (rc == SRT_OK && has_key) {
        rc = value_encode_key(gen->script, -1, to, err);
    }
    if (rc != SRT_OK) {
        return rc;
    }
    if (srt_buf_failed(to)) {
        return srt_fail(err, SRT_ENOMEM, "no memory for a generated record");
    }
    if (to->len - start > INT32_MAX) {
        return srt_fail(err, SRT_ETOOBIG, "a generated record is larger than 2 GiB");
    }
    *ret_value_len = (int32_t)value_len;
    *ret_key_len = has_key ? (int32_t)(to->len - start - value_len) : RECORD_ABSENT;
    return SRT_OK;
}

int generator_make(struct generator *gen, int64_t n, enum codec codec, struct srt_buf *to,
                   int32_t *ret_value_len, int32_t *ret_key_len, struct srt_err *err)
{
    int rc = gen->generation == script_generation(gen->script) ? SRT_OK : create_rng(gen, err);
    lua_State *L = script_state(gen->script);
    rc = rc == SRT_OK ? reserve_stack(L, err) : rc;
    if (rc != SRT_OK) {
        return rc;
    }
    srt_rng_init(gen->rng, gen->seed ^ (0x9e3779b97f4a7c15u * (uint64_t)n));
    script_push_fn(gen->script, gen->fn);
    lua_pushinteger(L, n);
    script_push_fn(gen->script, &gen->rng_fn);
    rc = script_call(gen->script, 2, 2, err);
    if (rc != SRT_OK) {
        return rc;
    }
    size_t before = to->len;
    rc = encode_results(gen, codec, to, ret_value_len, ret_key_len, err);
    if (rc != SRT_OK) {
        to->len = before;
        to->failed = false;
    }
    lua_pop(L, 2);
    return rc;
}
