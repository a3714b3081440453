/* broker_fixture.h - a broker on a data directory of its own, with a clock that stands still.
 *
 * Owner:   the test; one struct each, by setup and teardown or by hand.
 * Thread:  the test's.
 * Memory:  the broker's.
 * Fails:   by failing the test. */
#ifndef SRT_SUPPORT_BROKER_FIXTURE_H
#define SRT_SUPPORT_BROKER_FIXTURE_H

#include "broker/broker.h"
#include "support/temp_dir.h"

struct broker_fixture {
    struct temp_dir dir;
    struct srt_clock_fake clock;
    struct broker *broker;
};

void broker_fixture_open(struct broker_fixture *fixture); /* makes the directory, too */
void broker_fixture_reopen(struct broker_fixture *fixture);
void broker_fixture_close(struct broker_fixture *fixture); /* removes the directory, too */

/* A second look at the same directory, without a lock: to be closed by the caller. */
struct broker *broker_fixture_open_read_only(struct broker_fixture *fixture);

struct topic *broker_fixture_topic(struct broker_fixture *fixture, const char *name,
                                   int32_t partition_count);

/* Field by field: the struct has padding. */
void assert_topic_config_equal(const struct topic_config *a, const struct topic_config *b);

/* One record with this value (and key, or NULL), durable. */
void broker_fixture_produce(struct broker_fixture *fixture, const char *topic, int32_t partition,
                            const char *key, const char *value);

/* One finished batch of records with these values, appended to `to`. */
void broker_fixture_batch(struct srt_buf *to, const char *const *values, int count);

/* All values of a partition from an offset on, each followed by a blank. */
void broker_fixture_values(struct broker *broker, const char *topic, int32_t partition,
                           int64_t offset, struct srt_buf *to);

#endif
