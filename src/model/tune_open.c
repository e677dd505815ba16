/* Opening a tuning: base, data, what is learnt, buffers; and what a run chooses by itself. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/provenance.h"
#include "model/tune_int.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

#define ROW_TOKENS     512
#define ROW_LEAST      128 /* shorter rows would not be faster */
#define BATCH_ROWS     8
#define BATCH_LEAST    2  /* one row is work for one thread alone */
#define STEPS_AN_EPOCH 16 /* at least, when the batch is chosen */
#define EPOCHS         3
#define MEMORY_BYTES   (UINT64_C(2) << 30)
#define HELD_TOKENS    65536 /* evaluated at most, about */
#define EVALS          10    /* in a run, about */
#define RISE           100   /* steps at most until the highest rate */
#define RANK           16

/* ---- choices -------------------------------------------------------------------------------------------------------- */

double mn_tune_rate_for(const mn_config *c, bool full)
{
    double wide = sqrt((double)c->C / 512); /* wider models want smaller steps */
    return (full ? 5e-5 : 1e-3) / (wide > 1 ? wide * wide : 1);
}

static mn_rc check_opts(const mn_tune__run *r, mn_err *e)
{
    const mn_tune_opts *o = r->o;
    const uint32_t T = r->base->cfg.T;
    if (!o->data == !o->corpus_dir)
        return mn_fail(e, MN_E_USAGE, "give data (--data) or a corpus (--corpus) to tune on");
    if (o->row_tokens > T)
        return mn_fail(e, MN_E_USAGE, "the base reads at most %u tokens, not %zu (--context)",
                       T, o->row_tokens);
    if (o->row_tokens == 1 || o->batch_rows > 4096)
        return mn_fail(e, MN_E_USAGE,
                       "a row has at least 2 tokens, and a batch at most 4,096 rows");
    if (o->held_share < 0 || o->held_share > 0.5)
        return mn_fail(e, MN_E_USAGE, "the share that is held out is at most 0.5");
    return MN_OK;
}

static void choose(mn_tune__run *r)
{
    const mn_tune_opts *o = r->o;
    const uint32_t T = r->base->cfg.T, rank = o->rank ? o->rank : RANK;
    r->at = (mn_checkpoint){.cfg = r->base->cfg,
                            .seed = o->seed,
                            .minutes = o->minutes,
                            .dtype = (uint64_t)o->dtype};
    r->at.row_tokens = o->row_tokens ? o->row_tokens : T < ROW_TOKENS ? T : ROW_TOKENS;
    mn_checkpoint_tune *t = &r->at.tune;
    t->tuned = 1;
    t->held_share = o->held_share > 0 ? o->held_share : 0.05;
    if (o->full) return;
    t->rank = rank;
    t->targets = o->targets ? o->targets : MN_LORA_ALL;
    t->alpha = o->alpha > 0 ? (double)o->alpha : 2.0 * rank;
}

/* The number of steps that the budget allows, 0 when only time ends the run. */
static uint64_t choose_steps(const mn_tune__run *r)
{
    const mn_tune_opts *o = r->o;
    const double epoch = (double)r->packing.n_rows / (double)r->at.batch_rows;
    const double epochs = o->epochs > 0 || o->minutes > 0 || o->steps ? o->epochs : EPOCHS;
    uint64_t n = o->steps;
    uint64_t k = epochs > 0 ? (uint64_t)ceil(epochs * epoch) : 0;
    if (epochs > 0 && !k) k = 1;
    return k && (!n || k < n) ? k : n;
}

static void choose_schedule(mn_tune__run *r)
{
    const uint64_t n = choose_steps(r);
    double peak =
        r->o->peak_lr > 0 ? r->o->peak_lr : mn_tune_rate_for(&r->base->cfg, mn_tune__full(r));
    uint64_t rise = n ? n / 10 + 1 : 10;
    if (rise > RISE) rise = RISE;
    r->at.schedule = (mn_schedule){
        .rise = rise, .n_steps = n, .fall_from = n ? rise : 0, .peak = peak, .factor = 1};
    r->at.tune.eval_every = n ? (n + EVALS - 1) / EVALS : 0;
}

