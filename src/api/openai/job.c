/* A request becomes a job: what was read, the model, and a unit for each generation. */
#include <stdio.h>

#include "api/openai/openai_int.h"
#include "base/clock.h"
#include "base/hash.h"

static bool no_memory(mn_resp *w)
{
    return mn_oai_failed(w, NULL, 0, &(mn_err){.rc = MN_E_NOMEM});
}

/* "chatcmpl-" and 24 letters and digits. */
static bool make_id(mn_oai_job *job, mn_resp *w)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    uint8_t bytes[24];
    mn_err e = {0};
    int n = snprintf(job->id, sizeof job->id, "%s", job->kind->id_prefix);
    if (mn_random_bytes(bytes, sizeof bytes, &e) != MN_OK) return mn_oai_failed(w, NULL, 0, &e);
    for (size_t i = 0; i < sizeof bytes; i++) job->id[n++] = letters[bytes[i] % 62];
    job->id[n] = 0;
    snprintf(job->topic, sizeof job->topic, "v1:%s", job->id + n - 24);
    return true;
}

mn_oai_job *mn_oai_job_new(mn_req *r, mn_resp *w, const mn_oai_kind *kind)
{
    mn_oai_job *job = mn_calloc(1, sizeof *job);
    const mn_grant *g = mn_masto_grant(r);
    if (!job) {
        no_memory(w);
        return NULL;
    }
    mn_arena_init(&job->arena, MN_OAI_TREE);
    pthread_mutex_init(&job->lock, NULL);
    job->all = ((mn_api *)r->app)->oai;
    job->kind = kind;
    job->http = mn_req_http(r);
    job->created_s = mn_now_ms() / 1000;
    job->account_id = g->account_id;
    job->token_id = g->token_id;
    job->request.client = g->account_id;
    job->request.sampling = (mn_sampling){.temperature = 1, .top_p = 1};
    if (make_id(job, w)) return job;
    mn_oai_job_free(job);
    return NULL;
}

void mn_oai_job_free(mn_oai_job *job)
{
    for (size_t i = 0; i < job->n_prompts; i++) mn_ids_release(&job->prompts[i].ids);
    for (size_t i = 0; i < job->n_units; i++) {
        mn_buf_release(&job->units[i].text);
        mn_free(job->units[i].tokens);
        mn_free(job->units[i].top);
        mn_free(job->units[i].embedding);
    }
    mn_free(job->units);
    mn_grammar_unref(job->grammar);
    mn_serving_done(job->model);
    pthread_mutex_destroy(&job->lock);
    mn_arena_release(&job->arena);
    mn_free(job);
}

void mn_oai_job_drop(mn_oai_job *job)
{
    mn_oai_job_free(job);
}

bool mn_oai_job_prompts(mn_oai_job *job, mn_resp *w, size_t n)
{
    job->prompts = mn_arena_calloc(&job->arena, n, sizeof *job->prompts);
    if (!job->prompts) return no_memory(w);
    job->n_prompts = n;
    return true;
}

bool mn_oai_job_model(mn_oai_job *job, const mn_oai_body *b)
{
    mn_err e = {0};
    mn_str name;
    if (!mn_oai_str(b, "model", &name)) return false;
    mn_rc rc = mn_served_take(job->all->api->served, name, &job->model, &e);
    if (rc == MN_OK) return true;
    if (rc == MN_E_NOT_FOUND || rc == MN_E_NOMEM) return mn_oai_failed(b->w, "model", 0, &e);
    if (rc == MN_E_BUSY) return mn_oai_failed(b->w, "model", 5, &e);
    return mn_oai_fail(b->w, &(mn_oai_fault){503, "server_error", "model_unavailable", "model"},
                       "the model '%.*s' cannot be used; the reason is in the server's log",
                       MN_STR_FMT(mn_utf8_cut(name, 100)));
}

/* ---- units --------------------------------------------------------------------------------------------------------- */

/* Each choice is sampled with a seed of its own; the first with the one that was asked for. */
static uint64_t seed_of(const mn_oai_job *job, uint32_t index, uint64_t random)
{
    uint64_t base = job->has_seed ? job->request.sampling.seed : random;
    return index == 0 ? base : mn_hash64(&index, sizeof index, base);
}

static bool make_units(mn_oai_job *job, mn_resp *w, size_t choices)
{
    mn_err e = {0};
    uint64_t random = 0;
    if (!job->has_seed && mn_random_bytes(&random, sizeof random, &e) != MN_OK)
        return mn_oai_failed(w, NULL, 0, &e);
    job->units = mn_calloc(job->n_prompts * choices, sizeof *job->units);
    if (!job->units) return no_memory(w);
    job->n_units = job->n_prompts * choices;
    for (size_t i = 0; i < job->n_units; i++) {
        mn_oai_unit *u = &job->units[i];
        u->job = job;
        u->index = (uint32_t)i;
        u->prompt = (uint32_t)(i / choices);
        u->seed = seed_of(job, (uint32_t)(i % choices), random);
        mn_buf_init(&u->text, MN_OAI_BODY);
    }
    return true;
}

/* False: requests under way hold as much memory as they may. */
static bool link_job(mn_oai_job *job)
{
    mn_oai *o = job->all;
    pthread_mutex_lock(&o->lock);
    bool fits = o->n_jobs == 0 || o->held + job->arena.used_bytes <= MN_OAI_HELD;
    if (!fits) {
        pthread_mutex_unlock(&o->lock);
        return false;
    }
    job->held = job->arena.used_bytes;
    o->held += job->held;
    job->starting = true;
    job->next = o->jobs;
    if (job->next) job->next->prev = job;
    o->jobs = job;
    o->n_jobs++;
    pthread_mutex_unlock(&o->lock);
    return true;
}

static void unlink_job(mn_oai_job *job)
{
    mn_oai *o = job->all;
    pthread_mutex_lock(&o->lock);
    mn_oai_unlink(job);
    pthread_mutex_unlock(&o->lock);
}

/* From here on the thread tends it. */
static void let_go(mn_oai_job *job)
{
    mn_oai *o = job->all;
    pthread_mutex_lock(&o->lock);
    job->starting = false;
    pthread_mutex_unlock(&o->lock);
    mn_oai_push(job);
}

void mn_oai_job_start(mn_oai_job *job, mn_resp *w, size_t choices)
{
    mn_err e = {0};
    uint32_t retry_s = 0;
    if (!make_units(job, w, choices)) {
        mn_oai_job_drop(job);
        return;
    }
    if (!link_job(job)) {
        mn_err full = {.rc = MN_E_BUSY,
                       .msg = "too much is being asked at once; try again soon"};
        mn_oai_failed(w, NULL, 5, &full);
        mn_oai_job_drop(job);
        return;
    }
    mn_rc rc = mn_oai_submit(&job->units[0], &retry_s, &e);
    if (rc != MN_OK) {
        e.rc = rc;
        mn_oai_failed(w, NULL, retry_s, &e);
        unlink_job(job);
        mn_oai_job_drop(job);
        return;
    }
    if (job->stream) {
        mn_resp_stream(w, job->topic, mn_oai_stream_next, mn_oai_stream_close, job);
    } else {
        job->resp = w;
        mn_resp_later(w, mn_oai_hung_up, job);
    }
    let_go(job);
}
