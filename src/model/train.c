/* The training loop: opening or resuming a run, the budget, and what happens between steps (checkpoints, evaluations,
 * training.json). Contract: train.h; the design: docs/design/training.md.
 *
 * Order at a stop or a crash: the checkpoint is the truth. model.safetensors and training.json may be a little newer than
 * the newest checkpoint; resuming cuts the log back to the checkpoint's step. */
#include "model/train.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/stop.h"
#include "model/baseline.h"
#include "model/forget.h"
#include "model/train_int.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#define PASS_TOKENS  8192  /* run at once; larger batches accumulate */
#define EVAL_TOKENS  16384 /* of the held-out shard, during training */
#define FINAL_TOKENS (1u << 20)
#define OPEN_FINAL   (1u << 16) /* of an open model, which is slower by its size */
#define LOG_US       (3 * 1000000)
#define CHECKPOINT_S 60

/* ---- what a run chooses by itself -------------------------------------------------------------------------------- */

/* docs/design/training.md, "Learning", has what was measured; going on from a model was not, and stays as it was. */
mn_recipe mn_train_recipe(bool from_model)
{
    return from_model ? (mn_recipe){.optimiser = MN_OPTIM_ADAMW, .decay = 0.1f, .fall = 0.5f}
                      : (mn_recipe){.optimiser = MN_OPTIM_MUON,
                                    .decay = MN_DECAY_BY_RULE,
                                    .fall = 0.5f};
}

mn_rc mn_train_plan(const mn_train_opts *o, uint64_t tokens, uint64_t bytes, uint32_t vocab,
                    const mn_config *shape, mn_rule_ask *ret_ask, mn_rule_plan *ret, mn_err *e)
{
    const mn_recipe recipe = o->recipe ? *o->recipe : mn_train_recipe(o->from_dir);
    const int threads = o->threads ? o->threads : mn_ranks_threads(o->ranks);
    const uint64_t all = (uint64_t)threads * (uint64_t)mn_ranks_size(o->ranks);
    *ret_ask = (mn_rule_ask){
        .tokens = tokens,
        .bytes = bytes,
        .vocab = vocab,
        .preset = shape ? NULL : o->preset,
        .shape = shape,
        .batch_rows = o->batch_rows,
        .row_tokens = o->row_tokens,
        .rate = o->peak_lr,
        .decay = (double)recipe.decay,
        .minutes = o->minutes,
        .epochs = o->epochs,
        .most_tokens = o->tokens,
        .steps = o->steps,
        .optimiser = recipe.optimiser,
        .speed = mn_rule_speed(mn_kernels_best()->name, o->dtype, all, o->device > 0),
        .most_operations = o->device ? MN_RULE_DAY_GPU : MN_RULE_DAY};
    return mn_rule_choose(ret_ask, ret, e);
}

/* For a run that begins. One that goes on with another's stable phase has its optimiser, its batch and its rate. */
static mn_rc choose_plan(const mn_model__run *r, const mn_checkpoint *stable, mn_rule_plan *ret,
                         mn_err *e)
{
    mn_train_opts o = *r->o;
    mn_rule_ask ask;
    mn_buf line;
    mn_recipe recipe;
    mn_model__choose_open(r, &o);
    if (o.stable_of) {
        recipe = stable->recipe;
        recipe.decay = o.recipe ? o.recipe->decay : MN_DECAY_BY_RULE;
        o.recipe = &recipe;
        if (!o.batch_rows) o.batch_rows = (size_t)stable->batch_rows;
        if (!o.row_tokens) o.row_tokens = (size_t)stable->row_tokens;
        if (!(o.peak_lr > 0)) o.peak_lr = stable->schedule.peak;
    }
    const bool there = o.stable_of || o.from_dir;
    MN_TRY(mn_train_plan(&o, r->corpus.train.n_tok, r->corpus.train.text_bytes,
                         mn_tok_vocab(r->corpus.tok), there ? &r->w.cfg : NULL, &ask, ret, e));
    mn_buf_init(&line, 4096);
    mn_rule_say(&ask, ret, &line);
    if (o.on_note && !line.failed) o.on_note(o.arg, line.ptr);
    mn_buf_release(&line);
    return MN_OK;
}

