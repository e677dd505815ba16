/* The workers behind the requests. Each looks for the job or timer that is due first, sleeps until then at most a second,
 * and is woken earlier by mn_api_jobs_wake. Timers run on one worker at a time. */
#include "api/jobs.h"

#include <time.h>

#include "api/api_int.h"
#include "api/mastodon/accounts.h"
#include "api/mastodon/media.h"
#include "api/mastodon/push.h"
#include "api/mastodon/statuses.h"
#include "api/transfers.h"
#include "base/clock.h"
#include "base/log.h"
#include "social/cards.h"
#include "social/erase.h"
#include "social/mail.h"

#define WORKERS      4
#define LOOK_MS      1000
#define RETRY_MS     15000
#define RETRY_MAX_MS (6 * 3600 * 1000)

/* What there is to do: a line a kind. */
static const mn_job_kind kinds[] = {
    {MN_MAIL_JOB, mn_api__mail_run, 120, 1},
    {MN_ERASE_JOB, mn_api__erase_run, 300, 0},
    {MN_CARD_JOB, mn_card_job, 60, 1},
    {MN_VERIFY_JOB, mn_masto__verify_run, 120, 1},
    {"push", mn_pushing_run, 60, 2},
    {MN_TRANSFER_JOB, mn_api__transfer_run, 3600, 1},
    {0},
};
static const mn_timer timers[] = {
    {"what was read", 10, mn_api__limits_flush},
    {"suspensions that end", 3600, mn_api__suspended_purge},
    {"mutes that end", 30, mn_masto__mutes_expire},
    {"scheduled posts", 2, mn_masto__scheduled_timer},
    {"polls that end", 10, mn_masto__polls_timer},
    {"repeated requests", 600, mn_masto__repeats_timer},
    {"tokens in use", 60, mn_api__access_flush},
    {"tokens and codes past their time", 600, mn_api__access_sweep},
    {"unattached uploads", 600, mn_media_sweep_rows},
    {"unused files", 60, mn_media_sweep_files},
    {"imported pictures", 10, mn_media_read_imported},
    {"transfers of last week", 600, mn_api__transfers_sweep},
    {"trends", 300, mn_masto__trends_refresh},
    {"what is due to be forgotten", 3, mn_api__guard_renew},
    {0},
};
#define TIMERS_MAX 32
#define KINDS_MAX  (sizeof kinds / sizeof *kinds)

typedef struct mn_jobs {
    mn_api *api;
    pthread_t threads[WORKERS];
    int n;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop, woken;
    int64_t due_us[TIMERS_MAX]; /* INT64_MAX while it runs */
    int running[KINDS_MAX];
} mn_jobs;

/* ---- jobs ---------------------------------------------------------------------------------------------------------- */

static mn_rc take(mn_store *s, const mn_job_kind *k, mn_arena *ar, mn_job *ret, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc =
        mn_store_job_take(tx, mn_str_from(k->kind), k->lease_s * INT64_C(1000), ar, ret, e);
    return mn_store_end(tx, rc, e);
}

static int64_t pause_ms(int tries)
{
    int64_t ms = RETRY_MS;
    for (int i = 1; i < tries && ms < RETRY_MAX_MS; i++) ms *= 2;
    return ms < RETRY_MAX_MS ? ms : RETRY_MAX_MS;
}

static mn_rc settle(mn_store *s, const mn_job *job, mn_rc outcome, const mn_err *why, mn_err *e)
{
    mn_tx *tx;
    bool again = outcome == MN_E_BUSY || outcome == MN_E_IO;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = outcome != MN_OK && again
                   ? mn_store_job_failed(tx, job->id, mn_str_from(why->msg),
                                         mn_now_ms() + pause_ms(job->tries), e)
                   : mn_store_job_done(tx, job->id, e);
    return mn_store_end(tx, rc, e);
}

static void run_job(mn_api *a, const mn_job_kind *k, const mn_job *job, mn_arena *ar)
{
    mn_err e = {0}, late = {0};
    mn_json *payload = NULL;
    mn_rc rc = mn_json_parse(job->payload, ar, &payload, &e);
    if (rc == MN_OK) rc = k->run(a, payload, ar, &e);
    if (rc != MN_OK) mn_warn("jobs", "%s: %s", k->kind, e.msg[0] ? e.msg : mn_rc_name(rc));
    if (settle(a->home->store, job, rc, &e, &late) != MN_OK)
        mn_error("jobs", "%s: its end could not be noted: %s", k->kind, late.msg);
}

/* A place among those of the kind that run. */
static bool enter(mn_jobs *j, const mn_job_kind *k)
{
    pthread_mutex_lock(&j->lock);
    bool room = !k->at_once || j->running[k - kinds] < k->at_once;
    if (room) j->running[k - kinds]++;
    pthread_mutex_unlock(&j->lock);
    return room;
}

static void leave(mn_jobs *j, const mn_job_kind *k)
{
    pthread_mutex_lock(&j->lock);
    j->running[k - kinds]--;
    pthread_mutex_unlock(&j->lock);
}

