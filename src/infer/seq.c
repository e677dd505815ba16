/* Sequences: which blocks of the cache hold one, and running tokens through the
 * model after it. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "infer/infer_int.h"

static uint32_t blocks_for(uint32_t len)
{
    return (len + MN_KV_BLOCK - 1) / MN_KV_BLOCK;
}

mn_rc mn_seq_new(mn_engine *g, mn_seq **ret, mn_err *e)
{
    mn_seq *s = mn_calloc(1, sizeof *s);
    if (s) s->blocks = mn_calloc(blocks_for(g->context), sizeof *s->blocks);
    if (!s || !s->blocks) {
        mn_free(s);
        return mn_fail(e, MN_E_NOMEM, "out of memory for a sequence");
    }
    s->g = g;
    *ret = s;
    return MN_OK;
}

void mn_seq_free(mn_seq *s)
{
    if (!s) return;
    mn_seq_reset(s);
    mn_free(s->blocks);
    mn_free(s->logits);
    mn_free(s);
}

/* Gives back the blocks from n on, the last first: what begins a sequence is
 * kept longest. */
static void drop_blocks(mn_seq *s, uint32_t n)
{
    while (s->n_blocks > n) mn_kv__drop(&s->g->kv, s->blocks[--s->n_blocks]);
}

void mn_seq_cut(mn_seq *s, uint32_t len)
{
    if (len < s->len) s->len = len;
    drop_blocks(s, blocks_for(s->len));
    if (s->n_known > s->len / MN_KV_BLOCK) s->n_known = s->len / MN_KV_BLOCK;
}

void mn_seq_reset(mn_seq *s)
{
    mn_seq_cut(s, 0);
}

