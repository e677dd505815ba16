/* Loading a model folder, and running sequences through it.
 *
 * A sequence keeps the keys and values of what it has seen, so that a new token costs one row through every layer. Rows
 * attend to the cache up to themselves. The weights of q, k, v (and of gate, up) lie one after the other in memory, as
 * weights.h says, so one product serves them. */
#include "infer/infer.h"

#include <math.h>
#include <string.h>

#include "base/fs.h"
#include "infer/infer_int.h"
#include "tensor/ref.h"
#include "tensor/rows.h"

/* ---- engine ----------------------------------------------------------------------------------------------------- */

static mn_rc rope_tables(mn_engine *g, mn_err *e)
{
    const mn_config *c = &g->w.cfg;
    size_t half = c->D / 2, n = (size_t)c->T * half;
    g->cos = mn_calloc(n, sizeof(float));
    g->sin = mn_calloc(n, sizeof(float));
    if (!g->cos || !g->sin)
        return mn_fail(e, MN_E_NOMEM, "out of memory for the position tables");
    for (size_t t = 0; t < c->T; t++) {
        for (size_t i = 0; i < half; i++) {
            double angle =
                (double)t * pow((double)c->rope_theta, -2.0 * (double)i / (double)c->D);
            g->cos[t * half + i] = (float)cos(angle);
            g->sin[t * half + i] = (float)sin(angle);
        }
    }
    return MN_OK;
}

static mn_rc load_parts(mn_engine *g, const char *dir, int n_threads, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 1u << 16);
    char *path = mn_fs_join(&a, dir, "tokenizer.json");
    mn_rc rc = path ? mn_weights_load(dir, &g->w, e) : mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) rc = mn_tok_load(path, &g->tok, e);
    if (rc == MN_OK && mn_tok_vocab(g->tok) > g->w.cfg.V)
        rc = mn_fail(e, MN_E_CORRUPT,
                     "'%s' has %u tokens but the model knows %u: they do not belong together",
                     path, mn_tok_vocab(g->tok), g->w.cfg.V);
    if (rc == MN_OK) rc = rope_tables(g, e);
    if (rc == MN_OK) rc = mn_pool_new(n_threads, &g->pool, e);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_engine_load(const char *model_dir, const mn_engine_opts *o, mn_engine **ret, mn_err *e)
{
    int n_threads = o ? o->n_threads : 0;
    if (!mn_fs_is_dir(model_dir))
        return mn_fail(
            e, MN_E_NOT_FOUND,
            "no model at '%s'; `mynah train` makes one, `mynah model list` shows them",
            model_dir);
    mn_engine *g = mn_calloc(1, sizeof *g);
    if (!g) return mn_fail(e, MN_E_NOMEM, "out of memory");
    pthread_mutex_init(&g->turn, NULL);
    mn_rc rc = load_parts(g, model_dir, n_threads, e);
    if (rc != MN_OK) {
        mn_engine_free(g);
        return rc;
    }
    *ret = g;
    return MN_OK;
}

void mn_engine_free(mn_engine *g)
{
    if (!g) return;
    mn_weights_release(&g->w);
    mn_tok_free(g->tok);
    mn_pool_free(g->pool);
    mn_free(g->cos);
    mn_free(g->sin);
    pthread_mutex_destroy(&g->turn);
    mn_free(g);
}

const mn_tokenizer *mn_engine_tokenizer(const mn_engine *g)
{
    return g->tok;
}

uint32_t mn_engine_vocab(const mn_engine *g)
{
    return g->w.cfg.V;
}

uint32_t mn_engine_width(const mn_engine *g)
{
    return g->w.cfg.C;
}

uint32_t mn_engine_context(const mn_engine *g)
{
    return g->w.cfg.T;
}

mn_str mn_engine_chat_template(const mn_engine *g)
{
    (void)g;
    return MN_STR_NONE;
}

bool mn_engine_is_end(const mn_engine *g, uint32_t id)
{
    return mn_tok_is_ours(g->tok) && id == MN_TOK_END;
}

size_t mn_engine_bytes(const mn_engine *g)
{
    return g->w.n_all * sizeof(float);
}

/* ---- sequences -------------------------------------------------------------------------------------------------- */