/* Rows of a micro-batch at most: what runs at once. */
static uint64_t most_micro(const mn_checkpoint *at)
{
    uint64_t most = PASS_TOKENS / at->row_tokens ? PASS_TOKENS / at->row_tokens : 1;
    return most < at->batch_rows ? most : at->batch_rows;
}

/* A batch's share for each of the ranks that are there: whole for one alone. The bits depend on it, so it is kept: whoever goes on
 * with the run, or repeats it with --micro, gets the same ones on any number of ranks. */
static mn_rc choose_micro(const mn_train_opts *o, mn_checkpoint *at, mn_err *e)
{
    const uint64_t size = (uint64_t)mn_ranks_size(o->ranks);
    const uint64_t most = most_micro(at), share = (at->batch_rows + size - 1) / size;
    if (o->micro_rows > most)
        return mn_fail(e, MN_E_USAGE, "micro-batches of %zu rows: at most %llu are possible",
                       o->micro_rows, (unsigned long long)most);
    at->micro_rows = o->micro_rows ? o->micro_rows : share < most ? share : most;
    return MN_OK;
}

/* The number of steps that the budget allows, 0 when only time ends the run. Without a budget it is the plan's. */
static uint64_t choose_steps(const mn_model__run *r, const mn_rule_plan *p)
{
    const mn_train_opts *o = r->o;
    const double per_step = (double)(r->at.batch_rows * r->at.row_tokens);
    const double epoch = (double)r->packing.n_rows / (double)r->at.batch_rows;
    uint64_t n = 0, k;
    double epochs = o->epochs, tokens = (double)o->tokens;
    if (!(o->minutes > 0 || epochs > 0 || o->tokens || o->steps)) epochs = p->epochs;
    if (o->steps) n = o->steps;
    if (epochs > 0 && (k = (uint64_t)ceil(epochs * epoch)) && (!n || k < n)) n = k;
    if (tokens > 0 && (k = (uint64_t)ceil(tokens / per_step)) && (!n || k < n)) n = k;
    return n;
}

static void choose_run(mn_model__run *r, const mn_rule_plan *p)
{
    const mn_train_opts *o = r->o;
    mn_checkpoint *at = &r->at;
    *at = (mn_checkpoint){
        .cfg = r->w.cfg, .seed = o->seed, .minutes = o->minutes, .dtype = (uint64_t)o->dtype};
    at->recipe = o->recipe ? *o->recipe : mn_train_recipe(o->from_dir);
    at->recipe.decay = (float)p->decay;
    at->recipe.fall = roundf(at->recipe.fall * 1000) / 1000; /* as a checkpoint keeps it */
    at->row_tokens = p->row_tokens;
    at->batch_rows = p->batch_rows;
    memcpy(at->corpus, r->corpus.hash, 32);
    memcpy(at->tokenizer, r->corpus.tokenizer_hash, 32);
}

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

static mn_rc check_context(const mn_model__run *r, mn_err *e)
{
    const uint32_t T = r->w.cfg.T;
    if (r->o->row_tokens <= T) return MN_OK;
    return mn_fail(e, MN_E_USAGE, "the model reads at most %u tokens, not %zu (--context)", T,
                   r->o->row_tokens);
}

