/* group_impl.h - the inside of a group, for the files of broker/ only.
 *
 * Owner:   registry.c keeps groups by name; group.c has their members, positions.c their positions.
 * Thread:  under the group's lock, unless a field says otherwise.
 * Memory:  control plane.
 * Fails:   never. */
#ifndef SRT_BROKER_GROUP_IMPL_H
#define SRT_BROKER_GROUP_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "broker/group.h"
#include "broker/positions.h"
#include "io/thread.h"

enum group_member_state {
    GROUP_MEMBER_IN,      /* on group->members */
    GROUP_MEMBER_EXPIRED, /* on group->expired: was silent too long, has not left yet */
    GROUP_MEMBER_LEFT,    /* on no list; lives until nobody calls it any more */
};

struct group_member {
    struct srt_list node;
    enum group_member_state state;
    char *id;
    char **topics; /* sorted, each once */
    uint32_t topic_count;
    int64_t session_ns; /* -1: never expires */
    int64_t seen_ns;    /* monotonic */
    void (*on_change)(void *arg, int32_t generation);
    void *arg;
    uint32_t notice_count;         /* notices that name it: they keep it alive */
    uint32_t calling_count;        /* on_change calls running now */
    struct group_partition *parts; /* by topic id and partition */
    uint32_t part_count;
};

struct group {
    char *name;
    uint32_t refs; /* under the registry's lock: who uses it just now */
    struct io_lock lock;
    struct io_cond changed;  /* a commit is done, a callback has returned */
    char *protocol_type;     /* NULL: nobody's yet */
    int32_t generation;      /* 0 before the first join */
    struct srt_list members; /* by id */
    uint32_t member_count;
    struct srt_list expired; /* oldest first, at most GROUP_EXPIRED_MAX */
    uint32_t expired_count;
    struct positions positions; /* written by the store thread only */
};

static inline struct group_member *group_member_of(struct srt_list *node)
{
    return srt_container_of(node, struct group_member, node);
}

struct group *group_create(const char *name);
void group_destroy(struct group *group);

/* SRT_EINVAL for NULL, an empty name and one that is too long. */
int group_check_name(const char *name, struct srt_err *err);

/* Nobody and nothing: it need not be kept. */
bool group_is_empty(const struct group *group);

/* A topic was created, got partitions or was deleted: those that read it get another assignment. On
 * the store thread, from apply. */
void group_topic_changed(struct broker *broker, const char *topic);

/* With a reference for registry_release_group; NULL, and SRT_ENOENT in err. */
struct group *group_acquire_existing(struct broker *broker, const char *name, const char *member_id,
                                     struct srt_err *err);

/* A member that is in; else SRT_EFENCED or SRT_ENOENT. */
int group_find_member(struct group *group, const char *id, struct group_member **ret,
                      struct srt_err *err);
int group_check_generation(const struct group *group, const struct group_member *member,
                           int32_t generation, struct srt_err *err);

/* --- whom to tell, once the locks are released --- */

struct group_notice {
    struct group_member *member;
    int32_t generation;
};

struct group_notices {
    struct group_notice *items;
    size_t count;
    size_t cap;
};

void group_add_notice(struct group_notices *notices, struct group_member *member,
                      int32_t generation);

/* A new generation. Under the registry's lock and the group's; everyone but `except` is to be
 * told. */
void group_rebalance(struct broker *broker, struct group *group, const struct group_member *except,
                     struct group_notices *notices);

#endif
