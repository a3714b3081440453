#include "fault/nth.h"

#include <errno.h>
#include <stdio.h>

#include "base/fault.h"
#include "support/cmocka_srt.h"

enum {
    EVERY_UP_TO = 24,    /* without STREAMRT_TEST_LONG: each n up to here, then steps of a sixth */
    RUNAWAY_CALLS = 100000, /* an operation that never stops calling */
};

/* What the kernel may answer to each call. That an interrupted call is repeated for ever while
 * every call is interrupted is right, so EINTR comes once. */
static const struct nth kinds[] = {
    {"open EIO", FAKE_DISK_OPEN, false, EIO, false, 0},
    {"open EMFILE", FAKE_DISK_OPEN, false, EMFILE, false, 0},
    {"open EMFILE for good", FAKE_DISK_OPEN, false, EMFILE, true, 0},
    {"open ENOSPC for good", FAKE_DISK_OPEN, false, ENOSPC, true, 0},
    {"open EINTR", FAKE_DISK_OPEN, false, EINTR, false, 0},
    {"pread EIO", FAKE_DISK_PREAD, false, EIO, false, 0},
    {"pread EIO for good", FAKE_DISK_PREAD, false, EIO, true, 0},
    {"pread EINTR", FAKE_DISK_PREAD, false, EINTR, false, 0},
    {"pwritev EIO", FAKE_DISK_PWRITEV, false, EIO, false, 0},
    {"pwritev EIO for good", FAKE_DISK_PWRITEV, false, EIO, true, 0},
    {"pwritev ENOSPC", FAKE_DISK_PWRITEV, false, ENOSPC, false, 0},
    {"pwritev ENOSPC for good", FAKE_DISK_PWRITEV, false, ENOSPC, true, 0},
    {"pwritev EINTR", FAKE_DISK_PWRITEV, false, EINTR, false, 0},
    {"pwritev short", FAKE_DISK_PWRITEV, true, 0, false, 0},
    {"pwritev short, then EIO", FAKE_DISK_PWRITEV, true, EIO, false, 0},
    {"pwritev short, then ENOSPC", FAKE_DISK_PWRITEV, true, ENOSPC, false, 0},
    {"datasync EIO", FAKE_DISK_DATASYNC, false, EIO, false, 0},
    {"datasync EIO for good", FAKE_DISK_DATASYNC, false, EIO, true, 0},
    {"datasync ENOSPC", FAKE_DISK_DATASYNC, false, ENOSPC, false, 0},
    {"datasync EINTR", FAKE_DISK_DATASYNC, false, EINTR, false, 0},
    {"sync EIO", FAKE_DISK_SYNC, false, EIO, false, 0},
    {"sync EIO for good", FAKE_DISK_SYNC, false, EIO, true, 0},
    {"sync EINTR", FAKE_DISK_SYNC, false, EINTR, false, 0},
    {"truncate EIO", FAKE_DISK_TRUNCATE, false, EIO, false, 0},
    {"truncate EINTR", FAKE_DISK_TRUNCATE, false, EINTR, false, 0},
    {"allocate EIO", FAKE_DISK_ALLOCATE, false, EIO, false, 0},
    {"allocate ENOSPC", FAKE_DISK_ALLOCATE, false, ENOSPC, false, 0},
    {"allocate ENOSPC for good", FAKE_DISK_ALLOCATE, false, ENOSPC, true, 0},
    {"allocate EINTR", FAKE_DISK_ALLOCATE, false, EINTR, false, 0},
    {"info EIO", FAKE_DISK_INFO, false, EIO, false, 0},
    {"path_info EIO", FAKE_DISK_PATH_INFO, false, EIO, false, 0},
    {"path_info EIO for good", FAKE_DISK_PATH_INFO, false, EIO, true, 0},
    {"rename EIO", FAKE_DISK_RENAME, false, EIO, false, 0},
    {"rename ENOSPC", FAKE_DISK_RENAME, false, ENOSPC, false, 0},
    {"rename ENOSPC for good", FAKE_DISK_RENAME, false, ENOSPC, true, 0},
    {"unlink EIO", FAKE_DISK_UNLINK, false, EIO, false, 0},
    {"unlink EIO for good", FAKE_DISK_UNLINK, false, EIO, true, 0},
    {"make_dir EIO", FAKE_DISK_MAKE_DIR, false, EIO, false, 0},
    {"make_dir ENOSPC", FAKE_DISK_MAKE_DIR, false, ENOSPC, false, 0},
    {"make_dir ENOSPC for good", FAKE_DISK_MAKE_DIR, false, ENOSPC, true, 0},
    {"remove_dir EIO", FAKE_DISK_REMOVE_DIR, false, EIO, false, 0},
    {"sync_dir EIO", FAKE_DISK_SYNC_DIR, false, EIO, false, 0},
    {"sync_dir EIO for good", FAKE_DISK_SYNC_DIR, false, EIO, true, 0},
    {"sync_dir EINTR", FAKE_DISK_SYNC_DIR, false, EINTR, false, 0},
    {"list EIO", FAKE_DISK_LIST, false, EIO, false, 0},
    {"list EMFILE", FAKE_DISK_LIST, false, EMFILE, false, 0},
    {"malloc ENOMEM", FAKE_DISK_CALL_COUNT, false, ENOMEM, false, 0},
    {"malloc ENOMEM for good", FAKE_DISK_CALL_COUNT, false, ENOMEM, true, 0},
};

