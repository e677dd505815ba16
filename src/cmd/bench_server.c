/* The server child of benches of the network. */
#include "cmd/bench_server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

#define REST_US    INT64_C(1000000)
#define REST_CPU_S 0.03
#define REST_WAIT  300

static _Noreturn void become_server(const mn_bench_server *s, pid_t parent)
{
    char data[80], log[80];
    snprintf(data, sizeof data, "%s/data", s->dir);
    snprintf(log, sizeof log, "%s/log", s->dir);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (getppid() != parent || fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0) _exit(127);
    close_range(3, ~0u, 0);
    execl("/proc/self/exe", "mynah", "serve", "--data", data, "--listen", "127.0.0.1:0",
          "--no-train", "--no-sample", (char *)NULL);
    _exit(127);
}

static void sleep_ms(int ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

/* The port stands in the greeting. */
static int port_in_log(const mn_bench_server *s, mn_buf *log)
{
    char path[80];
    snprintf(path, sizeof path, "%s/log", s->dir);
    mn_buf_clear(log);
    if (mn_fs_read(path, 1 << 20, log, NULL) != MN_OK || !log->len) return 0;
    const char *at = strstr(log->ptr, "http://127.0.0.1:");
    return at ? atoi(at + strlen("http://127.0.0.1:")) : 0;
}

static mn_rc wait_for_port(mn_bench_server *s, mn_buf *log, mn_err *e)
{
    int status = 0;
    for (int i = 0; i < 1000; i++) {
        sleep_ms(10);
        s->port = port_in_log(s, log);
        if (s->port) return MN_OK;
        if (waitpid(s->pid, &status, WNOHANG) != s->pid) continue;
        s->pid = 0;
        return mn_fail(e, MN_E_IO, "the server ended: %.200s", log->len ? log->ptr : "no word");
    }
    return mn_fail(e, MN_E_IO, "the server did not start within 10 s");
}

mn_rc mn_bench_server_start(mn_bench_server *s, mn_err *e)
{
    mn_buf log;
    pid_t parent = getpid();
    fflush(stdout);
    s->pid = fork();
    if (s->pid < 0) return mn_fail_errno(e, MN_E_IO, "cannot start a server");
    if (s->pid == 0) become_server(s, parent);
    mn_buf_init(&log, 0);
    mn_rc rc = wait_for_port(s, &log, e);
    mn_buf_release(&log);
    return rc;
}

void mn_bench_server_stop(mn_bench_server *s, int signal)
{
    int status;
    if (s->pid > 0) {
        kill(s->pid, signal);
        while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR) continue;
    }
    s->pid = 0;
}

double mn_bench_server_cpu(const mn_bench_server *s)
{
    clockid_t clock;
    struct timespec t = {0};
    if (clock_getcpuclockid(s->pid, &clock) == 0) clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

mn_rc mn_bench_server_rest(const mn_bench_server *s, mn_err *e)
{
    for (int i = 0; i < REST_WAIT; i++) {
        double from = mn_bench_server_cpu(s);
        sleep_ms((int)(REST_US / 1000));
        if (mn_bench_server_cpu(s) - from < REST_CPU_S) return MN_OK;
    }
    return mn_fail(e, MN_E_BUSY, "the server is still at work after %d s", REST_WAIT);
}
