/* trace.h - what a recorder writes while a program runs: its calls that change files, in order.
 *
 * Owner:   recorder.c writes it, replay.c reads it.
 * Thread:  any; it is a format.
 * Memory:  none.
 * Fails:   never.
 *
 * A trace is a row of entries, each written by one write(2) with O_APPEND, so that several
 * programs, one after the other, share a trace. A call has an entry when it begins and one when it
 * has returned: between the two its effect may or may not have happened. The order of the entries
 * is an order in which these moments were passed. */
#ifndef SRT_CRASH_TRACE_H
#define SRT_CRASH_TRACE_H

#include <stdint.h>

enum { TRACE_MAGIC = 0x53525452 }; /* SRTR */

enum trace_op {
    TRACE_PROCESS = 1, /* a program starts; nothing is open */
    TRACE_RETURN,      /* `call` has returned; a: result or -errno; b: of an open, the inode */
    TRACE_OPEN,        /* path; a: flags */
    TRACE_CLOSE,       /* a: descriptor */
    TRACE_WRITE,       /* bytes; a: descriptor, b: position */
    TRACE_RESIZE,      /* a: descriptor, b: size */
    TRACE_ALLOCATE,    /* a: descriptor, b: position, c: size */
    TRACE_SYNC,        /* a: descriptor, of a file or a directory */
    TRACE_RENAME,      /* path, NUL, path */
    TRACE_UNLINK,      /* path */
    TRACE_MAKE_DIR,    /* path */
    TRACE_REMOVE_DIR,  /* path */
    TRACE_SAY,         /* bytes that go to standard output or standard error: what a user knows */
    TRACE_NOTE,        /* text of whoever started the programs */
};

struct trace_entry {
    uint32_t magic;
    uint32_t op;
    uint64_t call; /* unique in the trace */
    int64_t a;
    int64_t b;
    int64_t c;
    uint64_t size_bytes; /* of what follows: paths are relative to the recorded directory */
};

#endif
