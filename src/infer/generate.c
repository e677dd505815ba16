/* Text in, text out: prompts in the structure of posts, streaming, and held-out quality. */
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
    }
    return mn_tok_encode(t, NULL, text, ret);
}

/* ---- generating ------------------------------------------------------------------------------------------------- */

typedef struct stream {
    const mn_tokenizer *tok;
    bool ours;
    uint32_t banned[MN_TOK_SPECIALS];
    size_t n_banned;
    mn_buf pending; /* bytes of a UTF-8 sequence that is not whole yet */
    bool (*on_text)(void *arg, mn_str text);
    void *arg;
} stream;

/* Gives out what is whole; a byte that can never become whole is replaced. At the end, everything. */
static bool flush(stream *st, bool at_end)
{
    size_t i = 0, start = 0;
    bool go = true;
    mn_buf *b = &st->pending;
    while (i < b->len && go) {
        uint32_t cp;
        size_t n = mn_utf8_decode(b->ptr + i, b->len - i, &cp);
        if (n) {
            i += n;
            continue;
        }
        unsigned char lead = (unsigned char)b->ptr[i];
        size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
        if (!at_end && want > 1 && b->len - i < want) break;
        if (i > start) go = st->on_text(st->arg, (mn_str){b->ptr + start, i - start});
        if (go) go = st->on_text(st->arg, MN_STR("\xef\xbf\xbd"));
        start = ++i;
    }
    if (go && i > start) go = st->on_text(st->arg, (mn_str){b->ptr + start, i - start});
    memmove(b->ptr, b->ptr + i, b->len - i);
    b->len -= i;
    return go;
}

/* *ret_more: false when the text is over or the reader has had enough. */
static mn_rc give(stream *st, uint32_t id, bool *ret_more)
{
    *ret_more = true;
    if (st->ours && id == MN_TOK_END) {
        *ret_more = false;
        return MN_OK;
    }
    if (st->ours && (id == MN_TOK_REPLY || id == MN_TOK_QUOTE))
        *ret_more = flush(st, true) && st->on_text(st->arg, MN_STR("\n\n"));
    else if (!mn_tok_is_special(st->tok, id)) {
        MN_TRY(mn_buf_adds(&st->pending, mn_tok_bytes(st->tok, id)));
        *ret_more = flush(st, false);
    }
    return MN_OK;
}

static void stream_init(stream *st, const mn_engine *g, bool (*on_text)(void *, mn_str),
                        void *arg)
{
    *st =
        (stream){.tok = g->tok, .ours = mn_tok_is_ours(g->tok), .on_text = on_text, .arg = arg};
    mn_buf_init(&st->pending, 1u << 20);
    for (uint32_t i = 0; st->ours && i < MN_TOK_SPECIALS; i++)
        if (mn_tok_is_condition(i)) st->banned[st->n_banned++] = i;
}

static mn_rc generate(mn_engine *g, mn_seq *s, stream *st, mn_sampler *sampler,
                      const uint32_t *prompt, size_t n_prompt, uint32_t max_tokens, uint32_t *n,
                      mn_err *e)
{
    const float *logits;
    bool more = true;
    MN_TRY(mn_seq_feed(s, prompt, n_prompt, &logits, e));
    while (more && (max_tokens == 0 || *n < max_tokens)) {
        uint32_t id = mn_sampler_pick(sampler, logits, NULL, st->banned, st->n_banned);
        mn_sampler_took(sampler, id);
        ++*n;
        mn_rc rc = give(st, id, &more);
        if (rc != MN_OK) return mn_fail(e, rc, "out of memory");
        if (!more || s->pos >= g->w.cfg.T) break;
        MN_TRY(mn_seq_feed(s, &id, 1, &logits, e));
    }
    flush(st, true);
    return MN_OK;
}

mn_rc mn_generate(mn_engine *g, const uint32_t *prompt, size_t n_prompt, const mn_sampling *p,
                  uint32_t max_tokens, bool (*on_text)(void *arg, mn_str text), void *arg,
                  uint32_t *ret_tokens, mn_err *e)
{
    mn_seq *s = NULL;
    mn_sampler *sampler = NULL;
    stream st;
    uint32_t n = 0;
    stream_init(&st, g, on_text, arg);
    mn_rc rc = mn_sampler_new(p, g->w.cfg.V, &sampler, e);
    if (rc == MN_OK) rc = mn_seq_new(g, &s, e);
    if (rc == MN_OK) rc = generate(g, s, &st, sampler, prompt, n_prompt, max_tokens, &n, e);
    if (rc == MN_OK && ret_tokens) *ret_tokens = n;
    mn_sampler_free(sampler);
    mn_seq_free(s);
    mn_buf_release(&st.pending);
    return rc;
}

/* ---- held-out quality ------------------------------------------------------------------------------------------- */

static double nats(const float *logits, uint32_t V, uint32_t target)
{
    float max = logits[0];
    double sum = 0;
    for (uint32_t i = 1; i < V; i++)
        if (logits[i] > max) max = logits[i];
    for (uint32_t i = 0; i < V; i++) sum += exp((double)logits[i] - (double)max);
    return log(sum) + (double)max - (double)logits[target];
}

/* Scores ids[from..n) given those before them; the whole window fits the context. */
static mn_rc window_bits(mn_seq *s, const mn_ids *ids, bool ours, mn_eval *io, mn_err *e)
{
    uint32_t V = s->g->w.cfg.V;
    mn_seq_reset(s);
    for (size_t at = 0; at + 1 < ids->n; at += MN_INFER_CHUNK) {
        size_t m = ids->n - 1 - at < MN_INFER_CHUNK ? ids->n - 1 - at : MN_INFER_CHUNK;
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

/* The longest piece of text, ending between characters, whose tokens leave room for what stands around it. */
static mn_rc piece_of(const mn_engine *g, mn_str text, mn_ids *ids, int64_t at_ms,
                      size_t *ret_len, mn_err *e)
{
    size_t len = text.len, room = g->w.cfg.T - 1;
    for (;;) {
        mn_ids_clear(ids);
        mn_rc rc = mn_prompt_post(g->tok, at_ms, MN_STR_NONE, mn_str_sub(text, 0, len), ids);
        if (rc != MN_OK) return mn_fail(e, rc, "out of memory");
        if (ids->n <= room) break;
        mn_str shorter = mn_utf8_cut(text, len * room / (ids->n + 1));
        if (shorter.len == 0 || shorter.len >= len)
            return mn_fail(e, MN_E_LIMIT,
                           "the model's context of %u tokens is too short to evaluate text",
                           g->w.cfg.T);
        len = shorter.len;
    }
    *ret_len = len;
    return MN_OK;
}

mn_rc mn_eval_text(mn_seq *s, mn_str text, int64_t at_ms, mn_eval *io, mn_err *e)
{
    mn_ids ids = {0};
    mn_eval sum = *io;
    bool ours = mn_tok_is_ours(s->g->tok);
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
