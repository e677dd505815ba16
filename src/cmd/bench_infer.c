/* mynah bench infer: reading a prompt and writing after it, on the model given by --model or on one of preset micro with
 * random weights (speed does not depend on their values). On one thread and on as many as --threads says. */
#include <stdio.h>

#include "base/fs.h"
#include "base/hash.h"
#include "cmd/bench.h"
#include "infer/infer.h"
#include "model/weights.h"

enum { PROMPT = 192, DECODE = 64, TOKENIZER_TEXTS = 4000, VOCAB = 2048 };

typedef struct job {
    mn_engine *engine;
    mn_seq *seq;
    uint32_t prompt[PROMPT];
    uint32_t n_prompt, n_decode;
    double sum; /* so that nothing is optimised away */
} job;

/* A model needs a tokenizer beside it; any will do. */
static mn_rc make_tokenizer(const char *path, mn_err *e)
{
    mn_tok_trainer *t;
    mn_tokenizer *tok = NULL;
    mn_buf text;
    MN_TRY(mn_tok_trainer_new(&t, e));
    mn_buf_init(&text, 0);
    mn_rc rc = MN_OK;
    for (uint64_t i = 0; i < TOKENIZER_TEXTS && rc == MN_OK; i++) {
        mn_buf_clear(&text);
        mn_bench_text_of(i, &text);
        rc = mn_tok_trainer_add(t, mn_buf_str(&text), e);
    }
    if (rc == MN_OK) rc = mn_tok_trainer_finish(t, VOCAB, &tok, e);
    if (rc == MN_OK) rc = mn_tok_save(tok, path, e);
    mn_tok_free(tok);
    mn_tok_trainer_free(t);
    mn_buf_release(&text);
    return rc;
}

static mn_rc make_model(mn_bench_run *r, const char *dir, mn_err *e)
{
    mn_config c;
    mn_weights w = {0};
    const char *path = mn_fs_join(&r->arena, dir, "tokenizer.json");
    if (!path) return mn_fail(e, MN_E_NOMEM, "out of memory");
    MN_TRY(mn_config_preset("micro", &c, e));
    MN_TRY(mn_weights_new(&c, &w, e));
    mn_weights_init(&w, 1);
    mn_rc rc = mn_weights_save(&w, dir, e);
    mn_weights_release(&w);
    return rc == MN_OK ? make_tokenizer(path, e) : rc;
}

static mn_rc read_prompt(void *arg, mn_err *e)
{
    job *j = arg;
    const float *logits;
    mn_seq_reset(j->seq);
    MN_TRY(mn_seq_feed(j->seq, j->prompt, j->n_prompt, &logits, e));
    j->sum += (double)logits[0];
    return MN_OK;
}

/* Token by token from an empty cache: what a short post costs. */
static mn_rc write_on(void *arg, mn_err *e)
{
    job *j = arg;
    const float *logits;
    mn_seq_reset(j->seq);
    for (uint32_t i = 0; i < j->n_decode; i++) {
        MN_TRY(mn_seq_feed(j->seq, &j->prompt[i % j->n_prompt], 1, &logits, e));
        j->sum += (double)logits[0];
    }
    return MN_OK;
}

static mn_rc measure(mn_bench_run *r, job *j, int threads, mn_err *e)
{
    char name[64], note[64];
    snprintf(note, sizeof note, "%s", r->model ? "the given model" : "preset micro, float32");
    snprintf(name, sizeof name, "prompt, %d thread%s", threads, threads == 1 ? "" : "s");
    MN_TRY(mn_bench_measure(r, name, j->n_prompt, "tokens", note, read_prompt, j, e));
    snprintf(name, sizeof name, "generate, %d thread%s", threads, threads == 1 ? "" : "s");
    return mn_bench_measure(r, name, j->n_decode, "tokens", note, write_on, j, e);
}

static mn_rc with_threads(mn_bench_run *r, const char *dir, int threads, mn_err *e)
{
    job j = {0};
    mn_rc rc = mn_engine_load(dir, &(mn_engine_opts){.n_threads = threads}, &j.engine, e);
    if (rc == MN_OK) rc = mn_seq_new(j.engine, &j.seq, e);
    if (rc == MN_OK) {
        uint32_t context = mn_engine_context(j.engine), vocab = mn_engine_vocab(j.engine);
        j.n_prompt = context < PROMPT ? context : PROMPT;
        j.n_decode = context < DECODE ? context : DECODE;
        for (uint32_t i = 0; i < j.n_prompt; i++)
            j.prompt[i] = (uint32_t)(mn_rand_at(1, 2, i) % vocab);
        rc = measure(r, &j, threads, e);
    }
    mn_seq_free(j.seq);
    mn_engine_free(j.engine);
    return rc;
}

static mn_rc bench_infer(mn_bench_run *r, mn_err *e)
{
    char dir[64] = "";
    const char *model = r->model;
    mn_rc rc = MN_OK;
    if (!model) {
        rc = mn_bench_tmp(dir, e);
        if (rc == MN_OK) rc = make_model(r, dir, e);
        model = dir;
    }
    if (rc == MN_OK) rc = with_threads(r, model, 1, e);
    if (rc == MN_OK && r->threads > 1) rc = with_threads(r, model, r->threads, e);
    if (*dir) mn_fs_remove_tree(dir, NULL);
    return rc;
}

const mn_bench mn_bench_infer[] = {
    {"infer", "reading a prompt and generating, tokens a second", bench_infer}, {0}};