static mn_rc open_new(mn_model__run *r, mn_err *e)
{
    const mn_train_opts *o = r->o;
    mn_checkpoint old;
    mn_rc rc = mn_checkpoint_peek(r->checkpoints, &old, NULL);
    if (rc != MN_E_NOT_FOUND)
        return mn_fail(e, MN_E_EXISTS,
                       "model '%s' is there: --resume goes on with it, --name makes another",
                       r->log->model);
    mn_rule_plan plan;
    mn_checkpoint stable = {0};
    MN_TRY(mn_model__open_base(r, e));
    if (o->stable_of) MN_TRY(mn_model__load_stable(r, &stable, e));
    else if (o->from_dir) MN_TRY(mn_model__load_from(r, e));
    MN_TRY(choose_plan(r, &stable, &plan, e));
    if (!o->stable_of && !o->from_dir) {
        MN_TRY(mn_weights_new(&plan.shape, &r->w, e));
        mn_weights_init(&r->w, o->seed);
    }
    MN_TRY(check_context(r, e));
    choose_run(r, &plan);
    if (o->stable_of) mn_model__go_on_from(r, &stable);
    MN_TRY(choose_micro(o, &r->at, e));
    if (!o->from_dir && !o->stable_of && r->at.recipe.zero_init) mn_weights_zero_outputs(&r->w);
    if (!o->stable_of)
        MN_TRY(mn_optim_new(&r->w, r->at.recipe.optimiser, mn_pool_threads(r->pool), &r->optim,
                            e));
    MN_TRY(mn_model__open_epoch(r, e));
    const uint64_t steps = choose_steps(r, &plan);
    r->at.schedule = mn_schedule_new(plan.rate, steps, (double)r->at.recipe.fall);
    if (o->stable_of) r->at.schedule.rise = 0; /* the moments are there */
    return MN_OK;
}

/* Where there is no checkpoint yet, resuming is beginning. */
static mn_rc open_resumed(mn_model__run *r, mn_err *e)
{
    bool skipped = false;
    mn_checkpoint c;
    mn_rc rc = mn_checkpoint_peek(r->checkpoints, &c, e);
    if (rc == MN_E_NOT_FOUND) return open_new(r, e);
    if (rc != MN_OK) return rc;
    if (c.tune.tuned)
        return mn_fail(e, MN_E_USAGE,
                       "model '%s' was tuned, not trained: go on with mynah tune --resume",
                       r->log->model);
    MN_TRY(mn_weights_new(&c.cfg, &r->w, e));
    MN_TRY(mn_optim_new(&r->w, c.recipe.optimiser, mn_pool_threads(r->pool), &r->optim, e));
    MN_TRY(mn_checkpoint_load(r->checkpoints, &r->at, r->w.all, &r->optim, &skipped, e));
    if (memcmp(r->at.corpus, r->corpus.hash, 32) ||
        memcmp(r->at.tokenizer, r->corpus.tokenizer_hash, 32))
        return mn_fail(e, MN_E_USAGE,
                       "model '%s' was trained on another corpus than '%s': name that one with "
                       "--corpus, or train a new model",
                       r->log->model, r->corpus.name);
    if (!mn_model__has_room(r, &r->at.cfg) || !r->at.batch_rows || !r->at.row_tokens ||
        r->at.row_tokens > r->at.cfg.T || r->at.batch_rows > 4096 ||
        r->at.micro_rows > most_micro(&r->at))
        return mn_fail(e, MN_E_CORRUPT, "the checkpoint of model '%s' is damaged",
                       r->log->model);
    if (!r->at.micro_rows) r->at.micro_rows = most_micro(&r->at);
    const mn_train_replay *replay = r->o->replay;
    if (replay) {
        r->at.schedule = replay->to->schedule;
        r->at.minutes = replay->to->minutes;
        r->at.finished = false;
    }
    memcpy(r->at.previous, r->at.self, 32);
    r->seconds_before = r->at.seconds;
    mn_trainlog_read(r->log, r->o->model_dir, r->at.step);
    if (r->o->replay)
        r->log->n_samples = 0; /* they open with posts of others, and show what was learnt */
    if (skipped && r->o->on_note)
        r->o->on_note(r->o->arg,
                      "the newest checkpoint is damaged: going on from the one before");
    return mn_model__open_epoch(r, e);
}

/* Held-out quality, computed where the training is. */
static mn_rc open_held_out(mn_model__run *r, uint64_t most_tokens, mn_err *e)
{
    const size_t T = (size_t)r->at.row_tokens;
    if (r->gpu)
        MN_TRY(mn_held_out_new_gpu(&r->corpus.val, r->gpu, T, most_tokens, &r->held, e));
    else
        MN_TRY(mn_held_out_new(&r->corpus.val, &r->w, r->pool, T,
                               r->at.dtype ? MN_BF16 : MN_F32, most_tokens, &r->held, e));
    r->has_held = true;
    return MN_OK;
}

