/* json_shortest.h - the shortest decimal of a double; for json_number.c only.
 *
 * Owner:   none; pure.
 * Thread:  any.
 * Memory:  none.
 * Fails:   never. */
#ifndef SRT_RECORD_JSON_SHORTEST_H
#define SRT_RECORD_JSON_SHORTEST_H

#include <stdint.h>

/* digits * 10^exponent; the last digit is not 0. */
struct json_decimal {
    uint64_t digits;
    int exponent;
};

/* Of the decimals that read back as `value` (positive and finite), those with the fewest digits; of
 * these the nearest. */
struct json_decimal json_shortest(double value);

#endif
