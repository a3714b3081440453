#include "broker/metadata.h"

#include "base/limits.h"
#include "base/rng.h"
#include "broker/broker.h"
#include "support/broker_fixture.h"
#include "support/cmocka_srt.h"

static const struct topic_id id_a = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

#define ID_A    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
#define ID_NONE 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define OLD_CONFIG                                                                                 \
    0, 0, 0, 3, 0, 0, 0, 0, 0x24, 0x0c, 0x84, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,   \
        0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0x24, 0x0c, 0x84, 0, 0, 0, 0, 0, 0, 0x10, 0, 0
#define DELETE         0
#define COMPACT_DELETE 2
#define ZSTD           4
#define HOUR           0, 0, 0, 0, 0, 0x36, 0xee, 0x80
#define NEW_CONFIG     OLD_CONFIG, COMPACT_DELETE, ZSTD, HOUR

static const uint8_t golden_created[] = {3, ID_A, 0, 1, 'a', NEW_CONFIG};
static const uint8_t golden_altered[] = {3, ID_A, NEW_CONFIG};
static const uint8_t golden_deleted[] = {1, ID_A};
/* clang-format off */
static const uint8_t golden_positions[] = {
    1, 0, 1, 'g', 0, 8, 'p', 'i', 'p', 'e', 'l', 'i', 'n', 'e', 0, 0, 0, 2,
    ID_A, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 0,
    0, 0, 0, 0, 0, 0, 0, 0,
    ID_NONE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7,
    0, 6, 'f', 'i', 'l', 'e', ':', 'x', 0, 0, 0, 0, 0, 2, 0xca, 0xfe,
};
static const uint8_t golden_group_deleted[] = {1, 0, 1, 'g'};
static const uint8_t golden_snapshot[] = {
    3, 0, 0, 0, 1, ID_A, 0, 1, 'a', NEW_CONFIG,
    0, 0, 0, 1, 0, 1, 'g', 0, 0, 0, 0, 0, 1,
    ID_A, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5,
    0, 0, 0, 3, 'o', 'l', 'd', 0, 0, 0, 0,
};
/* clang-format on */

static const uint8_t detail[] = {0xca, 0xfe};
static const struct group_position of_partition = {
    .topic_id = {{ID_A}}, .partition = 2, .offset = 256};
static const struct group_position of_file = {
    .source_name = "file:x", .offset = 7, .detail = detail, .detail_len = sizeof detail};

struct golden {
    uint8_t kind;
    const uint8_t *bytes;
    size_t size;
};
#define GOLDEN(kind, bytes)                                                                        \
    {                                                                                              \
        kind, bytes, sizeof bytes                                                                  \
    }
static const struct golden goldens[] = {
    GOLDEN(METADATA_TOPIC_CREATED, golden_created),
    GOLDEN(METADATA_TOPIC_ALTERED, golden_altered),
    GOLDEN(METADATA_TOPIC_DELETED, golden_deleted),
    GOLDEN(METADATA_POSITIONS, golden_positions),
    GOLDEN(METADATA_GROUP_DELETED, golden_group_deleted),
};
enum { GOLDEN_COUNT = sizeof goldens / sizeof goldens[0] };

static void assert_bytes(struct srt_buf *buf, const uint8_t *bytes, size_t size)
{
    assert_false(srt_buf_failed(buf));
    assert_int_equal(buf->len, size);
    assert_memory_equal(buf->data, bytes, size);
    srt_buf_fini(buf);
}

static void every_entry_has_the_documented_bytes(void **state)
{
    (void)state;
    struct topic_config config;
    topic_config_default(&config);
    config.compression = COMPRESSION_ZSTD;
    config.cleanup = TOPIC_CLEANUP_COMPACT_DELETE;
    config.delete_retention_ms = 3600000;
    struct srt_buf buf = {0};
    metadata_put_topic_created(&buf, &id_a, "a", &config);
    assert_bytes(&buf, golden_created, sizeof golden_created);
    metadata_put_topic_altered(&buf, &id_a, &config);
    assert_bytes(&buf, golden_altered, sizeof golden_altered);
    metadata_put_topic_deleted(&buf, &id_a);
    assert_bytes(&buf, golden_deleted, sizeof golden_deleted);
    metadata_put_positions(&buf, "g", "pipeline", 2);
    metadata_put_position(&buf, &of_partition, NULL);
    metadata_put_position(&buf, &of_file, NULL);
    assert_bytes(&buf, golden_positions, sizeof golden_positions);
    metadata_put_group_deleted(&buf, "g");
    assert_bytes(&buf, golden_group_deleted, sizeof golden_group_deleted);

    struct group_position former = {.topic_id = id_a, .offset = 5};
    metadata_put_snapshot(&buf, 1);
    metadata_put_snapshot_topic(&buf, &id_a, "a", &config);
    metadata_put_snapshot_groups(&buf, 1);
    metadata_put_snapshot_group(&buf, "g", NULL, 1);
    metadata_put_position(&buf, &former, "old");
    assert_bytes(&buf, golden_snapshot, sizeof golden_snapshot);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    struct srt_err err = {0};
    struct metadata_entry entry;
    assert_ok(metadata_decode(METADATA_TOPIC_CREATED, golden_created, sizeof golden_created, &entry,
                              &err),
              &err);
    assert_memory_equal(&entry.topic.id, &id_a, sizeof id_a);
    assert_true(srt_str_is(entry.topic.name, "a"));
    struct topic_config config;
    topic_config_default(&config);
    config.compression = COMPRESSION_ZSTD;
    config.cleanup = TOPIC_CLEANUP_COMPACT_DELETE;
    config.delete_retention_ms = 3600000;
    assert_topic_config_equal(&entry.topic.config, &config);

    assert_ok(metadata_decode(METADATA_POSITIONS, golden_positions, sizeof golden_positions, &entry,
                              &err),
              &err);
    assert_true(srt_str_is(entry.group.name, "g"));
    assert_true(srt_str_is(entry.group.protocol_type, "pipeline"));
    assert_int_equal(entry.group.position_count, 2);
    struct metadata_position position;
    assert_true(metadata_next_position(&entry.group.positions, &position));
    assert_memory_equal(&position.topic_id, &id_a, sizeof id_a);
    assert_int_equal(position.partition, 2);
    assert_int_equal(position.offset, 256);
    assert_int_equal(position.source_name.n, 0);
    assert_true(metadata_next_position(&entry.group.positions, &position));
    assert_true(srt_str_is(position.source_name, "file:x"));
    assert_int_equal(position.offset, 7);
    assert_int_equal(position.detail.n, 2);
    assert_memory_equal(position.detail.p, detail, 2);
    assert_false(metadata_next_position(&entry.group.positions, &position));
}

