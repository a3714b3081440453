#include "state/state_value.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "record/json.h"
#include "state/state_bytes.h"

/* The bytes that stand for the kinds in the format. */
enum value_tag {
    TAG_FALSE = 1,
    TAG_TRUE,
    TAG_INTEGER,
    TAG_FLOAT,
    TAG_TEXT,
    TAG_JSON,
};
static_assert(TAG_JSON - TAG_FALSE == STATE_VALUE_JSON - STATE_VALUE_FALSE, "in the same order");

#define TWO_63 0x1p63

void state_value_put_json(struct srt_buf *to, const struct state_value *value)
{
    switch (value->kind) {
    case STATE_VALUE_NIL:
    case STATE_VALUE_NULL:
        srt_buf_put_str(to, "null");
        return;
    case STATE_VALUE_FALSE:
        srt_buf_put_str(to, "false");
        return;
    case STATE_VALUE_TRUE:
        srt_buf_put_str(to, "true");
        return;
    case STATE_VALUE_INTEGER:
        json_put_integer(to, value->is.integer);
        return;
    case STATE_VALUE_FLOAT:
        if (json_put_double(to, value->is.number) != SRT_OK) {
            srt_buf_put_str(to, "null");
        }
        return;
    case STATE_VALUE_TEXT:
        json_put_string(to, value->is.text.data, value->is.text.len);
        return;
    case STATE_VALUE_JSON:
        srt_buf_put(to, value->is.text.data, value->is.text.len);
        return;
    }
    srt_unreachable("a kind of value");
}

/* --- order --- */

bool state_value_can_rank(const struct state_value *value)
{
    return value->kind == STATE_VALUE_INTEGER || value->kind == STATE_VALUE_TEXT ||
           (value->kind == STATE_VALUE_FLOAT && isfinite(value->is.number));
}

int state_value_compare_number(int64_t integer, double number)
{
    if (number >= TWO_63) {
        return -1;
    }
    if (number < -TWO_63) {
        return 1;
    }
    int64_t whole = (int64_t)number; /* towards zero */
    if (integer != whole) {
        return integer < whole ? -1 : 1;
    }
    double fraction = number - (double)whole; /* exact: both are near */
    return fraction > 0 ? -1 : fraction < 0;
}

static int compare_floats(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return isnan(a) - isnan(b);
    }
    return (a > b) - (a < b);
}

static int compare_numbers(const struct state_value *a, const struct state_value *b)
{
    if (a->kind == b->kind) {
        return a->kind == STATE_VALUE_FLOAT
                   ? compare_floats(a->is.number, b->is.number)
                   : (a->is.integer > b->is.integer) - (a->is.integer < b->is.integer);
    }
    if (a->kind == STATE_VALUE_INTEGER) {
        return isnan(b->is.number) ? -1 : state_value_compare_number(a->is.integer, b->is.number);
    }
    return isnan(a->is.number) ? 1 : -state_value_compare_number(b->is.integer, a->is.number);
}

