/* The batcher: a queue, and a thread that runs steps. batch_plan.c says who takes part in a step, batch_gen.c what becomes of a row. */
#include "infer/batch.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "infer/batch_int.h"

enum { CLIENTS_KEPT = 1024, RETRY_MAX_S = 120 };

/* ---- clients ----------------------------------------------------------------------------------------------------- */

/* The least that a client with something here was served; 0 when there is none. */
static uint64_t least_served(const mn_batcher *b)
{
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < b->n_clients; i++)
        if (b->clients[i].n && b->clients[i].served < least) least = b->clients[i].served;
    return least == UINT64_MAX ? 0 : least;
}

/* Where a client stands, or could: an entry of his own, one that nobody needs once there are many, a new one. */
static mn_rc client_at(mn_batcher *b, uint64_t id, size_t *ret)
{
    size_t unused = SIZE_MAX;
    for (size_t i = 0; i < b->n_clients; i++) {
        if (b->clients[i].id == id) {
            *ret = i;
            return MN_OK;
        }
        if (b->clients[i].n == 0) unused = i;
    }
    if (unused == SIZE_MAX || b->n_clients < CLIENTS_KEPT) {
        if (b->n_clients == b->cap_clients) {
            size_t cap = b->cap_clients ? 2 * b->cap_clients : 16;
            mn_client *p = mn_reallocarray(b->clients, cap, sizeof *p);
            if (!p) return MN_E_NOMEM;
            b->clients = p;
            b->cap_clients = cap;
        }
        unused = b->n_clients++;
    }
    b->clients[unused] = (mn_client){.id = id};
    *ret = unused;
    return MN_OK;
}

/* Who comes (again) starts where those who are here stand: time away is no credit, time before no debt for ever. */
static mn_rc client_enter(mn_batcher *b, mn_gen *n)
{
    uint64_t least = least_served(b);
    MN_TRY(client_at(b, n->client_id, &n->client));
    mn_client *c = &b->clients[n->client];
    if (c->n++ == 0 && c->served < least) c->served = least;
    return MN_OK;
}

/* ---- the queue --------------------------------------------------------------------------------------------------- */

/* Seconds until what waits is likely to be done. */
static uint32_t retry_after(const mn_batcher *b)
{
    double tokens = 0;
    for (const mn_gen *n = b->first; n; n = n->next) {
        double most = n->max_tokens ? n->max_tokens : b->g->context - n->n_prompt;
        tokens += n->n_prompt + (n->embed ? 0 : most < b->mean_tokens ? most : b->mean_tokens);
    }
    double s = ceil(tokens / b->rate);
    return s < 1 ? 1 : s > RETRY_MAX_S ? RETRY_MAX_S : (uint32_t)s;
}

static mn_rc enqueue(mn_batcher *b, mn_gen *n, uint32_t *ret_retry_s, mn_err *e)
{
    if (b->stop) return mn_fail(e, MN_E_CANCELLED, "the model is being let go of");
    if (b->n_waiting >= b->o.waiting) {
        b->stats.refused++;
        if (ret_retry_s) *ret_retry_s = retry_after(b);
        return mn_fail(e, MN_E_BUSY, "%u requests are waiting already", b->n_waiting);
    }
    if (client_enter(b, n) != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "out of memory for a request");
    n->id = ++b->last_id;
    if (b->last) b->last->next = n;
    else b->first = n;
    b->last = n;
    b->n_waiting++;
    b->stats.requests++;
    pthread_cond_signal(&b->news);
    return MN_OK;
}

mn_rc mn_batcher_submit(mn_batcher *b, const mn_gen_request *r, uint64_t *ret_id,
                        uint32_t *ret_retry_s, mn_err *e)
{
    mn_gen *n = NULL;
    MN_TRY(mn_gen__new(b->g, r, &n, e));
    pthread_mutex_lock(&b->lock);
    mn_rc rc = enqueue(b, n, ret_retry_s, e);
    if (rc == MN_OK && ret_id) *ret_id = n->id;
    pthread_mutex_unlock(&b->lock);
    if (rc != MN_OK) mn_gen__free(n);
    return rc;
}

