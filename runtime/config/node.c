#include "config/node.h"

#include <string.h>

#include "base/assert.h"
#include "config/doc_impl.h"

const struct config_entry *config_find_entry(const struct config_node *map, const char *key)
{
    if (!map || map->kind != CONFIG_MAP) {
        return NULL;
    }
    for (size_t i = 0; i < map->entry_count; i++) {
        if (!strcmp(map->entries[i].key, key)) {
            return &map->entries[i];
        }
    }
    return NULL;
}

struct config_node *config_find(const struct config_node *map, const char *key)
{
    const struct config_entry *entry = config_find_entry(map, key);
    return entry ? entry->value : NULL;
}

struct config_node *config_new_node(struct config_doc *doc, enum config_kind kind,
                                    struct config_mark mark)
{
    struct config_node *node = config_alloc(doc, sizeof(*node));
    node->kind = kind;
    node->mark = mark;
    node->text = "";
    doc->node_count++;
    return node;
}

struct config_node *config_new_scalar(struct config_doc *doc, struct config_mark mark,
                                      const char *text, size_t len)
{
    struct config_node *node = config_new_node(doc, CONFIG_SCALAR, mark);
    node->text = config_strndup(doc, text, len);
    node->text_len = len;
    return node;
}

struct config_node *config_new_list(struct config_doc *doc, struct config_mark mark)
{
    return config_new_node(doc, CONFIG_LIST, mark);
}

struct config_node *config_new_map(struct config_doc *doc, struct config_mark mark)
{
    return config_new_node(doc, CONFIG_MAP, mark);
}

/* Arrays in the arena double when their count reaches a power of two: what is left behind is at
 * most as much again. */
static void *grown(struct config_doc *doc, void *items, size_t count, size_t item_size)
{
    if (count && (count & (count - 1))) {
        return items;
    }
    void *bigger = config_alloc(doc, (count ? count * 2 : 1) * item_size);
    if (count) {
        memcpy(bigger, items, count * item_size);
    }
    return bigger;
}

void config_list_add(struct config_doc *doc, struct config_node *list, struct config_node *item)
{
    srt_assert(list->kind == CONFIG_LIST);
    list->items = grown(doc, list->items, list->item_count, sizeof(*list->items));
    list->items[list->item_count++] = item;
}

void config_map_add(struct config_doc *doc, struct config_node *map, const char *key,
                    struct config_mark key_mark, struct config_node *value)
{
    srt_assert(map->kind == CONFIG_MAP);
    map->entries = grown(doc, map->entries, map->entry_count, sizeof(*map->entries));
    map->entries[map->entry_count++] = (struct config_entry){
        .key = config_strdup(doc, key),
        .key_mark = key_mark,
        .value = value,
    };
}
