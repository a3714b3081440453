/* table.concat, insert, move, remove, sort and unpack, as in Lua 5.4. A `__len` can make each of
 * them run for years, and a list of a million strings takes long to sort: every round looks at the
 * budget.
 *
 * Elements are read and written with lua_geti and lua_seti, which respect metamethods. So a lazy
 * value (lazy.h) becomes a plain table at the first index, and hidden fields are never met. */
#include "script/library_table.h"

#include "script/script_impl.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdbool.h>

enum { READS = 1, WRITES = 2, HAS_LENGTH = 4 };

static struct budget *budget_of(lua_State *L)
{
    return &script_of(L)->budget;
}

static bool has_field(lua_State *L, const char *name, int metatable)
{
    lua_pushstring(L, name);
    return lua_rawget(L, metatable) != LUA_TNIL;
}

/* A table, or what has the metamethods to stand for one. */
static void check_table(lua_State *L, int arg, int what)
{
    if (lua_type(L, arg) == LUA_TTABLE) {
        return;
    }
    int top = lua_gettop(L);
    if (lua_getmetatable(L, arg)) {
        bool fits = (!(what & READS) || has_field(L, "__index", top + 1)) &&
                    (!(what & WRITES) || has_field(L, "__newindex", top + 1)) &&
                    (!(what & HAS_LENGTH) || has_field(L, "__len", top + 1));
        lua_settop(L, top);
        if (fits) {
            return;
        }
    }
    luaL_checktype(L, arg, LUA_TTABLE);
}

static lua_Integer check_length(lua_State *L, int arg, int what)
{
    check_table(L, arg, what | HAS_LENGTH);
    return luaL_len(L, arg);
}

/* table[to] = table[from] */
static void copy(lua_State *L, int from_table, lua_Integer from, int to_table, lua_Integer to)
{
    lua_geti(L, from_table, from);
    lua_seti(L, to_table, to);
}

/* Lua's integers wrap around. */
static lua_Integer sum(lua_Integer a, lua_Integer b)
{
    return (lua_Integer)((lua_Unsigned)a + (lua_Unsigned)b);
}

/* --- insert, remove, move --- */

static int table_insert(lua_State *L)
{
    lua_Integer end = sum(check_length(L, 1, READS | WRITES), 1);
    lua_Integer pos = end;
    switch (lua_gettop(L)) {
    case 2:
        break;
    case 3:
        pos = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)pos - 1 < (lua_Unsigned)end, 2, "position out of bounds");
        for (lua_Integer i = end; i > pos; i--) {
            budget_poll(budget_of(L), L);
            copy(L, 1, i - 1, 1, i);
        }
        break;
    default:
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    lua_seti(L, 1, pos);
    return 0;
}

static int table_remove(lua_State *L)
{
    lua_Integer size = check_length(L, 1, READS | WRITES);
    lua_Integer pos = luaL_optinteger(L, 2, size);
    if (pos != size) {
        int blamed = LUA_VERSION_RELEASE_NUM < 50405 ? 1 : 2; /* as the Lua beside it does */
        luaL_argcheck(L, (lua_Unsigned)pos - 1 <= (lua_Unsigned)size, blamed,
                      "position out of bounds");
    }
    lua_geti(L, 1, pos);
    for (; pos < size; pos++) {
        budget_poll(budget_of(L), L);
        copy(L, 1, pos + 1, 1, pos);
    }
    lua_pushnil(L);
    lua_seti(L, 1, pos);
    return 1;
}

static int table_move(lua_State *L)
{
    lua_Integer from = luaL_checkinteger(L, 2);
    lua_Integer end = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    int target = lua_isnoneornil(L, 5) ? 1 : 5;
    check_table(L, 1, READS);
    check_table(L, target, WRITES);
    if (end >= from) {
        luaL_argcheck(L, from > 0 || end < LUA_MAXINTEGER + from, 3, "too many elements to move");
        lua_Integer count = end - from + 1;
        luaL_argcheck(L, to <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
        bool apart =
            to > end || to <= from || (target != 1 && !lua_compare(L, 1, target, LUA_OPEQ));
        for (lua_Integer i = 0; i < count; i++) {
            budget_poll(budget_of(L), L);
            lua_Integer at = apart ? i : count - 1 - i;
            copy(L, 1, from + at, target, to + at);
        }
    }
    lua_pushvalue(L, target);
    return 1;
}

/* --- concat, unpack --- */

static void add_element(lua_State *L, luaL_Buffer *out, lua_Integer i)
{
    lua_geti(L, 1, i);
    if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid value (%s) at index %I in table for 'concat'", luaL_typename(L, -1),
                   (LUAI_UACINT)i);
    }
    luaL_addvalue(out);
}

static int table_concat(lua_State *L)
{
    lua_Integer last = check_length(L, 1, READS);
    size_t gap_len;
    const char *gap = luaL_optlstring(L, 2, "", &gap_len);
    lua_Integer i = luaL_optinteger(L, 3, 1);
    last = luaL_optinteger(L, 4, last);
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    for (; i < last; i++) {
        budget_poll(budget_of(L), L);
        add_element(L, &out, i);
        luaL_addlstring(&out, gap, gap_len);
    }
    if (i == last) {
        add_element(L, &out, i);
    }
    luaL_pushresult(&out);
    return 1;
}

