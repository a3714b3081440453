/* A group is a list of members, what each of them wants to read, and who reads what.
 *
 * Each change of members or of their topics' partitions makes a new generation: the partitions are
 * dealt anew (assignor.c), then every member but the one that asked is told to fetch its part.
 * Committing is fenced by the generation, so a member that has not noticed yet cannot overwrite
 * what the new owner of a partition has done.
 *
 *     join --> [registry lock [group lock: change list, new generation, deal, note whom to tell]]
 *     --> tell
 *
 * Telling happens without locks. A member that leaves waits until nobody is telling it any more, so
 * its callback's argument may be freed once it has left; what it waits for is counted in the
 * member. */
#include "broker/group.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "base/limits.h"
#include "broker/broker_impl.h"
#include "broker/group_impl.h"

enum {
    /* Expired members that have not left: remembered, so that they learn why they are out. */
    GROUP_EXPIRED_MAX = 64,
};

/* The member whose on_change runs on this thread: it must not wait for itself. */
static _Thread_local const struct group_member *told_here;

/* --- making and unmaking --- */

struct group *group_create(const char *name)
{
    struct group *group = srt_xcalloc(1, sizeof *group);
    group->name = srt_xstrdup(name);
    io_lock_init(&group->lock, IO_LOCK_GROUP);
    io_cond_init(&group->changed);
    srt_list_init(&group->members);
    srt_list_init(&group->expired);
    positions_init(&group->positions);
    return group;
}

static void free_topics(struct group_member *member)
{
    for (uint32_t i = 0; i < member->topic_count; i++) {
        srt_free(member->topics[i]);
    }
    srt_free(member->topics);
    member->topics = NULL;
    member->topic_count = 0;
}

/* Unless someone still calls it, or is about to: then whoever is last does. */
static void free_if_unused(struct group_member *member)
{
    if (member->state == GROUP_MEMBER_LEFT && member->notice_count == 0) {
        free_topics(member);
        srt_free(member->parts);
        srt_free(member->id);
        srt_free(member);
    }
}

static void remove_member(struct group *group, struct group_member *member)
{
    srt_list_remove(&member->node);
    if (member->state == GROUP_MEMBER_IN) {
        group->member_count--;
    } else {
        group->expired_count--;
    }
    member->state = GROUP_MEMBER_LEFT;
}

void group_destroy(struct group *group)
{
    for (struct srt_list *node; (node = srt_list_pop(&group->members));) {
        group_member_of(node)->state = GROUP_MEMBER_LEFT;
        free_if_unused(group_member_of(node));
    }
    for (struct srt_list *node; (node = srt_list_pop(&group->expired));) {
        group_member_of(node)->state = GROUP_MEMBER_LEFT;
        free_if_unused(group_member_of(node));
    }
    positions_fini(&group->positions);
    io_cond_fini(&group->changed);
    io_lock_fini(&group->lock);
    srt_free(group->protocol_type);
    srt_free(group->name);
    srt_free(group);
}

bool group_is_empty(const struct group *group)
{
    return group->member_count == 0 && group->positions.count == 0;
}

/* --- finding --- */

static struct group_member *find_on(struct srt_list *list, const char *id)
{
    srt_list_for_each(node, list)
    {
        if (strcmp(group_member_of(node)->id, id) == 0) {
            return group_member_of(node);
        }
    }
    return NULL;
}

int group_find_member(struct group *group, const char *id, struct group_member **ret,
                      struct srt_err *err)
{
    struct group_member *member = find_on(&group->members, id);
    if (member) {
        *ret = member;
        return SRT_OK;
    }
    if (find_on(&group->expired, id)) {
        return srt_fail(err, SRT_EFENCED,
                        "member '%s' of group '%s' was silent too long and is out", id,
                        group->name);
    }
    return srt_fail(err, SRT_ENOENT, "group '%s' has no member '%s'", group->name, id);
}

