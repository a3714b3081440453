/* connectors.h - every source and sink that comes with the program.
 *
 * Owner:   constant tables.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_CONNECT_CONNECTORS_H
#define SRT_CONNECT_CONNECTORS_H

#include "pipeline/connector.h"

const struct connectors *connectors_builtin(void);

extern const struct source_ops source_file_ops;
extern const struct source_ops source_stdin_ops;
extern const struct source_ops source_generate_ops;
extern const struct sink_ops sink_file_ops;
extern const struct sink_ops sink_stdout_ops;

#endif
