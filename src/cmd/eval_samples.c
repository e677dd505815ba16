/* mynah eval --samples: what a model writes when nothing is asked of it.
 *
 * A model trained here begins as posts do, with time and language of a document of the corpus, drawn with the seed. It writes one post: to its end, or
 * to where an answer would begin. An imported model begins after the token that begins a text. Both stop after LONGEST tokens. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/progress.h"
#include "base/stop.h"
#include "cmd/eval.h"
#include "infer/infer.h"
#include "model/probe.h"
#include "text/shard.h"

#define LONGEST     100 /* tokens of a text */
#define BEGIN_MOST  8   /* tokens of what it begins with */
#define KEPT        8   /* texts in the result */
#define KEPT_BYTES  400 /* of each */
#define TEMPERATURE 0.8 /* and TOP_P: what `mynah generate` takes by itself */
#define TOP_P       0.95
#define DRAWS       1000 /* documents that may be erased before one that is not */

typedef struct writer {
    mn_eval_job *j;
    mn_engine *g;
    mn_seq *s;
    const mn_tokenizer *tok;
    const mn_shard *from; /* documents to take time and language from; NULL: imported */
    uint32_t begin, end;  /* of an imported model's texts */
    uint32_t banned[MN_TOK_SPECIALS];
    size_t n_banned;
    mn_ids ids;
} writer;

mn_rc mn_eval_shard(mn_eval_job *j, const char *split, mn_shard *ret, mn_err *e)
{
    mn_str stem = mn_str_fmt(&j->arena, "%s/%s", j->corpus_dir, split);
    return stem.ptr ? mn_shard_open(stem.ptr, MN_SHARD_ANY, ret, e)
                    : mn_fail(e, MN_E_NOMEM, "no memory");
}

/* ---- what a text begins with ----------------------------------------------------------------------------------------------- */

static mn_rc draw_document(const writer *k, uint64_t i, uint64_t *ret, mn_err *e)
{
    for (uint64_t try = 0; try < DRAWS; try++) {
        const uint64_t bits = mn_rand_at(k->j->seed, 0x636f6e64, i * DRAWS + try);
        *ret = (uint64_t)(mn_rand_unit(bits) * (double)k->from->n_docs);
        if (!mn_shard_erased(k->from, *ret)) return MN_OK;
    }
    return mn_fail(e, MN_E_NOT_FOUND, "corpus '%s' has hardly a document left", k->j->corpus);
}

/* "2011-02 en", of the tokens that say so. */
static mn_str name_of(const uint32_t *ids, size_t n, mn_arena *a)
{
    unsigned year = 0, month = 0;
    const char *lang = "und";
    for (size_t i = 0; i < n; i++) {
        if (ids[i] >= MN_TOK_LANG0) lang = mn_tok_langs[ids[i] - MN_TOK_LANG0];
        else if (ids[i] >= MN_TOK_MONTH0) month = ids[i] - MN_TOK_MONTH0 + 1;
        else if (ids[i] >= MN_TOK_YEAR0) year = ids[i] - MN_TOK_YEAR0 + 2005;
    }
    return mn_str_fmt(a, "%04u-%02u %s", year, month, lang);
}

static mn_rc begin_text(writer *k, uint64_t i, mn_str *ret_given, mn_err *e)
{
    uint64_t d;
    mn_ids_clear(&k->ids);
    *ret_given = MN_STR_NONE;
    if (!k->from)
        return mn_ids_add(&k->ids, k->begin) ? mn_fail(e, MN_E_NOMEM, "no memory") : MN_OK;
    MN_TRY(draw_document(k, i, &d, e));
    const uint64_t from = d ? k->from->doc_end[d - 1] : 0;
    for (uint64_t at = from; at < k->from->doc_end[d] && at < from + BEGIN_MOST; at++) {
        const uint32_t id = mn_shard_token(k->from, at);
        if (!mn_tok_is_condition(id)) break;
        if (mn_ids_add(&k->ids, id)) return mn_fail(e, MN_E_NOMEM, "no memory");
    }
    *ret_given = name_of(k->ids.ptr, k->ids.n, &k->j->arena);
    return ret_given->ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory");
}

/* ---- a text ------------------------------------------------------------------------------------------------------------------ */

static bool is_over(const writer *k, uint32_t id)
{
    if (k->from) return id == MN_TOK_END || id == MN_TOK_REPLY || id == MN_TOK_QUOTE;
    return id == k->end || mn_engine_is_end(k->g, id);
}