/* Before topics had a compression, and before they were compacted. */
static void the_versions_before_are_read(void **state)
{
    (void)state;
    static const uint8_t created_1[] = {1, ID_A, 0, 1, 'a', OLD_CONFIG, DELETE};
    static const uint8_t altered_1[] = {1, ID_A, OLD_CONFIG, DELETE};
    static const uint8_t created_2[] = {2, ID_A, 0, 1, 'a', OLD_CONFIG, DELETE, ZSTD};
    static const uint8_t altered_2[] = {2, ID_A, OLD_CONFIG, DELETE, ZSTD};
    static const struct golden old[] = {GOLDEN(METADATA_TOPIC_CREATED, created_1),
                                        GOLDEN(METADATA_TOPIC_ALTERED, altered_1),
                                        GOLDEN(METADATA_TOPIC_CREATED, created_2),
                                        GOLDEN(METADATA_TOPIC_ALTERED, altered_2)};
    for (size_t i = 0; i < 4; i++) {
        struct topic_config config;
        topic_config_default(&config);
        config.compression = i < 2 ? COMPRESSION_NONE : COMPRESSION_ZSTD;
        struct srt_err err = {0};
        struct metadata_entry entry;
        assert_ok(metadata_decode(old[i].kind, old[i].bytes, old[i].size, &entry, &err), &err);
        assert_topic_config_equal(&entry.topic.config, &config);
        assert_int_equal(metadata_decode(old[i].kind, old[i].bytes, old[i].size - 1, &entry, &err),
                         SRT_ECORRUPT);
    }
}

static void old_version_knows_no_compaction(void **state)
{
    (void)state;
    static const uint8_t altered[] = {2, ID_A, OLD_CONFIG, COMPACT_DELETE, ZSTD};
    static const uint8_t unknown[] = {3, ID_A, OLD_CONFIG, 3, ZSTD, HOUR};
    struct srt_err err = {0};
    struct metadata_entry entry;
    assert_int_equal(
        metadata_decode(METADATA_TOPIC_ALTERED, altered, sizeof altered, &entry, &err),
        SRT_ECORRUPT);
    assert_int_equal(
        metadata_decode(METADATA_TOPIC_ALTERED, unknown, sizeof unknown, &entry, &err),
        SRT_ECORRUPT);
}

static int count_topic(void *ctx, const struct metadata_topic *topic, struct srt_err *err)
{
    (void)err;
    assert_true(srt_str_is(topic->name, "a"));
    ((int *)ctx)[0]++;
    return SRT_OK;
}

static int count_group(void *ctx, const struct metadata_group *group, struct srt_err *err)
{
    (void)err;
    struct srt_str positions = group->positions;
    struct metadata_position position;
    while (metadata_next_position(&positions, &position)) {
        assert_true(srt_str_is(position.former_topic, "old"));
        ((int *)ctx)[1]++;
    }
    return SRT_OK;
}

static void snapshot_visits_topics_and_groups(void **state)
{
    (void)state;
    int seen[2] = {0};
    struct metadata_visitor visitor = {seen, count_topic, count_group};
    struct srt_err err = {0};
    assert_ok(metadata_decode_snapshot(golden_snapshot, sizeof golden_snapshot, &visitor, &err),
              &err);
    assert_int_equal(seen[0], 1);
    assert_int_equal(seen[1], 1);
}