uint32_t mn_seq_len(const mn_seq *s)
{
    return s->len;
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

/* The block that is written to next is copied when others see it. */
static bool make_own(mn_seq *s)
{
    mn_kv *kv = &s->g->kv;
    uint32_t *last = &s->blocks[s->len / MN_KV_BLOCK];
    if (s->len % MN_KV_BLOCK == 0 || mn_kv__is_own(kv, *last)) return true;
    uint32_t b = mn_kv__take(kv);
    if (b == MN_KV_NONE) return false;
    s->g->way->copy_block(s->g, b, *last);
    mn_kv__drop(kv, *last);
    *last = b;
    return true;
}

bool mn_seq__reserve(mn_seq *s, uint32_t n)
{
    uint32_t had = s->n_blocks, want = blocks_for(s->len + n);
    MN_ASSERT(s->len + n <= s->g->context);
    if (!make_own(s)) return false;
    while (s->n_blocks < want) {
        uint32_t b = mn_kv__take(&s->g->kv);
        if (b == MN_KV_NONE) {
            drop_blocks(s, had);
            return false;
        }
        s->blocks[s->n_blocks++] = b;
    }
    return true;
}

static uint32_t last_known(const mn_seq *s)
{
    return s->n_known ? s->blocks[s->n_known - 1] : MN_KV_NONE;
}

uint32_t mn_seq__share(mn_seq *s, const uint32_t *ids, uint32_t n)
{
    uint32_t from = s->len;
    if (s->len != s->n_known * MN_KV_BLOCK || s->n_blocks != s->n_known) return 0;
    while (s->len + MN_KV_BLOCK < n) {
        uint32_t b = mn_kv__find(&s->g->kv, last_known(s), ids + s->len);
        if (b == MN_KV_NONE) break;
        s->blocks[s->n_blocks++] = b;
        s->n_known++;
        s->len += MN_KV_BLOCK;
    }
    return s->len - from;
}

void mn_seq__offer(mn_seq *s, const uint32_t *ids)
{
    for (; (s->n_known + 1) * MN_KV_BLOCK <= s->len; s->n_known++) {
        uint32_t *b = &s->blocks[s->n_known];
        *b = mn_kv__offer(&s->g->kv, last_known(s), *b, ids + s->n_known * MN_KV_BLOCK);
    }
}

/* ---- feeding ----------------------------------------------------------------------------------------------------- */

mn_rc mn_seq__check(const mn_engine *g, const uint32_t *ids, size_t n, mn_err *e)
{
    if (n == 0) return mn_fail(e, MN_E_USAGE, "there is no token to feed");
    for (size_t i = 0; i < n; i++)
        if (ids[i] >= g->cfg.V)
            return mn_fail(e, MN_E_USAGE, "token %u is outside the vocabulary of %u", ids[i],
                           g->cfg.V);
    return MN_OK;
}

static mn_rc make_room(mn_seq *s, const uint32_t *ids, size_t n, size_t logits_rows, mn_err *e)
{
    MN_TRY(mn_seq__check(s->g, ids, n, e));
    if (n > s->g->context - s->len)
        return mn_fail(e, MN_E_LIMIT,
                       "%zu tokens do not fit: the context has %u and %u are in use", n,
                       s->g->context, s->len);
    if (s->logits_rows < logits_rows) {
        float *p = mn_alloc_aligned(64, logits_rows * s->g->cfg.V * sizeof(float));
        if (!p) return mn_fail(e, MN_E_NOMEM, "out of memory for logits");
        mn_free(s->logits);
        s->logits = p;
        s->logits_rows = logits_rows;
    }
    if (!mn_seq__reserve(s, (uint32_t)n))
        return mn_fail(e, MN_E_LIMIT,
                       "the cache of keys and values is full (%u blocks of %u tokens)",
                       s->g->kv.n_blocks, MN_KV_BLOCK);
    return MN_OK;
}

static mn_rc run_one(mn_seq *s, const mn_piece *p, float *logits, mn_err *e)
{
    mn_engine__turn(s->g);
    mn_rc rc = mn_forward__run(s->g, p, 1, logits, e);
    mn_engine__turn_over(s->g);
    return rc;
}

/* Runs n tokens, as many at a time as the engine takes; `last` is what is
 * wanted of the last piece, `rest` of the others. */
static mn_rc feed(mn_seq *s, const uint32_t *ids, size_t n, mn_want rest, mn_want last,
                  double *sum, mn_err *e)
{
    for (size_t at = 0; at < n;) {
        size_t m = n - at < s->g->s.R ? n - at : s->g->s.R;
        mn_piece p = {s, ids + at, (uint32_t)m, at + m == n ? last : rest, sum};
        MN_TRY(run_one(s, &p, s->logits, e));
        at += m;
    }
    return MN_OK;
}

mn_rc mn_seq_feed(mn_seq *s, const uint32_t *ids, size_t n, const float **ret_logits, mn_err *e)
{
    MN_TRY(make_room(s, ids, n, 1, e));
    MN_TRY(feed(s, ids, n, MN_WANT_NOTHING, MN_WANT_LAST, NULL, e));
    *ret_logits = s->logits;
    return MN_OK;
}

mn_rc mn_seq_feed_all(mn_seq *s, const uint32_t *ids, size_t n, const float **ret, mn_err *e)
{
    if (n > MN_SEQ_ALL_MAX)
        return mn_fail(e, MN_E_USAGE, "%zu tokens at once: expected at most %u", n,
                       MN_SEQ_ALL_MAX);
    MN_TRY(make_room(s, ids, n, n, e));
    const size_t R = s->g->s.R, V = s->g->cfg.V;
    for (size_t at = 0; at < n; at += R) {
        size_t m = n - at < R ? n - at : R;
        mn_piece p = {s, ids + at, (uint32_t)m, MN_WANT_ALL, NULL};
        MN_TRY(run_one(s, &p, s->logits + at * V, e));
    }
    *ret = s->logits;
    return MN_OK;
}

mn_rc mn_seq_embed(mn_seq *s, const uint32_t *ids, size_t n, float *ret, mn_err *e)
{
    const size_t C = s->g->cfg.C;
    double *sum = mn_calloc(C, sizeof *sum);
    mn_seq_reset(s);
    mn_rc rc = sum ? make_room(s, ids, n, 0, e) : mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) rc = feed(s, ids, n, MN_WANT_SUM, MN_WANT_SUM, sum, e);
    if (rc == MN_OK) mn_seq__unit(sum, C, ret);
    mn_free(sum);
    mn_seq_reset(s);
    return rc;
}

void mn_seq__unit(const double *sum, size_t C, float *ret)
{
    double length = 0;
    for (size_t c = 0; c < C; c++) length += sum[c] * sum[c];
    for (size_t c = 0; c < C; c++) ret[c] = length > 0 ? (float)(sum[c] / sqrt(length)) : 0;
}
