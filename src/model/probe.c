/* Building what is scored, and scoring it. Contract: probe.h; the design: docs/design/evaluation.md.
 *
 * The pass is tuning's (lora_pass.h) without an adapter: it runs any model in any format, many rows at a time. */
#include "model/probe.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/stop.h"
#include "model/lora_pass.h"
#include "model/pack.h"
#include "model/probe_int.h"
#include "text/langid.h"

#define ROWS       16
#define TOKENS_MAX (UINT64_C(1) << 31)

/* ---- opening --------------------------------------------------------------------------------------------------------- */

mn_rc mn_probe_new(const mn_model *m, mn_probe *ret, mn_err *e)
{
    mn_probe p = {.m = m};
    MN_TRY(mn_model_form(m, &p.form, e));
    MN_TRY(mn_tok_cache_new(&p.cache, e));
    mn_arena_init(&p.arena, 0);
    *ret = p;
    return MN_OK;
}

void mn_probe_release(mn_probe *p)
{
    mn_tok_cache_free(p->cache);
    mn_arena_release(&p->arena);
    mn_free(p->ids);
    mn_free(p->owner);
    mn_free(p->doc_end);
    mn_free(p->posts);
    *p = (mn_probe){0};
}

/* ---- adding ---------------------------------------------------------------------------------------------------------- */

/* Room for one more of something; false without memory. */
static bool grow(void **at, uint64_t n, uint64_t cap, size_t size, uint64_t *ret_cap)
{
    *ret_cap = cap;
    if (n < cap) return true;
    *ret_cap = cap ? 2 * cap : 1024;
    void *more = mn_reallocarray(*at, *ret_cap, size);
    if (!more) return false;
    *at = more;
    return true;
}

static mn_rc add_id(mn_probe *p, uint32_t id, uint32_t owner, mn_err *e)
{
    uint64_t cap, same;
    if (p->n_ids >= TOKENS_MAX)
        return mn_fail(e, MN_E_LIMIT, "more than 2^31 tokens: evaluate on less text");
    if (!grow((void **)&p->ids, p->n_ids, p->cap_ids, sizeof *p->ids, &cap) ||
        !grow((void **)&p->owner, p->n_ids, p->cap_ids, sizeof *p->owner, &same))
        return mn_fail(e, MN_E_NOMEM, "no memory for what is evaluated");
    p->cap_ids = cap;
    p->ids[p->n_ids] = id;
    p->owner[p->n_ids++] = owner;
    return MN_OK;
}

static mn_rc add_post(mn_probe *p, const mn_probe_text *t, uint32_t lang, mn_err *e)
{
    int year = 0, month = 1, d, h, mi, s;
    uint64_t cap;
    if (!grow((void **)&p->posts, p->n_posts, p->cap_posts, sizeof *p->posts, &cap))
        return mn_fail(e, MN_E_NOMEM, "no memory for what is evaluated");
    p->cap_posts = cap;
    mn_probe_post *post = &p->posts[p->n_posts];
    *post = (mn_probe_post){.lang = lang, .bytes = t->text.len};
    if (t->author.ptr && !(post->author = mn_str_dup(&p->arena, t->author)).ptr)
        return mn_fail(e, MN_E_NOMEM, "no memory for what is evaluated");
    if (t->created_ms != MN_PROBE_NO_TIME) {
        mn_time_to_civil(t->created_ms, &year, &month, &d, &h, &mi, &s);
        post->month = (uint32_t)(year * 12 + month - 1);
    }
    p->n_posts++;
    return MN_OK;
}

static mn_rc end_document(mn_probe *p, mn_err *e)
{
    uint64_t cap;
    if (!grow((void **)&p->doc_end, p->n_docs, p->cap_docs, sizeof *p->doc_end, &cap))
        return mn_fail(e, MN_E_NOMEM, "no memory for what is evaluated");
    p->cap_docs = cap;
    p->doc_end[p->n_docs++] = p->n_ids;
    return MN_OK;
}

static mn_rc add_text(mn_probe *p, mn_str text, uint32_t owner, mn_err *e)
{
    mn_ids ids = {0};
    mn_rc rc = mn_tok_encode(p->m->tok, p->cache, text, &ids);
    if (rc != MN_OK) mn_fail(e, rc, "no memory to tokenize what is evaluated");
    for (size_t i = 0; rc == MN_OK && i < ids.n; i++) rc = add_id(p, ids.ptr[i], owner, e);
    mn_ids_release(&ids);
    return rc;
}

