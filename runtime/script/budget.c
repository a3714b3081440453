/* The two things a script can use up, and how it is stopped without paying for it on every record.
 *
 * Memory is counted by the allocator. A request beyond the cap is refused; Lua then collects
 * garbage and asks once more for the same size. Only a second refusal in a row means that memory is
 * really gone. (The buffers of the string library ask only once and raise an ordinary error:
 * `refused_bytes` remembers it for budget_is_over().)
 *
 * Time is the processor's, so that a busy machine ends no script. It costs nothing while there is
 * enough of it: a call only makes `epoch` odd at its start and even at its end. One thread for the
 * whole process looks every few milliseconds:
 *
 *     watchdog                               the state's thread
 *     epoch is odd and the same
 *     for longer than the deadline
 *       over_epoch = epoch
 *       tgkill(thread_id, SIGURG)  ------->  on_signal(): is my epoch the one that is over?
 *                                              lua_sethook(running, on_hook, every instruction)
 *                                            on_hook(): raise; and again after every pcall, in
 *                                              every __close, until control is in script_call()
 *
 * The handler acts only for the call that was found too long, so a signal that comes late does no
 * harm. lua_sethook is the one function of Lua that may be called from a signal handler. pcall,
 * xpcall and the coroutine functions are our own (sandbox.c, coroutines.c): they pass a used-up
 * budget on instead of handing it to the script. No hook interrupts a function in C: those whose
 * loops are not bounded by what they are given are our own too and look at `breach` in every round
 * (budget_poll). What still runs a quarter of a second past its deadline is a single step of Lua
 * that takes that long; it is left in the middle, and its state given up (escape.c). */
#include "script/budget.h"

#include <errno.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/atomic.h"
#include "base/clock.h"
#include "base/str.h"
#include "io/thread.h"
#include "script/escape.h"

enum {
    WATCH_BUSY_MS = 5,  /* how often it looks while calls run */
    WATCH_IDLE_MS = 25, /* and when none has run since it last looked */
    LOST_AFTER_MS = 250, /* a call that still runs so long past its deadline: no hook will end it */
};

static const int64_t NS_PER_MS = 1000000;

void budget_init(struct budget *budget, size_t cap_bytes, int64_t deadline_ms)
{
    *budget = (struct budget){.cap_bytes = cap_bytes};
    srt_store_relaxed(&budget->deadline_ms, deadline_ms);
    srt_list_init(&budget->node);
    heap_init(&budget->heap);
}

void budget_fini(struct budget *budget)
{
    heap_fini(&budget->heap);
}

/* --- memory --- */

static void arm(struct budget *budget, enum budget_breach breach);

static bool refuse(struct budget *budget, size_t size)
{
    if (budget->refused_bytes == size) {
        arm(budget, BUDGET_MEMORY);
    }
    budget->refused_bytes = size;
    return true;
}

static void count_used(struct budget *budget, size_t had, size_t size)
{
    budget->used_bytes += size - had;
    if (budget->used_bytes > budget->peak_bytes) {
        budget->peak_bytes = budget->used_bytes;
    }
}

static void *give_none(struct budget *budget, void *ptr, size_t had)
{
    if (ptr == budget->watched) {
        budget->watched = NULL;
    }
    budget->used_bytes -= had;
    heap_free(&budget->heap, ptr, had);
    return NULL;
}

/* Whatever is not a new small block that the pool has. */
static void *give_any(struct budget *budget, void *ptr, size_t had, size_t size)
{
    bool grows = size > had;
    if (grows && !budget_has(budget, size - had) && refuse(budget, size)) {
        return NULL;
    }
    void *got = heap_resize(&budget->heap, ptr, had, size);
    if (!got) {
        /* Lua counts on shrinking: the old block is large enough. */
        return grows && refuse(budget, size) ? NULL : ptr;
    }
    if (grows && budget->refused_bytes == size) {
        budget->refused_bytes = 0;
    }
    count_used(budget, had, size);
    return got;
}

void *budget_alloc(void *ud, void *ptr, size_t old_size, size_t new_size)
{
    struct budget *budget = ud;
    size_t had = ptr ? old_size : 0; /* without a block, old_size is the kind of object */
    if (new_size == 0) {
        return give_none(budget, ptr, had);
    }
    if (!ptr && new_size <= BLOCK_POOL_BLOCK_MAX && budget->refused_bytes == 0 &&
        budget_has(budget, new_size)) {
        void *block = block_pool_take(&budget->heap.pool, new_size);
        if (block) {
            count_used(budget, 0, new_size);
            return block;
        }
    }
    return give_any(budget, ptr, had, new_size);
}

