/* See reduce.h. The thread ("the courier") goes through the batch in rounds of N micro-batches, one of each rank: it posts what it will
 * receive, waits for this rank's own gradient, sends its slices, and when all have come adds them in order. Two gradients take turns,
 * so that one is computed while the other is sent; who is faster waits for its messages to be taken. */
#include "model/reduce.h"

#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "tensor/kernels.h"

#define PART    ((uint64_t)1 << 16) /* floats that a thread adds at once */
#define LOOK_NS 2000000 /* the courier looks after its messages this often meanwhile */

struct mn_reduce {
    mn_ranks *ranks;
    mn_pool *pool;
    const mn_kernels *k;
    uint64_t n, *at; /* at: [size + 1], owned */
    float *sum;
    size_t n_micro, size, rank;
    float *grad[2]; /* of n zeros when not in use; owned */
    float *in; /* [size - 1] slices of this rank's, from the others in order of rank; owned */
    size_t taken; /* micro-batches of this rank in this batch so far, counted from 0 */

    /* with others */
    mn_ranks_set out_set, in_set;
    pthread_t courier;
    bool running; /* the thread is there */
    pthread_mutex_t lock;
    pthread_cond_t turn;
    bool quit, busy;     /* busy: from begin until the courier is through with the batch */
    size_t given, freed; /* micro-batches handed over; those whose memory is zeros again */
    mn_rc rc;            /* the courier's failure: it does no more */
    mn_err err;
};

/* ---- alone ---------------------------------------------------------------------------------------------------------- */

static void add_part(void *arg, size_t i, int thread)
{
    (void)thread;
    mn_reduce *r = arg;
    uint64_t from = i * PART, n = r->n - from < PART ? r->n - from : PART;
    r->k->add(r->sum + from, r->grad[0] + from, (size_t)n);
    memset(r->grad[0] + from, 0, (size_t)n * sizeof(float));
}

static void add_alone(mn_reduce *r)
{
    mn_pool_run(r->pool, (size_t)((r->n + PART - 1) / PART), add_part, r);
}

/* ---- the courier ---------------------------------------------------------------------------------------------------- */

static size_t own_slice(const mn_reduce *r)
{
    return (size_t)(r->at[r->rank + 1] - r->at[r->rank]);
}

/* Where the slice that came from rank k lies. */
static float *from_rank(const mn_reduce *r, size_t k)
{
    return r->in + (k < r->rank ? k : k - 1) * own_slice(r);
}

static mn_rc post_receives(mn_reduce *r, size_t first, mn_err *e)
{
    const size_t bytes = own_slice(r) * sizeof(float);
    for (size_t k = 0; k < r->size && first + k < r->n_micro; k++)
        if (k != r->rank)
            MN_TRY(mn_ranks_recv(r->ranks, &r->in_set, (int)k, from_rank(r, k), bytes, e));
    return MN_OK;
}

/* Beginning with the rank after this one: they do not all send to the same one at once. */
static mn_rc post_sends(mn_reduce *r, const float *grad, mn_err *e)
{
    for (size_t i = 1; i < r->size; i++) {
        size_t k = (r->rank + i) % r->size;
        MN_TRY(mn_ranks_send(r->ranks, &r->out_set, (int)k, grad + r->at[k],
                             (size_t)(r->at[k + 1] - r->at[k]) * sizeof(float), e));
    }
    return MN_OK;
}

/* Until this rank's gradient of round `round` is given; meanwhile messages get on. */
static mn_rc await_own(mn_reduce *r, size_t round, mn_err *e)
{
    mn_rc rc = MN_OK;
    pthread_mutex_lock(&r->lock);
    while (rc == MN_OK && r->given <= round && !r->quit) {
        struct timespec until;
        bool done;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += LOOK_NS;
        if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
        pthread_cond_timedwait(&r->turn, &r->lock, &until);
        pthread_mutex_unlock(&r->lock);
        rc = mn_ranks_poll(r->ranks, &r->in_set, &done, e);
        pthread_mutex_lock(&r->lock);
    }
    if (rc == MN_OK && r->quit) rc = MN_E_CANCELLED;
    pthread_mutex_unlock(&r->lock);
    return rc;
}

static void add_round(mn_reduce *r, size_t first, const float *own)
{
    const size_t n = own_slice(r);
    for (size_t k = 0; k < r->size && first + k < r->n_micro; k++) {
        const float *g = k == r->rank ? own + r->at[r->rank] : from_rank(r, k);
        if (first + k == 0) memcpy(r->sum, g, n * sizeof *g);
        else r->k->add(r->sum, g, n);
    }
}

static mn_rc run_round(mn_reduce *r, size_t round, mn_err *e)
{
    const size_t first = round * r->size;
    float *own = first + r->rank < r->n_micro ? r->grad[round % 2] : NULL;
    MN_TRY(post_receives(r, first, e));
    if (own) MN_TRY(await_own(r, round, e));
    if (own) MN_TRY(post_sends(r, own, e));
    MN_TRY(mn_ranks_wait(r->ranks, &r->in_set, e));
    add_round(r, first, own);
    MN_TRY(mn_ranks_wait(r->ranks, &r->out_set, e));
    if (!own) return MN_OK;
    memset(own, 0, (size_t)r->n * sizeof *own);
    pthread_mutex_lock(&r->lock);
    r->freed++;
    pthread_cond_broadcast(&r->turn);
    pthread_mutex_unlock(&r->lock);
    return MN_OK;
}

