/* The thread pool and the bounded queue: see thread.h.
 *
 * A run is published by fields (fn, arg, n_parts, next) and then `open`. A worker first counts itself into `inside`,
 * then looks at `open`: as the caller clears `open` before it waits for `inside` to fall to 0, no worker can still be
 * reading the fields when the next run is set up, and nobody waits for a worker that never woke. Parts are handed out
 * by one counter. `run` is the futex word idle workers sleep on, `inside` the one the caller sleeps on.
 *
 * Spinning is bounded by SPIN_US and left out when there are more threads than processors. */
#include "base/thread.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { SPIN_US = 20, THREADS_MAX = 1024 };

static void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int n)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

static void relax(void)
{
#ifdef __x86_64__
    __builtin_ia32_pause();
#endif
}

/* Waits for *word to differ from value for a short while; true when it does. */
static bool spin(_Atomic uint32_t *word, uint32_t value, bool allowed)
{
    if (atomic_load_explicit(word, memory_order_acquire) != value) return true;
    if (!allowed) return false;
    for (int64_t until = mn_mono_us() + SPIN_US; mn_mono_us() < until;)
        for (int i = 0; i < 32; i++) {
            relax();
            if (atomic_load_explicit(word, memory_order_acquire) != value) return true;
        }
    return false;
}

/* ---- processors ---------------------------------------------------------------------------------------------- */

/* The limit that a container's control group sets in whole processors, or INT_MAX. */
static int quota_cpus(void)
{
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!f) return INT_MAX;
    long quota, period;
    int n = fscanf(f, "%ld %ld", &quota, &period); /* "max 100000" when there is none */
    fclose(f);
    if (n != 2 || quota <= 0 || period <= 0) return INT_MAX;
    long cpus = (quota + period - 1) / period;
    return cpus < INT_MAX ? (int)cpus : INT_MAX;
}

int mn_cpu_count(void)
{
    static _Atomic int known;
    int n = atomic_load(&known);
    if (n) return n;
    cpu_set_t set;
    n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                    : (int)sysconf(_SC_NPROCESSORS_ONLN);
    int quota = quota_cpus();
    if (n > quota) n = quota;
    if (n < 1) n = 1;
    atomic_store(&known, n);
    return n;
}

/* ---- pool ---------------------------------------------------------------------------------------------------- */

typedef struct worker {
    mn_pool *pool;
    pthread_t id;
    int index;
} worker;

struct mn_pool {
    int n_threads, n_started;
    bool may_spin;
    void (*fn)(void *arg, size_t part, int thread);
    void *arg;
    size_t n_parts;
    _Alignas(64) _Atomic size_t next;
    _Alignas(64) _Atomic uint32_t run; /* changes with each run, and at the end */
    _Atomic uint32_t sleepers;
    _Atomic bool open, stop;
    _Alignas(64) _Atomic uint32_t inside;
    _Atomic bool caller_waits;
    worker workers[];
};

/* The innermost run this thread works in; nested calls look here. */
static _Thread_local struct {
    mn_pool *pool;
    int thread;
} current;

static void work(mn_pool *p, int thread)
{
    current.pool = p;
    current.thread = thread;
    for (;;) {
        size_t part = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
        if (part >= p->n_parts) break;
        p->fn(p->arg, part, thread);
    }
    current.pool = NULL;
}

/* Takes part in the run that is on, if any. */
static void join_run(mn_pool *p, int thread)
{
    atomic_fetch_add(&p->inside, 1);
    if (atomic_load(&p->open)) work(p, thread);
    if (atomic_fetch_sub(&p->inside, 1) == 1 && atomic_load(&p->caller_waits))
        futex_wake(&p->inside, 1);
}

static void *worker_main(void *arg)
{
    worker *w = arg;
    mn_pool *p = w->pool;
    uint32_t seen = 0;
    while (!atomic_load(&p->stop)) {
        if (!spin(&p->run, seen, p->may_spin)) {
            atomic_fetch_add(&p->sleepers, 1);
            futex_wait(&p->run, seen);
            atomic_fetch_sub(&p->sleepers, 1);
        }
        uint32_t now = atomic_load(&p->run);
        if (now == seen) continue;
        seen = now;
        join_run(p, w->index);
    }
    return NULL;
}

static mn_rc start(mn_pool *p, mn_err *e)
{
    for (int i = 1; i < p->n_threads; i++) {
        worker *w = &p->workers[i - 1];
        w->pool = p;
        w->index = i;
        errno = pthread_create(&w->id, NULL, worker_main, w);
        if (errno) return mn_fail_errno(e, MN_E_IO, "cannot start thread %d", i + 1);
        p->n_started++;
    }
    return MN_OK;
}

