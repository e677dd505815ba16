/* The application behind `mynah serve`: what handlers share, and the server around them.
 *
 * Threads: handlers run on the HTTP threads and on two workers (routes marked slow); a thread of its own keeps the search
 * index up with the store; whoever trains a model reports through mn_api_live_*. All functions may be called from any thread.
 */
#ifndef MN_API_API_H
#define MN_API_API_H

#include "api/pages/pages.h"

typedef struct mn_api_opts {
    mn_home *home; /* borrowed; outlives the application */
    const char *listen, *domain;
    const char *device;   /* where models answer; NULL: the setting model_device */
    int threads;          /* HTTP threads; 0: 2 */
    mn_str trusted_proxy; /* as in mn_http_opts */
    mn_http_limits limits;
} mn_api_opts;

/* Opens the index in the background and listens. errors as mn_http_start */
mn_rc mn_api_start(const mn_api_opts *o, mn_api **ret, mn_err *e);
/* Takes no new connections; open ones are served on. */
void mn_api_quiesce(mn_api *a);
/* Lets running requests finish for up to grace_ms; NULL is fine. */
void mn_api_stop(mn_api *a, int grace_ms);
int mn_api_port(const mn_api *a);
/* Every address that is answered, a line each, in the order in which they are tried: "GET /api/v1/lists<TAB>read:lists";
 * "page": a page, "-": no token is looked at, "": a token is welcome. */
mn_rc mn_api_routes_list(mn_buf *ret, mn_err *e);
/* The store has changed: the index need not wait for its next look. */
void mn_api_index_wake(mn_api *a);

/* ---- what is going on with the model: shown on the model page, in /metrics and as events ---------------------------- */

/* state: "idle", "importing", "building", "training", "done", "failed"; the message is one line for people. Ends the progress. */
void mn_api_live_state(mn_api *a, const char *state, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void mn_api_live_progress(mn_api *a, uint64_t done, uint64_t total, const char *unit);
/* What one line of `mynah train --json` says; anything not known is left alone. */
typedef struct mn_live_line {
    bool has_step, has_loss, has_eval, finished,
        hopeless;                       /* hopeless: trying again will not help */
    uint64_t step, tokens, steps_total; /* steps_total: fixed or expected; 0: not known yet */
    double loss, lr, tokens_per_s, val_bits_per_byte;
    mn_str model, error; /* in the arena, or MN_STR_NONE */
    mn_str stage; /* of a corpus build: how far it is, total 0 when that cannot be told */
    uint64_t done, total;
} mn_live_line;
/* errors MN_E_PARSE when it is not a JSON object */
mn_rc mn_live_line_parse(mn_str line, mn_arena *ar, mn_live_line *ret, mn_err *e);
void mn_api_live_line(mn_api *a, const mn_live_line *l);
/* A cycle of learning ended: "nothing", "promoted", "kept" or "failed"; for /metrics. */
void mn_api_live_learnt(mn_api *a, const char *outcome);
/* The folder under models/ that the lines are about; NULL: models/current. */
void mn_api_live_model(mn_api *a, const char *name);

#endif
