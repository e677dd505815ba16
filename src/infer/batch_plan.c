/* Who takes part in a step, with how many rows.
 *
 *   1  everyone who writes: the last token, and a draft when one is likely enough to hold
 *   2  prompts and embeddings, with the rows that are left: the client with the least tokens first, then who came first
 * Then blocks are reserved, for who came first first. When there is none left, who came last gives up all of his and is computed anew
 * later; nobody before him ever waits for him, so the first always goes on. */
#include <stdlib.h>
#include <string.h>

#include "infer/batch_int.h"

enum { PIECE_MIN = 16 };

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

static uint32_t blocks_free(const mn_batcher *b)
{
    uint32_t used, kept;
    mn_kv__counts(&b->g->kv, &used, &kept);
    return b->g->kv.n_blocks - used;
}

static void preempt(mn_batcher *b, mn_gen *n)
{
    uint32_t len = mn_seq_len(n->seq);
    n->preempted = true;
    n->n_rows = n->n_draft = 0;
    if (!n->started) n->n_cached = 0;
    mn_seq_reset(n->seq);
    if (n->embed) memset(n->sum, 0, b->g->cfg.C * sizeof *n->sum);
    pthread_mutex_lock(&b->lock);
    b->stats.recomputed += len;
    pthread_mutex_unlock(&b->lock);
}

/* The last one after `n` that has blocks; NULL when there is none. */
static mn_gen *victim_after(const mn_batcher *b, const mn_gen *n)
{
    for (uint32_t i = b->n_running; i-- > 0 && b->running[i] != n;)
        if (b->running[i]->seq && b->running[i]->seq->n_blocks) return b->running[i];
    return NULL;
}

static void reserve(mn_batcher *b, mn_gen *n)
{
    while (!mn_seq__reserve(n->seq, n->n_rows)) {
        mn_gen *v = victim_after(b, n);
        if (v) {
            preempt(b, v);
        } else if (n == b->running[0]) {
            mn_gen__fail(n, "the cache of keys and values is in use by others");
            n->n_rows = 0;
            return;
        } else {
            preempt(b, n);
            return;
        }
    }
}

