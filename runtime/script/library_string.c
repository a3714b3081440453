/* string.find, match, gmatch, gsub, rep and the like, as in Lua 5.4. Each loop whose length the
 * script chooses looks at the budget.
 *
 * Lua's own stay where one pass over the arguments is all there is: byte, char, format, len, pack,
 * packsize, sub and unpack. The cap on memory bounds what they are given and what they make. */
#include "script/library_string.h"

#include "script/pattern.h"
#include "script/script_impl.h"

#include <lauxlib.h>
#include <limits.h>
#include <string.h>

enum { PIECE = 1 << 16 }; /* bytes between two looks at the budget */

static size_t start_position(lua_Integer pos, size_t len)
{
    if (pos > 0) {
        return (size_t)pos;
    }
    if (pos == 0 || pos < -(lua_Integer)len) {
        return 1;
    }
    return len + (size_t)pos + 1;
}

/* --- captures --- */

/* What a matcher left behind becomes an error: of the pattern, or of the budget. */
static void raise_failure(lua_State *L, struct budget *budget, const struct pattern *m)
{
    budget_poll(budget, L);
    if (m->failure) {
        luaL_error(L, m->failure, m->failure_index);
    }
}

/* Capture i, or the whole match in place of the first when there is none. */
static struct pattern_capture capture_at(lua_State *L, const struct pattern *m, int i,
                                         const char *from, const char *end)
{
    if (i >= m->level) {
        if (i != 0) {
            luaL_error(L, "invalid capture index %%%d", i + 1);
        }
        return (struct pattern_capture){from, end - from};
    }
    if (m->captures[i].len == PATTERN_OPEN) {
        luaL_error(L, "unfinished capture");
    }
    return m->captures[i];
}

static void push_capture(lua_State *L, const struct pattern *m, int i, const char *from,
                         const char *end)
{
    struct pattern_capture capture = capture_at(L, m, i, from, end);
    if (capture.len == PATTERN_POSITION) {
        lua_pushinteger(L, capture.at - m->subject + 1);
    } else {
        lua_pushlstring(L, capture.at, (size_t)capture.len);
    }
}

/* All captures; without any, the whole match if `from` is given. */
static int push_captures(lua_State *L, const struct pattern *m, const char *from, const char *end)
{
    int count = m->level == 0 && from ? 1 : m->level;
    luaL_checkstack(L, count, "too many captures");
    for (int i = 0; i < count; i++) {
        push_capture(L, m, i, from, end);
    }
    return count;
}

/* --- find and match --- */

static int find_literal(lua_State *L, const char *from, size_t len, size_t init, const char *what,
                        size_t what_len)
{
    struct budget *budget = &script_of(L)->budget;
    const char *found = pattern_search_literal(from, len, what, what_len, &budget->breach);
    budget_poll(budget, L);
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    lua_Integer at = (lua_Integer)init + (found - from);
    lua_pushinteger(L, at);
    lua_pushinteger(L, at + (lua_Integer)what_len - 1);
    return 2;
}

static int find_or_match(lua_State *L, bool finds)
{
    size_t len;
    size_t text_len;
    const char *subject = luaL_checklstring(L, 1, &len);
    const char *text = luaL_checklstring(L, 2, &text_len);
    size_t init = start_position(luaL_optinteger(L, 3, 1), len);
    if (init > len + 1) {
        lua_pushnil(L);
        return 1;
    }
    const char *from = subject + init - 1;
    if (finds && (lua_toboolean(L, 4) || pattern_is_literal(text, text_len))) {
        return find_literal(L, from, len - init + 1, init, text, text_len);
    }
    struct budget *budget = &script_of(L)->budget;
    struct pattern m;
    bool anchored = text_len > 0 && *text == '^';
    pattern_init(&m, subject, len, text + anchored, text_len - anchored, &budget->breach);
    const char *at = from;
    const char *end = NULL;
    if (anchored) {
        end = pattern_match(&m, from);
    } else {
        at = pattern_search(&m, from, NULL, &end);
    }
    raise_failure(L, budget, &m);
    if (!at || !end) {
        lua_pushnil(L);
        return 1;
    }
    if (!finds) {
        return push_captures(L, &m, at, end);
    }
    lua_pushinteger(L, at - subject + 1);
    lua_pushinteger(L, end - subject);
    return push_captures(L, &m, NULL, NULL) + 2;
}

