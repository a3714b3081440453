/* Every handle is the caller's struct with libuv's handle in front of ours; uv's `data` points back
 * to it. Closing is libuv's: asynchronous, and the memory is the caller's again in on_closed. */
#include "io/loop.h"

#include <errno.h>
#include <fcntl.h>

#include "base/assert.h"

static int fail_uv(struct srt_err *err, int uv_code, const char *what)
{
    return srt_fail_sys(err, SRT_EIO, -uv_code, "%s", what); /* on Linux libuv's codes are -errno */
}

int io_loop_init(struct io_loop *loop, struct srt_err *err)
{
    loop->stopping = false;
    int rc = uv_loop_init(&loop->uv);
    return rc < 0 ? fail_uv(err, rc, "create an event loop") : SRT_OK;
}

void io_loop_fini(struct io_loop *loop)
{
    /* a close callback may close the next handle: a few rounds */
    enum { ROUNDS_MAX = 16 };
    for (int round = 0; round < ROUNDS_MAX; round++) {
        uv_run(&loop->uv, UV_RUN_NOWAIT);
        if (uv_loop_close(&loop->uv) == 0) {
            return;
        }
    }
    srt_unreachable("io_loop_fini: a handle of the loop is still open");
}

void io_loop_run(struct io_loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT); /* returns at once, and forgets, when stopped before */
    loop->stopping = false;
}

void io_loop_run_once(struct io_loop *loop)
{
    uv_run(&loop->uv, UV_RUN_ONCE);
}

void io_loop_poll(struct io_loop *loop)
{
    uv_run(&loop->uv, UV_RUN_NOWAIT);
}

void io_loop_stop(struct io_loop *loop)
{
    loop->stopping = true;
    uv_stop(&loop->uv);
}

/* --- timer --- */

static void on_timer(uv_timer_t *uv)
{
    struct io_timer *timer = uv->data;
    timer->fn(timer->arg);
}

void io_timer_init(struct io_timer *timer, struct io_loop *loop, io_timer_fn fn, void *arg)
{
    *timer = (struct io_timer){.fn = fn, .arg = arg};
    srt_assert(uv_timer_init(&loop->uv, &timer->uv) == 0); /* never fails */
    timer->uv.data = timer;
}

void io_timer_start(struct io_timer *timer, int64_t delay_ms, int64_t repeat_ms)
{
    srt_assert(delay_ms >= 0 && repeat_ms >= 0);
    /* the delay counts from now, not from when the loop last woke */
    uv_update_time(timer->uv.loop);
    srt_assert(uv_timer_start(&timer->uv, on_timer, (uint64_t)delay_ms, (uint64_t)repeat_ms) == 0);
}

void io_timer_stop(struct io_timer *timer)
{
    uv_timer_stop(&timer->uv);
}

static void on_timer_closed(uv_handle_t *uv)
{
    struct io_timer *timer = uv->data;
    if (timer->on_closed) {
        timer->on_closed(timer->arg);
    }
}

void io_timer_close(struct io_timer *timer, io_closed_fn on_closed)
{
    timer->on_closed = on_closed;
    uv_close((uv_handle_t *)&timer->uv, on_timer_closed);
}

/* --- wake ---
 *
 * A wake-up must not be lost, and uv_async_send alone could lose it: it first looks, without
 * ordering, whether one is pending, so the look may come before the sender's own writes are
 * seen, and the callback that is just beginning may miss them. Therefore both sides exchange
 * `sent`: exchanges of one cell have an order. If the sender's comes first, the callback sees
 * `sent`, and all that was written before. If the callback's does, the sender sees that it has
 * begun, hence that nothing is pending any more, and sends anew. */

static void on_wake(uv_async_t *uv)
{
    struct io_wake *wake = uv->data;
    /* libuv may call once more than was sent */
    if (srt_exchange(&wake->sent, false)) {
        wake->fn(wake->arg);
    }
}

