/* bench_generate KIND COUNT [SEED] - the input of benchmarks, on standard output, a record a line.
 *
 *     order    JSON of about 205 bytes, 11 flat fields; half of them are paid
 *     access   lines of a web server's log in the combined format, about 220 bytes
 *
 * The same arguments give the same bytes everywhere. */
#include "base/rng.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { OUTPUT_BYTES = 1 << 20 };

#define PICK(number, list) (list)[(number) % (sizeof(list) / sizeof(list)[0])]

enum { DRAWS = 10 };

/* All at once, because C does not say in which order the arguments of a call are evaluated. */
static void draw(struct srt_rng *rng, uint64_t ret[DRAWS])
{
    for (int i = 0; i < DRAWS; i++) {
        ret[i] = srt_rng_next(rng);
    }
}

static void put_order(struct srt_rng *rng, uint64_t number)
{
    static const char *const regions[] = {"eu-west", "eu-north", "us-east", "us-west", "ap-south"};
    static const char *const states[] = {"paid", "paid", "pending", "refunded"};
    static const char *const channels[] = {"web", "ios", "android", "partner"};
    static uint64_t now_ms = 1714552839000;
    uint64_t r[DRAWS];
    draw(rng, r);
    now_ms += r[0] % 3;
    printf("{\"order_id\":\"o-%010" PRIu64 "\",\"ts\":%" PRIu64 ",\"user_id\":%" PRIu64, number,
           now_ms, r[1] % 10000);
    printf(",\"region\":\"%s\",\"status\":\"%s\"", PICK(r[2], regions), PICK(r[3], states));
    printf(",\"sku\":\"SKU-%06" PRIu64 "\",\"qty\":%" PRIu64, r[4] % 1000000, 1 + r[5] % 9);
    printf(",\"price\":%" PRIu64 ".%02" PRIu64 ",\"currency\":\"EUR\"", 5 + r[6] % 300, r[7] % 100);
    printf(",\"channel\":\"%s\",\"session\":\"%016" PRIx64 "\"}\n", PICK(r[8], channels), r[9]);
}

static void put_access(struct srt_rng *rng, uint64_t number)
{
    static const char *const methods[] = {"GET", "GET", "GET", "POST"};
    static const char *const agents[] = {
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)",
        "curl/8.5.0",
    };
    static const int states[] = {200, 200, 200, 200, 304, 404, 500};
    static time_t now_s = 1714552839;
    uint64_t r[DRAWS];
    draw(rng, r);
    now_s += (time_t)(number % 4 == 0);
    struct tm when;
    char text[64];
    strftime(text, sizeof text, "%d/%b/%Y:%H:%M:%S +0000", gmtime_r(&now_s, &when));
    printf("%" PRIu64 ".%" PRIu64 ".%" PRIu64 ".%" PRIu64 " - - [%s]", 1 + r[0] % 222,
           r[0] >> 8 & 255, r[0] >> 16 & 255, r[0] >> 24 & 255, text);
    printf(" \"%s /catalog/%" PRIu64 "/product/%" PRIu64 "?page=%" PRIu64 " HTTP/1.1\"",
           PICK(r[1], methods), r[2] % 500, r[3] % 100000, r[4] % 20);
    printf(" %d %" PRIu64 " \"https://shop.example.com/search?q=%" PRIx64 "\" \"%s\"\n",
           PICK(r[5], states), r[6] % 60000, r[7] & 0xfffff, PICK(r[8], agents));
}

int main(int argc, char **argv)
{
    void (*put)(struct srt_rng * rng, uint64_t number) = NULL;
    if (argc >= 3) {
        put = strcmp(argv[1], "order") == 0 ? put_order : put;
        put = strcmp(argv[1], "access") == 0 ? put_access : put;
    }
    if (!put) {
        fputs("usage: bench_generate order|access COUNT [SEED]\n", stderr);
        return 2;
    }
    static char buffer[OUTPUT_BYTES];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    uint64_t count = strtoull(argv[2], NULL, 10);
    struct srt_rng rng;
    srt_rng_init(&rng, argc > 3 ? strtoull(argv[3], NULL, 10) : 1);
    for (uint64_t i = 0; i < count; i++) {
        put(&rng, i);
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