static int string_find(lua_State *L)
{
    return find_or_match(L, true);
}

static int string_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* --- gmatch --- */

/* Upvalues: subject, pattern, where to go on (from 0), and where the last match ended or -1. */
static int gmatch_next(lua_State *L)
{
    size_t len;
    size_t text_len;
    const char *subject = lua_tolstring(L, lua_upvalueindex(1), &len);
    const char *text = lua_tolstring(L, lua_upvalueindex(2), &text_len);
    lua_Integer from = lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    if ((size_t)from > len) {
        return 0;
    }
    struct budget *budget = &script_of(L)->budget;
    struct pattern m;
    pattern_init(&m, subject, len, text, text_len, &budget->breach);
    const char *end;
    const char *at = pattern_search(&m, subject + from, last < 0 ? NULL : subject + last, &end);
    raise_failure(L, budget, &m);
    if (!at) {
        return 0;
    }
    lua_pushinteger(L, end - subject);
    lua_pushvalue(L, -1);
    lua_replace(L, lua_upvalueindex(3));
    lua_replace(L, lua_upvalueindex(4));
    return push_captures(L, &m, at, end);
}

static int string_gmatch(lua_State *L)
{
    size_t len;
    luaL_checklstring(L, 1, &len);
    luaL_checkstring(L, 2);
    size_t init = start_position(luaL_optinteger(L, 3, 1), len);
    lua_settop(L, 2);
    lua_pushinteger(L, init > len + 1 ? (lua_Integer)len + 1 : (lua_Integer)init - 1);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_next, 4);
    return 1;
}

/* --- gsub --- */

enum { GSUB_SUBJECT = 1, GSUB_PATTERN, GSUB_BY, GSUB_MAX };

static void add_text(lua_State *L, luaL_Buffer *out, const struct pattern *m, const char *from,
                     const char *end)
{
    struct budget *budget = &script_of(L)->budget;
    size_t len;
    const char *p = lua_tolstring(L, GSUB_BY, &len);
    const char *by_end = p + len;
    for (;;) {
        const char *sign = memchr(p, '%', (size_t)(by_end - p));
        luaL_addlstring(out, p, (size_t)((sign ? sign : by_end) - p));
        if (!sign) {
            return;
        }
        budget_poll(budget, L);
        char what = '\0';
        if (sign + 1 < by_end) {
            what = sign[1];
        }
        if (what == '%') {
            luaL_addchar(out, '%');
        } else if (what == '0') {
            luaL_addlstring(out, from, (size_t)(end - from));
        } else if (what >= '1' && what <= '9') {
            struct pattern_capture capture = capture_at(L, m, what - '1', from, end);
            if (capture.len == PATTERN_POSITION) {
                lua_pushinteger(L, capture.at - m->subject + 1);
                luaL_addvalue(out);
            } else {
                luaL_addlstring(out, capture.at, (size_t)capture.len);
            }
        } else {
            luaL_error(L, "invalid use of '%c' in replacement string", '%');
        }
        p = sign + 2;
    }
}

/* Whether the match was replaced, rather than kept. */
static bool add_value(lua_State *L, luaL_Buffer *out, const struct pattern *m, const char *from,
                      const char *end, int by_type)
{
    if (by_type == LUA_TFUNCTION) {
        lua_pushvalue(L, GSUB_BY);
        lua_call(L, push_captures(L, m, from, end), 1);
    } else if (by_type == LUA_TTABLE) {
        push_capture(L, m, 0, from, end);
        lua_gettable(L, GSUB_BY);
    } else {
        add_text(L, out, m, from, end);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, from, (size_t)(end - from));
        return false;
    }
    if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
    luaL_addvalue(out);
    return true;
}

