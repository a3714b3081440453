/* escape.h - whether a thread that a signal interrupted may be taken out of a call into Lua.
 *
 * Owner:   none; what it knows of the process is found once.
 * Thread:  escape_prepare: any, before signals come; escape_is_safe: in a signal handler.
 * Memory:  none.
 * Fails:   never; where it cannot tell, it says no. */
#ifndef SRT_SCRIPT_ESCAPE_H
#define SRT_SCRIPT_ESCAPE_H

#include <stdbool.h>

void escape_prepare(void);

/* True when the instruction that was interrupted is Lua's own: then no lock is held and no object
 * of ours or of the C library is half changed, only the Lua state, which must not be used again.
 * `context` is the handler's third argument. */
bool escape_is_safe(const void *context);

#endif