mn_rc mn_seq_new(mn_engine *g, mn_seq **ret, mn_err *e)
{
    const mn_config *c = &g->w.cfg;
    const size_t B = MN_INFER_CHUNK, kv = (size_t)c->L * c->T * c->KV * c->D;
    const size_t sizes[] = {kv,
                            kv,
                            B * c->C,
                            B * c->C,
                            B * (c->H + 2u * c->KV) * c->D,
                            B * c->H * c->D,
                            B * 2u * c->F,
                            B * c->F,
                            B,
                            B * c->H * c->T};
    mn_seq *s = mn_calloc(1, sizeof *s);
    if (!s) return mn_fail(e, MN_E_NOMEM, "out of memory");
    size_t n = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        n += (sizes[i] + 15u) & ~(size_t)15;
    s->g = g;
    s->all = mn_alloc_aligned(64, n * sizeof(float));
    s->logits = mn_alloc_aligned(64, (size_t)c->V * sizeof(float));
    if (!s->all || !s->logits) {
        mn_seq_free(s);
        return mn_fail(e, MN_E_NOMEM, "out of memory for a sequence of %u tokens (%zu MiB)",
                       c->T, (n * 4) >> 20);
    }
    float **into[] = {&s->k, &s->v,  &s->x, &s->h, &s->qkv,
                      &s->o, &s->gu, &s->f, &s->r, &s->scores};
    float *at = s->all;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        *into[i] = at;
        at += (sizes[i] + 15u) & ~(size_t)15;
    }
    *ret = s;
    return MN_OK;
}

void mn_seq_free(mn_seq *s)
{
    if (!s) return;
    mn_free(s->all);
    mn_free(s->logits);
    mn_free(s);
}

void mn_seq_reset(mn_seq *s)
{
    s->pos = 0;
}

uint32_t mn_seq_len(const mn_seq *s)
{
    return s->pos;
}

void mn_seq_cut(mn_seq *s, uint32_t len)
{
    if (len < s->pos) s->pos = len;
}

/* Turns n_heads heads of one row by the angles of position pos. */
static void rope_row(const mn_engine *g, float *x, size_t n_heads, size_t pos)
{
    size_t D = g->w.cfg.D, half = D / 2;
    const float *co = g->cos + pos * half, *si = g->sin + pos * half;
    for (size_t h = 0; h < n_heads; h++, x += D) {
        for (size_t i = 0; i < half; i++) {
            float a = x[i], b = x[i + half];
            x[i] = a * co[i] - b * si[i];
            x[i + half] = b * co[i] + a * si[i];
        }
    }
}

typedef struct attend_job {
    mn_seq *s;
    size_t layer, n;
} attend_job;

/* One head of one row over the cache. */
static void attend_part(void *arg, size_t part, int thread)
{
    const attend_job *j = arg;
    mn_seq *s = j->s;
    const mn_config *c = &s->g->w.cfg;
    const size_t D = c->D, row = part / c->H, head = part % c->H, width = (size_t)c->KV * D;
    const size_t group = head / (c->H / c->KV), len = s->pos + row + 1;
    const float *k = s->k + j->layer * c->T * width + group * D,
                *v = s->v + j->layer * c->T * width + group * D;
    const float *q = s->qkv + row * (c->H + 2u * c->KV) * D + head * D;
    float *p = s->scores + part * c->T, *o = s->o + (row * c->H + head) * D;
    float max = -INFINITY, sum = 0, scale = 1.0f / sqrtf((float)D);
    (void)thread;
    for (size_t t = 0; t < len; t++) {
        float dot = 0;
        for (size_t d = 0; d < D; d++) dot += q[d] * k[t * width + d];
        p[t] = dot * scale;
        if (p[t] > max) max = p[t];
    }
    for (size_t t = 0; t < len; t++) sum += p[t] = expf(p[t] - max);
    memset(o, 0, D * sizeof *o);
    for (size_t t = 0; t < len; t++)
        for (size_t d = 0; d < D; d++) o[d] += p[t] / sum * v[t * width + d];
}

static void add_rows(float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] += y[i];
}

static void layer_run(mn_seq *s, size_t l, size_t n)
{
    mn_engine *g = s->g;
    const mn_config *c = &g->w.cfg;
    const mn_layer *w = &g->w.layers[l];
    const size_t qkv = (size_t)(c->H + 2u * c->KV) * c->D, width = (size_t)c->KV * c->D;
    mn_ref_rmsnorm(s->h, s->r, s->x, w->norm1, n, c->C, c->eps);
    mn_linear_rows(g->pool, s->qkv, s->h, w->wq, n, qkv, c->C);
    for (size_t t = 0; t < n; t++) {
        float *row = s->qkv + t * qkv;
        size_t at = (l * c->T + s->pos + t) * width;
        rope_row(g, row, c->H + c->KV, s->pos + t);
        memcpy(s->k + at, row + (size_t)c->H * c->D, width * sizeof(float));
        memcpy(s->v + at, row + (size_t)(c->H + c->KV) * c->D, width * sizeof(float));
    }
    mn_pool_run(g->pool, n * c->H, attend_part, &(attend_job){s, l, n});
    mn_linear_rows(g->pool, s->h, s->o, w->wo, n, c->C, (size_t)c->H * c->D);
    add_rows(s->x, s->h, n * c->C);
    mn_ref_rmsnorm(s->h, s->r, s->x, w->norm2, n, c->C, c->eps);
    mn_linear_rows(g->pool, s->gu, s->h, w->wg, n, 2u * (size_t)c->F, c->C);
    mn_ref_swiglu(s->f, s->gu, n, c->F);
    mn_linear_rows(g->pool, s->h, s->f, w->wd, n, c->C, c->F);
    add_rows(s->x, s->h, n * c->C);
}