static int table_unpack(lua_State *L)
{
    lua_Integer i = luaL_optinteger(L, 2, 1);
    lua_Integer last = luaL_opt(L, luaL_checkinteger, 3, luaL_len(L, 1));
    if (i > last) {
        return 0;
    }
    lua_Unsigned more = (lua_Unsigned)last - (lua_Unsigned)i;
    if (more >= (lua_Unsigned)INT_MAX || !lua_checkstack(L, (int)more + 1)) {
        return luaL_error(L, "too many results to unpack");
    }
    for (; i < last; i++) {
        budget_poll(budget_of(L), L);
        lua_geti(L, 1, i);
    }
    lua_geti(L, 1, last);
    return (int)more + 1;
}

/* --- sort ---
 *
 * Quicksort, with the pivots that Lua takes, so that equal elements come out in the same order too:
 * the median of the first, the middle and the last. Lua draws lots (from the clock) once a large
 * part turns out lopsided; ours are always the same, which makes a run repeatable. */

enum { SORT_LARGE = 100 }; /* elements from which on a pivot may be drawn */

/* Pops nothing: whether a < b. */
static bool sorts_before(lua_State *L, int a, int b)
{
    budget_poll(budget_of(L), L);
    if (lua_isnil(L, 2)) {
        return lua_compare(L, a, b, LUA_OPLT);
    }
    lua_pushvalue(L, 2);
    lua_pushvalue(L, a - 1); /* the function is above it now */
    lua_pushvalue(L, b - 2);
    lua_call(L, 2, 1);
    bool before = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return before;
}

/* table[i] = the top, table[j] = the one below; pops both. */
static void store_two(lua_State *L, lua_Unsigned i, lua_Unsigned j)
{
    lua_seti(L, 1, (lua_Integer)i);
    lua_seti(L, 1, (lua_Integer)j);
}

static void load(lua_State *L, lua_Unsigned i)
{
    lua_geti(L, 1, (lua_Integer)i);
}

/* The pivot is on top, and at `high - 1`; low and high are on their sides of it. Where it belongs;
 * pops it. */
static lua_Unsigned partition(lua_State *L, lua_Unsigned low, lua_Unsigned high)
{
    lua_Unsigned i = low;
    lua_Unsigned j = high - 1;
    for (;;) {
        while (load(L, ++i), sorts_before(L, -1, -2)) {
            if (i == high - 1) {
                luaL_error(L, "invalid order function for sorting");
            }
            lua_pop(L, 1);
        }
        while (load(L, --j), sorts_before(L, -3, -1)) {
            if (j < i) {
                luaL_error(L, "invalid order function for sorting");
            }
            lua_pop(L, 1);
        }
        if (j < i) {
            lua_pop(L, 1);
            store_two(L, high - 1, i); /* a[i] to the end, the pivot to i */
            return i;
        }
        store_two(L, i, j);
    }
}

static lua_Unsigned choose_pivot(lua_Unsigned low, lua_Unsigned high, unsigned draw)
{
    lua_Unsigned quarter = (high - low) / 4;
    return draw % (quarter * 2) + low + quarter;
}

/* Order the elements at i < j by swapping them if needed; pops nothing that was there. */
static void order_two(lua_State *L, lua_Unsigned i, lua_Unsigned j)
{
    load(L, i);
    load(L, j);
    if (sorts_before(L, -1, -2)) {
        store_two(L, i, j);
    } else {
        lua_pop(L, 2);
    }
}

/* Order low, the pivot's place and high. */
static void order_three(lua_State *L, lua_Unsigned low, lua_Unsigned middle, lua_Unsigned high)
{
    load(L, middle);
    load(L, low);
    if (sorts_before(L, -2, -1)) {
        store_two(L, middle, low);
        return;
    }
    lua_pop(L, 1);
    load(L, high);
    if (sorts_before(L, -1, -2)) {
        store_two(L, middle, high);
    } else {
        lua_pop(L, 2);
    }
}

static void sort_range(lua_State *L, lua_Unsigned low, lua_Unsigned high, unsigned draw)
{
    while (low < high) {
        order_two(L, low, high);
        if (high - low == 1) {
            return;
        }
        lua_Unsigned pivot = (low + high) / 2;
        if (high - low >= SORT_LARGE && draw != 0) {
            pivot = choose_pivot(low, high, draw);
        }
        order_three(L, low, pivot, high);
        if (high - low == 2) {
            return;
        }
        load(L, pivot);
        lua_pushvalue(L, -1);
        load(L, high - 1);
        store_two(L, pivot, high - 1);
        lua_Unsigned at = partition(L, low, high);
        lua_Unsigned smaller;
        if (at - low < high - at) { /* recursion into the smaller part: logarithmic depth */
            sort_range(L, low, at - 1, draw);
            smaller = at - low;
            low = at + 1;
        } else {
            sort_range(L, at + 1, high, draw);
            smaller = high - at;
            high = at - 1;
        }
        if ((high - low) / 128 > smaller) {
            draw = draw * 1664525 + 1013904223;
        }
    }
}

static int table_sort(lua_State *L)
{
    lua_Integer count = check_length(L, 1, READS | WRITES);
    if (count > 1) {
        luaL_argcheck(L, count < INT_MAX, 1, "array too big");
        if (!lua_isnoneornil(L, 2)) {
            luaL_checktype(L, 2, LUA_TFUNCTION);
        }
        lua_settop(L, 2);
        sort_range(L, 1, (lua_Unsigned)count, 0);
    }
    return 0;
}

void library_table_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"concat", table_concat},
        {"insert", table_insert},
        {"move", table_move},
        {"remove", table_remove},
        {"sort", table_sort},
        {"unpack", table_unpack},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
