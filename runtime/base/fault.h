/* fault.h - named places where a test can make the world fail, or end the process.
 *
 * Owner:   the process; armed before threads start, by a test or from STREAMRT_FAULT.
 * Thread:  SRT_FAULT from any; arming from one.
 * Memory:  one counter per point.
 * Fails:   it is the failing.
 *
 *     if ((sys = SRT_FAULT(journal_sync)) != 0) { return srt_fail_sys(err, SRT_EFSYNC, sys, ...); }
 *
 * Every place where bytes become durable, visible or acknowledged has one before and one after
 * it; the list is fault.def. Points stay in release builds (one relaxed load each, never per
 * record), because the binary that is tested should be the binary that ships. */
#ifndef SRT_BASE_FAULT_H
#define SRT_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum srt_fault_point {
#define SRT_FAULT_POINT(name, what) SRT_FAULT_##name,
#include "base/fault.def"
#undef SRT_FAULT_POINT
    SRT_FAULT_POINT_COUNT
};

/* What happens at the hit. */
enum srt_fault_action {
    SRT_FAULT_ERRNO, /* SRT_FAULT() returns the errno once */
    SRT_FAULT_ERRNO_FROM_THEN_ON,
    SRT_FAULT_KILL, /* SIGKILL to ourselves: nothing is flushed, nothing is cleaned up */
};

/* 0, or the errno that the caller shall pretend to have seen. */
#define SRT_FAULT(name)                                                                            \
    (__builtin_expect(srt_fault_armed, 0) ? srt_fault_hit(SRT_FAULT_##name) : 0)

/* Fail the hit-th passage (1 is the next one) of a point. */
void srt_fault_arm(enum srt_fault_point point, uint64_t hit, enum srt_fault_action action, int sys);

/* Count passages without failing any: how often each point was passed since. */
void srt_fault_watch(void);
uint64_t srt_fault_passed(enum srt_fault_point point);
void srt_fault_disarm(void); /* all, and forget the counts */

/* "journal_sync:3:kill", "alloc:1:ENOMEM", "segment_write:2:ENOSPC+" (from then on), several by
 * comma. False when it cannot be read. main() gives it the environment's STREAMRT_FAULT. */
bool srt_fault_arm_from_text(const char *text);

const char *srt_fault_name(enum srt_fault_point point);

extern bool srt_fault_armed;
int srt_fault_hit(enum srt_fault_point point);

#endif