static int compare_bytes(const struct state_value *a, const struct state_value *b)
{
    size_t a_len = a->is.text.len;
    size_t b_len = b->is.text.len;
    size_t common = a_len < b_len ? a_len : b_len;
    int order = common ? memcmp(a->is.text.data, b->is.text.data, common) : 0;
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static bool is_number(const struct state_value *value)
{
    return value->kind == STATE_VALUE_INTEGER || value->kind == STATE_VALUE_FLOAT;
}

int state_value_rank(const struct state_value *a, const struct state_value *b)
{
    if (is_number(a) && is_number(b)) {
        return compare_numbers(a, b);
    }
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    return a->kind >= STATE_VALUE_TEXT ? compare_bytes(a, b) : 0;
}

/* Among equal numbers: -0.0, the integer, the float. */
static int place(const struct state_value *value)
{
    if (value->kind != STATE_VALUE_FLOAT) {
        return 1;
    }
    return value->is.number == 0 && signbit(value->is.number) ? 0 : 2;
}

int state_value_compare(const struct state_value *a, const struct state_value *b)
{
    int order = state_value_rank(a, b);
    if (order != 0 || !is_number(a)) {
        return order;
    }
    if (place(a) != place(b)) {
        return place(a) - place(b);
    }
    /* the same number; two NaNs may still have other bits */
    return a->kind == STATE_VALUE_FLOAT
               ? memcmp(&a->is.number, &b->is.number, sizeof a->is.number)
               : 0;
}

/* --- bytes --- */

static enum value_tag tag_of(const struct state_value *value)
{
    srt_assert(!state_value_is_absent(value));
    return (enum value_tag)(value->kind - STATE_VALUE_FALSE + TAG_FALSE);
}

size_t state_value_encode_head(uint8_t to[STATE_VALUE_HEAD_MAX], const struct state_value *value)
{
    to[0] = (uint8_t)tag_of(value);
    switch (value->kind) {
    case STATE_VALUE_NIL:
    case STATE_VALUE_NULL:
    case STATE_VALUE_FALSE:
    case STATE_VALUE_TRUE:
        return 1;
    case STATE_VALUE_INTEGER:
        return 1 + srt_put_varlong(to + 1, value->is.integer);
    case STATE_VALUE_FLOAT: {
        uint64_t bits;
        memcpy(&bits, &value->is.number, sizeof bits);
        srt_put_be64(to + 1, bits);
        return 9;
    }
    case STATE_VALUE_TEXT:
    case STATE_VALUE_JSON:
        return 1 + srt_put_varlong(to + 1, (int64_t)value->is.text.len);
    }
    srt_unreachable("a kind of value");
}

void state_value_encode(struct srt_buf *to, const struct state_value *value)
{
    uint8_t head[STATE_VALUE_HEAD_MAX];
    srt_buf_put(to, head, state_value_encode_head(head, value));
    if (value->kind >= STATE_VALUE_TEXT) {
        srt_buf_put(to, value->is.text.data, value->is.text.len);
    }
}

static bool decode_text(const uint8_t **at, const uint8_t *end, enum state_value_kind kind,
                        struct state_value *ret)
{
    const uint8_t *data;
    size_t len;
    if (!state_bytes_get_bytes(at, end, &data, &len)) {
        return false;
    }
    if (kind == STATE_VALUE_JSON) {
        size_t error_at;
        bool begins = len > 0 && (data[0] == '{' || data[0] == '[');
        if (!begins || json_validate((const char *)data, len, &error_at) != SRT_OK) {
            return false;
        }
    }
    *ret = (struct state_value){.kind = kind, .is.text = {(const char *)data, len}};
    return true;
}

bool state_value_decode(const uint8_t **at, const uint8_t *end, struct state_value *ret)
{
    uint8_t tag;
    if (!state_bytes_get_u8(at, end, TAG_JSON, &tag)) {
        return false;
    }
    switch (tag) {
    case TAG_FALSE:
    case TAG_TRUE:
        ret->kind = tag == TAG_TRUE ? STATE_VALUE_TRUE : STATE_VALUE_FALSE;
        return true;
    case TAG_INTEGER:
        ret->kind = STATE_VALUE_INTEGER;
        return state_bytes_get_int(at, end, INT64_MIN, INT64_MAX, &ret->is.integer);
    case TAG_FLOAT:
        ret->kind = STATE_VALUE_FLOAT;
        return state_bytes_get_double(at, end, &ret->is.number);
    case TAG_TEXT:
        return decode_text(at, end, STATE_VALUE_TEXT, ret);
    case TAG_JSON:
        return decode_text(at, end, STATE_VALUE_JSON, ret);
    default:
        return false;
    }
}

struct state_value state_value_canonical(const struct state_value *value)
{
    if (value->kind != STATE_VALUE_FLOAT) {
        return *value;
    }
    double number = value->is.number;
    if (number >= -TWO_63 && number < TWO_63 && (double)(int64_t)number == number) {
        return (struct state_value){.kind = STATE_VALUE_INTEGER, .is.integer = (int64_t)number};
    }
    struct state_value same = *value;
    if (isnan(number)) {
        static const uint64_t bits = 0x7ff8000000000000u;
        memcpy(&same.is.number, &bits, sizeof bits);
    }
    return same;
}

uint64_t state_value_hash(const struct state_value *value)
{
    uint64_t tag = tag_of(value);
    if (value->kind >= STATE_VALUE_TEXT) {
        return srt_hash(value->is.text.data, value->is.text.len, tag);
    }
    uint8_t bytes[8] = {0};
    if (value->kind == STATE_VALUE_INTEGER) {
        srt_put_be64(bytes, (uint64_t)value->is.integer);
    } else if (value->kind == STATE_VALUE_FLOAT) {
        uint64_t bits;
        memcpy(&bits, &value->is.number, sizeof bits);
        srt_put_be64(bytes, bits);
    }
    return srt_hash(bytes, sizeof bytes, tag);
}
