#include "broker/assignor.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "support/cmocka_srt.h"

enum { MEMBERS_MAX = 12, TOPICS_MAX = 8, PARTS_MAX = 200 };

struct scene {
    struct assignor_topic topics[TOPICS_MAX];
    uint32_t topic_count;
    struct assignor_member members[MEMBERS_MAX];
    uint32_t reads[MEMBERS_MAX][TOPICS_MAX];
    uint32_t member_count;
    int32_t owners[PARTS_MAX];
};

static uint32_t part_count(const struct scene *s)
{
    uint32_t count = 0;
    for (uint32_t t = 0; t < s->topic_count; t++) {
        count += (uint32_t)s->topics[t].partition_count;
    }
    return count;
}

static uint32_t topic_at(const struct scene *s, uint32_t part)
{
    uint32_t t = 0;
    while (part >= (uint32_t)s->topics[t].partition_count) {
        part -= (uint32_t)s->topics[t].partition_count;
        t++;
    }
    return t;
}

static bool reads(const struct scene *s, uint32_t member, uint32_t topic)
{
    for (uint32_t i = 0; i < s->members[member].topic_count; i++) {
        if (s->members[member].topics[i] == topic) {
            return true;
        }
    }
    return false;
}

static void assign(struct scene *s)
{
    assignor_assign(s->topics, s->topic_count, s->members, s->member_count, s->owners);
}

static void count_loads(const struct scene *s, uint32_t *loads)
{
    memset(loads, 0, MEMBERS_MAX * sizeof *loads);
    for (uint32_t p = 0; p < part_count(s); p++) {
        if (s->owners[p] != ASSIGNOR_NOBODY) {
            loads[s->owners[p]]++;
        }
    }
}

static void assert_everything_is_owned_by_a_reader(const struct scene *s)
{
    for (uint32_t p = 0; p < part_count(s); p++) {
        uint32_t topic = topic_at(s, p);
        bool anyone = false;
        for (uint32_t m = 0; m < s->member_count; m++) {
            anyone |= reads(s, m, topic);
        }
        if (anyone) {
            assert_in_range(s->owners[p], 0, s->member_count - 1);
            assert_true(reads(s, (uint32_t)s->owners[p], topic));
        } else {
            assert_int_equal(s->owners[p], ASSIGNOR_NOBODY);
        }
    }
}

/* Loads are as even as they can be exactly when no path of hand-overs leads to a member with two
 * less: computed here as a closure over members, quite unlike the assignor's search. */
static void assert_nobody_can_be_relieved(const struct scene *s)
{
    uint32_t loads[MEMBERS_MAX];
    count_loads(s, loads);
    bool reach[MEMBERS_MAX][MEMBERS_MAX] = {{false}};
    for (uint32_t p = 0; p < part_count(s); p++) {
        for (uint32_t m = 0; m < s->member_count && s->owners[p] != ASSIGNOR_NOBODY; m++) {
            reach[s->owners[p]][m] |= reads(s, m, topic_at(s, p));
        }
    }
    for (uint32_t k = 0; k < s->member_count; k++) {
        for (uint32_t i = 0; i < s->member_count; i++) {
            for (uint32_t j = 0; j < s->member_count; j++) {
                reach[i][j] |= reach[i][k] && reach[k][j];
            }
        }
    }
    for (uint32_t i = 0; i < s->member_count; i++) {
        for (uint32_t j = 0; j < s->member_count; j++) {
            assert_false(reach[i][j] && loads[i] >= loads[j] + 2);
        }
    }
}

static void subscribe(struct scene *s, uint32_t member, uint32_t bits)
{
    s->members[member].topics = s->reads[member];
    s->members[member].topic_count = 0;
    for (uint32_t t = 0; t < s->topic_count; t++) {
        if (bits >> t & 1) {
            s->reads[member][s->members[member].topic_count++] = t;
        }
    }
}

static void make_scene(struct scene *s, struct srt_rng *rng, bool same_subscriptions)
{
    *s = (struct scene){.topic_count = 1 + (uint32_t)srt_rng_below(rng, TOPICS_MAX),
                        .member_count = 1 + (uint32_t)srt_rng_below(rng, MEMBERS_MAX)};
    for (uint32_t t = 0; t < s->topic_count; t++) {
        s->topics[t].partition_count = 1 + (int32_t)srt_rng_below(rng, PARTS_MAX / TOPICS_MAX);
    }
    for (uint32_t m = 0; m < s->member_count; m++) {
        subscribe(s, m, same_subscriptions ? UINT32_MAX : (uint32_t)srt_rng_next(rng));
    }
    for (uint32_t p = 0; p < PARTS_MAX; p++) {
        s->owners[p] = (int32_t)srt_rng_below(rng, s->member_count + 1) - 1;
    }
}