static int string_gsub(lua_State *L)
{
    size_t len;
    size_t text_len;
    const char *subject = luaL_checklstring(L, GSUB_SUBJECT, &len);
    const char *text = luaL_checklstring(L, GSUB_PATTERN, &text_len);
    int by_type = lua_type(L, GSUB_BY);
    lua_Integer max = luaL_optinteger(L, GSUB_MAX, (lua_Integer)len + 1);
    luaL_argexpected(L,
                     by_type == LUA_TNUMBER || by_type == LUA_TSTRING || by_type == LUA_TFUNCTION ||
                         by_type == LUA_TTABLE,
                     GSUB_BY, "string/function/table");
    struct budget *budget = &script_of(L)->budget;
    bool anchored = text_len > 0 && *text == '^';
    struct pattern m;
    pattern_init(&m, subject, len, text + anchored, text_len - anchored, &budget->breach);
    const char *from = subject;
    const char *last = NULL;
    bool changed = false;
    lua_Integer count = 0;
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    while (count < max) {
        const char *at = from;
        const char *end = NULL;
        if (anchored) {
            end = pattern_match(&m, from);
        } else {
            at = pattern_search(&m, from, last, &end);
        }
        raise_failure(L, budget, &m);
        if (!at || !end) {
            break;
        }
        count++;
        luaL_addlstring(&out, from, (size_t)(at - from));
        changed |= add_value(L, &out, &m, at, end, by_type);
        from = last = end;
        if (anchored) {
            break;
        }
    }
    if (changed) {
        luaL_addlstring(&out, from, (size_t)(subject + len - from));
        luaL_pushresult(&out);
    } else {
        lua_pushvalue(L, GSUB_SUBJECT);
    }
    lua_pushinteger(L, count);
    return 2;
}

/* --- rep, reverse, lower, upper --- */

static int string_rep(lua_State *L)
{
    size_t len;
    size_t gap_len;
    const char *text = luaL_checklstring(L, 1, &len);
    lua_Integer count = luaL_checkinteger(L, 2);
    const char *gap = luaL_optlstring(L, 3, "", &gap_len);
    if (count <= 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (len + gap_len > (size_t)INT_MAX / (size_t)count) {
        return luaL_error(L, "resulting string too large");
    }
    size_t total = (size_t)count * len + (size_t)(count - 1) * gap_len;
    if (total == 0) { /* nothing, however often */
        lua_pushliteral(L, "");
        return 1;
    }
    struct budget *budget = &script_of(L)->budget;
    luaL_Buffer out;
    char *to = luaL_buffinitsize(L, &out, total);
    /* One text and gap, then again what is there already, in pieces of whole units. */
    size_t unit = len + gap_len;
    size_t limit = unit > PIECE ? unit : PIECE - PIECE % unit;
    memcpy(to, text, len);
    memcpy(to + len, gap, count > 1 ? gap_len : 0);
    for (size_t have = count > 1 ? unit : len; have < total;) {
        budget_poll(budget, L);
        size_t piece = have < limit ? have : limit;
        piece = piece < total - have ? piece : total - have;
        memcpy(to + have, to, piece);
        have += piece;
    }
    luaL_pushresultsize(&out, total);
    return 1;
}

static int string_reverse(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct budget *budget = &script_of(L)->budget;
    luaL_Buffer out;
    char *to = luaL_buffinitsize(L, &out, len);
    for (size_t i = 0; i < len; i++) {
        if (i % PIECE == 0) {
            budget_poll(budget, L);
        }
        to[i] = text[len - i - 1];
    }
    luaL_pushresultsize(&out, len);
    return 1;
}

/* Letters of the C locale, from..from + 25, become those of the other case. */
static int change_case(lua_State *L, char first)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct budget *budget = &script_of(L)->budget;
    luaL_Buffer out;
    char *to = luaL_buffinitsize(L, &out, len);
    for (size_t i = 0; i < len;) {
        budget_poll(budget, L);
        size_t stop = len - i > PIECE ? i + PIECE : len;
        for (; i < stop; i++) {
            unsigned char c = (unsigned char)text[i];
            to[i] = (char)(c ^ ((unsigned char)(c - first) < 26 ? 'a' - 'A' : 0));
        }
    }
    luaL_pushresultsize(&out, len);
    return 1;
}

static int string_lower(lua_State *L)
{
    return change_case(L, 'A');
}

static int string_upper(lua_State *L)
{
    return change_case(L, 'a');
}

void library_string_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"find", string_find},       {"gmatch", string_gmatch}, {"gsub", string_gsub},
        {"lower", string_lower},     {"match", string_match},   {"rep", string_rep},
        {"reverse", string_reverse}, {"upper", string_upper},   {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
