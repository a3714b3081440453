#include <pthread.h>
#include <signal.h>

#include "io/thread.h"
#include "support/cmocka_srt.h"

struct seen {
    enum io_role role;
    char name[16];
    bool takes_sigterm;
    bool takes_sigsegv;
};

static void look_around(void *arg)
{
    struct seen *seen = arg;
    seen->role = io_role();
    pthread_getname_np(pthread_self(), seen->name, sizeof seen->name);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    seen->takes_sigterm = !sigismember(&mask, SIGTERM);
    seen->takes_sigsegv = !sigismember(&mask, SIGSEGV);
}

static void thread_has_its_role_and_name_and_no_signals(void **state)
{
    (void)state;
    struct srt_err err;
    struct io_thread thread;
    struct seen seen;
    assert_ok(io_thread_start(&thread, IO_ROLE_WORK, 3, look_around, &seen, &err), &err);
    io_thread_join(&thread);
    assert_int_equal(seen.role, IO_ROLE_WORK);
    assert_string_equal(seen.name, "work-3");
    assert_false(seen.takes_sigterm);
    assert_true(seen.takes_sigsegv);
    assert_ok(io_thread_start(&thread, IO_ROLE_STORE, -1, look_around, &seen, &err), &err);
    io_thread_join(&thread);
    assert_string_equal(seen.name, "store");
    assert_int_equal(io_role(), IO_ROLE_NONE);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_false(sigismember(&mask, SIGTERM)); /* ours is as before */
}

static void on_store_only(void)
{
    SRT_ON(STORE);
}

static void affinity_asserts_on_a_wrong_role(void **state)
{
    (void)state;
    on_store_only(); /* no role: a test */
    io_role_set(IO_ROLE_STORE);
    on_store_only();
    io_role_set(IO_ROLE_WORK);
    expect_assert_failure(on_store_only());
    io_role_set(IO_ROLE_NONE);
}

static void locks_may_be_taken_in_the_order_of_their_ranks(void **state)
{
    (void)state;
    struct io_lock first;
    struct io_lock second;
    io_lock_init(&first, IO_LOCK_GROUP);
    io_lock_init(&second, IO_LOCK_PARTITION);
    io_lock(&first);
    io_lock(&second);
    io_lock_assert_held(&first);
    io_lock_assert_held(&second);
    io_unlock(&first); /* not the last one taken: allowed */
    io_lock_assert_held(&second);
    expect_assert_failure(io_lock(&first));
    io_unlock(&second);
    io_lock(&first);
    io_unlock(&first);
    io_lock_fini(&first);
    io_lock_fini(&second);
}

static void wrong_order_and_same_rank_assert(void **state)
{
    (void)state;
    struct io_lock low;
    struct io_lock high;
    struct io_lock same;
    io_lock_init(&low, IO_LOCK_BROKER_REGISTRY);
    io_lock_init(&high, IO_LOCK_MAILBOX);
    io_lock_init(&same, IO_LOCK_MAILBOX);
    io_lock(&high);
    expect_assert_failure(io_lock(&low));
    expect_assert_failure(io_lock(&same));
    expect_assert_failure(io_lock(&high)); /* itself: would wait for ever */
    io_unlock(&high);
    io_lock_fini(&low);
    io_lock_fini(&high);
    io_lock_fini(&same);
}

struct shared {
    struct io_lock lock;
    struct io_cond cond;
    bool asked;
    long count;
};

static void unlock_of_what_is_not_held_asserts(void **state)
{
    (void)state;
    struct io_lock lock;
    io_lock_init(&lock, IO_LOCK_GROUP);
    expect_assert_failure(io_lock_assert_held(&lock));
    expect_assert_failure(io_unlock(&lock));
    io_lock(&lock);
    expect_assert_failure(io_lock_fini(&lock));
    io_unlock(&lock);
    io_lock_fini(&lock);
}

enum { ROUNDS = 20000 };

