/* What is known of the model in training: fed line by line by whoever trains, read by the page, /metrics and the events.
 *
 * Bounded whatever the length of training: when a series is full, every second of its older points is dropped, so the curve
 * keeps its whole span at half the detail. Every change has a sequence number; a stream of events remembers the last one it
 * told and sends what is newer. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/api_int.h"
#include "base/clock.h"
#include "base/fs.h"

#define WAKE_EVERY_US 250000

void mn_live__init(mn_live *l, const char *data_dir)
{
    char path[1024];
    pthread_mutex_init(&l->lock, NULL);
    snprintf(path, sizeof path, "%s/models/current/model.safetensors", data_dir);
    bool have = mn_fs_exists(path);
    snprintf(l->state, sizeof l->state, "%s", have ? "done" : "idle");
    l->seq = 1;
}

void mn_live__release(mn_live *l)
{
    pthread_mutex_destroy(&l->lock);
}

/* ---- what comes in --------------------------------------------------------------------------------------------- */

static bool number_of(const mn_json *doc, const char *key, double *ret)
{
    double v = mn_json_f64(mn_json_get(doc, key), NAN);
    if (isnan(v)) return false;
    *ret = v;
    return true;
}

/* Errors that stay: our own data is damaged, or the request cannot be met. */
static bool is_hopeless(mn_str code)
{
    static const char *const codes[] = {"corrupt",     "usage",  "not_found",
                                        "unsupported", "denied", "exists"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (mn_str_eqz(code, codes[i])) return true;
    return false;
}

mn_rc mn_live_line_parse(mn_str line, mn_arena *ar, mn_live_line *ret, mn_err *e)
{
    mn_json *doc = NULL;
    MN_TRY(mn_json_parse(line, ar, &doc, e));
    if (doc->type != MN_JSON_OBJECT)
        return mn_fail(e, MN_E_PARSE, "a line of training should be a JSON object");
    mn_live_line l = {0};
    l.step = mn_json_u64(mn_json_get(doc, "step"), 0);
    l.has_step = mn_json_get(doc, "step") != NULL;
    l.tokens = mn_json_u64(mn_json_get(doc, "tokens"), 0);
    l.steps_total = mn_json_u64(mn_json_get(doc, "steps_total"),
                                mn_json_u64(mn_json_get(doc, "steps_expected"), 0));
    l.has_loss = number_of(doc, "loss", &l.loss);
    number_of(doc, "lr", &l.lr);
    number_of(doc, "tokens_per_s", &l.tokens_per_s);
    l.has_eval = number_of(doc, "val_bits_per_byte", &l.val_bits_per_byte);
    l.model = mn_json_str(mn_json_get(doc, "model"));
    l.error = mn_json_str(mn_json_get(mn_json_get(doc, "error"), "message"));
    l.hopeless = is_hopeless(mn_json_str(mn_json_get(mn_json_get(doc, "error"), "code")));
    l.stage = mn_json_str(mn_json_get(doc, "stage"));
    l.done = mn_json_u64(mn_json_get(doc, "done"), 0);
    l.total = mn_json_u64(mn_json_get(doc, "total"), 0);
    l.finished = mn_json_bool(mn_json_get(doc, "finished"), false);
    *ret = l;
    return MN_OK;
}

/* Keeps the first, the last and every second point between. */
static size_t thin(mn_live_point *p, size_t n)
{
    size_t k = 1;
    for (size_t i = 2; i < n; i += 2) p[k++] = p[i];
    return k;
}

static void add_point(mn_live_point *p, size_t *n, mn_live_point v)
{
    if (*n == MN_LIVE_POINTS) *n = thin(p, *n);
    /* a trainer that was started again repeats the steps since its checkpoint */
    while (*n > 0 && p[*n - 1].step >= v.step) (*n)--;
    p[(*n)++] = v;
}

/* Tells the streams, four times a second at most; `now` always. */
static void wake(mn_api *a, bool now)
{
    int64_t t = mn_mono_us();
    pthread_mutex_lock(&a->live.lock);
    bool go = now || t - a->live.woken_us >= WAKE_EVERY_US;
    if (go) a->live.woken_us = t;
    pthread_mutex_unlock(&a->live.lock);
    if (go && a->http) mn_http_wake(a->http, "training");
}

void mn_api_live_state(mn_api *a, const char *state, const char *fmt, ...)
{
    mn_live *l = &a->live;
    va_list args;
    pthread_mutex_lock(&l->lock);
    snprintf(l->state, sizeof l->state, "%s", state);
    va_start(args, fmt);
    vsnprintf(l->message, sizeof l->message, fmt, args);
    va_end(args);
    l->message[mn_utf8_cut(mn_str_from(l->message), sizeof l->message - 1).len] = 0;
    l->done = l->total = 0;
    l->seq++;
    pthread_mutex_unlock(&l->lock);
    wake(a, true);
}

void mn_api_live_progress(mn_api *a, uint64_t done, uint64_t total, const char *unit)
{
    mn_live *l = &a->live;
    pthread_mutex_lock(&l->lock);
    l->done = done;
    l->total = total;
    snprintf(l->unit, sizeof l->unit, "%s", unit);
    l->seq++;
    pthread_mutex_unlock(&l->lock);
    wake(a, false);
}

void mn_api_live_line(mn_api *a, const mn_live_line *n)
{
    mn_live *l = &a->live;
    pthread_mutex_lock(&l->lock);
    if (n->has_step && n->has_loss)
        add_point(l->curve, &l->n_curve,
                  (mn_live_point){.seq = ++l->seq,
                                  .step = n->step,
                                  .tokens = n->tokens,
                                  .loss = n->loss,
                                  .lr = n->lr,
                                  .tokens_per_s = n->tokens_per_s});
    if (n->has_step && n->has_eval)
        add_point(
            l->evals, &l->n_evals,
            (mn_live_point){.seq = ++l->seq, .step = n->step, .val = n->val_bits_per_byte});
    if (n->has_step && n->steps_total) {
        l->done = n->step;
        l->total = n->steps_total;
        snprintf(l->unit, sizeof l->unit, "steps");
    }
    pthread_mutex_unlock(&l->lock);
    wake(a, n->has_eval);
}

const char *const mn_live__outcomes[MN_LIVE_OUTCOMES] = {"nothing", "promoted", "kept",
                                                         "failed"};

void mn_api_live_learnt(mn_api *a, const char *outcome)
{
    pthread_mutex_lock(&a->live.lock);
    for (int i = 0; i < MN_LIVE_OUTCOMES; i++)
        a->live.learnt[i] += strcmp(outcome, mn_live__outcomes[i]) == 0;
    a->live.learnt_ms = mn_now_ms();
    pthread_mutex_unlock(&a->live.lock);
}

void mn_api_live_model(mn_api *a, const char *name)
{
    pthread_mutex_lock(&a->live.lock);
    snprintf(a->live.model, sizeof a->live.model, "%s", name ? name : "");
    a->live.seq++;
    pthread_mutex_unlock(&a->live.lock);
}

/* ---- what goes out --------------------------------------------------------------------------------------------- */

void mn_live__json(mn_live *l, mn_json_writer *j)
{
    mn_jw_kstrz(j, "state", l->state);
    mn_jw_key(j, "message");
    if (l->message[0]) mn_jw_strz(j, l->message);
    else mn_jw_null(j);
    mn_jw_key(j, "progress");
    if (!l->total) {
        mn_jw_null(j);
        return;
    }
    mn_jw_object(j);
    mn_jw_ku64(j, "done", l->done);
    mn_jw_ku64(j, "total", l->total);
    mn_jw_kstrz(j, "unit", l->unit);
    mn_jw_object_end(j);
}

static void curve_json(mn_live *l, uint64_t seq, mn_json_writer *j)
{
    mn_jw_key(j, "curve");
    mn_jw_array(j);
    for (size_t i = 0; i < l->n_curve; i++) {
        const mn_live_point *p = &l->curve[i];
        if (p->seq <= seq) continue;
        mn_jw_object(j);
        mn_jw_ku64(j, "step", p->step);
        mn_jw_ku64(j, "tokens", p->tokens);
        mn_jw_kf64(j, "loss", p->loss);
        mn_jw_kf64(j, "lr", p->lr);
        mn_jw_kf64(j, "tokens_per_s", p->tokens_per_s);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
}

static void evals_json(mn_live *l, uint64_t seq, mn_json_writer *j)
{
    mn_jw_key(j, "evals");
    mn_jw_array(j);
    for (size_t i = 0; i < l->n_evals; i++) {
        if (l->evals[i].seq <= seq) continue;
        mn_jw_object(j);
        mn_jw_ku64(j, "step", l->evals[i].step);
        mn_jw_kf64(j, "val_bits_per_byte", l->evals[i].val);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
}

void mn_live__points(mn_live *l, uint64_t seq, mn_json_writer *j)
{
    curve_json(l, seq, j);
    evals_json(l, seq, j);
}
