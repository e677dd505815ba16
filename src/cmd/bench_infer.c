/* mynah bench infer: reading a prompt and writing after it, one user and eight, with and without drafts from the prompt, beside a busy
 * neighbour; on the model given by --model, or on a made one of 7 MB (random weights in Q8_0: speed does not depend on their values). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "cmd/bench.h"
#include "infer/batch.h"
#include "model/export.h"
#include "model/weights.h"
#include "tensor/cuda.h"

enum {
    PROMPT = 512,
    DECODE = 128,
    USERS = 8,
    POSTS = 20,
    TOKENIZER_TEXTS = 4000,
    VOCAB = 2048
};

/* ---- a model ------------------------------------------------------------------------------------------------------------ */

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

static mn_rc quantise(const char *dir, const char *path, mn_err *e)
{
    mn_model *m;
    MN_TRY(mn_model_open(dir, &m, e));
    mn_rc rc = mn_model_export_gguf(m, path, MN_Q_Q8_0 | MN_QUANT_PURE, e);
    mn_model_free(m);
    return rc;
}

static mn_rc make_model(mn_bench_run *r, const char *dir, const char **ret, mn_err *e)
{
    mn_config c;
    mn_weights w = {0};
    const char *tok = mn_fs_join(&r->arena, dir, "tokenizer.json"),
               *gguf = mn_fs_join(&r->arena, dir, "model.gguf");
    if (!tok || !gguf) return mn_fail(e, MN_E_NOMEM, "out of memory");
    MN_TRY(mn_config_preset("micro", &c, e));
    c.F = 704; /* a whole number of blocks */
    c.T = 1024;
    MN_TRY(mn_weights_new(&c, &w, e));
    mn_weights_init(&w, 1);
    mn_rc rc = mn_weights_save(&w, dir, e);
    mn_weights_release(&w);
    if (rc == MN_OK) rc = make_tokenizer(tok, e);
    if (rc == MN_OK) rc = quantise(dir, gguf, e);
    if (rc == MN_OK) *ret = gguf;
    return rc;
}

/* ---- one sequence --------------------------------------------------------------------------------------------------------- */

typedef struct job {
    mn_engine *engine;
    mn_seq *seq;
    uint32_t prompt[PROMPT];
    uint32_t n_prompt, n_decode;
    double sum; /* so that nothing is optimised away */
} job;

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

/* gpu: as in mn_engine_opts */
static mn_rc job_open(job *j, const char *model, int threads, int gpu, mn_err *e)
{
    const mn_engine_opts o = {.n_threads = threads, .gpu = gpu};
    MN_TRY(mn_engine_load(model, &o, &j->engine, e));
    MN_TRY(mn_seq_new(j->engine, &j->seq, e));
    uint32_t context = mn_engine_context(j->engine), vocab = mn_engine_vocab(j->engine);
    j->n_prompt = context < PROMPT ? context : PROMPT;
    j->n_decode = context < DECODE ? context : DECODE;
    for (uint32_t i = 0; i < j->n_prompt; i++)
        j->prompt[i] = (uint32_t)(mn_rand_at(1, 2, i) % vocab);
    return MN_OK;
}

static void job_close(job *j)
{
    mn_seq_free(j->seq);
    mn_engine_free(j->engine);
}

/* Memory beside weights and cache, after all kinds of work. */
static void memory(mn_bench_run *r, const job *j)
{
    double mb = mn_bench_memory_mb((long)getpid(), "VmRSS:"), known;
    known = (double)(mn_engine_bytes(j->engine) + mn_engine_cache_bytes(j->engine)) / (1 << 20);
    mn_bench_value(r, "resident", mb, "MB", NULL);
    mn_bench_value(r, "resident beside weights and cache", mb - known, "MB", NULL);
    mn_bench_value(r, "of that, the program and its libraries, which processes share",
                   mn_bench_memory_mb((long)getpid(), "RssFile:"), "MB", NULL);
}