/* The bytes of the tokens that are whole UTF-8, without blanks at its ends. */
static mn_rc read_text(const writer *k, size_t begun, mn_str *ret, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 1u << 20);
    mn_rc rc = mn_tok_decode(k->tok, k->ids.ptr + begun, k->ids.n - begun, false, &b);
    size_t len = 0;
    for (size_t i = 0, n; rc == MN_OK && i < b.len; i += n ? n : 1) {
        uint32_t cp;
        n = mn_utf8_decode(b.ptr + i, b.len - i, &cp);
        if (n && cp) memmove(b.ptr + len, b.ptr + i, n), len += n;
    }
    mn_str text =
        rc == MN_OK ? mn_str_dup(&k->j->arena, mn_str_trim(mn_str_sub(mn_buf_str(&b), 0, len)))
                    : MN_STR_NONE;
    mn_buf_release(&b);
    *ret = text;
    return text.ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for a sample");
}

static mn_rc write_tokens(writer *k, mn_sampler *sampler, bool *ret_ended, mn_err *e)
{
    const float *logits;
    *ret_ended = false;
    mn_seq_reset(k->s);
    MN_TRY(mn_seq_feed(k->s, k->ids.ptr, k->ids.n, &logits, e));
    for (int n = 0; n < LONGEST && mn_seq_len(k->s) < mn_engine_context(k->g); n++) {
        const uint32_t id = mn_sampler_pick(sampler, logits, NULL, k->banned, k->n_banned);
        mn_sampler_took(sampler, id);
        *ret_ended = is_over(k, id);
        if (*ret_ended) return MN_OK;
        if (mn_ids_add(&k->ids, id)) return mn_fail(e, MN_E_NOMEM, "no memory for a sample");
        MN_TRY(mn_seq_feed(k->s, &id, 1, &logits, e));
    }
    return MN_OK;
}

static mn_rc write_text(writer *k, uint64_t i, mn_eval_written *x, mn_err *e)
{
    const mn_sampling p = {.temperature = (float)TEMPERATURE,
                           .top_p = (float)TOP_P,
                           .seed = mn_rand_at(k->j->seed, 0x73616d70, i)};
    mn_eval_sample *to = &x->items[i];
    mn_sampler *sampler = NULL;
    bool ended;
    MN_TRY(begin_text(k, i, &to->given, e));
    const size_t begun = k->ids.n;
    MN_TRY(mn_sampler_new(&p, mn_engine_vocab(k->g), &sampler, e));
    mn_rc rc = write_tokens(k, sampler, &ended, e);
    mn_sampler_free(sampler);
    if (rc == MN_OK) rc = read_text(k, begun, &to->text, e);
    if (rc != MN_OK) return rc;
    x->tokens += k->ids.n - begun, x->bytes += to->text.len;
    x->ended += ended, x->empty += !to->text.len;
    return MN_OK;
}

static mn_rc write_all(writer *k, mn_eval_written *ret, mn_err *e)
{
    mn_eval_written x = {.n = (size_t)k->j->sample};
    mn_progress bar;
    x.items = mn_arena_calloc(&k->j->arena, x.n, sizeof *x.items);
    if (!x.items) return mn_fail(e, MN_E_NOMEM, "no memory for samples");
    mn_progress_start(&bar, "samples", "texts", x.n);
    mn_rc rc = mn_seq_new(k->g, &k->s, e);
    for (size_t i = 0; rc == MN_OK && i < x.n; i++) {
        rc = mn_stop_requested() ? mn_fail(e, MN_E_CANCELLED, "stopped")
                                 : write_text(k, i, &x, e);
        mn_progress_set(&bar, i + 1);
    }
    mn_progress_end(&bar);
    mn_seq_free(k->s);
    mn_ids_release(&k->ids);
    if (rc == MN_OK) *ret = x;
    return rc;
}

/* ---- with which model --------------------------------------------------------------------------------------------------------- */

/* How an imported model's texts begin and end; of ours, which tokens are not written. */
static mn_rc read_tokens(writer *k, const mn_model *m, mn_err *e)
{
    mn_probe p;
    MN_TRY(mn_probe_new(m, &p, e));
    k->begin = p.form.start, k->end = p.form.end;
    for (uint32_t id = 0; p.form.ours && id < MN_TOK_SPECIALS; id++)
        if (mn_tok_is_condition(id)) k->banned[k->n_banned++] = id;
    mn_probe_release(&p);
    return MN_OK;
}

