#include "app/summary.h"

#include "record/json.h"

#include <inttypes.h>
#include <string.h>

static const char head[] = "summary {\"pipelines\":{";

void summary_init(struct summary *summary)
{
    srt_buf_init(&summary->json);
    srt_buf_put_str(&summary->json, head);
}

void summary_fini(struct summary *summary)
{
    srt_buf_fini(&summary->json);
}

void summary_add(struct summary *summary, const char *pipeline,
                 const struct runner_counters *counters)
{
    struct srt_buf *json = &summary->json;
    srt_buf_put_str(json, json->len > sizeof head - 1 ? "," : "");
    json_put_string(json, pipeline, strlen(pipeline));
    srt_buf_printf(json,
                   ":{\"in\":%" PRIu64 ",\"out\":%" PRIu64 ",\"dropped\":%" PRIu64
                   ",\"late\":%" PRIu64 ",\"retried\":%" PRIu64 ",\"dead\":%" PRIu64 "}",
                   counters->in, counters->out, counters->dropped, counters->late,
                   counters->retried, counters->dead);
}

const char *summary_line(struct summary *summary)
{
    srt_buf_put_str(&summary->json, "}}");
    return srt_buf_cstr(&summary->json);
}
