/* A new generation of a group: which topics its members read and how many partitions these have by
 * now, who had what, what the assignor makes of it, and whom to tell. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "broker/assignor.h"
#include "broker/broker_impl.h"
#include "broker/group_impl.h"

void group_add_notice(struct group_notices *notices, struct group_member *member,
                      int32_t generation)
{
    if (!member->on_change) {
        return;
    }
    if (notices->count == notices->cap) {
        notices->cap = notices->cap ? notices->cap * 2 : 8;
        notices->items = srt_xrealloc(notices->items, notices->cap * sizeof *notices->items);
    }
    notices->items[notices->count++] = (struct group_notice){member, generation};
    member->notice_count++;
}

struct deal {
    struct topic *
        *topics; /* that exist and are read, by name; borrowed under the registry's lock */
    uint32_t topic_count;
    struct assignor_topic *counts;
    uint32_t *first; /* number of each topic's partition 0, and the end */
    struct assignor_member *members;
    struct group_member **by_index;
    int32_t *owners;
};

static int compare_topics(const void *left, const void *right)
{
    return strcmp(topic_name(*(struct topic *const *)left),
                  topic_name(*(struct topic *const *)right));
}

static void collect_topics(struct broker *broker, struct group *group, struct deal *deal)
{
    size_t most = 0;
    srt_list_for_each(node, &group->members)
    {
        most += group_member_of(node)->topic_count;
    }
    struct topic **topics = srt_xcalloc(most, sizeof(struct topic *));
    size_t count = 0;
    srt_list_for_each(node, &group->members)
    {
        const struct group_member *member = group_member_of(node);
        for (uint32_t i = 0; i < member->topic_count; i++) {
            struct topic *topic =
                srt_map_find_str(&broker->registry.topics_by_name, member->topics[i]);
            if (topic) {
                topics[count++] = topic;
            }
        }
    }
    qsort(topics, count, sizeof(struct topic *), compare_topics);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || topics[i] != topics[i - 1]) {
            topics[deal->topic_count++] = topics[i];
        }
    }
    deal->topics = topics;
    deal->counts = srt_xcalloc(deal->topic_count, sizeof *deal->counts);
    deal->first = srt_xcalloc((size_t)deal->topic_count + 1, sizeof *deal->first);
    for (uint32_t t = 0; t < deal->topic_count; t++) {
        deal->counts[t].partition_count = topic_partition_count(topics[t]);
        deal->first[t + 1] = deal->first[t] + (uint32_t)deal->counts[t].partition_count;
    }
}

static int find_topic(const struct deal *deal, const char *name)
{
    int low = 0;
    int high = (int)deal->topic_count - 1;
    while (low <= high) {
        int mid = low + (high - low) / 2;
        int order = strcmp(topic_name(deal->topics[mid]), name);
        if (order == 0) {
            return mid;
        }
        low = order < 0 ? mid + 1 : low;
        high = order < 0 ? high : mid - 1;
    }
    return -1;
}

static void collect_members(struct group *group, struct deal *deal)
{
    deal->members = srt_xcalloc(group->member_count, sizeof *deal->members);
    deal->by_index = srt_xcalloc(group->member_count, sizeof(struct group_member *));
    deal->owners = srt_xcalloc(deal->first[deal->topic_count], sizeof *deal->owners);
    for (uint32_t p = 0; p < deal->first[deal->topic_count]; p++) {
        deal->owners[p] = ASSIGNOR_NOBODY;
    }
    uint32_t index = 0;
    srt_list_for_each(node, &group->members)
    {
        struct group_member *member = group_member_of(node);
        uint32_t *reads = srt_xcalloc(member->topic_count, sizeof *reads);
        uint32_t count = 0;
        for (uint32_t i = 0; i < member->topic_count; i++) {
            int t = find_topic(deal, member->topics[i]);
            if (t >= 0) {
                reads[count++] = (uint32_t)t;
            }
        }
        deal->members[index] = (struct assignor_member){reads, count};
        deal->by_index[index] = member;
        for (uint32_t i = 0; i < member->part_count; i++) {
            for (uint32_t t = 0; t < deal->topic_count; t++) {
                if (topic_id_equal(topic_get_id(deal->topics[t]), &member->parts[i].topic_id) &&
                    member->parts[i].partition < deal->counts[t].partition_count) {
                    deal->owners[deal->first[t] + (uint32_t)member->parts[i].partition] =
                        (int32_t)index;
                }
            }
        }
        index++;
    }
}

static void hand_out(struct group *group, const struct deal *deal)
{
    for (uint32_t m = 0; m < group->member_count; m++) {
        struct group_member *member = deal->by_index[m];
        srt_free(member->parts);
        member->part_count = 0;
        uint32_t most = deal->first[deal->topic_count];
        member->parts = srt_xcalloc(most, sizeof *member->parts);
        for (uint32_t t = 0; t < deal->topic_count; t++) {
            for (uint32_t p = deal->first[t]; p < deal->first[t + 1]; p++) {
                if (deal->owners[p] == (int32_t)m) {
                    member->parts[member->part_count++] = (struct group_partition){
                        *topic_get_id(deal->topics[t]), (int32_t)(p - deal->first[t])};
                }
            }
        }
    }
}

void group_rebalance(struct broker *broker, struct group *group, const struct group_member *except,
                     struct group_notices *notices)
{
    io_lock_assert_held(&broker->registry.lock);
    io_lock_assert_held(&group->lock);
    struct deal deal = {0};
    collect_topics(broker, group, &deal);
    collect_members(group, &deal);
    assignor_assign(deal.counts, deal.topic_count, deal.members, group->member_count, deal.owners);
    hand_out(group, &deal);
    group->generation++;
    srt_list_for_each(node, &group->members)
    {
        if (group_member_of(node) != except) {
            group_add_notice(notices, group_member_of(node), group->generation);
        }
    }
    for (uint32_t m = 0; m < group->member_count; m++) {
        srt_free((void *)deal.members[m].topics);
    }
    srt_free(deal.members);
    srt_free(deal.by_index);
    srt_free(deal.owners);
    srt_free(deal.counts);
    srt_free(deal.first);
    srt_free(deal.topics);
}
