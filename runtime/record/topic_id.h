/* topic_id.h - what a topic is called inside: 16 random bytes, new at every creation.
 *
 * Owner:   a plain value.
 * Thread:  any.
 * Memory:  none.
 * Fails:   topic_id_parse: SRT_EPARSE. */
#ifndef SRT_RECORD_TOPIC_ID_H
#define SRT_RECORD_TOPIC_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct topic_id {
    uint8_t bytes[16];
};

enum { TOPIC_ID_TEXT_MAX = 33 }; /* 32 lower-case hex digits and the NUL */

struct topic_id topic_id_new(void); /* never zero */
bool topic_id_equal(const struct topic_id *a, const struct topic_id *b);
bool topic_id_is_zero(const struct topic_id *id);
char *topic_id_format(char to[TOPIC_ID_TEXT_MAX], const struct topic_id *id);
int topic_id_parse(const char *text, size_t len, struct topic_id *ret);

/* Whether `name` may name a topic, as in Kafka: 1 to 249 of [a-zA-Z0-9._-], not "." nor "..". */
bool topic_name_valid(const char *name);
bool topic_name_reserved(const char *name); /* begins with "__streamrt" */

#endif
