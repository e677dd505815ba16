/* Counters of a batcher. */
#include <math.h>

#include "infer/batch_int.h"

const double mn_batch_buckets[MN_BATCH_BUCKETS] = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30, INFINITY};

void mn_batch__count(uint64_t histogram[MN_BATCH_BUCKETS], double *sum, double seconds,
                     uint64_t times)
{
    for (int i = 0; i < MN_BATCH_BUCKETS; i++)
        if (seconds <= mn_batch_buckets[i]) histogram[i] += times;
    *sum += seconds * (double)times;
}

void mn_batcher_stats(mn_batcher *b, mn_batch_stats *ret)
{
    pthread_mutex_lock(&b->lock);
    *ret = b->stats;
    ret->running = b->n_running;
    ret->waiting = b->n_waiting;
    pthread_mutex_unlock(&b->lock);
    ret->blocks = b->g->kv.n_blocks;
    mn_kv__counts(&b->g->kv, &ret->blocks_used, &ret->blocks_kept);
}
