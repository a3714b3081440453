/* limit_output.h - what a limit loop writes: a buffer of 1 MiB, its CRC32C and one write for each.
 *
 * Owner:   limit.c; there is one.
 * Thread:  the only one.
 * Memory:  the buffer.
 * Fails:   ends the process when the file cannot be written. */
#ifndef SRT_BENCH_LIMIT_OUTPUT_H
#define SRT_BENCH_LIMIT_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

void limit_output_open(const char *path);
void limit_output_close(void);

/* Room for `size` bytes at the returned place; limit_output_took() says how many were used. */
char *limit_output_room(size_t size);
void limit_output_took(size_t size);

void limit_output_put(const char *data, size_t size);

/* Write a number's shortest decimal text; how many bytes it took, at most 32. */
size_t limit_output_integer(char *to, int64_t number);
size_t limit_output_number(char *to, double number);

#endif
