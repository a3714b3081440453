/* script.h - the Lua host: one sandboxed state, its budgets, and the only ways in.
 *
 * Owner:   a worker (one state per worker and pipeline), or whoever checks a file.
 * Thread:  one thread for the state's whole life, but for the watchdog, which may arm its hook.
 * Memory:  capped per state by `memory_bytes`; beyond it Lua sees "not enough memory".
 * Fails:   SRT_ESCRIPT: the script raised; SRT_EBUDGET: it ran past its deadline or out of memory
 *          (no pcall in the script can catch that); SRT_EPARSE: it does not compile. The message
 *          begins with file:line of the YAML or Lua file. */
#ifndef SRT_SCRIPT_SCRIPT_H
#define SRT_SCRIPT_SCRIPT_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

struct native_expr;
struct script;

/* A parameter of the pipeline (`params:`), read as s.param(name, default). Text that is a number or
 * true/false arrives as such. */
struct script_param {
    const char *name;
    const char *value;
};

struct script_options {
    size_t memory_bytes;       /* 64 MiB */
    int64_t deadline_ms;       /* 100 ms of processor time, per call */
    const char *const *paths;  /* NULL-terminated: where `require` and `use:` look for NAME.lua */
    const struct script_param *params;
    size_t param_count;
    uint64_t random_seed;      /* of math.random: the same seed repeats a run */
    const struct srt_clock *clock; /* NULL: real */
    const char *name;          /* of the pipeline, for log lines */
};
void script_options_default(struct script_options *options);

int script_create(const struct script_options *options, struct script **ret_script,
                  struct srt_err *err);
void script_destroy(struct script *script); /* accepts NULL */

/* For stages that push arguments and read results (value.h). Never call lua_pcall on it:
 * script_call. */
lua_State *script_state(struct script *script);

/* --- functions --- */

enum script_form {
    SCRIPT_AUTO, /* told apart by the text: begins with `function` (or a comment before it), parses
                  * as `return (<text>)`, else a body with v, r, k, ctx in scope */
    SCRIPT_EXPRESSION,
    SCRIPT_BODY,
};

/* A text from a configuration. Lines of errors are the file's own: the chunk is compiled as if it
 * stood at first_line of `file`. */
struct script_text {
    const char *text;
    size_t len;
    const char *file;
    int first_line;
    enum script_form form;
};

/* A function that lives in the state's registry. */
struct script_fn {
    int ref;         /* LUA_NOREF: none */
    int param_count; /* how many of (v, r, k, ctx) it wants to see; 255 for ... */
    bool has_vararg;
    bool forgets_value; /* surely keeps nothing of its first argument: see value_push_reused() */
    /* The same without Lua, for many a simple expression (native_expr.h); else NULL. The script's:
     * it lives as long as `ref`. */
    const struct native_expr *native;
};

/* The order of arguments of texts: expressions and bodies see v, r, k, ctx; functions are called
 * with (v, r, ...) as their stage says. `*ret_line` is the line of a compile error, else 0. */
int script_compile(struct script *script, const struct script_text *text, struct script_fn *ret_fn,
                   int *ret_line, struct srt_err *err);

/* `use: module.fn`: require the module from the paths, take its field. SRT_ENOENT when there is
 * none. */
int script_use(struct script *script, const char *name, struct script_fn *ret_fn,
               struct srt_err *err);

/* Take the function on top of the stack (popped). */
int script_fn_take(struct script *script, struct script_fn *ret_fn);
void script_fn_release(struct script *script, struct script_fn *fn);

/* Run a Lua file (a builder); its results stay on the stack, *ret_count of them. The deadline is 10
 * times a call's. */
int script_run_file(struct script *script, const char *path, int *ret_count, struct srt_err *err);

/* --- calling --- */

/* Push a compiled function; then its arguments; then script_call. */
void script_push_fn(struct script *script, const struct script_fn *fn);

/* As lua_pcall with deadline, budget and traceback. On failure the stack is as before function and
 * arguments were pushed, and script_traceback() tells more until the next call. */
int script_call(struct script *script, int arg_count, int result_count, struct srt_err *err);
const char *script_traceback(const struct script *script);

/* Changes when a call could only be ended by giving its state up (SRT_EBUDGET): script_state() is a
 * new one then, and everything that was pushed on or taken from the old one is gone. Functions are
 * to be compiled again; releasing the old ones is a mistake. */
uint64_t script_generation(const struct script *script);
bool script_error_retriable(const struct script *script); /* raised with s.retriable(msg) */

size_t script_memory_bytes(const struct script *script);
size_t script_memory_peak_bytes(const struct script *script);

/* Full collection; between batches when memory is short. */
void script_collect(struct script *script);

#endif
