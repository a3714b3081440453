/* loop.h - an event loop and what hangs on it: timers, wake-ups from other threads, signals.
 *
 * Owner:   one thread runs a loop; loop, timers and signals belong to that thread.
 * Thread:  all on the loop's thread, except io_wake_send: any thread, and any signal handler.
 * Memory:  handles are embedded in the caller's struct; their memory is dead only in on_closed.
 * Fails:   init functions: SRT_EIO when the system has no more handles. */
#ifndef SRT_IO_LOOP_H
#define SRT_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/atomic.h"
#include "base/err.h"

struct io_loop {
    uv_loop_t uv;
    bool stopping;
};

int io_loop_init(struct io_loop *loop, struct srt_err *err);
/* every handle must be closed; runs pending close callbacks */
void io_loop_fini(struct io_loop *loop);

void io_loop_run(struct io_loop *loop);      /* until io_loop_stop, or no handle is active */
void io_loop_run_once(struct io_loop *loop); /* wait for events, handle them, return */
void io_loop_poll(struct io_loop *loop);     /* handle what is there, never wait */
void io_loop_stop(struct io_loop *loop);

typedef void (*io_closed_fn)(void *arg);

/* --- timer: after delay_ms, then every repeat_ms (0: once) --- */

typedef void (*io_timer_fn)(void *arg);
struct io_timer {
    uv_timer_t uv;
    io_timer_fn fn;
    io_closed_fn on_closed;
    void *arg;
};

void io_timer_init(struct io_timer *timer, struct io_loop *loop, io_timer_fn fn, void *arg);
/* Starting a running timer starts it anew. */
void io_timer_start(struct io_timer *timer, int64_t delay_ms, int64_t repeat_ms);
void io_timer_stop(struct io_timer *timer);
void io_timer_close(struct io_timer *timer, io_closed_fn on_closed); /* on_closed may be NULL */

/* --- wake: another thread asks this loop to look; many sends may give one call. What the sender
 * wrote before io_wake_send is seen by fn --- */

typedef void (*io_wake_fn)(void *arg);
struct io_wake {
    uv_async_t uv;
    io_wake_fn fn;
    io_closed_fn on_closed;
    void *arg;
    /* any thread sets it, the loop's thread clears it; see loop.c for why by exchange */
    _Atomic bool sent;
};

int io_wake_init(struct io_wake *wake, struct io_loop *loop, io_wake_fn fn, void *arg,
                 struct srt_err *err);
void io_wake_send(struct io_wake *wake);
void io_wake_close(struct io_wake *wake, io_closed_fn on_closed);

/* --- signal --- */

typedef void (*io_signal_fn)(void *arg, int signal_number);
struct io_signal {
    uv_signal_t uv;
    io_signal_fn fn;
    io_closed_fn on_closed;
    void *arg;
};

int io_signal_init(struct io_signal *sig, struct io_loop *loop, int signal_number, io_signal_fn fn,
                   void *arg, struct srt_err *err);
void io_signal_close(struct io_signal *sig, io_closed_fn on_closed);

/* --- readable: a pipe or terminal has bytes (regular files are always readable: do not ask) --- */

typedef void (*io_readable_fn)(void *arg);
struct io_readable {
    uv_poll_t uv;
    io_readable_fn fn;
    io_closed_fn on_closed;
    void *arg;
    int fd;
    /* libuv makes it non-blocking; a terminal is shared with the shell: put it back */
    bool was_blocking;
};

int io_readable_init(struct io_readable *readable, struct io_loop *loop, int fd, io_readable_fn fn,
                     void *arg, struct srt_err *err);
void io_readable_start(struct io_readable *readable);
void io_readable_stop(struct io_readable *readable);
void io_readable_close(struct io_readable *readable, io_closed_fn on_closed);

#endif
