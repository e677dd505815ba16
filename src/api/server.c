/* The application: start and stop, what surrounds every request, the thread that keeps the index up with the store. */
#include "api/api.h"

#include <ctype.h>
#include <malloc.h>
#include <stdio.h>
#include <time.h>

#include "api/chats/chats.h"
#include "api/mastodon/accounts.h"
#include "api/mastodon/mastodon.h"
#include "api/mastodon/statuses.h"
#include "api/openai/openai.h"
#include "api/pages/kept.h"
#include "api/served.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"

#define INDEX_LOOK_MS 1000

/* ---- what surrounds a request ---------------------------------------------------------------------------------- */

static const struct {
    const char *name, *value;
} security_headers[] = {
    {"Content-Security-Policy",
     "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; "
     "form-action 'self'; frame-ancestors 'none'; object-src 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "strict-origin-when-cross-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), browsing-topics=()"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

/* Headers on everything, and who may, how often: so that no handler can forget either. */
static bool before(mn_req *r, mn_resp *w)
{
    for (size_t i = 0; i < sizeof security_headers / sizeof *security_headers; i++)
        mn_resp_header(w, security_headers[i].name, mn_str_from(security_headers[i].value));
    return mn_oai_is(r->path) ? mn_oai_before(r, w) : mn_masto__before(r, w);
}

static void after(const mn_req *r, int status, size_t bytes, double cpu_us)
{
    mn_api *a = r->app;
    mn_metrics__count(&a->metrics, mn_req_route(r), status, bytes, cpu_us);
    mn_debug("http", "%d %.*s %zu bytes %.0f us", status, MN_STR_FMT(r->path), bytes, cpu_us);
}

/* "there is no such post" → "There is no such post." */
static void error_page(mn_req *r, mn_resp *w, int status, mn_str message)
{
    char text[512];
    snprintf(text, sizeof text, "%.*s%s", MN_STR_FMT(message),
             mn_str_ends(message, ".") ? "" : ".");
    text[0] = (char)toupper((unsigned char)text[0]);
    mn_page_error(r, w, status, text);
}

/* ---- small words for handlers ---------------------------------------------------------------------------------- */

mn_json_writer mn_api__json(mn_resp *w)
{
    mn_json_writer j;
    mn_resp_type(w, "application/json; charset=utf-8");
    mn_resp_header(w, "Cache-Control", MN_STR("no-cache"));
    mn_json_writer_init(&j, mn_resp_body(w), 0);
    return j;
}

void mn_api__failed(mn_req *r, mn_resp *w, const mn_err *e)
{
    mn_error("serve", "%.*s: %s", MN_STR_FMT(r->path), e->msg[0] ? e->msg : mn_rc_name(e->rc));
    if (e->rc == MN_E_BUSY || e->rc == MN_E_NOMEM) {
        mn_resp_header(w, "Retry-After", MN_STR("2"));
        mn_resp_error(r, w, 503, "the server is busy; try again in a moment");
        return;
    }
    mn_resp_error(r, w, 500, "the server could not do this; the reason is in its log");
}

bool mn_api__number_query(mn_req *r, mn_resp *w, const char *name, uint64_t least,
                          uint64_t most, uint64_t fallback, uint64_t *ret)
{
    mn_str s = mn_req_query(r, name);
    *ret = fallback;
    if (s.len == 0) return true;
    if (mn_str_to_u64(s, ret) == MN_OK && *ret >= least && *ret <= most) return true;
    mn_resp_error(r, w, 400, "%s should be a number from %llu to %llu", name,
                  (unsigned long long)least, (unsigned long long)most);
    return false;
}

bool mn_api__id_query(mn_req *r, mn_resp *w, const char *name, uint64_t *ret)
{
    mn_str s = mn_req_query(r, name);
    *ret = 0;
    if (s.len == 0 || (mn_str_to_u64(s, ret) == MN_OK && *ret <= INT64_MAX)) return true;
    mn_resp_error(r, w, 400, "%s should be the id of a post", name);
    return false;
}

/* ---- what pages need ------------------------------------------------------------------------------------------- */

mn_store *mn_api_store(mn_api *a)
{
    return a->home->store;
}

mn_search *mn_api_search(mn_api *a)
{
    return atomic_load(&a->search);
}

const char *mn_api_domain(const mn_api *a)
{
    return a->domain;
}

mn_rc mn_api_ask(mn_api *a, mn_str question, uint64_t before_id, mn_arena *ar, mn_answer *ret,
                 mn_err *e)
{
    mn_search *x = mn_api_search(a);
    if (!x)
        return mn_fail(e, MN_E_BUSY, "the search index is being opened; try again in a moment");
    mn_ask_opts o = {.before = before_id};
    mn_serving *model =
        NULL; /* none, or a broken one (the log says so): answers go without it */
    if (mn_served_take(a->served, MN_STR(""), &model, NULL) == MN_OK) o.engine = model->engine;
    mn_rc rc = mn_ask(x, a->home->store, question, &o, ar, ret, e);
    mn_serving_done(model);
    if (rc == MN_OK) mn_api__answer_used(a, ret);
    return rc;
}

/* ---- the index ------------------------------------------------------------------------------------------------- */

/* Waits for a wake or the next look; false when the application stops. */
static bool index_wait(mn_api *a)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += INDEX_LOOK_MS / 1000;
    pthread_mutex_lock(&a->index_lock);
    if (!a->stop) pthread_cond_timedwait(&a->index_wake, &a->index_lock, &until);
    bool go = !a->stop;
    pthread_mutex_unlock(&a->index_lock);
    return go;
}

