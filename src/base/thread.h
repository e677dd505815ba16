/* Threads: one pool for parallel loops. Work is split into parts by index, never stolen in an order that results
 * depend on, so a computation that writes by part gives the same bits whatever the thread count.
 *
 * mn_pool_run hands parts 0..n_parts-1 out dynamically; the caller's thread works too. Idle workers sleep (they spin
 * for some microseconds first, no longer). Nested calls run on the calling thread, with its own number in the same pool
 * and 0 in another. */
#ifndef MN_BASE_THREAD_H
#define MN_BASE_THREAD_H

#include <pthread.h>
#include <stddef.h>

#include "base/err.h"

typedef struct mn_pool mn_pool;

int mn_cpu_count(void); /* processors this process may use, ≥ 1 */
/* n_threads counts the caller: 1 starts none. 0 means mn_cpu_count(). */
mn_rc mn_pool_new(int n_threads, mn_pool **ret, mn_err *e);
void mn_pool_free(mn_pool *p);
int mn_pool_threads(const mn_pool *p); /* NULL counts as 1 */
/* Calls fn(arg, part, thread) once for each part; thread in 0..threads-1 says whose scratch space to use. Returns when
 * all are done. A NULL pool runs them in order on the caller. One mn_pool_run at a time per pool. */
void mn_pool_run(mn_pool *p, size_t n_parts, void (*fn)(void *arg, size_t part, int thread),
                 void *arg);

/* A bounded queue of pointers between threads; push waits when full, pop when empty. After close, push returns
 * false and pop drains what is left, then returns NULL. */
typedef struct mn_queue mn_queue;
mn_rc mn_queue_new(size_t capacity, mn_queue **ret, mn_err *e);
void mn_queue_free(mn_queue *q);
_Bool mn_queue_push(mn_queue *q, void *item);
void *mn_queue_pop(mn_queue *q);
void mn_queue_close(mn_queue *q);

#endif
