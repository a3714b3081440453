/* Up to QUANTILE_EXACT_MAX values are kept as they are, integers and floats apart (8 bytes each);
 * they are put in order when somebody asks. What comes one at a time between two questions is moved
 * to its place.
 *
 * Beyond that only counts are kept. The powers of two cut the numbers into octaves, and each octave
 * has 128 buckets of the same width:
 *
 *        2^e        2^e * (1 + 1/128)      2^e * (1 + 2/128)            2^(e+1)
 *         |------- 0 -------|------- 1 -------|--- ...           --- 127 ---|
 *
 * So a bucket is the exponent and the first 7 bits of the mantissa: no logarithm, the same on every
 * machine. Its middle is at most 1/256 of its lower end away from all that is in it: 0.4 %. (The
 * usual buckets whose ends grow by a factor need 30 % fewer for the same error, and log().) */
#include "state/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "state/state_bytes.h"

enum {
    BUCKET_BITS = 7,
    BUCKETS = 1 << BUCKET_BITS, /* of an octave */
    OCTAVE_ZERO = 1075,         /* the number of the octave that begins at 1 */
    OCTAVE_MAX = 2098,          /* that of the largest doubles; the smallest is 1 */
    MANTISSA_BITS = 52,
    FIRST_CAP = 16,
    INSERT_MAX = 8, /* so many are moved to their places, more are sorted */
};

struct octave {
    int number; /* e + OCTAVE_ZERO; negative for negative numbers; never 0 */
    int64_t counts[BUCKETS]; /* by distance from zero */
};

/* Values, or octaves: both are there only while one becomes the other. */
struct quantile {
    int64_t count; /* of all values; beyond QUANTILE_EXACT_MAX the octaves have them */
    int64_t zero_count;
    struct octave **octaves; /* ascending by number; some may be empty */
    uint32_t octave_count;
    uint32_t octave_cap;
    int64_t *integers;
    double *floats;
    uint32_t integer_count, integer_cap, integer_sorted; /* sorted: so many of the first are */
    uint32_t float_count, float_cap, float_sorted;
};

static bool is_sketch(const struct quantile *q)
{
    return q->count > QUANTILE_EXACT_MAX;
}

static void free_values(struct quantile *q)
{
    srt_free(q->integers);
    srt_free(q->floats);
    q->integers = NULL;
    q->floats = NULL;
    q->integer_count = q->integer_cap = q->integer_sorted = 0;
    q->float_count = q->float_cap = q->float_sorted = 0;
}

void quantile_destroy(struct quantile *q)
{
    if (!q) {
        return;
    }
    free_values(q);
    for (uint32_t i = 0; i < q->octave_count; i++) {
        srt_free(q->octaves[i]);
    }
    srt_free(q->octaves);
    srt_free(q);
}

size_t quantile_bytes(const struct quantile *q)
{
    if (!q) {
        return 0;
    }
    return sizeof *q + ((size_t)q->integer_cap + q->float_cap) * 8 +
           q->octave_cap * sizeof q->octaves[0] + q->octave_count * sizeof *q->octaves[0];
}

static int make(struct quantile **q)
{
    if (!*q) {
        struct quantile *made = srt_alloc(sizeof *made);
        if (!made) {
            return SRT_ENOMEM;
        }
        *made = (struct quantile){0};
        *q = made;
    }
    return SRT_OK;
}

/* --- octaves --- */

struct bucket {
    int octave; /* 0: zero itself */
    uint32_t index;
};

static struct bucket bucket_of(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    bool negative = bits >> 63;
    uint64_t mantissa = bits & (((uint64_t)1 << MANTISSA_BITS) - 1);
    int octave = (int)(bits >> MANTISSA_BITS & 0x7ff) - 1023 + OCTAVE_ZERO;
    if (octave == OCTAVE_ZERO - 1023) { /* subnormal: its leading one is made the hidden one */
        if (mantissa == 0) {
            return (struct bucket){0, 0};
        }
        int shift = MANTISSA_BITS - (63 - __builtin_clzll(mantissa));
        mantissa = mantissa << shift & (((uint64_t)1 << MANTISSA_BITS) - 1);
        octave += 1 - shift;
    }
    return (struct bucket){negative ? -octave : octave,
                           (uint32_t)(mantissa >> (MANTISSA_BITS - BUCKET_BITS))};
}

