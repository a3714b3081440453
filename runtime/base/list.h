/* list.h - an intrusive doubly linked list: the node is a member of the thing that is listed.
 *
 * Owner:   the list owns nothing; an object may be on as many lists as it has nodes.
 * Thread:  one at a time.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_BASE_LIST_H
#define SRT_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Both the head of a list and a member on it. A head points to itself when the list is empty. */
struct srt_list {
    struct srt_list *next;
    struct srt_list *prev;
};

static inline void srt_list_init(struct srt_list *list)
{
    list->next = list;
    list->prev = list;
}

static inline bool srt_list_empty(const struct srt_list *list)
{
    return list->next == list;
}

static inline void srt_list_push(struct srt_list *list, struct srt_list *node)
{
    node->prev = list->prev;
    node->next = list;
    list->prev->next = node;
    list->prev = node;
}

static inline void srt_list_remove(struct srt_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    srt_list_init(node);
}

/* Take the first; NULL when empty. */
static inline struct srt_list *srt_list_pop(struct srt_list *list)
{
    struct srt_list *first = list->next;
    if (first == list) {
        return NULL;
    }
    srt_list_remove(first);
    return first;
}

#define srt_container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#define srt_list_for_each(node, list)                                                              \
    for (struct srt_list *node = (list)->next; node != (list); node = node->next)

/* The body may remove `node`. */
#define srt_list_for_each_safe(node, list)                                                         \
    for (struct srt_list *node = (list)->next, *node##_next = node->next; node != (list);          \
         node = node##_next, node##_next = node->next)

#endif