/* What stands before a post in a document of ours, as a corpus has it. */
static mn_rc add_structure(mn_probe *p, const mn_probe_text *t, const mn_probe_text *before,
                           uint32_t lang, uint32_t lang_before, int64_t now, uint32_t owner,
                           mn_err *e)
{
    int64_t at = t->created_ms == MN_PROBE_NO_TIME ? now : t->created_ms, was = at;
    if (before) was = before->created_ms == MN_PROBE_NO_TIME ? now : before->created_ms;
    uint32_t opening = !before ? MN_TOK_START : t->quotes ? MN_TOK_QUOTE : MN_TOK_REPLY;
    MN_TRY(add_id(p, opening, before ? owner : MN_PROBE_FREE, e));
    if (!before || mn_tok_year(at) != mn_tok_year(was) ||
        mn_tok_month(at) != mn_tok_month(was)) {
        MN_TRY(add_id(p, mn_tok_year(at), MN_PROBE_FREE, e));
        MN_TRY(add_id(p, mn_tok_month(at), MN_PROBE_FREE, e));
    }
    return before && lang == lang_before ? MN_OK : add_id(p, lang, MN_PROBE_FREE, e);
}

uint32_t mn_probe__lang(mn_str text)
{
    mn_lang found = mn_langid(text);
    return mn_tok_lang(mn_str_from(found.code));
}

static uint32_t lang_of(const mn_probe_text *t)
{
    return t->lang ? t->lang : mn_probe__lang(t->text);
}

static mn_rc add_posts(mn_probe *p, const mn_probe_text *posts, size_t n, int64_t now,
                       mn_err *e)
{
    uint32_t lang = 0, owner = 0;
    const bool ours = p->form.ours;
    if (!ours) MN_TRY(add_id(p, p->form.start, MN_PROBE_FREE, e));
    for (size_t i = 0; i < n; i++) {
        const mn_probe_text *t = &posts[i];
        const uint32_t before = lang;
        if (!t->text.len) return mn_fail(e, MN_E_USAGE, "a post without text");
        lang = lang_of(t), owner = (uint32_t)p->n_posts;
        MN_TRY(add_post(p, t, lang, e));
        if (ours) MN_TRY(add_structure(p, t, i ? t - 1 : NULL, lang, before, now, owner, e));
        for (uint32_t k = 0; i && k < p->form.n_part; k++)
            MN_TRY(add_id(p, p->form.part[k], owner, e));
        MN_TRY(add_text(p, t->text, owner, e));
    }
    MN_TRY(add_id(p, p->form.end, owner, e));
    return end_document(p, e);
}

mn_rc mn_probe_document(mn_probe *p, const mn_probe_text *posts, size_t n, int64_t now_ms,
                        mn_err *e)
{
    const uint64_t n_ids = p->n_ids, n_posts = p->n_posts;
    if (!n) return mn_fail(e, MN_E_USAGE, "a document without posts");
    mn_rc rc = add_posts(p, posts, n, now_ms, e);
    if (rc != MN_OK) p->n_ids = n_ids, p->n_posts = n_posts;
    return rc;
}

mn_rc mn_probe__tokens(mn_probe *p, const mn_shard *s, uint64_t from, uint64_t to,
                       uint32_t owner, mn_err *e)
{
    for (uint64_t i = from; i < to; i++) {
        const uint32_t id = mn_shard_token(s, i);
        const bool learns = mn_docform_learns(&s->form, id);
        MN_TRY(add_id(p, id, learns ? owner : MN_PROBE_FREE, e));
    }
    return MN_OK;
}

mn_rc mn_probe__post(mn_probe *p, const mn_probe_text *t, mn_err *e)
{
    return add_post(p, t, t->lang, e);
}

mn_rc mn_probe__end(mn_probe *p, mn_err *e)
{
    return end_document(p, e);
}

/* ---- scoring --------------------------------------------------------------------------------------------------------- */

static void fill_row(const mn_probe *p, const mn_packing *k, uint64_t row, mn_batch_buf *b,
                     size_t at)
{
    size_t t = 0, i = at * b->T;
    for (uint64_t q = k->row_piece[row]; q < k->row_piece[row + 1]; q++) {
        const mn_piece *piece = &k->pieces[q];
        const uint32_t start = (uint32_t)t;
        for (uint32_t j = 0; j < piece->n; j++, t++, i++) {
            b->ids[i] = p->ids[piece->from + j];
            b->target[i] = p->ids[piece->from + j + 1];
            b->pos[i] = j, b->first[i] = start;
            b->weight[i] = p->owner[piece->from + j + 1] == MN_PROBE_FREE ? 0.0f : 1.0f;
        }
    }
    for (; t < b->T; t++, i++) {
        b->ids[i] = b->target[i] = p->form.end;
        b->pos[i] = 0, b->first[i] = (uint32_t)t, b->weight[i] = 0;
    }
}

