/* Jobs that run. The batcher's thread adds what was written to a unit and wakes the stream; when a unit has ended, or a client has hung
 * up, or a key was revoked, the job comes onto a list, and one thread here tends it: gives waiting units to the batcher, cancels,
 * writes whole answers, counts what was used, and frees it.
 *
 * Locks, outermost first: the server's connections, a job's, then ours (mn_oai.lock) or the server's streams. The batcher is called with
 * none of them held. A job is freed by the thread alone, when all its units have ended and nobody
 * answers from it any more (its whole answer is done, or its stream closed). */
#include <stdio.h>
#include <time.h>

#include "api/openai/openai_int.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/access.h"

#define HUNGRY_MS 25 /* how soon a unit that found the batcher's queue full tries again */

/* ---- the list of work ---------------------------------------------------------------------------------------------- */

static void push_locked(mn_oai *o, mn_oai_job *job)
{
    if (job->queued || job->starting) return;
    job->queued = true;
    job->next_work = NULL;
    *o->work_end = job;
    o->work_end = &job->next_work;
    pthread_cond_signal(&o->wake);
}

void mn_oai_push(mn_oai_job *job)
{
    mn_oai *o = job->all;
    pthread_mutex_lock(&o->lock);
    push_locked(o, job);
    pthread_mutex_unlock(&o->lock);
}

static mn_oai_job *pop_locked(mn_oai *o)
{
    mn_oai_job *job = o->work;
    if (!job) return NULL;
    o->work = job->next_work;
    if (!o->work) o->work_end = &o->work;
    job->queued = false;
    return job;
}

/* ---- what the batcher says ----------------------------------------------------------------------------------------- */

static mn_rc grow(mn_oai_unit *u, size_t n)
{
    size_t cap = u->cap_tokens ? u->cap_tokens : 64, n_top = u->job->request.n_top;
    if (u->n_tokens + n <= u->cap_tokens) return MN_OK;
    while (cap < u->n_tokens + n) cap *= 2;
    mn_oai_token *tokens = mn_reallocarray(u->tokens, cap, sizeof *tokens);
    if (!tokens) return MN_E_NOMEM;
    u->tokens = tokens;
    if (n_top) {
        mn_logprob *top = mn_reallocarray(u->top, cap * n_top, sizeof *top);
        if (!top) return MN_E_NOMEM;
        u->top = top;
    }
    u->cap_tokens = cap;
    return MN_OK;
}

static mn_rc add_tokens(mn_oai_unit *u, const mn_gen_event *ev)
{
    const mn_tokenizer *t = mn_engine_tokenizer(u->job->model->engine);
    size_t n_top = u->job->request.n_top;
    if (!u->job->request.logprobs || !ev->chosen) return MN_OK;
    MN_TRY(grow(u, ev->n_ids));
    for (size_t i = 0; i < ev->n_ids; i++) {
        uint32_t id = ev->ids[i];
        u->tokens[u->n_tokens] =
            (mn_oai_token){.id = id, .at = u->written_at, .logprob = ev->chosen[i].logprob};
        if (n_top && ev->top)
            memcpy(u->top + u->n_tokens * n_top, ev->top + i * n_top, n_top * sizeof *u->top);
        u->n_tokens++;
        if (!mn_tok_is_special(t, id) || u->job->request.specials)
            u->written_at += (uint32_t)mn_tok_bytes(t, id).len;
    }
    return MN_OK;
}

static mn_rc keep_embedding(mn_oai_unit *u, const float *values)
{
    size_t n = mn_engine_width(u->job->model->engine);
    if (!values) return MN_OK;
    u->embedding = mn_alloc(n * sizeof *values);
    if (!u->embedding) return MN_E_NOMEM;
    memcpy(u->embedding, values, n * sizeof *values);
    return MN_OK;
}

static void take_event(mn_oai_unit *u, const mn_gen_event *ev)
{
    mn_rc rc = mn_buf_adds(&u->text, ev->text);
    if (rc == MN_OK) rc = add_tokens(u, ev);
    if (rc == MN_OK) rc = keep_embedding(u, ev->embedding);
    if (rc != MN_OK && !u->error[0])
        snprintf(u->error, sizeof u->error, "the server is short of memory");
    u->prompt_tokens = ev->prompt_tokens;
    u->cached_tokens = ev->cached_tokens;
    u->n_written = ev->tokens;
    if (ev->end == MN_GEN_NOT_ENDED) return;
    if (ev->end == MN_GEN_FAILED && !u->error[0])
        snprintf(u->error, sizeof u->error, "%.190s",
                 ev->error ? ev->error : "generation failed");
    u->end = u->error[0] ? MN_GEN_FAILED : ev->end;
    u->state = MN_OAI_UNIT_ENDED;
}

