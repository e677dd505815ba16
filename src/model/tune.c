/* The loop of a tuning: steps, evaluations, checkpoints, the budget. Contract: tune.h; the design: docs/design/tuning.md.
 *
 * When it is evaluated hangs on the number of steps alone (every tenth of them), so that which one is the best is part of what a resumed
 * run repeats. An evaluation that is the best so far writes its parameters beside the checkpoints, then the checkpoint that names it, then
 * drops the one before: whatever falls between is done again. */
#include "model/tune.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/stop.h"
#include "model/tune_int.h"

#define LOG_US (3 * 1000000)
#define EVALS  10
#define MEASURE_FROM                                                                           \
    0.1 /* share of a budget of time after which the pace fixes the number of steps */

static double seconds(const mn_tune__run *r)
{
    return r->seconds_before + (double)(mn_mono_us() - r->start_us) * 1e-6;
}

static mn_rc checkpoint(mn_tune__run *r, mn_err *e)
{
    r->at.seconds = seconds(r);
    MN_TRY(mn_checkpoint_save(r->checkpoints, &r->at, r->all, &r->optim, e));
    memcpy(r->at.previous, r->at.self, 32);
    mn_hex(r->at.self, 32, r->log->checkpoint_sha256);
    r->checkpoint_us = mn_mono_us();
    r->checkpoint_step = r->at.step;
    return MN_OK;
}

static mn_rc write_log(mn_tune__run *r, mn_err *e)
{
    const mn_checkpoint_tune *t = &r->at.tune;
    r->log->steps_planned = r->at.schedule.n_steps;
    r->note.learnt = t->learnt, r->note.best_step = t->best_step;
    r->note.loss_before = t->loss_before, r->note.loss_best = t->loss_best;
    r->log_us = mn_mono_us();
    return mn_trainlog_write(r->log, r->o->model_dir, e);
}

static mn_rc evaluate(mn_tune__run *r, mn_err *e)
{
    mn_checkpoint_tune *t = &r->at.tune;
    if (!r->held.n) return MN_OK;
    int64_t from = mn_mono_us();
    double loss = r->loss_last = mn_tune__held_loss(r);
    r->eval_s = (double)(mn_mono_us() - from) * 1e-6;
    mn_trainlog_eval(r->log, r->at.step, loss);
    if (r->o->on_eval) r->o->on_eval(r->o->arg, r->at.step, loss);
    if (!r->at.step) t->loss_before = loss;
    if (!isfinite(loss))
        return mn_fail(e, MN_E_LIMIT,
                       "the loss of what is held out is no longer a number: tune anew with a "
                       "lower learning rate than %g (--lr)",
                       r->at.schedule.peak);
    if (r->at.step && loss >= t->loss_best) return write_log(r, e);
    t->loss_best = loss, t->best_step = r->at.step;
    MN_TRY(mn_tune__keep_best(r, e));
    MN_TRY(checkpoint(r, e));
    mn_tune__drop_best(r);
    return write_log(r, e);
}

/* ---- the budget of time --------------------------------------------------------------------------------------------------- */

/* Where the rate begins to fall: at once, but not before it has risen. */
static void end_at(mn_tune__run *r, uint64_t n_steps)
{
    mn_schedule *s = &r->at.schedule;
    const bool first = !s->n_steps;
    if (r->at.step >= s->rise) {
        mn_schedule_fall(s, r->at.step, n_steps);
    } else {
        s->n_steps = n_steps > s->rise ? n_steps : s->rise + 1;
        s->fall_from = s->rise, s->factor = 1;
    }
    if (first) r->at.tune.eval_every = (s->n_steps + EVALS - 1) / EVALS;
}

/* Fixes the number of steps after a tenth of the time, and moves it when the pace has changed by a tenth of what is left. True when
 * it did: the caller saves a checkpoint. */
static bool fix_end(mn_tune__run *r)
{
    mn_schedule *s = &r->at.schedule;
    const double total = r->at.minutes * 60, now = seconds(r);
    if (!(total > 0) || now < total * MEASURE_FROM) return false;
    double left = total - now - r->eval_s - 1;
    double steps = (left > 0 ? left : 0) * (double)r->at.step / now;
    uint64_t end = r->at.step + (uint64_t)steps + 1;
    if (s->n_steps) {
        double planned = (double)(s->n_steps - r->at.step);
        if (end >= s->n_steps && !(fabs(planned - steps) > 0.1 * planned + 3)) return false;
        if (end < s->n_steps && !(planned - steps > 0.1 * planned + 3)) return false;
        if (r->time_bound == 0 && end > s->n_steps) return false; /* another budget ends it */
        if (mn_mono_us() - r->checkpoint_us < 15 * 1000000) return false;
    }
    r->time_bound = 1;
    end_at(r, end);
    return true;
}

/* ---- steps ------------------------------------------------------------------------------------------------------------------ */

