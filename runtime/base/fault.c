#include "base/fault.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/assert.h"
#include "base/atomic.h"

struct fault {
    _Atomic uint64_t passed;
    uint64_t hit; /* 0: not armed */
    enum srt_fault_action action;
    int sys;
};

bool srt_fault_armed;

static struct fault faults[SRT_FAULT_POINT_COUNT];

static const char *const fault_names[] = {
#define SRT_FAULT_POINT(name, what) #name,
#include "base/fault.def"
#undef SRT_FAULT_POINT
};

static const struct {
    const char *name;
    int sys;
} errnos[] = {
    {"EIO", EIO},     {"ENOSPC", ENOSPC}, {"EINTR", EINTR},   {"ENOMEM", ENOMEM},
    {"EACCES", EACCES}, {"EMFILE", EMFILE}, {"EAGAIN", EAGAIN}, {"EDQUOT", EDQUOT},
};

void srt_fault_arm(enum srt_fault_point point, uint64_t hit, enum srt_fault_action action, int sys)
{
    srt_assert(point < SRT_FAULT_POINT_COUNT && hit > 0);
    faults[point].hit = srt_load_relaxed(&faults[point].passed) + hit;
    faults[point].action = action;
    faults[point].sys = sys;
    srt_fault_armed = true;
}

void srt_fault_watch(void)
{
    srt_fault_armed = true;
}

uint64_t srt_fault_passed(enum srt_fault_point point)
{
    return srt_load_relaxed(&faults[point].passed);
}

void srt_fault_disarm(void)
{
    srt_fault_armed = false;
    for (int i = 0; i < SRT_FAULT_POINT_COUNT; i++) {
        faults[i].hit = 0;
        srt_store_relaxed(&faults[i].passed, 0);
    }
}

const char *srt_fault_name(enum srt_fault_point point)
{
    return fault_names[point];
}

int srt_fault_hit(enum srt_fault_point point)
{
    struct fault *f = &faults[point];
    uint64_t passage = srt_add_relaxed(&f->passed, 1) + 1;
    if (f->hit == 0 || passage < f->hit) {
        return 0;
    }
    switch (f->action) {
    case SRT_FAULT_ERRNO:
        return passage == f->hit ? f->sys : 0;
    case SRT_FAULT_ERRNO_FROM_THEN_ON:
        return f->sys;
    case SRT_FAULT_KILL:
        raise(SIGKILL);
        return 0;
    default:
        srt_unreachable("fault action");
    }
}

static int point_named(const char *name, size_t len)
{
    for (int i = 0; i < SRT_FAULT_POINT_COUNT; i++) {
        if (strlen(fault_names[i]) == len && !memcmp(fault_names[i], name, len)) {
            return i;
        }
    }
    return -1;
}

/* Digits and nothing else; 0 when it is not a number, or 0. */
static uint64_t hit_number(const char *text, const char *end)
{
    uint64_t number = 0;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number)) {
            return 0;
        }
    }
    return number;
}

/* One "name:hit:what"; `text` ends at `end`. */
static bool arm_one(const char *text, const char *end)
{
    const char *hit = memchr(text, ':', (size_t)(end - text));
    const char *what = hit ? memchr(hit + 1, ':', (size_t)(end - hit - 1)) : NULL;
    if (!what) {
        return false;
    }
    int point = point_named(text, (size_t)(hit - text));
    uint64_t number = hit_number(hit + 1, what);
    if (point < 0 || number == 0) {
        return false;
    }
    size_t len = (size_t)(end - what - 1);
    bool for_good = len > 0 && end[-1] == '+';
    len -= for_good;
    if (len == 4 && !memcmp(what + 1, "kill", 4)) {
        srt_fault_arm((enum srt_fault_point)point, number, SRT_FAULT_KILL, 0);
        return true;
    }
    for (size_t i = 0; i < sizeof errnos / sizeof *errnos; i++) {
        if (strlen(errnos[i].name) == len && !memcmp(errnos[i].name, what + 1, len)) {
            srt_fault_arm((enum srt_fault_point)point, number,
                          for_good ? SRT_FAULT_ERRNO_FROM_THEN_ON : SRT_FAULT_ERRNO, errnos[i].sys);
            return true;
        }
    }
    return false;
}

bool srt_fault_arm_from_text(const char *text)
{
    while (*text) {
        const char *end = strchr(text, ',');
        end = end ? end : text + strlen(text);
        if (!arm_one(text, end)) {
            return false;
        }
        text = *end ? end + 1 : end;
    }
    return true;
}