static struct bucket bucket_of_integer(int64_t integer)
{
    return bucket_of((double)integer);
}

static double middle_of(int octave, int index)
{
    int exponent = abs(octave) - OCTAVE_ZERO;
    double middle = ldexp(BUCKETS + index + 0.5, exponent - BUCKET_BITS);
    return octave < 0 ? -middle : middle;
}

/* Where the octave is, or where it belongs. */
static uint32_t octave_place(const struct quantile *q, int number)
{
    uint32_t low = 0;
    uint32_t high = q->octave_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (q->octaves[middle]->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int reserve_octave(struct quantile *q, int number)
{
    uint32_t place = octave_place(q, number);
    if (number == 0 || (place < q->octave_count && q->octaves[place]->number == number)) {
        return SRT_OK;
    }
    if (q->octave_count == q->octave_cap) {
        uint32_t cap = q->octave_cap ? 2 * q->octave_cap : FIRST_CAP;
        struct octave **octaves = srt_realloc(q->octaves, cap * sizeof(struct octave *));
        if (!octaves) {
            return SRT_ENOMEM;
        }
        q->octaves = octaves;
        q->octave_cap = cap;
    }
    struct octave *octave = srt_alloc(sizeof *octave);
    if (!octave) {
        return SRT_ENOMEM;
    }
    memset(octave, 0, sizeof *octave);
    octave->number = number;
    memmove(&q->octaves[place + 1], &q->octaves[place],
            (q->octave_count - place) * sizeof(struct octave *));
    q->octaves[place] = octave;
    q->octave_count++;
    return SRT_OK;
}

/* Of a bucket whose octave is there. */
static void count_bucket(struct quantile *q, struct bucket bucket, int64_t more)
{
    int64_t *count = bucket.octave == 0
                         ? &q->zero_count
                         : &q->octaves[octave_place(q, bucket.octave)]->counts[bucket.index];
    *count = state_bytes_add_counts(*count, more);
}

/* The octaves of all values of `from`. When memory is out some of them may have been made: without
 * counts nobody sees them. */
static int reserve_values(struct quantile *q, const struct quantile *from)
{
    int rc = SRT_OK;
    for (uint32_t i = 0; i < from->integer_count && rc == SRT_OK; i++) {
        rc = reserve_octave(q, bucket_of_integer(from->integers[i]).octave);
    }
    for (uint32_t i = 0; i < from->float_count && rc == SRT_OK; i++) {
        rc = reserve_octave(q, bucket_of(from->floats[i]).octave);
    }
    for (uint32_t i = 0; is_sketch(from) && i < from->octave_count && rc == SRT_OK; i++) {
        rc = reserve_octave(q, from->octaves[i]->number);
    }
    return rc;
}

static void count_values(struct quantile *q, const struct quantile *from)
{
    for (uint32_t i = 0; i < from->integer_count; i++) {
        count_bucket(q, bucket_of_integer(from->integers[i]), 1);
    }
    for (uint32_t i = 0; i < from->float_count; i++) {
        count_bucket(q, bucket_of(from->floats[i]), 1);
    }
    for (uint32_t i = 0; is_sketch(from) && i < from->octave_count; i++) {
        const struct octave *octave = from->octaves[i];
        for (uint32_t k = 0; k < BUCKETS; k++) {
            if (octave->counts[k] > 0) {
                count_bucket(q, (struct bucket){octave->number, k}, octave->counts[k]);
            }
        }
    }
    if (from != q) {
        q->zero_count = state_bytes_add_counts(q->zero_count, from->zero_count);
    }
}

/* --- values --- */

/* Both arrays are of 8 bytes an item. */
static int reserve_array(void *array, uint32_t count, uint32_t *cap)
{
    void *items;
    memcpy(&items, array, sizeof items);
    if (count <= *cap) {
        return SRT_OK;
    }
    uint32_t larger = *cap ? *cap : FIRST_CAP;
    while (larger < count) {
        larger *= 2;
    }
    items = srt_realloc(items, (size_t)larger * 8);
    if (!items) {
        return SRT_ENOMEM;
    }
    memcpy(array, &items, sizeof items);
    *cap = larger;
    return SRT_OK;
}

static int keep(struct quantile *q, const struct state_value *number)
{
    if (number->kind == STATE_VALUE_INTEGER) {
        if (reserve_array(&q->integers, q->integer_count + 1, &q->integer_cap) != SRT_OK) {
            return SRT_ENOMEM;
        }
        q->integers[q->integer_count++] = number->is.integer;
    } else {
        if (reserve_array(&q->floats, q->float_count + 1, &q->float_cap) != SRT_OK) {
            return SRT_ENOMEM;
        }
        q->floats[q->float_count++] = number->is.number;
    }
    return SRT_OK;
}

static int compare_integers(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int compare_floats(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    if (x == y) {
        return !!signbit(y) - !!signbit(x); /* -0.0 before 0.0 */
    }
    return x < y ? -1 : 1;
}

/* Of both arrays; the items are moved as 8 bytes. */
static void sort_array(void *array, uint32_t count, uint32_t *sorted,
                       int (*compare)(const void *, const void *))
{
    uint8_t *items = array; /* NULL when there are none */
    if (count - *sorted > INSERT_MAX) {
        qsort(items, count, 8, compare);
        *sorted = count;
    }
    for (; *sorted < count; ++*sorted) {
        uint64_t item;
        memcpy(&item, items + (size_t)*sorted * 8, 8);
        uint32_t low = 0;
        uint32_t high = *sorted;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (compare(items + (size_t)middle * 8, &item) < 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        uint8_t *place = items + (size_t)low * 8;
        memmove(place + 8, place, (size_t)(*sorted - low) * 8);
        memcpy(place, &item, 8);
    }
}

/* The order of values that are kept is nobody's but ours. */
static void sort_values(const struct quantile *q)
{
    struct quantile *mine = (struct quantile *)(uintptr_t)q;
    sort_array(mine->integers, mine->integer_count, &mine->integer_sorted, compare_integers);
    sort_array(mine->floats, mine->float_count, &mine->float_sorted, compare_floats);
}

/* --- adding --- */

int quantile_add(struct quantile **q, const struct state_value *number)
{
    if (make(q) != SRT_OK) {
        return SRT_ENOMEM;
    }
    struct quantile *mine = *q;
    if (mine->count < QUANTILE_EXACT_MAX) {
        if (keep(mine, number) != SRT_OK) {
            return SRT_ENOMEM;
        }
        mine->count++;
        return SRT_OK;
    }
    struct bucket bucket = number->kind == STATE_VALUE_INTEGER
                               ? bucket_of_integer(number->is.integer)
                               : bucket_of(number->is.number);
    if (reserve_octave(mine, bucket.octave) != SRT_OK) {
        return SRT_ENOMEM;
    }
    if (mine->count == QUANTILE_EXACT_MAX) {
        if (reserve_values(mine, mine) != SRT_OK) {
            return SRT_ENOMEM;
        }
        count_values(mine, mine);
        free_values(mine);
    }
    count_bucket(mine, bucket, 1);
    mine->count = state_bytes_add_counts(mine->count, 1);
    return SRT_OK;
}

static int merge_values(struct quantile *into, const struct quantile *from)
{
    if (reserve_array(&into->integers, into->integer_count + from->integer_count,
                      &into->integer_cap) != SRT_OK ||
        reserve_array(&into->floats, into->float_count + from->float_count, &into->float_cap) !=
            SRT_OK) {
        return SRT_ENOMEM;
    }
    if (from->integer_count > 0) {
        memcpy(into->integers + into->integer_count, from->integers,
               from->integer_count * sizeof into->integers[0]);
    }
    if (from->float_count > 0) {
        memcpy(into->floats + into->float_count, from->floats,
               from->float_count * sizeof into->floats[0]);
    }
    into->integer_count += from->integer_count;
    into->float_count += from->float_count;
    into->count += from->count;
    return SRT_OK;
}

int quantile_merge(struct quantile **into, const struct quantile *from)
{
    if (!from) {
        return SRT_OK;
    }
    if (make(into) != SRT_OK) {
        return SRT_ENOMEM;
    }
    struct quantile *mine = *into;
    int64_t count = state_bytes_add_counts(mine->count, from->count);
    if (count <= QUANTILE_EXACT_MAX) {
        return merge_values(mine, from);
    }
    if (reserve_values(mine, from) != SRT_OK ||
        (!is_sketch(mine) && reserve_values(mine, mine) != SRT_OK)) {
        return SRT_ENOMEM;
    }
    if (!is_sketch(mine)) {
        count_values(mine, mine);
        free_values(mine);
    }
    count_values(mine, from);
    mine->count = count;
    return SRT_OK;
}

/* --- asking --- */

static struct state_value sketch_value(const struct quantile *q, int64_t rank)
{
    struct state_value value = {.kind = STATE_VALUE_FLOAT, .is.number = 0.0};
    uint32_t zero = octave_place(q, 0); /* octaves before it are negative */
    for (uint32_t i = 0; i <= q->octave_count; i++) {
        if (i == zero) {
            if (rank < q->zero_count) {
                return (struct state_value){.kind = STATE_VALUE_FLOAT, .is.number = 0.0};
            }
            rank -= q->zero_count;
        }
        for (int k = 0; i < q->octave_count && k < BUCKETS; k++) {
            const struct octave *octave = q->octaves[i];
            int index = octave->number < 0 ? BUCKETS - 1 - k : k;
            value.is.number = middle_of(octave->number, index);
            if (rank < octave->counts[index]) {
                return value;
            }
            rank -= octave->counts[index];
        }
    }
    return value; /* counts of damaged bytes that add up to more than their number */
}

struct state_value quantile_value(const struct quantile *q, double p)
{
    if (!q || q->count == 0) {
        return (struct state_value){.kind = STATE_VALUE_NIL};
    }
    double place = floor(p * (double)q->count);
    int64_t rank = place >= (double)q->count ? q->count - 1 : (int64_t)place;
    if (is_sketch(q)) {
        return sketch_value(q, rank);
    }
    sort_values(q);
    struct state_value integer = {.kind = STATE_VALUE_INTEGER};
    struct state_value number = {.kind = STATE_VALUE_FLOAT};
    for (uint32_t i = 0, f = 0;;) {
        bool takes_integer = f == q->float_count;
        if (i < q->integer_count && !takes_integer) {
            integer.is.integer = q->integers[i];
            number.is.number = q->floats[f];
            takes_integer = state_value_compare(&integer, &number) < 0;
        }
        if (i + f == rank) {
            integer.is.integer = takes_integer ? q->integers[i] : 0;
            number.is.number = takes_integer ? 0 : q->floats[f];
            return takes_integer ? integer : number;
        }
        i += takes_integer;
        f += !takes_integer;
    }
}

/* --- bytes --- */

enum { TAG_VALUES, TAG_SKETCH };

static void encode_octave(const struct octave *octave, uint64_t filled, struct srt_buf *to)
{
    state_bytes_put_int(to, octave->number);
    state_bytes_put_count(to, filled);
    for (int k = 0; k < BUCKETS; k++) {
        if (octave->counts[k] > 0) {
            state_bytes_put_int(to, k);
            state_bytes_put_int(to, octave->counts[k]);
        }
    }
}

static uint64_t filled_buckets(const struct octave *octave)
{
    uint64_t filled = 0;
    for (int k = 0; k < BUCKETS; k++) {
        filled += octave->counts[k] > 0;
    }
    return filled;
}

static void encode_sketch(const struct quantile *q, struct srt_buf *to)
{
    srt_buf_put_u8(to, TAG_SKETCH);
    state_bytes_put_int(to, q->zero_count);
    uint64_t count = 0;
    for (uint32_t i = 0; i < q->octave_count; i++) {
        count += filled_buckets(q->octaves[i]) > 0;
    }
    state_bytes_put_count(to, count);
    for (uint32_t i = 0; i < q->octave_count; i++) {
        uint64_t filled = filled_buckets(q->octaves[i]);
        if (filled > 0) {
            encode_octave(q->octaves[i], filled, to);
        }
    }
}

void quantile_encode(const struct quantile *q, struct srt_buf *to)
{
    if (q && is_sketch(q)) {
        encode_sketch(q, to);
        return;
    }
    srt_buf_put_u8(to, TAG_VALUES);
    state_bytes_put_count(to, q ? q->integer_count : 0);
    if (q) {
        sort_values(q);
    }
    for (uint32_t i = 0; q && i < q->integer_count; i++) {
        state_bytes_put_int(to, q->integers[i]);
    }
    state_bytes_put_count(to, q ? q->float_count : 0);
    for (uint32_t i = 0; q && i < q->float_count; i++) {
        state_bytes_put_double(to, q->floats[i]);
    }
}

static int decode_values(struct quantile *q, const uint8_t **at, const uint8_t *end)
{
    size_t count;
    if (!state_bytes_get_count(at, end, 1, QUANTILE_EXACT_MAX, &count)) {
        return SRT_ECORRUPT;
    }
    if (reserve_array(&q->integers, (uint32_t)count, &q->integer_cap) != SRT_OK) {
        return SRT_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t min = i > 0 ? q->integers[i - 1] : INT64_MIN;
        if (!state_bytes_get_int(at, end, min, INT64_MAX, &q->integers[i])) {
            return SRT_ECORRUPT;
        }
    }
    q->integer_count = q->integer_sorted = (uint32_t)count;
    if (!state_bytes_get_count(at, end, 8, QUANTILE_EXACT_MAX - q->integer_count, &count)) {
        return SRT_ECORRUPT;
    }
    if (reserve_array(&q->floats, (uint32_t)count, &q->float_cap) != SRT_OK) {
        return SRT_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        double *number = &q->floats[i];
        if (!state_bytes_get_double(at, end, number) || !isfinite(*number) ||
            (i > 0 && compare_floats(number - 1, number) > 0)) {
            return SRT_ECORRUPT;
        }
    }
    q->float_count = q->float_sorted = (uint32_t)count;
    q->count = (int64_t)q->integer_count + q->float_count;
    return SRT_OK;
}

static int decode_octave(struct quantile *q, const uint8_t **at, const uint8_t *end)
{
    int64_t number;
    size_t filled;
    int64_t lowest =
        q->octave_count > 0 ? q->octaves[q->octave_count - 1]->number + 1 : -OCTAVE_MAX;
    if (!state_bytes_get_int(at, end, lowest, OCTAVE_MAX, &number) || number == 0 ||
        !state_bytes_get_count(at, end, 2, BUCKETS, &filled) || filled == 0) {
        return SRT_ECORRUPT;
    }
    if (reserve_octave(q, (int)number) != SRT_OK) {
        return SRT_ENOMEM;
    }
    struct octave *octave = q->octaves[q->octave_count - 1];
    int64_t index = -1;
    for (size_t i = 0; i < filled; i++) {
        int64_t count;
        if (!state_bytes_get_int(at, end, index + 1, BUCKETS - 1, &index) ||
            !state_bytes_get_int(at, end, 1, INT64_MAX, &count)) {
            return SRT_ECORRUPT;
        }
        octave->counts[index] = count;
        q->count = state_bytes_add_counts(q->count, count);
    }
    return SRT_OK;
}

static int decode_sketch(struct quantile *q, const uint8_t **at, const uint8_t *end)
{
    size_t count;
    if (!state_bytes_get_int(at, end, 0, INT64_MAX, &q->zero_count) ||
        !state_bytes_get_count(at, end, 4, 2 * OCTAVE_MAX, &count)) {
        return SRT_ECORRUPT;
    }
    q->count = q->zero_count;
    for (size_t i = 0; i < count; i++) {
        int rc = decode_octave(q, at, end);
        if (rc != SRT_OK) {
            return rc;
        }
    }
    return is_sketch(q) ? SRT_OK : SRT_ECORRUPT;
}

int quantile_decode(struct quantile **ret, const uint8_t **at, const uint8_t *end,
                    struct srt_err *err)
{
    struct quantile *q = NULL;
    uint8_t tag;
    if (!state_bytes_get_u8(at, end, TAG_SKETCH, &tag)) {
        return srt_fail(err, SRT_ECORRUPT, "not a quantile");
    }
    int rc = make(&q);
    if (rc == SRT_OK) {
        rc = tag == TAG_SKETCH ? decode_sketch(q, at, end) : decode_values(q, at, end);
    }
    if (rc != SRT_OK) {
        quantile_destroy(q);
        return srt_fail(err, rc, "%s a quantile", rc == SRT_ENOMEM ? "no memory for" : "not");
    }
    *ret = q;
    return SRT_OK;
}
