#include "limit_output.h"

#include <fcntl.h>
#include <isa-l/crc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 20, SLACK_BYTES = 64 * 1024 };

static unsigned char buffer[BUFFER_BYTES + SLACK_BYTES];
static size_t used;
static int fd = -1;
static volatile unsigned checksum; /* so that it is not optimized away */

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void flush(void)
{
    checksum = crc32_iscsi(buffer, (int)used, 0);
    for (size_t done = 0; done < used;) {
        ssize_t n = write(fd, buffer + done, used - done);
        if (n < 0) {
            die("write");
        }
        done += (size_t)n;
    }
    used = 0;
}

void limit_output_open(const char *path)
{
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    if (fd < 0) {
        die(path);
    }
}

void limit_output_close(void)
{
    flush();
    if (close(fd) != 0) {
        die("close");
    }
}

char *limit_output_room(size_t size)
{
    if (used + size > BUFFER_BYTES) {
        flush();
    }
    if (size > sizeof buffer) {
        fputs("bench_limit: a record does not fit into the buffer\n", stderr);
        exit(1);
    }
    return (char *)buffer + used;
}

void limit_output_took(size_t size)
{
    used += size;
}

void limit_output_put(const char *data, size_t size)
{
    memcpy(limit_output_room(size), data, size);
    used += size;
}

size_t limit_output_integer(char *to, int64_t number)
{
    char digits[24];
    size_t count = 0;
    uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
    do {
        digits[count++] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    size_t len = 0;
    if (number < 0) {
        to[len++] = '-';
    }
    while (count > 0) {
        to[len++] = digits[--count];
    }
    return len;
}

/* Few decimals give the number back in most cases: a division of two exact doubles is rounded as
 * reading the text is. */
size_t limit_output_number(char *to, double number)
{
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    double positive = fabs(number);
    for (int decimals = 0; positive < 1e9 && decimals < 7; decimals++) {
        double scaled = nearbyint(positive * powers[decimals]);
        if (scaled / powers[decimals] != positive) {
            continue;
        }
        char digits[24];
        size_t count = limit_output_integer(digits, (int64_t)scaled);
        size_t len = 0;
        if (signbit(number)) {
            to[len++] = '-';
        }
        size_t places = (size_t)decimals;
        size_t whole = count > places ? count - places : 0;
        to[len] = '0';
        memcpy(to + len, digits, whole);
        len += whole > 0 ? whole : 1;
        if (places > 0) {
            to[len++] = '.';
            memset(to + len, '0', places);
            memcpy(to + len + places - (count - whole), digits + whole, count - whole);
            len += places;
        }
        return len;
    }
    return (size_t)snprintf(to, 32, "%.17g", number);
}