static mn_rc write_with(writer *k, const mn_model *m, mn_eval_written *ret, mn_err *e)
{
    const uint32_t context = LONGEST + BEGIN_MOST;
    const mn_engine_opts o = {.n_threads = (int)k->j->threads,
                              .context = context < m->cfg.T ? context : m->cfg.T};
    MN_TRY(read_tokens(k, m, e));
    MN_TRY(mn_engine_load(k->j->path, &o, &k->g, e));
    k->tok = mn_engine_tokenizer(k->g);
    mn_rc rc = write_all(k, ret, e);
    mn_engine_free(k->g);
    return rc;
}

mn_rc mn_eval_write(mn_eval_job *j, mn_eval_written *ret, mn_err *e)
{
    writer k = {.j = j};
    mn_shard s;
    mn_model *m = NULL;
    MN_TRY(mn_model_open(j->path, &m, e));
    const bool ours = mn_tok_is_ours(m->tok);
    mn_rc rc = MN_OK;
    if (ours && !j->corpus_dir)
        rc = mn_fail(e, MN_E_USAGE,
                     "a model trained here writes posts of a time and a language: name the "
                     "corpus to draw them from with --corpus NAME");
    if (rc == MN_OK && ours) rc = mn_eval_shard(j, "train", &s, e);
    if (rc == MN_OK && ours) k.from = &s;
    if (k.from && !s.form.ours)
        rc = mn_fail(e, MN_E_UNSUPPORTED,
                     "corpus '%s' is in the vocabulary of another model and has no times and "
                     "languages: name one that was built without --tokenizer",
                     j->corpus);
    if (rc == MN_OK) rc = write_with(&k, m, ret, e);
    if (k.from) mn_shard_close(&s);
    mn_model_free(m);
    return rc;
}

/* ---- showing them --------------------------------------------------------------------------------------------------------------- */

void mn_eval_put_written(mn_eval_job *j, const mn_eval_written *x)
{
    mn_json_writer *w = &j->w;
    if (j->corpus) mn_jw_kstrz(w, "corpus", j->corpus);
    mn_jw_key(w, "evaluated_at");
    mn_jw_time(w, mn_now_ms());
    mn_jw_ku64(w, "seed", j->seed);
    mn_jw_kf64(w, "temperature", TEMPERATURE);
    mn_jw_kf64(w, "top_p", TOP_P);
    mn_jw_ku64(w, "max_tokens", LONGEST);
    mn_jw_ku64(w, "samples", x->n);
    mn_jw_ku64(w, "tokens", x->tokens);
    mn_jw_ku64(w, "bytes", x->bytes);
    mn_jw_ku64(w, "ended", x->ended);
    mn_jw_ku64(w, "empty", x->empty);
}

static void put_samples(mn_eval_job *j, const mn_eval_written *x)
{
    mn_json_writer *w = &j->w;
    mn_jw_object(w);
    mn_eval_put_written(j, x);
    mn_jw_key(w, "texts");
    mn_jw_array(w);
    for (size_t i = 0; i < x->n && i < KEPT; i++) {
        mn_jw_object(w);
        mn_jw_kstr(w, "given", x->items[i].given);
        mn_jw_kstr(w, "text", mn_utf8_cut(x->items[i].text, KEPT_BYTES));
        mn_jw_object_end(w);
    }
    mn_jw_array_end(w);
    mn_jw_object_end(w);
}

static void show_samples(const mn_eval_job *j, const mn_eval_written *x)
{
    printf("model %s, %zu texts, seed %llu: %llu tokens, %llu ended by themselves\n", j->path,
           x->n, (unsigned long long)j->seed, (unsigned long long)x->tokens,
           (unsigned long long)x->ended);
    for (size_t i = 0; i < x->n && i < KEPT; i++)
        printf("\n  %.*s%s%.*s\n", MN_STR_FMT(x->items[i].given),
               x->items[i].given.len ? ": " : "",
               MN_STR_FMT(mn_utf8_cut(x->items[i].text, KEPT_BYTES)));
}

mn_rc mn_eval_samples(mn_eval_job *j, mn_err *e)
{
    mn_eval_written x;
    MN_TRY(mn_eval_write(j, &x, e));
    put_samples(j, &x);
    if (!j->json) show_samples(j, &x);
    return MN_OK;
}
