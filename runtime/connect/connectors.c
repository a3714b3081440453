#include "connect/connectors.h"

#include <stddef.h>

const struct connectors *connectors_builtin(void)
{
    static const struct source_ops *const sources[] = {&source_file_ops, &source_stdin_ops,
                                                       &source_generate_ops, NULL};
    static const struct sink_ops *const sinks[] = {&sink_file_ops, &sink_stdout_ops, NULL};
    static const struct connectors builtin = {.sources = sources, .sinks = sinks};
    return &builtin;
}
