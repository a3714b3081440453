/* limit_window.h - a tumbling window over keys that are numbers: what each adds up to, and a row
 * for each when the window is over. Records are in the order of their times.
 *
 * Owner:   limit.c; there is one.
 * Thread:  the only one.
 * Memory:  the slots, for SLOTS_MAX keys.
 * Fails:   ends the process when there are more keys. */
#ifndef SRT_BENCH_LIMIT_WINDOW_H
#define SRT_BENCH_LIMIT_WINDOW_H

#include <lua.h>
#include <stddef.h>

struct limit_window_slot {
    const char *key; /* its text, in the mapped input; NULL: free */
    size_t key_len;
    long long count;
    double total;
    int state; /* a reference to a Lua table, or LUA_NOREF */
};

/* The slot of the record's `user_id` in the window of its `ts`, empty when it is the first. */
struct limit_window_slot *limit_window_find(lua_State *L, const char *record);

/* Write the rows of the open window. */
void limit_window_close(lua_State *L);

/* How many rows were written. */
unsigned limit_window_rows(void);

#endif
