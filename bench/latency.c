/* bench_latency RATE SECONDS WARM_UP_SECONDS -- COMMAND [ARGUMENT...] - how long a record takes
 * through a running streamrt, from outside. It writes lines to the command's standard input,
 *
 *     {"id":17,"status":"paid","qty":8,"price":1.25,"pad":"xxx..."}
 *
 * at a steady rate, and waits for each to show as the last word of a line on its standard error. It
 * prints, as JSON,
 *
 *     {"count":28800,"lost":0,"p50_ms":1.2,"p99_ms":3.4,"p99_9_ms":5.6,"max_ms":7.8,"late_ms":0.2}
 *
 * The loop is open: line n is due at start + n / RATE whatever has come back, and its time runs
 * from then, so that waiting behind a slow one counts. One in ten is not paid and does not come
 * back. What is sent in the warm-up is not counted. late_ms is how far behind its own schedule this
 * program was at worst: that much of a high percentile may be its own. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_BYTES = 200,
    PAID_OF = 10, /* one in so many is not paid */
    GRACE_S = 10, /* after the last was sent, for those on their way */
};
#define NS_PER_S INT64_C(1000000000)

struct load {
    int64_t rate;
    int64_t count;
    int64_t first; /* behind the warm-up */
    int64_t start_ns;
    int64_t sent;
    int64_t late_ns;
    int64_t pending;  /* paid, sent, and not come back */
    int64_t *took_ns; /* by id; 0: not come back */
    int to;
    int from;
    char buffer[1 << 16];
    size_t used;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_latency: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t due_ns(const struct load *load, int64_t id)
{
    return load->start_ns + id * NS_PER_S / load->rate;
}

static bool is_paid(int64_t id)
{
    return id % PAID_OF != 0;
}

static pid_t start(char **command, int *ret_to, int *ret_from)
{
    int in[2];
    int err[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
        die("pipe");
    }
    pid_t child = fork();
    if (child < 0) {
        die("fork");
    }
    if (child == 0) {
        int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(in[0], STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        execvp(command[0], command);
        _exit(127);
    }
    close(in[0]);
    close(err[1]);
    *ret_to = in[1];
    *ret_from = err[0];
    return child;
}

/* --- what comes back --- */

static void take_line(struct load *load, const char *line, int64_t when_ns)
{
    const char *last = strrchr(line, ' ');
    char *end;
    int64_t id = last ? strtoll(last + 1, &end, 10) : 0;
    if (!last || end == last + 1 || *end != '\0' || id <= 0 || id >= load->sent) {
        fprintf(stderr, "%s\n", line); /* anything else that it has to say */
        return;
    }
    if (load->took_ns[id] == 0) {
        load->took_ns[id] = when_ns - due_ns(load, id);
        load->pending--;
    }
}

/* False at the end of the stream. */
static bool take_lines(struct load *load)
{
    ssize_t n = read(load->from, load->buffer + load->used, sizeof load->buffer - 1 - load->used);
    int64_t when_ns = now_ns();
    if (n < 0 && errno != EINTR) {
        die("read");
    }
    load->used += n > 0 ? (size_t)n : 0;
    char *line = load->buffer;
    char *feed;
    while ((feed = memchr(line, '\n', load->used - (size_t)(line - load->buffer))) != NULL) {
        *feed = '\0';
        take_line(load, line, when_ns);
        line = feed + 1;
    }
    load->used -= (size_t)(line - load->buffer);
    memmove(load->buffer, line, load->used);
    return n != 0;
}

static void wait_until_ready(struct load *load)
{
    while (!memmem(load->buffer, load->used, "ready\n", 6)) {
        ssize_t n = read(load->from, load->buffer + load->used,
                         sizeof load->buffer - 1 - load->used);
        if (n <= 0) {
            fprintf(stderr, "%.*s", (int)load->used, load->buffer);
            fputs("bench_latency: it ended before it was ready\n", stderr);
            exit(1);
        }
        load->used += (size_t)n;
    }
    load->used = 0;
}

/* --- what is sent --- */

static void send_line(struct load *load, int64_t id)
{
    char line[LINE_BYTES + 128];
    int len = snprintf(line, sizeof line,
                       "{\"id\":%" PRId64 ",\"status\":\"%s\",\"qty\":%d,\"price\":1.25,\"pad\":\"",
                       id, is_paid(id) ? "paid" : "open", (int)(id % 9));
    while (len < LINE_BYTES) {
        line[len++] = 'x';
    }
    memcpy(line + len, "\"}\n", 3);
    len += 3;
    for (int done = 0; done < len;) {
        ssize_t n = write(load->to, line + done, (size_t)(len - done));
        if (n < 0 && errno != EINTR) {
            die("write");
        }
        done += n > 0 ? (int)n : 0;
    }
}

static void send_due(struct load *load)
{
    while (load->sent < load->count && due_ns(load, load->sent) <= now_ns()) {
        int64_t id = load->sent++;
        send_line(load, id);
        load->pending += is_paid(id);
        int64_t late_ns = now_ns() - due_ns(load, id);
        if (id >= load->first && late_ns > load->late_ns) {
            load->late_ns = late_ns;
        }
    }
}

static void run(struct load *load)
{
    load->start_ns = now_ns();
    int64_t end_ns = due_ns(load, load->count) + GRACE_S * NS_PER_S;
    while (load->sent < load->count || load->pending > 0) {
        send_due(load);
        int64_t next_ns = load->sent < load->count ? due_ns(load, load->sent) : end_ns;
        int64_t wait_ns = next_ns - now_ns();
        if (load->sent == load->count && wait_ns <= 0) {
            break; /* the others are lost */
        }
        wait_ns = wait_ns > 0 ? wait_ns : 0;
        struct timespec wait = {.tv_sec = wait_ns / NS_PER_S, .tv_nsec = wait_ns % NS_PER_S};
        struct pollfd fd = {.fd = load->from, .events = POLLIN};
        int ready = ppoll(&fd, 1, &wait, NULL);
        if (ready > 0 && !take_lines(load)) {
            break;
        }
    }
}

/* --- the outcome --- */

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The smallest that `share` of all do not exceed. */
static double percentile_ms(const int64_t *sorted, int64_t count, double share)
{
    int64_t rank = (int64_t)(share * (double)count);
    return count ? (double)sorted[rank < count ? rank : count - 1] * 1e-6 : 0;
}

static void print(const struct load *load)
{
    int64_t *sorted = calloc((size_t)load->count, sizeof *sorted);
    int64_t count = 0;
    int64_t lost = 0;
    for (int64_t id = load->first; sorted && id < load->sent; id++) {
        if (load->took_ns[id] != 0) {
            sorted[count++] = load->took_ns[id];
        } else {
            lost += is_paid(id);
        }
    }
    qsort(sorted, (size_t)count, sizeof *sorted, compare);
    printf("{\"count\":%" PRId64 ",\"lost\":%" PRId64, count, lost);
    printf(",\"p50_ms\":%.3f,\"p99_ms\":%.3f", percentile_ms(sorted, count, 0.5),
           percentile_ms(sorted, count, 0.99));
    printf(",\"p99_9_ms\":%.3f,\"max_ms\":%.3f", percentile_ms(sorted, count, 0.999),
           percentile_ms(sorted, count, 1));
    printf(",\"late_ms\":%.3f}\n", (double)load->late_ns * 1e-6);
    free(sorted);
}

int main(int argc, char **argv)
{
    if (argc < 6 || strcmp(argv[4], "--") != 0) {
        fputs("usage: bench_latency RATE SECONDS WARM_UP_SECONDS -- COMMAND [ARGUMENT...]\n",
              stderr);
        return 2;
    }
    static struct load load;
    load.rate = strtoll(argv[1], NULL, 10);
    int64_t warm_s = strtoll(argv[3], NULL, 10);
    load.first = load.rate * warm_s;
    load.count = load.rate * (warm_s + strtoll(argv[2], NULL, 10));
    load.took_ns = load.rate > 0 && load.count > 0
                       ? calloc((size_t)load.count, sizeof *load.took_ns)
                       : NULL;
    if (!load.took_ns) {
        fputs("bench_latency: nothing to send\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    pid_t child = start(argv + 5, &load.to, &load.from);
    wait_until_ready(&load);
    run(&load);
    kill(child, SIGTERM);
    close(load.to);
    while (take_lines(&load)) {
    }
    int status;
    waitpid(child, &status, 0);
    print(&load);
    free(load.took_ns);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}