mn_rc mn_pool_new(int n_threads, mn_pool **ret, mn_err *e)
{
    if (n_threads == 0) n_threads = mn_cpu_count();
    if (n_threads < 0 || n_threads > THREADS_MAX)
        return mn_fail(e, MN_E_LIMIT, "%d threads: expected 1 to %d", n_threads, THREADS_MAX);
    mn_pool *p = mn_alloc_aligned(64, sizeof *p + (size_t)n_threads * sizeof(worker));
    if (!p) return mn_fail(e, MN_E_NOMEM, "out of memory for a thread pool");
    p->n_threads = n_threads;
    p->may_spin = n_threads <= mn_cpu_count();
    mn_rc rc = start(p, e);
    if (rc != MN_OK) mn_pool_free(p);
    else *ret = p;
    return rc;
}

void mn_pool_free(mn_pool *p)
{
    if (!p) return;
    atomic_store(&p->stop, true);
    atomic_fetch_add(&p->run, 1);
    futex_wake(&p->run, INT_MAX);
    for (int i = 0; i < p->n_started; i++) pthread_join(p->workers[i].id, NULL);
    mn_free(p);
}

int mn_pool_threads(const mn_pool *p)
{
    return p ? p->n_threads : 1;
}

/* Runs the parts in order on this thread. Inside a part of the same pool the scratch space stays the thread's own. */
static void run_here(mn_pool *p, size_t n_parts, void (*fn)(void *, size_t, int), void *arg)
{
    int thread = p && current.pool == p ? current.thread : 0;
    for (size_t part = 0; part < n_parts; part++) fn(arg, part, thread);
}

static void wait_for_workers(mn_pool *p)
{
    atomic_store(&p->caller_waits, true);
    for (uint32_t n; (n = atomic_load(&p->inside)) != 0;)
        if (!spin(&p->inside, n, p->may_spin)) futex_wait(&p->inside, n);
    atomic_store(&p->caller_waits, false);
}

void mn_pool_run(mn_pool *p, size_t n_parts, void (*fn)(void *arg, size_t part, int thread),
                 void *arg)
{
    if (!p || p->n_threads == 1 || n_parts <= 1 || current.pool) {
        run_here(p, n_parts, fn, arg);
        return;
    }
    p->fn = fn;
    p->arg = arg;
    p->n_parts = n_parts;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    atomic_store(&p->open, true);
    atomic_fetch_add(&p->run, 1);
    if (atomic_load(&p->sleepers)) {
        size_t useful = n_parts - 1;
        futex_wake(&p->run, useful < INT_MAX ? (int)useful : INT_MAX);
    }
    work(p, 0);
    atomic_store(&p->open, false);
    wait_for_workers(p);
}

/* ---- queue --------------------------------------------------------------------------------------------------- */

struct mn_queue {
    pthread_mutex_t mutex;
    pthread_cond_t not_full, not_empty;
    size_t cap, n, first;
    bool closed;
    void *items[];
};

mn_rc mn_queue_new(size_t capacity, mn_queue **ret, mn_err *e)
{
    size_t size;
    if (capacity == 0) capacity = 1;
    if (__builtin_mul_overflow(capacity, sizeof(void *), &size) ||
        __builtin_add_overflow(size, sizeof(mn_queue), &size))
        return mn_fail(e, MN_E_LIMIT, "a queue of %zu is too long", capacity);
    mn_queue *q = mn_alloc(size);
    if (!q) return mn_fail(e, MN_E_NOMEM, "out of memory for a queue");
    *q = (mn_queue){.cap = capacity};
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->not_full, NULL);
    pthread_cond_init(&q->not_empty, NULL);
    *ret = q;
    return MN_OK;
}

void mn_queue_free(mn_queue *q)
{
    if (!q) return;
    pthread_cond_destroy(&q->not_empty);
    pthread_cond_destroy(&q->not_full);
    pthread_mutex_destroy(&q->mutex);
    mn_free(q);
}

bool mn_queue_push(mn_queue *q, void *item)
{
    MN_ASSERT(item); /* NULL is how pop says "closed" */
    pthread_mutex_lock(&q->mutex);
    while (q->n == q->cap && !q->closed) pthread_cond_wait(&q->not_full, &q->mutex);
    bool taken = !q->closed;
    if (taken) {
        q->items[(q->first + q->n++) % q->cap] = item;
        pthread_cond_signal(&q->not_empty);
    }
    pthread_mutex_unlock(&q->mutex);
    return taken;
}

void *mn_queue_pop(mn_queue *q)
{
    void *item = NULL;
    pthread_mutex_lock(&q->mutex);
    while (q->n == 0 && !q->closed) pthread_cond_wait(&q->not_empty, &q->mutex);
    if (q->n) {
        item = q->items[q->first];
        q->first = (q->first + 1) % q->cap;
        q->n--;
        pthread_cond_signal(&q->not_full);
    }
    pthread_mutex_unlock(&q->mutex);
    return item;
}

void mn_queue_close(mn_queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->closed = true;
    pthread_cond_broadcast(&q->not_full);
    pthread_cond_broadcast(&q->not_empty);
    pthread_mutex_unlock(&q->mutex);
}
