/* Stopping: see stop.h. The handler sets a flag and writes to an eventfd, which stays readable because nobody reads it.
 * SA_RESETHAND would lose the flag's second meaning for the other signal, so the handler counts by itself. */
#include "base/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"

static _Atomic int requested, stop_fd = -1;
static _Atomic int64_t first_ms; /* of the first signal; 0 when the wish came from within */

bool mn_stop_requested(void)
{
    return atomic_load_explicit(&requested, memory_order_relaxed) != 0;
}

void mn_stop_request(void)
{
    atomic_store(&requested, 1);
    int fd = atomic_load(&stop_fd), saved = errno;
    uint64_t one = 1;
    if (fd >= 0 && write(fd, &one, sizeof one) < 0) {
    } /* full means readable: as good */
    errno = saved;
}

static int64_t mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t); /* async-signal-safe */
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The same wish often comes twice at once, from a terminal and a supervisor, or once for each thread of a parent that dies:
 * only a signal that comes later is impatience. */
static void on_signal(int number)
{
    if (!mn_stop_requested()) atomic_store(&first_ms, mono_ms());
    else if (mono_ms() - atomic_load(&first_ms) >= MN_STOP_SAME_MS) _exit(128 + number);
    mn_stop_request();
}

void mn_stop_setup(void)
{
    if (atomic_load(&stop_fd) >= 0) return;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    MN_ASSERT(fd >= 0);
    atomic_store(&stop_fd, fd);
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&a.sa_mask);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    struct sigaction hup;
    if (sigaction(SIGHUP, NULL, &hup) == 0 && hup.sa_handler != SIG_IGN) /* nohup(1) means it */
        sigaction(SIGHUP, &a, NULL);
    a.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &a, NULL);
}

int mn_stop_fd(void)
{
    return atomic_load(&stop_fd);
}
