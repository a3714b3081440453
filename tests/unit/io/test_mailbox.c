#include "io/mailbox.h"
#include "support/cmocka_srt.h"

struct letter {
    struct srt_list node;
    int sender;
    int number;
};

static struct letter *take(struct io_mailbox *box)
{
    struct srt_list *node = io_mailbox_take(box);
    return node ? srt_container_of(node, struct letter, node) : NULL;
}

static void messages_come_out_in_the_order_of_posting(void **state)
{
    (void)state;
    struct io_mailbox box;
    struct letter letters[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    io_mailbox_init(&box, 8, NULL);
    assert_null(take(&box));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(io_mailbox_post(&box, &letters[i].node), SRT_OK);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take(&box)->number, i + 1);
    }
    assert_null(take(&box));
    io_mailbox_fini(&box);
}

static void full_mailbox_refuses_all_but_reserved_posts(void **state)
{
    (void)state;
    struct io_mailbox box;
    struct letter letters[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    io_mailbox_init(&box, 2, NULL);
    assert_int_equal(io_mailbox_post(&box, &letters[0].node), SRT_OK);
    assert_int_equal(io_mailbox_post(&box, &letters[1].node), SRT_OK);
    assert_int_equal(io_mailbox_post(&box, &letters[2].node), SRT_EAGAIN);
    io_mailbox_post_reserved(&box, &letters[3].node);
    assert_int_equal(take(&box)->number, 0);
    assert_int_equal(io_mailbox_post(&box, &letters[2].node), SRT_EAGAIN);
    assert_int_equal(take(&box)->number, 1);
    assert_int_equal(io_mailbox_post(&box, &letters[2].node), SRT_OK);
    assert_int_equal(take(&box)->number, 3);
    assert_int_equal(take(&box)->number, 2);
    io_mailbox_fini(&box);
}

static void closed_mailbox_gives_out_what_it_has_and_takes_no_more(void **state)
{
    (void)state;
    struct io_mailbox box;
    struct letter letters[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    io_mailbox_init(&box, 8, NULL);
    assert_int_equal(io_mailbox_post(&box, &letters[0].node), SRT_OK);
    io_mailbox_close(&box);
    assert_int_equal(io_mailbox_post(&box, &letters[1].node), SRT_ECLOSED);
    io_mailbox_post_reserved(&box, &letters[2].node); /* a completion is still owed */
    assert_int_equal(take(&box)->number, 0);
    assert_int_equal(take(&box)->number, 2);
    assert_null(take(&box));
    io_mailbox_fini(&box);
}

static void mailbox_with_messages_cannot_be_finished(void **state)
{
    (void)state;
    struct io_mailbox box;
    struct letter letter = {.number = 0};
    io_mailbox_init(&box, 1, NULL);
    assert_int_equal(io_mailbox_post(&box, &letter.node), SRT_OK);
    expect_assert_failure(io_mailbox_fini(&box));
    (void)take(&box);
    io_mailbox_fini(&box);
}

/* --- two senders and a loop --- */

enum { SENDERS = 2, LETTERS = 5000 };

struct office {
    struct io_loop loop;
    struct io_wake wake;
    struct io_mailbox box;
    struct letter letters[SENDERS][LETTERS];
    int expected[SENDERS]; /* the number of the next letter of each */
    int received;
    bool in_order;
    struct io_lock turn; /* a refused sender waits here instead of spinning */
    struct io_cond room;
};

struct sender {
    struct office *office;
    int index;
};

static void on_mail(void *arg)
{
    struct office *office = arg;
    struct letter *letter;
    while ((letter = take(&office->box)) != NULL) {
        office->in_order &= letter->number == office->expected[letter->sender]++;
        office->received++;
    }
    io_lock(&office->turn);
    io_cond_broadcast(&office->room);
    io_unlock(&office->turn);
    if (office->received == SENDERS * LETTERS) {
        io_loop_stop(&office->loop);
    }
}

static void send_letters(void *arg)
{
    struct sender *sender = arg;
    struct office *office = sender->office;
    for (int i = 0; i < LETTERS; i++) {
        struct letter *letter = &office->letters[sender->index][i];
        *letter = (struct letter){.sender = sender->index, .number = i};
        while (io_mailbox_post(&office->box, &letter->node) != SRT_OK) {
            io_lock(&office->turn);
            (void)io_cond_wait_ms(&office->room, &office->turn, 5);
            io_unlock(&office->turn);
        }
    }
}

static void loop_gets_every_message_of_every_sender_in_order(void **state)
{
    (void)state;
    struct srt_err err;
    struct office *office = calloc(1, sizeof *office);
    office->in_order = true;
    assert_ok(io_loop_init(&office->loop, &err), &err);
    assert_ok(io_wake_init(&office->wake, &office->loop, on_mail, office, &err), &err);
    io_mailbox_init(&office->box, 64, &office->wake);
    io_lock_init(&office->turn, IO_LOCK_SINK_STATE);
    io_cond_init(&office->room);
    struct io_thread threads[SENDERS];
    struct sender senders[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){office, i};
        assert_ok(io_thread_start(&threads[i], IO_ROLE_WORK, i, send_letters, &senders[i], &err),
                  &err);
    }
    io_loop_run(&office->loop);
    for (int i = 0; i < SENDERS; i++) {
        io_thread_join(&threads[i]);
    }
    assert_int_equal(office->received, SENDERS * LETTERS);
    assert_true(office->in_order);
    io_mailbox_close(&office->box);
    io_mailbox_fini(&office->box);
    io_wake_close(&office->wake, NULL);
    io_loop_fini(&office->loop);
    io_cond_fini(&office->room);
    io_lock_fini(&office->turn);
    free(office);
}

int main(void)
{
    cmocka_srt_catch_panics();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_in_the_order_of_posting),
        cmocka_unit_test(full_mailbox_refuses_all_but_reserved_posts),
        cmocka_unit_test(closed_mailbox_gives_out_what_it_has_and_takes_no_more),
        cmocka_unit_test(mailbox_with_messages_cannot_be_finished),
        cmocka_unit_test(loop_gets_every_message_of_every_sender_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
