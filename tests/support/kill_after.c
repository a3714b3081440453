/* kill_after MICROSECONDS COMMAND [ARG...]: run a command, SIGKILL it after so long.
 *
 * Exit status: 0 it was killed; 10 it had ended before with status 0; 11 with another status
 * (which is printed); 12 it ended by a signal of its own (a fault point's kill); 1 it could not
 * be started. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: kill_after MICROSECONDS COMMAND [ARG...]\n");
        return 1;
    }
    long micros = strtol(argv[1], NULL, 10);
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, NULL);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        return 1;
    }
    if (child == 0) {
        sigprocmask(SIG_UNBLOCK, &chld, NULL);
        execv(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    struct timespec wait_for = {micros / 1000000, (micros % 1000000) * 1000};
    while (sigtimedwait(&chld, NULL, &wait_for) < 0 && errno == EINTR) {
    }
    int status;
    pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == 0) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        if (WIFSIGNALED(status)) {
            return 0;
        }
    }
    if (WIFSIGNALED(status)) {
        return 12;
    }
    if (WEXITSTATUS(status) != 0) {
        printf("%d\n", WEXITSTATUS(status));
        return 11;
    }
    return 10;
}