static mn_rc one_user(mn_bench_run *r, const char *model, int threads, mn_err *e)
{
    char name[64];
    job j = {0};
    const char *s = threads == 1 ? "" : "s";
    mn_rc rc = job_open(&j, model, threads, 0, e);
    snprintf(name, sizeof name, "prompt of %u, %d thread%s", j.n_prompt, threads, s);
    if (rc == MN_OK)
        rc = mn_bench_measure(r, name, j.n_prompt, "tokens", NULL, read_prompt, &j, e);
    snprintf(name, sizeof name, "decode %u, %d thread%s", j.n_decode, threads, s);
    if (rc == MN_OK)
        rc = mn_bench_measure(r, name, j.n_decode, "tokens", NULL, write_on, &j, e);
    if (rc == MN_OK) memory(r, &j);
    snprintf(name, sizeof name, "only reading as many bytes, %d thread%s", threads, s);
    if (rc == MN_OK)
        rc = mn_bench_reading(r, name, mn_engine_bytes(j.engine), 1, "tokens", threads, e);
    job_close(&j);
    return rc;
}

typedef struct loading {
    const char *model;
    int threads;
} loading;

static mn_rc open_only(void *arg, mn_err *e)
{
    const loading *l = arg;
    mn_model *m = NULL;
    mn_rc rc = mn_model_open(l->model, &m, e);
    mn_model_free(m);
    return rc;
}

static mn_rc load_all(void *arg, mn_err *e)
{
    const loading *l = arg;
    mn_engine *g = NULL;
    mn_rc rc = mn_engine_load(l->model, &(mn_engine_opts){.n_threads = l->threads}, &g, e);
    mn_engine_free(g);
    return rc;
}

static mn_rc start_up(mn_bench_run *r, const char *model, mn_err *e)
{
    loading l = {model, r->threads};
    MN_TRY(mn_bench_measure(r, "opening, tokenizer made", 1, "models", NULL, open_only, &l, e));
    return mn_bench_measure(r, "loading, weights packed", 1, "models", NULL, load_all, &l, e);
}

/* Another process that takes all it gets of one processor; it ends with us. */
static pid_t neighbour(void)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (volatile uint64_t n = 0; getppid() == parent;)
        for (int i = 0; i < 1 << 24; i++) n++;
    _exit(0);
}

static mn_rc with_neighbour(mn_bench_run *r, const char *model, int threads, mn_err *e)
{
    job j = {0};
    mn_rc rc = job_open(&j, model, threads, 0, e);
    pid_t pid = rc == MN_OK ? neighbour() : -1;
    if (rc == MN_OK && pid < 0) rc = mn_fail_errno(e, MN_E_IO, "cannot start a busy neighbour");
    if (rc == MN_OK)
        rc = mn_bench_measure(r, "decode beside a busy neighbour", j.n_decode, "tokens", NULL,
                              write_on, &j, e);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    job_close(&j);
    return rc;
}

/* ---- many ------------------------------------------------------------------------------------------------------------------ */

typedef struct crowd {
    pthread_mutex_t lock;
    pthread_cond_t over;
    int n_running;
    double gaps[USERS * DECODE]; /* milliseconds between tokens */
    size_t n_gaps, n_tokens;
    bool failed;
} crowd;

typedef struct user {
    crowd *c;
    int64_t last_us;
} user;

