/* map.h - a hash map from bytes to a pointer.
 *
 * Owner:   the caller; keys are copied, values are the caller's.
 * Thread:  one at a time.
 * Memory:  open addressing, grows at 3/4 full; control plane (ends the process when out of memory).
 * Fails:   never. */
#ifndef SRT_BASE_MAP_H
#define SRT_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct srt_map_entry; /* private */

struct srt_map {
    struct srt_map_entry *entries;
    size_t cap;   /* a power of two, or 0 */
    size_t used;  /* live entries */
    size_t grave; /* removed entries that still take a slot */
};

void srt_map_init(struct srt_map *map);
void srt_map_fini(struct srt_map *map);

/* Set or replace; returns the value that was there before, NULL when none. value must not be
 * NULL. */
void *srt_map_set(struct srt_map *map, const void *key, size_t key_len, void *value);
void *srt_map_find(const struct srt_map *map, const void *key, size_t key_len);
void *srt_map_remove(struct srt_map *map, const void *key, size_t key_len);

void *srt_map_find_str(const struct srt_map *map, const char *key);
void *srt_map_set_str(struct srt_map *map, const char *key, void *value);
void *srt_map_remove_str(struct srt_map *map, const char *key);

/* Walk in no particular order: start with *cursor = 0; false at the end. The map must not change
 * meanwhile. ret_key may be NULL. */
bool srt_map_next(const struct srt_map *map, size_t *cursor, const void **ret_key,
                  size_t *ret_key_len, void **ret_value);

#endif
