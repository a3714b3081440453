/* str.h - text: slices, numbers with units, and how far two words are apart.
 *
 * Owner:   slices borrow; the text must outlive them.
 * Thread:  any.
 * Memory:  none.
 * Fails:   the parsers return SRT_EPARSE, or SRT_ERANGE when the number does not fit. */
#ifndef SRT_BASE_STR_H
#define SRT_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct srt_str {
    const char *p; /* not NUL-terminated */
    size_t n;
};

#define SRT_STR(literal) ((struct srt_str){(literal), sizeof(literal) - 1})

struct srt_str srt_str_of(const char *text); /* NULL gives an empty slice */
bool srt_str_is(struct srt_str s, const char *text);

/* "1h30m", "500ms", "7d": one or more <integer><unit>, units d h m s ms, largest first. A bare
 * number is SRT_EPARSE: seven what? */
int srt_parse_duration_ms(struct srt_str s, int64_t *ret_ms);

/* "64KiB", "2GiB", "10MB", "512B": an integer and a unit (B, KB MB GB TB by 1000, KiB MiB GiB
 * TiB by 1024). */
int srt_parse_size(struct srt_str s, uint64_t *ret_bytes);

/* "12", "10k", "10M", "2G": an integer, optionally by 1000s. */
int srt_parse_count(struct srt_str s, int64_t *ret_count);

int srt_parse_int(struct srt_str s, int64_t *ret_value);
int srt_parse_double(struct srt_str s, double *ret_value);
int srt_parse_bool(struct srt_str s, bool *ret_value); /* true, false; nothing else */

/* The shortest exact spelling: 5400000 gives "1h30m". Returns to. */
enum { SRT_DURATION_TEXT_MAX = 48, SRT_SIZE_TEXT_MAX = 32 };
char *srt_format_duration(char to[SRT_DURATION_TEXT_MAX], int64_t ms);
char *srt_format_size(char to[SRT_SIZE_TEXT_MAX], uint64_t bytes);

/* Levenshtein distance, cut off: returns limit + 1 for anything beyond. Words up to 63 bytes. */
size_t srt_edit_distance(struct srt_str a, struct srt_str b, size_t limit);

/* Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, nothing above U+10FFFF). */
bool srt_utf8_valid(const void *data, size_t size);

#endif