/* Says a failure once, not every second. */
static void index_said(mn_rc rc, const mn_err *e, mn_rc *last)
{
    if (rc != MN_OK && rc != *last && rc != MN_E_CANCELLED)
        mn_error("serve", "search does not follow the posts: %s", e->msg);
    if (rc == MN_OK && *last != MN_OK) mn_info("serve", "search follows the posts again");
    *last = rc;
}

static void *index_follow(void *arg)
{
    mn_api *a = arg;
    mn_search *x = NULL;
    mn_rc last = MN_OK;
    char dir[1024];
    snprintf(dir, sizeof dir, "%s/search", a->home->dir);
    do {
        mn_err e = {0};
        uint64_t n = 0;
        mn_rc rc = MN_OK;
        if (!x) {
            rc = mn_search_open(dir, a->home->store, false, &x, &e);
            if (rc == MN_OK) atomic_store(&a->search, x);
            else x = NULL;
        }
        if (x) rc = mn_search_update(x, &n, &e);
        if (n > 256) malloc_trim(0); /* what a big import needed goes back to the system */
        index_said(rc, &e, &last);
    } while (index_wait(a));
    return NULL;
}

void mn_api_index_wake(mn_api *a)
{
    pthread_mutex_lock(&a->index_lock);
    pthread_cond_signal(&a->index_wake);
    pthread_mutex_unlock(&a->index_lock);
}

/* ---- start and stop -------------------------------------------------------------------------------------------- */

static void stop_index(mn_api *a)
{
    if (!a->indexing) return;
    pthread_mutex_lock(&a->index_lock);
    a->stop = true;
    pthread_cond_signal(&a->index_wake);
    pthread_mutex_unlock(&a->index_lock);
    pthread_join(a->indexer, NULL);
    a->indexing = false;
}

void mn_api_stop(mn_api *a, int grace_ms)
{
    if (!a) return;
    mn_api__services_cancel(a);
    mn_api__jobs_stop(a);
    if (a->http) mn_http_stop(a->http, grace_ms);
    mn_api__services_stop(a);
    mn_oai_stop(a);
    mn_chats_stop(a);
    mn_api__jobs_free(a);
    stop_index(a);
    mn_search_close(atomic_load(&a->search));
    mn_api__guard_free(a);
    mn_served_free(a->served);
    mn_live__release(&a->live);
    mn_access_free(a->access);
    mn_masto__statuses_stop(a);
    mn_account_cache_free(a->accounts);
    mn_kept_free(a->kept);
    mn_free(a->routes);
    mn_limits_free(a->limits);
    mn_moderation_free(a->moderation);
    pthread_mutex_destroy(&a->numbers.lock);
    pthread_mutex_destroy(&a->metrics.lock);
    pthread_mutex_destroy(&a->index_lock);
    pthread_cond_destroy(&a->index_wake);
    mn_free(a);
}

