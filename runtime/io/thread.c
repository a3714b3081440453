/* A thread knows which locks it holds: their ranks, in the order taken, which is rising by rule. So
 * the next lock's rank need only be compared with the last one's, and a wrong order stops the
 * process at the first attempt instead of one day dead-locking two threads. */
#include "io/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

enum { HELD_MAX = 8 };

static const char *const role_names[] = {
#define ROLE_NAME(name, text) text,
    IO_ROLE_MAP(ROLE_NAME)
#undef ROLE_NAME
};

static _Thread_local enum io_role role_now;

static _Thread_local struct {
    int count;
    enum io_lock_rank ranks[HELD_MAX];
} held;

enum io_role io_role(void)
{
    return role_now;
}

void io_role_set(enum io_role role)
{
    role_now = role;
}

const char *io_role_name(enum io_role role)
{
    srt_assert((size_t)role < sizeof role_names / sizeof *role_names);
    return role_names[role];
}

static void thread_main(void *arg)
{
    struct io_thread *thread = arg;
    io_role_set(thread->role);
    (void)pthread_setname_np(pthread_self(), thread->name); /* for the eye only */
    thread->fn(thread->arg);
    srt_assert(held.count == 0);
}

int io_thread_start(struct io_thread *thread, enum io_role role, int index, io_thread_fn fn,
                    void *arg, struct srt_err *err)
{
    *thread = (struct io_thread){.fn = fn, .arg = arg, .role = role};
    if (index < 0) {
        snprintf(thread->name, sizeof thread->name, "%s", io_role_name(role));
    } else {
        snprintf(thread->name, sizeof thread->name, "%s-%d", io_role_name(role), index);
    }
    /* A thread inherits the mask of the one that starts it. What a thread does to itself (SIGSEGV
     * and its like) stays open: blocked, it would end the process without a word. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        sigdelset(&all, own[i]);
    }
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = uv_thread_create(&thread->uv, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc < 0) {
        return srt_fail_sys(err, SRT_EIO, -rc, "start thread '%s'", thread->name);
    }
    return SRT_OK;
}

void io_thread_join(struct io_thread *thread)
{
    srt_assert(uv_thread_join(&thread->uv) == 0);
}

/* --- locks --- */

static void *self(void)
{
    return &held;
}

void io_lock_init(struct io_lock *lock, enum io_lock_rank rank)
{
    srt_assert(uv_mutex_init(&lock->uv) == 0);
    lock->rank = rank;
    srt_store_relaxed(&lock->holder, NULL);
}

void io_lock_fini(struct io_lock *lock)
{
    srt_assert(srt_load_relaxed(&lock->holder) == NULL);
    uv_mutex_destroy(&lock->uv);
}

static void check_may_take(enum io_lock_rank rank)
{
    srt_assert(held.count < HELD_MAX);
    srt_assert(held.count == 0 || held.ranks[held.count - 1] < rank);
}

static void note_taken(struct io_lock *lock)
{
    held.ranks[held.count++] = lock->rank;
    srt_store_relaxed(&lock->holder, self());
}

static void note_released(struct io_lock *lock)
{
    io_lock_assert_held(lock);
    srt_store_relaxed(&lock->holder, NULL);
    int i = held.count - 1;
    while (i >= 0 && held.ranks[i] != lock->rank) {
        i--;
    }
    srt_assert(i >= 0);
    for (; i + 1 < held.count; i++) {
        held.ranks[i] = held.ranks[i + 1];
    }
    held.count--;
}

void io_lock(struct io_lock *lock)
{
    check_may_take(lock->rank);
    uv_mutex_lock(&lock->uv);
    note_taken(lock);
}

void io_unlock(struct io_lock *lock)
{
    note_released(lock);
    uv_mutex_unlock(&lock->uv);
}

void io_lock_assert_held(const struct io_lock *lock)
{
    srt_assert(srt_load_relaxed(&lock->holder) == self());
}

/* --- conditions --- */

void io_cond_init(struct io_cond *cond)
{
    srt_assert(uv_cond_init(&cond->uv) == 0);
}

void io_cond_fini(struct io_cond *cond)
{
    uv_cond_destroy(&cond->uv);
}

static void before_wait(struct io_lock *lock)
{
    srt_assert(held.count == 1); /* another lock would be held for as long as the wait lasts */
    note_released(lock);
}

void io_cond_wait(struct io_cond *cond, struct io_lock *lock)
{
    before_wait(lock);
    uv_cond_wait(&cond->uv, &lock->uv);
    note_taken(lock);
}

bool io_cond_wait_ms(struct io_cond *cond, struct io_lock *lock, int64_t timeout_ms)
{
    /* a day: nobody sees the difference, nothing overflows */
    enum { LONGEST_MS = 1000 * 60 * 60 * 24 };
    if (timeout_ms < 0) {
        timeout_ms = 0;
    }
    if (timeout_ms > LONGEST_MS) {
        timeout_ms = LONGEST_MS;
    }
    before_wait(lock);
    int rc = uv_cond_timedwait(&cond->uv, &lock->uv, (uint64_t)timeout_ms * 1000000);
    note_taken(lock);
    srt_assert(rc == 0 || rc == UV_ETIMEDOUT);
    return rc == 0;
}

void io_cond_signal(struct io_cond *cond)
{
    uv_cond_signal(&cond->uv);
}

void io_cond_broadcast(struct io_cond *cond)
{
    uv_cond_broadcast(&cond->uv);
}
