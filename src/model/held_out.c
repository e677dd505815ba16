/* See held_out.h. Sampling runs the whole window again for each token: a few dozen short passes at an evaluation cost less
 * than a cache would in code; infer/ has the real one. */
#include "model/held_out.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define EVAL_ROWS 16

/* Bytes of text of every `every`-th document; posts lie in token order, each ends with one LF. */
static uint64_t bytes_of(const mn_shard *s, uint64_t every)
{
    uint64_t sum = 0, end = s->text_bytes + s->n_posts;
    for (uint64_t i = s->n_posts; i-- > 0;) {
        const mn_origin *o = &s->posts[i];
        if (o->document % every == 0 && !mn_shard_erased(s, o->document))
            sum += end - o->text_offset - 1;
        end = o->text_offset;
    }
    return sum;
}

/* All but what computes. */
static mn_rc open_rows(const mn_shard *s, size_t T, uint64_t most_tokens, mn_held_out *ret,
                       mn_err *e)
{
    mn_held_out h = {.shard = s, .every = (s->n_tok + most_tokens - 1) / most_tokens};
    if (h.every < 1) h.every = 1;
    mn_rc rc = mn_pack(s, T, h.every, false, 0, 0, &h.packing, e);
    size_t rows = h.packing.n_rows < EVAL_ROWS ? (size_t)h.packing.n_rows : EVAL_ROWS;
    if (rc == MN_OK) rc = mn_batch_buf_new(rows, T, &h.batch, e);
    if (rc == MN_OK && !(h.losses = mn_calloc(rows * T, sizeof *h.losses)))
        rc = mn_fail(e, MN_E_NOMEM, "no memory for the evaluation");
    h.text_bytes = bytes_of(s, h.every);
    if (rc == MN_OK && !h.text_bytes)
        rc = mn_fail(e, MN_E_LIMIT, "the held-out posts have no text");
    if (rc == MN_OK) *ret = h;
    else mn_held_out_release(&h);
    return rc;
}

mn_rc mn_held_out_new(const mn_shard *s, const mn_weights *w, mn_pool *pool, size_t T,
                      mn_dtype dtype, uint64_t most_tokens, mn_held_out *ret, mn_err *e)
{
    mn_held_out h;
    MN_TRY(open_rows(s, T, most_tokens, &h, e));
    mn_rc rc = mn_pass_new(w, pool, h.batch.n_rows, T, dtype, MN_KEEP_NOTHING, &h.pass, e);
    if (rc == MN_OK) *ret = h;
    else mn_held_out_release(&h);
    return rc;
}

mn_rc mn_held_out_new_gpu(const mn_shard *s, mn_gpu *g, size_t T, uint64_t most_tokens,
                          mn_held_out *ret, mn_err *e)
{
    mn_held_out h;
    MN_TRY(open_rows(s, T, most_tokens, &h, e));
    h.gpu = g;
    *ret = h;
    return MN_OK;
}

void mn_held_out_release(mn_held_out *h)
{
    mn_packing_release(&h->packing);
    mn_batch_buf_release(&h->batch);
    mn_pass_free(h->pass);
    mn_free(h->losses);
    *h = (mn_held_out){0};
}

double mn_held_out_bits_per_byte(mn_held_out *h)
{
    double nats = 0;
    size_t scored = 0;
    for (uint64_t row = 0; row < h->packing.n_rows; row += h->batch.n_rows) {
        uint64_t left = h->packing.n_rows - row;
        size_t n = left < h->batch.n_rows ? (size_t)left : h->batch.n_rows;
        for (size_t i = 0; i < n; i++)
            mn_batch_fill(&h->batch, i, h->shard, &h->packing, row + i, &scored);
        mn_batch b = mn_batch_view(&h->batch, 0, n);
        if (!h->gpu) mn_pass_run(h->pass, &b, h->losses, NULL);
        else if (mn_gpu_losses(h->gpu, &b, h->losses, NULL) != MN_OK) return NAN;
        for (size_t i = 0; i < n * h->batch.T; i++)
            if (b.weight[i] > 0) nats += (double)h->losses[i];
    }
    return nats / log(2) / (double)h->text_bytes;
}

/* ---- samples --------------------------------------------------------------------------------------------------------------- */

#define TOP_K 40

/* What a model may write: no condition of ours; of others' special tokens that which ends a text. */
static bool may_write(const mn_tokenizer *tok, const mn_docform *f, uint32_t id)
{
    if (f->ours) return !mn_tok_is_condition(id);
    return id == f->end || (id < mn_tok_vocab(tok) && !mn_tok_is_special(tok, id));
}

/* One of the TOP_K likeliest tokens that it may write, drawn with `u` in [0, 1). */
static uint32_t draw(const mn_tokenizer *tok, const mn_docform *f, const float *logits,
                     uint32_t V, double u)
{
    uint32_t id[TOP_K];
    size_t n = 0;
    for (uint32_t v = 0; v < V; v++) {
        if (!may_write(tok, f, v)) continue;
        size_t i = n < TOP_K ? n++ : TOP_K;
        if (i == TOP_K && logits[v] <= logits[id[TOP_K - 1]]) continue;
        if (i == TOP_K) i--;
        for (; i > 0 && logits[v] > logits[id[i - 1]]; i--) id[i] = id[i - 1];
        id[i] = v;
    }
    double p[TOP_K], sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += p[i] = exp(((double)logits[id[i]] - (double)logits[id[0]]) / 0.8);
    for (size_t i = 0; i < n; i++)
        if ((u -= p[i] / sum) < 0) return id[i];
    return n ? id[0] : f->end;
}