static uint64_t longest(const mn_examples *x)
{
    uint64_t most = 0, from = 0;
    for (uint64_t i = 0; i < x->n; from = x->end[i++])
        if (x->end[i] - from > most) most = x->end[i] - from;
    return most;
}

/* Rows no longer than the longest example needs: several short ones keep all threads at work. */
static void shorten_rows(mn_tune__run *r)
{
    uint64_t a = longest(&r->train), b = longest(&r->held), most = a > b ? a : b;
    most = (most + 62) / 64 * 64; /* an example of n tokens takes n - 1 slots */
    if (most < ROW_LEAST) most = ROW_LEAST;
    if (!r->o->row_tokens && most < r->at.row_tokens) r->at.row_tokens = most;
}

static void choose_batch(mn_tune__run *r)
{
    uint64_t rows = r->packing.n_rows / STEPS_AN_EPOCH;
    rows = rows < BATCH_LEAST ? BATCH_LEAST : rows > BATCH_ROWS ? BATCH_ROWS : rows;
    if (rows > r->packing.n_rows) rows = r->packing.n_rows;
    r->at.batch_rows = r->o->batch_rows ? r->o->batch_rows : rows;
}

/* ---- what is learnt ---------------------------------------------------------------------------------------------------- */

static mn_rc make_learnt(mn_tune__run *r, mn_err *e)
{
    const mn_checkpoint_tune *t = &r->at.tune;
    if (mn_tune__full(r)) {
        MN_TRY(mn_weights_from(r->base, &r->w, e));
        r->all = r->w.all, r->n_all = r->w.n_all;
        return mn_optim_new(&r->w, MN_OPTIM_ADAMW, 1, &r->optim, e);
    }
    MN_TRY(mn_lora_new(&r->base->cfg, (uint32_t)t->rank, (float)t->alpha, false,
                       (uint32_t)t->targets, &r->lora, e));
    mn_lora_init(&r->lora, r->at.seed);
    r->all = r->lora.all, r->n_all = r->lora.n_all;
    return mn_optim_new_flat(r->n_all, &r->optim, e);
}

static mn_rc open_new(mn_tune__run *r, mn_err *e)
{
    mn_checkpoint old;
    choose(r);
    if (mn_checkpoint_peek(r->checkpoints, &old, NULL) != MN_E_NOT_FOUND)
        return mn_fail(e, MN_E_EXISTS,
                       "model '%s' is there: --resume goes on with it, --name makes another",
                       r->log->model);
    MN_TRY(mn_tune__read_data(r, e));
    shorten_rows(r);
    MN_TRY(mn_model_hash(r->base, r->at.tune.base, e));
    MN_TRY(mn_tune__open_epoch(r, e));
    choose_batch(r);
    choose_schedule(r);
    return make_learnt(r, e);
}

static bool is_sane(const mn_tune__run *r)
{
    const mn_checkpoint *c = &r->at;
    return c->batch_rows && c->batch_rows <= 4096 && c->row_tokens > 1 &&
           c->row_tokens <= r->base->cfg.T && c->cfg.C == r->base->cfg.C &&
           c->cfg.V == r->base->cfg.V && c->cfg.L == r->base->cfg.L;
}

static mn_rc load(mn_tune__run *r, mn_err *e)
{
    bool skipped = false;
    MN_TRY(mn_checkpoint_load(r->checkpoints, &r->at, r->all, &r->optim, &skipped, e));
    memcpy(r->at.previous, r->at.self, 32);
    r->seconds_before = r->at.seconds;
    r->resumed = true;
    mn_trainlog_read(r->log, r->o->model_dir, r->at.step);
    if (skipped && r->o->on_note)
        r->o->on_note(r->o->arg,
                      "the newest checkpoint is damaged: going on from the one before");
    return mn_tune__open_epoch(r, e);
}

