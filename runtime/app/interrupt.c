#include "app/interrupt.h"

#include "cli/exit_code.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static struct io_wake *volatile first_wake;
static const struct ready_file *volatile ready_now;
static volatile sig_atomic_t ending;

static void on_interrupt(int signal_number)
{
    int saved = errno;
    (void)signal_number;
    if (ending) {
        ready_file_remove_now(ready_now);
        _exit(EXIT_INTERRUPTED);
    }
    ending = 1;
    io_wake_send(first_wake);
    errno = saved;
}

static void set_handler(void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL); /* cannot fail for a valid signal */
}

void interrupt_install(struct io_wake *wake, const struct ready_file *ready)
{
    first_wake = wake;
    ready_now = ready;
    ending = 0;
    set_handler(on_interrupt);
}

void interrupt_uninstall(void)
{
    set_handler(SIG_DFL);
}

void interrupt_expect(void)
{
    ending = 1;
}
