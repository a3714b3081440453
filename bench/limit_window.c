#include "limit_window.h"

#include "limit_json.h"
#include "limit_output.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MAX = 1 << 15, ROW_BYTES_MAX = 256 };
static const int64_t SIZE_MS = 60000;

static struct limit_window_slot slots[SLOTS_MAX];
static unsigned used[SLOTS_MAX]; /* the slots that are taken, in the order in which they were */
static unsigned used_count, row_count;
static int64_t window_ms = -1; /* when the open one began */

static int64_t field_of(const char *record, const char *name, struct limit_field *ret)
{
    int64_t integer = 0;
    double number;
    if (limit_json_find(record, name, strlen(name), ret)) {
        limit_json_number(ret->value, ret->value_len, &integer, &number);
    }
    return integer;
}

static char *put_text(char *to, const char *text)
{
    size_t len = strlen(text);
    memcpy(to, text, len);
    return to + len;
}

static void put_row(lua_State *L, struct limit_window_slot *slot)
{
    if (slot->state != LUA_NOREF) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, slot->state);
        lua_getfield(L, -1, "count");
        lua_getfield(L, -2, "total");
        slot->count = lua_tointeger(L, -2);
        slot->total = lua_tonumber(L, -1);
        lua_pop(L, 3);
        luaL_unref(L, LUA_REGISTRYINDEX, slot->state);
    }
    char *to = limit_output_room(ROW_BYTES_MAX);
    char *p = to;
    memcpy(p, slot->key, slot->key_len);
    p = put_text(p + slot->key_len, "{\"count\":");
    p += limit_output_integer(p, slot->count);
    p = put_text(p, ",\"total\":");
    p += limit_output_number(p, slot->total);
    p = put_text(p, ",\"window_start\":");
    p += limit_output_integer(p, window_ms);
    p = put_text(p, ",\"window_end\":");
    p += limit_output_integer(p, window_ms + SIZE_MS);
    p = put_text(p, "}\n");
    limit_output_took((size_t)(p - to));
    row_count++;
}

void limit_window_close(lua_State *L)
{
    for (unsigned i = 0; i < used_count; i++) {
        put_row(L, &slots[used[i]]);
        slots[used[i]].key = NULL;
    }
    used_count = 0;
}

static struct limit_window_slot *take(unsigned at, const struct limit_field *key)
{
    if (used_count == SLOTS_MAX / 2) {
        fputs("bench_limit: too many keys\n", stderr);
        exit(1);
    }
    used[used_count++] = at;
    slots[at] = (struct limit_window_slot){
        .key = key->value, .key_len = key->value_len, .state = LUA_NOREF};
    return &slots[at];
}

struct limit_window_slot *limit_window_find(lua_State *L, const char *record)
{
    struct limit_field field;
    int64_t at_ms = field_of(record, "ts", &field);
    if (at_ms - window_ms >= SIZE_MS || window_ms < 0) {
        limit_window_close(L);
        window_ms = at_ms - at_ms % SIZE_MS;
    }
    uint64_t user = (uint64_t)field_of(record, "user_id", &field);
    unsigned at = (unsigned)(user * 0x9e3779b97f4a7c15u >> 49);
    while (slots[at].key && (slots[at].key_len != field.value_len ||
                             memcmp(slots[at].key, field.value, field.value_len) != 0)) {
        at = (at + 1) % SLOTS_MAX;
    }
    return slots[at].key ? &slots[at] : take(at, &field);
}

unsigned limit_window_rows(void)
{
    return row_count;
}
