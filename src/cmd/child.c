/* Running ourselves as a child. Between fork and exec only async-signal-safe calls are made: the parent has threads. */
#include "cmd/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stop.h"

#define LINE_MAX_BYTES (1u << 20)
#define ARGS_MAX       32
#define NICE           10

/* In the child: never returns. */
static _Noreturn void become(char *const *argv, int out, pid_t parent)
{
    struct sched_param none = {0};
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(1); /* it died before the line above */
    setpriority(PRIO_PROCESS, 0, NICE);
    sched_setscheduler(0, SCHED_BATCH, &none);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_IGN); /* the parent passes a stop on */
    if (dup2(out, STDOUT_FILENO) < 0) _exit(127);
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0) dup2(null, STDIN_FILENO);
    close_range(3, ~0u, 0);
    execv("/proc/self/exe", argv);
    _exit(127);
}

static mn_rc start(const char *const *args, pid_t *ret_pid, int *ret_fd, mn_err *e)
{
    union {
        const char *in[ARGS_MAX + 2];
        char *out[ARGS_MAX + 2];
    } argv = {.in = {"mynah"}}; /* execv's parameter lacks a const */
    int n = 1, pipes[2];
    for (; args[n - 1]; n++) {
        MN_ASSERT(n <= ARGS_MAX);
        argv.in[n] = args[n - 1];
    }
    argv.in[n] = NULL;
    if (pipe2(pipes, O_CLOEXEC) != 0) return mn_fail_errno(e, MN_E_IO, "cannot make a pipe");
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) {
        mn_fail_errno(e, MN_E_IO, "cannot start 'mynah %s'", args[0]);
        close(pipes[0]);
        close(pipes[1]);
        return MN_E_IO;
    }
    if (pid == 0) become(argv.out, pipes[1], parent);
    close(pipes[1]);
    *ret_pid = pid;
    *ret_fd = pipes[0];
    return MN_OK;
}

typedef struct reader {
    mn_buf line;
    bool skipping; /* the line grew too long */
    mn_child_line on_line;
    void (*on_tick)(void *arg);
    void *arg;
    int64_t tick_us;
} reader;

static void take(reader *r, const char *p, size_t n)
{
    while (n > 0) {
        const char *nl = memchr(p, '\n', n);
        size_t k = nl ? (size_t)(nl - p) : n;
        if (mn_buf_add(&r->line, p, k) != MN_OK) r->skipping = true;
        if (!nl) return;
        if (!r->skipping && r->line.len > 0) r->on_line(r->arg, mn_buf_str(&r->line));
        mn_buf_clear(&r->line);
        r->skipping = false;
        p += k + 1;
        n -= k + 1;
    }
}

typedef struct stopping {
    pid_t pid;
    int patience_ms;
    int64_t until_us; /* 0: no stop was asked for yet */
    bool killed;
} stopping;

/* Passes a stop on, and loses patience in the end. */
static void pass_stop(stopping *s)
{
    if (!s->until_us && mn_stop_requested()) {
        kill(s->pid, SIGTERM);
        s->until_us = mn_mono_us() + (int64_t)s->patience_ms * 1000;
    }
    if (s->until_us && mn_mono_us() >= s->until_us && !s->killed) {
        kill(s->pid, SIGKILL);
        s->killed = true;
    }
}

static void tick(reader *r)
{
    if (!r->on_tick || mn_mono_us() - r->tick_us < 1000000) return;
    r->tick_us = mn_mono_us();
    r->on_tick(r->arg);
}

/* Reads until the pipe ends. */
static void listen_to(reader *r, int fd, stopping *s)
{
    char chunk[8192];
    for (;;) {
        struct pollfd p[2] = {{fd, POLLIN, 0}, {s->until_us ? -1 : mn_stop_fd(), POLLIN, 0}};
        int64_t left = s->until_us ? (s->until_us - mn_mono_us()) / 1000 : 1000;
        if (poll(p, 2, left > 0 ? (int)(left < 1000 ? left : 1000) : 0) < 0 && errno != EINTR)
            return;
        pass_stop(s);
        tick(r);
        if (!(p[0].revents & (POLLIN | POLLHUP))) continue;
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n == 0 || (n < 0 && errno != EINTR)) return;
        if (n > 0) take(r, chunk, (size_t)n);
    }
}

/* A child that has closed its end of the pipe may still take its time: a stop reaches it here, too. */
static mn_rc await_end(stopping *s, int *ret_status)
{
    for (;;) {
        pid_t got = waitpid(s->pid, ret_status, WNOHANG);
        if (got == s->pid) return MN_OK;
        if (got < 0 && errno != EINTR) return MN_E_IO;
        pass_stop(s);
        poll(NULL, 0, 10);
    }
}

mn_rc mn_child_run(const char *const *args, int stop_ms, mn_child_line on_line,
                   void (*on_tick)(void *arg), void *arg, mn_child_end *ret, mn_err *e)
{
    pid_t pid = -1;
    int fd = -1, status = 0;
    reader r = {.on_line = on_line, .on_tick = on_tick, .arg = arg, .tick_us = mn_mono_us()};
    mn_child_end end = {0};
    MN_TRY(start(args, &pid, &fd, e));
    mn_buf_init(&r.line, LINE_MAX_BYTES);
    stopping s = {.pid = pid, .patience_ms = stop_ms};
    listen_to(&r, fd, &s);
    close(fd);
    mn_buf_release(&r.line);
    if (await_end(&s, &status) != MN_OK)
        return mn_fail_errno(e, MN_E_IO, "cannot wait for 'mynah %s'", args[0]);
    end.killed = s.killed;
    end.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    *ret = end;
    return MN_OK;
}
