#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "io/loop.h"
#include "io/thread.h"
#include "support/cmocka_srt.h"
#include "support/temp_dir.h"

enum { EVENTS_MAX = 16 };

struct fixture {
    struct io_loop loop;
    struct srt_err err;
    char events[EVENTS_MAX + 1]; /* one letter each, in the order in which they came */
    int closed_count;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_ok(io_loop_init(&f->loop, &f->err), &f->err);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    io_loop_fini(&f->loop);
    free(f);
    return 0;
}

static void note(struct fixture *f, char letter)
{
    size_t len = strlen(f->events);
    assert_true(len < EVENTS_MAX);
    f->events[len] = letter;
}

static void on_a(void *arg)
{
    note(arg, 'a');
}

static void on_b(void *arg)
{
    note(arg, 'b');
}

static void on_c_stop(void *arg)
{
    struct fixture *f = arg;
    note(f, 'c');
    io_loop_stop(&f->loop);
}

static void on_closed(void *arg)
{
    ((struct fixture *)arg)->closed_count++;
}

static void timers_fire_in_order_of_their_time(void **state)
{
    struct fixture *f = *state;
    struct io_timer a;
    struct io_timer b;
    struct io_timer c;
    io_timer_init(&a, &f->loop, on_a, f);
    io_timer_init(&b, &f->loop, on_b, f);
    io_timer_init(&c, &f->loop, on_c_stop, f);
    io_timer_start(&c, 30, 0);
    io_timer_start(&b, 20, 0);
    io_timer_start(&a, 0, 0);
    io_loop_run(&f->loop);
    assert_string_equal(f->events, "abc");
    io_timer_close(&a, on_closed);
    io_timer_close(&b, on_closed);
    io_timer_close(&c, NULL);
    assert_int_equal(f->closed_count, 0); /* not before the loop runs */
    io_loop_poll(&f->loop);
    assert_int_equal(f->closed_count, 2);
}

static void on_third_stop(void *arg)
{
    struct fixture *f = arg;
    note(f, 'r');
    if (strlen(f->events) == 3) {
        io_loop_stop(&f->loop);
    }
}

static void timer_repeats_until_stopped(void **state)
{
    struct fixture *f = *state;
    struct io_timer timer;
    io_timer_init(&timer, &f->loop, on_third_stop, f);
    io_timer_start(&timer, 1, 1);
    io_loop_run(&f->loop);
    assert_string_equal(f->events, "rrr");
    io_timer_stop(&timer);
    io_loop_run(&f->loop); /* nothing is active: returns */
    assert_string_equal(f->events, "rrr");
    io_timer_close(&timer, NULL);
    io_loop_poll(&f->loop); /* the handle is ours again */
}

static void stop_before_run_is_not_lost(void **state)
{
    struct fixture *f = *state;
    struct io_timer timer;
    io_timer_init(&timer, &f->loop, on_a, f);
    io_timer_start(&timer, 60000, 0);
    io_loop_stop(&f->loop);
    io_loop_run(&f->loop); /* would wait for a minute */
    assert_string_equal(f->events, "");
    io_timer_close(&timer, NULL);
    io_loop_poll(&f->loop); /* the handle is ours again */
}

static void timer_refuses_a_negative_delay(void **state)
{
    struct fixture *f = *state;
    struct io_timer timer;
    io_timer_init(&timer, &f->loop, on_a, f);
    expect_assert_failure(io_timer_start(&timer, -1, 0));
    io_timer_close(&timer, NULL);
    io_loop_poll(&f->loop); /* the handle is ours again */
}

/* --- wake --- */

struct sender {
    struct io_wake *wake;
    int message; /* written without a lock before the wake-up: must be seen by the loop */
    int seen;
    struct fixture *f;
};

static void send_wake(void *arg)
{
    struct sender *sender = arg;
    sender->message = 42;
    io_wake_send(sender->wake);
}

