/* script_impl.h - what the files of this layer share about a state; nobody else includes it.
 *
 * Owner:   script.c creates and destroys it; each group of fields names the file that works on it.
 * Thread:  the state's, but for `watch`, whose comments say who writes and who reads.
 * Memory:  the struct is control plane; everything Lua allocates goes through budget_alloc().
 * Fails:   see script.h and value.h. */
#ifndef SRT_SCRIPT_SCRIPT_IMPL_H
#define SRT_SCRIPT_SCRIPT_IMPL_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "record/json.h"
#include "script/budget.h"
#include "script/json_fields.h"
#include "script/lazy_walk.h"
#include "script/script.h"
#include "script/value.h"

enum { SCRIPT_MAGIC = 0x53525453 };

/* The main stack's first slot holds the message handler for the life of the state. */
enum { SCRIPT_HANDLER_INDEX = 1 };

/* Registry references that every call needs: an integer key is the cheapest way to a value. */
struct script_refs {
    int lazy_mt;  /* metatable of lazy values (lazy.c) */
    int error_mt; /* metatable of error values (errors.c) */
    int reused;   /* the table for value_push_reused(); false: there is none (lazy.c) */
};

/* json_fields.c: how the fields of the table before were sorted. */
struct field_order {
    uint32_t count;
    uint8_t at[JSON_FIELDS_FEW];
};

struct script {
    uint32_t magic;
    lua_State *L;
    struct budget budget;
    struct script_options options; /* copied: its strings are owned */
    struct script_refs refs;
    int depth; /* 1 within script_call */
    uint64_t generation; /* how many states there were before this one */

    /* errors.c */
    struct srt_buf traceback;
    struct srt_buf message;
    bool error_retriable;

    /* chunk.c makes them, script.c lets them go: of the functions of this state */
    struct native_expr **natives;
    size_t native_count;

    /* chunk.c: names of files that are too long for Lua's messages, by what Lua makes of them */
    struct srt_map long_names;

    /* lazy.c, splice.c */
    const void *lazy_mt; /* identity of the metatable in refs */
    struct value_stats stats;
    struct json_index scratch_index;
    struct srt_buf scratch; /* a string without its escapes */
    struct srt_buf json;    /* of s.json.encode */
    struct field_order field_order;
    struct json_doc *reused_doc; /* of the table in refs; NULL: there is none */
    const void *reused_table; /* that table's identity */
    uint32_t reused_text_cap;
    bool reused_is_out; /* not released yet */
    struct lazy_walk walk;
    uint32_t slots_guess;   /* members of the last record that was touched; 0: it was not */
};

/* The script a Lua state belongs to; coroutines share it. */
static inline struct script *script_of(lua_State *L)
{
    return *(struct script **)lua_getextraspace(L);
}

/* script_call() without deadline and budget, for our own code that may run out of memory. */
int script_protect(struct script *script, int arg_count, int result_count, struct srt_err *err);

#endif
