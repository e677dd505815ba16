#include "cmd/night.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/stop.h"
#include "cmd/night_int.h"
#include "cmd/promote.h"
#include "model/train.h"

/* Over a night's corpus. With four the old posts that came along are known by heart and the rest is forgotten; with one, events pass by. */
#define EPOCHS        2
#define BYTES_A_TOKEN 2.5 /* about */
#define FALL          0.5 /* share of a night's steps */
#define FALL_TEXT     "0.5"
#define DECAY_TEXT    "0.1" /* what the rule has for two passes, whatever their exact length */
#define VAL_SHARE     "0.1"
#define STEPS_LEAST   20
#define REPLAY_MOST   0.99

mn_rc mn_night_settings(const mn_conf *c, mn_night_opts *io, mn_err *e)
{
    uint64_t minutes, replay;
    MN_TRY(mn_conf_u64(c, "learn_min_posts", 1, 1000000000, &io->min_posts, e));
    MN_TRY(mn_conf_u64(c, "learn_minutes", 1, 100000, &minutes, e));
    MN_TRY(mn_conf_u64(c, "learn_replay", 0, 99, &replay, e));
    MN_TRY(mn_conf_bool(c, "learn_canaries", &io->canaries, e));
    MN_TRY(mn_conf_u64(c, "learn_keep", 1, MN_PROMOTED_MOST - 1, &io->keep, e));
    io->minutes = (double)minutes;
    io->replay = (double)replay / 100;
    io->tweets = mn_conf_get(c, "learn_tweets");
    return MN_OK;
}

/* ---- the stages ------------------------------------------------------------------------------------------------------ */

static void on_tick(void *arg)
{
    mn_night *n = arg;
    mn_night__renew(n);
}

static void state(const mn_night *n, const char *name, const char *message)
{
    const mn_stages *s = n->o->stages;
    if (s->on_state) s->on_state(s->arg, name, message);
}

static mn_rc forget_due(mn_night *n, mn_err *e)
{
    const char *const args[] = {"forget", "--due", "--json", "--data", n->dir, NULL};
    const mn_json *t;
    mn_err why = {0};
    state(n, "training", "What may no longer be learnt from is being forgotten");
    mn_rc rc = mn_stage_json(n->o->stages, args, &n->a, &t, &why);
    if (rc == MN_E_CANCELLED) return mn_fail(e, rc, "stopped");
    if (rc == MN_OK && mn_json_bool(mn_json_get(t, "finished"), true)) return MN_OK;
    if (rc == MN_OK)
        return mn_fail(e, MN_E_IO, "forgetting what is due was stopped, so nothing was learnt");
    return mn_fail(e, rc, "what is due could not be forgotten, so nothing was learnt: %s",
                   why.msg);
}

static mn_rc build(mn_night *n, mn_err *e)
{
    char replay[24], canaries[24];
    const mn_night_plan *p = &n->plan;
    mn_corpus_report r;
    snprintf(replay, sizeof replay, "0.%03u", (unsigned)p->replay);
    snprintf(canaries, sizeof canaries, "%llu", (unsigned long long)p->canaries);
    const char *const args[] = {"corpus",   "build",  "--json",      "--progress", "--data",
                                n->dir,     "--name", p->model,      "--after",    p->after,
                                "--replay", replay,   "--val-share", VAL_SHARE,    "--canaries",
                                canaries,   NULL};
    if (mn_corpus_read(n->dir, p->model, &r, NULL) == MN_OK) return MN_OK;
    return mn_stage_corpus(n->o->stages, args, e);
}

/* One that began before its parent forgot something begins again. */
static mn_rc drop_stale(mn_night *n, mn_err *e)
{
    bool stale = false;
    const char *dir = mn_night__path(n, n->plan.model, NULL, e);
    const char *parent = mn_night__path(n, n->plan.parent, NULL, e);
    if (!dir || !parent) return MN_E_NOMEM;
    if (!mn_fs_is_dir(dir)) return MN_OK;
    if (mn_train_is_stale(dir, parent, &stale, NULL) == MN_OK && !stale) return MN_OK;
    return mn_fs_remove_tree(dir, e);
}

static mn_rc train(mn_night *n, mn_err *e)
{
    char steps[24];
    const mn_night_plan *p = &n->plan;
    snprintf(steps, sizeof steps, "%llu", (unsigned long long)p->steps);
    const char *const args[] = {"train",    "--json",    "--data", n->dir,       "--name",
                                p->model,   "--corpus",  p->model, "--continue", p->parent,
                                "--steps",  steps,       "--fall", FALL_TEXT,    "--decay",
                                DECAY_TEXT, "--history", "4",      NULL};
    MN_TRY(drop_stale(n, e));
    state(n, "training", "The model is learning from what is new");
    return mn_stage_train(n->o->stages, p->model, args, e);
}

