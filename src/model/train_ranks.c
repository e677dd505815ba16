/* A training of several ranks: rank 0 leads. It opens or resumes the run as one rank alone would, hands it to the others, and from then on tells them what
 * to do next; it alone writes to the model's folder. The others need the corpus and nothing else. Every rank ends with the
 * same result. docs/design/scale.md. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "model/train_int.h"
#include "tensor/gemm.h"
#include "tensor/kernels.h"

/* ---- are we the same? ------------------------------------------------------------------------------------------------- */

enum { CORPUS, TOKENIZER, PROGRAM, PRESET, BUDGET, SEED, DTYPE, BATCH, RATE, RECIPE, N_FIELDS };
static const char *const what[N_FIELDS] = {
    "corpus", "tokenizer",      "arithmetic", "preset",        "budget",
    "seed",   "type (--dtype)", "batch",      "learning rate", "recipe of learning"};

typedef struct hello {
    char field[N_FIELDS][96];
} hello;

/* A corpus is what its manifest lists: the files were checked against it. */
static mn_rc say_corpus(const mn_model__run *r, char *ret, size_t n, mn_err *e)
{
    char path[4096], hex[65];
    uint8_t hash[32];
    snprintf(path, sizeof path, "%s/manifest.json", r->o->corpus_dir);
    MN_TRY(mn_sha256_file(path, hash, e));
    snprintf(ret, n, "'%.40s' of hash %.16s", r->corpus.name, mn_hex(hash, 32, hex));
    return MN_OK;
}

static mn_rc say_hello(const mn_model__run *r, hello *ret, mn_err *e)
{
    const mn_train_opts *o = r->o;
    const mn_recipe recipe = o->recipe ? *o->recipe : mn_train_recipe(o->from_dir);
    const size_t n = sizeof ret->field[0];
    char hex[65];
    memset(ret, 0, sizeof *ret);
    MN_TRY(say_corpus(r, ret->field[CORPUS], n, e));
    snprintf(ret->field[TOKENIZER], n, "%.16s", mn_hex(r->corpus.tokenizer_hash, 32, hex));
    snprintf(ret->field[PROGRAM], n, "%.50s, %.30s%s", mn_gemm_backend(),
             mn_kernels_best()->name, o->device ? ", a GPU" : "");
    snprintf(ret->field[PRESET], n, "%.40s", o->preset ? o->preset : "by the corpus' size");
    snprintf(ret->field[BUDGET], n, "%g minutes, %g epochs, %llu tokens, %llu steps%s",
             o->minutes, o->epochs, (unsigned long long)o->tokens, (unsigned long long)o->steps,
             o->resume ? ", --resume" : "");
    snprintf(ret->field[SEED], n, "%llu", (unsigned long long)o->seed);
    snprintf(ret->field[DTYPE], n, "%s", o->dtype == MN_BF16 ? "bf16" : "f32");
    snprintf(ret->field[BATCH], n, "%zu rows of %zu tokens in micro-batches of %zu",
             o->batch_rows, o->row_tokens, o->micro_rows);
    snprintf(ret->field[RATE], n, "%g", o->peak_lr);
    snprintf(ret->field[RECIPE], n, "%016llx", (unsigned long long)mn_recipe_pack(&recipe));
    return MN_OK;
}

/* On rank 0. */
static mn_rc compare(const hello *all, int size, mn_err *e)
{
    for (int k = 1; k < size; k++)
        for (int f = 0; f < N_FIELDS; f++)
            if (strcmp(all[k].field[f], all[0].field[f]) != 0)
                return mn_fail(e, MN_E_USAGE,
                               "rank %d has another %s than rank 0 (%s, not %s): give every "
                               "rank the same command and the same files",
                               k, what[f], all[k].field[f], all[0].field[f]);
    return MN_OK;
}

