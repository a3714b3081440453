/* utf8.len, codepoint and offset, as in Lua 5.4, with a look at the budget at each character.
 *
 * Positions count bytes from 1 and may count from the end. Continuation bytes are 10xxxxxx. Lua
 * knows sequences of up to six bytes, for numbers below 2^31; only `lax` allows what is beyond
 * Unicode, and surrogates. */
#include "script/library_utf8.h"

#include "script/script_impl.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

static const char invalid_code[] = "invalid UTF-8 code";

static bool continues(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static lua_Integer position(lua_Integer pos, size_t len)
{
    if (pos >= 0) {
        return pos;
    }
    return (size_t)0 - (size_t)pos > len ? 0 : (lua_Integer)len + pos + 1;
}

/* Behind the character at s, or NULL. Strings end with a zero, which continues nothing. */
static const char *decode(const char *s, uint32_t *ret_code, bool strict)
{
    enum { LONGEST = 5 }; /* continuation bytes */
    static const uint32_t least[LONGEST + 1] = {UINT32_MAX, 0x80,     0x800,
                                                0x10000,    0x200000, 0x4000000};
    unsigned first = (unsigned char)s[0];
    if (first < 0x80) {
        *ret_code = first;
        return s + 1;
    }
    uint32_t code = 0;
    int count = 0;
    for (; first & 0x40; first <<= 1) {
        count++;
        if (!continues(s[count])) {
            return NULL;
        }
        code = code << 6 | ((unsigned char)s[count] & 0x3F);
    }
    if (count > LONGEST) {
        return NULL;
    }
    code |= (uint32_t)(first & 0x7F) << (count * 5);
    if (code > 0x7FFFFFFF || code < least[count]) {
        return NULL;
    }
    if (strict && (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))) {
        return NULL;
    }
    *ret_code = code;
    return s + count + 1;
}

static int utf8_length(lua_State *L)
{
    size_t len;
    const char *s = luaL_checklstring(L, 1, &len);
    lua_Integer at = position(luaL_optinteger(L, 2, 1), len);
    lua_Integer last = position(luaL_optinteger(L, 3, -1), len);
    bool lax = lua_toboolean(L, 4);
    luaL_argcheck(L, 1 <= at && --at <= (lua_Integer)len, 2, "initial position out of bounds");
    luaL_argcheck(L, --last < (lua_Integer)len, 3, "final position out of bounds");
    struct budget *budget = &script_of(L)->budget;
    lua_Integer count = 0;
    for (; at <= last; count++) {
        budget_poll(budget, L);
        uint32_t code;
        const char *next = decode(s + at, &code, !lax);
        if (!next) {
            lua_pushnil(L);
            lua_pushinteger(L, at + 1);
            return 2;
        }
        at = next - s;
    }
    lua_pushinteger(L, count);
    return 1;
}

static int utf8_codepoint(lua_State *L)
{
    size_t len;
    const char *s = luaL_checklstring(L, 1, &len);
    lua_Integer from = position(luaL_optinteger(L, 2, 1), len);
    lua_Integer last = position(luaL_optinteger(L, 3, from), len);
    bool lax = lua_toboolean(L, 4);
    luaL_argcheck(L, from >= 1, 2, "out of bounds");
    luaL_argcheck(L, last <= (lua_Integer)len, 3, "out of bounds");
    if (from > last) {
        return 0;
    }
    if (last - from >= INT_MAX) {
        return luaL_error(L, "string slice too long");
    }
    luaL_checkstack(L, (int)(last - from) + 1, "string slice too long");
    struct budget *budget = &script_of(L)->budget;
    const char *end = s + last;
    int count = 0;
    for (s += from - 1; s < end; count++) {
        budget_poll(budget, L);
        uint32_t code;
        s = decode(s, &code, !lax);
        if (!s) {
            return luaL_error(L, invalid_code);
        }
        lua_pushinteger(L, code);
    }
    return count;
}

static int utf8_offset(lua_State *L)
{
    size_t size;
    const char *s = luaL_checklstring(L, 1, &size);
    lua_Integer len = (lua_Integer)size;
    lua_Integer n = luaL_checkinteger(L, 2);
    lua_Integer at = position(luaL_optinteger(L, 3, n >= 0 ? 1 : len + 1), size);
    luaL_argcheck(L, 0 <= --at && at <= len, 3, "position out of bounds");
    struct budget *budget = &script_of(L)->budget;
    if (n == 0) { /* the beginning of the character at that byte */
        while (at > 0 && continues(s[at])) {
            budget_poll(budget, L);
            at--;
        }
        lua_pushinteger(L, at + 1);
        return 1;
    }
    if (continues(s[at])) {
        return luaL_error(L, "initial position is a continuation byte");
    }
    for (; n < 0 && at > 0; n++) {
        do {
            budget_poll(budget, L);
            at--;
        } while (at > 0 && continues(s[at]));
    }
    for (n -= n > 0; n > 0 && at < len; n--) {
        do {
            budget_poll(budget, L);
            at++;
        } while (continues(s[at]));
    }
    if (n != 0) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, at + 1);
    return 1;
}

void library_utf8_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"codepoint", utf8_codepoint},
        {"len", utf8_length},
        {"offset", utf8_offset},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
