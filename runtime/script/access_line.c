/* Lines in the combined format have one form nearly always, and it needs no search: each part ends
 * at the next blank or quote.
 *
 *     ip ident user [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" 200 1234 "referer" "agent"
 *
 * Whatever is different (a user with blanks, a quote inside of quotes, HTTP/0.9) is left to the
 * patterns of lualib/streamrt/parse.lua, which decide what is a line and what is wrong with it. So
 * this gives an answer only where those would give the same. */
#include "script/access_line.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "script/lazy.h"

enum {
    MINUTE_BYTES = 17, /* "17/May/2015:10:05" */
    ZONE_BYTES = 5,
    WHEN_BYTES = MINUTE_BYTES + 3 + 1 + ZONE_BYTES,
    INTEGER_DIGITS = 18, /* so many fit */
};

struct part {
    const char *at;
    size_t len;
};

struct line {
    struct part ip, ident, user, when, method, path, protocol, bytes, referer, agent;
    lua_Integer status;
};

/* What is left to be read. Behind a Lua string stands a zero. */
struct cursor {
    const char *at;
    const char *end;
};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_byte(struct cursor *cursor, char byte)
{
    bool is = cursor->at < cursor->end && *cursor->at == byte;
    cursor->at += is;
    return is;
}

/* Everything up to white space, at least a byte. */
static bool take_word(struct cursor *cursor, struct part *ret)
{
    ret->at = cursor->at;
    while (cursor->at < cursor->end && !is_blank(*cursor->at)) {
        cursor->at++;
    }
    ret->len = (size_t)(cursor->at - ret->at);
    return ret->len > 0;
}

/* `"..."` without a quote or backslash in it. */
static bool take_quoted(struct cursor *cursor, struct part *ret)
{
    if (!take_byte(cursor, '"')) {
        return false;
    }
    const char *close = memchr(cursor->at, '"', (size_t)(cursor->end - cursor->at));
    if (!close) {
        return false;
    }
    *ret = (struct part){cursor->at, (size_t)(close - cursor->at)};
    cursor->at = close + 1;
    return !memchr(ret->at, '\\', ret->len);
}

/* `[dd/Mon/yyyy:hh:mm:ss +zzzz]`: digits where there must be some, and a second of a minute. */
static bool take_when(struct cursor *cursor, struct part *ret)
{
    static const char form[] = "[00/aaa/0000:00:00:00 +0000]";
    if (cursor->end - cursor->at < (ptrdiff_t)sizeof form - 1) {
        return false;
    }
    const char *at = cursor->at;
    for (size_t i = 0; i < sizeof form - 1; i++) {
        bool good = form[i] == '0'   ? is_digit(at[i])
                    : form[i] == '+' ? at[i] == '+' || at[i] == '-'
                    : form[i] == 'a' ? at[i] != ']' && at[i] != ':'
                                     : at[i] == form[i];
        if (!good) {
            return false;
        }
    }
    *ret = (struct part){at + 1, WHEN_BYTES};
    cursor->at += sizeof form - 1;
    const char *second = ret->at + MINUTE_BYTES + 1;
    return second[0] < '6' || (second[0] == '6' && second[1] == '0');
}

/* `METHOD path HTTP/x`: the protocol is what stands behind the last blank. */
static bool take_request(struct cursor *cursor, struct line *line)
{
    struct part request;
    if (!take_quoted(cursor, &request)) {
        return false;
    }
    struct cursor inside = {request.at, request.at + request.len};
    if (!take_word(&inside, &line->method) || !take_byte(&inside, ' ')) {
        return false;
    }
    const char *last = inside.end;
    while (last > inside.at && !is_blank(last[-1])) {
        last--;
    }
    static const char http[] = "HTTP/";
    line->protocol = (struct part){last, (size_t)(inside.end - last)};
    if (last == inside.at || last[-1] != ' ' || line->protocol.len < sizeof http ||
        memcmp(last, http, sizeof http - 1) != 0) {
        return false;
    }
    line->path = (struct part){inside.at, (size_t)(last - 1 - inside.at)};
    return true;
}

static bool take_status(struct cursor *cursor, lua_Integer *ret)
{
    const char *at = cursor->at;
    if (cursor->end - at < 3 || !is_digit(at[0]) || !is_digit(at[1]) || !is_digit(at[2])) {
        return false;
    }
    *ret = (at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0');
    cursor->at += 3;
    return true;
}

static bool take_line(struct cursor *cursor, struct line *line)
{
    bool good = take_word(cursor, &line->ip) && take_byte(cursor, ' ') &&
                take_word(cursor, &line->ident) && take_byte(cursor, ' ') &&
                take_word(cursor, &line->user) && take_byte(cursor, ' ') &&
                take_when(cursor, &line->when) && take_byte(cursor, ' ') &&
                take_request(cursor, line) && take_byte(cursor, ' ') &&
                take_status(cursor, &line->status) && take_byte(cursor, ' ') &&
                take_word(cursor, &line->bytes) && take_byte(cursor, ' ') &&
                take_quoted(cursor, &line->referer) && take_byte(cursor, ' ') &&
                take_quoted(cursor, &line->agent);
    while (good && cursor->at < cursor->end && is_blank(*cursor->at)) {
        cursor->at++;
    }
    return good && cursor->at == cursor->end;
}

/* --- to Lua --- */

static bool is_dash(const struct part *part)
{
    return part->len == 1 && *part->at == '-';
}

static void push_part(lua_State *L, const struct part *part)
{
    if (is_dash(part)) {
        lazy_push_null(L);
    } else {
        lua_pushlstring(L, part->at, part->len);
    }
}

/* False, and nothing is pushed, for what is no number of bytes, or too large a one. */
static bool push_bytes(lua_State *L, const struct part *part)
{
    if (is_dash(part)) {
        lazy_push_null(L);
        return true;
    }
    lua_Integer value = 0;
    for (size_t i = 0; i < part->len; i++) {
        if (i == INTEGER_DIGITS || !is_digit(part->at[i])) {
            return false;
        }
        value = value * 10 + (part->at[i] - '0');
    }
    lua_pushinteger(L, value);
    return true;
}

int access_line_split(lua_State *L)
{
    struct line line;
    struct cursor cursor = {0};
    if (lua_type(L, 1) == LUA_TSTRING) {
        size_t len;
        cursor.at = lua_tolstring(L, 1, &len);
        cursor.end = cursor.at + len;
    }
    bool whole = lua_toboolean(L, 2);
    if (!cursor.at || !take_line(&cursor, &line) || !push_bytes(L, &line.bytes)) {
        return 0;
    }
    char minute[MINUTE_BYTES + ZONE_BYTES];
    const char *second = line.when.at + MINUTE_BYTES + 1;
    memcpy(minute, line.when.at, MINUTE_BYTES);
    memcpy(minute + MINUTE_BYTES, second + 3, ZONE_BYTES);
    lua_pushlstring(L, minute, sizeof minute);
    lua_pushinteger(L, (second[0] - '0') * 10 + (second[1] - '0'));
    push_part(L, &line.ip);
    push_part(L, &line.method);
    push_part(L, &line.path);
    lua_pushinteger(L, line.status);
    push_part(L, &line.referer);
    lua_pushlstring(L, line.agent.at, line.agent.len);
    if (!whole) {
        return 9;
    }
    push_part(L, &line.ident);
    push_part(L, &line.user);
    push_part(L, &line.protocol);
    return 12;
}
