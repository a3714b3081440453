#include "pipeline/item.h"

#include "base/hash.h"

uint32_t item_key_group(const uint8_t *key, int32_t key_len)
{
    size_t size = key_len > 0 ? (size_t)key_len : 0;
    return (uint32_t)(srt_hash(size > 0 ? (const void *)key : "", size, 0) % ITEM_KEY_GROUP_COUNT);
}

uint32_t item_task_of_group(uint32_t key_group, uint32_t task_count)
{
    return key_group * task_count / ITEM_KEY_GROUP_COUNT;
}
