/* What a tuning leaves: the best so far, and at the end adapter, merged model, origin and card. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/card.h"
#include "model/export.h"
#include "model/open_int.h"
#include "model/provenance.h"
#include "model/safetensors.h"
#include "model/tensors.h"
#include "model/tune_int.h"

/* ---- the best so far ------------------------------------------------------------------------------------------------ */

static const char best_magic[8] = "MNBEST1\n";

static char *best_path(const mn_tune__run *r, mn_arena *a, uint64_t step)
{
    char name[48];
    snprintf(name, sizeof name, "best-%010llu.mnb", (unsigned long long)step);
    return mn_fs_join(a, r->checkpoints, name);
}

mn_rc mn_tune__keep_best(mn_tune__run *r, mn_err *e)
{
    uint8_t sum[32];
    mn_arena a;
    mn_arena_init(&a, 0);
    const size_t n = (size_t)r->n_all * sizeof *r->all;
    const char *path = best_path(r, &a, r->at.step);
    mn_sha256_of(r->all, n, sum);
    const mn_st_piece pieces[] = {{best_magic, sizeof best_magic}, {r->all, n}, {sum, 32}};
    mn_rc rc = mn_fs_mkdirs(r->checkpoints, e);
    if (rc == MN_OK && !path) rc = mn_fail(e, MN_E_NOMEM, "no memory");
    if (rc == MN_OK) rc = mn_st_write_pieces(path, pieces, 3, e);
    mn_arena_release(&a);
    return rc;
}

void mn_tune__drop_best(const mn_tune__run *r)
{
    mn_arena a;
    char **names = NULL;
    size_t n = 0;
    mn_arena_init(&a, 0);
    const char *keep = best_path(r, &a, r->at.tune.best_step);
    if (keep && mn_fs_list(r->checkpoints, &a, &names, &n, NULL) == MN_OK)
        for (size_t i = 0; i < n; i++) {
            char *path = mn_fs_join(&a, r->checkpoints, names[i]);
            if (path && mn_str_starts(mn_str_from(names[i]), "best-") &&
                strcmp(path, keep) != 0)
                unlink(path); /* one that stays is only space */
        }
    mn_arena_release(&a);
}

mn_rc mn_tune__take_best(mn_tune__run *r, mn_err *e)
{
    uint8_t sum[32];
    mn_arena a;
    mn_fs_map map = {0};
    mn_arena_init(&a, 0);
    const size_t n = (size_t)r->n_all * sizeof *r->all;
    const char *path = best_path(r, &a, r->at.tune.best_step);
    mn_rc rc = path ? mn_fs_map_open(path, &map, e) : mn_fail(e, MN_E_NOMEM, "no memory");
    if (rc == MN_OK) {
        bool whole = map.len == sizeof best_magic + n + 32 &&
                     memcmp(map.ptr, best_magic, sizeof best_magic) == 0;
        if (whole) mn_sha256_of(map.ptr + sizeof best_magic, n, sum);
        if (!whole || memcmp(sum, map.ptr + sizeof best_magic + n, 32) != 0)
            rc = mn_fail(e, MN_E_CORRUPT, "'%s' is damaged; tune anew", path);
        else memcpy(r->all, map.ptr + sizeof best_magic, n);
    }
    if (map.ptr) mn_fs_map_close(&map);
    mn_arena_release(&a);
    return rc;
}

/* ---- a folder that is a model ------------------------------------------------------------------------------------------ */

/* What is made, of what, and where. */
typedef struct facts {
    mn_provenance is;
    const char *dir;
} facts;

/* Instead of the base's, which came with its tokenizer. */
static mn_rc write_card(const facts *f, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    const char *path = mn_fs_join(&a, f->dir, "README.md");
    if (path) unlink(path);
    mn_rc rc =
        path ? mn_card_write(f->dir, NULL, NULL, e) : mn_fail(e, MN_E_NOMEM, "no memory");
    mn_arena_release(&a);
    return rc;
}

/* The numbers of m as a folder; positions that config.json cannot say make it a GGUF file in the folder. */
static mn_rc write_numbers(const mn_model *m, const char *dir, mn_qtype type, mn_err *e)
{
    static const char *const stale[] = {"model.safetensors", "model.gguf", "config.json"};
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_rc rc = MN_OK;
    for (size_t i = 0; i < sizeof stale / sizeof *stale; i++) {
        const char *path = mn_fs_join(&a, dir, stale[i]);
        if (path) unlink(path);
    }
    if (m->map->stretch) {
        const char *path = mn_fs_join(&a, dir, "model.gguf");
        rc = path ? mn_model_export_gguf(m, path, (uint32_t)type, e)
                  : mn_fail(e, MN_E_NOMEM, "no memory to write the model");
    } else {
        rc = mn_model_export_folder(m, dir, type, e);
    }
    mn_arena_release(&a);
    return rc;
}

static mn_rc write_model(const facts *f, const mn_model *m, mn_qtype type, mn_err *e)
{
    MN_TRY(write_numbers(m, f->dir, type, e));
    MN_TRY(mn_provenance_write(&f->is, f->dir, e));
    return write_card(f, e);
}