/* All of it under the job's lock: as soon as that is free after the last unit's end, the thread may free the job. */
static void on_event(void *arg, const mn_gen_event *ev)
{
    mn_oai_unit *u = arg;
    mn_oai_job *job = u->job;
    pthread_mutex_lock(&job->lock);
    take_event(u, ev);
    if (job->stream) mn_http_wake(job->http, job->topic);
    if (ev->end != MN_GEN_NOT_ENDED) mn_oai_push(job);
    pthread_mutex_unlock(&job->lock);
}

static void set_state(mn_oai_unit *u, mn_oai_unit_state state)
{
    pthread_mutex_lock(&u->job->lock);
    u->state = state;
    pthread_mutex_unlock(&u->job->lock);
}

mn_rc mn_oai_submit(mn_oai_unit *u, uint32_t *ret_retry_s, mn_err *e)
{
    mn_oai_job *job = u->job;
    mn_gen_request r = job->request;
    uint64_t id = 0;
    r.prompt = job->prompts[u->prompt].ids.ptr;
    r.n_prompt = job->prompts[u->prompt].ids.n;
    r.sampling.seed = u->seed;
    r.grammar = job->grammar;
    r.on_event = on_event;
    r.arg = u;
    set_state(u, MN_OAI_UNIT_RUNNING); /* events may come before submit has returned */
    mn_rc rc = mn_batcher_submit(job->model->batcher, &r, &id, ret_retry_s, e);
    if (rc != MN_OK) set_state(u, MN_OAI_UNIT_WAITING);
    u->id = id;
    return rc;
}

/* ---- tending ------------------------------------------------------------------------------------------------------- */

bool mn_oai_job_ended(const mn_oai_job *job)
{
    for (size_t i = 0; i < job->n_units; i++)
        if (job->units[i].state != MN_OAI_UNIT_ENDED) return false;
    return true;
}

/* Is the key still good? */
static void check_again(mn_oai_job *job)
{
    mn_grant g;
    mn_err e = {0};
    if (!atomic_exchange(&job->recheck, false) || !job->token_id) return;
    mn_rc rc = mn_access_check_id(job->all->api->access, job->token_id, &g, &e);
    if (rc == MN_E_DENIED || (rc == MN_OK && g.state != MN_ACCOUNT_ACTIVE))
        atomic_store(&job->revoked, true);
}

static void end_waiting(mn_oai_unit *u, const char *error)
{
    u->state = MN_OAI_UNIT_ENDED;
    u->end = error ? MN_GEN_FAILED : MN_GEN_CANCELLED;
    if (error) snprintf(u->error, sizeof u->error, "%.190s", error);
}

static void cancel(mn_oai_job *job)
{
    for (size_t i = 0; i < job->n_units; i++) {
        mn_oai_unit *u = &job->units[i];
        pthread_mutex_lock(&job->lock);
        bool running = u->state == MN_OAI_UNIT_RUNNING;
        if (u->state == MN_OAI_UNIT_WAITING) end_waiting(u, NULL);
        pthread_mutex_unlock(&job->lock);
        if (running) mn_batcher_cancel(job->model->batcher, u->id);
    }
}

/* The next unit that the batcher should have; NULL: none waits, or enough of them run. */
static mn_oai_unit *next_waiting(mn_oai_job *job)
{
    size_t running = 0;
    mn_oai_unit *u = NULL;
    pthread_mutex_lock(&job->lock);
    for (size_t i = 0; i < job->n_units; i++) {
        running += job->units[i].state == MN_OAI_UNIT_RUNNING;
        if (!u && job->units[i].state == MN_OAI_UNIT_WAITING) u = &job->units[i];
    }
    pthread_mutex_unlock(&job->lock);
    return running < MN_OAI_AT_A_TIME ? u : NULL;
}

/* Gives the batcher what waits here. True: its queue is full, try again. */
static bool submit_more(mn_oai_job *job)
{
    mn_oai_unit *u;
    while ((u = next_waiting(job)) != NULL) {
        uint32_t retry_s;
        mn_err e = {0};
        mn_rc rc = mn_oai_submit(u, &retry_s, &e);
        if (rc == MN_E_BUSY) return true;
        if (rc == MN_OK) continue;
        pthread_mutex_lock(&job->lock);
        end_waiting(u, e.msg[0] ? e.msg : "generation failed");
        pthread_mutex_unlock(&job->lock);
    }
    return false;
}

