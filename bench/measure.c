/* bench_measure [--until PREFIX [--kill]] -- COMMAND [ARGUMENT...] - run a command and print, as
 * JSON, what it took:
 *
 *     {"exit":0,"cpu_s":0.812,"wall_s":0.655,"max_rss_kib":48120,"until_s":null,"last":"summary
 * {...}"}
 *
 * cpu_s is that of all its threads, user and system; `last` the last line of its standard error;
 * its standard output is thrown away. With --until, until_s is the time from the start to the first
 * line of its standard error that begins with PREFIX; it is sent SIGTERM then, with --kill SIGKILL.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct options {
    const char *until;
    int signal;
    char **command;
};

struct outcome {
    int exit_code;
    double wall_s;
    double until_s; /* < 0: not seen */
    struct rusage usage;
    char last[4096];
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static int parse(int argc, char **argv, struct options *ret)
{
    *ret = (struct options){.signal = SIGTERM};
    int i = 1;
    for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--until") == 0 && i + 1 < argc) {
            ret->until = argv[++i];
        } else if (strcmp(argv[i], "--kill") == 0) {
            ret->signal = SIGKILL;
        } else {
            return -1;
        }
    }
    ret->command = argv + i + 1;
    return i + 1 < argc ? 0 : -1;
}

static void run_child(char **command, int errors)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing >= 0) {
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
    }
    dup2(errors, STDERR_FILENO);
    execvp(command[0], command);
    fprintf(stderr, "%s: %s\n", command[0], strerror(errno));
    _exit(127);
}

static int run(const struct options *options, struct outcome *ret)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    *ret = (struct outcome){.until_s = -1};
    double start = now_s();
    pid_t child = fork();
    if (child < 0) {
        return -1;
    }
    if (child == 0) {
        run_child(options->command, ends[1]);
    }
    close(ends[1]);
    FILE *errors = fdopen(ends[0], "r");
    while (errors && fgets(ret->last, sizeof ret->last, errors)) {
        ret->last[strcspn(ret->last, "\n")] = '\0';
        bool found =
            options->until && strncmp(ret->last, options->until, strlen(options->until)) == 0;
        if (found && ret->until_s < 0) {
            ret->until_s = now_s() - start;
            kill(child, options->signal);
        }
    }
    int status;
    if (wait4(child, &status, 0, &ret->usage) != child) {
        return -1;
    }
    ret->wall_s = now_s() - start;
    ret->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return 0;
}

static void put_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            putchar('\\');
        }
        putchar((unsigned char)*text < ' ' ? ' ' : *text);
    }
    putchar('"');
}

int main(int argc, char **argv)
{
    struct options options;
    struct outcome outcome;
    if (parse(argc, argv, &options) != 0) {
        fputs("usage: bench_measure [--until PREFIX [--kill]] -- COMMAND [ARGUMENT...]\n", stderr);
        return 2;
    }
    if (run(&options, &outcome) != 0) {
        perror("bench_measure");
        return 1;
    }
    double cpu_s = seconds(outcome.usage.ru_utime) + seconds(outcome.usage.ru_stime);
    printf("{\"exit\":%d,\"cpu_s\":%.6f,\"wall_s\":%.6f,\"max_rss_kib\":%ld,\"until_s\":",
           outcome.exit_code, cpu_s, outcome.wall_s, outcome.usage.ru_maxrss);
    if (outcome.until_s < 0) {
        printf("null");
    } else {
        printf("%.6f", outcome.until_s);
    }
    printf(",\"last\":");
    put_text(outcome.last);
    puts("}");
    return 0;
}