int io_wake_init(struct io_wake *wake, struct io_loop *loop, io_wake_fn fn, void *arg,
                 struct srt_err *err)
{
    *wake = (struct io_wake){.fn = fn, .arg = arg};
    int rc = uv_async_init(&loop->uv, &wake->uv, on_wake);
    wake->uv.data = wake;
    return rc < 0 ? fail_uv(err, rc, "create a wake-up of an event loop") : SRT_OK;
}

void io_wake_send(struct io_wake *wake)
{
    /* fails only on a handle that is not an async */
    if (!srt_exchange(&wake->sent, true)) {
        (void)uv_async_send(&wake->uv);
    }
}

static void on_wake_closed(uv_handle_t *uv)
{
    struct io_wake *wake = uv->data;
    if (wake->on_closed) {
        wake->on_closed(wake->arg);
    }
}

void io_wake_close(struct io_wake *wake, io_closed_fn on_closed)
{
    wake->on_closed = on_closed;
    uv_close((uv_handle_t *)&wake->uv, on_wake_closed);
}

/* --- signal --- */

static void on_signal(uv_signal_t *uv, int signal_number)
{
    struct io_signal *sig = uv->data;
    sig->fn(sig->arg, signal_number);
}

int io_signal_init(struct io_signal *sig, struct io_loop *loop, int signal_number, io_signal_fn fn,
                   void *arg, struct srt_err *err)
{
    *sig = (struct io_signal){.fn = fn, .arg = arg};
    int rc = uv_signal_init(&loop->uv, &sig->uv);
    if (rc < 0) {
        return fail_uv(err, rc, "watch for signals");
    }
    sig->uv.data = sig;
    /* fails only for a number that cannot be watched */
    srt_assert(uv_signal_start(&sig->uv, on_signal, signal_number) == 0);
    return SRT_OK;
}

static void on_signal_closed(uv_handle_t *uv)
{
    struct io_signal *sig = uv->data;
    if (sig->on_closed) {
        sig->on_closed(sig->arg);
    }
}

void io_signal_close(struct io_signal *sig, io_closed_fn on_closed)
{
    sig->on_closed = on_closed;
    uv_close((uv_handle_t *)&sig->uv, on_signal_closed);
}

/* --- readable --- */

static void on_readable(uv_poll_t *uv, int status, int events)
{
    /* An error or a hang-up is news, too: the read that follows tells which. */
    (void)status;
    (void)events;
    struct io_readable *readable = uv->data;
    readable->fn(readable->arg);
}

int io_readable_init(struct io_readable *readable, struct io_loop *loop, int fd, io_readable_fn fn,
                     void *arg, struct srt_err *err)
{
    int flags = fcntl(fd, F_GETFL);
    *readable = (struct io_readable){
        .fn = fn, .arg = arg, .fd = fd, .was_blocking = flags >= 0 && !(flags & O_NONBLOCK)};
    int rc = uv_poll_init(&loop->uv, &readable->uv, fd);
    if (rc < 0) {
        return fail_uv(err, rc, "wait for input");
    }
    readable->uv.data = readable;
    return SRT_OK;
}

void io_readable_start(struct io_readable *readable)
{
    srt_assert(uv_poll_start(&readable->uv, UV_READABLE | UV_DISCONNECT, on_readable) == 0);
}

void io_readable_stop(struct io_readable *readable)
{
    uv_poll_stop(&readable->uv);
}

static void on_readable_closed(uv_handle_t *uv)
{
    struct io_readable *readable = uv->data;
    if (readable->on_closed) {
        readable->on_closed(readable->arg);
    }
}

void io_readable_close(struct io_readable *readable, io_closed_fn on_closed)
{
    if (readable->was_blocking) {
        int flags = fcntl(readable->fd, F_GETFL);
        if (flags >= 0) {
            (void)fcntl(readable->fd, F_SETFL, flags & ~O_NONBLOCK);
        }
    }
    readable->on_closed = on_closed;
    uv_close((uv_handle_t *)&readable->uv, on_readable_closed);
}