/* Where there is no checkpoint yet, resuming is beginning. */
static mn_rc open_resumed(mn_tune__run *r, mn_err *e)
{
    uint8_t base[32];
    mn_checkpoint c;
    mn_rc rc = mn_checkpoint_peek(r->checkpoints, &c, e);
    if (rc == MN_E_NOT_FOUND) return open_new(r, e);
    if (rc != MN_OK) return rc;
    if (!c.tune.tuned)
        return mn_fail(e, MN_E_USAGE,
                       "model '%s' was trained, not tuned: go on with mynah train --resume",
                       r->log->model);
    r->at = c;
    if (!is_sane(r))
        return mn_fail(e, MN_E_USAGE, "model '%s' was tuned from another base than '%s'",
                       r->log->model, r->o->base);
    MN_TRY(mn_model_hash(r->base, base, e));
    if (memcmp(base, c.tune.base, 32) != 0)
        return mn_fail(e, MN_E_USAGE, "model '%s' was tuned from another base than '%s'",
                       r->log->model, r->o->base);
    MN_TRY(mn_tune__read_data(r, e));
    if (memcmp(r->at.corpus, c.corpus, 32) || memcmp(r->at.tokenizer, c.tokenizer, 32))
        return mn_fail(e, MN_E_USAGE,
                       "model '%s' was tuned on other data than '%s': give that, or tune anew "
                       "under another --name",
                       r->log->model, r->data_name);
    MN_TRY(make_learnt(r, e));
    return load(r, e);
}

/* ---- buffers --------------------------------------------------------------------------------------------------------- */

/* Rows of the batch that one pass takes within the memory: all activations kept if so every thread has work, else most made again.
 * Changes no bit. */
static mn_lora_pass_opts fit_rows(const mn_tune__run *r)
{
    const uint64_t room = r->o->memory_bytes ? r->o->memory_bytes : MEMORY_BYTES;
    const int threads = mn_pool_threads(r->pool);
    const size_t all = (size_t)r->at.batch_rows;
    const size_t least = all < (size_t)threads ? all : (size_t)threads;
    mn_lora_pass_opts o = {.T = (size_t)r->at.row_tokens,
                           .dtype = r->at.dtype ? MN_BF16 : MN_F32,
                           .backward = true};
    for (int again = 0; again < 2; again++) {
        o.again = again;
        for (o.n_rows = all; o.n_rows > 1; o.n_rows--)
            if (mn_lora_pass_bytes(&r->base->cfg, &r->lora, threads, &o) <= room) break;
        if (o.n_rows >= least &&
            (o.n_rows > 1 || mn_lora_pass_bytes(&r->base->cfg, &r->lora, threads, &o) <= room))
            break;
    }
    return o;
}

/* All weights: how many rows are run at once changes the bits, so it hangs on shape and row length alone. */
static size_t full_rows(const mn_tune__run *r)
{
    const mn_config *c = &r->base->cfg;
    const uint64_t kept = 2 * (uint64_t)c->C + 2 * c->F + 2 * (uint64_t)c->H * c->D +
                          2 * (uint64_t)c->KV * c->D + c->H;
    const uint64_t row =
        r->at.row_tokens * 4 * (c->L * kept + 20 * (uint64_t)c->C + 12 * (uint64_t)c->F);
    const uint64_t n = MEMORY_BYTES / row;
    return n < 1 ? 1 : n < r->at.batch_rows ? (size_t)n : (size_t)r->at.batch_rows;
}

static mn_rc open_pass(mn_tune__run *r, mn_err *e)
{
    if (mn_tune__full(r)) {
        r->pass_rows = full_rows(r);
        return mn_pass_new(&r->w, r->pool, r->pass_rows, (size_t)r->at.row_tokens,
                           r->at.dtype ? MN_BF16 : MN_F32, MN_KEEP_ALL, &r->full_pass, e);
    }
    const mn_lora_pass_opts o = fit_rows(r);
    r->pass_rows = o.n_rows;
    r->pass_bytes = mn_lora_pass_bytes(&r->base->cfg, &r->lora, mn_pool_threads(r->pool), &o);
    return mn_lora_pass_new(r->base, &r->lora, r->pool, &o, &r->lora_pass, e);
}

