/* Text in, text out: prompts in the structure of posts, streaming, and held-out
 * quality. */
#include <math.h>
#include <string.h>

#include "infer/infer_int.h"
#include "text/langid.h"

mn_rc mn_prompt_post(const mn_tokenizer *t, int64_t at_ms, mn_str lang, mn_str text,
                     mn_ids *ret)
{
    if (mn_tok_is_ours(t)) {
        mn_lang found = {0};
        if (!lang.ptr) found = mn_langid(text);
        MN_TRY(mn_ids_add(ret, MN_TOK_START));
        MN_TRY(mn_ids_add(ret, mn_tok_year(at_ms)));
        MN_TRY(mn_ids_add(ret, mn_tok_month(at_ms)));
        MN_TRY(mn_ids_add(ret, mn_tok_lang(lang.ptr ? lang : mn_str_from(found.code))));
    } else if (mn_tok_begin(t) != UINT32_MAX) {
        MN_TRY(mn_ids_add(ret, mn_tok_begin(t)));
    }
    return mn_tok_encode(t, NULL, text, ret);
}

/* ---- generating -------------------------------------------------------------------------------------------------- */

typedef struct listener {
    bool (*on_text)(void *arg, mn_str text);
    void *arg;
} listener;

/* Gives out what can be; *ret_more: whether the reader wants more. */
static void tell(mn_stream *st, const listener *to, bool at_end, bool *ret_more)
{
    mn_str text = mn_stream__ready(st, at_end);
    *ret_more = text.len == 0 || to->on_text(to->arg, text);
    mn_stream__given(st, text.len);
}

static mn_rc generate(mn_seq *s, mn_stream *st, mn_guarded *guarded, const listener *to,
                      mn_sampler *sampler, const uint32_t *prompt, size_t n_prompt,
                      uint32_t max_tokens, uint32_t *n, mn_err *e)
{
    const mn_engine *g = s->g;
    const float *logits;
    bool more = true;
    MN_TRY(mn_seq_feed(s, prompt, n_prompt, &logits, e));
    mn_sampler_saw(sampler, prompt, n_prompt);
    while (more && (max_tokens == 0 || *n < max_tokens)) {
        uint32_t id = mn_sampler_pick(sampler, logits, NULL, g->banned, g->n_banned);
        if (mn_guarded__stops(guarded, st, id)) break;
        mn_sampler_took(sampler, id);
        ++*n;
        if (mn_engine_is_end(g, id)) break;
        mn_rc rc = mn_stream__put(st, id);
        if (rc != MN_OK) return mn_fail(e, rc, "out of memory");
        tell(st, to, false, &more);
        if (!more || s->len >= g->context) break;
        MN_TRY(mn_seq_feed(s, &id, 1, &logits, e));
    }
    mn_rc rc = mn_stream__end(st);
    if (rc != MN_OK) return mn_fail(e, rc, "out of memory");
    if (more) tell(st, to, true, &more);
    return MN_OK;
}

mn_rc mn_generate(mn_engine *g, const uint32_t *prompt, size_t n_prompt, const mn_sampling *p,
                  uint32_t max_tokens, bool (*on_text)(void *arg, mn_str text), void *arg,
                  uint32_t *ret_tokens, mn_err *e)
{
    mn_seq *s = NULL;
    mn_sampler *sampler = NULL;
    mn_stream st;
    uint32_t n = 0;
    const listener to = {on_text, arg};
    mn_guarded guarded;
    mn_stream__init(&st, g->model->tok, NULL, 0);
    mn_guarded__begin(&guarded, g, &st, prompt, n_prompt);
    mn_rc rc = mn_sampler_new(p, g->vocab, &sampler, e);
    if (rc == MN_OK) rc = mn_seq_new(g, &s, e);
    if (rc == MN_OK)
        rc = generate(s, &st, &guarded, &to, sampler, prompt, n_prompt, max_tokens, &n, e);
    if (rc == MN_OK && ret_tokens) *ret_tokens = n;
    mn_sampler_free(sampler);
    mn_seq_free(s);
    mn_stream__release(&st);
    mn_guarded__release(&guarded);
    return rc;
}

/* ---- held-out quality
 * -------------------------------------------------------------------------------------------
 */

static double nats(const float *logits, uint32_t V, uint32_t target)
{
    float max = logits[0];
    double sum = 0;
    for (uint32_t i = 1; i < V; i++)
        if (logits[i] > max) max = logits[i];
    for (uint32_t i = 0; i < V; i++) sum += exp((double)logits[i] - (double)max);
    return log(sum) + (double)max - (double)logits[target];
}

/* Scores ids[from..n) given those before them; the whole window fits the
 * context. */
static mn_rc window_bits(mn_seq *s, const mn_ids *ids, bool ours, mn_eval *io, mn_err *e)
{
    uint32_t V = s->g->cfg.V;
    mn_seq_reset(s);
    for (size_t at = 0; at + 1 < ids->n; at += MN_SEQ_ALL_MAX) {
        size_t m = ids->n - 1 - at < MN_SEQ_ALL_MAX ? ids->n - 1 - at : MN_SEQ_ALL_MAX;
        const float *logits;
        MN_TRY(mn_seq_feed_all(s, ids->ptr + at, m, &logits, e));
        for (size_t t = 0; t < m; t++) {
            uint32_t target = ids->ptr[at + t + 1];
            if (ours && mn_tok_is_condition(target)) continue;
            io->bits += nats(logits + t * V, V, target) / log(2.0);
            io->tokens++;
        }
    }
    return MN_OK;
}

/* The longest piece of text, ending between characters, whose tokens leave room
 * for what stands around it. */
static mn_rc piece_of(const mn_engine *g, mn_str text, mn_ids *ids, int64_t at_ms,
                      size_t *ret_len, mn_err *e)
{
    size_t len = text.len, room = g->context - 1;
    for (;;) {
        mn_ids_clear(ids);
        mn_rc rc =
            mn_prompt_post(g->model->tok, at_ms, MN_STR_NONE, mn_str_sub(text, 0, len), ids);
        if (rc != MN_OK) return mn_fail(e, rc, "out of memory");
        if (ids->n <= room) break;
        mn_str shorter = mn_utf8_cut(text, len * room / (ids->n + 1));
        if (shorter.len == 0 || shorter.len >= len)
            return mn_fail(e, MN_E_LIMIT,
                           "the model's context of %u tokens is too short to evaluate text",
                           g->context);
        len = shorter.len;
    }
    *ret_len = len;
    return MN_OK;
}

mn_rc mn_eval_text(mn_seq *s, mn_str text, int64_t at_ms, mn_eval *io, mn_err *e)
{
    mn_ids ids = {0};
    mn_eval sum = *io;
    bool ours = mn_tok_is_ours(s->g->model->tok);
    mn_rc rc = MN_OK;
    while (rc == MN_OK && text.len) {
        size_t len = 0;
        rc = piece_of(s->g, text, &ids, at_ms, &len, e);
        if (rc == MN_OK && ours && len == text.len && mn_ids_add(&ids, MN_TOK_END) != MN_OK)
            rc = mn_fail(e, MN_E_NOMEM, "out of memory");
        if (rc == MN_OK) rc = window_bits(s, &ids, ours, &sum, e);
        sum.bytes += len;
        text = mn_str_sub(text, len, text.len);
    }
    mn_ids_release(&ids);
    if (rc == MN_OK) *io = sum;
    return rc;
}