/* One job that is due, if there is one. *next_ms becomes the time of the first that is not due yet. */
static bool one_job(mn_api *a, mn_arena *ar, int64_t *next_ms)
{
    for (const mn_job_kind *k = kinds; k->kind; k++) {
        mn_err e = {0};
        mn_job job = {0};
        int64_t due = 0;
        if (mn_store_job_due(a->home->store, mn_str_from(k->kind), &due, &e) != MN_OK) continue;
        if (due > mn_now_ms()) {
            if (due < *next_ms) *next_ms = due;
            continue;
        }
        if (!enter(a->jobs, k)) continue;
        mn_rc rc = take(a->home->store, k, ar, &job, &e);
        if (rc == MN_OK) run_job(a, k, &job, ar);
        else if (rc != MN_E_NOT_FOUND) mn_error("jobs", "%s: %s", k->kind, e.msg);
        leave(a->jobs, k);
        if (rc == MN_OK) return true;
    }
    return false;
}

/* ---- timers -------------------------------------------------------------------------------------------------------- */

static const mn_timer *take_timer(mn_jobs *j, size_t *ret_i)
{
    const mn_timer *t = NULL;
    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; timers[i].name && !t; i++)
        if (j->due_us[i] <= mn_mono_us()) {
            t = &timers[i];
            *ret_i = i;
            j->due_us[i] = INT64_MAX;
        }
    pthread_mutex_unlock(&j->lock);
    return t;
}

static bool one_timer(mn_jobs *j, mn_arena *ar)
{
    size_t i = 0;
    mn_err e = {0};
    const mn_timer *t = take_timer(j, &i);
    if (!t) return false;
    mn_rc rc = t->run(j->api, ar, &e);
    if (rc != MN_OK && rc != MN_E_CANCELLED)
        mn_warn("jobs", "%s: %s", t->name, e.msg[0] ? e.msg : mn_rc_name(rc));
    pthread_mutex_lock(&j->lock);
    j->due_us[i] = mn_mono_us() + t->every_s * INT64_C(1000000);
    pthread_mutex_unlock(&j->lock);
    return true;
}

/* ---- threads ------------------------------------------------------------------------------------------------------- */

static bool wait_for_work(mn_jobs *j, int64_t next_ms)
{
    struct timespec until;
    int64_t wait_ms = next_ms - mn_now_ms();
    if (wait_ms > LOOK_MS) wait_ms = LOOK_MS;
    if (wait_ms < 1) wait_ms = 1;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)wait_ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&j->lock);
    if (!j->stop && !j->woken) pthread_cond_timedwait(&j->wake, &j->lock, &until);
    j->woken = false;
    bool go = !j->stop;
    pthread_mutex_unlock(&j->lock);
    return go;
}

static void *work(void *arg)
{
    mn_jobs *j = arg;
    mn_arena ar;
    int64_t next_ms;
    mn_arena_init(&ar, 0);
    do {
        next_ms = INT64_MAX;
        while (one_job(j->api, &ar, &next_ms) || one_timer(j, &ar)) {
            mn_arena_reset(&ar);
            pthread_mutex_lock(&j->lock);
            bool stop = j->stop;
            pthread_mutex_unlock(&j->lock);
            if (stop) break;
        }
        mn_arena_reset(&ar);
    } while (wait_for_work(j, next_ms));
    mn_arena_release(&ar);
    return NULL;
}

void mn_api_jobs_wake(mn_api *a)
{
    mn_jobs *j = a->jobs;
    if (!j) return;
    pthread_mutex_lock(&j->lock);
    j->woken = true;
    pthread_cond_signal(&j->wake);
    pthread_mutex_unlock(&j->lock);
}

mn_rc mn_api__jobs_start(mn_api *a, mn_err *e)
{
    _Static_assert(sizeof timers / sizeof *timers <= TIMERS_MAX,
                   "more timers than there is room");
    mn_jobs *j = mn_calloc(1, sizeof *j);
    if (!j) return mn_fail(e, MN_E_NOMEM, "out of memory starting the workers");
    j->api = a;
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->wake, NULL);
    a->jobs = j;
    for (int i = 0; i < WORKERS; i++) {
        if (pthread_create(&j->threads[i], NULL, work, j) != 0)
            return mn_fail(e, MN_E_IO, "cannot start a worker thread");
        j->n++;
    }
    return MN_OK;
}

void mn_api__jobs_stop(mn_api *a)
{
    mn_jobs *j = a->jobs;
    if (!j) return;
    pthread_mutex_lock(&j->lock);
    j->stop = true;
    pthread_cond_broadcast(&j->wake);
    pthread_mutex_unlock(&j->lock);
    for (int i = 0; i < j->n; i++) pthread_join(j->threads[i], NULL);
    j->n = 0;
}

void mn_api__jobs_free(mn_api *a)
{
    mn_jobs *j = a->jobs;
    if (!j) return;
    a->jobs = NULL;
    pthread_mutex_destroy(&j->lock);
    pthread_cond_destroy(&j->wake);
    mn_free(j);
}