void mn_batcher_cancel(mn_batcher *b, uint64_t id)
{
    pthread_mutex_lock(&b->lock);
    for (mn_gen *n = b->first; n; n = n->next)
        if (n->id == id) n->cancelled = true;
    for (uint32_t i = 0; i < b->n_running; i++)
        if (b->running[i]->id == id) b->running[i]->cancelled = true;
    pthread_cond_signal(&b->news);
    pthread_mutex_unlock(&b->lock);
}

/* Takes n, which follows `before` (NULL: it is the first), out of the queue. */
static void unlink_waiting(mn_batcher *b, mn_gen *before, mn_gen *n)
{
    if (before) before->next = n->next;
    else b->first = n->next;
    if (b->last == n) b->last = before;
    n->next = NULL;
    b->n_waiting--;
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

/* Under the lock; the generation is no longer in the queue or among those that run. */
static void count_end(mn_batcher *b, const mn_gen *n)
{
    b->stats.ended[n->end]++;
    b->clients[n->client].n--;
    if (n->n_written) b->mean_tokens += 0.05 * (n->n_written - b->mean_tokens);
}

/* Tells the end of a list of generations and frees them; their blocks are free by then. Without the lock. */
static void finish(mn_gen *list)
{
    while (list) {
        mn_gen *n = list;
        list = n->next;
        mn_seq_free(n->seq);
        n->seq = NULL;
        mn_gen__tell(n);
        mn_gen__free(n);
    }
}

/* Under the lock: takes out what is cancelled (or all) and what has ended, as a list. */
static mn_gen *sweep(mn_batcher *b, bool all)
{
    mn_gen *list = NULL, *before = NULL, *next;
    uint32_t kept = 0;
    for (mn_gen *n = b->first; n; n = next) {
        next = n->next;
        if (!all && !n->cancelled) {
            before = n;
            continue;
        }
        unlink_waiting(b, before, n);
        n->end = MN_GEN_CANCELLED;
        count_end(b, n);
        n->next = list;
        list = n;
    }
    for (uint32_t i = 0; i < b->n_running; i++) {
        mn_gen *n = b->running[i];
        if (!n->end && (all || n->cancelled)) n->end = MN_GEN_CANCELLED;
        if (!n->end) {
            b->running[kept++] = n;
            continue;
        }
        count_end(b, n);
        n->next = list;
        list = n;
    }
    b->n_running = kept;
    return list;
}

/* ---- who may begin ----------------------------------------------------------------------------------------------- */

/* Under the lock: who waits of the client that was served least; *ret_before: who stands before it. */
static mn_gen *next_waiting(const mn_batcher *b, mn_gen **ret_before)
{
    mn_gen *best = NULL, *before = NULL;
    uint64_t least = UINT64_MAX;
    for (mn_gen *n = b->first; n; before = n, n = n->next) {
        uint64_t served = b->clients[n->client].served;
        if (served >= least) continue;
        least = served;
        best = n;
        *ret_before = before;
    }
    return best;
}

/* Room for its prompt and a little more, so that nobody is driven out at once. */
static bool fits(const mn_batcher *b, const mn_gen *n)
{
    uint32_t used, kept;
    mn_kv__counts(&b->g->kv, &used, &kept);
    return b->g->kv.n_blocks - used > n->n_prompt / MN_KV_BLOCK + b->n_running + 1;
}

/* Under the lock. */
static void admit(mn_batcher *b)
{
    mn_err e = {0};
    mn_gen *n, *before = NULL;
    while (b->n_running < b->o.running && (n = next_waiting(b, &before))) {
        if (b->n_running && !fits(b, n)) return;
        unlink_waiting(b, before, n);
        b->running[b->n_running++] = n;
        if (mn_seq_new(b->g, &n->seq, &e) != MN_OK) mn_gen__fail(n, e.msg);
        mn_batch__count(b->stats.queued, &b->stats.queued_sum,
                        (double)(mn_mono_us() - n->at_submit_us) / 1e6, 1);
    }
}

/* ---- a step ------------------------------------------------------------------------------------------------------ */

static bool logits_for(mn_batcher *b, size_t rows)
{
    if (rows <= b->logits_rows) return true;
    float *p = mn_alloc_aligned(64, rows * b->g->cfg.V * sizeof *p);
    if (!p) return false;
    mn_free(b->logits);
    b->logits = p;
    b->logits_rows = rows;
    return true;
}

/* Under the lock: what steps of few rows take, smoothed; from it, what a step costs and what another row adds. */
static void learn_cost(mn_batcher *b, double us)
{
    uint32_t n = b->n_rows, low = 0, high = 0;
    b->rate += 0.02 * (n / (us + 1) * 1e6 - b->rate);
    if (n >= MN_BATCH_COSTS) return;
    b->took_us[n] += b->took_us[n] > 0 ? 0.1 * (us - b->took_us[n]) : us;
    for (uint32_t i = 1; i < MN_BATCH_COSTS; i++) {
        if (b->took_us[i] <= 0) continue;
        if (!low) low = i;
        high = i;
    }
    double row = b->took_us[low] * 0.25 / (1 + 0.25 * (low - 1)),
           least = b->took_us[low] * 0.02;
    if (high > low) row = (b->took_us[high] - b->took_us[low]) / (high - low);
    b->row_us = row > least ? row : least;
    b->step_us = b->took_us[low] - b->row_us * (low - 1);
    if (b->step_us < b->row_us) b->step_us = b->row_us;
}

/* Under the lock: what the step did. */
static void count_step(mn_batcher *b)
{
    b->stats.steps++;
    b->stats.drafted += b->n_drafted;
    for (uint32_t i = 0; i < b->n_plan; i++) {
        mn_gen *n = b->plan[i];
        b->clients[n->client].served += n->n_fresh > n->n_rows ? n->n_fresh : n->n_rows;
        b->stats.tokens += n->n_fresh;
        b->stats.accepted += n->n_held;
    }
}

/* Under the lock: when the first token came, and the others. */
static void count_times(mn_batcher *b, mn_gen *n, int64_t now)
{
    if (!n->started && (n->n_fresh || n->end)) {
        n->started = true;
        b->stats.prompt_tokens += n->n_prompt;
        b->stats.cached_tokens += n->n_cached;
        mn_batch__count(b->stats.first_token, &b->stats.first_token_sum,
                        (double)(now - n->at_submit_us) / 1e6, 1);
    } else if (n->n_fresh) {
        mn_batch__count(b->stats.between, &b->stats.between_sum,
                        (double)(now - n->at_token_us) / 1e6 / n->n_fresh, n->n_fresh);
    }
    n->at_token_us = now;
}

/* What came of a generation's rows. */
static const float *take(mn_gen *n, const mn_piece *p, const float *logits)
{
    const float *next = logits + mn_forward__rows_out(p, 1) * n->g->cfg.V;
    if (next != logits) mn_gen__take(n, logits);
    if (!n->embed) mn_seq__offer(n->seq, n->all.ptr); /* only what held is left of a draft */
    if (n->embed && mn_gen__backlog(n) == 0) {
        mn_seq__unit(n->sum, n->g->cfg.C, n->embedding);
        n->end = MN_GEN_STOP;
    }
    return next;
}

/* Everybody who takes part ends. */
static void fail_all(mn_batcher *b, const char *why)
{
    for (uint32_t i = 0; i < b->n_plan; i++) mn_gen__fail(b->plan[i], why);
}

/* Without the lock. */
static void step(mn_batcher *b)
{
    mn_err e = {0};
    mn_batch__plan(b);
    size_t rows = mn_forward__rows_out(b->pieces, b->n_plan);
    if (!logits_for(b, rows)) {
        fail_all(b, "out of memory for logits");
        return;
    }
    if (b->n_plan == 0) return;
    mn_engine__turn(b->g);
    int64_t started = mn_mono_us();
    mn_rc rc = mn_forward__run(b->g, b->pieces, b->n_plan, b->logits, &e);
    int64_t now = mn_mono_us();
    mn_engine__turn_over(b->g);
    if (rc != MN_OK) {
        fail_all(b, e.msg);
        return;
    }
    const float *logits = b->logits;
    for (uint32_t i = 0; i < b->n_plan; i++) logits = take(b->plan[i], &b->pieces[i], logits);
    pthread_mutex_lock(&b->lock);
    learn_cost(b, (double)(now - started));
    count_step(b);
    for (uint32_t i = 0; i < b->n_plan; i++)
        if (b->plan[i]->n_fresh || b->plan[i]->end) count_times(b, b->plan[i], now);
    pthread_mutex_unlock(&b->lock);
    for (uint32_t i = 0; i < b->n_plan; i++)
        if (b->plan[i]->n_fresh && !b->plan[i]->end) mn_gen__tell(b->plan[i]);
}

static void *run(void *arg)
{
    mn_batcher *b = arg;
    pthread_mutex_lock(&b->lock);
    while (!b->stop) {
        mn_gen *over = sweep(b, false);
        admit(b);
        if (!over && b->n_running == 0) {
            pthread_cond_wait(&b->news, &b->lock);
            continue;
        }
        pthread_mutex_unlock(&b->lock);
        finish(over);
        step(b);
        pthread_mutex_lock(&b->lock);
    }
    mn_gen *over = sweep(b, true);
    pthread_mutex_unlock(&b->lock);
    finish(over);
    return NULL;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static bool reserve_lists(mn_batcher *b)
{
    uint32_t n = b->o.running;
    b->running = mn_calloc(n, sizeof *b->running);
    b->plan = mn_calloc(n, sizeof *b->plan);
    b->pieces = mn_calloc(n, sizeof *b->pieces);
    b->turns = mn_calloc(n, sizeof *b->turns);
    return b->running && b->plan && b->pieces && b->turns;
}

static void release(mn_batcher *b)
{
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->news);
    mn_free(b->running);
    mn_free(b->plan);
    mn_free(b->pieces);
    mn_free(b->turns);
    mn_free(b->clients);
    mn_free(b->logits);
    mn_free(b);
}

mn_rc mn_batcher_new(mn_engine *g, const mn_batcher_opts *o, mn_batcher **ret, mn_err *e)
{
    mn_batcher *b = mn_calloc(1, sizeof *b);
    if (!b) return mn_fail(e, MN_E_NOMEM, "out of memory for a batcher");
    if (o) b->o = *o;
    if (!b->o.running) b->o.running = 32;
    if (!b->o.waiting) b->o.waiting = 256;
    if (!b->o.rows) b->o.rows = 64;
    if (b->o.rows > g->s.R) b->o.rows = g->s.R;
    if (b->o.running > b->o.rows) b->o.running = b->o.rows;
    b->g = g;
    b->step_us = 5000; /* until it is known */
    b->row_us = 1000;
    b->rate = 500;
    b->mean_tokens = 128;
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->news, NULL);
    mn_rc rc = reserve_lists(b) ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory for a batcher");
    if (rc == MN_OK && pthread_create(&b->thread, NULL, run, b) != 0)
        rc = mn_fail(e, MN_E_IO, "cannot start the batcher's thread");
    if (rc != MN_OK) release(b);
    else *ret = b;
    return rc;
}

void mn_batcher_free(mn_batcher *b)
{
    if (!b) return;
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_cond_signal(&b->news);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    release(b);
}