static void on_message(void *arg)
{
    struct sender *sender = arg;
    sender->seen = sender->message;
    note(sender->f, 'w');
    io_loop_stop(&sender->f->loop);
}

static void another_thread_wakes_the_loop(void **state)
{
    struct fixture *f = *state;
    struct io_wake wake;
    struct sender sender = {.wake = &wake, .f = f};
    assert_ok(io_wake_init(&wake, &f->loop, on_message, &sender, &f->err), &f->err);
    struct io_thread thread;
    assert_ok(io_thread_start(&thread, IO_ROLE_WORK, 0, send_wake, &sender, &f->err), &f->err);
    io_loop_run(&f->loop);
    assert_int_equal(sender.seen, 42);
    io_thread_join(&thread);
    io_wake_close(&wake, NULL);
    io_loop_poll(&f->loop); /* the handle is ours again */
}

static void many_sends_give_at_least_one_call_after_the_last(void **state)
{
    struct fixture *f = *state;
    struct io_wake wake;
    struct sender sender = {.wake = &wake, .f = f};
    assert_ok(io_wake_init(&wake, &f->loop, on_message, &sender, &f->err), &f->err);
    for (int i = 1; i <= 5; i++) {
        sender.message = i;
        io_wake_send(&wake);
    }
    io_loop_run(&f->loop);
    assert_int_equal(sender.seen, 5);
    assert_string_equal(f->events, "w");
    io_loop_poll(&f->loop);
    assert_string_equal(f->events, "w");
    io_wake_close(&wake, NULL);
    io_loop_poll(&f->loop); /* the handle is ours again */
}

/* Two threads send one after the other as fast as they can, each as soon as the loop has seen
 * what it wrote: a wake-up that gets lost leaves both waiting for ever. */
enum { ROUNDS = 50000, ROUNDS_LIMIT_MS = 60000 };

struct race {
    struct fixture *f;
    struct io_wake wake;
    _Atomic int written[2]; /* by each thread */
    _Atomic int seen[2];    /* by the loop */
    _Atomic bool over;
};

struct racer {
    struct race *race;
    int index;
};

static void run_race(void *arg)
{
    struct racer *racer = arg;
    struct race *race = racer->race;
    for (int i = 1; i <= ROUNDS; i++) {
        srt_store_relaxed(&race->written[racer->index], i);
        io_wake_send(&race->wake);
        while (srt_load_relaxed(&race->seen[racer->index]) < i && !srt_load_relaxed(&race->over)) {
            sched_yield();
        }
    }
}

static void on_race(void *arg)
{
    struct race *race = arg;
    int done = 0;
    for (int i = 0; i < 2; i++) {
        int written = srt_load_relaxed(&race->written[i]);
        srt_store_relaxed(&race->seen[i], written);
        done += written == ROUNDS;
    }
    if (done == 2) {
        io_loop_stop(&race->f->loop);
    }
}

static void no_wake_up_is_lost(void **state)
{
    struct fixture *f = *state;
    struct race *race = calloc(1, sizeof *race);
    race->f = f;
    assert_ok(io_wake_init(&race->wake, &f->loop, on_race, race, &f->err), &f->err);
    struct io_timer limit;
    io_timer_init(&limit, &f->loop, on_c_stop, f);
    io_timer_start(&limit, ROUNDS_LIMIT_MS, 0);
    struct io_thread threads[2];
    struct racer racers[2] = {{race, 0}, {race, 1}};
    for (int i = 0; i < 2; i++) {
        assert_ok(io_thread_start(&threads[i], IO_ROLE_WORK, i, run_race, &racers[i], &f->err),
                  &f->err);
    }
    io_loop_run(&f->loop);
    srt_store_relaxed(&race->over, true);
    for (int i = 0; i < 2; i++) {
        io_thread_join(&threads[i]);
    }
    assert_string_equal(f->events, ""); /* the time was not up */
    assert_int_equal(srt_load_relaxed(&race->seen[0]), ROUNDS);
    assert_int_equal(srt_load_relaxed(&race->seen[1]), ROUNDS);
    io_timer_close(&limit, NULL);
    io_wake_close(&race->wake, NULL);
    io_loop_poll(&f->loop); /* the handles are ours again */
    free(race);
}