static void take_row(mn_probe *p, const mn_packing *k, uint64_t row, const float *losses)
{
    for (uint64_t q = k->row_piece[row]; q < k->row_piece[row + 1]; q++) {
        const mn_piece *piece = &k->pieces[q];
        for (uint32_t j = 0; j < piece->n; j++, losses++) {
            const uint32_t owner = p->owner[piece->from + j + 1];
            if (owner == MN_PROBE_FREE) continue;
            const double bits = (double)*losses / log(2);
            p->posts[owner].bits += bits;
            p->posts[owner].tokens++;
            if (p->ids[piece->from + j + 1] == p->form.end) p->end_bits += bits;
        }
    }
}

static mn_rc run_rows(mn_probe *p, mn_lora_pass *pass, const mn_packing *k, mn_batch_buf *b,
                      float *losses, void (*on_row)(void *arg, uint64_t row, uint64_t n_rows),
                      void *arg, mn_err *e)
{
    for (uint64_t row = 0; row < k->n_rows; row += b->n_rows) {
        const uint64_t left = k->n_rows - row;
        const size_t n = left < b->n_rows ? (size_t)left : b->n_rows;
        if (mn_stop_requested()) return mn_fail(e, MN_E_CANCELLED, "stopped");
        for (size_t i = 0; i < n; i++) fill_row(p, k, row + i, b, i);
        mn_batch view = mn_batch_view(b, 0, n);
        mn_lora_pass_run(pass, &view, losses, NULL);
        for (size_t i = 0; i < n; i++) take_row(p, k, row + i, losses + i * b->T);
        if (on_row) on_row(arg, row + n, k->n_rows);
    }
    return MN_OK;
}

static mn_rc check(const mn_probe *p, mn_err *e)
{
    for (uint64_t i = 0; i < p->n_ids; i++)
        if (p->ids[i] >= p->m->cfg.V)
            return mn_fail(e, MN_E_CORRUPT, "token %u is outside the model's vocabulary of %u",
                           p->ids[i], p->m->cfg.V);
    return p->n_docs ? MN_OK : mn_fail(e, MN_E_LIMIT, "there is nothing to evaluate on");
}

mn_rc mn_probe_run(mn_probe *p, mn_pool *pool, size_t T, mn_dtype dtype,
                   void (*on_row)(void *arg, uint64_t row, uint64_t n_rows), void *arg,
                   mn_err *e)
{
    mn_packing k = {0};
    mn_batch_buf b = {0};
    mn_lora_pass *pass = NULL;
    float *losses = NULL;
    MN_ASSERT(T > 0 && T <= p->m->cfg.T);
    MN_TRY(check(p, e));
    for (uint64_t i = 0; i < p->n_posts; i++) p->posts[i].bits = 0, p->posts[i].tokens = 0;
    p->end_bits = 0;
    mn_rc rc = mn_pack_ends(p->doc_end, p->n_docs, T, 1, false, 0, 0, &k, e);
    const size_t rows = k.n_rows < ROWS ? (size_t)k.n_rows : ROWS;
    mn_lora_pass_opts o = {.n_rows = rows, .T = T, .dtype = dtype};
    if (rc == MN_OK) rc = mn_batch_buf_new(rows, T, &b, e);
    if (rc == MN_OK) rc = mn_lora_pass_new(p->m, NULL, pool, &o, &pass, e);
    if (rc == MN_OK && !(losses = mn_calloc(rows * T, sizeof *losses)))
        rc = mn_fail(e, MN_E_NOMEM, "no memory for the evaluation");
    if (rc == MN_OK) rc = run_rows(p, pass, &k, &b, losses, on_row, arg, e);
    if (rc == MN_OK && !isfinite(mn_probe_total(p).bits))
        rc =
            mn_fail(e, MN_E_LIMIT, "the model's loss is not a number: its weights are damaged");
    mn_free(losses);
    mn_lora_pass_free(pass);
    mn_batch_buf_release(&b);
    mn_packing_release(&k);
    return rc;
}