mn_rc mn_model__meet(mn_model__run *r, mn_err *e)
{
    const int size = mn_ranks_size(r->ranks), me = mn_ranks_rank(r->ranks);
    hello own, *all = NULL;
    if (!r->ranks) return MN_OK;
    mn_rc rc = say_hello(r, &own, e);
    if (rc == MN_OK && !me && !(all = mn_calloc((size_t)size, sizeof *all)))
        rc = mn_fail(e, MN_E_NOMEM, "no memory for ranks");
    rc = mn_ranks_agree(r->ranks, rc, e);
    if (rc == MN_OK) rc = mn_ranks_gather(r->ranks, &own, sizeof own, all, e);
    if (rc == MN_OK) rc = mn_ranks_agree(r->ranks, me ? MN_OK : compare(all, size, e), e);
    mn_free(all);
    return rc;
}

/* ---- the run, from rank 0 to the others ------------------------------------------------------------------------------- */

/* On GPUs each rank steps all weights: nothing is moved for a checkpoint. */
static mn_rc make_whole(mn_model__run *r, mn_err *e)
{
    if (!mn_ranks_rank(r->ranks)) return MN_OK;
    MN_TRY(mn_weights_new(&r->at.cfg, &r->w, e));
    return mn_optim_new(&r->w, r->at.recipe.optimiser, mn_pool_threads(r->pool), &r->optim, e);
}

static mn_rc spread_moments(mn_model__run *r, mn_err *e)
{
    const size_t bytes = (size_t)r->w.n_all * sizeof(float);
    MN_TRY(mn_ranks_broadcast(r->ranks, r->optim.m, bytes, e));
    return mn_ranks_broadcast(r->ranks, r->optim.v, bytes, e);
}

/* Rank 0 keeps all moments, for checkpoints, beside those of its slice. */
static mn_rc make_slice(mn_model__run *r, mn_err *e)
{
    if (r->o->device) return make_whole(r, e);
    const size_t me = (size_t)mn_ranks_rank(r->ranks), size = (size_t)mn_ranks_size(r->ranks);
    if (me) MN_TRY(mn_weights_new(&r->at.cfg, &r->w, e));
    else r->full = r->optim, r->optim = (mn_optim){0};
    return mn_optim_new_slice(&r->w, r->at.recipe.optimiser, mn_pool_threads(r->pool), me, size,
                              &r->optim, e);
}

/* The moments of all slices, to rank 0 or from it. */
static mn_rc move_moments(mn_model__run *r, bool to_0, mn_err *e)
{
    mn_optim *o = &r->optim, *full = &r->full;
    const size_t size = (size_t)mn_ranks_size(r->ranks), bytes = (size_t)o->n_own * 4;
    mn_ranks_set set = {0};
    mn_rc rc = MN_OK;
    for (int i = 0; i < 2 && mn_ranks_rank(r->ranks); i++) {
        float *own = i ? o->v : o->m;
        if (rc == MN_OK)
            rc = to_0 ? mn_ranks_send(r->ranks, &set, 0, own, bytes, e)
                      : mn_ranks_recv(r->ranks, &set, 0, own, bytes, e);
    }
    for (size_t k = 1; k < size && !mn_ranks_rank(r->ranks); k++)
        for (int i = 0; i < 2 && rc == MN_OK; i++) {
            uint64_t from = o->cut[mn_optim_slice_from(o, k, size)];
            uint64_t end = o->cut[mn_optim_slice_from(o, k + 1, size)];
            float *there = (i ? full->v : full->m) + from;
            const size_t n = (size_t)(end - from) * sizeof *there;
            rc = to_0 ? mn_ranks_recv(r->ranks, &set, (int)k, there, n, e)
                      : mn_ranks_send(r->ranks, &set, (int)k, there, n, e);
        }
    if (rc == MN_OK) rc = mn_ranks_wait(r->ranks, &set, e);
    mn_ranks_set_release(&set);
    if (rc != MN_OK || mn_ranks_rank(r->ranks)) return rc;
    for (int i = 0; i < 2; i++) {
        float *own = i ? o->v : o->m, *there = (i ? full->v : full->m) + o->from;
        memcpy(to_0 ? there : own, to_0 ? own : there, bytes);
    }
    return MN_OK;
}

