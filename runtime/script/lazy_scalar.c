/* Members that are no containers are decoded anew each time they are read: most are read once. */
#include "script/lazy.h"

#include <lauxlib.h>

#include "base/assert.h"
#include "script/script_impl.h"

static bool push_small_integer(lua_State *L, const char *text, uint32_t len)
{
    const char *p = text;
    const char *end = text + len;
    bool negative = *p == '-';
    p += negative;
    if (end - p > 18 || (negative && *p == '0')) {
        return false; /* json_number knows what -0 is */
    }
    int64_t value = 0;
    for (; p < end; p++) {
        value = value * 10 + (*p - '0');
    }
    lua_pushinteger(L, negative ? -value : value);
    return true;
}

static void push_number(lua_State *L, const char *text, const struct json_slot *slot)
{
    if (slot->is_integer && push_small_integer(L, text, slot->value_len)) {
        return;
    }
    int64_t integer;
    double number;
    if (json_number(text, slot->value_len, &integer, &number)) {
        lua_pushinteger(L, integer);
    } else {
        lua_pushnumber(L, number);
    }
}

static void push_text(lua_State *L, const char *raw, size_t len, bool escaped)
{
    if (!escaped) {
        lua_pushlstring(L, raw, len);
        return;
    }
    struct srt_buf *plain = &script_of(L)->scratch;
    srt_buf_clear(plain);
    json_unescape(raw, len, plain);
    if (srt_buf_failed(plain)) {
        luaL_error(L, "not enough memory");
    }
    lua_pushlstring(L, (const char *)plain->data, plain->len);
}

void lazy_push_scalar(lua_State *L, const struct json_doc *doc, const struct json_slot *slot)
{
    const char *text = doc->text + slot->value_at;
    switch (json_slot_type(slot)) {
    case JSON_NULL:
        lazy_push_null(L);
        return;
    case JSON_FALSE:
    case JSON_TRUE:
        lua_pushboolean(L, json_slot_type(slot) == JSON_TRUE);
        return;
    case JSON_NUMBER:
        push_number(L, text, slot);
        return;
    case JSON_STRING:
        push_text(L, text + 1, slot->value_len - 2, slot->value_escaped);
        return;
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    srt_unreachable("a container is no scalar");
}

void lazy_push_key(lua_State *L, const struct json_doc *doc, const struct json_slot *slot)
{
    push_text(L, doc->text + slot->key_at, slot->key_len, slot->key_escaped);
}
