#include "cli/exit_code.h"

#include "base/assert.h"
#include "base/err.h"

int exit_code_of(int code)
{
    /* No default: a code that is added to the list has to be answered here before this compiles. */
    switch ((enum srt_code)code) {
    case SRT_OK:
        return EXIT_DONE;
    case SRT_EIO:
    case SRT_EFSYNC:
    case SRT_ECORRUPT:
        return EXIT_DAMAGE;
    case SRT_EBUSY:
        return EXIT_IN_USE;
    case SRT_EDENIED:
        return EXIT_DENIED;
    case SRT_ECONFIG:
        return EXIT_CONFIG;
    case SRT_EINTERRUPTED:
        return EXIT_INTERRUPTED;
    case SRT_EUNAVAILABLE:
        return EXIT_USAGE;
    case SRT_ENOSPC:
    case SRT_EVERSION:
    case SRT_EINVAL:
    case SRT_EPARSE:
    case SRT_ENOMEM:
    case SRT_EAGAIN:
    case SRT_EEXIST:
    case SRT_ENOENT:
    case SRT_ETOOBIG:
    case SRT_ERANGE:
    case SRT_EEND:
    case SRT_ETIMEDOUT:
    case SRT_ECLOSED:
    case SRT_ESCRIPT:
    case SRT_EBUDGET:
    case SRT_EFENCED:
    case SRT_EFILES:
        return EXIT_FAILED;
    }
    srt_unreachable("a code that is not in the list");
}