static void hear(void *arg, const mn_gen_event *ev)
{
    user *u = arg;
    crowd *c = u->c;
    int64_t now = mn_mono_us();
    pthread_mutex_lock(&c->lock);
    if (u->last_us && ev->n_ids && c->n_gaps < USERS * DECODE)
        c->gaps[c->n_gaps++] = (double)(now - u->last_us) / 1e3;
    u->last_us = now;
    c->n_tokens += ev->n_ids;
    if (ev->end) {
        c->failed |= ev->end == MN_GEN_FAILED;
        if (--c->n_running == 0) pthread_cond_signal(&c->over);
    }
    pthread_mutex_unlock(&c->lock);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* n users ask at once; waits for all. */
static mn_rc ask(mn_batcher *b, mn_gen_request q, int n, crowd *c, mn_err *e)
{
    user users[USERS] = {0};
    mn_rc rc = MN_OK;
    c->n_running = n;
    for (int i = 0; i < n; i++) {
        users[i].c = c;
        q.on_event = hear;
        q.arg = &users[i];
        q.client = (uint64_t)i;
        if (rc == MN_OK) rc = mn_batcher_submit(b, &q, NULL, NULL, e);
        pthread_mutex_lock(&c->lock);
        if (rc != MN_OK) c->n_running--;
        pthread_mutex_unlock(&c->lock);
    }
    pthread_mutex_lock(&c->lock);
    while (c->n_running > 0) pthread_cond_wait(&c->over, &c->lock);
    pthread_mutex_unlock(&c->lock);
    if (rc == MN_OK && c->failed) rc = mn_fail(e, MN_E_IO, "a generation failed");
    return rc;
}

static mn_rc timed(mn_bench_run *r, const char *name, mn_batcher *b, const mn_gen_request *q,
                   int n, mn_err *e)
{
    static crowd c; /* large */
    c = (crowd){0};
    pthread_mutex_init(&c.lock, NULL);
    pthread_cond_init(&c.over, NULL);
    double cpu = mn_cpu_s();
    int64_t from = mn_mono_us();
    mn_rc rc = ask(b, *q, n, &c, e);
    double wall = (double)(mn_mono_us() - from) / 1e6;
    cpu = mn_cpu_s() - cpu;
    if (rc == MN_OK) mn_bench_times(r, name, (double)c.n_tokens, "tokens", NULL, cpu, wall);
    qsort(c.gaps, c.n_gaps, sizeof *c.gaps, by_size);
    if (rc == MN_OK && c.n_gaps && q->no_lookup) {
        char what[96];
        snprintf(what, sizeof what, "%s: between tokens, p50", name);
        mn_bench_value(r, what, c.gaps[c.n_gaps / 2], "ms", NULL);
        snprintf(what, sizeof what, "%s: between tokens, p99", name);
        mn_bench_value(r, what, c.gaps[c.n_gaps * 99 / 100], "ms", NULL);
    }
    pthread_mutex_destroy(&c.lock);
    pthread_cond_destroy(&c.over);
    return rc;
}

/* Twenty posts and the wish for a summary; as text, so that it suits any model. */
static mn_rc summary_prompt(const mn_engine *g, mn_ids *ret, mn_err *e)
{
    mn_buf text;
    mn_buf_init(&text, 1u << 20);
    for (uint64_t i = 0; i < POSTS; i++) {
        mn_buf_addf(&text, "Post %d: ", (int)i + 1);
        mn_bench_text_of(i, &text);
        mn_buf_addc(&text, '\n');
    }
    mn_buf_addz(&text, "\nThe posts above say, in their own words:\n");
    mn_rc rc = text.failed ? MN_E_NOMEM
                           : mn_prompt_post(mn_engine_tokenizer(g), mn_now_ms(), MN_STR("en"),
                                            mn_buf_str(&text), ret);
    mn_buf_release(&text);
    size_t room = mn_engine_context(g) > DECODE ? mn_engine_context(g) - DECODE : 1;
    if (ret->n > room) ret->n = room;
    return rc == MN_OK ? rc : mn_fail(e, rc, "out of memory for a prompt");
}

static mn_rc batches(mn_bench_run *r, mn_batcher *b, const job *j, mn_err *e)
{
    mn_ids summary = {0};
    mn_batch_stats before, after;
    mn_gen_request q = {.prompt = j->prompt,
                        .n_prompt = 16,
                        .max_tokens = j->n_decode,
                        .ignore_end = true,
                        .no_lookup = true,
                        .sampling = {.top_p = 1}};
    MN_TRY(timed(r, "1 user", b, &q, 1, e));
    MN_TRY(timed(r, "8 users", b, &q, USERS, e));
    mn_rc rc = summary_prompt(j->engine, &summary, e);
    q.prompt = summary.ptr;
    q.n_prompt = summary.n;
    if (rc == MN_OK) rc = timed(r, "a summary, prompt included, first time", b, &q, 1, e);
    if (rc == MN_OK) rc = timed(r, "a summary", b, &q, 1, e);
    q.no_lookup = false;
    mn_batcher_stats(b, &before);
    if (rc == MN_OK) rc = timed(r, "a summary with lookup", b, &q, 1, e);
    mn_batcher_stats(b, &after);
    if (rc == MN_OK)
        mn_bench_value(r, "a summary with lookup: tokens a step",
                       (double)(after.tokens - before.tokens) /
                           (double)(after.steps - before.steps + (after.steps == before.steps)),
                       "", NULL);
    mn_ids_release(&summary);
    return rc;
}

static mn_rc many_users(mn_bench_run *r, const char *model, int threads, mn_err *e)
{
    job j = {0};
    mn_batcher *b = NULL;
    mn_rc rc = job_open(&j, model, threads, 0, e);
    if (rc == MN_OK) rc = mn_batcher_new(j.engine, NULL, &b, e);
    if (rc == MN_OK) rc = batches(r, b, &j, e);
    mn_batcher_free(b);
    if (rc == MN_OK) memory(r, &j);
    job_close(&j);
    return rc;
}

/* The model of the run, or a made one in a folder that the caller removes. */
static mn_rc choose_model(mn_bench_run *r, char dir[64], const char **ret, mn_err *e)
{
    *ret = r->model;
    if (r->model) return MN_OK;
    MN_TRY(mn_bench_tmp(dir, e));
    return make_model(r, dir, ret, e);
}

static mn_rc bench_infer(mn_bench_run *r, mn_err *e)
{
    char dir[64] = "";
    const char *model;
    mn_rc rc = choose_model(r, dir, &model, e);
    if (rc == MN_OK) rc = start_up(r, model, e);
    if (rc == MN_OK) rc = one_user(r, model, 1, e);
    if (rc == MN_OK && r->threads > 1) rc = one_user(r, model, r->threads, e);
    if (rc == MN_OK) rc = many_users(r, model, r->threads, e);
    if (rc == MN_OK) rc = with_neighbour(r, model, r->threads, e);
    if (*dir) mn_fs_remove_tree(dir, NULL);
    return rc;
}

static mn_rc users_of_gpu(mn_bench_run *r, const char *model, mn_err *e)
{
    char name[64];
    job j = {0};
    mn_batcher *b = NULL;
    mn_rc rc = job_open(&j, model, r->threads, 1, e);
    snprintf(name, sizeof name, "GPU: prompt of %u", j.n_prompt);
    if (rc == MN_OK)
        rc = mn_bench_measure(r, name, j.n_prompt, "tokens", NULL, read_prompt, &j, e);
    snprintf(name, sizeof name, "GPU: decode %u", j.n_decode);
    if (rc == MN_OK)
        rc = mn_bench_measure(r, name, j.n_decode, "tokens", NULL, write_on, &j, e);
    if (rc == MN_OK) rc = mn_batcher_new(j.engine, NULL, &b, e);
    if (rc == MN_OK) rc = batches(r, b, &j, e);
    mn_batcher_free(b);
    job_close(&j);
    return rc;
}

static mn_rc bench_gpu_infer(mn_bench_run *r, mn_err *e)
{
    char dir[64] = "";
    const char *model;
    const mn_cuda_api *api;
    mn_cuda *d;
    if (mn_cuda_open(0, &api, &d, e) != MN_OK) { /* then it is skipped */
        mn_err why = *e;
        return mn_fail(e, MN_E_NOT_FOUND, "%s", why.msg);
    }
    api->close(d);
    mn_rc rc = choose_model(r, dir, &model, e);
    if (rc == MN_OK) rc = users_of_gpu(r, model, e);
    if (*dir) mn_fs_remove_tree(dir, NULL);
    return rc;
}

const mn_bench mn_bench_infer[] = {
    {"infer",
     "a model reads and writes: one user, eight, with drafts from the prompt, beside a busy "
     "neighbour (--model, or one of 7 MB)",
     bench_infer},
    {"gpu-infer", "the same on a GPU, without the neighbour", bench_gpu_infer},
    {0},
};