static mn_rc open_buffers(mn_model__run *r, mn_err *e)
{
    MN_TRY(mn_model__step_open(r, e));
    if (!r->corpus.has_val || mn_ranks_rank(r->ranks)) return MN_OK;
    return open_held_out(r, EVAL_TOKENS, e);
}

/* Said once: where ranks are too many for the batch. */
static void note_ranks(const mn_model__run *r)
{
    const uint64_t n = (r->at.batch_rows + r->at.micro_rows - 1) / r->at.micro_rows;
    const uint64_t size = (uint64_t)mn_ranks_size(r->ranks);
    char line[200];
    if (size == 1 || !r->o->on_note) return;
    snprintf(line, sizeof line, "%llu ranks, batches of %llu rows in micro-batches of %llu",
             (unsigned long long)size, (unsigned long long)r->at.batch_rows,
             (unsigned long long)r->at.micro_rows);
    r->o->on_note(r->o->arg, line);
    if (n >= size) return;
    snprintf(
        line, sizeof line,
        "%llu ranks have nothing to compute: a larger --batch, or a smaller --micro, gives "
        "them work",
        (unsigned long long)(size - n));
    r->o->on_note(r->o->arg, line);
}

/* What computes, in the place of the CPU's libraries. */
static void describe_gpu(mn_model__run *r, mn_trainlog *l)
{
    const mn_cuda_info *gpu = mn_gpu_info(r->gpu);
    snprintf(r->gpu_name, sizeof r->gpu_name, "cuda sm_%d%d (%s)", gpu->major, gpu->minor,
             gpu->name);
    l->gemm = gpu->products;
    l->kernels = r->gpu_name;
}

static void describe(mn_model__run *r)
{
    mn_trainlog *l = r->log;
    l->corpus = r->corpus.name;
    snprintf(l->corpus_sha256, sizeof l->corpus_sha256, "%s", r->corpus.sha256);
    mn_hex(r->corpus.tokenizer_hash, 32, l->tokenizer_sha256);
    l->preset = r->o->preset ? r->o->preset : "";
    for (const char *const *p = (const char *const[]){"nano", "micro", "small", "base", NULL};
         *p; p++) {
        mn_config c;
        if (mn_config_preset(*p, &c, NULL) == MN_OK && c.C == r->w.cfg.C && c.L == r->w.cfg.L)
            l->preset = *p;
    }
    l->gemm = mn_gemm_backend();
    l->kernels = mn_kernels_best()->name;
    if (r->gpu) describe_gpu(r, l);
    l->params = r->w.n_all;
    l->threads = (uint64_t)mn_pool_threads(r->pool);
    l->dtype = r->at.dtype;
    l->seed = r->at.seed;
    l->masked = r->mask.n;
    mn_hex(r->at.masked, 32, l->masked_sha256);
    l->recipe = &r->at.recipe;
    l->batch_rows = r->at.batch_rows;
    l->row_tokens = r->at.row_tokens;
    l->peak_lr = r->at.schedule.peak;
    l->train_tokens = r->corpus.train.n_tok;
    char line[400];
    snprintf(line, sizeof line,
             "%s: %s, %.1f M parameters, %s; corpus %s, %.2f M tokens; %llu threads, %s, %s",
             l->model, l->preset, (double)l->params / 1e6, r->at.dtype ? "bf16" : "f32",
             l->corpus, (double)l->train_tokens / 1e6, (unsigned long long)l->threads, l->gemm,
             l->kernels);
    if (r->o->on_note) r->o->on_note(r->o->arg, line);
}

