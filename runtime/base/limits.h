/* limits.h - every bound that is not an option: one name, one number, one reason each.
 *
 * Owner:   nobody.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_BASE_LIMITS_H
#define SRT_BASE_LIMITS_H

enum {
    /* Kafka's own bound: names become directory names, with an id and a partition number. */
    SRT_TOPIC_NAME_MAX = 249,
    SRT_GROUP_NAME_MAX = 255,

    /* Members of one group, and the length of their names: an assignment is made under a lock. */
    SRT_GROUP_MEMBERS_MAX = 1000,
    SRT_GROUP_MEMBER_ID_MAX = 255,

    /* A committed position: a source's name is a path with a prefix; its detail is what a source
     * needs to know its place again, which is kept in memory and in every checkpoint. */
    SRT_POSITION_SOURCE_NAME_MAX = 4096 + 64,
    SRT_POSITION_DETAIL_BYTES_MAX = 64 << 10,

    /* Partitions of one topic: each costs an open segment. */
    SRT_TOPIC_PARTITIONS_MAX = 1024,

    /* A record's headers: count, and bytes of all of them together. */
    SRT_RECORD_HEADERS_MAX = 1024,

    /* What a compressed batch may become: twice the largest record that an option lets in. Nothing
     * is compressed that would be larger. */
    SRT_BATCH_UNPACKED_BYTES_MAX = 128 << 20,

    /* Nesting of a JSON value; deeper is refused, so that recursion is bounded. */
    SRT_JSON_DEPTH_MAX = 128,

    /* What one stage function may emit for one record (flat_map, split). */
    SRT_STAGE_FANOUT_MAX = 100000,

    /* Fields of one aggregate: each costs a cell in every row. */
    SRT_AGGREGATES_MAX = 100,

    /* Hopping windows that one record may be in: each is a row that it changes. */
    SRT_WINDOW_OVERLAP_MAX = 10000,

    /* Workers of one pipeline, and threads of all pipelines together, each with a loop that has
     * descriptors. Beyond that pipelines share. */
    SRT_WORKERS_MAX = 64,
    SRT_WORKER_THREADS_MAX = 128,

    /* Errors that one check prints before it says "and more". */
    SRT_CONFIG_ERRORS_MAX = 20,

    /* Files that one configuration may be made of, and how deep includes nest. */
    SRT_CONFIG_FILES_MAX = 256,
    SRT_CONFIG_FILE_BYTES_MAX = 4 << 20,

    SRT_PATH_MAX = 4096,
};

#endif