struct group *group_acquire_existing(struct broker *broker, const char *name, const char *member_id,
                                     struct srt_err *err)
{
    struct group *group = registry_acquire_group(broker, name, false);
    if (!group) {
        (void)srt_fail(err, SRT_ENOENT, "group '%s' has no member '%s'", name, member_id);
    }
    return group;
}

/* Membership needs topics by name, so both locks, in their order. */
static void lock_both(struct broker *broker, struct group *group)
{
    io_lock(&broker->registry.lock);
    io_lock(&group->lock);
}

static void unlock_both(struct broker *broker, struct group *group)
{
    io_unlock(&group->lock);
    io_unlock(&broker->registry.lock);
}

/* --- telling members --- */

static void tell(struct group *group, const struct group_notice *notice)
{
    struct group_member *member = notice->member;
    io_lock(&group->lock);
    if (member->state != GROUP_MEMBER_LEFT && member->on_change) {
        void (*on_change)(void *, int32_t) = member->on_change;
        void *arg = member->arg;
        member->calling_count++;
        io_unlock(&group->lock);
        const struct group_member *outer = told_here;
        told_here = member;
        on_change(arg, notice->generation);
        told_here = outer;
        io_lock(&group->lock);
        member->calling_count--;
        io_cond_broadcast(&group->changed);
    }
    member->notice_count--;
    free_if_unused(member);
    io_unlock(&group->lock);
}

static void tell_all(struct group *group, struct group_notices *notices)
{
    for (size_t i = 0; i < notices->count; i++) {
        tell(group, &notices->items[i]);
    }
    srt_free(notices->items);
}

/* Until on_change does not run on any other thread. Under the group's lock. */
static void wait_until_not_told(struct group *group, const struct group_member *member)
{
    while (member->calling_count > (told_here == member ? 1U : 0U)) {
        io_cond_wait(&group->changed, &group->lock);
    }
}

/* --- joining --- */

int group_check_name(const char *name, struct srt_err *err)
{
    size_t len = name ? strlen(name) : 0;
    if (len == 0 || len > SRT_GROUP_NAME_MAX) {
        return srt_fail(err, SRT_EINVAL, "group name of %zu bytes; it has 1 to %d", len,
                        SRT_GROUP_NAME_MAX);
    }
    return SRT_OK;
}

static int check_join(const struct group_join *join, struct srt_err *err)
{
    int code = group_check_name(join->group, err);
    if (code != SRT_OK) {
        return code;
    }
    size_t id_len = join->member_id ? strlen(join->member_id) : 0;
    if (id_len == 0 || id_len > SRT_GROUP_MEMBER_ID_MAX) {
        return srt_fail(err, SRT_EINVAL, "member id of %zu bytes; it has 1 to %d", id_len,
                        SRT_GROUP_MEMBER_ID_MAX);
    }
    size_t type_len = join->protocol_type ? strlen(join->protocol_type) : 0;
    if (type_len == 0 || type_len > SRT_GROUP_NAME_MAX) {
        return srt_fail(err, SRT_EINVAL, "protocol type of %zu bytes; it has 1 to %d", type_len,
                        SRT_GROUP_NAME_MAX);
    }
    if (join->session_ms < -1) {
        return srt_fail(err, SRT_EINVAL, "a session of %" PRId64 " ms; it is -1, 0 or more",
                        join->session_ms);
    }
    return SRT_OK;
}

static int check_may_join(const struct group *group, const struct group_join *join, bool again,
                          struct srt_err *err)
{
    if (group->protocol_type && strcmp(group->protocol_type, join->protocol_type) != 0) {
        return srt_fail(err, SRT_EINVAL, "group '%s' belongs to a %s; a %s cannot join it",
                        group->name, group->protocol_type, join->protocol_type);
    }
    if (!again && group->member_count >= SRT_GROUP_MEMBERS_MAX) {
        return srt_fail(err, SRT_ETOOBIG, "group '%s' has %d members and takes no more",
                        group->name, SRT_GROUP_MEMBERS_MAX);
    }
    return SRT_OK;
}