static mn_qtype type_for(const mn_model *base, mn_qtype wish)
{
    const mn_qtype own = base->layers[0].wq.type;
    if (wish != MN_TUNE_TYPE_BASE) return wish;
    return mn_qformat_of(own)->block == 1 ? own : MN_Q_F16;
}

/* The base with views onto w, which has been tuned. */
static mn_rc write_full(const facts *f, const mn_weights *w, mn_qtype type, mn_err *e)
{
    mn_tensor t;
    mn_model m = *f->is.base;
    const float *at = w->all;
    m.layers = mn_calloc(m.cfg.L, sizeof *m.layers);
    if (!m.layers) return mn_fail(e, MN_E_NOMEM, "no memory to write the model");
    m.head = (mn_tensor_view){0};
    for (uint64_t i = 0; mn_tensor_at(&m.cfg, i, &t); i++) {
        *mn_model__view(&m, &t) = (mn_tensor_view){.type = MN_Q_F32,
                                                   .rows = t.rows,
                                                   .cols = t.cols,
                                                   .data = (const uint8_t *)(const void *)at};
        at += (size_t)t.rows * (t.cols ? t.cols : 1);
    }
    mn_rc rc = write_model(f, &m, type, e);
    mn_free(m.layers);
    return rc;
}

static mn_rc write_merged(const facts *f, const mn_lora *a, mn_qtype type, mn_pool *pool,
                          mn_err *e)
{
    mn_model *m;
    MN_TRY(mn_adapter_merge(f->is.base, a, type, pool, &m, e));
    mn_rc rc = write_model(f, m, type, e);
    mn_adapter_merge_free(m);
    return rc;
}

/* ---- at the end ---------------------------------------------------------------------------------------------------------- */

/* In a folder of its own: beside a config.json, transformers would add the adapter to weights that have it already. */
static mn_rc save_adapter(const mn_tune__run *r, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    const char *dir = mn_fs_join(&a, r->o->model_dir, "adapter");
    mn_rc rc = dir ? mn_fs_mkdirs(dir, e) : mn_fail(e, MN_E_NOMEM, "no memory");
    if (rc == MN_OK) rc = mn_adapter_save(&r->lora, r->base_name, dir, e);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_tune__hand_over(mn_tune__run *r, mn_err *e)
{
    char how[256];
    const mn_checkpoint_tune *t = &r->at.tune;
    facts f = {.is = {.base = r->base,
                      .base_name = r->base_name,
                      .verb = "tuned",
                      .kind = "data",
                      .data = r->data_name,
                      .how = how},
               .dir = r->o->model_dir};
    const uint64_t step = r->held.n ? t->best_step : r->at.step;
    memcpy(f.is.base_hash, t->base, 32);
    memcpy(f.is.data_hash, r->at.corpus, 32);
    const mn_qtype type = type_for(r->base, r->o->type);
    if (r->held.n && t->best_step != r->at.step) MN_TRY(mn_tune__take_best(r, e));
    if (mn_tune__full(r)) {
        snprintf(how, sizeof how, "all weights, %llu steps", (unsigned long long)step);
        return write_full(&f, &r->w, type, e);
    }
    snprintf(how, sizeof how, "LoRA of rank %u, alpha %g, on %s, %llu steps", r->lora.rank,
             (double)r->lora.alpha, r->targets, (unsigned long long)step);
    MN_TRY(save_adapter(r, e));
    return write_merged(&f, &r->lora, type, r->pool, e);
}

mn_rc mn_tune_merge(const char *base, const char *base_name, const char *adapter,
                    const char *dir, mn_qtype type, int threads, mn_err *e)
{
    mn_arena a;
    mn_lora lora = {0};
    mn_str named;
    mn_pool *pool = NULL;
    mn_model *m = NULL;
    facts f = {.is = {.base_name = base_name ? base_name : mn_fs_base(base),
                      .verb = "tuned",
                      .how = "an adapter (LoRA), merged"},
               .dir = dir};
    mn_arena_init(&a, 0);
    const char *config = mn_fs_join(&a, dir, "config.json");
    mn_rc rc = config && !mn_fs_exists(config)
                   ? mn_model_open(base, &m, e)
                   : mn_fail(e, MN_E_EXISTS, "'%s' holds a model already", dir);
    if (rc == MN_OK) rc = mn_adapter_load(adapter, &m->cfg, &a, &lora, &named, e);
    if (rc == MN_OK) rc = mn_model_hash(m, f.is.base_hash, e);
    if (rc == MN_OK) rc = mn_pool_new(threads, &pool, e);
    if (rc == MN_OK) rc = mn_fs_mkdirs(dir, e);
    f.is.base = m;
    if (rc == MN_OK) rc = write_merged(&f, &lora, type_for(m, type), pool, e);
    mn_pool_free(pool);
    mn_lora_release(&lora);
    mn_model_free(m);
    mn_arena_release(&a);
    return rc;
}