static mn_rc open_buffers(mn_tune__run *r, mn_err *e)
{
    const size_t T = (size_t)r->at.row_tokens, rows = (size_t)r->at.batch_rows;
    MN_TRY(mn_batch_buf_new(rows, T, &r->batch, e));
    r->losses = mn_calloc(rows * T, sizeof *r->losses);
    if (!r->losses) return mn_fail(e, MN_E_NOMEM, "no memory for a batch");
    if (r->held.n) {
        const uint64_t every = (r->held.n_ids + HELD_TOKENS - 1) / HELD_TOKENS;
        MN_TRY(
            mn_pack_ends(r->held.end, r->held.n, T, every, false, 0, 0, &r->held_packing, e));
    }
    return open_pass(r, e);
}

static mn_rc open_folder(mn_tune__run *r, mn_err *e)
{
    const mn_tune_opts *o = r->o;
    mn_arena a;
    mn_arena_init(&a, 0);
    r->made_dir = !mn_fs_exists(o->model_dir);
    mn_rc rc = mn_fs_mkdirs(o->model_dir, e);
    char *lock = mn_fs_join(&a, o->model_dir, "lock");
    char *sub = mn_fs_join(&a, o->model_dir, "checkpoints");
    char *config = mn_fs_join(&a, o->model_dir, "config.json");
    r->checkpoints = sub ? mn_strdup(sub) : NULL;
    if (rc == MN_OK && (!lock || !config || !r->checkpoints))
        rc = mn_fail(e, MN_E_NOMEM, "no memory");
    if (rc == MN_OK) rc = mn_fs_lock_take(lock, &r->lock, e);
    r->locked = rc == MN_OK;
    if (rc == MN_E_BUSY)
        mn_err_wrap(e, "model '%s' is being tuned already; wait for it, or stop it",
                    r->log->model);
    if (rc == MN_OK && mn_fs_exists(config) && !mn_fs_is_dir(sub))
        rc = mn_fail(e, MN_E_EXISTS, "model '%s' is there already: --name makes another",
                     r->log->model);
    mn_arena_release(&a);
    return rc;
}

/* "q_proj,v_proj" */
static void name_targets(mn_tune__run *r)
{
    size_t n = 0;
    for (int t = 0; t < MN_LORA_TARGETS && r->at.tune.rank; t++)
        if (r->at.tune.targets >> t & 1)
            n += (size_t)snprintf(r->targets + n, sizeof r->targets - n, "%s%s", n ? "," : "",
                                  mn_lora_module((mn_lora_target)t));
}

/* checkpoints/run.json: what resuming must be given again, for commands that look it up. */
static mn_rc note_sources(const mn_tune__run *r, mn_err *e)
{
    const mn_tune_opts *o = r->o;
    mn_arena a;
    mn_buf b;
    mn_json_writer w;
    mn_arena_init(&a, 0);
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "base", o->base);
    mn_jw_kstrz(&w, "base_name", r->base_name);
    mn_jw_kstrz(&w, o->data ? "data" : "corpus", o->data ? o->data : o->corpus_dir);
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    const char *path = mn_fs_join(&a, r->checkpoints, "run.json");
    mn_rc rc = path && !b.failed ? mn_fs_mkdirs(r->checkpoints, e)
                                 : mn_fail(e, MN_E_NOMEM, "no memory");
    if (rc == MN_OK) rc = mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    mn_arena_release(&a);
    return rc;
}

