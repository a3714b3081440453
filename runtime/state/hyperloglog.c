/* HyperLogLog with 2^15 registers: the standard error is 1.04 / sqrt(2^15) = 0.57 %, so that 2 % is
 * three and a half of it. The hash's first 15 bits choose a register, which keeps the highest place
 * of the first 1 behind them that was seen.
 *
 * The estimate is Otmar Ertl's ("New cardinality estimation algorithms for HyperLogLog sketches",
 * 2017): one formula from few values to very many, without tables of corrections.
 *
 * Up to 2,048 different hashes are kept as they are, in a table that is never more than half full.
 * How many there are does not depend on the order, so neither does the form. */
#include "state/hyperloglog.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/assert.h"
#include "state/state_bytes.h"

enum {
    INDEX_BITS = 15,
    REGISTERS = 1 << INDEX_BITS,
    REGISTER_MAX = 64 - INDEX_BITS + 1,
    FIRST_SLOTS = 8,
};

struct hyperloglog {
    uint32_t count;      /* of hashes */
    uint32_t slot_count; /* a power of two; 0: registers */
    union {
        uint64_t hash; /* 0: free */
        uint8_t registers[sizeof(uint64_t)];
    } slots[];
};

void hyperloglog_destroy(struct hyperloglog *hll)
{
    srt_free(hll);
}

static bool is_dense(const struct hyperloglog *hll)
{
    return hll->slot_count == 0;
}

static uint8_t *registers_of(const struct hyperloglog *hll)
{
    return (uint8_t *)(uintptr_t)hll->slots;
}

static size_t size_of(uint32_t slot_count)
{
    return sizeof(struct hyperloglog) + (slot_count ? slot_count * sizeof(uint64_t) : REGISTERS);
}

size_t hyperloglog_bytes(const struct hyperloglog *hll)
{
    return hll ? size_of(hll->slot_count) : 0;
}

/* --- adding --- */

static void raise_register(uint8_t *registers, uint64_t hash)
{
    uint64_t rest = hash << INDEX_BITS;
    uint8_t place = rest ? (uint8_t)(__builtin_clzll(rest) + 1) : REGISTER_MAX;
    uint8_t *reg = &registers[hash >> (64 - INDEX_BITS)];
    if (*reg < place) {
        *reg = place;
    }
}

/* The slot that has it, or the free one where it belongs. */
static uint32_t find(const struct hyperloglog *hll, uint64_t hash)
{
    uint32_t slot = (uint32_t)hash & (hll->slot_count - 1);
    while (hll->slots[slot].hash != 0 && hll->slots[slot].hash != hash) {
        slot = (slot + 1) & (hll->slot_count - 1);
    }
    return slot;
}

static void put(struct hyperloglog *hll, uint64_t hash)
{
    if (is_dense(hll)) {
        raise_register(registers_of(hll), hash);
        return;
    }
    uint32_t slot = find(hll, hash);
    hll->count += hll->slots[slot].hash == 0;
    hll->slots[slot].hash = hash;
}

static void put_all(struct hyperloglog *hll, const struct hyperloglog *from)
{
    for (uint32_t i = 0; i < from->slot_count; i++) {
        if (from->slots[i].hash != 0) {
            put(hll, from->slots[i].hash);
        }
    }
}

/* Room for so many hashes, or for any number. */
static int reserve(struct hyperloglog **hll, uint32_t count)
{
    struct hyperloglog *old = *hll;
    uint32_t slot_count = 0;
    if (old && is_dense(old)) {
        return SRT_OK;
    }
    if (count <= HYPERLOGLOG_SPARSE_MAX) {
        slot_count = old ? old->slot_count : FIRST_SLOTS;
        while (slot_count / 2 < count) {
            slot_count *= 2;
        }
        if (old && slot_count == old->slot_count) {
            return SRT_OK;
        }
    }
    struct hyperloglog *made = srt_alloc(size_of(slot_count));
    if (!made) {
        return SRT_ENOMEM;
    }
    memset(made, 0, size_of(slot_count));
    made->slot_count = slot_count;
    if (old) {
        put_all(made, old);
    }
    srt_free(old);
    *hll = made;
    return SRT_OK;
}

int hyperloglog_add(struct hyperloglog **hll, uint64_t hash)
{
    struct hyperloglog *now = *hll;
    hash += hash == 0; /* 0 is a free slot */
    if (now && (is_dense(now) || now->slots[find(now, hash)].hash == hash)) {
        put(now, hash);
        return SRT_OK;
    }
    if (reserve(hll, now ? now->count + 1 : 1) != SRT_OK) {
        return SRT_ENOMEM;
    }
    put(*hll, hash);
    return SRT_OK;
}