static int compare_texts(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void set_topics(struct group_member *member, const char *const *topics, uint32_t count)
{
    free_topics(member);
    member->topics = srt_xcalloc(count, sizeof(char *));
    for (uint32_t i = 0; i < count; i++) {
        member->topics[i] = srt_xstrdup(topics[i]);
    }
    qsort(member->topics, count, sizeof(char *), compare_texts);
    for (uint32_t i = 0; i < count; i++) {
        if (member->topic_count > 0 &&
            strcmp(member->topics[member->topic_count - 1], member->topics[i]) == 0) {
            srt_free(member->topics[i]);
        } else {
            member->topics[member->topic_count++] = member->topics[i];
        }
    }
}

static struct group_member *add_member(struct group *group, const char *id)
{
    struct group_member *member = srt_xcalloc(1, sizeof *member);
    member->id = srt_xstrdup(id);
    struct srt_list *before = group->members.next;
    while (before != &group->members && strcmp(group_member_of(before)->id, id) < 0) {
        before = before->next;
    }
    srt_list_push(before, &member->node); /* in front of it */
    group->member_count++;
    return member;
}

int group_member_join(struct broker *broker, const struct group_join *join, int32_t *ret_generation,
                      struct srt_err *err)
{
    int code = check_join(join, err);
    if (code != SRT_OK) {
        return code;
    }
    struct group *group = registry_acquire_group(broker, join->group, true);
    struct group_notices notices = {0};
    lock_both(broker, group);
    struct group_member *member = find_on(&group->members, join->member_id);
    code = check_may_join(group, join, member != NULL, err);
    if (code == SRT_OK) {
        struct group_member *expired = find_on(&group->expired, join->member_id);
        if (expired) {
            remove_member(group, expired);
            free_if_unused(expired);
        }
        if (!group->protocol_type) {
            group->protocol_type = srt_xstrdup(join->protocol_type);
        }
        member = member ? member : add_member(group, join->member_id);
        set_topics(member, join->topics, join->topic_count);
        int64_t session_ms = join->session_ms ? join->session_ms : broker->group_session_ms;
        member->session_ns = session_ms < 0 ? -1 : session_ms * 1000000;
        member->seen_ns = srt_clock_mono_ns(broker->clock);
        member->on_change = join->on_change;
        member->arg = join->arg;
        group_rebalance(broker, group, member, &notices);
        *ret_generation = group->generation;
    }
    unlock_both(broker, group);
    tell_all(group, &notices);
    registry_release_group(broker, group);
    return code;
}

int group_member_leave(struct broker *broker, const char *group_name, const char *member_id,
                       struct srt_err *err)
{
    struct group *group = group_acquire_existing(broker, group_name, member_id, err);
    if (!group) {
        return SRT_ENOENT;
    }
    struct group_notices notices = {0};
    lock_both(broker, group);
    struct group_member *member = NULL;
    int code = group_find_member(group, member_id, &member, err);
    member = member ? member : find_on(&group->expired, member_id);
    if (member) {
        member->notice_count++; /* ours: it must outlive the wait */
        remove_member(group, member);
        if (code == SRT_OK) {
            group_rebalance(broker, group, NULL, &notices);
        }
        io_unlock(&broker->registry.lock);
        wait_until_not_told(group, member);
        member->notice_count--;
        free_if_unused(member);
        io_unlock(&group->lock);
    } else {
        unlock_both(broker, group);
    }
    tell_all(group, &notices);
    registry_release_group(broker, group);
    return code;
}

/* --- being a member --- */

int group_check_generation(const struct group *group, const struct group_member *member,
                           int32_t generation, struct srt_err *err)
{
    if (generation != group->generation) {
        return srt_fail(err, SRT_EFENCED,
                        "member '%s' of group '%s' is in generation %" PRId32
                        ", the group in %" PRId32,
                        member->id, group->name, generation, group->generation);
    }
    return SRT_OK;
}

int group_member_heartbeat(struct broker *broker, const char *group_name, const char *member_id,
                           int32_t generation, struct srt_err *err)
{
    struct group *group = group_acquire_existing(broker, group_name, member_id, err);
    if (!group) {
        return SRT_ENOENT;
    }
    io_lock(&group->lock);
    struct group_member *member;
    int code = group_find_member(group, member_id, &member, err);
    if (code == SRT_OK) {
        member->seen_ns = srt_clock_mono_ns(broker->clock);
        code = group_check_generation(group, member, generation, err);
    }
    io_unlock(&group->lock);
    registry_release_group(broker, group);
    return code;
}

int group_member_assignment(struct broker *broker, const char *group_name, const char *member_id,
                            int32_t *ret_generation, struct group_partition **ret_parts,
                            uint32_t *ret_count, struct srt_err *err)
{
    struct group *group = group_acquire_existing(broker, group_name, member_id, err);
    if (!group) {
        return SRT_ENOENT;
    }
    io_lock(&group->lock);
    struct group_member *member;
    int code = group_find_member(group, member_id, &member, err);
    if (code == SRT_OK) {
        member->seen_ns = srt_clock_mono_ns(broker->clock);
        *ret_generation = group->generation;
        *ret_count = member->part_count;
        *ret_parts = srt_xcalloc(member->part_count, sizeof **ret_parts);
        if (member->part_count > 0) {
            memcpy(*ret_parts, member->parts, member->part_count * sizeof **ret_parts);
        }
    }
    io_unlock(&group->lock);
    registry_release_group(broker, group);
    return code;
}

/* --- what others do to a group --- */

static void expire(struct group *group, struct group_member *member, struct group_notices *notices)
{
    remove_member(group, member);
    member->state = GROUP_MEMBER_EXPIRED;
    srt_list_push(&group->expired, &member->node);
    group->expired_count++;
    srt_free(member->parts);
    member->parts = NULL;
    member->part_count = 0;
    group_add_notice(notices, member, group->generation + 1);
    srt_list_for_each_safe(node, &group->expired)
    {
        if (group->expired_count > GROUP_EXPIRED_MAX && group_member_of(node)->notice_count == 0) {
            struct group_member *oldest = group_member_of(node);
            remove_member(group, oldest);
            free_if_unused(oldest);
        }
    }
}

static void expire_of_group(struct broker *broker, struct group *group, int64_t now_ns)
{
    struct group_notices notices = {0};
    bool any = false;
    lock_both(broker, group);
    srt_list_for_each_safe(node, &group->members)
    {
        struct group_member *member = group_member_of(node);
        if (member->session_ns >= 0 && now_ns - member->seen_ns > member->session_ns) {
            expire(group, member, &notices);
            any = true;
        }
    }
    if (any) {
        group_rebalance(broker, group, NULL, &notices);
    }
    unlock_both(broker, group);
    tell_all(group, &notices);
}

void group_expire_members(struct broker *broker)
{
    int64_t now_ns = srt_clock_mono_ns(broker->clock);
    size_t count;
    struct group **groups = registry_acquire_groups(broker, &count);
    for (size_t i = 0; i < count; i++) {
        expire_of_group(broker, groups[i], now_ns);
    }
    registry_release_groups(broker, groups, count);
}

static bool reads_topic(const struct group *group, const char *topic)
{
    srt_list_for_each(node, &group->members)
    {
        const struct group_member *member = group_member_of(node);
        for (uint32_t i = 0; i < member->topic_count; i++) {
            if (strcmp(member->topics[i], topic) == 0) {
                return true;
            }
        }
    }
    return false;
}

void group_topic_changed(struct broker *broker, const char *topic)
{
    size_t count;
    struct group **groups = registry_acquire_groups(broker, &count);
    for (size_t i = 0; i < count; i++) {
        struct group_notices notices = {0};
        lock_both(broker, groups[i]);
        if (reads_topic(groups[i], topic)) {
            group_rebalance(broker, groups[i], NULL, &notices);
        }
        unlock_both(broker, groups[i]);
        tell_all(groups[i], &notices);
    }
    registry_release_groups(broker, groups, count);
}
