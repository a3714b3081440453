/* Committing positions as a member. The fence (member in, generation current) and the hand-over to
 * the store are one step under the group's lock: else a commit could be found good, be overtaken by
 * a rebalance and by the new owner's commit, and then land behind it. The store takes a write
 * without blocking, and keeps the order in which it takes them. */
#include <inttypes.h>

#include "base/assert.h"
#include "broker/broker_impl.h"
#include "broker/group_impl.h"
#include "broker/metadata.h"

/* The journal is full for a moment: look again after so long. */
enum { COMMIT_RETRY_MS = 2 };

struct commit {
    struct broker_write write;
    struct group *group;
    bool done;
    int code;
};

static void commit_done(struct broker_write *write, int code)
{
    struct commit *commit = write->arg;
    io_lock(&commit->group->lock);
    commit->code = code;
    commit->done = true;
    io_cond_broadcast(&commit->group->changed);
    io_unlock(&commit->group->lock);
}

static int explain(struct broker *broker, const struct group *group, int code, struct srt_err *err)
{
    (void)broker_explain(broker, code, err);
    return srt_err_wrap(err, "commit of group '%s'", group->name);
}

static int hand_over(struct broker *broker, struct commit *commit, const char *member_id,
                     int32_t generation, struct srt_err *err)
{
    struct group *group = commit->group;
    for (;;) {
        struct group_member *member;
        int code = group_find_member(group, member_id, &member, err);
        code = code == SRT_OK ? group_check_generation(group, member, generation, err) : code;
        if (code != SRT_OK) {
            return code;
        }
        member->seen_ns = srt_clock_mono_ns(broker->clock);
        code = store_submit(broker->store, &commit->write.store_write);
        if (code == SRT_OK) {
            return SRT_OK;
        }
        if (code != SRT_EAGAIN) {
            return explain(broker, group, code, err);
        }
        (void)io_cond_wait_ms(&group->changed, &group->lock, COMMIT_RETRY_MS);
    }
}

static int send_and_wait(struct broker *broker, struct commit *commit, const char *member_id,
                         int32_t generation, struct srt_err *err)
{
    struct group *group = commit->group;
    io_lock(&group->lock);
    int code = hand_over(broker, commit, member_id, generation, err);
    while (code == SRT_OK && !commit->done) {
        io_cond_wait(&group->changed, &group->lock);
    }
    io_unlock(&group->lock);
    if (!commit->done) {
        broker_end_write(&commit->write);
    } else if (commit->code != SRT_OK) {
        code = explain(broker, group, commit->code, err);
    }
    return code;
}

int group_member_commit(struct broker *broker, const char *group_name, const char *member_id,
                        int32_t generation, const struct group_position *positions, uint32_t count,
                        struct srt_err *err)
{
    BROKER_MAY_BLOCK();
    struct group *group = group_acquire_existing(broker, group_name, member_id, err);
    if (!group) {
        return SRT_ENOENT;
    }
    struct commit commit = {.group = group};
    commit.write = (struct broker_write){
        .group = group_name,
        .positions = positions,
        .position_count = count,
        .done = commit_done,
        .arg = &commit,
    };
    int code = broker_begin_write(broker, &commit.write, err);
    if (code == SRT_OK) {
        code = send_and_wait(broker, &commit, member_id, generation, err);
    }
    registry_release_group(broker, group);
    return code;
}

int broker_group_delete(struct broker *broker, const char *name, struct srt_err *err)
{
    BROKER_MAY_BLOCK();
    int code = broker_check_writable(broker, err);
    if (code != SRT_OK) {
        return code;
    }
    struct group *group = registry_acquire_group(broker, name, false);
    if (!group) {
        return srt_fail(err, SRT_ENOENT, "group '%s' does not exist", name);
    }
    registry_begin_change(broker);
    io_lock(&group->lock);
    uint32_t member_count = group->member_count;
    io_unlock(&group->lock);
    if (member_count > 0) {
        code = srt_fail(err, SRT_EBUSY, "group '%s' has %" PRIu32 " members", name, member_count);
    } else {
        struct srt_buf entry = {0};
        metadata_put_group_deleted(&entry, name);
        code = broker_write_entry(broker, METADATA_GROUP_DELETED, &entry, err);
        srt_buf_fini(&entry);
    }
    registry_end_change(broker);
    registry_release_group(broker, group);
    return code;
}
