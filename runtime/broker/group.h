/* group.h - a consumer group: who its members are, and which partition belongs to whom.
 *
 * Owner:   the broker; created by the first join, kept while it has members or positions.
 * Thread:  any; on_change runs on the thread that caused the change (join, leave, expire; the store
 *          thread when a topic was created, deleted or got partitions) after all locks are
 *          released. It must not block. It may call back into the group, but for functions that
 *          wait for the store. Two changes may be told on two threads at once, the later one first:
 *          fetch what is now.
 * Memory:  control plane.
 * Fails:   SRT_EFENCED: an older generation, or a member that was expired; SRT_ENOENT: no such
 *          member; SRT_EINVAL: another protocol type owns the group.
 *
 * In-process members: pipelines' workers, and programs that embed the broker. The assignment is
 * made here (assignor.c: sticky, balanced to within one); members of the wire protocol will bring
 * their own. */
#ifndef SRT_BROKER_GROUP_H
#define SRT_BROKER_GROUP_H

#include <stdint.h>

#include "base/err.h"
#include "record/topic_id.h"

struct broker;

struct group_partition {
    struct topic_id topic_id;
    int32_t partition;
};

struct group_join {
    const char *group;
    const char *protocol_type; /* "consumer", "pipeline": all members of a group have the same */
    const char *member_id;     /* chosen by the caller, unique within the group */
    const char *const *topics; /* what it wants to read */
    uint32_t topic_count;
    int64_t session_ms; /* 0: the broker's default; -1: never expires, for workers */
    /* Another assignment is to be fetched. May be NULL. */
    void (*on_change)(void *arg, int32_t generation);
    void *arg;
};

/* Join, or join again with other topics. Every membership change makes a new generation, of which
 * all other members are told; the one that joins has it as the result. Topics that do not exist yet
 * are read from the moment they do. SRT_ETOOBIG: the group is full. */
int group_member_join(struct broker *broker, const struct group_join *join, int32_t *ret_generation,
                      struct srt_err *err);
/* When this returns, on_change does not run and will not be called again (unless it is on_change
 * that leaves). SRT_EFENCED: it was expired before; it is gone all the same. */
int group_member_leave(struct broker *broker, const char *group, const char *member_id,
                       struct srt_err *err);
/* I am alive. SRT_EFENCED also tells a member of an older generation to fetch its assignment; it
 * stays in. */
int group_member_heartbeat(struct broker *broker, const char *group, const char *member_id,
                           int32_t generation, struct srt_err *err);

/* The member's partitions in the current generation; the caller frees with srt_free. */
int group_member_assignment(struct broker *broker, const char *group, const char *member_id,
                            int32_t *ret_generation, struct group_partition **ret_parts,
                            uint32_t *ret_count, struct srt_err *err);

/* Check the clock: silent members are put out, and told so by on_change. The broker's owner calls
 * it about once a second. */
void group_expire_members(struct broker *broker);

/* Commit positions as a member, durable on return. Blocks. The generation is checked under the lock
 * under which the write is handed to the store: a commit of an older generation cannot land behind
 * one of a newer. */
struct group_position;
int group_member_commit(struct broker *broker, const char *group, const char *member_id,
                        int32_t generation, const struct group_position *positions, uint32_t count,
                        struct srt_err *err);

#endif
