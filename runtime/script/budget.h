/* budget.h - what one call of a script may use: time and memory.
 *
 * Owner:   a script's state; the watchdog borrows it between attach and detach.
 * Thread:  the state's; the watchdog reads `epoch` and `deadline_ms` and sends a signal.
 * Memory:  counts what Lua holds; one thread for the process while there is any script.
 * Fails:   budget_attach: SRT_EIO when the watchdog cannot start. A script that is over its budget
 *          gets an error that it cannot catch: see budget_check(). */
#ifndef SRT_SCRIPT_BUDGET_H
#define SRT_SCRIPT_BUDGET_H

#include <lua.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "script/heap.h"

enum budget_breach { BUDGET_KEPT, BUDGET_TIME, BUDGET_MEMORY };

struct budget {
    /* memory: the state's thread only */
    size_t used_bytes;
    size_t peak_bytes;
    size_t cap_bytes;
    size_t refused_bytes; /* the last request that was refused, 0 once it was granted after all */
    struct heap heap;
    const void *watched; /* a block that shall be NULL here once it is freed: see lazy_walk.c */

    /* Set by the allocator or by the signal handler, both on the state's thread; sticky until the
     * call is over. */
    volatile sig_atomic_t breach; /* enum budget_breach */
    bool raised;                  /* the hook has raised at least once */
    char where[80];               /* "file:line: " of where it first did */
    lua_State *volatile running;  /* the coroutine that runs now: where a hook has to go */
    struct budget *outer;         /* of the call that this one is made from, mostly NULL */
    sigjmp_buf way_out;           /* of the outermost call, set by script.c before budget_enter() */

    /* time */
    _Atomic uint64_t epoch;      /* odd while a call runs; written by the state's thread */
    _Atomic uint64_t over_epoch; /* the epoch that is over its deadline; written by the watchdog */
    _Atomic uint64_t lost_epoch; /* the one that did not end all the same; likewise */
    _Atomic int thread_id;       /* of the state's thread */
    _Atomic int cpu_clock;       /* a clockid_t: of the processor time that thread has had */
    _Atomic int64_t deadline_ms; /* of calls from now on */

    /* the watchdog's own, under its lock */
    struct srt_list node;
    uint64_t seen_epoch;
    int64_t seen_cpu_ns; /* what the thread had used up when this epoch was first seen */
};

void budget_init(struct budget *budget, size_t cap_bytes, int64_t deadline_ms);
/* Gives back all memory, whether lua_close() came before or not. */
void budget_fini(struct budget *budget);

/* lua_Alloc; ud is the budget. */
void *budget_alloc(void *ud, void *ptr, size_t old_size, size_t new_size);

/* Whether `bytes` more can be had without a refusal: then pushing a value cannot raise. */
static inline bool budget_has(const struct budget *budget, size_t bytes)
{
    return budget->used_bytes <= budget->cap_bytes &&
           budget->cap_bytes - budget->used_bytes >= bytes;
}

/* Let the watchdog know of it. */
int budget_attach(struct budget *budget, struct srt_err *err);
void budget_detach(struct budget *budget);

/* Around the outermost call into Lua, on the state's thread. A call that no hook stops goes to
 * way_out instead of returning: then comes budget_abandon(), and the state is only memory. */
void budget_enter(struct budget *budget, lua_State *L);
enum budget_breach budget_leave(struct budget *budget, lua_State *L, bool failed);
void budget_abandon(struct budget *budget);

/* For everything that catches errors (pcall, coroutines): raise again when the budget is gone. A
 * refused string buffer counts too, which Lua itself reports as an ordinary error. */
bool budget_is_over(const struct budget *budget);
void budget_check(struct budget *budget, lua_State *L);
int budget_raise(struct budget *budget, lua_State *L);

/* For loops in C, which no hook interrupts: one load as long as all is well. `breach` itself may be
 * handed to a loop that knows nothing of Lua. */
void budget_stop(struct budget *budget, lua_State *L);
static inline void budget_poll(struct budget *budget, lua_State *L)
{
    if (budget->breach != BUDGET_KEPT) {
        budget_stop(budget, L);
    }
}

/* Around lua_resume: where the deadline's hook has to go. */
lua_State *budget_switch(struct budget *budget, lua_State *to);

#endif
