/* thread.h - threads by role, and the few locks.
 *
 * Owner:   whoever starts a thread joins it.
 * Thread:  a lock's functions from any; io_role() says which role runs.
 * Memory:  embedded in the caller's struct.
 * Fails:   io_thread_start: SRT_EIO. Lock misuse (rank order, wrong holder) asserts. */
#ifndef SRT_IO_THREAD_H
#define SRT_IO_THREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/assert.h"
#include "base/atomic.h"
#include "base/err.h"

/* docs/threads.md describes each. */
#define IO_ROLE_MAP(X)                                                                             \
    X(NONE, "none")   /* not a thread of ours: a test's, or before main() named itself */          \
    X(MAIN, "main")   /* control, timers, signals */                                               \
    X(STORE, "store") /* journal, group commit, segments */                                        \
    X(WORK, "work")   /* runs pipelines */                                                         \
    X(BACK, "back")   /* checkpoints, retention */                                                 \
    X(WATCH, "watch") /* ends scripts that take too long */                                        \
    X(SINK, "sink")   /* writes to files and pipes that may stall */

enum io_role {
#define IO_ROLE_ENUM(name, text) IO_ROLE_##name,
    IO_ROLE_MAP(IO_ROLE_ENUM)
#undef IO_ROLE_ENUM
};

enum io_role io_role(void);
void io_role_set(enum io_role role); /* of the calling thread */

/* A public function with thread affinity begins with SRT_ON(STORE). Threads without a role pass:
 * unit tests call into modules directly. */
#define SRT_ON(name) srt_assert(io_role() == IO_ROLE_##name || io_role() == IO_ROLE_NONE)

typedef void (*io_thread_fn)(void *arg);
struct io_thread {
    uv_thread_t uv;
    io_thread_fn fn;
    void *arg;
    enum io_role role;
    char name[16]; /* shown by top -H: "work-3" */
};

/* The thread takes no signals: those are the main thread's. */
int io_thread_start(struct io_thread *thread, enum io_role role, int index, io_thread_fn fn,
                    void *arg, struct srt_err *err); /* index < 0: no number in the name */
void io_thread_join(struct io_thread *thread);
const char *io_role_name(enum io_role role);

/* Every lock there is, in the order in which they may be taken together: a thread that holds one
 * may only take one that stands below it. Never held across a callback, a Lua call, or blocking I/O
 * (a lock that must be says so here). */
#define IO_LOCK_MAP(X)                                                                             \
    X(BROKER_REGISTRY, "topics and groups by name")                                                \
    X(GROUP, "one group's members and offsets")                                                    \
    X(STORE_INBOX, "writes handed to the store thread")                                            \
    X(STORE_PARTITIONS, "the table of partitions")                                                 \
    X(PARTITION, "one partition's list of segments and its watchers")                              \
    X(SEGMENT_FILES, "which segment files are open")                                               \
    X(MAILBOX, "one mailbox")                                                                      \
    X(MEMORY_ENGINE, "the memory engine's topics")                                                 \
    X(SINK_STATE, "a sink's buffer between worker and writer")                                     \
    X(SCRIPT_WATCH, "the scripts whose calls are watched")

enum io_lock_rank {
#define IO_LOCK_ENUM(name, what) IO_LOCK_##name,
    IO_LOCK_MAP(IO_LOCK_ENUM)
#undef IO_LOCK_ENUM
};

struct io_lock {
    uv_mutex_t uv;
    enum io_lock_rank rank;
    _Atomic(void *) holder; /* a thread-local address of the holder, NULL when free */
};

void io_lock_init(struct io_lock *lock, enum io_lock_rank rank);
void io_lock_fini(struct io_lock *lock);
void io_lock(struct io_lock *lock);
void io_unlock(struct io_lock *lock);
void io_lock_assert_held(const struct io_lock *lock);

/* A condition to wait for under a lock, the only one that the thread holds meanwhile. */
struct io_cond {
    uv_cond_t uv;
};
void io_cond_init(struct io_cond *cond);
void io_cond_fini(struct io_cond *cond);
void io_cond_wait(struct io_cond *cond, struct io_lock *lock);
/* false: timed out */
bool io_cond_wait_ms(struct io_cond *cond, struct io_lock *lock, int64_t timeout_ms);
void io_cond_signal(struct io_cond *cond);
void io_cond_broadcast(struct io_cond *cond);

#endif
