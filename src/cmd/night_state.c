/* What a cycle remembers, and that it is the only one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/night_int.h"

#define FILE_MAX    (16u << 20)
#define REPLAY_MOST 990 /* thousandths */
#define LEASE_MS    (15 * 60000)
#define RENEW_US    (60 * INT64_C(1000000))
#define LEASE_KEY   "learn_lease"
#define TURN_KEY    "learn_lease_turn" /* written first: whoever does has the writer's lock */

const char *const mn_night_outcomes[3] = {"nothing", "promoted", "kept"};

const char *mn_night__path(mn_night *n, const char *model, const char *file, mn_err *e)
{
    mn_str p = file ? mn_str_fmt(&n->a, "%s/models/%s/%s", n->dir, model, file)
                    : mn_str_fmt(&n->a, "%s/models/%s", n->dir, model);
    if (!p.ptr) mn_fail(e, MN_E_NOMEM, "no memory");
    return p.ptr;
}

static const mn_json *read_json(mn_night *n, const char *path)
{
    mn_buf b;
    mn_json *t = NULL;
    mn_buf_init(&b, FILE_MAX);
    if (path && mn_fs_exists(path) && mn_fs_read(path, FILE_MAX, &b, NULL) == MN_OK) {
        mn_str text = mn_str_dup(&n->a, mn_buf_str(&b));
        if (!text.ptr || mn_json_parse(text, &n->a, &t, NULL) != MN_OK) t = NULL;
    }
    mn_buf_release(&b);
    return t;
}

const mn_json *mn_night__file(mn_night *n, const char *model, const char *file)
{
    return read_json(n, mn_night__path(n, model, file, NULL));
}

const char *mn_night__corpus_of(mn_night *n, const char *model)
{
    mn_str s = mn_json_str(mn_json_get(mn_night__file(n, model, "training.json"), "corpus"));
    const char *copy = s.ptr ? mn_str_dup(&n->a, s).ptr : NULL;
    return copy ? copy : "";
}

/* ---- learn.json ----------------------------------------------------------------------------------------------------- */

static bool copy(const mn_json *o, const char *key, char *ret, size_t cap)
{
    mn_str s = mn_json_str(mn_json_get(o, key));
    snprintf(ret, cap, "%.*s", MN_STR_FMT(s));
    return s.len > 0 && s.len < cap && !memchr(s.ptr, '/', s.len) && s.ptr[0] != '.';
}

static const char *state_path(mn_night *n, mn_err *e)
{
    return mn_night__path(n, "learn.json", NULL, e);
}

mn_rc mn_night__read_plan(mn_night *n, mn_err *e)
{
    const char *path = state_path(n, e);
    if (!path) return MN_E_NOMEM;
    const mn_json *p = mn_json_get(read_json(n, path), "plan");
    mn_night_plan plan = {.steps = mn_json_u64(mn_json_get(p, "steps"), 0),
                          .new_posts = mn_json_u64(mn_json_get(p, "new_posts"), 0),
                          .replay = mn_json_u64(mn_json_get(p, "replay_thousandths"), 0),
                          .canaries = mn_json_u64(mn_json_get(p, "canaries"), 0)};
    n->planned = copy(p, "model", plan.model, sizeof plan.model) &&
                 copy(p, "parent", plan.parent, sizeof plan.parent) &&
                 copy(p, "after", plan.after, sizeof plan.after) && plan.steps > 0 &&
                 plan.replay <= REPLAY_MOST;
    n->plan = plan;
    return MN_OK;
}

static void put_plan(mn_json_writer *w, const mn_night_plan *p)
{
    mn_jw_key(w, "plan");
    mn_jw_object(w);
    mn_jw_kstrz(w, "model", p->model);
    mn_jw_kstrz(w, "parent", p->parent);
    mn_jw_kstrz(w, "after", p->after);
    mn_jw_ku64(w, "steps", p->steps);
    mn_jw_ku64(w, "new_posts", p->new_posts);
    mn_jw_ku64(w, "replay_thousandths", p->replay);
    mn_jw_ku64(w, "canaries", p->canaries);
    mn_jw_object_end(w);
}

static void put_last(mn_json_writer *w, const mn_night_result *r, const char *outcome)
{
    mn_jw_key(w, "last");
    mn_jw_object(w);
    mn_jw_kstrz(w, "outcome", outcome);
    mn_jw_key(w, "ended_at");
    mn_jw_time(w, mn_now_ms());
    mn_jw_kstrz(w, "model", r->model);
    mn_jw_kstrz(w, "why", r->why);
    mn_jw_ku64(w, "new_posts", r->new_posts);
    mn_jw_object_end(w);
}

