/* Think of members as nodes and draw an edge from x to y for every partition that x has and y could
 * have. Loads are as even as they can be when no path leads from a member to one that has two
 * partitions less: along such a path each member hands one partition to the next, the first gets
 * rid of one, the last has one more, and all between keep their number (Harvey and others,
 * "Semi-matchings for bipartite graphs and load balancing", 2003). Hence three steps:
 *
 *     1. who had a partition and still reads it, keeps it;
 *     2. what nobody has goes to whoever reads it and has least;
 *     3. while there is a relieving path from a member, hand over along the shortest one.
 *
 * With equal subscriptions all paths have one edge, step 3 moves from the fullest to the emptiest,
 * and each move is one that every balanced assignment has to make: that is the stickiness. What a
 * member has is counted by topic, so that paths are searched over topics and not over
 * partitions. */
#include "broker/assignor.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"

struct state {
    const struct assignor_topic *topics;
    uint32_t topic_count;
    const struct assignor_member *members;
    uint32_t member_count;
    int32_t *owners;
    uint32_t *first; /* of each topic: the number of its partition 0 */
    uint32_t *load;  /* of each member: how many partitions it has */
    uint32_t *has;   /* [member][topic]: how many of that topic */
    bool *reads;     /* [member][topic] */
    /* the search for a path */
    uint32_t *queue;
    int32_t *came_from;   /* member before it on the path; -1 not visited */
    uint32_t *came_topic; /* the topic of the partition that is handed over */
};

static uint32_t cell(const struct state *s, uint32_t member, uint32_t topic)
{
    return member * s->topic_count + topic;
}

static void give(struct state *s, uint32_t partition, uint32_t topic, uint32_t to)
{
    int32_t from = s->owners[partition];
    if (from != ASSIGNOR_NOBODY) {
        s->load[from]--;
        s->has[cell(s, (uint32_t)from, topic)]--;
    }
    s->owners[partition] = (int32_t)to;
    s->load[to]++;
    s->has[cell(s, to, topic)]++;
}

static void keep_what_was(struct state *s)
{
    for (uint32_t t = 0; t < s->topic_count; t++) {
        for (uint32_t p = s->first[t]; p < s->first[t + 1]; p++) {
            int32_t owner = s->owners[p];
            s->owners[p] = ASSIGNOR_NOBODY;
            if (owner != ASSIGNOR_NOBODY && s->reads[cell(s, (uint32_t)owner, t)]) {
                give(s, p, t, (uint32_t)owner);
            }
        }
    }
}

/* Among equals, one that has fewer of this topic, so that each topic is spread too. */
static void give_away_the_rest(struct state *s)
{
    for (uint32_t t = 0; t < s->topic_count; t++) {
        for (uint32_t p = s->first[t]; p < s->first[t + 1]; p++) {
            if (s->owners[p] != ASSIGNOR_NOBODY) {
                continue;
            }
            int64_t best = -1;
            for (uint32_t m = 0; m < s->member_count; m++) {
                if (!s->reads[cell(s, m, t)]) {
                    continue;
                }
                if (best < 0 || s->load[m] < s->load[best] ||
                    (s->load[m] == s->load[best] &&
                     s->has[cell(s, m, t)] < s->has[cell(s, (uint32_t)best, t)])) {
                    best = m;
                }
            }
            if (best >= 0) {
                give(s, p, t, (uint32_t)best);
            }
        }
    }
}

/* Breadth first from `start`; the emptiest member at the first distance where one has at least two
 * less. -1 when there is none. */
static int64_t find_relief(struct state *s, uint32_t start)
{
    memset(s->came_from, 0xff, s->member_count * sizeof *s->came_from);
    s->came_from[start] = (int32_t)start;
    uint32_t head = 0;
    uint32_t tail = 0;
    s->queue[tail++] = start;
    while (head < tail) {
        int64_t best = -1;
        for (uint32_t level_end = tail; head < level_end; head++) {
            uint32_t x = s->queue[head];
            for (uint32_t t = 0; t < s->topic_count; t++) {
                for (uint32_t y = 0; s->has[cell(s, x, t)] > 0 && y < s->member_count; y++) {
                    if (s->came_from[y] >= 0 || !s->reads[cell(s, y, t)]) {
                        continue;
                    }
                    s->came_from[y] = (int32_t)x;
                    s->came_topic[y] = t;
                    s->queue[tail++] = y;
                    if (s->load[y] + 2 <= s->load[start] &&
                        (best < 0 || s->load[y] < s->load[best])) {
                        best = y;
                    }
                }
            }
        }
        if (best >= 0) {
            return best;
        }
    }
    return -1;
}

/* Any of them will do; the last one keeps the front of a topic where it was. */
static void hand_over(struct state *s, uint32_t from, uint32_t to, uint32_t topic)
{
    for (uint32_t p = s->first[topic + 1]; p-- > s->first[topic];) {
        if (s->owners[p] == (int32_t)from) {
            give(s, p, topic, to);
            return;
        }
    }
    srt_unreachable("a member has no partition of a topic that it has some of");
}

/* The fullest member that can be relieved at all. Whoever cannot be relieved now cannot be later
 * either, as long as loads only get closer; so each is given up at most once. */
static void relieve(struct state *s)
{
    bool *given_up = srt_xcalloc(s->member_count, sizeof *given_up);
    for (;;) {
        int64_t fullest = -1;
        for (uint32_t m = 0; m < s->member_count; m++) {
            if (!given_up[m] && (fullest < 0 || s->load[m] > s->load[fullest])) {
                fullest = m;
            }
        }
        if (fullest < 0) {
            break;
        }
        int64_t relief = find_relief(s, (uint32_t)fullest);
        if (relief < 0) {
            given_up[fullest] = true;
            continue;
        }
        for (uint32_t m = (uint32_t)relief; m != (uint32_t)fullest; m = (uint32_t)s->came_from[m]) {
            hand_over(s, (uint32_t)s->came_from[m], m, s->came_topic[m]);
        }
    }
    srt_free(given_up);
}

void assignor_assign(const struct assignor_topic *topics, uint32_t topic_count,
                     const struct assignor_member *members, uint32_t member_count, int32_t *owners)
{
    size_t cells = (size_t)member_count * topic_count;
    struct state s = {
        .topics = topics,
        .topic_count = topic_count,
        .members = members,
        .member_count = member_count,
        .owners = owners,
        .first = srt_xcalloc((size_t)topic_count + 1, sizeof *s.first),
        .load = srt_xcalloc(member_count, sizeof *s.load),
        .has = srt_xcalloc(cells, sizeof *s.has),
        .reads = srt_xcalloc(cells, sizeof *s.reads),
        .queue = srt_xcalloc(member_count, sizeof *s.queue),
        .came_from = srt_xcalloc(member_count, sizeof *s.came_from),
        .came_topic = srt_xcalloc(member_count, sizeof *s.came_topic),
    };
    for (uint32_t t = 0; t < topic_count; t++) {
        s.first[t + 1] = s.first[t] + (uint32_t)topics[t].partition_count;
    }
    for (uint32_t m = 0; m < member_count; m++) {
        for (uint32_t i = 0; i < members[m].topic_count; i++) {
            srt_assert(members[m].topics[i] < topic_count);
            s.reads[cell(&s, m, members[m].topics[i])] = true;
        }
    }
    keep_what_was(&s);
    give_away_the_rest(&s);
    relieve(&s);
    srt_free(s.first);
    srt_free(s.load);
    srt_free(s.has);
    srt_free(s.reads);
    srt_free(s.queue);
    srt_free(s.came_from);
    srt_free(s.came_topic);
}