/* The compressor's bits per byte of the held-out text, once a training; a picture without it is poorer, not wrong. */
static void measure_baseline(mn_model__run *r)
{
    char path[4096];
    mn_fs_map text;
    mn_err e = {0};
    if (!r->corpus.has_val || r->log->xz_bits_per_byte > 0) return;
    snprintf(path, sizeof path, "%s/val.txt", r->o->corpus_dir);
    mn_rc rc = mn_fs_map_open(path, &text, &e);
    if (rc == MN_OK) {
        mn_str bytes = {(const char *)text.ptr, text.len};
        rc = mn_xz_bits_per_byte(bytes, &r->log->xz_bits_per_byte, &e);
        mn_fs_map_close(&text);
    }
    if (rc != MN_OK && r->o->on_note) r->o->on_note(r->o->arg, e.msg);
}

/* Said before anything is made. */
static mn_rc try_gpu(const mn_model__run *r, mn_err *e)
{
    const mn_cuda_api *api;
    mn_cuda *d;
    if (!r->o->device) return MN_OK;
    MN_TRY(mn_cuda_open(mn_model__gpu_index(r), &api, &d, e));
    api->close(d);
    return MN_OK;
}

/* What every rank opens for itself. */
static mn_rc open_own(mn_model__run *r, mn_err *e)
{
    const mn_train_opts *o = r->o;
    MN_TRY(try_gpu(r, e));
    r->log = mn_alloc(sizeof *r->log);
    if (!r->log) return mn_fail(e, MN_E_NOMEM, "no memory for the log");
    mn_trainlog_init(r->log);
    r->log->model = o->replay ? o->replay->name : mn_fs_base(o->model_dir);
    MN_TRY(mn_model__corpus_open(o->corpus_dir, &r->corpus, e));
    return mn_pool_new(o->threads ? o->threads : mn_ranks_threads(r->ranks), &r->pool, e);
}

/* What rank 0 opens for all: the model's folder and what is in it. */
static mn_rc open_model(mn_model__run *r, mn_err *e)
{
    const mn_train_opts *o = r->o;
    char path[4096];
    r->made_dir = !mn_fs_exists(o->model_dir);
    MN_TRY(mn_fs_mkdirs(o->model_dir, e));
    snprintf(path, sizeof path, "%s/lock", o->model_dir);
    mn_rc rc = mn_fs_lock_take(path, &r->lock, e);
    if (rc == MN_E_BUSY)
        return mn_err_wrap(e, "model '%s' is being trained already; wait for it, or stop it",
                           r->log->model);
    if (rc != MN_OK) return rc;
    r->locked = true;
    if (mn_forget_pending(o->model_dir))
        return mn_fail(e, MN_E_BUSY,
                       "model '%s' was interrupted while it forgot: `mynah forget --model %s` "
                       "goes on with that",
                       r->log->model, r->log->model);
    snprintf(path, sizeof path, "%s/checkpoints", o->model_dir);
    r->checkpoints = mn_strdup(path);
    if (!r->checkpoints) return mn_fail(e, MN_E_NOMEM, "no memory");
    MN_TRY(o->resume ? open_resumed(r, e) : open_new(r, e));
    r->at.threads = (uint64_t)mn_pool_threads(r->pool);
    return mn_model__open_log(r, e);
}

/* All ranks, stage by stage: what goes wrong with one ends all of them with its words. */
static mn_rc open_run(mn_model__run *r, mn_err *e)
{
    const bool leads = mn_ranks_rank(r->ranks) == 0;
    mn_gemm_setup();
    mn_buf_init(&r->docs, 0);
    MN_TRY(mn_ranks_agree(r->ranks, open_own(r, e), e));
    MN_TRY(mn_model__meet(r, e));
    MN_TRY(mn_ranks_agree(r->ranks, leads ? open_model(r, e) : MN_OK, e));
    MN_TRY(mn_model__spread(r, e));
    return mn_ranks_agree(r->ranks, open_buffers(r, e), e);
}

