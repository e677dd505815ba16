/* One generation: what was asked, what was written, and what of it was told. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "infer/batch_int.h"

/* ---- a new one --------------------------------------------------------------------------------------------------- */

static mn_rc check(const mn_engine *g, const mn_gen_request *r, mn_err *e)
{
    MN_TRY(mn_seq__check(g, r->prompt, r->n_prompt, e));
    if (r->n_prompt > g->context)
        return mn_fail(e, MN_E_LIMIT, "the prompt has %zu tokens, the context only %u",
                       r->n_prompt, g->context);
    if (r->n_stops > 16)
        return mn_fail(e, MN_E_USAGE, "%zu stop strings: at most 16", r->n_stops);
    for (size_t i = 0; i < r->n_stops; i++)
        if (r->stops[i].len == 0) return mn_fail(e, MN_E_USAGE, "a stop string is empty");
    if (r->n_top > 20)
        return mn_fail(e, MN_E_USAGE, "%u log probabilities a token: at most 20", r->n_top);
    return MN_OK;
}

static bool copy_stops(mn_gen *n, const mn_gen_request *r)
{
    size_t bytes = 0;
    for (size_t i = 0; i < r->n_stops; i++) bytes += r->stops[i].len;
    char *p = n->stop_text = mn_alloc(bytes);
    if (!p) return false;
    for (size_t i = 0; i < r->n_stops; i++) {
        memcpy(p, r->stops[i].ptr, r->stops[i].len);
        n->stops[i] = (mn_str){p, r->stops[i].len};
        p += r->stops[i].len;
    }
    n->n_stops = r->n_stops;
    return true;
}

/* What the request bans and what the engine never writes. */
static bool copy_banned(mn_gen *n, const mn_gen_request *r)
{
    n->n_banned = n->g->n_banned + r->n_banned;
    n->banned = mn_calloc(n->n_banned + 1, sizeof *n->banned);
    if (!n->banned) return false;
    if (n->g->n_banned) memcpy(n->banned, n->g->banned, n->g->n_banned * sizeof *n->banned);
    if (r->n_banned)
        memcpy(n->banned + n->g->n_banned, r->banned, r->n_banned * sizeof *n->banned);
    return true;
}

static mn_rc copy(mn_gen *n, const mn_gen_request *r, mn_err *e)
{
    bool ok = copy_stops(n, r) && copy_banned(n, r);
    for (size_t i = 0; ok && i < r->n_prompt; i++)
        ok = mn_ids_add(&n->all, r->prompt[i]) == MN_OK;
    if (ok && r->n_top) {
        n->top = mn_calloc((MN_LOOKUP_DRAFT + 1) * r->n_top, sizeof *n->top);
        ok = n->top != NULL;
    }
    if (ok && r->embed) {
        n->sum = mn_calloc(n->g->cfg.C, sizeof *n->sum);
        n->embedding = mn_calloc(n->g->cfg.C, sizeof *n->embedding);
        ok = n->sum && n->embedding;
    }
    return ok ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory for a request");
}

mn_rc mn_gen__new(mn_engine *g, const mn_gen_request *r, mn_gen **ret, mn_err *e)
{
    MN_TRY(check(g, r, e));
    mn_gen *n = mn_calloc(1, sizeof *n);
    if (!n) return mn_fail(e, MN_E_NOMEM, "out of memory for a request");
    n->g = g;
    n->client_id = r->client;
    n->n_prompt = (uint32_t)r->n_prompt;
    n->max_tokens = r->max_tokens;
    n->logprobs = r->logprobs;
    n->n_top = r->logprobs ? r->n_top : 0;
    n->ignore_end = r->ignore_end;
    n->no_lookup = r->no_lookup;
    n->embed = r->embed;
    n->on_event = r->on_event;
    n->arg = r->arg;
    n->at_submit_us = mn_mono_us();
    mn_lookup__init(&n->lookup);
    mn_stream__init(&n->stream, g->model->tok, n->stops, r->n_stops);
    n->stream.specials = r->specials;
    mn_rc rc = copy(n, r, e);
    if (rc == MN_OK && !r->embed) rc = mn_sampler_new(&r->sampling, g->vocab, &n->sampler, e);
    if (rc == MN_OK && r->grammar) rc = mn_constraint_new(r->grammar, &n->constraint, e);
    if (rc != MN_OK) {
        mn_gen__free(n);
        return rc;
    }
    if (n->sampler) mn_sampler_saw(n->sampler, r->prompt, r->n_prompt);
    mn_guarded__begin(&n->guarded, g, &n->stream, r->prompt, r->n_prompt);
    *ret = n;
    return MN_OK;
}

