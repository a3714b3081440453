/* repair_journal.h - a new journal made of what an old one and the segments still have.
 *
 * Owner:   store_repair.c.
 * Thread:  one at a time.
 * Memory:  one frame.
 * Fails:   SRT_ENOSPC, SRT_EIO, SRT_EFSYNC, SRT_ENOMEM. Until the commit the old journal is as it
 *          was. */
#ifndef SRT_STORE_REPAIR_JOURNAL_H
#define SRT_STORE_REPAIR_JOURNAL_H

#include <stdbool.h>

#include "store/store.h"
#include "store/store_survey.h"

/* Write the new journal under a name that nobody looks at, with the checkpoint's segment sizes as
 * they are in the survey's checkpoint by now. `dry_run`: only tell what will be lost. */
int repair_journal_write(struct store_survey *survey, bool dry_run,
                         const struct store_repair_ops *ops, struct srt_err *err);

/* Put it in place and remove the old files. */
int repair_journal_commit(struct store_survey *survey, struct srt_err *err);

#endif
