/* The process: what holds for every command, and then the table of commands. */
#include "app/app_commands.h"
#include "base/fault.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "io/thread.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* A pipe whose reader has gone is an error of the write (EPIPE), not a reason to die. */
static void ignore_broken_pipes(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_IGN;
    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL); /* cannot fail for a valid signal */
}

int main(int argc, char **argv)
{
    const char *faults = getenv("STREAMRT_FAULT");
    ignore_broken_pipes();
    io_role_set(IO_ROLE_MAIN);
    if (faults && faults[0] != '\0' && !srt_fault_arm_from_text(faults)) {
        output_note("error: STREAMRT_FAULT '%s': expected POINT:HIT:kill or POINT:HIT:ERRNO",
                    faults);
        return EXIT_USAGE;
    }
    return command_main(argc, argv, app_commands);
}
