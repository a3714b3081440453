/* engine_embedded.h - the engine that pipelines run on by default: the broker of the same process.
 *
 * Owner:   app/ or a test creates it over an open broker and destroys it before the broker closes.
 * Thread:  as pipeline/engine.h says for each function. `changed` comes from the thread that
 *          changed the group, `wake` and `done` from the store thread.
 * Memory:  a reader keeps its topic alive; a commit a few arrays until it is done.
 * Fails:   what broker.h says. Codes that srt_code_retriable() knows (SRT_EAGAIN, SRT_ENOSPC,
 *          SRT_ENOMEM) are the runner's to try again: the same commit may be handed over once more.
 *          */
#ifndef SRT_EMBEDDED_ENGINE_EMBEDDED_H
#define SRT_EMBEDDED_ENGINE_EMBEDDED_H

#include "base/clock.h"
#include "base/err.h"
#include "broker/topic.h"
#include "pipeline/engine.h"

struct broker;

/* target_defaults: how topic_ensure makes topics; it is checked here and copied. */
int engine_embedded_create(struct broker *broker, const struct topic_config *target_defaults,
                           const struct srt_clock *clock, struct engine **ret, struct srt_err *err);
/* Accepts NULL. Readers are closed, members have left, commits are done. */
void engine_embedded_destroy(struct engine *eng);

#endif
