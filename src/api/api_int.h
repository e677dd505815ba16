/* Private to src/api: the application's insides. */
#ifndef MN_API_API_INT_H
#define MN_API_API_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "base/json.h"
#include "social/access.h"
#include "social/limits.h"
#include "social/moderation.h"

#define MN_LIVE_POINTS  1024
#define MN_METRIC_CELLS 512
#define MN_QUESTION_MAX 1200 /* bytes: 300 characters */

/* ---- live.c -------------------------------------------------------------------------------------------------- */

typedef struct mn_live_point {
    uint64_t seq, step, tokens;
    double loss, lr, tokens_per_s; /* loss NaN: this is an evaluation, val holds it */
    double val;
} mn_live_point;

#define MN_LIVE_OUTCOMES 4
typedef struct mn_live {
    pthread_mutex_t lock;
    char state[16], message[240], unit[16], model[128];
    uint64_t done, total;
    uint64_t seq; /* of the newest point or change of state */
    mn_live_point curve[MN_LIVE_POINTS], evals[MN_LIVE_POINTS];
    size_t n_curve, n_evals;
    int64_t woken_us;
    uint64_t
        learnt[MN_LIVE_OUTCOMES]; /* cycles of learning since the start, by how they ended */
    int64_t learnt_ms;            /* when the last of them did; 0: none */
} mn_live;
extern const char *const mn_live__outcomes[MN_LIVE_OUTCOMES];

void mn_live__init(mn_live *l, const char *data_dir);
void mn_live__release(mn_live *l);
/* Members of the model document that concern the present: state, message, progress. */
void mn_live__json(mn_live *l, mn_json_writer *j);
/* Points after `seq` as members "curve" and "evals" of the object under way. */
void mn_live__points(mn_live *l, uint64_t seq, mn_json_writer *j);

/* ---- metrics.c ----------------------------------------------------------------------------------------------- */

typedef struct mn_metric {
    const char *route; /* a pattern of the table, or "other" */
    int status;
    uint64_t n, bytes;
    double cpu_us;
} mn_metric;
typedef struct mn_metrics {
    pthread_mutex_t lock;
    mn_metric cells[MN_METRIC_CELLS];
    size_t n;
    int64_t started_ms;
} mn_metrics;

void mn_metrics__count(mn_metrics *m, const char *route, int status, size_t bytes,
                       double cpu_us);

/* ---- the application ----------------------------------------------------------------------------------------- */

/* ---- mastodon/instance_facts.c: numbers that take a query, kept for a minute ------------------------------------ */

typedef struct mn_numbers {
    pthread_mutex_t lock;
    int64_t until_us;
    uint64_t v[4];
} mn_numbers;

struct mn_api {
    mn_home *home;
    mn_http *http;
    char domain[256], base[300]; /* base: "https://DOMAIN", how people reach it */
    mn_route *routes;
    mn_access *access;
    struct mn_jobs *jobs;
    struct mn_feeds *feeds;            /* social/feeds.h: homes and lists */
    struct mn_filters *filters;        /* social/filters.h */
    struct mn_trends *trends;          /* social/trends.h */
    struct mn_shown *shown;            /* mastodon/shown.h: posts as JSON */
    struct mn_compose *compose;        /* social/compose.h */
    struct mn_kept *kept;              /* pages/kept.h: pages for those who are not signed in */
    struct mn_account_cache *accounts; /* mastodon/accounts.h: account entities */
    struct mn_streaming *streaming;    /* mastodon/streaming.h */
    struct mn_client *client;          /* net/client.h: to the internet */
    struct mn_pushing *pushing;        /* mastodon/push.h */
    struct mn_served *served;          /* served.h: language models */
    struct mn_api_guard *guard;        /* guard.c: what they must not say */
    struct mn_oai *oai;                /* openai/openai.h: the model API */
    struct mn_chats *chats;            /* chats/chats.h: members talk to a model */
    _Atomic(mn_search *) search;
    pthread_t indexer;
    bool indexing, stop;
    pthread_mutex_t index_lock;
    pthread_cond_t index_wake;
    mn_live live;
    mn_metrics metrics;
    mn_limits *limits;
    mn_moderation *moderation;
    mn_numbers numbers;
    _Atomic uint64_t
        contact; /* mastodon/instance.c: the first operator, as last found; 0: not looked for */
};

/* All tables of routes in one array, ended by .path = NULL; gives. */
mn_rc mn_api__routes_new(mn_route **ret, mn_err *e);
/* consent.c */
extern const mn_route mn_api__routes_consent[];
void mn_api__answer_used(mn_api *a, const mn_answer *answer);
/* mastodon/mastodon.c: what happens before every handler; true: answered. */
bool mn_masto__before(mn_req *r, mn_resp *w);
/* Large bodies are for members: anybody else may send MN_HTTP_BODY_FREE. */
size_t mn_masto__body_limit(const mn_req *r, size_t limit);
/* jobs.c: workers and timers. Stop waits for what is under way; free when no request is left that may wake them. */
mn_rc mn_api__jobs_start(mn_api *a, mn_err *e);
void mn_api__jobs_stop(mn_api *a);
void mn_api__jobs_free(mn_api *a);

/* guard.c: looks at once for what is due to be forgotten, then every few seconds (a timer of jobs.c). */
mn_rc mn_api__guard_start(mn_api *a, mn_err *e);
mn_rc mn_api__guard_renew(mn_api *a, mn_arena *ar, mn_err *e);
void mn_api__guard_free(mn_api *a);