int hyperloglog_merge(struct hyperloglog **into, const struct hyperloglog *from)
{
    if (!from) {
        return SRT_OK;
    }
    uint32_t count = HYPERLOGLOG_SPARSE_MAX + 1;
    if (!is_dense(from)) {
        const struct hyperloglog *now = *into;
        count = now ? now->count : 0;
        for (uint32_t i = 0; i < from->slot_count; i++) {
            uint64_t hash = from->slots[i].hash;
            count += hash != 0 && (!now || is_dense(now) || now->slots[find(now, hash)].hash == 0);
        }
    }
    if (reserve(into, count) != SRT_OK) {
        return SRT_ENOMEM;
    }
    if (!is_dense(from)) {
        put_all(*into, from);
        return SRT_OK;
    }
    uint8_t *registers = registers_of(*into);
    const uint8_t *more = registers_of(from);
    for (int i = 0; i < REGISTERS; i++) {
        registers[i] = registers[i] < more[i] ? more[i] : registers[i];
    }
    return SRT_OK;
}

/* --- estimate --- */

static double sigma(double x)
{
    double sum = x;
    double factor = 1;
    double before;
    do {
        x *= x;
        before = sum;
        sum += x * factor;
        factor += factor;
    } while (sum != before);
    return sum;
}

static double tau(double x)
{
    if (x == 0 || x == 1) {
        return 0;
    }
    double sum = 1 - x;
    double factor = 1;
    double before;
    do {
        x = sqrt(x);
        before = sum;
        factor *= 0.5;
        sum -= (1 - x) * (1 - x) * factor;
    } while (sum != before);
    return sum / 3;
}

int64_t hyperloglog_count(const struct hyperloglog *hll)
{
    if (!hll || !is_dense(hll)) {
        return hll ? hll->count : 0;
    }
    uint32_t counts[REGISTER_MAX + 1] = {0};
    const uint8_t *registers = registers_of(hll);
    for (int i = 0; i < REGISTERS; i++) {
        counts[registers[i]]++;
    }
    if (counts[0] == REGISTERS) {
        return 0; /* of damaged bytes: there is no such one */
    }
    double m = REGISTERS;
    double z = m * tau(1 - counts[REGISTER_MAX] / m);
    for (int k = REGISTER_MAX - 1; k > 0; k--) {
        z = 0.5 * (z + counts[k]);
    }
    z += m * sigma(counts[0] / m);
    double estimate = m * m / (2 * M_LN2 * z);
    return estimate < 0x1p62 ? llround(estimate) : INT64_MAX;
}

/* --- bytes --- */

enum { TAG_HASHES, TAG_REGISTERS };

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

void hyperloglog_encode(const struct hyperloglog *hll, struct srt_buf *to)
{
    uint64_t hashes[HYPERLOGLOG_SPARSE_MAX];
    if (hll && is_dense(hll)) {
        srt_buf_put_u8(to, TAG_REGISTERS);
        srt_buf_put(to, registers_of(hll), REGISTERS);
        return;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; hll && i < hll->slot_count; i++) {
        if (hll->slots[i].hash != 0) {
            hashes[count++] = hll->slots[i].hash;
        }
    }
    qsort(hashes, count, sizeof *hashes, compare_hashes);
    srt_buf_put_u8(to, TAG_HASHES);
    state_bytes_put_count(to, count);
    for (uint32_t i = 0; i < count; i++) {
        srt_buf_put_be64(to, hashes[i]);
    }
}

static int decode_hashes(struct hyperloglog **hll, const uint8_t **at, const uint8_t *end)
{
    size_t count;
    if (!state_bytes_get_count(at, end, 8, HYPERLOGLOG_SPARSE_MAX, &count)) {
        return SRT_ECORRUPT;
    }
    if (count > 0 && reserve(hll, (uint32_t)count) != SRT_OK) {
        return SRT_ENOMEM;
    }
    uint64_t before = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = 0;
        (void)state_bytes_get_u64(at, end, &hash); /* counted above */
        if (hash <= before) {
            return SRT_ECORRUPT;
        }
        put(*hll, hash);
        before = hash;
    }
    return SRT_OK;
}

static int decode_registers(struct hyperloglog **hll, const uint8_t **at, const uint8_t *end)
{
    if (end - *at < REGISTERS) {
        return SRT_ECORRUPT;
    }
    for (int i = 0; i < REGISTERS; i++) {
        if ((*at)[i] > REGISTER_MAX) {
            return SRT_ECORRUPT;
        }
    }
    if (reserve(hll, HYPERLOGLOG_SPARSE_MAX + 1) != SRT_OK) {
        return SRT_ENOMEM;
    }
    memcpy(registers_of(*hll), *at, REGISTERS);
    *at += REGISTERS;
    return SRT_OK;
}

int hyperloglog_decode(struct hyperloglog **ret, const uint8_t **at, const uint8_t *end,
                       struct srt_err *err)
{
    struct hyperloglog *hll = NULL;
    uint8_t tag;
    if (!state_bytes_get_u8(at, end, TAG_REGISTERS, &tag)) {
        return srt_fail(err, SRT_ECORRUPT, "not a sketch");
    }
    int rc = tag == TAG_REGISTERS ? decode_registers(&hll, at, end) : decode_hashes(&hll, at, end);
    if (rc != SRT_OK) {
        hyperloglog_destroy(hll);
        return srt_fail(err, rc, "%s a sketch", rc == SRT_ENOMEM ? "no memory for" : "not");
    }
    *ret = hll;
    return SRT_OK;
}
