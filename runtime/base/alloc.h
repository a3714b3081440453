/* alloc.h - memory: srt_alloc for the data plane (may fail), srt_xalloc for the control plane (ends
 * the process with a clear line when there is none).
 *
 * Owner:   the caller.
 * Thread:  any.
 * Memory:  this is it.
 * Fails:   srt_alloc and srt_realloc return NULL; the x family never returns NULL. */
#ifndef SRT_BASE_ALLOC_H
#define SRT_BASE_ALLOC_H

#include <stddef.h>

/* Data plane: exhaustion is an ordinary, tested error. Sizes of 0 give a valid pointer. */
void *srt_alloc(size_t size);
void *srt_realloc(void *ptr, size_t size);

/* Control plane (config, topics, groups, pipelines). srt_xcalloc zeroes. */
void *srt_xalloc(size_t size);
void *srt_xcalloc(size_t count, size_t size);
void *srt_xrealloc(void *ptr, size_t size);
char *srt_xstrdup(const char *text);
char *srt_xstrndup(const char *text, size_t len);
char *srt_xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What the x family does when there is none, for others who cannot go on without. */
_Noreturn void srt_out_of_memory(size_t size);

void srt_free(void *ptr); /* accepts NULL */

#endif
