#include "base/assert.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

static srt_panic_hook_fn panic_hook;

void srt_panic_set_hook(srt_panic_hook_fn hook)
{
    panic_hook = hook;
}

_Noreturn void srt_panic(const char *where, const char *what)
{
    if (panic_hook) {
        panic_hook(where, what);
    }
    fprintf(stderr, "streamrt: internal error at %s: %s\n", where, what);
    srt_log_dump_recent(STDERR_FILENO);
    void *frames[48];
    int count = backtrace(frames, 48);
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    abort();
}