static void damaged_snapshot_visits_nothing(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof golden_snapshot; size++) {
        int seen[2] = {0};
        struct metadata_visitor visitor = {seen, count_topic, count_group};
        struct srt_err err = {0};
        assert_int_equal(metadata_decode_snapshot(golden_snapshot, size, &visitor, &err),
                         SRT_ECORRUPT);
        assert_int_equal(seen[0] + seen[1], 0);
    }
}

static void every_shorter_and_longer_entry_is_refused(void **state)
{
    (void)state;
    for (int g = 0; g < GOLDEN_COUNT; g++) {
        uint8_t bytes[256] = {0};
        memcpy(bytes, goldens[g].bytes, goldens[g].size);
        for (size_t size = 0; size <= goldens[g].size + 1; size++) {
            struct metadata_entry entry;
            struct srt_err err = {0};
            /* In memory of exactly that size, so that a sanitizer sees a byte too many being
             * read. */
            uint8_t *exact = malloc(size ? size : 1);
            memcpy(exact, bytes, size);
            int code = metadata_decode(goldens[g].kind, exact, size, &entry, &err);
            assert_int_equal(code, size == goldens[g].size ? SRT_OK : SRT_ECORRUPT);
            free(exact);
        }
    }
}

static void hostile_bytes_are_refused_or_make_sense(void **state)
{
    (void)state;
    struct srt_rng rng;
    srt_rng_init(&rng, 11);
    int accepted = 0;
    for (int round = 0; round < 200000; round++) {
        const struct golden *golden = &goldens[srt_rng_below(&rng, GOLDEN_COUNT)];
        uint8_t bytes[256];
        memcpy(bytes, golden->bytes, golden->size);
        for (uint64_t i = 0, n = 1 + srt_rng_below(&rng, 3); i < n; i++) {
            bytes[srt_rng_below(&rng, golden->size)] = (uint8_t)srt_rng_next(&rng);
        }
        struct metadata_entry entry;
        struct srt_err err = {0};
        int code = metadata_decode(golden->kind, bytes, golden->size, &entry, &err);
        if (code != SRT_OK) {
            assert_true(code == SRT_ECORRUPT || code == SRT_EVERSION);
            assert_true(err.msg[0] != '\0');
            continue;
        }
        accepted++;
        if (golden->kind == METADATA_POSITIONS) {
            struct metadata_position position;
            uint32_t count = 0;
            while (metadata_next_position(&entry.group.positions, &position)) {
                assert_true(position.offset >= 0 && position.partition >= 0);
                count++;
            }
            assert_int_equal(count, entry.group.position_count);
        }
    }
    assert_true(accepted > 1000); /* another id or offset is as good as any */
}

static void later_versions_and_kinds_are_named(void **state)
{
    (void)state;
    struct metadata_entry entry;
    struct srt_err err = {0};
    uint8_t bytes[sizeof golden_deleted];
    memcpy(bytes, golden_deleted, sizeof bytes);
    bytes[0] = 2;
    assert_int_equal(metadata_decode(METADATA_TOPIC_DELETED, bytes, sizeof bytes, &entry, &err),
                     SRT_EVERSION);
    assert_string_equal(err.msg, "metadata entry of kind 3 has version 2, this program knows 1");
    bytes[0] = 1;
    assert_int_equal(metadata_decode(99, bytes, sizeof bytes, &entry, &err), SRT_EVERSION);
    assert_contains(err.msg, "kind 99");
}

/* An entry with one byte changed is damage. */
static void assert_damaged(const struct golden *golden, size_t at, uint8_t value)
{
    uint8_t bytes[256];
    memcpy(bytes, golden->bytes, golden->size);
    bytes[at] = value;
    struct metadata_entry entry;
    struct srt_err err = {0};
    assert_int_equal(metadata_decode(golden->kind, bytes, golden->size, &entry, &err),
                     SRT_ECORRUPT);
}

static void values_out_of_range_are_refused(void **state)
{
    (void)state;
    const struct golden *created = &goldens[0];
    assert_damaged(created, 19, '/'); /* the name */
    assert_damaged(created, 19, 0);
    assert_damaged(created, 20, 0x80); /* partitions */
    assert_damaged(created, 23, 0);
    assert_damaged(created, created->size - 10, TOPIC_CLEANUP_COUNT);
    assert_damaged(created, created->size - 9, COMPRESSION_COUNT);
    assert_damaged(created, created->size - 8, 0x80); /* a delete retention below 0 */

    const struct golden *positions = &goldens[3];
    assert_damaged(positions, 34, 0x80); /* a partition below 0 */
    assert_damaged(positions, 38, 0x80); /* an offset below 0 */
    assert_damaged(positions, 54, 1);    /* an id beside a file's name */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_entry_has_the_documented_bytes),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(the_versions_before_are_read),
        cmocka_unit_test(old_version_knows_no_compaction),
        cmocka_unit_test(snapshot_visits_topics_and_groups),
        cmocka_unit_test(damaged_snapshot_visits_nothing),
        cmocka_unit_test(every_shorter_and_longer_entry_is_refused),
        cmocka_unit_test(hostile_bytes_are_refused_or_make_sense),
        cmocka_unit_test(later_versions_and_kinds_are_named),
        cmocka_unit_test(values_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