void mn_api_quiesce(mn_api *a)
{
    mn_http_quiesce(a->http);
}

static mn_rc start_http(mn_api *a, const mn_api_opts *o, mn_err *e)
{
    mn_http_opts h = {
        .listen = o->listen,
        .app = a,
        .n_threads = o->threads,
        .trusted_proxy = o->trusted_proxy,
        .before = before,
        .body_limit = mn_masto__body_limit,
        .after = after,
        .finish = mn_api__reading_done,
        .error_page = error_page,
        .error_json = mn_oai_error_json,
        .limits = o->limits,
    };
    MN_TRY(mn_api__routes_new(&a->routes, e));
    h.routes = a->routes;
    MN_TRY(mn_access_new(a->home->store, &a->access, e));
    MN_TRY(mn_api__services_start(a, e));
    MN_TRY(mn_oai_start(a, e));
    MN_TRY(mn_chats_start(a, e));
    MN_TRY(mn_http_start(&h, &a->http, e));
    if (!a->base[0])
        snprintf(a->base, sizeof a->base, "http://127.0.0.1:%d", mn_http_port(a->http));
    return mn_api__jobs_start(a, e);
}

/* How people reach this instance: https and its name, or, as long as it has none, the address it listens on. */
static void set_base(mn_api *a)
{
    const char *said = mn_conf_get(a->home->conf, "url");
    if (said && *said) snprintf(a->base, sizeof a->base, "%s", said);
    else if (strcmp(a->domain, "localhost") != 0)
        snprintf(a->base, sizeof a->base, "https://%s", a->domain);
    size_t n = strlen(a->base);
    while (n > 0 && a->base[n - 1] == '/') a->base[--n] = 0;
}

bool mn_web_https(const mn_api *a)
{
    return strncmp(a->base, "https://", 8) == 0;
}

mn_rc mn_api_start(const mn_api_opts *o, mn_api **ret, mn_err *e)
{
    mn_api *a = mn_calloc(1, sizeof *a);
    if (!a) return mn_fail(e, MN_E_NOMEM, "out of memory starting the server");
    a->home = o->home;
    snprintf(a->domain, sizeof a->domain, "%s", o->domain ? o->domain : "localhost");
    set_base(a);
    pthread_mutex_init(&a->index_lock, NULL);
    pthread_cond_init(&a->index_wake, NULL);
    pthread_mutex_init(&a->metrics.lock, NULL);
    a->metrics.started_ms = mn_now_ms();
    mn_live__init(&a->live, o->home->dir);
    pthread_mutex_init(&a->numbers.lock, NULL);
    mn_rc rc = mn_served_new(o->home->dir, o->home->conf, o->device, &a->served, e);
    if (rc == MN_OK) rc = mn_api__guard_start(a, e);
    if (rc == MN_OK) rc = mn_limits_new(o->home->store, o->home->conf, &a->limits, e);
    if (rc == MN_OK) rc = mn_moderation_new(o->home->store, &a->moderation, e);
    if (rc == MN_OK) rc = mn_masto__statuses_start(a, e);
    if (rc == MN_OK) rc = mn_account_cache_new(o->home->store, &a->accounts, e);
    if (rc == MN_OK) rc = mn_kept_new(o->home->store, &a->kept, e);
    if (rc == MN_OK) rc = start_http(a, o, e);
    if (rc == MN_OK && pthread_create(&a->indexer, NULL, index_follow, a) != 0)
        rc = mn_fail(e, MN_E_IO, "cannot start the index thread");
    else if (rc == MN_OK) a->indexing = true;
    if (rc != MN_OK) {
        mn_api_stop(a, 0);
        return rc;
    }
    *ret = a;
    return MN_OK;
}

int mn_api_port(const mn_api *a)
{
    return mn_http_port(a->http);
}
