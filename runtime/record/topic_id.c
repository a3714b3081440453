#include "record/topic_id.h"

#include <string.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/rng.h"

struct topic_id topic_id_new(void)
{
    struct topic_id id;
    do {
        srt_random_bytes(id.bytes, sizeof id.bytes);
    } while (topic_id_is_zero(&id)); /* zero means "no topic" on the wire */
    return id;
}

bool topic_id_equal(const struct topic_id *a, const struct topic_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool topic_id_is_zero(const struct topic_id *id)
{
    static const struct topic_id zero;
    return topic_id_equal(id, &zero);
}

char *topic_id_format(char to[TOPIC_ID_TEXT_MAX], const struct topic_id *id)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof id->bytes; i++) {
        to[2 * i] = digits[id->bytes[i] >> 4];
        to[2 * i + 1] = digits[id->bytes[i] & 15];
    }
    to[TOPIC_ID_TEXT_MAX - 1] = '\0';
    return to;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int topic_id_parse(const char *text, size_t len, struct topic_id *ret)
{
    struct topic_id id;
    if (len != 2 * sizeof id.bytes) {
        return SRT_EPARSE;
    }
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        int high = hex_digit(text[2 * i]);
        int low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return SRT_EPARSE;
        }
        id.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret = id;
    return SRT_OK;
}

bool topic_name_valid(const char *name)
{
    size_t len = strnlen(name, SRT_TOPIC_NAME_MAX + 1);
    if (len == 0 || len > SRT_TOPIC_NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
        if (!ok) {
            return false;
        }
    }
    return true;
}

bool topic_name_reserved(const char *name)
{
    static const char prefix[] = "__streamrt";
    return strncmp(name, prefix, sizeof prefix - 1) == 0;
}
