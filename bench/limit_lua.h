/* limit_lua.h - a bare Lua state with the two ways a loop can show a record to a function: a
 * userdata that scans the text when a field is read and keeps what is written aside, or a table of
 * everything.
 *
 * Owner:   limit.c; there is one.
 * Thread:  the only one.
 * Memory:  the state's.
 * Fails:   ends the process on a Lua error. */
#ifndef SRT_BENCH_LIMIT_LUA_H
#define SRT_BENCH_LIMIT_LUA_H

#include <lua.h>
#include <stddef.h>

enum { LIMIT_OVERLAY_MAX = 4 };

/* What the userdata shows, and what was written to it. */
struct limit_record {
    const char *text;
    size_t len;
    int overlay_count;
    struct {
        char key[32];
        size_t key_len;
        char value[64]; /* JSON */
        size_t value_len;
    } overlay[LIMIT_OVERLAY_MAX];
};
extern struct limit_record limit_record;

lua_State *limit_lua_open(void);

/* Compile "return <source>" to a reference. */
int limit_lua_function(lua_State *L, const char *source);

/* Show the text as the record from now on. */
void limit_lua_show(const char *text, size_t len);

/* Call the function with the record, or with the value on top, which it takes, or with that and the
 * record; one result is on top. */
void limit_lua_call_record(lua_State *L, int fn);
void limit_lua_call_value(lua_State *L, int fn);
void limit_lua_call_both(lua_State *L, int fn);

/* The record with what was written to it, and a newline. */
void limit_lua_put_record(void);

/* Whether the value is the record. */
int limit_lua_is_record(lua_State *L, int index);

void limit_lua_push_table(lua_State *L, const char *text);
void limit_lua_put_table(lua_State *L, int index);

#endif