static mn_rc spread_mask(mn_model__run *r, mn_err *e)
{
    mn_rc rc = MN_OK;
    uint64_t n = r->mask.n;
    MN_TRY(mn_ranks_broadcast(r->ranks, &n, sizeof n, e));
    if (mn_ranks_rank(r->ranks) && n) {
        r->mask.doc = mn_calloc((size_t)n, sizeof *r->mask.doc);
        if (!r->mask.doc) rc = mn_fail(e, MN_E_NOMEM, "no memory for ranks");
        else r->mask.n = n;
    }
    MN_TRY(mn_ranks_agree(r->ranks, rc, e));
    return n ? mn_ranks_broadcast(r->ranks, r->mask.doc, (size_t)n * sizeof *r->mask.doc, e)
             : MN_OK;
}

mn_rc mn_model__spread(mn_model__run *r, mn_err *e)
{
    if (!r->ranks) return MN_OK;
    MN_TRY(mn_ranks_broadcast(r->ranks, &r->at, sizeof r->at, e));
    MN_TRY(mn_ranks_agree(r->ranks, make_slice(r, e), e));
    MN_TRY(spread_mask(r, e));
    MN_TRY(mn_ranks_broadcast(r->ranks, r->w.all, (size_t)r->w.n_all * sizeof(float), e));
    MN_TRY(r->o->device ? spread_moments(r, e) : move_moments(r, false, e));
    mn_rc rc = mn_ranks_rank(r->ranks) ? mn_model__open_epoch(r, e) : MN_OK;
    return mn_ranks_agree(r->ranks, rc, e);
}

/* ---- leading ---------------------------------------------------------------------------------------------------------- */

typedef struct plan {
    uint64_t todo;
    mn_schedule schedule;
} plan;

static mn_rc tell(mn_model__run *r, mn_model__todo todo, mn_err *e)
{
    plan p;
    memset(&p, 0, sizeof p);
    p.todo = todo;
    p.schedule = r->at.schedule;
    return mn_ranks_broadcast(r->ranks, &p, sizeof p, e);
}

mn_rc mn_model__lead_step(mn_model__run *r, mn_err *e)
{
    if (r->ranks) MN_TRY(tell(r, MN_TODO_STEP, e));
    return mn_model__step(r, e);
}

mn_rc mn_model__all_moments(mn_model__run *r, const mn_optim **ret, mn_err *e)
{
    const bool sliced = r->ranks && !r->o->device;
    *ret = sliced ? &r->full : &r->optim;
    if (!sliced) return MN_OK;
    r->in_step = true;
    MN_TRY(tell(r, MN_TODO_MOMENTS, e));
    MN_TRY(move_moments(r, true, e));
    r->in_step = false;
    return MN_OK;
}

mn_rc mn_model__dismiss(mn_model__run *r, mn_rc rc, mn_err *e)
{
    if (!r->ranks || r->in_step) return rc;
    mn_err why = {0};
    mn_rc told = tell(r, MN_TODO_END, &why);
    if (told == MN_OK) return mn_ranks_agree(r->ranks, rc, e);
    if (rc == MN_OK) *e = why;
    return rc == MN_OK ? told : rc;
}

mn_rc mn_model__serve(mn_model__run *r, mn_err *e)
{
    for (;;) {
        plan p;
        MN_TRY(mn_ranks_broadcast(r->ranks, &p, sizeof p, e));
        if (p.todo == MN_TODO_END) return mn_ranks_agree(r->ranks, MN_OK, e);
        r->at.schedule = p.schedule;
        mn_rc rc = p.todo == MN_TODO_STEP ? mn_model__step(r, e) : move_moments(r, true, e);
        /* a loss that is not a number: rank 0 says so */
        if (rc != MN_OK && (rc != MN_E_LIMIT || r->in_step)) return rc;
    }
}