static void close_run(mn_model__run *r)
{
    mn_model__step_close(r);
    if (r->has_held) mn_held_out_release(&r->held);
    mn_packing_release(&r->packing);
    if (r->optim.m) mn_optim_release(&r->optim);
    if (r->full.m) mn_optim_release(&r->full);
    if (r->w.all) mn_weights_release(&r->w);
    if (r->locked) mn_fs_lock_release(&r->lock);
    mn_model__corpus_close(&r->corpus);
    mn_pool_free(r->pool);
    mn_model__close_log(r);
    mn_model_free(r->base);
    mn_free(r->checkpoints);
    mn_free(r->log);
}

/* ---- between steps ---------------------------------------------------------------------------------------------------- */

static double seconds(const mn_model__run *r)
{
    return r->seconds_before + (double)(mn_mono_us() - r->start_us) * 1e-6;
}

static mn_rc checkpoint(mn_model__run *r, mn_err *e)
{
    const int64_t from = mn_mono_us();
    const int history = r->o->history ? r->o->history : MN_CHECKPOINT_HISTORY;
    r->at.seconds = seconds(r);
    r->at.history = history > 0 ? (uint64_t)history : 0;
    const mn_optim *all;
    MN_TRY(mn_model__fetch(r, e));
    MN_TRY(mn_model__flush_log(r, e));
    MN_TRY(mn_model__all_moments(r, &all, e));
    MN_TRY(mn_checkpoint_save(r->checkpoints, &r->at, r->w.all, all, e));
    r->checkpoint_s = (double)(mn_mono_us() - from) * 1e-6;
    r->checkpoints_s += r->checkpoint_s;
    memcpy(r->at.previous, r->at.self, 32);
    mn_hex(r->at.self, 32, r->log->checkpoint_sha256);
    r->checkpoint_us = mn_mono_us();
    r->checkpoint_step = r->at.step;
    r->kept |= r->at.step > 0;
    return MN_OK;
}

static mn_rc write_log(mn_model__run *r, mn_err *e)
{
    r->log->steps_planned = r->at.schedule.n_steps;
    r->log->optimiser_share = r->step_s > 0 ? r->optim_s / r->step_s : 0;
    const double since_start = (double)(mn_mono_us() - r->start_us) * 1e-6;
    r->log->checkpoint_share = since_start > 0 ? r->checkpoints_s / since_start : 0;
    r->log_us = mn_mono_us();
    return mn_trainlog_write(r->log, r->o->model_dir, e);
}

static mn_rc evaluate(mn_model__run *r, mn_err *e)
{
    int64_t from = mn_mono_us();
    MN_TRY(mn_model__fetch(r, e));
    if (r->has_held) {
        double bpb = mn_held_out_bits_per_byte(&r->held);
        if (r->gpu && isnan(bpb))
            return mn_fail(e, MN_E_IO, "the GPU failed while held-out posts were measured");
        mn_trainlog_eval(r->log, r->at.step, bpb);
        if (r->o->on_eval) r->o->on_eval(r->o->arg, r->at.step, bpb);
    }
    if (!r->o->no_samples) {
        mn_sample_point *p = mn_trainlog_sample(r->log, r->at.step);
        const mn_shard *s = r->corpus.has_val ? &r->corpus.val : &r->corpus.train;
        MN_TRY(mn_sample_texts(&r->w, r->pool, r->corpus.tok, s, r->at.seed + r->at.step,
                               MN_SAMPLES, MN_SAMPLE_MAX, p->text[0], p->given, e));
    }
    MN_TRY(mn_model__save_weights(r, e));
    MN_TRY(write_log(r, e));
    r->eval_s = (double)(mn_mono_us() - from) * 1e-6;
    r->eval_at = seconds(r);
    return MN_OK;
}

/* The first minutes are when most is learnt: evaluations at these steps, unless one costs more than an eightieth of the budget. */
static bool early_due(const mn_model__run *r)
{
    static const uint64_t steps[] = {10, 20, 50, 100};
    bool dear = r->at.minutes > 0 && r->eval_s * 80 > r->at.minutes * 60;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !dear; i++)
        if (r->at.step == steps[i]) return r->at.step != r->at.schedule.n_steps;
    return false;
}