/* --- stopping a call --- */

/* The budget of the outermost call that this thread is in. */
static _Thread_local struct budget *volatile current;
static _Thread_local int my_thread_id;
static _Thread_local clockid_t my_cpu_clock;

/* The first time only: the innermost line of Lua, which may have called a function in C. */
static void note_where(struct budget *budget, lua_State *L)
{
    lua_Debug ar;
    for (int level = 0; !budget->raised && lua_getstack(L, level, &ar); level++) {
        if (lua_getinfo(L, "Sl", &ar) && ar.currentline > 0) {
            snprintf(budget->where, sizeof budget->where, "%s:%d: ", ar.short_src, ar.currentline);
            break;
        }
    }
    budget->raised = true;
}

static void on_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    struct budget *budget = current;
    if (!budget || budget->breach == BUDGET_KEPT) {
        lua_sethook(L, NULL, 0, 0); /* left over in a coroutine of a call that is done */
        return;
    }
    note_where(budget, L);
    budget_raise(budget, L);
}

static void set_hook(lua_State *L)
{
    lua_sethook(L, on_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

static void arm(struct budget *budget, enum budget_breach breach)
{
    if (budget->breach == BUDGET_KEPT) {
        budget->breach = (sig_atomic_t)breach;
    }
    if (budget->running) {
        set_hook(budget->running);
    }
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    int saved = errno;
    struct budget *budget = current;
    uint64_t epoch = budget ? srt_load_relaxed(&budget->epoch) : 0;
    if (budget && srt_load_relaxed(&budget->lost_epoch) == epoch && escape_is_safe(context)) {
        siglongjmp(budget->way_out, 1);
    }
    if (budget && srt_load_relaxed(&budget->over_epoch) == epoch) {
        arm(budget, BUDGET_TIME);
    }
    errno = saved;
}

bool budget_is_over(const struct budget *budget)
{
    return budget->breach != BUDGET_KEPT || budget->refused_bytes != 0;
}

int budget_raise(struct budget *budget, lua_State *L)
{
    if (budget->breach == BUDGET_KEPT) {
        budget->breach = BUDGET_MEMORY;
    }
    /* A light value: raising must not allocate. script_call() writes the message. */
    lua_pushlightuserdata(L, budget);
    return lua_error(L);
}

void budget_check(struct budget *budget, lua_State *L)
{
    if (budget_is_over(budget)) {
        set_hook(L);
        budget_raise(budget, L);
    }
}

void budget_stop(struct budget *budget, lua_State *L)
{
    note_where(budget, L);
    set_hook(L);
    budget_raise(budget, L);
}

lua_State *budget_switch(struct budget *budget, lua_State *to)
{
    lua_State *from = budget->running;
    budget->running = to;
    atomic_signal_fence(memory_order_seq_cst);
    if (budget->breach != BUDGET_KEPT) {
        set_hook(to); /* the signal may have come while `from` was the one */
    }
    return from;
}

/* --- a call --- */

static void unblock_signal(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGURG);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void prepare_thread(void)
{
    unblock_signal();
    srt_assert(pthread_getcpuclockid(pthread_self(), &my_cpu_clock) == 0);
    my_thread_id = gettid();
}

void budget_enter(struct budget *budget, lua_State *L)
{
    if (!my_thread_id) {
        prepare_thread();
    }
    srt_store_relaxed(&budget->thread_id, my_thread_id);
    srt_store_relaxed(&budget->cpu_clock, my_cpu_clock);
    budget->running = L;
    budget->raised = false;
    budget->refused_bytes = 0;
    budget->where[0] = '\0';
    budget->outer = current;
    current = budget;
    srt_store_release(&budget->epoch, srt_load_relaxed(&budget->epoch) + 1);
}

enum budget_breach budget_leave(struct budget *budget, lua_State *L, bool failed)
{
    srt_store_relaxed(&budget->epoch, srt_load_relaxed(&budget->epoch) + 1);
    atomic_signal_fence(memory_order_seq_cst);
    current = budget->outer;
    budget->running = NULL;
    if (!failed && budget->breach == BUDGET_KEPT) {
        return BUDGET_KEPT;
    }
    enum budget_breach breach = (enum budget_breach)budget->breach;
    if (failed && breach == BUDGET_KEPT && budget->refused_bytes) {
        breach = BUDGET_MEMORY;
    }
    /* A call that returned just before the hook was set has done its work. */
    if (!failed && !budget->raised) {
        breach = BUDGET_KEPT;
    }
    lua_sethook(L, NULL, 0, 0);
    budget->breach = BUDGET_KEPT;
    budget->refused_bytes = 0;
    return breach;
}

void budget_abandon(struct budget *budget)
{
    srt_store_relaxed(&budget->epoch, srt_load_relaxed(&budget->epoch) + 1);
    atomic_signal_fence(memory_order_seq_cst);
    current = budget->outer;
    unblock_signal(); /* the handler did not return */
    budget->running = NULL;
    budget->breach = BUDGET_KEPT;
    budget->refused_bytes = 0;
    budget->used_bytes = 0;
    budget->watched = NULL;
    heap_fini(&budget->heap);
    heap_init(&budget->heap);
}

/* --- the watchdog --- */

enum watch_state { WATCH_OFF, WATCH_ON, WATCH_STOPPING };

static struct {
    struct io_lock lock;
    struct io_cond changed;
    enum watch_state state;
    struct srt_list budgets;
    struct io_thread thread;
} watch;
static pthread_once_t watch_once = PTHREAD_ONCE_INIT;

static void watch_prepare(void)
{
    io_lock_init(&watch.lock, IO_LOCK_SCRIPT_WATCH);
    io_cond_init(&watch.changed);
    srt_list_init(&watch.budgets);
    escape_prepare();
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_RESTART | SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    srt_assert(sigaction(SIGURG, &action, NULL) == 0);
}

/* What the thread has used up. A call that waits for a processor on a busy machine is not too
 * long. */
static int64_t cpu_ns(struct budget *budget)
{
    return srt_clock_cpu_ns(srt_load_relaxed(&budget->cpu_clock));
}

/* True when a call ran or began since the last look. */
static bool watch_look(struct budget *budget)
{
    /* Pairs with the release in budget_enter(): thread and clock are those of this call. */
    uint64_t epoch = srt_load_acquire(&budget->epoch);
    if (epoch % 2 == 0) {
        bool ran = epoch != budget->seen_epoch;
        budget->seen_epoch = epoch;
        return ran;
    }
    if (epoch != budget->seen_epoch) {
        budget->seen_epoch = epoch;
        budget->seen_cpu_ns = cpu_ns(budget);
        return true;
    }
    int64_t over_ns = cpu_ns(budget) - budget->seen_cpu_ns -
                      srt_load_relaxed(&budget->deadline_ms) * NS_PER_MS;
    if (over_ns >= 0) {
        srt_store_relaxed(&budget->over_epoch, epoch);
        if (over_ns >= LOST_AFTER_MS * NS_PER_MS) {
            srt_store_relaxed(&budget->lost_epoch, epoch);
        }
        /* A thread that is gone gives ESRCH; one that took over its number ignores the signal. */
        (void)tgkill(getpid(), srt_load_relaxed(&budget->thread_id), SIGURG);
    }
    return true;
}

static void watch_main(void *arg)
{
    (void)arg;
    io_lock(&watch.lock);
    while (watch.state == WATCH_ON) {
        bool busy = false;
        srt_list_for_each(node, &watch.budgets) {
            busy |= watch_look(srt_container_of(node, struct budget, node));
        }
        io_cond_wait_ms(&watch.changed, &watch.lock, busy ? WATCH_BUSY_MS : WATCH_IDLE_MS);
    }
    io_unlock(&watch.lock);
}

int budget_attach(struct budget *budget, struct srt_err *err)
{
    pthread_once(&watch_once, watch_prepare);
    io_lock(&watch.lock);
    while (watch.state == WATCH_STOPPING) {
        io_cond_wait(&watch.changed, &watch.lock);
    }
    int rc = SRT_OK;
    if (watch.state == WATCH_OFF) {
        watch.state = WATCH_ON;
        rc = io_thread_start(&watch.thread, IO_ROLE_WATCH, -1, watch_main, NULL, err);
        if (rc) {
            watch.state = WATCH_OFF;
        }
    }
    if (!rc) {
        srt_list_push(&watch.budgets, &budget->node);
    }
    io_unlock(&watch.lock);
    return rc;
}

void budget_detach(struct budget *budget)
{
    /* The lock is there, also when nothing was attached. */
    pthread_once(&watch_once, watch_prepare);
    io_lock(&watch.lock);
    bool attached = !srt_list_empty(&budget->node);
    srt_list_remove(&budget->node);
    bool last = attached && srt_list_empty(&watch.budgets);
    if (last) {
        watch.state = WATCH_STOPPING;
        io_cond_broadcast(&watch.changed);
    }
    io_unlock(&watch.lock);
    if (last) {
        io_thread_join(&watch.thread);
        io_lock(&watch.lock);
        watch.state = WATCH_OFF;
        io_cond_broadcast(&watch.changed);
        io_unlock(&watch.lock);
    }
}
