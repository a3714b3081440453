/* The words of other tools, for "did you mean". */
#include "config/doc.h"

#include <stdbool.h>
#include <string.h>

struct alias {
    const char *word;
    const char *means;
};

/* What people of other tools write, further away than two letters. First match wins; a word may
 * mean different things in different places, so the caller looks for the first that is a name
 * there. */
static const struct alias aliases[] = {
    {"where", "filter"},
    {"select", "map"},
    {"transform", "map"},
    {"sink", "to"},
    {"sink", "to_file"},
    {"output", "to"},
    {"outputs", "to"},
    {"target", "to"},
    {"into", "to"},
    {"write", "to"},
    {"source", "from"},
    {"sources", "from"},
    {"input", "from"},
    {"inputs", "from"},
    {"read", "from"},
    {"topic_name", "topic"},
    {"groupBy", "group_by"},
    {"keyBy", "key_by"},
    {"partition_by", "key_by"},
    {"flatMap", "flat_map"},
    {"explode", "flat_map"},
    {"foreach", "peek"},
    {"tap", "peek"},
    {"drop", "reject"},
    {"exclude", "reject"},
    {"filter_not", "reject"},
    {"mutate", "update"},
    {"modify", "update"},
    {"set", "update"},
    {"route", "branch"},
    {"switch", "branch"},
    {"log", "print"},
    {"debug", "print"},
    {"rate_limit", "throttle"},
    {"limit", "throttle"},
    {"union", "merge"},
    {"name", "as"},
    {"id", "as"},
    {"label", "as"},
    {"condition", "when"},
    {"if", "when"},
    {"stages", "steps"},
    {"operators", "steps"},
    {"processors", "steps"},
    {"ttl_ms", "ttl"},
    {"groupby", "group_by"},
    {"windowed", "window"},
    {"windowBy", "window"},
    {"agg", "aggregate"},
    {"summarize", "aggregate"},
    {"summarise", "aggregate"},
    {"fold", "reduce"},
    {"distinct", "dedupe"},
    {"deduplicate", "dedupe"},
    {"unique", "dedupe"},
    {"uniq", "dedupe"},
    {"lookup", "join"},
    {"enrich", "join"},
    {"stateful", "process"},
    {"transform_with_state", "process"},
    {"average", "avg"},
    {"mean", "avg"},
    {"percentile", "quantile"},
    {"median", "quantile"},
    {"unique", "distinct"},
    {"uniq", "distinct"},
    {"count_distinct", "distinct"},
    {"nunique", "distinct"},
    {"hll", "approx_distinct"},
    {"cardinality", "approx_distinct"},
    {"std", "stddev"},
    {"stdev", "stddev"},
    {"list", "collect"},
    {"array_agg", "collect"},
    {"topk", "top"},
    {"top_n", "top"},
    {"some", "any"},
    {"every", "all"},
    {"size", "tumbling"},
    {"fixed", "tumbling"},
    {"hop", "every"},
    {"slide", "every"},
    {"advance", "every"},
    {"step", "every"},
    {"gap", "session"},
    {"allowed_lateness", "grace"},
    {"lateness", "grace"},
    {"late_topic", "late"},
    {"key", "by"},
    {"on", "by"},
    {"on_key", "by"},
    {"right_by", "other_by"},
    {"type", "how"},
    {"kind", "how"},
    {"ttl", "within"},
    {"window", "within"},
    {"handler", "on_record"},
    {"onRecord", "on_record"},
    {"onTimer", "on_timer"},
    {"timestamp", "time"},
    {"event_time", "time"},
    {"timestamp_field", "time"},
    {"max_out_of_orderness", "out_of_order"},
    {"idle_timeout", "idle"},
    {"num_partitions", "partitions"},
    {"partition_count", "partitions"},
    {"retention_ms", "retention"},
    {"retention.ms", "retention"},
    {"retention.bytes", "retention_bytes"},
    {"segment.bytes", "segment_bytes"},
    {"segment_ms", "segment_age"},
    {"segment.ms", "segment_age"},
    {"max.message.bytes", "max_record_bytes"},
    {"max_message_bytes", "max_record_bytes"},
    {"compression.type", "compression"},
    {"compression_type", "compression"},
    {"compress", "compression"},
    {"dead_letter", "dlq"},
    {"dead_letter_topic", "dlq"},
    {"onError", "on_error"},
    {"threads", "workers"},
    {"cores", "workers"},
    {"dir", "data_dir"},
    {"data", "data_dir"},
    {"path", "data_dir"},
    {"directory", "data_dir"},
    {"filename", "path"},
    {"file", "path"},
    {"timeout", "deadline"},
    {"retries", "retry"},
    {"attempts", "retry"},
    {"max_attempts", "retry"},
    {"format", "codec"},
    {"encoding", "codec"},
    {"offset", "start"},
    {"from", "start"},
    {"tail", "follow"},
    {"concurrency", "parallelism"},
    {"variables", "params"},
    {"parameters", "params"},
    {"lua", "script"},
    {"fsync", "durability"},
};

const char *config_alias_of(const char *word)
{
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        if (!strcmp(aliases[i].word, word)) {
            return aliases[i].means;
        }
    }
    return NULL;
}

const char *config_suggest(const char *word, const char *const *names)
{
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
        bool same = !strcmp(aliases[i].word, word);
        for (size_t j = 0; same && names[j]; j++) {
            if (!strcmp(names[j], aliases[i].means)) {
                return names[j];
            }
        }
    }
    return diag_nearest(word, names);
}
