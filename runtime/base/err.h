/* err.h - the one error type of the project: a code and a sentence, a plain value.
 *
 * Owner:   whoever declares it; it lives on a stack or inside a message and is copied, never freed.
 * Thread:  any; it is only data.
 * Memory:  fixed size, allocates nothing.
 * Fails:   never. */
#ifndef SRT_BASE_ERR_H
#define SRT_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

/* name, number, what it means, whether the same call may succeed later */
#define SRT_ERR_MAP(X)                                                                             \
    X(EIO, 1, "input/output error", false)                                                         \
    X(ENOSPC, 2, "no space left on the disk", true)                                                \
    X(EFSYNC, 3, "a sync to disk failed; what it covered is in doubt", false)                      \
    X(ECORRUPT, 4, "stored bytes are damaged", false)                                              \
    X(EVERSION, 5, "written by another version", false)                                            \
    X(EINVAL, 6, "not a valid value", false)                                                       \
    X(EPARSE, 7, "cannot be parsed", false)                                                        \
    X(ENOMEM, 8, "out of memory", true)                                                            \
    X(EAGAIN, 9, "full or not ready; try again", true)                                             \
    X(EEXIST, 10, "exists already", false)                                                         \
    X(ENOENT, 11, "does not exist", false)                                                         \
    X(ETOOBIG, 12, "larger than its limit", false)                                                 \
    X(ERANGE, 13, "outside what is there", false)                                                  \
    X(EEND, 14, "nothing more", false)                                                             \
    X(EBUSY, 15, "in use by another process", true)                                                \
    X(EDENIED, 16, "not permitted", false)                                                         \
    X(ETIMEDOUT, 17, "took too long", true)                                                        \
    X(ECLOSED, 18, "is closing", false)                                                            \
    X(ECONFIG, 19, "the configuration is wrong", false)                                            \
    X(ESCRIPT, 20, "the script raised an error", false)                                            \
    X(EBUDGET, 21, "the script used up its time or memory", false)                                 \
    X(EUNAVAILABLE, 22, "not available in this version", false)                                    \
    X(EFENCED, 23, "a newer owner took over", false)                                               \
    X(EINTERRUPTED, 24, "interrupted", false)                                                      \
    X(EFILES, 25, "too many open files", true)

enum srt_code {
    SRT_OK = 0,
#define SRT_ERR_ENUM(name, number, text, retriable) SRT_##name = -(number),
    SRT_ERR_MAP(SRT_ERR_ENUM)
#undef SRT_ERR_ENUM
};

struct srt_err {
    int code;          /* enum srt_code, SRT_OK while unset */
    int sys;           /* errno at the origin, 0 when the system had no part in it */
    const char *where; /* file:line of the origin, for the log at debug level */
    char msg[232];     /* one line, no period; cut at the end with "..." when it does not fit */
};

/* "SRT_ENOSPC" without its prefix: "ENOSPC". For logs; never matched against. */
const char *srt_code_name(int code);
const char *srt_code_text(int code);
bool srt_code_retriable(int code);

/* Fill err at the origin and return code, so that `return srt_fail(...)` is the whole error
 * path. */
#define srt_fail(err, code, ...) srt_fail_at((err), (code), 0, SRT_WHERE, __VA_ARGS__)

/* The same with an errno, whose text is appended: "open 'x': No such file or directory". */
#define srt_fail_sys(err, code, sys, ...) srt_fail_at((err), (code), (sys), SRT_WHERE, __VA_ARGS__)

/* Prepend context, at most once per layer: "topic 'orders' partition 3: <what it said>".
 * Returns err->code. */
int srt_err_wrap(struct srt_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void srt_err_clear(struct srt_err *err);

/* The code that an errno of a file operation stands for: ENOSPC and EDQUOT are SRT_ENOSPC; EACCES,
 * EPERM and EROFS SRT_EDENIED; ENOENT, EEXIST and ENOMEM their namesakes; EMFILE and ENFILE
 * SRT_EFILES; a path that cannot be one (ENOTDIR, ELOOP, ENAMETOOLONG) SRT_EINVAL; all else
 * SRT_EIO. */
int srt_code_from_errno(int sys);

int srt_fail_at(struct srt_err *err, int code, int sys, const char *where, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#define SRT_STRINGIFY_(x) #x
#define SRT_STRINGIFY(x)  SRT_STRINGIFY_(x)
#define SRT_WHERE         __FILE__ ":" SRT_STRINGIFY(__LINE__)

#endif
