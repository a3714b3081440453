#include "script/json_fields.h"

#include "script_fixture.h"

#include "base/rng.h"

static int order_of_bytes(const struct json_field *a, const struct json_field *b)
{
    int order = memcmp(a->key, b->key, a->len < b->len ? a->len : b->len);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* A table with a key of each kind of length; zeros and bytes beyond ASCII are among them. */
static void push_random_table(lua_State *L, struct srt_rng *rng, uint64_t count)
{
    static const char letters[] = "a\0b\xff";
    lua_newtable(L);
    for (uint64_t i = 0; i < count; i++) {
        char key[12];
        size_t len = srt_rng_below(rng, sizeof key + 1);
        for (size_t k = 0; k < len; k++) {
            key[k] = letters[srt_rng_below(rng, sizeof letters - 1)];
        }
        lua_pushlstring(L, key, len);
        lua_pushinteger(L, (lua_Integer)i);
        lua_rawset(L, -3);
    }
}

static void keys_are_sorted_by_their_bytes(void **state)
{
    struct script_fixture *f = *state;
    lua_State *L = script_state(f->script);
    struct srt_rng rng;
    srt_rng_init(&rng, 5);
    static struct json_field list[64];
    static struct json_field *sorted[64];
    struct json_fields fields;
    for (int round = 0; round < 3000; round++) {
        push_random_table(L, &rng, 1 + srt_rng_below(&rng, round % 2 ? 60 : 4));
        json_fields_init(&fields);
        if (json_fields_take(L, lua_gettop(L), NULL, &fields) == JSON_FIELDS_MORE) {
            fields.list = list;
            fields.sorted = sorted;
            fields.cap = 64;
            assert_int_equal(json_fields_take(L, lua_gettop(L), NULL, &fields), JSON_FIELDS_TAKEN);
        }
        assert_int_equal(fields.count, json_fields_count(L, lua_gettop(L), NULL));
        json_fields_sort(L, &fields);
        for (uint32_t i = 1; i < fields.count; i++) {
            if (order_of_bytes(fields.sorted[i - 1], fields.sorted[i]) >= 0) {
                fail_msg("seed 5, round %d: field %u", round, i);
            }
        }
        lua_pop(L, 1);
    }
}

static void what_is_no_scalar_is_said(void **state)
{
    struct script_fixture *f = *state;
    lua_State *L = script_state(f->script);
    struct json_fields fields;
    lua_createtable(L, 0, 2);
    lua_pushnumber(L, 1.5);
    lua_setfield(L, -2, "a");
    json_fields_init(&fields);
    assert_int_equal(json_fields_take(L, lua_gettop(L), NULL, &fields), JSON_FIELDS_TAKEN);
    assert_true(fields.all_scalars);
    assert_false(fields.has_integers);
    lua_pushnumber(L, 1e308 * 10);
    lua_setfield(L, -2, "b");
    assert_int_equal(json_fields_take(L, lua_gettop(L), NULL, &fields), JSON_FIELDS_TAKEN);
    assert_false(fields.all_scalars);
    lua_pushboolean(L, true);
    lua_rawseti(L, -2, 17);
    assert_int_equal(json_fields_take(L, lua_gettop(L), NULL, &fields), JSON_FIELDS_TAKEN);
    assert_true(fields.has_integers);
    lua_pushboolean(L, true);
    lua_pushboolean(L, true);
    lua_rawset(L, -3);
    assert_int_equal(json_fields_take(L, lua_gettop(L), NULL, &fields), JSON_FIELDS_BAD_KEY);
    assert_true(lua_isboolean(L, -1));
    lua_pop(L, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(keys_are_sorted_by_their_bytes),
        fixture_test(what_is_no_scalar_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