/* n ≤ CHUNK rows through all layers; logits of the last row, or of all. */
static mn_rc chunk_run(mn_seq *s, const uint32_t *ids, size_t n, bool all, bool logits,
                       mn_err *e)
{
    mn_engine *g = s->g;
    const mn_config *c = &g->w.cfg;
    for (size_t t = 0; t < n; t++)
        if (ids[t] >= c->V)
            return mn_fail(e, MN_E_USAGE, "token %u is outside the vocabulary of %u", ids[t],
                           c->V);
    if (n > c->T - s->pos)
        return mn_fail(e, MN_E_LIMIT, "the context of %u tokens is full", c->T);
    pthread_mutex_lock(&g->turn);
    mn_ref_embed(s->x, g->w.embed, ids, n, c->C);
    for (size_t l = 0; l < c->L; l++) layer_run(s, l, n);
    s->pos += (uint32_t)n;
    if (logits) {
        size_t from = all ? 0 : n - 1, rows = n - from;
        mn_ref_rmsnorm(s->h, s->r, s->x + from * c->C, g->w.norm, rows, c->C, c->eps);
        mn_linear_rows(g->pool, s->logits, s->h, g->w.head, rows, c->V, c->C);
    }
    pthread_mutex_unlock(&g->turn);
    return MN_OK;
}

mn_rc mn_seq_feed(mn_seq *s, const uint32_t *ids, size_t n, const float **ret_logits, mn_err *e)
{
    if (n == 0) return mn_fail(e, MN_E_USAGE, "there is no token to feed");
    if (n > s->g->w.cfg.T - s->pos)
        return mn_fail(e, MN_E_LIMIT,
                       "%zu tokens do not fit: the context has %u and %u are in use", n,
                       s->g->w.cfg.T, s->pos);
    for (size_t at = 0; at < n; at += MN_INFER_CHUNK) {
        size_t m = n - at < MN_INFER_CHUNK ? n - at : MN_INFER_CHUNK;
        MN_TRY(chunk_run(s, ids + at, m, false, at + m == n, e));
    }
    *ret_logits = s->logits;
    return MN_OK;
}

mn_rc mn_seq_feed_all(mn_seq *s, const uint32_t *ids, size_t n, const float **ret, mn_err *e)
{
    if (n == 0 || n > MN_INFER_CHUNK)
        return mn_fail(e, MN_E_USAGE, "%zu tokens at once: expected 1 to %u", n,
                       MN_INFER_CHUNK);
    if (!s->logits_all) {
        float *p = mn_alloc_aligned(64, (size_t)s->g->w.cfg.V * MN_INFER_CHUNK * sizeof(float));
        if (!p) return mn_fail(e, MN_E_NOMEM, "out of memory for logits");
        mn_free(s->logits);
        s->logits = p;
        s->logits_all = true;
    }
    MN_TRY(chunk_run(s, ids, n, true, true, e));
    *ret = s->logits;
    return MN_OK;
}

mn_rc mn_seq_embed(mn_seq *s, const uint32_t *ids, size_t n, float *ret, mn_err *e)
{
    const size_t C = s->g->w.cfg.C;
    double *sum = mn_calloc(C, sizeof *sum), length = 0;
    mn_rc rc = sum ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
    const float *logits;
    mn_seq_reset(s);
    for (size_t i = 0; i < n && rc == MN_OK; i++) {
        rc = mn_seq_feed(s, ids + i, 1, &logits, e); /* leaves the row's state in h */
        for (size_t c = 0; c < C && rc == MN_OK; c++) sum[c] += (double)s->h[c];
    }
    for (size_t c = 0; c < C && rc == MN_OK; c++) length += sum[c] * sum[c];
    for (size_t c = 0; c < C && rc == MN_OK; c++)
        ret[c] = length > 0 ? (float)(sum[c] / sqrt(length)) : 0;
    mn_free(sum);
    mn_seq_reset(s);
    return rc;
}
