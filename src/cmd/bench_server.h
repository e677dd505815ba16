/* A server of this very program as a child, and a client that loads it: for benches of the network.
 *
 * The client is one thread around epoll: n connections that stay open, one request at a time on each, so that at most n are
 * under way. It is bounded in requests and in time. */
#ifndef MN_CMD_BENCH_SERVER_H
#define MN_CMD_BENCH_SERVER_H

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* ---- the server ------------------------------------------------------------------------------------------------ */

typedef struct mn_bench_server {
    char dir[64]; /* data/, log; made by mn_bench_tmp */
    pid_t pid;    /* 0: none runs */
    int port;
} mn_bench_server;

/* `mynah serve` over DIR/data on a free port of loopback, without sample and training; returns when it listens. Ends with this
 * process, should that die. */
mn_rc mn_bench_server_start(mn_bench_server *s, mn_err *e);
/* Sends the signal and waits for the end; nothing when none runs. */
void mn_bench_server_stop(mn_bench_server *s, int signal);
double mn_bench_server_cpu(const mn_bench_server *s); /* seconds of the whole process */
/* Waits until it has nothing to do (an index being built, a log being merged): 3% of a processor for a second, at most
 * 5 minutes. */
mn_rc mn_bench_server_rest(const mn_bench_server *s, mn_err *e);

/* ---- the load -------------------------------------------------------------------------------------------------- */

typedef struct mn_bench_load {
    int port, connections; /* 1 to 1,000 */
    uint64_t
        requests; /* answered in all, unless most_s is over before; the first `warm` are not counted */
    uint64_t warm;
    double most_s;
    /* Appends the i-th request, whole. */
    void (*ask)(void *arg, uint64_t i, mn_buf *ret);
    /* Sees each body that came with status 200; NULL is fine. */
    void (*answered)(void *arg, mn_str body);
    void *arg;
    const mn_bench_server *server; /* whose CPU is counted; NULL: nobody's */
    int kill_after;                /* kill -9 the server after that many answers; 0: never */
} mn_bench_load;

typedef struct mn_bench_loaded {
    uint64_t n, bytes;     /* answers counted, bytes of the last body */
    double wall_s, cpu_us; /* CPU of the server for each */
    double p50_us, p99_us, worst_us;
} mn_bench_loaded;

/* An answer other than 200 fails with its first line; the end of the server that kill_after asked for does not. */
mn_rc mn_bench_load_run(const mn_bench_load *l, mn_bench_loaded *ret, mn_err *e);

/* A connection to the port; the caller closes it. */
mn_rc mn_bench_dial(int port, int *ret, mn_err *e);
mn_rc mn_bench_send(int fd, const char *p, size_t n, mn_err *e);
/* Opens a WebSocket on it: path with query; `client` tells the trusted proxy's clients apart. */
mn_rc mn_bench_ws_open(int fd, const char *path, const char *token, unsigned client, mn_err *e);
/* The next frame's payload, kept in *ret (cleared before). MN_E_BUSY when none came within wait_ms. */
mn_rc mn_bench_ws_next(int fd, int wait_ms, mn_buf *ret, mn_err *e);

/* Of n times, sorted in place. */
double mn_bench_percentile(double *v, size_t n, double p);

#endif
