#include "pipeline/record_error.h"

#include "base/err.h"

bool record_error_is(int code)
{
    switch (code) {
    case SRT_ESCRIPT:
    case SRT_EBUDGET:
    case SRT_EPARSE:
    case SRT_EINVAL:
    case SRT_ETOOBIG:
    case SRT_ERANGE:
        return true;
    default:
        return false;
    }
}

int64_t record_error_tries(const struct on_error *policy, bool retriable)
{
    if (policy->retry >= 0) {
        return policy->retry;
    }
    return retriable ? ON_ERROR_RETRIABLE_TRIES : 0;
}

int64_t record_error_delay_ms(const struct on_error *policy, int64_t attempt, struct srt_rng *rng)
{
    int64_t cap = policy->backoff_to_ms > 0 ? policy->backoff_to_ms : 0;
    int64_t delay = policy->backoff_from_ms > 0 ? policy->backoff_from_ms : 0;
    for (int64_t i = 1; i < attempt && delay < cap; i++) {
        delay *= 2;
    }
    delay = (int64_t)((double)delay * (0.5 + srt_rng_double(rng)));
    return delay < cap ? delay : cap;
}