static void note_step(mn_tune__run *r, double tokens_per_s)
{
    const uint64_t n = r->at.schedule.n_steps;
    mn_curve_point p = {.step = r->at.step,
                        .tokens = r->at.tokens,
                        .loss = r->loss,
                        .lr = mn_schedule_rate(&r->at.schedule, r->at.step - 1),
                        .tokens_per_s = tokens_per_s,
                        .seconds = seconds(r)};
    mn_trainlog_point(r->log, &p);
    double share = n ? (double)r->at.step / (double)n : p.seconds / (r->at.minutes * 60);
    if (r->o->on_step) r->o->on_step(r->o->arg, &p, n, share < 1 ? share : 1);
}

static bool is_last(const mn_tune__run *r)
{
    return r->at.schedule.n_steps && r->at.step >= r->at.schedule.n_steps;
}

static mn_rc between_steps(mn_tune__run *r, mn_err *e)
{
    const double every = r->o->checkpoint_s > 0 ? r->o->checkpoint_s : 60;
    bool due = (double)(mn_mono_us() - r->checkpoint_us) * 1e-6 >= every;
    if (r->o->checkpoint_steps)
        due |= r->at.step - r->checkpoint_step >= r->o->checkpoint_steps;
    due |= fix_end(r);
    const uint64_t eval = r->at.tune.eval_every;
    r->at.finished = is_last(r); /* so that the checkpoint of the last evaluation says so */
    if (is_last(r) || (eval && r->at.step % eval == 0)) MN_TRY(evaluate(r, e));
    if (due && r->checkpoint_step != r->at.step) MN_TRY(checkpoint(r, e));
    if (due || mn_mono_us() - r->log_us >= LOG_US) return write_log(r, e);
    return MN_OK;
}

static mn_rc tune_steps(mn_tune__run *r, mn_err *e)
{
    double pace = 0;
    while (!is_last(r)) {
        if (mn_stop_requested()) return MN_OK;
        int64_t from = mn_mono_us();
        uint64_t tokens = r->at.tokens;
        MN_TRY(mn_tune__step(r, e));
        double now = (double)(r->at.tokens - tokens) * 1e6 / (double)(mn_mono_us() - from + 1);
        pace = pace > 0 ? 0.9 * pace + 0.1 * now : now;
        note_step(r, pace);
        MN_TRY(between_steps(r, e));
    }
    return MN_OK;
}

/* ---- a run -------------------------------------------------------------------------------------------------------------------- */

static void report(const mn_tune__run *r, double took, mn_tune_result *ret)
{
    const mn_checkpoint_tune *t = &r->at.tune;
    *ret = (mn_tune_result){.steps = r->at.step,
                            .tokens = r->at.tokens,
                            .learnt = t->learnt,
                            .seconds = took,
                            .loss_before = t->loss_before,
                            .loss_best = t->loss_best,
                            .loss_last = r->loss_last,
                            .best_step = t->best_step,
                            .params = r->n_all,
                            .held_examples = r->held.n,
                            .train_examples = r->train.n,
                            .memory_bytes = r->pass_bytes,
                            .counts = r->counts,
                            .finished = r->at.finished};
}

/* A run that was finished but not handed over (the machine failed in between) is handed over again. */
static bool is_handed_over(const mn_tune__run *r)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    const char *config = mn_fs_join(&a, r->o->model_dir, "config.json");
    const char *gguf = mn_fs_join(&a, r->o->model_dir, "model.gguf");
    bool is = config && gguf && (mn_fs_exists(config) || mn_fs_exists(gguf));
    mn_arena_release(&a);
    return is;
}

/* What steps needed and merging does not: so that the one's memory does not come on top of the other's. */
static void end_steps(mn_tune__run *r)
{
    mn_lora_pass_free(r->lora_pass);
    mn_pass_free(r->full_pass);
    r->lora_pass = NULL, r->full_pass = NULL;
    if (r->optim.m) mn_optim_release(&r->optim);
}

static mn_rc run(mn_tune__run *r, mn_err *e)
{
    if (!r->resumed) MN_TRY(evaluate(r, e));
    if (!r->at.finished) MN_TRY(tune_steps(r, e));
    if (!r->at.finished || r->checkpoint_step != r->at.step) MN_TRY(checkpoint(r, e));
    r->log->state = r->at.finished ? "done" : "stopped";
    if (r->at.finished) end_steps(r);
    if (r->at.finished && !is_handed_over(r)) MN_TRY(mn_tune__hand_over(r, e));
    return write_log(r, e);
}

mn_rc mn_tune_run(const mn_tune_opts *o, mn_tune_result *ret, mn_err *e)
{
    mn_tune__run r = {.o = o, .start_us = mn_mono_us()};
    mn_rc rc = mn_tune__open(&r, e);
    r.checkpoint_us = r.log_us = r.start_us;
    r.checkpoint_step = r.at.finished ? r.at.step : UINT64_MAX;
    const bool was_finished = rc == MN_OK && r.at.finished;
    if (rc == MN_OK) rc = run(&r, e);
    if (rc == MN_OK) report(&r, was_finished ? r.seconds_before : seconds(&r), ret);
    /* What failed before its first checkpoint leaves no half of a model behind. */
    if (rc != MN_OK && r.made_dir && r.locked && !r.resumed && r.checkpoint_step == UINT64_MAX)
        mn_fs_remove_tree(o->model_dir, NULL);
    mn_tune__close(&r);
    return rc;
}
