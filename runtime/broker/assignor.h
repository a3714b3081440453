/* assignor.h - which member of a group reads which partition: sticky, and balanced to within one.
 *
 * Owner:   group.c asks; nothing is kept here.
 * Thread:  any; pure.
 * Memory:  the caller's arrays, and working space proportional to members times topics.
 * Fails:   never. */
#ifndef SRT_BROKER_ASSIGNOR_H
#define SRT_BROKER_ASSIGNOR_H

#include <stdint.h>

struct assignor_topic {
    int32_t partition_count;
};

struct assignor_member {
    const uint32_t *topics; /* what it reads: indexes into the topics, each once */
    uint32_t topic_count;
};

enum { ASSIGNOR_NOBODY = -1 };

/* Partitions are numbered through: those of topic 0, then those of topic 1, and so on. `owners` has
 * one entry for each: on entry the index of the member that had it (ASSIGNOR_NOBODY: new, or its
 * member left), on return the one that has it now; ASSIGNOR_NOBODY when no member reads that topic.
 *
 *   - Every partition that any member reads has exactly one owner, which reads its topic.
 *   - No member has two more than one that could relieve it, directly or through others. So members
 *     that read the same topics have numbers of partitions within one of each other.
 *   - A partition keeps its owner wherever that allows it: with equal subscriptions, no assignment
 *     that is balanced moves fewer.
 *   - The same input gives the same output. */
void assignor_assign(const struct assignor_topic *topics, uint32_t topic_count,
                     const struct assignor_member *members, uint32_t member_count, int32_t *owners);

#endif