/* What somebody put into use meanwhile stays. */
static void refuse_if_changed(mn_night *n, mn_judgement *j)
{
    char current[256];
    mn_promoted_current(n->dir, current);
    if (strcmp(current, n->plan.parent) == 0) return;
    j->promote = false;
    snprintf(j->why, sizeof j->why, "'%.100s' was put into use meanwhile", current);
}

static mn_rc decide(mn_night *n, mn_night_result *r, mn_err *e)
{
    mn_measured before, after;
    mn_judgement j;
    state(n, "training", "What came of it is being measured");
    MN_TRY(mn_night__measure(n, &before, &after, e));
    mn_judge(&before, &after, &j);
    refuse_if_changed(n, &j);
    MN_TRY(mn_night__write_decision(n, &before, &after, &j, e));
    r->outcome = j.promote ? MN_NIGHT_PROMOTED : MN_NIGHT_KEPT;
    snprintf(r->why, sizeof r->why, "%s", j.why);
    return j.promote ? mn_promote(n->dir, n->plan.model, "learn", e) : MN_OK;
}

/* ---- the plan -------------------------------------------------------------------------------------------------------- */

/* night-20261122, or with a number behind it when that is taken. */
static mn_rc choose_name(mn_night *n, char *ret, size_t cap, mn_err *e)
{
    time_t now = (time_t)(mn_now_ms() / 1000);
    struct tm t;
    char day[40];
    localtime_r(&now, &t);
    strftime(day, sizeof day, "night-%Y%m%d", &t);
    for (int i = 1; i < 1000; i++) {
        int k = i == 1 ? snprintf(ret, cap, "%s", day) : snprintf(ret, cap, "%s-%d", day, i);
        mn_str corpus = mn_str_fmt(&n->a, "%s/corpus/%s", n->dir, ret);
        const char *model = mn_night__path(n, ret, NULL, e);
        if (k <= 0 || (size_t)k >= cap || !corpus.ptr || !model) break;
        if (!mn_fs_exists(model) && !mn_fs_exists(corpus.ptr)) return MN_OK;
    }
    return mn_fail(e, MN_E_LIMIT, "no name is left for tonight's model");
}

/* Steps that the minutes allow at the parent's pace. */
static double most_steps(mn_night *n, double tokens_a_step)
{
    const mn_json *curve =
        mn_json_get(mn_night__file(n, n->plan.parent, "training.json"), "curve");
    const mn_json *last = curve && curve->n ? mn_json_at(curve, curve->n - 1) : NULL;
    double pace = mn_json_f64(mn_json_get(last, "tokens_per_s"), 0);
    return n->o->minutes * 60 * (pace > 0 ? pace : 1000) / tokens_a_step;
}

/* Steps and share of old text. The copy's fall has to be as long as the one that made the parent what it is, or it is worse on
 * everything: where what is new does not give so many steps in EPOCHS passes, old posts do. All numbers, so that the night does not depend
 * on the clock. */
static mn_rc choose_length(mn_night *n, const mn_checkpoint *stable, uint64_t new_bytes,
                           mn_err *e)
{
    mn_checkpoint last;
    mn_night_plan *p = &n->plan;
    const char *dir = mn_night__path(n, p->parent, "checkpoints", e);
    MN_TRY(dir ? mn_checkpoint_peek(dir, &last, e) : MN_E_NOMEM);
    const double a_step = (double)(stable->batch_rows * stable->row_tokens);
    const double bytes_a_step = a_step * BYTES_A_TOKEN / EPOCHS;
    const double fall = (double)(last.schedule.n_steps - stable->step);
    double steps = (double)new_bytes / (1 - n->o->replay) / bytes_a_step;
    double most = most_steps(n, a_step), replay = n->o->replay;
    if (steps < fall / FALL) steps = fall / FALL;
    if (steps > most) steps = most;
    if (steps < STEPS_LEAST) steps = STEPS_LEAST;
    const double share = 1 - (double)new_bytes / (steps * bytes_a_step);
    if (share > replay) replay = share;
    p->steps = (uint64_t)ceil(steps);
    p->replay = (uint64_t)(1000 * (replay < REPLAY_MOST ? replay : REPLAY_MOST));
    if (n->o->canaries && p->new_posts * 1000 / (1000 - p->replay) >= MN_CANARY_POSTS)
        p->canaries = mn_hash64(p->model, strlen(p->model), 0) >> 12 | 1; /* below 2^53 */
    return MN_OK;
}