/* How many of the n tokens from `at` to give: at most half and MN_SAMPLE_GIVEN, up to the end of a word if there is one. */
static size_t words_given(const mn_tokenizer *tok, const mn_shard *s, uint64_t at, size_t n)
{
    size_t most = n / 2 < MN_SAMPLE_GIVEN ? n / 2 : MN_SAMPLE_GIVEN;
    for (size_t k = most; k > 0; k--) {
        mn_str next = mn_tok_bytes(tok, mn_shard_token(s, at + k));
        if (next.len && (next.ptr[0] == ' ' || next.ptr[0] == '\n')) return k;
    }
    return most; /* a language that does without blanks */
}

/* Whether a token stands before the first post's text, or ends that. */
static bool is_structure(const mn_docform *f, uint32_t id)
{
    return id == f->end || !mn_docform_learns(f, id);
}

/* What opens document d: its conditions (of others its start) and the first words of its first post. */
static size_t opening(const mn_tokenizer *tok, const mn_shard *s, uint64_t d, uint32_t *ret)
{
    uint64_t at = d ? s->doc_end[d - 1] : 0, end = s->doc_end[d], text;
    size_t n = 0;
    if (mn_shard_erased(s, d)) at = end; /* nothing of it is left to begin with */
    else if (!s->form.ours) at++, ret[n++] = s->form.start;
    while (n < 8 && at < end && !mn_docform_learns(&s->form, mn_shard_token(s, at)))
        ret[n++] = mn_shard_token(s, at++);
    if (!n) ret[n++] = s->form.start;
    for (text = at; text < end; text++)
        if (is_structure(&s->form, mn_shard_token(s, text))) break;
    for (size_t k = words_given(tok, s, at, (size_t)(text - at)); k > 0; k--)
        ret[n++] = mn_shard_token(s, at++);
    return n;
}

static void grow(mn_pass *p, mn_batch_buf *b, size_t *n, float *losses, float *logits,
                 const mn_tokenizer *tok, const mn_docform *f, uint32_t V, uint64_t seed)
{
    const size_t T = b->T;
    for (bool any = true; any;) {
        mn_batch view = mn_batch_view(b, 0, b->n_rows);
        mn_pass_run(p, &view, losses, NULL);
        any = false;
        for (size_t r = 0; r < b->n_rows; r++) {
            uint32_t last = b->ids[r * T + n[r] - 1];
            if (n[r] == T || (last == f->end && n[r] > 1)) continue;
            mn_pass_logits(p, r, n[r] - 1, logits);
            double u = mn_rand_unit(mn_rand_at(seed, 0x73616d70 + r, n[r]));
            b->ids[r * T + n[r]++] = draw(tok, f, logits, V, u);
            any = true;
        }
    }
}

static mn_rc decode(const mn_tokenizer *tok, const uint32_t *ids, size_t n, size_t cap,
                    char *ret, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_rc rc = mn_tok_decode(tok, ids, n, false, &b);
    if (rc != MN_OK) {
        mn_buf_release(&b);
        return mn_fail(e, rc, "cannot decode a sample");
    }
    size_t len = 0; /* a token may end within a character: what is not whole is left out */
    for (size_t i = 0; i < b.len;) {
        uint32_t cp;
        size_t k = mn_utf8_decode(b.ptr + i, b.len - i, &cp);
        if (k && cp != 0 && len + k < cap) memcpy(ret + len, b.ptr + i, k), len += k;
        i += k ? k : 1;
    }
    ret[len] = 0;
    mn_buf_release(&b);
    return MN_OK;
}

mn_rc mn_sample_texts(const mn_weights *w, mn_pool *pool, const mn_tokenizer *tok,
                      const mn_shard *s, uint64_t seed, size_t n, size_t cap, char *ret,
                      size_t *ret_given, mn_err *e)
{
    const size_t T = w->cfg.T < MN_SAMPLE_T ? w->cfg.T : MN_SAMPLE_T;
    mn_batch_buf b = {0};
    mn_pass *p = NULL;
    size_t *len = mn_calloc(n, sizeof *len);
    float *f = mn_calloc(n * T + w->cfg.V, sizeof *f);
    mn_rc rc = len && f ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for samples");
    if (rc == MN_OK) rc = mn_batch_buf_new(n, T, &b, e);
    if (rc == MN_OK) rc = mn_pass_new(w, pool, n, T, MN_F32, MN_KEEP_NOTHING, &p, e);
    if (rc == MN_OK && T > 8 + MN_SAMPLE_GIVEN) {
        for (size_t r = 0; r < n; r++) {
            for (size_t t = 0; t < T; t++) b.pos[r * T + t] = (uint32_t)t;
            len[r] = opening(tok, s, s->n_docs * (2 * r + 1) / (2 * n), b.ids + r * T);
        }
        for (size_t r = 0; rc == MN_OK && r < n; r++) {
            rc = decode(tok, b.ids + r * T, len[r], cap, ret + r * cap, e);
            ret_given[r] = strlen(ret + r * cap);
        }
        if (rc == MN_OK) grow(p, &b, len, f, f + n * T, tok, &s->form, w->cfg.V, seed);
        for (size_t r = 0; rc == MN_OK && r < n; r++)
            rc = decode(tok, b.ids + r * T, len[r], cap, ret + r * cap, e);
    }
    mn_pass_free(p);
    mn_batch_buf_release(&b);
    mn_free(len);
    mn_free(f);
    return rc;
}