static void set_hungry(mn_oai_job *job, bool hungry)
{
    mn_oai *o = job->all;
    pthread_mutex_lock(&o->lock);
    if (hungry && !job->hungry) o->n_hungry++;
    if (!hungry && job->hungry) o->n_hungry--;
    job->hungry = hungry;
    pthread_mutex_unlock(&o->lock);
}

/* Tokens read and written count for the member's day. */
static void count_used(mn_oai_job *job)
{
    uint64_t n = 0;
    mn_err e = {0};
    mn_reading now;
    uint32_t last = UINT32_MAX;
    for (size_t i = 0; i < job->n_units; i++) {
        const mn_oai_unit *u = &job->units[i];
        n += u->n_written;
        if (u->prompt != last) n += u->prompt_tokens;
        last = u->prompt;
    }
    if (n &&
        mn_limits_model_tokens(job->all->api->limits, job->account_id, n, &now, &e) != MN_OK)
        mn_warn("openai", "tokens cannot be counted: %s", e.msg);
}

static const char *failure(const mn_oai_job *job)
{
    for (size_t i = 0; i < job->n_units; i++)
        if (job->units[i].end == MN_GEN_FAILED) return job->units[i].error;
    return NULL;
}

static bool was_cancelled(const mn_oai_job *job)
{
    for (size_t i = 0; i < job->n_units; i++)
        if (job->units[i].end == MN_GEN_CANCELLED) return true;
    return false;
}

static void answer(mn_oai_job *job)
{
    mn_resp *w = job->resp;
    const char *why = failure(job);
    if (atomic_load(&job->revoked))
        mn_oai_fail(w, &(mn_oai_fault){401, "invalid_request_error", "invalid_api_key", NULL},
                    "the key was revoked");
    else if (why) mn_oai_fail(w, &(mn_oai_fault){500, "server_error", NULL, NULL}, "%s", why);
    else if (was_cancelled(job))
        mn_oai_fail(w, &(mn_oai_fault){503, "server_error", "cancelled", NULL},
                    "the answer was given up: the server is stopping, or the client hung up");
    else {
        mn_json_writer j = mn_api__json(w);
        pthread_mutex_lock(&job->lock);
        job->kind->whole(job, &j);
        pthread_mutex_unlock(&job->lock);
    }
    job->resp = NULL;
    atomic_store(&job->closed, true);
    mn_resp_done(w);
}

void mn_oai_unlink(mn_oai_job *job)
{
    mn_oai *o = job->all;
    if (job->prev) job->prev->next = job->next;
    else o->jobs = job->next;
    if (job->next) job->next->prev = job->prev;
    o->n_jobs--;
    o->held -= job->held;
}

static void drop_job(mn_oai_job *job)
{
    mn_oai *o = job->all;
    pthread_mutex_lock(&o->lock);
    bool queued = job->queued;
    if (!queued) mn_oai_unlink(job);
    pthread_mutex_unlock(&o->lock);
    if (!queued) mn_oai_job_free(job); /* else it comes by once more */
}

static void tend(mn_oai_job *job)
{
    check_again(job);
    bool over = atomic_load(&job->gone) || atomic_load(&job->revoked);
    if (over) cancel(job);
    set_hungry(job, !over && submit_more(job));
    pthread_mutex_lock(&job->lock);
    bool ended = mn_oai_job_ended(job);
    pthread_mutex_unlock(&job->lock);
    if (!ended) return;
    if (!job->settled) {
        job->settled = true;
        count_used(job);
        if (job->resp) answer(job);
        else mn_http_wake(job->http, job->topic);
    }
    if (atomic_load(&job->closed)) drop_job(job);
}

/* ---- the thread ---------------------------------------------------------------------------------------------------- */

static void wait_for_work(mn_oai *o)
{
    struct timespec until;
    if (o->n_hungry == 0) {
        pthread_cond_wait(&o->wake, &o->lock);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += HUNGRY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&o->wake, &o->lock, &until);
    if (mn_mono_us() - o->fed_us < HUNGRY_MS * 1000) return;
    o->fed_us = mn_mono_us();
    for (mn_oai_job *job = o->jobs; job; job = job->next)
        if (job->hungry) push_locked(o, job);
}