/* One that gave way comes back when all of it fits, or when it is the first. */
static bool may_come_back(mn_batcher *b, mn_gen *n)
{
    if (!n->preempted) return true;
    if (n != b->running[0] && blocks_free(b) < n->all.n / MN_KV_BLOCK + 2) return false;
    n->preempted = false;
    return true;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static bool is_writing(const mn_gen *n)
{
    return !n->end && !n->embed && !n->preempted && mn_gen__backlog(n) == 1;
}

/* How likely a drafted token must be to hold, for its row to be worth its time. With one who writes: as likely as a row is cheap
 * beside a step; with many a row is a larger share of what a step yields. */
static float worth(const mn_batcher *b, uint32_t n_writing)
{
    double c = b->row_us / b->step_us;
    return (float)(c * n_writing / (1 + c * (n_writing - 1)));
}

static void draft(mn_batcher *b, mn_gen *n, uint32_t most, uint32_t n_writing)
{
    uint32_t len = (uint32_t)n->all.n, room = b->g->context - len;
    uint32_t left = n->max_tokens ? n->max_tokens - n->n_written - 1 : MN_LOOKUP_DRAFT;
    if (most > room) most = room;
    if (most > left) most = left;
    if (n->no_lookup || most == 0) return;
    n->n_draft =
        mn_lookup__draft(&n->lookup, n->all.ptr, len, most, worth(b, n_writing), n->draft);
    n->n_rows += n->n_draft;
    b->n_drafted += n->n_draft;
}

/* Rows of those who write; returns how many. */
static uint32_t plan_writers(mn_batcher *b)
{
    uint32_t rows = 0, n_writing = 0;
    for (uint32_t i = 0; i < b->n_running; i++) n_writing += is_writing(b->running[i]);
    rows = n_writing;
    for (uint32_t i = 0; i < b->n_running; i++) {
        mn_gen *n = b->running[i];
        if (!is_writing(n)) continue;
        n->n_rows = 1;
        draft(b, n, b->o.rows > rows ? b->o.rows - rows : 0, n_writing);
        rows += n->n_draft;
    }
    return rows;
}

/* A piece of a prompt makes a step of those who write longer: at most to about three times as long. */
static uint32_t rows_for_prompts(const mn_batcher *b, uint32_t writing)
{
    uint32_t most = b->g->s.R - writing, rows = 2 * b->o.rows;
    if (writing) {
        double step = b->step_us + b->row_us * (writing - 1);
        double fits = 2 * step / b->row_us;
        rows = b->o.rows > writing ? b->o.rows - writing : 0;
        if (fits < rows) rows = (uint32_t)fits;
        if (rows < PIECE_MIN) rows = PIECE_MIN;
    }
    return rows < most ? rows : most;
}

static int by_turn(const void *a, const void *b)
{
    const mn_batch_turn *x = a, *y = b;
    if (x->served != y->served) return x->served < y->served ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void plan_prompts(mn_batcher *b, uint32_t rows)
{
    mn_batch_turn *t = b->turns;
    size_t n = 0;
    pthread_mutex_lock(&b->lock);
    for (uint32_t i = 0; i < b->n_running; i++) {
        mn_gen *x = b->running[i];
        if (!x->end && x->n_rows == 0 && may_come_back(b, x))
            t[n++] = (mn_batch_turn){b->clients[x->client].served, x->id, x};
    }
    pthread_mutex_unlock(&b->lock);
    qsort(t, n, sizeof *t, by_turn);
    for (size_t i = 0; i < n && rows; i++) {
        mn_gen *x = t[i].gen;
        uint32_t found = x->embed ? 0 : mn_seq__share(x->seq, x->all.ptr, (uint32_t)x->all.n);
        if (!x->started) x->n_cached += found;
        x->n_rows = mn_gen__backlog(x) < rows ? mn_gen__backlog(x) : rows;
        rows -= x->n_rows;
    }
}

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

static mn_want want_of(const mn_gen *n)
{
    if (n->embed) return MN_WANT_SUM;
    if (n->n_draft) return MN_WANT_ALL;
    return n->n_rows == mn_gen__backlog(n) ? MN_WANT_LAST : MN_WANT_NOTHING;
}

static void add_piece(mn_batcher *b, mn_gen *n)
{
    const uint32_t len = mn_seq_len(n->seq), written = (uint32_t)n->all.n - len;
    if (n->n_draft) { /* the draft stands behind what was written, as long as the step takes */
        MN_ASSERT(written == 1);
        memmove(n->step_ids + 1, n->draft, n->n_draft * sizeof *n->draft);
        n->step_ids[0] = n->all.ptr[len];
    }
    b->pieces[b->n_plan] = (mn_piece){.seq = n->seq,
                                      .ids = n->n_draft ? n->step_ids : n->all.ptr + len,
                                      .n = n->n_rows,
                                      .want = want_of(n),
                                      .sum = n->sum};
    b->plan[b->n_plan++] = n;
    b->n_rows += n->n_rows;
}

void mn_batch__plan(mn_batcher *b)
{
    b->n_plan = b->n_rows = b->n_drafted = 0;
    for (uint32_t i = 0; i < b->n_running; i++)
        b->running[i]->n_rows = b->running[i]->n_draft = b->running[i]->n_held = 0;
    plan_prompts(b, rows_for_prompts(b, plan_writers(b)));
    for (uint32_t i = 0; i < b->n_running; i++)
        if (b->running[i]->n_rows) reserve(b, b->running[i]);
    for (int embed = 0; embed <= 1; embed++)
        for (uint32_t i = 0; i < b->n_running; i++) {
            mn_gen *n = b->running[i];
            if (n->n_rows && n->embed == (embed == 1)) add_piece(b, n);
        }
}