/* Seldom enough to cost a twelfth of the time, and not more than some fifteen times in a budget of time. */
static bool evaluation_due(const mn_model__run *r)
{
    if (r->o->replay) return false;
    if (early_due(r)) return true;
    double gap = 12 * r->eval_s, least = r->at.minutes * 60 / 15;
    if (gap < least) gap = least;
    if (gap < 10) gap = 10;
    return seconds(r) - r->eval_at >= gap;
}

/* With a budget of time: fixes the number of steps when the fall must begin, and moves it when the pace has changed by
 * a twentieth of what is left. True when it did: the caller saves a checkpoint. */
static bool fix_end(mn_model__run *r)
{
    mn_schedule *s = &r->at.schedule;
    const double total = r->at.minutes * 60, now = seconds(r);
    if (!(total > 0) || r->o->replay) return false;
    double reserve = r->eval_s * 2 + 1, left = total - now - reserve;
    if (left < 0) left = 0;
    bool falling = s->n_steps && r->at.step >= s->fall_from;
    if (!falling && now < total * (1 - (double)r->at.recipe.fall)) return false;
    double steps_left = left * (double)r->at.step / now;
    uint64_t end = r->at.step + (uint64_t)steps_left;
    if (end <= r->at.step) end = r->at.step + 1;
    if (!falling) {
        if (s->n_steps && s->n_steps < end) return false; /* another budget ends it before */
    } else {
        double planned = (double)(s->n_steps - r->at.step), off = fabs(planned - steps_left);
        if (off < 0.05 * planned + 3 || (mn_mono_us() - r->checkpoint_us) < 15 * 1000000)
            return false;
    }
    mn_schedule_fall(s, r->at.step, end);
    return true;
}

static void note_step(mn_model__run *r, double tokens_per_s)
{
    mn_curve_point p = {.step = r->at.step,
                        .tokens = r->at.tokens,
                        .loss = r->loss,
                        .lr = mn_schedule_rate(&r->at.schedule, r->at.step - 1),
                        .tokens_per_s = tokens_per_s,
                        .seconds = seconds(r)};
    mn_trainlog_point(r->log, &p);
    double share = r->at.schedule.n_steps ? (double)r->at.step / (double)r->at.schedule.n_steps
                                          : p.seconds / (r->at.minutes * 60);
    if (r->o->on_step)
        r->o->on_step(r->o->arg, &p, r->at.schedule.n_steps, share < 1 ? share : 1);
}

/* Seconds between checkpoints: a minute, or a twentieth of a shorter run, so that there are some to go back to; but never so often
 * that they cost more than a hundredth of the time. */
static double checkpoint_gap(const mn_model__run *r)
{
    if (r->o->checkpoint_s > 0) return r->o->checkpoint_s;
    const double steps = (double)r->at.schedule.n_steps, now = seconds(r);
    double gap = CHECKPOINT_S, all = steps * now / (double)r->at.step;
    if (r->at.minutes > 0 && (!(all > 0) || r->at.minutes * 60 < all)) all = r->at.minutes * 60;
    const bool measured = r->checkpoint_s > 0;
    if (measured && all > 0 && all / MN_CHECKPOINT_HISTORY < gap)
        gap = all / MN_CHECKPOINT_HISTORY;
    return gap > 100 * r->checkpoint_s ? gap : 100 * r->checkpoint_s;
}

static mn_rc between_steps(mn_model__run *r, mn_err *e)
{
    bool due = (double)(mn_mono_us() - r->checkpoint_us) * 1e-6 >= checkpoint_gap(r);
    due |= r->at.step == mn_checkpoint_mark(&r->at.schedule);
    if (r->o->checkpoint_steps)
        due |= r->at.step - r->checkpoint_step >= r->o->checkpoint_steps;
    due |= fix_end(r);
    const bool stable = mn_model__note_stable(r);
    const uint64_t counted_from = r->checkpoint_step;
    if (due || stable) MN_TRY(checkpoint(r, e));
    if (!due) r->checkpoint_step = counted_from;
    if (evaluation_due(r)) return evaluate(r, e);
    if (due || mn_mono_us() - r->log_us >= LOG_US) return write_log(r, e);
    return MN_OK;
}

