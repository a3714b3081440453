/* trial.h - one disk after a power cut, held against what must be there.
 *
 * Owner:   crash_states.c.
 * Thread:  one; the broker under trial has its own.
 * Memory:  a copy of the disk for each recovery that is tried.
 * Fails:   false, and why: a promise is broken. */
#ifndef SRT_CRASH_TRIAL_H
#define SRT_CRASH_TRIAL_H

#include "base/rng.h"
#include "oracle.h"

struct trial {
    const struct oracle *oracle;
    const struct lines *lines;
    uint64_t recoveries; /* tried so far */
    uint64_t cut_short;  /* of them, those that died themselves */
};

/* Recover in memory: as a view, in earnest, and then either once more or after recoveries that were
 * cut short themselves. The disk stays as it is. *ret_contents, unless NULL, gets what was there;
 * the caller finishes it, also after a failure. */
bool trial_in_memory(struct trial *trial, struct fake_disk *disk, struct srt_rng *rng,
                     struct contents *ret_contents, struct srt_buf *why);

/* With the real binary, in `root`, which is emptied first: it checks, dumps, and finishes the job
 * to the end. The environment names the input and the sink, as job.yaml wants it. */
struct trial_binary {
    const char *binary;
    const char *config;
    const char *root;
    const struct replay *replay;
};
bool trial_with_binary(struct trial *trial, const struct trial_binary *how, struct fake_disk *disk,
                       const struct contents *contents, struct srt_buf *why);

/* The disk's files, below a directory that is emptied first. */
void trial_write_files(struct fake_disk *disk, const struct replay *replay, const char *root);

/* Whether the files below `root` are those of the disk: what was recorded is all that happened. */
bool trial_same_files(struct fake_disk *disk, const char *root, struct srt_buf *why);

#endif