/* plan, or end with an outcome. */
static mn_rc write_state(mn_night *n, const mn_night_plan *plan, const mn_night_result *r,
                         const char *outcome, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    const char *path = state_path(n, e);
    if (!path) return MN_E_NOMEM;
    const mn_json *last = mn_json_get(read_json(n, path), "last");
    mn_buf_init(&b, FILE_MAX);
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "state", plan ? "running" : "idle");
    if (plan) put_plan(&w, plan);
    if (r) put_last(&w, r, outcome);
    else if (last) mn_jw_key(&w, "last"), mn_jw_tree(&w, last);
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "no memory to keep the plan")
                        : mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_night__write_plan(mn_night *n, mn_err *e)
{
    MN_TRY(write_state(n, &n->plan, NULL, NULL, e));
    n->planned = true;
    return MN_OK;
}

mn_rc mn_night__write_end(mn_night *n, const mn_night_result *r, const char *outcome, mn_err *e)
{
    MN_TRY(write_state(n, NULL, r, outcome, e));
    n->planned = false;
    return MN_OK;
}

bool mn_night_pending(const char *data_dir)
{
    mn_night n = {.dir = data_dir};
    mn_arena_init(&n.a, 0);
    bool pending = mn_night__read_plan(&n, NULL) == MN_OK && n.planned;
    mn_arena_release(&n.a);
    return pending;
}

mn_rc mn_night_status(const char *data_dir, mn_buf *ret, mn_err *e)
{
    char path[1100];
    snprintf(path, sizeof path, "%s/models/learn.json", data_dir);
    if (mn_fs_exists(path)) return mn_fs_read(path, FILE_MAX, ret, e);
    return mn_buf_addz(ret, "{}\n");
}

/* ---- one at a time -------------------------------------------------------------------------------------------------- */

/* Who this is to others on the same database: the folder on this machine. */
static void name_holder(mn_night *n)
{
    char host[100] = "", *real = realpath(n->dir, NULL);
    gethostname(host, sizeof host - 1);
    snprintf(n->holder, sizeof n->holder, "%s:%s", host, real ? real : n->dir);
    (free)(real); /* realpath's own memory */
}

static bool held_by_another(const mn_night *n, mn_str lease)
{
    size_t blank = mn_str_find(lease, MN_STR(" "), 0);
    uint64_t until = 0;
    if (blank == SIZE_MAX) return false;
    mn_str who = {lease.ptr + blank + 1, lease.len - blank - 1};
    return mn_str_to_u64((mn_str){lease.ptr, blank}, &until) == MN_OK &&
           (int64_t)until > mn_now_ms() && (int64_t)until < mn_now_ms() + 2 * LEASE_MS &&
           !mn_str_eqz(who, n->holder);
}

/* until_ms 0: gives it back. */
static mn_rc write_lease(mn_night *n, mn_tx *tx, int64_t until_ms, mn_err *e)
{
    mn_str old = MN_STR_NONE;
    MN_TRY(mn_store_meta_set(tx, TURN_KEY, mn_str_from(n->holder), e));
    mn_rc rc = mn_store_meta_get(n->o->store, LEASE_KEY, &n->a, &old, e);
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    if (rc == MN_OK && held_by_another(n, old))
        return mn_fail(e, MN_E_BUSY,
                       "another server on this database is learning just now (%.*s)",
                       MN_STR_FMT(old));
    mn_str lease = mn_str_fmt(&n->a, "%llu %s", (unsigned long long)until_ms, n->holder);
    return lease.ptr ? mn_store_meta_set(tx, LEASE_KEY, lease, e)
                     : mn_fail(e, MN_E_NOMEM, "no memory");
}

static mn_rc lease(mn_night *n, int64_t until_ms, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(n->o->store, &tx, e));
    return mn_store_end(tx, write_lease(n, tx, until_ms, e), e);
}

mn_rc mn_night__lock(mn_night *n, mn_err *e)
{
    const char *models = mn_str_fmt(&n->a, "%s/models", n->dir).ptr;
    const char *path = mn_night__path(n, ".learn.lock", NULL, e);
    if (!models || !path) return MN_E_NOMEM;
    MN_TRY(mn_fs_mkdirs(models, e));
    mn_rc rc = mn_fs_lock_take(path, &n->lock, e);
    if (rc == MN_E_BUSY)
        return mn_fail(e, rc, "the data folder '%s' is learning already: wait for it to end",
                       n->dir);
    if (rc != MN_OK) return rc;
    name_holder(n);
    rc = lease(n, mn_now_ms() + LEASE_MS, e);
    n->leased = rc == MN_OK;
    n->renewed_us = mn_mono_us();
    if (rc != MN_OK) mn_fs_lock_release(&n->lock);
    return rc;
}

void mn_night__renew(mn_night *n)
{
    mn_err e = {0};
    if (!n->leased || mn_mono_us() - n->renewed_us < RENEW_US) return;
    n->renewed_us = mn_mono_us();
    if (lease(n, mn_now_ms() + LEASE_MS, &e) != MN_OK) mn_warn("learn", "%s", e.msg);
}

void mn_night__unlock(mn_night *n)
{
    mn_err e = {0};
    if (!n->leased) return;
    n->leased = false;
    if (lease(n, 0, &e) != MN_OK) mn_warn("learn", "%s", e.msg);
    mn_fs_lock_release(&n->lock);
}