/* services.c: client, feeds, pushing, streaming. Cancel ends what waits for the internet; stop comes after HTTP and jobs. */
mn_rc mn_api__services_start(mn_api *a, mn_err *e);
void mn_api__services_cancel(mn_api *a);
void mn_api__services_stop(mn_api *a);
/* mastodon/push_send.c: the key of Web Push, in base64url, as clients get it. */
const char *mn_api__vapid_public(const mn_api *a);

/* A JSON response: type set, nothing cached by others. */
mn_json_writer mn_api__json(mn_resp *w);
/* Logs the message and answers 500, or 503 when the store is busy or memory is short. */
void mn_api__failed(mn_req *r, mn_resp *w, const mn_err *e);
/* ---- limits.c: what surrounds the handlers ---------------------------------------------------------------------- */

/* Counts the request; true: it was refused (429, 401, 403). Within `before`, when parameters are read. */
bool mn_api__limited(mn_req *r, mn_resp *w);
/* n posts were delivered to be read (mn_entity_statuses does it for its own). Pages call it. */
void mn_api__read(const mn_req *r, size_t n_posts);
/* After the handler: counts what was read where the route is one to read by. */
void mn_api__reading_done(mn_req *r, mn_resp *w);
mn_caller mn_api__caller(const mn_req *r);
/* Timers. */
mn_rc mn_api__limits_flush(mn_api *a, mn_arena *ar, mn_err *e);
mn_rc mn_api__suspended_purge(mn_api *a, mn_arena *ar, mn_err *e);
/* A query parameter that is an id; absent: 0. False: 400 sent. */
bool mn_api__id_query(mn_req *r, mn_resp *w, const char *name, uint64_t *ret);
/* A number from least to most with a default; false: 400 sent. */
bool mn_api__number_query(mn_req *r, mn_resp *w, const char *name, uint64_t least,
                          uint64_t most, uint64_t fallback, uint64_t *ret);
/* A tombstone is shown where the post was for anybody: that there was another is nobody's business. */
static inline bool mn_api__is_stone(const mn_post *p)
{
    return p->deleted_ms &&
           (p->visibility == MN_VIS_PUBLIC || p->visibility == MN_VIS_UNLISTED);
}
/* One post as JSON; a tombstone as {"id","deleted":true}. */
void mn_api__post_json(mn_json_writer *j, const mn_post *p);

void mn_api__healthz(mn_req *r, mn_resp *w);
void mn_api__metrics(mn_req *r, mn_resp *w);
void mn_api__robots(mn_req *r, mn_resp *w);
void mn_api__asset(mn_req *r, mn_resp *w);
void mn_api__timeline(mn_req *r, mn_resp *w);
void mn_api__post(mn_req *r, mn_resp *w);
void mn_api__account(mn_req *r, mn_resp *w);
void mn_api__ask_get(mn_req *r, mn_resp *w);
void mn_api__ask_post(mn_req *r, mn_resp *w);
void mn_api__search_get(mn_req *r, mn_resp *w);
void mn_api__model(mn_req *r, mn_resp *w);
void mn_api__events(mn_req *r, mn_resp *w);

/* mail.c, access_work.c: kinds of jobs and timers. */
mn_rc mn_api__mail_run(mn_api *a, const mn_json *payload, mn_arena *ar, mn_err *e);
mn_rc mn_api__erase_run(mn_api *a, const mn_json *payload, mn_arena *ar, mn_err *e);
mn_rc mn_api__access_flush(mn_api *a, mn_arena *ar, mn_err *e);
mn_rc mn_api__access_sweep(mn_api *a, mn_arena *ar, mn_err *e);
/* Tables of routes: apps, OAuth, signing in and up. */
extern const mn_route mn_masto__routes_timelines[], mn_masto__routes_lists[],
    mn_masto__routes_tags[], mn_masto__routes_filters[], mn_masto__routes_conversations[],
    mn_masto__routes_search[], mn_masto__routes_trends[];
/* mastodon/trends.c: a timer. */
mn_rc mn_masto__trends_refresh(mn_api *a, mn_arena *ar, mn_err *e);
extern const mn_route mn_masto__routes_statuses[], mn_masto__routes_status_acts[],
    mn_masto__routes_status_lists[], mn_masto__routes_scheduled[];
extern const mn_route mn_masto__routes_account_profile[], mn_masto__routes_accounts[],
    mn_masto__routes_account_acts[], mn_masto__routes_account_lists[],
    mn_masto__routes_notifications[], mn_masto__routes_notification_requests[];
extern const mn_route mn_masto__routes_instance[], mn_masto__routes_wellknown[],
    mn_masto__routes_reports[], mn_masto__routes_announcements[],
    mn_masto__routes_admin_accounts[], mn_masto__routes_admin_reports[],
    mn_masto__routes_admin_blocks[], mn_masto__routes_admin_numbers[],
    mn_masto__routes_admin_own[];
extern const mn_route mn_masto__routes_apps[], mn_masto__routes_oauth[],
    mn_masto__routes_authorize[], mn_masto__routes_register[], mn_page__routes_sign_in[],
    mn_page__routes_sign_up[], mn_page__routes_password[], mn_page__routes_identity[],
    mn_page__routes_security[], mn_page__routes_leave[], mn_page__routes_keys[],
    mn_page__routes_report[];

#endif
