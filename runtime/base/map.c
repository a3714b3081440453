#include "base/map.h"

#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/assert.h"

struct srt_map_entry {
    void *key; /* NULL: never used; GRAVE: removed */
    size_t key_len;
    uint64_t hash;
    void *value;
};

static char grave_mark;
#define GRAVE ((void *)&grave_mark)

void srt_map_init(struct srt_map *map)
{
    *map = (struct srt_map){0};
}

void srt_map_fini(struct srt_map *map)
{
    for (size_t i = 0; i < map->cap; i++) {
        if (map->entries[i].key != GRAVE) {
            srt_free(map->entries[i].key);
        }
    }
    srt_free(map->entries);
    *map = (struct srt_map){0};
}

/* The entry with that key, else the slot where it would go (the first grave on its way, if any). */
static struct srt_map_entry *probe(const struct srt_map *map, const void *key, size_t key_len,
                                   uint64_t hash)
{
    struct srt_map_entry *grave = NULL;
    size_t mask = map->cap - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct srt_map_entry *e = &map->entries[i];
        if (!e->key) {
            return grave ? grave : e;
        }
        if (e->key == GRAVE) {
            grave = grave ? grave : e;
        } else if (e->hash == hash && e->key_len == key_len && !memcmp(e->key, key, key_len)) {
            return e;
        }
    }
}

static bool is_live(const struct srt_map_entry *e)
{
    return e->key && e->key != GRAVE;
}

static void rehash(struct srt_map *map)
{
    size_t cap = map->cap ? map->cap : 8;
    while ((map->used + 1) * 4 > cap * 2) {
        cap *= 2;
    }
    struct srt_map old = *map;
    map->entries = srt_xcalloc(cap, sizeof *map->entries);
    map->cap = cap;
    map->grave = 0;
    for (size_t i = 0; i < old.cap; i++) {
        const struct srt_map_entry *e = &old.entries[i];
        if (is_live(e)) {
            *probe(map, e->key, e->key_len, e->hash) = *e;
        }
    }
    srt_free(old.entries);
}

void *srt_map_set(struct srt_map *map, const void *key, size_t key_len, void *value)
{
    srt_assert(value);
    if ((map->used + map->grave + 1) * 4 > map->cap * 3) {
        rehash(map);
    }
    uint64_t hash = XXH3_64bits(key, key_len);
    struct srt_map_entry *e = probe(map, key, key_len, hash);
    if (is_live(e)) {
        void *before = e->value;
        e->value = value;
        return before;
    }
    map->grave -= e->key == GRAVE;
    e->key = srt_xalloc(key_len);
    memcpy(e->key, key, key_len);
    e->key_len = key_len;
    e->hash = hash;
    e->value = value;
    map->used++;
    return NULL;
}

void *srt_map_find(const struct srt_map *map, const void *key, size_t key_len)
{
    if (map->used == 0) {
        return NULL;
    }
    const struct srt_map_entry *e = probe(map, key, key_len, XXH3_64bits(key, key_len));
    return is_live(e) ? e->value : NULL;
}

void *srt_map_remove(struct srt_map *map, const void *key, size_t key_len)
{
    if (map->used == 0) {
        return NULL;
    }
    struct srt_map_entry *e = probe(map, key, key_len, XXH3_64bits(key, key_len));
    if (!is_live(e)) {
        return NULL;
    }
    srt_free(e->key);
    e->key = GRAVE;
    map->used--;
    map->grave++;
    return e->value;
}

void *srt_map_find_str(const struct srt_map *map, const char *key)
{
    return srt_map_find(map, key, strlen(key));
}

void *srt_map_set_str(struct srt_map *map, const char *key, void *value)
{
    return srt_map_set(map, key, strlen(key), value);
}

void *srt_map_remove_str(struct srt_map *map, const char *key)
{
    return srt_map_remove(map, key, strlen(key));
}

bool srt_map_next(const struct srt_map *map, size_t *cursor, const void **ret_key,
                  size_t *ret_key_len, void **ret_value)
{
    for (; *cursor < map->cap; ++*cursor) {
        const struct srt_map_entry *e = &map->entries[*cursor];
        if (!is_live(e)) {
            continue;
        }
        if (ret_key) {
            *ret_key = e->key;
            *ret_key_len = e->key_len;
        }
        *ret_value = e->value;
        ++*cursor;
        return true;
    }
    return false;
}