static uint64_t calls_before;
static char label[160]; /* of the run that is going on; empty between */

void nth_arm(const struct nth *nth, struct fake_disk *disk)
{
    if (nth->call == FAKE_DISK_CALL_COUNT) {
        srt_fault_arm(SRT_FAULT_alloc, nth->n,
                      nth->for_good ? SRT_FAULT_ERRNO_FROM_THEN_ON : SRT_FAULT_ERRNO, nth->sys);
        return;
    }
    calls_before = fake_disk_calls(disk, nth->call);
    if (nth->half) {
        fake_disk_cut_write(disk, nth->n, nth->sys);
    } else if (nth->for_good) {
        fake_disk_fail_from(disk, nth->call, nth->n, nth->sys);
    } else {
        fake_disk_fail(disk, nth->call, nth->n, nth->sys);
    }
}

bool nth_disarm(const struct nth *nth, struct fake_disk *disk)
{
    if (nth->call == FAKE_DISK_CALL_COUNT) {
        bool met = srt_fault_passed(SRT_FAULT_alloc) >= nth->n;
        srt_fault_disarm();
        return met;
    }
    fake_disk_heal(disk);
    return fake_disk_calls(disk, nth->call) - calls_before >= nth->n;
}

bool nth_code_may_pass(int code)
{
    return code == SRT_ENOSPC || code == SRT_ENOMEM || code == SRT_EFILES;
}

void nth_check_answer(const struct nth *nth, int rc, const struct srt_err *err)
{
    bool sync = nth->call == FAKE_DISK_DATASYNC || nth->call == FAKE_DISK_SYNC ||
                nth->call == FAKE_DISK_SYNC_DIR;
    int expected = sync ? SRT_EFSYNC : srt_code_from_errno(nth->sys);
    bool harmless = nth->sys == EINTR || nth->sys == 0;
    if (rc == SRT_OK) {
        return;
    }
    if (harmless || rc != expected || err->code != rc) {
        fail_msg("%s: %s", srt_code_name(rc), err->msg);
    }
    if (rc != SRT_ENOMEM) {
        assert_contains(err->msg, "'/");
    }
}

int nth_teardown(void **state)
{
    (void)state;
    if (label[0]) {
        print_error("at %s (STREAMRT_TEST_ONLY='%s' repeats it)\n", label, label);
        label[0] = '\0';
    }
    return 0;
}

void nth_for_each(const char *operation, bool (*try_one)(void *arg, const struct nth *nth),
                  void *arg)
{
    bool every = getenv("STREAMRT_TEST_LONG") != NULL;
    uint64_t runs = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct nth nth = kinds[i];
        bool met = true;
        for (nth.n = 1; met; nth.n += every || nth.n < EVERY_UP_TO ? 1 : nth.n / 6) {
            snprintf(label, sizeof label, "%s: %s at call %u", operation, nth.what,
                     (unsigned)nth.n);
            const char *only = getenv("STREAMRT_TEST_ONLY");
            if (only && !strstr(label, only)) {
                met = nth.n < EVERY_UP_TO;
                continue;
            }
            met = try_one(arg, &nth);
            runs++;
            assert_true(nth.n < RUNAWAY_CALLS);
        }
    }
    label[0] = '\0';
    print_message("%s: %u runs\n", operation, (unsigned)runs);
}