void mn_gen__free(mn_gen *n)
{
    if (!n) return;
    mn_seq_free(n->seq);
    mn_sampler_free(n->sampler);
    mn_constraint_free(n->constraint);
    mn_stream__release(&n->stream);
    mn_guarded__release(&n->guarded);
    mn_lookup__release(&n->lookup);
    mn_ids_release(&n->all);
    mn_free(n->stop_text);
    mn_free(n->banned);
    mn_free(n->top);
    mn_free(n->sum);
    mn_free(n->embedding);
    mn_free(n);
}

/* ---- tokens ------------------------------------------------------------------------------------------------------ */

void mn_gen__fail(mn_gen *n, const char *why)
{
    n->end = MN_GEN_FAILED;
    snprintf(n->error, sizeof n->error, "%s", why);
}

/* What was picked becomes part of the answer. */
static mn_rc add(mn_gen *n, uint32_t id, mn_err *e)
{
    n->guarded.prompt = n->all.ptr; /* it begins with the prompt, and may have moved */
    if (mn_guarded__stops(&n->guarded, &n->stream, id)) {
        n->end = MN_GEN_GUARDED;
        return MN_OK;
    }
    mn_sampler_took(n->sampler, id);
    if (n->constraint) MN_TRY(mn_constraint_take(n->constraint, id, e));
    if (mn_engine_is_end(n->g, id) && (!n->ignore_end || n->constraint)) {
        n->end = MN_GEN_STOP;
        return MN_OK;
    }
    if (mn_ids_add(&n->all, id) != MN_OK || mn_stream__put(&n->stream, id) != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "out of memory for what was written");
    n->fresh[n->n_fresh++] = id;
    n->n_written++;
    if (n->stream.stopped) n->end = MN_GEN_STOP;
    else if (n->n_written == n->max_tokens || n->all.n > n->g->context) n->end = MN_GEN_LENGTH;
    return MN_OK;
}

/* One token by the logits of one row; *ret its id. */
static mn_rc pick(mn_gen *n, const float *logits, uint32_t *ret, mn_err *e)
{
    const uint64_t *allowed = NULL;
    if (n->constraint) MN_TRY(mn_constraint_mask(n->constraint, &allowed, e));
    *ret = mn_sampler_pick(n->sampler, logits, allowed, n->banned, n->n_banned);
    if (n->logprobs) {
        uint32_t k = n->n_fresh;
        float lp = mn_logprobs(logits, n->g->vocab, *ret, n->top ? n->top + k * n->n_top : NULL,
                               n->n_top);
        n->chosen[k] = (mn_logprob){*ret, lp};
    }
    return add(n, *ret, e);
}

void mn_gen__take(mn_gen *n, const float *logits)
{
    mn_err e = {0};
    n->n_held = 0;
    for (uint32_t i = 0; i <= n->n_draft; i++, logits += n->g->cfg.V) {
        uint32_t id = 0;
        if (pick(n, logits, &id, &e) != MN_OK) mn_gen__fail(n, e.msg);
        if (n->end || i == n->n_draft || id != n->draft[i]) break;
        n->n_held++;
    }
    mn_lookup__learn(&n->lookup, n->n_draft, n->n_held);
    if (mn_seq_len(n->seq) >= n->all.n) mn_seq_cut(n->seq, (uint32_t)n->all.n - 1);
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

void mn_gen__tell(mn_gen *n)
{
    if (n->end && mn_stream__end(&n->stream) != MN_OK && n->end != MN_GEN_FAILED)
        mn_gen__fail(n, "out of memory for what was written");
    if (n->end == MN_GEN_LENGTH && n->stream.stopped)
        n->end = MN_GEN_STOP; /* by its last bytes */
    mn_str text = mn_stream__ready(&n->stream, n->end != MN_GEN_NOT_ENDED);
    mn_gen_event ev = {.text = text,
                       .ids = n->fresh,
                       .n_ids = n->n_fresh,
                       .chosen = n->logprobs ? n->chosen : NULL,
                       .top = n->top,
                       .end = n->end,
                       .error = n->end == MN_GEN_FAILED ? n->error : NULL,
                       .prompt_tokens = n->n_prompt,
                       .cached_tokens = n->n_cached,
                       .tokens = n->n_written};
    if (n->embed && n->end == MN_GEN_STOP) ev.embedding = n->embedding;
    n->on_event(n->arg, &ev);
    mn_stream__given(&n->stream, text.len);
    n->n_fresh = 0;
}
