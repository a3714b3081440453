#include "io/mailbox.h"

#include "base/assert.h"

void io_mailbox_init(struct io_mailbox *box, size_t limit, struct io_wake *wake)
{
    srt_assert(limit > 0);
    *box = (struct io_mailbox){.limit = limit, .wake = wake};
    io_lock_init(&box->lock, IO_LOCK_MAILBOX);
    srt_list_init(&box->messages);
}

void io_mailbox_fini(struct io_mailbox *box)
{
    srt_assert(srt_list_empty(&box->messages) && box->count == 0);
    io_lock_fini(&box->lock);
}

/* The wake-up is sent under the lock, so that an owner who has closed the mailbox knows that no
 * post is still about to touch the wake. It never blocks. */
static void append(struct io_mailbox *box, struct srt_list *message)
{
    io_lock_assert_held(&box->lock);
    srt_list_push(&box->messages, message);
    if (box->count++ == 0 && box->wake) {
        io_wake_send(box->wake);
    }
}

int io_mailbox_post(struct io_mailbox *box, struct srt_list *message)
{
    int rc = SRT_OK;
    io_lock(&box->lock);
    if (box->closed) {
        rc = SRT_ECLOSED;
    } else if (box->count >= box->limit) {
        rc = SRT_EAGAIN;
    } else {
        append(box, message);
    }
    io_unlock(&box->lock);
    return rc;
}

void io_mailbox_post_reserved(struct io_mailbox *box, struct srt_list *message)
{
    io_lock(&box->lock);
    append(box, message);
    io_unlock(&box->lock);
}

struct srt_list *io_mailbox_take(struct io_mailbox *box)
{
    io_lock(&box->lock);
    struct srt_list *message = srt_list_pop(&box->messages);
    if (message) {
        box->count--;
    }
    io_unlock(&box->lock);
    return message;
}

void io_mailbox_close(struct io_mailbox *box)
{
    io_lock(&box->lock);
    box->closed = true;
    io_unlock(&box->lock);
}
