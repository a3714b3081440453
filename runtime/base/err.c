#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static_assert(sizeof(struct srt_err) == 248, "errors are copied into messages; keep them small");

const char *srt_code_name(int code)
{
    switch (code) {
    case SRT_OK:
        return "OK";
#define SRT_ERR_CASE(name, number, text, retriable)                                                \
    case SRT_##name:                                                                               \
        return #name;
        SRT_ERR_MAP(SRT_ERR_CASE)
#undef SRT_ERR_CASE
    default:
        return "UNKNOWN";
    }
}

const char *srt_code_text(int code)
{
    switch (code) {
    case SRT_OK:
        return "no error";
#define SRT_ERR_CASE(name, number, text, retriable)                                                \
    case SRT_##name:                                                                               \
        return text;
        SRT_ERR_MAP(SRT_ERR_CASE)
#undef SRT_ERR_CASE
    default:
        return "unknown error";
    }
}

bool srt_code_retriable(int code)
{
    switch (code) {
#define SRT_ERR_CASE(name, number, text, retriable)                                                \
    case SRT_##name:                                                                               \
        return retriable;
        SRT_ERR_MAP(SRT_ERR_CASE)
#undef SRT_ERR_CASE
    default:
        return false;
    }
}

int srt_code_from_errno(int sys)
{
    switch (sys) {
    case 0:
        return SRT_OK;
    case ENOSPC:
    case EDQUOT:
        return SRT_ENOSPC;
    case EACCES:
    case EPERM:
    case EROFS:
        return SRT_EDENIED;
    case ENOENT:
        return SRT_ENOENT;
    case EEXIST:
        return SRT_EEXIST;
    case ENOMEM:
        return SRT_ENOMEM;
    case EMFILE:
    case ENFILE:
        return SRT_EFILES;
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return SRT_EINVAL; /* a wrong path is no broken disk */
    default:
        return SRT_EIO;
    }
}

/* Say at the end of a message that it was cut, so that nobody reads half a sentence as a whole
 * one. */
static void mark_if_cut(struct srt_err *err, int wanted_len)
{
    if (wanted_len >= (int)sizeof err->msg) {
        memcpy(err->msg + sizeof err->msg - 4, "...", 4);
    }
}

int srt_fail_at(struct srt_err *err, int code, int sys, const char *where, const char *format, ...)
{
    err->code = code;
    err->sys = sys;
    err->where = where;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(err->msg, sizeof err->msg, format, args);
    va_end(args);
    if (sys != 0 && len >= 0 && len < (int)sizeof err->msg) {
        char text[96];
        const char *s = strerror_r(sys, text, sizeof text);
        len += snprintf(err->msg + len, sizeof err->msg - (size_t)len, ": %s", s);
    }
    mark_if_cut(err, len);
    return code;
}

int srt_err_wrap(struct srt_err *err, const char *format, ...)
{
    char context[sizeof err->msg];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
    char whole[2 * sizeof err->msg + 4];
    int len = snprintf(whole, sizeof whole, "%s: %s", context, err->msg);
    size_t kept = (size_t)len < sizeof err->msg ? (size_t)len : sizeof err->msg - 1;
    memcpy(err->msg, whole, kept);
    err->msg[kept] = '\0';
    mark_if_cut(err, len);
    return err->code;
}

void srt_err_clear(struct srt_err *err)
{
    *err = (struct srt_err){0};
}
