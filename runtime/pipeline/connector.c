#include "pipeline/connector.h"

#include "base/assert.h"

const struct source_ops *connector_source(const struct connectors *c, enum source_kind kind)
{
    for (const struct source_ops *const *ops = c ? c->sources : NULL; ops && *ops; ops++) {
        if ((*ops)->kind == kind) {
            return *ops;
        }
    }
    return NULL;
}

const struct sink_ops *connector_sink(const struct connectors *c, enum stage_kind kind)
{
    enum stage_kind wanted = kind == STAGE_PRINT ? STAGE_TO_STDOUT : kind;
    for (const struct sink_ops *const *ops = c ? c->sinks : NULL; ops && *ops; ops++) {
        if ((*ops)->kind == wanted) {
            return *ops;
        }
    }
    return NULL;
}
