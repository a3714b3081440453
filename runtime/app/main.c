/* The process: what holds for every command, and then the table of commands. */
#include "app/app_commands.h"
#include "base/fault.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "io/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A pipe whose reader has gone is an error of the write (EPIPE), not a reason to die. */
static void ignore_broken_pipes(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_IGN;
    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL); /* cannot fail for a valid signal */
}

/* The number of a standard stream that is closed would go to the next file that is opened, and
 * lines for standard output into the journal. Input and errors get /dev/null. Output gets a
 * directory, which cannot be written, so that its lines are not lost without a word. */
static bool occupy_closed_streams(void)
{
    static const struct {
        const char *path;
        int flags;
    } instead[] = {{"/dev/null", O_RDONLY}, {"/", O_RDONLY | O_DIRECTORY}, {"/dev/null", O_WRONLY}};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        bool closed = fcntl(fd, F_GETFD) < 0 && errno == EBADF;
        if (closed && open(instead[fd].path, instead[fd].flags) != fd) {
            return false;
        }
    }
    return true;
}

/* A segment that is not synced yet keeps its file open. Nothing here uses select(), which is why
 * the soft limit of many systems is as low as 1,024. */
static void allow_many_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* else what there is must do */
    }
}

/* Buffers of an epoch grow to megabytes and are freed on another thread. As mappings of their own
 * they grow without being copied, and their memory goes back to the system at once. By itself glibc
 * stops mapping them after the first was freed, and its heaps keep what they had at the worst
 * moment. */
static void map_large_buffers(void)
{
    enum { MAPPED_FROM_BYTES = 256 * 1024 };
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM_BYTES); /* without it all works, only larger */
}

int main(int argc, char **argv)
{
    const char *faults = getenv("STREAMRT_FAULT");
    if (!occupy_closed_streams()) {
        return EXIT_FAILED; /* there may be no stream to say it on */
    }
    ignore_broken_pipes();
    allow_many_files();
    map_large_buffers();
    io_role_set(IO_ROLE_MAIN);
    if (faults && faults[0] != '\0' && !srt_fault_arm_from_text(faults)) {
        output_note("error: STREAMRT_FAULT '%s': expected POINT:HIT:kill or POINT:HIT:ERRNO",
                    faults);
        return EXIT_USAGE;
    }
    return command_main(argc, argv, app_commands);
}