static void any_start_leads_to_a_balanced_whole_assignment(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 7);
    for (int round = 0; round < 3000; round++) {
        struct scene s;
        make_scene(&s, &rng, round % 2 == 0);
        assign(&s);
        assert_everything_is_owned_by_a_reader(&s);
        assert_nobody_can_be_relieved(&s);
    }
}

/* With equal subscriptions the least number of moves is known: what nobody had must be given to
 * someone, and of the rest, either all that lies above the higher share must go, or all that is
 * missing below the lower share must come. */
static uint32_t least_moves(const struct scene *s)
{
    uint32_t loads[MEMBERS_MAX];
    count_loads(s, loads);
    uint32_t parts = part_count(s);
    uint32_t low = parts / s->member_count;
    uint32_t high_members = parts % s->member_count;
    uint32_t kept = 0;
    for (uint32_t m = 0; m < s->member_count; m++) {
        kept += loads[m] < low ? loads[m] : low;
    }
    uint32_t above = 0;
    for (uint32_t m = 0; m < s->member_count; m++) {
        above += loads[m] > low;
    }
    return parts - kept - (above < high_members ? above : high_members);
}

static void equal_subscriptions_move_as_few_as_possible(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 8);
    for (int round = 0; round < 2000; round++) {
        struct scene s;
        make_scene(&s, &rng, true);
        struct scene before = s;
        uint32_t least = least_moves(&s);
        assign(&s);
        uint32_t moved = 0;
        for (uint32_t p = 0; p < part_count(&s); p++) {
            moved += s.owners[p] != before.owners[p];
        }
        assert_int_equal(moved, least);
    }
}

static void balanced_assignment_stays_as_it_is(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 9);
    for (int round = 0; round < 500; round++) {
        struct scene s;
        make_scene(&s, &rng, round % 2 == 0);
        assign(&s);
        struct scene again = s;
        assign(&again);
        assert_memory_equal(again.owners, s.owners, part_count(&s) * sizeof s.owners[0]);
    }
}

static void leaving_moves_only_what_the_leaver_had(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 10);
    for (int round = 0; round < 500; round++) {
        struct scene s;
        make_scene(&s, &rng, true);
        if (s.member_count < 2) {
            continue;
        }
        assign(&s);
        int32_t leaver = (int32_t)s.member_count - 1;
        struct scene after = s;
        after.member_count--;
        for (uint32_t p = 0; p < part_count(&s); p++) {
            after.owners[p] = s.owners[p] == leaver ? ASSIGNOR_NOBODY : s.owners[p];
        }
        assign(&after);
        for (uint32_t p = 0; p < part_count(&s); p++) {
            assert_true(s.owners[p] == leaver || after.owners[p] == s.owners[p]);
        }
        assert_nobody_can_be_relieved(&after);
    }
}

static void first_assignment_spreads_each_topic(void **state)
{
    (void)state;
    struct scene s = {.topic_count = 2, .member_count = 2, .topics = {{4}, {4}}};
    subscribe(&s, 0, 3);
    subscribe(&s, 1, 3);
    for (int p = 0; p < 8; p++) {
        s.owners[p] = ASSIGNOR_NOBODY;
    }
    assign(&s);
    static const int32_t expected[] = {0, 1, 0, 1, 0, 1, 0, 1};
    assert_memory_equal(s.owners, expected, sizeof expected);
}

/* a reads only x, b reads x and y, c reads y. To relieve a, b must first hand a partition of y to
 * c. */
static void relief_goes_through_others_where_it_must(void **state)
{
    (void)state;
    struct scene s = {.topic_count = 2, .member_count = 3, .topics = {{4}, {2}}};
    subscribe(&s, 0, 1);
    subscribe(&s, 1, 3);
    subscribe(&s, 2, 2);
    static const int32_t start[] = {0, 0, 0, 1, 1, 1};
    memcpy(s.owners, start, sizeof start);
    assign(&s);
    uint32_t loads[MEMBERS_MAX];
    count_loads(&s, loads);
    assert_int_equal(loads[0], 2);
    assert_int_equal(loads[1], 2);
    assert_int_equal(loads[2], 2);
}

static void nobody_and_nothing_are_fine(void **state)
{
    (void)state;
    struct scene s = {
        .topic_count = 1, .topics = {{2}}, .owners = {ASSIGNOR_NOBODY, ASSIGNOR_NOBODY}};
    assign(&s);
    assert_int_equal(s.owners[0], ASSIGNOR_NOBODY);
    s = (struct scene){.member_count = 1};
    assign(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_start_leads_to_a_balanced_whole_assignment),
        cmocka_unit_test(equal_subscriptions_move_as_few_as_possible),
        cmocka_unit_test(balanced_assignment_stays_as_it_is),
        cmocka_unit_test(leaving_moves_only_what_the_leaver_had),
        cmocka_unit_test(first_assignment_spreads_each_topic),
        cmocka_unit_test(relief_goes_through_others_where_it_must),
        cmocka_unit_test(nobody_and_nothing_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