static void *work(void *arg)
{
    mn_oai *o = arg;
    mn_oai_job *job;
    pthread_mutex_lock(&o->lock);
    while (o->jobs || !o->stop) {
        while ((job = pop_locked(o)) != NULL) {
            pthread_mutex_unlock(&o->lock);
            tend(job);
            pthread_mutex_lock(&o->lock);
        }
        if (o->jobs || !o->stop) wait_for_work(o);
    }
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

/* ---- what the server says ------------------------------------------------------------------------------------------ */

void mn_oai_hung_up(void *arg)
{
    mn_oai_job *job = arg;
    atomic_store(&job->gone, true);
    mn_oai_push(job);
}

void mn_oai_stream_close(void *arg)
{
    mn_oai_job *job = arg;
    mn_oai *o = job->all;
    pthread_mutex_lock(&o->lock); /* as one: a job that is closed may be freed by the thread */
    atomic_store(&job->gone, true);
    atomic_store(&job->closed, true);
    push_locked(o, job);
    pthread_mutex_unlock(&o->lock);
}

/* An event of the stream's end: what went wrong, or usage and the last word. */
static void write_end(mn_oai_job *job, mn_buf *out)
{
    const mn_oai_fault revoked = {401, "invalid_request_error", "invalid_api_key", NULL};
    const mn_oai_fault failed = {500, "server_error", NULL, NULL};
    const char *why = failure(job);
    bool cut = atomic_load(&job->revoked);
    mn_json_writer j;
    mn_json_writer_init(&j, out, 0);
    if (cut || why || was_cancelled(job)) {
        mn_buf_addz(out, "data: ");
        mn_oai_write_error(&j, cut ? &revoked : &failed,
                           cut   ? MN_STR("the key was revoked")
                           : why ? mn_str_from(why)
                                 : MN_STR("the answer was given up"));
        mn_buf_addz(out, "\n\n");
        return;
    }
    job->kind->last(job, out);
}

bool mn_oai_stream_next(void *arg, mn_buf *out)
{
    mn_oai_job *job = arg;
    pthread_mutex_lock(&job->lock);
    bool ended = mn_oai_job_ended(job);
    for (size_t i = 0; i < job->n_units; i++) job->kind->news(job, &job->units[i], out);
    if (ended) write_end(job, out);
    pthread_mutex_unlock(&job->lock);
    return !ended;
}

/* ---- keys that are revoked, accounts that change --------------------------------------------------------------------- */

static void concern(mn_oai *o, const mn_event *ev)
{
    bool token = ev->kind == MN_EV_TOKEN_GONE, all = ev->kind == MN_EV_ALL;
    bool account = ev->kind == MN_EV_ACCOUNT && ev->other != MN_EV_ACCOUNT_COUNTS;
    if (!token && !account && !all) return;
    for (mn_oai_job *job = o->jobs; job; job = job->next) {
        if (token && job->token_id == ev->id) atomic_store(&job->revoked, true);
        else if (all || (account && job->account_id == ev->account))
            atomic_store(&job->recheck, true);
        else continue;
        push_locked(o, job);
    }
}

static void follow(void *arg, const mn_event *ev, size_t n)
{
    mn_oai *o = arg;
    pthread_mutex_lock(&o->lock);
    for (size_t i = 0; i < n; i++) concern(o, &ev[i]);
    pthread_mutex_unlock(&o->lock);
}

/* ---- start and stop ------------------------------------------------------------------------------------------------ */

mn_rc mn_oai_start(mn_api *a, mn_err *e)
{
    mn_oai *o = mn_calloc(1, sizeof *o);
    if (!o) return mn_fail(e, MN_E_NOMEM, "out of memory starting the model API");
    o->api = a;
    o->work_end = &o->work;
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->wake, NULL);
    a->oai = o;
    MN_TRY(mn_store_listen(a->home->store, follow, o, e));
    if (pthread_create(&o->thread, NULL, work, o) != 0)
        return mn_fail(e, MN_E_IO, "cannot start the thread of the model API");
    o->started = true;
    return MN_OK;
}

void mn_oai_stop(mn_api *a)
{
    mn_oai *o = a->oai;
    if (!o) return;
    mn_store_unlisten(a->home->store, follow, o);
    pthread_mutex_lock(&o->lock);
    o->stop = true;
    for (mn_oai_job *job = o->jobs; job; job = job->next) {
        atomic_store(&job->gone, true);
        push_locked(o, job);
    }
    pthread_cond_signal(&o->wake);
    pthread_mutex_unlock(&o->lock);
    if (o->started) pthread_join(o->thread, NULL);
    pthread_cond_destroy(&o->wake);
    pthread_mutex_destroy(&o->lock);
    mn_free(o);
    a->oai = NULL;
}

size_t mn_oai_open(const mn_api *a)
{
    mn_oai *o = a->oai;
    if (!o) return 0;
    pthread_mutex_lock(&o->lock);
    size_t n = o->n_jobs;
    pthread_mutex_unlock(&o->lock);
    return n;
}