/* A plan that was begun holds while the model in use is the one that it goes on from. */
static mn_rc take_up(mn_night *n, const char *current, mn_err *e)
{
    MN_TRY(mn_night__read_plan(n, e));
    if (!n->planned) return MN_OK;
    if (strcmp(n->plan.model, current) == 0) return MN_OK; /* promoted, and then interrupted */
    if (strcmp(n->plan.parent, current) == 0) return MN_OK;
    mn_info("learn", "'%s' is given up: '%s' is no longer in use", n->plan.model,
            n->plan.parent);
    mn_str corpus = mn_str_fmt(&n->a, "%s/corpus/%s", n->dir, n->plan.model);
    const char *dir = mn_night__path(n, n->plan.model, NULL, e);
    if (!dir || !corpus.ptr) return mn_fail(e, MN_E_NOMEM, "no memory");
    n->planned = false;
    MN_TRY(mn_fs_remove_tree(dir, e));
    return mn_fs_is_dir(corpus.ptr) ? mn_fs_remove_tree(corpus.ptr, e) : MN_OK;
}

/* False: there is too little to learn from, and r says so. */
static mn_rc make_plan(mn_night *n, const char *current, mn_night_result *r, mn_err *e)
{
    mn_checkpoint stable;
    mn_night_plan *p = &n->plan;
    uint64_t new_bytes = 0;
    const char *dir = mn_night__path(n, current, NULL, e);
    *p = (mn_night_plan){0};
    MN_TRY(dir ? mn_train_stable(dir, &stable, e) : MN_E_NOMEM);
    snprintf(p->parent, sizeof p->parent, "%s", current);
    snprintf(p->after, sizeof p->after, "%s", mn_night__corpus_of(n, current));
    MN_TRY(mn_corpus_new_posts(n->o->store, n->dir, p->after, &p->new_posts, &new_bytes, e));
    r->new_posts = p->new_posts;
    if (p->new_posts < n->o->min_posts) {
        snprintf(
            r->why, sizeof r->why,
            "%llu posts that may be learnt from are new, fewer than %llu (learn_min_posts)",
            (unsigned long long)p->new_posts, (unsigned long long)n->o->min_posts);
        return MN_OK;
    }
    MN_TRY(choose_name(n, p->model, sizeof p->model, e));
    MN_TRY(choose_length(n, &stable, new_bytes, e));
    return mn_night__write_plan(n, e);
}

/* ---- the cycle ------------------------------------------------------------------------------------------------------- */

/* From the plan to the decision; each stage does what of it is left to do. */
static mn_rc carry_out(mn_night *n, const char *current, mn_night_result *r, mn_err *e)
{
    r->new_posts = n->plan.new_posts;
    snprintf(r->model, sizeof r->model, "%s", n->plan.model);
    if (strcmp(n->plan.model, current) == 0) {
        r->outcome = MN_NIGHT_PROMOTED;
        return MN_OK;
    }
    MN_TRY(build(n, e));
    MN_TRY(train(n, e));
    return decide(n, r, e);
}

static mn_rc cycle(mn_night *n, mn_night_result *r, mn_err *e)
{
    char current[256];
    mn_promoted_current(n->dir, current);
    if (!current[0])
        return mn_fail(e, MN_E_NOT_FOUND,
                       "there is no model in use to go on with: `mynah train` raises one");
    MN_TRY(take_up(n, current, e));
    MN_TRY(mn_night__prune(n, e));
    MN_TRY(forget_due(n, e));
    MN_TRY(mn_night__refresh(n, current, e));
    if (!n->planned) MN_TRY(make_plan(n, current, r, e));
    if (n->planned) MN_TRY(carry_out(n, current, r, e));
    MN_TRY(mn_night__write_end(n, r, mn_night_outcomes[r->outcome], e));
    return r->outcome == MN_NIGHT_PROMOTED ? mn_night__prune(n, e) : MN_OK;
}

/* What was tried in vain is not tried again every night; what may go better next time stays planned. */
static void note_failure(mn_night *n, mn_night_result *r, const mn_err *why, mn_rc rc)
{
    mn_err e = {0};
    if (rc == MN_E_CANCELLED) return;
    snprintf(r->why, sizeof r->why, "%s", why->msg);
    if (n->planned && rc != MN_E_USAGE) return;
    if (mn_night__write_end(n, r, "failed", &e) != MN_OK) mn_warn("learn", "%s", e.msg);
}

mn_rc mn_night_run(const mn_night_opts *o, mn_night_result *ret, mn_err *e)
{
    mn_night n = {.dir = o->stages->data_dir};
    mn_night_result r = {.outcome = MN_NIGHT_NOTHING};
    mn_stages stages = *o->stages;
    mn_night_opts own = *o;
    mn_arena_init(&n.a, 0);
    stages.on_tick = on_tick, stages.tick_arg = &n;
    own.stages = &stages;
    n.o = &own;
    mn_rc rc = mn_night__lock(&n, e);
    if (rc == MN_OK) {
        rc = cycle(&n, &r, e);
        if (rc != MN_OK) note_failure(&n, &r, e, rc);
        mn_night__unlock(&n);
    }
    mn_arena_release(&n.a);
    if (rc == MN_OK) *ret = r;
    return rc;
}