static void count_up(void *arg)
{
    struct shared *shared = arg;
    for (int i = 0; i < ROUNDS; i++) {
        io_lock(&shared->lock);
        shared->count++;
        io_unlock(&shared->lock);
    }
}

static void lock_excludes(void **state)
{
    (void)state;
    struct srt_err err;
    struct shared shared = {0};
    io_lock_init(&shared.lock, IO_LOCK_PARTITION);
    struct io_thread threads[3];
    for (int i = 0; i < 3; i++) {
        assert_ok(io_thread_start(&threads[i], IO_ROLE_WORK, i, count_up, &shared, &err), &err);
    }
    for (int i = 0; i < 3; i++) {
        io_thread_join(&threads[i]);
    }
    assert_int_equal(shared.count, 3 * ROUNDS);
    io_lock_fini(&shared.lock);
}

static void answer(void *arg)
{
    struct shared *shared = arg;
    io_lock(&shared->lock);
    while (!shared->asked) {
        io_cond_wait(&shared->cond, &shared->lock);
    }
    shared->count = 1;
    io_lock_assert_held(&shared->lock);
    io_cond_broadcast(&shared->cond);
    io_unlock(&shared->lock);
}

static void condition_is_waited_for_under_its_lock(void **state)
{
    (void)state;
    struct srt_err err;
    struct shared shared = {0};
    io_lock_init(&shared.lock, IO_LOCK_SINK_STATE);
    io_cond_init(&shared.cond);
    struct io_thread thread;
    assert_ok(io_thread_start(&thread, IO_ROLE_SINK, -1, answer, &shared, &err), &err);
    io_lock(&shared.lock);
    shared.asked = true;
    io_cond_signal(&shared.cond);
    while (shared.count == 0) {
        assert_true(io_cond_wait_ms(&shared.cond, &shared.lock, 60000));
    }
    io_unlock(&shared.lock);
    io_thread_join(&thread);
    io_cond_fini(&shared.cond);
    io_lock_fini(&shared.lock);
}

static void wait_ends_when_its_time_is_over(void **state)
{
    (void)state;
    struct io_lock lock;
    struct io_cond cond;
    io_lock_init(&lock, IO_LOCK_SINK_STATE);
    io_cond_init(&cond);
    io_lock(&lock);
    assert_false(io_cond_wait_ms(&cond, &lock, 1));
    assert_false(io_cond_wait_ms(&cond, &lock, -5)); /* over already */
    io_lock_assert_held(&lock);
    io_unlock(&lock);
    io_cond_fini(&cond);
    io_lock_fini(&lock);
}

static void waiting_with_a_second_lock_asserts(void **state)
{
    (void)state;
    struct io_lock first;
    struct io_lock second;
    struct io_cond cond;
    io_lock_init(&first, IO_LOCK_GROUP);
    io_lock_init(&second, IO_LOCK_SINK_STATE);
    io_cond_init(&cond);
    io_lock(&first);
    io_lock(&second);
    expect_assert_failure(io_cond_wait_ms(&cond, &second, 1));
    io_unlock(&second);
    io_unlock(&first);
    expect_assert_failure(io_cond_wait(&cond, &second)); /* not held at all */
    io_cond_fini(&cond);
    io_lock_fini(&first);
    io_lock_fini(&second);
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_has_its_role_and_name_and_no_signals),
        cmocka_unit_test(affinity_asserts_on_a_wrong_role),
        cmocka_unit_test(locks_may_be_taken_in_the_order_of_their_ranks),
        cmocka_unit_test(wrong_order_and_same_rank_assert),
        cmocka_unit_test(unlock_of_what_is_not_held_asserts),
        cmocka_unit_test(lock_excludes),
        cmocka_unit_test(condition_is_waited_for_under_its_lock),
        cmocka_unit_test(wait_ends_when_its_time_is_over),
        cmocka_unit_test(waiting_with_a_second_lock_asserts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