static void run_batch(mn_reduce *r)
{
    mn_err e = {0};
    mn_rc rc = MN_OK;
    for (size_t t = 0; rc == MN_OK && t * r->size < r->n_micro; t++) rc = run_round(r, t, &e);
    pthread_mutex_lock(&r->lock);
    r->rc = rc, r->err = e;
    r->busy = false;
    pthread_cond_broadcast(&r->turn);
    pthread_mutex_unlock(&r->lock);
}

static void *courier(void *arg)
{
    mn_reduce *r = arg;
    for (;;) {
        pthread_mutex_lock(&r->lock);
        while (!r->busy && !r->quit) pthread_cond_wait(&r->turn, &r->lock);
        bool quit = r->quit;
        pthread_mutex_unlock(&r->lock);
        if (quit) return NULL;
        run_batch(r);
    }
}

/* ---- making ----------------------------------------------------------------------------------------------------------- */

static mn_rc take_memory(mn_reduce *r, mn_err *e)
{
    const size_t bytes = (size_t)r->n * sizeof(float);
    const size_t grads = r->n_micro > r->size ? 2 : 1, slices = r->size - 1;
    bool ok = true;
    if (r->size == 1 && r->n_micro == 1) return MN_OK;
    for (size_t i = 0; i < (r->size == 1 ? 1 : grads); i++)
        ok &= (r->grad[i] = mn_alloc_aligned(64, bytes)) != NULL;
    if (slices)
        ok &= (r->in = mn_alloc_aligned(64, (own_slice(r) * slices + 16) * sizeof(float))) !=
              NULL;
    return ok ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory to sum the gradients of ranks");
}

static mn_rc start(mn_reduce *r, mn_err *e)
{
    if (r->size == 1) return MN_OK;
    if (pthread_create(&r->courier, NULL, courier, r) != 0)
        return mn_fail(e, MN_E_NOMEM, "cannot start a thread for messages between ranks");
    r->running = true;
    return MN_OK;
}

mn_rc mn_reduce_new(mn_ranks *ranks, mn_pool *pool, uint64_t n, const uint64_t *at, float *sum,
                    size_t n_micro, mn_reduce **ret, mn_err *e)
{
    mn_reduce *r = mn_calloc(1, sizeof *r);
    if (!r) return mn_fail(e, MN_E_NOMEM, "no memory to sum the gradients of ranks");
    *r = (mn_reduce){.ranks = ranks,
                     .pool = pool,
                     .k = mn_kernels_best(),
                     .n = n,
                     .sum = sum,
                     .n_micro = n_micro,
                     .size = (size_t)mn_ranks_size(ranks),
                     .rank = (size_t)mn_ranks_rank(ranks)};
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->turn, NULL);
    mn_rc rc = MN_OK;
    r->at = mn_calloc(r->size + 1, sizeof *r->at);
    if (!r->at) rc = mn_fail(e, MN_E_NOMEM, "no memory to sum the gradients of ranks");
    else memcpy(r->at, at, (r->size + 1) * sizeof *at);
    if (rc == MN_OK) rc = take_memory(r, e);
    if (rc == MN_OK) rc = start(r, e);
    if (rc == MN_OK) *ret = r;
    else mn_reduce_free(r);
    return rc;
}

void mn_reduce_free(mn_reduce *r)
{
    if (!r) return;
    pthread_mutex_lock(&r->lock);
    r->quit = true;
    pthread_cond_broadcast(&r->turn);
    pthread_mutex_unlock(&r->lock);
    if (r->running) pthread_join(r->courier, NULL);
    pthread_cond_destroy(&r->turn);
    pthread_mutex_destroy(&r->lock);
    mn_ranks_set_release(&r->out_set);
    mn_ranks_set_release(&r->in_set);
    mn_free(r->grad[0]);
    mn_free(r->grad[1]);
    mn_free(r->in);
    mn_free(r->at);
    mn_free(r);
}

/* ---- a batch ----------------------------------------------------------------------------------------------------------- */

void mn_reduce_begin(mn_reduce *r)
{
    r->taken = 0;
    if (r->size == 1) return;
    pthread_mutex_lock(&r->lock);
    r->given = r->freed = 0;
    r->busy = r->rc == MN_OK;
    pthread_cond_broadcast(&r->turn);
    pthread_mutex_unlock(&r->lock);
}

/* Under the lock. */
static mn_rc failure(mn_reduce *r, mn_err *e)
{
    if (r->rc != MN_OK && e) *e = r->err;
    return r->rc;
}

mn_rc mn_reduce_take(mn_reduce *r, float **ret, mn_err *e)
{
    MN_ASSERT(r->taken * r->size + r->rank < r->n_micro);
    if (r->size == 1) {
        *ret = r->taken ? r->grad[0] : r->sum;
        return MN_OK;
    }
    pthread_mutex_lock(&r->lock);
    while (r->rc == MN_OK && r->taken >= r->freed + 2) pthread_cond_wait(&r->turn, &r->lock);
    mn_rc rc = failure(r, e);
    pthread_mutex_unlock(&r->lock);
    if (rc == MN_OK) *ret = r->grad[r->taken % 2];
    return rc;
}

void mn_reduce_give(mn_reduce *r)
{
    size_t m = r->taken++;
    if (r->size == 1) {
        if (m) add_alone(r);
        return;
    }
    pthread_mutex_lock(&r->lock);
    r->given++;
    pthread_cond_broadcast(&r->turn);
    pthread_mutex_unlock(&r->lock);
}

mn_rc mn_reduce_end(mn_reduce *r, mn_err *e)
{
    if (r->size == 1) return MN_OK;
    pthread_mutex_lock(&r->lock);
    while (r->busy) pthread_cond_wait(&r->turn, &r->lock);
    mn_rc rc = failure(r, e);
    pthread_mutex_unlock(&r->lock);
    return rc;
}
