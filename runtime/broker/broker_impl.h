/* broker_impl.h - the inside of the broker, for the files of broker/ only.
 *
 * Owner:   broker.c.
 * Thread:  constant once open, but for the registry.
 * Memory:  one struct.
 * Fails:   never. */
#ifndef SRT_BROKER_BROKER_IMPL_H
#define SRT_BROKER_BROKER_IMPL_H

#include "broker/broker.h"
#include "broker/registry.h"

struct broker {
    struct store *store;
    const struct srt_clock *clock;
    int64_t group_session_ms;
    bool read_only;
    char *node_id;
    struct registry registry;
};

/* Of functions that wait for the store: they must not run where the store does its work. */
#define BROKER_MAY_BLOCK() srt_assert(io_role() != IO_ROLE_STORE)

/* SRT_EDENIED when the broker only reads. */
int broker_check_writable(const struct broker *broker, struct srt_err *err);

/* The two ends of a write around store_submit(&write->store_write): check, encode, count it as in
 * flight; and take that back. When the store has taken the write, the second happens before
 * write->done. */
int broker_begin_write(struct broker *broker, struct broker_write *write, struct srt_err *err);
void broker_end_write(struct broker_write *write);

/* One metadata entry, durable and applied on return. */
int broker_write_entry(struct broker *broker, uint8_t kind, const struct srt_buf *entry,
                       struct srt_err *err);

#endif