static mn_rc train_steps(mn_model__run *r, mn_err *e)
{
    double pace = 0;
    const mn_train_replay *replay = r->o->replay;
    const uint64_t *end = replay ? &replay->to->step : &r->at.schedule.n_steps;
    while (!*end || r->at.step < *end) {
        if (mn_stop_requested() || r->asked_to_stop) return MN_OK;
        int64_t from = mn_mono_us();
        uint64_t tokens = r->at.tokens;
        MN_TRY(mn_model__lead_step(r, e));
        double took = (double)(mn_mono_us() - from + 1) * 1e-6;
        double now = (double)(r->at.tokens - tokens) / took;
        r->step_s += took;
        pace = pace > 0 ? 0.9 * pace + 0.1 * now : now;
        note_step(r, pace);
        MN_TRY(between_steps(r, e));
    }
    r->at.finished = !replay || replay->to->finished;
    return MN_OK;
}

/* The last evaluation is over as much of the held-out shard as there is, up to FINAL_TOKENS or OPEN_FINAL. */
static mn_rc finish(mn_model__run *r, mn_err *e)
{
    if (r->has_held) {
        mn_held_out_release(&r->held);
        r->has_held = false;
        MN_TRY(open_held_out(r, mn_model__is_open(r) ? OPEN_FINAL : FINAL_TOKENS, e));
    }
    MN_TRY(checkpoint(r, e));
    r->log->state = "done";
    return evaluate(r, e);
}

/* The whole run, once it is open; of several ranks the first. */
static mn_rc lead(mn_model__run *r, mn_train_result *ret, mn_err *e)
{
    const mn_train_opts *o = r->o;
    const bool was_finished = r->at.finished;
    describe(r);
    note_ranks(r);
    measure_baseline(r);
    MN_TRY(mn_model__write_beside(r, e));
    mn_model_free(r->base);
    r->base = NULL;
    if (r->at.step == 0 && !o->replay) MN_TRY(evaluate(r, e));
    if (r->at.step == 0) MN_TRY(mn_model__write_lineage(r, e));
    if (r->at.step == 0) MN_TRY(checkpoint(r, e));
    if (!was_finished) MN_TRY(train_steps(r, e));
    if (r->at.finished) {
        if (!was_finished) MN_TRY(finish(r, e));
    } else {
        r->log->state = "stopped";
        MN_TRY(checkpoint(r, e));
        MN_TRY(mn_model__save_weights(r, e));
        MN_TRY(write_log(r, e));
    }
    *ret = (mn_train_result){.steps = r->at.step,
                             .tokens = r->at.tokens,
                             .seconds = was_finished ? r->seconds_before : seconds(r),
                             .val_bits_per_byte = r->log->val_bits_per_byte,
                             .xz_bits_per_byte = r->log->xz_bits_per_byte,
                             .finished = r->at.finished};
    return MN_OK;
}

mn_rc mn_train_run(const mn_train_opts *o, mn_train_result *ret, mn_err *e)
{
    mn_model__run r = {.o = o, .ranks = o->ranks, .start_us = mn_mono_us()};
    mn_train_result done = {0};
    mn_rc rc = open_run(&r, e);
    r.checkpoint_us = r.log_us = r.start_us;
    r.checkpoint_step = r.at.step;
    if (rc == MN_OK && mn_ranks_rank(r.ranks)) {
        rc = mn_model__serve(&r, e);
        done = (mn_train_result){.steps = r.at.step, .tokens = r.at.tokens};
    } else if (rc == MN_OK) {
        rc = lead(&r, &done, e);
        rc = mn_model__dismiss(&r, rc, e);
    }
    if (rc == MN_OK) *ret = done;
    /* What failed before it had a checkpoint of its own work leaves no half of a model behind; from then on nothing is removed. */
    if (rc != MN_OK && r.made_dir && r.locked && !r.kept) mn_fs_remove_tree(o->model_dir, NULL);
    close_run(&r);
    return rc;
}