/* --- signal --- */

static void on_signal(void *arg, int signal_number)
{
    struct fixture *f = arg;
    note(f, signal_number == SIGUSR1 ? '1' : '?');
    io_loop_stop(&f->loop);
}

static void send_signal(void *arg)
{
    (void)arg;
    kill(getpid(), SIGUSR1);
}

static void signal_arrives_on_the_loop(void **state)
{
    struct fixture *f = *state;
    struct io_signal sig;
    assert_ok(io_signal_init(&sig, &f->loop, SIGUSR1, on_signal, f, &f->err), &f->err);
    struct io_thread thread; /* from a thread that takes no signals itself */
    assert_ok(io_thread_start(&thread, IO_ROLE_BACK, -1, send_signal, NULL, &f->err), &f->err);
    io_loop_run(&f->loop);
    io_thread_join(&thread);
    assert_string_equal(f->events, "1");
    io_signal_close(&sig, on_closed);
    io_loop_poll(&f->loop);
    assert_int_equal(f->closed_count, 1);
}

/* --- readable --- */

static void readable_tells_of_bytes_and_of_the_end(void **state)
{
    struct fixture *f = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct io_readable readable;
    assert_ok(io_readable_init(&readable, &f->loop, ends[0], on_c_stop, f, &f->err), &f->err);
    io_readable_start(&readable);
    io_loop_poll(&f->loop);
    assert_string_equal(f->events, "");
    assert_int_equal(write(ends[1], "x", 1), 1);
    io_loop_run(&f->loop);
    assert_string_equal(f->events, "c");
    char byte;
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[1]);
    io_loop_run(&f->loop);
    assert_string_equal(f->events, "cc");
    assert_int_equal(read(ends[0], &byte, 1), 0);
    io_readable_stop(&readable);
    io_readable_close(&readable, on_closed);
    assert_false(fcntl(ends[0], F_GETFL) & O_NONBLOCK); /* as it was before */
    io_loop_poll(&f->loop);
    assert_int_equal(f->closed_count, 1);
    close(ends[0]);
}

static void regular_files_are_refused(void **state)
{
    struct fixture *f = *state;
    struct temp_dir dir;
    temp_dir_make(&dir);
    temp_dir_write_file(&dir, "x", "text");
    int fd = open(temp_dir_path(&dir, "x"), O_RDONLY);
    struct io_readable readable;
    assert_int_equal(io_readable_init(&readable, &f->loop, fd, on_a, f, &f->err), SRT_EIO);
    assert_contains(f->err.msg, "wait for input");
    close(fd);
    temp_dir_remove(&dir);
}

static void loop_with_an_open_handle_cannot_be_finished(void **state)
{
    struct fixture *f = *state;
    struct io_timer timer;
    io_timer_init(&timer, &f->loop, on_a, f);
    expect_assert_failure(io_loop_fini(&f->loop));
    io_timer_close(&timer, NULL);
    io_loop_poll(&f->loop); /* the handle is ours again */
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        TEST(timers_fire_in_order_of_their_time),
        TEST(timer_repeats_until_stopped),
        TEST(stop_before_run_is_not_lost),
        TEST(timer_refuses_a_negative_delay),
        TEST(another_thread_wakes_the_loop),
        TEST(many_sends_give_at_least_one_call_after_the_last),
        TEST(no_wake_up_is_lost),
        TEST(signal_arrives_on_the_loop),
        TEST(readable_tells_of_bytes_and_of_the_end),
        TEST(regular_files_are_refused),
        TEST(loop_with_an_open_handle_cannot_be_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
