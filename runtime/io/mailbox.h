/* mailbox.h - a bounded queue of messages from many threads to the one that owns it.
 *
 * Owner:   the receiving thread; a message belongs to the mailbox from post to take.
 * Thread:  post from any; take on the owner, usually from its io_wake callback.
 * Memory:  messages are intrusive (struct srt_list in them); the mailbox allocates nothing.
 * Fails:   post: SRT_EAGAIN when `limit` messages wait, SRT_ECLOSED after close. */
#ifndef SRT_IO_MAILBOX_H
#define SRT_IO_MAILBOX_H

#include <stddef.h>

#include "base/list.h"
#include "io/loop.h"
#include "io/thread.h"

struct io_mailbox {
    struct io_lock lock;
    struct srt_list messages;
    size_t count;
    size_t limit;         /* reserved posts ignore it */
    bool closed;
    struct io_wake *wake; /* sent when the box stops being empty: take until NULL. May be NULL */
};

void io_mailbox_init(struct io_mailbox *box, size_t limit, struct io_wake *wake);
void io_mailbox_fini(struct io_mailbox *box); /* must be empty */

int io_mailbox_post(struct io_mailbox *box, struct srt_list *message);
/* For messages that must not be lost, not even after close, and whose number is bounded elsewhere
 * (one completion a write). */
void io_mailbox_post_reserved(struct io_mailbox *box, struct srt_list *message);
struct srt_list *io_mailbox_take(struct io_mailbox *box); /* NULL when empty */
void io_mailbox_close(struct io_mailbox *box);

#endif