static void describe(mn_tune__run *r)
{
    mn_trainlog *l = r->log;
    mn_checkpoint_tune *t = &r->at.tune;
    l->corpus = r->data_name;
    mn_hex(r->at.corpus, 32, l->corpus_sha256);
    mn_hex(r->at.tokenizer, 32, l->tokenizer_sha256);
    l->preset = "";
    l->gemm = mn_gemm_backend();
    l->kernels = mn_kernels_best()->name;
    l->params = r->n_all;
    l->threads = (uint64_t)mn_pool_threads(r->pool);
    l->dtype = r->at.dtype;
    l->seed = r->at.seed;
    l->train_tokens = r->train.n_ids;
    mn_hex(t->base, 32, r->note.base_sha256);
    mn_hex(r->at.corpus, 32, r->note.data_sha256);
    r->note.tuned_from = r->base_name, r->note.data = r->data_name;
    r->note.rank = t->rank, r->note.alpha = t->alpha;
    name_targets(r);
    r->note.targets = r->targets;
    r->note.base_params = mn_config_params(&r->base->cfg);
    r->note.train_examples = r->train.n, r->note.held_examples = r->held.n;
}

static void tell(const mn_tune__run *r)
{
    char line[400], what[80];
    if (!r->o->on_note) return;
    if (mn_tune__full(r)) snprintf(what, sizeof what, "all weights");
    else snprintf(what, sizeof what, "an adapter of rank %u", r->lora.rank);
    snprintf(line, sizeof line,
             "%s: %s of %s, %.2f M parameters, %s; %llu examples, %llu held out; rows of %llu "
             "tokens, %llu a step, %llu MB for passes; %llu threads, %s, %s",
             r->log->model, what, r->base_name, (double)r->n_all / 1e6,
             r->at.dtype ? "bf16" : "f32", (unsigned long long)r->train.n,
             (unsigned long long)r->held.n, (unsigned long long)r->at.row_tokens,
             (unsigned long long)r->at.batch_rows, (unsigned long long)r->pass_bytes >> 20,
             (unsigned long long)r->log->threads, r->log->gemm, r->log->kernels);
    r->o->on_note(r->o->arg, line);
}

mn_rc mn_tune__open(mn_tune__run *r, mn_err *e)
{
    const mn_tune_opts *o = r->o;
    r->log = mn_alloc(sizeof *r->log);
    if (!r->log) return mn_fail(e, MN_E_NOMEM, "no memory for the log");
    mn_trainlog_init(r->log);
    r->log->model = mn_fs_base(o->model_dir);
    r->log->tune = &r->note;
    r->base_name = o->base_name ? o->base_name : mn_fs_base(o->base);
    MN_TRY(mn_model_open(o->base, &r->base, e));
    MN_TRY(check_opts(r, e));
    MN_TRY(mn_chat_coder_new(r->base, &r->coder, e));
    MN_TRY(open_folder(r, e));
    MN_TRY(o->resume ? open_resumed(r, e) : open_new(r, e));
    MN_TRY(mn_pool_new(o->threads, &r->pool, e));
    r->at.threads = (uint64_t)mn_pool_threads(r->pool);
    mn_gemm_setup();
    MN_TRY(open_buffers(r, e));
    MN_TRY(note_sources(r, e));
    describe(r);
    tell(r);
    return MN_OK;
}

void mn_tune__close(mn_tune__run *r)
{
    mn_lora_pass_free(r->lora_pass);
    mn_pass_free(r->full_pass);
    mn_batch_buf_release(&r->batch);
    mn_packing_release(&r->packing);
    mn_packing_release(&r->held_packing);
    mn_free(r->losses);
    if (r->optim.m) mn_optim_release(&r->optim);
    if (r->w.all) mn_weights_release(&r->w);
    mn_lora_release(&r->lora);
    mn_examples_release(&r->train);
    mn_examples_release(&r->held);
    mn_chat_coder_free(r->coder);
    mn_model_free(r->base);
    if (r->locked) mn_fs_lock_release(&r->lock);
    mn_pool_free(r->pool);
    mn_free(r->checkpoints);
    mn_free(r->log);
}
